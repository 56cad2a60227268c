"""Statuses: each one has words and one line of advice."""

import pytest

from rdtf.status import FitStatus, InputError, StabilityError, Status


@pytest.mark.parametrize("status", [*Status, *FitStatus])
def test_advice_is_one_line(status):
    assert status.advice.endswith(".")
    assert "\n" not in status.advice


def test_labels_are_words():
    assert Status.LEFT_VALID_RANGE.label == "left_valid_range"
    assert len({status.label for status in Status}) == len(Status)


def test_errors_are_value_errors():
    assert issubclass(InputError, ValueError)
    assert issubclass(StabilityError, InputError)
