"""Gray-Scott in Exponax, another method: spectral in space, ETDRK2 in time.

One step is more accurate and costs more, so its numbers are not compared.
"""

import exponax
import jax
import jax.numpy as jnp

from benchmarks import cases

jax.config.update("jax_enable_x64", True)
VERSION = f"exponax {exponax.__version__}, jax {jax.__version__}"
OTHER_METHOD = True


def variants(case: cases.Case) -> dict:
    """name -> function of no arguments that does the work and returns numbers."""
    if case.model != "gray_scott" or case.gradient or case.batch > 1:
        return {}
    stepper = exponax.stepper.reaction.GrayScott(
        num_spatial_dims=2,
        domain_extent=float(case.side),
        num_points=case.side,
        dt=case.time_step,
        diffusivity_1=case.params["Du"],
        diffusivity_2=case.params["Dv"],
        feed_rate=case.params["F"],
        kill_rate=case.params["k"],
        dealiasing_fraction=2 / 3,  # with the default, 1/2, this pattern dies out
    )
    repeated = exponax.repeat(stepper, case.num_steps)
    program = jax.jit(lambda state: jnp.mean(repeated(state)[1] ** 2))
    state = jnp.concatenate([jnp.asarray(f) for f in cases.initial_state(case)])
    return {"ETDRK2": lambda: jax.device_get(program(state))}
