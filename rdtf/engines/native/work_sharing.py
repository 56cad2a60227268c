"""Threads that share one sample, pass by pass: each has its layers, and helps others.

A pass computes all layers of something, in as many parts as there are threads. Thread i
takes part i; who has finished waits for the others, and if one of them has not even
begun, because the machine is busy, does its part too. When the next pass begins, all
parts are complete: what it reads is there, and what it overwrites is read no more. A
thread that comes late finds its parts done and follows, as all decide alike. Who does a
part changes no bit of it.

`sharing` is (board, me, group): two counters for each part, a cache line apart: how
many passes have been begun and how many finished. A pass is written

    part = begin(sharing, tick)
    while part >= 0:
        first, last = layers_of(part, layers, sharing)
        ...
        part = finish(sharing, tick, part)
"""

import os

from numba import njit, types
from numba.core.typing import signature

from rdtf.engines.native.intrinsics import compare_and_set, load_acquire, store_release

OPTIONS = {"nogil": True, "error_model": "numpy"}
PAD = 8  # doubles in a cache line
SPINS = 4000  # some microseconds; then help, or give the core to somebody else

if os.name == "posix":
    give_way = types.ExternalFunction("sched_yield", signature(types.int32))
else:

    @njit
    def give_way():
        return 0


@njit(**OPTIONS)
def layers_of(part, layers, sharing):
    """The first layer of a part, and the first beyond it."""
    return layers * part // sharing[2], layers * (part + 1) // sharing[2]


@njit(**OPTIONS)
def begin(sharing, tick):
    """The part that this thread is to do in pass `tick`; -1 if all are complete."""
    board, me, _ = sharing
    if compare_and_set(board, PAD * me, tick, tick + 1):
        return me
    return _next(sharing, tick)


@njit(**OPTIONS)
def finish(sharing, tick, part):
    """Says that a part is complete; returns the next one to do, or -1."""
    board, _, group = sharing
    store_release(board, PAD * (group + part), tick + 1)
    return _next(sharing, tick)


@njit(**OPTIONS)
def _next(sharing, tick):
    board, _, group = sharing
    for part in range(group):
        spins = 0
        while load_acquire(board, PAD * (group + part)) <= tick:
            spins += 1
            if spins > SPINS:
                if compare_and_set(board, PAD * part, tick, tick + 1):
                    return part
                give_way()
    return -1


@njit(**OPTIONS)
def went_on(sharing, tick):
    """Whether somebody has begun the pass after the one after `tick`."""
    board, _, group = sharing
    for part in range(group):
        if load_acquire(board, PAD * part) > tick + 2:
            return True
    return False
