"""What a reader of a result must know: which Laplacian, what is not determined."""

import numpy as np

from rdtf.inverse.problem import Problem
from rdtf.inverse.results import Estimate
from rdtf.inverse.steady.stills import Stills
from rdtf.inverse.structure import identifiability, scalings
from rdtf.inverse.structure.identifiability import Report


def on_laplacian(fits: dict[str, Estimate], best: str, margin: float) -> list[str]:
    """One line on the choice among several Laplacians."""
    if len(fits) < 2:
        return []
    shares = ", ".join(
        f"{n} {100.0 * f.relative_residual:.3g} %" for n, f in fits.items()
    )
    line = f"Laplacian: {best} explains the pictures best (residual: {shares})"
    if margin < 1.1:
        line += "; the margin is small: give --laplacian if you know it"
    return [line]


def on_drift(drift: float) -> list[str]:
    """One line for a pattern that is farther from steady than it should be.

    `drift` is over its standard deviation, beyond what noise explains.
    """
    line = (
        "the pattern is not at rest for this equation (drift "
        f"{100.0 * drift:.2g} % of its contrast): the parameters may be off by several "
        "per cent; take a later picture"
    )
    return [line]


def on_likelihood(costs: dict[str, float], best: str) -> list[str]:
    """One line on the choice among several Laplacians by their likelihood."""
    ahead = sorted((costs[n] - costs[best], n) for n in costs if n != best)
    if not ahead:
        return []
    margin, second = ahead[0]
    line = (
        f"Laplacian: {best} explains the pictures best (log-likelihood {margin:.3g} "
        f"above that of {second})"
    )
    if margin < 10.0:
        line += "; the margin is small: give --laplacian if you know it"
    return [line]


def on_identifiability(
    problem: Problem, prepared: Stills, fit: Estimate
) -> tuple[list[str], Report]:
    """(lines, report): singular values, and changes that no picture can show."""
    coordinates = prepared.coordinates(fit.params)
    held = problem.held
    gain = problem.observation.unknown_gain
    symmetries = []
    if gain or fit.undetermined:
        symmetries = scalings.scalings(problem.model, problem.observe, gain, held)
    found = identifiability.report(
        fit.curvature,
        coordinates.names,
        fit.relative_residual / np.sqrt(prepared.pictures.size),
        logarithmic=[bool(x) for x in coordinates.logarithmic],
        held=held,
        scalings=symmetries,
        params=fit.params,
    )
    lines = [x for x in found.text().splitlines() if x.startswith("not determined")]
    return lines, found


def on_gain(problem: Problem, params: dict[str, float]) -> tuple[list[str], dict]:
    """(lines, values): the products that stills of unknown gain do tell."""
    model, observe, held = problem.model, problem.observe, problem.held
    if not problem.observation.unknown_gain or not scalings.scalings(
        model, observe, True, held
    ):
        return [], {}
    known = scalings.determined(model, observe, True, held)
    values = {
        scalings.as_text(x): float(scalings.at(x, params)) for x in known.invariants
    }
    told = ", ".join(f"{name} = {x:.6g}" for name, x in values.items())
    lines = [f"determined whatever the gain: {told}"]
    others = scalings.fixing(model, observe, True, known=held)
    if others:
        lines.append(
            f"one known parameter, of {', '.join(others)}, fixes all: "
            f"--known={others[0]}=..."
        )
    return lines, values
