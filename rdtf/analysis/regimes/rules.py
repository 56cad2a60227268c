"""The rules by which a regime is named.

They are stated in `rdtf.analysis.regimes.classification`.
"""

import dataclasses

import numpy as np

from rdtf.analysis.regimes import features, recurrence
from rdtf.analysis.regimes.verdicts import EVIDENCE, Regime, Verdict

UNIFORM = 1e-3  # contrast below which a state is uniform
SETTLED = 1e-2  # further change, relative to the contrast, of what is steady
SAME = 0.03  # distance from the background that is none
GREW = 2.0  # times the first distance from the background: it had grown
MOVED = 1.0  # path of what travels, in correlation lengths
RETURN = 1e-3  # mean square distance to the state a period ago
SUSTAINED = 0.2  # largest |ln| of the power of the motion, half over half
ALIKE = np.log(1.5)  # the same for contrast and rate of chaos
GROWTH = 5.0  # λ times the measured time of chaos
LINES = 0.95  # share of the power in few lines of quasi-periodic motion
SIGMAS = 3.0  # standard errors of λ
DECAY_FIT = 0.9  # R² of an exponential decay
DONE = 1e-4  # times the thresholds: so far below them a run ends early
_LARGEST_MARGIN = 1e6
_ROUNDING = 1e-12  # relative; what is smaller has no trend


@dataclasses.dataclass(frozen=True)
class Open:
    """A sample that needs its largest Lyapunov exponent.

    Attributes:
      evidence: so far.
      has_lines: whether few lines hold its motion, and its power stays.
      stationary: whether contrast and rate do.
    """

    evidence: dict[str, float]
    has_lines: bool
    stationary: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Course:
    """Contrast and rate of one sample up to some frame, and where they lead.

    Attributes:
      times: `[T]`, of the frames.
      contrast, rate: `[T]`, relative to the scale of the species.
      decay: μ of the rate over the second half of the time, in 1 / time.
      fit: R² of this exponential.
      remaining: further change over the horizon, if that goes on.
      future_contrast: the contrast then.
    """

    times: np.ndarray
    contrast: np.ndarray
    rate: np.ndarray
    decay: float
    fit: float
    remaining: float
    future_contrast: float

    @property
    def is_uniform(self) -> bool:
        """Whether it is and stays uniform."""
        return max(self.contrast[-1], self.future_contrast) < UNIFORM

    @property
    def limit(self) -> float:
        """The further change that is none."""
        return SETTLED if self.is_uniform else SETTLED * self.contrast[-1]


def course(record: features.Record, sample: int, horizon: float = 0.0) -> Course:
    """The course of a sample, extrapolated over `horizon`, at least its own time."""
    frames = slice(0, record.count[sample])
    size = features.scale(record, sample)
    times = record.times[frames]
    contrast = _norm(record.spread[sample, frames] / size)
    rate = _norm(record.rate[sample, frames] / size)
    horizon = max(horizon, times[-1])
    late = times >= 0.5 * times[-1]
    decay, fit = _decay(times[late], np.maximum(rate[late], _ROUNDING / horizon))
    fading, _ = _decay(times[late], np.maximum(contrast[late], _ROUNDING))
    future = contrast[-1] * np.exp(np.clip(-fading * horizon, -50.0, 50.0))
    return Course(
        times=times,
        contrast=contrast,
        rate=rate,
        decay=decay,
        fit=fit,
        remaining=rate[-1] * horizon * _mean_exponential(-decay * horizon),
        future_contrast=future,
    )


def finished(record: features.Record, horizon: float) -> np.ndarray:
    """Which samples are so dead or steady that the rest of the run shows nothing new.

    Not before a quarter of the run, since the way to a saddle looks the same.
    """
    done = np.zeros(len(record.count), bool)
    newest = record.count.max()
    if record.times[newest - 1] < 0.25 * horizon:
        return done
    for i in np.flatnonzero((record.count == newest) & ~record.invalid):
        past = course(record, i, horizon)
        steady = past.remaining < DONE * past.limit
        uniform = past.is_uniform and past.contrast[-1] < DONE * UNIFORM
        done[i] = steady and (uniform or not past.is_uniform)
    return done


def decide(
    record: features.Record, sample: int, origin: np.ndarray, interval: float
) -> Verdict | Open:
    """The verdict on a sample without λ, or what there is to go on with.

    Args:
      record: the features of a batch.
      sample: its index.
      origin: the background, `[S]`.
      interval: time between the later frames.
    """
    evidence = dict.fromkeys(EVIDENCE, np.nan)
    evidence["time"] = float(record.times[record.count[sample] - 1])
    if record.invalid[sample]:
        return Verdict(Regime.INVALID, np.nan, evidence)
    past = course(record, sample)
    _note_course(evidence, past)
    if past.remaining < past.limit:
        regime, margin = Regime.STEADY_PATTERN, past.limit / max(past.remaining, 1e-99)
        if past.is_uniform:
            regime = _uniform_regime(record, sample, origin)
            margin = min(margin, UNIFORM / max(past.contrast[-1], 1e-99))
        return Verdict(regime, min(margin, _LARGEST_MARGIN), evidence)
    travelling = _travelling(record, sample, past, evidence)
    return travelling or _decide_by_time(record, sample, past, evidence, interval)


def _travelling(record, sample, past, evidence):
    """The verdict on what is steady in a moving frame; None of anything else."""
    left = np.nanmax(record.drift[sample, :, 0])
    velocity = np.nanmean(record.drift[sample, :, 1:], axis=0)
    changed = record.shape[sample, 1:].max()  # NaN if it was no mere drift
    evidence |= {"drift_left": left, "speed": float(np.linalg.norm(velocity))}
    evidence["shape_change"] = changed
    rate, contrast = past.rate[record.first :], past.contrast[record.first :]
    window = past.times[-1] - record.times[record.first]
    moved = window * np.mean(rate / np.maximum(contrast, UNIFORM))
    clear = [
        features.DRIFT / max(left, 1e-99),
        RETURN / max(changed, 1e-99),
        moved / MOVED,
    ]
    if not min(clear) > 1.0 or np.isnan(changed):
        return None
    return Verdict(Regime.TRAVELLING, min(*clear, _LARGEST_MARGIN), evidence)


def _decide_by_time(record, sample, past, evidence, interval):
    gram = record.gram(sample)
    distances = recurrence.lag_distances(gram)
    lag, distance = recurrence.first_return(distances, RETURN)
    evidence |= {"period": lag * interval, "return_distance": distance}
    evidence["line_share"] = recurrence.line_share(gram)
    sustained = abs(recurrence.growth_of_motion(gram, lag)) < SUSTAINED
    if distance < RETURN and sustained:
        margin = min(RETURN / max(distance, 1e-99), _LARGEST_MARGIN)
        return Verdict(Regime.OSCILLATORY, margin, evidence)
    if past.fit > DECAY_FIT and 0.5 * past.decay * past.times[-1] > 1.0:
        return Verdict(Regime.TRANSIENT, np.nan, evidence)
    stationary = all(
        abs(_later_over_earlier(past.times, x)) < ALIKE
        for x in (past.contrast + UNIFORM, past.rate)
    )
    has_lines = sustained and evidence["line_share"] > LINES
    if not (stationary or has_lines):
        return Verdict(Regime.TRANSIENT, np.nan, evidence)
    return Open(evidence, has_lines, stationary)


def decide_by_exponent(
    open_: Open, value: float, error: float, halves: np.ndarray, duration: float
) -> Verdict:
    """The verdict, once the exponent is known.

    Args:
      open_: the sample.
      value: λ, in 1 / time.
      error: its standard error.
      halves: λ of the first and the second half of the measured time.
      duration: the measured time.
    """
    evidence = open_.evidence | {
        "lyapunov": float(value),
        "lyapunov_error": float(error),
    }
    if not np.isfinite(value):
        return Verdict(Regime.INVALID, np.nan, evidence)
    floor = GROWTH / duration
    positive = min(value, *halves) > floor and value > SIGMAS * error
    if positive and open_.stationary:
        margin = min(value / floor, value / max(SIGMAS * error, 1e-99))
        return Verdict(Regime.CHAOTIC, min(margin, _LARGEST_MARGIN), evidence)
    neutral = value < floor and abs(value) < max(SIGMAS * error, floor)
    if open_.has_lines and neutral:
        margin = (1.0 - LINES) / max(1.0 - evidence["line_share"], 1e-99)
        return Verdict(Regime.QUASI_PERIODIC, min(margin, _LARGEST_MARGIN), evidence)
    return Verdict(Regime.TRANSIENT, np.nan, evidence)


def _note_course(evidence, past):
    limit = past.limit
    settle = 0.0 if past.remaining < limit else np.nan
    if past.decay > 0.0 and past.rate[-1] > 0.0:
        settle = max(np.log(past.rate[-1] / (past.decay * limit)) / past.decay, 0.0)
    evidence |= {
        "rate": float(past.rate[-1]),
        "contrast": float(past.contrast[-1]),
        "decay": float(past.decay),
        "remaining": float(past.remaining),
        "settle_time": float(settle),
    }


def _uniform_regime(record, sample, origin):
    frames = slice(0, record.count[sample])
    away = record.mean[sample, frames] - origin
    square = away**2 + record.spread[sample, frames] ** 2
    distance = _norm(np.sqrt(square) / features.scale(record, sample))
    if distance[-1] > SAME:
        return Regime.HOMOGENEOUS_EXCITED
    if distance.max() > GREW * distance[0]:
        return Regime.HOMOGENEOUS_COLLAPSED
    return Regime.HOMOGENEOUS_TRIVIAL


def _norm(values):
    """Root mean square over the species, the last axis."""
    return np.sqrt(np.mean(values**2, axis=-1))


def _decay(times, values):
    """(μ, R²) of the least-squares fit of values by e^(-μt)."""
    logs = np.log(values)
    t, y = times - times.mean(), logs - logs.mean()
    spread = np.dot(t, t)
    slope = np.dot(t, y) / spread if spread > 0.0 else 0.0
    return -slope, slope**2 * spread / max(np.dot(y, y), features.TINY)


def _mean_exponential(x):
    """(e^x - 1) / x, the mean of e^y for y from 0 to x."""
    x = float(np.clip(x, -1e6, 50.0))
    return np.expm1(x) / x if x else 1.0


def _later_over_earlier(times, values):
    """ln of the mean in the last quarter of the time over that in the third."""
    share = times / times[-1]
    later, earlier = share >= 0.75, (share >= 0.5) & (share < 0.75)
    means = [max(values[part].mean(), features.TINY) for part in (later, earlier)]
    return np.log(means[0] / means[1])
