"""A hidden species as a root of the observed one's equation, for clean pictures.

Where R_o is a polynomial of the hidden species l of degree one or two, o's equation

    0 = D_o ∇²o + R_o(o, l)

gives l cell by cell, and that of l says how well parameters explain the picture:

    r = (D_l ∇²l + R_l(o, l)) / (||D_l ∇²l||² + ||R_l||²)^½

No common factor of D_l and R_l makes r small. The pictures are differentiated four
times: noise of 0.01 % of their standard deviation leads to errors of about 1 %. A root
that is not real in some cell makes the cost infinite; the smaller D_o is, the fewer
such cells there are.
"""

from collections.abc import Callable, Mapping

import numpy as np

from rdtf.inverse.solvers import levenberg_marquardt, linearisation
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.solvers.levenberg_marquardt import Minimum
from rdtf.inverse.solvers.linearisation import Linearisation
from rdtf.inverse.structure import equations
from rdtf.inverse.structure.elimination import ADVICE, Root
from rdtf.models import ReactionDiffusion, derivatives
from rdtf.status import InputError

HALVINGS = 12  # of D_o, in search of a start where a root is real


class RootResidual:
    """The residual of observed stills, callable with the parameters.

    Args:
      model: of two species.
      root: what `rdtf.inverse.structure.elimination.root_of` found.
      branch: which of the roots; the same in all cells.
      domain: of the fields.
      fields: `[n, *grid]`.
      unknown_gain: as of `rdtf.inverse.steady.residual.SteadyResidual`.

    Attributes:
      names: of the parameters, in the order of the derivatives.
      branch: as above.
    """

    def __init__(
        self,
        model: ReactionDiffusion,
        root: Root,
        branch: int,
        domain: WholeDomain,
        fields: np.ndarray,
        unknown_gain: bool = False,
    ):
        self.branch, self._domain, self._fields = branch, domain, fields
        self._o, self._l = root.observed, root.hidden
        self._equations, self._unknown_gain = equations.of(model), unknown_gain
        self.names = list(model.parameters) + ["gain", "offset"] * unknown_gain
        self._root = _compiled(self._equations, root, branch)
        self._laplacian = domain.apply_laplacian(fields)

    def hidden(self, params: Mapping[str, float]) -> np.ndarray:
        """l `[n, *grid]`, NaN where it is not real."""
        o, laplacian = self._observed(params)
        with np.errstate(all="ignore"):
            return self._root(o, laplacian, params)

    def __call__(self, params: Mapping[str, float]) -> Linearisation:
        """The residual and its derivatives at `params`."""
        o, laplacian = self._observed(params)
        fields = [None, None]
        fields[self._o], fields[self._l] = o, self.hidden(params)
        with np.errstate(all="ignore"):
            residual, columns = self._evaluate(fields, laplacian, params)
        if not (np.isfinite(residual).all() and np.isfinite(columns).all()):
            return linearisation.impossible(len(self.names))
        return linearisation.of_columns(residual, columns)

    def _observed(self, params):
        if not self._unknown_gain:
            return self._fields, self._laplacian
        o = params["gain"] * self._fields + params["offset"]
        return o, params["gain"] * self._laplacian

    def _changes(self, laplacian, fields, params):
        """(change of o's equation, x of o) of every parameter, hidden species fixed.

        The latter is None where the parameter does not move o.
        """
        system, o = self._equations, self._o
        for name in self.names[: len(system.symbols)]:
            change = system.by_param(o, name, fields, params)
            yield change + laplacian * (system.diffusivity_name(o) == name), None
        if self._unknown_gain:
            d = system.diffusivity(o, params)
            slope = system.by_species(o, o, fields, params)
            ones = np.ones_like(self._fields)
            yield slope * self._fields + d * self._laplacian, self._fields
            yield slope * ones, ones

    def _evaluate(self, fields, laplacian, params):
        system, hidden = self._equations, self._l
        d, name = system.diffusivity(hidden, params), system.diffusivity_name(hidden)
        hidden_laplacian = self._domain.apply_laplacian(fields[hidden])
        diffused = d * hidden_laplacian
        reacted = system.reaction(hidden, fields, params) + np.zeros_like(diffused)
        scale = np.sqrt(np.sum(diffused**2) + np.sum(reacted**2))
        residual = diffused + reacted
        by_hidden = system.by_species(hidden, hidden, fields, params)
        by_observed = system.by_species(hidden, self._o, fields, params)
        slope = system.by_species(self._o, hidden, fields, params)
        columns = []
        for parameter, (change, x) in zip(
            self.names, self._changes(laplacian, fields, params), strict=True
        ):
            moved = np.broadcast_to(-change / slope, residual.shape)
            reaction = by_hidden * moved
            if x is None:
                reaction = reaction + system.by_param(hidden, parameter, fields, params)
            else:
                reaction = reaction + by_observed * x
            diffusion = d * self._domain.apply_laplacian(moved)
            if parameter == name:
                diffusion = diffusion + hidden_laplacian
            shrink = np.vdot(diffused, diffusion) + np.vdot(reacted, reaction)
            columns.append(diffusion + reaction - residual * shrink / scale**2)
        return residual / scale, np.stack(columns) / scale


def _compiled(system, root, branch):
    o, names = system.species[root.observed], list(system.symbols)
    arguments = [o, root.laplacian, *system.symbols.values()]
    call = derivatives.compiled(arguments, root.roots[branch])

    def evaluate(field, laplacian, params):
        values = call(field, laplacian, *(params[n] for n in names))
        return np.broadcast_to(values, field.shape)

    return evaluate


def fit_root(
    stills,
    laplacian: str,
    start: Mapping[str, float],
    root: Root,
    max_iterations: int = 100,
    callback: Callable = lambda step: None,
) -> tuple[RootResidual, Minimum]:
    """Least squares from one start, with the branch that explains the pictures best.

    Where no root is real at the start, D_o is halved until one is.

    Args:
      stills: `rdtf.inverse.steady.stills.Stills`.
      laplacian: a name of `rdtf.operators.laplacians.LAPLACIANS`.
      start: where from.
      root: how the hidden species follows.
      max_iterations: of Levenberg-Marquardt.
      callback: called with every `levenberg_marquardt.Step`.

    Raises:
      InputError: if the pictures are not clean enough.
    """
    check_clean(stills)
    domain, system = WholeDomain(stills.grid, laplacian), equations.of(stills.model)
    gain = stills.observation.unknown_gain
    residuals = [
        RootResidual(
            stills.model,
            root,
            branch,
            domain=domain,
            fields=stills.pictures,
            unknown_gain=gain,
        )
        for branch in range(len(root.roots))
    ]
    name = system.diffusivity_name(root.observed)
    start = _real_start(residuals, dict(start), None if name in stills.held else name)
    coordinates = stills.coordinates(start)
    fits = [
        (
            residual,
            levenberg_marquardt.minimise(
                residual, coordinates, start, max_iterations, callback=callback
            ),
        )
        for residual in residuals
    ]
    return min(fits, key=lambda fit: fit[1].cost)


def _real_start(residuals, start, name):
    moved = dict(start)
    for _ in range(HALVINGS if name else 1):
        if any(np.isfinite(residual(moved).cost) for residual in residuals):
            return moved
        if name:
            moved[name] /= 2.0
    return start


def check_clean(stills) -> None:
    """Raises InputError unless the pictures can be differentiated."""
    if stills.clean:
        return
    what = (
        f"noise of {100.0 * stills.noise_ratio:.2g} % of their standard deviation"
        if stills.camera.is_identity
        else "blur, pixels of several cells, or hidden ones"
    )
    raise InputError(
        f"Expected sharp and clean pictures of {stills.observe} of "
        f"{stills.model.name}, as they have to be differentiated four times, got "
        f"{what}: observe another species, or {ADVICE}."
    )
