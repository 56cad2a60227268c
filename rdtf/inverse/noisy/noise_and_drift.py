"""What noise alone would leave over, and what is left beyond it.

White noise σ ξ in the pictures of a steady field moves the best field by x = A⁻¹ Hᵀ ξ / σ,
with A the matrix of `rdtf.inverse.noisy.field_problem`. It leaves σ ξ - H x of the data and
Q x of the model, whose mean squares one random ξ tells to a per cent or two. Beside what
a fit really left over, the first shows whether σ was overestimated (a spectrum takes fine
structure for noise), the second how far the field is from steady, even far below ε.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from rdtf.inverse.noisy.field_problem import FieldProblem

LEAST = 0.03  # share of the noise that must be left over, to be compared with
CERTAIN = 0.9  # share of the model's leftovers that noise of another σ cannot explain
UNDERESTIMATED = (
    1.3  # most of the noise over σ; a picture that misses more is not noisy
)


@dataclasses.dataclass(frozen=True)
class NoiseAndDrift:
    """Noise and drift that explain what a fit left over.

    Attributes:
      sigma: standard deviation of the noise, at most that of the misfit.
      cost: of the misfit that noise of its σ would leave.
      drift: root mean square of o - w(o, p) beyond what the noise explains, 0 if there is
        none; in the units of the pictures, as ε.
    """

    sigma: float
    cost: float
    drift: float


def explain(misfit, here, params: Mapping[str, float], seed: int = 0) -> NoiseAndDrift:
    """Noise and drift at a minimum of `rdtf.inverse.noisy.errors_in_variables.Misfit`.

    Args:
      misfit: the cost.
      here: `misfit.evaluate` at the minimum.
      params: there.
      seed: of ξ.
    """
    _, data, model, point = here
    rng = np.random.Generator(np.random.Philox(key=[seed, 2**35]))
    noise = misfit.sigma * rng.choice([-1.0, 1.0], data.shape) * misfit.mask
    seen, left = np.zeros_like(data), np.zeros_like(model)
    for i in range(len(data)):
        one = FieldProblem(misfit, params, point, i)
        nothing = np.zeros_like(model[i : i + 1])
        x = one.solve(one.transposed(noise[i : i + 1], nothing))
        seen[i], left[i] = one.see(x)[0], one.leave(x)[0]
    expected, found = misfit.seen(noise - seen), misfit.seen(data)
    share = np.sqrt(found / expected) if expected > LEAST else 1.0
    by_noise = min(share, UNDERESTIMATED) ** 2 * np.mean(np.square(left))
    squares = CERTAIN * np.mean(np.square(model)) - by_noise
    sigma = min(share, 1.0) * misfit.sigma
    cost = np.sum(np.square(noise - seen)) / misfit.sigma**2
    cost += np.sum(np.square(left)) / misfit.epsilon**2
    return NoiseAndDrift(
        float(sigma), 0.5 * float(cost), float(np.sqrt(max(squares, 0.0)))
    )
