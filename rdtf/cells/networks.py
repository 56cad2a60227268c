"""What a cell does, f: a small float64 network of the mean of its neighbours."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from rdtf.cells.dynamics import NODES
from rdtf.names import NETWORK_STARTS
from rdtf.status import InputError

_DEAD_ZONE = (14.0, 0.15, 0.05)  # height, half width, edge: what a small network can


def network(
    hidden: Sequence[int] = (8, 8),
    gain: float = 5.0,
    centre: float = 0.5,
    seed: int = 0,
    inhibits: bool = False,
    height: float = 1.0,
) -> keras.Sequential:
    """f(s) = A [W₃ tanh(W₂ tanh(W₁ gain (s - centre) + b₁) + b₂) + b₃], in float64.

    LeCun's normal weights, biases 0. `gain=1, centre=0` is the plain network of the
    published notebooks, for which f(0) = 0 at the start.

    Args:
      hidden: widths of the tanh layers.
      gain, centre: of the input.
      seed: of the weights.
      inhibits: f falls everywhere, whatever is learnt (lateral inhibition): weights are
        kept at 0 or above, behind a gain of the other sign. Biases start uniform, so
        that units bend at different places, but f(1/2) = 0.
      height: A; the larger, the faster |f| can grow while it is learnt.

    Raises:
      InputError: if there is no hidden layer.
    """
    if not hidden or min(hidden) < 1:
        raise InputError(f"Expected widths from 1 of hidden layers, got {hidden}.")
    keras.utils.set_random_seed(seed)
    scale = -gain if inhibits else gain
    layers = [
        keras.Input((1,), dtype="float64"),
        keras.layers.Rescaling(scale, -scale * centre, dtype="float64"),
    ]
    reach = 0.5 * abs(gain)  # of the input
    for width in hidden:
        layers.append(_dense(width, "tanh", inhibits, reach))
        reach = 1.0
    layers.append(_dense(1, None, inhibits, 0.0))
    made = keras.Sequential([*layers, keras.layers.Rescaling(height, dtype="float64")])
    if inhibits:
        for layer in made.layers[1:-1]:
            layer.kernel.assign(tf.abs(layer.kernel))
        _balance(made)
    return made


def _dense(width, activation, inhibits, reach):
    options = {}
    if inhibits:
        bias = keras.initializers.RandomUniform(-reach, reach)
        options = {"kernel_constraint": "non_neg", "bias_initializer": bias}
    return keras.layers.Dense(
        width,
        activation,
        kernel_initializer="lecun_normal",
        dtype="float64",
        **options,
    )


def _balance(f):
    """Makes f(1/2) = 0."""
    bias, height = f.layers[-2].bias, f.layers[-1].scale
    bias.assign(bias - f(tf.constant([[0.5]], tf.float64))[0] / height)


def points(nodes: int = NODES) -> tf.Tensor:
    """Where f is tabulated."""
    return tf.linspace(tf.constant(0.0, tf.float64), 1.0, nodes)


def tabulate(f, nodes: int = NODES) -> tf.Tensor:
    """f at `points(nodes)`, `[nodes]`: what `Dynamics` takes, differentiable."""
    return tf.reshape(f(points(nodes)[:, None]), [nodes])


def load(path) -> keras.Model:
    """A network.keras of another run.

    Raises:
      InputError: if there is none.
    """
    try:
        found = keras.models.load_model(path)
        tabulate(found)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"Expected {', '.join(NETWORK_STARTS)} or a network.keras to start from, "
            f"got {str(path)!r}: {str(error).splitlines()[0]}"
        ) from None
    return found


def set_slope(f, slope: float) -> None:
    """Multiplies the weights of the last layer, so that f'(1/2) is `slope`.

    Raises:
      InputError: if f'(1/2) is 0, or must keep its sign.
    """
    middle = tf.constant([[0.5]], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(middle)
        value = f(middle)
    now = float(tape.gradient(value, middle)[0, 0])
    if now == 0.0:
        raise InputError("Expected a network with a slope at 1/2: use another seed.")
    last = f.layers[-2]
    if last.kernel_constraint is not None:
        if slope > 0.0:
            raise InputError(f"Expected a slope below 0 with inhibition, got {slope}.")
        last.kernel.assign(last.kernel * (slope / now))
        _balance(f)
    else:
        last.kernel.assign(last.kernel * (slope / now))


def fit(f, wanted, steps: int = 600, learning_rate: float = 1e-2) -> float:
    """Fits f to values at `points()` by Adam, without simulating.

    Args:
      f: the network; is changed.
      wanted: the values, `[node]`.
      steps: of Adam.
      learning_rate: at the start; falls to 0 along a cosine.

    Returns:
      The rms of the residual.
    """
    wanted = tf.convert_to_tensor(wanted, tf.float64)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(f.trainable_variables)

    @tf.function
    def run():
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(tabulate(f) - wanted))
            gradients = tape.gradient(loss, f.trainable_variables)
            optimizer.apply(gradients, f.trainable_variables)

    run()
    return float(tf.sqrt(tf.reduce_mean(tf.square(tabulate(f) - wanted))))


def sigmoidal(slope: float = 5.0, centre: float = 0.5) -> np.ndarray:
    """tanh(-slope (s - centre)) at `points()`: the reference of published notebooks."""
    return np.tanh(-slope * (points().numpy() - centre))


def dead_zone(
    height: float = 20.0, half_width: float = 0.15, edge: float = 0.03
) -> np.ndarray:
    """-A/2 [tanh((s - 1/2 - w)/d) + tanh((s - 1/2 + w)/d)] at `points()`.

    Cells whose neighbours are undecided wait; the first that is not starts a fast wave.
    """
    s = points().numpy() - 0.5
    steps = np.tanh((s - half_width) / edge) + np.tanh((s + half_width) / edge)
    return -0.5 * height * steps


def begin(f, start: str, slope: float) -> None:
    """Brings a network that was just made to where its learning starts.

    Args:
      start: a name of `rdtf.names.NETWORK_STARTS`: "slope" sets f'(1/2) to `slope`,
        "plain" leaves f as it is, "dead_zone" fits it to one.
    """
    if start not in NETWORK_STARTS:
        raise InputError(
            f"Expected a start among {', '.join(NETWORK_STARTS)}, got {start!r}."
        )
    if start == "slope":
        set_slope(f, slope)
    elif start == "dead_zone":
        fit(f, dead_zone(*_DEAD_ZONE))
