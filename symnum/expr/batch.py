"""Products and sums by the ten thousand: what ``power_product`` and ``linear_combination`` make one at a time, in a third of the time.

    products:   prod over k of b_k^e_k       b_k symbols, e_k whole numbers, none of them zero
    sums:       sum over k of c_k t_k        c_k numbers, t_k terms

Arguments are sorted by number, not by digest: a product is a row of places in a sorted list of factors b^e, and the entries (sum, term,
coefficient) of all sums are sorted together, as those of a sparse matrix are. Products with the same exponents are made together, column by
column: what their digests are made of is a table of bytes, and the loops run inside ``map``, ``zip`` and NumPy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise, repeat
from operator import attrgetter
from typing import Any

from symnum.expr.intern import keep_terms
from symnum.expr.numbers import Number
from symnum.expr.term import ONE, Call, Symbol, Term, head_of, linear_combination, power_product

Factor = tuple[Symbol, int]
_DIGEST = 16  # bytes
_digest, _op = attrgetter("digest"), attrgetter("op")


def sorted_factors(factors: Iterable[Factor]) -> list[Factor]:
    """The distinct factors b^e in the order of arguments."""
    return sorted(dict.fromkeys(factors), key=lambda factor: (factor[0].digest, factor[1]))


def products(factors: Sequence[Factor], table: Any) -> Any:
    """One product for each row of ``table``, (n, width) whole numbers: places in ``factors``, rising, then len(factors) for nothing.

    The symbols of a row are distinct; ``factors`` come from ``sorted_factors``. Result: (n,) array of terms.
    """
    import numpy as np

    symbols, digests = _array([s for s, _ in factors]), _digests([s for s, _ in factors])
    exponents = np.array([*(e for _, e in factors), 0], dtype=np.int64)
    made = np.empty(len(table), dtype=object)
    made[:] = ONE
    patterns = _rows_of_bytes(exponents[table]) if table.shape[1] else []
    numbers = {pattern: k for k, pattern in enumerate(dict.fromkeys(patterns))}
    kinds = np.fromiter(map(numbers.__getitem__, patterns), np.int64, len(patterns))
    for pattern, k in numbers.items():
        rows = np.flatnonzero(kinds == k)
        powers = tuple(e for e in np.frombuffer(pattern, dtype=np.int64).tolist() if e)
        places = table[rows, : len(powers)]
        if len(powers) > 1:
            made[rows] = _of_one_pattern(powers, symbols[places.T], digests[places])
        elif powers:
            made[rows] = [power_product({symbols[place]: powers[0]}) for place in places[:, 0]]
    return made


def _of_one_pattern(powers: tuple[int, ...], bases: Any, digests: Any) -> list[Term]:
    """Products b_1^e_1 ... b_m^e_m of given exponents. bases: (m, n) symbols; digests: (n, m, 16) bytes, theirs."""
    import numpy as np

    data = (1, *powers)
    head = np.frombuffer(head_of("mul", data), dtype=np.uint8)
    texts = np.hstack([np.broadcast_to(head, (len(digests), len(head))), digests.reshape(len(digests), -1)])
    return _kept("mul", list(zip(*bases.tolist(), strict=True)), [data] * len(digests), _rows_of_bytes(texts))


def sums(count: int, rows: Any, columns: Any, coefficients: Any, terms: Any) -> list[Term]:
    """``count`` sums; entry i adds ``coefficients[i] * terms[columns[i]]`` to sum ``rows[i]``.

    ``rows``, ``columns``: arrays of whole numbers; ``coefficients`` too, or an array of Python's numbers. The terms have no coefficient of their
    own (see ``term.split_coefficient``). Entries of one term in one sum are added up in the order given.
    """
    import numpy as np

    distinct, digests, rank = _ranked(terms)
    small = np.min_scalar_type(max(count, len(distinct)))  # short numbers are sorted by their digits
    rank = rank[columns]
    order = np.lexsort((rank.astype(small), rows.astype(small)))
    rows, rank, values = rows[order], rank[order], coefficients[order]
    first = np.flatnonzero((np.diff(rows, prepend=-1) != 0) | (np.diff(rank, prepend=-1) != 0))
    if len(first) < len(rows):
        rows, rank, values = rows[first], rank[first], np.add.reduceat(values, first)
    kept = np.flatnonzero(values)
    rank, numbers = rank[kept], values[kept].tolist()
    ends = np.searchsorted(rows[kept], np.arange(count + 1)).tolist()
    arguments = distinct[rank].tolist()
    groups = [(arguments[a:b], numbers[a:b]) for a, b in pairwise(ends)]
    if not {*map(type, numbers)} <= {int} or not {"const", "add"}.isdisjoint(map(_op, terms)):
        return [_sum(*group) for group in groups]
    made: list[Any] = [_sum(*group) if len(group[0]) < 2 else None for group in groups]
    left = [k for k, term in enumerate(made) if term is None]  # sorted, with nothing to merge
    args, data = [tuple(groups[k][0]) for k in left], [(0, *groups[k][1]) for k in left]
    bytes_of = digests[rank].tobytes()
    texts = [
        head_of("add", d) + bytes_of[_DIGEST * ends[k] : _DIGEST * ends[k + 1]] for k, d in zip(left, data, strict=True)
    ]
    for k, term in zip(left, _kept("add", args, data, texts), strict=True):
        made[k] = term
    return made


def _ranked(terms: Any) -> tuple[Any, Any, Any]:
    """The distinct terms in the order of arguments, (m,), their digests, (m, 16) bytes, and where each of the terms stands among them, (n,)."""
    import numpy as np

    given, digests = _array(terms), _digests(terms)
    heads = digests.view(">u8")[:, 0].astype(np.uint64)
    order = np.argsort(heads)
    rank = np.empty(len(given), dtype=np.int64)
    if np.all(np.diff(heads[order]) > 0):
        rank[order] = np.arange(len(given))
        return given[order], digests[order], rank
    distinct = sorted(set(terms), key=_digest)  # some are equal
    places = {t: k for k, t in enumerate(distinct)}
    rank[:] = [places[t] for t in terms]
    return _array(distinct), _digests(distinct), rank


def _sum(terms: list[Term], coefficients: Sequence[Number]) -> Term:
    constant: Number = sum(c * t.data[0] for c, t in zip(coefficients, terms, strict=True) if t.op == "const")
    return linear_combination({t: c for t, c in zip(terms, coefficients, strict=True) if t.op != "const"}, constant)


# --- columns ----------------------------------------------------------------------------------------------------------


def _array(terms: Sequence[Term]) -> Any:
    """(n,) array of the terms."""
    import numpy as np

    made = np.empty(len(terms), dtype=object)
    made[:] = terms
    return made


def _digests(terms: Sequence[Term]) -> Any:
    """The digests of n terms: (n, 16) bytes."""
    import numpy as np

    return np.frombuffer(b"".join(map(_digest, terms)), dtype=np.uint8).reshape(-1, _DIGEST)


def _rows_of_bytes(table: Any) -> list[bytes]:
    """The bytes of each row of a matrix."""
    rows: list[bytes] = table.view(f"V{table.itemsize * table.shape[1]}").ravel().tolist()
    return rows


def _kept(op: str, args: list[tuple[Term, ...]], data: list[tuple[int, ...]], texts: Iterable[bytes]) -> list[Term]:
    """Calls whose data are whole numbers, interned; ``texts``: what their digests are made of."""
    made = list(map(object.__new__, repeat(Call, len(args))))
    slots = {"op": repeat(op), "args": args, "data": data, "digest": _hashed(texts)}
    for name, values in slots.items():
        deque(map(getattr(Term, name).__set__, made, values), maxlen=0)
    types = {n: (int,) * n for n in {*map(len, data)}}
    return keep_terms(list(zip(repeat(op), args, data, map(types.__getitem__, map(len, data)))), made)


def _hashed(texts: Iterable[bytes]) -> Iterable[bytes]:
    empty = blake2b(digest_size=_DIGEST)
    for text in texts:
        state = empty.copy()
        state.update(text)
        yield state.digest()
