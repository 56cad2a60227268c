"""The best linear denoiser of an isotropic field on a torus, in closed form.

With y = x + σ n, n white, and R(|k|) the S x S matrix of cross spectra of the S
species,

    W = R (R + σ²)^-1,       E |W y - x|² per value = mean over k of tr(σ² W) / S

(Wiener 1949). It says of a field all that its spectrum says; a network that is added to
it has only the rest to learn.
"""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """Radial cross spectra R in a basis in which each is diagonal.

    Attributes:
      powers: `[bins, species]`, eigenvalues of R in each bin, see `radii`.
      bases: `[bins, species, species]`, eigenvectors in columns.
    """

    powers: np.ndarray
    bases: np.ndarray


def radii(shape) -> np.ndarray:
    """All different |k| / 2π of a grid, in 1 / cell, rising: bins of its spectrum."""
    return np.unique(_frequency(shape, False))


def _frequency(shape, real):
    y, x = (np.fft.fftfreq(n) for n in shape)
    x = np.abs(x[: shape[1] // 2 + 1]) if real else x
    return np.sqrt(np.round(y[:, None] ** 2 + x**2, 12))


def bins(shape, trained: tuple[int, int], real: bool = True) -> np.ndarray:
    """The nearest bin of every mode of an FFT, `[y, x // 2 + 1]`, or `[y, x]`.

    Args:
      shape: of the grid.
      trained: of the grid that the spectrum is of.
      real: whether half of the modes is wanted, as of a real FFT.
    """
    known, wanted = radii(trained), _frequency(shape, real)
    return np.searchsorted(0.5 * (known[1:] + known[:-1]), wanted)


def shares(shape, trained: tuple[int, int]) -> np.ndarray:
    """The share of the modes of a grid that fall into each bin, `[bins]`."""
    index = bins(shape, trained, real=False)
    return np.bincount(index.ravel(), minlength=len(radii(trained))) / index.size


def fit(samples: np.ndarray) -> Spectrum:
    """The spectrum of samples `[n, y, x, species]` of zero mean.

    White noise of variance σ² has R = σ². The imaginary part of a cross spectrum
    averages out over each ring, as fields are as likely as their mirror images.
    """
    shape = samples.shape[1:3]
    index = bins(shape, shape, real=False)
    modes = np.fft.fft2(samples, axes=(1, 2), norm="ortho")
    products = np.einsum("nyxs,nyxt->yxst", modes, modes.conj()).real / len(samples)
    number = np.bincount(index.ravel())
    total = np.zeros((len(number), *products.shape[2:]))
    np.add.at(total, index, products)
    powers, bases = np.linalg.eigh(total / number[:, None, None])
    return Spectrum(np.maximum(powers, 0.0), bases)


def denoise(y: tf.Tensor, sigma: tf.Tensor, powers, bases, index) -> tf.Tensor:
    """W y of `[batch, y, x, species]`, each sample with its own σ `[batch]`.

    Args:
      powers, bases: of a `Spectrum`, as tensors of the type of y.
      index: `bins` of the grid of y.
    """
    modes = tf.signal.rfft2d(tf.transpose(y, [0, 3, 1, 2]))
    power, basis = tf.gather(powers, index), tf.gather(bases, index)
    square = tf.reshape(sigma, [-1, 1, 1, 1]) ** 2
    gain = power / (power + square)  # [batch, y, x, species]
    matrix = tf.einsum("yxsi,byxi,yxti->bstyx", basis, gain, basis)
    filtered = tf.einsum("bstyx,btyx->bsyx", tf.cast(matrix, modes.dtype), modes)
    filtered = tf.signal.irfft2d(filtered, tf.shape(y)[1:3])
    return tf.transpose(filtered, [0, 2, 3, 1])


def mean_square_error(sigma: tf.Tensor, powers, weights) -> tf.Tensor:
    """E |W y - x|² per value, of the shape of σ.

    Args:
      powers: of a `Spectrum`.
      weights: share of the modes in each bin, see `shares`.
    """
    square = sigma[..., None, None] ** 2
    left = powers * square / (powers + square)
    return tf.reduce_sum(weights * tf.reduce_mean(left, -1), -1)
