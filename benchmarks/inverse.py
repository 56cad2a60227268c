"""How well and how fast parameters are found from pictures, on truths nobody chose.

    python -m benchmarks.inverse --seed=1 --json=inverse.json
    python -m benchmarks.inverse --seed=1 --json=inverse.json --rows=noise1,movies
    python -m benchmarks.inverse --json=inverse.json --figure=inverse.png

Truths are drawn from `--seed` (`benchmarks.inverse_cases`), put before a camera, and
fitted (`benchmarks.inverse_rows`); errors are the largest of all parameters. Answers are
kept beside `--json` as JSON lines, so that a stopped run goes on where it was.
"""

import dataclasses
import json
import pathlib
import tempfile

from absl import app, flags

from benchmarks import common, inverse_table

_SEED = flags.DEFINE_integer("seed", None, "Draws everything.", lower_bound=0)
_ROWS = flags.DEFINE_list("rows", ["all"], "Names or groups of rows.")
_CASES = flags.DEFINE_integer("cases", 30, "Truths per row.", 1)
_STARTS = flags.DEFINE_integer("starts", 8, "Per truth, of row clean_starts.", 1)
_DRAWS = flags.DEFINE_integer("draws", 100, "Of row coverage.", 1)
_ROUTE_CASES = flags.DEFINE_integer("route_cases", 4, "Truths per route.", 1)
_SIDE = flags.DEFINE_integer("side", 128, "Cells a side.", 16)
_MAX_STEPS = flags.DEFINE_integer("max_steps", 40_000, "Of steady patterns.", 1)
_BPTT = flags.DEFINE_integer("bptt_iterations", 200, "Of the published method.", 1)
_CMA = flags.DEFINE_integer("cma_evaluations", 300, "Of CMA-ES.", 1)
_CACHE = flags.DEFINE_string("cache", None, "Directory of made truths.")
_PROCESSES = flags.DEFINE_integer(
    "processes", 2, "If more than 1, of 1 thread each.", 1
)
_TIMEOUT = flags.DEFINE_float("timeout", 1800.0, "Seconds for one fit.")
_FIGURE = flags.DEFINE_string("figure", None, "Only draw this PNG, from --json.")

_COUNTS = ("cases", "starts", "draws", "route_cases", "cache")  # may differ on resume


def _settings():
    from benchmarks import inverse_cases

    return inverse_cases.Settings(
        seed=_SEED.value,
        cases=_CASES.value,
        starts=_STARTS.value,
        side=_SIDE.value,
        max_steps=_MAX_STEPS.value,
        route_cases=_ROUTE_CASES.value,
        draws=_DRAWS.value,
        bptt_iterations=_BPTT.value,
        cma_evaluations=_CMA.value,
        cache=_CACHE.value or "",
    )


def measure(names: list[str], settings, log) -> dict:
    """Runs what is not in the log; row -> {"summary", "answers"}."""
    import tqdm

    from benchmarks import inverse_pool, inverse_rows

    tasks = {name: inverse_rows.tasks(name, settings) for name in names}
    left = [t for row in tasks.values() for t in row]
    left = [t for t in left if inverse_pool.key(t) not in log.found]
    pool = (left, dataclasses.asdict(settings), _PROCESSES.value, _TIMEOUT.value)
    with tqdm.tqdm(total=len(left), unit="fit") as bar:
        for answer in inverse_pool.answers(*pool):
            log.add(answer)
            bar.set_description(answer["row"])
            bar.update()
    return {
        name: _result([log.found[inverse_pool.key(t)] for t in row])
        for name, row in tasks.items()
    }


def prepare(names: list[str], settings) -> dict[str, str]:
    """Makes the truths of the rows; says and returns how the candidates fared."""
    from benchmarks import inverse_problems

    told = {}
    for name in names:
        for kind, truths in inverse_problems.needs(name, settings).items():
            if kind not in told:
                told[kind] = truths.summary()
                print(f"{kind}: {told[kind]}", flush=True)
    return told


def report(results: dict, rows) -> None:
    """Prints the table, and what failed."""
    lines = [
        inverse_table.line(n, r["summary"], rows[n].bars) for n, r in results.items()
    ]
    common.show(inverse_table.HEADER, lines)
    for name, result in results.items():
        for error in result["summary"]["errors"]:
            print(f"{name}: {error}")


def save(results: dict, log, settings: dict, told: dict) -> None:
    """Writes `--json`: these rows and those measured before."""
    from benchmarks import inverse_rows

    earlier = {}
    for answer in log.found.values():
        if answer["row"] in inverse_rows.ROWS and answer["row"] not in results:
            earlier.setdefault(answer["row"], []).append(answer)
    every = {n: _result(answers) for n, answers in earlier.items()} | results
    every = {n: every[n] for n in inverse_rows.ROWS if n in every}
    path = _json_path()
    if path is not None and path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        told = before["results"]["truths"] | told
    common.save({"settings": settings, "truths": told, "rows": every})


def _result(answers):
    return {"summary": inverse_table.summarise(answers), "answers": answers}


def _json_path():
    return pathlib.Path(flags.FLAGS.json) if flags.FLAGS.json else None


def run() -> None:
    """Measures, prints and writes."""
    from benchmarks import inverse_peers, inverse_pool, inverse_rows

    names = inverse_rows.select(_ROWS.value)
    for name in list(names):
        if lacks := inverse_peers.missing(inverse_rows.ROWS[name].route):
            print(f"{name} is not measured: there is no {lacks}.")
            names.remove(name)
    path = _json_path()
    with tempfile.TemporaryDirectory() as temporary:
        settings = dataclasses.replace(_settings(), cache=_CACHE.value or temporary)
        pathlib.Path(settings.cache).mkdir(parents=True, exist_ok=True)
        measured = dataclasses.asdict(settings)
        measured = {n: v for n, v in measured.items() if n not in _COUNTS}
        log = inverse_pool.Log(path and path.with_suffix(".jsonl"), measured)
        told = prepare(names, settings)
        results = measure(names, settings, log)
    print(f"\n{common.machine()}; seed {settings.seed}, {settings.side}² cells\n")
    report(results, inverse_rows.ROWS)
    save(results, log, measured, told)


def main(_) -> None:
    """Measures, or draws."""
    if _FIGURE.value:
        from benchmarks import inverse_figure

        saved = json.loads(_json_path().read_text(encoding="utf-8"))
        inverse_figure.draw(_FIGURE.value, saved["results"]["rows"])
    elif _SEED.value is None:
        raise app.UsageError("Expected --seed=N, which draws the truths.")
    else:
        run()


if __name__ == "__main__":
    app.run(main)
