"""Losses between all pairs of samples, in little memory."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rdtf import losses, storage, viz
from rdtf.status import InputError

_BLOCK = 32  # samples whose spectra are in memory at once


def sample_features(fields: np.ndarray, loss: str) -> np.ndarray:
    """Features `[n, m]` of fields `[n, *grid]`, whose mean square difference is `loss`.

    Args:
      fields: float64.
      loss: a name of `rdtf.losses.FEATURES`.
    """
    if loss not in losses.FEATURES:
        raise InputError(
            f"Expected a loss among {', '.join(losses.FEATURES)}, got {loss!r}."
        )
    blocks = [
        losses.FEATURES[loss](tf.constant(fields[i : i + _BLOCK])).numpy()
        for i in range(0, len(fields), _BLOCK)
    ]
    return np.concatenate(blocks)


def pair_losses(features: np.ndarray) -> np.ndarray:
    """mean (f_i - f_j)² for all pairs, `[n, n]`, from features `[n, m]`.

    By |f_i|² + |f_j|² - 2 f_i·f_j of the centred features: one matrix product and no
    array of `[n, n, m]`. Symmetric, with an exact zero diagonal; elsewhere the rounding
    error is about 1e-16 of the features' variance.
    """
    centred = features - features.mean(axis=0)
    gram = centred @ centred.T
    squares = np.diag(gram)
    distance = squares[:, np.newaxis] + squares - (gram + gram.T)
    np.fill_diagonal(distance, 0.0)
    return np.maximum(distance, 0.0) / features.shape[1]


def write_pairs(
    directory, fields: np.ndarray, names: Sequence[str], targets: str
) -> list[pathlib.Path]:
    """Writes the losses of all pairs, pairs.npz, and a picture of each, pairs_LOSS.png.

    Args:
      directory: where they go.
      fields: the samples, `[n, *grid]`.
      names: of the losses, of `rdtf.losses.FEATURES`.
      targets: the file of the samples, noted in pairs.npz.

    Returns:
      The paths of the pictures.
    """
    directory = pathlib.Path(directory)
    matrices = {name: pair_losses(sample_features(fields, name)) for name in names}
    with storage.atomic(directory / "pairs.npz") as temporary:
        np.savez_compressed(temporary, **matrices, targets=json.dumps(targets))
    paths = []
    for name, matrix in matrices.items():
        paths.append(directory / f"pairs_{name}.png")
        title, label = f"{len(matrix)} samples: all pairs", name.replace("_", " ")
        viz.heatmap(paths[-1], matrix, title=title, value_label=label)
    return paths
