"""Training: what it reaches, exact resume, failures that say what they are."""

import importlib.util

import numpy as np
import pytest

import rdtf
from rdtf.cells import evaluation, evolution, networks, runs, training
from rdtf.cells.dynamics import Dynamics
from rdtf.cells.tissue import Tissue

ROW = Dynamics()


def _network(seed=0):
    made = networks.network(seed=seed)
    networks.set_slope(made, -2.0)
    return made


def _plain(seed=0):
    return networks.network(gain=1.0, centre=0.0, seed=seed)


def _trained(made, settings, dynamics=ROW):
    method = training.Gradient(made, dynamics, settings)
    history = runs.run(method, settings.iterations)
    found = evaluation.evaluate(dynamics, method.table(), 1000, 0.1)
    return found, history


@pytest.mark.parametrize("estimator", ["kernel", "bernoulli"])
def test_gradients_reach_the_ceiling_of_tanh(estimator):
    settings = training.Settings(iterations=30, estimator=estimator, replicates=48)
    found, history = _trained(_network(), settings)
    assert found.utility > 0.65 and found.disagreement > 0.9
    assert found.kind == "alternating" and found.consensus == 0.0
    first = history.traces["utility"][0]
    assert first < 0.6 and history.replicate_steps == 30 * 48 * 1000
    assert history.tables.shape == (31, 1025)
    assert (history.tables[-1] != history.tables[0]).any()


@pytest.mark.slow
def test_the_published_configuration_balances_fates_and_stays_random():
    """The sigmoid behind the threshold: S_pattern is near 1, S_reproducibility high."""
    settings = training.Settings(
        iterations=500,
        estimator="straight_through",
        replicates=48,
        bandwidth=0.1,
        learning_rate=(1e-3, 1e-3),
    )
    found = [_trained(_plain(seed), settings)[0] for seed in range(4)]
    assert np.median([u.utility for u in found]) < 0.6
    assert min(u.pattern for u in found) > 0.9
    assert max(u.reproducibility for u in found) > 0.4


@pytest.mark.slow
def test_edges_held_at_zero_reach_one_pattern():
    settings = training.Settings(
        iterations=300, estimator="score_function", replicates=256, num_steps=400
    )
    dynamics = Dynamics(Tissue((7,), "fixed"))
    for seed in range(2):
        made = networks.network(seed=seed, inhibits=True)
        networks.set_slope(made, -2.0)
        assert _trained(made, settings, dynamics)[0].utility > 0.97


def test_curricula():
    ends = (0.01, 0.1)
    found = [training.annealed(ends, i, 101) for i in (0, 25, 50, 100)]
    assert found == pytest.approx([0.01, 0.1 / np.sqrt(10.0), 0.1, 0.1])
    settings = training.Settings(iterations=5, replicates=8, num_steps=40, noise=ends)
    method = training.Gradient(_network(), ROW, settings)
    traces = runs.run(method, 5).traces
    assert traces["noise"][0] == pytest.approx(0.01) and traces["noise"][-1] == 0.1
    assert traces["learning_rate"][0] == pytest.approx(1e-2)
    assert (np.diff(traces["learning_rate"]) < 0.0).all()


def test_slope_at_the_start():
    made = _network(3)
    table = networks.tabulate(made).numpy()
    assert (table[513] - table[511]) * 512 == pytest.approx(-2.0, rel=1e-4)
    assert networks.tabulate(_plain()).numpy()[0] == 0.0


def test_fit_to_the_dead_zone():
    made = networks.network(gain=10.0)
    wanted = networks.dead_zone(14.0, 0.15, 0.05)
    rest = networks.fit(made, wanted)
    found = networks.tabulate(made).numpy()
    assert rest == pytest.approx(np.sqrt(np.mean((found - wanted) ** 2)))
    assert rest < 0.7


def _methods():
    small = {"iterations": 6, "replicates": 16, "num_steps": 40, "seed": 3}
    yield (
        "bernoulli",
        lambda: training.Gradient(_network(), ROW, training.Settings(**small)),
    )
    score = training.Settings(estimator="score_function", **small)
    yield "score_function", lambda: training.Gradient(_network(), ROW, score)
    for strategy in (evolution.MuPlusLambda, evolution.CMA):
        yield (
            strategy.__name__,
            lambda strategy=strategy: evolution.Evolution(
                _plain, ROW, training.Settings(**small), strategy
            ),
        )


@pytest.mark.parametrize(("name", "make"), list(_methods()), ids=lambda x: str(x)[:14])
def test_resume_is_exact(name, make, tmp_path, monkeypatch):
    if name == "CMA":
        pytest.importorskip("cma")
    monkeypatch.setattr(evolution, "PARENTS", 2)
    monkeypatch.setattr(evolution, "CHILDREN", 3)
    whole = make()
    wanted = runs.run(whole, 6)

    def interrupt(iteration, record):
        if iteration == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(make(), 6, tmp_path, checkpoint_every=2, callback=interrupt)
    again, seen = make(), []
    found = runs.run(
        again, 6, tmp_path, resume=True, callback=lambda i, record: seen.append(i)
    )
    assert seen == [2, 3, 4, 5]
    for one, other in zip(
        again.network.get_weights(), whole.network.get_weights(), strict=True
    ):
        assert (one == other).all()
    assert found.traces.keys() == wanted.traces.keys()
    for key in wanted.traces:
        np.testing.assert_array_equal(found.traces[key], wanted.traces[key])
    np.testing.assert_array_equal(found.tables, wanted.tables)
    done = runs.run(make(), 6, tmp_path, resume=True)
    assert (done.tables[-1] == wanted.tables[-1]).all()


def test_evolution_learns_and_keeps_its_parents():
    settings = training.Settings(iterations=4, replicates=32, num_steps=300)
    method = evolution.Evolution(_plain, ROW, settings, evolution.MuPlusLambda)
    history = runs.run(method, 4)
    assert history.traces["utility"][-1] > history.traces["utility"][0] + 0.1
    assert history.replicate_steps == 4 * 20 * 32 * 300
    strategy = evolution.MuPlusLambda(np.arange(40.0).reshape(20, 2), 0)
    strategy.tell(np.arange(20.0))
    np.testing.assert_array_equal(strategy.ask()[0], [38.0, 39.0])
    assert strategy.ask().shape == (20, 2)
    moves = strategy.ask()[5:, None] - strategy.candidates()
    assert np.abs(moves).max(axis=2).min(axis=1).max() < 0.5


def test_a_gradient_that_is_not_finite_is_a_status_and_no_update():
    settings = training.Settings(iterations=5, replicates=8, num_steps=40)
    method = training.Gradient(_network(), ROW, settings)

    def spoil(iteration, record):
        if iteration == 1:
            method.network.layers[-2].kernel.assign(np.full((8, 1), 1e308))

    history = runs.run(method, 5, callback=spoil)
    assert history.status is runs.RunStatus.NOT_FINITE
    assert (
        len(history.traces["utility"]) == 2 and "learning_rate" in history.status.advice
    )
    assert all(np.isfinite(w).all() for w in method.network.get_weights())


def test_no_gradient_is_a_status():
    """All cells at 1 from the start of the noise on."""
    made = networks.network()
    networks.fit(made, np.full(1025, 50.0), 300, 0.3)
    settings = training.Settings(
        iterations=3, replicates=8, num_steps=100, noise=(1e-3, 1e-3)
    )
    found, history = _trained(made, settings)
    assert history.status is runs.RunStatus.NO_GRADIENT and found.utility == 0.0
    assert history.traces["zero_gradient"][-1] == 1.0
    assert history.traces["clipped"][-1] == 1.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"iterations": 0}, "at least one iteration"),
        ({"noise": (0.0, 0.1)}, "positive noise"),
        ({"optimizer": "newton"}, "an optimizer of Keras"),
        ({"estimator": "score_function", "num_steps": 50}, "a multiple of 40 steps"),
        ({"estimator": "causal"}, "a lattice of 2 x 2"),
    ],
)
def test_bad_input(change, words, input_error):
    with input_error(words):
        training.Gradient(_network(), ROW, training.Settings(**change))


def test_a_checkpoint_of_another_network(tmp_path, input_error):
    settings = training.Settings(iterations=2, replicates=8, num_steps=40)
    runs.run(training.Gradient(_network(), ROW, settings), 2, tmp_path)
    other = networks.network((4, 4))
    with input_error("a checkpoint of this run"):
        method = training.Gradient(other, ROW, settings)
        runs.run(method, 2, tmp_path, resume=True)


def test_a_network_that_inhibits_falls_everywhere_whatever_it_learns(input_error):
    made = networks.network((6, 6), 10.0, inhibits=True, seed=1, height=3.0)
    networks.set_slope(made, -2.0)
    table = networks.tabulate(made).numpy()
    assert table[512] == pytest.approx(0.0, abs=1e-12)
    assert (table[513] - table[511]) * 512 == pytest.approx(-2.0, rel=1e-3)
    networks.fit(made, 20.0 * np.sin(8.0 * networks.points().numpy()), 50, 0.1)
    method = training.Gradient(made, ROW, training.Settings(iterations=3, replicates=8))
    runs.run(method, 3)
    assert (np.diff(method.table()) <= 1e-12).all() and np.ptp(method.table()) > 0.1
    with input_error("a slope below 0"):
        networks.set_slope(made, 1.0)


def test_without_numba(monkeypatch, input_error):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with input_error("pip install 'rdtf[native]'"):
        importlib.reload(rdtf.cells)


def test_what_a_notebook_needs():
    dynamics = rdtf.cells.Dynamics(rdtf.cells.Tissue((5,)))
    f = rdtf.cells.network()
    rdtf.cells.set_slope(f, -2.0)
    method = rdtf.cells.Gradient(
        f, dynamics, rdtf.cells.Settings(iterations=1, num_steps=40)
    )
    rdtf.cells.run(method, 1)
    found = rdtf.cells.evaluate(dynamics, rdtf.cells.tabulate(f), 40, 0.1, 1000)
    assert -0.1 < found.utility < 1.0 and found.replicates == 1000
