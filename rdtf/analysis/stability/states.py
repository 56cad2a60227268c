"""The uniform states of a model and how they answer to uniform disturbances."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from rdtf import homogeneous
from rdtf.analysis.stability import linear
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

# An eigenvalue this small against the largest entry of ∂R/∂s counts as on the axis; a
# double root, as on a fold, is known to no more than the square root of the precision.
_MARGINAL = 1e-6


@dataclasses.dataclass(frozen=True, kw_only=True)
class UniformState:
    """One state with R(s) = 0.

    Attributes:
      values: species -> value.
      eigenvalues: of ∂R/∂s, complex `[species]`, the largest real part first, 1 / time.
      trace, determinant: of ∂R/∂s.
      kind: stable or unstable node or focus, saddle, centre, or marginal (an eigenvalue
        at zero: a fold, a branch point, or something conserved).
    """

    values: dict[str, float]
    eigenvalues: np.ndarray
    trace: float
    determinant: float
    kind: str

    @property
    def vector(self) -> np.ndarray:
        """The values, `[species]`."""
        return np.array(list(self.values.values()))

    @property
    def is_stable(self) -> bool:
        """Whether every uniform disturbance decays."""
        return self.kind.startswith("stable")


def uniform_states(
    model: ReactionDiffusion, params: Mapping[str, float]
) -> list[UniformState]:
    """All real uniform states, sorted by the first species, with their stability.

    The states are those of `rdtf.homogeneous.states`; a disturbance x of one follows
    dx/dt = ∂R/∂s x (Strogatz, Nonlinear Dynamics and Chaos, 2015, section 5.2).

    Raises:
      InputError: if the reaction is not rational in the species, if there is a
        continuum of states (something is conserved), or parameters are missing or
        unknown.
    """
    return [describe(model, params, s) for s in homogeneous.states(model, params)]


def describe(
    model: ReactionDiffusion,
    params: Mapping[str, float],
    state: Mapping[str, float] | Sequence[float],
) -> UniformState:
    """The stability of a given uniform state.

    Args:
      state: species -> value, or the values in order.

    Raises:
      InputError: if a species is missing or unknown, or R is not zero there.
    """
    model.check_names(params)
    vector = _vector(model, state)
    rates = linear.rates(model, params, vector)
    matrix = linear.jacobians(model, params, vector)[0]
    scale = np.abs(matrix).max() * (np.abs(vector).max() + 1e-3) + 1e-300
    if not np.isfinite(rates).all() or np.abs(rates).max() > 1e-6 * scale:
        raise InputError(
            f"Expected a uniform state of {model.name}, where the reaction is zero, "
            f"got {_text(model, vector)}: see rdtf.homogeneous.states."
        )
    eigenvalues = np.linalg.eigvals(matrix).astype(np.complex128)
    eigenvalues = eigenvalues[np.lexsort((-eigenvalues.imag, -eigenvalues.real))]
    return UniformState(
        values=dict(zip(model.species, map(float, vector), strict=True)),
        eigenvalues=eigenvalues,
        trace=float(np.trace(matrix)),
        determinant=float(np.linalg.det(matrix)),
        kind=_kind(eigenvalues, np.abs(matrix).max()),
    )


def select_state(model, params, state=None) -> UniformState:
    """The state that an analysis is about.

    Args:
      state: a `UniformState`, an index into `uniform_states`, values as in `describe`;
        None takes, of all that are no saddles, those with the fewest species at zero,
        and of these the one whose slowest disturbance, uniform or not, decays most
        slowly or grows fastest.

    Raises:
      InputError: if there is no such state.
    """
    if isinstance(state, UniformState):
        return state
    if state is not None and not isinstance(state, int):
        return describe(model, params, state)
    found = uniform_states(model, params)
    if not found:
        raise InputError(f"{model.name} has no uniform state at these parameters.")
    if state is not None:
        if not 0 <= state < len(found):
            raise InputError(
                f"Expected the number of a uniform state below {len(found)}, got "
                f"{state}."
            )
        return found[state]

    def rank(candidate):
        present = int((np.abs(candidate.vector) > 1e-9).sum())
        return candidate.kind != "saddle", present, _fastest(model, params, candidate)

    return max(found, key=rank)


def _fastest(model, params, state):
    """About the largest real part over all wavenumbers."""
    part = linear.jacobians(model, params, state.vector)
    real, pair = linear.polynomials(model, params, state.vector)
    points = [0.0] + [linear.lowest(p)[1] for p in (real, pair)]
    return max(
        np.linalg.eigvals(part[0] - x * part[1] + x * x * part[2]).real.max()
        for x in points
        if np.isfinite(x)
    )


def _kind(eigenvalues, scale):
    tolerance = _MARGINAL * scale
    real = eigenvalues.real
    turning = np.abs(eigenvalues.imag) > tolerance
    on_axis = np.abs(real) <= tolerance
    if (on_axis & ~turning).any():
        return "marginal"
    if on_axis.any():
        return "centre"
    if (real > 0).any() and (real < 0).any() and not turning[np.argmax(real)]:
        return "saddle"
    side = "unstable" if (real > 0).any() else "stable"
    return f"{side} {'focus' if turning[np.argmax(real)] else 'node'}"


def _vector(model, state):
    if isinstance(state, Mapping):
        for name in state:
            model.check_species(name)
        missing = [name for name in model.species if name not in state]
        if missing:
            raise InputError(
                f"Expected a value of every species of {model.name}, missing: "
                f"{', '.join(missing)}."
            )
        state = [state[name] for name in model.species]
    vector = np.asarray(state, np.float64)
    if vector.shape != (len(model.species),):
        raise InputError(
            f"Expected one value for each of {', '.join(model.species)}, got "
            f"{vector.size}."
        )
    return vector


def _text(model, vector):
    return ", ".join(f"{n} = {x:g}" for n, x in zip(model.species, vector, strict=True))
