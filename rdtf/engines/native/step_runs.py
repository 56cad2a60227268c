"""Runs of steps in NumPy: memory, threads, and the calls of the compiled drivers."""

import math

import numpy as np

from rdtf.engines.native import build, thread_pool
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.operators.stencils import STENCILS

PAD = 8  # as in `work_sharing`
_CELLS_PER_THREAD = 4096  # with fewer, waiting costs more than sharing brings
_CACHED = 2**17  # doubles that stay in a core's second-level cache
_SPARE_BYTES = 2**28  # of memory kept for the next run
_spare = {}  # size -> arrays
_SAVED_BYTES = 2**29  # of one run; beyond, states in between are computed again


def aligned(*shape: int) -> np.ndarray:
    """An array of doubles at a cache line; its values are not set."""
    size = math.prod(shape)
    raw = np.empty(8 * size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + 8 * size].view(np.float64).reshape(shape)


def recycled(*shape: int) -> np.ndarray:
    """As `aligned`, of memory that arrays of this size no longer need, if any.

    Fresh memory costs as much to set up as a step to compute.
    """
    return np.asarray(_Lease(shape))


class _Lease:
    """Memory of an array and its views: when the last is gone, the next may have it."""

    def __init__(self, shape):
        size = math.prod(shape)
        try:
            self._buffer = _spare[size].pop()
        except (KeyError, IndexError):
            self._buffer = aligned(size)
        place = self._buffer.__array_interface__
        self.__array_interface__ = {**place, "shape": shape, "strides": None}

    def __del__(self, spare=_spare, most=_SPARE_BYTES):  # globals may be gone at exit
        kept = sum(8 * size * len(buffers) for size, buffers in list(spare.items()))
        if kept + self._buffer.nbytes > most:
            spare.clear()
        if self._buffer.nbytes <= most:
            spare.setdefault(self._buffer.size, []).append(self._buffer)


class StepRuns:
    """The steps of the species, or of these and their tangents by `carried` parameters.

    Args:
      model: the equations.
      grid: where they are solved.
      time_step: in the model's time unit.
      carried: names of the parameters whose tangents follow the species.

    Fields are arrays `[B, *grid.shape]`, parameters a table `[B, P]`.
    """

    def __init__(
        self,
        model: ReactionDiffusion,
        grid: Grid,
        time_step: float,
        carried: tuple[str, ...] = (),
    ):
        self._model, self._grid, self._carried = model, grid, carried
        beside = STENCILS["second_order"].weights[1]
        self._constants = np.array([time_step, *(beside / h**2 for h in grid.spacing)])
        self._fields = len(model.species) * (1 + len(carried))
        cells = grid.shape[-1]
        layers = grid.shape[0] if grid.ndim > 1 else 1
        rows = grid.shape[1] if grid.ndim > 2 else 1
        width = PAD + -(-cells // PAD) * PAD
        periodic = int(grid.boundary == "periodic")
        self._shape = (self._fields, layers, rows, cells, width, periodic)
        self._area = self._fields * layers * rows * width
        self._levels, self._block = self._sweeps()
        most = math.prod(grid.shape) // _CELLS_PER_THREAD
        self._largest_group = max(1, min(most, layers // (4 * self._levels)))

    def _sweeps(self):
        """(steps in a sweep, layers in a block); one step if a state stays cached."""
        _, layers, rows, _, width, _ = self._shape
        if 2 * self._area > _CACHED and layers >= 16:
            for levels, block in ((4, 6), (2, 2)):
                ring = (levels - 1) * (block + 2) * self._fields * rows * width
                if 2 * ring <= _CACHED:
                    return levels, block
        return 1, 1

    def spacing(self, num_steps: int, batch: int) -> tuple[int, int]:
        """(steps between the states a run keeps, steps that are computed again).

        The second are about sqrt(num_steps), but few, so that they stay in the cache;
        the first are as many. If that kept too much, they are a multiple: then states
        in between are computed again first, and both grow as sqrt(num_steps).
        """
        length = max(1, min(math.isqrt(num_steps), 16))
        room = max(1, _SAVED_BYTES // (8 * self._area * batch))
        if length * room < num_steps:
            length = max(length, math.isqrt(num_steps // room))
        return length * max(1, -(-num_steps // (length * room))), length

    def forward(self, state, table, num_steps: int, spacing: int = 0):
        """Takes steps.

        Args:
          state: fields before the first step.
          table: the parameters.
          num_steps: how many steps.
          spacing: steps between the states that are kept; 0 keeps none.

        Returns:
          (fields after the last step, the states kept, `[B, states * area + PAD]`).
        """
        batch = table.shape[0]
        inputs, outputs = self._rows(state), self._new_rows(batch)
        outside = _addresses(inputs), _addresses(outputs)
        room = -(-num_steps // spacing) if spacing else 0
        saved = recycled(batch, room * self._area + PAD)
        kernel = self._kernels().forward_rows

        def begin():
            work = recycled(4 * self._area + PAD)

            def task(first, last, sharing):
                window = first, last, num_steps, spacing
                build.drivers().forward(
                    kernel, outside, table, self._constants, window, saved, work,
                    self._plan(), sharing, self._shape,
                )  # fmt: skip

            return task

        thread_pool.run(begin, batch, self._largest_group)
        return self._on_grid(outputs), saved

    def backward(self, saved, upstream, table, num_steps: int):
        """Takes a gradient back over steps.

        Args:
          saved: states kept by `forward`, as far apart as `spacing` says.
          upstream: gradient with respect to the fields after the last step.
          table: the parameters.
          num_steps: how many steps.

        Returns:
          (gradient with respect to the fields before the first step, to the table).
        """
        batch = table.shape[0]
        spacing, length = self.spacing(num_steps, batch)
        inputs, outputs = self._rows(upstream), self._new_rows(batch)
        outside = _addresses(inputs), _addresses(outputs)
        gradients = np.empty(table.shape)
        module = self._kernels()
        kernel, adjoint_kernel = module.forward_rows, module.backward_rows
        _, layers, rows, _, _, _ = self._shape

        def begin():
            memory = (
                recycled((length - 1) * self._area + PAD),
                recycled((spacing // length - 1) * self._area + PAD),
                recycled(4 * self._area + PAD),
                np.empty(layers * rows * table.shape[1]),
            )

            def task(first, last, sharing):
                window = first, last, num_steps, spacing, length
                build.drivers().backward(
                    kernel, adjoint_kernel, outside, table, self._constants, window,
                    saved, memory, gradients, self._plan(), sharing, self._shape,
                )  # fmt: skip

            return task

        thread_pool.run(begin, batch, self._largest_group)
        return self._on_grid(outputs), gradients

    def steady(self, state, table, active, tolerance: float, num_steps: int):
        """Steps each active sample until it is steady or a step of it is invalid.

        Args:
          state: fields before the first step.
          table: the parameters.
          active: bool `[B]`, the samples that take steps.
          tolerance: of the largest change in a step.
          num_steps: at most so many steps.

        Returns:
          (fields, steps taken `[B]`, last change `[B]`, whether it was finite `[B]`).
        """
        inputs, outputs = self._rows(state), self._new_rows(table.shape[0])
        outside = _addresses(inputs), _addresses(outputs)
        for before, after in zip(inputs, outputs, strict=True):
            after[~active] = before[~active]
        running = np.flatnonzero(active)
        results = np.zeros((table.shape[0], 3))
        kernel = self._kernels().steady_rows
        limits = float(tolerance), num_steps

        def begin():
            work = recycled(2 * self._area + PAD)
            changes = np.zeros(2 * PAD * thread_pool.num_threads(), np.int64)

            def task(first, last, sharing):
                build.drivers().steady(
                    kernel, outside, table, self._constants, running[first:last],
                    limits, changes, results, work, sharing, self._shape,
                )  # fmt: skip

            return task

        thread_pool.run(begin, len(running), self._largest_group)
        steps, change, finite = results.T
        return self._on_grid(outputs), steps.astype(np.int32), change, finite > 0.0

    def _kernels(self):
        return build.module(self._model, self._grid, self._carried)

    def _plan(self):
        _, _, rows, _, width, _ = self._shape
        slots = (self._block + 2) * rows * width * self._fields
        return self._levels, self._block, aligned((self._levels - 1) * slots + PAD)

    def _rows(self, fields):
        """`[B, *grid.shape]` as `[B, layers * rows, cells]`."""
        shape = -1, self._shape[1] * self._shape[2], self._shape[3]
        return tuple(np.ascontiguousarray(field).reshape(shape) for field in fields)

    def _new_rows(self, batch):
        _, layers, rows, cells, _, _ = self._shape
        return tuple(recycled(batch, layers * rows, cells) for _ in range(self._fields))

    def _on_grid(self, rows):
        return tuple(row.reshape(-1, *self._grid.shape) for row in rows)


def _addresses(rows):
    return np.array([row.ctypes.data for row in rows], np.int64)
