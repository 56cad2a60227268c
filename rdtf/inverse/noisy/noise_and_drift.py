"""Residuals that noise alone would cause, and what is unexplained beyond them.

White noise σ ξ in the pictures of a steady field moves the best field by
x = A⁻¹ Hᵀ ξ / σ, with A the matrix of `rdtf.inverse.noisy.field_problem`. The residual
of the data is then σ ξ - H x, that of the model Q x; one random ξ gives their mean
squares to a per cent or two. Beside the residuals of a fit, the first shows whether σ
was overestimated (a spectrum takes fine structure for noise), the second how far the
field is from steady, even far below ε.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from rdtf.inverse.noisy.field_problem import FieldProblem

LEAST = 0.03  # share of the noise that must remain in the data, to be compared with
CERTAIN = 0.9  # share of the model's squares that noise of another σ cannot explain
UNDERESTIMATED = 1.3  # most of the noise over σ: a larger residual is no noise


@dataclasses.dataclass(frozen=True)
class NoiseAndDrift:
    """Noise and drift that explain the residuals of a fit.

    Attributes:
      sigma: standard deviation of the noise, at most that of the misfit.
      cost: of the misfit that noise of its σ would cause.
      drift: root mean square of o - w(o, p) beyond what the noise explains, 0 if there
        is none; in the units of the pictures, as ε.
    """

    sigma: float
    cost: float
    drift: float


def explain(misfit, here, params: Mapping[str, float], seed: int = 0) -> NoiseAndDrift:
    """Noise and drift at a minimum.

    Args:
      misfit: `rdtf.inverse.noisy.errors_in_variables.Misfit`.
      here: `misfit.evaluate` at the minimum.
      params: there.
      seed: of ξ.
    """
    _, data, model, point = here
    rng = np.random.Generator(np.random.Philox(key=[seed, 2**35]))
    noise = misfit.sigma * rng.choice([-1.0, 1.0], data.shape) * misfit.mask
    explained, by_noise = np.zeros_like(data), np.zeros_like(model)
    for i in range(len(data)):
        one = FieldProblem(misfit, params, point, i)
        nothing = np.zeros_like(model[i : i + 1])
        x = one.solve(one.transposed(noise[i : i + 1], nothing))
        explained[i], by_noise[i] = one.see(x)[0], one.leave(x)[0]
    expected, found = misfit.seen(noise - explained), misfit.seen(data)
    share = np.sqrt(found / expected) if expected > LEAST else 1.0
    most = min(share, UNDERESTIMATED) ** 2 * np.mean(np.square(by_noise))
    squares = CERTAIN * np.mean(np.square(model)) - most
    sigma = min(share, 1.0) * misfit.sigma
    cost = np.sum(np.square(noise - explained)) / misfit.sigma**2
    cost += np.sum(np.square(by_noise)) / misfit.epsilon**2
    return NoiseAndDrift(
        float(sigma), 0.5 * float(cost), float(np.sqrt(max(squares, 0.0)))
    )
