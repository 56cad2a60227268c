"""A learning rate that backs off when a trial step breaks the simulation.

The rate shrinks by 0.1 up to 4 tries; if all fail it jumps up by 1.2, for a fit may sit
at a cliff that a longer step crosses. Between tries parameters and optimiser are put
back exactly.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a simulation at trial parameters came to.

    Attributes:
      failure: why the trial is refused, in a few words; None if it is good.
      loss: at the trial parameters.
      steps: simulated steps of the longest sample.
      payload: what the caller wants to keep of an accepted trial.
    """

    failure: str | None
    loss: float = float("nan")
    steps: int = 0
    payload: Any = None


@dataclasses.dataclass(frozen=True)
class Trial:
    """One rate that was tried, the parameters it led to, and how it went."""

    rate: float
    params: dict[str, float]
    outcome: Outcome


class AdaptiveLearningRate:
    """Tries rates in turn until one is accepted.

    Args:
      base: the first rate of every iteration.
      shrink, shrink_tries: rates base, base * shrink, ... so many in all.
      jump, jump_tries: then base * jump, base * jump², ...
      keep: start the next iteration from the rate that was used, not from base.
      decrease: if given, accept a rate only if the loss falls by at least
        decrease * rate * |gradient|² (Armijo 1966).
    """

    def __init__(
        self,
        base: float,
        shrink: float = 0.1,
        shrink_tries: int = 4,
        jump: float = 1.2,
        jump_tries: int = 3,
        keep: bool = False,
        decrease: float | None = None,
    ):
        self.base = self.rate = base
        self._shrink, self._shrink_tries = shrink, shrink_tries
        self._jump, self._jump_tries = jump, jump_tries
        self._keep, self._decrease = keep, decrease

    def rates(self) -> Iterator[float]:
        """The rates of one iteration, in order."""
        for i in range(self._shrink_tries):
            yield self.rate * self._shrink**i
        for i in range(1, self._jump_tries + 1):
            yield self.rate * self._jump**i

    def attempt(
        self,
        optimizer,
        variables: Sequence,
        gradients: Sequence,
        evaluate: Callable[[], tuple[dict[str, float], Outcome]],
        loss: float,
    ) -> tuple[bool, list[Trial]]:
        """One optimiser step at the first acceptable rate.

        Args:
          optimizer: a Keras optimiser, built for `variables`.
          variables: Keras variables; changed only if a rate is accepted.
          gradients: one per variable.
          evaluate: called after each trial step: (parameters, outcome) there.
          loss: before the step, for `decrease`.

        Returns:
          (accepted, trials); the last trial is the accepted one.
        """
        everything = [*variables, *optimizer.variables]
        saved = [v.value.numpy().copy() for v in everything]
        squared = sum(float(np.square(g)) for g in gradients)
        trials = []
        for rate in self.rates():
            _restore(everything, saved)
            optimizer.learning_rate = rate
            optimizer.apply(list(gradients), list(variables))
            params, outcome = evaluate()
            enough = loss - (self._decrease or 0.0) * rate * squared
            refused = self._decrease is not None and not outcome.loss <= enough
            if outcome.failure is None and refused:
                outcome = dataclasses.replace(outcome, failure="no decrease")
            trials.append(Trial(rate, params, outcome))
            if outcome.failure is None:
                self.rate = rate if self._keep else self.base
                return True, trials
        _restore(everything, saved)
        return False, trials


def _restore(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
