"""Terms as expressions of Symbolics.jl and back, and what Symbolics.jl does with them: derivatives, Jacobians, simplification.

::

    Term -> wire form -> SymnumBridge.to_symbolics -> Num -> ... -> SymnumBridge.from_symbolics -> wire form -> Term

Two ways of looking at a field u(t, x). ``to_symbolics`` writes a call ``u(t, x)`` of a variable, with ``Differential`` for its
derivatives, as people who work in Julia do. Derivatives and simplification take every symbol and every derivative of a field as a name of its
own, as symnum's own calculus does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.bridge.convert import strings
from symnum.bridge.errors import guarded
from symnum.bridge.session import Session, session
from symnum.bridge.wire import Wire, decode, encode
from symnum.errors import TermError
from symnum.expr.term import Symbol, Term, as_term
from symnum.expr.walk import symbols

_OPAQUE = frozenset({"derivative", "integral", "table", "network"})


def to_symbolics(terms: Sequence[Any]) -> list[Any]:
    """Terms as ``Num`` of Symbolics.jl: values of Julia, for use with ``symnum.bridge.session().main``.

    A coordinate, a parameter and a plain symbol is a variable of its name, a field a variable called with its coordinates.
    Raises TermError where two different symbols have one name or a node has no wire form, BackendUnavailable without Julia.
    """
    given = [as_term(t) for t in terms]
    names_of(given)
    wire, julia = encode(given), session("Symbolics")
    with guarded("writing terms for Symbolics.jl", TermError):
        return list(julia.bridge.to_symbolics(*_arguments(wire)))


def from_symbolics(values: Sequence[Any], names: Mapping[str, Symbol] | None = None) -> tuple[Term, ...]:
    """Expressions of Symbolics.jl (``Num``, ``BasicSymbolic`` or numbers) as terms.

    ``names``: name -> an existing symbol, coordinate, field or parameter, which is then used; ``names_of(terms)`` gives those of terms.
    Without it a variable is a plain symbol, one that others are called with or differentiated along a coordinate (``t`` is time), and a called
    variable a field. Raises TermError, naming it, for a function that has no counterpart (``gamma(x)``), arrays, complex numbers.
    """
    known, julia = dict(names or {}), session("Symbolics")
    with guarded("reading terms of Symbolics.jl", TermError):
        wire = _wire(julia.bridge.from_symbolics(_vector(julia, values)))
    return decode(wire, symbols=lambda s: _known(s, known))


def names_of(terms: Sequence[Term]) -> dict[str, Symbol]:
    """Name -> symbol of all symbols below the terms, coordinates of fields among them. Raises TermError where two share a name."""
    seen: dict[str, Symbol] = {}
    for found in symbols(terms):
        for s in (found, *(found.info.coordinates if found.kind == "field" else ())):
            if seen.setdefault(s.name, s) is not s:
                kinds = f"({seen[s.name].kind} and {s.kind})"
                raise TermError(f"two different symbols are named {s.name!r} {kinds}; Symbolics.jl needs one name each")
    return seen


def _known(s: Symbol, names: Mapping[str, Symbol]) -> Term:
    """The symbol of that name, checked to be of the kind it is used as."""
    found = names.get(s.name)
    if found is None:
        return s
    if s.kind == "coordinate" and found.kind != "coordinate":
        raise TermError(f"{s.name} is used as a coordinate, but it is declared as a {found.kind}")
    if s.kind == "field" and (found.kind != "field" or found.info.coordinates != s.info.coordinates):
        on = ", ".join(c.name for c in s.info.coordinates)
        raise TermError(f"{s.name}({on}) does not match the {found.kind} {s.name!r} that is declared under this name")
    return found


# --- what Symbolics.jl does ---------------------------------------------------------------------------------------------


def jacobian(terms: Sequence[Term], by: Sequence[Term]) -> list[list[Term]]:
    """``Symbolics.jacobian``: row i holds the derivatives of term i by each symbol of ``by`` (or derivative of a field)."""
    sealed, julia = _Sealed([*terms, *by]), session("Symbolics")
    with guarded("Symbolics.jacobian", TermError):
        made = julia.bridge.symbolic_jacobian(*_arguments(sealed.wire([*terms, *by])), len(terms))
        entries = sealed.terms(_wire(made))
    columns = len(by)
    return [list(entries[i * columns : (i + 1) * columns]) for i in range(len(terms))]


def sparse_jacobian(
    terms: Sequence[Term], by: Sequence[Term]
) -> tuple[tuple[Term, ...], NDArray[np.int64], NDArray[np.int64]]:
    """``Symbolics.sparsejacobian``: (entries, row indices, column pointers) in compressed sparse column form, zero entries among them."""
    sealed, julia = _Sealed([*terms, *by]), session("Symbolics")
    with guarded("Symbolics.sparsejacobian", TermError):
        made = julia.bridge.symbolic_sparse_jacobian(*_arguments(sealed.wire([*terms, *by])), len(terms))
        rows, pointers = (np.array(part, dtype=np.int64) for part in (made.rowval, made.colptr))
        return sealed.terms(_wire(made)), rows, pointers


def hessian(term: Term, by: Sequence[Term]) -> list[list[Term]]:
    """``Symbolics.hessian``: the second derivatives of a term."""
    sealed, julia = _Sealed([term, *by]), session("Symbolics")
    with guarded("Symbolics.hessian", TermError):
        entries = sealed.terms(_wire(julia.bridge.symbolic_hessian(*_arguments(sealed.wire([term, *by])))))
    return [list(entries[i * len(by) : (i + 1) * len(by)]) for i in range(len(by))]


def simplify(terms: Sequence[Term], seconds: float) -> tuple[tuple[Term, ...], tuple[int, ...]]:
    """(terms as ``Symbolics.simplify`` leaves them, positions of those it did not come to an end with in ``seconds`` and that are as they were).

    Its rules look at the clock before each application; time that Julia spends on compiling them does not count.
    """
    sealed, julia = _Sealed(terms), session("Symbolics")
    with guarded("Symbolics.simplify", TermError):
        made = julia.bridge.symbolic_simplify(*_arguments(sealed.wire(terms)), float(seconds))
        found, unfinished = sealed.terms(_wire(made)), tuple(int(i) for i in made.unfinished)
    kept = set(unfinished)
    return tuple(old if i in kept else new for i, (old, new) in enumerate(zip(terms, found, strict=True))), unfinished


class _Sealed:
    """Terms with a plain name in place of each symbol and each derivative, integral and table, so that each is independent of all others."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._names: dict[Term, str] = {}
        self._nodes: dict[str, Term] = {}
        for node in _outermost(terms):
            wanted = node.name if isinstance(node, Symbol) else f"{node.op}{len(self._names)}"
            name, k = wanted, 2
            while name in self._nodes:
                name, k = f"{wanted}_{k}", k + 1
            self._names[node], self._nodes[name] = name, node

    def wire(self, terms: Sequence[Term]) -> Wire:
        """The terms in wire form."""
        return encode(terms, self._names)

    def terms(self, wire: Wire) -> tuple[Term, ...]:
        """Terms of a wire form with everything back in its place."""
        return decode(wire, symbols=lambda s: self._nodes[s.name], partial=True)


def _outermost(terms: Sequence[Term]) -> list[Term]:
    """Symbols, derivatives, integrals and tables that are in no other such node."""
    reached, stack, found = set(terms), list(terms)[::-1], []
    while stack:
        node = stack.pop()
        if isinstance(node, Symbol) or node.op in _OPAQUE:
            found.append(node)
            continue
        fresh = [a for a in dict.fromkeys(node.args) if a not in reached]
        reached.update(fresh)
        stack.extend(reversed(fresh))
    return found


def _arguments(wire: Wire) -> tuple[Any, Any, Any]:
    """What the functions of SymnumBridge take: two views and the names."""
    return wire.codes, wire.numbers, strings(wire.names)


def _wire(made: Any) -> Wire:
    """A wire form that Julia made, copied."""
    return Wire(
        np.array(made.codes, dtype=np.int64), np.array(made.numbers, dtype=np.float64), tuple(map(str, made.names))
    )


def _vector(julia: Session, values: Sequence[Any]) -> Any:
    """A ``Vector{Any}`` of Julia values and Python numbers."""
    base = julia.main.Base
    return base.convert(base.Vector[base.Any], list(values))
