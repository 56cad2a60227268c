"""Initial value problems of the work-precision diagram, in NumPy alone.

    brusselator   ∂u/∂t = α ∇²u + f + 1 - 4.4 u + u² v,  ∂v/∂t = α ∇²v + 3.4 u - u² v
                  on the periodic unit square, α = 10, f = 5 in a disc from t = 1.1 on,
                  to t = 11.5: the test problem of SciMLBenchmarks, stiff
    gray_scott    the preset "stripes" from smooth seeds, to t = 1000: not stiff

Both with the second-order Laplacian, so that all solve the same ordinary differential
equations and only their error in time counts. No peer needs rdtf for this file.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Problem:
    """One problem: `rate(state, source)` over segments of constant source.

    Attributes:
      name, cells: along each side; spacing between them.
      diffusivity: per species.
      segments: (end time, source field or 0.0), in order.
      initial: `[2, cells, cells]`.
    """

    name: str
    cells: int
    spacing: float
    diffusivity: tuple[float, float]
    params: dict
    segments: tuple
    initial: np.ndarray

    def reaction(self, u, v, source):
        """R of both species, in plain arithmetic."""
        p = self.params
        uuv = u * u * v if self.name == "brusselator" else u * v * v
        if self.name == "brusselator":
            return p["A"] + source - (p["B"] + 1.0) * u + uuv, p["B"] * u - uuv
        return p["F"] * (1.0 - u) - uuv, uuv - (p["F"] + p["k"]) * v

    def rate(self, state, source):
        """ds/dt `[2, cells, cells]` in NumPy."""
        h2 = self.spacing**2
        reaction = self.reaction(*state, source)
        rates = []
        for d, s, r in zip(self.diffusivity, state, reaction, strict=True):
            around = sum(np.roll(s, o, a) for o in (-1, 1) for a in (0, 1))
            rates.append(d * (around - 4.0 * s) / h2 + r)
        return np.stack(rates)


def create(name: str) -> Problem:
    """brusselator32, brusselator128 or gray_scott128."""
    kind, cells = (
        name.rstrip("0123456789"),
        int(name.lstrip("abcdefghijklmnopqrstuvwxyz_")),
    )
    return {"brusselator": _brusselator, "gray_scott": _gray_scott}[kind](cells)


def _brusselator(cells):
    y, x = np.meshgrid(*[np.arange(cells) / cells] * 2, indexing="ij")
    u, v = 22.0 * (y * (1.0 - y)) ** 1.5, 27.0 * (x * (1.0 - x)) ** 1.5
    disc = 5.0 * ((x - 0.3) ** 2 + (y - 0.6) ** 2 <= 0.1**2)
    return Problem(
        "brusselator",
        cells,
        1.0 / cells,
        (10.0, 10.0),
        {"A": 1.0, "B": 3.4},
        ((1.1, 0.0), (11.5, disc)),
        np.stack([u, v]),
    )


def _gray_scott(cells):
    rng = np.random.default_rng(1)
    y, x = np.meshgrid(*[np.arange(cells)] * 2, indexing="ij")
    seeds = np.zeros((cells, cells))
    for centre in rng.uniform(20.0, cells - 20.0, (12, 2)):
        seeds += np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / 2.0 / 4.0**2)
    seeds = np.minimum(seeds, 1.0)
    return Problem(
        "gray_scott",
        cells,
        1.0,
        (0.16, 0.08),
        {"F": 0.035, "k": 0.06},
        ((1000.0, 0.0),),
        np.stack([1.0 - 0.5 * seeds, 0.4 * seeds]),
    )
