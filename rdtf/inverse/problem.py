"""What is to be fitted: pictures, the simulation that should explain them, a start."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from rdtf.inverse.observation.camera_settings import WHOLE, Observation
from rdtf.operators import laplacians
from rdtf.simulation import Simulation
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True)
class FreshPatterns:
    """How patterns are simulated from scratch, to check a result or to fit by windows.

    Attributes:
      initial_condition: a name of `rdtf.initial_conditions.KINDS`; None is the model's.
      tolerance: largest change per step at which a pattern counts as steady.
      max_steps: at most so many.
    """

    initial_condition: str | None = None
    tolerance: float = 1e-4
    max_steps: int = 40_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """Pictures, and what may explain them.

    Attributes:
      simulation: model, grid, scheme and time step.
      observe: the species that is observed.
      fields: float64 `[n, *pixels]`, or a movie `[n, time, *pixels]`; a pixel is a cell
        of the grid unless `observation` says otherwise.
      start: all parameters.
      held: parameters that are known and keep their start.
      seed: of every random choice of the fit.
      observation: how the pictures show the pattern.
      laplacian: the one that made them, or "auto" to let the pictures say.
      times: of the frames of a movie, `[time]`; None for stills.
      fresh: how patterns are simulated from scratch.
      truth: the parameters that made the fields, where known; never used by a fit.

    Raises:
      InputError: if the pictures do not fit the grid, are uniform or not finite, a
        parameter is out of its bounds, or nothing is left to fit.
    """

    simulation: Simulation
    observe: str
    fields: np.ndarray
    start: Mapping[str, float]
    held: tuple[str, ...] = ()
    seed: int = 0
    observation: Observation = WHOLE
    laplacian: str = "auto"
    times: np.ndarray | None = None
    fresh: FreshPatterns = FreshPatterns()
    truth: Mapping[str, float] | None = None

    def __post_init__(self):
        self.model.check_bounds(self.start)
        self.model.check_species(self.observe)
        if self.truth is not None:
            self.model.check_names(self.truth)
        if self.laplacian != "auto":
            laplacians.check(self.simulation.grid, self.laplacian)
        stray = sorted(set(self.held) - set(self.model.parameters))
        if stray:
            raise InputError(
                f"Expected known parameters of {self.model.name}, which are "
                f"{', '.join(self.model.parameters)}, got {', '.join(stray)}."
            )
        free = set(self.model.parameters) - set(self.held)
        if not free and not self.observation.unknown_gain:
            raise InputError(
                "Expected some parameter to fit, got all of "
                f"{self.model.name} as known."
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
        observed = self.fields
        if self.observation.mask is not None:
            observed = observed[np.broadcast_to(self.observation.mask, observed.shape)]
        if not np.isfinite(observed).all():
            raise InputError("Expected finite pictures, got NaN or infinity in them.")
        if observed.std() == 0.0:
            raise InputError("Expected patterns, got pictures that are uniform.")

    @property
    def model(self):
        """The `rdtf.models.ReactionDiffusion` of the simulation."""
        return self.simulation.model

    @property
    def is_plain(self) -> bool:
        """Whether the pictures are stills of whole fields in the model's units."""
        camera = dataclasses.replace(self.observation, quantum=0.0)
        return self.times is None and camera == WHOLE

    @property
    def index(self) -> int:
        """Of the observed species."""
        return self.model.species.index(self.observe)
