"""Steps with checkpoints, and back over them: the exact discrete adjoint.

With λ the gradient of a loss with respect to the state after a step, one backward step
is

    λ <- (∂step/∂state)ᵀ λ,      g <- g + (∂step/∂params)ᵀ λ.

States are recomputed from checkpoints about sqrt(steps) apart (Griewank 1992,
doi:10.1080/10556789208805505 keeps fewer still), so n steps need memory for 2 to 3
sqrt(n) states. Parameter gradients are gathered as fields, one number per cell, and
summed over the grid once at the end: a sum in every step would be slower than the step.
"""

import tensorflow as tf

from rdtf.engines.arguments import per_cell
from rdtf.engines.xla.loops import read, repeat, write
from rdtf.types import Step


def spacing(num_steps: int) -> tuple[int, int]:
    """(room for checkpoints, steps between them) for so many steps.

    Their product is the next power of two, so that segments of similar length, such as
    runs until steady, share one program.
    """
    doublings = max(0, num_steps - 1).bit_length()
    return 2 ** (doublings // 2), 2 ** (doublings - doublings // 2)


class Adjoint:
    """The steps of a segment with checkpoints, and their adjoint, on rows `[B, cells]`.

    Args:
      step: takes the steps.
      taped_step: the same step, written so that its gradient compiles well.
    """

    def __init__(self, step: Step, taped_step: Step):
        self._step, self._taped_step = step, taped_step

    def take_steps(self, carry, params, first, num_steps):
        """The carry after `num_steps` steps.

        Args:
          carry: before the first step, rows.
          params: rows.
          first, num_steps: int32 scalars, the first step and how many.
        """

        def body(i, *carry):
            return self._step(carry, params, first + i)

        return repeat(num_steps, body, carry)

    def keep(self, carry, params, steps, places):
        """(carry after the steps, checkpoints).

        Args:
          carry, params: as for `take_steps`.
          steps: (first step, how many), int32 scalars.
          places: as from `spacing`.
        """
        (first, num_steps), (room, length) = steps, places

        def body(piece, carry, saved):
            saved = write(saved, piece, carry)
            done = piece * length
            count = tf.minimum(length, num_steps - done)
            carry = self.take_steps(carry, params, first + done, count)
            return piece + 1, carry, saved

        saved = tuple(tf.zeros([room, *s.shape], s.dtype) for s in carry)
        _, carry, saved = tf.while_loop(
            lambda piece, *_: piece * length < num_steps,
            body,
            (tf.constant(0), carry, saved),
        )
        return carry, saved

    def take_back(self, checkpoints, params, steps, upstream, length):
        """(gradient by the first carry, gradients by the parameters), rows.

        Args:
          checkpoints: from `keep`, `length` steps apart.
          params: rows.
          steps: (first step, how many), int32 scalars.
          upstream: gradient by the last carry, rows.
          length: a Python int.
        """
        first, num_steps = steps
        shape = upstream[0].shape
        buffer = tuple(tf.zeros([length, *u.shape], u.dtype) for u in upstream)
        zeros = {n: tf.zeros(per_cell(p, shape), p.dtype) for n, p in params.items()}

        def piece_body(piece, adjoint, sums, buffer):
            done = piece * length
            count = tf.minimum(length, num_steps - done)
            start = read(checkpoints, piece)
            states = self._replay(start, params, first + done, count, buffer)

            def pull_back(i, adjoint, sums):
                i = count - 1 - i
                adjoint, terms = self._pull_back(
                    read(states, i), params, first + done + i, adjoint
                )
                return adjoint, {name: sums[name] + terms[name] for name in sums}

            adjoint, sums = repeat(count, pull_back, (adjoint, sums))
            return piece - 1, adjoint, sums, states

        # The buffer is carried, though every piece overwrites what it reads: an array
        # from outside the loop would be copied whole in every piece.
        _, adjoint, sums, _ = tf.while_loop(
            lambda piece, *_: piece >= 0,
            piece_body,
            ((num_steps - 1) // length, upstream, zeros, buffer),
        )
        return adjoint, {name: _sum_like(sums[name], params[name]) for name in sums}

    def _replay(self, carry, params, first, count, buffer):
        """Writes what each of `count` steps takes into `buffer`."""

        def body(i, carry, buffer):
            buffer = write(buffer, i, carry)
            return self._step(carry, params, first + i), buffer

        last, buffer = repeat(count - 1, body, (carry, buffer))
        return write(buffer, count - 1, last)

    def _pull_back(self, carry, params, index, adjoint):
        shape = carry[0].shape
        fields = {n: tf.broadcast_to(p, per_cell(p, shape)) for n, p in params.items()}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch((carry, fields))
            after = self._taped_step(carry, fields, index)
        return tape.gradient(
            after, (carry, fields), adjoint, tf.UnconnectedGradients.ZERO
        )


def _sum_like(field, param):
    """Sums over the grid, and over the batch if the parameter has one for all."""
    total = field
    if param.shape[1:] == [1]:
        total = tf.reduce_sum(total, 1, keepdims=True)
    if param.shape[0] == 1:
        total = tf.reduce_sum(total, 0, keepdims=True)
    return total
