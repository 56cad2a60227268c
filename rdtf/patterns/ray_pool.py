"""Chunks by the workers of a Ray cluster; those of a lost worker are made again."""

import functools
from collections.abc import Iterator, Sequence

from rdtf.patterns.ensembles import Chunk, Plan, make_chunk
from rdtf.status import InputError


def make_chunks(plan: Plan, numbers: Sequence[int]) -> Iterator[tuple[int, Chunk]]:
    """Yields (number, chunk) as they are ready, each made by a worker of one CPU.

    The cluster is that of the environment (RAY_ADDRESS), or one that is started here.

    Args:
      plan, numbers: what to make.

    Raises:
      InputError: if Ray is not installed.
    """
    try:
        import ray
    except ImportError:
        raise InputError(
            "Expected Ray for --ray: pip install 'rdtf[ray]', or use --shard."
        ) from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False, configure_logging=False)

    work = ray.remote(num_cpus=1, max_retries=-1)(_make)
    waiting, numbers, shared = {}, list(numbers), ray.put(plan)
    ahead = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    while numbers or waiting:
        while numbers and len(waiting) < ahead:
            number = numbers.pop(0)
            waiting[work.remote(shared, number)] = number
        (ready,), _ = ray.wait(list(waiting))
        yield waiting.pop(ready), ray.get(ready)


def _make(plan, number):
    """In a worker."""
    return make_chunk(_first(plan), number)


@functools.lru_cache
def _first(plan):
    """The first equal plan of a worker, whose programs are compiled."""
    return plan
