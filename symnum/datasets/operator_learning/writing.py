"""[Source] -> file: records are made by workers, lie in raw files until they are complete, and then become a file in a public layout.

Record k depends on the source and k alone: the same file for any number of workers. The recipe lies beside the file (``NAME.json``); a run that was
killed, at any moment and in any way, goes on where its raw files end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from symnum.datasets.generation import Written
from symnum.datasets.lock import locked
from symnum.datasets.operator_learning import layouts
from symnum.datasets.operator_learning.records import Description, RawColumns, Source
from symnum.datasets.operator_learning.taking_apart import records_in, take_apart
from symnum.datasets.workers import in_order, worker_pool
from symnum.errors import FileError, SolveError

VERSION = 1
DTYPES = ("float32", "float64")
_PIECE = 2**21  # values that a worker hands over at a time, at most
_LONGEST = 60_000  # letters of an attribute; HDF5 has room for 64 KiB
_RECORDS = 16  # records that it hands over at a time, at most

Piece = tuple[dict[str, np.ndarray], int]  # rows by column, draws that were refused


def write(
    source: Source,
    path: str | os.PathLike[str],
    n: int,
    *,
    layout: str,
    dtype: str = "float32",
    workers: int = 1,
    executor: Executor | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int, float], None] | None = None,
) -> Written:
    """Write ``n`` records of a source to ``path`` in a layout; see ``operator_pairs`` for the arguments and the errors."""
    file, n, workers = target_file(path), whole(n, "n", 1), whole(workers, "workers", 1)
    layouts.check(layout, file)
    if dtype not in DTYPES:
        raise SolveError(f"dtype={dtype!r}: records are {' or '.join(DTYPES)}")
    if executor is not None and not hasattr(executor, "submit"):
        raise SolveError(
            f"executor={executor!r} has no submit; write concurrent.futures.ProcessPoolExecutor(2), or a Dask client's get_executor()"
        )
    if progress is not None and not callable(progress):
        raise SolveError(f"progress={progress!r} is no function; it is called with (records, n, records a second)")
    described = source.describe()
    layouts.check(layout, file, described)
    recipe = {"version": VERSION, "layout": layout, "dtype": dtype} | source.recipe()
    with locked(file):
        return _written(source, described, file, n, recipe, (workers, executor), overwrite, progress)


def _written(
    source: Source,
    described: Description,
    file: Path,
    n: int,
    recipe: dict[str, Any],
    where: tuple[int, Executor | None],
    overwrite: bool,
    progress: Callable[[int, int, float], None] | None,
) -> Written:
    """Go on where the raw files end, or begin; then put the file together."""
    raw = RawColumns(file, described.columns, recipe["dtype"])
    complete = _begin(file, recipe, raw, overwrite)
    if complete >= n:
        raw.remove()  # a run may have been killed after its last line but one
        return Written(file, complete, 0, 0, 0.0)
    if raw.cut() < complete:
        raw.remove()
        for rows in take_apart(recipe["layout"], file, described, complete):
            raw.append(rows)
    done, begin, rejected = min(raw.cut(), n), monotonic(), 0
    size = max(1, min(_RECORDS, _PIECE // sum(int(np.prod(c.shape)) for c in described.columns)))
    new = 0
    with worker_pool(*where) as pool:
        for rows, refused in in_order(
            pool, partial(piece, source, done, n, size), range(-(-(n - done) // size)), where[0]
        ):
            raw.append(rows)
            new, rejected = new + len(next(iter(rows.values()))), rejected + refused
            if progress is not None:
                progress(done + new, n, new / max(monotonic() - begin, 1e-9))
    _complete(file, described, raw, n, recipe)
    return Written(file, n, new, rejected, monotonic() - begin)


def piece(source: Source, first: int, n: int, size: int, k: int) -> Piece:
    """Records first + k size, ... of n."""
    made = [source.record(j) for j in range(first + k * size, min(first + (k + 1) * size, n))]
    return {name: np.stack([row[name] for row, _ in made]) for name in made[0][0]}, sum(refused for _, refused in made)


def whole(value: Any, name: str, least: int) -> int:
    """A whole number. Raises SolveError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise SolveError(f"{name}={value!r} is no whole number from {least} on; write {name}={max(least, 1)}")
    return int(value)


def number(value: Any, name: str) -> float:
    """A finite number. Raises SolveError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
        raise SolveError(f"{name}={value!r} is no finite number; write {name}=1.0")
    return float(value)


def target_file(path: Any) -> Path:
    """The file that is meant. Raises FileError for what is no file in a folder that exists."""
    if not isinstance(path, str | os.PathLike):
        raise FileError(f'{path!r} is no path; write "train.hdf5"')
    file = Path(os.fspath(path))
    if file.is_dir():
        raise FileError(f"{str(file)!r} is a folder; name a file in it")
    if not file.parent.is_dir():
        raise FileError(f"the folder {str(file.parent)!r} does not exist; make it first: mkdir -p {file.parent}")
    return file


def _note(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _begin(file: Path, recipe: dict[str, Any], raw: RawColumns, overwrite: bool) -> int:
    """The recipe beside the file; the number of records of a file that is complete, 0 where there is none."""
    note = _note(file)
    if (file.exists() or raw.begun()) and not overwrite:
        if _kept(note) != json.loads(json.dumps(recipe)):
            raise FileError(
                f"{str(file)!r} exists, or was begun, by another recipe ({note.name}); give another name, or overwrite=True"
            )
        return records_in(recipe["layout"], file) if file.exists() else 0
    file.unlink(missing_ok=True)
    raw.remove()
    draft = note.with_name(f"{note.name}.part")
    draft.write_text(json.dumps(recipe, indent=1) + "\n", "utf-8")
    draft.replace(note)
    return 0


def _kept(note: Path) -> Any:
    try:
        return json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _complete(file: Path, described: Description, raw: RawColumns, n: int, recipe: dict[str, Any]) -> None:
    """The file appears under its name when it is whole; then the raw files go."""
    draft = file.with_name(f"{file.name}.part")
    text = json.dumps(recipe, sort_keys=True)
    attributes = dict(described.attributes) | {"recipe": text if len(text) < _LONGEST else f"see {_note(file).name}"}
    layouts.write(recipe["layout"], draft, file.suffix, described, raw.arrays(n), attributes)
    draft.replace(file)
    raw.remove()
