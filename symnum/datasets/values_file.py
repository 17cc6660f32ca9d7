"""Values beside a file of tokens: raw while they are written, so that a run may be killed at any moment, then HDF5 (dataset "data")."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SHAPE = (64, 128, 1)
_BLOCK = 256  # records that are copied at a time


class ValuesFile:
    """``NAME_data.h5`` of ``NAME.prefix``; ``NAME_data.raw`` while a run lasts."""

    def __init__(self, file: Path, overwrite: bool) -> None:
        self.target = file.with_name(f"{file.stem}_data.h5")
        self.raw = file.with_name(f"{file.stem}_data.raw")
        if overwrite:
            self.target.unlink(missing_ok=True)
            self.raw.unlink(missing_ok=True)
        if self.target.exists() and not self.raw.exists():
            self._open_again()
        self.raw.touch()

    def cut(self, records: int) -> int:
        """Keep at most so many whole records; their number."""
        size = int(np.prod(_SHAPE)) * 4
        kept = min(records, self.raw.stat().st_size // size)
        with open(self.raw, "rb+") as out:
            out.truncate(kept * size)
        return kept

    def append(self, values: np.ndarray | None) -> None:
        """Write records (count, 64, 128, 1) behind the others."""
        assert values is not None and values.shape[1:] == _SHAPE
        with open(self.raw, "ab") as out:
            out.write(np.ascontiguousarray(values, dtype="<f4").tobytes())

    def close(self) -> None:
        """Make the HDF5 file whole; it appears under its name when it is complete."""
        import h5py

        count = self.raw.stat().st_size // (int(np.prod(_SHAPE)) * 4)
        draft = self.target.with_name(self.target.name + ".part")
        with h5py.File(draft, "w") as out:
            data = out.create_dataset("data", (count, *_SHAPE), np.float32)
            for k in range(0, count, _BLOCK):
                rows = min(_BLOCK, count - k)
                block = np.fromfile(self.raw, "<f4", rows * int(np.prod(_SHAPE)), offset=k * int(np.prod(_SHAPE)) * 4)
                data[k : k + rows] = block.reshape(rows, *_SHAPE)
        draft.replace(self.target)
        self.raw.unlink()

    def _open_again(self) -> None:
        """A finished file goes on."""
        import h5py

        draft = self.raw.with_name(self.raw.name + ".part")
        with h5py.File(self.target) as held, open(draft, "wb") as out:
            data = held["data"]
            for k in range(0, len(data), _BLOCK):
                out.write(np.asarray(data[k : k + _BLOCK], dtype="<f4").tobytes())
        draft.replace(self.raw)
