"""Bounds as changes of variable: raw numbers, free to move, to physical parameters.

log            p = exp(raw)
softplus       p = ln(1 + exp(raw))
sigmoid:U      p = U / (1 + exp(-raw))
identity       p = raw
"""

from collections.abc import Mapping

import tensorflow as tf

from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

KINDS = ("log", "softplus", "sigmoid:UPPER", "identity")


class Constraints:
    """One bijector per parameter (TensorFlow Probability, in float64).

    Args:
      model: whose parameters; "log" is the default of those that cannot be negative,
        "identity" of the others.
      kinds: parameter -> one of `KINDS`, where another is wanted.
    """

    def __init__(self, model: ReactionDiffusion, kinds: Mapping[str, str] = {}):
        for name in kinds:
            if name not in model.parameters:
                raise InputError(
                    f"Expected transforms of {', '.join(model.parameters)}, got one of "
                    f"{name!r}."
                )
        self._bijectors = {
            name: _bijector(
                kinds.get(name, "log" if parameter.lower >= 0.0 else "identity")
            )
            for name, parameter in model.parameters.items()
        }

    def physical(self, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Physical parameters of raw ones; differentiable."""
        return {n: b.forward(raw[n]) for n, b in self._bijectors.items()}

    def raw(self, params: Mapping[str, float]) -> dict[str, float]:
        """Raw values of physical parameters.

        Raises:
          InputError: if a value lies outside what its transform can reach.
        """
        values = {}
        for name, bijector in self._bijectors.items():
            value = float(bijector.inverse(tf.constant(params[name], tf.float64)))
            if not abs(value) < float("inf"):
                raise InputError(
                    f"Expected {name} inside the range of its transform, got "
                    f"{params[name]:g}: start elsewhere or choose another transform."
                )
            values[name] = value
        return values


def _bijector(kind):
    from tensorflow_probability import bijectors

    name, _, argument = kind.partition(":")
    if name == "sigmoid":
        try:
            upper = float(argument)
        except ValueError:
            upper = 0.0
        if not 0.0 < upper < float("inf"):
            raise InputError(
                f"Expected sigmoid:UPPER with a positive number, such as sigmoid:0.1, "
                f"got {kind!r}."
            )
        return bijectors.Sigmoid(
            low=tf.constant(0.0, tf.float64), high=tf.constant(upper, tf.float64)
        )
    simple = {
        "log": bijectors.Exp,
        "softplus": bijectors.Softplus,
        "identity": bijectors.Identity,
    }
    if kind not in simple:
        raise InputError(
            f"Expected a transform among {', '.join(KINDS)}, got {kind!r}."
        )
    return simple[kind]()
