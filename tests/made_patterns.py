"""Small steady patterns that several tests look at; each is made once."""

import functools

import rdtf
from rdtf import patterns

# (model, observed): (cells a side, tolerance, most steps). Enough for a pattern that a
# fit can tell from a steady one to far better than a tenth of a per cent.
MADE = {
    ("gray_scott", "v"): (32, 1e-6, 30_000),
    ("schnakenberg", "u"): (24, 1e-7, 30_000),
    ("brusselator", "u"): (20, 1e-7, 15_000),
    ("gierer_meinhardt", "a"): (20, 1e-7, 30_000),
    ("fitzhugh_nagumo", "u"): (20, 1e-7, 30_000),
}
SEED_START = {"Du": 0.126928, "Dv": 0.126928, "F": 0.05, "k": 0.05}


def get(simulations, model="gray_scott", boundary="periodic"):
    """(simulation, targets of two samples at the model's defaults)."""
    cells, tolerance, max_steps = next(v for k, v in MADE.items() if k[0] == model)
    time_step = 1.0 if model == "gray_scott" else None
    sim = simulations(model, (cells, cells), boundary, time_step=time_step)
    return sim, _make(sim, tolerance, max_steps)


@functools.cache
def _make(sim, tolerance, max_steps):
    params = sim.model.defaults
    settings = patterns.Settings(tolerance=tolerance, max_steps=max_steps)
    return patterns.make(sim, params, 2, settings)


def elsewhere(model):
    """A start tens of per cent from the defaults, in every parameter."""
    factors = (1.3, 0.8, 1.2, 0.85, 1.15)
    defaults = rdtf.models.get(model).defaults
    return {n: v * f for (n, v), f in zip(defaults.items(), factors, strict=False)}
