"""Corner plots: what is drawn, read off the axes and off the file."""

import numpy as np
import pytest
from PIL import Image

from rdtf.viz import corners
from rdtf.viz.corners import corner


def _samples(count=400):
    rng = np.random.default_rng(0)
    a = rng.normal(size=count)
    return {"Du": 0.16 + 0.001 * a, "F": 0.03 + 0.0002 * (a + rng.normal(size=count))}


@pytest.fixture
def drawn(monkeypatch):
    """corner, returning the figure as well."""
    figures = []
    original = corners.figure

    class Keep:
        def __init__(self, *args):
            self._inner = original(*args)

        def __enter__(self):
            figures.append(self._inner.__enter__())
            return figures[-1]

        def __exit__(self, *exception):
            return self._inner.__exit__(*exception)

    monkeypatch.setattr(corners, "figure", Keep)

    def draw(*args, **kwargs):
        corner(*args, **kwargs)
        return np.reshape(figures[-1].axes, (2, 2))

    return draw


@pytest.mark.parametrize("count", [12, 400])
def test_panels(tmp_path, drawn, count):
    axes = drawn(tmp_path / "corner.png", _samples(count), truth={"Du": 0.16})
    assert Image.open(tmp_path / "corner.png").size[0] > 300
    assert not axes[0, 1].get_visible() and axes[1, 0].get_visible()
    assert axes[1, 0].get_xlabel() == "Du" and axes[1, 0].get_ylabel() == "F"
    assert axes[1, 1].get_xlabel() == "F"
    counted = sum(bar.get_height() for bar in axes[0, 0].patches)
    assert counted == count
    low, high = axes[0, 0].get_xlim()
    assert low < 0.16 < high and axes[1, 0].get_xlim() == (low, high)
    assert len(axes[0, 0].lines) == 1 and len(axes[1, 1].lines) == 0


def test_few_samples_are_dots_and_many_a_density(tmp_path, drawn):
    few = drawn(tmp_path / "few.png", _samples(20))[1, 0]
    assert len(few.collections) == 1
    assert len(few.collections[0].get_offsets()) == 20
    many = drawn(tmp_path / "many.png", _samples(2000))[1, 0]
    assert len(many.collections) == 2  # colours and contours
    assert len(many.collections[1].get_paths()) == 2


def test_contours_hold_the_share_they_claim():
    samples = _samples(20_000)
    density, _ = corners._density(samples["Du"], samples["F"])
    outer, inner = corners._contour_levels(density)
    assert density[density >= outer].sum() == pytest.approx(0.95, abs=0.02)
    assert density[density >= inner].sum() == pytest.approx(0.68, abs=0.02)


def test_marks(tmp_path, drawn):
    axes = drawn(
        tmp_path / "corner.png",
        _samples(),
        truth={"Du": 0.1601, "other": 1.0},
        point={"F": 0.0301},
    )
    assert axes[0, 0].lines[0].get_xdata()[0] == 0.1601
    pair = [tuple(line.get_xdata()) for line in axes[1, 0].lines]
    assert (0.1601, 0.1601) in pair and len(pair) == 2


def test_the_title_names_the_median(tmp_path, drawn):
    axes = drawn(tmp_path / "corner.png", _samples())
    middle, spread = axes[0, 0].get_title().split(" ± ")
    assert float(middle) == pytest.approx(0.16, abs=3e-4)
    assert float(spread) == pytest.approx(0.001, rel=0.2)


def test_chains_are_pooled_and_what_is_not_finite_left_out(tmp_path, drawn):
    samples = {n: x.reshape(4, 100) for n, x in _samples().items()}
    samples["F"][0, 0] = np.nan
    axes = drawn(tmp_path / "corner.png", samples)
    assert sum(bar.get_height() for bar in axes[0, 0].patches) == 399


def test_equal_samples_are_drawn(tmp_path, drawn):
    axes = drawn(tmp_path / "corner.png", {"a": np.ones(5), "b": np.zeros(5)})
    assert axes[0, 0].get_xlim()[0] < 1.0 < axes[0, 0].get_xlim()[1]


@pytest.mark.parametrize(
    "samples",
    [{}, {"a": np.ones(3), "b": np.ones(4)}, {"a": np.array([1.0])}],
)
def test_nothing_to_draw(tmp_path, input_error, samples):
    with input_error("sample"):
        corner(tmp_path / "corner.png", samples)
    assert not (tmp_path / "corner.png").exists()
