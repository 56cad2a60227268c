"""Velocities that are linear in their coefficients, and their tangents.

    v_s(z) = Σ_m ∇²ᵐ Σ_k c_k f_k(z),      k over the terms of species s and power m

with functions f of the state z of one cell. Such a velocity has

    owners, powers, places    of each term: its species, m, and which feature f is
    features(z)               `[..., features]` of `[..., species]`
    laplacian                 a name of `STENCILS`
    coefficients              c, and set_coefficients(c)

and z is its `standard` state. So terms of an equation and units of a network with random hidden
layers are one thing: what is fitted to pairs of states (`rdtf.generative.dynamics.pair_fits`).
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf import schemes
from rdtf.status import InputError

_RIDGE = 1e-8  # of least squares, beside mean squares of 1
STENCILS = {  # weights at distance 0, 1, ... along each axis
    "second_order": (-2.0, 1.0),
    "fourth_order": (-5.0 / 2.0, 4.0 / 3.0, -1.0 / 12.0),
}


def check(laplacian: str) -> str:
    """The name, if it is one of `STENCILS`; else InputError."""
    if laplacian not in STENCILS:
        raise InputError(
            f"Expected a Laplacian among {', '.join(STENCILS)}, got {laplacian!r}."
        )
    return laplacian


def reach(laplacian: str) -> int:
    """How many cells away it looks."""
    return len(STENCILS[laplacian]) - 1


def largest(laplacian: str) -> float:
    """|∇²| of the shortest wave in two dimensions."""
    signs = (-1.0) ** np.arange(reach(laplacian) + 1)
    weights = np.array(STENCILS[laplacian]) * np.array([1.0] + [2.0] * reach(laplacian))
    return 2.0 * abs(float(signs @ weights))


def centres(laplacian: str) -> tuple[float, float, float]:
    """The weights of a cell itself in 1, ∇² and ∇⁴."""
    first, *others = STENCILS[laplacian]
    centre = 2.0 * first
    return 1.0, centre, centre**2 + 4.0 * sum(w**2 for w in others)


def apply_laplacian(x, laplacian: str, power: int = 1):
    """∇²ᵐ of `[..., y, x, channels]` on a torus."""
    first, *others = STENCILS[laplacian]
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
    return _rates(velocity, velocity.features(z), _tables(velocity, coefficients))


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


def _rates(velocity, features, tables):
    return tf.add_n(
        [
            apply_laplacian(tf.tensordot(features, table, 1), velocity.laplacian, m)
            for m, table in tables.items()
        ]
    )


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


def regress(velocity, states, slopes: np.ndarray) -> np.ndarray:
    """Coefficients that fit rates of change best, by least squares in closed form.

    Args:
      velocity: linear in them.
      states: standard ones where the rates are, `[n, y, x, species]`, or the two ends of
        steps over which they are means.
      slopes: dz/dt, `[n, y, x, species]`.
    """
    rows = sum(
        terms(velocity, velocity.features(*_float64(state))).numpy() for state in states
    ) / len(states)
    coefficients = np.zeros(len(rows))
    for s in range(slopes.shape[-1]):
        own = velocity.owners == s
        table = rows[own].reshape(own.sum(), -1)
        size = np.sqrt(np.maximum((table**2).mean(1), 1e-300))
        table = table / size[:, None]
        gram = table @ table.T + _RIDGE * table.shape[1] * np.eye(len(table))
        found = np.linalg.solve(gram, table @ slopes[..., s].ravel())
        coefficients[own] = found / size
    return coefficients


class Flow:
    """Standard states after a duration, and how they change with all that they depend on.

    In float64, by an explicit Runge-Kutta scheme. Derivatives are those of the steps taken:
    tangents t of

        dz/dt = v(z, c),      dt/dt = ∂v/∂z t + ∂v/∂c

    go along in the same steps.

    Args:
      velocity: linear in its coefficients.
      duration: in its time.
      steps: of equal length.
      scheme: "forward_euler", "heun" or "rk4".
    """

    def __init__(self, velocity, duration: float, steps: int, scheme: str = "rk4"):
        self.velocity, self.steps = velocity, steps
        self._scheme, self._h = schemes.get(scheme), duration / steps
        options = {"autograph": False, "jit_compile": True}
        self._run = tf.function(self._end, **options)
        self._run_tangents = tf.function(self._tangents, **options)
        self._run_slopes = tf.function(self._slopes, **options)
        self._run_linear = tf.function(self._linear, **options)

    def __call__(self, z, coefficients) -> np.ndarray:
        """The states after the duration, `[n, y, x, species]`."""
        return self._run(*_float64(z, coefficients)).numpy()

    def tangents(self, z, coefficients) -> tuple[np.ndarray, np.ndarray]:
        """(states after the duration, derivatives by coefficients `[terms, n, ...]`)."""
        return tuple(
            part.numpy() for part in self._run_tangents(*_float64(z, coefficients))
        )

    def linearise(self, z, coefficients) -> tuple[Callable, Callable]:
        """(A, Aᵀ) of changes `[m, n, y, x, species]`, A the derivative by the states."""
        slopes = self._run_slopes(*_float64(z, coefficients))

        def product(changes, back):
            return self._run_linear(*_float64(changes), slopes, back).numpy()

        return lambda x: product(x, False), lambda x: product(x, True)

    def _end(self, z, coefficients):
        def rate(state):
            return state, (rates(self.velocity, state[0], coefficients),)

        return self._loop(rate, (z,))[0]

    def _tangents(self, z, coefficients):
        velocity = self.velocity
        tables = _tables(velocity, coefficients)
        owner = tf.one_hot(velocity.owners, z.shape[-1], dtype=tf.float64)
        owner = owner[:, None, None, None, :]

        def rate(state):
            z, moved = state
            features = velocity.features(z)
            forced = terms(velocity, features)[..., None] * owner
            change = self._times(slopes(velocity, z, coefficients), moved)
            return state, (_rates(velocity, features, tables), change + forced)

        start = tf.zeros([len(velocity.owners), *z.shape], tf.float64)
        return self._loop(rate, (z, start))

    def _loop(self, rate, state):
        def body(i, *state):
            return (i + 1, *self._scheme.advance(rate, state, self._h))

        loop = tf.while_loop(lambda i, *_: i < self.steps, body, (0, *state))
        return loop[1:]

    def _slopes(self, z, coefficients):
        """Of all stages of all steps, in order."""
        found = []

        def rate(state):
            found.append(slopes(self.velocity, state[0], coefficients))
            return state, (rates(self.velocity, state[0], coefficients),)

        for _ in range(self.steps):
            (z,) = self._scheme.advance(rate, (z,), self._h)
        return found

    def _linear(self, changes, found, back):
        """A or Aᵀ times changes: the scheme as it is, or its transpose from the end on."""
        h, tableau = self._h, self._scheme.tableau
        stages = 1 + len(tableau.a)
        steps = [found[i : i + stages] for i in range(0, len(found), stages)]
        for step in reversed(steps) if back else steps:
            if not back:
                order = iter(step)

                def rate(state, order=order):
                    return state, (self._times(next(order), state[0]),)

                (changes,) = self._scheme.advance(rate, (changes,), h)
                continue
            parts = [h * b * changes for b in tableau.b]
            for i in range(stages - 1, -1, -1):
                felt = self._transposed(step[i], parts[i])
                changes += felt
                for j, a in enumerate(tableau.a[i - 1] if i else ()):
                    parts[j] += h * a * felt
        return changes

    def _times(self, found, moved):
        """∂v/∂z times changes."""
        parts = []
        for m, slope in found.items():
            change = sum(
                moved[..., r, None] * slope[..., r, :] for r in range(moved.shape[-1])
            )
            parts.append(apply_laplacian(change, self.velocity.laplacian, m))
        return tf.add_n(parts)

    def _transposed(self, found, moved):
        """Its transpose; Laplacians are their own."""
        parts = []
        for m, slope in found.items():
            felt = apply_laplacian(moved, self.velocity.laplacian, m)
            parts.append(
                sum(felt[..., s, None] * slope[..., s] for s in range(felt.shape[-1]))
            )
        return tf.add_n(parts)


def _float64(*values):
    return [tf.convert_to_tensor(np.float64(value)) for value in values]
