"""Models as users write them, beside the built-in ones."""

from rdtf import math
from rdtf.models import MODELS, Parameter, ReactionDiffusion


def model_of(name, diffusing, rates, others):
    """A model whose species s diffuse with Ds unless in capitals; `others` besides."""
    names = [*("D" + s for s in diffusing if s.islower()), *others.split()]
    return ReactionDiffusion(
        name=name,
        species=tuple(s.lower() for s in diffusing),
        reaction=rates,
        diffusivity={s: "D" + s for s in diffusing if s.islower()},
        parameters={n: Parameter(1.0, lower=0.0) for n in names},
    )


def _lengyel_epstein(s, p):
    u, v = s
    q = u * v / (1.0 + u * u)
    return p["a"] - u - 4.0 * q, p["b"] * (u - q)


def _fitzhugh(s, p):
    u, v = s
    cubic = u - u**3 / 3.0 - v + p["I"]
    return cubic, p["e"] * (u + p["a"] - p["g"] * v)


def _purwins(s, p):
    u, v, w = s
    cubic = p["l"] * u - u**3 - p["k3"] * v - p["k4"] * w + p["k1"]
    return cubic, (u - v) / p["tau"], (u - w) / p["theta"]


def _hill(s, p):
    u, v = s
    un, kn = u ** p["n"], p["K"] ** p["n"]
    return p["r"] * un / (kn + un) - p["m"] * v, p["a"] * u - v


def _sums(s, p):
    """v and w scale by different functions of a, no powers of one number."""
    u, v, w = s
    slow = (p["a"] + 1.0) * u - p["b"] * w
    return 1.0 - u**2 + p["q"] * v + w, p["a"] * u**2 - v, slow


USER = [
    model_of("lengyel_epstein", "uv", _lengyel_epstein, "a b"),
    model_of("fitzhugh", "uv", _fitzhugh, "e a g I"),
    model_of("purwins", "uvw", _purwins, "l k1 k3 k4 tau theta"),
    model_of("hill", "uv", _hill, "r n K m a"),
    model_of("sums", "uVW", _sums, "a q b"),
    model_of(
        "tanh",
        "uv",
        lambda s, p: (
            p["r"] * math.tanh(p["b"] * s[0]) - s[0] * s[1],
            p["a"] * s[0] - s[1],
        ),
        "r b a",
    ),
    model_of(
        "exp",
        "uv",
        lambda s, p: (
            p["r"] * math.exp(2 * s[1]) - p["q"] * math.exp(s[1]) - s[0],
            p["a"] * math.sqrt(s[0]) - p["b"] * s[1],
        ),
        "r q a b",
    ),
    model_of(
        "redundant",
        "uv",
        lambda s, p: (
            p["r"] * p["q"] * s[1] - s[0] + 1 - s[0] ** 2,
            (p["a"] + p["b"]) * s[0] - s[1],
        ),
        "r q a b unused",
    ),
]
PLAIN = [model for model in MODELS.values() if model.is_plain]
BY_NAME = {model.name: model for model in [*USER, *PLAIN]}
