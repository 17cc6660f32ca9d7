"""Pictures of models, discretisations, terms and methods: ``sn.pictures``. Solutions draw themselves: ``sol.plot()``.

    phase_portrait     direction field, nullclines and paths of a planar system from several starts
    comparison         a solution beside an exact one or another, and their difference
    sparsity           which unknowns each equation reads: the pattern of the Jacobian, with blocks of fields
    stencil            the neighbours and weights of a discretised equation at one grid point
    spectrum           eigenvalues of the Jacobian, and the stability region of an explicit method
    expression         a term as the graph it is, shared parts drawn once
    rewriting          what simplify tried and what it cost; how the cheapest form gets cheaper as the e-graph grows
    convergence        error against the spacing, with slopes
    work_precision     error against processor time of several methods
    step_history       the lengths of the time steps of a solve

Each gives a matplotlib ``Figure`` and takes ``path=``, ``title=``, ``width=`` (inches, "column" or "page") and ``dpi=``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

_HOMES = {
    "symnum.pictures.portrait": "phase_portrait",
    "symnum.pictures.difference": "comparison",
    "symnum.pictures.pattern": "sparsity",
    "symnum.pictures.neighbours": "stencil",
    "symnum.pictures.eigenvalues": "spectrum",
    "symnum.pictures.graph": "expression",
    "symnum.pictures.search": "rewriting",
    "symnum.pictures.orders": "convergence",
    "symnum.pictures.work": "work_precision",
    "symnum.pictures.steps": "step_history",
}
_PUBLIC = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [*_PUBLIC]


def __getattr__(name: str) -> object:
    """Import the module of a public name on first use and keep the value."""
    if name not in _PUBLIC:
        from symnum.errors import did_you_mean

        hint = "" if name.startswith("__") else did_you_mean(name, _PUBLIC) or f" It has: {', '.join(_PUBLIC)}."
        raise AttributeError(f"symnum.pictures has no name {name!r}.{hint}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_PUBLIC[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})


if TYPE_CHECKING:  # `as` marks a name as exported
    from symnum.pictures.difference import comparison as comparison
    from symnum.pictures.eigenvalues import spectrum as spectrum
    from symnum.pictures.graph import expression as expression
    from symnum.pictures.neighbours import stencil as stencil
    from symnum.pictures.orders import convergence as convergence
    from symnum.pictures.pattern import sparsity as sparsity
    from symnum.pictures.portrait import phase_portrait as phase_portrait
    from symnum.pictures.search import rewriting as rewriting
    from symnum.pictures.steps import step_history as step_history
    from symnum.pictures.work import work_precision as work_precision
