"""The residual of cropped pictures as a function of the parameters alone.

Each crop has unknown ring values beta of the hidden species. They are projected out
(Golub & Pereyra 1973, doi:10.1137/0710036): for given parameters beta minimises

    |r(p, beta)|² / 2 + sum_j weight² (beta_{j+1} - beta_j)² / 2

around the ring, and with J = ∂r/∂(p, beta) the gradient and the curvature by p are
those of the Schur complement,

    g = g_p - H_pb H_bb⁻¹ g_b,        H = H_pp - H_pb H_bb⁻¹ H_bp.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.linalg

from rdtf.inverse.cropped.domain import CropDomain
from rdtf.inverse.cropped.misfits import EquationMisfit
from rdtf.inverse.cropped.system import ring_differences
from rdtf.inverse.solvers import linearisation
from rdtf.inverse.solvers.linearisation import Linearisation
from rdtf.inverse.steady.fixed_point import SteadyMap

_JACOBIANS = 12  # most linearisations; then 1e-3 of the cost will do


class ProjectedResidual:
    """The residual of n crops that share the parameters, callable with them.

    What else is unknown of a crop is solved for at any given parameters.

    Args:
      names: of the parameters.
      fields: of all species, `[n, species, ny, nx]`, where the search for them begins.
      crops: what `project` needs to know of each of the n.
      share: of each crop in the cost, which is their sum.

    Attributes:
      names: of the parameters, in the order of the derivatives.
      fields: after a call, the solution there.
    """

    def __init__(
        self,
        names: Sequence[str],
        fields: np.ndarray,
        crops: Sequence,
        share: float = 1.0,
    ):
        self.names, self.fields = list(names), np.array(fields)
        self._crops, self._share = crops, share
        self._before = None  # (params, ∂fields/∂params) of the last evaluation

    def project(self, crop, fields: np.ndarray, params: Mapping[str, float]):
        """(`Linearisation`, ∂fields/∂params `[species, ny, nx, P]`) of one crop.

        The fields `[species, ny, nx]` are improved in place; None if there is no
        solution.
        """
        raise NotImplementedError

    def __call__(self, params: Mapping[str, float]) -> Linearisation:
        """The least cost there, and its derivatives."""
        params = {name: params[name] for name in self.names}
        fields = self._predicted(params)
        with np.errstate(all="ignore"):
            found = [
                self.project(crop, field, params)
                for crop, field in zip(self._crops, fields, strict=True)
            ]
        if any(one is None for one in found):
            return linearisation.impossible(len(params))
        self.fields = fields
        self._before = params, np.stack([slopes for _, slopes in found])
        parts = [part for part, _ in found]
        return Linearisation(
            self._share * sum(part.cost for part in parts),
            self._share * sum(part.gradient for part in parts),
            self._share * sum(part.curvature for part in parts),
        )

    def _predicted(self, params):
        if self._before is None:
            return self.fields.copy()
        before, slopes = self._before
        move = np.array([params[name] - before[name] for name in self.names])
        return self.fields + slopes @ move


class CropResidual(ProjectedResidual):
    """The residual of the observed species' equation, rings projected out.

    Args:
      steady: names the observed species, the order of elimination and the decay rate.
      domain: of the crops.
      pictures: the observed species, `[n, ny, nx]`.
      fields: of all species, `[n, species, ny, nx]`, where the search for the interiors
        and the rings begins.
      form: "norm" or "integral", see `rdtf.inverse.cropped.misfits`.
      weights: of the differences along the ring, one per hidden species in the order of
        `steady.order`, 1 / species.
    """

    def __init__(
        self,
        steady: SteadyMap,
        domain: CropDomain,
        pictures: np.ndarray,
        fields: np.ndarray,
        form: str,
        weights: Sequence[float],
    ):
        misfits = [EquationMisfit(steady, domain, y, form) for y in pictures]
        super().__init__(steady.names, fields, misfits, 1.0 / len(misfits))
        self.fields[:, steady.observed] = pictures
        differences = ring_differences(len(domain.ring[0]))
        self._prior = scipy.linalg.block_diag(*[w**2 * differences for w in weights])

    def project(self, crop: EquationMisfit, fields, params):
        """As of `ProjectedResidual`."""
        return _Projection(crop, fields, params, self._prior).run()


class _Projection:
    """One crop at given parameters; `fields` `[species, ny, nx]` change in place."""

    def __init__(self, misfit, fields, params, prior):
        self._misfit, self._system = misfit, misfit.system
        self._fields, self._params, self._prior = fields, params, prior

    def run(self):
        """(`Linearisation`, ∂fields/∂params), or None if no solution was found."""
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
        fields, params = self._fields, self._params
        self._factor = self._system.factor(fields, params)
        self._interiors = self._system.by_rings(self._factor, fields, params)
        self._rows = self._misfit.by_rings(fields, params, self._interiors)
        curvature = self._rows.T @ self._rows + self._prior
        curvature[np.diag_indices_from(curvature)] += 1e-13 * curvature.max()
        if not np.isfinite(curvature).all():
            raise np.linalg.LinAlgError("not finite")
        self._solver = scipy.linalg.cho_factor(curvature)

    def _settle(self):
        """Two steps with one Jacobian: Newton for interiors, Gauss-Newton for rings.

        Returns whether both came to rest, as they do at once where all is linear.
        """
        for _ in range(2):
            change = self._system.newton(self._factor, self._fields, self._params)
            self._residual = self._misfit.residual(self._fields, self._params)
            rings = self._rings
            pull = self._prior @ rings
            self._cost = 0.5 * float(self._residual @ self._residual + rings @ pull)
            self._gradient = self._rows.T @ self._residual + pull
            step = -scipy.linalg.cho_solve(self._solver, self._gradient)
            gain = -0.5 * float(self._gradient @ step)
            size, cost = np.abs(rings).max(), max(self._cost, 1e-300)
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
        found = Linearisation(
            self._cost,
            columns.T @ self._residual - response.T @ self._gradient,
            columns.T @ columns - mixed.T @ response,
        )
        return found, self._total(tangents, -response)

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
