"""Time-stepping schemes: each a step factory with its order and stability bound.

A scheme advances  ds/dt = D ∇²s + R(s, params)  by one `time_step`. Its diffusive
stability bound is  time_step * max(D) * |largest eigenvalue of ∇²| <= real_stability,
where `real_stability` is how far its stability region reaches along the negative real
axis (Hairer & Wanner 1996, section IV.2). For Euler in 2-D it reads D dt / h² <= 1/4.
etdrk4 takes diffusion exactly and has no such bound; its reaction has one, as in rk4.
"""

import math
from collections.abc import Mapping

import numpy as np

from rdtf import homogeneous
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.schemes.base import (
    FORWARD_EULER,
    RK4,
    Scheme,
    prepare,
    rate,
    spectral_radius,
)
from rdtf.schemes.exponential import ETDRK4
from rdtf.status import InputError

SCHEMES = {scheme.name: scheme for scheme in (FORWARD_EULER, RK4, ETDRK4)}


def get(name: str) -> Scheme:
    """The scheme of that name; raises InputError if there is none."""
    if name not in SCHEMES:
        raise InputError(f"Expected a scheme among {', '.join(SCHEMES)}, got {name!r}.")
    return SCHEMES[name]


def suggest_time_step(
    scheme: Scheme,
    grid: Grid,
    diffusivity: float,
    laplacian: str = "second_order",
    reaction_rate: float = 0.0,
) -> float:
    """The largest of 1, 2, 5 times a power of ten within 80 % of the stability bound.

    Where diffusion sets no bound: within 1, and within a fifth of 1 / `reaction_rate`,
    as away from the uniform states a reaction is several times as fast.
    """
    bound = 0.8 * scheme.largest_time_step(grid, diffusivity, laplacian)
    if math.isinf(bound):
        bound = 1.0 / max(1.0, 5.0 * reaction_rate)
    power = 10.0 ** math.floor(math.log10(bound))
    # log10 rounds: a bound just below a power of ten may look like that power.
    return max(m * power for m in (0.5, 1.0, 2.0, 5.0) if m * power <= bound)


def reaction_rate(model: ReactionDiffusion, params: Mapping[str, float]) -> float:
    """Largest |eigenvalue| of ∂R/∂s at the uniform states of a model, 1 / time.

    Zero if it has none, or if they cannot be found (see `rdtf.homogeneous`).
    """
    import sympy

    try:
        states = homogeneous.states(model, params)
    except InputError:
        return 0.0
    species, names, reaction = model.equations()
    slopes = sympy.Matrix(reaction).jacobian(species)
    slopes = slopes.subs({symbol: params[name] for name, symbol in names.items()})
    evaluate = sympy.lambdify(species, slopes, "numpy")
    matrices = [np.array(evaluate(*state), np.float64) for state in states]
    return max((np.abs(np.linalg.eigvals(m)).max() for m in matrices), default=0.0)


__all__ = [
    "ETDRK4",
    "FORWARD_EULER",
    "RK4",
    "SCHEMES",
    "Scheme",
    "get",
    "prepare",
    "rate",
    "reaction_rate",
    "spectral_radius",
    "suggest_time_step",
]
