"""The files of a data set while it is written and when it is complete. A run may be killed at any moment; the next one goes on.

    layout    tokens                                        values
    prefix    NAME.prefix, a JSON line a record             in the lines, or NAME_data.raw -> NAME_data.h5 (dataset "data")
    hdf5      NAME.h5.lines -> NAME.h5                      NAME.h5.raw -> NAME.h5 (datasets "data", "data_noisy")

The recipe lies beside them, ``NAME.prefix.json`` or ``NAME.h5.json``. A complete HDF5 file is taken apart again if it shall get longer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from symnum.errors import FileError

LAYOUTS = {"prefix": (".prefix",), "hdf5": (".h5", ".hdf5")}  # by the end of the file's name
_BLOCK = 256  # records that are copied at a time
_TEXTS = ("type", "tree_encoded", "tree_skeleton")


class RecordFiles:
    """``names``: of the arrays of a record that go into a file of their own (none: all is in the lines); ``shape``: of each, without the record."""

    def __init__(self, file: Path, layout: str, names: tuple[str, ...], shape: tuple[int, ...]) -> None:
        self.file, self.packed = file, layout == "hdf5"
        self.names, self.shape = names, (len(names), *shape)
        self.note = file.with_name(file.name + ".json")
        self.lines = file.with_name(file.name + ".lines") if self.packed else file
        base = file.name if self.packed else f"{file.stem}_data"
        self.raw = file.with_name(f"{base}.raw")
        self.target = file if self.packed else file.with_name(f"{base}.h5")

    def begin(self, recipe: dict[str, Any], n: int, overwrite: bool) -> int:
        """The number of whole records that are there. Raises FileError for files of another recipe."""
        wanted = json.dumps(recipe, indent=1) + "\n"
        there = self.file.exists() or self.lines.exists()
        if there and not overwrite:
            kept = self.note.read_text("utf-8") if self.note.is_file() else ""
            if kept != wanted:
                raise FileError(
                    f"{str(self.file)!r} exists and was made by another recipe ({self.note.name}); give another name, or overwrite=True"
                )
            return self._again(n)
        if not overwrite:
            self._spare_others()
        for path in (self.file, self.lines, *((self.target, self.raw) if self.names else ())):
            path.unlink(missing_ok=True)
        draft = self.note.with_name(self.note.name + ".part")
        draft.write_text(wanted, "utf-8")
        draft.replace(self.note)
        self.lines.touch()
        if self.names:
            self.raw.touch()
        return 0

    def append(self, lines: list[str], arrays: np.ndarray | None) -> None:
        """Write records behind the others: values first, as a line says that its record is whole."""
        if self.names:
            assert arrays is not None
            with open(self.raw, "ab") as out:
                out.write(np.ascontiguousarray(arrays, dtype="<f4").reshape(len(lines), *self.shape).tobytes())
        with open(self.lines, "ab") as out:
            out.write("".join(lines).encode())

    def close(self) -> None:
        """Make the HDF5 file whole; it appears under its name when it is complete."""
        if not self.names or not self.raw.exists():
            return
        import h5py

        draft = self.target.with_name(self.target.name + ".part")
        count = self.raw.stat().st_size // self._size
        with h5py.File(draft, "w") as out:
            for k, name in enumerate(self.names):
                data = out.create_dataset(name, (count, *self.shape[1:]), np.float32)
                for first, rows in self._blocks(count):
                    data[first : first + len(rows)] = rows[:, k]
            if self.packed:
                out.attrs["recipe"] = self.note.read_text("utf-8")
                self._pack(out, count)
        draft.replace(self.target)
        if self.packed:
            self.lines.unlink()  # before the raw values: without it, the HDF5 file is what holds
        self.raw.unlink()

    def _spare_others(self) -> None:
        """Raises FileError where a file that would be replaced is not of an earlier run, whose recipe lies beside it."""
        found = next((p for p in (self.note, *((self.raw, self.target) if self.names else ())) if p.exists()), None)
        if found is not None and not _is_recipe(self.note):
            raise FileError(f"{str(found)!r} exists and is not of a data set; move it away, or give another name")

    # --- going on --------------------------------------------------------------------------------------------------------------------------

    def _again(self, n: int) -> int:
        if self.packed and not self.lines.exists():
            count = _records(self.file)
            if count >= n:
                return count
            self._values_again()
            self._lines_again()
        elif self.names and self.target.exists() and not self.raw.exists():
            self._values_again()
        done = whole_lines(self.lines)
        if self.names:
            self.raw.touch()
            done = min(done, self.raw.stat().st_size // self._size)
            os.truncate(self.raw, done * self._size)
            with open(self.lines, "rb+") as lines:
                lines.truncate(sum(len(line) for line in islice(lines, done)))
        return done

    @property
    def _size(self) -> int:
        return int(np.prod(self.shape)) * 4

    def _blocks(self, count: int) -> Iterator[tuple[int, np.ndarray]]:
        for first in range(0, count, _BLOCK):
            rows = min(_BLOCK, count - first)
            values = np.fromfile(self.raw, "<f4", rows * self._size // 4, offset=first * self._size)
            yield first, values.reshape(rows, *self.shape)

    def _pack(self, out: Any, count: int) -> None:
        """The lines as datasets: "dim", and texts as "type", "tree_encoded" (tokens with spaces between them)."""
        import h5py

        with open(self.lines, encoding="utf-8") as lines:
            for first in range(0, count, _BLOCK):
                block = [json.loads(line) for line in islice(lines, min(_BLOCK, count - first))]
                for name in block[0]:
                    kind = h5py.string_dtype("utf-8") if name in _TEXTS else np.int32
                    data = out[name] if name in out else out.create_dataset(name, (count,), kind)
                    data[first : first + len(block)] = [
                        r[name] if name in ("type", "dim") else " ".join(r[name]) for r in block
                    ]

    def _values_again(self) -> None:
        import h5py

        draft = self.raw.with_name(self.raw.name + ".part")
        with h5py.File(self.target) as held, open(draft, "wb") as out:
            for first in range(0, len(held[self.names[0]]), _BLOCK):
                rows = np.stack([held[name][first : first + _BLOCK] for name in self.names], axis=1)
                out.write(np.asarray(rows, dtype="<f4").tobytes())
        draft.replace(self.raw)

    def _lines_again(self) -> None:
        draft = self.lines.with_name(self.lines.name + ".part")
        with open(draft, "w", encoding="utf-8") as out:
            for record in packed_records(self.file, values=False):
                out.write(line(record))
        draft.replace(self.lines)


def _is_recipe(note: Path) -> bool:
    try:
        kept = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(kept, dict) and "families" in kept and "seed" in kept


def line(record: dict[str, Any]) -> str:
    """A record as a line of JSON."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"


def whole_lines(file: Path) -> int:
    """Lines that end; what a killed run left of a line is cut off."""
    count, end = 0, 0
    with open(file, "rb+") as lines:
        for text in lines:
            if not text.endswith(b"\n"):
                break
            count, end = count + 1, end + len(text)
        lines.truncate(end)
    return count


def packed_records(file: Path, values: bool = True) -> Iterator[dict[str, Any]]:
    """The records of an HDF5 file; data are float32 arrays without their padding. Raises FileError for what is no such file."""
    with _opened(file) as held:
        texts = [name for name in ("type", "dim", *_TEXTS[1:]) if name in held]
        arrays = [name for name in ("data", "data_noisy") if name in held] if values else []
        for first in range(0, len(held["type"]), _BLOCK):
            columns = {name: held[name][first : first + _BLOCK] for name in (*texts, *arrays)}
            for k in range(len(columns["type"])):
                record: dict[str, Any] = {"type": columns["type"][k].decode(), "dim": int(columns["dim"][k])}
                record |= {name: columns[name][k].decode().split(" ") for name in texts[2:]}
                yield record | {name: columns[name][k][..., : record["dim"]] for name in arrays}


def _records(file: Path) -> int:
    with _opened(file) as held:
        return len(held["type"])


def _opened(file: Path) -> Any:
    import h5py

    try:
        held = h5py.File(file)
    except OSError:
        raise FileError(f"{str(file)!r} is no HDF5 file that can be read") from None
    if any(name not in held for name in ("type", "dim", "tree_encoded", "data")):
        held.close()
        raise FileError(f"{str(file)!r} holds no records (datasets type, dim, tree_encoded, data)")
    return held
