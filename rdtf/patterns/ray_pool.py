"""Chunks by the workers of a Ray cluster; what a lost worker was making is made again."""

from collections.abc import Iterator, Sequence

from rdtf.patterns.ensembles import Chunk, Plan, make_chunk
from rdtf.status import InputError


def make_chunks(
    plan: Plan, numbers: Sequence[int], address: str | None = None, cpus: int = 1
) -> Iterator[tuple[int, Chunk]]:
    """Yields (number, chunk) as they are ready.

    Args:
      plan, numbers: what to make.
      address: of a running cluster; None takes that of the environment, or starts one
        here.
      cpus: of a worker.

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
        ray.init(address, log_to_driver=False, configure_logging=False)

    work = ray.remote(num_cpus=cpus, max_retries=-1)(make_chunk)
    waiting, numbers, shared = {}, list(numbers), ray.put(plan)
    ahead = 2 * max(1, int(ray.cluster_resources().get("CPU", 1) / cpus))
    while numbers or waiting:
        while numbers and len(waiting) < ahead:
            waiting[work.remote(shared, numbers[0])] = numbers.pop(0)
        (ready,), _ = ray.wait(list(waiting))
        yield waiting.pop(ready), ray.get(ready)
