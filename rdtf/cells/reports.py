"""What a run of training shows while it goes, and what it leaves."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from rdtf.cells import evaluation, networks
from rdtf.cells.dynamics import Dynamics
from rdtf.cells.runs import History
from rdtf.cells.utility import Utility
from rdtf.viz import cells as drawings

_SHOWN = 48  # replicates in the picture of patterns
_FINER_REPLICATES = 1024


class Traces:
    """Numbers of a record in TensorBoard, under `train/`; a callback of `runs.run`."""

    def __init__(self, workdir):
        folder = pathlib.Path(workdir) / "tensorboard"
        self._writer = tf.summary.create_file_writer(str(folder))

    def __call__(self, iteration: int, record: dict) -> None:
        """Writes an iteration."""
        with self._writer.as_default(iteration):
            for name, value in record.items():
                tf.summary.scalar(f"train/{name}", value)

    def close(self) -> None:
        """Ends the file."""
        self._writer.close()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Test:
    """How a result is tested: `replicates` fresh ones, `num_steps` under `noise`."""

    dynamics: Dynamics
    num_steps: int
    noise: float
    replicates: int
    seed: int

    def of(self, table) -> Utility:
        """The utility of an f."""
        return evaluation.evaluate(
            self.dynamics,
            table,
            self.num_steps,
            self.noise,
            replicates=self.replicates,
            seed=self.seed,
        )

    def finer(self, table) -> Utility:
        """The same at a tenth of the time step."""
        return evaluation.at_finer_step(
            self.dynamics,
            table,
            self.num_steps,
            self.noise,
            replicates=min(self.replicates, _FINER_REPLICATES),
            seed=self.seed,
        )

    def states(self, table) -> np.ndarray:
        """Final states of some replicates."""
        start = self.dynamics.initial_state(_SHOWN, self.seed)
        return self.dynamics.simulate(
            start, table, self.num_steps, self.noise, self.seed
        )


def result(test: Test, history: History) -> dict:
    """The numbers of result.json; `utility` is that of fresh replicates."""
    table = history.tables[-1]
    found, finer = test.of(table), test.finer(table)
    return {
        **dataclasses.asdict(found),
        "kind": found.kind,
        "at_a_tenth_of_the_time_step": dataclasses.asdict(finer),
        "reference_tanh": dataclasses.asdict(test.of(networks.sigmoidal())),
        "status": history.status.value,
        "advice": history.status.advice,
        "iterations": len(history.traces["utility"]),
        "replicate_steps": history.replicate_steps,
        "last_utility_in_training": float(history.traces["utility"][-1]),
    }


def pictures(workdir, test: Test, history: History, fresh: float) -> None:
    """Draws training.png, function.png, patterns.png and function.gif.

    Args:
      workdir: where they go.
      test: of which the states of patterns.png are.
      history: of the run.
      fresh: the utility of fresh replicates, beside that in training.
    """
    workdir, points = pathlib.Path(workdir), networks.points().numpy()
    first, last = history.tables[[0, -1]]
    shown = {name: trace for name, trace in history.traces.items() if np.ptp(trace)}
    shown = shown or history.traces  # of one iteration none changes
    drawings.training(workdir / "training.png", shown, fresh)
    references = {
        "tanh(-5 (s - 1/2))": networks.sigmoidal(),
        "dead zone": networks.dead_zone(),
    }
    curves = {"learnt": last, **references}
    drawings.functions(workdir / "function.png", points, curves)
    states = {"at the start": test.states(first), "trained": test.states(last)}
    drawings.patterns(workdir / "patterns.png", states)
    drawings.functions_gif(
        workdir / "function.gif",
        points,
        history.tables,
        history.table_iterations,
        {"tanh(-5 (s - 1/2))": networks.sigmoidal()},
    )


def text(found: dict) -> str:
    """The numbers in a few lines."""
    finer, tanh = found["at_a_tenth_of_the_time_step"], found["reference_tanh"]
    last = found["last_utility_in_training"]
    utility = (
        f"U = {found['utility']:.4f} ± {found['standard_error']:.4f} bits per cell, of "
        f"{found['replicates']} fresh replicates (S_pattern {found['pattern']:.4f}, "
        f"S_reproducibility {found['reproducibility']:.4f})"
    )
    beside = (
        f"dt/10: {finer['utility']:.4f} ± {finer['standard_error']:.4f}; tanh(-5 "
        f"(s - 1/2)): {tanh['utility']:.4f}; in training, biased: {last:.4f}"
    )
    kinds = (
        f"patterns: {found['num_patterns']} different, {found['kind']}; neighbours "
        f"differ in {found['disagreement']:.0%}, all cells agree in "
        f"{found['consensus']:.0%}"
    )
    lines = [utility, beside, kinds]
    if found["consensus"] > 0.5:
        lines.append(
            "warning: this is consensus, not pattern: all-0 and all-1 tissues by turns "
            "score up to .857 in a row of 7"
        )
    if found["status"] != "finished":
        lines.append(f"{found['status'].replace('_', ' ')}: {found['advice']}")
    return "\n".join(lines)
