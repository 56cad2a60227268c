"""The residual of windows as a function of the parameters alone.

Each window has unknown ring values beta of its own (of the hidden species, and in the
form "picture" of the seen one too). They are projected out (Golub & Pereyra 1973): for
given parameters beta minimises

    |r(p, beta)|² / 2 + sum_j weight² (beta_{j+1} - beta_j)² / 2

around the ring, and with J = ∂r/∂(p, beta) the gradient and the curvature by p are those
of the Schur complement,

    g = g_p - H_pb H_bb⁻¹ g_b,        H = H_pp - H_pb H_bb⁻¹ H_bp.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.linalg

from rdtf.inverse.cropped.domain import WindowDomain
from rdtf.inverse.cropped.misfits import EquationMisfit
from rdtf.inverse.cropped.system import ring_differences
from rdtf.inverse.solvers.linearisation import Linearisation
from rdtf.inverse.steady.fixed_point import SteadyMap

_JACOBIANS = 12  # most linearisations; then 1e-3 of the cost will do


class WindowResidual:
    """The residual of n windows that share the parameters, callable with them.

    Args:
      steady: names the observed species, the order of elimination and the decay rate.
      domain: the window.
      pictures: the observed species, `[n, ny, nx]`.
      fields: of all species, `[n, species, ny, nx]`, where the search for the interiors
        and the rings begins.
      form: see `rdtf.inverse.cropped.misfits`.
      weights: of the differences along the ring, one per hidden species in the order of
        `steady.order`, 1 / species.

    Attributes:
      fields: after a call, the solution there.
    """

    def __init__(
        self,
        steady: SteadyMap,
        domain: WindowDomain,
        pictures: np.ndarray,
        fields: np.ndarray,
        form: str,
        weights: Sequence[float],
    ):
        self._names = list(steady.names)
        self.fields = np.array(fields)
        self._before = None  # (params, ∂fields/∂params) of the last evaluation
        self.fields[:, steady.observed] = pictures
        self._misfits = [EquationMisfit(steady, domain, y, form) for y in pictures]
        differences = ring_differences(len(domain.ring[0]))
        self._prior = scipy.linalg.block_diag(*[w**2 * differences for w in weights])

    def __call__(self, params: Mapping[str, float]) -> Linearisation:
        """The residual of least size over the rings, and its derivatives."""
        params = {name: params[name] for name in self._names}
        fields = self._predicted(params)
        with np.errstate(all="ignore"):
            found = [
                _Projection(misfit, window, params, self._prior).run()
                for misfit, window in zip(self._misfits, fields, strict=True)
            ]
        count = len(self._names)
        if any(projection is None for projection in found):
            return Linearisation(
                np.inf, np.zeros(count), np.zeros((count, count)), np.nan
            )
        self.fields = fields
        self._before = params, np.stack([p.slopes for p in found])
        share = 1.0 / len(found)
        return Linearisation(
            share * sum(p.cost for p in found),
            share * sum(p.gradient for p in found),
            share * sum(p.curvature for p in found),
        )

    def _predicted(self, params):
        if self._before is None:
            return self.fields.copy()
        before, slopes = self._before
        move = np.array([params[name] - before[name] for name in self._names])
        return self.fields + np.einsum("n...p,p->n...", slopes, move)


class _Projection:
    """One window at given parameters; `fields` `[species, ny, nx]` change in place."""

    def __init__(self, misfit, fields, params, prior):
        self._misfit, self._system = misfit, misfit.system
        self._fields, self._params, self._prior = fields, params, prior
        self.cost = self.gradient = self.curvature = self.slopes = None

    def run(self):
        """Itself with the derivatives, or None if no solution was found."""
        try:
            for _ in range(_JACOBIANS):
                self._linearise()
                if self._settle():
                    return self._differentiated()
            return self._differentiated() if self._left < 1e-3 else None
        except np.linalg.LinAlgError:
            return None

    @property
    def _rings(self):
        rows, columns = self._system.domain.ring
        return self._fields[self._system.unknown][:, rows, columns].ravel()

    def _move(self, step):
        rows, columns = self._system.domain.ring
        shares = step.reshape(len(self._system.unknown), -1)
        for i, share in zip(self._system.unknown, shares, strict=True):
            self._fields[i][rows, columns] += share
        self._system.shift(self._fields, self._interiors @ step)

    def _linearise(self):
        self._factor = self._system.factor(self._fields, self._params)
        self._interiors = self._system.by_rings(
            self._factor, self._fields, self._params
        )
        self._rows = self._misfit.by_rings(self._fields, self._params, self._interiors)
        curvature = self._rows.T @ self._rows + self._prior
        curvature[np.diag_indices_from(curvature)] += 1e-13 * curvature.max()
        if not np.isfinite(curvature).all():
            raise np.linalg.LinAlgError("not finite")
        self._solver = scipy.linalg.cho_factor(curvature)

    def _settle(self):
        """Two steps with one Jacobian: Newton for the interiors, Gauss-Newton for rings.

        Whether both came to rest, as they do at once where all is linear.
        """
        for _ in range(2):
            change = self._system.newton(self._factor, self._fields, self._params)
            self._residual = self._misfit.residual(self._fields, self._params)
            rings = self._rings
            pull = self._prior @ rings
            self.cost = 0.5 * float(self._residual @ self._residual + rings @ pull)
            self._gradient = self._rows.T @ self._residual + pull
            step = -scipy.linalg.cho_solve(self._solver, self._gradient)
            gain = -0.5 * float(self._gradient @ step)
            size, cost = np.abs(rings).max(), max(self.cost, 1e-300)
            self._left = max(change / size, gain / cost)
            if change < 1e-5 * size and gain < 1e-10 * cost:
                return True
            self._move(step)
        return False

    def _differentiated(self):
        tangents = self._system.by_params(self._factor, self._fields, self._params)
        columns = self._misfit.by_params(self._fields, self._params, tangents)
        mixed = self._rows.T @ columns
        response = scipy.linalg.cho_solve(self._solver, mixed)
        self.gradient = columns.T @ self._residual - response.T @ self._gradient
        self.curvature = columns.T @ columns - mixed.T @ response
        self.slopes = self._total(tangents, -response)
        return self

    def _total(self, tangents, rings):
        """∂fields/∂params with the rings following, `[species, ny, nx, P]`."""
        domain, unknown = self._system.domain, self._system.unknown
        total = np.zeros((*self._fields.shape, rings.shape[1]))
        inner = tangents + self._interiors @ rings
        inner = inner.reshape(len(unknown), *domain.shape, -1)
        outer = rings.reshape(len(unknown), len(domain.ring[0]), -1)
        for i, inside, ring in zip(unknown, inner, outer, strict=True):
            total[i, 1:-1, 1:-1] = inside
            total[i][domain.ring] = ring
        return total
