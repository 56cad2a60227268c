"""The equations of the kernels, from a model's one definition of `reaction`.

R and its derivatives are those of `rdtf.models.derivatives`. With λ the gradient with
respect to the state after a step, one step of forward Euler and its adjoint are

    s_i  <- s_i + dt (D_i ∇²s_i + R_i)
    λ_j  <- λ_j + dt (D_j ∇²λ_j + Σ_i λ_i ∂R_i/∂s_j)
    g_p  <- g_p + dt Σ_cells Σ_i (λ_i ∂R_i/∂p + s_i ∇²λ_i [D_i = p])

and one of the tangent t_i = ∂s_i/∂p is

    t_i  <- t_i + dt (D_i ∇²t_i + Σ_j ∂R_i/∂s_j t_j + ∂R_i/∂p + ∇²s_i [D_i = p])

so tangents are a system of their own, of the species and all t.
"""

import dataclasses

import sympy

from rdtf.models import ReactionDiffusion, derivatives


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows:
    """What one kernel computes for every cell.

    Attributes:
      name: of the kernel.
      fields, laplacians: symbols of a field and of its Laplacian.
      updates: the new value of each field.
      beside: symbols read from a second state at the same cell.
      sums: per parameter, two terms that are summed over a row: the second is one of
        Laplacians; or None.
      watch: (lowest, highest) per field, if the largest change is returned.
    """

    name: str
    fields: list
    laplacians: list
    updates: list
    beside: list = dataclasses.field(default_factory=list)
    sums: list | None = None
    watch: list | None = None


def _symbols(letter, count):
    return [sympy.Symbol(f"{letter}_{i}", real=True) for i in range(count)]


DT, WEIGHT = sympy.symbols("dt w", real=True)


class System:
    """A model's symbols, renamed so that none is a name of the kernels."""

    def __init__(self, model: ReactionDiffusion):
        self.names = list(model.parameters)
        self.state = _symbols("s", len(model.species))
        self.laplacians = _symbols("l", len(model.species))
        self.params = _symbols("p", len(self.names))
        by_name = dict(zip(self.names, self.params, strict=True))
        found = derivatives.of(model)
        renamed = dict(zip(found.state, self.state, strict=True))
        renamed |= {found.params[name]: symbol for name, symbol in by_name.items()}
        self.reaction = [r.xreplace(renamed) for r in found.terms["R"]]
        self.jacobian = [
            [slope.xreplace(renamed) for slope in row] for row in found.by_state["R"]
        ]
        self.by_params = {
            by_name[name]: [slope.xreplace(renamed) for slope in slopes]
            for name, slopes in found.by_params["R"].items()
        }
        self.diffusivity = [
            by_name.get(model.diffusivity.get(name)) for name in model.species
        ]
        self.steps = [
            sympy.Symbol(f"d_{i}") if d is not None else sympy.Integer(0)
            for i, d in enumerate(self.diffusivity)
        ]
        self.ranges = [model.valid_range.get(name) for name in model.species]

    def forward(self, name="forward_rows", watch=None):
        updates = self.euler(self.state, self.laplacians, self.reaction)
        return Rows(
            name=name,
            fields=self.state,
            laplacians=self.laplacians,
            updates=updates,
            watch=watch,
        )

    def euler(self, fields, laplacians, rates):
        """New values of fields; `d_i` stands for dt D_i / h², see _function."""
        count = len(self.state)
        return [
            field + DT * rate + self.steps[i % count] * lap
            for i, (field, lap, rate) in enumerate(
                zip(fields, laplacians, rates, strict=True)
            )
        ]

    def steady(self):
        return self.forward("steady_rows", self.ranges)

    def backward(self):
        species = range(len(self.state))
        adjoint = _symbols("g", len(species))
        rates = [
            sum(adjoint[i] * self.jacobian[i][j] for i in species) for j in species
        ]
        sums = [
            sum(adjoint[i] * self.by_params[p][i] for i in species) for p in self.params
        ]
        diffused = [
            sum(
                self.state[i] * self.laplacians[i]
                for i in species
                if self.diffusivity[i] == p
            )
            for p in self.params
        ]
        updates = self.euler(adjoint, self.laplacians, rates)
        return Rows(
            name="backward_rows",
            fields=adjoint,
            laplacians=self.laplacians,
            updates=updates,
            beside=self.state,
            sums=list(zip(sums, diffused, strict=True)),
        )

    def tangents(self, carried):
        names = [self.names.index(name) for name in carried]
        count = len(self.state)
        species = range(count)
        t = _symbols("t", count * len(names))
        laps = self.laplacians + _symbols("m", count * len(names))
        rates = list(self.reaction)
        for p in (self.params[n] for n in names):
            first = len(rates) - count
            for i in species:
                rates.append(
                    sum(self.jacobian[i][j] * t[first + j] for j in species)
                    + self.by_params[p][i]
                    + WEIGHT * self.laplacians[i] * int(self.diffusivity[i] == p)
                )
        fields = self.state + t
        return Rows(
            name="forward_rows",
            fields=fields,
            laplacians=laps,
            updates=self.euler(fields, laps, rates),
        )
