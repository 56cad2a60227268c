"""apps.identify: equations that other apps can run, and refusals."""

import json

import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf import models, patterns


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    changes = (("F", 0.022), ("k", 0.051))
    plan = patterns.Plan(
        presets=("waves",),
        num_samples=16,
        shape=(32, 32),
        steps=3000,
        chunk=16,
        pairs="rate",
        changes=changes,
    )
    return patterns.generate(tmp_path_factory.mktemp("data") / "a.h5", plan)


def test_a_table_and_a_file(data, tmp_path, outcome):  # noqa: F811
    output = tmp_path / "found.json"
    flags = (f"--dataset={data}", f"--output={output}", "--bootstrap=5")
    end = outcome("identify", *flags, "--model=gray_scott", "--num_pairs=1")
    assert end.code == 0 and "u: lap(u)" in end.out and "cosine" in end.out
    found = json.loads(output.read_text())
    assert models.from_equations(found["equations"]).species == ("u", "v")
    assert found["errors"]["v: u*v**2"] > 0.0


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--model=gray_scott", "--terms=u: u"), "got both"),
        (("--tie=x",), "a tie"),
        (("--terms=u: u",), "terms for u, v"),
        (("--dataset=none.h5",), "a data set at none.h5"),
    ],
)
def test_what_cannot_be(data, tmp_path, outcome, flags, word):  # noqa: F811
    end = outcome("identify", f"--dataset={data}", *flags)
    assert_one_line(end, word)
