"""The two runs of apps.train_equilibrium: on patterns, and on points."""

from absl import flags

from . import common, training_progress, workdirs


def on_points(workdir):
    """Writes score.keras, velocity.keras, velocity.png and result.json of points."""
    common.quiet_tensorflow()
    from rdtf import storage
    from rdtf.dynamics.low_dimensional import drawings, experiments, training

    values = flags.FLAGS
    settings = training.Settings(steps=values.steps or 1000, seed=values.seed)
    with training_progress.steps(settings.steps) as progress:
        found = experiments.run(
            values.dataset[0],
            settings,
            alpha=values.alpha,
            num_pairs=values.num_pairs,
            symmetric=values.symmetric,
            progress=progress,
        )
    workdirs.begin(workdir)
    for name, network in (("score", found.score), ("velocity", found.velocity)):
        with storage.atomic(workdir / f"{name}.keras") as temporary:
            network.save(temporary)
    drawings.draw(workdir / "velocity.png", found)
    storage.write_json(workdir / "result.json", found.result)
    for name, row in found.result["fields"].items():
        cells = [f"{key} {row[key]:.4f}" for key in ("cosine", "mmd") if key in row]
        print(f"{name:14} {'  '.join(cells)}")
    print(f"results: {workdir}")
    return 0


def on_patterns(workdir):
    """Writes velocity.keras, result.json and TensorBoard traces of patterns."""
    common.quiet_tensorflow()
    import keras

    from rdtf import patterns, storage
    from rdtf.dynamics import equilibrium, noised
    from rdtf.generative import networks

    values = flags.FLAGS
    data = patterns.read(values.dataset)
    denoiser = networks.load(
        values.denoiser, networks.Network, "denoiser", "train_score"
    )
    settings = equilibrium.Settings(
        alpha=0.8 if values.alpha is None else values.alpha,
        epochs=values.epochs,
        batch_size=values.batch_size or 32,
        learning_rate=values.learning_rate,
        schedule=values.schedule,
        gaussian_weight=values.gaussian_weight,
        sym=values.sym,
        probes=values.probes,
        seed=values.seed,
    )
    noised.check(data, denoiser, settings)
    workdirs.begin(workdir)
    traces = keras.callbacks.TensorBoard(workdir / "tensorboard", write_graph=False)
    shown = [traces, training_progress.epochs()]
    velocity, result = noised.train(data, denoiser, settings, workdir, callbacks=shown)
    with storage.atomic(workdir / "velocity.keras") as temporary:
        velocity.save(temporary)
    storage.write_json(workdir / "result.json", result)
    for name in ("trained", "training_free", "random", "oracle"):
        if name in result:
            print(f"{name:14} cosine to the true field: {result[name]['cosine']:.4f}")
    print(f"results: {workdir}   traces: tensorboard --logdir {workdir}")
    return 0
