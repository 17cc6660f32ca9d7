"""Large systems without a grid as C functions of bounded size: compile time then grows with the number of terms, not with its square.

::

    static void rhs_1(double t, const double *restrict y, ..., double *restrict dydt, double *restrict kept) { ... }
    static void rhs_2(...)                           what a later part needs is put into kept
    void rhs(...) { double kept[321]; rhs_1(..., kept); rhs_2(..., kept); }
"""

from __future__ import annotations

from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder, symbols
from symnum.ir.kernel import Kernel, Let, Statement, Store

_MANY = 2000  # operations from which a function is written in parts
_PART = 700  # operations of a part
Body = tuple[Statement, ...]


def parts(kernel: Kernel) -> list[Body]:
    """The statements of a scheduled kernel in parts of bounded size; one part where it is small or holds loops."""
    if not all(isinstance(s, Let | Store) for s in kernel.body):
        return [kernel.body]
    sizes = [_operations(s) for s in kernel.body]
    if sum(sizes) < _MANY:
        return [kernel.body]
    made: list[list[Statement]] = [[]]
    room = _PART
    for statement, size in zip(kernel.body, sizes, strict=True):
        if made[-1] and size > room:
            made.append([])
            room = _PART
        made[-1].append(statement)
        room -= size
    return [tuple(part) for part in made]


def _operations(statement: Statement) -> int:
    assert isinstance(statement, Let | Store)
    return 1 + sum(len(n.args) for n in postorder((statement.value,)))


def kept(bodies: list[Body]) -> dict[Symbol, int]:
    """Temporaries that a later part reads, and their places in the workspace."""
    places: dict[Symbol, int] = {}
    made: set[Term] = set()
    for body in bodies:
        own = {s.symbol for s in body if isinstance(s, Let)}
        for statement in body:
            assert isinstance(statement, Let | Store)
            for symbol in symbols(statement.value, "temporary"):
                if symbol in made and symbol not in own:
                    places.setdefault(symbol, len(places))
        made |= own
    return places


def calls(name: str, count: int, given: list[str], kept: str, size: int) -> list[str]:
    """The statements of the function that calls the parts: ``rhs_1(t, y, p, dydt, kept);`` and so on."""
    room = [f"double {kept}[{size}];  /* what several parts need */"] if size else []
    arguments = ", ".join(n for n in (*given, kept if size else "") if n)
    return [*room, *(f"{name}_{k + 1}({arguments});" for k in range(count))]
