"""Normal random numbers of replicates, stateless in seed, replicate, step and cell.

SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195): one stream for
each seed and replicate, one number for each step and pair of cells, which the formula
of Box and Muller turns into two normal ones. A nanosecond and a half each: all loops
over the replicates of a block are vectors, see `rdtf.engines.native.intrinsics`.
"""

import math

import numpy as np
from numba import njit, uint64

from rdtf.engines.native.intrinsics import bits, from_bits, load, store

LANES = 8  # replicates of a block
# Numba keeps the machine code of `kernels`, and looks at the date of that file only:
# whoever changes this one has to touch that one.
OPTIONS = {
    "cache": True,
    "nogil": True,
    "fastmath": {"contract"},
    "error_model": "numpy",
}
_GOLDEN = uint64(0x9E3779B97F4A7C15)
_HALF_BITS = uint64(0xFFFFFFFF)
_SCALE = 2.0**-32


@njit(**OPTIONS)
def mixed(z):
    """SplitMix64's output function."""
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))


@njit(**OPTIONS)
def stream(seed, replicate):
    """The start of a replicate's stream."""
    return mixed(mixed(uint64(seed) + _GOLDEN) + uint64(replicate) * _GOLDEN)


@njit(**OPTIONS)
def streams(seed, keys):
    """Fills `[replicate]` with the bits of their streams, as doubles."""
    for replicate in range(keys.shape[0]):
        keys[replicate] = from_bits(np.int64(stream(seed, replicate)))


@njit(**OPTIONS)
def uniforms(seed, values):
    """Fills `[replicate, cell]` with uniform numbers in (0, 1)."""
    for replicate in range(values.shape[0]):
        key = mixed(stream(seed, replicate))
        for cell in range(values.shape[1]):
            word = mixed(key + uint64(cell + 1) * _GOLDEN)
            values[replicate, cell] = (float(word >> uint64(12)) + 0.5) * 2.0**-52


@njit(**OPTIONS)
def _radius(u):
    """sqrt(-2 ln u) of a u in (0, 1)."""
    word = bits(u)
    exponent = (word >> 52) - 1023
    mantissa = from_bits((word & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000)
    high = mantissa > math.sqrt(2.0)
    mantissa = 0.5 * mantissa if high else mantissa
    exponent = exponent + 1 if high else exponent
    z = (mantissa - 1.0) / (mantissa + 1.0)  # ln m = 2 artanh z
    q = z * z
    series = 1.0 / 19.0
    series = series * q + 1.0 / 17.0
    series = series * q + 1.0 / 15.0
    series = series * q + 1.0 / 13.0
    series = series * q + 1.0 / 11.0
    series = series * q + 1.0 / 9.0
    series = series * q + 1.0 / 7.0
    series = series * q + 1.0 / 5.0
    series = series * q + 1.0 / 3.0
    series = series * q + 1.0
    return math.sqrt(-2.0 * (exponent * math.log(2.0) + 2.0 * z * series))


@njit(**OPTIONS)
def _cos_sin(u):
    """(cos 2πu, sin 2πu) of a u in [0, 1)."""
    quarter = math.floor(4.0 * u + 0.5)
    x = (4.0 * u - quarter) * (0.5 * math.pi)
    q = x * x
    c = 1.0 / 20922789888000.0
    c = c * q - 1.0 / 87178291200.0
    c = c * q + 1.0 / 479001600.0
    c = c * q - 1.0 / 3628800.0
    c = c * q + 1.0 / 40320.0
    c = c * q - 1.0 / 720.0
    c = c * q + 1.0 / 24.0
    c = c * q - 0.5
    c = c * q + 1.0
    s = -1.0 / 1307674368000.0
    s = s * q + 1.0 / 6227020800.0
    s = s * q - 1.0 / 39916800.0
    s = s * q + 1.0 / 362880.0
    s = s * q - 1.0 / 5040.0
    s = s * q + 1.0 / 120.0
    s = s * q - 1.0 / 6.0
    s = x * (s * q + 1.0)
    odd = (quarter == 1.0) or (quarter == 3.0)
    a, b = (s, c) if odd else (c, s)
    a = -a if (quarter == 1.0) or (quarter == 2.0) else a
    b = -b if (quarter == 2.0) or (quarter == 3.0) else b
    return a, b


@njit(**OPTIONS)
def draw(keys, step, pairs, noise):
    """The normal numbers of a step, `[2 * pairs, lane]`.

    Args:
      keys: address of the streams of a block, `[lane]`.
      step: its number.
      pairs: of normal numbers.
      noise: address of what is filled.
    """
    for pair in range(pairs):
        shift = uint64(step * pairs + pair + 1) * _GOLDEN
        row = 2 * LANES * pair
        for lane in range(LANES):
            word = mixed(uint64(bits(load(keys, lane))) + shift)
            u = (float(word >> uint64(32)) + 0.5) * _SCALE
            v = float(word & _HALF_BITS) * _SCALE
            radius = _radius(u)
            cos, sin = _cos_sin(v)
            store(noise, row + lane, radius * cos)
            store(noise, row + LANES + lane, radius * sin)
