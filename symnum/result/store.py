"""Solutions as netCDF-4 files.

The root of the file is the solution's data set and nothing else, so ``xarray.open_dataset(path, engine="h5netcdf")``,
Panoply, ncview and the netCDF tools show the fields at once; how they were computed is in the global attributes. Slopes
for Hermite interpolation are in the group ``slopes``.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.errors import BackendUnavailable, FileError, SymnumError
from symnum.result.foreign import (
    check_axes,
    check_contents,
    check_size,
    counts,
    numbers_by_name,
    occurrences,
    shown_text,
)

if TYPE_CHECKING:
    import xarray

    from symnum.result.solution import Solution

FORMAT = "symnum solution 1"
SLOPES = "slopes"
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
PROVENANCE = "provenance"
LONGEST_PROVENANCE = 60_000  # bytes: HDF5 keeps an attribute of at most 64 KB beside the data
# decode_times off: a time in "seconds" is a number, not a date
_READING: dict[str, Any] = {"engine": "h5netcdf", "decode_times": False, "decode_timedelta": False}
OURS = ("format", "title", "success", "message", "method", "why", "stats")


def save_solution(solution: Solution, path: str | os.PathLike[str]) -> Path:
    """Write ``path``, which ends in .nc: first under another name in the same folder, then renamed."""
    if not isinstance(path, (str, os.PathLike)):
        raise FileError(f'a file is given by its path, not {path!r}; write sol.save("run.nc")')
    target = Path(path)
    if target.suffix != ".nc":
        raise FileError(
            f"solutions are saved as netCDF, not {target.suffix or 'without a suffix'}. "
            f'Write sol.save("{target.stem}.nc").'
        )
    if not target.parent.is_dir():
        raise FileError(
            f"the folder {str(target.parent)!r} does not exist. "
            f"Create it first: Path({str(target.parent)!r}).mkdir(parents=True)."
        )
    _need_hdf5()
    part = target.with_name(f".{target.stem}.{uuid.uuid4().hex[:8]}.part")
    try:
        _write(solution, part)
        os.replace(part, target)
    except (ValueError, OSError) as error:
        raise FileError(f"{str(target)!r} could not be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def load_solution(path: str | os.PathLike[str]) -> Solution:
    """Read ``path`` whole and check it: ``FileError`` where it is missing, damaged, not netCDF-4 or not a solution."""
    import xarray

    from symnum.result.solution import Solution

    dataset, facts, provenance = open_solution(path)
    with _damage(Path(path)), dataset:
        check_size(dataset.nbytes * (2 if facts["slopes"] else 1), Path(path))
        dataset = dataset.load()
        slopes = xarray.load_dataset(path, group=SLOPES, **_READING) if facts.pop("slopes") else xarray.Dataset()
    made = Solution(dataset, slopes={str(k): np.asarray(v.values) for k, v in slopes.data_vars.items()}, **facts)
    made.made_by(lambda: provenance)
    return made


def open_solution(path: str | os.PathLike[str]) -> tuple[xarray.Dataset, dict[str, Any], str]:
    """The data set of ``path``, whose values are read when they are used; the facts that ``Solution`` takes; what made it (see
    ``Solution.provenance``). FileError as for ``load_solution``. Close the data set after use.
    """
    import xarray

    source = Path(path)
    _check_signature(source)
    _need_hdf5()
    with _damage(source):
        check_contents(source)
        dataset = xarray.open_dataset(source, cache=False, **_READING)
        try:
            provenance = str(dataset.attrs.pop(PROVENANCE, ""))
            if len(provenance) > LONGEST_PROVENANCE:  # not ours
                provenance = ""
            facts = _facts(dataset, source)
            check_axes(dataset)
            _clean_attributes(dataset)
            return dataset, facts, provenance
        except BaseException:
            dataset.close()
            raise


@contextlib.contextmanager
def _damage(source: Path) -> Iterator[None]:
    """What the readers of HDF5 raise over a broken file, as one error that names it."""
    try:
        yield
    except MemoryError:
        raise FileError(f"{str(source)!r} needs more memory than there is; symnum view {source} shows it piece by piece") from None
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError) as error:
        if isinstance(error, SymnumError):
            raise
        raise FileError(f"{str(source)!r} is damaged: {error}. Save the solution again with sol.save.") from error


def _write(solution: Solution, path: Path) -> None:
    import xarray

    dataset = solution.to_xarray()
    slopes = {name: (dataset[name].dims, np.asarray(slope)) for name, slope in solution._slopes.items()}
    dataset.attrs = {
        **{str(k): _plain(v) for k, v in dataset.attrs.items()},
        "format": FORMAT,
        "title": solution.name,
        "success": int(solution.success),
        "message": solution.message,
        "method": solution.method,
        "why": solution.why,
        "stats": json.dumps(solution.stats, default=_number),
        "events": json.dumps([e.as_numbers() for e in solution.events], default=_number),
        "slopes": int(bool(slopes)),
    }
    provenance = solution.provenance
    if 0 < len(provenance.encode()) <= LONGEST_PROVENANCE:
        dataset.attrs[PROVENANCE] = provenance
    dataset.to_netcdf(path, engine="h5netcdf")
    if slopes:
        xarray.Dataset(slopes).to_netcdf(path, engine="h5netcdf", group=SLOPES, mode="a")


def _facts(dataset: xarray.Dataset, source: Path) -> dict[str, Any]:
    """The arguments of ``Solution`` from the global attributes, which are taken off the data set."""
    attrs = dataset.attrs
    if not str(attrs.get("format", "")).startswith("symnum solution"):
        raise FileError(
            f"{str(source)!r} is a netCDF file but not a saved solution. To read it as plain data write "
            f'xarray.open_dataset({str(source)!r}, engine="h5netcdf").'
        )
    if attrs["format"] != FORMAT:
        raise FileError(
            f"{str(source)!r} holds {attrs['format']!r}; this version reads {FORMAT!r}. Update symnum to read it."
        )
    missing = [key for key in OURS if key not in attrs]
    if missing:
        raise FileError(
            f"{str(source)!r} is damaged: attribute {missing[0]!r} is missing. Save the solution again with sol.save."
        )
    from symnum.result.solution import STATS

    taken = {key: attrs.pop(key) for key in OURS}
    if "parameters" in attrs:
        numbers_by_name(attrs["parameters"], "parameters")
    return {
        "name": shown_text(taken["title"]),
        "success": bool(taken["success"]),
        "message": shown_text(taken["message"]),
        "method": shown_text(taken["method"]),
        "why": shown_text(taken["why"]),
        "stats": counts(taken["stats"], STATS),
        "slopes": bool(attrs.pop("slopes", 0)),
        "events": occurrences(attrs.pop("events", "[]")),
    }


def _clean_attributes(dataset: xarray.Dataset) -> None:
    """Units and the like are printed too."""
    for attributes in (dataset.attrs, *(variable.attrs for variable in dataset.variables.values())):
        for key, value in attributes.items():
            if isinstance(value, str) and key != "parameters":
                attributes[key] = shown_text(value)


def _check_signature(source: Path) -> None:
    """The file is there and begins as HDF5 does: a clear word before the reader's own."""
    if not source.exists():
        near = sorted(p.name for p in source.parent.glob("*.nc")) if source.parent.is_dir() else []
        beside = f" Beside it there are: {', '.join(near[:5])}." if near else ""
        raise FileError(f"there is no file {str(source)!r}.{beside}")
    if source.is_dir():
        raise FileError(f'{str(source)!r} is a folder, not a file saved with sol.save("run.nc").')
    with source.open("rb") as stream:
        start = stream.read(8)
    if start[:3] == b"CDF":
        raise FileError(
            f"{str(source)!r} is a netCDF-3 file, not a saved solution. To read it as plain data write "
            f"xarray.open_dataset({str(source)!r})."
        )
    if start != HDF5_SIGNATURE:
        raise FileError(f'{str(source)!r} is not a netCDF-4 file. Solution.load reads what sol.save("run.nc") wrote.')


def _need_hdf5() -> None:
    """h5netcdf alone cannot write: it needs h5py."""
    try:
        import h5netcdf  # noqa: F401
        import h5py  # noqa: F401
    except ImportError as error:
        raise BackendUnavailable(
            f"netCDF files need the package {error.name}. Install it: pip install 'h5netcdf[h5py]'"
        ) from error


def _number(value: object) -> object:
    """NumPy numbers as JSON numbers; anything else as text."""
    return value.item() if isinstance(value, np.generic) else str(value)


def _plain(value: object) -> object:
    """An attribute that netCDF can hold: numbers, text, and sequences of numbers; a truth value is 0 or 1."""
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, str | int | float | np.number):
        return value
    array = np.asarray(value)
    return array if array.dtype.kind in "iuf" else str(value)
