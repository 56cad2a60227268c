"""Cell-fate dynamics as a JAX scan; asked by benchmarks.cells, one JSON line each.

    python -m benchmarks.cells_jax REPLICATES STEPS

The loop that a user writes: replicates by vmap, the network at every step (or a table
with linear interpolation), noise drawn before the scan or in it, the gradient by a plain
scan or with `jax.checkpoint`. Prints a line with the variants' first values; then, for
each line "VARIANT" on standard input, the seconds of one call.
"""

import functools
import itertools
import json
import sys
import time

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)
CELLS, DT, SIGMA, NODES = 7, 0.01, 0.1, 1025
NODE = jnp.linspace(0.0, 1.0, NODES)


def network(params, s):
    for kernel, bias in params[:-1]:
        s = jnp.tanh(s @ kernel + bias)
    kernel, bias = params[-1]
    return s @ kernel + bias


def means(s):
    inner = 0.5 * (s[:-2] + s[2:])
    return jnp.concatenate([s[1:2], inner, s[-2:-1]])


def rate_of(params, variant):
    """f as a function of the means."""
    if variant == "network":
        return lambda m: network(params, 5.0 * (m[:, None] - 0.5))[:, 0]
    table = network(params, 5.0 * (NODE[:, None] - 0.5))[:, 0]

    def interpolate(m):
        place = m * (NODES - 1)
        node = jnp.clip(place.astype(jnp.int32), 0, NODES - 2)
        return table[node] + (place - node) * (table[node + 1] - table[node])

    return interpolate


def final_states(params, state, key, steps, rate, noise, remat):
    """The states at the end, `[replicate, cell]`."""
    f = rate_of(params, rate)

    def step(s, xi):
        if noise == "in the scan":
            xi = jax.random.normal(xi, s.shape, s.dtype)
        drift = jax.vmap(lambda row: f(means(row)))(s)
        return jnp.clip(s + DT * drift + SIGMA * jnp.sqrt(DT) * xi, 0.0, 1.0), None

    if noise == "in the scan":
        xs = jax.random.split(key, steps)
    else:
        xs = jax.random.normal(key, (steps, *state.shape), state.dtype)
    return jax.lax.scan(jax.checkpoint(step) if remat else step, state, xs)[0]


def utility(s):
    """The kernel estimator at T = 10, h = .4."""
    q = jax.nn.sigmoid(10.0 * (s - 0.5))
    p = q.mean()
    squares = jnp.sum((q[:, None] - q[None]) ** 2, axis=-1)
    share = jnp.exp(-squares / (2.0 * 0.4**2)).mean(axis=1)
    entropy = -(p * jnp.log2(p) + (1.0 - p) * jnp.log2(1.0 - p))
    return entropy + jnp.mean(jnp.log2(share)) / CELLS


def variants(replicates, steps):
    """name -> function of no arguments."""
    keys = jax.random.split(jax.random.key(0), 5)
    sizes = [(1, 8), (8, 8), (8, 1)]
    params = [
        (jax.random.normal(k, size) / jnp.sqrt(size[0]), jnp.zeros(size[1]))
        for k, size in zip(keys, sizes, strict=False)
    ]
    state = jax.random.uniform(keys[3], (replicates, CELLS), minval=0.4, maxval=0.6)
    found = {}
    choices = itertools.product(("network", "table"), ("before", "in the scan"))
    for rate, noise in choices:
        run = functools.partial(final_states, steps=steps, rate=rate, noise=noise)
        forward = jax.jit(functools.partial(run, remat=False))
        found[f"forward: {rate}, noise {noise}"] = lambda forward=forward: forward(
            params, state, keys[4]
        )
        for remat in (False, True):
            both = jax.jit(
                jax.value_and_grad(
                    lambda p, run=run, remat=remat: utility(
                        run(p, state, keys[4], remat=remat)
                    )
                )
            )
            name = f"gradient: {rate}, noise {noise}{', checkpoint' if remat else ''}"
            found[name] = lambda both=both: both(params)
    return found


def clock(work):
    start = time.perf_counter()
    jax.block_until_ready(work())
    return time.perf_counter() - start


def main():
    """Serves until standard input ends."""
    works = variants(*(int(text) for text in sys.argv[1:]))
    first = {name: clock(work) for name, work in works.items()}
    print(json.dumps({"version": jax.__version__, "first": first}), flush=True)
    for line in sys.stdin:
        work = works[json.loads(line)]
        work()
        print(json.dumps(min(clock(work) for _ in range(3))), flush=True)


if __name__ == "__main__":
    main()
