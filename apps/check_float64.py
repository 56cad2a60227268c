"""Does float64 work on each device, and what does it cost?

    python -m apps.check_float64

Advances Gray-Scott in float64 and in float32 with the same small program, compares the
float64 result with NumPy, and prints one line per device. The exit code is 0 if float64
works on the device that TensorFlow would choose, and 1 if not.
"""

import time

import numpy as np
from absl import flags

from . import common

_SIZE = flags.DEFINE_integer(
    "size", 128, "Number of cells along each side of the grid.", lower_bound=8
)
_STEPS = flags.DEFINE_integer("steps", 200, "Number of time steps.", lower_bound=1)

TOLERANCE = 1e-12
_DU, _DV, _F, _K = 0.16, 0.08, 0.035, 0.065


def main(argv):
    del argv
    common.quiet_tensorflow()
    import tensorflow as tf

    state = initial_state(_SIZE.value)
    reference = state
    for _ in range(_STEPS.value):
        reference = step(*reference, np.roll)
    devices = [d.name for d in tf.config.list_logical_devices()]
    devices = [d for d in devices if "_SYSTEM" not in d and "_JIT" not in d]
    works = {}
    print(
        f"{'device':<18}{'float64':>12}{'error':>10}{'M cell-steps/s':>26}{'ratio':>8}"
    )
    print(f"{'':<18}{'':>12}{'':>10}{'float64':>13}{'float32':>13}")
    for device in devices:
        works[device], line = check(device, state, reference)
        print(f"{device:<18}{line}")
    default = tf.constant(0.0).device.rpartition("device:")[2]
    return 0 if works.get(f"/device:{default}", all(works.values())) else 1


def initial_state(size):
    """u and v `[size, size]`, smooth and far from uniform."""
    x = 2.0 * np.pi * np.arange(size) / size
    wave = np.sin(x)[:, np.newaxis] * np.cos(2.0 * x)
    return 0.6 + 0.3 * wave, 0.25 - 0.1 * wave


def step(u, v, roll):
    """One Euler step of Gray-Scott, for arrays and for tensors."""

    def laplacian(s):
        return sum(roll(s, i, axis) for i in (1, -1) for axis in (0, 1)) - 4.0 * s

    uvv = u * v * v
    new_u = u + (_DU * laplacian(u) - uvv + _F * (1.0 - u))
    return new_u, v + (_DV * laplacian(v) + uvv - (_F + _K) * v)


def check(device, state, reference):
    """(float64 works, the rest of its line) of one device."""
    import tensorflow as tf

    try:
        double, fast = run(device, state, tf.float64)
        _, single = run(device, state, tf.float32)
    except (tf.errors.OpError, ValueError, NotImplementedError) as fault:
        reason = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        return False, f"{'fails':>12}  {reason:.60}"
    error = max(
        float(np.max(np.abs(d - r))) for d, r in zip(double, reference, strict=True)
    )
    works = double[0].dtype == np.float64 and error < TOLERANCE
    rates = f"{fast:>13.0f}{single:>13.0f}{single / fast:>8.1f}"
    return works, f"{'works' if works else 'imprecise':>12}{error:>10.0e}{rates}"


def run(device, state, dtype):
    """(final u and v, million cell-steps per second), without the time to compile."""
    import tensorflow as tf

    num_steps, cells = _STEPS.value, state[0].size

    @tf.function(jit_compile=True, autograph=False)
    def advance(u, v):
        def body(i, u, v):
            return i + 1, *step(u, v, tf.roll)

        return tf.while_loop(lambda i, *_: i < num_steps, body, (0, u, v))[1:]

    with tf.device(device):
        start = [tf.constant(field, dtype) for field in state]
        final = [field.numpy() for field in advance(*start)]
        seconds = []
        for _ in range(5):
            begin = time.perf_counter()
            _ = [field.numpy() for field in advance(*start)]
            seconds.append(time.perf_counter() - begin)
    return final, 1e-6 * cells * num_steps / min(seconds)


if __name__ == "__main__":
    common.run(main)
