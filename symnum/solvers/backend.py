"""Backends: modules of ``solvers.backends`` with ``NAME``, ``METHODS`` (name -> one line) and ``solve(problem, options) -> Outcome``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

from symnum.errors import UnknownName, did_you_mean
from symnum.solvers.problem import Options, Outcome, Problem

Entry = TypeVar("Entry")


@cache
def backends() -> tuple[str, ...]:
    """Names of all backends; "embedded" first."""
    from symnum.solvers import backends as folder

    return tuple(sorted((m.name for m in iter_modules(folder.__path__)), key=lambda name: (name != "embedded", name)))


def methods(backend: str) -> dict[str, str]:
    """The methods of a backend: name -> one line."""
    find(dict.fromkeys(backends()), backend, "backend")
    return dict(import_module(f"symnum.solvers.backends.{backend}").METHODS)


def backend_of(method: str) -> str:
    """The first backend that has a method (names are compared without regard to case).

    Raises:
        UnknownName: no backend has it.
    """
    known = {name: backend for backend in reversed(backends()) for name in methods(backend)}
    return find(known, method, "method")


def solve(problem: Problem, options: Options, backend: str = "auto") -> Outcome:
    """Solve with a backend; "auto" takes the first that has the method.

    Raises:
        UnknownName: no such backend or method; SolveError: the options contradict the problem.
    """
    name = backend_of(options.method) if backend == "auto" else backend
    find(dict.fromkeys(backends()), name, "backend")
    outcome: Outcome = import_module(f"symnum.solvers.backends.{name}").solve(problem, options)
    return outcome


def find(known: Mapping[str, Entry], name: str, what: str) -> Entry:
    """An entry by its name, whatever the case; UnknownName with near names otherwise."""
    exact = {key.lower(): key for key in known}.get(str(name).lower())
    if exact is None:
        raise UnknownName(f"there is no {what} {name!r}.{did_you_mean(str(name), known)} Known: {', '.join(sorted(known))}")
    return known[exact]
