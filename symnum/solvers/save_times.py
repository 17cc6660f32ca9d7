"""The times that a solve keeps, from what a user asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symnum.errors import SolveError

MOST = 10_000_000  # states that save_every may ask for


def save_times(
    span: tuple[float, float], in_space: bool, saveat: Sequence[float] | None, save_every: float | None
) -> Any:
    """Times to save, or None for every accepted step. ``span``: the interval; ``in_space``: there are grids, so 101 equal times are the default.

    Raises SolveError where both are given or save_every is not a positive time that asks for fewer than 10^7 states.
    """
    start, stop = span
    if saveat is not None and save_every is not None:
        raise SolveError("saveat and save_every both say what to save; give one of them")
    if saveat is not None:
        return saveat if np.ndim(saveat) else np.atleast_1d(saveat)  # checked by Options
    if save_every is None:
        return np.linspace(start, stop, 101) if in_space else None
    example = f"write save_every={(stop - start) / 100:g}"
    number = isinstance(save_every, (int, float, np.number)) and not isinstance(save_every, bool)
    if not (number and 0 < save_every < float("inf")):
        raise SolveError(f"save_every is {save_every!r}, not a positive time; {example}")
    count = int(np.floor((stop - start) / save_every * (1 + 1e-12)))
    if count > MOST:
        raise SolveError(f"save_every={save_every:g} asks for {count:,} states; {example}")
    times = np.minimum(start + float(save_every) * np.arange(count + 1), stop)  # 3*0.1 > 0.3
    return times if stop - times[-1] <= 1e-9 * save_every else np.append(times, stop)
