"""Speed over grid size, batch and window length: table, JSON and one figure.

    python -m benchmarks.scaling --peer_python PATH --json scaling.json \
        --figure scaling.png

Each contestant runs the one variant that usually is its best.
"""

import dataclasses
import math
import statistics

from absl import app, flags

from benchmarks import cases, common

_FIGURE = flags.DEFINE_string("figure", None, "Also draw all speeds into this PNG.")

_VARIANT = {  # forward, gradient
    "rdtf native": ("tf.function", "tf.function"),
    "rdtf xla": ("tf.function", "tf.function"),
    "c": ("{split}", "{split}, keeps 1 in {root}"),
    "jax": ("scan, pad, unroll 4", "segments, roll, unroll 4"),
}
_CELL_STEPS = {False: 4e7, True: 1e7}  # in one timing, at least
_STEPS = 100  # of a window, where its length is not what varies
_PANELS = {
    "side of the grid (batch 1)": [(1, n, _STEPS) for n in (64, 128, 256, 512, 1024)],
    "batch (128²)": [(batch, 128, _STEPS) for batch in (1, 4, 16, 64)],
    "steps of the window (128², batch 1)": [
        (1, 128, steps) for steps in (10, 100, 1000, 10_000)
    ],
}


def _case(shape, gradient):
    """The case of (batch, side, steps), called often enough to be timed well."""
    case = cases.Case(*shape, gradient=gradient)
    calls = max(1, round(_CELL_STEPS[gradient] / case.cell_steps))
    return dataclasses.replace(case, calls=calls)


def _measure(workers, case):
    """name -> seconds per round."""
    pairs = []
    split = "rows" if case.batch == 1 else "samples"
    for worker in workers:
        template = _VARIANT[worker.name][case.gradient]
        variant = template.format(split=split, root=math.isqrt(case.num_steps))
        worker.ask("prepare", dataclasses.asdict(case))
        worker.ask("first", variant)
        pairs.append((worker, variant))
    names = [worker.name for worker in workers]
    return dict(zip(names, common.alternate(pairs), strict=True))


def _varying(panel):
    """What varies in the points of a panel, as numbers."""
    columns = list(zip(*panel, strict=True))
    return next(column for column in columns if len(set(column)) > 1)


def _draw(results, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        2, 3, figsize=(11, 6.5), sharex="col", sharey="row", layout="constrained"
    )
    for row, gradient in zip(axes, (False, True), strict=True):
        row[0].set_ylabel(
            f"{'gradient' if gradient else 'forward'}, million cell-steps / s"
        )
        for axis, points in zip(row, _PANELS.values(), strict=True):
            _draw_panel(axis, points, gradient, results)
    for axis, label in zip(axes[1], _PANELS, strict=True):
        axis.set_xlabel(label)
    axes[0, 0].legend(frameon=False)
    figure.savefig(path, dpi=150)


def _draw_panel(axis, points, gradient, results):
    runs = [(case := _case(shape, gradient), results[_key(case)]) for shape in points]
    for name in runs[0][1]:
        speeds = [
            common.speed(case, statistics.median(seconds[name]))
            for case, seconds in runs
        ]
        axis.plot(_varying(points), speeds, marker="o", markersize=4, label=name)
    axis.set(xscale="log", yscale="log", xticks=_varying(points))
    axis.set_xticklabels(map(str, _varying(points)))
    axis.minorticks_off()
    axis.grid(alpha=0.3)


def _key(case):
    return f"{'gradient' if case.gradient else 'forward'}, {case}"


def main(_) -> None:
    """Measures, prints and draws."""
    workers, results, table = common.start(*_VARIANT), {}, []
    shapes = dict.fromkeys(shape for points in _PANELS.values() for shape in points)
    for case in [_case(shape, grad) for grad in (False, True) for shape in shapes]:
        results[_key(case)] = seconds = _measure(workers, case)
        medians = [statistics.median(times) for times in seconds.values()]
        table.append([_key(case), *(f"{common.speed(case, t):.0f}" for t in medians)])
    print("Million cell-steps per second.\n")
    names = [worker.name for worker in workers]
    common.report(["case", *names], table, workers, results)
    if _FIGURE.value:
        _draw(results, _FIGURE.value)
    for worker in workers:
        worker.close()


if __name__ == "__main__":
    app.run(main)
