"""Flags of every app that trains a velocity: data, pairs, score, gradient descent."""

from absl import flags

flags.DEFINE_list(
    "dataset",
    None,
    "The .h5 data set, or its shards as A,B,...; or a name of points: lorenz, ring, "
    "two_peaks or two_moons. Required.",
)
flags.DEFINE_string(
    "denoiser", None, "The denoiser.keras of apps.train_score that gives the score."
)
flags.DEFINE_integer(
    "num_pairs",
    0,
    "Number of pairs to use, of states or of states with their rates; beside snapshots "
    "they determine the unit of time.",
    0,
)
flags.DEFINE_integer(
    "steps",
    None,
    "Steps of gradient descent. Default: 400; 1000 for data sets of points.",
    20,
)
flags.DEFINE_integer(
    "batch_size",
    None,
    "Samples per step. Default: 8; 32 for an equilibrium flow.",
    2,
)
flags.DEFINE_integer("seed", 0, "Seed of the weights and of gradient descent.", 0)
