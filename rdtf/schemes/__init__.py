"""Time-stepping schemes: each a step factory with its order and stability bound.

A scheme advances  ds/dt = D ∇²s + R(s, params)  by one `time_step`. Its diffusive
stability bound is  time_step * max(D) * |largest eigenvalue of ∇²| <= real_stability,
where `real_stability` is how far its stability region reaches along the negative real
axis (Hairer & Wanner 1996, section IV.2). For Euler in 2-D it reads D dt / h² <= 1/4.
The implicit and exponential ones have no such bound; their reaction has one of its own.

    scheme           order   diffusion
    forward_euler      1     explicit
    heun               2     explicit
    rk4                4     explicit
    tsit5              5     explicit
    cnab2              2     implicit, Crank-Nicolson
    sbdf2              2     implicit, damps what is stiff
    strang             2     exact, split from the reaction
    etdrk4             4     exact

tsit5 and etdrk4 also come with error control: `Simulation.integrate`.
"""

from collections.abc import Mapping

import numpy as np

from rdtf import lazy
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.schemes import pairs, stiffness
from rdtf.schemes.base import (
    MakeStep,
    Scheme,
    begin,
    check_transport,
    prepare,
    rate,
    spectral_radius,
)
from rdtf.schemes.explicit import FORWARD_EULER, HEUN, RK4, TSIT5, RungeKutta
from rdtf.schemes.exponential import ETDRK4
from rdtf.schemes.implicit_explicit import CNAB2, SBDF2
from rdtf.schemes.stiffness import choose, largest_diffusivity, reaction_rate
from rdtf.schemes.strang import STRANG
from rdtf.status import InputError

SCHEMES = {
    scheme.name: scheme
    for scheme in (FORWARD_EULER, HEUN, RK4, TSIT5, CNAB2, SBDF2, STRANG, ETDRK4)
}


def get(name: str) -> Scheme:
    """The scheme of that name; raises InputError if there is none."""
    if name not in SCHEMES:
        raise InputError(f"Expected a scheme among {', '.join(SCHEMES)}, got {name!r}.")
    return SCHEMES[name]


def default_time_step(
    model: ReactionDiffusion,
    params: Mapping[str, float | np.ndarray],
    grid: Grid,
    scheme: str = "forward_euler",
    laplacian: str = "second_order",
) -> float:
    """The time step where none is given, stable for every parameter set.

    The largest of 1, 2, 5 times a power of ten that is within 80 % of the bound of
    diffusion (`largest_diffusivity`) and half of the reaction's time, 1 /
    `reaction_rate`. Schemes without a bound of diffusion stay within 1 and a fifth of
    the reaction's time.

    Args:
      model: the equations.
      grid: where they are solved.
      params: numbers or `[B]` vectors, which may be mixed.
      scheme: a name of `SCHEMES`.
      laplacian: a name of `rdtf.operators.laplacians.LAPLACIANS`.

    Raises:
      InputError: if there is no such scheme, or parameters are missing or unknown.
    """
    used = get(scheme)
    model.check_names(params)
    largest = np.max(largest_diffusivity(model, params, grid, laplacian, used))
    columns = np.broadcast_arrays(*(np.atleast_1d(params[n]) for n in model.parameters))
    sets = [
        dict(zip(model.parameters, map(float, values), strict=True))
        for values in zip(*columns, strict=True)
    ] or [{}]
    fastest = max(reaction_rate(model, values) for values in sets)
    bound = used.largest_time_step(grid, float(largest), laplacian)
    return stiffness.rounded_time_step(bound, fastest)


__all__ = [
    "CNAB2",
    "ETDRK4",
    "FORWARD_EULER",
    "HEUN",
    "RK4",
    "SBDF2",
    "SCHEMES",
    "STRANG",
    "TSIT5",
    "MakeStep",
    "RungeKutta",
    "Scheme",
    "begin",
    "check_transport",
    "choose",
    "default_time_step",
    "get",
    "largest_diffusivity",
    "pairs",
    "prepare",
    "rate",
    "reaction_rate",
    "spectral_radius",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
