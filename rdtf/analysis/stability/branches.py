"""Uniform states followed as parameters change."""

from collections.abc import Mapping

import numpy as np

from rdtf.analysis.stability import linear
from rdtf.models import ReactionDiffusion

FURTHEST = np.log(1e3)  # a parameter is followed up to a thousand times its value
_STEPS = 12
_LARGEST = 1.0  # of a Newton step that still stays on a branch, in sizes of the state


class Scale:
    """Relative units of some parameters: where distances are measured.

    x = ln(p / p₀) for a parameter that is positive and has to be, x = (p - p₀) / |p₀|
    for one that may change its sign; if p₀ is zero, the default, or else one, is its
    unit.

    Args:
      model: whose parameters they are.
      params: all parameters, p₀.
      over: the names that vary.
    """

    def __init__(self, model: ReactionDiffusion, params: Mapping, over):
        self.names, self.params = tuple(over), dict(params)
        known = [model.parameters[name] for name in over]
        self.centre = np.array([params[name] for name in over], np.float64)
        self.is_log = np.array([p.lower >= 0 for p in known]) & (self.centre > 0)
        defaults = np.array([p.default for p in known], np.float64)
        defaults[np.isnan(defaults)] = 1.0  # a parameter that has to be given
        units = np.where(self.centre == 0, defaults, self.centre)
        self.units = np.abs(np.where(units == 0, 1.0, units))

    def values(self, x) -> np.ndarray:
        """p at x."""
        x = np.asarray(x, np.float64)
        grown = self.centre * np.exp(np.where(self.is_log, x, 0.0))
        return np.where(self.is_log, grown, self.centre + self.units * x)

    def slopes(self, x) -> np.ndarray:
        """dp/dx at x."""
        return np.where(self.is_log, self.values(x), self.units)

    def full(self, x) -> dict[str, float]:
        """All parameters at x."""
        return self.params | dict(zip(self.names, self.values(x).tolist(), strict=True))

    def x_of(self, params: Mapping) -> np.ndarray:
        """x of a parameter set; infinite where a logarithm has none."""
        values = np.array([params[name] for name in self.names], np.float64)
        with np.errstate(all="ignore"):
            logs = np.where(values > 0, np.log(values / self.centre), np.inf)
            return np.where(self.is_log, logs, (values - self.centre) / self.units)

    def is_near(self, params: Mapping) -> bool:
        """Whether no logarithm is further than a factor of a thousand."""
        return bool((np.abs(self.x_of(params)[self.is_log]) <= FURTHEST).all())


def settle(
    model: ReactionDiffusion, params: Mapping, guess, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Newton from states `[..., species]` nearby: (states, whether they were reached).

    Only steps that are small at first and shrink by half count, so that a state which
    has vanished is not mistaken for another.

    Args:
      params: numbers, or arrays `[...]`.
      floor: steps are measured in sizes of the state, or this if that is more.
    """
    state = np.array(guess, np.float64)
    size = np.maximum(np.abs(state).max(axis=-1), floor)
    reached = np.isfinite(state).all(axis=-1)
    last = np.full(reached.shape, _LARGEST / 0.55)
    for _ in range(_STEPS):
        rates = linear.rates(model, params, state)
        matrix = linear.jacobians(model, params, state)[0]
        reached &= np.isfinite(rates).all(axis=-1)
        reached &= np.isfinite(matrix).all(axis=(-2, -1))
        rates = np.where(reached[..., None], rates, 0.0)
        matrix = np.where(reached[..., None, None], matrix, 0.0)
        step = (np.linalg.pinv(matrix, rcond=1e-13) @ rates[..., None])[..., 0]
        now = np.abs(step).max(axis=-1) / size
        reached &= now <= np.maximum(0.55 * last, 1e-10)
        state = np.where(reached[..., None], state - step, state)
        last = now
        if not reached.any() or last[reached].max() < 1e-13:
            break
    return state, reached & (last < 1e-7)


def floor_of(state) -> float:
    """A hundredth of the size of a state, for `settle`; of 1 for zero."""
    return 0.01 * (float(np.abs(state).max()) or 1.0)


def spread(model, params: Mapping, axes: Mapping, state, at) -> np.ndarray:
    """A branch of uniform states over a grid of two parameters, from one of its points.

    It grows cell by cell from `at`; a cell belongs to it if Newton gets there from a
    neighbour and D = (-1)ⁿ det ∂R/∂s keeps its sign, that is, up to a fold.

    Args:
      params: all parameters.
      axes: (x, y) names -> values `[nx]`, `[ny]`.
      state: a state at the parameters of the cell `at` = (row, column), or close to it.

    Returns:
      `[ny, nx, species]`, NaN where the branch has not come.
    """
    (x_name, xs), (y_name, ys) = axes.items()
    states = np.full((len(ys), len(xs), len(state)), np.nan)
    floor, side = floor_of(state), 0.0

    def visit(rows, columns, guesses):
        here = {**params, x_name: np.asarray(xs)[columns], y_name: np.asarray(ys)[rows]}
        found, reached = settle(model, here, guesses, floor)
        sides = np.sign(linear.polynomials(model, here, found)[0][..., 0])
        keep = reached & ((sides == side) | (side == 0.0))
        states[rows[keep], columns[keep]] = found[keep]
        return rows[keep], columns[keep]

    rows, columns = visit(np.array([at[0]]), np.array([at[1]]), np.array([state]))
    if rows.size:
        seed = states[at]
        here = {**params, x_name: xs[at[1]], y_name: ys[at[0]]}
        side = np.sign(linear.polynomials(model, here, seed)[0][0])
    while rows.size:
        fresh = []
        for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            r, c = rows + down, columns + right
            inside = (r >= 0) & (r < len(ys)) & (c >= 0) & (c < len(xs))
            r, c, guesses = r[inside], c[inside], states[rows[inside], columns[inside]]
            new = np.isnan(states[r, c, 0])
            fresh.append(visit(r[new], c[new], guesses[new]))
        rows = np.concatenate([r for r, _ in fresh])
        columns = np.concatenate([c for _, c in fresh])
    return states
