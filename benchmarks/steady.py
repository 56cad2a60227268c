"""A polished steady state and its implicit gradient beside a long adjoint.

    python -m benchmarks.steady --json steady.json

Gray-Scott spots, 128², batch 1, run until the largest change per step is below
`--settled`; then Newton to max |F| <= 1e-10 and the gradient of mean(v² + u v), a
bordered direct solve, and the adjoint of 20,000 steps. Last, 16 samples of
`run_until_steady` that take all of `--max_steps` steps.
"""

import statistics
import time

import numpy as np
import tensorflow as tf
from absl import app, flags

import rdtf
from benchmarks import common
from rdtf import gradients
from rdtf.gradients.bordered import shifts
from rdtf.gradients.linearization import Linearization

_MAX_STEPS = flags.DEFINE_integer("max_steps", 40_000, "Steps of the 16 samples.", 1)
_ADJOINT_STEPS = flags.DEFINE_integer("adjoint_steps", 20_000, "Steps under tape.", 1)
_SETTLED = flags.DEFINE_float("settled", 1e-7, "Largest change per step of the start.")
_REPEATS = flags.DEFINE_integer("repeats", 7, "Rounds of measurements.", 1)
_PARAMS = rdtf.models.GRAY_SCOTT.preset("spots")
_SIDE = flags.DEFINE_integer("side", 128, "Cells a side.", 24)


def _loss(state):
    return tf.reduce_mean(tf.square(state[1]) + state[0] * state[1])


def _upstream(state):
    with tf.GradientTape() as tape:
        tape.watch(state)
        value = _loss(state)
    return tape.gradient(value, state)


def _direct(simulation, state):
    """The gradient by one sparse LU of the bordered, transposed Jacobian."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    fields = np.stack([s.numpy()[0] for s in state])
    system = Linearization(simulation.model, simulation.grid, fields, _PARAMS)
    cells = simulation.grid.num_cells

    def by_cell(x):
        return x.reshape(2, cells).T.ravel()

    border = sparse.csr_matrix(np.stack([by_cell(m) for m in shifts(system)]))
    matrix = sparse.bmat([[system.matrix().T, border.T], [border, None]]).tocsc()
    g = by_cell(np.stack([x.numpy()[0] for x in _upstream(state)]))
    solution = splu(matrix).solve(np.append(g, np.zeros(border.shape[0])))
    adjoint = solution[: g.size].reshape(cells, 2).T.reshape(fields.shape)
    return {name: -slope for name, slope in system.by_params(adjoint).items()}


def _contestants(simulation, settled):
    """name -> function of no arguments."""
    params = {n: tf.Variable(p, dtype=tf.float64) for n, p in _PARAMS.items()}
    state = gradients.steady_state(simulation, settled, _PARAMS).state

    def both():
        with tf.GradientTape() as tape:
            loss = _loss(gradients.steady_state(simulation, settled, params).state)
        return tape.gradient(loss, params)

    @tf.function(autograph=False)
    def adjoint():
        with tf.GradientTape() as tape:
            loss = _loss(simulation.advance(state, params, _ADJOINT_STEPS.value))
        return tape.gradient(loss, params)

    def implicit():
        return gradients.implicit(simulation, state, params, _upstream(state))[0]

    return {
        "Newton": lambda: gradients.steady_state(simulation, settled, params),
        "implicit gradient": implicit,
        "Newton and gradient": both,
        "bordered direct solve": lambda: _direct(simulation, state),
        f"adjoint of {_ADJOINT_STEPS.value} steps": adjoint,
    }


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _measure(work):
    """name -> seconds of every round, and the gradient it found."""
    answers = {name: run() for name, run in work.items()}
    results = {name: {"seconds": []} for name in work}
    for _ in range(_REPEATS.value):
        for name, run in work.items():
            results[name]["seconds"].append(_seconds(run))
    for name, answer in answers.items():
        if isinstance(answer, dict):
            results[name]["gradient"] = {n: float(g) for n, g in answer.items()}
    return results


def _many(simulation):
    """Seconds of all steps of 16 samples, after a call that compiles."""
    state = rdtf.initial_conditions.create(
        None, simulation.model, simulation.grid, 16, 1
    )

    def run(steps):
        simulation.run_until_steady(state, _PARAMS, 0.0, steps)

    run(500)
    return _seconds(lambda: run(_MAX_STEPS.value))


def main(_) -> None:
    """Measures and prints."""
    model, grid = rdtf.models.GRAY_SCOTT, rdtf.Grid((_SIDE.value, _SIDE.value))
    simulation = rdtf.Simulation(model, grid, 1.0)
    start = rdtf.initial_conditions.create(None, model, grid, 1, 1)
    settled = simulation.run_until_steady(
        start, _PARAMS, _SETTLED.value, 1_000_000
    ).state
    results = _measure(_contestants(simulation, settled))
    name = f"run_until_steady, batch 16, {_MAX_STEPS.value} steps"
    results[name] = {"seconds": [_many(simulation)]}
    table = [
        [
            name,
            f"{statistics.median(result['seconds']):.2f}",
            f"{min(result['seconds']):.2f}",
            " ".join(f"{g:.6f}" for g in result.get("gradient", {}).values()),
        ]
        for name, result in results.items()
    ]
    header = ["work", "median s", "best s", f"gradient by {', '.join(_PARAMS)}"]
    common.report(header, table, [], results)


if __name__ == "__main__":
    app.run(main)
