"""Ensembles of final patterns: what is made of which start, chunk by chunk.

Sample `slot` of a preset is the same whoever makes it, in whatever chunk or machine:
its start is drawn by a counter-based generator, keyed by the seed and by preset,
attempt and slot. A start that dies out (a uniform field) is replaced by the next
attempt.
"""

import dataclasses
import functools
import zlib

import numpy as np
import tensorflow as tf

from rdtf import initial_conditions, models
from rdtf.grids import Grid
from rdtf.simulation import Simulation
from rdtf.status import InputError

# Of a sample.
MISSING, MOVING, FROZEN, DEAD = range(4)
LABELS = ("missing", "moving", "frozen", "dead")

UNIFORM = 1e-3  # largest standard deviation of a species that is dead
STILL = 1e-4  # rms of ∂s/∂t below which a pattern is frozen
_UNIFORM_FOR_GOOD = 1e-6  # at half of the steps
MOST_ATTEMPTS = 5  # times the samples of a chunk
STATISTICS = ("mean", "variance", "gradient_energy")  # per species


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A data set to make.

    Attributes:
      presets: of the model.
      num_samples: per preset.
      shape: cells along each axis.
      steps: of each run, at a time step of `time_step` and a spacing of 1, periodic.
      start: a name of `rdtf.initial_conditions.KINDS`.
      seed: of the starts.
      chunk: samples that are made, and written, at once.
      pairs: "rate" for ∂s/∂t, a number of steps for the state after as many, or None.
      frames, every: states after the run, `every` steps apart, the first at its end.
      normalize: whether fields are mapped from [0, 1] to [-1, 1].
      model, time_step, engine: as for `Simulation`.
      changes: (name, value) of parameters that differ from those of the presets.
    """

    presets: tuple[str, ...]
    num_samples: int
    shape: tuple[int, ...]
    steps: int = 10_000
    start: str = "multiple_seeds"
    seed: int = 0
    chunk: int = 512
    pairs: str | int | None = None
    frames: int = 1
    every: int = 1
    normalize: bool = False
    model: str = "gray_scott"
    time_step: float = 1.0
    engine: str = "auto"
    changes: tuple[tuple[str, float], ...] = ()

    def __post_init__(self):
        initial_conditions.check(self.start)
        if len(set(self.presets)) != len(self.presets) or not self.presets:
            raise InputError(
                f"Expected one or several different presets, got {self.presets}."
            )
        for preset in self.presets:
            self.simulation.check_stability(self.params(preset))
        if self.num_samples > _SLOTS:
            raise InputError(
                f"Expected at most {_SLOTS} samples, got {self.num_samples}."
            )

    def __reduce__(self):
        """Without the compiled simulation, for other processes."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return functools.partial(Plan, **own), ()

    @property
    def _model(self):
        return models.get(self.model)

    def params(self, preset: str) -> dict[str, float]:
        """The parameters of one of the presets."""
        params = self._model.preset(preset) | dict(self.changes)
        self._model.check_bounds(params)
        return params

    @functools.cached_property
    def simulation(self) -> Simulation:
        """What runs."""
        return Simulation(
            self._model, Grid(self.shape), self.time_step, engine=self.engine
        )

    @property
    def chunks_per_preset(self) -> int:
        """Chunks are numbered preset by preset."""
        return -(-self.num_samples // self.chunk)

    @property
    def num_chunks(self) -> int:
        """Of the whole data set."""
        return self.chunks_per_preset * len(self.presets)

    def place(self, number: int) -> tuple[int, range]:
        """(index of the preset, its slots) of a chunk."""
        preset, rest = divmod(number, self.chunks_per_preset)
        first = rest * self.chunk
        return preset, range(first, min(first + self.chunk, self.num_samples))


_SLOTS = 2**24


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chunk:
    """Samples of one preset, in the order of their slots.

    Attributes:
      fields: name -> float32 `[n, *grid]`, or `[n, frames, *grid]`: the species, and
        with pairs also species_rate or species_later.
      status: int8 `[n]`, see `LABELS`.
      attempts: int16 `[n]`: starts it took.
      rate: `[n]`, rms of ∂s/∂t over cells and species, 1 / time.
      statistics: `[n, 2, species, STATISTICS]`, at half of the steps and after all.
    """

    fields: dict[str, np.ndarray]
    status: np.ndarray
    attempts: np.ndarray
    rate: np.ndarray
    statistics: np.ndarray


def make_chunk(plan: Plan, number: int) -> Chunk:
    """Makes one chunk; what dies is tried again, on average at most 5 times."""
    index, slots = plan.place(number)
    preset = plan.presets[index]
    chunk = _blank(plan, len(slots))
    left, attempt = np.arange(len(slots)), 0
    while len(left) and (
        attempt == 0 or chunk.attempts.sum() < MOST_ATTEMPTS * len(slots)
    ):
        numbers = [_key(preset, attempt, slots[i]) for i in left]
        alive = _attempt(plan, preset, numbers, chunk, left)
        left, attempt = left[~alive], attempt + 1
    return chunk


def _key(preset, attempt, slot):
    """The number of a start, below 2^63."""
    return (zlib.crc32(preset.encode()) >> 1 << 32) | (attempt << 24) | slot


def field_names(plan: Plan) -> list[str]:
    """The species, and with pairs what they are paired with."""
    species = plan.simulation.model.species
    if not plan.pairs:
        return list(species)
    kind = "rate" if plan.pairs == "rate" else "later"
    return [*species, *(f"{name}_{kind}" for name in species)]


def _blank(plan, count):
    shape = (count, *((plan.frames,) if plan.frames > 1 else ()), *plan.shape)
    species = len(plan.simulation.model.species)
    values = (count, 2, species, len(STATISTICS))
    return Chunk(
        fields={name: np.zeros(shape, np.float32) for name in field_names(plan)},
        status=np.full(count, MISSING, np.int8),
        attempts=np.zeros(count, np.int16),
        rate=np.full(count, np.nan, np.float32),
        statistics=np.full(values, np.nan, np.float32),
    )


def _attempt(plan, preset, numbers, chunk, places):
    """Runs one start per place; which of them live, bool `[len(places)]`."""
    simulation = plan.simulation
    params = plan.params(preset)
    half = plan.steps // 2
    state = initial_conditions.create(
        plan.start,
        simulation.model,
        simulation.grid,
        batch=numbers,
        seed=plan.seed,
        params=params,
    )
    state = simulation.advance(state, params, half)
    before = statistics(simulation, state)
    # What is uniform for good, or not finite, needs no second half.
    going = np.flatnonzero(_spread(state) > _UNIFORM_FOR_GOOD)
    chunk.attempts[places] += 1
    chunk.status[places] = DEAD
    if not len(going):
        return np.zeros(len(places), bool)
    state = tuple(tf.gather(field, going) for field in state)
    state = simulation.advance(state, params, plan.steps - half)
    living = _spread(state) > UNIFORM
    state = tuple(tf.boolean_mask(field, living) for field in state)
    kept = places[going[living]]
    if len(kept):
        chunk.statistics[kept, 0] = before[going[living]]
        chunk.statistics[kept, 1] = statistics(simulation, state)
        _write(plan, params, chunk, kept, state)
    return np.isin(places, kept)


def _write(plan, params, chunk, places, state):
    """Fields, rates and labels of patterns that live; runs on for frames and pairs."""
    simulation = plan.simulation
    species, rates = simulation.model.species, simulation.time_derivative(state, params)
    size = np.sqrt(np.mean([np.mean(r.numpy() ** 2, _axes(r)) for r in rates], 0))
    chunk.rate[places] = size
    chunk.status[places] = np.where(size < STILL, FROZEN, MOVING)
    factor, offset = (2.0, -1.0) if plan.normalize else (1.0, 0.0)
    for frame in range(plan.frames):
        if frame:
            state = simulation.advance(state, params, plan.every)
            rates = simulation.time_derivative(state, params)
        where = (places, frame) if plan.frames > 1 else (places,)
        for name, field in zip(species, state, strict=True):
            chunk.fields[name][where] = factor * field + offset
        if plan.pairs == "rate":
            for name, rate in zip(species, rates, strict=True):
                chunk.fields[f"{name}_rate"][where] = factor * rate
        elif plan.pairs:
            later = simulation.advance(state, params, plan.pairs)
            for name, field in zip(species, later, strict=True):
                chunk.fields[f"{name}_later"][where] = factor * field + offset


def statistics(simulation: Simulation, state) -> np.ndarray:
    """Mean, variance, and mean |∇s|² of each sample, `[n, species, STATISTICS]`."""
    found = []
    for field in state:
        values, axes = field.numpy(), _axes(field)
        energy = sum(
            np.mean((np.roll(values, -1, axis) - values) ** 2, axes) for axis in axes
        )
        found.append([values.mean(axes), values.var(axes), energy])
    return np.moveaxis(np.array(found), -1, 0)


def _spread(state):
    """The largest standard deviation over the species, `[n]`; NaN if not finite."""
    return np.max([np.std(field.numpy(), _axes(field)) for field in state], 0)


def _axes(field):
    return tuple(range(1, field.shape.rank))
