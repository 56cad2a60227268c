"""Trains a denoiser, and so the score, on a data set of patterns.

    python -m apps.train_score --dataset=data/waves.h5 --workdir=runs/waves

Leaves denoiser.keras (averaged weights), samples.png, denoised.png, result.json and
TensorBoard traces in --workdir. All GPUs share each batch. After Ctrl-C or a kill, the
same command with --resume repeats the unfinished epoch, goes on, and ends at the same
weights. See docs/patterns.md.
"""

import time

from absl import flags

from rdtf.names import CONDITIONS, OBJECTIVES, SIZES

from . import common, training_progress, workdirs

workdirs.define_workdir_flags("train_score")
flags.adopt_module_key_flags(workdirs)
_DATASET = flags.DEFINE_list(
    "dataset", None, "The .h5 data set, or its shards as A,B,.... Required."
)
_SIZE = flags.DEFINE_enum(
    "size",
    "ci",
    SIZES,
    "Size of the network: ci (0.1 million weights), small, mid, base (for a GPU), or "
    "local (which sees 6 cells far).",
)
_OBJECTIVE = flags.DEFINE_enum(
    "objective",
    "edm",
    OBJECTIVES,
    "Training objective. edm: denoising at random levels; flow_matching, "
    "flow_matching_by_transport: the velocity of straight paths; epsilon and "
    "v_prediction: baselines with networks of their own.",
)
_ALPHA = flags.DEFINE_float(
    "alpha", 0.8, "Share ᾱ of the signal of --objective=epsilon.", 1e-3, 0.999
)
_CONDITION = flags.DEFINE_enum(
    "condition",
    "none",
    CONDITIONS,
    "Condition of the network: none, preset (the preset of a pattern) or params (the "
    "parameters in which the presets differ).",
)
_MIXED = flags.DEFINE_bool("mixed_precision", False, "Compute the network in bfloat16.")
_EPOCHS = flags.DEFINE_integer("epochs", 30, "Passes over the data.", 1)
_BATCH = flags.DEFINE_integer("batch_size", 64, "Samples per step.", 1)
_RATE = flags.DEFINE_float(
    "learning_rate", 1e-3, "Highest learning rate; it falls along a cosine.", 0.0
)
_WARMUP = flags.DEFINE_integer(
    "warmup", 500, "Steps of the warm-up, at most a tenth of all.", 0
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of initial weights, order of samples and noise.", 0
)
_CHANNEL = flags.DEFINE_integer(
    "plot_channel", -1, "Index of the species of the pictures; -1 is the last."
)
_EVERY = flags.DEFINE_integer(
    "picture_every", 10, "Number of epochs between pictures.", 1
)


def main(argv):
    """0 once trained."""
    del argv
    workdir = workdirs.open_workdir("train_score")
    common.quiet_tensorflow()
    import tensorflow as tf

    from rdtf import patterns, storage
    from rdtf.generative import conditions, denoiser, reports, training

    data = patterns.read(_DATASET.value)
    samples, names = data.stacked(), data.metadata["species"]
    common.check_channel(_CHANNEL.value, len(names))
    denoiser.check(samples.shape[1:3], _SIZE.value)
    settings = training.Settings(
        epochs=_EPOCHS.value,
        batch_size=_BATCH.value,
        learning_rate=_RATE.value,
        warmup=_WARMUP.value,
        seed=_SEED.value,
        objective=_OBJECTIVE.value,
        alpha=_ALPHA.value,
        size=_SIZE.value,
        precision="mixed_bfloat16" if _MIXED.value else "float32",
    )
    chosen = conditions.CONDITIONS[_CONDITION.value](data)
    several = len(tf.config.list_physical_devices("GPU")) > 1
    workdirs.begin(workdir)
    began = time.monotonic()
    held = samples[training.split(len(samples), settings.held_out, settings.seed)[1]]
    pictures = reports.Pictures(workdir, held, _CHANNEL.value, _EVERY.value)
    trained = training.train(
        samples,
        settings,
        workdir,
        names=names,
        conditions=chosen,
        callbacks=[pictures, training_progress.epochs()],
        strategy=tf.distribute.MirroredStrategy() if several else None,
    )
    trained.save(workdir / "denoiser.keras")
    result = reports.write(workdir, trained, held, _CHANNEL.value)
    result["seconds"] = time.monotonic() - began
    storage.write_json(workdir / "result.json", result)
    print(reports.text(result))
    print(f"results: {workdir}   traces: tensorboard --logdir {workdir}")
    return 0


if __name__ == "__main__":
    flags.mark_flag_as_required("dataset")
    common.run(main)
