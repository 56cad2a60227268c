"""Threads from a pool: each takes its share of the batch, the rest goes to groups."""

import concurrent.futures
import functools
import itertools
import os

import numpy as np
import tensorflow as tf

PAD = 8  # as in `work_sharing`


@functools.cache  # fixed once TensorFlow runs, and slow to ask
def num_threads() -> int:
    """TensorFlow's intra-op threads if set, else the cores of this process."""
    chosen = tf.config.threading.get_intra_op_parallelism_threads()
    if chosen:
        return chosen
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(begin, batch: int, largest_group: int) -> None:
    """Runs begin()(first sample, last sample, sharing) for all shares of a batch.

    Samples are shared evenly. A remainder, or all of a small batch, is done sample by
    sample by groups of at most `largest_group` threads; `begin` makes what the members
    of a group share. Safe to call from several threads at once: who waits for a member
    that the pool has no thread for does its work.
    """
    threads = num_threads()
    group = min(threads, largest_group)
    alone = batch if group == 1 else batch // threads * threads
    edges = [alone * i // threads for i in range(threads + 1)]
    shares = [pair for pair in itertools.pairwise(edges) if pair[0] < pair[1]]
    _together([(begin(), *share, _sharing(0, 1)) for share in shares])
    for sample in range(alone, batch):
        task, (board, _, _) = begin(), _sharing(0, group)
        _together([(task, sample, sample + 1, (board, i, group)) for i in range(group)])


def _sharing(me, group):
    """What threads share, as in `work_sharing`, that has begun nothing."""
    return np.zeros(2 * group * PAD, np.int64), me, group


def _together(calls):
    """Runs all calls at once; the first in this thread."""
    others = [_pool().submit(*call) for call in calls[1:]]
    for function, *arguments in calls[:1]:
        function(*arguments)
    for other in others:
        other.result()


@functools.cache
def _pool():
    return concurrent.futures.ThreadPoolExecutor(num_threads(), "rdtf")


if hasattr(os, "register_at_fork"):  # a forked process has no threads of its parent
    os.register_at_fork(after_in_child=_pool.cache_clear)
