"""What a model is: species, equations, parameters. No grid, no time step, no graph."""

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType

from rdtf.status import InputError


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One number of a model: its default, bounds, unit and meaning."""

    default: float
    lower: float = float("-inf")
    upper: float = float("inf")
    unit: str = "1"
    doc: str = ""


@dataclasses.dataclass(frozen=True)
class Start:
    """How a model's customary initial states look.

    Args:
      kind: the function of `rdtf.initial_conditions` that builds them.
      background: value of each species outside the patches; None takes the
        homogeneous state of the parameters.
      patch: value of each species inside squares and discs, or None.
      noise: standard deviation of the white noise on the background.
      clip: (lowest, highest) value per species, or None.
    """

    kind: str = "noise"
    background: tuple[float, ...] | None = None
    patch: tuple[float, ...] | None = None
    noise: float = 0.02
    clip: tuple[tuple[float, float], ...] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class ReactionDiffusion:
    """A reaction-diffusion system  ∂s/∂t = D_s ∇²s + R_s(species, params).

    Args:
      name: the name used by flags and files.
      species: names of the fields, in the order of the state tuple.
      reaction: `reaction(state, params)` -> one R per species, in plain arithmetic and
        `rdtf.math` functions, so that tensors, arrays and SymPy symbols all pass.
      diffusivity: species -> name of its diffusivity parameter; a species that is left
        out does not diffuse.
      parameters: name -> `Parameter`.
      valid_range: species -> (lowest, highest); left out, any finite value is valid.
      presets: name -> parameter values; what a preset leaves out is the default.
      start: the customary initial state.
    """

    name: str
    species: tuple[str, ...]
    reaction: Callable
    diffusivity: Mapping[str, str]
    parameters: Mapping[str, Parameter]
    valid_range: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=dict
    )
    presets: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    start: Start = Start()

    def __post_init__(self):
        for field in ("diffusivity", "parameters", "valid_range", "presets"):
            object.__setattr__(
                self, field, MappingProxyType(dict(getattr(self, field)))
            )
        for name in self.diffusivity.values():
            if name not in self.parameters:
                raise InputError(f"{self.name}: diffusivity {name!r} is no parameter.")
        for name in (*self.diffusivity, *self.valid_range):
            if name not in self.species:
                raise InputError(f"{self.name}: {name!r} is no species.")

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
            if not bound.lower <= value <= bound.upper:
                raise InputError(
                    f"Expected {name} between {bound.lower:g} and {bound.upper:g}, got "
                    f"{value:g}."
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

    def latex(self) -> str:
        """The equations as LaTeX, one line per species."""
        import sympy

        state, params, reaction = self.equations()
        lines = []
        for name, symbol, rate in zip(self.species, state, reaction, strict=True):
            diffusion = ""
            if name in self.diffusivity:
                coefficient = sympy.latex(params[self.diffusivity[name]])
                diffusion = rf"{coefficient} \nabla^2 {sympy.latex(symbol)} + "
            lines.append(
                rf"\partial_t {sympy.latex(symbol)} = {diffusion}{sympy.latex(rate)}"
            )
        return "\n".join(lines)
