"""One branch of uniform states over a grid of two parameters."""

import numpy as np

from rdtf.analysis.stability import linear, onsets


class Layer:
    """One branch over the grid, with its test functions, verdicts and growth.

    Args:
      model, params: what it is a branch of.
      axes: (x, y) names -> values `[nx]`, `[ny]`.
      states: `[ny, nx, species]`, NaN where the branch is not.

    Attributes:
      exists: where it is, `[ny, nx]`.
      verdicts: index into `diagrams.VERDICTS`, `[ny, nx]`.
      growth: what ranks branches, the least stable highest; -inf where there is none.
    """

    def __init__(self, model, params, axes, states):
        self.model, self.params, self.axes, self.states = model, params, axes, states
        (x_name, xs), (y_name, ys) = axes.items()
        self.grid = {x_name: xs[None, :], y_name: ys[:, None]}
        here = {**params, **self.grid}
        self.exists = ~np.isnan(states[..., 0])
        polynomials = linear.polynomials(model, here, states)
        matrices = linear.jacobians(model, here, states)[0]
        matrices = np.where(self.exists[..., None, None], matrices, -1.0)
        eigenvalues = np.linalg.eigvals(matrices).real.max(axis=-1)
        real, pair = (linear.lowest(p)[0] for p in polynomials)
        self.tests = {"hopf": polynomials[1][..., 0], "turing": real, "wave": pair}
        if len(model.species) == 1:
            self.tests = {"turing": real}
        waves = np.minimum(real, pair if len(model.species) > 1 else np.inf) < 0
        self.growth = np.where(self.exists, eigenvalues + 1e3 * waves, -np.inf)
        self.verdicts = self._verdicts(eigenvalues, polynomials[0][..., 0] < 0)

    def _verdicts(self, eigenvalues, is_saddle):
        turing = self.tests["turing"] < 0
        wave = self.tests.get("wave", np.full_like(eigenvalues, np.inf)) < 0
        grows = eigenvalues > 0
        verdicts = np.select(
            [
                ~self.exists,
                is_saddle,
                grows & turing,
                grows & (len(self.model.species) > 1),
                grows,
                turing,
                wave,
            ],
            [0, 6, 5, 4, 6, 2, 3],
            default=1,
        )
        return verdicts

    def seeds(self):
        """Yields (system, (z, p)): guesses of points on bifurcation curves."""
        from contourpy import contour_generator

        columns, rows = np.arange(self.exists.shape[1]), np.arange(self.exists.shape[0])
        fields = {"saddle_node": self.exists.astype(float) - 0.5, **self.tests}
        for kind, field in fields.items():
            shown, system = np.ma.masked_invalid(field), onsets.system(self.model, kind)
            if system is None or not shown.count():
                continue
            for line in contour_generator(columns, rows, shown).lines(0.0):
                for vertex in line:
                    guess = self._guess(system, vertex)
                    if guess is not None:
                        yield system, guess

    def _guess(self, system, vertex):
        """(z, p) at a vertex of a contour, with the state of the nearest cell."""
        column, row = vertex
        around = [
            (int(r), int(c))
            for r in (np.floor(row), np.ceil(row))
            for c in (np.floor(column), np.ceil(column))
        ]

        def distance(cell):
            return (cell[0] - row) ** 2 + (cell[1] - column) ** 2

        cell = min(filter(self.exists.item, around), key=distance, default=None)
        if cell is None:
            return None
        params = dict(self.params)
        for (name, values), place in zip(self.axes.items(), vertex, strict=True):
            params[name] = float(np.interp(place, np.arange(len(values)), values))
        return onsets.start(system, self.model, params, self.states[cell])
