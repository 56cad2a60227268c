"""The limit: Gray-Scott written in C by hand (`limit.c`), compiled on import."""

import ctypes
import math
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile

import numpy as np

from benchmarks import cases

_SOURCE = pathlib.Path(__file__).with_name("limit.c")
_FLAGS = ["-O3", "-march=native", "-ffast-math", "-pthread", "-shared", "-fPIC"]
_THREADS = min(os.cpu_count() or 1, 64)  # MOST_THREADS of limit.c

if shutil.which("cc") is None:
    raise ModuleNotFoundError("No C compiler named cc.", name="cc (a C compiler)")
if platform.machine() == "x86_64":
    _FLAGS.append("-mprefer-vector-width=256")  # beats 512 bits on Zen 4


def _version():
    done = subprocess.run(
        ["cc", "--version"], check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()[0]


VERSION = _version()


def _compile():
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/limit.so"
        subprocess.run(["cc", *_FLAGS, "-o", target, str(_SOURCE)], check=True)
        library = ctypes.CDLL(target)
    library.workspace.restype = ctypes.c_long
    return library


_LIBRARY = _compile()


def variants(case: cases.Case) -> dict:
    """name -> function of no arguments that does the work and returns numbers."""
    if case.model != "gray_scott":
        return {}
    work = {"rows": (_THREADS, True)}  # what the threads divide
    if case.batch == 1:
        work["one thread"] = (1, False)
    else:
        work["samples"] = (_THREADS, False)
    if not case.gradient:
        return {name: _work(case, 0, *how) for name, how in work.items()}
    return {
        f"{name}, keeps 1 in {every}": _work(case, every, *how)
        for name, how in work.items()
        for every in sorted({1, 5, 10, 20, math.isqrt(case.num_steps)})
    }


def _work(case, every, threads, share_rows):
    """`every`: steps between kept states, 0 without a gradient."""
    fields = [np.ascontiguousarray(field) for field in cases.initial_state(case)]
    params = np.array(list(case.params.values()))
    counts = [case.batch, case.side, case.num_steps, every, threads, share_rows]
    size = _LIBRARY.workspace(*map(ctypes.c_long, counts[1:5]))
    workspace = []

    def run():
        if not workspace:  # allocated by the first call, then kept, as others do
            workspace.append(_aligned(size))
        result = np.empty(5)
        _LIBRARY.run(
            *(_pointer(array) for array in (*fields, params)),
            *(ctypes.c_long(count) for count in counts),
            _pointer(workspace[0]),
            _pointer(result),
        )
        return result if every else result[:1]

    return run


def _aligned(size):
    array = np.empty(size + 8)
    return array[-array.ctypes.data % 64 // 8 :]


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)
