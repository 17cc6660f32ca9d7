"""Backends: each module of ``backends`` has ``NAME``, ``METHODS`` (name -> a line) and ``solve(problem, options)``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from symnum.catalogue import Catalogue
from symnum.errors import UnknownName, did_you_mean
from symnum.solvers.problem import Options, Outcome, Problem

Entry = TypeVar("Entry")
CATALOGUE = Catalogue("backend", package="symnum.solvers.backends")


def backends() -> tuple[str, ...]:
    """Names of all backends; "embedded" first."""
    return tuple(sorted(CATALOGUE.names(), key=lambda name: (name != "embedded", name)))


def methods(backend: str) -> dict[str, str]:
    """The methods of a backend: name -> one line."""
    return dict(CATALOGUE.load(backend).METHODS)


def backend_of(method: str) -> str:
    """The first backend that has a method (names are compared without regard to case).

    Raises:
        UnknownName: no backend has it.
    """
    return find(_homes(), method, "method")


@cache
def _homes() -> dict[str, str]:
    """Method -> backend, of the backends that work here."""
    usable = [backend for backend in reversed(backends()) if not CATALOGUE.problem(backend)]
    return {name: backend for backend in usable for name in methods(backend)}


def solve(problem: Problem, options: Options, backend: str = "auto") -> Outcome:
    """Solve with a backend; "auto" takes the first that has the method.

    Raises:
        UnknownName: no such backend or method; SolveError: the options contradict the problem.
    """
    name = backend_of(options.method) if backend == "auto" else backend
    outcome: Outcome = CATALOGUE.load(name).solve(problem, options)
    return outcome


def find(known: Mapping[str, Entry], name: str, what: str) -> Entry:
    """An entry by its name, whatever the case; UnknownName with near names otherwise."""
    exact = {key.lower(): key for key in known}.get(str(name).lower())
    if exact is None:
        raise UnknownName(
            f"there is no {what} {name!r}.{did_you_mean(str(name), known)} Known: {', '.join(sorted(known))}"
        )
    return known[exact]
