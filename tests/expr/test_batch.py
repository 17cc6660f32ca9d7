"""Products and sums made by the ten thousand are the terms that are made one at a time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symnum.expr import batch
from symnum.expr.intern import references
from symnum.expr.term import ONE, Const, Symbol, Term, add, linear_combination, mul, power_product

SYMBOLS = [Symbol(name, kind) for name, kind in zip("abcdef", ("field", "parameter") * 3, strict=True)]
EXPONENTS = (-2, -1, 1, 2, 3)
NUMBERS = st.one_of(st.integers(-3, 3), st.fractions(-2, 2, max_denominator=4), st.sampled_from([0.5, -1.25, 1.0]))
BAGS = st.lists(
    st.dictionaries(st.sampled_from(SYMBOLS), st.sampled_from(EXPONENTS), max_size=5), min_size=1, max_size=12
)


def placed(bags: list[dict[Symbol, int]]) -> tuple[list[batch.Factor], np.ndarray]:
    """The factors and the table of places that ``products`` takes."""
    factors = batch.sorted_factors([row for bag in bags for row in bag.items()])
    width = max(map(len, bags))
    rows = [sorted(factors.index(row) for row in bag.items()) for bag in bags]
    return factors, np.array([row + [len(factors)] * (width - len(row)) for row in rows], dtype=np.int64).reshape(
        len(bags), width
    )


def summed(entries: list[tuple[int, Term, object]], count: int, exact: bool) -> list[Term]:
    terms = list(dict.fromkeys(t for _, t, _ in entries))
    rows, columns = (
        np.array(k, dtype=np.int64) for k in ([r for r, _, _ in entries], [terms.index(t) for _, t, _ in entries])
    )
    numbers = np.array([c for _, _, c in entries], dtype=np.int64 if exact else object)
    return batch.sums(count, rows, columns, numbers, terms)


@settings(max_examples=200, deadline=None)
@given(BAGS)
def test_products_are_those_made_one_at_a_time(bags):
    made = batch.products(*placed(bags))
    assert all(new is power_product(dict(bag)) for new, bag in zip(made, bags, strict=True))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7), NUMBERS), min_size=1, max_size=25))
def test_sums_are_those_made_one_at_a_time(entries):
    a, b, c = SYMBOLS[:3]
    terms = [a, b, ONE, mul((a, b)), add((a, b)), Const(2.5), mul((a, c)), power_product({c: -1})]
    exact = all(type(n) is int for _, _, n in entries)
    listed = [(row, terms[k], n) for row, k, n in entries]
    for row, new in enumerate(summed(listed, 4, exact)):
        bag: dict[Term, object] = {}
        for at, term, n in listed:
            if at == row:
                bag[term] = bag.get(term, 0) + n  # type: ignore[operator]
        constant = sum(n * t.data[0] for t, n in bag.items() if t.op == "const" and n)
        assert new is linear_combination({t: n for t, n in bag.items() if t.op != "const"}, constant)


def test_sums_of_plain_products_alone():
    """The way that networks take: whole coefficients, nothing to merge; entries that cancel, one entry, none."""
    a, b, c, d = SYMBOLS[:4]
    p, q, r = mul((a, b)), mul((b, c)), mul((c, d))
    found = summed([(0, p, 2), (0, q, -1), (0, r, 1), (0, r, 1), (1, p, 1), (1, p, -1), (1, q, 3), (3, r, 1)], 4, True)
    assert found == [linear_combination({p: 2, q: -1, r: 2}), mul((Const(3), q)), Const(0), r]


def test_what_is_known_already_is_found():
    """A new batch gives the terms of the last one; two of one kind in a batch are one."""
    bags = [{SYMBOLS[0]: 1, SYMBOLS[1]: 2}, {SYMBOLS[2]: 1, SYMBOLS[3]: -1}, {SYMBOLS[0]: 1, SYMBOLS[1]: 2}]
    first = batch.products(*placed(bags))
    assert first[0] is first[2]
    again = batch.products(*placed(bags[1:] + bags[:1]))
    assert again[0] is first[1] and again[2] is first[0]


def test_terms_of_a_batch_are_forgotten_with_it():
    bags = [{Symbol(f"batch{k}"): 1, SYMBOLS[0]: 1} for k in range(50)]
    made = batch.products(*placed(bags))
    keys = [("mul", t.args, t.data, (int, int, int)) for t in made]
    assert all(references[key]() is term for key, term in zip(keys, made, strict=True))
    term = None
    del made, term
    assert not any(key in references for key in keys)


@pytest.mark.parametrize("number", [Fraction(1, 3), 0.25])
def test_coefficients_keep_their_kind(number):
    (made,) = summed([(0, SYMBOLS[0], number), (0, SYMBOLS[1], 2)], 1, False)
    assert sorted(map(str, made.data[1:])) == sorted(map(str, (number, 2)))
