"""The built-in models, one equation per file, and models from the text of equations."""

from rdtf import lazy
from rdtf.models.allen_cahn import ALLEN_CAHN
from rdtf.models.barkley import BARKLEY
from rdtf.models.base import Parameter, ReactionDiffusion, Start
from rdtf.models.brusselator import BRUSSELATOR
from rdtf.models.cahn_hilliard import CAHN_HILLIARD
from rdtf.models.equations_text import from_equations
from rdtf.models.fisher_kpp import FISHER_KPP
from rdtf.models.fitzhugh_nagumo import FITZHUGH_NAGUMO
from rdtf.models.fitzhugh_nagumo_excitable import FITZHUGH_NAGUMO_EXCITABLE
from rdtf.models.gierer_meinhardt import GIERER_MEINHARDT
from rdtf.models.ginzburg_landau import GINZBURG_LANDAU
from rdtf.models.gray_scott import GRAY_SCOTT
from rdtf.models.lambda_omega import LAMBDA_OMEGA
from rdtf.models.lengyel_epstein import LENGYEL_EPSTEIN
from rdtf.models.nagumo import NAGUMO
from rdtf.models.oregonator import OREGONATOR
from rdtf.models.schnakenberg import SCHNAKENBERG
from rdtf.models.shigesada_kawasaki_teramoto import SHIGESADA_KAWASAKI_TERAMOTO
from rdtf.models.swift_hohenberg import SWIFT_HOHENBERG
from rdtf.models.thomas import THOMAS
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
        FITZHUGH_NAGUMO_EXCITABLE,
        THOMAS,
        BARKLEY,
        OREGONATOR,
        LAMBDA_OMEGA,
        GINZBURG_LANDAU,
        ALLEN_CAHN,
        FISHER_KPP,
        NAGUMO,
        SWIFT_HOHENBERG,
        CAHN_HILLIARD,
        SHIGESADA_KAWASAKI_TERAMOTO,
    )
}


def get(name: str) -> ReactionDiffusion:
    """The built-in model of that name; raises InputError if there is none."""
    if name not in MODELS:
        raise InputError(f"Expected a model among {', '.join(MODELS)}, got {name!r}.")
    return MODELS[name]


def pattern_forming() -> list[str]:
    """Names of the built-in models of several species that can make steady patterns."""
    return sorted(
        model.name
        for model in MODELS.values()
        if model.is_plain and len(model.species) > 1
        if all(model.defaults[name] > 0.0 for name in model.diffusivities)
    )


__all__ = [
    "ALLEN_CAHN",
    "BARKLEY",
    "BRUSSELATOR",
    "CAHN_HILLIARD",
    "FISHER_KPP",
    "FITZHUGH_NAGUMO",
    "FITZHUGH_NAGUMO_EXCITABLE",
    "GIERER_MEINHARDT",
    "GINZBURG_LANDAU",
    "GRAY_SCOTT",
    "LAMBDA_OMEGA",
    "LENGYEL_EPSTEIN",
    "MODELS",
    "NAGUMO",
    "OREGONATOR",
    "SCHNAKENBERG",
    "SHIGESADA_KAWASAKI_TERAMOTO",
    "SWIFT_HOHENBERG",
    "THOMAS",
    "Parameter",
    "ReactionDiffusion",
    "Start",
    "from_equations",
    "get",
    "pattern_forming",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
