"""How a run ended, with advice, and the errors that a user's input can cause."""

import enum


class Status(enum.IntEnum):
    """How one sample's run ended. A batch never fails for one of its samples."""

    CONVERGED = 0
    NOT_CONVERGED = 1
    LEFT_VALID_RANGE = 2
    NOT_FINITE = 3
    UNIFORM = 4

    @property
    def advice(self) -> str:
        """One line: what it means and what to try."""
        return _SAMPLE_ADVICE[self]

    @property
    def is_invalid(self) -> bool:
        """Whether a state was refused, so that the run ended before it."""
        return self in (Status.LEFT_VALID_RANGE, Status.NOT_FINITE)

    @property
    def label(self) -> str:
        """The status as words, for messages and files."""
        return self.name.lower()


_SAMPLE_ADVICE = {
    Status.CONVERGED: "The largest change per step fell below the tolerance.",
    Status.NOT_CONVERGED: (
        "The pattern still moves at max_steps, or is too far from steady to polish: "
        "raise max_steps or the tolerance; an oscillating, travelling or chaotic "
        "pattern never converges."
    ),
    Status.LEFT_VALID_RANGE: (
        "A step left the model's valid range and was discarded; the state is the last "
        "valid one. Try a smaller time step or other parameters."
    ),
    Status.NOT_FINITE: (
        "A step gave NaN or infinity and was discarded; the state is the last finite "
        "one. Try a smaller time step: see Simulation.stability_ratio."
    ),
    Status.UNIFORM: (
        "The sample came to rest without a pattern: it is uniform. Start from larger "
        "or more patches, or take parameters at which a pattern lives."
    ),
}


class FitStatus(enum.Enum):
    """How a fit ended; the best parameters so far are always kept."""

    CONVERGED = "converged"
    MAX_ITERATIONS = "max_iterations"
    NO_RATE_ACCEPTED = "no_rate_accepted"
    FAILED_START = "failed_start"
    STALLED = "stalled"
    UNEXPLAINED = "unexplained"
    INTERRUPTED = "interrupted"

    @property
    def advice(self) -> str:
        """One line: what it means and what to try."""
        return _FIT_ADVICE[self]


_FIT_ADVICE = {
    FitStatus.CONVERGED: "The fit met its stopping rule.",
    FitStatus.MAX_ITERATIONS: (
        "All iterations were used: continue with --resume and more --iterations."
    ),
    FitStatus.NO_RATE_ACCEPTED: (
        "Every learning rate tried made the simulation fail: lower --learning_rate, "
        "raise --max_steps, or start elsewhere."
    ),
    FitStatus.FAILED_START: (
        "The simulation fails at the starting parameters: start elsewhere, lower "
        "--time_step or raise --max_steps."
    ),
    FitStatus.STALLED: (
        "The fit stopped at a bound or on a plateau: start elsewhere, or check that "
        "the targets are steady patterns of this model."
    ),
    FitStatus.UNEXPLAINED: (
        "No parameters explain the pictures to within their noise: they are not steady "
        "patterns of this model as described; do not believe the parameters. Check "
        "--model, --observe, --pixel_size, --psf_sigma, --cropped and --frame."
    ),
    FitStatus.INTERRUPTED: "The fit was stopped by hand: continue it with --resume.",
}


class InputError(ValueError):
    """Input that cannot be used: expected what, got what, what to do, in one line."""


class StabilityError(InputError):
    """A time step beyond the stability bound of its scheme."""
