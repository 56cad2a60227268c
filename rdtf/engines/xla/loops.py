"""What the programs for XLA share: compilation, loops, rows of cells, buffers."""

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops

from rdtf.grids import Grid
from rdtf.operators import finite_differences
from rdtf.types import Carry


def barrier(tensors):
    """The same tensors, which XLA has to compute before it goes on."""
    return gen_xla_ops.xla_optimization_barrier(tensors)


def compiled(function):
    """A function of tensors as a program that XLA compiles."""
    return tf.function(function, jit_compile=True, autograph=False)


def graph(function):
    """A function of tensors as a TensorFlow graph, without XLA."""
    return tf.function(function, autograph=False)


def repeat(count, body, carry):
    """carry = body(i, *carry) for i = 0, 1, ... count - 1.

    Two rounds to a loop body: the second writes where the first has read, which spares
    XLA a copy of the carry.
    """

    def once(i, *carry):
        return i + 1, *body(i, *carry)

    def twice(*carry):
        return once(*once(*carry))

    carry = (tf.constant(0), *carry)
    carry = tf.while_loop(lambda i, *_: i + 1 < count, twice, carry)
    return tf.while_loop(lambda i, *_: i < count, once, carry)[1:]


def rows(tree):
    """Fields as `[B, cells]`: see `rdtf.operators.finite_differences`."""
    return tf.nest.map_structure(finite_differences.flatten, tree)


def param_rows(params):
    """Parameters as `[1 or B, 1 or cells]`; what is prepared ("0.1.half") as it is."""
    return {
        name: value if "." in name else finite_differences.flatten(value)
        for name, value in params.items()
    }


def on_grid(carry: Carry, grid: Grid) -> Carry:
    """Rows as fields; what a step carries besides, `[B, 1]`, as `[B, 1, ...]`."""
    one = [1] * grid.ndim
    return tuple(
        tf.reshape(r, [r.shape[0], *(one if r.shape[1] == 1 else grid.shape)])
        for r in carry
    )


def write(buffers, index, carry):
    """Writes what one step carries into stacked buffers `[n, B, ...]` at `index`."""
    start = [index] + [tf.constant(0)] * carry[0].shape.rank
    return tuple(
        gen_xla_ops.xla_dynamic_update_slice(b, s[tf.newaxis], tf.stack(start))
        for b, s in zip(buffers, carry, strict=True)
    )


def read(buffers, index):
    """Reads what is at `index`; `buffer[index]` compiles slower (negative indices)."""
    found = []
    for buffer in buffers:
        start = tf.stack([index] + [tf.constant(0)] * (buffer.shape.rank - 1))
        size = tf.constant([1, *buffer.shape[1:]])
        found.append(gen_xla_ops.xla_dynamic_slice(buffer, start, size)[0])
    return tuple(found)
