"""Samples patterns from a trained denoiser.

    python -m apps.sample --denoiser=runs/waves/denoiser.keras --output=made.npz

The file holds every species, [sample, y, x], in the units of the data. A --shape larger
than that of the training gives patterns on a larger torus.
"""

import pathlib

from absl import flags

from rdtf import storage
from rdtf.models import parameters_text
from rdtf.names import SAMPLERS
from rdtf.status import InputError

from . import common

_DENOISER = flags.DEFINE_string(
    "denoiser", None, "The denoiser.keras of apps.train_score. Required."
)
_OUTPUT = flags.DEFINE_string("output", None, "The .npz file to write. Required.")
_NUM_SAMPLES = flags.DEFINE_integer("num_samples", 64, "Number of samples.", 1)
_SHAPE = flags.DEFINE_list(
    "shape", None, "Number of cells along each axis, y,x. Default: as in training."
)
_SAMPLER = flags.DEFINE_enum(
    "sampler",
    "heun",
    SAMPLERS,
    "Integrator from noise to patterns: heun (second order), dpm_solver "
    "(DPM-Solver++(2M)) or euler_maruyama (stochastic).",
)
_STEPS = flags.DEFINE_integer("steps", 18, "Number of noise levels.", 2)
_SIGMA_MIN = flags.DEFINE_float(
    "sigma_min",
    0.02,
    "Smallest noise level above 0, in standard deviations of the data.",
    1e-6,
)
_SIGMA_MAX = flags.DEFINE_float(
    "sigma_max",
    None,
    "Largest noise level, in standard deviations of the data. Default: derived from "
    "the data.",
)
_PRESET = flags.DEFINE_string(
    "preset", None, "Preset to sample, of a denoiser trained with --condition=preset."
)
_PARAMS = flags.DEFINE_string(
    "params",
    None,
    "Parameters to sample, as F=0.03,k=0.06, of a denoiser trained with "
    "--condition=params.",
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the noise.", 0)
_BATCH = flags.DEFINE_integer("batch_size", 32, "Samples per batch.", 1)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing file.")


def main(argv):
    """Samples, and writes."""
    del argv
    output, path = pathlib.Path(_OUTPUT.value), pathlib.Path(_DENOISER.value)
    if output.suffix != ".npz":
        raise InputError(f"Expected --output to end in .npz, got {output}.")
    common.claim(output, _OVERWRITE.value)
    common.quiet_tensorflow()
    from tqdm import tqdm

    from rdtf.generative import denoiser, samplers

    trained = denoiser.load(path)
    if trained.level is not None:
        raise InputError(
            f"Expected a denoiser of many levels, {path} knows only {trained.level:g}."
        )
    shape = trained.shape
    if _SHAPE.value is not None:
        try:
            shape = tuple(int(n) for n in _SHAPE.value)
        except ValueError:
            raise InputError(
                f"Expected --shape as y,x, got {','.join(_SHAPE.value)!r}."
            ) from None
    denoiser.check(shape, getattr(trained, "size", "ci"))
    if _PRESET.value is not None and _PARAMS.value is not None:
        raise InputError("Expected --preset or --params, got both.")
    condition = _PRESET.value
    if _PARAMS.value is not None:
        condition = parameters_text.parse_params(_PARAMS.value)
    settings = samplers.Settings(
        sampler=_SAMPLER.value,
        steps=_STEPS.value,
        sigma_min=_SIGMA_MIN.value,
        sigma_max=_SIGMA_MAX.value,
        batch=_BATCH.value,
        seed=_SEED.value,
    )
    with tqdm(total=_NUM_SAMPLES.value, unit="sample", leave=False) as bar:
        made = samplers.sample(
            trained,
            _NUM_SAMPLES.value,
            shape,
            settings=settings,
            condition=condition,
            callback=lambda done: bar.update(done - bar.n),
        )
    names = trained.names or [f"species_{i}" for i in range(made.shape[-1])]
    fields = {name: made[..., i] for i, name in enumerate(names)}
    metadata = {"denoiser": str(path), "sampler": _SAMPLER.value, "seed": _SEED.value}
    storage.save_targets(output, storage.Targets(fields, metadata=metadata))
    print(f"{output}: {len(made)} samples of {shape[0]} x {shape[1]} cells")


if __name__ == "__main__":
    flags.mark_flags_as_required(["denoiser", "output"])
    common.run(main)
