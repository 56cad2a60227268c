"""The camera as a linear map of fields, its transpose, and a first guess of the field.

    H = mask · pixel mean · Gaussian blur

The blur is exact in Fourier space, exp(-σ² |k|² / 2); a pixel is the mean of the cells
that it covers.
"""

import numpy as np
import scipy.sparse.linalg

from rdtf.grids import Grid
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.status import InputError


class Camera:
    """H on the cells of a domain.

    Args:
      observation: what is known of the camera.
      domain: of the fields, `[n, *grid.shape]`.
    """

    def __init__(self, observation: Observation, domain: WholeDomain):
        self._domain, self._factor = domain, observation.cells_per_pixel
        grid = domain.grid
        if any(n % self._factor for n in grid.shape):
            raise InputError(
                f"Expected a grid that {self._factor} cells per pixel divide, got "
                f"{grid.shape}."
            )
        self.mask = observation.mask
        self.transfer = blur_transfer(grid, observation.psf_sigma)
        self.is_identity = (
            self._factor == 1 and self.mask is None and not observation.psf_sigma
        )
        self.mean_transfer = self.transfer * pixel_transfer(grid, self._factor)

    @property
    def pixels(self) -> Grid:
        """The grid of the pictures."""
        grid, factor = self._domain.grid, self._factor
        shape = tuple(n // factor for n in grid.shape)
        return Grid(shape, tuple(h * factor for h in grid.spacing), grid.boundary)

    def see(self, field: np.ndarray, masked: bool = True) -> np.ndarray:
        """H of fields `[n, *grid]`: pictures `[n, *pixels]`, 0 at masked ones."""
        if self.is_identity:
            return field
        picture = self.average(self.blur(field))
        return picture * self.mask if masked and self.mask is not None else picture

    def see_transposed(self, picture: np.ndarray, masked: bool = True) -> np.ndarray:
        """Hᵀ of pictures."""
        if self.is_identity:
            return picture
        if masked and self.mask is not None:
            picture = picture * self.mask
        return self.blur(self.spread(picture) / self._factor**self._domain.grid.ndim)

    def blur(self, field: np.ndarray) -> np.ndarray:
        """The Gaussian blur alone."""
        if np.ndim(self.transfer) == 0:
            return field
        return self._domain.filter(self.transfer, field)

    def average(self, field: np.ndarray) -> np.ndarray:
        """Means over the cells of each pixel."""
        if self._factor == 1:
            return field
        shape = [len(field)]
        for n in self._domain.grid.shape:
            shape += [n // self._factor, self._factor]
        axes = tuple(range(2, len(shape), 2))
        return field.reshape(shape).mean(axis=axes)

    def spread(self, picture: np.ndarray) -> np.ndarray:
        """Every cell gets the value of its pixel."""
        for axis in range(1, picture.ndim):
            picture = np.repeat(picture, self._factor, axis=axis)
        return picture

    def guess(self, picture: np.ndarray, sigma: float) -> np.ndarray:
        """A smooth field that H maps to the picture, up to noise of sigma.

            min |H f - y|² / σ² + τ |∇⁴ f|²

        with τ lowered until the misfit is that of the noise (Morozov 1966).
        """
        weights = np.ones_like(picture) if self.mask is None else self.mask + 0.0
        weights = np.broadcast_to(weights, picture.shape)
        mean = (picture * weights).sum() / weights.sum()
        data = (picture - mean) * weights
        symbol = -_laplacian_symbol(self._domain.grid)
        rough = (symbol / np.sort(symbol, axis=None)[-1]) ** 4
        gain = float(np.mean(weights))
        goal = 1.05 * sigma**2 * weights.sum()
        field, strength = np.zeros((len(picture), *self._domain.grid.shape)), 1e4
        for _ in range(14):
            field = self._smooth_fit(data, rough * strength, gain, field)
            if np.sum((self.see(field) - data) ** 2) <= goal:
                break
            strength /= 10.0
        return field + mean

    def _smooth_fit(self, data, penalty, gain, start):
        shape = start.shape
        inverse = 1.0 / (gain * np.square(self.mean_transfer) + penalty + 1e-12)

        def normal(flat):
            field = flat.reshape(shape)
            image = self.see_transposed(self.see(field))
            return (image + self._domain.filter(penalty, field)).ravel()

        def precondition(flat):
            return self._domain.filter(inverse, flat.reshape(shape)).ravel()

        size = start.size
        field, _ = scipy.sparse.linalg.cg(
            scipy.sparse.linalg.LinearOperator((size, size), normal),
            self.see_transposed(data).ravel(),
            start.ravel(),
            rtol=1e-4,
            maxiter=200,
            M=scipy.sparse.linalg.LinearOperator((size, size), precondition),
        )
        return field.reshape(shape)


def blur_transfer(grid: Grid, psf_sigma: float):
    """exp(-σ² |k|² / 2) of every wave, in the layout of the domain's transform."""
    if not psf_sigma:
        return 1.0
    return np.exp(0.5 * psf_sigma**2 * _laplacian_symbol(grid))


def pixel_transfer(grid: Grid, factor: int):
    """How much of every wave the mean over `factor` cells along each axis keeps."""
    total = 1.0
    for axis, n in enumerate(grid.shape):
        if grid.boundary == "periodic":
            last = axis == grid.ndim - 1
            angle = 2 * np.pi * (np.fft.rfftfreq(n) if last else np.fft.fftfreq(n))
        else:
            angle = np.pi * np.arange(n) / n
        kernel = np.sinc(factor * angle / 2 / np.pi) / np.sinc(angle / 2 / np.pi)
        shape = [1] * grid.ndim
        shape[axis] = -1
        total = total * kernel.reshape(shape)
    return total


def _laplacian_symbol(grid):
    """-|k|² in the layout of the domain's transform."""
    return WholeDomain(grid, "spectral").symbol
