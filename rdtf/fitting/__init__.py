"""Finding a model's parameters from pictures of its patterns."""

from rdtf import lazy
from rdtf.fitting.bptt import OptimizerSettings, Trainer
from rdtf.fitting.certificates import certify
from rdtf.fitting.checks import Check, check, noise_of, simulate, targets
from rdtf.fitting.problem import Problem, StageResult
from rdtf.fitting.records import Record, Recorder
from rdtf.fitting.routes import Settings, fit, validate
from rdtf.fitting.windows import Windows, WindowSettings

__all__ = [
    "Check",
    "OptimizerSettings",
    "Problem",
    "Record",
    "Recorder",
    "Settings",
    "StageResult",
    "Trainer",
    "WindowSettings",
    "Windows",
    "certify",
    "check",
    "fit",
    "noise_of",
    "simulate",
    "targets",
    "validate",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
