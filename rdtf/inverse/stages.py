"""The stages of a fit, each done once: in memory, or kept in a directory."""

import dataclasses
import json
import pathlib
from collections.abc import Callable

from rdtf.inverse.reporting.recorders import Recorder
from rdtf.inverse.results import Estimate, load_draws, save_draws
from rdtf.status import FitStatus
from rdtf.storage.checkpoints import Checkpoint
from rdtf.storage.row_log import RowLog

WITH_FIELD = ("errors_in_variables", "cropped")  # stages that keep one


class Stages:
    """Finished stages, and what an unfinished one goes on from.

    Args:
      directory: keeps them in `stages.jsonl`, and a field beside it in
        `checkpoint.npz`, so that a resumed fit does not repeat them; None keeps
        nothing.
      recorder: whose records of a stage that is done again are dropped.
      resume: whether to go on with what the directory has.

    Attributes:
      results: of the finished stages, in their order.
    """

    def __init__(
        self, directory: pathlib.Path | None, recorder: Recorder, resume: bool = False
    ):
        self._recorder, self._log, self._directory = recorder, None, None
        self.results: list[Estimate] = []
        if directory is None:
            return
        self._directory = directory = pathlib.Path(directory)
        self._log = RowLog(directory / "stages.jsonl")
        if not resume:
            (directory / "checkpoint.npz").unlink(missing_ok=True)
        rows = self._log.start(resume)
        old = directory / "checkpoint.json"  # of versions up to 0.1.0
        if resume and not rows and old.exists():
            rows = json.loads(old.read_text(encoding="utf-8"))
        self.results = self._known(rows)
        self._log.start(resume=False)
        for result in self.results:
            self._log.append(result.to_json())
        if not self.results:
            self._recorder.keep(lambda record: resume)

    def checkpoint(self, kind: str) -> Checkpoint | None:
        """Of the state of a stage; None without a directory."""
        if self._directory is None:
            return None
        return Checkpoint(self._directory / "checkpoint.npz", kind)

    def run(self, name: str, work: Callable[[], Estimate]) -> Estimate:
        """The stage's result: the stored one, or that of `work()`, then stored."""
        unfinished = [FitStatus.INTERRUPTED]
        if name == "bptt":  # --iterations may have been raised
            unfinished.append(FitStatus.MAX_ITERATIONS)
        for result in self.results:
            if result.stage == name and result.status not in unfinished:
                return result
        self.results = [r for r in self.results if r.stage != name]
        if self._log is not None:
            self._log.keep(lambda row: row["stage"] != name)
        if name != "bptt":  # its trainer goes on from a checkpoint
            self._recorder.keep(lambda record: record["stage"] != name)
        result = work()
        self.results.append(result)
        if self._log is not None:
            if name in WITH_FIELD:
                self.checkpoint(name).save({"field": result.field})
            if name == "posterior":
                save_draws(self._directory, result.intervals.draws)
            self._log.append(result.to_json())
        return result

    def _known(self, rows) -> list[Estimate]:
        """What can be used of the rows: stages up to the first that has to be repeated.

        Rows of versions up to 0.1.0 keep their numbers under "notes", of which only
        stage "bptt" has none; the others take seconds and are done again.
        """
        found = []
        for row in rows:
            if row.pop("notes", None):
                break
            estimate = Estimate.from_json(row)
            if estimate.stage in WITH_FIELD:
                with self.checkpoint(estimate.stage).restoring() as arrays:
                    estimate = dataclasses.replace(estimate, field=arrays["field"])
            if estimate.stage == "posterior":
                draws = load_draws(self._directory)
                found = dataclasses.replace(estimate.intervals, draws=draws)
                estimate = dataclasses.replace(estimate, intervals=found)
            found.append(estimate)
        return found
