"""The inverse benchmark: what it draws, and what it makes of answers."""

import dataclasses
import math

import numpy as np
import pytest

from benchmarks import (
    inverse_cases,
    inverse_peers,
    inverse_pool,
    inverse_problems,
    inverse_rows,
    inverse_table,
    inverse_truths,
    inverse_worker,
)
from rdtf.status import Status


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Two truths on a small grid."""
    cache = str(tmp_path_factory.mktemp("truths"))
    return inverse_cases.Settings(3, cases=2, side=32, max_steps=8000, cache=cache)


def _answer(worst, cpu=1.0, first=False, **more):
    known = {"cpu": cpu, "wall": cpu, "evaluations": 5, "peak": 0.5}
    return {"worst": worst, "first": first, "status": "converged", **known, **more}


def test_a_draw_is_a_function_of_the_seed_and_lies_in_its_box():
    drawn = [inverse_cases.candidate(5, i) for i in range(40)]
    assert drawn[7] == inverse_cases.candidate(5, 7)
    assert drawn[7] != inverse_cases.candidate(6, 7)
    for params in drawn:
        assert 0.08 <= params["Du"] <= 0.2
        assert 1.7 <= params["Du"] / params["Dv"] <= 2.3
        for name, (low, high) in inverse_cases.BOX.items():
            assert low <= params[name] <= high
    start = inverse_cases.random_start(5, 0, 1)
    assert start == inverse_cases.random_start(5, 0, 1)
    assert start != inverse_cases.random_start(5, 1, 0)


def test_every_reason_to_keep_or_reject_has_a_name():
    verdict = inverse_cases.verdict
    assert verdict(Status.CONVERGED, 1e-5, 0.1) == "settled"
    assert verdict(Status.NOT_CONVERGED, 5e-4, 0.1) == "taken at the end"
    assert verdict(Status.NOT_CONVERGED, 5e-3, 0.1) == "still moving"
    assert verdict(Status.CONVERGED, 1e-5, 0.01) == "uniform"
    assert verdict(Status.NOT_FINITE, 1e-5, 0.1) == "not_finite"
    rng = np.random.default_rng(0)
    frames = rng.random((5, 8, 8))
    moving = inverse_cases.moving_verdict
    assert moving(Status.NOT_CONVERGED, frames) == "moving"
    assert moving(Status.NOT_CONVERGED, frames[:1].repeat(5, 0)) == "at rest"
    assert moving(Status.NOT_CONVERGED, 0.0 * frames) == "uniform"


def test_truths_are_kept_counted_and_the_same_from_the_cache(settings):
    truths = inverse_truths.stills(settings)
    again = inverse_truths.stills(settings)
    assert truths.fields.shape == (2, 2, 32, 32)
    assert len(truths.notes) == 2 and set(truths.notes) <= set(inverse_cases.KEPT)
    np.testing.assert_array_equal(truths.fields, again.fields)
    drawn = len(truths.notes) + sum(truths.rejects.values())
    assert truths.of(1) == inverse_cases.candidate(settings.seed, drawn - 1)
    assert (truths.fields[1].std(axis=(1, 2)) > inverse_cases.PATTERN).all()
    assert "kept: " in truths.summary() and "rejected: " in truths.summary()


def test_a_camera_does_what_its_row_says():
    rng = np.random.default_rng(0)
    fields = inverse_truths.upsample(rng.random((1, 8, 8)), 4)
    np.testing.assert_allclose(fields[0, ::4, ::4], rng_field(0), atol=1e-12)
    for name, shape in {"windows32_1": (1, 16, 16), "coarse2": (1, 16, 16)}.items():
        row = dataclasses.replace(inverse_rows.ROWS[name])
        row = dataclasses.replace(row, crop=16) if row.crop else row
        pictures, seen = inverse_problems.observe(row, fields, rng)
        assert pictures.shape == shape and seen.cropped == bool(row.crop)
    hidden, seen = inverse_problems.observe(inverse_rows.ROWS["missing30"], fields, rng)
    assert np.isnan(hidden[~seen.mask]).all() and 0.6 < seen.mask.mean() < 0.8
    steps, seen = inverse_problems.observe(inverse_rows.ROWS["bits8"], fields, rng)
    assert np.allclose(steps / seen.quantum, np.round(steps / seen.quantum))
    assert len(np.unique(steps)) <= 256


def rng_field(seed):
    """The field that the test of the cameras interpolates."""
    return np.random.default_rng(seed).random((8, 8))


def test_a_row_runs_and_one_bad_case_does_not_sink_it(settings):
    worker = inverse_worker.Worker(settings)
    answer = worker.answer({"row": "clean_starts", "case": 0, "start": 1})
    assert "error" not in answer
    assert answer["worst"] == max(answer["errors"].values()) < 5.0
    assert answer["first"] and answer["cpu"] > 0.0
    bad = worker.answer({"row": "clean_starts", "case": 99, "start": 0})
    assert bad["error"].startswith("IndexError")
    summary = inverse_table.summarise([answer, bad])
    assert summary["failed"] == 1 and summary["worst"] == math.inf


def test_what_a_gain_leaves_is_judged_by_ratios():
    truth = {"Du": 0.16, "Dv": 0.08, "F": 0.035, "k": 0.065}
    scaled = {"Du": 0.64, "Dv": 0.16, "F": 0.14, "k": 0.06}  # gain 2
    rows = inverse_rows.ROWS
    errors = inverse_problems.judged(rows["gain"], truth, scaled)
    assert max(errors.values()) < 1e-10 and len(errors) == 3
    assert inverse_problems.judged(rows["noise1"], truth, scaled)["Du"] > 200.0
    assert inverse_problems.held_of("fitzhugh_nagumo")


def test_a_line_shows_bars_beside_results():
    answers = [_answer(0.01 * (i + 1)) for i in range(10)]
    answers[0] |= {"first": True, "cpu": 50.0}
    summary = inverse_table.summarise(answers)
    assert summary["q90"] == pytest.approx(0.09) and summary["seconds"] == 1.0
    text = inverse_table.line("noise1", summary, {"q90": 0.08, "seconds": 5.0})
    assert text[-2:] == ["90 % < 0.08 %, < 5 s", "no: q90"]
    assert inverse_table.missed(summary, {"q90": 0.1, "success": 0.98}) == []
    inside = [{"inside": {"Du": True, "F": i > 0}} for i in range(10)]
    covered = inverse_table.summarise([_answer(1.0, **i) for i in inside])
    assert covered["coverage"] == 0.95 and covered["coverage_least"] == 0.9


def test_rows_are_chosen_by_name_and_by_group():
    assert inverse_rows.select(["noise1", "movies"]) == [
        "noise1",
        "movies0",
        "movies1",
        "movies5",
    ]
    assert inverse_rows.select(["windows64"]) == ["windows64_0", "windows64_1"]
    assert inverse_rows.select(["all"]) == list(inverse_rows.ROWS)
    with pytest.raises(ValueError, match="Expected rows"):
        inverse_rows.select(["nonsense"])


def test_a_stopped_run_goes_on(tmp_path):
    path, task = tmp_path / "a.jsonl", {"row": "noise1", "case": 0, "start": 0}
    log = inverse_pool.Log(path, {"seed": 1})
    log.add(task | {"worst": 0.1})
    log.add(task | {"case": 1, "error": "killed"})
    with open(path, "a", encoding="utf-8") as stream:
        stream.write('{"row": "noi')  # a kill
    again = inverse_pool.Log(path, {"seed": 1})
    assert list(again.found) == [("noise1", 0, 0)]
    with pytest.raises(ValueError, match="Expected results measured with"):
        inverse_pool.Log(path, {"seed": 2})


def test_the_published_experiment_is_that_of_its_flag_file():
    found = inverse_peers.read_flags()
    assert found["loss"] == "power_spectrum" and found["require_steady"] == "true"
