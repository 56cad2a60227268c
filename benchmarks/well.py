"""Gray-Scott as in The Well: six parameter sets, frames 10 units of time apart, 128 x 128 cells.

    python -m benchmarks.well --json=FILE --workdir=DIR

The parameters, grid and frames of Ohana et al. 2024 (arXiv:2412.00568), but runs of our own: discs at
random, 30 units of time before the first frame, by ETDRK4 in steps of 2 with the spectral
Laplacian. So nothing here compares with their table. LibraryVelocity (the terms of the
model) and LocalVelocity (a network beside diffusion) are fitted through RK4 in steps
of 2 to pairs of frames of two training runs; VRMSE of rollouts from the first frame of
six others by the same steps. "true equation" has the true coefficients, the same 6th-order
Laplacian and the same steps: what is left is their error. Persistence repeats the first frame.
"""

import dataclasses
import json
import pathlib
import time

import numpy as np
from absl import app, flags

from benchmarks import common
from rdtf import Grid, Simulation, initial_conditions, models, storage
from rdtf.dynamics import (
    libraries,
    library_velocity,
    local_velocity,
    pair_training,
    rollouts,
)
from rdtf.dynamics.flow_maps import FlowMap

_WORKDIR = flags.DEFINE_string("workdir", "runs/well", "Runs.")
_SEEDS = flags.DEFINE_list("seeds", ["1", "2", "3"], "Of the runs.")
_SIDE = flags.DEFINE_integer("side", 128, "Cells a side.", 32)
_TEST = flags.DEFINE_integer("test_runs", 6, "Runs that are predicted.", 1)
_CASES = {  # F, k
    "gliders": (0.014, 0.054),
    "bubbles": (0.098, 0.057),
    "maze": (0.029, 0.057),
    "worms": (0.058, 0.065),
    "spirals": (0.018, 0.051),
    "spots": (0.030, 0.062),
}
_ONLY = flags.DEFINE_list("cases", list(_CASES), "Which.")
_METHODS = ("persistence", "true equation", "LibraryVelocity", "LocalVelocity")
_WANTED = flags.DEFINE_list("methods", list(_METHODS), "Which.")
_INTERVAL, _FRAMES, _STEPS, _LAPLACIAN = 10.0, 31, 5, "sixth_order"
_TRAINING = 2  # runs
_PAIRS = ((0, 2), (1, 16))  # run, frame


def _params(name):
    feed, kill = _CASES[name]
    return {"Du": 0.082, "Dv": 0.041, "F": feed, "k": kill}


def _runs(name, seed):
    """Frames `[run, frame, y, x, species]`, float32."""
    side, count = _SIDE.value, _TRAINING + _TEST.value
    path = pathlib.Path(_WORKDIR.value) / f"{name}-{seed}-{side}-{count}.npy"
    if path.exists():
        return np.load(path)
    model, places = models.GRAY_SCOTT, {"count": 60 * side**2 // 128**2}
    if name == "bubbles":  # holes in what fills the rest: its patches hold that state
        start = dataclasses.replace(model.start, patch=(0.4, 0.4))
        model = dataclasses.replace(model, start=start)
        places = {"count": max(6, 20 * side**2 // 128**2), "radii": (8, 15)}
    simulation = Simulation(
        model, Grid((side, side)), 2.0, scheme="etdrk4", laplacian="spectral"
    )
    state = initial_conditions.discs(model, simulation.grid, count, int(seed), **places)
    state, frames = simulation.advance(state, _params(name), 15), []
    for frame in range(_FRAMES):
        if frame:
            state = simulation.advance(state, _params(name), 5)
        frames.append(np.stack([field.numpy() for field in state], -1))
    frames = np.float32(np.stack(frames, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    with storage.atomic(path) as temporary, open(temporary, "wb") as file:
        np.save(file, frames)
    return frames


def _velocity(kind, name, training):
    """(velocity, seconds of the fit)."""
    library, _ = libraries.of_model(models.GRAY_SCOTT)
    velocity = library_velocity.LibraryVelocity(library.terms, _LAPLACIAN)
    iterations = 8
    if kind == "true equation":
        truth = libraries.truth(library, models.GRAY_SCOTT, _params(name))
        velocity.set_coefficients(truth)
        return velocity, 0.0
    if kind == "LocalVelocity":
        frames = training.reshape(-1, *training.shape[2:])[::5]
        velocity = local_velocity.start(frames, ("u", "v"), laplacian=_LAPLACIAN)
        iterations = 6
    now, later = (
        np.stack([training[run, frame + after] for run, frame in _PAIRS])
        for after in (0, 1)
    )
    begin = time.perf_counter()
    flow = FlowMap(velocity, _INTERVAL, _STEPS)
    pair_training.learn(flow, now, later, max_iterations=iterations)
    return velocity, time.perf_counter() - begin


def _rows(name, seed):
    """VRMSE of all methods over all horizons."""
    runs, rows = _runs(name, seed), []
    training, test = runs[:_TRAINING], runs[_TRAINING:]
    start, truth = test[:, 0], test[:, 1:]
    for kind in _WANTED.value:
        seconds = 0.0
        if kind == "persistence":
            found = np.broadcast_to(start[:, None], truth.shape)
        else:
            velocity, seconds = _velocity(kind, name, training)
            found = rollouts.rollout(
                velocity, start, _INTERVAL, truth.shape[1], steps=_STEPS
            )
        errors = [vars(row) for row in rollouts.errors(found, truth)]
        rows.append(
            {"case": name, "seed": seed, "method": kind}
            | {"errors": errors, "seconds": seconds}
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def main(_) -> None:
    """Measures, prints, writes."""
    rows, lines = [], []
    for name in _ONLY.value:
        rows += [row for seed in _SEEDS.value for row in _rows(name, seed)]
        for kind in dict.fromkeys(row["method"] for row in rows):
            own = [r for r in rows if (r["case"], r["method"]) == (name, kind)]
            errors = [
                [
                    np.median([r["errors"][i][key] for r in own])
                    for key in ("mean", "pooled")
                ]
                for i in range(len(own[0]["errors"]))
            ]
            cells = [f"{mean:.4f} ({pooled:.4f})" for mean, pooled in errors]
            seconds = np.median([r["seconds"] for r in own])
            lines.append([name, kind, *cells, f"{seconds:.0f}" if seconds else ""])
        common.save({"rows": rows})
    horizons = [f"{a} to {b}" if a < b else f"{a}" for a, b in rollouts.HORIZONS]
    print(f"\n{common.machine()}\n")
    common.show(["case", "method", *horizons, "s"], lines)


if __name__ == "__main__":
    app.run(main)
