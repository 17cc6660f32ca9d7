"""The sweep from the roots down against the sweep upwards (``gradient``) and against what is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

import symnum as sn
from symnum.expr.adjoint import adjoints
from symnum.expr.gradient import gradient
from symnum.expr.term import ONE, Symbol, Term, as_term
from symnum.expr.walk import fold, node_count
from symnum.ir.interpret import operator_value

A, B, C, W = (Symbol(name) for name in "abcw")
WANTED = {A, B, C}


def value(term: Term, at: dict[Term, float]) -> float:
    with np.errstate(all="ignore"):
        return float(fold(term, lambda node, args: at[node] if node in at else operator_value(node, args)))


TERMS = [
    A * B**2 / C + 3 * A - 2,
    sn.sin(A * B) * sn.exp(-C) + sn.tanh(A * B),
    sn.sqrt(A**2 + B**2) ** 3 + sn.log(C) / (A * C),
    A**B + sn.maximum(A, B) * sn.minimum(B * C, A),
    sn.where(A < B, A * C, sn.sin(B)) * sn.where(C > 10, B, A),
    sum((sn.tanh(0.1 * k * A + B) * C**k for k in range(1, 6)), as_term(0)),
    sn.atan2(A, B) + abs(A - B) + sn.erf(C),
]


@pytest.mark.parametrize("term", TERMS)
def test_one_root_gives_the_gradient(term: Term) -> None:
    at = {A: 0.7, B: 1.3, C: 0.4, W: -2.0}
    found = adjoints([(term, W)], WANTED.__contains__)
    table = gradient(term, WANTED.__contains__)
    assert set(found) == {s for s, d in table.items() if d is not as_term(0)}
    for symbol, derivative in found.items():
        assert value(derivative, at) == pytest.approx(-2.0 * value(table[symbol], at), rel=1e-13)


def test_roots_add_up_and_seeds_are_constants() -> None:
    found = adjoints([(A * B, C), (A**2, as_term(3)), (A * B, ONE)], WANTED.__contains__)
    assert found[A] is (C + 1) * B + 6 * A
    assert found[B] is (C + 1) * A
    assert C not in found  # only a seed here


def test_a_branch_that_is_not_taken_may_be_infinite() -> None:
    at = {A: 0.0, B: 2.0}
    found = adjoints([(sn.where(A > 0, sn.sqrt(A) * B, A * B), ONE)], WANTED.__contains__)
    assert (value(found[A], at), value(found[B], at)) == (2.0, 0.0)
    assert math.isfinite(value(found[A], {A: -1.0, B: 2.0}))


def test_deep_layers_cost_a_few_times_the_value() -> None:
    """Upwards every unit would carry a table of all weights below it."""
    weights, values = list[Symbol](), [A, B]
    for layer in range(4):
        fresh = []
        for unit in range(8):
            own = [Symbol(f"w{layer}_{unit}_{k}") for k in range(len(values))]
            weights += own
            fresh.append(sn.tanh(sum((w * v for w, v in zip(own, values, strict=True)), as_term(0.1 * unit))))
        values = fresh
    root = sum(values, as_term(0))
    found = adjoints([(root, ONE)], set(weights).__contains__)
    assert len(found) == len(weights)
    assert node_count(found.values()) < 8 * node_count(root)


def test_a_power_of_zero_does_not_change_with_its_exponent() -> None:
    found = adjoints([(A**B, ONE)], WANTED.__contains__)
    assert value(found[B], {A: 0.0, B: 2.5}) == 0.0
    assert value(found[B], {A: 2.0, B: 2.5}) == pytest.approx(2.0**2.5 * np.log(2.0))
    assert value(found[A], {A: 2.0, B: 2.5}) == pytest.approx(2.5 * 2.0**1.5)
