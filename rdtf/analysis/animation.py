"""Animations of sweeps: what the frames show, their colours and captions."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from rdtf import viz
from rdtf.analysis import sweeps
from rdtf.simulation import Simulation
from rdtf.status import InputError, Status
from rdtf.types import State

_NOTES = {
    Status.LEFT_VALID_RANGE: "left the valid range by step {}",
    Status.NOT_FINITE: "not finite by step {}",
}


def captions(params: Sequence[Mapping[str, float]], names: Sequence[str]) -> list[str]:
    """One caption per set: its name, and the parameters in which the sets differ."""
    different = [n for n in params[0] if len({p[n] for p in params}) > 1]
    shown = different or list(params[0])
    return [
        " ".join([f"{name}:"] * bool(name) + [f"{n}={p[n]:.5g}" for n in shown])
        for p, name in zip(params, names, strict=True)
    ]


def value_range(frames: Iterator[sweeps.Frame], species: int) -> tuple[float, float]:
    """The smallest and largest value of the healthy sets in all frames."""
    low, high = np.inf, -np.inf
    for frame in frames:
        healthy = np.array([sick is None for sick in frame.sick])
        values = frame.state[species].numpy()[healthy]
        if values.size:
            low, high = min(low, values.min()), max(high, values.max())
    if not low <= high:
        raise InputError(
            "Expected at least one valid initial state: give --vmin and --vmax to see it."
        )
    return (float(low), float(high)) if low < high else (float(low), float(low) + 1.0)


def write(
    path,
    simulation: Simulation,
    state: State,
    params: Sequence[Mapping[str, float]],
    num_steps: int,
    every: int,
    names: Sequence[str] | None = None,
    species: str | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    colormap: str = "magma",
    fps: float = 20.0,
    watch: Callable[[Iterator, str], Iterator] = lambda frames, label: frames,
) -> list[tuple[int, Status] | None]:
    """Writes a GIF with one panel per parameter set, all from one initial state.

    Args:
      path: the GIF.
      simulation, state, params, num_steps, every: see `sweeps.frames`.
      names: of the sets, for the captions.
      species: what is shown; default: the model's last one.
      vmin, vmax: the colour range; what is None is found by a run of its own first, so
        that no frame has to be kept.
      watch: wraps the frames of each run, for a progress bar.

    Returns:
      Per set, when and how it fell ill, or None.
    """
    species = species or simulation.model.species[-1]
    index = simulation.model.check_species(species)
    texts = captions(params, names or [""] * len(params))

    def run(label):
        frames = sweeps.frames(simulation, state, params, num_steps, every)
        return watch(frames, label)

    if vmin is None or vmax is None:
        low, high = value_range(run("colour range"), index)
        vmin, vmax = (low if vmin is None else vmin, high if vmax is None else vmax)
    prepare, shape = _pictures(simulation.grid.shape, num_steps // every + 1)
    draw = viz.PanelFrames(texts, shape, vmin, vmax, colormap, species)
    sick = []

    def pictures():
        for frame in run("frames"):
            notes = [s and _NOTES[s[1]].format(s[0]) for s in frame.sick]
            title = f"{simulation.model.name}, step {frame.step}"
            sick[:] = frame.sick
            yield draw(prepare(frame.state[index].numpy()), title, notes)

    viz.write_gif(path, pictures(), fps)
    return sick


def _pictures(grid, num_frames):
    """(function from fields `[P, *grid]` to pictures `[P, y, x]`, shape of a picture)."""
    if len(grid) == 1:
        height = min(num_frames, grid[0])
        return viz.SpaceTime(height), (height, grid[0])
    return (viz.middle_slice if len(grid) == 3 else np.asarray), grid[-2:]
