"""Finds the equations that leave the distribution of snapshots invariant.

    python -m apps.identify --dataset=waves.h5 --model=gray_scott
    python -m apps.identify --dataset=waves.h5 --degree=3 --output=found.json

Found are the coefficients of a library of terms: those of a model (--model), those of
--terms="u: lap(u), u*v**2, 1, u; v: lap(v), u*v**2, v", or all monomials up to
--degree. Snapshots do not determine the unit of time; --num_pairs=1 does, with a data
set made with --pairs. The output holds the equations as a text that --equations of
other apps reads.
"""

from absl import flags

from rdtf import storage

from . import common, library_flags

flags.adopt_module_key_flags(library_flags)
_DATASET = flags.DEFINE_list(
    "dataset", None, "The .h5 data set, or its shards as A,B,.... Required."
)
_TIE = flags.DEFINE_multi_string(
    "tie",
    [],
    "Ties one coefficient to another, as 'v: u*v**2 = -1 * u: u*v**2'; repeatable.",
)
_SNAPSHOTS = flags.DEFINE_integer(
    "num_snapshots", 256, "Number of snapshots to use, at most.", 8
)
_NUM_PAIRS = flags.DEFINE_integer(
    "num_pairs",
    0,
    "Number of pairs of the data set that determine the unit of time.",
    0,
)
_BOOTSTRAP = flags.DEFINE_integer(
    "bootstrap", 100, "Number of bootstrap resamples; 0: no standard errors.", 0
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the resamples.", 0)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The .json file to which everything is written. Default: none."
)


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
