"""The φ functions of exponential integrators, of numbers and of small matrices.

    φ0(z) = e^z,    φ1 = (φ0 - 1) / z,    φ2 = (φ1 - 1) / z,    φ3 = (φ2 - 1/2) / z

They lose all digits near z = 0 if they are computed as written (Kassam & Trefethen
2005, doi:10.1137/S1064827502410633, go round by contour integrals). For real z a Taylor
series serves for |z| < 1, and the recurrence, which is stable beyond; for matrices the
series at Z / 2^12, and doublings from there (Skaflestad & Wright 2009,
doi:10.1016/j.apnum.2008.03.035). Both can be differentiated, at 0 too.
"""

import math

import tensorflow as tf

_TERMS = 18  # of the series: the next is below 1e-17 at |z| = 1
_DOUBLINGS = 12
_FEW_TERMS = 9  # of the series at Z / 2^12


def phi_functions(z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """φ1, φ2, φ3 of real z, to round-off."""
    near_zero = tf.abs(z) < 1.0
    near = tf.where(near_zero, z, tf.zeros_like(z))
    series = tf.zeros_like(z)
    for k in reversed(range(_TERMS)):
        series = series * near + 1.0 / math.factorial(k + 3)
    second = 0.5 + near * series
    taylor = (1.0 + near * second, second, series)
    far = tf.where(near_zero, -tf.ones_like(z), z)
    phi1 = tf.math.expm1(far) / far
    phi2 = (phi1 - 1.0) / far
    closed = (phi1, phi2, (phi2 - 0.5) / far)
    return tuple(tf.where(near_zero, t, c) for t, c in zip(taylor, closed, strict=True))


def matrix_phi_functions(z: tf.Tensor):
    """φ0 and φ1 of Z / 2, then φ0, φ1, φ2, φ3 of Z, for matrices `[..., n, n]`.

    Z should be below some 10^3; beyond, what decays is as small as it ought to be, but
    what oscillates loses digits. e^Z - 1 is what is doubled, or small Z would too:

        φ_k(2 Z) = 2^-k [e^Z φ_k(Z) + Σ_{j=1..k} φ_j(Z) / (k - j)!]
    """
    one = tf.eye(z.shape[-1], dtype=z.dtype)
    small = z / 2.0**_DOUBLINGS
    phi3 = tf.zeros_like(z)
    for k in reversed(range(_FEW_TERMS)):
        phi3 = _product(phi3, small) + one / math.factorial(k + 3)
    phi2 = 0.5 * one + _product(small, phi3)
    phi1 = one + _product(small, phi2)
    grown = _product(small, phi1)  # e^Z - 1
    for turn in range(_DOUBLINGS):
        if turn == _DOUBLINGS - 1:
            half = one + grown, phi1
        phi3 = (_product(grown, phi3) + 2.0 * phi3 + phi2 + 0.5 * phi1) / 8.0
        phi2 = (_product(grown, phi2) + 2.0 * phi2 + phi1) / 4.0
        phi1 = phi1 + 0.5 * _product(grown, phi1)
        grown = 2.0 * grown + _product(grown, grown)
    return half, (one + grown, phi1, phi2, phi3)


def _product(a, b):
    """The matrix product, written so that it fuses: the matrices are tiny."""
    return tf.reduce_sum(a[..., :, :, tf.newaxis] * b[..., tf.newaxis, :, :], -2)
