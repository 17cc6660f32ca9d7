"""``sn.datasets.prose``: files of trajectories and their equations, for transformers that learn to write equations down.

A line a record: ``{"type": family, "data": [[float]*dimension]*192, "tree_encoded": [tokens]}``, float32 values at 192 equal times of (0, 6); or
an HDF5 file with datasets of these names.
Families take turns system by system; each system has 20 trajectories from different starts. Record k depends on the seed and k alone, so a file
is the same whatever the number of workers, and a run that was killed goes on where its file ends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from symnum.datasets.corruption import corrupted, noisy
from symnum.datasets.lock import locked
from symnum.datasets.pde_records import POINTS as PDE_POINTS
from symnum.datasets.pde_records import TIMES as PDE_TIMES
from symnum.datasets.pde_records import pde_records
from symnum.datasets.prose_families import ODE15, POINTS, SPAN, Family
from symnum.datasets.prose_pde_families import PDE16
from symnum.datasets.record_files import LAYOUTS, RecordFiles, line, packed_records
from symnum.datasets.trajectories import Trajectories
from symnum.datasets.workers import in_order, worker_pool
from symnum.errors import FileError, SolveError, UnknownName, did_you_mean, names_options
from symnum.formats.prose.ode import export_ode

GROUPS = {"ode15": tuple(ODE15), "pde16": tuple(PDE16)}
_RTOL, _ATOL = 1e-6, 1e-8  # the reference: BDF at 1e-5 and 1e-6
_TRIES = 200  # starts for one trajectory, then the system is given up


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


@names_options
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
    layout: str | None = None,
    overwrite: bool = False,
    executor: Executor | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Written:
    """Write ``n`` records to ``path`` (``NAME.prefix`` or ``NAME.h5``): ``sn.datasets.prose("ode15", "train.prefix", 1500, seed=1)``.

    Args:
        families: "ode15" (all of the paper's), a name of ``sn.datasets.ODE15``, or a list of names.
        seed: of everything that is random. workers: processes. executor: where the work is done instead (a Dask client's ``get_executor()``).
        trajectories: starts of each system. noise: a further field "data_noisy", with noise of this size relative to ||data||_2.
        corruption: a further field "tree_skeleton": the tokens without numbers, one term more or less in 3 of 10 (``sn.datasets.corrupted``).
        layout: "prefix" (lines of JSON) or "hdf5"; None: as the path ends. overwrite: begin anew where the file exists.
        progress: called with (records, n, records a second).

    HDF5 holds "data" (records, 192, largest dimension) float32, padded with zeros, "dim" (records,), "type", "tree_encoded" (records,) as UTF-8
    texts, the tokens with spaces between them; "data_noisy" and "tree_skeleton" likewise. Its values appear when the run is complete.

    Families of ``sn.datasets.PDE16`` ("pde16": all of them) go into two files, tokens into ``NAME.prefix`` ({"type", "dim", "tree_encoded"}), values
    into ``NAME_data.h5``, dataset "data", shape (records, 64 times, 128 points, fields) float32, or all into ``NAME.h5``; noise and corruption are
    for the others.

    A file that exists is continued if it was made by the same recipe, which ``NAME.prefix.json`` keeps. Raises FileError for files of another
    recipe, bad paths and a file that another run is writing, UnknownName for families, SolveError for options that make no sense.
    """
    recipe = Recipe(
        _families(families),
        _whole(seed, "seed", 0),
        _whole(trajectories, "trajectories", 1),
        _level(noise),
        _flag(corruption, "corruption"),
    )
    file, n, workers = _path(path), _whole(n, "n", 1), _whole(workers, "workers", 1)
    form, overwrite = _layout(layout, file), _flag(overwrite, "overwrite")
    _check_calls(progress, executor)
    in_space = recipe.families[0] in PDE16
    if in_space and (recipe.noise or recipe.corruption):
        raise SolveError("noise and corruption are for the families of ODEs; leave them out for families in space")
    files = RecordFiles(file, form, *_arrays(recipe, form))
    with locked(file):
        done = files.begin(asdict(recipe), n, overwrite)
        begin, rejected, new = monotonic(), 0, 0
        with worker_pool(workers, executor) as pool:
            for lines, arrays, refused in _chunks(recipe, form, done, n, pool, workers):
                files.append(lines, arrays)
                new, rejected = new + len(lines), rejected + refused
                if progress is not None:
                    progress(done + new, n, new / max(monotonic() - begin, 1e-9))
        files.close()
    return Written(file, done + new, new, rejected, monotonic() - begin)


def records(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The records of a file, one after another; of an HDF5 file with data as float32 arrays. Raises FileError with the line that is no record."""
    if not isinstance(path, (str, os.PathLike)) or not Path(path).is_file():
        raise FileError(f"there is no file {str(path)!r}")
    if Path(path).suffix in LAYOUTS["hdf5"]:
        yield from packed_records(Path(path))
        return
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


def system_records(recipe: Recipe, index: int, layout: str = "prefix") -> Made:
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
    if layout == "hdf5":
        return *_packed(recipe, name, found, tokens, rng), refused
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
    return line(record)


def _packed(
    recipe: Recipe, name: str, found: list[np.ndarray], tokens: list[str], rng: np.random.Generator
) -> tuple[list[str], np.ndarray]:
    """Lines without data, and data (records, 1 or 2, 192, widest dimension), the second with noise; what is random is drawn as in ``_line``."""
    names, shape = _arrays(recipe, "hdf5")
    made = np.zeros((len(found), len(names), *shape), np.float32)
    lines = []
    for k, data in enumerate(found):
        record: dict[str, Any] = {"type": name, "dim": data.shape[1], "tree_encoded": tokens}
        made[k, 0, :, : data.shape[1]] = data
        if recipe.noise:
            made[k, 1, :, : data.shape[1]] = noisy(data, rng, recipe.noise)
        if recipe.corruption:
            record["tree_skeleton"] = corrupted(tokens, rng)
        lines.append(line(record))
    return lines, made


def _arrays(recipe: Recipe, layout: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names and shape of the arrays that are not in the lines."""
    if recipe.families[0] in PDE16:
        return ("data",), (PDE_TIMES, PDE_POINTS, 1)
    widest = max(ODE15[name].dimension for name in recipe.families)
    names = ("data", "data_noisy") if recipe.noise else ("data",)
    return names if layout == "hdf5" else (), (POINTS, widest)


def _floats(data: np.ndarray) -> list[list[float]]:
    """float32 values with no more digits than they have."""
    return [[float(str(v)) for v in row] for row in data.astype(np.float32)]


# --- systems in order ----------------------------------------------------------------------------------------------------------------------------


def _chunks(recipe: Recipe, layout: str, done: int, n: int, pool: Executor | None, workers: int) -> Iterator[Made]:
    """Records of one system after another, in order, from record ``done`` to record ``n``."""
    each = recipe.trajectories
    first, last = done // each, -(-n // each)
    made = in_order(pool, partial(system_records, recipe, layout=layout), range(first, last), workers)
    for k, (lines, arrays, refused) in zip(range(first, last), made, strict=True):
        kept = slice(max(0, done - k * each), n - k * each)
        yield lines[kept], None if arrays is None else arrays[kept], refused


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
    if not isinstance(path, (str, os.PathLike)):
        raise FileError(f'path={path!r} names no file; write "train.prefix", or "train.h5"')
    file = Path(path)
    if file.suffix not in {end for ends in LAYOUTS.values() for end in ends}:
        raise FileError(
            f"{str(path)!r} does not end in .prefix or .h5; write {str(file.with_suffix('.prefix'))!r}, "
            f"or {str(file.with_suffix('.h5'))!r}"
        )
    if file.is_dir():
        raise FileError(f"{str(path)!r} is a folder; name a file in it")
    if not file.parent.is_dir():
        raise FileError(f"the folder {str(file.parent)!r} does not exist; make it first: mkdir -p {file.parent}")
    return file


def _layout(given: Any, file: Path) -> str:
    found = next(name for name, ends in LAYOUTS.items() if file.suffix in ends)
    if given is None:
        return found
    if not isinstance(given, str) or given not in LAYOUTS:
        raise SolveError(f"layout={given!r} is not known; write layout={found!r}, or leave it out")
    if given != found:
        raise FileError(
            f"layout={given!r} and the file {file.name!r} do not fit; write {str(file.with_suffix(LAYOUTS[given][0]))!r}"
        )
    return given


def _check_calls(progress: Any, executor: Any) -> None:
    if progress is not None and not callable(progress):
        raise SolveError(f"progress={progress!r} is no function; it is called with (records, n, records a second)")
    if executor is not None and not hasattr(executor, "submit"):
        raise SolveError(
            f"executor={executor!r} has no submit; give a concurrent.futures executor, or a Dask client's get_executor()"
        )


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise SolveError(f"{name}={value!r}; write {name}=True or {name}=False")
    return bool(value)


def _whole(value: Any, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise SolveError(f"{name}={value!r} is no whole number from {least} on; write {name}={max(least, 1)}")
    return int(value)


def _level(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 10:
        raise SolveError(f"noise={value!r} is no level of noise; write noise=0.02")
    return float(value)
