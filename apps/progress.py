"""Progress bars of apps, as callbacks of what they wait for."""

import contextlib
import signal


@contextlib.contextmanager
def steps(total: int, label: str):
    """A progress bar as a callback(steps so far, samples still running)."""
    from tqdm import tqdm

    with tqdm(
        total=total, desc=label, unit="step", leave=False, mininterval=0.5
    ) as bar:

        def update(done, running):
            bar.set_postfix_str(f"{running} running", refresh=False)
            bar.update(done - bar.n)

        yield update


@contextlib.contextmanager
def interruptible(label: str, resumed: bool):
    """A bar with the time left, as a callback(done, total) that heeds Ctrl-C.

    Anywhere else it could hit a write half done, and lose the frames of one.

    Args:
      label: before the bar.
      resumed: whether what is done at the first call was done by an earlier run.
    """
    from tqdm import tqdm

    stopped = []

    def stop(*_):
        signal.signal(signal.SIGINT, before)  # a second one does not wait
        stopped.append(True)

    with tqdm(desc=label, leave=False, mininterval=0.5) as bar:

        def update(done, total):
            if bar.total is None:
                bar.reset(total)
                bar.initial = done * resumed
            bar.update(done - bar.n)
            if stopped:
                raise KeyboardInterrupt

        before = signal.signal(signal.SIGINT, stop)
        try:
            yield update
        finally:
            signal.signal(signal.SIGINT, before)
