"""A velocity beside the truth: its field, the statistics it keeps, and its rollouts."""

from collections.abc import Callable

import numpy as np

from rdtf import models, patterns
from rdtf.dynamics import flows, libraries, residual, rollouts, snapshots, stein
from rdtf.dynamics.library_velocity import LibraryVelocity
from rdtf.dynamics.velocity import Velocity
from rdtf.generative import evaluation, quality
from rdtf.generative.networks import Network

_BATCH = 16


def evaluate(
    velocity: Velocity,
    data: patterns.DataSet,
    num_runs: int,
    long: int = 0,
    network: Network | None = None,
    watch: Callable = lambda steps: steps,
) -> tuple[dict, dict]:
    """Numbers and rollouts of a velocity beside the truth.

    The true equation, where it is known, is integrated as the velocity is: by RK4 with
    the 5-point Laplacian, in steps as long as its stability allows; so its errors are
    those of steps that differ from those that made the data, and of float32.

    Args:
      velocity: of the species of the data, with a unit of time.
      data: with frames; the first of each run is where rollouts start.
      num_runs: the first so many.
      long: frames of a rollout that is compared by its statistics; 0: none.
      network: a denoiser of such patterns, for `residual.measure`.
      watch: wraps the loop over those frames.

    Returns:
      (numbers, runs: name -> states `[n, frames, y, x, species]`, "truth" first).
    """
    frames = snapshots.in_units(data)[:num_runs]
    interval = data.metadata["every"] * data.metadata["time_step"]
    start, truth = frames[:, 0], frames[:, 1:]
    movers = {"velocity": velocity}
    true = true_velocity(data)
    if true is not None:
        movers["true equation"] = true
    runs = {"truth": truth}
    for name, mover in movers.items():
        runs[name] = rollouts.rollout(mover, start, interval, truth.shape[1])
    runs["persistence"] = np.broadcast_to(start[:, None], truth.shape)
    result = {"runs": len(frames), "interval": interval}
    result["blown_up"] = _blown_up(runs["velocity"])
    for name in list(runs)[1:]:
        kept = rollouts.correlated_frames(runs[name], truth)
        result[name] = {
            "vrmse": [vars(row) for row in rollouts.errors(runs[name], truth)],
            "by_frame": rollouts.error_by_frame(runs[name], truth).tolist(),
            "correlated": float(np.median(kept)) * interval,
        }
    fields = {name: flows.evaluate(mover, start) for name, mover in movers.items()}
    slopes = {name: stein_t(start, field) for name, field in fields.items()}
    result["largest_stein_t"] = {n: float(np.abs(t).max()) for n, t in slopes.items()}
    if network is not None:
        result["residual"] = residual.measure(movers, network, start)
    if true is not None:
        result["field"] = flows.compare(
            fields["velocity"], fields["true equation"], True
        )
        result["field"] |= by_wavenumber(fields["velocity"], fields["true equation"])
        if long:
            result["long"] = _long(movers, start, interval, long, watch)
    return result, runs


def true_velocity(data: patterns.DataSet) -> LibraryVelocity | None:
    """The equation that made a data set as a velocity; None if it is not known."""
    if data.metadata["model"] not in models.MODELS:
        return None
    (preset,) = data.metadata["presets"]
    model = models.get(data.metadata["model"])
    library, _ = libraries.of_model(model)
    velocity = LibraryVelocity(library.terms)
    params = data.metadata["params"][preset]
    velocity.set_coefficients(libraries.truth(library, model, params))
    return velocity


def by_wavenumber(found: np.ndarray, truth: np.ndarray) -> dict:
    """Relative error √(Σ |f - f*|² / Σ |f*|²) of each species by ring of |k|.

    Args:
      found, truth: `[n, y, x, species]`.

    Returns:
      "error_by_wavenumber" and "power_by_wavenumber" (of the truth),
      `[species][rings]`, rings of whole numbers of waves along the shorter side, from 1
      on.
    """
    off, power = (
        np.concatenate(
            [quality.radial_spectra(x[..., s, None]) for s in range(x.shape[-1])]
        )
        for x in (found - truth, truth)
    )
    error = np.sqrt(off / np.maximum(power, 1e-300))
    return {
        "error_by_wavenumber": error.tolist(),
        "power_by_wavenumber": power.tolist(),
    }


def stein_t(samples: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Means of <∇φ, v> over independent samples in standard errors, `[statistics]`.

    Within a few of 0 for the velocity of a stationary distribution. Patterns made by
    Euler steps of 1 have the distribution of those steps, and their own equation
    reaches 3 to 8.

    Args:
      samples: `[n, y, x, species]`.
      field: v there.
    """
    rows = []
    for first in range(0, len(samples), _BATCH):
        part = slice(first, first + _BATCH)
        slopes = stein.gradients(samples[part])
        rows.append(np.einsum("njyxs,nyxs->nj", slopes, field[part], optimize=True))
    rows = np.concatenate(rows)
    spread = rows.std(0, ddof=1) / np.sqrt(len(rows))
    return rows.mean(0) / np.maximum(spread, 1e-300)


def _long(movers, start, interval, frames, watch):
    """Statistics after long rollouts, beside those of the truth at two times."""
    ends = {
        name: rollouts.long_rollout(mover, start, interval, frames, watch)
        for name, mover in movers.items()
    }
    half, end = ends["true equation"]
    found = ends["velocity"][1]
    sound = np.isfinite(found).all((1, 2, 3))
    result = {"frames": frames, "blown_up": float(np.mean(~sound))}
    for name, measure in (
        ("spectrum", quality.spectrum_distance),
        ("minkowski", evaluation.minkowski_distance),
    ):
        own = measure(found[sound], end) if sound.sum() > 1 else float("nan")
        result[name] = {"velocity": own, "true at two times": measure(half, end)}
    return result


def _blown_up(run):
    return float(np.mean(~np.isfinite(run).all((1, 2, 3, 4))))
