"""Pieces of work done by processes: results in the order of their numbers, a bounded number of them in work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

R = TypeVar("R")

_AHEAD = 4  # pieces in work for each worker


@contextmanager
def worker_pool(workers: int, executor: Executor | None) -> Iterator[Executor | None]:
    """The given executor, or processes of our own; None for one worker: the work is done here."""
    if executor is not None or workers == 1:
        yield executor
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield pool


def in_order(pool: Executor | None, make: Callable[[int], R], indices: range, workers: int) -> Iterator[R]:
    """``make(k)`` of all indices, in their order; ``make`` travels to the workers and depends on nothing else."""
    if pool is None:
        yield from map(make, indices)
        return
    rest = iter(indices)
    waiting = [pool.submit(make, k) for k in islice(rest, workers * _AHEAD)]
    while waiting:
        yield waiting.pop(0).result()
        waiting += [pool.submit(make, k) for k in islice(rest, 1)]
