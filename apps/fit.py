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

from absl import flags

from rdtf.models import parameters_text
from rdtf.status import FitStatus

from . import common, console, fit_flags, simulation_flags, targets, workdirs

simulation_flags.define_simulation_flags()
workdirs.define_workdir_flags("fit")
for module in (targets, fit_flags, simulation_flags, workdirs):
    flags.adopt_module_key_flags(module)


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
        simulation=simulation,
        observe=flags.FLAGS.observe,
        fields=found.fields[flags.FLAGS.observe],
        start=start,
        held=tuple(known),
        seed=flags.FLAGS.seed,
        observation=observation,
        laplacian=fit_flags.laplacian(),
        times=found.times,
        fresh=fit_flags.fresh(found.metadata),
        truth=found.true_params,
    )
    inverse.routes.validate(problem, settings)
    workdirs.begin(workdir)
    total = settings.optimizer.iterations if settings.route == "bptt" else 100
    lines = console.Console(start, total, problem.fresh.max_steps)
    fit = inverse.solve(problem, settings, lines, workdir, flags.FLAGS.resume)
    fit.save(workdir)
    print(fit.summary())
    print(f"results: {workdir}   traces: tensorboard --logdir {workdir}")
    if fit.status is FitStatus.INTERRUPTED:
        return 130
    return 0 if fit.status in (FitStatus.CONVERGED, FitStatus.MAX_ITERATIONS) else 1


if __name__ == "__main__":
    flags.mark_flag_as_required("targets")
    common.run(main)
