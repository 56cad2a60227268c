"""Movies of patterns that move: filters driven by the species that is seen."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "DrivenFilter": "driven_filter",
        "MovieFit": "fits",
        "fit": "fits",
    },
)
