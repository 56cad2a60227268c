"""What fits of every kind of picture end with: estimates, and intervals around them."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from rdtf import storage
from rdtf.inverse.structure.identifiability import Report
from rdtf.status import FitStatus

QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Intervals:
    """Parameters with their errors.

    Attributes:
      params: the centre: the estimate less its bias, or the median of the draws.
      interval, likely: (low, high) of 95 % and of 68 %, by name of what was not held,
        in the parameter's own unit; infinite for what the pictures do not determine.
      method: "bootstrap", "quick" (from the curvature, bias unknown), "posterior",
        "added noise" or "curvature".
      sd: standard deviation of each coordinate, relative for positive parameters.
      sampling, drift: its parts: what the noise of the pictures explains at first
        order, and what being not quite steady does. `sd` also holds how far estimates
        with other Laplacians are away that explain the pictures about as well.
      bias: of each coordinate, already subtracted.
      count, failed: refits of a bootstrap, and those that did not converge; for a
        posterior, evaluations of the gradient, and divergent draws.
      reason: why it is not a bootstrap, if one was wanted.
      draws: of a posterior, by name, `[chains, draws]`; None otherwise.
      r_hat: of each coordinate of a posterior, 1 when the chains agree.
      effective: number of independent draws worth as much, all chains together.
    """

    params: dict[str, float]
    interval: dict[str, tuple[float, float]]
    method: str
    likely: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    sd: dict[str, float] = dataclasses.field(default_factory=dict)
    sampling: dict[str, float] = dataclasses.field(default_factory=dict)
    drift: dict[str, float] = dataclasses.field(default_factory=dict)
    bias: dict[str, float] = dataclasses.field(default_factory=dict)
    count: int = 0
    failed: int = 0
    reason: str = ""
    draws: dict[str, np.ndarray] | None = None
    r_hat: dict[str, float] = dataclasses.field(default_factory=dict)
    effective: dict[str, float] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict:
        """What was found, without the draws."""
        return _plain(self, without=("draws",))

    @classmethod
    def from_json(cls, value: Mapping) -> "Intervals":
        """Of `to_json`, with infinite ends for None."""
        value = dict(value)
        for kind in {"interval", "likely"} & set(value):
            value[kind] = {name: _ends(*ends) for name, ends in value[kind].items()}
        return cls(**value)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """The end of one stage of a fit, of whatever kind of picture.

    Attributes:
      stage: "residual", "windows", "errors_in_variables", "bootstrap", "posterior",
        "cropped", "movie" or "bptt".
      params: the best found, with "gain" and "offset" if they were unknown.
      loss: there; half a (weighted) sum of squares, but for stage "bptt".
      status: why it ended.
      iterations: of its optimiser, all starts together.
      starts: how many were tried.
      seconds: of wall time.
      remarks: what to know before the parameters are believed, one sentence each.
      form: of the residual that was minimised last.
      laplacian: the one that explains the pictures best.
      laplacians: what every Laplacian that was tried comes to: the unexplained share of
        the pictures, or half the weighted squares in stage "errors_in_variables".
      laplacian_params: the parameters that each of them found.
      relative_residual: what the equation leaves unexplained, over the contrast.
      noise_ratio: standard deviation of the noise over that of the pictures.
      sigma: standard deviation of the noise, in the units of the pictures.
      drift: how far the pattern is from steady: |o - w| / |o - mean(o)| in stage
        "residual", its root mean square in the units of the pictures in stage
        "errors_in_variables".
      curvature: JᵀJ by coordinate, `[P, P]`; the Schur complement S of the field in
        stage "errors_in_variables", where rows of what is held are zero.
      singular_values: of J, by coordinate, largest first.
      sd: standard deviation of each parameter, in its unit; infinite if undetermined.
      undetermined: directions in coordinates along which the loss hardly changes.
      identifiability: what the pictures determine.
      determined: the products that pictures of unknown gain determine, by text.
      intervals: of the parameters; `quick_intervals` those of the curvature alone.
      field: the observed species, concentrations `[n, *grid]`, where it was unknown.
      data_misfit: mean square of (H o - y) / σ over observed pixels, near 1 for a good
        model; `model_misfit` |o - w| / |o - mean(o)|.
      scatter: covariance of the gradient under the noise of the data alone, K Kᵀ,
        `[P, P]`: estimates scatter by S⁻¹ K Kᵀ S⁻¹.
      epsilon: how far a field may be from steady, in the units of the pictures.
      laplacian_spread: how far the estimates with other Laplacians are away, root mean
        square weighted by their likelihood, by free coordinate; 0 if none comes near.
      held_out: misfit of data that was not fitted, before and after stage "windows".
      rejected: parameters that stage "windows" found and did not keep.
    """

    stage: str
    params: dict[str, float]
    loss: float
    status: FitStatus
    iterations: int
    starts: int = 1
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()
    form: str | None = None
    laplacian: str | None = None
    laplacians: dict[str, float] = dataclasses.field(default_factory=dict)
    laplacian_params: dict[str, dict[str, float]] = dataclasses.field(
        default_factory=dict
    )
    relative_residual: float | None = None
    noise_ratio: float | None = None
    sigma: float | None = None
    drift: float = 0.0
    curvature: np.ndarray | None = None
    singular_values: np.ndarray | None = None
    sd: dict[str, float] = dataclasses.field(default_factory=dict)
    undetermined: tuple[dict[str, float], ...] = ()
    identifiability: Report | None = None
    determined: dict[str, float] = dataclasses.field(default_factory=dict)
    intervals: Intervals | None = None
    quick_intervals: Intervals | None = None
    field: np.ndarray | None = None
    data_misfit: float | None = None
    model_misfit: float | None = None
    scatter: np.ndarray | None = None
    epsilon: float | None = None
    laplacian_spread: np.ndarray | float = 0.0
    held_out: tuple[float, float] | None = None
    rejected: dict[str, float] | None = None

    @property
    def levels(self) -> np.ndarray:
        """The field in the units of the pictures."""
        shifted = self.field - self.params.get("offset", 0.0)
        return shifted / self.params.get("gain", 1.0)

    @property
    def unexplained(self) -> float:
        """`relative_residual`, infinite if it is not a number: smaller is better."""
        value = self.relative_residual
        return value if value is not None and np.isfinite(value) else np.inf

    def to_json(self) -> dict:
        """What is known, without the field and the posterior's draws."""
        return _plain(self, without=("field",)) | {"status": self.status.value}

    @classmethod
    def from_json(cls, value: Mapping) -> "Estimate":
        """Of `to_json`."""
        value = dict(value) | {"status": FitStatus(value["status"])}
        for name in ("intervals", "quick_intervals"):
            if name in value:
                value[name] = Intervals.from_json(value[name])
        for name in ("curvature", "singular_values", "scatter", "laplacian_spread"):
            if name in value:
                value[name] = np.array(value[name])
        if "sd" in value:
            value["sd"] = {
                n: np.inf if x is None else x for n, x in value["sd"].items()
            }
        for name in ("remarks", "undetermined", "held_out"):
            if name in value:
                value[name] = tuple(value[name])
        if "identifiability" in value:
            value["identifiability"] = Report.from_json(value["identifiability"])
        return cls(**value)


def _plain(result, without):
    """{name: value} of what differs from the defaults."""
    found = {}
    for field in dataclasses.fields(result):
        value = getattr(result, field.name)
        nothing = value is None or (not isinstance(value, np.ndarray) and not value)
        if field.name not in without and not nothing:
            nested = hasattr(value, "to_json")
            found[field.name] = value.to_json() if nested else value
    required = ("params", "loss", "iterations", "interval")
    names = {field.name for field in dataclasses.fields(result)}
    return {n: getattr(result, n) for n in required if n in names} | found


def _ends(low, high):
    return (-np.inf if low is None else low, np.inf if high is None else high)


def save_draws(directory: pathlib.Path, draws: Mapping[str, np.ndarray]) -> None:
    """Writes draws of a posterior, `[chains, draws]` by name: `posterior.npz`."""
    with storage.atomic(directory / "posterior.npz") as temporary:
        np.savez_compressed(temporary, **draws)


def load_draws(directory: pathlib.Path) -> dict[str, np.ndarray] | None:
    """Of `save_draws`; None if there are none."""
    path = directory / "posterior.npz"
    return storage.read_arrays(path) if path.exists() else None
