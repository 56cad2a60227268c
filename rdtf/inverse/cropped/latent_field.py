"""Cropped pictures explained by latent fields of all species that are nearly steady.

All species s are free on every cell, ring included. For given parameters they minimise

    |s_o - y|² / 2 sigma² + sum_i |D_i L s_i + M R_i(s)|² / 2 tau_i² + rings

with y the raw picture, sigma its noise, tau_i what a pattern that is called steady may
still change in a unit of time, and a weak prior on the differences of the hidden
species along the ring (weak-constraint assimilation, Trémolet 2006,
doi:10.1256/qj.05.224). The data are not differentiated and not smoothed, so there is
none of the bias of the other forms; for tau -> 0 this is maximum likelihood for white
noise.

Gauss-Newton for s solves

    [ W   Aᵀ ] [ ds ]   [ -g ]
    [ A   -1 ] [ mu ] = [ 0  ],      A = ∂(rho / tau) / ∂s,

block tridiagonal by lines of the crop and quasi-definite.
"""

from collections.abc import Mapping

import numpy as np
import scipy.sparse

from rdtf.inverse.cropped.domain import CropDomain
from rdtf.inverse.cropped.residual import ProjectedResidual
from rdtf.inverse.cropped.system import CropSystem, ring_differences, roughness
from rdtf.inverse.solvers.block_tridiagonal import BlockTridiagonal
from rdtf.inverse.solvers.linearisation import Linearisation
from rdtf.inverse.structure.equations import Equations

STEADINESS = 4e-3  # tau_i as a share of the root mean square of R_i
_STEPS = 40  # most of Gauss-Newton at given parameters


class LatentFieldResidual(ProjectedResidual):
    """The misfit of n cropped pictures and the fields of all species behind them.

    Costs are in units of the variance of the pictures, as those of the other forms.

    Args:
      equations: of the model; all its species diffuse.
      domain: of the crops.
      observed: index of the observed species.
      pictures: the raw `[n, ny, nx]`.
      fields: of all species, `[n, species, ny, nx]`, where the search begins; typical
        differences of neighbours are those of these.
      params: there; they set tau.
      sigma: standard deviation of the noise.
    """

    def __init__(
        self,
        equations: Equations,
        domain: CropDomain,
        observed: int,
        pictures: np.ndarray,
        fields: np.ndarray,
        params: Mapping[str, float],
        sigma: float,
    ):
        system = CropSystem(equations, domain, range(len(equations.species)))
        rates = [
            np.sqrt(np.mean([equations.reaction(i, f, params) ** 2 for f in fields]))
            for i in system.unknown
        ]
        rings = [
            0.0 if i == observed else sigma / roughness(fields[:, i])
            for i in system.unknown
        ]
        scale = np.linalg.norm(pictures - pictures.mean(axis=(1, 2), keepdims=True))
        trust = sigma / (scale * STEADINESS * np.maximum(rates, 1e-12))
        weights = _weights(domain, observed, np.array(rings) / scale, scale)
        crops = [_Crop(system, observed, y, weights, trust) for y in pictures]
        super().__init__(params, fields, crops)

    def project(self, crop: "_Crop", fields, params):
        """As of `ProjectedResidual`."""
        return crop.project(fields, params)


def _weights(domain, observed, rings, scale):
    """W as a sparse matrix over the cells of all species."""
    shape = domain.grid.shape
    flat = np.ravel_multi_index(domain.ring, shape)
    blocks = []
    for i, ring in enumerate(rings):
        if i == observed:
            blocks.append(scipy.sparse.eye_array(domain.grid.num_cells) / scale**2)
            continue
        step = ring**2 * ring_differences(len(flat))
        row, column = np.nonzero(step)
        entries = (step[row, column], (flat[row], flat[column]))
        blocks.append(scipy.sparse.coo_array(entries, (domain.grid.num_cells,) * 2))
    return scipy.sparse.block_diag(blocks, format="csr")


class _Crop:
    """One picture: cost, best fields and derivatives at given parameters."""

    def __init__(self, system, observed, picture, weights, trust):
        self._system, self._weights = system, weights
        cells = system.domain.mass.shape[0]
        self._trust = np.repeat(trust, cells)
        self._target = np.zeros((len(system.unknown), *picture.shape))
        self._target[observed] = picture
        self._factors = None  # kept for as long as they serve

    def project(self, fields, params):
        """(Linearisation, ∂fields/∂params) with fields improved in place, or None."""
        try:
            return self._project(fields, params)
        except np.linalg.LinAlgError:
            self._factors = None
            return None

    def _project(self, fields, params):
        cost = self._cost(fields, params)
        for _ in range(_STEPS):
            fresh = self._factors is None
            if fresh:
                self._factors = self._factor(self._jacobian(fields, params))
            step, gain = self._step(self._factors, fields, params)
            if abs(gain) <= 1e-10 * cost:
                return self._derivatives(self._factors, fields, params, cost)
            after = self._descend(fields, params, step, cost, 0.02 if fresh else 1.0)
            if after is None or cost - after < 0.9 * gain:
                self._factors = None  # of other fields, too far away
            if after is None and fresh:
                return None
            cost = cost if after is None else after
        return None

    def _cost(self, fields, params):
        rho, away = self._rho(fields, params), (fields - self._target).ravel()
        return 0.5 * float(rho @ rho + away @ (self._weights @ away))

    def _step(self, factor, fields, params):
        """(Gauss-Newton step of the fields, what it promises to gain)."""
        rho, away = self._rho(fields, params), (fields - self._target).ravel()
        slope = self._weights @ away + self._jacobian(fields, params).T @ rho
        step = self._solve(factor, -slope, np.zeros_like(rho))[0]
        return step.reshape(fields.shape), -0.5 * float(slope @ step)

    def _descend(self, fields, params, step, cost, smallest):
        """Halves the step until the cost falls: the cost, None if it does not."""
        share = 1.0
        while share >= smallest:
            after = self._cost(fields + share * step, params)
            if after < cost:
                fields += share * step
                return after
            share *= 0.5
        return None

    def _rho(self, fields, params):
        system = self._system
        rho = [system.defect(i, fields, params) for i in system.unknown]
        return self._trust * np.concatenate(rho)

    def _jacobian(self, fields, params):
        matrix = self._system.jacobian(fields, params)
        return scipy.sparse.diags_array(self._trust) @ matrix

    def _derivatives(self, factor, fields, params, cost):
        system, rho = self._system, self._rho(fields, params)
        columns = []
        for name in params:
            slopes = [
                system.defect_by_param(i, name, fields, params) for i in system.unknown
            ]
            columns.append(self._trust * np.concatenate(slopes))
        columns = np.stack(columns, axis=1)
        zero = np.zeros((fields.size, len(params)))
        change, left = self._solve(factor, zero, -columns)
        found = Linearisation(cost, columns.T @ rho, columns.T @ left)
        return found, change.reshape(*fields.shape, -1)

    def _lines(self):
        """(line, position in it) of every cell of every species, and multiplier."""
        count, (ny, nx) = len(self._system.unknown), self._system.domain.grid.shape
        kind = np.arange(2 * count)[:, None, None] * nx
        position = kind + np.arange(nx) + 0 * np.arange(ny)[:, None]
        line = 0 * kind + np.arange(ny)[:, None] + 0 * np.arange(nx)
        interior = self._system.domain.interior
        return [
            np.concatenate([x[:count].ravel(), x[count:][interior].ravel()])
            for x in (line, position)
        ]

    def _factor(self, jacobian):
        ny, nx = self._system.domain.grid.shape
        size = 2 * len(self._system.unknown) * nx
        minus = -scipy.sparse.eye_array(jacobian.shape[0])
        blocks = [[self._weights, jacobian.T], [jacobian, minus]]
        whole = scipy.sparse.block_array(blocks, format="coo")
        line, position = self._lines()
        row, column = whole.coords
        dense = np.zeros((3, ny, size, size))
        dense[1][:, np.arange(size), np.arange(size)] = -1.0  # ring: no equation
        cells = self._weights.shape[0]
        dense[1][line[:cells], position[:cells], position[:cells]] = 0.0
        dense[
            line[column] - line[row] + 1, line[row], position[row], position[column]
        ] = whole.data
        return BlockTridiagonal(*dense)

    def _solve(self, factor, top, bottom):
        """(ds, mu) of the system above for a vector or columns."""
        ny, nx = self._system.domain.grid.shape
        size = 2 * len(self._system.unknown) * nx
        line, position = self._lines()
        right = np.concatenate([top, bottom]).reshape(len(line), -1)
        b = np.zeros((ny, size, right.shape[1]))
        b[line, position] = right
        x = factor.solve(b)[line, position]
        x = x.reshape(len(line), *np.shape(top)[1:])
        return x[: len(top)], x[len(top) :]
