"""Running statistics of a run of any length, in the memory of a few frames.

Welford's recurrence (1962, doi:10.1080/00401706.1962.10490022), for frame n:

    d = s - mean,   mean += d / n,   M += d (s - mean),   variance = M / n

Every frame counts the same, however long the time between frames. Frames in which a
stopped sample repeats its last one do not count.
"""

import numpy as np

from rdtf.recording.frames import Frame, Recorder, Run


class Statistics(Recorder):
    """Mean, variance, smallest and largest value over time, per cell and sample.

    Attributes:
      count: int64 `[B]`, frames that counted.
      mean, variance, minimum, maximum: species -> float64 `[B, *grid]`; the variance is
        that of the frames themselves (over n, not n - 1). NaN without a frame.
    """

    def start(self, run: Run) -> None:
        """Forgets what was before."""
        shape = (run.batch, *run.grid)
        self.count = np.zeros(run.batch, np.int64)
        self._column = (-1, *[1] * len(run.grid))
        self.mean, self._squares, self.minimum, self.maximum = (
            {name: np.full(shape, value) for name in run.species}
            for value in (0.0, 0.0, np.nan, np.nan)
        )

    def add(self, frame: Frame) -> None:
        """Takes in the samples that have a frame of their own."""
        self.count += frame.fresh
        fresh = frame.fresh.reshape(self._column)
        count = np.maximum(self.count, 1).reshape(self._column)
        for name, field in frame.fields.items():
            mean, low, high = self.mean[name], self.minimum[name], self.maximum[name]
            distance = np.where(fresh, field - mean, 0.0)
            mean += distance / count
            self._squares[name] += distance * (field - mean)
            np.fmin(low, field, out=low, where=fresh)
            np.fmax(high, field, out=high, where=fresh)

    @property
    def variance(self) -> dict[str, np.ndarray]:
        """See the class."""
        count = np.maximum(self.count, 1).reshape(self._column)
        return {name: squares / count for name, squares in self._squares.items()}


class Series(Recorder):
    """Mean and standard deviation over the cells, frame by frame.

    Two numbers per frame, sample and species are kept. A stopped sample repeats its
    last.
    """

    def start(self, run: Run) -> None:
        """Forgets what was before."""
        self._times = []
        self._means, self._deviations = ({n: [] for n in run.species} for _ in range(2))

    def add(self, frame: Frame) -> None:
        """Takes in every sample."""
        self._times.append(frame.time)
        for name, field in frame.fields.items():
            cells = field.reshape(len(field), -1)
            self._means[name].append(cells.mean(axis=1))
            self._deviations[name].append(cells.std(axis=1))

    @property
    def times(self) -> np.ndarray:
        """float64 `[time]`."""
        return np.array(self._times)

    @property
    def mean(self) -> dict[str, np.ndarray]:
        """species -> float64 `[sample, time]`."""
        return {name: np.stack(rows, axis=1) for name, rows in self._means.items()}

    @property
    def std(self) -> dict[str, np.ndarray]:
        """species -> float64 `[sample, time]`."""
        return {name: np.stack(rows, axis=1) for name, rows in self._deviations.items()}
