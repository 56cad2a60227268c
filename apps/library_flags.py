"""The library of terms: flags of apps that find equations."""

from absl import flags

from rdtf.status import InputError

_MODEL = flags.DEFINE_string("model", None, "Model whose terms are the library.")
_TERMS = flags.DEFINE_string(
    "terms", None, "The library, as u: lap(u), u*v**2; v: lap(v), v."
)
_DEGREE = flags.DEFINE_integer(
    "degree",
    3,
    "Largest degree of the monomials that are the library without --model and --terms.",
    1,
)


def check():
    """Raises InputError if flags exclude each other."""
    if _MODEL.value is not None and _TERMS.value is not None:
        raise InputError("Expected --model or --terms, got both.")


def chosen(species):
    """The library that the flags describe, of the equations of species."""
    from rdtf import models
    from rdtf.dynamics import libraries

    check()
    if _MODEL.value is not None:
        return libraries.of_model(models.get(_MODEL.value))[0]
    if _TERMS.value is not None:
        return libraries.parse(_TERMS.value)
    return libraries.monomials(tuple(species), _DEGREE.value)
