"""Which equations keep the distribution of these patterns? From snapshots alone.

    python -m apps.identify --dataset=waves.h5 --model=gray_scott
    python -m apps.identify --dataset=waves.h5 --degree=3 --output=found.json

finds the coefficients of a library of terms: those of a model, all monomials up to a
degree, or --terms="u: lap(u), u*v**2, 1, u; v: lap(v), u*v**2, v". Snapshots do not
determine the unit of time; a data set with --pairs sets it by --num_pairs=1. The output
holds the equations as text that --equations of other apps reads.
"""

from absl import flags

from rdtf import storage

from . import common, library_flags

flags.adopt_module_key_flags(library_flags)
_DATASET = flags.DEFINE_list(
    "dataset", None, "The data set, .h5, or its shards. Required."
)
_TIE = flags.DEFINE_multi_string(
    "tie", [], "Link two coefficients: 'v: u*v**2 = -1 * u: u*v**2'. Repeatable."
)
_SNAPSHOTS = flags.DEFINE_integer(
    "num_snapshots", 256, "At most so many snapshots are used.", 8
)
_NUM_PAIRS = flags.DEFINE_integer("num_pairs", 0, "Pairs that set the unit of time.", 0)
_BOOTSTRAP = flags.DEFINE_integer(
    "bootstrap", 100, "Resamples for standard errors; 0: none.", 0
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the resamples.", 0)
_OUTPUT = flags.DEFINE_string("output", None, "Also write all results here, .json.")


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
