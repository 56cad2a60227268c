"""Every Laplacian earns its order on every boundary that it supports."""

import itertools
import math

import numpy as np
import pytest
import semi_discrete
import tensorflow as tf
from scipy.optimize import brentq
from scipy.sparse.linalg import LinearOperator, cg

import rdtf
from rdtf import Grid
from rdtf.grids import BOUNDARIES
from rdtf.operators import laplacians, modes
from rdtf.operators.finite_differences import laplacian

REFLECTING = [*BOUNDARIES, "no_flux; periodic", "periodic; no_flux"]
HELD = "dirichlet=1,-.5/robin=2,1,.5,.3"
# Where a field is not a constant along a side, only sides with the value 0 fit it.
OTHERS = {
    "dirichlet": ("dirichlet=.7/dirichlet=-.4", (1.0,)),
    "neumann": ("neumann=.5/neumann=-.3", (1.0,)),
    "robin": ("robin=1,2,.5/robin=3,.5,-1", (1.0,)),
    "species": (HELD, (1.0,)),
    "halves": ("no_flux/dirichlet=.2", (1.0,)),
    "2d_held": (f"{HELD}; periodic", (1.0, 0.8)),
    "2d_slopes": ("neumann=.5,.1/neumann=-.3,.2; neumann=.2/no_flux", (1.0, 1.3)),
    "2d_zero": ("dirichlet; robin=1,2,0", (0.7, 1.0)),
    "3d_held": (f"periodic; no_flux; {HELD}", (1.0, 0.8, 1.2)),
    "3d_zero": ("robin=1,1,0/dirichlet; periodic; dirichlet/no_flux", (1.0, 1.2, 0.9)),
}


def _centres(grid):
    """Coordinates of the cells, one array per axis, shaped to broadcast."""
    lines = [h * (np.arange(n) + 0.5) for n, h in zip(grid.shape, grid.spacing)]
    return np.meshgrid(*lines, indexing="ij", sparse=True)


def _wave(grid):
    """exp of a wave along each axis that fits its boundary, and its Laplacian."""
    exponent = slope_squared = curvature = 0.0
    for axis, x in enumerate(_centres(grid)):
        length = grid.shape[axis] * grid.spacing[axis]
        mirrored = grid.is_mirrored[axis]
        k, phase = (np.pi / length, 0.0) if mirrored else (2 * np.pi / length, 0.4)
        size = 0.3 - 0.07 * axis
        exponent = exponent + size * np.cos(k * x + phase)
        slope_squared = slope_squared + (size * k * np.sin(k * x + phase)) ** 2
        curvature = curvature - size * k**2 * np.cos(k * x + phase)
    field = np.exp(exponent)
    return field, field * (slope_squared + curvature)


def _error(shape, lengths, boundary, kind):
    spacing = tuple(length / n for length, n in zip(lengths, shape, strict=True))
    grid = Grid(shape, spacing, boundary)
    field, exact = _wave(grid)
    got = laplacian(tf.constant(field[np.newaxis]), grid, kind)
    return np.sqrt(np.mean((got - exact) ** 2))


def _shapes(ndim, kind):
    """(coarse and fine shapes, their ratio, lengths); compact has equal spacings."""
    if kind == "compact":
        return ((16, 24), (24, 36)), 1.5, (2.0, 3.0)
    if ndim == 1:
        return ((60,), (120,)), 2.0, (2.0,)
    shapes = ((16, 20), (24, 30)) if ndim == 2 else ((12, 14, 16), (18, 21, 24))
    return shapes, 1.5, (2.0, 3.0, 1.7)[:ndim]


@pytest.mark.parametrize(
    "ndim, kind",
    [(d, k) for d in (1, 2, 3) for k in laplacians.LAPLACIANS if k != "compact"]
    + [(2, "compact")],
)
def test_order_where_waves_fit(ndim, kind):
    """Spectral has all digits where the others have some."""
    orders = {"second_order": 2, "fourth_order": 4, "sixth_order": 6, "compact": 4}
    for text in REFLECTING if ndim > 1 else BOUNDARIES:
        boundary = f"{text}; no_flux" if ndim == 3 and ";" in text else text
        shapes, ratio, lengths = _shapes(ndim, kind)
        coarse, fine = (_error(shape, lengths, boundary, kind) for shape in shapes)
        if kind == "spectral":
            few = _error((4, 5, 4)[:ndim], lengths, boundary, kind)
            assert fine < 1e-10 and few > 1e5 * fine, (boundary, few, fine)
        else:
            order = np.log(coarse / fine) / np.log(ratio)
            assert order == pytest.approx(orders[kind], abs=0.2), (boundary, order)


def _fitting(sides, length, seed, given):
    """(f, f', f'') of a smooth function that meets the conditions of both sides.

    `given` are the right-hand sides. None of them, and periodic: a wave.
    """
    if sides is None:
        k = 2 * np.pi / length
        return (
            lambda x: 1.0 + 0.5 * np.cos(k * x + seed),
            lambda x: -0.5 * k * np.sin(k * x + seed),
            lambda x: -0.5 * k**2 * np.cos(k * x + seed),
        )
    free = (
        lambda x: np.sin(2.2 * x + seed),
        lambda x: 2.2 * np.cos(2.2 * x + seed),
        lambda x: -(2.2**2) * np.sin(2.2 * x + seed),
    )
    rows, missing = [], []
    for side, place, outward, value in zip(sides, (0, length), (-1, 1), given):
        rows.append(
            [
                side.a * place**power
                + side.b * outward * power * place ** max(power - 1, 0)
                for power in range(3)
            ]
        )
        has = side.a * free[0](place) + side.b * outward * free[1](place)
        missing.append(value - has)
    added = np.polynomial.Polynomial(np.linalg.lstsq(rows, missing, rcond=None)[0])
    return tuple(
        lambda x, f=f, p=p: f(x) + p(x)
        for f, p in zip(free, (added, added.deriv(), added.deriv(2)), strict=True)
    )


def _manufactured(grid, species):
    """A field that meets the values of every side, and its Laplacian."""
    field, bent, parts = 0.0, 0.0, []
    for axis, x in enumerate(_centres(grid)):
        sides, length = grid.sides[axis], grid.shape[axis] * grid.spacing[axis]
        values = [side.values[species % len(side.values)] for side in sides or ()]
        if any(values):  # a function of this coordinate alone has them
            f, _, second = _fitting(sides, length, 0.3 + species, values)
            field, bent = field + f(x), bent + second(x)
        f, _, second = _fitting(sides, length, 0.7 * axis + species, (0.0, 0.0))
        parts.append((f(x), second(x)))
    for bending in range(grid.ndim):
        bent = bent + math.prod(p[int(a == bending)] for a, p in enumerate(parts))
    return field + math.prod(f for f, _ in parts), bent


def _steady_error(shape, lengths, boundary):
    """Of D ∇²u - u + f = 0 for two species, solved by conjugate gradients."""
    spacing = tuple(length / n for length, n in zip(lengths, shape, strict=True))
    grid = Grid(shape, spacing, boundary)
    params, exact = {"D": 0.7, "E": 0.2}, []
    for i, (d, source) in enumerate((("D", "f"), ("E", "g"))):
        field, bent = _manufactured(grid, i)
        exact.append(field)
        params[source] = field - params[d] * bent
    sim = rdtf.Simulation(semi_discrete.SOURCES, grid, 1.0, "sbdf2", varying=("f", "g"))

    @tf.function(autograph=False)
    def rates(state):
        return tf.stack(sim.time_derivative(tuple(tf.unstack(state)), params))

    def residual(flat):
        return np.ravel(rates(tf.constant(flat.reshape(2, 1, *shape))))

    size = 2 * grid.num_cells
    constant = residual(np.zeros(size))
    matrix = LinearOperator((size, size), lambda x: constant - residual(x))
    found, failed = cg(matrix, constant, rtol=1e-8, maxiter=2000)
    assert not failed
    return np.abs(found - np.ravel(exact)).max()


@pytest.mark.parametrize("name", OTHERS)
def test_order_of_steady_solutions(name):
    """Ghosts err by O(1) in the Laplacian of edge cells, the solution by O(h²)."""
    boundary, lengths = OTHERS[name]
    shape = {1: (40,), 2: (12, 14), 3: (6, 7, 8)}[len(lengths)]
    coarse, fine = (
        _steady_error(tuple(factor * n for n in shape), lengths, boundary)
        for factor in (1, 2)
    )
    assert 1.9 < np.log2(coarse / fine) < 2.3, (coarse, fine)


def _eigenfunction(sides, number, length=1.0):
    """(κ, φ) of cos(κ x - φ) that meets both conditions with values of zero."""

    def phases(kappa):
        return [math.atan2(side.a, side.b * kappa) for side in sides]

    kappa = brentq(
        lambda k: k * length - sum(phases(k)) - number * math.pi, 1e-3, 100.0
    )
    return kappa, phases(kappa)[0]


LINES = [OTHERS[n][0] for n in ("dirichlet", "robin", "halves")] + ["robin=4,1,2"]


@pytest.mark.parametrize("boundary", LINES)
def test_order_of_the_heat_equation(boundary):
    """A line between the values plus one wave that decays, by one step of etdrk4.

    The step is exact in time, so all that is left is the error of the grid; and so for
    the eigenvalue of the wave.
    """
    errors, rates = [], []
    d, duration = 0.3, 0.4
    for n in (60, 120):
        grid = Grid(n, 1.0 / n, boundary)
        low, high = grid.sides[0]
        # u = c + m x between the sides: a u + b du/dn = value
        rows = [[low.a, -low.b], [high.a, high.a + high.b]]
        c, m = np.linalg.solve(rows, [low.values[0], high.values[0]])
        kappa, phase = _eigenfunction((low, high), 2)
        (x,) = _centres(grid)
        line, wave = c + m * x, np.cos(kappa * x - phase)
        got = semi_discrete.advance(
            "etdrk4",
            semi_discrete.DIFFUSION,
            grid,
            line + wave,
            {"D": d},
            duration,
            1,
        )
        exact = line + math.exp(-d * kappa**2 * duration) * wave
        errors.append(np.abs(got - exact).max())
        rates.append(abs(np.sort(modes.eigenvalues(grid))[-3] + kappa**2))
    for coarse, fine in (errors, rates):
        assert np.log2(coarse / fine) == pytest.approx(2.0, abs=0.1), (errors, rates)


def test_no_other_laplacian_where_waves_do_not_fit(input_error):
    for kind, (boundary, lengths) in itertools.product(
        laplacians.LAPLACIANS[1:], OTHERS.values()
    ):
        with input_error("periodic or no_flux", kind):
            laplacians.check(Grid((4,) * len(lengths), 1.0, boundary), kind)
