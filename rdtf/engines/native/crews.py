"""Threads: each takes its share of the batch; what is left over is a team's work.

Members of a team wait for each other, so they must all run at once. One call at a time
uses the pool; a second one, from another thread, does its work alone: the same bits,
and no deadlock.
"""

import concurrent.futures
import itertools
import os
import threading

import numpy as np
import tensorflow as tf

PAD = 8  # as in drivers: one cache line for each member's counter
_busy = threading.Lock()
_pool = None


def num_threads() -> int:
    """TensorFlow's intra-op threads if set, else the cores of this process."""
    chosen = tf.config.threading.get_intra_op_parallelism_threads()
    if chosen:
        return chosen
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(begin, batch: int, largest_team: int) -> None:
    """Runs begin()(first sample, last sample, me, team, progress) for every share.

    Samples are shared evenly; a remainder, or all of a small batch, goes to teams of at
    most `largest_team` threads. `begin` makes what the members of a team share beside
    `progress`, an int64 array of zeros.
    """
    alone = not _busy.acquire(blocking=False)
    try:
        threads = 1 if alone else num_threads()
        team = min(threads, largest_team)
        each = batch // threads
        edges = [each * i for i in range(threads + 1)]
        if team == 1:
            edges = [batch * i // threads for i in range(threads + 1)]
        _together(
            [
                (begin(), first, last, 0, 1, np.zeros(PAD, np.int64))
                for first, last in itertools.pairwise(edges)
                if last > first
            ]
        )
        if edges[-1] < batch:
            task, progress = begin(), np.zeros(team * PAD, np.int64)
            _together(
                [(task, edges[-1], batch, i, team, progress) for i in range(team)]
            )
    finally:
        if not alone:
            _busy.release()


def _together(calls):
    """Runs all calls at once; the first in this thread."""
    if not calls:
        return
    others = [_threads(len(calls) - 1).submit(*call) for call in calls[1:]]
    function, *arguments = calls[0]
    function(*arguments)
    for other in others:
        other.result()


def _threads(count):
    global _pool
    if count and (_pool is None or _pool._max_workers < count):
        _pool = concurrent.futures.ThreadPoolExecutor(count, "rdtf")
    return _pool


def _after_fork():
    """A forked process has none of its parent's threads."""
    global _pool, _busy
    _pool, _busy = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
