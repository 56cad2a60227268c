"""The figure of the inverse benchmark: sorted errors of every row, bars as marks."""

import math

import numpy as np

from benchmarks import inverse_rows
from rdtf.viz import figures

_FLOOR, _TOP = 1e-4, 1e3  # %; what lies beyond is drawn at the edge
_DOT, _MARK = "#7b3294", "#e66101"


def draw(path, rows: dict) -> None:
    """Errors of the worst parameter of each fit, one strip per row.

    Args:
      path: the PNG to write.
      rows: name -> {"answers": ...}, as `benchmarks.inverse` saves them.
    """
    rows = {n: r for n, r in rows.items() if inverse_rows.ROWS[n].group != "memory"}
    with figures.figure(path, (7.0, 0.32 * len(rows) + 1.0)) as drawing:
        axes = drawing.subplots()
        for place, (name, row) in enumerate(rows.items()):
            errors = np.sort([_error(answer) for answer in row["answers"]])
            ranks = (np.arange(len(errors)) + 0.5) / len(errors)
            axes.plot(errors, place + 0.4 - 0.8 * ranks, ".", color=_DOT, markersize=3)
            bars = inverse_rows.ROWS[name].bars
            for statistic, rank in (("median", 0.5), ("q90", 0.9)):
                if statistic in bars:
                    height = place + 0.4 - 0.8 * rank
                    axes.plot(bars[statistic], height, "|", color=_MARK, markersize=9)
        axes.axvline(1.0, color="#999999", linewidth=0.6)
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set(xscale="log", xlim=(_FLOOR, _TOP), ylim=(len(rows) - 0.4, -0.6))
        axes.set_xlabel(
            "error of the worst parameter, %\neach strip ranks its fits from below; "
            "marks are bars of the median and the 90 % quantile"
        )
        axes.grid(True, axis="x")


def _error(answer):
    worst = answer.get("worst")
    worst = math.inf if worst is None else worst
    return min(max(worst, _FLOOR), _TOP)
