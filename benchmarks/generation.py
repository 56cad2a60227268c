"""Cost of a data set of patterns, beside the usual PyTorch loop.

    python -m benchmarks.generation --json=FILE --peer_python=PATH

Seconds per sample of 128 x 128 cells after 10,000 steps of Gray-Scott ("waves"). rdtf makes
whole chunks, starts, statistics and files included, in float64. The peer is the plain
loop of published generators: float32, circular padding or rolls, one step and a clamp at
a time, in chunks of 64 and of 512; a few of its steps are timed, the rest extrapolated.
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from absl import app, flags

from benchmarks import common
from rdtf import patterns

_SIDE = flags.DEFINE_integer("side", 128, "Cells a side.", 8)
_STEPS = flags.DEFINE_integer("steps", 10_000, "Of each run.", 100)
_SAMPLES = flags.DEFINE_integer("samples", 64, "That rdtf makes.", 1)
_REPEATS = flags.DEFINE_integer("repeats", 3, "Medians are of these.", 1)
_WANTED = 8192

_TORCH = """
import json, sys, time, torch
side, chunk, steps, compiled, rolls = (int(x) for x in sys.argv[1:])
torch.manual_seed(0)
kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])[None, None]

def laplacian(x):
    if rolls:
        around = [torch.roll(x, s, a) for s in (1, -1) for a in (2, 3)]
        return around[0] + around[1] + around[2] + around[3] - 4.0 * x
    return torch.nn.functional.conv2d(
        torch.nn.functional.pad(x, (1, 1, 1, 1), mode="circular"), kernel)

def step(u, v):
    uvv = u * v * v
    u = u + 0.16 * laplacian(u) - uvv + 0.018 * (1.0 - u)
    v = v + 0.08 * laplacian(v) + uvv - (0.018 + 0.049) * v
    return u.clamp(0.0, 1.0), v.clamp(0.0, 1.0)

if compiled:
    step = torch.compile(step)
u, v = torch.rand(2, chunk, 1, side, side)
with torch.no_grad():
    for _ in range(3):
        u, v = step(u, v)
    start = time.perf_counter()
    for _ in range(steps):
        u, v = step(u, v)
    seconds = time.perf_counter() - start
print(json.dumps(seconds / steps / chunk))
"""


def of_rdtf() -> float:
    """Seconds per sample, from the plan to the file."""
    side = (_SIDE.value,) * 2
    with tempfile.TemporaryDirectory() as folder:
        warm = patterns.Plan(presets=("waves",), num_samples=2, shape=side, steps=4)
        patterns.generate(f"{folder}/warm.h5", warm)
        plan = patterns.Plan(
            presets=("waves",),
            num_samples=_SAMPLES.value,
            shape=side,
            steps=_STEPS.value,
        )
        start = time.perf_counter()
        patterns.generate(f"{folder}/made.h5", plan)
        return (time.perf_counter() - start) / _SAMPLES.value


def of_torch(chunk: int, compiled: bool, rolls: bool) -> float | None:
    """Seconds per sample of all steps; None if it cannot run."""
    steps = max(5, 2000 // chunk)
    command = [
        flags.FLAGS.peer_python or sys.executable,
        "-c",
        _TORCH,
        _SIDE.value,
        chunk,
        steps,
        int(compiled),
        int(rolls),
    ]
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(os.cpu_count())},
        check=False,
    )
    return json.loads(done.stdout) * _STEPS.value if done.returncode == 0 else None


def main(_) -> None:
    """Measures in turn, prints and writes."""
    rows = {"rdtf": []}
    for _ in range(_REPEATS.value):
        rows["rdtf"].append(of_rdtf())
        for chunk, compiled, rolls in itertools.product(
            (64, 512), *[(False, True)] * 2
        ):
            name = f"torch, {'rolls' if rolls else 'convolution'}, chunk {chunk}"
            name += ", compiled" * compiled
            rows.setdefault(name, []).append(of_torch(chunk, compiled, rolls))
    medians = {
        name: statistics.median(found)
        for name, found in rows.items()
        if None not in found
    }
    print(f"\n{common.machine()}; {_SIDE.value}² cells, {_STEPS.value} steps\n")
    common.show(
        ["", "s per sample", f"hours for {_WANTED}", "times rdtf's"],
        [
            [n, f"{s:.3g}", f"{s * _WANTED / 3600:.3g}", f"{s / medians['rdtf']:.1f}"]
            for n, s in medians.items()
        ],
    )
    common.save({"rows": rows})


if __name__ == "__main__":
    app.run(main)
