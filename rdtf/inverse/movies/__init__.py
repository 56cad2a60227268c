"""Movies of patterns that move: filters driven by the observed species."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "DrivenFilter": "driven_filter",
        "fit": "fits",
    },
)
