"""A fit that was stopped goes on as if it had not been: the same bits everywhere."""

import json
import shutil

import pytest
from fit_runner import run_stages

from rdtf import initial_conditions, inverse, losses, storage
from rdtf.inverse import FreshPatterns, OptimizerSettings, Problem, WindowSettings

START = {"Du": 0.13, "Dv": 0.07, "F": 0.04, "k": 0.06}
KINDS = {
    "fresh": {"warmup": 10},
    "stride": {"warmup": 10, "stride": 4},
    "target": {"start": "target"},
}
IDENTITY = dict.fromkeys(START, "identity")
LAST = 6


class _Killed(Exception):
    pass


@pytest.fixture(scope="session")
def problem(simulations):
    sim = simulations(shape=(12, 12), time_step=1.0)
    state = initial_conditions.create(None, sim.model, sim.grid, 4, 9)
    truth = {"Du": 0.16, "Dv": 0.08, "F": 0.035, "k": 0.065}
    fields = sim.advance(state, truth, 60)[1].numpy()
    return Problem(
        simulation=sim,
        observe="v",
        fields=fields,
        start=START,
        seed=1,
        fresh=FreshPatterns(max_steps=25),
    )


def _fit(problem, workdir, kind="fresh", listener=None, resume=False, **optimizer):
    optimizer = {"learning_rate": 1e-3, "iterations": LAST, **optimizer}
    settings = inverse.Settings(
        route="bptt",
        loss=losses.power_spectrum,
        windows=WindowSettings(batch=2, window=6, **KINDS[kind]),
        optimizer=OptimizerSettings(**optimizer),
    )
    listeners = [listener] if listener else []
    return _values(run_stages(problem, workdir, settings, listeners, resume))


def _values(stages):
    """What can be compared."""
    return [stage.to_json() for stage in stages]


def _left(workdir):
    names = ("trajectory.jsonl", "stages.jsonl")
    return [(workdir / name).read_text() for name in names]


def _at(iteration, action):
    def listener(record):
        if record.iteration == iteration:
            action()

    return listener


def _kill():
    raise _Killed


@pytest.mark.parametrize(
    ("kind", "keep_rate"), [("fresh", True), ("stride", False), ("target", False)]
)
def test_stopped_between_record_and_checkpoint(kind, keep_rate, problem, tmp_path):
    """Its last record is done again, not twice."""
    options = {"kind": kind, "keep_rate": keep_rate}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = _fit(problem, whole, **options)
    with pytest.raises(_Killed):
        _fit(problem, broken, listener=_at(4, _kill), **options)
    assert not (broken / "stages.jsonl").read_text()
    assert (broken / "trajectory.jsonl").read_text().count("\n") == 5
    assert _fit(problem, broken, resume=True, **options) == expected
    assert _left(broken) == _left(whole)


@pytest.mark.parametrize("kind", ["fresh", "stride"])
def test_killed_in_the_middle_of_a_line(kind, problem, tmp_path):
    """What a kill leaves at any time: the checkpoint before, and half a record."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = _fit(
        problem, whole, kind, _at(3, lambda: shutil.copytree(whole, broken))
    )
    path = broken / "trajectory.jsonl"
    text = path.read_text()
    path.write_text(text + text.splitlines()[-1][:70])
    seen = []
    assert _fit(problem, broken, kind, seen.append, resume=True) == expected
    assert [record.iteration for record in seen] == [3, 4, 5, 6]
    assert _left(broken) == _left(whole)


@pytest.mark.parametrize("iteration", [0, 1, 5, 6])
def test_stopped_at_either_end(iteration, problem, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = _fit(problem, whole)
    with pytest.raises(_Killed):
        _fit(problem, broken, listener=_at(iteration, _kill))
    assert _fit(problem, broken, resume=True) == expected
    assert _left(broken) == _left(whole)


def test_a_kept_rate_is_kept(problem, tmp_path):
    """The first rates fail; the one that was found is where the next begins."""
    options = {"keep_rate": True, "learning_rate": 1.0, "transforms": IDENTITY}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = _fit(problem, whole, **options)
    lines = (whole / "trajectory.jsonl").read_text().splitlines()
    tried = [json.loads(line)["tried"] for line in lines]
    assert len(tried[1]) > 1 and tried[4][0]["rate"] < tried[1][0]["rate"]
    with pytest.raises(_Killed):
        _fit(problem, broken, listener=_at(4, _kill), **options)
    assert _fit(problem, broken, resume=True, **options) == expected
    assert _left(broken) == _left(whole)


def test_stopped_several_times(problem, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = _fit(problem, whole, "stride", name="RMSprop")
    for i, iteration in enumerate((2, 3, 5)):
        with pytest.raises(_Killed):
            _fit(
                problem,
                broken,
                "stride",
                _at(iteration, _kill),
                resume=i > 0,
                name="RMSprop",
            )
    assert _fit(problem, broken, "stride", resume=True, name="RMSprop") == expected
    assert _left(broken) == _left(whole)


def test_stopped_by_hand(problem, tmp_path):
    def stop():
        raise KeyboardInterrupt

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = _fit(problem, whole)
    (stage,) = _fit(problem, broken, listener=_at(4, stop))
    assert stage["status"] == "interrupted" and stage["iterations"] == 4
    stored = json.loads((broken / "stages.jsonl").read_text())
    assert stored["status"] == "interrupted"
    assert _fit(problem, broken, resume=True) == expected
    assert _left(broken) == _left(whole)


def test_more_iterations_go_on(problem, tmp_path):
    """As the advice of max_iterations says."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = _fit(problem, whole)
    (short,) = _fit(problem, broken, iterations=2)
    assert short["status"] == "max_iterations" and short["iterations"] == 2
    assert _fit(problem, broken, resume=True) == expected
    assert _left(broken) == _left(whole)


def test_a_finished_fit_is_not_run_again(problem, tmp_path):
    expected = _fit(problem, tmp_path)
    left, seen = _left(tmp_path), []
    assert _fit(problem, tmp_path, listener=seen.append, resume=True) == expected
    assert seen == [] and _left(tmp_path) == left


def test_without_resume_it_starts_anew(problem, tmp_path):
    expected = _fit(problem, tmp_path, iterations=3)
    left, seen = _left(tmp_path), []
    assert _fit(problem, tmp_path, listener=seen.append, iterations=3) == expected
    assert len(seen) == 4 and _left(tmp_path) == left


@pytest.mark.parametrize("version", ["0.1.0", "now"])
def test_finished_stages_of_least_squares_are_kept(version, problem, tmp_path):
    """The next stage may be done again, the first is taken from stages.jsonl."""
    settings = inverse.Settings(route="residual", form="integral")
    seen, expected = [], _values(run_stages(problem, tmp_path, settings))
    text = (tmp_path / "trajectory.jsonl").read_text()
    if version == "0.1.0":  # kept them as a list
        stages = tmp_path / "stages.jsonl"
        (tmp_path / "checkpoint.json").write_text(f"[\n{stages.read_text()}]\n")
        stages.unlink()
    again = run_stages(problem, tmp_path, settings, [seen.append], resume=True)
    assert storage.jsonable(_values(again)) == storage.jsonable(expected)
    assert seen == [] and (tmp_path / "trajectory.jsonl").read_text() == text
