"""Parameters as people type them."""

import pytest

from rdtf.models import GRAY_SCOTT, from_equations, parameters_text


def test_values():
    assert parameters_text.parse_params("") == {}
    assert parameters_text.parse_params(" F = .03, k=6e-2,") == {"F": 0.03, "k": 0.06}


def test_full_parameters_are_those_of_a_preset_but_for_what_is_typed():
    maze = GRAY_SCOTT.preset("maze")
    found = parameters_text.full_params(GRAY_SCOTT, "F=.031", "maze", {"k": 0.061})
    assert found == maze | {"F": 0.031, "k": 0.061}


def test_an_axis_has_the_numbers_that_one_would_write():
    name, values = parameters_text.parse_axis(
        GRAY_SCOTT, GRAY_SCOTT.defaults, "F=.03:.07:5"
    )
    assert (name, values) == ("F", [0.03, 0.04, 0.05, 0.06, 0.07])


def test_ranges():
    assert parameters_text.parse_range("k=.03:.07") == ("k", (0.03, 0.07))
    model = parameters_text.with_valid_range(GRAY_SCOTT, ["v=-1:2"])
    assert dict(model.valid_range) == {"v": (-1.0, 2.0)}


def test_parameters_without_a_default_are_filled():
    model = from_equations("u: D*lap(u) - r*u; r = 2")
    found = parameters_text.filled(model, {"D": 0.5, "r": 3.0})
    assert found.defaults == {"D": 0.5, "r": 2.0}
    assert parameters_text.filled(GRAY_SCOTT, {}) is GRAY_SCOTT


@pytest.mark.parametrize(
    ("read", "word"),
    [
        (lambda: parameters_text.parse_params("F=.03,k"), "NAME=NUMBER"),
        (lambda: parameters_text.parse_params("F=x"), "NAME=NUMBER"),
        (lambda: parameters_text.full_params(GRAY_SCOTT, "q=1"), "unknown: q"),
        (lambda: _axis("F=1:2"), "NAME=FROM:TO:POINTS"),
        (lambda: _axis("F=.03:.04:1"), "at least 2 points"),
        (lambda: _axis("F=-1:.04:3"), "Expected F between"),
        (lambda: _axes(), "--axis once or twice"),
        (lambda: _axes("F=.03:.04:2", "F=.03:.05:2"), "different parameters"),
        (lambda: _axes("F=.03:.04:2", fewest=2), "--axis twice"),
        (lambda: parameters_text.parse_range("k=.03"), "NAME=FROM:TO"),
        (lambda: parameters_text.parse_pair("Du"), "NAME=VALUE"),
        (lambda: parameters_text.with_valid_range(GRAY_SCOTT, ["v=1"]), "v=LOW:HIGH"),
        (lambda: parameters_text.with_valid_range(GRAY_SCOTT, ["w=0:1"]), "no species"),
    ],
)
def test_what_cannot_be_read(read, word, input_error):
    with input_error(word):
        read()


def test_two_axes():
    found = _axes("F=.03:.04:2", "k=.05:.06:2", fewest=2)
    assert found == {"F": [0.03, 0.04], "k": [0.05, 0.06]}


def _axes(*texts, **options):
    defaults = GRAY_SCOTT.defaults
    return parameters_text.parse_axes(GRAY_SCOTT, defaults, texts, **options)


def _axis(text):
    return parameters_text.parse_axis(GRAY_SCOTT, GRAY_SCOTT.defaults, text)
