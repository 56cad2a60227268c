"""The inverse problem: a model's parameters from pictures of its patterns."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "Check": "simulated.checks",
        "Observation": "observation.camera_settings",
        "OptimizerSettings": "simulated.bptt",
        "Problem": "problem",
        "Record": "reporting.recorders",
        "Recorder": "reporting.recorders",
        "Settings": "routes",
        "StageResult": "problem",
        "Trainer": "simulated.bptt",
        "WindowSettings": "simulated.windows",
        "Windows": "simulated.windows",
        "certify": "simulated.certificates",
        "check": "simulated.checks",
        "fit": "routes",
        "noise_of": "simulated.checks",
        "simulate": "simulated.checks",
        "targets": "simulated.checks",
        "validate": "routes",
    },
)
