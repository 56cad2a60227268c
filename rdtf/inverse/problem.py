"""What is to be fitted: pictures, the simulation that should explain them, a start."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from rdtf.inverse.observation.camera_settings import WHOLE, Observation
from rdtf.operators import laplacians
from rdtf.simulation import Simulation
from rdtf.status import FitStatus, InputError


@dataclasses.dataclass(frozen=True)
class Problem:
    """Observed stills and what may explain them.

    Attributes:
      simulation: model, grid, scheme and time step.
      observe: the species that is seen.
      fields: float64 `[n, *pixels]`, or a movie `[n, time, *pixels]`; a pixel is a cell
        of the grid unless `observation` says otherwise.
      start: all parameters.
      held: parameters that are known and keep their start.
      seed: of every random choice of the fit.
      initial_condition: what simulations start from; None is the model's own.
      tolerance, max_steps: of simulations until steady.
      observation: how the pictures see the pattern.
      laplacian: the one that made them, or "auto" to let the pictures say.
      times: of the frames of a movie, `[time]`; None for stills.
      truth: the parameters that made the fields, where known; never used by a fit.
    """

    simulation: Simulation
    observe: str
    fields: np.ndarray
    start: Mapping[str, float]
    held: tuple[str, ...] = ()
    seed: int = 0
    initial_condition: str | None = None
    tolerance: float = 1e-4
    max_steps: int = 40_000
    truth: Mapping[str, float] | None = None
    observation: Observation = WHOLE
    laplacian: str = "auto"
    times: np.ndarray | None = None

    def __post_init__(self):
        self.simulation.model.check_bounds(self.start)
        self.simulation.model.check_species(self.observe)
        if self.truth is not None:
            self.simulation.model.check_names(self.truth)
        if self.laplacian != "auto":
            laplacians.check(self.simulation.grid, self.laplacian)
        free = set(self.simulation.model.parameters) - set(self.held)
        if not free and not self.observation.unknown_gain:
            raise InputError(
                "Expected some parameter to fit, got all of "
                f"{self.simulation.model.name} as known."
            )
        self._check_fields()

    def _check_fields(self):
        cells = self.observation.cells_per_pixel
        pixels = tuple(n // cells for n in self.simulation.grid.shape)
        frames = () if self.times is None else (len(self.times),)
        if self.fields.shape[1:] != (*frames, *pixels) or not len(self.fields):
            raise InputError(
                f"Expected {'a movie' if frames else 'stills'} "
                f"[sample, {', '.join(map(str, (*frames, *pixels)))}], got shape "
                f"{self.fields.shape}."
            )
        seen = self.fields
        if self.observation.mask is not None:
            seen = seen[np.broadcast_to(self.observation.mask, seen.shape)]
        if not np.isfinite(seen).all():
            raise InputError("Expected finite pictures, got NaN or infinity in them.")
        if seen.std() == 0.0:
            raise InputError("Expected patterns, got pictures that are uniform.")

    @property
    def is_plain(self) -> bool:
        """Whether the pictures are stills of whole fields in the model's units."""
        camera = dataclasses.replace(self.observation, quantum=0.0)
        return self.times is None and camera == WHOLE

    @property
    def index(self) -> int:
        """Of the observed species."""
        return self.simulation.model.species.index(self.observe)


@dataclasses.dataclass(frozen=True)
class StageResult:
    """How one stage of a fit ended.

    Attributes:
      stage: its name.
      params: the best found.
      loss: there.
      status: why it ended.
      iterations: of its optimiser.
      notes: numbers worth keeping, JSON-able.
    """

    stage: str
    params: dict[str, float]
    loss: float
    status: FitStatus
    iterations: int
    notes: dict = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict:
        """For `stages.jsonl`."""
        return dataclasses.asdict(self) | {"status": self.status.value}

    @classmethod
    def from_json(cls, value: dict) -> "StageResult":
        """Of `to_json`."""
        return cls(**value | {"status": FitStatus(value["status"])})
