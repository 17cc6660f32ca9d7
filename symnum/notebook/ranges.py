"""Which parameters have a slider, and from where to where it goes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from symnum.errors import SolveError, UnknownName, did_you_mean

MOST = 8  # sliders, where none are asked for

Range = tuple[float, float]


def slider_ranges(
    values: Mapping[str, float], asked: Mapping[Any, Any] | Iterable[Any] | str | None
) -> dict[str, Range]:
    """Name -> (lowest, highest) value. ``asked``: names, or a mapping to pairs; None: the first eight parameters, from 0 to twice their value.

    Raises UnknownName for a parameter that the model does not have, SolveError for what is no interval around its value.
    """
    if asked is None:
        return {name: _usual(value) for name, value in list(values.items())[:MOST]}
    names = asked.replace(",", " ").split() if isinstance(asked, str) else asked
    if not isinstance(names, Iterable):
        raise SolveError(f"parameters={asked!r} names none; write parameters=['D'], or {{'D': (0.1, 2)}}")
    made = {}
    for key in names:
        name = str(getattr(key, "name", key))
        if name not in values:
            listed = ", ".join(values) or "none"
            raise UnknownName(f"the model has no parameter {name!r}.{did_you_mean(name, values)} Parameters: {listed}")
        made[name] = _interval(name, asked[key], values[name]) if isinstance(asked, Mapping) else _usual(values[name])
    return made


def _usual(value: float) -> Range:
    low, high = sorted((0.0, 2.0 * value))
    return (low, high) if high > low else (-1.0, 1.0)


def _interval(name: str, given: Any, value: float) -> Range:
    line = f"write parameters={{{name!r}: (0.1, 2)}}"
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 2:
        raise SolveError(f"the slider of {name} goes over an interval, not {given!r}; {line}")
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        raise SolveError(f"the slider of {name} goes from number to number, not over {given!r}; {line}") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise SolveError(f"the slider of {name} goes from a lower to a higher number, not over {given!r}; {line}")
    if not low <= value <= high:
        raise SolveError(
            f"{name} is {value:g}, outside its slider's ({low:g}, {high:g}); give an interval that holds it"
        )
    return low, high
