"""What the equations say before any number: elimination, and what stills do not fix."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "Determined": "scalings",
        "Report": "identifiability",
        "determined": "scalings",
        "eliminate": "elimination",
        "report": "identifiability",
    },
)
