"""The names that flags and settings take, each table once; nothing is imported here.

Flags read these tables before TensorFlow is there. The rooms that implement the names
read them too, or `tests/names_test.py` ties their own tables to these. Names of models,
boundaries, Laplacians and presets are in `rdtf.models`, `rdtf.grids` and
`rdtf.operators.laplacians`, which are light themselves.
"""

# Of two fields: `rdtf.losses.LOSSES` and `rdtf.losses.FEATURES`.
LOSSES = (
    "per_pixel",
    "power_spectrum",
    "windowed_power_spectrum",
    "radial_spectrum",
    "field_statistics",
)
# Of time stepping: `rdtf.schemes.SCHEMES`. Simulations also take "auto".
SCHEMES = (
    "forward_euler",
    "heun",
    "rk4",
    "tsit5",
    "cnab2",
    "sbdf2",
    "strang",
    "etdrk4",
)
# What runs the steps: `rdtf.engines.ENGINES`. Simulations also take "auto".
ENGINES = ("native", "xla")
# When a run that makes a pattern stops.
STOP_RULES = ("steady", "steps")
# Events that can end a recorded run: functions of `rdtf.recording`.
STOPPING_EVENTS = ("steady", "extinct")
# How the runs of a data set start: `rdtf.patterns.Plan`.
DATA_SET_STARTS = ("multiple_seeds", "random", "center_seed")

# From pictures to parameters: `rdtf.inverse.routes`.
ROUTES = ("auto", "residual", "windows", "bptt")
# Of the residual of the steady equation: `rdtf.inverse.steady.residual`.
RESIDUAL_FORMS = ("norm", "integral")
# States in which the windows of route bptt start: `rdtf.inverse.simulated.windows`.
WINDOW_STARTS = ("simulated", "target")
# What a picture of losses compares: a simulation over parameters, or targets in pairs.
HEATMAP_MODES = ("landscape", "targets")

# Of denoisers: `rdtf.generative.denoiser.SIZES`.
SIZES = ("ci", "small", "mid", "base", "local")
# What a denoiser learns: `rdtf.generative.objectives.LOSSES`.
OBJECTIVES = (
    "edm",
    "flow_matching",
    "flow_matching_by_transport",
    "epsilon",
    "v_prediction",
)
# The condition of a denoiser: `rdtf.generative.conditions.CONDITIONS`.
CONDITIONS = ("none", "preset", "params")
# From noise to patterns: `rdtf.generative.samplers.SAMPLERS`.
SAMPLERS = ("heun", "dpm_solver", "euler_maruyama")

# Models of a velocity: `rdtf.dynamics.flows` and `library_flows`.
VELOCITIES = ("local", "library", "unet", "skew")
# What they are learnt from. An equilibrium flow is a model of its own, with an app.
SUPERVISIONS = ("snapshots", "residual", "pairs")
# Data sets of points: `rdtf.dynamics.low_dimensional.data.NAMES`.
POINT_SETS = ("lorenz", "ring", "two_peaks", "two_moons")

# Edges of a tissue of cells, and its neighbourhoods: `rdtf.cells.tissue`.
TISSUE_BOUNDARIES = ("free", "periodic", "fixed")
LATTICES = ("square", "hexagonal")
# How a gene network learns: by gradients, or by `rdtf.cells.evolution.STRATEGIES`.
LEARNING_METHODS = ("gradient", "evolution", "cma_es")
# Of the utility, for gradients: `rdtf.cells.estimators`. Those that differentiate soft
# fates, and one that does not.
SOFT_ESTIMATORS = ("bernoulli", "kernel", "causal", "straight_through")
ESTIMATORS = (*SOFT_ESTIMATORS, "score_function")
# Gene networks at the start of learning: `rdtf.cells.networks.begin`.
NETWORK_STARTS = ("slope", "plain", "dead_zone")
