"""`Fit`: what a fit found, how far to trust it, and how to look at it and keep it."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from rdtf.gradients import Certificate
from rdtf.inverse.problem import Problem
from rdtf.inverse.reporting import report
from rdtf.inverse.results import Estimate
from rdtf.inverse.settings import Settings
from rdtf.inverse.simulated.checks import Check
from rdtf.inverse.structure.identifiability import Report
from rdtf.status import FitStatus


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A model's parameters from pictures of its patterns.

    Attributes:
      problem: what was fitted.
      settings: how.
      stages: the estimates of all stages, the answer last.
      check: whether new patterns of the parameters look like the pictures; None if that
        was not asked, or makes no sense.
      certificates: of the gradients of the "first" and the "last" window, or why there
        is none; empty if they were not asked.
      seconds: of wall time.
    """

    problem: Problem
    settings: Settings
    stages: tuple[Estimate, ...]
    check: Check | None = None
    certificates: Mapping[str, Certificate | str] = dataclasses.field(
        default_factory=dict
    )
    seconds: float = 0.0

    @property
    def params(self) -> dict[str, float]:
        """The best found, with "gain" and "offset" if they were unknown."""
        return self.stages[-1].params

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """(low, high) of 95 % by name, in the parameter's own unit.

        Infinite for what the pictures do not determine; empty where the route cannot
        tell, as for pictures without noise.
        """
        found = self.stages[-1].intervals
        return {} if found is None else dict(found.interval)

    @property
    def interval_method(self) -> str | None:
        """How the intervals were found, see `rdtf.inverse.results.Intervals`."""
        found = self.stages[-1].intervals
        return None if found is None else found.method

    @property
    def status(self) -> FitStatus:
        """How the fit ended. Believe the parameters only if it has converged."""
        return self.stages[-1].status

    @property
    def advice(self) -> str:
        """What the status means and what to try, in one line."""
        return self.status.advice

    @property
    def remarks(self) -> list[str]:
        """What to know before the parameters are believed, one sentence each."""
        return [line for stage in self.stages for line in stage.remarks]

    @property
    def identifiability(self) -> Report | None:
        """What the pictures determine; None if the route does not say."""
        return self._last("identifiability")

    @property
    def laplacian(self) -> str | None:
        """The Laplacian that explains the pictures best; None if only one was tried."""
        return self._last("laplacian")

    @property
    def field(self) -> np.ndarray | None:
        """The observed species `[n, *grid]` where it was an unknown too, else None."""
        return self._last("field")

    def _last(self, name):
        found = [getattr(stage, name) for stage in self.stages]
        return next((value for value in reversed(found) if value is not None), None)

    def summary(self) -> str:
        """The parameters as a table, how the fit ended, and the remarks."""
        return report.summary(self)

    def plot(self):
        """A Matplotlib figure: the pictures, and new patterns of the parameters."""
        return report.comparison(self, None)

    def save(self, directory) -> pathlib.Path:
        """Writes the result into a directory, which is made if it is missing.

        `result.json`, and where they apply `field.npz`, `posterior.npz`,
        `posterior.png`, `certificates.json`, and of a checked fit `fit.png`,
        `spectra.png` and `fit.gif`.

        Returns:
          the directory.
        """
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        report.write(self, directory)
        return directory

    def to_json(self) -> dict:
        """What `result.json` holds: plain numbers, texts, lists and dicts."""
        return report.result(self)
