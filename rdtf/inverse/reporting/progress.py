"""Progress of a fit on a console or in a notebook."""

from typing import Protocol

from rdtf.inverse.reporting.recorders import Record


class Progress(Protocol):
    """What shows the progress of a fit."""

    def __call__(self, record: Record) -> None:
        """Shows one iteration."""

    def checking(self, done: int, running: int) -> None:
        """Shows the check: steps so far, and samples that are not steady yet."""

    def close(self) -> None:
        """Clears what is shown."""


class ProgressBar:
    """A `Progress`: one bar that counts iterations, then steps of the check.

    Args:
      disable: whether nothing is shown.
    """

    def __init__(self, disable: bool = False):
        from tqdm import tqdm

        self._bar = tqdm(unit="it", leave=False, disable=disable, mininterval=0.5)

    def __call__(self, record: Record) -> None:
        """Shows stage and loss."""
        self._bar.set_description_str(f"{record.stage} loss {record.loss:.4g}", False)
        self._bar.update(1)

    def checking(self, done: int, running: int) -> None:
        """Shows steps."""
        if not self._bar.disable:
            self._bar.unit, self._bar.n = "step", done
            self._bar.set_description_str(f"checking, {running} running")

    def close(self) -> None:
        """Clears the bar."""
        self._bar.close()
