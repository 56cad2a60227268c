"""The hidden species behind observed fields, as a state that simulations start from."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from rdtf.grids import Grid
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.models import ReactionDiffusion


class TargetState:
    """Observed fields and the hidden species that a steady state has beside them.

    Args:
      model: whose hidden species are linear in turn.
      grid: of the fields.
      observe: the observed species.
      fields: float64 `[n, *grid.shape]`.
      params: typical values, where a decay rate is chosen.
    """

    def __init__(
        self,
        model: ReactionDiffusion,
        grid: Grid,
        observe: str,
        fields: np.ndarray,
        params: Mapping[str, float],
    ):
        self._fields = np.asarray(fields, np.float64)
        domain = WholeDomain(grid, "second_order")
        self._map = SteadyMap(model, observe, domain, (self._fields, params))
        self._names = list(model.parameters)

    def numpy(self, params: Mapping[str, float]):
        """(state, {parameter: derivative of the state}), arrays per species."""
        point = self._map(self._fields, params)
        zeros = np.zeros_like(self._fields)
        slopes = {}
        for name in self._names:
            hidden = point.hidden_by_param(name)
            slopes[name] = [hidden.get(i, zeros) for i in range(len(point.fields))]
        state = [zeros if field is None else field for field in point.fields]
        return state, slopes

    def tensors(self, params: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """The state of scalar eager tensors, differentiable in them by a tape."""

        @tf.custom_gradient
        def solve(*values):
            numbers = [float(value) for value in values]
            state, slopes = self.numpy(dict(zip(self._names, numbers, strict=True)))

            def gradient(*upstream):
                back = [np.asarray(u) for u in upstream]
                return [
                    tf.constant(sum(map(np.vdot, slopes[n], back)), tf.float64)
                    for n in self._names
                ]

            return tuple(tf.constant(field) for field in state), gradient

        values = [tf.convert_to_tensor(params[n], tf.float64) for n in self._names]
        return solve(*values)
