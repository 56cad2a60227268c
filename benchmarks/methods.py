"""Which gradient for what: cost, truncation and chaos, for docs/gradients.md.

python -m benchmarks.methods --json methods.json

Gray-Scott, 128², one sample. Cost: seconds of a window over those of its forward run.
Truncation: the gradient of mean(v² + u v) of a window that starts at the steady state,
against the implicit one. Chaos: the size of that gradient, by relative parameters, as
the window grows, from a steady and from a chaotic pattern.
"""

import statistics
import time

import numpy as np
import tensorflow as tf
from absl import app

import rdtf
from benchmarks import common

_ROUNDS = 7
_COSTS = (("adjoint", 100), ("adjoint", 1000), ("tangents", 100), ("tangents", 1000))
_COSTS += (("unrolled", 100),)
_WINDOWS = (100, 300, 1000, 3000, 10_000, 30_000)
_HORIZONS = (400, 800, 1600, 3200, 6400, 12_800)


def _loss(state):
    u, v = state
    return tf.reduce_mean(tf.square(v) + u * v)


def _pattern(sim, preset, num_steps):
    params = sim.model.preset(preset)
    state = rdtf.initial_conditions.create(None, sim.model, sim.grid, 1, 1)
    return params, sim.advance(state, params, num_steps)


def _tensors(params):
    return {n: tf.constant(p, tf.float64) for n, p in params.items()}


def _gradient(function, params):
    params = _tensors(params)
    with tf.GradientTape() as tape:
        tape.watch(params)
        loss = _loss(function(params))
    return {n: g.numpy() for n, g in tape.gradient(loss, params).items()}


def _seconds(work):
    work()
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _costs(sim):
    params, state = _pattern(sim, "spots", 5000)
    rows = []
    for name, n in _COSTS:
        forward = _seconds(lambda n=n: sim.advance(state, params, n)[0].numpy())
        seconds = _seconds(
            lambda name=name, n=n: _gradient(
                lambda p: sim.advance(state, p, n, gradient=name), params
            )
        )
        rows.append([name, str(n), f"{seconds:.4f}", f"{seconds / forward:.1f}"])
    return rows


def _truncation(sim, max_steps=400_000):
    params, state = _pattern(sim, "spots", 5000)
    found = rdtf.steady_state(sim, state, params, 1e-10, 1e-7, max_steps)
    print(f"steady state: {found.status[0].label}, residual {found.residual[0]:.0e}")
    ones = tuple(tf.constant(field) for field in found.state)
    upstream = _upstream(ones)
    start = time.perf_counter()
    exact, _, _ = rdtf.gradients.implicit(sim, ones, params, upstream)
    rows = [["implicit", f"{time.perf_counter() - start:.2f}", *["0"] * len(params)]]
    for n in _WINDOWS:
        start = time.perf_counter()
        window = _gradient(lambda p, n=n: sim.advance(ones, p, n), params)
        seconds = time.perf_counter() - start
        errors = [abs(window[x] / float(exact[x]) - 1.0) for x in params]
        rows.append([f"{n} steps", f"{seconds:.2f}", *[f"{e:.0e}" for e in errors]])
    return list(params), rows


def _upstream(state):
    with tf.GradientTape() as tape:
        tape.watch(state)
        loss = _loss(state)
    return tape.gradient(loss, state)


def _growth(sim):
    rows = []
    for preset in ("spots", "chaos"):
        params, state = _pattern(sim, preset, 20_000)
        sizes = []
        for n in _HORIZONS:
            slopes = _gradient(lambda p, s=state, n=n: sim.advance(s, p, n), params)
            sizes.append(np.linalg.norm([params[x] * g for x, g in slopes.items()]))
        rows.append([preset, *[f"{size:.2g}" for size in sizes]])
    return rows


def main(_) -> None:
    """Measures and prints."""
    sim = rdtf.Simulation(rdtf.models.GRAY_SCOTT, rdtf.Grid((128, 128)), 1.0)
    print(f"{common.machine()}; engine {sim.engine}\n")
    costs = _costs(sim)
    common.show(["gradient", "steps", "s", "over forward"], costs)
    names, truncation = _truncation(sim)
    common.show(["gradient", "s", *[f"error of d/d{n}" for n in names]], truncation)
    growth = _growth(sim)
    common.show(["pattern", *[f"{n} steps" for n in _HORIZONS]], growth)
    common.save({"costs": costs, "truncation": truncation, "growth": growth})


if __name__ == "__main__":
    app.run(main)
