"""The making of a data set: flags of parts and resumption, in apps.generate."""

from absl import flags

from rdtf.status import InputError

from . import common

_SHARD = flags.DEFINE_integer(
    "shard", 0, "Index of the part of an .h5 to make, below --num_shards.", 0
)
_NUM_SHARDS = flags.DEFINE_integer(
    "num_shards", 1, "Number of parts of an .h5, each made by a process of its own.", 1
)
_RAY = flags.DEFINE_bool(
    "ray", False, "Spread the chunks of an .h5 over a Ray cluster."
)
_RESUME = flags.DEFINE_bool("resume", False, "Continue an unfinished .h5.")


def check(output):
    """Refuses what cannot be written."""
    from rdtf.patterns import shard_path

    values = flags.FLAGS
    if not _SHARD.value < _NUM_SHARDS.value:
        raise InputError(
            f"Expected --shard below --num_shards={_NUM_SHARDS.value}, got "
            f"{_SHARD.value}."
        )
    if _RAY.value and _NUM_SHARDS.value > 1:
        raise InputError("Expected one of --ray and --num_shards, got both.")
    path = shard_path(output, _SHARD.value, _NUM_SHARDS.value)
    if _RESUME.value and values.overwrite:
        raise InputError("Expected one of --resume and --overwrite, got both.")
    common.claim(path, values.overwrite)
    partial = path.with_name(path.name + ".partial")
    if partial.exists() and not (_RESUME.value or values.overwrite):
        raise InputError(
            f"{partial} is unfinished: add --resume to go on with it, or --overwrite."
        )


def options():
    """The arguments of `rdtf.patterns.generate` besides the plan."""
    from rdtf.patterns import ray_pool

    return {
        "shard": _SHARD.value,
        "num_shards": _NUM_SHARDS.value,
        "resume": _RESUME.value,
        "pool": ray_pool.make_chunks if _RAY.value else None,
    }
