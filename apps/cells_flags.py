"""Flags of cell-fate training: the tissue, the dynamics, the method."""

from absl import flags

from rdtf import names
from rdtf.status import InputError

from . import network_flags, number_lists

_SHAPE = flags.DEFINE_list("shape", ["7"], "Cells of a row, or rows,columns.")
_BOUNDARY = flags.DEFINE_enum(
    "boundary", "free", names.TISSUE_BOUNDARIES, "Fixed: held at 0."
)
_LATTICE = flags.DEFINE_enum(
    "lattice", "square", names.LATTICES, "Of rows and columns."
)
_TIME_STEP = flags.DEFINE_float("time_step", 0.01, "dt.")
_STEPS = flags.DEFINE_integer("num_steps", 1000, "Of a replicate in training.")
_TEST_STEPS = flags.DEFINE_integer(
    "test_steps", None, "Of a replicate in the test. Default: as in training.", 1
)
_TEST_REPLICATES = flags.DEFINE_integer(
    "test_replicates", 4096, "Fresh ones, of which U is reported."
)
_NOISE = flags.DEFINE_list(
    "noise", ["0.1"], "σ; two numbers: from the first to the second by half time."
)
_METHOD = flags.DEFINE_enum(
    "method", "gradient", names.LEARNING_METHODS, "How to learn."
)
_ESTIMATOR = flags.DEFINE_enum(
    "estimator",
    "bernoulli",
    names.ESTIMATORS,
    "Of the utility, for gradients.",
)
_ITERATIONS = flags.DEFINE_integer("iterations", 200, "Updates, or generations.")
_REPLICATES = flags.DEFINE_integer("replicates", 64, "In each iteration.")
_TEMPERATURE = flags.DEFINE_list("temperature", ["10"], "T of soft fates; as --noise.")
_BANDWIDTH = flags.DEFINE_float("bandwidth", 0.4, "h of the kernel estimators.")
_OPTIMIZER = flags.DEFINE_string("optimizer", "adam", "Of Keras.")
_RATE = flags.DEFINE_list(
    "learning_rate", ["1e-2", "1e-3"], "From the first to the second along a cosine."
)
_CLIP = flags.DEFINE_float("clip", 1.0, "Largest norm of the gradient.")
_SEED = flags.DEFINE_integer("seed", 0, "Of weights and noise.", 0)


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
