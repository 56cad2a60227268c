"""A velocity whose terms are those of a library: v_s = Σ_k c_k f_k(state)."""

import keras
import numpy as np
import tensorflow as tf

from rdtf.dynamics import linear
from rdtf.dynamics.libraries import Library
from rdtf.dynamics.velocity import KerasVelocity, float64
from rdtf.models import ReactionDiffusion, expressions, right_hand_sides
from rdtf.status import InputError


@keras.saving.register_keras_serializable("rdtf")
class LibraryVelocity(KerasVelocity):
    """Σ_k c_k f_k of the terms of a library, on unit cells; its weights are c.

    Args:
      terms: (species, text) of each, see `libraries.Library`.
      laplacian: a name of `linear.LAPLACIANS`.

    Raises:
      InputError: if a term is a sum of some with and some without a Laplacian.
    """

    def __init__(self, terms, laplacian="second_order", **kwargs):
        library = Library(tuple((species, text) for species, text in terms))
        names = list(library.species)
        kwargs = {"mean": [0.0] * len(names), "scale": [1.0] * len(names)} | kwargs
        super().__init__(**kwargs | {"names": names})
        self.basis, self.laplacian = library, linear.check(laplacian)
        self._program, roots, self.powers = _read(library)
        self._roots, self.places = np.unique(roots, return_inverse=True)
        self.owners = library.owners
        self.units = np.zeros(len(self.powers), bool)
        self.radius = linear.reach(laplacian) * int(self.powers.max())
        self._values = self.add_weight(
            shape=(len(roots),), initializer="zeros", name="coefficients"
        )
        self.built = True

    def get_config(self):
        """Arguments to make it again."""
        terms = [list(term) for term in self.basis.terms]
        return super().get_config() | {"terms": terms, "laplacian": self.laplacian}

    @property
    def coefficients(self) -> np.ndarray:
        """c, `[terms]`."""
        return float64(self._values.numpy())

    def set_coefficients(self, coefficients: np.ndarray) -> None:
        """Sets c."""
        self._values.assign(np.float32(coefficients))

    @property
    def fastest(self) -> float:
        """The largest Σ |c| over Laplacians of one equation, at the shortest wave.

        Of nonlinear ones, lap(u**2), as if their arguments had a slope of 1.
        """
        weight = np.abs(self.coefficients) * linear.largest(self.laplacian) ** (
            self.powers
        )
        weight[self.powers == 0] = 0.0
        return float(np.bincount(self.owners, weight).max())

    def model(self) -> ReactionDiffusion:
        """The equations: parameters c0, c1, ... are the coefficients of the terms.

        On the grid of a `Simulation` they are those of this velocity with its
        Laplacian, `laplacian=velocity.laplacian`, and unit cells.
        """
        return self.basis.with_coefficients(self.coefficients)

    def features(self, state):
        """Different arguments of the terms, `[..., features]`, of `[..., species]`."""
        values = dict(zip(self.names, tf.unstack(state, axis=-1), strict=True))
        found = self._program.evaluate(self._roots.tolist(), values)
        like = state[..., 0]
        return tf.stack(
            [tf.cast(f, like.dtype) * tf.ones_like(like) for f in found], -1
        )

    def call(self, x):
        """v at states in units of the data, `[batch, y, x, species]`."""
        return linear.rates(self, x, tf.cast(self._values, x.dtype))

    def divergence(self, x):
        """∇·v, summed over all cells, `[batch]`: in closed form."""
        slopes = linear.slopes(self, x, tf.cast(self._values, x.dtype))
        centres = linear.centres(self.laplacian)
        traces = [centres[m] * tf.linalg.trace(one) for m, one in slopes.items()]
        return tf.reduce_sum(tf.add_n(traces), (1, 2))


def _read(library):
    """(program, roots of the arguments, powers of the Laplacian) of all terms."""
    program, roots, powers = expressions.Program(), [], []
    reader = right_hand_sides.Reader(program, library.species)
    for name, (_, text) in zip(library.names, library.terms, strict=True):
        side = reader.read(right_hand_sides.parse(text))
        parts = [(), side.laps, side.bilaps]
        if side.plain is not None:
            parts[0] = ((program.number(1), side.plain),)
        (power, part), *others = [(m, p) for m, p in enumerate(parts) if p] or [(0, ())]
        if others or len(part) != 1 or program.constant(part[0][0]) is None:
            raise InputError(
                f"Expected terms that are one function, or lap(...) of one, got {name}."
            )
        roots.append(program.apply("*", *part[0]))
        powers.append(power)
    return program, roots, np.array(powers)
