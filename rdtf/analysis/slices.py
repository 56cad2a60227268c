"""What a loss landscape is measured over, and what its numbers depend on."""

import dataclasses
import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

import rdtf
from rdtf.simulation import Simulation
from rdtf.status import InputError
from rdtf.types import State

_LINE_BLOCK = 8  # points of a one-dimensional landscape that run together


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slice:
    """A landscape to measure.

    Attributes:
      simulation: what runs.
      axes: one or two parameters: name -> values `[n]`.
      params: all parameters; those of `axes` are replaced.
      state: initial states, `[S, *grid]` per species, the same for every point.
      target: observed fields `[T, *grid]`.
      observe: the species that is compared.
      losses: names of `rdtf.losses.FEATURES`.
      paired: sample i is compared with target i; otherwise with all targets, mean loss.
      tolerance: of `run_until_steady`; None takes exactly `max_steps` steps.
      max_steps: of every run, at most.
    """

    simulation: Simulation
    axes: Mapping[str, Sequence[float]]
    params: Mapping[str, float]
    state: State
    target: np.ndarray
    observe: str
    losses: tuple[str, ...] = ("power_spectrum",)
    paired: bool = True
    tolerance: float | None = 1e-4
    max_steps: int = 40_000

    def __post_init__(self):
        check_axes(self.simulation.model, self.axes, self.params)
        self.simulation.model.check_species(self.observe)
        grid, target = self.simulation.grid.shape, np.shape(self.target)
        samples = self.state[0].shape[0]
        if target[1:] != grid or (self.paired and target[0] != samples):
            raise InputError(
                f"Expected targets of shape {(samples, *grid)}, got {target}."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def num_points(self) -> int:
        """Points in all."""
        return math.prod(self.shape)

    def rows(self) -> list[list[dict[str, float]]]:
        """The points, row by row; a line is cut into rows of a few points."""
        names = list(self.axes)
        points = [
            dict(zip(names, values, strict=True))
            for values in itertools.product(*self.axes.values())
        ]
        length = self.shape[1] if len(names) == 2 else _LINE_BLOCK
        return [points[i : i + length] for i in range(0, len(points), length)]

    def settings(self) -> dict:
        """All that the numbers depend on, in JSON's terms."""
        simulation, grid = self.simulation, self.simulation.grid
        return {
            "model": simulation.model.name,
            "grid": [list(grid.shape), list(grid.spacing), grid.boundary],
            "scheme": simulation.scheme.name,
            "time_step": simulation.time_step,
            "engine": simulation.engine,
            "axes": {n: [float(x) for x in v] for n, v in self.axes.items()},
            "params": {
                n: float(x) for n, x in self.params.items() if n not in self.axes
            },
            "initial_states": digest(self.state),
            "target": digest([self.target]),
            "observe": self.observe,
            "losses": list(self.losses),
            "paired": self.paired,
            "tolerance": self.tolerance,
            "max_steps": self.max_steps,
            "rdtf_version": rdtf.__version__,
        }


def check_axes(model, axes, params) -> None:
    """Raises InputError unless `axes` are one or two parameters within their bounds."""
    if len(axes) not in (1, 2):
        raise InputError(f"Expected one or two axes, got {len(axes)}.")
    for name, values in axes.items():
        if name not in model.parameters:
            raise InputError(
                f"Expected a parameter of {model.name} among "
                f"{', '.join(model.parameters)} as an axis, got {name!r}."
            )
        for value in values:
            model.check_bounds({**params, name: value})


def largest_params(
    axes: Mapping[str, Sequence[float]], *sets: Mapping[str, float]
) -> dict[str, float]:
    """The largest value of each parameter on the axes and in the sets.

    A time step that is stable there is stable at every point.
    """
    return {n: max([p[n] for p in sets] + list(axes.get(n, ()))) for n in sets[0]}


def digest(arrays: Sequence) -> str:
    """A fingerprint of the bits of some arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]
