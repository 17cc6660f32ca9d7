"""The family of errors: each says what was seen, what was expected and the line to write instead.

``SymnumError`` is the root; catch it to catch everything symnum raises on purpose. A message is written for the person who
typed the model: it uses the names of the model, never those of our own machinery.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
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
    """Text does not follow the grammar. ``text`` and ``position`` (0-based column) point at the place; ``unknown``: a name without a meaning."""

    unknown = ""

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
    names = list(known)
    short = [n for n in names if len(name) > 2 and n.lower().startswith(name.lower())]  # res for resolution
    near = list(dict.fromkeys([*short, *difflib.get_close_matches(name, names, n=2, cutoff=0.6)]))[:2]
    return f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


_TIME = "the interval of time belongs to the model: sn.Domain(t=(0, 5), ...), or t=(0, 5) of sn.ODESystem"
_GRID = "the grid is chosen when solving: sn.solve(system, resolution=64)"
_ELSEWHERE = {  # options of other tools, and of another call of ours: where their meaning is here
    **dict.fromkeys(("t", "t_span", "tspan", "t_end", "t_range", "tmax", "t_final", "stop_sim_time", "until"), _TIME),
    **dict.fromkeys(("resolution", "nx", "shape", "grid", "dx", "points"), _GRID),
    **dict.fromkeys(("t_eval", "ts", "times"), "the times to keep are saveat=[0, 0.5, 1] or save_every=0.1"),
    **dict.fromkeys(("solver", "integrator", "timestepper"), 'the integrator is method="Tsit5"'),
    **dict.fromkeys(("p", "params", "args"), 'values of parameters are parameters={"D": 0.1}'),
    **dict.fromkeys(("bc", "bcs", "boundary", "boundary_conditions"), "boundary conditions are conditions=[...]"),
    **dict.fromkeys(("ic", "ics", "y0", "u0", "state", "initial_conditions"), "the start is initial={u: ...} of the model"),
}


def names_options(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, which answers an unknown keyword argument with UnknownOption in place of a bare TypeError."""
    code = function.__code__
    known = [name for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if name != "self"]
    label = function.__qualname__.removesuffix(".__init__") if function.__name__ == "__init__" else function.__name__

    @wraps(function)
    def checked(*args: P.args, **options: P.kwargs) -> R:
        for name in options:
            if name not in known:
                raise UnknownOption(
                    f"{label} has no option {name!r}.{_meant(name, known)} It takes: {', '.join(known)}"
                )
        return function(*args, **options)

    return checked


def _meant(name: str, known: Sequence[str]) -> str:
    """What to write in place of an unknown option of a call about models: the word for it here; else near names."""
    here = {"system", "equations"} if name not in ("solver", "integrator", "timestepper") else {"method"}
    said = _ELSEWHERE.get(name.lower()) if here & set(known) else None
    return f" Here {said}." if said else did_you_mean(name, known)


def _window(text: str, position: int, width: int = 72) -> str:
    """One line of the text around ``position`` with a caret below it."""
    start = max(0, min(position - width // 2, len(text) - width))
    line = text[start : start + width].replace("\n", " ").replace("\t", " ")
    return f"{line}\n    {' ' * (position - start)}^"
