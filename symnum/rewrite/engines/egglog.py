"""The e-graph library egglog; this version does not speak to it yet."""

from __future__ import annotations

from symnum.errors import BackendUnavailable
from symnum.rewrite.engine import Proposal, Request


def propose(request: Request) -> Proposal:
    """Refuses: raises BackendUnavailable."""
    raise BackendUnavailable(
        'engine="egglog" needs an adapter to egglog, which this version of symnum does not have yet. Write engine="egraph" (or "factor", "sympy").'
    )
