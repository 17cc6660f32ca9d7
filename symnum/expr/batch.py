"""Products and sums by the ten thousand: what ``power_product`` and ``linear_combination`` make one at a time, in half the time.

    products:   prod over k of b_k^e_k       b_k symbols, e_k whole numbers, none of them zero
    sums:       sum over k of c_k t_k        c_k numbers, t_k terms

Arguments are sorted by number, not by digest: a product is a row of places in a sorted list of factors b^e, and the entries (sum, term,
coefficient) of all sums are sorted together, as those of a sparse matrix are. The loops over the columns are in ``map`` and ``zip``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat
from operator import attrgetter
from typing import Any

from symnum.expr.intern import keep_terms
from symnum.expr.numbers import Number
from symnum.expr.term import ONE, Call, Symbol, Term, born, head_of, linear_combination, power_product, whole_head

Factor = tuple[Symbol, int]
_digest = attrgetter("digest")


def sorted_factors(factors: Iterable[Factor]) -> list[Factor]:
    """The distinct factors b^e in the order of arguments."""
    return sorted(dict.fromkeys(factors), key=lambda factor: (factor[0].digest, factor[1]))


def products(factors: Sequence[Factor], table: Any) -> list[Term]:
    """One product for each row of ``table``, (n, width) whole numbers: places in ``factors``, rising, then len(factors) for nothing.

    The symbols of a row are distinct; ``factors`` come from ``sorted_factors``.
    """
    import numpy as np

    widths = np.count_nonzero(table < len(factors), axis=1)
    made: list[Any] = [ONE] * len(table)
    for width in set(widths.tolist()) - {0}:
        rows = np.flatnonzero(widths == width)
        columns = table[rows, :width].T.tolist()
        found = _of_width(factors, columns) if width > 1 else [power_product(dict([factors[k]])) for k in columns[0]]
        for row, term in zip(rows.tolist(), found, strict=True):
            made[row] = term
    return made


def _of_width(factors: Sequence[Factor], columns: list[list[int]]) -> list[Term]:
    """Products of two factors or more, all of equally many: the places of the first factors, of the second ones, ..."""
    bases, exponents = zip(*factors, strict=True)
    digests = list(map(_digest, bases))
    powers = list(zip(*(map(exponents.__getitem__, column) for column in columns), strict=True))
    known = {p: ((1, *p), *whole_head((1, *p))) for p in set(powers)}
    data, heads, types = zip(*map(known.__getitem__, powers), strict=True)
    args = list(zip(*(map(bases.__getitem__, column) for column in columns), strict=True))
    texts = map(b"".join, zip(heads, *(map(digests.__getitem__, column) for column in columns), strict=True))
    keys = list(zip(repeat("mul"), args, data, types))
    return keep_terms(keys, list(map(born, repeat(Call), repeat("mul"), args, data, texts)))


def sums(count: int, rows: Any, columns: Any, coefficients: Any, terms: Sequence[Term]) -> list[Term]:
    """``count`` sums; entry i adds ``coefficients[i] * terms[columns[i]]`` to sum ``rows[i]``.

    ``rows``, ``columns``: arrays of whole numbers; ``coefficients`` too, or an array of Python's numbers. The terms have no coefficient of their
    own (see ``term.split_coefficient``). Entries of one term in one sum are added up in the order given.
    """
    import numpy as np

    distinct, rank = _ranked(terms)
    size = max(len(distinct), 1)
    place = rows * size + rank[columns]
    order = np.argsort(place, kind="stable" if coefficients.dtype == object else None)
    place, values = place[order], coefficients[order]
    first = np.flatnonzero(np.diff(place, prepend=-1))
    if len(first) < len(place):
        place, values = place[first], np.add.reduceat(values, first)
    kept = np.flatnonzero(values)
    place, numbers = place[kept], values[kept].tolist()
    arguments = list(map(distinct.__getitem__, (place % size).tolist()))
    ends = np.searchsorted(place, np.arange(count + 1) * size).tolist()
    groups = [(arguments[a:b], numbers[a:b]) for a, b in pairwise(ends)]
    if {*map(type, numbers)} <= {int} and {"const", "add"}.isdisjoint({t.op for t in distinct}):
        return _plain_sums(groups)
    return [_sum(*group) for group in groups]


def _ranked(terms: Sequence[Term]) -> tuple[list[Term], Any]:
    """The distinct terms in the order of arguments, and where each term stands among them: (n,) whole numbers."""
    import numpy as np

    heads = np.frombuffer(b"".join(map(_digest, terms)), dtype=">u8").astype(np.uint64)[::2]
    order = np.argsort(heads)
    if np.all(np.diff(heads[order]) > 0):
        rank = np.empty(len(terms), dtype=np.int64)
        rank[order] = np.arange(len(terms))
        return list(map(terms.__getitem__, order.tolist())), rank
    distinct = sorted(set(terms), key=_digest)  # some are equal
    places = {t: k for k, t in enumerate(distinct)}
    return distinct, np.array([places[t] for t in terms], dtype=np.int64)


def _plain_sums(groups: list[tuple[list[Term], list[int]]]) -> list[Term]:
    """Sums whose terms are sorted and need no merging, coefficients whole and not zero."""
    made: list[Any] = [_sum(terms, coefficients) if len(terms) < 2 else None for terms, coefficients in groups]
    left = [k for k, term in enumerate(made) if term is None]
    keys, new = [], []
    for terms, coefficients in map(groups.__getitem__, left):
        args, data = tuple(terms), (0, *coefficients)
        keys.append(("add", args, data, (int,) * len(data)))
        new.append(born(Call, "add", args, data, head_of("add", data) + b"".join(map(_digest, terms))))
    for k, term in zip(left, keep_terms(keys, new), strict=True):
        made[k] = term
    return made


def _sum(terms: list[Term], coefficients: Sequence[Number]) -> Term:
    constant: Number = sum(c * t.data[0] for c, t in zip(coefficients, terms, strict=True) if t.op == "const")
    return linear_combination({t: c for t, c in zip(terms, coefficients, strict=True) if t.op != "const"}, constant)
