"""Routes from pictures to parameters, on small patterns that were made with known ones."""

import json

import made_patterns
import numpy as np
import pytest
from fit_runner import run_stages

from rdtf import storage
from rdtf.inverse import Estimate, FreshPatterns, Problem, Settings
from rdtf.inverse.reporting.recorders import Listeners
from rdtf.inverse.simulated import checks, polish
from rdtf.inverse.steady import stage as steady_stage
from rdtf.status import FitStatus

SEED_START = made_patterns.SEED_START


def _spots(simulations, noise_ratio=0.0, samples=2, **options):
    sim, made = made_patterns.get(simulations)
    fields = made.fields["v"][:samples]
    rng = np.random.default_rng(0)
    fields = fields + noise_ratio * fields.std() * rng.normal(size=fields.shape)
    options = {"start": SEED_START, "truth": sim.model.defaults, **options}
    return Problem(simulation=sim, observe="v", fields=fields, **options)


def _fit(problem, tmp_path, **settings):
    records = []
    stages = run_stages(problem, tmp_path, Settings(**settings), [records.append])
    return stages, records


def _errors(params, truth):
    return {n: abs(params[n] / truth[n] - 1.0) for n in truth}


@pytest.fixture(scope="session")
def clean(simulations, tmp_path_factory):
    """Route residual on clean spots, from where every spectrum loss is flat."""
    problem = _spots(simulations)
    workdir = tmp_path_factory.mktemp("clean")
    return problem, workdir, *_fit(problem, workdir, route="residual")


def test_residual_recovers_all_four(clean):
    problem, _, stages, _ = clean
    (stage,) = stages
    assert stage.stage == "residual" and stage.status is FitStatus.CONVERGED
    assert max(_errors(stage.params, problem.truth).values()) < 0.002
    assert stage.form == "norm"
    assert stage.noise_ratio < 0.003


def test_records_tell_the_whole_story(clean):
    problem, workdir, stages, records = clean
    assert [r.iteration for r in records] == list(range(stages[0].iterations + 1))
    assert records[0].params == problem.start
    assert records[-1].params == stages[0].params
    assert records[-1].loss == stages[0].loss < 1e-6 * records[0].loss
    lines = (workdir / "trajectory.jsonl").read_text().splitlines()
    for line, record in zip(lines, records, strict=True):
        value = json.loads(line)
        assert value["params"] == record.params
        assert value["gradient"] == record.gradient
        assert set(value["gradient"]) == set(problem.start)
    assert list((workdir / "tensorboard").glob("events.*"))
    stored = json.loads((workdir / "stages.jsonl").read_text())
    restored = Estimate.from_json(stored)
    assert storage.jsonable(restored.to_json()) == stored
    assert restored.params == stages[0].params
    np.testing.assert_array_equal(restored.curvature, stages[0].curvature)
    assert restored.identifiability.text() == stages[0].identifiability.text()


def test_auto_on_clean_pictures_is_residual(clean, simulations, tmp_path):
    """One sample is enough, and the truth is not looked at."""
    _, _, expected, _ = clean
    problem = _spots(simulations, truth=None)
    stages, _ = _fit(problem, tmp_path)
    assert [stage.stage for stage in stages] == ["residual"]
    assert max(_errors(stages[0].params, expected[0].params).values()) < 5e-4


def test_one_sample_is_enough(simulations, tmp_path):
    problem = _spots(simulations, samples=1)
    stages, _ = _fit(problem, tmp_path, route="residual", form="integral")
    assert stages[0].form == "integral"
    assert max(_errors(stages[0].params, problem.truth).values()) < 0.002


def test_auto_on_noisy_pictures_finds_the_field_too(simulations, tmp_path):
    problem = _spots(simulations, noise_ratio=0.05)
    stages, records = _fit(problem, tmp_path)
    assert [s.stage for s in stages][:2] == ["residual", "errors_in_variables"]
    first, last = stages[:2]
    assert first.form == "integral"
    assert first.noise_ratio == pytest.approx(0.05, rel=0.15)
    assert {r.stage for r in records} == {s.stage for s in stages[:2]}
    assert last.status is FitStatus.CONVERGED
    assert last.data_misfit == pytest.approx(1.0, abs=0.3)
    errors = _errors(last.params, problem.truth)
    assert max(errors.values()) < min(
        0.05, max(_errors(first.params, problem.truth).values())
    )
    field = last.field
    clean = _spots(simulations).fields
    noise_left = np.std(field - clean) / np.std(problem.fields - clean)
    assert noise_left < 0.5


def test_route_windows_polishes_noisy_pictures(simulations, tmp_path):
    problem = _spots(simulations, noise_ratio=0.05)
    stages, records = _fit(problem, tmp_path, route="windows", polish_window=20)
    assert [stage.stage for stage in stages] == ["residual", "windows"]
    first, last = stages
    assert first.form == "integral"
    assert first.noise_ratio == pytest.approx(0.05, rel=0.15)
    assert {record.stage for record in records} == {"residual", "windows"}
    before, after = last.held_out
    assert (last.rejected is None) == (after < before)
    assert (last.params == first.params) == (after >= before)
    assert after == pytest.approx(1.0, abs=0.3)  # nothing is left but the noise
    assert max(_errors(last.params, problem.truth).values()) < 0.1


@pytest.mark.parametrize("helps", [True, False])
def test_polish_is_judged_by_what_it_was_not_fitted_to(helps, simulations, monkeypatch):
    """From wrong parameters it helps; a minimiser that makes it worse is not believed."""
    problem = _spots(simulations, noise_ratio=0.05)
    wrong = {n: 1.1 * v for n, v in problem.truth.items()}
    start = Estimate(
        stage="residual",
        params=wrong,
        loss=1.0,
        status=FitStatus.CONVERGED,
        iterations=1,
    )
    if not helps:

        def worse(linearise, coordinates, params, **options):
            far = {n: 1.3 * v for n, v in params.items()}
            return polish.levenberg_marquardt.Minimum(
                params=far,
                cost=0.0,
                status=FitStatus.CONVERGED,
                iterations=1,
                undetermined=[],
            )

        monkeypatch.setattr(polish.levenberg_marquardt, "minimise", worse)
    prepared = steady_stage.prepare(problem)
    found = polish.polish(problem, prepared, start, Listeners(), 20)
    before, after = found.held_out
    assert (found.rejected is None) is helps
    assert (after < before) is helps
    assert (found.params == wrong) is not helps


def test_held_out_data_is_the_rest():
    for shape in ((1, 8, 8), (2, 8, 8), (5, 8, 8)):
        fitted, held_out = polish.split(np.zeros(shape), seed=3)
        assert set(np.unique(fitted)) == {0.0, 1.0}
        np.testing.assert_array_equal(fitted + held_out, 1.0)
        np.testing.assert_array_equal(fitted, polish.split(np.zeros(shape), 3)[0])
    assert 16 < polish.split(np.zeros((1, 8, 8)), 3)[0].sum() < 48


def test_gradient_and_curvature_of_target_windows(simulations):
    problem = _spots(simulations, noise_ratio=0.05)
    windows = polish.TargetWindows(
        problem, problem.fields, 0.005, 20, np.ones_like(problem.fields)
    )
    params = {n: 1.02 * v for n, v in problem.truth.items()}
    here = windows(params)
    h = 1e-4
    for i, name in enumerate(params):
        ahead, behind = (
            windows(params | {name: params[name] * (1.0 + s * h)}) for s in (1, -1)
        )
        central = (ahead.cost - behind.cost) / (2 * h * params[name])
        assert here.gradient[i] == pytest.approx(central, rel=1e-5)
    np.testing.assert_allclose(here.curvature, here.curvature.T, rtol=1e-9)
    assert np.linalg.eigvalsh(here.curvature).min() > 0
    unstable = windows(params | {"Du": 0.3})
    assert unstable.cost == np.inf


# What a steady picture of one species determines: Gierer-Meinhardt keeps its pictures
# if all parameters scale together, FitzHugh-Nagumo if Dv and epsilon do.
DETERMINED = {
    "schnakenberg": lambda p: p,
    "brusselator": lambda p: p,
    "gierer_meinhardt": lambda p: {n: v / p["nu"] for n, v in p.items()},
    "fitzhugh_nagumo": lambda p: p | {"Dv": p["Dv"] / p["epsilon"], "epsilon": 1.0},
}


@pytest.mark.parametrize(
    ("model", "form"), list(zip(DETERMINED, ["norm", "integral"] * 2, strict=True))
)
def test_other_models(model, form, simulations, tmp_path):
    sim, made = made_patterns.get(simulations, model)
    observe = next(o for m, o in made_patterns.MADE if m == model)
    start = made_patterns.elsewhere(model)
    problem = Problem(
        simulation=sim, observe=observe, fields=made.fields[observe], start=start
    )
    stages, _ = _fit(problem, tmp_path, route="residual", form=form)
    assert stages[0].status is FitStatus.CONVERGED
    determined = DETERMINED[model]
    errors = _errors(determined(stages[0].params), determined(sim.model.defaults))
    assert max(errors.values()) < 0.002


def test_check_passes_at_the_truth_and_fails_where_patterns_die(simulations):
    problem = _spots(simulations, fresh=FreshPatterns(tolerance=1e-5, max_steps=20_000))
    good = checks.check(problem, problem.truth)
    assert good.passed and good.spectrum_loss < 1.5 * good.floor
    assert good.statuses == {"converged": 2}
    bad = checks.check(problem, SEED_START)
    assert not bad.passed and bad.spectrum_loss > 3 * good.spectrum_loss
    value = bad.to_json()
    assert value["passed"] is False and "run" not in value
    simulated, target = value["statistics"]["std"]
    assert simulated < 0.01 * target
    assert target == pytest.approx(problem.fields.std(), rel=0.05)
    json.dumps(value, allow_nan=False)


def test_check_uses_states_that_no_fit_has_seen(simulations):
    problem = _spots(simulations, fresh=FreshPatterns(max_steps=5))
    fresh = checks.simulate(problem, problem.truth, 2).state[1].numpy()
    made = made_patterns.get(simulations)[1]
    assert made.metadata["seed"] == problem.seed
    assert np.abs(fresh - made.fields["v"]).max() > 0.1
    again = checks.simulate(problem, problem.truth, 2).state[1].numpy()
    np.testing.assert_array_equal(fresh, again)


BAD = {
    "start of another model": ({"start": {"A": 1.0}}, ["Du, Dv, F, k", "unknown: A"]),
    "start out of bounds": ({"start": SEED_START | {"F": -1.0}}, ["F between"]),
    "truth of another model": ({"truth": {"A": 1.0}}, ["missing: Du"]),
    "species": ({"observe": "w"}, ["u, v", "'w'"]),
    "shape": ({"fields": np.ones((2, 6, 5))}, ["32, 32", "(2, 6, 5)"]),
    "no sample": ({"fields": np.ones((0, 32, 32))}, ["(0, 32, 32)"]),
    "NaN": ({"fields": np.full((1, 32, 32), np.nan)}, ["NaN"]),
    "uniform": ({"fields": np.ones((1, 32, 32))}, ["uniform"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_problems_are_one_line(case, simulations, input_error):
    sim, made = made_patterns.get(simulations)
    change, words = BAD[case]
    good = {"observe": "v", "fields": made.fields["v"], "start": SEED_START}
    with input_error(*words):
        Problem(simulation=sim, **good | change)
