"""What a saved solution may hold, checked as a file of somebody else: texts that no terminal obeys, numbers, and nothing from other files.

attributes of the file -> checked values, or ValueError that says which is wrong
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symnum.errors import FileError
from symnum.result.events import EventOccurrence

# steering characters of terminals, lone surrogates, and marks that turn the direction of writing
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")
_GREATEST = sys.float_info.max
_LONGEST = 4000  # characters of a text that is shown


def shown_text(value: Any) -> str:
    """An attribute as a text that can be printed: steering characters become U+FFFD, and what is longer than 4000 characters is cut."""
    text = _STEERING.sub("\ufffd", str(value))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


def numbers_by_name(text: Any, what: str) -> dict[str, float]:
    """``{"D": 0.5}`` as JSON -> {"D": 0.5}. Raises ValueError for anything else."""
    return {name: _number(value, what) for name, value in _mapping(_json(text, what), what).items()}


def counts(text: Any, numbers: tuple[str, ...]) -> dict[str, Any]:
    """What the solve took, as JSON; ``numbers``: the keys whose values are numbers or null (NaN becomes None). Raises ValueError."""
    made = dict(_mapping(_json(text, "stats"), "stats"))
    for key in {*numbers, "seed"} & made.keys():
        value = made[key]
        unknown = value is None or (isinstance(value, float) and not math.isfinite(value))
        made[key] = None if unknown else _number(value, f"stats[{key!r}]")
    return {key: shown_text(value) if isinstance(value, str) else value for key, value in made.items()}


def occurrences(text: Any) -> list[EventOccurrence]:
    """The events of a run, as JSON. Raises ValueError."""
    entries = _json(text, "events")
    if not isinstance(entries, list):
        raise ValueError("events should be a list")
    return [_occurrence(entry) for entry in entries]


def _occurrence(entry: Any) -> EventOccurrence:
    data = _mapping(entry, "an event")
    if type(data.get("index")) is not int:
        raise ValueError("an event should have a whole number as its index")
    states = {k: dict(_mapping(data.get(k, {}), f"an event's {k}")) for k in ("before", "after", "parameters")}
    for name, held in states.items():
        for value in held.values():
            if type(value) not in (int, float):  # NaN may stand here: a run that broke down
                raise ValueError(f"an event's {name} should hold numbers")
    return EventOccurrence(
        data["index"], shown_text(data.get("condition", "")), _number(data.get("t"), "an event's t"), **states
    )


def _json(text: Any, what: str) -> Any:
    if not isinstance(text, str):
        raise ValueError(f"{what} should be JSON text, not {type(text).__name__}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} is no JSON: {error}") from None


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} should be numbers by name")
    return {shown_text(k): v for k, v in value.items()}


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _GREATEST:
        raise ValueError(f"{what} should hold finite numbers")
    return value


# --- the file itself ---------------------------------------------------------------------------------------------


def check_contents(source: Path) -> None:
    """Raises FileError where the file refers to other files (their contents would be shown or saved as if they belonged to the run), where
    names hold steering characters, or where the coordinates, which are read when the file is opened, do not fit into memory.
    """
    import h5py

    memory = _memory()
    with h5py.File(source) as held:
        for where, group in (("", held), *((f"{name}/", held[name]) for name in _groups(held))):
            for name in group:
                path = where + name
                if path != shown_text(path):
                    raise FileError(f"{str(source)!r} holds {shown_text(path)!r}, a name that cannot be shown")
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise FileError(
                        f"{str(source)!r}: {path!r} lies in another file or place; a saved solution holds all that it shows"
                    )
                data = group[name]
                if not isinstance(data, h5py.Dataset):
                    continue
                if data.external or data.is_virtual:
                    raise FileError(
                        f"{str(source)!r}: the values of {path!r} lie in another file; a saved solution holds its own"
                    )
                if (data.is_scale or data.ndim == 1) and data.size and data.nbytes > memory:
                    raise FileError(
                        f"{str(source)!r}: {path!r} takes {data.nbytes / 1e9:.3g} GB, more than this machine's memory"
                    )


def check_axes(dataset: Any) -> None:
    """Raises ValueError where a coordinate, or the end or length of an axis, is no finite number."""
    import numpy as np

    for name in dataset.dims:
        values = dataset[name].values
        if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
            raise ValueError(f"the coordinate {name} should hold finite numbers")
    for key, value in dataset.attrs.items():
        if key.startswith(("bounds_", "period_")):
            given = np.asarray(value)
            if (
                given.dtype.kind not in "fiu"
                or not np.isfinite(given).all()
                or given.size != 1 + key.startswith("bounds_")
            ):
                raise ValueError(f"{key} should hold finite numbers")


def check_size(nbytes: int, source: Path) -> None:
    """Raises FileError where values of so many bytes do not fit into memory."""
    if nbytes > _memory():
        raise FileError(
            f"{str(source)!r} holds {nbytes / 1e9:.3g} GB, more than this machine's memory; `symnum view {source}` shows it piece by piece, "
            f'and xarray.open_dataset({str(source)!r}, engine="h5netcdf") reads parts of it'
        )


def _groups(held: Any) -> list[str]:
    import h5py

    return [
        name
        for name in held
        if isinstance(held.get(name, getlink=True), h5py.HardLink) and isinstance(held[name], h5py.Group)
    ]


def _memory() -> float:
    """Bytes of this machine's memory; infinite where the system does not tell."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return math.inf
