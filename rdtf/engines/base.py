"""What an engine is built from, what it runs, and what it owes."""

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.types import Carry, State

if TYPE_CHECKING:  # the engine is resolved from flags, before TensorFlow is there
    import tensorflow as tf

    from rdtf.schemes import Scheme


@dataclasses.dataclass(frozen=True, kw_only=True)
class Discretization:
    """A model on a grid with a scheme and a Laplacian: a step, but for its length.

    Attributes:
      model: the equations.
      grid: where they are solved.
      scheme: the time-stepping scheme.
      laplacian: a name of `rdtf.operators.laplacians.LAPLACIANS`.
      varying: names of the parameters that are fields.
    """

    model: ReactionDiffusion
    grid: Grid
    scheme: "Scheme"
    laplacian: str = "second_order"
    varying: tuple[str, ...] = ()


class Segment(NamedTuple):
    """A time segment of a simulation: so many steps, with these parameters.

    Attributes:
      params: every parameter of the model as a float64 tensor `[1 or B, 1, ...]`, or
        `[1 or B, *grid.shape]` if it varies in space.
      first_step: index of the first step.
      num_steps: how many steps; a Python int.
    """

    params: "dict[str, tf.Tensor]"
    first_step: int
    num_steps: int


class Engine(Protocol):
    """Many steps of one discretization, and their exact adjoint, as compiled programs.

    An engine is made as `Engine(discretization, time_step)`. States and what a step
    carries are tuples of float64 tensors `[B, *grid.shape]`, the species first; the
    memory of a multistep scheme follows them. Nothing here has a gradient of its own:
    `rdtf.engines.segment_gradients` builds gradients of these programs.
    """

    def forward(self, carry: Carry, segment: Segment) -> Carry:
        """Takes the steps of a segment.

        Args:
          carry: before the first step.
          segment: the steps.

        Returns:
          What the last step carries. Any number of steps is the same program.
        """

    def checkpointed(self, carry: Carry, segment: Segment) -> tuple[Carry, Any]:
        """Takes the steps of a segment, and keeps what `backward` starts from.

        Args:
          carry, segment: as for `forward`.

        Returns:
          (what the last step carries, checkpoints that only this engine reads).
        """

    def backward(
        self, checkpoints: Any, segment: Segment, upstream: Carry
    ) -> "tuple[Carry, dict[str, tf.Tensor]]":
        """Takes the gradient of a loss back over the steps of a segment.

        Args:
          checkpoints: of the same segment, from `checkpointed`.
          segment: the steps.
          upstream: gradient of the loss with respect to what the last step carries.

        Returns:
          (gradient with respect to what the first step takes, gradient by parameter in
          the shape of the parameter: one that all samples share sums over the batch).
        """

    def tangents(
        self, carry: Carry, tangents: dict[str, Carry], segment: Segment
    ) -> tuple[Carry, dict[str, Carry]]:
        """Takes the steps of a segment, with derivatives by the parameters beside them.

        Args:
          carry: before the first step.
          tangents: parameter -> ∂carry/∂parameter before the first step, one field per
            field of `carry`; only the parameters in it are followed.
          segment: the steps.

        Returns:
          (carry, tangents) after the last step.
        """

    def until_steady(
        self, state: State, segment: Segment, active: "tf.Tensor", tolerance: float
    ) -> "tuple[State, tf.Tensor, tf.Tensor, tf.Tensor]":
        """Steps each active sample until it is steady or a step of it is invalid.

        A step that leaves the model's valid range, or is not finite, is discarded.

        Args:
          state: before the first step, of a scheme of one step.
          segment: the steps, at most.
          active: bool `[B]`, the samples that take steps.
          tolerance: a sample is steady once its largest change in a step is below it.

        Returns:
          (state, int32 `[B]` steps taken, int32 `[B]` codes of `rdtf.Status`, float64
          `[B]` largest change in the last step tried, infinite if it was discarded).
        """
