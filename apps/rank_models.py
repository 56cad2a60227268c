"""Which model made these pictures? Fits several and ranks them.

    python -m apps.rank_models --targets=photo.png --scale=0:0.4
    python -m apps.rank_models --targets=mine.npz --observe=v \\
        --models=gray_scott,brusselator

Each model is fitted with each of its species as the observed one, provided that the
others are linear in turn given it. --equations adds a model of your own; --model and
--observe only say how to read an .npz that holds several species. The table gives the
unexplained residual of each fit and, for the best, whether new patterns look alike;
`ranking.json` in the work directory has the parameters too.
"""

from absl import flags

from rdtf import models, storage
from rdtf.models import parameters_text

from . import common, simulation_flags, targets, workdirs

simulation_flags.define_simulation_flags()
workdirs.define_workdir_flags("rank_models")
for module in (targets, simulation_flags, workdirs):
    flags.adopt_module_key_flags(module)
_MODELS = flags.DEFINE_list(
    "models",
    None,
    "Names of the models to fit. Default: all built-in ones of several species that "
    "all diffuse, without cross-diffusion or fourth orders.",
)


def main(argv):
    del argv
    workdir = workdirs.open_workdir("rank_models")
    reader = simulation_flags.model_from_flags()
    chosen = [models.get(name) for name in _MODELS.value or models.pattern_forming()]
    if reader.source is not None:
        chosen.append(reader)
    for model in chosen:
        model.check_plain("leave it out")
    source = targets.Source(reader, parameters_text.full_params(reader, ""))
    common.quiet_tensorflow()
    import tqdm

    from rdtf.inverse import ranking

    simulation, found, observation = source.load()
    ranking.validate(found, observation)
    workdirs.begin(workdir)
    with tqdm.tqdm(desc="ranking models", unit="fit", leave=False) as bar:
        ranked = ranking.rank(
            chosen,
            simulation.grid,
            found.fields[flags.FLAGS.observe],
            observation,
            laplacian=flags.FLAGS.laplacian,
            seed=flags.FLAGS.seed,
            callback=lambda name: bar.set_postfix_str(name) or bar.update(),
        )
    storage.write_json(workdir / "ranking.json", ranking.to_json(ranked))
    print(_table(ranked))
    print(ranking.verdict(ranked))
    print(f"results: {workdir}")
    return 0


def _table(ranked):
    lines = [f"{'model':<20} {'observed':<8} {'residual %':>12} {'new patterns':>13}"]
    words = {True: "alike", False: "not alike", None: "-"}
    for fit in ranked:
        problem, alike = fit.problem, None if fit.check is None else fit.check.passed
        residual = 100.0 * fit.stages[-1].relative_residual
        lines.append(
            f"{problem.model.name:<20} {problem.observe:<8} {residual:>12.4g} "
            f"{words[alike]:>13}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    flags.mark_flag_as_required("targets")
    common.run(main)
