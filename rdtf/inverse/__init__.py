"""The inverse problem: a model's parameters from pictures of its patterns.

`rdtf.fit` and `rdtf.rank_models` are its verbs. Inside there is a package for each kind
of data: `steady` (clean stills), `noisy`, `cropped`, `movies`, and `simulated` (fits
and checks by simulation); what they share is in `observation`, `solvers`, `starts`,
`structure`, `uncertainty` and `reporting`.
"""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "Check": "simulated.checks",
        "Estimate": "results",
        "Fit": "fits",
        "FreshPatterns": "problem",
        "Intervals": "results",
        "Observation": "observation.camera_settings",
        "OptimizerSettings": "simulated.bptt",
        "Problem": "problem",
        "Settings": "settings",
        "WindowSettings": "simulated.windows",
        "fit": "entry",
        "rank_models": "ranking",
        "solve": "entry",
    },
)
