"""How often `rdtf.analysis.regimes` says of Gray-Scott what is published.

    python -m benchmarks.regimes --json=regimes.json
    python -m benchmarks.regimes --json=regimes.json --rows=lambda,"mrob R"

One protocol for all rows, that of Munafo's pages, where most statements come from:
Du = 2e-5, Dv = 1e-5, cells of 1/143, a periodic domain, and as start a few rectangles of
random size, place and values of (u, v) on red. He found that Pearson's single square
misses many patterns. The time step is 1/4: at his 1/2 Euler's error makes one uniform
state oscillate ("mrob B 3"). A domain of 128 cells is .9 wide; his are 3.2, in which much
has not settled after 1e6 time units. Where the statement is about red on blue, the
rectangles lie on the blue state.

Rows that come out undecided run again from the same start for `--again` times as long,
whatever is published of them. The statements are in `benchmarks.regime_cases`. Verdicts
are kept beside `--json` as JSON lines, so that a stopped run goes on where it was.
"""

import pathlib
import time

import numpy as np
import tensorflow as tf
import tqdm
from absl import app, flags

import rdtf
from benchmarks import common, regime_cases
from rdtf import homogeneous, storage
from rdtf.analysis import regimes
from rdtf.storage import row_log

_ROWS = flags.DEFINE_list("rows", [], "Parts of names; default: all rows.")
_SIDE = flags.DEFINE_integer("side", 128, "Cells a side.", 64)
_TIME_STEP = flags.DEFINE_float("time_step", 0.25, "Of Euler's method.", 0.01)
_TIME = flags.DEFINE_float("time", 2e5, "Time units of a run.", 1e3)
_EXPONENT_TIME = flags.DEFINE_float("exponent_time", 3e4, "Of the exponent.", 1e3)
_AGAIN = flags.DEFINE_float("again", 3.0, "Times as long if undecided; 0: not.", 0.0)
_EVERY = flags.DEFINE_integer("every", 50, "Time units between frames.", 1)
_BATCH = flags.DEFINE_integer("batch", 8, "Rows that run at once.", 1)
_SEED = flags.DEFINE_integer("seed", 0, "Of the starts.", 0)

_SPACING = 1.0 / 143.0
_PER_CELL = 16 / 256**2  # rectangles; some 30 % of the cells lie in one
_SIDES = (10, 60)  # of the rectangles, in cells
_VALUES = (1.0, 0.5)  # the largest u and v in a rectangle
_NOISE = 0.01  # relative, as Pearson's, so that no symmetry stays


def start(background, grid: rdtf.Grid, seed: int):
    """Rectangles of random (u, v) on a uniform background, one sample, `[1, *grid]` each.

    Sides, places, and values are uniformly distributed; what comes later covers what was
    there; rectangles go on across the sides of the domain.
    """
    rng = np.random.default_rng(seed)
    fields = np.stack([np.full(grid.shape, value) for value in background])
    for _ in range(round(_PER_CELL * np.prod(grid.shape))):
        sides = rng.integers(*_SIDES, len(grid.shape), endpoint=True)
        corner = [rng.integers(n) for n in grid.shape]
        cells = [
            (first + np.arange(side)) % n
            for first, side, n in zip(corner, sides, grid.shape, strict=True)
        ]
        fields[:, *np.ix_(*cells)] = rng.uniform(0.0, _VALUES)[:, None, None]
    fields *= 1.0 + _NOISE * rng.standard_normal(fields.shape)
    return tuple(tf.constant(field[None]) for field in fields)


def measure(simulation, cases, longer, bar) -> list[dict]:
    """The verdicts on cases that run as one batch, in JSON's terms.

    All lengths are `longer` times those of the flags.
    """
    times = (_TIME.value, _EXPONENT_TIME.value)
    run, exponent = (round(longer * t / _TIME_STEP.value) for t in times)
    shared = {"Du": 2e-5, "Dv": 1e-5}
    own = {"F": [case.feed for case in cases], "k": [case.kill for case in cases]}
    starts = []
    for case in cases:
        background = (1.0, 0.0)
        if case.on_blue:
            point = shared | {"F": case.feed, "k": case.kill}
            background = homogeneous.states(simulation.model, point)[0]  # the least u
        starts.append(start(background, simulation.grid, _SEED.value))
    bar.reset(total=run + exponent)
    begin = time.perf_counter()
    verdicts = regimes.classify(
        simulation,
        shared | {name: tf.constant(v, tf.float64) for name, v in own.items()},
        tuple(tf.concat(fields, 0) for fields in zip(*starts, strict=True)),
        run,
        options=regimes.Options(
            every=round(_EVERY.value / _TIME_STEP.value), exponent_steps=exponent
        ),
        callback=lambda steps, _: bar.update(steps - bar.n),
    )
    seconds = (time.perf_counter() - begin) / len(cases)
    return [
        {
            "name": case.name,
            "regime": verdict.regime.label,
            "margin": verdict.margin,
            "evidence": verdict.evidence,
            "seconds": seconds,
        }
        for case, verdict in zip(cases, verdicts, strict=True)
    ]


def table(rows: list[dict]) -> tuple[list[list[str]], float]:
    """(lines, share of rows that agree)."""
    cases = {case.name: case for case in regime_cases.CASES}
    lines, agree = [], []
    for row in rows:
        case = cases[row["name"]]
        agree.append(row["regime"] in [label.label for label in case.labels])
        exponent = row["evidence"]["lyapunov"]
        lines.append(
            [
                case.name,
                f"{case.feed:g}, {case.kill:g}",
                case.statement,
                row["regime"],
                "" if exponent is None or np.isnan(exponent) else f"{exponent:.2g}",
                "yes" if agree[-1] else "no",
                f"{row['seconds']:.0f}",
            ]
        )
    return lines, float(np.mean(agree))


def complete(kept: dict, log) -> None:
    """Measures what is asked and not kept, then again what stayed undecided."""
    grid = rdtf.Grid((_SIDE.value, _SIDE.value), _SPACING)
    simulation = rdtf.Simulation(rdtf.models.GRAY_SCOTT, grid, _TIME_STEP.value)
    asked = [
        case
        for case in regime_cases.CASES
        if not _ROWS.value or any(part in case.name for part in _ROWS.value)
    ]
    with tqdm.tqdm(unit="step", leave=False, mininterval=1.0) as bar:
        for longer in filter(None, (1.0, _AGAIN.value)):
            left = [case for case in asked if _is_open(kept.get(case.name), longer)]
            for first in range(0, len(left), _BATCH.value):
                batch = left[first : first + _BATCH.value]
                bar.set_description(", ".join(case.name for case in batch))
                for case, row in zip(
                    batch, measure(simulation, batch, longer, bar), strict=True
                ):
                    kept[case.name] = row | {"longer": longer}
                    number = regime_cases.CASES.index(case)
                    log.append({"row": number, **kept[case.name]})


def _is_open(row, longer):
    """Whether a row is not measured, or undecided after a shorter run."""
    if row is None:
        return True
    return row["regime"] == "transient" and row["longer"] < longer


def main(_) -> None:
    """Measures what is asked and not kept; prints and writes all that is kept."""
    if not flags.FLAGS.json:
        raise app.UsageError("Expected --json=FILE, beside which verdicts are kept.")
    log = pathlib.Path(flags.FLAGS.json).with_suffix(".jsonl")
    names = ("side", "time_step", "time", "exponent_time", "every", "seed")
    settings = {name: flags.FLAGS[name].value for name in names}
    log = row_log.RowLog(log, settings)
    kept = {row["name"]: row for row in log.start_numbered(resume=True).values()}
    complete(kept, log)
    rows = [kept[case.name] for case in regime_cases.CASES if case.name in kept]
    lines, share = table(rows)
    print(f"\n{common.machine()}; {_SIDE.value}² cells, {_TIME.value:g} time units\n")
    header = ["case", "F, k", "published", "found", "λ", "agrees", "s"]
    common.show(header, lines)
    print(f"\n{share:.0%} of {len(rows)} rows agree.")
    common.save(
        {"settings": settings, "agreement": share, "rows": storage.jsonable(rows)}
    )


if __name__ == "__main__":
    app.run(main)
