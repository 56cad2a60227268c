"""Which regime a pattern ends in.

The rules are in `rdtf.analysis.regimes.classification`.
What runs a simulation is loaded when it is first used, so that the words alone
(`Regime`, `Verdict`) never wait for TensorFlow.
"""

from rdtf import lazy
from rdtf.analysis.regimes.options import Options
from rdtf.analysis.regimes.verdicts import EVIDENCE, Regime, Verdict

__all__ = [
    "EVIDENCE",
    "Check",
    "Options",
    "Regime",
    "Verdict",
    "check_artefact",
    "classify",
]

__getattr__, __dir__ = lazy.attributes(
    __name__,
    dict.fromkeys(("Check", "check_artefact", "classify"), "classification"),
)
