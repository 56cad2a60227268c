"""Data sets of patterns: plan in, HDF5 file out; by this process or a Ray cluster."""

import pathlib
from collections.abc import Callable

from rdtf.patterns import ensembles
from rdtf.patterns.ensembles import Plan
from rdtf.patterns.store import Writer
from rdtf.status import InputError


def generate(
    path,
    plan: Plan,
    shard: int = 0,
    num_shards: int = 1,
    *,
    resume: bool = False,
    pool: Callable | None = None,
    callback: Callable[[int], None] | None = None,
) -> pathlib.Path:
    """Makes the chunks of one shard that its file does not hold yet.

    Args:
      path: of the data set, .h5; see `shard_path` for the file of a shard.
      plan: what is made.
      shard, num_shards: chunk n belongs to shard n mod num_shards.
      resume: whether to go on with an unfinished file.
      pool: `pool(plan, numbers)` yields (number, Chunk) in any order, such as
        `rdtf.patterns.ray_pool.make_chunks`. Default: this process makes them in turn.
      callback: called as callback(samples on disk) after every chunk.

    Returns:
      The path of the file.

    Raises:
      InputError: if the shard has no chunks, or the file is another plan's.
    """
    chunks = list(range(shard, plan.num_chunks, num_shards))
    if not 0 <= shard < num_shards or not chunks:
        raise InputError(
            f"Expected a shard from 0 to {min(num_shards, plan.num_chunks) - 1} of "
            f"{plan.num_chunks} chunks, got {shard} of {num_shards}."
        )
    writer = Writer(shard_path(path, shard, num_shards), plan, chunks, resume)
    try:
        left = writer.left
        done = sum(len(plan.place(n)[1]) for n in set(chunks) - set(left))
        for number, chunk in (pool or _in_turn)(plan, left):
            writer.write(number, chunk)
            done += len(chunk.status)
            if callback is not None:
                callback(done)
    finally:
        writer.close()
    return writer.path


def _in_turn(plan, numbers):
    for number in numbers:
        yield number, ensembles.make_chunk(plan, number)


def shard_path(path, shard: int, num_shards: int) -> pathlib.Path:
    """patterns.h5 -> patterns-00002-of-00008.h5; itself if there is one shard."""
    path = pathlib.Path(path)
    if num_shards == 1:
        return path
    return path.with_name(f"{path.stem}-{shard:05d}-of-{num_shards:05d}{path.suffix}")
