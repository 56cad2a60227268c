"""Networks that learn from patterns: score models, and how good their samples are."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "Condition": "conditions",
        "Denoiser": "denoiser",
        "Settings": "training",
        "evaluate": "evaluation",
        "load": "denoiser",
        "log_likelihood": "likelihood",
        "sample": "samplers",
        "train": "training",
    },
)
