"""One-line remarks: what to know before simulating at a parameter set."""

from collections.abc import Mapping, Sequence

import numpy as np

from rdtf.analysis.stability import bifurcations, growth, linear
from rdtf.analysis.stability.states import select_state, uniform_states
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.operators.stencils import STENCILS
from rdtf.status import InputError

CLOSE = 0.01  # a relative distance below which a boundary is named
_TITLES = {
    "saddle_node": "saddle-node",
    "branch_point": "branch point",
    "hopf": "Hopf bifurcation",
    "turing": "Turing bifurcation",
    "wave": "wave bifurcation",
}
# Closed forms of the surfaces, for the models that have one.
_FORMULAS = {
    ("gray_scott", "saddle_node"): "4 (F + k)² = F",
    ("gray_scott", "hopf"): "v² = k",
    ("brusselator", "turing"): "B = (1 + A sqrt(Du/Dv))²",
    ("brusselator", "hopf"): "B = 1 + A²",
    ("swift_hohenberg", "turing"): "r = 0",
}


def title(kind: str) -> str:
    """The kind of a bifurcation, in words."""
    return _TITLES[kind]


def cells_per_wavelength(laplacian: str) -> float:
    """Cells in 2 π / k at which -k² is off by one per cent, by the leading term.

    (k h)² / 12 for second_order, (k h)⁴ / 90 for fourth_order, (k h)⁶ / 560 for
    sixth_order, (k h)⁴ / 240 for compact; spectral is exact from 2 cells on, and gets
    4, for the first harmonic.
    """
    if laplacian == "spectral":
        return 4.0
    stencil = STENCILS[laplacian]
    return float(2 * np.pi / (0.01 * stencil.divisor) ** (1 / stencil.order))


def remarks(
    model: ReactionDiffusion,
    params: Mapping[str, float],
    over: Sequence[str] | None = None,
    state=None,
    grid: Grid | None = None,
    laplacian: str = "second_order",
    found: Mapping[str, bifurcations.Boundary] | None = None,
) -> list[str]:
    """Remarks on a parameter set, most important first.

    They tell of boundaries closer than one per cent, missing states, what grows first,
    and how the pattern fits the grid.

    Args:
      over, state: as in `bifurcations.boundaries`.
      grid, laplacian: where a simulation is to run; None says nothing about grids.
      found: the boundaries, if they are known.

    Raises:
      InputError: if there is no such state, or a parameter is unknown.
    """
    chosen = select_state(model, params, state)
    if found is None:
        found = bifurcations.boundaries(model, params, over, chosen)
    relation = growth.dispersion(model, params, chosen)
    lines = [*_close(model, found), *_states(model, params, found, relation)]
    lines += _fastest(relation)
    if grid is not None and relation.bands and relation.fastest.wavenumber:
        lines += _grid(model, params, relation, grid, laplacian)
    return lines


def _close(model, found):
    for kind, boundary in found.items():
        name = _TITLES[kind]
        formula = _FORMULAS.get((model.name, kind))
        name = f"the {name} {formula}" if formula else f"a {name}"
        if boundary.is_on:
            yield (
                f"These parameters sit exactly on {name}: results depend on rounding "
                "and on every detail of the discretisation."
            )
        elif abs(boundary.distance) < CLOSE:
            side = "beyond" if boundary.exceeded else "before"
            yield (
                f"These parameters are {abs(boundary.distance):.2%} {side} {name}: "
                "transients are slow, and small changes change the outcome."
            )


def _states(model, params, found, relation):
    state = relation.state
    if not linear.polynomials(model, params, state.vector)[0][0] and state.trace == 0:
        yield "Something is conserved: the uniform state can have any such value."
    if relation.bands:
        return
    fold = found.get("saddle_node")
    text = ", ".join(f"{x:.4g}" for x in state.vector)
    if fold is not None and fold.exceeded and len(_all_states(model, params)) == 1:
        yield (
            f"No other uniform state than ({text}), which is stable: patterns are of "
            "finite amplitude, and noise about it dies out."
        )
    else:
        yield (
            f"The state ({text}) is stable to every wave: a pattern, if any, needs a "
            "start of finite amplitude."
        )


def _all_states(model, params):
    try:
        return uniform_states(model, params)
    except InputError:
        return []


def _fastest(relation):
    mode = relation.fastest
    if not relation.bands:
        return
    if not np.isfinite(relation.bands[-1][1]):
        yield "Ever shorter waves grow: the equations are ill-posed."
    elif mode.wavenumber == 0:
        how = "leaves its state"
        if mode.oscillates:
            how = f"oscillates with a period of {2 * np.pi / abs(mode.rate.imag):.4g}"
        yield (
            f"The uniform mode grows fastest, by e in {1 / mode.rate.real:.4g} units "
            f"of time: the whole field {how}."
        )
    else:
        how = "travelling or standing waves" if mode.oscillates else "a still pattern"
        yield (
            f"Noise grows into {how} of wavelength {mode.wavelength:.4g}, by e in "
            f"{1 / mode.rate.real:.4g} units of time."
        )


def _grid(model, params, relation, grid, laplacian):
    mode = relation.fastest
    domain = min(n * h for n, h in zip(grid.shape, grid.spacing, strict=True))
    cells, needed = mode.wavelength / max(grid.spacing), cells_per_wavelength(laplacian)
    if domain < 4 * mode.wavelength:
        yield (
            f"The domain holds {domain / mode.wavelength:.2g} wavelengths: it selects "
            f"the pattern; take {8 * mode.wavelength:.3g} or more."
        )
    if cells < needed:
        yield (
            f"{cells:.3g} cells per wavelength; {laplacian} needs {needed:.3g} for an "
            f"error of 1 % in k²: a spacing of {mode.wavelength / needed:.3g} or less."
        )
    if all(isinstance(v, str) for v in model.diffusivity.values()):
        on_grid = growth.dispersion_on_grid(
            model, params, grid, laplacian, relation.state
        )
        if on_grid.fastest.rate.real <= 0:
            yield "On this grid no wave grows: it holds none of the unstable band."
