"""The measurements that a certificate is made of; see `rdtf.gradients.certification`.

Directions are relative: a parameter moves in proportion to itself (by 1e-3 if it is
smaller), a cell in proportion to its value.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf.status import InputError
from rdtf.types import Params, State

_POINTS = 4  # of a Taylor test, for its slope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slope:
    """A loss after some steps, and its gradient.

    Attributes:
      loss_of: `loss_of(final state)`, a scalar tensor.
      value: `value(state, params)`, the loss as a float, wherever one likes.
      state, params: where the gradient was taken.
      loss: there.
      by_state, by_params: the gradient.
      upstream: a random field per species, w.
      pulled: parameter -> gradient of <w, final state>.
      status: "ok", or what is not finite.
    """

    loss_of: Callable
    value: Callable
    state: State
    params: Params
    loss: float
    by_state: State
    by_params: dict[str, tf.Tensor]
    upstream: State
    pulled: dict[str, tf.Tensor]
    status: str

    @property
    def scales(self) -> dict[str, np.ndarray]:
        """How far each parameter moves by a relative move of 1."""
        return {n: np.maximum(np.abs(p), 1e-3) for n, p in self.params.items()}


def differentiate(
    advance: Callable, state: State, params: Params, loss: Callable, rng
) -> Slope:
    """Loss and gradient, and those of <w, final state> for a random w.

    Args:
      advance: `advance(state, params)` is the final state.
      state, params: where; float64 tensors.
      loss: `loss(final state)`, a scalar tensor.
      rng: a NumPy generator, which draws w.

    Raises:
      InputError: if the loss is no scalar.
    """
    sources = (state, params)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(sources)
        final = advance(*sources)
        value = loss(final)
        if value.shape.rank != 0:
            raise InputError(f"Expected a scalar loss, got shape {list(value.shape)}.")
        upstream = tuple(rng.normal(size=field.shape) for field in final)
        projected = sum(
            tf.reduce_sum(w * f) for w, f in zip(upstream, final, strict=True)
        )
    zero = tf.UnconnectedGradients.ZERO
    by_state, by_params = tape.gradient(value, sources, unconnected_gradients=zero)
    pulled = tape.gradient(projected, params, unconnected_gradients=zero)
    status = "ok"
    finite = (np.isfinite(g).all() for g in tf.nest.flatten((by_state, by_params)))
    if not np.isfinite(float(value)):
        status = "loss not finite"
    elif not all(finite):
        status = "gradient not finite"
    return Slope(
        loss_of=loss,
        value=lambda state, params: float(loss(advance(state, params))),
        state=state,
        params=params,
        loss=float(value),
        by_state=by_state,
        by_params=by_params,
        upstream=upstream,
        pulled=pulled,
        status=status,
    )


@dataclasses.dataclass(frozen=True)
class Taylor:
    """Remainders at `sizes`, their exponent in the size, and their own round-off."""

    sizes: tuple[float, ...]
    remainders: tuple[float, ...]
    exponent: float
    round_off: float


def taylor(slope: Slope, rng) -> Taylor:
    """Remainders |L(x + ε d) - L(x) - ε g·d| along a random direction d.

    ε is halved until the remainder is round-off, which is measured at moves so small
    that there is nothing else. The exponent is that of the smallest four ε above it:
    there a wrong gradient shows, however little wrong, and higher orders do not.
    """
    by_state = [s * rng.uniform(-1.0, 1.0, s.shape) for s in slope.state]
    by_params = {
        n: scale * rng.uniform(-1.0, 1.0, scale.shape)
        for n, scale in slope.scales.items()
    }
    gradients = tf.nest.flatten((list(slope.by_state), slope.by_params))
    directions = tf.nest.flatten((by_state, by_params))
    rise = sum(
        float(tf.reduce_sum(g * d)) for g, d in zip(gradients, directions, strict=True)
    )

    def remainder(size):
        state = [s + size * d for s, d in zip(slope.state, by_state, strict=True)]
        params = {n: p + size * by_params[n] for n, p in slope.params.items()}
        return abs(slope.value(tuple(state), params) - slope.loss - size * rise)

    round_off = max(
        float(np.spacing(abs(slope.loss))), *(remainder(1e-12 * i) for i in range(1, 7))
    )
    sizes, remainders = [], []
    for size in [1e-3 * 0.5**i for i in range(30)]:
        found = remainder(size)
        if found <= 30.0 * round_off:
            break
        if not np.isfinite(found):
            continue  # moved too far
        sizes.append(size)
        remainders.append(found)
    exponent = float("nan")
    if len(sizes) >= _POINTS:
        points = np.log([sizes[-_POINTS:], remainders[-_POINTS:]])
        exponent = float(np.polyfit(*points, 1)[0])
    return Taylor(tuple(sizes), tuple(remainders), exponent, round_off)


def differences(
    slope: Slope, round_off: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Relative (gap to central differences, their own error), by parameter.

    Central differences at h, h/4, h/16, ..., each pair extrapolated (Richardson 1911,
    doi:10.1098/rsta.1911.0009). Of these the one that agrees best with its neighbours
    is compared; what they differ by is its error, at least the round-off of the loss
    over h, and at most 1: then there is nothing but round-off.
    """
    sizes = [1e-3 * 0.25**i for i in range(10)]
    gaps, errors = {}, {}
    for name, scale in slope.scales.items():
        expected = float(tf.reduce_sum(slope.by_params[name] * scale))

        def central(h, name=name, scale=scale):
            up, down = (
                slope.value(
                    slope.state,
                    {**slope.params, name: slope.params[name] + move * scale},
                )
                for move in (h, -h)
            )
            return (up - down) / (2.0 * h)

        found, error = _extrapolated(sizes, [central(h) for h in sizes], round_off)
        size = max(abs(expected), abs(found), 1e-300)
        gaps[name], errors[name] = abs(found - expected) / size, min(1.0, error / size)
    return gaps, errors


def _extrapolated(sizes, values, round_off):
    """(limit, error) of central differences at h, h/4, h/16, ..."""
    coarse, fine = np.array(values[:-1]), np.array(values[1:])
    limits = fine + (fine - coarse) / 15.0
    steps = np.abs(np.diff(limits))
    errors = np.max([steps[:-1], steps[1:], round_off / np.array(sizes[2:-1])], axis=0)
    best = int(np.argmin(errors))
    return float(limits[1 + best]), float(errors[best])


def dot_gap(slope: Slope, state: State, tangents: dict[str, State], rng) -> float:
    """|<w, T d> - <Tᵀ w, d>| over Σ |terms|, d a random move of the parameters.

    Over 1e-5 Σ |w state| where that is more: of a state that hardly depends on the
    parameters, such as a uniform one, there is nothing but its round-off to compare.

    Args:
      slope: with w and Tᵀ w.
      state, tangents: the final state, and T by parameter.
      rng: a NumPy generator, which draws d.
    """
    products = project(slope.upstream, tangents, slope.params)
    forward, back, size = 0.0, 0.0, 0.0
    for name, scale in slope.scales.items():
        move = scale * rng.uniform(-1.0, 1.0, scale.shape)
        forward += np.sum(products[name] * move)
        back += np.sum(slope.pulled[name] * move)
        size += np.sum(np.abs(slope.pulled[name] * move))
    floor = sum(np.abs(w * s).sum() for w, s in zip(slope.upstream, state, strict=True))
    return float(abs(forward - back) / max(size, 1e-5 * floor, 1e-300))


def project(
    upstream: State, tangents: dict[str, State], params: Params
) -> dict[str, np.ndarray]:
    """Parameter -> Σ upstream ∂state/∂parameter: `[B]`, or over all if it is shared."""
    products = {}
    for name, fields in tangents.items():
        total = sum(
            np.sum(np.reshape(u * t, [len(t), -1]), axis=1)
            for u, t in zip(upstream, fields, strict=True)
        )
        shared = params[name].shape.num_elements() == 1
        products[name] = np.sum(total) if shared else total
    return products
