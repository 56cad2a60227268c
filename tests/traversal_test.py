"""What a fit passes on its way: boundaries, regimes, slopes; and the picture of it."""

import dataclasses
import json
import math

import numpy as np
import pytest
import tensorflow as tf

from rdtf import analysis, initial_conditions, models
from rdtf.analysis import regimes, traversal
from rdtf.analysis.traversal import report

MODEL = models.GRAY_SCOTT
FEED = 0.035
FOLD = math.sqrt(FEED) / 2.0 - FEED  # of k: 4 (F + k)² = F


def _record(iteration, **params):
    gradient = {"Du": 2.0, "Dv": 0.0, "F": 100.0, "k": -20.0}
    known = {"stage": "bptt", "loss": 1.0 + iteration, "gradient": gradient}
    return known | {"iteration": iteration, "params": params, "status": "ok"}


def _points(kills):
    records = [_record(i, Du=0.16, Dv=0.08, F=FEED, k=k) for i, k in enumerate(kills)]
    return [traversal.point_of(r, MODEL, i) for i, r in enumerate(records)]


@pytest.fixture(scope="module")
def straight():
    """A path at constant F that leaves the region of the excited state."""
    return traversal.trace(_points([0.050, 0.058, 0.060]), MODEL, ("F", "k"))


def test_the_fold_is_crossed_between_the_right_points(straight):
    (crossing,) = [c for c in straight.crossings if c.kind == "saddle_node"]
    assert (crossing.first, crossing.second) == (1, 2)
    assert (crossing.before, crossing.after) == ("before", "beyond")
    assert crossing.at == pytest.approx(1 + (FOLD - 0.058) / 0.002, abs=0.02)
    (crossing,) = [c for c in straight.crossings if c.kind == "hopf"]
    assert (crossing.first, crossing.second) == (0, 1)  # the Hopf curve is met before
    back = traversal.crossings(straight.points[::-1], MODEL)
    assert {(c.kind, c.before) for c in back if c.kind != "turing"} == {
        ("saddle_node", "beyond"),
        ("hopf", "beyond"),
    }


def test_another_boundary_that_is_now_the_nearest_is_no_crossing():
    points = _points([0.058, 0.060])
    near = [{"turing": -0.03}, {"turing": 0.9}], [{"turing": -0.03}, {"turing": 0.003}]
    for signs, count in zip(near, (0, 1), strict=True):
        pair = zip(points, signs, strict=True)
        told = [dataclasses.replace(p, distances=d) for p, d in pair]
        assert len(traversal.crossings(told, MODEL)) == count


def test_distances_are_those_of_boundaries(straight):
    for point in straight.points[1:]:
        found = analysis.boundaries(MODEL, point.params, ("F", "k"))
        expected = {kind: boundary.distance for kind, boundary in found.items()}
        assert point.distances == expected
    np.testing.assert_array_equal(
        straight.column("hopf"), [p.distances["hopf"] for p in straight.points]
    )
    assert math.isnan(straight.points[0].margin) and straight.points[0].regime is None


def test_slopes_are_in_physical_and_in_relative_units():
    (point,) = _points([0.06])
    assert point.slope == pytest.approx(math.sqrt(4.0 + 1e4 + 400.0))
    relative = [0.16 * 2.0, FEED * 100.0, 0.06 * -20.0]
    assert point.relative_slope == pytest.approx(np.linalg.norm(relative))


def test_regimes_are_those_of_classify(simulations, monkeypatch):
    sim = simulations(shape=(16, 16), time_step=1.0)
    state = initial_conditions.create("discs", sim.model, sim.grid)
    points = _points([0.075, 0.03])
    points += [traversal.point_of(_record(2, Du=0.3, F=FEED, k=0.03), MODEL, 2)]
    monkeypatch.setattr(traversal.paths, "distances", lambda *_: {})
    runs = traversal.Runs(simulation=sim, state=state, num_steps=600)
    traced = traversal.trace(points, MODEL, runs=runs)
    params = {n: [p.params[n] for p in points[:2]] for n in MODEL.parameters}
    params = {n: tf.constant(values, tf.float64) for n, values in params.items()}
    verdicts = regimes.classify(sim, params, state, 600)
    labels = [verdict.regime.label for verdict in verdicts]
    assert [p.regime for p in traced.points] == [*labels, "invalid"]
    assert traced.points[0].margin == verdicts[0].margin
    assert labels[0] != labels[1]
    found = [(c.first, c.before, c.after) for c in traced.crossings]
    assert found == [(0, *labels), (1, labels[1], "invalid")]


def test_a_long_path_is_thinned_and_keeps_its_ends(input_error):
    points = _points(np.linspace(0.05, 0.07, 101))
    chosen = traversal.thin(points, 6)
    assert [p.place for p in chosen] == [0, 20, 40, 60, 80, 100]
    assert traversal.thin(points[:4], 6) == points[:4]
    with input_error("at least 2 points"):
        traversal.thin(points, 1)


def test_every_nth_iteration_and_the_last():
    points = _points(np.linspace(0.05, 0.07, 12))
    for every, expected in ((5, [0, 5, 10, 11]), (11, [0, 11]), (1, list(range(12)))):
        chosen = traversal.every_nth(points, every)
        assert [p.iteration for p in chosen] == expected
    assert traversal.every_nth([], 3) == []


def test_what_a_kill_or_a_failure_leaves_can_be_read(tmp_path, input_error):
    path = tmp_path / "trajectory.jsonl"
    failed = _record(1, F=0.04) | {"loss": None, "gradient": {"Du": None, "F": 1.0}}
    lines = [json.dumps(_record(0, F=0.05)), json.dumps(failed), '{"stage": "bp']
    path.write_text("\n".join(lines))
    first, second = traversal.read(path, MODEL)
    assert (first.place, first.loss, first.params["F"]) == (0, 1.0, 0.05)
    assert first.params["Dv"] == MODEL.defaults["Dv"]
    assert math.isnan(second.loss) and math.isnan(second.slope)
    path.write_text(json.dumps(_record(0, F=-0.05)))
    with input_error("Expected F between"):
        traversal.read(path, MODEL)
    path.write_bytes(b"\xff\xfe\x00")
    with input_error("trajectory of a fit"):
        traversal.read(path, MODEL)


def test_the_picture_and_the_table_show_what_was_met(straight, tmp_path):
    lines = report.table(straight, ("F", "k"))
    assert lines[0].split()[:4] == ["place", "stage", "F", "k"]
    assert any("saddle_node crossed at 1." in line for line in lines)
    assert all(line.index("bptt") == lines[0].index("stage") for line in lines[1:4])
    known = (np.array([0.04, 0.07]), np.array([0.02, 0.05]), np.array([[0, 2], [3, 7]]))
    for name, below in (("plain", None), ("map", known)):
        path = tmp_path / f"{name}.png"
        report.picture(path, straight, MODEL, ("k", "F"), below, "a path")
        assert tf.io.decode_png(path.read_bytes()).shape[1] == 1140


def test_a_path_that_stays_has_a_range_around_it():
    line = np.tile([0.0, 0.06], (3, 1))
    ranges = report.span(MODEL, ("F", "k"), line + [[0.0], [0.0], [0.0]])
    assert ranges["k"] == pytest.approx((0.054, 0.066))
