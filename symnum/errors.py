"""The family of errors: each says what was seen, what was expected and the line to write instead.

``SymnumError`` is the root; catch it to catch everything symnum raises on purpose. A message is written for the person who
typed the model: it uses the names of the model, never those of our own machinery.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class SymnumError(Exception):
    """Root of all errors raised on purpose."""


class TermError(SymnumError, ValueError):
    """A term cannot be built or used this way (a NaN constant, the truth value of ``x < 1``, an unknown function)."""


class ModelError(SymnumError, ValueError):
    """The model is not well posed as written: conditions, initial data, names, orders, domains."""


class ParseError(ModelError):
    """Text does not follow the grammar. ``text`` and ``position`` (0-based column) point at the place."""

    def __init__(self, message: str, text: str = "", position: int = 0) -> None:
        self.text, self.position = text, position
        if text:
            message = f"{message}\n    {_window(text, position)}"
        super().__init__(message)


class DiscretisationError(SymnumError, ValueError):
    """The model is sound but cannot be put on this grid with this scheme."""


class TargetError(SymnumError, ValueError):
    """A kernel cannot be expressed, compiled or called in a target language (wrong shape, dtype, unknown operator)."""


class TraceError(SymnumError, TypeError):
    """A Python function does what a trace cannot follow (a branch on values, an unknown function, values in a shape); names the user's line."""


class SolveError(SymnumError, RuntimeError):
    """A solve cannot be started as asked (options, methods, tolerances)."""


class FileError(SymnumError, OSError):
    """A file cannot be read or written (missing, wrong format, wrong suffix)."""


class BackendUnavailable(SymnumError, ImportError):
    """An optional package is not installed; the message carries the line that installs it."""


class UnknownName(SymnumError, KeyError):
    """A name is not in the catalogue, solution or system; near names are suggested."""

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return str(self.args[0]) if self.args else ""


class UnknownOption(UnknownName, TypeError):
    """A function has no keyword argument of this name; near names are suggested, all are listed."""


class ModelWarning(UserWarning):
    """The model can be solved but contradicts itself in a detail (initial against boundary condition)."""


class TargetWarning(UserWarning):
    """Generated code lacks something that was asked for; the message says why."""


class SolveWarning(UserWarning):
    """A solve stopped early; what it had is kept in the solution."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'x'?"`` (with a leading space) when a known name is near, else an empty string."""
    near = difflib.get_close_matches(name, list(known), n=2, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


def names_options(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, which answers an unknown keyword argument with UnknownOption in place of a bare TypeError."""
    code = function.__code__
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    @wraps(function)
    def checked(*args: P.args, **options: P.kwargs) -> R:
        for name in options:
            if name not in known:
                raise UnknownOption(
                    f"{function.__name__} has no option {name!r}.{did_you_mean(name, known)} It takes: {', '.join(known)}"
                )
        return function(*args, **options)

    return checked


def _window(text: str, position: int, width: int = 72) -> str:
    """One line of the text around ``position`` with a caret below it."""
    start = max(0, min(position - width // 2, len(text) - width))
    line = text[start : start + width].replace("\n", " ").replace("\t", " ")
    return f"{line}\n    {' ' * (position - start)}^"
