"""Errors on their way from Julia to Python: the first line of what Julia says, as one of symnum's errors.

```
  Julia exception -> juliacall.JuliaError -> translated(...) -> SolveError, TermError, BackendUnavailable, KeyboardInterrupt
```

The whole of it, with Julia's stack, goes to the logger ``symnum.bridge`` at level DEBUG.
"""

from __future__ import annotations

import logging
import re
import sys
from types import TracebackType
from typing import Any

from symnum.bridge.environment import status
from symnum.bridge.interrupts import InterruptsToJulia
from symnum.errors import BackendUnavailable, SymnumError

LOGGER = logging.getLogger("symnum.bridge")
_LONGEST = 400
_WRAPPERS = {"TaskFailedException", "CompositeException", "LoadError", "InitError", "CapturedException"}
_FROM_JULIA = "Julia: "  # how juliacall begins the TypeErrors and AttributeErrors it makes of Julia's


class guarded:
    """Around every call into Julia: its errors become symnum's, and Ctrl-C reaches it.

    ``doing`` opens the message ("the solve with Rodas5P"); ``error`` is the class that is raised::

        with guarded("the solve with Rodas5P", SolveError):
            bridge.solve(...)

    Outside such a block Ctrl-C belongs to Python, as always. Inside, Julia throws an InterruptException where it is at that
    moment; here it becomes KeyboardInterrupt.
    """

    __slots__ = ("_interrupts", "doing", "error")

    def __init__(self, doing: str = "", error: type[SymnumError] = SymnumError) -> None:
        self.doing, self.error = doing, error
        self._interrupts = InterruptsToJulia()

    def __enter__(self) -> guarded:
        self._interrupts.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self._interrupts.__exit__()
        if raised is not None and comes_from_julia(raised):
            raise translated(raised, self.doing, self.error) from None


def comes_from_julia(error: BaseException) -> bool:
    """An exception that Julia threw, as juliacall hands it over."""
    kind = getattr(sys.modules.get("juliacall"), "JuliaError", None)
    if kind is not None and isinstance(error, kind):
        return True
    return isinstance(error, TypeError | AttributeError) and str(error).startswith(_FROM_JULIA)


def translated(error: BaseException, doing: str = "", kind: type[SymnumError] = SymnumError) -> BaseException:
    """The error of symnum, or KeyboardInterrupt or MemoryError, that says what a Julia error says.

    ``doing`` is what was tried; ``kind`` the class where no better one is known: BackendUnavailable stands for packages that are
    missing or do not load.
    """
    name, message = _named(error)
    LOGGER.debug("Julia threw %s", name or "an error", exc_info=error)
    if name == "InterruptException":
        return KeyboardInterrupt()
    if name == "OutOfMemoryError":
        return MemoryError(f"Julia ran out of memory{f' in {doing}' if doing else ''}")
    if mending := _mended(name, message):
        kind, message = BackendUnavailable, mending
    where = f"{doing[:1].upper()}{doing[1:]} failed in Julia" if doing else "Julia"
    return kind(f"{where}: {message}")


def _mended(name: str, message: str) -> str:
    """What is wrong with a package that does not load, and what helps; "" where no package is to blame."""
    if name == "MissingPackage":
        return f"{message.rstrip('.')}; `symnum doctor --julia` says what is missing and the line that installs it"
    if "does not seem to be installed" in message:
        return f"{message.rstrip('.:')}; install it with: {status().line('Pkg.instantiate()')}"
    if package := re.search(r"Failed to precompile \w+", message):
        return f"{package[0]} (Julia's own message is above); rebuild it with: {status().line('Pkg.precompile()')}"
    return ""


def _named(error: BaseException) -> tuple[str, str]:
    """(name of the Julia type, first line of its message) of the innermost exception."""
    if not hasattr(error, "exception"):
        return "", first_line(str(error).removeprefix(_FROM_JULIA))
    base = sys.modules["juliacall"].Base
    inner = error.exception
    name = _type_name(base, inner)
    for _ in range(8):  # wrappers may be nested, but not endlessly
        if name not in _WRAPPERS:
            break
        inner = _unwrapped(base, inner, name)
        name = _type_name(base, inner)
    return name, first_line(str(base.sprint(base.showerror, inner)))


def _type_name(base: Any, value: Any) -> str:
    return str(base.nameof(base.typeof(value)))


def _unwrapped(base: Any, error: Any, name: str) -> Any:
    """What a task, a file or a group of tasks failed with."""
    if name == "TaskFailedException":
        return base.getproperty(base.getproperty(error, base.Symbol("task")), base.Symbol("result"))
    if name == "CompositeException":
        return base.first(error)
    return base.getproperty(error, base.Symbol("ex" if name == "CapturedException" else "error"))


def first_line(text: str) -> str:
    """The first line with words in it, cut where a reader would stop."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "an error without a message")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
