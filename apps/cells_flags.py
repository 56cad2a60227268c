"""Tissue, dynamics and training: flags of cell-fate patterns."""

from absl import flags

from rdtf import names
from rdtf.status import InputError

from . import network_flags, number_lists

_SHAPE = flags.DEFINE_list(
    "shape", ["7"], "Number of cells of a row, or rows,columns of a lattice."
)
_BOUNDARY = flags.DEFINE_enum(
    "boundary",
    "free",
    names.TISSUE_BOUNDARIES,
    "Edges of the tissue. free: a cell at the edge has fewer neighbours; periodic: "
    "opposite edges touch; fixed: cells beyond the edge are held at 0.",
)
_LATTICE = flags.DEFINE_enum(
    "lattice", "square", names.LATTICES, "Lattice of a tissue of rows and columns."
)
_TIME_STEP = flags.DEFINE_float("time_step", 0.01, "Time step dt of the dynamics.")
_STEPS = flags.DEFINE_integer(
    "num_steps", 1000, "Time steps of each replicate in training."
)
_TEST_STEPS = flags.DEFINE_integer(
    "test_steps",
    None,
    "Time steps of each replicate in the final test. Default: --num_steps.",
    1,
)
_TEST_REPLICATES = flags.DEFINE_integer(
    "test_replicates",
    4096,
    "Number of fresh replicates from which the reported utility U is computed.",
)
_NOISE = flags.DEFINE_list(
    "noise",
    ["0.1"],
    "Strength σ of the noise. Of two numbers, training goes geometrically from the "
    "first to the second over its first half.",
)
_METHOD = flags.DEFINE_enum(
    "method",
    "gradient",
    names.LEARNING_METHODS,
    "How the network learns: gradient, evolution ((5 + 15) as published) or cma_es "
    "(the extra cma).",
)
_ESTIMATOR = flags.DEFINE_enum(
    "estimator",
    "bernoulli",
    names.ESTIMATORS,
    "Estimator of the utility for --method=gradient. Of soft fates: bernoulli (exact "
    "entropy, at most 12 cells), kernel, causal (lattices) and straight_through (as "
    "published); score_function estimates the gradient of the exact utility.",
)
_ITERATIONS = flags.DEFINE_integer(
    "iterations", 200, "Number of updates by gradients, or of generations."
)
_REPLICATES = flags.DEFINE_integer(
    "replicates", 64, "Replicates in each iteration of training."
)
_TEMPERATURE = flags.DEFINE_list(
    "temperature",
    ["10"],
    "Temperature T of soft fates, sigmoid(T (s - 1/2)); two numbers as in --noise.",
)
_BANDWIDTH = flags.DEFINE_float(
    "bandwidth", 0.4, "Bandwidth h of the estimators kernel and straight_through."
)
_OPTIMIZER = flags.DEFINE_string("optimizer", "adam", "Name of the Keras optimiser.")
_RATE = flags.DEFINE_list(
    "learning_rate",
    ["1e-2", "1e-3"],
    "Learning rate; of two numbers, from the first to the second along a cosine.",
)
_CLIP = flags.DEFINE_float("clip", 1.0, "Norm to which longer gradients are clipped.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of initial weights and noise.", 0)


def dynamics():
    """The `Dynamics` that the flags describe."""
    from rdtf.cells.dynamics import Dynamics
    from rdtf.cells.tissue import Tissue

    tissue = Tissue(number_lists.whole(_SHAPE, 2), _BOUNDARY.value, _LATTICE.value)
    return Dynamics(tissue, _TIME_STEP.value)


def settings():
    """The `Settings` that the flags describe."""
    from rdtf.cells.training import Settings

    return Settings(
        iterations=_ITERATIONS.value,
        estimator=_ESTIMATOR.value,
        replicates=_REPLICATES.value,
        num_steps=_STEPS.value,
        noise=number_lists.two(_NOISE),
        temperature=number_lists.two(_TEMPERATURE),
        bandwidth=_BANDWIDTH.value,
        optimizer=_OPTIMIZER.value,
        learning_rate=number_lists.two(_RATE),
        clip=_CLIP.value,
        seed=_SEED.value,
    )


def method(made, settings):
    """What `runs.run` runs."""
    from rdtf.cells import evolution, training

    if _METHOD.value == "gradient":
        return training.Gradient(network_flags.network(settings.seed), made, settings)
    strategy = evolution.STRATEGIES[_METHOD.value]
    return evolution.Evolution(network_flags.network, made, settings, strategy)


def test(made, settings):
    """How the result is tested."""
    from rdtf.cells import evaluation, reports

    if _TEST_REPLICATES.value < evaluation.LEAST:
        raise InputError(
            f"Expected --test_replicates from {evaluation.LEAST}, got "
            f"{_TEST_REPLICATES.value}: of fewer, U is biased upward."
        )
    steps = _TEST_STEPS.value or settings.num_steps
    noise = settings.noise[1]
    return reports.Test(
        dynamics=made,
        num_steps=steps,
        noise=noise,
        replicates=_TEST_REPLICATES.value,
        seed=settings.seed,
    )
