"""Steady states and their implicit gradients against dense and differenced references."""

import numpy as np
import pytest
import tensorflow as tf

import rdtf
from rdtf import gradients

SPOTS = {"Du": 0.16, "Dv": 0.08, "F": 0.035, "k": 0.065}


def _loss(state):
    """Tells no shifted patterns apart."""
    u, v = state
    axes = list(range(1, u.shape.rank))
    return tf.reduce_sum(tf.reduce_mean(v**2 + u * v, axes))


def _gradient(sim, state, params, loss=_loss, **options):
    params = {name: tf.constant(p, tf.float64) for name, p in params.items()}
    with tf.GradientTape() as tape:
        tape.watch(params)
        result = rdtf.steady_state(sim, state, params, **options)
        value = loss(result.state)
    return result, tape.gradient(value, params)


def _upstream(state, loss=_loss):
    with tf.GradientTape() as tape:
        tape.watch(state)
        value = loss(state)
    return tape.gradient(value, state)


def _jacobian(sim, state, params):
    """Dense ∂F/∂s by TensorFlow's own derivatives."""
    with tf.GradientTape() as tape:
        tape.watch(state)
        rate = tf.reshape(tf.stack(sim.time_derivative(state, params)), [-1])
    parts = tape.jacobian(rate, state)
    return np.concatenate([p.numpy().reshape(len(rate), -1) for p in parts], axis=1)


def _dense_gradient(sim, state, params, loss=_loss):
    """-gᵀ J⁻¹ ∂F/∂p by a dense solve, with the shifts of a 2-D periodic grid as border."""
    g = np.stack(_upstream(state, loss)).ravel()
    matrix = _jacobian(sim, state, params)
    fields = np.stack([f.numpy()[0] for f in state])
    border = np.zeros((0, g.size))
    if sim.grid.boundary == "periodic" and sim.grid.ndim == 2:
        border = np.stack([np.ravel(s) for s in _differences(fields)])
    corner = np.zeros((len(border),) * 2)
    matrix = np.block([[matrix.T, border.T], [border, corner]])
    adjoint = np.linalg.solve(matrix, np.append(g, corner[:, :1]))[: g.size]
    expected = {}
    for name, p in params.items():
        h = 1e-3 * (abs(p) + 1.0)
        moved = [{**params, name: p + s * h} for s in (1, -1)]
        ahead, behind = (np.stack(sim.time_derivative(state, q)).ravel() for q in moved)
        slope = (ahead - behind) / (2 * h)
        expected[name] = -adjoint @ slope  # F is linear in the parameters used here
    return expected


def _differences(fields):
    """Central differences along the two axes."""
    return [np.roll(fields, -1, axis) - np.roll(fields, 1, axis) for axis in (1, 2)]


def _central(sim, result, params, name, h):
    """Central difference of states polished from the base state."""
    values = []
    for sign in (1, -1):
        moved = {**params, name: params[name] + sign * h}
        found = rdtf.steady_state(sim, result.state, moved, 1e-12, 1e-2, 0)
        assert found.status == [rdtf.Status.CONVERGED]
        values.append(float(_loss(found.state)))
    return (values[0] - values[1]) / (2 * h)


def _close(got, expected, tolerance):
    scale = max(abs(e) for e in expected.values())
    for name in expected:
        assert abs(float(got[name]) - expected[name]) < tolerance * scale, name


def test_uniform_state_in_closed_form(simulations):
    """The Brusselator rests at (A, B / A)."""
    sim = simulations("brusselator", (9, 8))
    params = {**sim.model.defaults, "Du": 8.0, "Dv": 10.0, "A": 2.0, "B": 3.0}
    state = (np.full((1, 9, 8), 2.01), np.full((1, 9, 8), 1.49))
    result, got = _gradient(
        sim, state, params, lambda s: tf.reduce_mean(s[0] + 10.0 * s[1])
    )
    assert result.status == [rdtf.Status.CONVERGED]
    np.testing.assert_allclose(result.state[0], 2.0, atol=1e-9)
    np.testing.assert_allclose(result.state[1], 1.5, atol=1e-9)
    _close(got, {"A": 1.0 - 7.5, "B": 5.0, "Du": 0.0, "Dv": 0.0}, 1e-8)


CASES = [
    ("brusselator", (24,), "periodic", "Dv"),
    ("brusselator", (12, 10), "no_flux", "B"),
    ("schnakenberg", (32,), "no_flux", "Du"),
    ("gierer_meinhardt", (32,), "no_flux", "mu"),
    ("fitzhugh_nagumo", (12, 12), "no_flux", "gamma"),
    ("brusselator", (5, 6, 7), "no_flux", "A"),
]


@pytest.mark.parametrize("model, shape, boundary, name", CASES, ids=str)
def test_patterns_against_dense_solves(model, shape, boundary, name, simulations):
    sim = simulations(model, shape, boundary)
    params = sim.model.defaults
    state = rdtf.initial_conditions.create(None, sim.model, sim.grid, 1, 3, params)
    result, got = _gradient(sim, state, params, max_steps=200_000)
    assert result.status == [rdtf.Status.CONVERGED]
    assert result.residual[0] <= 1e-10
    assert np.ptp(result.state[0]) > 1e-2, "a pattern"
    _close(got, _dense_gradient(sim, result.state, params), 1e-6)
    central = _central(sim, result, params, name, 1e-4 * params[name])
    assert float(got[name]) == pytest.approx(central, rel=1e-4)


@pytest.fixture(scope="module")
def spots(simulations):
    sim = simulations(shape=(24, 24), time_step=1.0)
    state = rdtf.initial_conditions.create(None, sim.model, sim.grid, 1, 0)
    return sim, *_gradient(sim, state, SPOTS, max_steps=200_000)


def test_periodic_spots_against_dense_solve(spots):
    """1,152 unknowns, with two null vectors."""
    sim, result, got = spots
    assert result.status == [rdtf.Status.CONVERGED]
    assert result.residual[0] <= 1e-10
    _close(got, _dense_gradient(sim, result.state, SPOTS), 1e-6)


@pytest.mark.parametrize("name", SPOTS)
def test_periodic_spots_against_differences(name, spots):
    sim, result, got = spots
    central = _central(sim, result, SPOTS, name, 1e-4 * SPOTS[name])
    assert float(got[name]) == pytest.approx(central, rel=1e-4)


def test_samples_with_parameters_of_their_own(spots):
    """Shared ones add up; one sample that fails leaves the other as it is."""
    sim, result, single = spots
    state = tuple(np.repeat(s, 2, axis=0) for s in result.state)
    _, got = _gradient(sim, state, {**SPOTS, "F": [0.035, 0.0351]})
    assert got["F"].shape == (2,)
    assert float(got["F"][0]) == pytest.approx(float(single["F"]), rel=1e-6)
    assert float(got["F"][1]) != float(got["F"][0])
    _, both = _gradient(sim, state, SPOTS)
    for name in SPOTS:
        assert float(both[name]) == pytest.approx(2 * float(single[name]), rel=1e-6)


def test_a_sample_that_does_not_settle(spots):
    sim, result, single = spots
    moving = rdtf.initial_conditions.create(None, sim.model, sim.grid, 1, 0)
    state = tuple(
        np.concatenate([a, b]) for a, b in zip(result.state, moving, strict=True)
    )
    params = {name: [p, p] for name, p in SPOTS.items()}
    with pytest.warns(RuntimeWarning) as caught:
        ended, got = _gradient(sim, state, params, max_steps=20)
    assert len(caught) == 1 and "\n" not in str(caught[0].message)
    assert ended.status == [rdtf.Status.CONVERGED, rdtf.Status.NOT_CONVERGED]
    assert ended.residual[1] > 1e-4
    for name in SPOTS:
        assert float(got[name][0]) == pytest.approx(float(single[name]), rel=1e-6)
        assert np.isnan(got[name][1])
    first_only = _gradient(sim, state, params, lambda s: _loss([x[:1] for x in s]))[1]
    assert all(float(g[1]) == 0.0 for g in first_only.values())


def test_the_functional_form_agrees(spots):
    sim, result, single = spots
    g = _upstream(result.state)
    got, status, residual = gradients.implicit(sim, result.state, SPOTS, g)
    assert status == [rdtf.Status.CONVERGED] and residual[0] < 1e-8
    for name in SPOTS:
        assert got[name].shape == ()
        assert float(got[name]) == pytest.approx(float(single[name]), rel=1e-6)


def test_large_grids_do_without_a_factorization(spots, monkeypatch):
    """The averaged preconditioner alone gives the same gradient."""
    sim, result, single = spots
    monkeypatch.setattr("rdtf.gradients.bordered._LARGEST_FILL", {2: 0})
    got = _gradient(sim, result.state, SPOTS)[1]
    for name in SPOTS:
        assert float(got[name]) == pytest.approx(float(single[name]), rel=1e-5)


def test_the_start_has_no_gradient(spots):
    sim, result, _ = spots
    with tf.GradientTape() as tape:
        tape.watch(result.state)
        value = _loss(rdtf.steady_state(sim, result.state, SPOTS).state)
    assert tape.gradient(value, result.state) == (None, None)


def test_input_errors(spots, input_error):
    sim, result, _ = spots
    start = (sim, result.state, SPOTS)
    with input_error("tolerance"):
        rdtf.steady_state(*start, tolerance=0.0)
    graph = tf.function(lambda: rdtf.steady_state(*start).state, autograph=False)
    with input_error("tf.function"):
        graph()


@pytest.mark.slow
@pytest.mark.parametrize("seed, held", [(0, False), (1, True)])
def test_full_size_against_a_sparse_solve(seed, held, simulations):
    """128 x 128: many weakly bound spots, with null vectors, or held by the lattice."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    sim = simulations(shape=(128, 128), time_step=1.0)
    state = rdtf.initial_conditions.create(None, sim.model, sim.grid, 1, seed)
    result, got = _gradient(sim, state, SPOTS, run_tolerance=1e-6, max_steps=400_000)
    assert result.status == [rdtf.Status.CONVERGED]
    fields, (Du, Dv, F, k) = np.stack(result.state)[:, 0], SPOTS.values()
    u, v = fields
    ring = sparse.diags([1.0, 1.0, -2.0, 1.0, 1.0], [-127, -1, 0, 1, 127], (128, 128))
    laplacian = sparse.kronsum(ring, ring)
    slopes = [[-v * v - F, -2 * u * v], [v * v, 2 * u * v - F - k]]
    blocks = [[sparse.diags(x.ravel()) for x in row] for row in slopes]
    blocks[0][0] += Du * laplacian
    blocks[1][1] += Dv * laplacian
    border = np.stack([s.ravel() for s in _differences(fields)]) * (not held)
    border, corner = sparse.csr_matrix(border), held * sparse.eye(2)
    matrix = sparse.bmat([[sparse.bmat(blocks).T, border.T], [border, corner]]).tocsc()
    g = np.concatenate([np.ravel(v), np.ravel(2 * v + u), [0, 0]]) / u.size
    lu = splu(matrix)
    solution = lu.solve(g)  # with one step of refinement
    solution += lu.solve(g - matrix @ solution)
    (a, b), u, v = np.split(solution[:-2], 2), u.ravel(), v.ravel()
    expected = {"Du": -a @ (laplacian @ u), "Dv": -b @ (laplacian @ v)}
    expected |= {"F": -a @ (1 - u) + b @ v, "k": b @ v}
    _close(got, expected, 1e-6)
    for name in ("F", "Du"):
        central = _central(sim, result, SPOTS, name, 1e-6 * SPOTS[name])
        assert float(got[name]) == pytest.approx(central, rel=1e-4)


def test_an_oscillation_does_not_converge(simulations, start):
    """The Brusselator beyond its Hopf bifurcation, B > 1 + A²."""
    sim = simulations("brusselator", (16, 16), time_step=0.01)
    params = {**sim.model.defaults, "A": 1.0, "B": 3.0, "Du": 1.0, "Dv": 1.0}
    found = rdtf.steady_state(sim, start(sim), params, max_steps=20_000)
    assert found.status == [rdtf.Status.NOT_CONVERGED]
    assert found.residual[0] > 1e-3 and found.num_steps[0] == 20_000
