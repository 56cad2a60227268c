"""How fast diffusion and reaction are, and the time step and scheme that follow."""

import itertools
import math
from collections.abc import Mapping

import numpy as np

from rdtf import homogeneous
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion, derivatives
from rdtf.operators import modes
from rdtf.schemes.base import Scheme, spectral_radius
from rdtf.schemes.splitting import linear_parameters
from rdtf.status import InputError

_STIFF = 30.0  # of diffusion over reaction, beyond which explicit steps are wasted
_MATRIX_CELLS = 512  # along an axis; beyond, products with its modes are slow


def largest_diffusivity(
    model: ReactionDiffusion,
    params: Mapping,
    grid: Grid,
    laplacian: str = "second_order",
    scheme: Scheme | None = None,
) -> np.ndarray:
    """Fastest diffusion on a grid over the largest |eigenvalue| of ∇²: `[]` or `[B]`.

    max D where a model has one diffusivity per species. Else what acts like it: the
    largest |eigenvalue| of -κ ∂Q/∂s + κ² ∂P/∂s over 0 <= κ <= max |∇²|, over the
    latter, linearized about the model's background, or zero, and the corners of its
    valid range. In length² / time.

    Args:
      model: the equations.
      params: name -> number, vector `[B]` or field.
      grid, laplacian: what ∇² is.
      scheme: if explicit, eigenvalues that are not real count by how far its stability
        region reaches in their direction, compared with the negative real axis.
    """
    rate = _diffusion_rate(model, params, grid, laplacian, scheme)
    return rate / spectral_radius(grid, laplacian)


def _diffusion_rate(model, params, grid, laplacian, scheme=None):
    alone = model.laplacian_terms is None and model.bilaplacian_terms is None
    names = model.diffusivities if alone else model.parameters
    arrays = {n: np.asarray(params[n], np.float64) for n in names}
    arrays = {n: v.max() if v.ndim > 1 else v for n, v in arrays.items()}  # fields
    if alone:
        largest = np.float64(0.0)
        for value in model.diffusivity.values():
            if isinstance(value, str):
                rate = arrays[value] * spectral_radius(grid, laplacian)
            else:
                rate = sum(
                    arrays[n] * np.abs(modes.eigenvalues(grid, laplacian, axis)).max()
                    for axis, n in enumerate(value)
                )
            largest = np.maximum(largest, rate)
        return largest
    batch = np.broadcast_shapes(*(v.shape for v in arrays.values()))
    columns = [np.broadcast_to(v, batch).ravel() for v in arrays.values()]
    found = [
        _largest_eigenvalue(model, grid, laplacian, values, scheme)
        for values in zip(*columns, strict=True)
    ]
    return np.reshape(found, batch)


def _largest_eigenvalue(model, grid, laplacian, values, scheme):
    kappa = np.linspace(0.0, spectral_radius(grid, laplacian), 65)[:, None, None]
    rates = []
    for state in _reference_states(model):
        _, second, fourth = _slopes(model, state, values)
        matrices = -kappa * second + kappa**2 * fourth
        eigenvalues = np.linalg.eigvals(matrices).ravel()
        sizes = np.abs(eigenvalues)
        if scheme is not None and scheme.is_explicit:
            sizes = sizes * scheme.real_stability / scheme.reach(eigenvalues)
        rates.append(sizes.max())
    return max(rates)


def _reference_states(model):
    yield model.start.background or (0.0,) * len(model.species)
    ranges = [model.valid_range.get(n, (0.0, 0.0)) for n in model.species]
    if any(r != (0.0, 0.0) and np.isfinite(r).all() for r in ranges):
        yield from itertools.product(*ranges)


def _slopes(model, state, values):
    """∂R/∂s, ∂Q/∂s with D in it, and ∂P/∂s at a uniform state, as arrays."""
    found, params = (
        derivatives.of(model),
        dict(zip(model.parameters, values, strict=True)),
    )
    return [
        np.array(found.functions("numpy", term).by_state(state, params), np.float64)
        for term in derivatives.TERMS
    ]


def reaction_rate(model: ReactionDiffusion, params: Mapping[str, float]) -> float:
    """Largest |eigenvalue| of ∂R/∂s at the uniform states of a model, 1 / time.

    Of those without a negative value, if there are any. Zero if it has no uniform
    state, or if they cannot be found (see `rdtf.homogeneous`).
    """
    try:
        states = homogeneous.states(model, params)
    except InputError:
        return 0.0
    positive = states[(states >= 0.0).all(axis=1)]
    values = [params[name] for name in model.parameters]
    matrices = [
        _slopes(model, state, values)[0]
        for state in (positive if len(positive) else states)
    ]
    return max((np.abs(np.linalg.eigvals(m)).max() for m in matrices), default=0.0)


def rounded_time_step(bound: float, reaction_rate: float = 0.0) -> float:
    """The largest of 1, 2, 5 times a power of ten within 80 % of the stability bound.

    Also within half of the reaction's time, 1 / `reaction_rate`; where diffusion sets
    no bound (it is infinite), within 1 and a fifth of it, as away from the uniform
    states a reaction is several times as fast.
    """
    bound = 0.8 * bound
    if math.isinf(bound):
        bound = 1.0 / max(1.0, 5.0 * reaction_rate)
    elif reaction_rate > 0.0:
        bound = min(bound, 0.5 / reaction_rate)
    power = 10.0 ** math.floor(math.log10(bound))
    # log10 rounds: a bound just below a power of ten may look like that power.
    return max(m * power for m in (0.5, 1.0, 2.0, 5.0) if m * power <= bound)


def choose(
    model: ReactionDiffusion,
    params: Mapping[str, float],
    grid: Grid,
    laplacian: str = "second_order",
    varying: tuple[str, ...] = (),
) -> tuple[str, str]:
    """(name of a scheme, the reason for it in one line).

    etdrk4 where diffusion is stiff beside the reaction, as an explicit scheme would
    take steps that only its stability asks for; tsit5 where it is not. etdrk4 needs
    uniform diffusivities, and axes short enough for matrices where they are not
    periodic.

    Args:
      model: the equations.
      params: name -> number.
      grid, laplacian: what ∇² is.
      varying: names of the parameters that are fields.
    """
    moved = [n for n in linear_parameters(model) if n in varying]
    if moved:
        return "tsit5", f"{', '.join(moved)} varies in space, which modes do not allow"
    if grid.boundary != "periodic" and max(grid.shape) > _MATRIX_CELLS:
        return "tsit5", f"more than {_MATRIX_CELLS} cells along a side, not periodic"
    diffusion = float(np.max(_diffusion_rate(model, params, grid, laplacian)))
    scalars = {n: float(np.mean(np.asarray(params[n]))) for n in model.parameters}
    reaction = max(reaction_rate(model, scalars), 1e-3 * diffusion, 1e-300)
    ratio = diffusion / reaction
    words = f"diffusion is {ratio:.2g} times as fast as the reaction"
    if reaction == 1e-3 * diffusion:
        words = "diffusion is over 1000 times as fast as the reaction"
    if model.bilaplacian_terms is not None:
        return "etdrk4", f"{model.name} has derivatives of fourth order; {words}"
    if ratio > _STIFF:
        return "etdrk4", f"{words}: stiff"
    return "tsit5", f"{words}: not stiff"
