"""Trains the gene network of a row or lattice of cells to make patterns reproducibly.

    python -m apps.cells --workdir=runs/cells
    python -m apps.cells --flagfile=flags/cells_score_function.flags

Leaves network.keras, result.json, training.png, function.png, patterns.png,
function.gif and TensorBoard traces in --workdir. The utility U in result.json is that
of --test_replicates fresh replicates. After Ctrl-C or a kill, the same command with
--resume repeats at most 25 iterations, goes on, and ends at the same weights. See
docs/cells.md.
"""

import contextlib
import time

from absl import flags

from rdtf import storage

from . import cells_flags, common, network_flags, workdirs

workdirs.define_workdir_flags("cells")
for module in (cells_flags, network_flags, workdirs):
    flags.adopt_module_key_flags(module)


@contextlib.contextmanager
def watching(total, traces):
    """Yields a callback of `runs.run`: a progress bar, and the traces."""
    from tqdm import tqdm

    with contextlib.closing(traces), tqdm(total=total, leave=False) as bar:

        def update(iteration, record):
            bar.update(iteration + 1 - bar.n)
            bar.set_postfix_str(f"U in training {record['utility']:.3f}", False)
            traces(iteration, record)

        yield update


def main(argv):
    """0 once trained, 1 if the training broke off."""
    del argv
    workdir = workdirs.open_workdir("cells")
    common.quiet_tensorflow()
    from rdtf.cells import reports, runs

    dynamics, settings = cells_flags.dynamics(), cells_flags.settings()
    test = cells_flags.test(dynamics, settings)
    method = cells_flags.method(dynamics, settings)
    workdirs.begin(workdir)
    began, processor = time.monotonic(), time.process_time()
    with watching(settings.iterations, reports.Traces(workdir)) as callback:
        history = runs.run(
            method,
            settings.iterations,
            workdir,
            resume=flags.FLAGS.resume,
            callback=callback,
        )
    found = reports.result(test, history)
    found["seconds"] = time.monotonic() - began
    found["processor_seconds"] = time.process_time() - processor
    with storage.atomic(workdir / "network.keras") as temporary:
        method.network.save(temporary)
    reports.pictures(workdir, test, history, found["utility"])
    storage.write_json(workdir / "result.json", found)
    print(reports.text(found))
    print(f"results: {workdir}   traces: tensorboard --logdir {workdir}")
    return 0 if history.status is not runs.RunStatus.NOT_FINITE else 1


if __name__ == "__main__":
    common.run(main)
