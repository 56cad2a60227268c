"""What a model is: species, equations, parameters. No grid, no time step, no graph."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from rdtf.status import InputError


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One number of a model.

    Args:
      default: its value where none is given.
      lower, upper: its bounds.
      unit: in the model's units of length, time and species.
      doc: what it means.
    """

    default: float
    _: dataclasses.KW_ONLY
    lower: float = float("-inf")
    upper: float = float("inf")
    unit: str = "1"
    doc: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    """How a model's customary initial states look.

    Args:
      kind: the function of `rdtf.initial_conditions` that builds them.
      background: value of each species outside the patches; None takes the
        homogeneous state of the parameters.
      patch: value of each species inside squares and discs, or None.
      noise: standard deviation of the white noise on the background.
      clip: (lowest, highest) value per species, or None.
      refractory: value of each species behind a wave of an excitable medium, or None.
    """

    kind: str = "noise"
    background: tuple[float, ...] | None = None
    patch: tuple[float, ...] | None = None
    noise: float = 0.02
    clip: tuple[tuple[float, float], ...] | None = None
    refractory: tuple[float, ...] | None = None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ReactionDiffusion:
    """A reaction-diffusion system  ∂s/∂t = D_s ∇²s + R_s + ∇²Q_s + ∇⁴P_s.

    R, Q and P are functions of all species and the parameters; most models have only R.

    Args:
      name: the name used by flags and files.
      species: names of the fields, in the order of the state tuple.
      reaction: `reaction(state, params)` -> one R per species, in plain arithmetic and
        `rdtf.math` functions, so that tensors, arrays and SymPy symbols all pass.
      diffusivity: species -> name of its diffusivity parameter, or a tuple of one name
        per axis, (y, x) in 2-D, if it is anisotropic; a species that is left out has
        no diffusion of its own.
      parameters: name -> `Parameter`.
      valid_range: species -> (lowest, highest); left out, any finite value is valid.
      presets: name -> parameter values; what a preset leaves out is the default.
      start: the customary initial state.
      laplacian_terms: `laplacian_terms(state, params)` -> one Q per species: cross- or
        nonlinear diffusion, anti-diffusion.
      bilaplacian_terms: the same for P: operators of fourth order.
      source: the text of the equations, if the model was read from one.
    """

    name: str
    species: tuple[str, ...]
    reaction: Callable
    diffusivity: Mapping[str, str | tuple[str, ...]]
    parameters: Mapping[str, Parameter]
    valid_range: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=dict
    )
    presets: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    start: Start = Start()
    laplacian_terms: Callable | None = None
    bilaplacian_terms: Callable | None = None
    source: str | None = None

    def __post_init__(self):
        for field in ("diffusivity", "parameters", "valid_range", "presets"):
            object.__setattr__(
                self, field, MappingProxyType(dict(getattr(self, field)))
            )
        for name in self.diffusivities:
            if name not in self.parameters:
                raise InputError(f"{self.name}: diffusivity {name!r} is no parameter.")
        for name in (*self.diffusivity, *self.valid_range):
            if name not in self.species:
                raise InputError(f"{self.name}: {name!r} is no species.")

    @property
    def diffusivities(self) -> tuple[str, ...]:
        """The names of all diffusivity parameters, each once."""
        names = (
            (value,) if isinstance(value, str) else value
            for value in self.diffusivity.values()
        )
        return tuple(dict.fromkeys(name for group in names for name in group))

    @property
    def is_plain(self) -> bool:
        """Whether all it has is R and one diffusivity per species: no Q, no P."""
        return (
            self.laplacian_terms is None
            and self.bilaplacian_terms is None
            and all(isinstance(value, str) for value in self.diffusivity.values())
        )

    @property
    def defaults(self) -> dict[str, float]:
        """The default parameters."""
        return {name: p.default for name, p in self.parameters.items()}

    def preset(self, name: str) -> dict[str, float]:
        """The full parameters of a preset."""
        if name not in self.presets:
            raise InputError(
                f"Expected a preset of {self.name} among {', '.join(self.presets)}, "
                f"got {name!r}."
            )
        return {**self.defaults, **self.presets[name]}

    def check_names(self, params: Mapping) -> None:
        """Raises InputError unless `params` has exactly this model's parameters."""
        missing = [name for name in self.parameters if name not in params]
        unknown = [name for name in params if name not in self.parameters]
        if missing or unknown:
            raise InputError(
                f"Expected the parameters {', '.join(self.parameters)} of {self.name}"
                + (f"; missing: {', '.join(missing)}" if missing else "")
                + (f"; unknown: {', '.join(unknown)}" if unknown else "")
                + "."
            )

    def check_bounds(self, params: Mapping[str, float]) -> None:
        """Raises InputError if a scalar parameter lies outside its bounds."""
        self.check_names(params)
        for name, value in params.items():
            bound = self.parameters[name]
            if math.isnan(value) and math.isnan(bound.default):
                raise InputError(
                    f"Expected a value for {name}: add it to --params or write "
                    f"{name} = NUMBER in the equations."
                )
            if not bound.lower <= value <= bound.upper:
                raise InputError(
                    f"Expected {name} between {bound.lower:g} and {bound.upper:g}, got "
                    f"{value:g}."
                )

    def check_plain(self, advice: str) -> None:
        """Raises InputError if the model has more than R and one diffusivity each."""
        if not self.is_plain:
            raise InputError(
                f"Expected one diffusivity for each species and no more inside ∇², got "
                f"{self.name}: {advice}."
            )

    def check_axes(self, ndim: int) -> None:
        """Raises InputError if a diffusivity has one name for each of other axes."""
        for name, value in self.diffusivity.items():
            if not isinstance(value, str) and len(value) != ndim:
                raise InputError(
                    f"Expected {ndim} diffusivities of {name}, one per axis, got "
                    f"{', '.join(value)} in {self.name}."
                )

    def check_species(self, name: str) -> int:
        """The index of a species; raises InputError if the model has none such."""
        if name not in self.species:
            raise InputError(
                f"Expected a species of {self.name} among {', '.join(self.species)}, "
                f"got {name!r}."
            )
        return self.species.index(name)

    def equations(self):
        """The reaction as SymPy: (species symbols, parameter symbols, expressions)."""
        import sympy

        state = sympy.symbols(self.species, real=True)
        params = {name: sympy.Symbol(name, real=True) for name in self.parameters}
        return state, params, [sympy.sympify(r) for r in self.reaction(state, params)]

    def transport(self, axis: int | None = -1):
        """All of Q, with D_s s in it, and P as SymPy: (one Q, one P per species).

        In the symbols of `equations`: ∂s/∂t = R + ∇²Q + ∇⁴P. Where a diffusivity is
        anisotropic, for waves along `axis`; None leaves D_s s out.
        """
        import sympy

        state, params, _ = self.equations()
        parts = []
        for terms in (self.laplacian_terms, self.bilaplacian_terms):
            values = terms(state, params) if terms else [0] * len(state)
            parts.append([sympy.sympify(value) for value in values])
        for i, (name, symbol) in enumerate(zip(self.species, state, strict=True)):
            if name in self.diffusivity and axis is not None:
                value = self.diffusivity[name]
                value = value if isinstance(value, str) else value[axis]
                parts[0][i] += params[value] * symbol
        return tuple(parts)

    def latex(self) -> str:
        """The equations as LaTeX, one line per species."""
        import sympy

        state, _, reaction = self.equations()
        lines = []
        for i, symbol in enumerate(state):
            terms = self._diffusion_latex(i)
            if reaction[i] != 0 or not terms:
                terms.append(sympy.latex(reaction[i]))
            lines.append(rf"\partial_t {sympy.latex(symbol)} = {' + '.join(terms)}")
        return "\n".join(lines)

    def _diffusion_latex(self, index):
        import sympy

        state, params, _ = self.equations()
        name, symbol = self.species[index], sympy.latex(state[index])
        terms = []
        names = self.diffusivity.get(name, ())
        if isinstance(names, str):
            terms.append(rf"{sympy.latex(params[names])} \nabla^2 {symbol}")
        else:
            axes = "zyx"[3 - len(names) :]
            terms += [
                rf"{sympy.latex(params[n])} \partial_{a}^2 {symbol}"
                for n, a in zip(names, axes, strict=True)
            ]
        for power, extra in ((2, self.laplacian_terms), (4, self.bilaplacian_terms)):
            if extra is not None:
                term = sympy.sympify(extra(state, params)[index])
                if term != 0:
                    terms.append(rf"\nabla^{power} \left({sympy.latex(term)}\right)")
        return terms
