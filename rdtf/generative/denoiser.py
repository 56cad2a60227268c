"""A denoiser of patterns: a Wiener filter, and a network for the rest.

    D(y, σ) = W_σ y + c_out(σ) F([W_σ y / a(σ), (y - W_σ y) / b(σ)], ln σ / 4,
    condition)

of y = x + σ n, x standardised per species. W_σ is the Wiener filter of the training
data (`rdtf.generative.wiener`), c_out² its mean square error; a² = 1 - c_out² and b² =
σ² - c_out² are the variances of what it keeps and of what it takes away. F starts as
zero, so D starts as the filter. The loss |D - x|² / c_out² is 1 for the filter at every
σ; preconditioning after Karras et al. 2022 (arXiv:2206.00364). The score of the noisy
data is (D - y) / σ² (Tweedie; Vincent 2011, doi:10.1162/NECO_a_00142).
"""

import keras
import numpy as np
import tensorflow as tf

from rdtf.generative import networks
from rdtf.generative.layers import PeriodicConv2D, ResidualBlock
from rdtf.generative.networks import Network
from rdtf.status import InputError

SIZES = {  # cells that one value of the trunk covers, widths of its levels, blocks
    "ci": (2, (16, 32, 32), 1),
    "small": (4, (32, 64, 64), 1),
    "mid": (2, (32, 64, 64, 96), 2),
    "base": (1, (64, 128, 192, 256), 2),
    "local": (1, (32,), 2),
}
_EMBEDDING = 64
_FREQUENCIES = 16


def check(shape, size: str) -> None:
    """Raises InputError if a grid does not fit a size."""
    if size not in SIZES:
        raise InputError(f"Expected a size among {', '.join(SIZES)}, got {size!r}.")
    stem, widths, _ = SIZES[size]
    step = stem * 2 ** (len(widths) - 1)
    if len(shape) != 2 or any(n % step for n in shape):
        raise InputError(
            f"Expected a grid of two sides that are multiples of {step} for the size "
            f"{size}, got {tuple(shape)}."
        )


@keras.saving.register_keras_serializable("rdtf")
class Denoiser(Network):
    """D of the module.

    Args:
      shape: (y, x) of the training data; multiples of 2^(levels - 1) times the stem.
      species: channels.
      size: a name of `SIZES`. F of the size local depends on y alone, and no farther
        than `radius` cells; it commutes with every shift.
      precision: "mixed_bfloat16" for F in 16 bits; weights, filter and D are float32.
      names, condition: see `Network`.
    """

    def __init__(self, shape, species=2, size="ci", precision="float32", **kwargs):
        check(shape, size)
        super().__init__(shape, species, **kwargs)
        self.size, self.precision = size, precision
        self._stem, widths, blocks = SIZES[size]
        self.radius = 2 + 2 * blocks if size == "local" else None
        own = {"dtype": keras.dtype_policies.get(precision)}
        self._first = PeriodicConv2D(widths[0], **own)
        self._down = [[ResidualBlock(w, **own) for _ in range(blocks)] for w in widths]
        self._up = [
            [ResidualBlock(w, **own) for _ in range(blocks)] for w in widths[:-1]
        ]
        self._norm = keras.layers.LayerNormalization(**own)
        self._last = PeriodicConv2D(species * self._stem**2, zero=True, **own)
        self._embed = [
            keras.layers.Dense(_EMBEDDING, activation="silu"),
            keras.layers.Dense(_EMBEDDING),
        ]
        if self.condition is not None:
            self._told = [  # Keras files know the layers by this name
                keras.layers.Dense(_EMBEDDING, activation="silu"),
                keras.layers.Dense(_EMBEDDING, use_bias=False),
            ]

    def get_config(self):
        """Arguments to make it again."""
        own = {"size": self.size, "precision": self.precision}
        return super().get_config() | own

    def denoise(self, y, sigma, condition=None):
        """D of the module, of standardised fields."""
        filtered = self.filter(y, sigma)
        return filtered + self.correction(y, sigma, condition, filtered)

    def correction(self, y, sigma, condition=None, filtered=None):
        """c_out F, which D adds to W_σ y.

        Args:
          y: `[batch, y, x, species]`, standardised.
          sigma: `[batch]`.
          condition: `[batch, ...]`, as `Condition` makes it; default: any.
          filtered: W_σ y, if it is known.
        """
        error = self.filter_error(sigma, y.shape[1:3])[:, None, None, None]
        square = sigma[:, None, None, None] ** 2
        if self.radius is not None:
            inputs = y / tf.sqrt(1.0 + square)
        else:
            filtered = self.filter(y, sigma) if filtered is None else filtered
            signal = filtered / tf.sqrt(tf.maximum(1.0 - error, 1e-6))
            residual = (y - filtered) / tf.sqrt(
                tf.maximum(square - error, 1e-6 * square)
            )
            inputs = tf.concat([signal, residual], -1)
        rest = self._network(inputs, self._embedding(sigma, condition))
        return tf.sqrt(error) * tf.cast(rest, tf.float32)

    def _embedding(self, sigma, condition):
        phase = (
            tf.math.log(sigma)[:, None]
            / 4.0
            * 2.0 ** np.linspace(0.0, 5.0, _FREQUENCIES, dtype=np.float32)
        )
        found = tf.concat([tf.sin(phase), tf.cos(phase)], -1)
        for layer in self._embed:
            found = layer(found)
        if self.condition is not None:
            if condition is None:
                condition = self.condition.any(tf.shape(sigma)[0])
            encoded = self.condition.encode(condition)
            for layer in self._told:
                encoded = layer(encoded)
            found += encoded
        return tf.nn.silu(found)

    def _network(self, x, embedding):
        """F: a U-Net on blocks of cells."""
        stem = self._stem
        x = self._first(tf.nn.space_to_depth(x, stem) if stem > 1 else x)
        kept = []
        for level, blocks in enumerate(self._down):
            if level:
                kept.append(x)
                x = tf.nn.avg_pool2d(x, 2, 2, "VALID")
            for block in blocks:
                x = block(x, embedding)
        for blocks in reversed(self._up):
            x = tf.repeat(tf.repeat(x, 2, 1), 2, 2)
            x = tf.concat([x, kept.pop()], -1)
            for block in blocks:
                x = block(x, embedding)
        x = self._last(tf.nn.silu(self._norm(x)))
        return tf.nn.depth_to_space(x, stem) if stem > 1 else x


def load(path) -> Network:
    """A denoiser, or a baseline, from its .keras file; see `networks.load`."""
    return networks.load(path, Network, "denoiser", "train_score")
