"""Which equations leave the law of these patterns as it is? From snapshots alone.

    python -m apps.identify --dataset=waves.h5 --model=gray_scott
    python -m apps.identify --dataset=waves.h5 --degree=3 --output=found.json

Coefficients of a library of terms: those of a model, all monomials up to a degree, or
--terms="u: lap(u), u*v**2, 1, u; v: lap(v), u*v**2, v". Snapshots leave the unit of time
open; a data set with --pairs settles it by --num_pairs=1. The output holds the equations as
text that --equations of other apps reads.
"""

from absl import flags

from rdtf import storage

from . import common, library_flags

flags.adopt_module_key_flags(library_flags)
_DATASET = flags.DEFINE_list("dataset", None, "The .h5, or its shards. Required.")
_TIE = flags.DEFINE_multi_string(
    "tie", [], "Links two coefficients: 'v: u*v**2 = -1 * u: u*v**2'. Repeatable."
)
_SNAPSHOTS = flags.DEFINE_integer("num_snapshots", 256, "At most these.", 8)
_NUM_PAIRS = flags.DEFINE_integer("num_pairs", 0, "Of the data set, for the scale.", 0)
_BOOTSTRAP = flags.DEFINE_integer("bootstrap", 100, "Resamples; 0: no errors.", 0)
_SEED = flags.DEFINE_integer("seed", 0, "Of the resamples.", 0)
_OUTPUT = flags.DEFINE_string("output", None, "Also writes all of it, .json.")


def main(argv):
    """Prints the equations."""
    del argv
    if _OUTPUT.value is not None:
        common.claim(_OUTPUT.value)
    library_flags.check()
    common.quiet_tensorflow()
    from rdtf import patterns
    from rdtf.dynamics import libraries, snapshots

    data = patterns.read(_DATASET.value)
    library = library_flags.chosen(data.metadata["species"])
    found = snapshots.identify(
        data,
        library,
        libraries.ties(library, _TIE.value),
        num_snapshots=_SNAPSHOTS.value,
        num_pairs=_NUM_PAIRS.value,
        bootstrap=_BOOTSTRAP.value,
        seed=_SEED.value,
    )
    print(found.text)
    if _OUTPUT.value is not None:
        storage.write_json(_OUTPUT.value, found.as_dict())


if __name__ == "__main__":
    flags.mark_flag_as_required("dataset")
    common.run(main)
