"""Where public readers look for inputs and outputs.

"pdebench" (Takamoto et al., NeurIPS 2022, arXiv:2210.07182), as its ``FNODatasetSingle`` and ``FNODatasetMult`` read it:

    NAME.hdf5   one field over time on an interval:  tensor (N, T, X), t-coordinate, x-coordinate
                steady on a rectangle:               tensor (N, 1, X, Y) the solution, nu (N, X, Y) the input, x-coordinate, y-coordinate
    NAME.h5     any fields over time:                NNNN/data (T, X[, Y[, Z]], fields), NNNN/grid/x, y, z, t, a group a record from 0000 on

"neuraloperator" (the library of that name), inputs "x" and outputs "y", (N, [channels,] [T,] X[, Y[, Z]]):

    NAME.h5     datasets x, y, as its ``H5pyDataset`` reads them
    NAME.pt     {"x": tensor, "y": tensor}, as its ``PTDataset``, ``DarcyDataset``, ``Burgers1dTimeDataset`` load them (needs torch)
    NAME.mat    MATLAB 7.3, as the first Fourier neural operator's ``MatReader`` has it: coeff and sol if steady, else a and u; axes reversed

Channels stand there only where there are several; a number that was drawn is a channel of its own, constant in space.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from symnum.datasets.operator_learning.records import Column, Description
from symnum.errors import BackendUnavailable, FileError, UnknownName, did_you_mean

LAYOUTS = {"pdebench": (".hdf5", ".h5"), "neuraloperator": (".h5", ".pt", ".mat")}
_BYTES = 2**24  # copied at a time
_MATLAB = b"MATLAB 7.3 MAT-file"

Arrays = Mapping[str, np.ndarray]


def check(layout: Any, path: Path, description: Description | None = None) -> None:
    """Raise UnknownName for another layout, FileError for a suffix or records that it does not have, BackendUnavailable without torch."""
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise UnknownName(
            f"unknown layout {layout!r}.{did_you_mean(str(layout), LAYOUTS)} There are: {', '.join(LAYOUTS)}"
        )
    if path.suffix not in LAYOUTS[layout]:
        listed = ", ".join(str(path.with_suffix(s)) for s in LAYOUTS[layout])
        raise FileError(f'layout="{layout}" has no files {path.suffix or "without a suffix"!r}; write one of {listed}')
    if path.suffix == ".pt":
        _torch()
    if description is None or layout != "pdebench":
        return
    if path.suffix == ".h5" and description.times is None:
        raise FileError(f"steady problems go into .hdf5 files of this layout; write {path.with_suffix('.hdf5').name!r}")
    if path.suffix == ".hdf5":
        _check_flat(path, description)


def _check_flat(path: Path, described: Description) -> None:
    names = [c.name for c in described.outputs]
    nested = path.with_suffix(".h5").name
    if len(names) > 1:
        raise FileError(
            f'"tensor" of {path.name!r} holds one field, these are {", ".join(names)}; write {nested!r}, or outputs={names[-1]!r}'
        )
    if described.times is not None and len(described.axes) != 1:
        raise FileError(
            f"{path.name!r} holds fields over time on an interval, these have {len(described.axes)} dimensions; write {nested!r}"
        )
    if described.times is None and (
        len(described.axes) != 2 or len(described.inputs) != 1 or not described.inputs[0].shape
    ):
        raise FileError(
            f"{path.name!r} holds one steady field on a rectangle and the field that it follows from; choose outputs, or layout='neuraloperator'"
        )


def write(
    layout: str, draft: Path, suffix: str, described: Description, arrays: Arrays, attributes: Mapping[str, Any]
) -> None:
    """Write all records to ``draft``, which does not have the file's name yet. ``suffix``: of the file."""
    if suffix == ".pt":
        _write_pt(draft, described, arrays)
    elif suffix == ".mat":
        _write_mat(draft, described, arrays, attributes)
    elif layout == "neuraloperator":
        _write_xy(draft, described, arrays, attributes)
    elif suffix == ".hdf5":
        _write_flat(draft, described, arrays, attributes)
    else:
        _write_nested(draft, described, arrays, attributes)


def _write_flat(draft: Path, described: Description, arrays: Arrays, attributes: Mapping[str, Any]) -> None:
    """PDEBench's file of one array."""
    output = arrays[described.outputs[0].name]
    with _hdf5(draft, attributes) as out:
        for c in described.inputs:
            name = "nu" if described.times is None else c.name
            if described.times is None or not _is_start(c, described):
                _copy(out, name, arrays[c.name])
        _copy(out, "tensor", output if described.times is not None else output[:, None])
        if described.times is not None:
            out["t-coordinate"] = described.times.astype(output.dtype)
        for name, points in zip("xyz", described.axes.values(), strict=False):
            out[f"{name}-coordinate"] = points.astype(output.dtype)


def _write_nested(draft: Path, described: Description, arrays: Arrays, attributes: Mapping[str, Any]) -> None:
    """PDEBench's file of a group a record."""
    assert described.times is not None
    outputs = [arrays[c.name] for c in described.outputs]
    count = len(outputs[0])
    with _hdf5(draft, attributes) as out:
        out.attrs["fields"] = [c.name for c in described.outputs]
        for k in range(count):
            group = out.create_group(f"{k:0{max(4, len(str(count - 1)))}d}")
            group["data"] = np.stack([o[k] for o in outputs], axis=-1)
            for name, points in zip("xyz", described.axes.values(), strict=False):
                group[f"grid/{name}"] = points.astype(outputs[0].dtype)
            group["grid/t"] = described.times.astype(outputs[0].dtype)
            for c in described.inputs:
                if not c.shape:
                    group.attrs[c.name] = arrays[c.name][k]
                elif not _is_start(c, described):
                    group[f"inputs/{c.name}"] = arrays[c.name][k]


def _write_pt(draft: Path, described: Description, arrays: Arrays) -> None:
    """A file of two tensors, written from the disk to the disk."""
    torch, scratch = _torch(), draft.with_name(f"{draft.name}.x")
    try:
        x, y = (
            _Channels(described, arrays, part).on_disk(scratch.with_suffix(f".{part}"))
            for part in ("inputs", "outputs")
        )
        torch.save({"x": torch.from_numpy(x), "y": torch.from_numpy(y)}, draft)
    finally:
        for part in ("inputs", "outputs"):
            scratch.with_suffix(f".{part}").unlink(missing_ok=True)


def _write_xy(draft: Path, described: Description, arrays: Arrays, attributes: Mapping[str, Any]) -> None:
    """The neuraloperator library's HDF5; coordinates in a group that it does not look at."""
    with _hdf5(draft, attributes) as out:
        for name, part in (("x", "inputs"), ("y", "outputs")):
            _copy(out, name, _Channels(described, arrays, part))
            out[name].attrs["channels"] = [c.name for c in getattr(described, part)]
        for name, points in described.axes.items():
            out[f"coordinates/{name}"] = points
        if described.times is not None:
            out["coordinates/t"] = described.times


def _write_mat(draft: Path, described: Description, arrays: Arrays, attributes: Mapping[str, Any]) -> None:
    """HDF5 behind MATLAB's heading of 512 bytes; MATLAB counts dimensions from the other end."""
    names = ("coeff", "sol") if described.times is None else ("a", "u")
    with _hdf5(draft, {}, userblock_size=512) as out:
        for name, part in zip(names, ("inputs", "outputs"), strict=True):
            values = _Channels(described, arrays, part)
            _copy(out, name, values, reverse=True)
            out[name].attrs["MATLAB_class"] = np.bytes_("single" if values.dtype.itemsize == 4 else "double")
    with open(draft, "rb+") as out:
        out.write(_MATLAB.ljust(116) + bytes(8) + b"\x00\x02IM")


class _Channels:
    """(N, [channels,] *shape), made of the columns block by block: nothing is in memory but the block that is asked for."""

    def __init__(self, described: Description, arrays: Arrays, part: str) -> None:
        self.columns: tuple[Column, ...] = getattr(described, part)
        self.values = [arrays[c.name] for c in self.columns]
        self.grid = tuple(map(len, described.axes.values()))
        self.one_time = part == "outputs" and described.times is not None and len(described.times) == 1
        self.shape = (len(self.values[0]), *self[:0].shape[1:])
        self.dtype = self.values[0].dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        parts = [
            v[rows] if c.shape else self._constant(v[rows]) for v, c in zip(self.values, self.columns, strict=True)
        ]
        whole = parts[0] if len(parts) == 1 else np.stack(parts, axis=1)
        return np.asarray(whole.squeeze(-1 - len(self.grid)) if self.one_time else whole)

    def _constant(self, numbers: np.ndarray) -> np.ndarray:
        """A number a record, as a constant field."""
        return np.broadcast_to(numbers.reshape(-1, *(1,) * len(self.grid)), (len(numbers), *self.grid))

    def on_disk(self, scratch: Path) -> np.ndarray:
        """The whole as an array that lies on the disk."""
        if len(self.columns) == 1 and self.columns[0].shape:
            return self.values[0].reshape(self.shape)
        whole = np.memmap(scratch, self.dtype, "w+", shape=self.shape)
        for rows in _blocks(self.shape, self.dtype):
            whole[rows] = self[rows]
        return whole


def _is_start(column: Column, described: Description) -> bool:
    """Whether an input is there already, as the first time of an output."""
    return any(c.name == column.name.removesuffix("_0") and column.name.endswith("_0") for c in described.outputs)


def _copy(out: Any, name: str, values: Any, reverse: bool = False) -> None:
    """A dataset, written in blocks of records."""
    made = out.create_dataset(name, values.shape[::-1] if reverse else values.shape, values.dtype)
    for rows in _blocks(values.shape, values.dtype):
        block = np.asarray(values[rows])
        if reverse:
            made[..., rows] = block.transpose()
        else:
            made[rows] = block


def _blocks(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[slice]:
    size = max(1, _BYTES // max(1, math.prod(shape[1:]) * dtype.itemsize))
    return (slice(k, min(k + size, shape[0])) for k in range(0, shape[0], size))


def _hdf5(draft: Path, attributes: Mapping[str, Any], **more: Any) -> Any:
    import h5py

    out = h5py.File(draft, "w", **more)
    for name, value in attributes.items():
        out.attrs[name] = value
    return out


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise BackendUnavailable('files .pt need torch; pip install "symnum[neural]", or write a .h5 file') from None
    return torch
