"""The built-in models, one equation per file."""

from rdtf.models.base import Parameter, ReactionDiffusion, Start
from rdtf.models.brusselator import BRUSSELATOR
from rdtf.models.fitzhugh_nagumo import FITZHUGH_NAGUMO
from rdtf.models.gierer_meinhardt import GIERER_MEINHARDT
from rdtf.models.gray_scott import GRAY_SCOTT
from rdtf.models.lengyel_epstein import LENGYEL_EPSTEIN
from rdtf.models.schnakenberg import SCHNAKENBERG
from rdtf.status import InputError

MODELS = {
    model.name: model
    for model in (
        GRAY_SCOTT,
        FITZHUGH_NAGUMO,
        BRUSSELATOR,
        SCHNAKENBERG,
        GIERER_MEINHARDT,
        LENGYEL_EPSTEIN,
    )
}


def get(name: str) -> ReactionDiffusion:
    """The built-in model of that name; raises InputError if there is none."""
    if name not in MODELS:
        raise InputError(f"Expected a model among {', '.join(MODELS)}, got {name!r}.")
    return MODELS[name]


__all__ = [
    "BRUSSELATOR",
    "FITZHUGH_NAGUMO",
    "GIERER_MEINHARDT",
    "GRAY_SCOTT",
    "LENGYEL_EPSTEIN",
    "MODELS",
    "SCHNAKENBERG",
    "Parameter",
    "ReactionDiffusion",
    "Start",
    "get",
]
