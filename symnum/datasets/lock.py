"""One writer a file: ``with locked(path): ...`` holds ``NAME.lock`` beside the file.

The system lets go of the lock when the process ends, however it ends.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from symnum.errors import FileError


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Nobody else writes the file meanwhile. Raises FileError, at once, where another run does, and for what the system says meanwhile."""
    file = Path(path)
    lock = file.with_name(file.name + ".lock")
    handle = _opened(lock, file)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    except (FileError, ConnectionError, TimeoutError):  # the latter of an executor's network
        raise
    except OSError as wrong:  # a full disk, a folder that went away
        raise FileError(
            f"{str(file)!r} cannot be written: {wrong.strerror or wrong}; the same call goes on with what is there"
        ) from wrong
    finally:
        with suppress(OSError):  # Windows does not remove open files; the next run takes it as it is
            lock.unlink()  # while it is held: who opened it meanwhile sees that it is gone, and makes a new one
        os.close(handle)


def _opened(lock: Path, file: Path) -> int:
    while True:
        try:
            # a link would have us write into the file that it leads to
            handle = os.open(
                lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o644
            )
        except OSError as wrong:
            raise FileError(f"{str(file)!r} cannot be written: {wrong.strerror} ({str(lock)!r})") from None
        if not _is_ours(handle):
            os.close(handle)
            raise FileError(
                f"{str(lock)!r} is no lock of a run, and would be lost; move it away, or give this run another file"
            )
        try:
            _take(handle)
        except OSError:
            who = os.pread(handle, 20, 0).decode("ascii", "replace").strip() if hasattr(os, "pread") else ""
            os.close(handle)
            told = f" (process {who})" if who else ""
            raise FileError(
                f"another run{told} is writing {str(file)!r}; wait for its end, or give this run another file"
            ) from None
        try:
            same = os.path.samestat(os.fstat(handle), os.stat(lock))
        except FileNotFoundError:
            same = False
        if same:
            return handle
        os.close(handle)  # its owner removed it between our opening and locking it


def _is_ours(handle: int) -> bool:
    """Whether it is a file that holds the number of a process, or nothing yet. Where another run holds it, Windows does not let us look."""
    try:
        held = os.read(handle, 32)
        os.lseek(handle, 0, os.SEEK_SET)
    except OSError:
        return sys.platform == "win32"
    return stat.S_ISREG(os.fstat(handle).st_mode) and (not held or held.isdigit())


def _take(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
