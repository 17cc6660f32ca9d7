"""The contract of a rewriting engine: a request in, equal forms of the same terms out.

A module in ``rewrite/engines`` offers ``propose(request) -> Proposal``; its first docstring line says what it is. ``check()``, where there is
one, raises BackendUnavailable where the engine needs more than Python packages. Whoever asks
(``simplify``) keeps the cheapest form that has the same values, so an engine may propose whatever it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from symnum.catalogue import Catalogue
from symnum.expr.term import Term
from symnum.rewrite.cost import Costs


@dataclass(frozen=True)
class Request:
    """What is to be rewritten. ``known``: forms at hand ("input", "cse", "factored"); ``assume``: conditions that hold, as terms.

    ``unsafe``: rules that may lose digits are allowed. ``nodes``, ``iterations``, ``seconds``: limits of a search.
    """

    terms: Sequence[Term]
    known: Mapping[str, Sequence[Term]]
    costs: Costs
    assume: Sequence[Term] = ()
    unsafe: bool = False
    nodes: int = 400
    iterations: int = 8
    seconds: float = 0.75


@dataclass(frozen=True)
class Proposal:
    """Further forms of the terms by name, the rules that fired with their counts, the assumptions used, and remarks for the report."""

    forms: Mapping[str, Sequence[Term]]
    fired: Mapping[str, int] = field(default_factory=dict)
    assumptions: Sequence[str] = ()
    remarks: Sequence[str] = ()


def engines() -> Catalogue:
    """All engines."""
    return Catalogue("engine", package="symnum.rewrite.engines")


def load_engine(name: str) -> ModuleType:
    """The module of an engine. Raises UnknownName, and BackendUnavailable where what it needs is missing."""
    module = engines().load(name)
    if hasattr(module, "check"):
        module.check()
    return module
