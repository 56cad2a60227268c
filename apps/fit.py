"""Finds a model's parameters from pictures of its patterns.

    python -m apps.fit --flagfile=gs.flags
    python -m apps.fit --targets=mine.npz --observe=v \\
        --start=Du=0.13,Dv=0.13,F=0.05,k=0.05
    python -m apps.fit --targets=a.png,b.png --observe=v --pixel_size=0.5

--targets is any .npz with an array of the observed species, [sample, y, x], or pictures
(PNG, JPEG, BMP, TIFF, GIF) or videos. An .npz that does not exist is simulated with the
parameters of --truth. The work directory receives result.json (parameters, intervals,
status), trajectory.jsonl (every iteration), TensorBoard events, checkpoints, pictures,
run.flags (which repeats the run) and certificates.json (tests of the gradient of the
first and the last window).
"""

import contextlib
import time

from absl import flags

from rdtf import storage
from rdtf.models import parameters_text
from rdtf.status import FitStatus

from . import common, console, fit_flags, progress, simulation_flags, targets, workdirs

simulation_flags.define_simulation_flags()
workdirs.define_workdir_flags("fit")
for module in (targets, fit_flags, simulation_flags, workdirs):
    flags.adopt_module_key_flags(module)
_HOPELESS = (FitStatus.FAILED_START, FitStatus.INTERRUPTED)
_CHECK = flags.DEFINE_bool(
    "check",
    True,
    "Simulate new patterns with the parameters found and compare them, certify the "
    "gradients, and draw pictures.",
)


def main(argv):
    del argv
    workdir = workdirs.open_workdir("fit")
    model = fit_flags.custom_range(simulation_flags.model_from_flags())
    if flags.FLAGS.route != "bptt":  # the others go by the residual of D ∇²s + R
        model.check_plain("use --route=bptt")
    known = parameters_text.parse_params(flags.FLAGS.known)
    start = parameters_text.full_params(model, flags.FLAGS.start, known=known)
    model = parameters_text.filled(model, start)
    chosen = fit_flags.Chosen()
    source = targets.Source(model, start)
    common.quiet_tensorflow()
    from rdtf import inverse

    settings = chosen.settings()
    simulation, found, observation = source.load()
    problem = inverse.Problem(
        simulation,
        flags.FLAGS.observe,
        found.fields[flags.FLAGS.observe],
        start,
        tuple(known),
        flags.FLAGS.seed,
        flags.FLAGS.initial_condition or found.metadata.get("initial_condition"),
        flags.FLAGS.tolerance,
        flags.FLAGS.max_steps,
        found.true_params,
        observation,
        fit_flags.laplacian(),
        found.times,
    )
    return run(problem, settings, workdir)


def run(problem, settings, workdir):
    """Fits, checks, writes; the exit code."""
    from rdtf import inverse
    from rdtf.inverse.reporting import report
    from rdtf.inverse.simulated import certificates

    inverse.validate(problem, settings)
    workdirs.begin(workdir)
    began = time.monotonic()
    total = settings.optimizer.iterations if settings.route == "bptt" else 100
    lines = console.Console(problem.start, total)
    context = {"engine": problem.simulation.engine}
    recorder = inverse.Recorder(workdir, [lines], context)
    verdict, certified = None, None
    with contextlib.closing(recorder):
        with contextlib.closing(lines):
            stages = inverse.fit(problem, settings, recorder, flags.FLAGS.resume)
        seconds = time.monotonic() - began
        params, status = stages[-1].params, stages[-1].status
        if _CHECK.value and status not in _HOPELESS and report.comparable(problem):
            with progress.steps(problem.max_steps, "checking by simulation") as bar:
                sigma = inverse.noise_of(problem, stages)
                verdict = inverse.check(problem, params, bar, sigma)
            found = verdict.run.state[problem.index][0]
            recorder.pictures(target=inverse.targets(problem)[0], found=found)
            report.pictures(workdir, problem, params, verdict)
            if problem.is_plain:
                certified = inverse.certify(problem, settings, stages)
                value = certificates.to_json(certified)
                storage.write_json(workdir / "certificates.json", value)
    value = report.result(problem, settings.route, stages, verdict, seconds)
    storage.write_json(workdir / "result.json", value)
    print(report.table(problem, stages))
    print(report.summary(stages, verdict, seconds))
    if certified is not None:
        print(certificates.summary(certified))
    print(f"results: {workdir}   traces: tensorboard --logdir {workdir}")
    if status is FitStatus.INTERRUPTED:
        return 130
    return 0 if status in (FitStatus.CONVERGED, FitStatus.MAX_ITERATIONS) else 1


if __name__ == "__main__":
    flags.mark_flag_as_required("targets")
    common.run(main)
