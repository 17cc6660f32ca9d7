"""Where in the user's code: ``rhs.py:12: du[1:-1] = u[2:] - u[:-2]``, for errors and for the origin of what is stored."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import FrameType

from symnum.errors import TraceError

_OURS = str(Path(__file__).resolve().parent)


def user_frame() -> FrameType | None:
    """The innermost frame that is neither symnum's nor NumPy's nor SciPy's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not frame.f_code.co_filename.startswith(_OURS) and name.partition(".")[0] not in ("numpy", "scipy"):
            return frame
        frame = frame.f_back
    return None


def asked_by_user(depth: int) -> bool:
    """Whether the caller so many frames up is neither symnum's nor NumPy's nor SciPy's."""
    frame = sys._getframe(depth)
    library = str(frame.f_globals.get("__name__", "")).partition(".")[0] in ("numpy", "scipy")
    return not library and not frame.f_code.co_filename.startswith(_OURS)


def where() -> tuple[str, str]:
    """(``file:line``, the source line) of the user's code that is running."""
    frame = user_frame()
    if frame is None:
        return "", ""
    file, line = frame.f_code.co_filename, frame.f_lineno
    return f"{Path(file).name}:{line}", linecache.getline(file, line).strip()


def origin() -> str:
    """The place as one phrase, for statements of the kernel."""
    place, text = where()
    return f"{place}: {text}" if text else place


def refusal(what: str, remedy: str = "") -> TraceError:
    """The error for something that a trace cannot follow: the place, the line, what was seen and what to write instead."""
    frame = user_frame()
    place, text = where()
    file = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else place
    shown = f"\n    {file}\n        {text}" if text else f" (at {file})" if file else ""
    return TraceError(f"{what}.{' ' + remedy if remedy else ''}{shown}")
