"""What became of the samples of a data set, and whether the ensemble has settled."""

import dataclasses

import numpy as np

from rdtf.patterns import ensembles
from rdtf.patterns.loading import Labels

SETTLED = 3.0  # standard errors

# Cells a side below which a preset of Gray-Scott mostly dies out, and who dies of
# noise.
_LEAST_SIDE = {"life": 96, "spirals": 96}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One preset.

    Attributes:
      preset: its name.
      moving, frozen, dead: samples.
      attempts: starts that all of them took.
      drift: the largest change of a mean statistic over the second half of the run, in
        its standard errors (paired), of living samples; NaN if there are fewer than 2.
      what: which statistic that is.
    """

    preset: str
    moving: int
    frozen: int
    dead: int
    attempts: int
    drift: float
    what: str

    @property
    def text(self) -> str:
        """One line."""
        died = self.attempts - self.moving - self.frozen
        parts = [f"{self.moving} moving", f"{self.frozen} frozen"]
        parts += [f"{died} of {self.attempts} starts died"] * (died > 0)
        parts += [f"{self.dead} samples given up"] * (self.dead > 0)
        if np.isfinite(self.drift):
            state = "settled" if self.drift < SETTLED else "still changes"
            parts.append(f"{state} ({self.what}: {self.drift:.1f} standard errors)")
        return f"{self.preset}: {', '.join(parts)}"


def report(labels: Labels) -> list[Row]:
    """One row per preset."""
    species = labels.metadata["species"]
    names = [f"{s} {k}" for s in species for k in ensembles.STATISTICS]
    rows = []
    for index, preset in enumerate(labels.metadata["presets"]):
        own = labels.preset == index
        status, living = labels.status[own], labels.living[own]
        counts = [(status == kind).sum() for kind in range(len(ensembles.LABELS))]
        half, end = np.moveaxis(labels.statistics[own][living], 1, 0).astype(np.float64)
        drift, what = np.nan, ""
        if living.sum() > 1:
            change = (end - half).reshape(living.sum(), -1)
            error = change.std(0, ddof=1) / np.sqrt(living.sum())
            clear = np.abs(change.mean(0)) / np.maximum(error, 1e-12)
            drift, what = float(clear.max()), names[int(clear.argmax())]
        rows.append(
            Row(
                preset=preset,
                moving=int(counts[ensembles.MOVING]),
                frozen=int(counts[ensembles.FROZEN]),
                dead=int(counts[ensembles.DEAD]),
                attempts=int(labels.attempts[own].sum()),
                drift=drift,
                what=what,
            )
        )
    return rows


def warnings(plan: ensembles.Plan) -> list[str]:
    """What is known to go wrong with a plan, one line each."""
    found = []
    if plan.model != "gray_scott":
        return found
    side = min(plan.shape)
    for preset in plan.presets:
        least = _LEAST_SIDE.get(preset, 0)
        if side < least:
            found.append(
                f"{preset} mostly dies out below {least} cells a side: use a larger "
                "grid."
            )
    if plan.start == "random":
        found.append(
            "Noise dies out for most presets: use --init_pattern=multiple_seeds."
        )
    if plan.steps < 5000:
        found.append(
            f"After {plan.steps} steps most patterns are still transient: 10000 are "
            "usual."
        )
    return found
