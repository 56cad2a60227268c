"""The cases in rdtf, as a user writes them, with one engine."""

import importlib

import tensorflow as tf

import rdtf
from benchmarks import cases
from rdtf import engines


class Contestant:
    """rdtf with the engine of that name."""

    VERSION = f"rdtf {rdtf.__version__}, tensorflow {tf.__version__}"

    def __init__(self, engine: str):
        if engine not in engines.ENGINES:
            raise ModuleNotFoundError(f"no {engine}", name=f"engine {engine!r}")
        importlib.import_module(engines.ENGINES[engine])  # its package may be missing
        self._engine = engine

    def variants(self, case: cases.Case) -> dict:
        """name -> function of no arguments that does the work and returns numbers."""
        grid = rdtf.Grid((case.side, case.side))
        model = rdtf.models.get(case.model)
        simulation = rdtf.Simulation(
            model, grid, time_step=case.time_step, engine=self._engine
        )
        state = tuple(tf.constant(field) for field in cases.initial_state(case))
        params = {n: tf.Variable(p, dtype=tf.float64) for n, p in case.params.items()}

        def forward():
            final = simulation.advance(state, params, case.num_steps)
            return tf.reduce_mean(tf.square(final[-1]))

        def gradient():
            with tf.GradientTape() as tape:
                loss = forward()
            return tf.stack([loss, *tape.gradient(loss, params).values()])

        work = gradient if case.gradient else forward
        graph = tf.function(work, autograph=False)
        return {
            "eager": lambda: work().numpy(),
            "tf.function": lambda: graph().numpy(),
        }
