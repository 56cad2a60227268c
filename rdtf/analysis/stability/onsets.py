"""Bifurcations of uniform states as systems of equations, and Newton on them.

With D and H of `rdtf.analysis.stability.linear`, functions of κ = k², the state s and
parameters p,

    saddle_node   R = 0, D(0) = 0                     two states meet and vanish
    branch_point  the same, where a state persists    transcritical, pitchfork
    hopf          R = 0, H(0) = 0, a pair ± i ω       uniform oscillation
    turing        R = 0, D = ∂D/∂κ = 0 at κ > 0       a stationary wave
    wave          R = 0, H = ∂H/∂κ = 0 at κ > 0, ± i ω  an oscillating wave

the last two of a state that is stable to uniform disturbances. Each has one equation
more than unknowns (s, κ): a surface in the space of parameters. Kuznetsov, Elements of
Applied Bifurcation Theory, doi:10.1007/978-1-4757-3978-7; Turing 1952,
doi:10.1098/rstb.1952.0012.
"""

import functools
from typing import NamedTuple

import numpy as np

from rdtf.analysis.stability import linear
from rdtf.models import ReactionDiffusion, derivatives

KINDS = ("saddle_node", "branch_point", "hopf", "turing", "wave")
SYSTEMS = ("saddle_node", "hopf", "turing", "wave")
_TOLERANCE = 1e-7


class Onset(NamedTuple):
    """A point of a bifurcation surface.

    Attributes:
      kind: of `KINDS`.
      params: all parameters there.
      state: the uniform state, `[species]`.
      kappa: k² of the critical wave; 0 for a uniform one.
      frequency: ω; 0 for a real eigenvalue.
    """

    kind: str
    params: dict[str, float]
    state: np.ndarray
    kappa: float
    frequency: float


class System(NamedTuple):
    """One bifurcation as equations G(z, p) = 0 with z = (s, κ) or s.

    Attributes:
      kind: of `SYSTEMS`.
      unknowns: how many z there are.
      equations: SymPy, one more than the unknowns.
      arguments: the symbols (z, p).
      value, slope: NumPy functions of (z, p): G and ∂G/∂(z, p).
    """

    kind: str
    unknowns: int
    equations: list
    arguments: list
    value: object
    slope: object

    @property
    def has_wave(self) -> bool:
        """Whether κ is an unknown."""
        return self.kind in ("turing", "wave")


@functools.cache
def system(model: ReactionDiffusion, kind: str, axis: int = -1) -> System | None:
    """The equations of a bifurcation; None if the model cannot have it."""
    import sympy

    found = linear.symbols(model, axis)
    kappa = found.kappa
    test = found.real if kind in ("saddle_node", "turing") else found.pair
    if test is None or (
        kind in ("turing", "wave") and sympy.Poly(test, kappa).degree() < 2
    ):
        return None  # without a second power of κ there is no least value at κ > 0
    if kind in ("turing", "wave"):
        unknowns = [*found.state, kappa]
        equations = [*found.rates, test, derivatives.differentiate(test, kappa)]
    else:
        unknowns, test = list(found.state), test.subs(kappa, 0)
        equations = [*found.rates, test]
    if test == 0:
        return None  # something is conserved: zero everywhere
    arguments = [*unknowns, *found.params.values()]
    slope = derivatives.jacobian(equations, arguments)
    value = derivatives.compiled(arguments, equations)
    slope = derivatives.compiled(arguments, slope)
    return System(
        kind=kind,
        unknowns=len(unknowns),
        equations=equations,
        arguments=arguments,
        value=value,
        slope=slope,
    )


def start(onset_system: System, model, params, state) -> np.ndarray | None:
    """(z, p) at a state, with κ where the test function is least; None without one.

    Args:
      onset_system: of the bifurcation.
      model: its equations.
      params: all parameters.
      state: `[species]`.
    """
    z = list(state)
    if onset_system.has_wave:
        pair = onset_system.kind == "wave"
        kappa = linear.lowest(linear.polynomials(model, params, state)[pair])[1]
        if not np.isfinite(kappa):
            return None
        z.append(kappa)
    return np.array([*z, *(params[n] for n in model.parameters)], np.float64)


def newton(onset_system: System, point, free, steps: int = 40) -> np.ndarray | None:
    """The nearest solution by Gauss-Newton, or None; the parameters in `free` move.

    Steps are shortest in units of the size of each unknown, so with two free parameters
    a point falls perpendicularly, about, onto a curve.

    Args:
      onset_system: of the bifurcation.
      point: (z, p).
      free: indices into p.
      steps: at most.
    """
    unknowns = onset_system.unknowns
    columns = [*range(unknowns), *(unknowns + i for i in free)]
    point = np.array(point, np.float64)
    scale = np.maximum(np.abs(point[columns]), 1e-3 * np.abs(point).max())
    last = np.inf
    for _ in range(steps):
        with np.errstate(all="ignore"):
            value = np.array(onset_system.value(*point), np.float64)
            slope = np.array(onset_system.slope(*point), np.float64)[:, columns] * scale
        if not (np.isfinite(value).all() and np.isfinite(slope).all()):
            return None
        rows = np.abs(slope).max(axis=1) + 1e-300
        step = np.linalg.lstsq(slope / rows[:, None], value / rows, rcond=1e-13)[0]
        size = np.abs(step).max()
        point[columns] -= step * min(1.0, 0.5 / max(size, 1e-300)) * scale
        if size < 1e-14 or (size < 1e-9 and size >= last):
            break
        last = size
    solved = size < _TOLERANCE and (np.abs(value) <= 1e-6 * rows).all()
    return point if solved else None


def onset_at(model, onset_system: System, point) -> Onset | None:
    """The onset at a solution (z, p), or None if it is of another kind."""
    count = len(model.species)
    state, params = point[:count], point[onset_system.unknowns :]
    params = dict(zip(model.parameters, map(float, params), strict=True))
    inside = all(
        model.parameters[n].lower <= x <= model.parameters[n].upper
        for n, x in params.items()
    )
    kappa = float(point[count]) if onset_system.has_wave else 0.0
    if not inside or not np.isfinite(point).all() or kappa < 0:
        return None
    kind, parts = onset_system.kind, linear.jacobians(model, params, state)
    matrix = parts[0] - kappa * parts[1] + kappa**2 * parts[2]
    eigenvalues = np.linalg.eigvals(matrix)
    scale = np.abs(matrix).max() + 1e-300
    if kind == "saddle_node":
        kind = _meeting(model, onset_system, point)
        return kind and Onset(kind, params, state, 0.0, 0.0)
    frequency = 0.0
    if kind in ("hopf", "wave"):
        turning = eigenvalues[np.abs(eigenvalues.imag) > 1e-6 * scale]
        if not turning.size or np.abs(turning.real).min() > 1e-6 * scale:
            return None  # a real pair of opposite sign: a neutral saddle
        frequency = float(abs(turning[np.argmin(np.abs(turning.real))].imag))
    if onset_system.has_wave and not _is_least(model, params, state, kind, kappa):
        return None
    return Onset(kind, params, state, kappa, frequency)


def _is_least(model, params, state, kind, kappa):
    """Whether k² = κ > 0 is the first of all waves, uniform ones too, to grow."""
    uniform = np.linalg.eigvals(linear.jacobians(model, params, state)[0])
    if uniform.real.max() >= 0:
        return False
    real, pair = linear.polynomials(model, params, state)
    test = pair if kind == "wave" else real
    least, where = linear.lowest(test)
    close = abs(where - kappa) <= 1e-4 * kappa
    return kappa > 0 and close and least < test[0]


class Fold(NamedTuple):
    """The normal form push · δp + curvature a² / 2 = 0 of states s + a direction.

    Attributes:
      push: `[params]`, w ∂R/∂p with the left null vector w of ∂R/∂s.
      curvature: w ∂²R/∂s² v v; zero at a cusp.
      direction: v, the right null vector, `[species]`.
    """

    push: np.ndarray
    curvature: float
    direction: np.ndarray


def fold(model, onset_system: System, point) -> Fold:
    """The normal form of the states near a point (s, p) with det ∂R/∂s = 0.

    ∂D/∂s is (-1)ⁿ trace(adj(∂R/∂s) ∂²R/∂s²), and the adjugate of a singular matrix is
    c v wᵀ, so the gradient of D has the curvature in it.
    """
    count = len(model.species)
    slope = np.array(onset_system.slope(*point), np.float64)
    u, singular, v = np.linalg.svd(slope[:count, :count])
    w, v_last = u[:, -1], v[-1]
    factor = np.linalg.det(u) * np.linalg.det(v) * np.prod(singular[:-1])
    bend = (-1) ** count * slope[count, :count] @ v_last
    return Fold(w @ slope[:count, count:], float(bend / factor), v_last)


def _meeting(model, onset_system, point):
    """saddle_node; branch_point if no parameter pushes; None at a cusp or worse."""
    count = len(model.species)
    form = fold(model, onset_system, point)
    slope = np.array(onset_system.slope(*point), np.float64)
    size = np.abs(slope[:count, count:]).max() + 1e-300
    if np.abs(form.push).max() < 1e-6 * size:
        return "branch_point"
    size = np.abs(slope[:count, :count]).max() / (np.abs(point[:count]).max() + 1e-300)
    return "saddle_node" if abs(form.curvature) > 1e-5 * size else None
