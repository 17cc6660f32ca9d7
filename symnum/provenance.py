"""What made a solution: the model and the options, as JSON text that travels in saved files, so that a run can be made again.

    {"symnum": "provenance", "version": 1, "model": {...}, "options": {"resolution": 64, "rtol": 1e-06}}

``model`` is what ``sn.export(system, "json")`` writes. Reading it back executes nothing: terms are data, and of the options only
those below are taken, each of its own kind. Options that write files, call functions or start other programs are never kept.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import numpy as np

from symnum.errors import FileError, ModelError, SymnumError
from symnum.result import Solution

VERSION = 1
_NUMBERS = ("rtol", "atol", "dt", "save_every")
_WHOLE = ("order", "max_steps", "max_order", "seed")
_NAMES = ("scheme", "method", "backend", "linear_solver", "simplify")
_BACKENDS = ("auto", "embedded", "sundials", "scipy")  # a file does not start a Julia


@dataclass(frozen=True)
class Recipe:
    """A model and the options of ``sn.solve`` that go with it: ``sn.solve(recipe.system, **recipe.options)``."""

    system: Any
    options: Mapping[str, Any] = field(default_factory=dict)


def recorded(solve: Callable[..., Solution]) -> Callable[..., Solution]:
    """``solve`` whose solutions know their ``provenance``. The text is made when it is asked for, so that a solve costs no more."""
    takes = inspect.signature(solve)

    @wraps(solve)
    def solved(system: Any, *args: Any, **options: Any) -> Solution:
        solution = solve(system, *args, **options)
        stated = dict(takes.bind(system, *args, **options).arguments)
        stated.pop("system")
        solution.made_by(partial(provenance_of, system, stated, dict(solution.stats)))
        return solution

    return solved


def provenance_of(system: Any, stated: Mapping[str, Any], stats: Mapping[str, Any]) -> str:
    """The text for a system and the arguments of a solve; empty where the model has no JSON form (a reaction network, a Python function)."""
    from symnum.formats.exporters.json import as_data

    options = _plain_options({**stated, "seed": stats.get("seed", stated.get("seed"))})
    try:
        if stated.get("parameters"):
            given = stated["parameters"].items()
            system = system.with_parameters(**{str(getattr(k, "name", k)): v for k, v in given})
        if stated.get("events"):
            system = system.replace(events=(*system.events, *stated["events"]))
        head = {"symnum": "provenance", "version": VERSION}
        return json.dumps(head | {"model": as_data(system), "options": options}, separators=(",", ":"), allow_nan=False)
    except (
        SymnumError,
        ValueError,
        AttributeError,
    ):  # NaN in an array; a traced function has neither model nor parameters
        return ""


def read_provenance(text: str) -> Recipe:
    """The recipe of a text that ``provenance_of`` wrote. Raises FileError where it is none, ModelError where the model is damaged."""
    from symnum.formats.exporters.json import from_data

    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise FileError(f"what made this solution is not readable: {wrong}") from None
    if not isinstance(data, dict) or data.get("symnum") != "provenance":
        raise FileError('what made this solution is not readable: it should begin with {"symnum": "provenance"')
    if data.get("version") != VERSION:
        raise FileError(
            f"what made this solution is told in version {data.get('version')!r}; this symnum reads version {VERSION}"
        )
    if not isinstance(data.get("model"), dict) or not isinstance(data.get("options"), dict):
        raise ModelError(
            "what made this solution lacks its model or its options; save the solution again with sol.save"
        )
    return Recipe(from_data(data["model"]), _plain_options(data["options"]))


def _plain_options(stated: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are numbers and names. A method of a backend that is not kept is not kept either."""
    made: dict[str, Any] = {key: value for key in _NUMBERS if (value := _number(stated.get(key))) is not None}
    made |= {key: value for key in _WHOLE if (value := _whole(stated.get(key))) is not None}
    made |= {key: value for key in _NAMES if isinstance(value := stated.get(key), str)}
    if made.get("backend", "auto") not in _BACKENDS:
        del made["backend"]
        made.pop("method", None)
    if (cells := _resolution(stated.get("resolution"))) is not None:
        made["resolution"] = cells
    saveat = stated.get("saveat")
    if isinstance(saveat, list | tuple | np.ndarray) and len(saveat) and all(_number(t) is not None for t in saveat):
        made["saveat"] = [float(t) for t in saveat]
    return made


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number beyond all floats
        return None


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else None


def _resolution(value: Any) -> int | dict[str, int] | None:
    """Cells along the axes: one number, or by the name of the coordinate; a Grid tells its own."""
    if isinstance(value, Mapping):
        cells = {str(getattr(key, "name", key)): _whole(n) for key, n in value.items()}
        return {key: n for key, n in cells.items() if n is not None} if None not in cells.values() else None
    if hasattr(value, "axes"):
        return {a.name: round((a.stop - a.start) / a.spacing) for a in value.axes}
    return _whole(value)
