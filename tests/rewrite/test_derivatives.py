"""Jacobians and Hessians of terms against finite differences of their values, and their patterns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix

import symnum as sn
from symnum.errors import BackendUnavailable, TermError, UnknownName
from symnum.expr.calculus import differentiate
from symnum.expr.term import ZERO, Term
from tests.expr.samples import NAMES, terms, value

N = NAMES
SYMBOLS = [N.u, N.v, N.alpha, N.x]


@settings(max_examples=60, deadline=None)
@given(st.lists(terms([*SYMBOLS, N.w], smooth=True, max_leaves=6), min_size=1, max_size=4))
def test_a_jacobian_is_the_slope_of_the_values(given_terms: list[Term]) -> None:
    at = dict(zip([*SYMBOLS, N.w], [0.4, -0.7, 0.3, 0.9, 0.2], strict=True))
    rows = sn.jacobian(given_terms, SYMBOLS)
    for i, term in enumerate(given_terms):
        for j, s in enumerate(SYMBOLS):
            h = 1e-5
            with np.errstate(all="ignore"):
                ahead, behind = (float(value(term, {**at, s: at[s] + d})) for d in (h, -h))
                exact = float(value(rows[i][j], at))
            scale = max(abs(ahead), abs(exact), 1.0)
            if not np.isfinite([ahead, behind, exact]).all() or scale > 1e4:
                continue
            assert abs((ahead - behind) / (2 * h) - exact) <= 1e-6 * scale**2


@settings(max_examples=60, deadline=None)
@given(st.lists(terms([*SYMBOLS, N.w], max_leaves=6), min_size=0, max_size=4))
def test_the_sparse_one_holds_what_is_not_zero(given_terms: list[Term]) -> None:
    try:
        full = [[differentiate(t, s) for s in SYMBOLS] for t in given_terms]
    except TermError:  # a derivative that divides by the number 0
        return
    entries, indices, indptr = sn.sparse_jacobian(given_terms, SYMBOLS)
    numbers = np.arange(1.0, len(entries) + 1)
    matrix = csc_matrix((numbers, indices, indptr), shape=(len(given_terms), len(SYMBOLS)))
    assert matrix.has_sorted_indices and indices.dtype == indptr.dtype == np.int64
    dense = matrix.toarray()
    for i, row in enumerate(full):
        for j, entry in enumerate(row):
            assert (entry is ZERO) == (dense[i, j] == 0)
            assert entry is ZERO or entries[int(dense[i, j]) - 1] is entry


def test_fields_and_their_derivatives_are_independent() -> None:
    ux = sn.diff(N.u, N.x)
    assert sn.jacobian([N.u * ux + sn.integral(N.u, N.x), ux**2], [N.u, ux]) == [[ux, N.u], [ZERO, 2 * ux]]
    assert sn.sparse_jacobian([N.u * ux, ux**2], [N.u, ux]).indices.tolist() == [0, 0, 1]


def test_one_term_and_one_symbol_serve() -> None:
    assert sn.jacobian(N.u**2, N.u) == [[2 * N.u]]
    entries, indices, indptr = sn.sparse_jacobian([], [N.u, N.v])
    assert (entries, indices.tolist(), indptr.tolist()) == ((), [], [0, 0, 0])


def test_a_hessian_is_symmetric_and_that_of_the_jacobian() -> None:
    f = N.u**2 * N.v + sn.sin(N.alpha * N.u) * N.v**3
    made = sn.hessian(f, [N.u, N.v, N.alpha])
    (gradient,) = sn.jacobian(f, [N.u, N.v, N.alpha])
    assert made == [[differentiate(g, s) for s in (N.u, N.v, N.alpha)] for g in gradient]
    assert all(made[i][j] is made[j][i] for i in range(3) for j in range(3))


def test_a_wide_jacobian_costs_what_its_entries_cost() -> None:
    states = [sn.symbol(f"y{k}") for k in range(400)]
    f = [a * b - b**3 for a, b in pairwise(states)]
    entries, _, indptr = sn.sparse_jacobian(f, states)
    assert len(entries) == 2 * len(f) and indptr[-1] == len(entries)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: sn.jacobian([N.u], [N.u], engine="symbolix"), UnknownName, "Did you mean 'symbolics'"),
        (lambda: sn.jacobian([N.u], [N.u + 1]), TermError, "cannot differentiate by"),
        (lambda: sn.jacobian([N.u], [N.u, N.u]), TermError, "u is named twice"),
        (lambda: sn.hessian([N.u, N.v], [N.u]), TermError, "2 are given"),
        (lambda: sn.jacobian(["u"], [N.u]), TermError, "'u'"),
    ],
)
def test_bad_arguments_are_named(call: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("function", [sn.jacobian, sn.sparse_jacobian, sn.hessian])
def test_without_julia_symbolics_is_refused(function: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNUM_JULIA", "0")
    with pytest.raises(BackendUnavailable, match="SYMNUM_JULIA"):
        function(N.u**2, [N.u], engine="symbolics")  # type: ignore[operator]
