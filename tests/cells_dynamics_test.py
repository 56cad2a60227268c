"""Cell dynamics: its noise, and its gradient beside a plain loop and differences."""

import numpy as np
import pytest
import tensorflow as tf

from rdtf.cells import networks
from rdtf.cells.dynamics import NODES, Dynamics
from rdtf.cells.paths import Segment
from rdtf.cells.tissue import Tissue

LINEAR = -2.0 * (np.linspace(0.0, 1.0, NODES) - 0.45)


def xi(dynamics, replicates, steps, seed, first=0):
    """The noise of each step, read off single steps with f = 0, `[step, ...]`."""
    shape = (replicates, *dynamics.tissue.shape)
    scale = 0.1 * np.sqrt(dynamics.time_step)
    found = []
    for step in range(first, first + steps):
        segment = Segment(num_steps=1, noise=0.1, seed=seed, first_step=step)
        path = dynamics.path(np.full(shape, 0.5), 0.0 * LINEAR, segment)
        found.append((path.final - 0.5) / scale)
    return np.stack(found)


def plain(dynamics, f, state, noise, normals):
    """Step by step in TensorFlow, on an independent list of neighbours."""
    matrix = np.zeros((dynamics.tissue.cells,) * 2)
    for one, other in dynamics.tissue.bonds:
        matrix[one, other] += 1.0
        matrix[other, one] += 1.0
    matrix = tf.constant(matrix / matrix.sum(1, keepdims=True))
    state, shape = tf.reshape(state, [len(state), -1]), state.shape
    for normal in normals.reshape(len(normals), len(state), -1):
        mean = tf.einsum("ij,rj->ri", matrix, state)
        force = tf.reshape(f(tf.reshape(mean, [-1, 1])), tf.shape(mean))
        kick = noise * np.sqrt(dynamics.time_step) * normal
        state = tf.clip_by_value(state + dynamics.time_step * force + kick, 0.0, 1.0)
        state = state * dynamics.tissue.mobile
    return tf.reshape(state, shape)


def test_noise_is_normal_and_independent():
    noise = xi(Dynamics(Tissue((50,))), 40, 50, 3).ravel()
    moments = [np.mean(noise**n) for n in (1, 2, 3, 4)]
    assert moments == pytest.approx([0.0, 1.0, 0.0, 3.0], abs=0.04)
    assert np.mean(noise < -1.959964) == pytest.approx(0.025, abs=0.002)
    steps = xi(Dynamics(Tissue((50,))), 40, 50, 3)
    for axis in range(3):  # neither steps, nor replicates, nor pairs of cells
        turned = np.moveaxis(steps, axis, 0)
        assert abs(np.mean(turned[1:] * turned[:-1])) < 0.015
    assert abs(np.mean(steps * xi(Dynamics(Tissue((50,))), 40, 50, 4))) < 0.015


def test_initial_states_are_uniform():
    state = Dynamics().initial_state(4000, 0).numpy()
    assert 0.4 <= state.min() < 0.4001 and 0.5999 < state.max() <= 0.6
    assert state.std() == pytest.approx(0.2 / np.sqrt(12.0), rel=0.02)
    assert abs(np.corrcoef(state.T) - np.eye(7)).max() < 0.06


def test_neither_batch_nor_windows_change_a_bit():
    dynamics = Dynamics()
    state = dynamics.initial_state(29, 5)
    assert (state[:3].numpy() == dynamics.initial_state(3, 5).numpy()).all()
    end = dynamics.advance(state, LINEAR, 100, 0.1, 2)
    assert (dynamics.advance(state[:3], LINEAR, 100, 0.1, 2) == end[:3]).numpy().all()
    middle = dynamics.advance(state, LINEAR, 60, 0.1, 2)
    again = dynamics.advance(middle, LINEAR, 40, 0.1, 2, first_step=60)
    assert (again == end).numpy().all()
    later = dynamics.simulate(middle, LINEAR, 40, 0.1, 2, first_step=60)
    assert (later == end.numpy()).all()


@pytest.mark.parametrize("spacing", [1, 7, 90])
def test_what_is_saved_changes_no_bit(spacing):
    dynamics = Dynamics()
    state = dynamics.initial_state(11, 5).numpy()
    rng = np.random.default_rng(0)
    upstream, weights = rng.normal(size=(11, 7)), rng.normal(size=(11, 9))
    segment = Segment(num_steps=90, noise=0.1, seed=2)
    usual = dynamics.path(state, LINEAR, segment, spacing=9)
    path = dynamics.path(state, LINEAR, segment, spacing=spacing)
    assert (path.final == usual.final).all()
    for one, other in zip(path.adjoint(upstream), usual.adjoint(upstream), strict=True):
        np.testing.assert_allclose(one, other, rtol=0.0, atol=1e-14)
    np.testing.assert_allclose(path.score(weights), usual.score(weights), rtol=1e-9)


@pytest.mark.parametrize(
    "tissue",
    [
        Tissue(),
        Tissue((5,), "fixed"),
        Tissue((4,), "periodic"),
        Tissue((3, 4)),
        Tissue((4, 3), "periodic", "hexagonal"),
        Tissue((4, 4), "fixed", "hexagonal"),
    ],
    ids=lambda t: f"{t.shape} {t.boundary} {t.lattice}",
)
def test_gradient_is_that_of_a_plain_loop_through_the_network(tissue):
    dynamics = Dynamics(tissue, 0.05)
    f = networks.network(seed=1)
    networks.set_slope(f, -3.0)
    state = dynamics.initial_state(6, 0)
    normals = xi(dynamics, 6, 60, 7, first=4)
    results = []
    for by_table in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(state)
            if by_table:
                table = networks.tabulate(f, 2**18 + 1)
                final = dynamics.advance(state, table, 60, 0.3, 7, first_step=4)
            else:
                final = plain(dynamics, f, state, 0.3, normals)
            loss = tf.reduce_sum(tf.sin(3.0 * final))
        found = tape.gradient(loss, [*f.trainable_variables, state])
        results.append([final, *found])
    clipped = np.mean((results[0][0] == 0.0) | (results[0][0] == 1.0))
    assert 0.05 < clipped < 1.0
    for one, other in zip(*results, strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=0.0, atol=1e-4 * scale)


def test_the_table_converges_to_the_network():
    """Its slope by the first power of the distance of its points."""
    f, dynamics = networks.network(seed=1), Dynamics()
    networks.set_slope(f, -3.0)
    state, found = dynamics.initial_state(16, 0), []
    for nodes in (2**18 + 1, 4097, 1025, 257):
        with tf.GradientTape() as tape:
            table = networks.tabulate(f, nodes)
            loss = tf.reduce_sum(dynamics.advance(state, table, 60, 0.1, 7) ** 2)
        found.append(tape.gradient(loss, f.trainable_variables[0]).numpy())
    errors = [np.linalg.norm(x - found[0]) / np.linalg.norm(found[0]) for x in found]
    assert errors[1] < 3e-4 and errors[2] < 2e-3 and errors[1] < errors[3] / 3.0


def test_gradient_of_a_linear_f_is_exact():
    """Then the table is no approximation."""
    dynamics = Dynamics(time_step=0.05)
    state = dynamics.initial_state(6, 0)
    normals = xi(dynamics, 6, 60, 7)
    gradients = []
    for by_table in (True, False):
        slope = tf.Variable(-3.0, dtype=tf.float64)

        def f(s, slope=slope):
            return slope * (s - 0.4)

        with tf.GradientTape() as tape:
            if by_table:
                final = dynamics.advance(state, f(networks.points()), 60, 0.3, 7)
            else:
                final = plain(dynamics, f, state, 0.3, normals)
            loss = tf.reduce_sum(tf.sin(3.0 * final))
        gradients.append(float(tape.gradient(loss, slope)))
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-10)


def test_gradient_against_central_differences():
    """With common random numbers, over few enough steps that no cell is clipped."""
    dynamics = Dynamics()
    state, rng = dynamics.initial_state(9, 0), np.random.default_rng(0)
    table = tf.constant(np.tanh(-5.0 * (np.linspace(0, 1, NODES) - 0.5)))
    by_table = tf.constant(np.sin(7.0 * np.linspace(0, 1, NODES)))
    by_state = tf.constant(rng.normal(size=state.shape))

    def loss(size):
        final = dynamics.advance(
            state + size * by_state, table + size * by_table, 20, 0.05, 1
        )
        assert 0.0 < final.numpy().min() and final.numpy().max() < 1.0
        return tf.reduce_sum(tf.sin(3.0 * final))

    size = tf.Variable(0.0, dtype=tf.float64)
    with tf.GradientTape() as tape:
        value = loss(size)
    found = float(tape.gradient(value, size))
    wanted = float(loss(1e-7) - loss(-1e-7)) / 2e-7
    assert found == pytest.approx(wanted, rel=1e-6) and abs(wanted) > 0.1


def test_nothing_passes_a_clip():
    dynamics = Dynamics()
    state = tf.ones([4, 7], tf.float64)
    table = tf.ones([NODES], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch([state, table])
        final = dynamics.advance(state, table, 10, 1e-6, 0)
    assert (final == 1.0).numpy().all()
    by_state, by_table = tape.gradient(final, [state, table])
    assert not by_state.numpy().any() and not by_table.numpy().any()


def test_in_a_graph_with_tensors_for_seed_and_noise():
    dynamics = Dynamics()
    state = dynamics.initial_state(5, 0)

    @tf.function
    def run(noise, seed):
        return dynamics.advance(state, LINEAR, 20, noise, seed)

    end = run(tf.constant(0.1, tf.float64), tf.constant(3))
    assert (end == dynamics.advance(state, LINEAR, 20, 0.1, 3)).numpy().all()
    assert end.shape == (5, 7)


def test_not_finite_is_a_value():
    dynamics = Dynamics()
    table = tf.constant(np.where(np.arange(NODES) == 9, np.nan, LINEAR))
    with tf.GradientTape() as tape:
        tape.watch(table)
        final = dynamics.advance(dynamics.initial_state(2, 0), table, 20, 0.1, 3)
    assert np.isnan(final).all() and np.isnan(tape.gradient(final, table)).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": np.full((3, 6), 0.5)}, "states [replicate, 7]"),
        ({"state": np.full((3, 7), 1.5)}, "states in [0, 1]"),
        ({"table": np.zeros(1)}, "f at two or more points"),
        ({"num_steps": 0}, "at least one step"),
    ],
)
def test_bad_input(change, words, input_error):
    arguments = {"state": np.full((3, 7), 0.5), "table": LINEAR, "num_steps": 10}
    with input_error(words):
        Dynamics().advance(**(arguments | change), noise=0.1, seed=0)


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan")])
def test_bad_time_step(step, input_error):
    with input_error("a positive time step"):
        Dynamics(time_step=step)
