"""The equations as a linear part that is diagonal in modes, and the rest.

    ds/dt = L s + N(s),    L_ij = c_ij ∇² + e_ij ∇⁴

c and e are the diffusivities and the parts of Q and P that are linear about s = 0 (see
`rdtf.models.ReactionDiffusion`); N is the reaction, what Q and P have besides, and the
values of the boundary. For each mode of the Laplacian L is a small matrix of numbers,
one row and column per species, so that schemes take it implicitly or exactly. It is
kept as a dict (i, j) -> `[1 or B, *modes]`; what it leaves out is zero.
"""

from __future__ import annotations

import functools

import tensorflow as tf

from rdtf.models import ReactionDiffusion, derivatives
from rdtf.operators import finite_differences
from rdtf.operators.finite_differences import DiffusionOperator
from rdtf.operators.fourier import Modes
from rdtf.schemes.base import Scheme, check_transport
from rdtf.status import InputError
from rdtf.types import Params, State

Matrix = dict[tuple[int, int], tf.Tensor]


class Splitting:
    """L and N of a model, for the operator of a grid.

    Args:
      scheme: named where it cannot be used.
      model: the equations.
      operator: the Laplacian.
      varying: names of the parameters that are fields.

    Attributes:
      modes: of the Laplacian.
      moving: indices of the species that L acts on; the others need no transform.
      is_diagonal: whether L couples no two species.
    """

    def __init__(
        self,
        scheme: Scheme,
        model: ReactionDiffusion,
        operator: DiffusionOperator,
        varying: tuple[str, ...],
    ):
        check_transport(model, operator, varying)
        moved = [name for name in linear_parameters(model) if name in varying]
        if moved:
            raise InputError(
                f"Expected uniform diffusivities for scheme {scheme.name}, got fields "
                f"of {', '.join(moved)}: use an explicit scheme, such as rk4."
            )
        self._model, self._operator = model, operator
        self.modes = Modes(operator.grid, operator.kind)
        self._axes = [(None, self.modes.eigenvalues())]
        if not all(isinstance(v, str) for v in model.diffusivity.values()):
            self._axes += [
                (axis, self.modes.eigenvalues(axis))
                for axis in range(operator.grid.ndim)
            ]
        self._terms = _linear_terms(model)
        pairs = set(self._terms) | {
            (i, i) for i, n in enumerate(model.species) if n in model.diffusivity
        }
        self.moving = sorted({i for pair in pairs for i in pair})
        self.is_diagonal = all(i == j for i, j in pairs)

    def symbol(self, params: Params) -> Matrix:
        """L of every mode, from parameters that are columns `[1 or B, ...]`."""
        eigenvalues = dict(self._axes)
        ones = [1] * eigenvalues[None].shape.rank
        columns = {}
        for name, value in params.items():
            column = tf.reshape(value, [value.shape[0], -1])[:, :1]
            columns[name] = tf.reshape(column, [-1, *ones])
        matrix = {}
        for i, name in enumerate(self._model.species):
            value = self._model.diffusivity.get(name)
            if value is not None:
                by_axis = (
                    [(None, value)] if isinstance(value, str) else enumerate(value)
                )
                matrix[i, i] = sum(columns[n] * eigenvalues[a] for a, n in by_axis)
        q = eigenvalues[None]
        for pair, terms in self._terms.items():
            second, fourth = terms(columns)
            total = second * q + fourth * q * q
            matrix[pair] = matrix[pair] + total if pair in matrix else total
        return matrix

    def remainder(self, state: State, params: Params, given: bool = True) -> State:
        """N, as fields of the state's shape; without the boundary's if not `given`."""
        shape = state[0].shape
        found = [tf.broadcast_to(r, shape) for r in self._model.reaction(state, params)]
        if given and not self._operator.grid.reflects:
            found = [f + g for f, g in zip(found, self.given(params), strict=True)]
        bent = self._bent(state, params)
        if bent is not None:
            curved = self._operator.laplacian(bent)
            found = [f + b for f, b in zip(found, curved, strict=True)]
        return tuple(found)

    def given(self, params: Params):
        """D b, fields or 0: what the values of the boundary add to D ∇²s."""
        found = []
        for i, name in enumerate(self._model.species):
            offset = finite_differences.offsets(self._operator.grid, i)
            if offset is None or name not in self._model.diffusivity:
                found.append(0.0)
                continue
            d = params[self._model.diffusivity[name]]
            if d.shape.rank > 2:  # fields, not rows
                offset = tf.reshape(offset, [1, *self._operator.grid.shape])
            found.append(d * offset)
        return found

    def _bent(self, state, params):
        """Q + ∇²P without what L has of them, or None if that is all."""
        model, total = self._model, None
        for power, terms in enumerate((model.laplacian_terms, model.bilaplacian_terms)):
            if terms is None or not _is_nonlinear(model, power):
                continue
            values = [
                tf.broadcast_to(q, s.shape)
                for q, s in zip(terms(state, params), state, strict=True)
            ]
            for (i, j), linear in self._terms.items():
                values[i] = values[i] - linear(params)[power] * state[j]
            if power == 1:
                values = self._operator.laplacian(tuple(values))
            total = (
                values
                if total is None
                else [t + v for t, v in zip(total, values, strict=True)]
            )
        return None if total is None else tuple(total)


def linear_parameters(model: ReactionDiffusion) -> tuple[str, ...]:
    """Names of the parameters in L: as fields they would not be diagonal in modes."""
    names = list(model.diffusivities)
    if model.laplacian_terms is not None or model.bilaplacian_terms is not None:
        found = {s.name for slopes in _parts(model)[0] for s in slopes.free_symbols}
        names += [n for n in model.parameters if n in found and n not in names]
    return tuple(names)


@functools.cache
def _parts(model):
    """(Jacobians of Q and P at s = 0, whether each is more than that), by SymPy."""
    import sympy

    found = derivatives.of(model, axis=None)
    origin = dict.fromkeys(found.state, 0)
    jacobians, nonlinear = [], []
    for term in ("Q", "P"):
        slopes = sympy.Matrix(found.by_state[term]).subs(origin)
        rest = sympy.Matrix(found.terms[term]) - slopes * sympy.Matrix(found.state)
        rest = rest.applyfunc(sympy.simplify)
        jacobians.append(slopes)
        nonlinear.append(not rest.is_zero_matrix)
    return jacobians, nonlinear


def _is_nonlinear(model, power):
    return _parts(model)[1][power]


@functools.cache
def _linear_terms(model):
    """(i, j) -> function of the parameters: (c_ij, e_ij), without the diffusivities."""
    if model.laplacian_terms is None and model.bilaplacian_terms is None:
        return {}
    params = derivatives.of(model, axis=None).params
    second, fourth = _parts(model)[0]
    functions = {}
    for i in range(second.rows):
        for j in range(second.cols):
            if second[i, j] != 0 or fourth[i, j] != 0:
                pair = [second[i, j], fourth[i, j]]
                functions[i, j] = derivatives.compiled(
                    list(params.values()), pair, "tensorflow"
                )
    return {
        pair: lambda values, f=f: f(*(values[name] for name in params))
        for pair, f in functions.items()
    }
