"""Where a uniform state meets a bifurcation as one parameter alone varies.

A branch is followed in small steps; where D or H (see
`rdtf.analysis.stability.linear`), or its least value over waves, changes sign, Newton
finds the point. Saddle-nodes, also of states that are not there yet, are all roots of a
polynomial system where the reaction is one.
"""

import functools
from collections.abc import Mapping

import numpy as np

from rdtf import homogeneous
from rdtf.analysis.stability import branches, linear, onsets
from rdtf.models import Parameter, ReactionDiffusion
from rdtf.status import InputError

_STEP = 0.04
_SMALLEST = 1e-7


def tests(model, params: Mapping, state) -> dict[str, float]:
    """The test function of each system at a state; not finite where it has none."""
    real, pair = linear.polynomials(model, params, state)
    waves = [linear.lowest(p)[0] for p in (real, pair)]
    is_saddle = real[0] < 0
    return {
        "saddle_node": float(real[0]),
        "hopf": np.nan if is_saddle or len(state) == 1 else float(pair[0]),
        "turing": np.nan if is_saddle else waves[0],
        "wave": np.nan if is_saddle or len(state) == 1 else waves[1],
    }


def crossings(model: ReactionDiffusion, params: Mapping, name: str, state):
    """The onsets that a state meets as `name` goes up or down, as a list.

    Each way ends at a bound, at a thousandth or thousandfold of the value, or where the
    state vanishes in a saddle-node. Along waves of the last axis.

    Args:
      state: the state at `params`, `[species]`.
    """
    scale = branches.Scale(model, params, (name,))
    found = []
    for direction in (1.0, -1.0):
        found += _one_way(model, scale, np.asarray(state, np.float64), direction)
    return found


def _one_way(model, scale, state, direction):
    floor, found, place, step = branches.floor_of(state), [], 0.0, _STEP
    here = tests(model, scale.params, state)
    while place < branches.FURTHEST:
        ahead = min(place + step, branches.FURTHEST)
        params = _params_at(scale, direction * ahead)
        if not _within(model, params, scale.names[0]):
            break
        new, reached = branches.settle(model, params, state, floor)
        if not reached:
            step /= 2
            if step < _SMALLEST:
                found += _solved(model, "saddle_node", state, params, scale)
                break
            continue
        there = tests(model, params, new)
        for kind, value in there.items():
            if np.isfinite([here[kind], value]).all() and here[kind] * value < 0:
                found += _solved(model, kind, new, params, scale)
        slipped = there["saddle_node"] * here["saddle_node"] < 0
        if slipped and any(o.kind == "saddle_node" for o in found):
            break  # over the fold, onto the other branch
        place, state, here = ahead, new, there
        step = min(_STEP, 2 * step)
    return found


def _params_at(scale, place):
    """A logarithmic parameter by factors; another by steps that grow alike."""
    return scale.full([place if scale.is_log[0] else np.sinh(place)])


def _within(model, params, name):
    bound = model.parameters[name]
    return bound.lower <= params[name] <= bound.upper


def _solved(model, kind, state, params, scale):
    system = onsets.system(model, kind)
    point = system and onsets.start(system, model, params, state)
    if point is None:
        return []
    free = [list(model.parameters).index(scale.names[0])]
    point = onsets.newton(system, point, free)
    onset = None if point is None else onsets.onset_at(model, system, point)
    return [] if onset is None else [onset]


def folds(model: ReactionDiffusion, params: Mapping, name: str) -> list[onsets.Onset]:
    """Every saddle-node of any uniform state as one parameter alone varies.

    R = 0, det ∂R/∂s = 0 with the parameter as one more unknown is handed to
    `rdtf.homogeneous.states`, whose Gröbner basis misses no root. Polynomial reactions
    of one or two species; of others, none.
    """
    if not _is_polynomial(model, name):
        return []
    from mpmath import mp

    others = {n: x for n, x in params.items() if n != name}
    try:
        roots = homogeneous.states(_augmented(model, name), others)
    except (
        InputError,
        mp.NoConvergence,
    ):  # a continuum, or a root of high multiplicity
        return []
    system, found = onsets.system(model, "saddle_node"), []
    for _, *state, value in roots:
        full = {**params, name: value}
        point = np.array([*state, *(full[n] for n in model.parameters)])
        onset = onsets.onset_at(model, system, point)
        if onset is not None and onset.kind == "saddle_node":
            found.append(onset)
    return found


@functools.cache
def _is_polynomial(model, name):
    symbols = linear.symbols(model)
    if len(model.species) > 2 or onsets.system(model, "saddle_node") is None:
        return False
    if symbols.params[name] not in set().union(
        *(rate.free_symbols for rate in symbols.rates)
    ):
        return False
    return all(
        r.is_polynomial(*symbols.state, symbols.params[name]) for r in symbols.rates
    )


@functools.cache
def _augmented(model, name):
    """A model whose uniform states are the saddle-nodes along one parameter.

    Its first species is the inverse of that parameter, if that has to be positive: at
    zero there may be a continuum of them, which elimination cannot pass by.
    """
    system, params = onsets.system(model, "saddle_node"), model.parameters
    others = [n for n in params if n != name]
    positive = params[name].lower >= 0

    def reaction(state, params):
        inverse, *state, value = state
        full = {**params, name: value}
        rates = system.value(*state, *(full[n] for n in model.parameters))
        return (inverse * (value if positive else 1) - 1, *rates)

    names = ("inverse_of_the_parameter", *model.species, name)
    parameters = {n: Parameter(params[n].default) for n in others}
    return ReactionDiffusion(
        name=f"{model.name}_folds",
        species=names,
        reaction=reaction,
        diffusivity={},
        parameters=parameters,
    )


def born(model, onset, name) -> tuple[dict[str, float], np.ndarray] | None:
    """(parameters, state) just inside a saddle-node: the one of the pair with D > 0.

    Args:
      onset: a saddle-node.
      name: the parameter that is moved, by a thousandth.
    """
    system = onsets.system(model, "saddle_node")
    point = np.array([*onset.state, *(onset.params[n] for n in model.parameters)])
    form = onsets.fold(model, system, point)
    push = form.push[list(model.parameters).index(name)]
    if push * form.curvature == 0:
        return None
    move = -np.sign(push * form.curvature) * 1e-3 * (abs(onset.params[name]) or 1.0)
    params = {**onset.params, name: onset.params[name] + move}
    apart = np.sqrt(-2 * push * move / form.curvature) * form.direction
    for guess in (onset.state + apart, onset.state - apart):
        floor = branches.floor_of(onset.state)
        state, reached = branches.settle(model, params, guess, floor)
        if reached and linear.polynomials(model, params, state)[0][0] > 0:
            return params, state
    return None
