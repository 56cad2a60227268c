"""The steady-state residual of pictures of one species, as a function of parameters.

The hidden species are solved for, which needs no simulation and no initial state: the
misfit is smooth in the parameters where losses behind a long simulation have plateaus
and cliffs. Two forms, each with its exact Jacobian:

    "norm":      r = (D_o ∇²o + R_o(o, l)) / ||R_o + m o||
    "integral":  r = (w(o, p) - o) / ||o - mean(o)||,   w = (m - D_o ∇²)⁻¹ (R_o + m o)

The first is sharper on clean pictures; the second takes no derivative of the data and
is the one for noise. Neither is zero at D = R = 0, as the plain residual would be.
"""

from collections.abc import Callable, Mapping

import numpy as np

from rdtf.inverse.solvers import linearisation
from rdtf.inverse.solvers.linearisation import Linearisation
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.names import RESIDUAL_FORMS
from rdtf.status import InputError


class SteadyResidual:
    """The residual of observed stills, callable with the parameters.

    Args:
      steady: the fixed-point map.
      fields: `[n, *grid]`.
      form: "norm" or "integral".
      camera: of the integral form, a linear map of fields: camera(w - o) is squared.
      unknown_gain: whether `fields` are grey levels y, and "gain" and "offset" two more
        parameters: o = gain * y + offset.

    Attributes:
      names: of the parameters, in the order of the derivatives.
    """

    def __init__(
        self,
        steady: SteadyMap,
        fields: np.ndarray,
        form: str = "norm",
        camera: Callable | None = None,
        unknown_gain: bool = False,
    ):
        if form not in RESIDUAL_FORMS:
            raise InputError(
                f"Expected a form among {', '.join(RESIDUAL_FORMS)}, got {form!r}."
            )
        self._map, self._fields, self._form = steady, fields, form
        self._camera = (lambda field: field) if camera is None else camera
        self._unknown_gain = unknown_gain
        self.names = list(steady.names) + ["gain", "offset"] * unknown_gain
        self._hidden = None

    def __call__(self, params: Mapping[str, float]) -> Linearisation:
        """The residual and its derivatives at `params`."""
        o = self._field(params)
        with np.errstate(all="ignore"):
            point = self._map(o, params, self._hidden)
            evaluate = self._norm if self._form == "norm" else self._integral
            residual, columns = evaluate(point, params)
        if not np.isfinite(residual).all():
            self._hidden = None
            return linearisation.impossible(len(self.names))
        self._hidden = point.fields
        return linearisation.of_columns(residual, columns)

    def _field(self, params):
        if self._unknown_gain:
            return params["gain"] * self._fields + params["offset"]
        return self._fields

    def _columns(self, by_param, along):
        columns = [by_param(name) for name in self._map.names]
        if self._unknown_gain:
            columns += [along(self._fields), along(np.ones_like(self._fields))]
        return columns

    def _norm(self, point, params):
        system, o = self._map.equations, self._map.observed
        name = system.diffusivity_name(o)
        d = system.diffusivity(o, params)
        laplacian = self._map.domain.apply_laplacian(point.o)
        q = point.reaction + point.m * point.o
        scale = np.linalg.norm(q)
        residual = d * laplacian + point.reaction

        def finish(column, q_column):
            shrink = np.vdot(q, q_column) / scale**2
            return (column - residual * shrink) / scale

        def by_param(parameter):
            slope = point.reaction_by_param(parameter, point.hidden_by_param(parameter))
            decay = self._map.decay_slopes.get(parameter)
            q_slope = slope if decay is None else slope + decay(params) * point.o
            column = slope + laplacian if parameter == name else slope
            return finish(column, q_slope)

        def along(x):
            slope = point.reaction_along(x)
            column = slope + d * self._map.domain.apply_laplacian(x)
            return finish(column, slope + point.m * x)

        columns = self._columns(by_param, along)
        return residual / scale, np.stack(columns)

    def _integral(self, point, params):
        centred = point.o - point.o.mean()
        scale = np.linalg.norm(centred)
        residual = self._camera(point.w - point.o) / scale

        def by_param(name):
            return self._camera(point.by_param(name)) / scale

        def along(x):
            shrink = np.vdot(centred, x) / scale**2
            return self._camera(point.along(x) - x) / scale - residual * shrink

        columns = self._columns(by_param, along)
        return residual, np.stack(columns)
