"""Runs the stages of a fit in a directory, without the check."""

import contextlib

from rdtf.inverse import routes
from rdtf.inverse.reporting.recorders import DirectoryRecorder
from rdtf.inverse.stages import Stages


def run_stages(problem, workdir, settings, listeners=(), resume=False):
    """The estimates of all stages."""
    recorder = DirectoryRecorder(workdir, listeners)
    with contextlib.closing(recorder):
        stages = Stages(workdir, recorder, resume)
        return routes.run(problem, settings, stages, recorder)
