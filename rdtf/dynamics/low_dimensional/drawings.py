"""Pictures of experiments on points."""

import numpy as np

from rdtf.dynamics.low_dimensional import data, evaluation
from rdtf.dynamics.low_dimensional.experiments import Experiment
from rdtf.viz import points as pictures

_TITLES = {
    "score": "score",
    "learned": "learned flow",
    "training_free": "K s, training-free",
    "polynomials": "polynomials, moments alone",
}
_RUNS, _DURATION, _STEPS = 3, 20.0, 2000


def draw(path, found: Experiment) -> None:
    """Streamlines in the plane; of Lorenz trajectories, the true ones first."""
    samples = found.points.samples
    if samples.shape[-1] == 2:
        axis = 1.15 * np.abs(samples).max() * np.linspace(-1.0, 1.0, 41)
        x = np.stack(np.meshgrid(axis, axis), -1)
        names = ("score", "learned", "training_free")
        fields = {
            _TITLES[n]: found.fields[n](x.reshape(-1, 2)).reshape(x.shape)
            for n in names
        }
        pictures.plane(path, samples, axis, fields)
        return
    mean, scale = found.points.mean, found.points.scale
    fields = {"truth": lambda x: data.lorenz_rate(mean + scale * x) / scale}
    names = ("polynomials", "learned", "training_free")
    fields |= {_TITLES[name]: found.fields[name] for name in names}
    runs = {
        name: evaluation.trajectories(field, samples[:_RUNS], _DURATION, _STEPS)
        for name, field in fields.items()
    }
    pictures.space(path, samples, runs)
