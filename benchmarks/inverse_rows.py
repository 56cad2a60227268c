"""The rows of the inverse benchmark: which problems, by which route, under which bars.

A row is a kind of picture and what is done to it; a task is one fit of a row, named by
case (a truth) and start. `problem` makes a task's `rdtf.fitting.Problem`.
"""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

import rdtf
from benchmarks import inverse_cases as cases
from rdtf.fitting import Problem
from rdtf.inference import scalings
from rdtf.inference.observation import Observation


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
      kind: of truth: "still", "spectral", "movie", "model" or "preset".
      noise: standard deviation over that of the pictures.
      route: of the fit, or a rival of `benchmarks.inverse_rivals`.
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


def needs(name: str, settings: cases.Settings) -> dict:
    """The truths that a row needs, made if they are not in the cache, by name."""
    kind = ROWS[name].kind
    if kind == "movie":
        return {"movies": cases.movies(settings)}
    if kind == "model":
        return {n: cases.patterns(settings, n) for n in cases.MODELS}
    return {} if kind == "preset" else {"stills": cases.stills(settings)}


def problem(task: dict, settings: cases.Settings) -> Problem:
    """What the task's fit is given; `truth` is what it is judged by."""
    row, labels = ROWS[task["row"]], (task["row"], task["case"], task["start"])
    rng = cases.generator(settings.seed, *labels)
    if row.kind == "movie":
        return _movie(row, task, settings, rng)
    if row.kind == "model":
        return _model(row, task, settings, rng)
    truth, field = _field(row, task["case"], settings)
    start = _start(row, task, settings)
    start |= {name: truth[name] for name in row.held}
    pictures, observation = observe(row, field[None], rng)
    side = row.crop or settings.side
    return Problem(
        _simulation("gray_scott", side),
        "v",
        pictures,
        start,
        row.held,
        seed=task["case"],
        truth=truth,
        observation=observation,
        max_steps=settings.max_steps,
    )


def observe(row: Row, fields: np.ndarray, rng) -> tuple[np.ndarray, Observation]:
    """Pictures `[1, *pixels]` as the row's camera takes them, with their noise."""
    import scipy.ndimage

    if row.crop:
        top, left = rng.integers(0, np.array(fields.shape[1:]) - row.crop + 1)
        fields = fields[:, top : top + row.crop, left : left + row.crop]
    if row.psf:
        blurred = scipy.ndimage.gaussian_filter(
            fields[0], row.psf, mode="wrap", truncate=8
        )
        fields = blurred[None]
    if row.cells > 1:
        n = fields.shape[1] // row.cells
        fields = fields.reshape(1, n, row.cells, n, row.cells).mean(axis=(2, 4))
    if row.gain:
        fields = (fields - fields.min()) / (fields.max() - fields.min())
    pictures = fields + row.noise * fields.std() * rng.standard_normal(fields.shape)
    mask, quantum = None, 0.0
    if row.hidden:
        mask = rng.random(pictures.shape) >= row.hidden
        pictures = np.where(mask, pictures, np.nan)
    if row.levels:
        quantum = float(pictures.max()) / row.levels
        pictures = np.round(np.maximum(pictures, 0.0) / quantum) * quantum
    return pictures, Observation(
        row.psf, row.cells, mask, quantum, row.gain, window=bool(row.crop)
    )


def judged(row: Row, truth: Mapping, found: Mapping, held=()) -> dict[str, float]:
    """Errors in % of what the row determines, by name."""
    if row.gain and not row.held:
        truth, found = _ratios(truth), _ratios(found)
    names = [n for n in truth if n not in held]
    return {n: 100.0 * abs(found[n] / truth[n] - 1.0) for n in names}


def _ratios(p):
    return {
        "Du/F": p["Du"] / p["F"],
        "Dv/(F+k)": p["Dv"] / (p["F"] + p["k"]),
        "Dv^2/Du": p["Dv"] ** 2 / p["Du"],
    }


@functools.cache
def held_of(name: str) -> tuple[str, ...]:
    """Parameters to hold so that a still of the model leaves no structural scaling."""
    model, observe, known = rdtf.models.get(name), cases.MODELS[name], ()
    while scalings.scalings(model, observe, False, known):
        enough = scalings.fixing(model, observe, False, known)
        moving = scalings.scalings(model, observe, False, known)[0].parameters
        known += (enough or [n for n, move in moving.items() if move != 0])[:1]
    return known


def model_of(case: int) -> str:
    """The other model that a case is of: they take turns."""
    return list(cases.MODELS)[case % len(cases.MODELS)]


_simulation = functools.cache(cases.simulation)
_model_simulation = functools.cache(cases.model_simulation)
_stills = functools.cache(cases.stills)
_movies = functools.cache(cases.movies)
_patterns = functools.cache(cases.patterns)


def _start(row, task, settings):
    if row.starts == "random":
        return cases.random_start(settings.seed, task["case"], task["start"])
    return dict(cases.DEFAULT_START)


def _field(row, case, settings):
    """(parameters, v)."""
    if row.kind == "preset":
        preset = PRESETS[case % len(PRESETS)]
        return cases.GRAY_SCOTT.preset(preset), cases.preset(settings, preset, case)
    truths = _stills(settings)
    if row.kind == "spectral":
        return truths.of(case), cases.refined(settings, case)[0]
    return truths.of(case), truths.fields[1, case]


def _movie(row, task, settings, rng):
    truths, sim = _movies(settings), _simulation("gray_scott", settings.side)
    case, every = task["case"], cases.EVERY
    state = tuple(truths.fields[:, case : case + 1])
    steps = (cases.FRAMES - 1) * every
    frames = sim.rollout(state, truths.of(case), steps, every)[1].numpy()
    return Problem(
        sim,
        "v",
        frames + row.noise * frames.std() * rng.standard_normal(frames.shape),
        _start(row, task, settings),
        seed=case,
        truth=truths.of(case),
        times=float(every) * np.arange(cases.FRAMES),
    )


def _model(row, task, settings, rng):
    name, index = model_of(task["case"]), task["case"] // len(cases.MODELS)
    truths, sim = _patterns(settings, name), _model_simulation(name, settings.side // 2)
    truth, held = truths.of(index), held_of(name)
    start = cases.random_factors(sim.model.defaults, settings.seed, name, index)
    start |= {n: truth[n] for n in held}
    field = truths.fields[sim.model.species.index(cases.MODELS[name]), index][None]
    noise = row.noise * field.std() * rng.standard_normal(field.shape)
    picture = field + noise
    return Problem(
        sim, cases.MODELS[name], picture, start, held, seed=task["case"], truth=truth
    )
