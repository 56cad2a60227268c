"""Data sets of patterns: the same samples, and bytes, however they are made."""

import dataclasses
import itertools

import h5py
import numpy as np
import pytest
import tensorflow as tf

from rdtf import initial_conditions, patterns
from rdtf.patterns import ensemble_report, ensembles, loading

PLAN = patterns.Plan(
    presets=("maze", "waves"), num_samples=4, shape=(24, 24), steps=60, chunk=3
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(path, bytes) of the data set of PLAN."""
    path = patterns.generate(tmp_path_factory.mktemp("data") / "a.h5", PLAN)
    return path, path.read_bytes()


def _plan(**changes):
    return dataclasses.replace(PLAN, **changes)


def test_fields_are_those_of_the_simulation(made):
    data, sim = patterns.read(made[0]), PLAN.simulation
    assert data.preset.tolist() == [0] * 4 + [1] * 4
    keys = [ensembles._key("waves", 0, slot) for slot in range(4)]
    state = initial_conditions.discs(sim.model, sim.grid, keys, PLAN.seed)
    end = sim.advance(state, sim.model.preset("waves"), 60)
    for name, field in zip("uv", end, strict=True):
        np.testing.assert_array_equal(data.fields[name][4:], np.float32(field))
    assert data.stacked().shape == (8, 24, 24, 2)


def test_samples_depend_on_no_chunk_and_no_neighbour(made, tmp_path):
    other = patterns.read(
        patterns.generate(
            tmp_path / "b.h5", _plan(presets=("waves",), num_samples=3, chunk=1)
        )
    )
    expected = patterns.read(made[0]).fields["v"][4:7]
    np.testing.assert_array_equal(other.fields["v"], expected)


def test_bytes_do_not_depend_on_who_makes_the_chunks(made, tmp_path):
    def backwards(plan, numbers):
        for number in reversed(numbers):
            yield number, ensembles.make_chunk(plan, number)

    path = patterns.generate(tmp_path / "b.h5", PLAN, pool=backwards)
    assert path.read_bytes() == made[1]


def test_shards_are_the_whole(made, tmp_path):
    for shard in (0, 1):
        patterns.generate(tmp_path / "b.h5", PLAN, shard, 2)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["b-00000-of-00002.h5", "b-00001-of-00002.h5"]
    whole, parts = patterns.read(made[0]), patterns.read(f"{tmp_path}/b-*.h5")
    for name in "uv":
        rows = [set(map(bytes, data.fields[name])) for data in (whole, parts)]
        assert rows[0] == rows[1] and len(rows[0]) == 8


class _Kill(BaseException):
    pass


@pytest.mark.parametrize("damage", [False, True])
def test_a_stopped_run_goes_on(made, tmp_path, damage):
    def stopping(plan, numbers):
        for number in itertools.islice(numbers, 2):
            yield number, ensembles.make_chunk(plan, number)
        raise _Kill

    path = tmp_path / "b.h5"
    with pytest.raises(_Kill):
        patterns.generate(path, PLAN, pool=stopping)
    partial = tmp_path / "b.h5.partial"
    assert not path.exists() and partial.exists()
    if damage:
        with h5py.File(partial, "r+") as file:
            file["u"][1, 2, 3] += 1.0
    again = []

    def watched(plan, numbers):
        for number in numbers:
            again.append(number)
            yield number, ensembles.make_chunk(plan, number)

    patterns.generate(path, PLAN, resume=True, pool=watched)
    assert again == ([0, 2, 3] if damage else [2, 3])
    assert path.read_bytes() == made[1] and not partial.exists()


def test_another_plan_is_refused(tmp_path, input_error):
    def none(plan, numbers):
        yield from ()

    patterns.generate(tmp_path / "b.h5", PLAN, pool=none)
    with input_error("another steps, seed"):
        patterns.generate(
            tmp_path / "b.h5", _plan(seed=1, steps=61), resume=True, pool=none
        )
    with input_error("an unfinished one: finish it with --resume"):
        patterns.read(tmp_path / "b.h5")


def test_what_dies_is_tried_again_and_then_given_up(tmp_path, monkeypatch, input_error):
    plan = _plan(presets=("life",), num_samples=3, steps=600)
    path = patterns.generate(tmp_path / "b.h5", plan)
    labels = patterns.read_labels(path)
    assert labels.status.tolist() == [ensembles.DEAD] * 3
    assert labels.attempts.sum() == 5 * 3
    (row,) = ensemble_report.report(labels)
    assert row.dead == 3 and "15 of 15 starts died, 3 samples given up" in row.text
    with input_error("all died out"):
        patterns.read(path)

    spread = ensembles._spread

    def one_dies(state):  # the second sample, at the first look
        found = spread(state)
        if len(found) == 3:
            found[1] = 0.0
        return found

    monkeypatch.setattr(ensembles, "_spread", one_dies)
    chunk = ensembles.make_chunk(_plan(num_samples=3), 0)
    monkeypatch.undo()
    assert chunk.attempts.tolist() == [1, 2, 1]
    sim, key = PLAN.simulation, [ensembles._key("maze", 1, 1)]
    start = initial_conditions.discs(sim.model, sim.grid, key, PLAN.seed)
    end = sim.advance(start, sim.model.preset("maze"), 60)
    np.testing.assert_array_equal(chunk.fields["v"][1], np.float32(end[1][0]))


@pytest.mark.parametrize("pairs", ["rate", 7])
def test_pairs_frames_and_scale(pairs):
    plan = _plan(num_samples=2, pairs=pairs, frames=3, every=5, normalize=True)
    chunk, sim = ensembles.make_chunk(plan, 0), PLAN.simulation
    params = sim.model.preset("maze")
    keys = [ensembles._key("maze", 0, slot) for slot in range(2)]
    state = initial_conditions.discs(sim.model, sim.grid, keys, PLAN.seed)
    state = sim.advance(state, params, 60)
    size = np.sqrt(np.mean(np.square(sim.time_derivative(state, params)), (0, 2, 3)))
    np.testing.assert_allclose(chunk.rate, size, rtol=1e-6)
    for frame in range(3):
        if pairs == "rate":
            other, suffix = sim.time_derivative(state, params), "_rate"
            expected = [2.0 * field for field in other]
        else:
            other, suffix = sim.advance(state, params, 7), "_later"
            expected = [2.0 * field - 1.0 for field in other]
        for i, name in enumerate("uv"):
            got = chunk.fields[name][:, frame]
            np.testing.assert_array_equal(got, np.float32(2.0 * state[i] - 1.0))
            got = chunk.fields[name + suffix][:, frame]
            np.testing.assert_array_equal(got, np.float32(expected[i]))
        state = sim.advance(state, params, 5)


def test_all_may_be_dead_at_half_time(monkeypatch):
    monkeypatch.setattr(ensembles, "_UNIFORM_FOR_GOOD", 1e9)
    chunk = ensembles.make_chunk(_plan(num_samples=2), 0)
    assert chunk.status.tolist() == [ensembles.DEAD] * 2
    assert chunk.attempts.tolist() == [5, 5]


def test_a_damaged_chunk_stays_unwritten_until_it_is_made_again(tmp_path):
    """Even if the run that finds the damage stops at once."""

    def stopping(plan, numbers):
        raise _Kill
        yield

    def all_but_the_last(plan, numbers):
        for number in numbers[:-1]:
            yield number, ensembles.make_chunk(plan, number)

    path, partial = tmp_path / "b.h5", tmp_path / "b.h5.partial"
    patterns.generate(path, PLAN, pool=all_but_the_last)
    with h5py.File(partial, "r+") as file:
        file["written"][3] = 1  # with a checksum that does not fit
    with pytest.raises(_Kill):
        patterns.generate(path, PLAN, resume=True, pool=stopping)
    assert partial.exists() and not path.exists()


def test_frozen_patterns_are_labelled(monkeypatch):
    monkeypatch.setattr(ensembles, "STILL", 1e9)
    assert set(ensembles.make_chunk(PLAN, 0).status) == {ensembles.FROZEN}
    monkeypatch.undo()
    assert set(ensembles.make_chunk(PLAN, 0).status) == {ensembles.MOVING}


def test_statistics_of_a_wave():
    sim = PLAN.simulation
    x = 2.0 * np.pi * np.arange(24) / 24
    wave = tf.constant(np.tile(0.3 + 0.1 * np.sin(3 * x), (1, 24, 1)))
    (found,) = ensembles.statistics(sim, (wave, 0.0 * wave))
    energy = 0.1**2 * (1.0 - np.cos(3 * 2 * np.pi / 24))
    np.testing.assert_allclose(found, [[0.3, 0.005, energy], [0, 0, 0]], atol=1e-12)


def test_an_ensemble_that_still_changes_is_told():
    rng = np.random.default_rng(0)
    statistics = rng.normal(size=(50, 2, 2, 3)).astype(np.float32)
    metadata = {"species": ["u", "v"], "presets": ["a", "b"]}
    preset, status = np.repeat([0, 1], 25), np.full(50, ensembles.MOVING)
    statistics[25:, 1, 1, 0] += 3.0
    ones = np.ones(50)
    labels = loading.Labels(
        preset=preset,
        status=status,
        attempts=ones,
        rate=ones,
        statistics=statistics,
        metadata=metadata,
    )
    settled, changing = ensemble_report.report(labels)
    assert settled.drift < 3.5 and changing.drift > 5.0 and changing.what == "v mean"
    assert "still changes (v mean" in changing.text


def test_moves_are_symmetries_of_the_torus():
    """Every sample ends up as one of its 8 x shifts images, and all kinds occur."""
    image = np.arange(2 * 5 * 5, dtype=np.float32).reshape(5, 5, 2)
    batch = tf.constant(np.tile(image, (200, 1, 1, 1)))
    moved = loading.move(batch, tf.constant([3, 4])).numpy()
    images = {}
    for turn, (dy, dx) in itertools.product(
        range(8), itertools.product(range(5), repeat=2)
    ):
        turned = np.rot90(image, turn % 4)
        turned = turned.swapaxes(0, 1) if turn > 3 else turned
        images[np.roll(turned, (dy, dx), (0, 1)).tobytes()] = turn
    turns = [images[sample.tobytes()] for sample in moved]
    assert set(turns) == set(range(8))
    wide = loading.move(batch[:, :4], tf.constant([3, 4]), square=False)
    assert wide.shape == (200, 4, 5, 2)


def test_pipeline(made):
    samples = patterns.read(made[0]).stacked()
    batches = list(patterns.pipeline(samples, 3, randomise=False))
    assert [b.shape[0] for b in batches] == [3, 3, 2] and batches[0].dtype == tf.float32
    np.testing.assert_array_equal(np.concatenate(batches), samples)
    first, again, other = (
        next(iter(patterns.pipeline(samples, 8, seed=seed))).numpy()
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    moved, plain = (sorted(x.sum((1, 2, 3))) for x in (first, np.concatenate(batches)))
    np.testing.assert_allclose(moved, plain, rtol=1e-5)


def test_conditions_go_with_their_samples():
    samples = np.float32(np.arange(20)).reshape(20, 1, 1, 1) * np.ones((1, 4, 4, 1))
    batches = patterns.pipeline(samples, 6, conditions=np.arange(20), epochs=2)
    found = [(x[:, 0, 0, 0].numpy(), label.numpy()) for x, label in batches]
    assert len(found) == 8
    for values, told in found:
        np.testing.assert_array_equal(values, told)
    first, second = (np.concatenate([x for x, _ in found[i : i + 4]]) for i in (0, 4))
    assert sorted(first) == sorted(second) == list(range(20))
    assert not np.array_equal(first, second)
    (later,) = [list(patterns.pipeline(samples, 20, epochs=2, first_epoch=1))]
    np.testing.assert_array_equal(later[0][:, 0, 0, 0], second)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": "no"}, "random, center_seed, got 'no'"),
        ({"presets": ()}, "different presets"),
        ({"presets": ("maze", "maze")}, "different presets"),
        ({"presets": ("no",)}, "preset"),
        ({"num_samples": 2**25}, "at most 16777216 samples"),
    ],
)
def test_bad_plans(changes, words, input_error):
    with input_error(words):
        _plan(**changes)


def test_bad_shards(tmp_path, input_error):
    with input_error("a shard from 0 to 3 of 4 chunks"):
        patterns.generate(tmp_path / "a.h5", PLAN, 5, 8)


def test_warnings():
    plan = _plan(presets=("life", "maze"), start="random")
    found = ensemble_report.warnings(plan)
    assert len(found) == 3 and "below 96 cells" in found[0]
    assert not ensemble_report.warnings(_plan(steps=10_000))
