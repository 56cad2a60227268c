"""How an app ends, as a user would see it, without a process of its own."""

import dataclasses
import sys

import app_runner
import pytest


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The exit code and what was printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def outcome(capfd, monkeypatch):
    """outcome(app, argument, ...) -> `Outcome` of `python -m apps.APP argument ...`."""

    def end(name, *arguments):
        with app_runner.loaded(name) as module:
            arguments = [f"apps.{name}", *map(str, arguments)]
            monkeypatch.setattr(sys, "argv", arguments)
            monkeypatch.setattr(module.common.app, "run", _run)
            with pytest.raises(SystemExit) as info:
                module.common.run(module.main)
        capture = capfd.readouterr()
        return Outcome(info.value.code or 0, capture.out, capture.err)

    return end


def _run(main, flags_parser):
    sys.exit(main(flags_parser(sys.argv)))


def assert_one_line(outcome, *words):
    """It failed, said why in one line on stderr that holds these words, and no more."""
    assert outcome.code not in (0, None)
    assert outcome.out == ""
    line = outcome.err.rpartition("\r")[2]  # after a progress bar that wiped itself
    assert outcome.err.count("\n") == 1 and line.startswith("error: ")
    for word in words:
        assert word in line
