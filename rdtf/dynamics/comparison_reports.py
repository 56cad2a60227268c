"""What `comparison.evaluate` found: as a table, as curves of errors, and as a GIF."""

from collections.abc import Mapping, Sequence

import numpy as np

from rdtf import viz
from rdtf.viz import rollouts

_METHODS = ("velocity", "true equation", "persistence")


def text(result: dict) -> str:
    """The numbers as tables."""
    methods = [name for name in _METHODS if name in result]
    lines = [
        f"{'VRMSE, mean of ratios (pooled)':32}" + "".join(f"{n:>18}" for n in methods)
    ]
    for rows in zip(*(result[name]["vrmse"] for name in methods), strict=True):
        label = f"frames {rows[0]['first']} to {rows[0]['last']}"
        cells = [f"{row['mean']:.4f} ({row['pooled']:.4f})" for row in rows]
        lines.append(f"{label:32}" + "".join(f"{cell:>18}" for cell in cells))
    kept = "".join(f"{result[name]['correlated']:18g}" for name in methods)
    lines.append(f"{'correlation above 0.8 for':32}{kept}")
    largest = "".join(f"{t:18.1f}" for t in result["largest_stein_t"].values())
    lines.append(f"{'largest |t| of statistics':32}{largest}")
    for sigma in result.get("residual", {}).get("velocity", ()):
        label = f"residual at σ = {sigma:g}"
        rows = "".join(f"{row[sigma]:18.3g}" for row in result["residual"].values())
        lines.append(f"{label:32}{rows}")
    lines += _of_the_field(result) + _of_long_rollouts(result)
    lines.append(
        f"{result['runs']} runs, frames {result['interval']:g} apart, "
        f"{result['blown_up']:.0%} blown up"
    )
    return "\n".join(lines)


def _of_the_field(result):
    if "field" not in result:
        return []
    field = result["field"]
    line = (
        f"cosine to the true field {field['cosine']:.4f}, relative error "
        f"{field['relative_error']:.4f}, after scaling "
        f"{field['error_after_scaling']:.4f}"
    )
    return [line]


def _of_long_rollouts(result):
    if "long" not in result:
        return []
    long, lines = result["long"], []
    for name in ("spectrum", "minkowski"):
        own, floor = long[name].values()
        lines.append(
            f"{name} after {long['frames']} frames: {own:.3f} from the truth, which at "
            f"two times is {floor:.3f} apart"
        )
    return [*lines, f"blown up by then: {long['blown_up']:.0%}"]


def draw(path, result: dict, species: Sequence[str]) -> None:
    """A PNG of the errors by time and, if the truth is known, by wavenumber."""
    by_time = {n: result[n]["by_frame"] for n in _METHODS if n in result}
    waves = None
    if "field" in result:
        found = result["field"]["error_by_wavenumber"]
        waves = dict(zip(species, found, strict=True))
    rollouts.errors(path, by_time, result["interval"], waves)


def animate(
    path, runs: Mapping[str, np.ndarray], interval: float, name: str, channel: int
) -> None:
    """A GIF of the truth and the velocity, two runs of each.

    Args:
      path: the GIF to write.
      runs: "truth" and "velocity", `[n, frames, y, x, species]`.
      interval: time between frames.
      name, channel: of the species that is shown.
    """
    truth, found = (runs[key][:2, ..., channel] for key in ("truth", "velocity"))
    both, limits = np.concatenate([truth, found]), (truth.min(), truth.max())
    captions = ["true"] * len(truth) + ["found"] * len(found)
    shape = both.shape[2:]
    low, high = limits
    draw_frame = viz.PanelFrames(
        captions, shape, vmin=low, vmax=high, label=name, panel_size=128
    )
    frames = (
        draw_frame([run[i] for run in both], f"time {interval * (1 + i):g}")
        for i in range(both.shape[1])
    )
    viz.write_gif(path, frames, fps=8.0)
