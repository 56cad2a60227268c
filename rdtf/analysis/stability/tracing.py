"""Bifurcation curves in a plane of two parameters, by pseudo-arclength continuation.

From a point of the curve, a step along the null vector of ∂G/∂(z, p) (see
`rdtf.analysis.stability.onsets`) and Newton back onto it, until it leaves the plane's
window, ends or closes. Keller 1977, in Applications of Bifurcation Theory, Academic
Press.
"""

import numpy as np

from rdtf.analysis.stability import linear, onsets

_MOST = 3000
_SMALLEST = 1e-4


class Window:
    """What curves are traced in.

    Args:
      model, params: the equations, and all parameters.
      axes: (x, y) names -> values; steps are at most as long as theirs.
    """

    def __init__(self, model, params, axes):
        names = list(model.parameters)
        self.model, self.params = model, params
        self.free = [names.index(name) for name in axes]
        self.low = np.array([v[0] for v in axes.values()])
        self.high = np.array([v[-1] for v in axes.values()])
        self.cells = np.array([v[1] - v[0] for v in axes.values()])

    def place(self, system, point) -> np.ndarray:
        """(x, y) of a point (z, p)."""
        return point[[system.unknowns + i for i in self.free]]

    def holds(self, system, point) -> bool:
        """Whether a point lies in the window."""
        place = self.place(system, point)
        return bool((place >= self.low).all() and (place <= self.high).all())


def trace(window: Window, system, point) -> np.ndarray:
    """The whole curve through a point (z, p), as `[points, 2]` of (x, y).

    The last point on each side may lie just outside the window.
    """
    first = _tangent(window, system, point)
    forward, closed = _one_way(window, system, point, first)
    backward = [] if closed else _one_way(window, system, point, -first)[0]
    points = [*backward[::-1], point, *forward]
    return np.array([window.place(system, p) for p in points])


def kind_of(window: Window, system, point) -> str | None:
    """The kind of bifurcation at a point, None if it is none.

    Waves count here even if the uniform state has become unstable before, so that a
    curve does not end where two cross.
    """
    if not system.has_wave:
        onset = onsets.onset_at(window.model, system, point)
        return None if onset is None else onset.kind
    count = len(window.model.species)
    params = dict(
        zip(window.model.parameters, point[system.unknowns :].tolist(), strict=True)
    )
    real, pair = linear.polynomials(window.model, params, point[:count])
    test = pair if system.kind == "wave" else real
    least, where = linear.lowest(test)
    is_least = abs(where - point[count]) <= 1e-3 * point[count] and least < test[0]
    return system.kind if is_least and real[0] > 0 and test[0] > 0 else None


def _one_way(window, system, point, tangent):
    """(points after this one, whether they came back to it)."""
    points, step, here = [], 1.0, point
    kind = kind_of(window, system, point)
    while len(points) < _MOST and step > _SMALLEST:
        units = _units(window, system, here)
        ahead = onsets.newton(system, here + step * tangent * units, window.free)
        apart = np.inf if ahead is None else np.abs((ahead - here) / units).max()
        if apart > 2 * step or kind_of(window, system, ahead) != kind:
            step /= 2
            continue
        points.append(ahead)
        if not window.holds(system, ahead):
            break
        if len(points) > 5 and np.abs((ahead - point) / units).max() < step:
            return [*points, point], True
        turned = _tangent(window, system, ahead)
        tangent = turned if turned @ tangent > 0 else -turned
        here, step = ahead, min(1.0, 1.5 * step)
    return points, False


def _units(window, system, point):
    """What a step of one is: a cell of each parameter, a twentieth of z."""
    units = np.ones_like(point)
    z = np.abs(point[: system.unknowns])
    units[: system.unknowns] = 0.05 * np.maximum(z, 0.1 * z.max() or 1.0)
    units[[system.unknowns + i for i in window.free]] = window.cells
    return units


def _tangent(window, system, point):
    """The unit null vector of ∂G/∂(z, p), in `_units`, zero for held parameters."""
    columns = [*range(system.unknowns), *(system.unknowns + i for i in window.free)]
    units = _units(window, system, point)
    slope = np.array(system.slope(*point), np.float64)[:, columns] * units[columns]
    rows = np.abs(slope).max(axis=1, keepdims=True)
    tangent = np.zeros_like(point)
    tangent[columns] = np.linalg.svd(slope / np.where(rows == 0, 1.0, rows))[2][-1]
    return tangent / np.abs(tangent).max()
