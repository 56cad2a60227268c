"""The native engine gives the same bits however its work is divided."""

import concurrent.futures
import sys

import native_runs
import numpy as np
import pytest

from rdtf.engines.native import build, thread_pool

# (shape, boundary): uneven, so that vectors and groups have remainders.
SPACES = [((37, 19), "periodic"), ((37, 19), "no_flux"), ((33,), "no_flux")]
SPACES += [((17, 5, 6), "periodic"), ((17, 5, 6), "no_flux")]


def _divide(monkeypatch, threads, runs=None, levels=1, block=1):
    """Groups as large as they can be, and sweeps of `levels` steps."""
    monkeypatch.setattr(thread_pool, "num_threads", lambda: threads)
    if runs is not None:
        monkeypatch.setattr(runs, "_largest_group", threads)
        monkeypatch.setattr(runs, "_levels", levels)
        monkeypatch.setattr(runs, "_block", block)


@pytest.mark.parametrize("shape, boundary", SPACES)
def test_any_division_of_the_work_gives_the_same_bits(shape, boundary, monkeypatch):
    runs, state, table = native_runs.make("gray_scott", shape, boundary, batch=3)
    _divide(monkeypatch, 1, runs)
    reference = native_runs.gradient(runs, state, table, 23)
    for threads, levels, block in [(2, 1, 1), (2, 3, 2), (5, 4, 6), (3, 8, 1)]:
        _divide(monkeypatch, threads, runs, levels, block)
        native_runs.same_bits(native_runs.gradient(runs, state, table, 23), reference)
        one = native_runs.gradient(runs, [s[1:2] for s in state], table[1:2], 23)
        native_runs.same_bits(one, [r[1:2] for r in reference])


def test_runs_until_steady_do_not_depend_on_threads(monkeypatch):
    runs, state, table = native_runs.make("gray_scott", (37, 19), "periodic", batch=4)
    active = np.array([True, True, False, True])
    results = []
    for threads in (1, 2, 3):
        _divide(monkeypatch, threads, runs)
        final, *rest = runs.steady(state, table, active, 2e-3, 300)
        results.append([*final, *rest])
    native_runs.same_bits(results[1], results[0])
    native_runs.same_bits(results[2], results[0])
    assert len(set(results[0][2])) > 2, "samples end at different steps"


def _only_the_first(calls):
    for function, *arguments in calls[:1]:
        function(*arguments)


def _one_after_the_other(calls):
    for function, *arguments in calls:
        function(*arguments)


@pytest.mark.parametrize("together", [_only_the_first, _one_after_the_other])
def test_work_of_absent_and_late_threads_is_done(together, monkeypatch):
    runs, state, table = native_runs.make("gray_scott", (37, 19), "periodic", batch=1)
    active = np.array([True])

    def everything():
        final, *rest = runs.steady(state, table, active, 2e-3, 300)
        return [*native_runs.gradient(runs, state, table, 23), *final, *rest]

    _divide(monkeypatch, 1, runs)
    reference = everything()
    monkeypatch.setattr(thread_pool, "_together", together)
    _divide(monkeypatch, 3, runs, levels=2)
    native_runs.same_bits(everything(), reference)


def test_two_python_threads_at_once(monkeypatch):
    """Each gets what it gets alone, though the pool has two threads for all."""
    runs, state, table = native_runs.make("gray_scott", (64, 64), "periodic", batch=3)
    _divide(monkeypatch, 2, runs)
    reference = native_runs.gradient(runs, state, table, 40)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        calls = [
            pool.submit(native_runs.gradient, runs, state, table, 40) for _ in range(16)
        ]
        for call in calls:
            native_runs.same_bits(call.result(timeout=60), reference)


def test_threads_that_load_at_once_see_whole_modules(monkeypatch):
    monkeypatch.delitem(sys.modules, build.drivers().__name__)
    build.drivers.cache_clear()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: build.drivers().backward, range(8)))
    assert len(set(loaded)) == 1
