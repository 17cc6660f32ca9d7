"""SymPy's simplify and cse, for comparison: slow; terms that SymPy cannot say, or whose result is no real term, are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from symnum.expr.replace import replaced
from symnum.expr.sympy import from_sympy, to_sympy
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.rewrite.engine import Proposal, Request


def propose(request: Request) -> Proposal:
    """``sympy.simplify`` of each term, and ``sympy.cse`` of the input and of what simplify gave.

    Raises TermError, naming the object, for a term that SymPy cannot say and for a result without a real-valued term. SymPy is told nothing about
    signs; whether its results have the same values is checked like those of every engine.
    """
    names = {s.name: s for s in symbols(request.terms)}
    there = [to_sympy(term) for term in request.terms]
    simplified = [sympy.simplify(expression) for expression in there]
    forms = {
        "sympy.simplify": [from_sympy(s, names) for s in simplified],
        "sympy.cse": shared(there, names),
        "sympy.simplify, cse": shared(simplified, names),
    }
    return Proposal(forms)


def shared(expressions: Sequence[Any], names: dict[str, Symbol]) -> list[Term]:
    """The expressions with SymPy's common sub-expressions as shared parts of terms."""
    pairs, rest = sympy.cse(expressions, symbols=sympy.numbered_symbols("_shared"))
    temporary = {str(s): Symbol(str(s), "temporary") for s, _ in pairs}
    values: dict[Term, Term] = {}
    known = names | temporary
    for symbol, expression in pairs:
        values[temporary[str(symbol)]] = replaced([from_sympy(expression, known)], values)[0]
    return replaced([from_sympy(e, known) for e in rest], values)
