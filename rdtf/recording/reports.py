"""A recorded file in a line, and whether a run that goes on is the one in it."""

import pathlib
from collections.abc import Mapping

from rdtf.recording.movies import open_hdf5
from rdtf.status import InputError, Status


def summary(path) -> str:
    """One line: how far it is, states of the samples, events, size of the file."""
    path = pathlib.Path(path)
    with open_hdf5(path) as movie:
        count, end = len(movie.times), movie.times[-1]
        states = [(s, movie.status.count(s)) for s in Status]
        kinds = [event.kind for event in movie.events]
    parts = [f"{n} {status.label}" for status, n in states if n]
    frames = f"{count} frame{'s' * (count != 1)} up to time {end:g}"
    seen = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
    events = f"events: {', '.join(seen)}" if seen else "no events"
    size = path.stat().st_size / 1e6
    return f"{path}: {', '.join(parts)}; {frames}; {events}; {size:.2f} MB"


def check_start(path, start: Mapping) -> None:
    """Raises InputError if a recorded run began otherwise than `start` says.

    Args:
      path: of the file.
      start: what is known of "num_samples", "seed" and "initial_condition".
    """
    with open_hdf5(path) as movie:
        found = movie.metadata | {"num_samples": len(movie.status)}
    for name, value in start.items():
        if value != found.get(name):
            raise InputError(
                f"Expected the --{name} of the run to resume, {found.get(name)}, got "
                f"{value}: leave it out, or start a new run."
            )
