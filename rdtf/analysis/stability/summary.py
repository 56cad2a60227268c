"""Everything that the equations say about a parameter set, as numbers and as text."""

from collections.abc import Mapping, Sequence

import numpy as np

from rdtf.analysis.stability import bifurcations, growth, notes
from rdtf.analysis.stability.states import describe, select_state, uniform_states
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError


def default_axes(model: ReactionDiffusion) -> tuple[str, ...]:
    """The two parameters that a map is drawn over: of the reaction first, in order."""
    names = list(model.parameters)
    rates = [name for name in names if name not in model.diffusivities]
    return tuple((rates + [n for n in names if n not in rates])[:2])


def equations(model: ReactionDiffusion) -> list[str]:
    """The equations as plain text, one line per species."""
    import sympy

    state, params, rates = model.equations()
    q, p = model.transport()
    lines = []
    for i, symbol in enumerate(state):
        names = model.diffusivity.get(model.species[i], ())
        terms, rest = [], q[i]
        if isinstance(names, str):
            terms.append(f"{names} ∇²{symbol}")
            rest = q[i] - params[names] * symbol
        elif names:
            terms += [f"{n} ∂²{symbol}" for n in names]
            rest = q[i] - params[names[-1]] * symbol
        for order, term in (("²", rest), ("⁴", p[i]), ("", rates[i])):
            term = sympy.nsimplify(term, rational=True)
            if term != 0:
                text = sympy.sstr(term).replace("**2", "²").replace("**3", "³")
                text = text.replace("**4", "⁴").replace("*", " ")
                terms.append(f"∇{order}({text})" if order else text)
        lines.append(f"∂{symbol}/∂t = {' + '.join(terms) or '0'}".replace("+ -", "- "))
    return lines


def report(
    model: ReactionDiffusion,
    params: Mapping[str, float],
    over: Sequence[str] | None = None,
    state=None,
    grid: Grid | None = None,
    laplacian: str = "second_order",
) -> tuple[dict, growth.Dispersion, dict[str, bifurcations.Boundary]]:
    """(all numbers, ready for JSON; the dispersion relation; the boundaries).

    Args:
      model: its equations.
      params: all parameters.
      over: the parameters that distances are measured in; default: `default_axes`.
      state: see `stability.select_state`.
      grid, laplacian: where a simulation is to run, or None.

    Raises:
      InputError: if there is no such state, or names are unknown.
    """
    over = bifurcations.check_over(model, over or default_axes(model))
    chosen = select_state(model, params, state)
    try:
        states = uniform_states(model, params)
    except InputError:  # a continuum, or a reaction that is not rational
        states = [describe(model, params, chosen.values)]
    relation = growth.dispersion(model, params, chosen)
    found = bifurcations.boundaries(model, params, over, chosen)
    result = {
        "model": model.name,
        "equations": equations(model),
        "params": {n: float(x) for n, x in params.items()},
        "over": list(over),
        "uniform_states": [_state(s) for s in states],
        "state": chosen.values,
        "dispersion": {
            "fastest": _mode(relation.fastest),
            "peak": relation.peak and _mode(relation.peak),
            "bands": [list(band) for band in relation.bands],
        },
        "boundaries": {kind: _boundary(b) for kind, b in found.items()},
        "remarks": notes.remarks(
            model,
            params,
            over,
            chosen,
            grid=grid,
            laplacian=laplacian,
            found=found,
        ),
    }
    if grid is not None and all(isinstance(v, str) for v in model.diffusivity.values()):
        on_grid = growth.dispersion_on_grid(model, params, grid, laplacian, chosen)
        result["dispersion"]["fastest_on_grid"] = _mode(on_grid.fastest)
    return result, relation, found


def text(result: Mapping) -> list[str]:
    """The lines of a report for people."""
    params = ", ".join(f"{n} = {x:g}" for n, x in result["params"].items())
    lines = [f"{result['model']}: {params}"]
    lines += [f"    {line}" for line in result["equations"]]
    lines += ["", "Uniform states"]
    lines += [_state_line(s, result["state"]) for s in result["uniform_states"]]
    waves = result["dispersion"]
    lines += ["", "Waves on the state marked *"]
    first = "fastest" if waves["bands"] else "last to decay"
    lines.append(_mode_line(first, waves["fastest"]))
    if "fastest_on_grid" in waves:
        lines.append(_mode_line("on this grid", waves["fastest_on_grid"]))
    bands = "  and  ".join(
        f"k = {low:.6g} to {high:.6g}" for low, high in waves["bands"]
    )
    lines.append(f"    {'unstable':<14}{bands or 'none: every wave decays'}")
    over = ", ".join(result["over"])
    lines += ["", f"Bifurcations over {over}: distance in relative units, - is beyond"]
    for kind, boundary in result["boundaries"].items():
        lines += _boundary_lines(kind, boundary)
    if not result["boundaries"]:
        lines.append("    none within a factor of a thousand")
    if result["remarks"]:
        lines += ["", "Remarks", *(f"    {line}" for line in result["remarks"])]
    return lines


def _state_line(state, chosen):
    mark = "*" if state["values"] == chosen else " "
    values = "  ".join(f"{n} = {x:<10.6g}" for n, x in state["values"].items())
    zero = 1e-12 * max(abs(x) for pair in state["eigenvalues"] for x in pair)
    eigenvalues = "  ".join(
        _complex(real if abs(real) > zero else 0, imaginary)
        for real, imaginary in state["eigenvalues"]
    )
    return f"  {mark} {values}  {state['kind']:<15} σ = {eigenvalues}"


def _complex(real, imaginary):
    return f"{real:.5g}" + (f"{imaginary:+.5g}i" if imaginary else "")


def _mode_line(label, mode):
    wavelength = "" if mode["wavelength"] is None else f"  λ = {mode['wavelength']:.6g}"
    rate = _complex(mode["rate"], mode["frequency"])
    return f"    {label:<14}k = {mode['wavenumber']:.6g}{wavelength}  σ = {rate}"


def _boundary_lines(kind, boundary):
    distance = boundary["distance"]
    side = "on it" if boundary["on"] else "beyond" if boundary["exceeded"] else "before"
    nearest = ", ".join(f"{n} = {_number(x)}" for n, x in boundary["nearest"].items())
    yield f"    {notes.title(kind):<20}{distance:+10.5f}  {side:<7} nearest: {nearest}"
    for name, value in boundary["alone"].items():
        apart = boundary["alone_distance"][name]
        if value is not None:
            yield f"    {'':<20}{apart:+10.5f}  {'':<7} {name} alone: {_number(value)}"
    if not boundary["of_the_state"]:
        yield f"    {'':<39}of a state that does not exist here"


def _number(x):
    """Six digits; what rounding leaves of a zero is one."""
    return f"{x:.6g}" if abs(x) > 1e-12 else "0"


def _state(state):
    return {
        "values": state.values,
        "kind": state.kind,
        "eigenvalues": [[e.real, e.imag] for e in state.eigenvalues.tolist()],
        "trace": state.trace,
        "determinant": state.determinant,
    }


def _mode(mode):
    return {
        "wavenumber": mode.wavenumber,
        "wavelength": mode.wavelength if np.isfinite(mode.wavelength) else None,
        "rate": mode.rate.real,
        "frequency": mode.rate.imag,
    }


def _boundary(boundary):
    nearest = boundary.nearest
    return {
        "distance": boundary.distance,
        "exceeded": boundary.exceeded,
        "on": boundary.is_on,
        "nearest": {n: nearest.params[n] for n in boundary.alone},
        "state": nearest.state.tolist(),
        "wavenumber": float(np.sqrt(nearest.kappa)),
        "frequency": nearest.frequency,
        "alone": boundary.alone,
        "alone_distance": boundary.alone_distance,
        "of_the_state": boundary.of_the_state,
    }
