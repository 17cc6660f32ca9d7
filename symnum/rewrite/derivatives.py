"""Derivatives of several terms by several symbols: ``jacobian``, ``sparse_jacobian``, ``hessian``.

As in ``expr.calculus.differentiate``, every symbol, field and derivative of a field is independent of all others: the derivative of ``u*v`` by
the field ``u`` is ``v``, and that of ``diff(u, x)`` by ``u`` is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symnum.errors import TermError, UnknownName, did_you_mean
from symnum.expr.calculus import differentiate
from symnum.expr.term import ZERO, Symbol, Term, as_term
from symnum.expr.walk import fold
from symnum.rewrite.matrix import Matrix

ENGINES = ("symnum", "symbolics")
_BOUNDARIES = frozenset({"derivative", "integral"})


class SparseTerms(NamedTuple):
    """The nonzero entries of a matrix of terms in compressed sparse column form, in the order of ``scipy.sparse.csc_matrix``.

    ``terms`` (nnz,): the entries, column by column, rows rising within a column; ``indices`` (nnz,): the row of each;
    ``indptr`` (columns + 1,): column j is ``terms[indptr[j]:indptr[j + 1]]``.
    With values of the terms: ``scipy.sparse.csc_matrix((values, indices, indptr), shape=(len(f), len(y)))``.
    """

    terms: tuple[Term, ...]
    indices: NDArray[np.int64]
    indptr: NDArray[np.int64]


def jacobian(terms: Any, symbols: Any, engine: str = "symnum") -> Matrix:
    """The matrix J[i][j] = d terms[i] / d symbols[j], a list of rows.

    Args:
        terms: m terms (anything that becomes one), or a single one.
        symbols: n symbols, fields, parameters or derivatives of fields such as ``sn.diff(u, x)``, or a single one.
        engine: "symnum", or "symbolics" (``Symbolics.jacobian`` in Julia).

    Raises TermError for what cannot be differentiated by, UnknownName for another engine, BackendUnavailable where "symbolics" is asked for
    and Julia or Symbolics.jl is not there.
    """
    functions, by = _given(terms, symbols, engine)
    if engine == "symbolics":
        from symnum.bridge import terms as symbolics

        return Matrix(symbolics.jacobian(functions, by))
    columns = [_column(functions, s) for s in by]
    return Matrix([column[i] for column in columns] for i in range(len(functions)))


def sparse_jacobian(terms: Any, symbols: Any, engine: str = "symnum") -> SparseTerms:
    """The entries of ``jacobian(terms, symbols)`` that are not the number 0, in compressed sparse column form.

    ``entries, indices, indptr = sn.sparse_jacobian(f, y)``; see ``SparseTerms``. An entry that is zero without being so written stays.
    ``engine="symbolics"`` asks ``Symbolics.sparsejacobian``; its entries that are the number 0 are left out too, so the pattern is the same. Raises
    as ``jacobian`` does.
    """
    functions, by = _given(terms, symbols, engine)
    if engine == "symbolics":
        from symnum.bridge import terms as symbolics

        entries, rows, pointers = symbolics.sparse_jacobian(functions, by)
        columns = np.repeat(np.arange(len(by)), np.diff(pointers))
        return _compressed(entries, rows, columns, len(by))
    holds = _occurrences(functions, by)
    found: list[Term] = []
    places: list[tuple[int, int]] = []
    for j, s in enumerate(by):
        rows_of = [i for i, mask in enumerate(holds) if mask >> j & 1]
        found += _column([functions[i] for i in rows_of], s)
        places += [(i, j) for i in rows_of]
    at = np.array(places, dtype=np.int64).reshape(-1, 2)
    return _compressed(found, at[:, 0], at[:, 1], len(by))


def hessian(term: Any, symbols: Any, engine: str = "symnum") -> Matrix:
    """The symmetric matrix H[i][j] = d^2 term / d symbols[i] d symbols[j], a list of rows. Engines and errors as in ``jacobian``."""
    functions, by = _given(term, symbols, engine)
    if len(functions) != 1:
        raise TermError(
            f"the Hessian is that of one term, and {len(functions)} are given; write [sn.hessian(f, y) for f in terms]"
        )
    if engine == "symbolics":
        from symnum.bridge import terms as symbolics

        return Matrix(symbolics.hessian(functions[0], by))
    gradient = [differentiate(functions[0], s) for s in by]
    lower = [_column(gradient[j:], s) for j, s in enumerate(by)]
    return Matrix([lower[min(i, j)][abs(i - j)] for j in range(len(by))] for i in range(len(by)))


def _given(terms: Any, symbols: Any, engine: str) -> tuple[list[Term], list[Term]]:
    """Terms and what they are differentiated by, checked."""
    if engine not in ENGINES:
        raise UnknownName(
            f"Unknown engine {engine!r} of derivatives.{did_you_mean(str(engine), ENGINES)} The engines are: {', '.join(ENGINES)}."
        )
    functions, by = _listed(terms), _listed(symbols)
    for s in by:
        if not isinstance(s, Symbol) and s.op != "derivative":
            raise TermError(
                f"cannot differentiate by {s}; differentiate by a symbol, a field or a derivative of a field"
            )
    if len(set(by)) < len(by):
        twice = next(s for k, s in enumerate(by) if s in by[:k])
        raise TermError(f"{twice} is named twice among what is differentiated by; name each once")
    return functions, by


def _listed(given: Any) -> list[Term]:
    many = isinstance(given, Iterable) and not isinstance(given, (Term, str))
    return [as_term(t) for t in given] if many else [as_term(given)]


def _column(terms: Sequence[Term], symbol: Term) -> list[Term]:
    memo: dict[Term, Term] = {}
    return [differentiate(t, symbol, memo) for t in terms]


def _occurrences(terms: Sequence[Term], by: Sequence[Term]) -> list[int]:
    """For each term the set of columns whose symbol it holds, as the bits of a number; inside derivatives and integrals nothing counts."""
    bits: dict[Term, int] = {}
    for j, s in enumerate(by):
        bits[s] = bits.get(s, 0) | 1 << j

    def rule(node: Term, inner: list[int]) -> int:
        if node in bits or not inner or node.op in _BOUNDARIES:
            return bits.get(node, 0)
        found = 0
        for mask in inner:
            found |= mask
        return found

    memo: dict[Term, int] = {}
    return [fold(t, rule, memo) for t in terms]


def _compressed(
    entries: Sequence[Term], rows: NDArray[np.int64], columns: NDArray[np.int64], width: int
) -> SparseTerms:
    """Entries other than 0, sorted by columns and rows."""
    kept = [k for k in np.lexsort((rows, columns)) if entries[k] is not ZERO]
    counts = np.bincount(columns[kept], minlength=width)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return SparseTerms(tuple(entries[k] for k in kept), rows[kept].astype(np.int64), indptr)
