"""What the implicit and exponential schemes share: L applied mode by mode."""

import tensorflow as tf

from rdtf.schemes.splitting import Splitting
from rdtf.types import Params, State


class SpectralStep:
    """The base of the steps with functions of h L.

    Args:
      scheme, model, operator, time_step, varying: as of `rdtf.schemes.base.MakeStep`.

    Prepared parameters (see `schemes`) hold these functions too, as "0.1.half" for
    "half" of species 0 and 1 and so on, so that they are computed, and differentiated,
    once for many steps. A subclass says what they are, with h a number or
    `[B, 1, ...]`:

        functions(symbol, h) -> {(i, j): {name: `[1 or B, *modes]`}}
    """

    def __init__(self, scheme, model, operator, time_step, varying):
        self._time_step, self._species = time_step, range(len(model.species))
        self._splitting = Splitting(scheme, model, operator, varying)

    def prepare(self, params: Params, lengths=None) -> Params:
        """The parameters and the functions of h L; a field of D is taken as uniform.

        `lengths` are h by sample, `[B]`; None takes the time step for all.
        """
        prepared, symbol = dict(params), self._splitting.symbol(params)
        h = self._time_step
        if lengths is not None and symbol:
            h = tf.reshape(
                lengths, [-1, *[1] * (next(iter(symbol.values())).shape.rank - 1)]
            )
        for (i, j), found in self.functions(symbol, h).items():
            prepared |= {f"{i}.{j}.{name}": x for name, x in found.items()}
        return prepared

    def prepared(self, params: Params) -> Params:
        """`params`, prepared if they are not yet."""
        moving = self._splitting.moving
        ready = not moving or any(n.startswith(f"{moving[0]}.") for n in params)
        return params if ready else self.prepare(params)

    def remainder(self, state: State, params: Params) -> State:
        """N, as fields."""
        return self._splitting.remainder(state, params)

    def times(self, name: str, params: Params, amplitudes, still):
        """Σ_j w_ij x_j for each species i.

        Args:
          name: of w among the functions of h L.
          params: prepared.
          amplitudes: x, as from `forward`.
          still: what multiplies the species that do not move.
        """
        results, moving = [], self._splitting.moving
        for i in self._species:
            if i not in moving:
                results.append(still * amplitudes[i])
                continue
            terms = [
                self._splitting.modes.scale(params[f"{i}.{j}.{name}"], amplitudes[j])
                for j in moving
                if f"{i}.{j}.{name}" in params
            ]
            results.append(sum(terms[1:], terms[0]))
        return tuple(results)

    def forward(self, state: State):
        """Amplitudes of the species that move; the others as they are."""
        return tuple(
            self._splitting.modes.forward(f) if i in self._splitting.moving else f
            for i, f in enumerate(state)
        )

    def backward(self, amplitudes, shape) -> State:
        """The fields of amplitudes."""
        return tuple(
            self._splitting.modes.backward(x, shape)
            if i in self._splitting.moving
            else x
            for i, x in enumerate(amplitudes)
        )


def stack(symbol, moving) -> tf.Tensor:
    """A matrix of the species that move as one tensor, `[1 or B, *modes, n, n]`."""
    zero = sum(0.0 * value for value in symbol.values())
    rows = [
        tf.stack([zero + symbol.get((i, j), 0.0) for j in moving], -1) for i in moving
    ]
    return tf.stack(rows, -2)


def unstack(matrices: dict, moving) -> dict:
    """{name: `[..., n, n]`} as {(i, j): {name: `[...]`}}."""
    return {
        (i, j): {name: matrix[..., a, b] for name, matrix in matrices.items()}
        for a, i in enumerate(moving)
        for b, j in enumerate(moving)
    }


def add(*states):
    """The sum of states, species by species."""
    return tuple(sum(parts[1:], parts[0]) for parts in zip(*states, strict=True))


def scaled(factor: float, state):
    """A state times a number."""
    return tuple(factor * field for field in state)
