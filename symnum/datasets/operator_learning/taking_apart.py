"""The records of a complete file again, so that it can get longer: what ``layouts.write`` has put together, column by column."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from symnum.datasets.operator_learning.layouts import _is_start, _torch
from symnum.datasets.operator_learning.records import Description
from symnum.errors import FileError

_RECORDS = 64  # at a time
Rows = dict[str, np.ndarray]


def take_apart(layout: str, file: Path, described: Description, count: int) -> Iterator[Rows]:
    """Blocks of records, (records, *shape) of each column."""
    with _opened(file) as held:
        for k in range(0, count, _RECORDS):
            rows = slice(k, min(k + _RECORDS, count))
            if layout == "neuraloperator":
                yield _from_channels(held, described, rows)
            elif file.suffix == ".hdf5":
                yield _from_one_array(held, described, rows)
            else:
                yield _from_groups(held, described, rows)


def records_in(layout: str, file: Path) -> int:
    """The number of records of a complete file. Raises FileError for a file that is none."""
    try:
        with _opened(file) as held:
            if layout == "pdebench":
                return len(held["tensor"]) if file.suffix == ".hdf5" else len(held)
            return len(held["x"]) if "x" in held else int(held["coeff" if "coeff" in held else "a"].shape[-1])
    except (OSError, KeyError, ValueError, RuntimeError) as wrong:
        raise FileError(f"{str(file)!r} cannot be read ({wrong}); remove it, or write overwrite=True") from None


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    if file.suffix == ".pt":
        yield _torch().load(file, weights_only=True, mmap=True)
        return
    import h5py

    with h5py.File(file) as held:
        yield held


def _from_one_array(held: Any, described: Description, rows: slice) -> Rows:
    """PDEBench's .hdf5."""
    output = described.outputs[0].name
    if described.times is None:
        return {described.inputs[0].name: held["nu"][rows], output: held["tensor"][rows, 0]}
    made = {output: held["tensor"][rows]}
    return made | {
        c.name: made[output][:, 0] if _is_start(c, described) else held[c.name][rows] for c in described.inputs
    }


def _from_groups(held: Any, described: Description, rows: slice) -> Rows:
    """PDEBench's .h5."""
    groups = [held[name] for name in sorted(held)[rows]]
    data = np.stack([group["data"][()] for group in groups])
    made = {c.name: data[..., k] for k, c in enumerate(described.outputs)}
    for c in described.inputs:
        if not c.shape:
            made[c.name] = np.array([group.attrs[c.name] for group in groups])
        elif _is_start(c, described):
            made[c.name] = made[c.name.removesuffix("_0")][:, 0]
        else:
            made[c.name] = np.stack([group[f"inputs/{c.name}"][()] for group in groups])
    return made


def _from_channels(held: Any, described: Description, rows: slice) -> Rows:
    """The neuraloperator library's files, and MATLAB's with their axes reversed."""
    reverse = "x" not in held
    names = ("x", "y") if not reverse else ("coeff", "sol") if described.times is None else ("a", "u")
    made: Rows = {}
    for name, columns in zip(names, (described.inputs, described.outputs), strict=True):
        values = np.asarray(held[name][..., rows]).transpose() if reverse else np.asarray(held[name][rows])
        for k, c in enumerate(columns):
            channel = values if len(columns) == 1 else values[:, k]
            made[c.name] = channel.reshape(-1, *c.shape) if c.shape else channel.reshape(len(channel), -1)[:, 0]
    return made
