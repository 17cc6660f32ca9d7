"""Symbolics.jl's simplify, through Julia: what its default rules give within a time limit, with common parts shared."""

from __future__ import annotations

from symnum.errors import BackendUnavailable
from symnum.expr.term import Term
from symnum.rewrite.engine import Proposal, Request
from symnum.rewrite.share import share


def check() -> None:
    """Raise BackendUnavailable where there is no Julia with Symbolics.jl, before any work is done; starts nothing."""
    from symnum.bridge import check as found

    try:
        found("Symbolics")
    except BackendUnavailable as error:
        text = str(error).rstrip(".")
        raise BackendUnavailable(
            f'{text}; or write engine="egraph", which has rules of the same kind and comes with symnum.'
        ) from None


def propose(request: Request) -> Proposal:
    """``Symbolics.simplify`` of each term, as it stands and with common parts shared.

    Its rules are stopped after ``request.seconds``; terms that it did not come to an end with stay as they are, and a remark says so. Its rules
    assume that x^a^b is x^(a*b); whether results have the same values is checked like those of every engine. Raises BackendUnavailable where there
    is no Julia or no Symbolics.jl, and TermError, naming it, for a function in the result that terms do not have.
    """
    from symnum.bridge import terms as symbolics

    simplified, unfinished = symbolics.simplify(list(request.terms), request.seconds)
    remarks: tuple[str, ...] = ()
    if unfinished:
        which = ", ".join(str(i + 1) for i in unfinished[:8]) + (", ..." if len(unfinished) > 8 else "")
        remarks = (
            f"Symbolics.simplify came to no end within {request.seconds:g} s (term {which}), or a sum is too long for its rules; these terms "
            f"are as they were. More time: seconds={max(10.0, 8 * request.seconds):g}",
        )
    if len(unfinished) == len(simplified):
        return Proposal({}, remarks=remarks)
    forms: dict[str, list[Term]] = {
        "Symbolics.simplify": list(simplified),
        "Symbolics.simplify, cse": share(simplified),
    }
    return Proposal(forms, remarks=remarks)
