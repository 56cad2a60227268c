"""How far parameters may be off: intervals and posteriors."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "bootstrap": "intervals",
        "quick": "intervals",
        "sample": "posterior",
    },
)
