"""Events: a number per sample, watched from frame to frame, that crosses a level.

    t = t₀ + (level - m₀) / (m₁ - m₀) (t₁ - t₀)

is when, m₀ and m₁ being what was measured at the frames before and after. So the error
falls with the square of the distance between frames.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rdtf.recording.frames import Event
from rdtf.status import InputError, Status

Fields = Mapping[str, np.ndarray]

REDUCTIONS: dict[str, Callable] = {
    "mean": np.mean,
    "min": np.min,
    "max": np.max,
    "std": np.std,
}
DIRECTIONS = ("up", "down", "both")
_UNIFORM = 1e-6  # of the rms of s: a contrast below counts as this


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watch:
    """An event to look for; made by `steady`, `extinct` and `threshold`.

    Attributes:
      kind: of the events it finds; no two watches of a run have the same.
      measure: `measure(fields, rates) -> [B]`; `rates()` gives ∂s/∂t by species.
      level: at which the event happens, in the unit of the measure.
      direction: in which the level is crossed: up, down or both.
      stop: whether the sample stops there.
      once: whether a sample has at most one; and if its first frame is already beyond
        the level, this is it.
      status: of a sample that had the event, or None.
    """

    kind: str
    measure: Callable[[Fields, Callable[[], Fields]], np.ndarray]
    level: float
    direction: str
    stop: bool = False
    once: bool = False
    status: Status | None = None


def steady(tolerance: float, relative: bool = True, stop: bool = False) -> Watch:
    """When a sample hardly moves any more; its status becomes CONVERGED.

    Args:
      tolerance: of the rms of ∂s/∂t over that of s minus its mean, over all cells and
        species, in 1 / time: a pattern that grows from noise is not steady, however
        small it is, down to a millionth of s itself; what is more uniform than that is
        measured against this millionth. If not `relative`, of the largest |∂s/∂t| of
        any cell.
      relative: see above.
      stop: whether the sample stops there.
    """
    _check_level("tolerance", tolerance, 0.0)
    measure = _relative_rate if relative else _largest_rate
    return Watch(
        kind="steady",
        measure=measure,
        level=tolerance,
        direction="down",
        stop=stop,
        once=True,
        status=Status.CONVERGED,
    )


def extinct(
    tolerance: float,
    species: str | Sequence[str] | None = None,
    stop: bool = False,
) -> Watch:
    """When a pattern is gone: largest minus smallest value below `tolerance`.

    Args:
      tolerance: in units of the species.
      species: which must be uniform; default all.
      stop: whether the sample stops there.
    """
    _check_level("tolerance", tolerance, 0.0)
    names = [species] if isinstance(species, str) else species

    def measure(fields, rates):
        chosen = [_field(fields, n) for n in (names or fields)]
        return np.max([np.ptp(_cells(f), axis=1) for f in chosen], axis=0)

    return Watch(
        kind="extinct",
        measure=measure,
        level=tolerance,
        direction="down",
        stop=stop,
        once=True,
    )


def threshold(
    quantity: str | Callable[[Fields], np.ndarray],
    level: float,
    direction: str = "both",
    reduce: str = "mean",
    kind: str | None = None,
    stop: bool = False,
) -> Watch:
    """Every time that a number crosses a level.

    Args:
      quantity: a species, of which `reduce` (mean, min, max, std) over the cells is
        taken, or a function of {species: `[B, *grid]`} that gives `[B]`.
      level: in units of the quantity.
      direction: up, down or both.
      reduce: see above.
      kind: name of the events; default `threshold`.
      stop: whether the sample stops at the first.
    """
    _check_level("level", level, -math.inf)
    for value, among in ((direction, DIRECTIONS), (reduce, REDUCTIONS)):
        if value not in among:
            raise InputError(f"Expected one of {', '.join(among)}, got {value!r}.")

    def measure(fields, rates):
        if callable(quantity):
            return quantity(fields)
        return REDUCTIONS[reduce](_cells(_field(fields, quantity)), axis=1)

    return Watch(
        kind=kind or "threshold",
        measure=measure,
        level=level,
        direction=direction,
        stop=stop,
    )


class Watcher:
    """Several watches over one run.

    Raises:
      InputError: if two of them have the same kind.
    """

    def __init__(self, watches: Sequence[Watch]):
        kinds = [watch.kind for watch in watches]
        kinds += [Status.NOT_FINITE.label, Status.NOT_CONVERGED.label]
        double = [kind for i, kind in enumerate(kinds) if kind in kinds[:i]]
        if double:
            raise InputError(
                f"Expected events of different kinds, got {double[0]!r} twice: name "
                "one with kind=."
            )
        self._watches = list(watches)
        self._seen = set()
        self._before = None

    def start(
        self,
        fields: Fields,
        rates: Callable[[], Fields],
        time: float,
        past: Sequence[Event],
    ) -> None:
        """Takes note of a frame whose events are known.

        Args:
          fields: species -> `[B, *grid]`.
          rates: gives ∂s/∂t by species, likewise.
          time: of the frame.
          past: all events up to this frame.
        """
        self._seen = {(event.kind, event.sample) for event in past}
        self._before = (time, self._measured(fields, rates))

    def see(
        self,
        fields: Fields,
        rates: Callable[[], Fields],
        time: float,
        step: int,
        running: np.ndarray,
    ) -> list[tuple[Watch, Event]]:
        """The events of the next frame, each with the watch that found it.

        Args:
          fields: species -> `[B, *grid]`.
          rates: gives ∂s/∂t by species, likewise.
          time: of the frame.
          step: steps taken up to it.
          running: bool `[B]`, the samples that are looked at.
        """
        now = self._measured(fields, rates)
        found = []
        for i, watch in enumerate(self._watches):
            for sample in np.flatnonzero(running):
                value = float(now[i][sample])
                when = self._when(watch, i, sample, time, value)
                if when is not None:
                    event = Event(watch.kind, int(sample), when, step, value)
                    found.append((watch, event))
                    self._seen.add((watch.kind, event.sample))
        self._before = (time, now)
        return found

    def _measured(self, fields, rates):
        return [
            _per_sample(w.measure(fields, rates), len(next(iter(fields.values()))), w)
            for w in self._watches
        ]

    def _when(self, watch, i, sample, time, value):
        """The time of the event, or None."""
        before_time, old = time, math.nan
        if self._before is not None:
            before_time, old = self._before[0], float(self._before[1][i][sample])
        level, seen = watch.level, (watch.kind, sample) in self._seen
        if watch.once:
            happens = not seen and _beyond(value, level, watch.direction)
        else:
            up = old < level <= value and watch.direction != "down"
            down = old > level >= value and watch.direction != "up"
            happens = up or down
        if not happens:
            return None
        share = (level - old) / (value - old) if value != old else 1.0
        if not 0.0 <= share <= 1.0:  # NaN too, as at the first frame
            share = 1.0
        return float(before_time + share * (time - before_time))


def _beyond(value, level, direction):
    return value >= level if direction == "up" else value <= level


def _relative_rate(fields, rates):
    moved = sum(np.mean(_cells(r) ** 2, axis=1) for r in rates().values())
    contrast = sum(np.var(_cells(f), axis=1) for f in fields.values())
    size = sum(np.mean(_cells(f) ** 2, axis=1) for f in fields.values())
    contrast = np.maximum(contrast, _UNIFORM**2 * size)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(moved > 0.0, np.sqrt(moved / contrast), 0.0)


def _largest_rate(fields, rates):
    return np.max([np.abs(_cells(r)).max(axis=1) for r in rates().values()], axis=0)


def _cells(field):
    """`[B, cells]`."""
    return np.reshape(field, (len(field), -1))


def _field(fields, name):
    if name not in fields:
        raise InputError(f"Expected a species among {', '.join(fields)}, got {name!r}.")
    return fields[name]


def _per_sample(values, batch, watch):
    values = np.asarray(values, np.float64)
    if values.shape != (batch,):
        raise InputError(
            f"Expected the quantity of {watch.kind!r} as one number for each of "
            f"{batch} samples, got shape {values.shape}: reduce it over the cells."
        )
    return values


def _check_level(name, value, lowest):
    if not (np.ndim(value) == 0 and np.isfinite(value) and value >= lowest):
        raise InputError(
            f"Expected a finite {name}{f' from {lowest:g}' * (lowest == 0.0)}, got "
            f"{value!r}."
        )
