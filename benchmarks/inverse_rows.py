"""The rows of the inverse benchmark: which problems, by which route, under which bars.

A row is a kind of picture and what is done to it; a task is one fit of a row, named by
case (a truth) and start. `benchmarks.inverse_problems` makes the pictures.
"""

import dataclasses
from collections.abc import Mapping

from benchmarks import inverse_cases as cases


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
      kind: of truth: "still", "spectral", "movie", "model" or "preset".
      noise: standard deviation over that of the pictures.
      route: of the fit, or a peer of `benchmarks.inverse_peers`.
      starts: "default", or "random" ones.
      crop, psf, cells, hidden, levels, gain: what is done to the picture.
      held: parameters given to the fit.
      group: rows that `--rows` selects together.
      bars: statistic of `benchmarks.inverse.summarise` -> limit.
      fresh: one process per fit.
    """

    kind: str = "still"
    noise: float = 0.0
    route: str = "auto"
    starts: str = "default"
    crop: int = 0
    psf: float = 0.0
    cells: int = 1
    hidden: float = 0.0
    levels: int = 0
    gain: bool = False
    held: tuple[str, ...] = ()
    group: str = ""
    bars: Mapping[str, float] = dataclasses.field(default_factory=dict)
    fresh: bool = False


def _q90(percent, **more):
    return {"q90": percent, **more}


_CLEAN_BARS = {"success": 0.98, "median": 0.05, "seconds": 0.5}
_WINDOWS = {64: 1.0, 48: 3.0, 32: 5.0}
_MOVIES, _MODELS = {0: 0.05, 1: 0.3, 5: 2.0}, {0: 0.1, 1: 0.6, 5: 5.0}
ROUTES = ("bptt", "cma_es", "windows", "residual", "auto")
_FITS = {
    "residual": Row(route="residual"),
    "errors_in_variables": Row(noise=0.05),
    "windows": Row(noise=0.05, route="windows"),
    "cropped": Row(noise=0.01, crop=64),
    "blurred": Row(noise=0.01, psf=1.0),
    "gain": Row(noise=0.01, gain=True),
    "movie": Row("movie", noise=0.01),
    "intervals": Row("preset", noise=0.05, route="intervals"),
    "bptt": Row(route="bptt"),
}

ROWS = {
    "clean_starts": Row(route="residual", starts="random", bars=_CLEAN_BARS),
    "spectral": Row("spectral", bars=_q90(0.1)),
    "noise1": Row(noise=0.01, bars=_q90(1.0, median=0.3, seconds=5.0)),
    "noise5": Row(noise=0.05, bars=_q90(1.5, median=0.8, seconds=20.0)),
    "noise20": Row(noise=0.2, bars=_q90(8.0, median=3.0, seconds=120.0)),
    **{
        f"windows{n}_{x}": Row(
            noise=x / 100, crop=n, group="windows", bars=_q90(limit if x else 0.3)
        )
        for n, limit in _WINDOWS.items()
        for x in (0, 1)
    },
    "blur1": Row(noise=0.01, psf=1.0, bars=_q90(1.0)),
    "coarse2": Row(noise=0.01, cells=2, bars=_q90(1.0)),
    "missing30": Row(noise=0.01, hidden=0.3, bars=_q90(1.0)),
    "bits8": Row(noise=0.01, levels=255, bars=_q90(1.0)),
    "gain": Row(noise=0.01, gain=True, bars=_q90(0.5)),
    "gain_known_dv": Row(noise=0.01, gain=True, held=("Dv",), bars=_q90(0.5)),
    **{
        f"movies{x}": Row(
            "movie", x / 100, starts="random", group="movies", bars=_q90(limit)
        )
        for x, limit in _MOVIES.items()
    },
    **{
        f"models{x}": Row(
            "model", x / 100, starts="random", group="models", bars=_q90(limit)
        )
        for x, limit in _MODELS.items()
    },
    "coverage": Row(
        "preset",
        0.05,
        route="intervals",
        bars={"coverage": 0.92, "coverage_most": 0.99, "coverage_least": 0.85},
    ),
    **{
        f"memory_{name}": dataclasses.replace(
            row, group="memory", bars={"peak": 2.0}, fresh=True
        )
        for name, row in _FITS.items()
    },
    **{
        f"routes_{route}_{x}": Row(noise=x / 100, route=route, group="routes")
        for x in (0, 5)
        for route in ROUTES
    },
}
PRESETS = ("spots", "maze", "holes")


def select(names) -> list[str]:
    """Rows by name, group or what comes before an underscore; "all" is every row."""
    chosen = []
    for name in names:
        found = [
            r
            for r, row in ROWS.items()
            if name in ("all", r, row.group) or r.startswith(f"{name}_")
        ]
        if not found:
            raise ValueError(f"Expected rows among {', '.join(ROWS)}, got {name!r}.")
        chosen += [r for r in found if r not in chosen]
    return chosen


def tasks(name: str, settings: cases.Settings) -> list[dict]:
    """The fits of a row, as JSON-able dicts."""
    row, count, starts = ROWS[name], settings.cases, 1
    if row.group == "memory":
        count = 1
    elif row.group == "routes":
        count = min(count, settings.route_cases)
    elif row.kind == "preset":
        count = settings.draws
    elif row.kind == "model":
        count = len(cases.MODELS) * cases.sets_per_model(settings)
    elif name == "clean_starts":
        starts = settings.starts
    return [
        {"row": name, "case": i, "start": j}
        for i in range(count)
        for j in range(starts)
    ]
