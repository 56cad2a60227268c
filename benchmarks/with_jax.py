"""The cases in JAX: `lax.scan` over the obvious steps, the ways a user would try."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp

from benchmarks import cases

jax.config.update("jax_enable_x64", True)
VERSION = f"jax {jax.__version__}"


def _laplacian_roll(f):
    return (
        jnp.roll(f, 1, 1) + jnp.roll(f, -1, 1) + jnp.roll(f, 1, 2) + jnp.roll(f, -1, 2)
    ) - 4.0 * f


def _laplacian_pad(f):
    p = jnp.pad(f, ((0, 0), (1, 1), (1, 1)), mode="wrap")
    return p[:, :-2, 1:-1] + p[:, 2:, 1:-1] + p[:, 1:-1, :-2] + p[:, 1:-1, 2:] - 4.0 * f


LAPLACIANS = {"roll": _laplacian_roll, "pad": _laplacian_pad}


def _gray_scott(u, v, p):
    uvv = u * v * v
    return p["F"] * (1.0 - u) - uvv, uvv - (p["F"] + p["k"]) * v


def _fitzhugh_nagumo(u, v, p):
    return u - u * u * u - v + p["kappa"], p["epsilon"] * (u - p["gamma"] * v)


def _brusselator(u, v, p):
    uuv = u * u * v
    return p["A"] - (p["B"] + 1.0) * u + uuv, p["B"] * u - uuv


def _schnakenberg(u, v, p):
    uuv = u * u * v
    return p["a"] - u + uuv, p["b"] - uuv


def _gierer_meinhardt(a, h, p):
    aa = a * a
    return p["rho0"] - p["mu"] * a + aa / h, aa - p["nu"] * h


_REACTION = {
    "gray_scott": _gray_scott,
    "fitzhugh_nagumo": _fitzhugh_nagumo,
    "brusselator": _brusselator,
    "schnakenberg": _schnakenberg,
    "gierer_meinhardt": _gierer_meinhardt,
}


def rate(case: cases.Case, laplacian, state, params):
    """The time derivative of both species; the first two parameters diffuse them."""
    reaction = _REACTION[case.model](*state, params)
    diffusivities = list(case.params)[:2]
    return tuple(
        params[name] * laplacian(field) + r
        for name, field, r in zip(diffusivities, state, reaction, strict=True)
    )


def _step(case, laplacian, params, state):
    rates = rate(case, laplacian, state, params)
    return tuple(f + case.time_step * r for f, r in zip(state, rates, strict=True))


def _scan(step, state, num_steps, unroll):
    def body(carry, _):
        return step(carry), None

    return jax.lax.scan(body, state, length=num_steps, unroll=unroll)[0]


def _plain(step, state, num_steps, unroll):
    return _scan(step, state, num_steps, unroll)


def _remat(step, state, num_steps, unroll):
    return _scan(jax.checkpoint(step), state, num_steps, unroll)


def _segments(step, state, num_steps, unroll):
    """Keeps one state per segment of about sqrt(num_steps) steps."""
    length = math.isqrt(num_steps)
    segment = jax.checkpoint(lambda s: _scan(step, s, length, unroll))
    state = _scan(segment, state, num_steps // length, 1)
    return _scan(step, state, num_steps % length, unroll)


def variants(case: cases.Case) -> dict:
    """name -> function of no arguments that does the work and returns numbers."""
    scans, unrolls = {"scan": _plain}, (1, 2, 4, 8)
    if case.gradient:  # a plain scan keeps every array of a step: 2 to 4 times slower
        scans, unrolls = {"remat": _remat, "segments": _segments}, (1, 4, 8)
    table = {}
    for scan, laplacian, unroll in itertools.product(scans, LAPLACIANS, unrolls):
        step = functools.partial(_step, case, LAPLACIANS[laplacian])
        name = f"{scan}, {laplacian}, unroll {unroll}"
        table[name] = work(case, _advance(case, scans[scan], step, unroll))
    return table


def _advance(case, scan, step, unroll):
    def advance(params, state):
        return scan(functools.partial(step, params), state, case.num_steps, unroll)

    return advance


def work(case: cases.Case, advance):
    """The case as a function of no arguments, given advance(params, state) -> state."""
    state = tuple(jnp.asarray(field) for field in cases.initial_state(case))
    params = {name: jnp.asarray(p) for name, p in case.params.items()}

    def loss(params, state):
        return jnp.mean(advance(params, state)[-1] ** 2)

    if not case.gradient:
        program = jax.jit(loss)
        return lambda: jax.device_get(program(params, state))

    @jax.jit
    def value_and_gradient(params, state):
        value, gradient = jax.value_and_grad(loss)(params, state)
        return jnp.stack([value, *(gradient[name] for name in case.params)])

    return lambda: jax.device_get(value_and_gradient(params, state))
