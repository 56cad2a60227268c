"""What the data of a fit determine, from the curvature at the best parameters.

With J the Jacobian of the residual r in the coordinates of the fit (log p of positive
parameters), J^T J = V S² V^T. A direction v with a singular value below 1e-4 of the
largest is not determined. The covariance is σ² (J^T J)^+ across the other directions
and infinite along these. A `Scaling` of the equations that lies within them says why.
"""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from rdtf.inverse.structure.scalings import Scaling
from rdtf.status import InputError

UNDETERMINED = 1e-4  # of the largest singular value
SAME = 0.999  # cosine between a scaling and what the data leave open
ALIKE = 0.95  # correlation worth a line
NEGLIGIBLE = 1e-3  # component of a direction


@dataclasses.dataclass(frozen=True)
class Direction:
    """A unit vector in coordinates along which the residual does not change.

    Attributes:
      components: by name.
      only: texts of the products that are determined nevertheless, if the equations
        imply the direction; None if it is due to the data.
    """

    components: dict[str, float]
    only: list[str] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """What the data determine.

    Attributes:
      logarithmic: by name, whether the coordinate is the logarithm.
      singular_values: of J, largest first.
      condition: largest over smallest of them; infinite if one is undetermined.
      open: a basis of the directions that are not determined.
      correlation: `[P, P]` in the order of the names; its limit where sd is infinite.
      sd: standard deviation of each coordinate: relative for logarithms.
    """

    logarithmic: dict[str, bool]
    singular_values: np.ndarray
    condition: float
    open: list[Direction]
    correlation: np.ndarray
    sd: dict[str, float]

    @property
    def relative(self) -> np.ndarray:
        """Singular values over the largest."""
        return self.singular_values / (max(self.singular_values, default=0.0) or 1.0)

    @property
    def alike(self) -> list[tuple[str, str, float]]:
        """Pairs of determined parameters of strong correlation, strongest first."""
        names = list(self.sd)
        pairs = [
            (names[i], names[j], float(self.correlation[i, j]))
            for i, j in zip(*np.triu_indices(len(names), 1), strict=True)
            if abs(self.correlation[i, j]) > ALIKE
            and math.isfinite(self.sd[names[i]])
            and math.isfinite(self.sd[names[j]])
        ]
        return sorted(pairs, key=lambda pair: -abs(pair[2]))

    def text(self) -> str:
        """A few lines for a console."""
        values = ", ".join(f"{x:.2g}" for x in self.relative)
        lines = [f"singular values {values} (condition {self.condition:.3g})"]
        for direction in self.open:
            lines.append(f"not determined: {self._parts(direction)}")
        spreads = [f"{name} {self._spread(name)}" for name in self.sd]
        lines.append("standard deviation: " + ", ".join(spreads))
        for a, b, value in self.alike:
            lines.append(f"hard to tell apart: {a}, {b} (correlation {value:+.3f})")
        return "\n".join(lines)

    def _parts(self, direction):
        shown = {n: x for n, x in direction.components.items() if abs(x) > 0.005}
        parts = ", ".join(f"{name} {x:+.2f}" for name, x in shown.items())
        logs = [self.logarithmic[name] for name in shown]
        raw = [name for name in shown if not self.logarithmic[name]]
        if all(logs):
            parts += " (in logarithms)"
        elif any(logs):
            parts += f" (in logarithms, {', '.join(raw)} as it is)"
        if direction.only is None:
            return parts + "; not implied by the equations, other pictures may do"
        if not direction.only:
            return parts + "; exactly: the equations do not tell"
        return parts + f"; exactly: only {', '.join(direction.only)}"

    def _spread(self, name):
        value = self.sd[name]
        if not math.isfinite(value):
            return "not determined"
        return f"{100.0 * value:.2g} %" if self.logarithmic[name] else f"{value:.2g}"

    def to_json(self) -> dict:
        """Plain numbers, lists and texts; None where a number is infinite."""

        def plain(x):
            return float(x) if math.isfinite(x) else None

        return {
            "names": list(self.sd),
            "logarithmic": list(self.logarithmic.values()),
            "singular_values": [plain(x) for x in self.singular_values],
            "condition": plain(self.condition),
            "not_determined": [dataclasses.asdict(d) for d in self.open],
            "correlation": [[plain(x) for x in row] for row in self.correlation],
            "sd": {name: plain(x) for name, x in self.sd.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping) -> "Report":
        """Of `to_json`, with infinity for None."""

        def number(x):
            return math.inf if x is None else x

        return cls(
            logarithmic=dict(zip(value["names"], value["logarithmic"], strict=True)),
            singular_values=np.array(value["singular_values"]),
            condition=number(value["condition"]),
            open=[Direction(**direction) for direction in value["not_determined"]],
            correlation=np.array(value["correlation"]),
            sd={name: number(x) for name, x in value["sd"].items()},
        )


def report(
    curvature: np.ndarray,
    names: Sequence[str],
    sigma: float,
    logarithmic: Sequence[bool] | None = None,
    held: Collection[str] = (),
    scalings: Sequence[Scaling] = (),
    params: Mapping[str, float] | None = None,
) -> Report:
    """Reads off what a curvature says.

    Args:
      curvature: J^T J in coordinates, `[P, P]`.
      names: of the coordinates.
      sigma: standard deviation of one component of the residual.
      logarithmic: whether each coordinate is a logarithm; by default all are.
      held: names that were not fitted; they are left out.
      scalings: of the equations, with `held` as known, to explain what is open.
      params: where the curvature was taken, gain and offset too; for `scalings`.

    Raises:
      InputError: if the curvature is not finite.
    """
    if not np.isfinite(curvature).all():
        raise InputError("Expected a finite curvature, got infinities or NaN.")
    logs = [True] * len(names) if logarithmic is None else list(logarithmic)
    free = [i for i, name in enumerate(names) if name not in held]
    names = [names[i] for i in free]
    squares, vectors = np.linalg.eigh(curvature[np.ix_(free, free)])
    values = np.sqrt(np.maximum(squares[::-1], 0.0))
    vectors = vectors.T[::-1]
    fixed = values > UNDETERMINED * max(values, default=0.0)
    sd, correlation = _spreads(values[fixed], vectors[fixed], vectors[~fixed], sigma)
    whole = fixed.all() and len(values) > 0
    return Report(
        logarithmic={name: bool(logs[i]) for name, i in zip(names, free, strict=True)},
        singular_values=values,
        condition=float(values[0] / values[-1]) if whole else math.inf,
        open=_explain(vectors[~fixed], names, scalings, params),
        correlation=correlation,
        sd=dict(zip(names, map(float, sd), strict=True)),
    )


def _spreads(values, fixed, loose, sigma):
    """Standard deviations, and correlations as the spread along `loose` diverges."""
    scaled = fixed / values[:, None]
    covariance = sigma**2 * (scaled.T @ scaled)
    endless = loose.T @ loose
    lost = np.diag(endless) > NEGLIGIBLE**2
    sd = np.where(lost, math.inf, np.sqrt(np.diag(covariance)))
    covariance = np.where(np.outer(lost, lost), endless, covariance)
    covariance[np.logical_xor.outer(lost, lost)] = 0.0
    spread = np.sqrt(np.diag(covariance))
    spread = np.where(spread > 0.0, spread, 1.0)
    correlation = covariance / np.outer(spread, spread)
    np.fill_diagonal(correlation, 1.0)
    return sd, correlation


def _explain(loose, names, scalings, params):
    """The scalings that lie within `loose`, then what else there is."""
    found, rest = [], loose
    for scaling in scalings:
        moves = scaling.direction(params)
        vector = np.array([moves.get(name, 0.0) for name in names])
        size = math.hypot(*moves.values())  # a move of what was not fitted is no match
        if size > 0.0 and np.linalg.norm(loose @ vector) > SAME * size:
            found.append(Direction(_named(names, vector / size), scaling.only))
            rest = _without(rest, loose.T @ (loose @ vector))
    return found + [Direction(_named(names, vector)) for vector in rest]


def _without(rows, vector):
    """An orthonormal basis of what the rows span, less one direction."""
    inside = rows @ vector
    if np.linalg.norm(inside) < 0.05 * np.linalg.norm(vector):
        return rows  # it has been removed already
    return np.linalg.svd(inside[None])[2][1:] @ rows


def _named(names, vector):
    """Components by name, the largest one positive."""
    vector = vector * (1.0 if vector[np.argmax(np.abs(vector))] > 0.0 else -1.0)
    return dict(zip(names, map(float, vector), strict=True))
