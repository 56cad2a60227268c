"""Certificates of a fit: were the gradients of its first and last window right?

They are taken after the fit and change nothing in it. A route that needs no windows is
certified by those that would polish it, which start at the pictures.
"""

import dataclasses

import tensorflow as tf

from rdtf import gradients, losses
from rdtf.gradients import Certificate
from rdtf.inverse.observation import noise
from rdtf.inverse.problem import Problem
from rdtf.inverse.results import Estimate
from rdtf.inverse.settings import Settings
from rdtf.inverse.simulated.windows import Windows, WindowSettings


def certify(
    problem: Problem, settings: Settings, last: Estimate
) -> dict[str, Certificate | str]:
    """Certificates of the "first" window, at the start, and the "last", at the answer.

    Windows are laid afresh, also where the fit slid them on. The starting state of a
    window counts as given. A window that cannot be run has the reason in words.
    """
    windows = _windows(problem, settings)
    return {
        "first": _certify(problem, windows, dict(problem.start), 0),
        "last": _certify(problem, windows, last.params, last.iterations),
    }


def summary(certificates: dict[str, Certificate | str]) -> str:
    """One line: the last window's verdict, or what is wrong with either."""
    for label in ("last", "first"):
        found = certificates[label]
        if isinstance(found, str):
            return f"gradient certificate: none of the {label} window, {found}"
        if not found.passed:
            return f"gradient certificate: {label} window {found.verdict}"
    return f"gradient certificate: {certificates['last'].verdict}"


def to_json(certificates: dict[str, Certificate | str]) -> dict:
    """What `certificates.json` holds."""
    return {
        label: {"passed": None, "verdict": found}
        if isinstance(found, str)
        else found.to_dict()
        for label, found in certificates.items()
    }


def _windows(problem, settings):
    if settings.route == "bptt":
        return Windows(problem, settings.windows, settings.loss)
    grid = problem.simulation.grid
    smooth = noise.low_pass(problem.fields, grid, noise.estimate(problem.fields, grid))
    laid = WindowSettings(window=settings.polish_window, start="target")
    smoothed = dataclasses.replace(problem, fields=smooth)
    return Windows(smoothed, laid, losses.per_pixel)


def _certify(problem, windows, params, iteration):
    outcome = windows.run(params, windows.draw(iteration))
    if outcome.failure is not None:
        return outcome.failure
    window = outcome.payload
    params = {name: tf.constant(value, tf.float64) for name, value in params.items()}
    return gradients.certificate(
        problem.simulation,
        windows.first_state(params, window),
        params,
        lambda final: windows.compare(final, window),
        window.length,
        seed=problem.seed,
    )
