"""Is the gradient of a window right, and of any use? A report of independent tests.

    python -m apps.certify --preset=maze --num_steps=100

Runs fresh initial states until they are steady, or with --until=steps for --max_steps,
and tests the gradient of a loss after --num_steps more by Taylor remainders, adjoint
against tangents, central differences, and its growth with the window. The loss compares
the final state with another initial state. The exit code is 0 if the gradient passes,
and 1 if not.
"""

import pathlib
import sys

from absl import flags

from rdtf import names, storage
from rdtf.models import parameters_text
from rdtf.status import InputError

from . import common, pattern_flags, simulation_flags

simulation_flags.define_simulation_flags()
pattern_flags.define_pattern_flags()
pattern_flags.define_until_flag()
for module in (pattern_flags, simulation_flags):
    flags.adopt_module_key_flags(module)
_NUM_STEPS = flags.DEFINE_integer(
    "num_steps", 100, "Time steps of the window, which has a gradient.", lower_bound=1
)
_LOSS = flags.DEFINE_enum(
    "loss",
    "power_spectrum",
    names.LOSSES,
    "The loss, of pixels, of log power spectra (of the whole field, of tiles, over "
    "rings of wave numbers), or of field statistics.",
)
_OBSERVE = flags.DEFINE_string(
    "observe", None, "The species that the loss compares. Default: the model's last."
)
_PRESET = flags.DEFINE_string(
    "preset", None, "Preset of the model whose parameters are used. Default: none."
)
_PARAMS = flags.DEFINE_string(
    "params",
    "",
    "Parameters that differ from the preset or the defaults, as F=0.03,k=0.06.",
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The .json file to write. Default: runs/certify-DATE-TIME.json."
)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing file.")


def main(argv):
    del argv
    output = output_path()
    model = simulation_flags.model_from_flags()
    params = parameters_text.full_params(model, _PARAMS.value, _PRESET.value)
    index = model.check_species(_OBSERVE.value or model.species[-1])
    grid = simulation_flags.grid_from_flags()
    common.quiet_tensorflow()
    simulation = simulation_flags.simulation_from_flags(params, grid)
    simulation.check_stability(params)
    found = certify(simulation, params, index)
    storage.write_json(output, found.to_dict())
    print(found.table())
    print(output)
    if not found.passed:
        print(f"error: {found.verdict}", file=sys.stderr)
    return 0 if found.passed else 1


def output_path():
    """Where the certificate goes; refused if that cannot be written."""
    if _OUTPUT.value is None:
        output = common.dated("certify", ".json")
    else:
        output = pathlib.Path(_OUTPUT.value)
    if output.suffix != ".json":
        raise InputError(f"Expected --output to end in .json, got {output}.")
    common.claim(output, _OVERWRITE.value)
    return output


def certify(simulation, params, index):
    """The certificate of the window that the flags describe."""
    from rdtf import gradients, initial_conditions, losses

    values, model = flags.FLAGS, simulation.model
    tolerance = pattern_flags.stopping()["tolerance"]
    made = pattern_flags.make_patterns(simulation, params, tolerance)
    state = tuple(made.fields[name] for name in model.species)
    other = initial_conditions.create(
        values.initial_condition,
        model,
        simulation.grid,
        batch=values.num_samples,
        seed=values.seed + 1,
        params=params,
    )
    compare = losses.LOSSES[_LOSS.value]
    return gradients.certificate(
        simulation,
        state,
        params,
        lambda final: compare(final[index], other[index]),
        _NUM_STEPS.value,
        seed=values.seed,
    )


if __name__ == "__main__":
    common.run(main)
