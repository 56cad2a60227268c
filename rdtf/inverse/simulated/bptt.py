"""Truncated backpropagation through time: windows, a Keras optimiser, adaptive rates.

Each iteration steps along the gradient of the one before, at the first rate at which
the simulation of this iteration's draw survives; then takes the gradient there.
"""

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from rdtf.constraints import Constraints
from rdtf.inverse.problem import Problem
from rdtf.inverse.reporting.recorders import Record, Recorder
from rdtf.inverse.results import Estimate
from rdtf.inverse.simulated.adaptive_rate import AdaptiveLearningRate, Outcome
from rdtf.inverse.simulated.windows import Draw, Windows
from rdtf.status import FitStatus, InputError
from rdtf.storage import checkpoints
from rdtf.storage.checkpoints import Checkpoint

STAGE = "bptt"


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """A Keras optimiser by name, and the transforms of the parameters.

    Attributes:
      name: "SGD", "Adam", ... as in `keras.optimizers`.
      learning_rate: the base rate.
      weight_decay: on raw parameters, or 0.
      transforms: parameter -> kind, see `rdtf.constraints`.
      iterations: in all.
      keep_rate, decrease: see `AdaptiveLearningRate`.

    Raises:
      InputError: if Keras has no such optimiser, or a number cannot be used.
    """

    name: str = "Adam"
    learning_rate: float = 1e-2
    weight_decay: float = 0.0
    transforms: Mapping[str, str] = dataclasses.field(default_factory=dict)
    iterations: int = 100
    keep_rate: bool = False
    decrease: float | None = None

    def __post_init__(self):
        for name in ("learning_rate", "decrease"):
            value = getattr(self, name)
            if value is not None and not np.isfinite(value):
                raise InputError(f"Expected a finite {name}, got {value}.")
        for name in ("weight_decay", "iterations"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise InputError(f"Expected {name} of at least 0, got {value}.")
        self.make()

    def make(self):
        """The Keras optimiser."""
        config = {"learning_rate": self.learning_rate}
        if self.weight_decay:
            config["weight_decay"] = self.weight_decay
        try:
            return keras.optimizers.get({"class_name": self.name, "config": config})
        except (ValueError, TypeError):
            raise InputError(
                f"Expected a Keras optimiser such as SGD or Adam, got {self.name!r}."
            ) from None


class Trainer:
    """Fits by windows; every iteration is recorded and checkpointed.

    Args:
      problem: what is fitted.
      windows: how the loss is simulated.
      settings: how it is minimised.
      recorder: where iterations go.
      checkpoint: where the state goes after every iteration, and what `fit` goes on
        from if there is one; None keeps nothing.
    """

    def __init__(
        self,
        problem: Problem,
        windows: Windows,
        settings: OptimizerSettings,
        recorder: Recorder,
        checkpoint: Checkpoint | None = None,
    ):
        self._problem, self._windows = problem, windows
        self._settings, self._recorder = settings, recorder
        self._names = list(problem.simulation.model.parameters)
        self._constraints = Constraints(problem.simulation.model, settings.transforms)
        raw = self._constraints.raw(problem.start)
        self._variables = [
            keras.Variable(raw[name], dtype="float64", name=name)
            for name in self._names
        ]
        self._free = [i for i, n in enumerate(self._names) if n not in problem.held]
        self._optimizer = settings.make()
        self._optimizer.build(self._of_free(self._variables))
        self._rate = AdaptiveLearningRate(
            settings.learning_rate, keep=settings.keep_rate, decrease=settings.decrease
        )
        self._checkpoint = checkpoint
        self._iteration = 0
        self._best = (np.inf, self._params())

    def fit(self) -> Estimate:
        """Runs all iterations, or what is left of them.

        A failed start or an iteration without an acceptable rate ends the fit with a
        status and the best parameters so far; so does Ctrl-C.
        """
        try:
            status = self._run()
        except KeyboardInterrupt:
            status = FitStatus.INTERRUPTED
        loss, params = self._best
        return Estimate(
            stage=STAGE,
            params=params,
            loss=loss,
            status=status,
            iterations=self._iteration,
        )

    def _run(self):
        if self._checkpoint is not None and self._checkpoint.exists():
            draw, gradients, loss = self._restore()
        else:
            self._recorder.keep(lambda record: record["stage"] != STAGE)
            draw = self._windows.draw(0)
            outcome = self._windows.run(self._params(), draw)
            if outcome.failure is not None:
                self._fail(outcome.failure)
                return FitStatus.FAILED_START
            draw, gradients, loss = self._differentiate(outcome, [])
        while self._iteration < self._settings.iterations:
            self._iteration += 1

            def evaluate(draw=draw):
                params = self._params()
                return params, self._windows.run(params, draw)

            accepted, trials = self._rate.attempt(
                self._optimizer,
                self._of_free(self._variables),
                self._of_free(gradients),
                evaluate,
                loss,
            )
            if not accepted:
                self._fail("no learning rate was accepted", trials)
                return FitStatus.NO_RATE_ACCEPTED
            draw, gradients, loss = self._differentiate(trials[-1].outcome, trials)
        return FitStatus.MAX_ITERATIONS

    def _all_variables(self):
        return [*self._variables, *self._optimizer.variables]

    def _of_free(self, values):
        return [values[i] for i in self._free]

    def _params(self):
        raw = {n: v.value for n, v in zip(self._names, self._variables, strict=True)}
        return {n: float(p) for n, p in self._constraints.physical(raw).items()}

    def _differentiate(self, outcome: Outcome, trials):
        """Gradient at the accepted parameters; records, checkpoints, moves on."""
        sources = [variable.value for variable in self._variables]
        with tf.GradientTape() as tape:
            raw = dict(zip(self._names, sources, strict=True))
            physical = self._constraints.physical(raw)
            loss, final = self._windows.loss(physical, outcome.payload)
        targets = [*sources, *physical.values()]
        gradients = tape.gradient(
            loss, targets, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        raw_gradients = gradients[: len(sources)]
        params, loss = self._params(), float(loss)
        if loss < self._best[0]:
            self._best = (loss, params)
        self._record(params, loss, gradients, trials, outcome.steps)
        if self._iteration % 10 == 0:
            index = self._problem.index
            self._recorder.compare(outcome.payload.draw.targets, final[index])
        draw = self._windows.move_on(outcome.payload, params, self._iteration + 1)
        self._save(draw, raw_gradients, loss)
        return draw, raw_gradients, loss

    def _record(self, params, loss, gradients, trials, steps):
        values = [float(g) for g in gradients]
        count = len(self._names)
        record = Record(
            stage=STAGE,
            iteration=self._iteration,
            params=params,
            loss=loss,
            gradient=dict(zip(self._names, values[count:], strict=True)),
            raw_gradient=dict(zip(self._names, values[:count], strict=True)),
            tried=[_describe(trial) for trial in trials],
            rate=trials[-1].rate if trials else None,
            steps=steps,
        )
        self._recorder.write(record)

    def _fail(self, status, trials=()):
        nothing = dict.fromkeys(self._names, float("nan"))
        record = Record(
            stage=STAGE,
            iteration=self._iteration,
            params=self._params(),
            loss=float("nan"),
            gradient=nothing,
            raw_gradient=nothing,
            tried=[_describe(trial) for trial in trials],
            steps=max((trial.outcome.steps for trial in trials), default=None),
            status=status,
        )
        self._recorder.write(record)

    def _save(self, draw: Draw, gradients, loss):
        if self._checkpoint is None:
            return
        arrays = {
            "iteration": self._iteration,
            "loss": loss,
            "gradients": np.array(gradients),
            "rate": self._rate.rate,
            "best_loss": self._best[0],
            "best_params": np.array([self._best[1][name] for name in self._names]),
            "travelled": draw.travelled,
            "warm": draw.warm,
            "targets": draw.targets if draw.warm else np.zeros(0),
        }
        arrays |= checkpoints.arrays_of("variable", self._all_variables())
        if draw.warm:
            arrays |= {f"state_{i}": field for i, field in enumerate(draw.state)}
        self._checkpoint.save(arrays)

    def _restore(self):
        with self._checkpoint.restoring() as saved:
            checkpoints.assign("variable", self._all_variables(), saved)
            self._iteration = int(saved["iteration"])
            self._rate.rate = float(saved["rate"])
            best = dict(zip(self._names, map(float, saved["best_params"]), strict=True))
            self._best = (float(saved["best_loss"]), best)
            if saved["warm"]:
                count = len(self._problem.simulation.model.species)
                state = tuple(tf.constant(saved[f"state_{i}"]) for i in range(count))
                if state[0].shape[1:] != self._problem.simulation.grid.shape:
                    raise ValueError(f"fields of shape {state[0].shape}")
                targets = tf.constant(saved["targets"])
                draw = Draw(state, targets, int(saved["travelled"]), warm=True)
            else:
                draw = self._windows.draw(self._iteration + 1)
            gradients = [tf.constant(g) for g in saved["gradients"]]
            loss = float(saved["loss"])
        self._recorder.keep(
            lambda record: (
                record["stage"] != STAGE or record["iteration"] <= self._iteration
            )
        )
        return draw, gradients, loss


def _describe(trial):
    return {
        "rate": trial.rate,
        "outcome": trial.outcome.failure or "ok",
        "steps": trial.outcome.steps,
        "params": trial.params,
    }
