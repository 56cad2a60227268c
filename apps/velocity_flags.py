"""Flags of every app that trains a velocity: data, pairs, score, gradient descent."""

from absl import flags

flags.DEFINE_list("dataset", None, "The data set, .h5, or its shards. Required.")
flags.DEFINE_string(
    "denoiser", None, "A trained score, the denoiser.keras of apps.train_score."
)
flags.DEFINE_integer(
    "num_pairs",
    0,
    "How many pairs of states, or states with their rates, are used; beside snapshots "
    "they set the unit of time.",
    0,
)
flags.DEFINE_integer(
    "steps",
    None,
    "Steps of gradient descent. Default: 400; 1000 on points.",
    20,
)
flags.DEFINE_integer(
    "batch_size",
    None,
    "Patterns per step. Default: 8; 32 for an equilibrium flow.",
    2,
)
flags.DEFINE_integer("seed", 0, "Seed of the weights and of gradient descent.", 0)
