"""How closely a run is looked at to tell its regime."""

import dataclasses
from collections.abc import Sequence

from rdtf.status import InputError

_FRAMES = 800  # of the default `every`
_FEWEST_STEPS = 64
_RENORMALISATIONS = 64  # that an exponent needs for its standard error


def fewest_steps(every: int) -> int:
    """Steps that an exponent needs at least, renormalised after each `every`."""
    return _RENORMALISATIONS * every


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of `rdtf.analysis.regimes.classify`.

    Attributes:
      every: steps between the frames of its last quarter. Take a dozen per period, more
        for spikes, else it is not found, or as a multiple. Default: num_steps / 800.
      exponent_steps: further steps, with tangents, of samples that need λ. Default:
        num_steps.
      trivial: values of the species at the background. Default: the model's, or its
        uniform state; if that is not known, the mean of the start.
    """

    every: int | None = None
    exponent_steps: int | None = None
    trivial: Sequence[float] | None = None

    def filled(self, num_steps: int) -> "Options":
        """With defaults for a run of so many steps.

        Raises:
          InputError: if those are fewer than 64.
        """
        if num_steps < _FEWEST_STEPS:
            raise InputError(
                f"Expected at least {_FEWEST_STEPS} steps to tell a regime, got "
                f"{num_steps}: raise max_steps."
            )
        every = self.every or max(1, num_steps // _FRAMES)
        exponent_steps = self.exponent_steps or max(num_steps, fewest_steps(every))
        return dataclasses.replace(self, every=every, exponent_steps=exponent_steps)
