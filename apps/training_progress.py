"""Training on the console: a line per epoch, bars of patterns and of steps."""

import contextlib


def epochs():
    """A Keras callback that prints a line per epoch, as `fit(verbose=2)` does."""
    import keras

    class Lines(keras.callbacks.ProgbarLogger):
        """The lines, though the library trains with `verbose=0`."""

        def set_params(self, params):
            super().set_params(params | {"verbose": 2})

    return Lines()


def patterns():
    """A bar as a callback(noisy patterns done, all of them)."""
    import keras

    bars = []

    def update(done, total):
        if not bars:
            bars.append(keras.utils.Progbar(total, unit_name="noisy pattern"))
        bars[0].update(done)

    return update


@contextlib.contextmanager
def steps(total: int):
    """One bar after another as a callback(what is trained, steps done, loss)."""
    from tqdm import tqdm

    bars = {}

    def update(label, done, loss):
        if label not in bars:
            for bar in bars.values():
                bar.close()
            bars[label] = tqdm(total=total, desc=label, leave=False, mininterval=0.5)
        bars[label].set_postfix_str(f"loss {loss:.3g}", refresh=False)
        bars[label].update(done - bars[label].n)

    try:
        yield update
    finally:
        for bar in bars.values():
            bar.close()
