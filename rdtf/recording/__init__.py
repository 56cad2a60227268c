"""Long runs: frames at given times, statistics on the way, events, and files.

`record` steps a simulation from save time to save time and hands every frame to its
recorders; `resume` goes on with a file that was left. See docs/recording.md.
"""

from rdtf.lazy import attributes
from rdtf.recording.events import Watch, extinct, steady, threshold
from rdtf.recording.frames import Event, Frame, Recorder, Run, Samples
from rdtf.recording.hdf5 import HDF5Recorder
from rdtf.recording.metadata import describe
from rdtf.recording.movies import MemoryRecorder, Movie, open_hdf5, to_xarray
from rdtf.recording.plans import Schedule
from rdtf.recording.reports import check_start, summary
from rdtf.recording.running import Recording, record, resume
from rdtf.recording.statistics import Series, Statistics

__all__ = [
    "Event",
    "Frame",
    "HDF5Recorder",
    "MemoryRecorder",
    "Movie",
    "Recorder",
    "Recording",
    "Run",
    "Samples",
    "Schedule",
    "Series",
    "Statistics",
    "Watch",
    "check_start",
    "describe",
    "extinct",
    "open_hdf5",
    "record",
    "resume",
    "steady",
    "summary",
    "threshold",
    "to_xarray",
]

__getattr__, __dir__ = attributes(__name__, {})
