"""What a regime is called, and what a verdict holds; see `rdtf.analysis.regimes`."""

import dataclasses
import enum


class Regime(enum.IntEnum):
    """What a pattern does in the long run."""

    HOMOGENEOUS_TRIVIAL = 0
    HOMOGENEOUS_COLLAPSED = 1
    HOMOGENEOUS_EXCITED = 2
    STEADY_PATTERN = 3
    OSCILLATORY = 4
    QUASI_PERIODIC = 5
    TRAVELLING = 6
    CHAOTIC = 7
    TRANSIENT = 8
    INVALID = 9

    @property
    def label(self) -> str:
        """The regime as words, for messages and files."""
        return self.name.lower()

    @property
    def advice(self) -> str:
        """One line: what it means and what to try."""
        return _ADVICE[self]


_ADVICE = {
    Regime.HOMOGENEOUS_TRIVIAL: "The start decayed to the uniform background.",
    Regime.HOMOGENEOUS_COLLAPSED: (
        "A pattern grew first, and then died: try a larger domain or another start."
    ),
    Regime.HOMOGENEOUS_EXCITED: "Uniform, at a state other than the background.",
    Regime.STEADY_PATTERN: "A pattern that no longer changes.",
    Regime.OSCILLATORY: "The same states again and again: see the period.",
    Regime.QUASI_PERIODIC: "Several frequencies without a common period.",
    Regime.TRAVELLING: "A pattern of constant shape that moves: see the speed.",
    Regime.CHAOTIC: (
        "Perturbations grow exponentially: check_artefact tells whether the time step "
        "or the grid makes them."
    ),
    Regime.TRANSIENT: "Still changing at the end of the run: take more steps.",
    Regime.INVALID: (
        "Not finite, or outside the model's valid range: try a smaller time step or "
        "other parameters."
    ),
}

EVIDENCE = (
    "rate",
    "contrast",
    "decay",
    "remaining",
    "settle_time",
    "period",
    "return_distance",
    "line_share",
    "speed",
    "drift_left",
    "shape_change",
    "lyapunov",
    "lyapunov_error",
    "time",
)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The regime of one sample, and why.

    Attributes:
      regime: what it is.
      margin: how many times over the deciding numbers clear their thresholds, at least
        1 and at most 1e6; NaN of TRANSIENT and INVALID.
      evidence: the numbers of `EVIDENCE`, NaN where not measured: rate r and decay μ
        (1 / time), contrast c, `remaining` change (relative to the scale), settle_time
        until that is small if the decay goes on; period (time), return_distance (mean
        square, 1 if unrelated) and line_share of the motion; speed (length / time) and
        drift_left of the drift, shape_change after it (mean square, 1 if unrelated); λ
        and its standard error (1 / time); time of the run.
    """

    regime: Regime
    margin: float
    evidence: dict[str, float]
