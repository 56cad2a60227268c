"""The traversal study: its rows, and what its tables say of made-up answers."""

import math

import pytest

from benchmarks import traversal_cases as cases
from benchmarks import traversal_rows, traversal_table
from rdtf.analysis import traversal


def _row(name, worst, **rest):
    def point(place, regime, distance):
        near = {"saddle_node": distance, "hopf": None}
        return {"regime": regime, "distances": near, "relative_slope": 2.0 * place}

    points = [point(1, "chaotic", 0.2), point(2, "steady_pattern", -0.1)]
    trace = {"points": points, "crossings": [{"kind": "saddle_node"}]}
    path = [{"F": 0.04, "k": 0.06}, {"F": 0.04 * math.e, "k": 0.06}]
    known = {"status": "no_rate_accepted", "why": "v not finite", "iterations": 3}
    known |= {"name": name, "worst": worst, "arrived": worst < 1.0, "seconds": 2.0}
    return known | {"trace": trace, "path": path} | rest


def test_a_line_says_where_a_fit_stopped_and_why():
    line = traversal_table.line(_row("spots/dead/sgd", 40.0))
    assert line == [
        "spots / dead / sgd", "chaotic", "40", "steady pattern", "saddle-node -0.100",
        "1", "1.00", "4", "no rate accepted: v not finite", "3", "2.0",
    ]  # fmt: skip
    assert len(line) == len(traversal_table.HEADER)


def test_arrivals_are_counted_by_way_and_target():
    rows = [_row("spots/dead/lm", 0.5), _row("spots/steady/lm", 7.0)]
    lines = {way: cells for way, *cells in traversal_table.arrivals(rows)}
    assert lines["lm"] == ["1 of 2 (0.5 %, 2.0 s)", "not run", "not run"]
    assert set(lines["sgd"]) == {"not run"}


def test_rows_are_chosen_by_parts_of_names():
    assert len(cases.names()) == 3 * 6 * 5
    assert cases.names(["spots/dead/"])[0] == "spots/dead/sgd"
    assert len(cases.names(["/lm", "/auto"])) == 36
    with pytest.raises(ValueError, match="Expected parts of rows"):
        cases.names(["nonsense"])


def test_ways_are_what_they_are_called():
    settings = cases.Settings(side=32, batch=2, iterations=5)
    given = cases.problem("spots", "dead", "sgd", cases.Settings(side=32, max_steps=50))
    _, sgd = cases.prepared("sgd", given, settings)
    assert (sgd.route, sgd.optimizer.name, sgd.windows.batch) == ("bptt", "SGD", 2)
    assert sgd.windows.require_steady and sgd.optimizer.iterations == 5
    _, adam = cases.prepared("adam", given, settings)
    assert (adam.route, adam.optimizer.name) == ("bptt", "Adam")
    assert not adam.windows.require_steady
    routes = [
        cases.prepared(way, given, settings)[1].route for way in list(cases.WAYS)[2:]
    ]
    assert routes == ["residual", "windows", "auto"]


def test_a_row_is_measured(monkeypatch):
    monkeypatch.setattr(traversal, "distances", lambda *_: {"saddle_node": 0.1})
    settings = cases.Settings(side=32, samples=1, max_steps=400, path_points=2)
    row = traversal_rows.measure("spots/steady/lm", settings)
    assert row["name"] == "spots/steady/lm" and row["iterations"] > 0
    assert row["arrived"] == (row["worst"] < traversal_rows.ARRIVED)
    first, last = row["trace"]["points"]
    for name, value in cases.params_of(cases.STARTS["steady"]).items():
        assert first["params"][name] == pytest.approx(value)
    assert last["regime"] and traversal_table.line(row)
