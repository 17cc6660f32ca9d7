"""Small things tried on a real Julia, each with an answer known beforehand: what ``symnum doctor --julia`` runs."""

from __future__ import annotations

from symnum.bridge.session import session
from symnum.errors import SymnumError


def start() -> str:
    """Open the session; how long that took and with how many threads."""
    opened = session()
    threads = opened.threads
    return f"started in {opened.seconds:.1f} s with {threads} thread{'s' if threads > 1 else ''}"


def terms() -> str:
    """A term to Symbolics.jl and back, and one derivative there. Raises SymnumError if it comes back changed."""
    from symnum.bridge.terms import from_symbolics, jacobian, to_symbolics
    from symnum.expr.build import exp, rational, sin, symbol

    x, y = symbol("x"), symbol("y")
    sent = rational(1, 3) + x**2 * sin(x * y) - exp(-y) / x
    (back,) = from_symbolics(to_symbolics([sent]))
    if back is not sent:
        raise SymnumError(f"{sent} came back as {back}")
    ((slope,),) = jacobian([x**3], [x])
    if slope is not 3 * x**2:
        raise SymnumError(f"the derivative of x^3 came back as {slope}")
    return "a term went to Symbolics.jl and came back unchanged; a derivative is right"
