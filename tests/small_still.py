"""A steady Gray-Scott pattern on few cells, its noisy picture, and a fit of it."""

import functools

import numpy as np

import rdtf
from rdtf.inverse.noisy import field_fits
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.steady import stills

CELLS = 16
MODEL = rdtf.models.GRAY_SCOTT
GRID = rdtf.Grid((CELLS, CELLS))
TRUTH = MODEL.preset("holes")


@functools.cache
def pattern():
    """v, `[1, 16, 16]`, steady to 1e-7 per step."""
    wave = np.cos(2 * np.pi * np.arange(CELLS) / CELLS)
    rng = np.random.default_rng(0)
    v = 0.2 + 0.1 * wave[:, None] + 0.1 * wave + 0.02 * rng.normal(size=GRID.shape)
    state = (1.0 - 1.5 * v[None], v[None])
    run = rdtf.Simulation(MODEL, GRID, 1.0).run_until_steady(state, TRUTH, 1e-7)
    return run.state[1].numpy()


def picture(noise=0.05, seed=1, count=1):
    """The pattern with white noise, a fraction of its standard deviation."""
    field = np.repeat(pattern(), count, axis=0)
    rng = np.random.default_rng(seed)
    return field + noise * field.std() * rng.normal(size=field.shape)


def prepare(pictures, observation=None, held=()):
    """Stills of pictures."""
    observation = observation or Observation()
    return stills.Stills(MODEL, GRID, "v", pictures, observation, held)


@functools.cache
def fitted(noise=0.05, seed=1):
    """(stills, estimate) of the noisy picture."""
    prepared = prepare(picture(noise, seed))
    return prepared, field_fits.fit_field(prepared, {"second_order": TRUTH})
