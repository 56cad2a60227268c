"""The problems of the inverse benchmark: what each fit is given, and how it is judged."""

import functools
from collections.abc import Mapping

import numpy as np

import rdtf
from benchmarks import inverse_cases as cases
from benchmarks import inverse_rows
from benchmarks import inverse_truths as truths
from rdtf.inverse import FreshPatterns, Problem
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.structure import scalings


def needs(name: str, settings: cases.Settings) -> dict:
    """The truths that a row needs, made if they are not in the cache, by name."""
    kind = inverse_rows.ROWS[name].kind
    if kind == "movie":
        return {"movies": truths.movies(settings)}
    if kind == "model":
        return {n: truths.patterns(settings, n) for n in cases.MODELS}
    return {} if kind == "preset" else {"stills": truths.stills(settings)}


def problem(task: dict, settings: cases.Settings) -> Problem:
    """What the task's fit is given; `truth` is what it is judged by."""
    row = inverse_rows.ROWS[task["row"]]
    rng = cases.generator(settings.seed, task["row"], task["case"], task["start"])
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
        simulation=_simulation("gray_scott", side),
        observe="v",
        fields=pictures,
        start=start,
        held=row.held,
        seed=task["case"],
        truth=truth,
        observation=observation,
        fresh=FreshPatterns(max_steps=settings.max_steps),
    )


def drift(task: dict, settings: cases.Settings) -> dict[str, float]:
    """How far a picture made anew is from steady: its change per unit of time."""
    if inverse_rows.ROWS[task["row"]].kind != "spectral":
        return {}
    return {"drift": truths.refined(settings, task["case"])[1]}


def observe(
    row: inverse_rows.Row, fields: np.ndarray, rng
) -> tuple[np.ndarray, Observation]:
    """Pictures `[1, *pixels]` as the row's camera takes them, with their noise."""
    import scipy.ndimage

    if row.crop:
        top, left = rng.integers(0, np.array(fields.shape[1:]) - row.crop + 1)
        fields = fields[:, top : top + row.crop, left : left + row.crop]
    if row.psf:
        blur = functools.partial(scipy.ndimage.gaussian_filter, mode="wrap", truncate=8)
        fields = blur(fields[0], row.psf)[None]
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
        psf_sigma=row.psf,
        cells_per_pixel=row.cells,
        mask=mask,
        quantum=quantum,
        unknown_gain=row.gain,
        cropped=bool(row.crop),
    )


def judged(
    row: inverse_rows.Row, truth: Mapping, found: Mapping, held=()
) -> dict[str, float]:
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
        known += (*enough, *[n for n, move in moving.items() if move != 0])[:1]
    return known


def model_of(case: int) -> str:
    """The other model that a case is of: they take turns."""
    return list(cases.MODELS)[case % len(cases.MODELS)]


_simulation = functools.cache(cases.simulation)
_model_simulation = functools.cache(cases.model_simulation)
_stills = functools.cache(truths.stills)
_movies = functools.cache(truths.movies)
_patterns = functools.cache(truths.patterns)


def _start(row, task, settings):
    if row.starts == "random":
        return cases.random_start(settings.seed, task["case"], task["start"])
    return dict(cases.DEFAULT_START)


def _field(row, case, settings):
    """(parameters, v)."""
    if row.kind == "preset":
        preset = inverse_rows.PRESETS[case % len(inverse_rows.PRESETS)]
        return cases.GRAY_SCOTT.preset(preset), truths.preset(settings, preset, case)
    made = _stills(settings)
    if row.kind == "spectral":
        return made.of(case), truths.refined(settings, case)[0]
    return made.of(case), made.fields[1, case]


def _movie(row, task, settings, rng):
    made, sim = _movies(settings), _simulation("gray_scott", settings.side)
    case, every = task["case"], cases.EVERY
    state = tuple(made.fields[:, case : case + 1])
    steps = (cases.FRAMES - 1) * every
    frames = sim.rollout(state, made.of(case), steps, every)[1].numpy()
    return Problem(
        simulation=sim,
        observe="v",
        fields=frames + row.noise * frames.std() * rng.standard_normal(frames.shape),
        start=_start(row, task, settings),
        seed=case,
        truth=made.of(case),
        times=float(every) * np.arange(cases.FRAMES),
    )


def _model(row, task, settings, rng):
    name, index = model_of(task["case"]), task["case"] // len(cases.MODELS)
    made, sim = _patterns(settings, name), _model_simulation(name, settings.side // 2)
    truth, held = made.of(index), held_of(name)
    start = cases.random_factors(sim.model.defaults, settings.seed, name, index)
    start |= {n: truth[n] for n in held}
    field = made.fields[sim.model.species.index(cases.MODELS[name]), index][None]
    noise = row.noise * field.std() * rng.standard_normal(field.shape)
    picture = field + noise
    return Problem(
        simulation=sim,
        observe=cases.MODELS[name],
        fields=picture,
        start=start,
        held=held,
        seed=task["case"],
        truth=truth,
    )
