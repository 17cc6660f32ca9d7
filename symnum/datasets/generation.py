"""``sn.datasets.prose``: files of trajectories and their equations, for transformers that learn to write equations down.

A line a record: ``{"type": family, "data": [[float]*dimension]*192, "tree_encoded": [tokens]}``, float32 values at 192 equal times of (0, 6).
Families take turns system by system; each system has 20 trajectories from different starts. Record k depends on the seed and k alone, so a file
is the same whatever the number of workers, and a run that was killed goes on where its file ends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from symnum.datasets.corruption import corrupted, noisy
from symnum.datasets.pde_records import pde_records
from symnum.datasets.prose_families import ODE15, POINTS, SPAN, Family
from symnum.datasets.prose_pde_families import PDE16
from symnum.datasets.trajectories import Trajectories
from symnum.datasets.values_file import ValuesFile
from symnum.errors import FileError, SolveError, UnknownName, did_you_mean
from symnum.formats.prose.ode import export_ode

GROUPS = {"ode15": tuple(ODE15), "pde16": tuple(PDE16)}
_RTOL, _ATOL = 1e-6, 1e-8  # the reference: BDF at 1e-5 and 1e-6
_TRIES = 200  # starts for one trajectory, then the system is given up
_AHEAD = 4  # systems in work for each worker


@dataclass(frozen=True)
class Recipe:
    """What the records depend on."""

    families: tuple[str, ...]
    seed: int
    trajectories: int
    noise: float
    corruption: bool
    version: int = 1


@dataclass(frozen=True)
class Written:
    """What a run gave. Attributes: ``path``, ``records`` in the file, ``new`` of this run, ``rejected`` trajectories, ``seconds`` (by the clock)."""

    path: Path
    records: int
    new: int
    rejected: int
    seconds: float

    @property
    def rate(self) -> float:
        """New records a second."""
        return self.new / self.seconds if self.seconds else 0.0


def prose(
    families: str | Sequence[str],
    path: str | os.PathLike[str],
    n: int,
    *,
    seed: int = 0,
    workers: int = 1,
    trajectories: int = 20,
    noise: float = 0.0,
    corruption: bool = False,
    overwrite: bool = False,
    executor: Executor | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Written:
    """Write ``n`` records to ``path`` (``NAME.prefix``): ``sn.datasets.prose("ode15", "train.prefix", 1500, seed=1)``.

    Args:
        families: "ode15" (all of the paper's), a name of ``sn.datasets.ODE15``, or a list of names.
        seed: of everything that is random. workers: processes. executor: where the work is done instead (a Dask client's ``get_executor()``).
        trajectories: starts of each system. noise: a further field "data_noisy", with noise of this size relative to ||data||_2.
        corruption: a further field "tree_skeleton": the tokens without numbers, one term more or less in 3 of 10 (``sn.datasets.corrupted``).
        overwrite: begin anew where the file exists. progress: called with (records, n, records a second).

    Families of ``sn.datasets.PDE16`` ("pde16": all of them) go into two files, tokens into ``NAME.prefix`` ({"type", "dim", "tree_encoded"}), values
    into ``NAME_data.h5``, dataset "data", shape (records, 64 times, 128 points, fields) float32; noise and corruption are for the others.

    A file that exists is continued if it was made by the same recipe, which ``NAME.prefix.json`` keeps. Raises FileError for files of another
    recipe and bad paths, UnknownName for families, SolveError for numbers that make no sense.
    """
    recipe = Recipe(
        _families(families),
        _whole(seed, "seed", 0),
        _whole(trajectories, "trajectories", 1),
        _level(noise),
        bool(corruption),
    )
    file, n, workers = _path(path), _whole(n, "n", 1), _whole(workers, "workers", 1)
    in_space = recipe.families[0] in PDE16
    if in_space and (recipe.noise or recipe.corruption):
        raise SolveError("noise and corruption are for the families of ODEs; leave them out for families in space")
    values = ValuesFile(file, overwrite) if in_space else None
    done = _begin(file, recipe, overwrite)
    if values is not None:
        done = _cut(file, values.cut(done))
    begin, rejected, new = monotonic(), 0, 0
    with open(file, "ab") as out, _pool(workers, executor) as pool:
        for lines, arrays, refused in _chunks(recipe, done, n, pool, workers):
            if values is not None:
                values.append(arrays)
            out.write("".join(lines).encode())
            out.flush()
            new, rejected = new + len(lines), rejected + refused
            if progress is not None:
                progress(done + new, n, new / max(monotonic() - begin, 1e-9))
    if values is not None:
        values.close()
    return Written(file, done + new, new, rejected, monotonic() - begin)


def records(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The records of a file, one after another. Raises FileError with the line that is no record."""
    if not Path(path).is_file():
        raise FileError(f"there is no file {str(path)!r}")
    with open(path, "rb") as lines:
        for k, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
                record["tree_encoded"], record["type"]
            except (ValueError, TypeError, KeyError, RecursionError):
                raise FileError(f"{str(path)!r}, line {k}: no record (type, tree_encoded, ...)") from None
            yield record


# --- one system ----------------------------------------------------------------------------------------------------------------------------


Made = tuple[list[str], "np.ndarray | None", int]  # lines, values that go elsewhere, trajectories that were refused


def system_records(recipe: Recipe, index: int) -> Made:
    """The records of system number ``index``: a function of its arguments alone."""
    name = recipe.families[index % len(recipe.families)]
    if name in PDE16:
        return pde_records(PDE16[name], recipe.trajectories, np.random.default_rng([recipe.seed, index]))
    family = ODE15[name]
    rng = np.random.default_rng([recipe.seed, index])
    refused = 0
    while True:
        values = family.draw(rng)
        found, bad = _trajectories(family, values, recipe.trajectories, rng)
        refused += bad
        if found is not None:
            break
    tokens = export_ode(family.system.with_parameters(**values)).tokens
    return [_line(recipe, name, data, tokens, rng) for data in found], None, refused


def _trajectories(
    family: Family, values: dict[str, float], count: int, rng: np.random.Generator
) -> tuple[list[np.ndarray] | None, int]:
    """Trajectories that stay within the family's bounds; None where hardly any does."""
    found: list[np.ndarray] = []
    tried = 0
    while len(found) < count:
        if tried - len(found) > _TRIES:
            return None, tried
        tried += 1
        states = _solver(family.name).run(values, family.start(rng))
        if np.isfinite(states).all() and np.abs(states).max() < family.largest:
            found.append(states)
    return found, tried - count


@cache
def _solver(name: str) -> Trajectories:
    """Compiled once a process."""
    return Trajectories(ODE15[name].system, np.linspace(*SPAN, POINTS), _RTOL, _ATOL)


def _line(recipe: Recipe, name: str, data: np.ndarray, tokens: list[str], rng: np.random.Generator) -> str:
    record: dict[str, Any] = {"type": name, "data": _floats(data), "tree_encoded": tokens}
    if recipe.noise:
        record["data_noisy"] = _floats(noisy(data, rng, recipe.noise))
    if recipe.corruption:
        record["tree_skeleton"] = corrupted(tokens, rng)
    return json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"


def _floats(data: np.ndarray) -> list[list[float]]:
    """float32 values with no more digits than they have."""
    return [[float(str(v)) for v in row] for row in data.astype(np.float32)]


# --- the file ------------------------------------------------------------------------------------------------------------------------------


def _begin(file: Path, recipe: Recipe, overwrite: bool) -> int:
    """The number of whole records in the file, which is cut after them; the recipe beside it."""
    note = file.with_name(file.name + ".json")
    wanted = json.dumps(asdict(recipe), indent=1) + "\n"
    if file.exists() and not overwrite:
        kept = note.read_text("utf-8") if note.is_file() else ""
        if kept != wanted:
            raise FileError(
                f"{str(file)!r} exists and was made by another recipe ({note.name}); give another name, or overwrite=True"
            )
        return _whole_records(file)
    file.unlink(missing_ok=True)
    draft = note.with_name(note.name + ".part")
    draft.write_text(wanted, "utf-8")
    draft.replace(note)
    file.touch()
    return 0


def _whole_records(file: Path) -> int:
    """Lines that end; what a killed run left of a line is cut off."""
    count, end = 0, 0
    with open(file, "rb+") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                break
            count, end = count + 1, end + len(line)
        lines.truncate(end)
    return count


def _cut(file: Path, count: int) -> int:
    """The file with its first ``count`` lines only."""
    with open(file, "rb+") as lines:
        lines.truncate(sum(len(line) for line in islice(lines, count)))
    return count


def _chunks(recipe: Recipe, done: int, n: int, pool: Executor | None, workers: int) -> Iterator[Made]:
    """Records of one system after another, in order, from record ``done`` to record ``n``."""
    each = recipe.trajectories
    first, last = done // each, -(-n // each)
    if pool is None:
        made: Iterator[Made] = (system_records(recipe, k) for k in range(first, last))
    else:
        made = _in_order(pool, recipe, range(first, last), workers * _AHEAD)
    for k, (lines, arrays, refused) in zip(range(first, last), made, strict=True):
        kept = slice(max(0, done - k * each), n - k * each)
        yield lines[kept], None if arrays is None else arrays[kept], refused


def _in_order(pool: Executor, recipe: Recipe, indices: range, ahead: int) -> Iterator[Made]:
    """Results in the order of the indices, at most ``ahead`` of them in work."""
    rest = iter(indices)
    waiting = [pool.submit(system_records, recipe, k) for k in islice(rest, ahead)]
    while waiting:
        yield waiting.pop(0).result()
        waiting += [pool.submit(system_records, recipe, k) for k in islice(rest, 1)]


@contextmanager
def _pool(workers: int, executor: Executor | None) -> Iterator[Executor | None]:
    if executor is not None or workers == 1:
        yield executor
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield pool


# --- what is asked for ---------------------------------------------------------------------------------------------------------------------


def _families(given: Any) -> tuple[str, ...]:
    if not isinstance(given, Iterable):
        raise SolveError(f'families={given!r}; write families="ode15", or a list of names')
    listed = [given] if isinstance(given, str) else list(given)
    names = tuple(n for name in listed for n in (GROUPS.get(name, (name,)) if isinstance(name, str) else (name,)))
    for name in names:
        if not isinstance(name, str) or name not in {*ODE15, *PDE16}:
            known = [*GROUPS, *ODE15, *PDE16]
            raise UnknownName(f"unknown family {name!r}.{did_you_mean(str(name), known)} Families: {', '.join(known)}")
    if not names:
        raise SolveError('no family given; write families="ode15", or a list of names')
    if len({name in PDE16 for name in names}) > 1:
        raise SolveError("families of ODEs and of PDEs do not go into one file; write two")
    return names


def _path(path: Any) -> Path:
    file = Path(path)
    if file.suffix != ".prefix":
        raise FileError(f"{str(path)!r} does not end in .prefix; write {str(file.with_suffix('.prefix'))!r}")
    if file.is_dir():
        raise FileError(f"{str(path)!r} is a folder; name a file in it")
    if not file.parent.is_dir():
        raise FileError(f"the folder {str(file.parent)!r} does not exist; make it first: mkdir -p {file.parent}")
    return file


def _whole(value: Any, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise SolveError(f"{name}={value!r} is no whole number from {least} on; write {name}={max(least, 1)}")
    return int(value)


def _level(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 10:
        raise SolveError(f"noise={value!r} is no level of noise; write noise=0.02")
    return float(value)
