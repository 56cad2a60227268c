"""Dispersion relations: how fast waves on a uniform state grow.

    σ(k) = eigenvalues of  J(k) = ∂R/∂s - k² ∂Q/∂s + k⁴ ∂P/∂s

Turing 1952, doi:10.1098/rstb.1952.0012; Cross & Hohenberg 1993,
doi:10.1103/RevModPhys.65.851. On a grid, -k² is the eigenvalue of the discrete
Laplacian.
"""

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np

from rdtf.analysis.stability import linear
from rdtf.analysis.stability.states import UniformState, select_state
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.operators import laplacians
from rdtf.status import InputError

_SAMPLES = 401


@dataclasses.dataclass(frozen=True)
class Mode:
    """A wave on a uniform state.

    Attributes:
      wavenumber: k, 1 / length.
      rate: σ, complex, 1 / time.
    """

    wavenumber: float
    rate: complex

    @property
    def wavelength(self) -> float:
        """2 π / k; infinite for a uniform disturbance."""
        return 2 * np.pi / self.wavenumber if self.wavenumber else np.inf

    @property
    def oscillates(self) -> bool:
        """Whether it oscillates as it grows or decays."""
        return abs(self.rate.imag) > 1e-9 * abs(self.rate)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dispersion:
    """Growth rates over wavenumbers.

    Attributes:
      state: the uniform state.
      wavenumbers: k, `[k]`.
      rates: σ, complex `[k, species]`, the largest real part first.
      fastest: the mode of all k >= 0 whose real part is largest; of a state that is
        stable, the one that decays most slowly.
      peak: the highest of the local maxima of Re σ at k > 0, or None.
      bands: the open intervals of k where a wave grows; the last may be infinite, which
        is a model that is ill-posed.
    """

    state: UniformState
    wavenumbers: np.ndarray
    rates: np.ndarray
    fastest: Mode
    peak: Mode | None
    bands: tuple[tuple[float, float], ...]

    @property
    def is_unstable(self) -> bool:
        """Whether any wave, uniform or not, grows."""
        return bool(self.bands)


def dispersion(
    model: ReactionDiffusion,
    params: Mapping[str, float],
    state=None,
    wavenumbers=None,
    axis: int = -1,
) -> Dispersion:
    """The dispersion relation of a uniform state; see the module.

    The edges of the bands are roots of polynomials in k² and the fastest mode a root of
    dσ/dκ = w J'(κ) v / w v, so both are exact whatever wavenumbers are sampled.

    Args:
      model: its equations.
      params: all parameters.
      state: see `select_state`.
      wavenumbers: where to sample, 1 / length; default: from 0 to beyond the last band.
      axis: where diffusivities are anisotropic, the direction of the waves.

    Raises:
      InputError: if there is no such state, or parameters are missing or unknown.
    """
    chosen = select_state(model, params, state)
    parts = linear.jacobians(model, params, chosen.vector, axis)
    polynomials = linear.polynomials(model, params, chosen.vector, axis)
    edges = np.unique(np.concatenate([linear.positive_roots(p) for p in polynomials]))
    top = _top(parts, polynomials, edges)
    if wavenumbers is None:
        wavenumbers = np.linspace(0.0, np.sqrt(top), _SAMPLES)
    wavenumbers = np.asarray(wavenumbers, np.float64)
    peaks = _peaks(parts, top)
    peak = max(peaks, key=lambda m: m.rate.real, default=None)
    uniform = Mode(0.0, complex(growth_rates(parts, np.zeros(1))[0, 0]))
    candidates = [uniform, peak] if peak else [uniform]
    return Dispersion(
        state=chosen,
        wavenumbers=wavenumbers,
        rates=growth_rates(parts, -(wavenumbers**2)),
        fastest=max(candidates, key=lambda m: m.rate.real),
        peak=peak,
        bands=_bands(parts, edges),
    )


@dataclasses.dataclass(frozen=True)
class GridDispersion:
    """Growth rates of the waves that a grid can hold.

    Attributes:
      wavenumbers: |k|, in the layout of `rdtf.operators.laplacians.symbol` (periodic)
        or `cosine_symbol` (no flux).
      rates: complex `[*wavenumbers.shape, species]`.
      fastest: the mode whose real part is largest.
    """

    wavenumbers: np.ndarray
    rates: np.ndarray
    fastest: Mode


def dispersion_on_grid(
    model: ReactionDiffusion,
    params: Mapping[str, float],
    grid: Grid,
    laplacian: str = "second_order",
    state=None,
) -> GridDispersion:
    """The exact growth rates of every wave on a grid with one of its Laplacians.

    The waves are eigenvectors of the discrete Laplacian, so its eigenvalue takes the
    place of -k², and its square that of k⁴.

    Args:
      model: its equations.
      params: all parameters.
      grid: where the waves live; periodic or no flux.
      laplacian: a name of `rdtf.operators.laplacians.LAPLACIANS`.
      state: see `select_state`.

    Raises:
      InputError: if the grid cannot carry the Laplacian, or diffusion is anisotropic.
    """
    if any(not isinstance(v, str) for v in model.diffusivity.values()):
        raise InputError(
            f"Expected isotropic diffusion, got {model.name}: use dispersion with axis."
        )
    chosen = select_state(model, params, state)
    parts = linear.jacobians(model, params, chosen.vector)
    waves = wavenumbers_of(grid)
    spectrum = laplacians.symbol if grid.boundary == "periodic" else None
    spectrum = spectrum or laplacians.cosine_symbol
    eigenvalues, where = np.unique(spectrum(grid, laplacian), return_inverse=True)
    rates = growth_rates(parts, eigenvalues)[where.reshape(waves.shape)]
    best = np.unravel_index(np.argmax(rates[..., 0].real), waves.shape)
    fastest = Mode(float(waves[best]), complex(rates[best][0]))
    return GridDispersion(waves, rates, fastest)


def wavenumbers_of(grid: Grid) -> np.ndarray:
    """|k| of every wave of a grid, in the layout of its Laplacian's eigenvalues."""
    axes = []
    for axis, (n, spacing) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        if grid.boundary == "no_flux":
            waves = np.arange(n) / (2 * n)
        else:
            waves = np.fft.rfftfreq(n) if axis == grid.ndim - 1 else np.fft.fftfreq(n)
        axes.append((2 * np.pi * waves / spacing) ** 2)
    return np.sqrt(sum(np.meshgrid(*axes, indexing="ij", sparse=True)))


def growth_rates(parts, eigenvalues: np.ndarray) -> np.ndarray:
    """σ, complex `[n, species]`, at eigenvalues `[n]` of the Laplacian (-k²).

    Args:
      parts: ∂R/∂s, ∂Q/∂s, ∂P/∂s of `linear.jacobians`.
    """
    x = np.asarray(eigenvalues, np.float64)[:, None, None]
    rates = np.linalg.eigvals(parts[0] + x * parts[1] + x * x * parts[2])
    rates = rates.astype(np.complex128)
    order = np.lexsort((-rates.imag, -rates.real), axis=-1)
    return np.take_along_axis(rates, order, axis=-1)


def _top(parts, polynomials, edges):
    """A κ beyond all that happens: band edges, extrema of D and H, or a scale."""
    marks = [*edges]
    for polynomial in polynomials:
        slope = np.polynomial.polynomial.polyder(polynomial)
        marks += [*linear.positive_roots(slope)]
    if not marks:
        rate, *transport = (np.abs(part).max() for part in parts)
        marks = [
            (rate / x) ** (1 / power)
            for power, x in enumerate(transport, start=1)
            if x > 0 and rate > 0
        ]
    return 1.6 * max(marks, default=1.0)


def _bands(parts, edges):
    """The intervals between the edges in which some wave grows."""
    limits = [0.0, *edges, np.inf]
    bands = []
    for low, high in itertools.pairwise(limits):
        inside = (low + high) / 2 if np.isfinite(high) else 2 * low + 1.0
        if growth_rates(parts, np.array([-inside]))[0, 0].real > 0:
            start, stop = float(np.sqrt(low)), float(np.sqrt(high))
            if bands and bands[-1][1] == start:
                start = bands.pop()[0]  # another eigenvalue crossed within the band
            bands.append((start, stop))
    return tuple(bands)


def _peaks(parts, top):
    """The local maxima of the largest Re σ at k > 0."""
    from scipy.optimize import brentq

    samples = np.linspace(0.0, np.sqrt(top), _SAMPLES)[1:] ** 2
    slopes = [_slope(x, parts) for x in samples]
    rises = [i for i in range(len(samples) - 1) if slopes[i] > 0 >= slopes[i + 1]]
    peaks = []
    for i in rises:
        found = brentq(_slope, samples[i], samples[i + 1], (parts,), xtol=1e-300)
        rate = growth_rates(parts, np.array([-found]))[0, 0]
        peaks.append(Mode(float(np.sqrt(found)), complex(rate)))
    return peaks


def _slope(kappa, parts):
    """d Re σ / dκ of the eigenvalue with the largest real part."""
    from scipy.linalg import eig

    first, second, third = parts
    matrix = first - kappa * second + kappa**2 * third
    values, left, right = eig(matrix, left=True)
    best = np.lexsort((-values.imag, -values.real))[0]
    w, v = left[:, best].conj(), right[:, best]
    return float((w @ (2 * kappa * third - second) @ v / (w @ v)).real)
