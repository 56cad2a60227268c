"""Explicit Runge-Kutta schemes, by their tableaux.

    k_i = f(s + h Σ_j a_ij k_j),    s <- s + h Σ_i b_i k_i

forward_euler, heun (order 2), rk4 (Kutta 1901) and tsit5 (Tsitouras 2011,
doi:10.1016/j.camwa.2011.06.002), whose embedded solution of order 4 gives the error
that `Simulation.integrate` keeps below its tolerance.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from rdtf.schemes.base import Scheme, check_transport, rate
from rdtf.types import State


@dataclasses.dataclass(frozen=True)
class Tableau:
    """Coefficients of an explicit Runge-Kutta scheme.

    Attributes:
      a: rows of the stages after the first; b: weights of the stages.
      error: weights of the stages and of f at the new state, h times whose sum is the
        difference to the embedded solution; or None.
    """

    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    error: tuple[float, ...] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RungeKutta(Scheme):
    """A scheme with a `tableau`."""

    tableau: Tableau

    def polynomial(self) -> np.ndarray:
        """Coefficients of R(z), lowest first: a step multiplies y' = λ y by R(h λ)."""
        a = np.zeros([self.stages, self.stages])
        for i, row in enumerate(self.tableau.a, start=1):
            a[i, : len(row)] = row
        terms, power = [1.0], np.ones(self.stages)
        for _ in range(self.stages):
            terms.append(np.dot(self.tableau.b, power))
            power = a @ power
        return np.array(terms)

    def reach(self, eigenvalues: np.ndarray) -> np.ndarray:
        """How far |R| <= 1 holds in the direction of each eigenvalue, from 0 on.

        `real_stability` for what is real or grows by itself.
        """
        reach = np.full(eigenvalues.shape, self.real_stability)
        turns = (eigenvalues.real < 0.0) & (
            np.abs(eigenvalues.imag) > 1e-9 * np.abs(eigenvalues)
        )
        directions = eigenvalues[turns] / np.abs(eigenvalues[turns])
        polynomial = self.polynomial()

        def stable(distances):
            z = directions[:, np.newaxis] * distances
            size = np.abs(np.polynomial.polynomial.polyval(z, polynomial))
            return size <= 1.0 + 1e-12

        steps = np.linspace(0.0, 1.5 * self.real_stability, 301)
        first = np.argmin(stable(steps), axis=1)  # that is not
        low, high = steps[np.maximum(first - 1, 0)], steps[first]
        for _ in range(30):
            middle = 0.5 * (low + high)
            inside = stable(middle[:, np.newaxis])[:, 0]
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        reach[turns] = np.maximum(low, 1e-9)
        return reach

    def advance(self, rate: Callable, state: State, time_step) -> State:
        """One step; `rate(state)` is (state, derivatives)."""
        state, first = rate(state)
        return self.advance_from(rate, state, first, time_step)[0]

    def advance_from(self, rate: Callable, state: State, first: State, time_step):
        """One step whose first stage is known.

        Args:
          rate: `rate(state)` is (state, derivatives).
          state: before the step.
          first: the derivatives at it.
          time_step: a number, or `[B, 1]`.

        Returns:
          (the state after the step, the stages).
        """
        stages = [first]
        for row in self.tableau.a:
            stages.append(rate(_combine(state, time_step, row, stages))[1])
        return _combine(state, time_step, self.tableau.b, stages), stages


def _combine(state, time_step, weights, stages):
    """state + h Σ w_i k_i."""
    moved = []
    for i, field in enumerate(state):
        terms = [
            k[i] if w == 1.0 else w * k[i]
            for w, k in zip(weights, stages, strict=True)
            if w != 0.0
        ]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        moved.append(field + time_step * total)
    return tuple(moved)


def _make(scheme, model, operator, time_step, varying):
    check_transport(model, operator, varying)

    def step(carry, params, step_index):
        del step_index  # deterministic: only noise needs it
        return scheme.advance(
            lambda state: rate(model, operator, state, params, varying),
            carry,
            time_step,
        )

    return step


FORWARD_EULER = RungeKutta(
    name="forward_euler",
    order=1,
    stages=1,
    real_stability=2.0,
    make=_make,
    tableau=Tableau(a=(), b=(1.0,)),
)
HEUN = RungeKutta(
    name="heun",
    order=2,
    stages=2,
    real_stability=2.0,
    make=_make,
    tableau=Tableau(a=((1.0,),), b=(0.5, 0.5)),
)
RK4 = RungeKutta(
    name="rk4",
    order=4,
    stages=4,
    real_stability=2.785293563405282,
    make=_make,
    tableau=Tableau(
        a=((0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)),
        b=(1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0),
    ),
)
TSIT5 = RungeKutta(
    name="tsit5",
    order=5,
    stages=6,
    real_stability=3.5068469938049,
    make=_make,
    tableau=Tableau(
        a=(
            (0.161,),
            (-0.008480655492356989, 0.335480655492357),
            (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
            (
                5.325864828439257,
                -11.748883564062828,
                7.4955393428898365,
                -0.09249506636175525,
            ),
            (
                5.86145544294642,
                -12.92096931784711,
                8.159367898576159,
                -0.071584973281401,
                -0.028269050394068383,
            ),
        ),
        b=(
            0.09646076681806523,
            0.01,
            0.4798896504144996,
            1.379008574103742,
            -3.290069515436081,
            2.324710524099774,
        ),
        error=(
            -0.00178001105222577714,
            -0.0008164344596567469,
            0.007880878010261995,
            -0.1447110071732629,
            0.5823571654525552,
            -0.45808210592918697,
            0.015151515151515152,
        ),
    ),
)
