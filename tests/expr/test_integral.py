"""Whole-domain integrals as terms: canonical form, derivatives, what they vary along, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import symnum as sn
from symnum.expr.calculus import expand_derivatives, linear_coefficients
from symnum.expr.integral import coordinates_of, integrals_as_fields
from symnum.expr.names import varies

T, X, Y = sn.coordinates("t x y")
U, W = sn.field("u", (T, X)), sn.field("w", (T, X, Y))
A = sn.parameter("a", 2.0)


def test_equal_integrals_are_one_term() -> None:
    assert sn.integral(sn.integral(W, Y), X) is sn.integral(sn.integral(W, X), Y) is sn.integral(W, X, Y)
    assert sn.integral(3 * A * T * W * X, X) is 3 * A * T * sn.integral(W * X, X)
    assert sn.integral(sn.sin(Y) * U, X) is sn.sin(Y) * sn.integral(U, X)
    assert sn.integral(Y, X) is Y * sn.integral(1, X)
    assert str(sn.integral(0 * U, X)) == "0"
    assert str(sn.integral(W**2, X, Y)) == "integral(integral(w^2, x), y)"


def test_derivatives_go_inside_or_vanish() -> None:
    total = sn.integral(W, X)
    assert str(sn.diff(total, X)) == "0"
    assert sn.diff(total, Y) is sn.integral(sn.diff(W, Y), X)
    assert sn.diff(U * sn.integral(U, X), X) is sn.integral(U, X) * sn.diff(U, X)
    product = expand_derivatives(sn.diff(W * total, Y))
    assert product is W * sn.diff(total, Y) + total * sn.diff(W, Y)
    assert sn.substitute(sn.integral(U * A, X), {A: 3, U: U + 1}) is 3 * sn.integral(U + 1, X)


def test_what_an_integral_varies_along() -> None:
    assert coordinates_of(sn.integral(W, X)) == (T, Y)
    assert coordinates_of(sn.integral(X**2, X)) == ()
    assert coordinates_of(X * sn.integral(W, X, Y)) == (T, X)
    assert varies(sn.integral(W, X), Y) and not varies(sn.integral(W, X), X)


def test_an_unknown_below_an_integral_is_not_linear_in_front_of_it() -> None:
    assert linear_coefficients(U + sn.integral(U, X), [U]) is None


def test_integrals_become_fields_inner_ones_first() -> None:
    mean = sn.integral(U, X)
    variance = sn.integral((U - mean) ** 2, X)
    (term,), found = integrals_as_fields([variance * mean + sn.integral(W, X, Y)])
    first, second, third = found
    assert {first.name, second.name, third.name} == {str(mean), str(variance), str(sn.integral(W, X, Y))}
    names = [f.name for f in found]
    assert names.index(str(mean)) < names.index(str(variance))
    by_name = {f.name: (f, whole) for f, whole in found.items()}
    assert by_name[str(variance)][1].integrand is (U - by_name[str(mean)][0]) ** 2
    assert by_name[str(sn.integral(W, X, Y))][1].along == (Y, X)
    assert not any(node.op == "integral" for node in term.args)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sn.integral(U, (X, 0, X)), r"limit that moves.*sn.Eq\(sn.diff\(w, x\), u\)"),
        (lambda: sn.integral(U, (X, 0, 1)), r"whole domain along x, not the limits 0 and 1; write sn.integral\(u, x\)"),
        (lambda: sn.integral(U, T), r"runs over time.*sn.Eq\(sn.dt\(w\), u\)"),
        (lambda: sn.integral(U, U), r"along a coordinate, not u"),
        (lambda: sn.integral(U), r"needs a coordinate: write sn.integral\(u, x\)"),
        (lambda: sn.substitute(sn.integral(U, X), {X: 0}), r"along a coordinate, not 0"),
    ],
    ids=["moving limit", "limits", "time", "field", "nothing", "substituted"],
)
def test_integrals_that_are_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(sn.TermError, match=words):
        make()
