"""Velocities that are linear in their coefficients, and their tangents.

    v_s(z) = Σ_m ∇²ᵐ Σ_k c_k f_k(z),      k over the terms of species s and power m

with functions f of the standardised state z of one cell. Terms of an equation and units
of a network with random hidden layers are both of this form, `LinearVelocity`, which is
what `rdtf.dynamics.pair_fits` fits to pairs of states.
"""

from typing import Protocol

import numpy as np
import tensorflow as tf

from rdtf.operators.stencils import STENCILS, AxisStencil
from rdtf.status import InputError

_RIDGE = 1e-8  # of least squares, beside mean squares of 1
_BATCH = 64
# Those that are the same along every axis; on a torus of unit cells.
LAPLACIANS = tuple(n for n, s in STENCILS.items() if isinstance(s, AxisStencil))


class LinearVelocity(Protocol):
    """What a velocity that is linear in its coefficients owes, beside a `Velocity`.

    Attributes:
      owners, powers, places: of each term, int `[terms]`: its species, m, and which
        feature f is.
      units: which terms are units of a network, bool `[terms]`.
      laplacian: a name of `LAPLACIANS`.
      coefficients: c, float64 `[terms]`.
    """

    owners: np.ndarray
    powers: np.ndarray
    places: np.ndarray
    units: np.ndarray
    laplacian: str
    coefficients: np.ndarray

    def features(self, state):
        """All functions f, `[..., features]`, of `[..., species]`."""

    def set_coefficients(self, coefficients: np.ndarray) -> None:
        """Sets c."""


def check(laplacian: str) -> str:
    """The name, if it is one of `LAPLACIANS`; else InputError."""
    if laplacian not in LAPLACIANS:
        raise InputError(
            f"Expected a Laplacian among {', '.join(LAPLACIANS)}, got {laplacian!r}."
        )
    return laplacian


def reach(laplacian: str) -> int:
    """How many cells away it looks."""
    return STENCILS[laplacian].reach


def largest(laplacian: str) -> float:
    """|∇²| of the shortest wave in two dimensions."""
    return 2.0 * abs(float(STENCILS[laplacian].line(np.pi)))


def centres(laplacian: str) -> tuple[float, float, float]:
    """The weights of a cell itself in 1, ∇² and ∇⁴."""
    first, *others = STENCILS[laplacian].weights
    centre = 2.0 * first
    return 1.0, centre, centre**2 + 4.0 * sum(w**2 for w in others)


def apply_laplacian(x, laplacian: str, power: int = 1):
    """∇²ᵐ of `[..., y, x, channels]` on a torus."""
    first, *others = STENCILS[laplacian].weights
    for _ in range(power):
        total = 2.0 * first * x
        for axis in (-3, -2):
            size, reached = x.shape[axis], len(others)
            ends = [
                _slice(x, axis, size - reached, size),
                x,
                _slice(x, axis, 0, reached),
            ]
            padded = tf.concat(ends, axis)
            for distance, weight in enumerate(others, 1):
                for start in (reached - distance, reached + distance):
                    total += weight * _slice(padded, axis, start, start + size)
        x = total
    return x


def _slice(x, axis, start, stop):
    index = [Ellipsis, *[slice(None)] * -axis]
    index[axis] = slice(start, stop)
    return x[tuple(index)]


def rates(velocity, z, coefficients):
    """Σ_k c_k f_k at standard states `[n, y, x, species]`, in the type of z."""
    features = velocity.features(z)
    parts = [
        apply_laplacian(tf.tensordot(features, table, 1), velocity.laplacian, m)
        for m, table in _tables(velocity, coefficients).items()
    ]
    return tf.add_n(parts)


def slopes(velocity, z, coefficients) -> dict:
    """power -> ∂(Σ c f)_s / ∂z_r before the Laplacians, `[n, y, x, r, s]`."""
    tables, found = _tables(velocity, coefficients), {m: [] for m in _powers(velocity)}
    for r in range(z.shape[-1]):
        one = tf.one_hot(r, z.shape[-1], dtype=z.dtype) * tf.ones_like(z)
        with tf.autodiff.ForwardAccumulator(z, one) as accumulator:
            features = velocity.features(z)
        change = accumulator.jvp(features, tf.UnconnectedGradients.ZERO)
        for m, table in tables.items():
            found[m].append(tf.tensordot(change, table, 1))
    return {m: tf.stack(rows, -2) for m, rows in found.items()}


def _powers(velocity):
    return sorted({int(m) for m in velocity.powers})


def _tables(velocity, coefficients):
    """power -> coefficients as a matrix `[features, species]`."""
    shape = [int(velocity.places.max()) + 1, int(velocity.owners.max()) + 1]
    tables = {}
    for m in _powers(velocity):
        own = np.flatnonzero(velocity.powers == m)
        index = np.stack([velocity.places[own], velocity.owners[own]], 1)
        tables[m] = tf.scatter_nd(index, tf.gather(coefficients, own), shape)
    return tables


def terms(velocity, features):
    """∇²ᵐ f_k of features `[n, y, x, features]`: `[terms, n, y, x]`."""
    fields = [
        apply_laplacian(
            tf.gather(features, velocity.places[velocity.powers == m], axis=-1),
            velocity.laplacian,
            m,
        )
        for m in _powers(velocity)
    ]
    order = np.concatenate(
        [np.flatnonzero(velocity.powers == m) for m in _powers(velocity)]
    )
    both = tf.gather(tf.concat(fields, -1), np.argsort(order), axis=-1)
    return tf.transpose(both, [3, 0, 1, 2])


def regress(velocity: LinearVelocity, states, slopes: np.ndarray) -> np.ndarray:
    """Coefficients that fit rates of change best, by least squares in closed form.

    Args:
      velocity: whose coefficients.
      states: standardised ones where the rates are, `[n, y, x, species]`, or the two
        ends of steps over which they are means.
      slopes: dz/dt, `[n, y, x, species]`.
    """
    owners = velocity.owners
    gram, product = np.zeros((len(owners),) * 2), np.zeros(len(owners))
    for first in range(0, len(slopes), _BATCH):  # as the terms of many take much memory
        part = slice(first, first + _BATCH)
        rows = sum(
            terms(velocity, velocity.features(tf.constant(np.float64(z[part])))).numpy()
            for z in states
        ) / len(states)
        for s in range(slopes.shape[-1]):
            own = np.flatnonzero(owners == s)
            table = rows[own].reshape(len(own), -1)
            gram[np.ix_(own, own)] += table @ table.T
            product[own] += table @ slopes[part, ..., s].ravel()
    count = slopes[..., 0].size
    size = np.sqrt(np.maximum(np.diag(gram) / count, 1e-300))
    gram = gram / np.outer(size, size) + _RIDGE * count * np.eye(len(owners))
    return np.linalg.solve(gram, product / size) / size
