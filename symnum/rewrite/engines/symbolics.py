"""Symbolics.jl's simplify, through the Julia bridge; this version does not have the bridge yet."""

from __future__ import annotations

from symnum.errors import BackendUnavailable
from symnum.rewrite.engine import Proposal, Request


def propose(request: Request) -> Proposal:
    """Refuses: raises BackendUnavailable."""
    raise BackendUnavailable(
        'engine="symbolics" needs the Julia bridge, which this version of symnum does not have yet. Write engine="egraph" (or "factor", "sympy").'
    )
