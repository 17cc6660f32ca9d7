"""Tiles of a loop shared among threads that sleep while there is nothing to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count

_TILES = 4  # a worker, so that one that is held up leaves its share to the others
_LEAST = 16  # rows of a tile


def available() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool(workers: int, process: int) -> ThreadPoolExecutor:
    """Threads of a process (a forked one has none of its parent's); they start when they are first needed."""
    return ThreadPoolExecutor(workers, thread_name_prefix="symnum")


def tiles(start: int, stop: int, workers: int) -> list[tuple[int, int]]:
    """Ranges (low, high) that make up ``start ... stop - 1``, some for each worker."""
    height = max(_LEAST, -(-(stop - start) // (_TILES * workers)))
    height += -height % 4  # rows are handled four at a time
    return [(low, min(low + height, stop)) for low in range(start, stop, height)]


def share(work: Callable[[int, int], None], ranges: list[tuple[int, int]], workers: int) -> None:
    """Call ``work(low, high)`` for every range; the caller works too. Native code runs at the same time, as it does not hold Python's lock."""
    following = count()

    def take() -> None:
        while (k := next(following)) < len(ranges):
            work(*ranges[k])

    others = min(workers, len(ranges)) - 1
    started = [_pool(workers, os.getpid()).submit(take) for _ in range(others)]
    take()
    for one in started:
        one.result()
