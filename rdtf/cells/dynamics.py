"""Noisy dynamics of a tissue, differentiable in what its cells do."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from rdtf.cells import paths
from rdtf.cells.tissue import Tissue
from rdtf.status import InputError

NODES = 1025  # of a table; its slope is off by f''/2048 at most


@dataclasses.dataclass(frozen=True)
class Dynamics:
    """ds_i = f(mean of the neighbours of i) dt + σ dW_i, kept in [0, 1].

    By the method of Euler and Maruyama:

        s_i <- clip(s_i + f(mean) dt + σ √dt ξ, 0, 1)

    f is given by its values at equidistant points of [0, 1], a table, and is linear
    between them. Noise is stateless in (seed, step, replicate, cell).

    Attributes:
      tissue: the cells.
      time_step: dt.

    Raises:
      InputError: if dt is not positive.
    """

    tissue: Tissue = dataclasses.field(default_factory=Tissue)
    time_step: float = 0.01

    def __post_init__(self):
        if not 0.0 < self.time_step < math.inf:
            raise InputError(f"Expected a positive time step, got {self.time_step}.")

    def initial_state(self, replicates: int, seed: int) -> tf.Tensor:
        """States in U(0.4, 0.6), `[replicate, *tissue.shape]`."""
        values = paths.uniforms(replicates, self.tissue.cells, seed)
        return tf.constant(0.4 + 0.2 * values.reshape(-1, *self.tissue.shape))

    def advance(self, state, table, num_steps: int, noise, seed, first_step: int = 0):
        """The state after `num_steps` steps, with its exact gradient.

        By the discrete adjoint, through clips as they were: where a cell is at a bound,
        nothing passes.

        Args:
          state: float64 `[replicate, *tissue.shape]` in [0, 1].
          table: f at equidistant points of [0, 1], float64 `[node]`.
          noise: σ, a float or a scalar tensor; not differentiated.
          seed: a whole number, or a scalar int64 tensor.
          first_step: the number of the first step, in later segments of a run.

        Returns:
          float64 `[replicate, *tissue.shape]`.

        Raises:
          InputError: if the shapes do not fit, or a state is outside [0, 1].
        """
        state = tf.convert_to_tensor(state, tf.float64)
        table = tf.convert_to_tensor(table, tf.float64)
        paths.check(self.tissue, state.shape, table.shape, num_steps)
        # A custom gradient must not reach for differentiable things around it.
        noise = tf.stop_gradient(tf.convert_to_tensor(noise, tf.float64))
        seed = tf.cast(seed, tf.int64)

        def segment(noise, seed):
            return paths.Segment(
                num_steps=num_steps, noise=noise, seed=seed, first_step=first_step
            )

        def forward(state, table, *numbers):
            path = self.path(state, table, segment(*numbers))
            return path.final, path.saved, path.ends

        def backward(upstream, saved, ends, state, table, *numbers):
            kept = (saved, ends)
            path = self.path(state, table, segment(*numbers), kept=kept)
            return path.adjoint(upstream)

        @tf.custom_gradient
        def run(state, table):
            inputs = (state, table, noise, seed)
            final, saved, ends = tf.numpy_function(forward, inputs, [tf.float64] * 3)
            final.set_shape(state.shape)

            def gradient(upstream):
                given = (upstream, saved, ends, *inputs)
                found = tf.numpy_function(backward, given, [tf.float64] * 2)
                for one, like in zip(found, (state, table), strict=True):
                    one.set_shape(like.shape)
                return found

            return final, gradient

        return run(state, table)

    def path(
        self,
        state: np.ndarray,
        table: np.ndarray,
        segment: paths.Segment,
        *,
        kept: tuple[np.ndarray, np.ndarray] | None = None,
        spacing: int = 0,
    ) -> paths.Path:
        """The same in NumPy.

        Args:
          state, table: as for `advance`.
          segment: the steps.
          kept, spacing: see `paths.Path`.
        """
        return paths.Path(
            self.tissue,
            self.time_step,
            state,
            table,
            segment,
            kept=kept,
            spacing=spacing,
        )

    def simulate(
        self,
        state: np.ndarray,
        table: np.ndarray,
        num_steps: int,
        noise: float,
        seed: int,
        first_step: int = 0,
    ) -> np.ndarray:
        """As `advance`, in NumPy and without a gradient.

        Args:
          state, table, num_steps, noise, seed, first_step: as for `advance`.
        """
        segment = paths.Segment(
            num_steps=num_steps, noise=noise, seed=seed, first_step=first_step
        )
        return self.path(state, table, segment, spacing=num_steps).final
