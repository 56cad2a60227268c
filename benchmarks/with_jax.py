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


def _step(laplacian, params, state):
    u, v = state
    uvv = u * v * v
    du = params["Du"] * laplacian(u) - uvv + params["F"] * (1.0 - u)
    dv = params["Dv"] * laplacian(v) + uvv - (params["F"] + params["k"]) * v
    return u + du, v + dv


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
    laplacians = {"roll": _laplacian_roll, "pad": _laplacian_pad}
    scans = {"scan": _plain}
    if case.gradient:
        scans |= {"remat": _remat, "segments": _segments}
    return {
        f"{scan}, {laplacian}, unroll {unroll}": _work(
            case, functools.partial(_step, laplacians[laplacian]), scans[scan], unroll
        )
        for scan, laplacian, unroll in itertools.product(scans, laplacians, (1, 4))
    }


def _work(case, step, scan, unroll):
    state = tuple(jnp.asarray(field) for field in cases.initial_state(case))
    params = {name: jnp.asarray(p) for name, p in cases.PARAMS.items()}

    def loss(params, state):
        final = scan(functools.partial(step, params), state, case.num_steps, unroll)
        return jnp.mean(final[1] ** 2)

    if not case.gradient:
        program = jax.jit(loss)
        return lambda: jax.device_get(program(params, state))

    @jax.jit
    def value_and_gradient(params, state):
        value, gradient = jax.value_and_grad(loss)(params, state)
        return jnp.stack([value, *(gradient[name] for name in cases.PARAMS)])

    return lambda: jax.device_get(value_and_gradient(params, state))
