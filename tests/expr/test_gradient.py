"""The gradient of one sweep against the derivative symbol by symbol, and its cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symnum.errors import TermError
from symnum.expr.calculus import differentiate
from symnum.expr.gradient import gradient
from symnum.expr.term import ONE, ZERO, Symbol, add, call, mul, scale
from tests.expr.samples import NAMES, terms, value

X, Y, K = NAMES.x, NAMES.y, NAMES.alpha


def space(symbol: Symbol) -> bool:
    return symbol in (X, Y)


@given(terms([X, Y, K], smooth=True), st.integers(0, 99))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_equals_the_derivatives_one_by_one(term: object, seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = dict(zip((X, Y, K), rng.uniform(0.3, 1.2, 3), strict=True))
    try:
        found, single = gradient(term, space), {s: differentiate(term, s) for s in (X, Y)}  # type: ignore[arg-type]
    except TermError:  # numbers of random terms may overflow
        return
    assert set(found) <= {X, Y}
    with np.errstate(all="ignore"):
        for s in (X, Y):
            want = float(value(single[s], at))
            got = float(value(found.get(s, ZERO), at))
            assert got == want or abs(got - want) <= 1e-9 * max(1.0, abs(want)) or not np.isfinite(want)


def test_by_hand() -> None:
    found = gradient(X**2 * Y + call("sin", X * K) + 3 * Y - 7, space)
    assert found[X] is add((scale(mul((X, Y)), 2), mul((K, call("cos", X * K)))))
    assert found[Y] is add((X**2, ONE + ONE + ONE))
    assert gradient(K * 2 + 1, space) == {} and gradient(X, space) == {X: ONE}


def test_a_memo_serves_several_terms() -> None:
    memo: dict = {}
    shared = call("exp", X * Y)
    first, second = gradient(shared + X, space, memo), gradient(shared * 2 - Y, space, memo)
    assert second[X] is scale(add((first[X], scale(ONE, -1))), 2)


def test_the_work_is_linear_in_the_summands() -> None:
    """One table a node, and in all as many entries as there are symbols in the products."""
    n = 500
    symbols = [Symbol(f"s{i}") for i in range(n)]
    memo: dict = {}
    found = gradient(add(mul((K, symbols[i], symbols[(7 * i + 3) % n])) for i in range(n)), lambda s: s is not K, memo)
    assert len(found) == n and len(memo) <= 2 * n + 2
    assert sum(map(len, memo.values())) <= 4 * n


def test_a_branch_that_is_not_taken_may_be_infinite() -> None:
    """d/dX where(X > 0, X^K*log(X) + Y, 0) at X = 0: the branch holds log(0) and 0^(-1/2)."""
    guarded = call("where", call("gt", X, ZERO), call("pow", X, K) * call("log", X) + Y, ZERO)
    origin = dict(zip((X, Y, K), np.array([0.0, 1.0, 0.5]), strict=True))
    for slopes in (gradient(guarded, space), {s: differentiate(guarded, s) for s in (X, Y)}):
        with np.errstate(all="ignore"):
            assert value(slopes[X], origin) == 0 == value(slopes[Y], origin)
            assert value(slopes[X], {X: 4.0, Y: 1.0, K: 0.5}) == pytest.approx(np.log(4) / 4 + 1 / 2)
