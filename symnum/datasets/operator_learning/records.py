"""What the records of a set are, and the raw files that hold them until a set is complete.

Each column (an input or an output) is a raw file of its own beside the target, ``NAME.COLUMN.raw``, records one behind another. A run that was
killed leaves whole records and a part of one, which is cut off; the target appears under its name when it is complete.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Column:
    """``shape`` of one record: () for a number, the grid for a field, (times, *grid) for a field over time."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Description:
    """What a layout has to know.

    ``axes``: name -> coordinates of the points, in the order of the columns' last dimensions; ``times``: of the outputs, None for steady problems;
    ``attributes``: constants and the recipe, for whoever opens the file.
    """

    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    axes: Mapping[str, np.ndarray]
    times: np.ndarray | None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[Column, ...]:
        return (*self.inputs, *self.outputs)


class Source(Protocol):
    """Makes records; travels to the workers, so it is small and knows nothing but its settings."""

    def describe(self) -> Description:
        """The same for all records."""

    def record(self, k: int) -> tuple[dict[str, np.ndarray], int]:
        """Values by column of record k, which depends on the settings and k alone, and how many draws were refused."""

    def recipe(self) -> dict[str, Any]:
        """All that the records depend on, as JSON has it."""


class RawColumns:
    """The raw files of a set while it is written."""

    def __init__(self, target: Path, columns: tuple[Column, ...], dtype: str) -> None:
        self.columns, self.dtype = columns, np.dtype(dtype).newbyteorder("<")
        self.paths = {c.name: target.with_name(f"{target.name}.{c.name}.raw") for c in columns}

    def begun(self) -> bool:
        """Whether there is anything of a record."""
        return any(path.exists() and path.stat().st_size for path in self.paths.values())

    def cut(self) -> int:
        """The number of records that are whole in all columns; what is beyond is cut off."""
        for path in self.paths.values():
            path.touch()
        count = min(self.paths[c.name].stat().st_size // self._size(c) for c in self.columns)
        for c in self.columns:
            with open(self.paths[c.name], "rb+") as out:
                out.truncate(count * self._size(c))
        return count

    def append(self, rows: Mapping[str, np.ndarray]) -> None:
        """Write records (count, *shape) of all columns behind the others."""
        for c in self.columns:
            assert rows[c.name].shape[1:] == c.shape, (c, rows[c.name].shape)
            with open(self.paths[c.name], "ab") as out:
                out.write(np.ascontiguousarray(rows[c.name], dtype=self.dtype).tobytes())

    def arrays(self, count: int) -> dict[str, np.ndarray]:
        """The columns as arrays (count, *shape) that stay on the disk; ``copy on write``, so that whoever reads them cannot change the files."""
        return {c.name: np.memmap(self.paths[c.name], self.dtype, "c", shape=(count, *c.shape)) for c in self.columns}

    def remove(self) -> None:
        for path in self.paths.values():
            path.unlink(missing_ok=True)

    def _size(self, column: Column) -> int:
        return math.prod(column.shape) * self.dtype.itemsize
