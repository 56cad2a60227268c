"""Gray-Scott from snapshots alone: its own terms, and a library with distractors.

    python -m benchmarks.identification --json=FILE --workdir=DIR

256 independent snapshots per seed of seven parameter sets at rest or moving, 64 x 64 cells (96 x
96 of spirals and life). Cosine of the field found to the true one, over the snapshots;
medians, worst and seconds. The maze stands still: untied, and with the two coefficients of
u*v**2 tied.
"""

import json
import pathlib
import statistics
import time

from absl import app, flags

from benchmarks import common
from rdtf import models, patterns
from rdtf.dynamics import libraries, snapshots

_WORKDIR = flags.DEFINE_string("workdir", "runs/identification", "Data sets.")
_SEEDS = flags.DEFINE_list("seeds", ["1", "2", "3"], "Of the data sets.")
_CASES = {  # preset, changes, cells a side
    "waves": ("waves", (), 64),
    ".018/.051": ("waves", (("F", 0.018), ("k", 0.051)), 64),
    ".020/.056": ("waves", (("F", 0.020), ("k", 0.056)), 64),
    ".026/.051": ("waves", (("F", 0.026), ("k", 0.051)), 64),
    "spirals": ("spirals", (), 96),
    "life": ("life", (), 96),
    "maze": ("maze", (), 64),
}
_ONLY = flags.DEFINE_list("cases", list(_CASES), "Which.")
_TIE = "v: u*v**2 = -1 * u: u*v**2"


def _data(name, seed):
    preset, changes, side = _CASES[name]
    path = pathlib.Path(_WORKDIR.value) / f"{name.replace('/', '_')}-{seed}.h5"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        plan = patterns.Plan(
            presets=(preset,),
            num_samples=256,
            shape=(side, side),
            seed=int(seed),
            chunk=64,
            changes=changes,
        )
        patterns.generate(path, plan)
    return patterns.read(path)


def _row(name, seed, kind):
    """What one run gave."""
    data = _data(name, seed)
    if kind.startswith("own"):
        library, _ = libraries.of_model(models.GRAY_SCOTT)
    else:
        library = libraries.monomials(("u", "v"))
    ties = libraries.ties(library, [_TIE]) if kind.endswith("tied") else None
    start = time.perf_counter()
    found = snapshots.identify(data, library, ties, bootstrap=20)
    seconds = time.perf_counter() - start
    row = {"case": name, "seed": seed, "library": kind, "cosine": found.cosine}
    row |= {"gap": found.result.gap, "verdict": found.verdict, "seconds": seconds}
    print(json.dumps(row), flush=True)
    return row


def main(_) -> None:
    """Measures, prints, writes."""
    rows, lines = [], []
    for name in _ONLY.value:
        kinds = ["own", "22 terms"]
        if name == "maze":
            kinds = ["own", "own, tied", "22 terms", "22 terms, tied"]
        for kind in kinds:
            own = [_row(name, seed, kind) for seed in _SEEDS.value]
            rows += own
            cosines, gaps = ([r[key] for r in own] for key in ("cosine", "gap"))
            seconds = statistics.median(r["seconds"] for r in own)
            numbers = [statistics.median(cosines), min(cosines)]
            lines.append(
                [name, kind, *(f"{n:.4f}" for n in numbers)]
                + [f"{statistics.median(gaps):.3f}", f"{seconds:.0f}"]
            )
    print(f"\n{common.machine()}\n")
    common.show(["case", "library", "cosine", "worst", "gap", "s"], lines)
    common.save({"rows": rows})


if __name__ == "__main__":
    app.run(main)
