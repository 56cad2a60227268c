"""The equations behind a data set of patterns, and how well it determines them."""

import dataclasses
import functools

import numpy as np

from rdtf import models, patterns
from rdtf.dynamics import identification, libraries, stein
from rdtf.dynamics.libraries import Library
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """The equations found, and how far they are determined.

    Attributes:
      terms: the library.
      result: null vectors and gap.
      coefficients, errors: `[terms]`, in units of `unit`.
      unit: TIME, REFERENCE or EACH.
      at_rest: whether the patterns do not move.
      snapshots: how many were used.
      truth: coefficients of the equation that made the patterns, in its own units of
        time; None if it is not of this library.
      cosine: of the field found and the true one, over the snapshots; at rest, of the
        true coefficients and the nearest combination of null vectors.
    """

    terms: Library
    result: identification.Identification
    coefficients: np.ndarray
    errors: np.ndarray
    unit: str
    at_rest: bool
    snapshots: int
    truth: np.ndarray | None
    cosine: float | None

    @property
    def verdict(self) -> str:
        """What is determined, in a sentence."""
        many, gap = len(self.result.null_vectors), self.result.gap
        if gap >= identification.TRUSTED:
            return (
                f"not determined (gap {gap:.2f}): more snapshots, fewer terms, or a tie"
            )
        if many > 1:
            rest = "at rest each equation has its own; tie two coefficients with --tie"
            why = rest if self.at_rest else "fewer terms, or a tie"
            return f"{many} independent scales (gap {gap:.4f}): {why}"
        return f"one field, up to its scale (gap {gap:.4f})"

    @property
    def text(self) -> str:
        """A table and the verdict."""
        head = f"{'':14}{'found':>12}{'±':>11}"
        known = self.truth is not None
        lines = [head + (f"{'true':>12}" if known else "")]
        truth = [None] * len(self.coefficients)
        if known:
            with np.errstate(divide="ignore", invalid="ignore"):  # no diffusion there
                truth = self._scaled_truth()
        for name, value, error, true in zip(
            self.terms.names, self.coefficients, self.errors, truth, strict=True
        ):
            line = f"{name:14}{value:12.6g}{error:11.2g}"
            lines.append(line + (f"{true:12.6g}" if known else ""))
        state = "at rest" if self.at_rest else "moving"
        lines.append(f"{self.snapshots} snapshots, {state}; in units of {self.unit}")
        lines.append(self.verdict)
        if self.cosine is not None:
            lines.append(f"cosine to the equation that made them: {self.cosine:.4f}")
        return "\n".join(lines)

    def _scaled_truth(self):
        """The truth in the units of the coefficients."""
        if self.unit == TIME:
            return self.truth
        first = _laplacians(self.terms)
        if self.unit == REFERENCE:
            return self.truth * _to_reference(first)(self.truth)
        scaled = self.truth.copy()
        for s in range(len(self.terms.species)):
            own = np.flatnonzero(self.terms.owners == s)
            factor = _to_reference(np.flatnonzero(np.isin(own, first)))
            scaled[own] *= factor(self.truth[own])
        return scaled

    def as_dict(self) -> dict:
        """All numbers, for a file."""
        names = self.terms.names
        return {
            "equations": self.terms.equations(self.coefficients),
            "coefficients": dict(zip(names, self.coefficients.tolist(), strict=True)),
            "errors": dict(zip(names, self.errors.tolist(), strict=True)),
            "unit": self.unit,
            "verdict": self.verdict,
            "gap": self.result.gap,
            "null_vectors": self.result.null_vectors.tolist(),
            "t": dict(zip(stein.names(self.terms.species), self.result.t.tolist())),
            "at_rest": self.at_rest,
            "snapshots": self.snapshots,
            "cosine": self.cosine,
        }


TIME = "the time of the pairs"
REFERENCE = "the first diffusivity"
EACH = "the diffusivity of each equation"


def identify(
    data: patterns.DataSet,
    library: Library,
    ties: np.ndarray | None = None,
    *,
    num_snapshots: int = 256,
    num_pairs: int = 0,
    bootstrap: int = 100,
    seed: int = 0,
) -> Found:
    """The equations of a library that keep the distribution of a data set.

    Args:
      data: stills of one preset, in two dimensions, on unit cells; with pairs if
        num_pairs.
      library: terms of the equations of all its species.
      ties: see `libraries.ties`.
      num_snapshots: the first so many, of those that move if most do, or of those at
        rest.
      num_pairs: pairs that settle scale and sign.
      bootstrap, seed: see `identification.identify`.

    Raises:
      InputError: if the data are not so.
    """
    check_library(data, library)
    check(data, num_pairs)
    chosen, at_rest = _chosen(data, num_snapshots)
    samples = in_units(data)[chosen]
    moments = stein.moments(samples, library.evaluate, library.owners)
    solve = functools.partial(
        identification.identify, at_rest=at_rest, bootstrap=bootstrap, seed=seed
    )
    if at_rest and ties is None:
        result, coefficients, errors = _each_equation(library, moments, solve)
        unit = EACH
    else:
        result = solve(moments, _laplacians(library), ties)
        unit, factor = REFERENCE, _to_reference(_laplacians(library))
        if num_pairs:
            pairs = _with_terms(library, *rates(data, chosen[:num_pairs]))
            unit, factor = TIME, pairs.factor
        coefficients, errors = result.scaled(factor)
    truth, close = _truth(data, library), None
    if truth is not None:
        close = _cosine(result, truth, moments, at_rest, unit == TIME)
    return Found(
        terms=library,
        result=result,
        coefficients=coefficients,
        errors=errors,
        unit=unit,
        at_rest=at_rest,
        snapshots=len(chosen),
        truth=truth,
        cosine=close,
    )


def _chosen(data, num_snapshots):
    """(indices of the snapshots, whether they are at rest), as most of them are."""
    moving = data.status == patterns.MOVING
    at_rest = bool(moving.sum() < 0.5 * len(moving))
    chosen = np.flatnonzero(moving != at_rest)[:num_snapshots]
    if len(chosen) < identification.FEWEST:
        raise InputError(
            f"Expected at least {identification.FEWEST} snapshots, got {len(chosen)}."
        )
    return chosen, at_rest


def _with_terms(library, states, slopes):
    """`identification.Pairs` of rates, by the terms of a library."""
    terms = sum(library.evaluate(state) for state in states) / len(states)
    return identification.Pairs(terms, library.owners, np.moveaxis(slopes, -1, 0))


def _each_equation(library, moments, solve):
    """(all null vectors, coefficients, errors) of equations without a common scale."""
    count, vectors, gaps = len(library.terms), [], []
    coefficients, errors = np.zeros(count), np.zeros(count)
    for s in range(len(library.species)):
        own = np.flatnonzero(library.owners == s)
        forward = np.flatnonzero(np.isin(own, _laplacians(library)))
        result = solve(moments.of_terms(own), forward)
        coefficients[own], errors[own] = result.scaled(_to_reference(forward))
        for vector in result.null_vectors:
            vectors.append(np.zeros(count))
            vectors[-1][own] = vector
        gaps.append(result.gap)
    empty = np.empty((0, count))
    both = identification.Identification(
        np.array(vectors), max(gaps), empty, np.empty(0)
    )
    return both, coefficients, errors


def _laplacians(library):
    """The terms of diffusion: the Laplacian of a species in its own equation."""
    own = [text == f"lap({species})" for species, text in library.terms]
    return np.flatnonzero(own)


def _to_reference(forward):
    """The factor that makes the first diffusivity 1, or else the first coefficient."""
    first = forward[0] if len(forward) else 0
    return lambda coefficients: 1.0 / coefficients[first]


def check_library(data: patterns.DataSet, library: Library) -> None:
    """Raises InputError unless the terms are of the equations of all its species."""
    names = tuple(data.metadata["species"])
    if names != library.species:
        raise InputError(
            f"Expected terms for {', '.join(names)}, in this order, got them for "
            f"{', '.join(library.species)}."
        )


def check(data: patterns.DataSet, num_pairs: int) -> None:
    """Raises InputError unless they are stills of one preset, with pairs if wanted."""
    names, presets = data.metadata["species"], data.metadata["presets"]
    if len(presets) > 1:
        raise InputError(f"Expected patterns of one preset, got {', '.join(presets)}.")
    if data.fields[names[0]].ndim != 3:
        raise InputError("Expected stills of two dimensions, got something else.")
    if num_pairs and not any(names[0] + k in data.fields for k in ("_rate", "_later")):
        raise InputError(
            "Expected a data set with pairs for --num_pairs: make one with "
            "--pairs=rate."
        )


def in_units(data: patterns.DataSet, kind: str = "") -> np.ndarray:
    """The samples in units of the equation, `[n, y, x, species]`."""
    stored = np.float64(data.stacked(kind))
    return (stored - data.metadata["offset"]) / data.metadata["scale"]


def rates(data: patterns.DataSet, chosen) -> tuple[list[np.ndarray], np.ndarray]:
    """(states, ∂s/∂t) of pairs: at these states, or between the two of them."""
    if data.metadata["pairs"] == "rate":
        slopes = np.float64(data.stacked("_rate")[chosen]) / data.metadata["scale"]
        return [in_units(data)[chosen]], slopes
    now, later = (in_units(data, kind)[chosen] for kind in ("", "_later"))
    duration = data.metadata["pairs"] * data.metadata["time_step"]
    return [now, later], (later - now) / duration


def _truth(data, library):
    """The true coefficients, if the library has them."""
    name = data.metadata["model"]
    if name not in models.MODELS:
        return None
    (preset,) = data.metadata["presets"]
    try:
        return libraries.truth(
            library, models.get(name), data.metadata["params"][preset]
        )
    except InputError:  # its terms have no coefficients
        return None


def _cosine(result, truth, moments, at_rest, signed):
    """See `Found.cosine`."""
    gram = moments.grams.mean(0)
    if not at_rest:
        found = identification.cosine(result.coefficients, truth, gram)
        return found if signed else abs(found)
    size = np.sqrt(np.diag(gram))
    basis, _ = np.linalg.qr((result.null_vectors * size).T)
    wanted = truth * size
    return float(np.linalg.norm(basis.T @ wanted) / np.linalg.norm(wanted))
