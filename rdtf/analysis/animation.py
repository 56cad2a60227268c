"""Animations of sweeps: what the frames show, their colours and captions."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from rdtf import viz
from rdtf.analysis import sweeps
from rdtf.status import InputError, Status

_NOTES = {
    Status.LEFT_VALID_RANGE: "left the valid range by step {}",
    Status.NOT_FINITE: "not finite by step {}",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Look:
    """How an animation looks.

    Attributes:
      species: what is shown; default: the model's last one.
      vmin, vmax: the colour range; what is None is found by a run of its own first, so
        that no frame has to be kept.
      colormap: a name that matplotlib knows.
      fps: frames per second.
    """

    species: str | None = None
    vmin: float | None = None
    vmax: float | None = None
    colormap: str = "magma"
    fps: float = 20.0


def captions(params: Sequence[Mapping[str, float]], names: Sequence[str]) -> list[str]:
    """One caption per set: its name, and the parameters in which the sets differ."""
    different = [n for n in params[0] if len({p[n] for p in params}) > 1]
    shown = different or list(params[0])
    return [
        " ".join([f"{name}:"] * bool(name) + [f"{n}={p[n]:.5g}" for n in shown])
        for p, name in zip(params, names, strict=True)
    ]


def value_range(frames: Iterable[sweeps.Frame], species: int) -> tuple[float, float]:
    """The smallest and largest value of the valid sets in all frames."""
    low, high = np.inf, -np.inf
    for frame in frames:
        valid = np.array([reason is None for reason in frame.invalid])
        values = frame.state[species].numpy()[valid]
        if values.size:
            low, high = min(low, values.min()), max(high, values.max())
    if not low <= high:
        raise InputError(
            "Expected at least one valid initial state: give --vmin and --vmax to see "
            "it."
        )
    return (float(low), float(high)) if low < high else (float(low), float(low) + 1.0)


def write(
    path,
    sweep: sweeps.Sweep,
    *,
    names: Sequence[str] | None = None,
    look: Look | None = None,
    watch: Callable[[Iterable, str], Iterable] = lambda frames, label: frames,
) -> list[tuple[int, Status] | None]:
    """Writes a GIF with one panel per parameter set.

    Args:
      path: the GIF.
      sweep: what is shown.
      names: of the sets, for the captions.
      look: species, colours and speed; see `Look`.
      watch: wraps the frames of each run, for a progress bar.

    Returns:
      Per set, the first step at which it was invalid and why, or None.
    """
    look, simulation = look or Look(), sweep.simulation
    species = look.species or simulation.model.species[-1]
    index = simulation.model.check_species(species)
    texts = captions(sweep.params, names or [""] * len(sweep.params))
    vmin, vmax = look.vmin, look.vmax
    if vmin is None or vmax is None:
        low, high = value_range(watch(sweep, "colour range"), index)
        vmin, vmax = (low if vmin is None else vmin, high if vmax is None else vmax)
    prepare, shape = _pictures(simulation.grid.shape, len(sweep))
    draw = viz.PanelFrames(
        texts,
        shape,
        vmin=vmin,
        vmax=vmax,
        colormap=look.colormap,
        label=species,
    )
    invalid = []

    def pictures():
        for frame in watch(sweep, "frames"):
            notes = [s and _NOTES[s[1]].format(s[0]) for s in frame.invalid]
            title = f"{simulation.model.name}, step {frame.step}"
            invalid[:] = frame.invalid
            yield draw(prepare(frame.state[index].numpy()), title, notes)

    viz.write_gif(path, pictures(), look.fps)
    return invalid


def _pictures(grid, num_frames):
    """(function from fields `[P, *grid]` to pictures `[P, y, x]`, their shape)."""
    if len(grid) == 1:
        height = min(num_frames, grid[0])
        return viz.SpaceTime(height), (height, grid[0])
    return (viz.middle_slice if len(grid) == 3 else np.asarray), grid[-2:]
