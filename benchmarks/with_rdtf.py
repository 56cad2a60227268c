"""The cases in rdtf, as a user writes them."""

import tensorflow as tf

import rdtf
from benchmarks import cases

VERSION = f"rdtf {rdtf.__version__}, tensorflow {tf.__version__}"


def variants(case: cases.Case) -> dict:
    """name -> function of no arguments that does the work and returns numbers."""
    shape = (case.side, case.side)
    simulation = rdtf.Simulation(rdtf.models.GRAY_SCOTT, rdtf.Grid(shape), 1.0)
    state = tuple(tf.constant(field) for field in cases.initial_state(case))
    params = {n: tf.Variable(p, dtype=tf.float64) for n, p in cases.PARAMS.items()}

    def forward():
        return tf.reduce_mean(simulation.advance(state, params, case.num_steps)[1] ** 2)

    def gradient():
        with tf.GradientTape() as tape:
            loss = forward()
        return tf.stack([loss, *tape.gradient(loss, params).values()])

    work = gradient if case.gradient else forward
    graph = tf.function(work, autograph=False)
    name = simulation.engine
    return {
        f"{name}, eager": lambda: work().numpy(),
        f"{name}, tf.function": lambda: graph().numpy(),
    }
