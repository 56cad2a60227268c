"""Certificates: is this gradient right, and of any use?

    Taylor        |L(x + ε d) - L(x) - ε g·d| falls like ε² if g is the gradient
    dot product   <w, T d> = <Tᵀ w, d>: tangents T against the adjoint Tᵀ, which share
                  no program
    differences   each parameter against extrapolated central differences
    growth        |dL/dparams| and |∂state/∂params| after fewer steps: a chaotic or
                  exploding run has a gradient that is exact and says nothing

The first two are the customary tests of adjoint codes (Griewank & Walther 2008, ISBN
978-0-898716-59-7).
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf import storage
from rdtf.gradients import growth, measures
from rdtf.simulation import Simulation
from rdtf.status import InputError
from rdtf.types import Params, State

SLOPE = 1.9
"""Least slope of a Taylor test that passes; 2 is a gradient, 1 a wrong one."""
DOT_GAP = 1e-10
"""Largest relative gap of a dot-product test that passes."""
DIFFERENCE_GAP = 1e-5
"""Largest relative gap to central differences, or ten times their own error."""
EXPLODING = 8.0
"""Growth of the tangents in the second half of the steps that is a warning: cubic."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Certificate:
    """What the tests of one gradient came to.

    Attributes:
      model, engine, laplacian, scheme, time_step, num_steps, seed: what was tested.
      status: "ok", or what was not finite.
      loss: L after the last step.
      gradient: dL/dparameter, a number or one per sample.
      taylor_sizes, taylor_remainders: ε, and |L(x + ε d) - L(x) - ε g·d| there.
      taylor_slope: of the remainders just above round-off, in log-log; 2 if g is exact;
        NaN if all of them are round-off.
      dot_gap: |<w, T d> - <Tᵀ w, d>|, relative to the terms of the sum; see `measures`.
      difference_gaps: parameter -> relative gap to central differences.
      difference_errors: parameter -> relative error that these have by themselves.
      horizons: numbers of steps, up to all of them.
      gradient_norms, tangent_norms: there, of parameter times dL/dparameter, and of
        parameter times ∂state/∂parameter.
    """

    model: str
    engine: str
    laplacian: str
    scheme: str
    time_step: float
    num_steps: int
    seed: int
    status: str
    loss: float
    gradient: dict[str, float | list[float]] = dataclasses.field(default_factory=dict)
    taylor_sizes: tuple[float, ...] = ()
    taylor_remainders: tuple[float, ...] = ()
    taylor_slope: float = float("nan")
    dot_gap: float = float("nan")
    difference_gaps: dict[str, float] = dataclasses.field(default_factory=dict)
    difference_errors: dict[str, float] = dataclasses.field(default_factory=dict)
    horizons: tuple[int, ...] = ()
    gradient_norms: tuple[float, ...] = ()
    tangent_norms: tuple[float, ...] = ()

    @property
    def faults(self) -> list[str]:
        """Why it does not pass, in a few words each."""
        if self.status != "ok":
            return [self.status]
        faults = []
        if self.taylor_slope < SLOPE:  # NaN: exact to round-off
            faults.append(f"Taylor slope {self.taylor_slope:.2f}, not 2")
        if not self.dot_gap <= DOT_GAP:
            faults.append(f"adjoint against tangent {self.dot_gap:.0e}")
        for name, gap in self.difference_gaps.items():
            error = self.difference_errors[name]
            # Where tangents explode no difference is small enough to be one.
            if not (self.exploding or gap <= max(DIFFERENCE_GAP, 10.0 * error)):
                faults.append(f"d/d{name} against differences {gap:.0e}")
        return faults

    @property
    def passed(self) -> bool:
        """Whether the gradient is right; not whether it is of use."""
        return not self.faults

    @property
    def growth_rate(self) -> float:
        """Rate of the tangents, which grow as exp(rate n), over the last doubling."""
        if len(self.horizons) < 2:
            return float("nan")
        grown = np.diff(np.log(np.maximum(self.tangent_norms[-2:], 1e-300)))
        return float(grown[0] / (self.horizons[-1] - self.horizons[-2]))

    @property
    def exploding(self) -> bool:
        """Whether tangents grow faster than in a steady pattern, where it is linear."""
        if len(self.horizons) < 2:
            return False
        steps = self.horizons[-1] - self.horizons[-2]
        return bool(self.growth_rate * steps > np.log(EXPLODING))

    @property
    def doubling_steps(self) -> float:
        """Steps in which the tangents double; infinite if they do not grow."""
        return np.log(2.0) / self.growth_rate if self.growth_rate > 0.0 else np.inf

    @property
    def verdict(self) -> str:
        """One line."""
        if not self.passed:
            return f"FAILED: {'; '.join(self.faults)}"
        slope = f"Taylor slope {self.taylor_slope:.2f}"
        if np.isnan(self.taylor_slope):
            slope = "Taylor remainder is round-off"
        line = f"passed ({slope}, adjoint against tangent {self.dot_gap:.0e})"
        if self.exploding:
            line += (
                f"; but tangents double every {self.doubling_steps:.3g} steps: exact "
                "for this window and no guide beyond it, take a shorter one"
            )
        return line

    def to_dict(self) -> dict:
        """All of it in JSON's terms, with the verdict."""
        values = dataclasses.asdict(self) | {
            "passed": self.passed,
            "exploding": self.exploding,
            "growth_rate": self.growth_rate,
            "doubling_steps": self.doubling_steps,
            "verdict": self.verdict,
        }
        return storage.jsonable(values)

    def table(self) -> str:
        """A small report, aligned lines."""
        kind = "" if self.laplacian == "second_order" else f", {self.laplacian}"
        head = f"{self.model}{kind}, {self.num_steps} steps by {self.scheme} of "
        head += f"{self.time_step:g}, engine {self.engine}: loss {self.loss:.6g}"
        lines = [head]
        if self.gradient:
            lines.append(f"{'':12}{'gradient':>14}{'vs differences':>16}{'error':>9}")
        for name, value in self.gradient.items():
            cell = f"{np.sum(value):>+14.6e}"
            gap, error = self.difference_gaps[name], self.difference_errors[name]
            lines.append(f"{name:<12}{cell}{gap:>16.0e}{error:>9.0e}")
        norms = zip(self.horizons, self.gradient_norms, self.tangent_norms, strict=True)
        for steps, by_loss, by_state in norms:
            line = f"{steps:>8} steps: norm of the gradient {by_loss:.3e}, of the "
            lines.append(f"{line}state's {by_state:.3e}")
        return "\n".join([*lines, f"gradient certificate: {self.verdict}"])


def certificate(
    simulation: Simulation,
    state: State,
    params: Params,
    loss: Callable[[State], tf.Tensor],
    num_steps: int,
    first_step: int = 0,
    seed: int = 0,
) -> Certificate:
    """Tests the gradient of `loss(simulation.advance(state, params, num_steps))`.

    Costs about a hundred runs without a gradient, and one with tangents.

    Args:
      simulation: of any engine and scheme.
      state, params, num_steps, first_step: as for `Simulation.advance`.
      loss: a smooth function of the final state, a scalar.
      seed: of the random directions.

    Returns:
      A `Certificate`. A loss or gradient that is not finite is a status in it.

    Raises:
      InputError: if there are no steps, or the loss is no scalar.
    """
    if num_steps < 1:
        raise InputError(f"Expected at least 1 step to certify, got {num_steps}.")
    # Copies: what the loss itself holds, perhaps these very tensors, is a constant.
    state = tuple(tf.identity(tf.cast(s, tf.float64)) for s in state)
    params = {n: tf.identity(tf.cast(p, tf.float64)) for n, p in params.items()}
    advance = functools.partial(
        simulation.advance, num_steps=num_steps, first_step=first_step
    )
    rng = np.random.Generator(np.random.Philox(key=[seed, 2**34]))
    slope = measures.differentiate(advance, state, params, loss, rng)
    about = _describe(simulation, slope) | {"num_steps": num_steps, "seed": seed}
    if slope.status != "ok":
        return Certificate(**about)
    gradient = {name: g.numpy().tolist() for name, g in slope.by_params.items()}
    taylor = measures.taylor(slope, rng)
    gaps, errors = measures.differences(slope, taylor.round_off)
    grown = growth.growth(simulation, slope, num_steps, first_step)
    return Certificate(
        **about,
        gradient=gradient,
        taylor_sizes=taylor.sizes,
        taylor_remainders=taylor.remainders,
        taylor_slope=taylor.exponent,
        dot_gap=measures.dot_gap(slope, grown.state, grown.tangents, rng),
        difference_gaps=gaps,
        difference_errors=errors,
        horizons=grown.horizons,
        gradient_norms=grown.gradient_norms,
        tangent_norms=grown.tangent_norms,
    )


def _describe(simulation, slope):
    return {
        "model": simulation.model.name,
        "engine": simulation.engine,
        "laplacian": simulation.laplacian,
        "scheme": simulation.scheme.name,
        "time_step": simulation.time_step,
        "status": slope.status,
        "loss": slope.loss,
    }
