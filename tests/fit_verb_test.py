"""`rdtf.fit` and `rdtf.rank_models` as a notebook calls them: arrays, files, movies."""

import json

import made_patterns
import numpy as np
import pytest

import rdtf
from rdtf import images, inverse, storage
from rdtf.inverse import Observation, Settings

START = made_patterns.SEED_START
QUICK = Settings(check=False)


@pytest.fixture(scope="module")
def spots(simulations):
    """(v `[2, 32, 32]`, the true parameters)."""
    sim, made = made_patterns.get(simulations)
    return made.fields["v"][:2], sim.model.defaults


def _fit(pictures, **options):
    options = {"start": START, "settings": QUICK, "progress": False, **options}
    return rdtf.fit(pictures, "gray_scott", **options)


def _worst(fit, truth):
    return max(abs(fit.params[name] / truth[name] - 1.0) for name in truth)


@pytest.fixture(scope="module")
def noisy(spots, tmp_path_factory):
    """The fit of a noisy array with everything, and its directories."""
    v, _ = spots
    rng = np.random.default_rng(0)
    pictures = v + 0.05 * v.std() * rng.normal(size=v.shape)
    logdir = tmp_path_factory.mktemp("log")
    return _fit(pictures, settings=Settings(), logdir=logdir), logdir


def test_an_array(spots):
    v, truth = spots
    found = _fit(v)
    assert found.status.value == "converged" and _worst(found, truth) < 0.002
    assert found.intervals == {} and found.interval_method is None
    assert found.field is None and found.check is None
    assert found.laplacian == "second_order"
    assert set(found.identifiability.sd) == set(truth)
    one = _fit(v[0])  # [y, x]
    assert one.problem.fields.shape == (1, 32, 32) and _worst(one, truth) < 0.003


def test_what_is_known_is_held(spots):
    v, truth = spots
    found = _fit(v, start={"F": 0.05}, known={"Du": truth["Du"]})
    assert found.params["Du"] == pytest.approx(truth["Du"], rel=1e-12)
    assert found.problem.held == ("Du",)
    assert found.problem.start["F"] == 0.05 and found.problem.start["k"] == truth["k"]


@pytest.mark.slow
def test_masked_pixels_are_not_observed(spots):
    v, truth = spots
    hidden = np.random.default_rng(1).random(v.shape) < 0.05
    pictures = np.ma.MaskedArray(np.where(hidden, 1e9, v), hidden)
    found = _fit(pictures, settings=Settings(route="residual", check=False))
    assert not found.problem.observation.mask[hidden].any()
    assert _worst(found, truth) < 0.1


def test_a_picture_file(spots, tmp_path):
    v, truth = spots
    images.save_image(tmp_path / "photo.png", v[0], (0.0, 0.5), bits=16)
    found = _fit(tmp_path / "photo.png", scale=(0.0, 0.5))
    assert found.problem.observation.quantum > 0.0 and _worst(found, truth) < 0.02
    assert not found.problem.observation.unknown_gain
    unknown = rdtf.inverse.pictures.as_targets(
        str(tmp_path / "photo.png"),
        found.problem.model,
        "v",
        inverse.pictures.Reading(),
    )
    assert inverse.pictures.observation_of(unknown, None).unknown_gain


def test_a_movie(simulations):
    sim = simulations(shape=(24, 24), time_step=1.0)
    state = rdtf.initial_conditions.create(None, sim.model, sim.grid, 1, 3)
    state = sim.advance(state, sim.model.defaults, 600)
    frames = sim.rollout(state, sim.model.defaults, 400, 10)[1].numpy()
    for movie in (frames[0], frames):  # [time, y, x] and [sample, time, y, x]
        found = _fit(movie, times=10.0)
        assert found.stages[0].stage == "movie"
        assert found.problem.times[:2].tolist() == [0.0, 10.0]
        assert _worst(found, sim.model.defaults) < 0.01
        assert set(found.intervals) == set(sim.model.defaults)


def test_an_array_on_the_grid_of_a_simulation(simulations):
    sim = simulations(shape=(96,), time_step=1.0)
    state = rdtf.initial_conditions.create(None, sim.model, sim.grid, 2, 0)
    run = sim.run_until_steady(state, sim.model.defaults, 1e-7, 60_000)
    lines = run.state[1].numpy()  # [sample, x]
    found = _fit(lines, simulation=sim, laplacian="second_order")
    assert found.problem.fields.shape == (2, 96)
    assert found.problem.simulation is sim
    assert _fit(lines[0], simulation=sim).problem.fields.shape == (1, 96)


def test_a_targets_file_tells_grid_time_step_and_truth(spots, simulations, tmp_path):
    sim, made = made_patterns.get(simulations)
    storage.save_targets(tmp_path / "made.npz", made)
    found = _fit(str(tmp_path / "made.npz"))
    assert found.problem.simulation.time_step == made.metadata["time_step"]
    assert found.problem.simulation.grid == sim.grid
    assert found.problem.truth == pytest.approx(made.metadata["params"])


def test_intervals_and_files_of_a_noisy_fit(noisy, spots, tmp_path):
    found, _ = noisy
    _, truth = spots
    assert [stage.stage for stage in found.stages][-1] == "bootstrap"
    assert found.interval_method == "bootstrap" and set(found.intervals) == set(truth)
    for name, (low, high) in found.intervals.items():
        assert low < found.params[name] < high
        assert found.params[name] - low < 0.1 * found.params[name]  # in its own unit
    assert found.field.shape == (2, 32, 32)
    directory = found.save(tmp_path / "kept")
    left = {path.name for path in directory.iterdir()}
    assert left >= {"result.json", "field.npz", "fit.png", "spectra.png", "fit.gif"}
    value = json.loads((directory / "result.json").read_text())
    assert value == json.loads(json.dumps(found.to_json()))
    assert value["intervals"]["F"] == list(found.intervals["F"])
    assert value["interval_method"] == "bootstrap"
    assert "95 % interval" in found.summary() and "new patterns are" in found.summary()


def test_the_figure_shows_pictures_field_and_new_patterns(noisy, spots):
    found, _ = noisy
    labels = [axes.get_ylabel() for axes in found.plot().axes]
    assert [label for label in labels if label] == ["target", "field", "found", "v"]
    assert len(_fit(spots[0]).plot().axes) == 3  # two pictures and a colour bar


def test_traces_and_pictures_are_in_tensorboard(noisy):
    import tensorflow as tf

    _, logdir = noisy
    (events,) = (logdir / "tensorboard").glob("events.*")
    tags = {
        value.tag
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    pictures = {f"pattern/{name}" for name in ("target", "found", "difference")}
    assert tags >= {"fit/loss", "parameters/F", *pictures}
    assert (logdir / "trajectory.jsonl").exists()


def test_without_a_directory_nothing_is_written(spots, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _fit(spots[0])
    assert not list(tmp_path.iterdir())


def test_a_finished_fit_is_taken_from_its_directory(noisy):
    found, logdir = noisy
    again = inverse.solve(
        found.problem, Settings(check=False), False, logdir, resume=True
    )
    assert again.params == found.params and again.intervals == found.intervals
    np.testing.assert_array_equal(again.field, found.field)
    assert again.identifiability.text() == found.identifiability.text()


@pytest.mark.parametrize(
    ("pictures", "options", "words"),
    [
        (np.ones(7), {}, ["pictures [sample, y, x]", "(7,)"]),
        ({"v": 1}, {}, ["array of numbers", "dict"]),
        (np.ones((8, 8)), {}, ["uniform"]),
        (np.ones((8, 8)), {"scale": (0.0, 1.0)}, ["scale", "leave it out"]),
        (np.ones((8, 8)), {"observe": "w"}, ["u, v", "'w'"]),
        (np.ones((8, 8)), {"start": {"A": 1.0}}, ["unknown: A"]),
        ("nothing.png", {}, ["nothing.png"]),
        ("nothing.gif", {"times": [0.0, 1.0]}, ["interval", "(2,)"]),
        (np.full((8, 8), np.nan), {}, ["finite"]),
    ],
)
def test_bad_input_is_one_line(pictures, options, words, input_error):
    with input_error(*words):
        _fit(pictures, **options)


@pytest.mark.slow
def test_models_are_ranked_as_fits(spots):
    v, truth = spots
    ranked = rdtf.rank_models(v, ["schnakenberg", "gray_scott"])
    best = ranked[0]
    assert best.problem.model.name == "gray_scott" and best.problem.observe == "v"
    assert _worst(best, truth) < 0.01 and best.check.passed
    residuals = [fit.stages[-1].relative_residual for fit in ranked]
    assert residuals == sorted(residuals) and len(ranked) > 1


def test_models_are_not_ranked_by_movies_or_crops(spots, input_error):
    v, _ = spots
    with input_error("whole stills", "cropped"):
        rdtf.rank_models(v, ["gray_scott"], observation=Observation(cropped=True))


def test_models_are_not_ranked_by_several_species(spots, input_error):
    v, _ = spots
    with input_error("one species", "u, v"):
        rdtf.rank_models(storage.Targets({"u": v, "v": v}), ["gray_scott"])
