"""Stores written out point by point and rolled up again: the same values, and as few loops as the pattern has pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symnum.expr.build import sin
from symnum.expr.term import Term, as_term
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Array, Kernel, Store, load, nest
from symnum.tracing.reroll import reroll

N = 40
WEIGHTS = np.random.default_rng(1).random((N, N))


def pointwise(value: Callable[..., Term], shape: tuple[int, ...] = (N,)) -> Kernel:
    """out[p] = value(x, p), one store a point; ``x(i, j)`` reads at fixed indices."""
    axes = tuple(range(len(shape)))
    x = Array("x", shape, 0, axes, (0,) * len(shape), "x")

    def read(*index: int) -> Term:
        return load("x", index, None, (True,) * len(index))

    body = [nest(tuple((a, i, i + 1) for a, i in zip(axes, p, strict=True)), (Store("out", as_term(value(read, *p))),)) for p in np.ndindex(*shape)]
    return check(Kernel("f", (x,), (replace(x, name="out"),), (), None, shape, tuple(body)))


def same(kernel: Kernel, most: int) -> Kernel:
    made = check(reroll(kernel))
    y = np.random.default_rng(0).random(kernel.input_size)
    want = interpret(kernel, 0.0, y)
    assert np.abs(interpret(made, 0.0, y) - want).max() <= 1e-14 * np.abs(want).max()
    assert len(made.body) <= most
    return made


def walls(x: Any, i: int) -> Term:
    """Second differences with insulated ends."""
    if i in (0, N - 1):
        return x(1) - x(0) if i == 0 else x(N - 2) - x(N - 1)
    return x(i + 1) - 2 * x(i) + x(i - 1)


def chain(x: Any, i: int) -> Term:
    """Two halves of one vector, as positions and momenta: each a pattern of its own, the second with two ends."""
    half = N // 2
    if i < half:
        return x(i + half)
    left = x(i - half - 1) if i > half else 0.0
    right = x(i - half + 1) if i < N - 1 else 0.0
    return as_term(left - 2 * x(i - half) + right)


PATTERNS = {
    "around the ends": (lambda x, i: (x((i + 1) % N) - x((i - 2) % N)) * x((i - 1) % N) - x(i) + 8.0, 1),
    "two ends": (walls, 3),
    "two halves": (chain, 4),
    "numbers that change": (lambda x, i: float(WEIGHTS[0, i]) * sin(x((i + 1) % N) - x(i)), 1),
    "places that stay": (lambda x, i: x(3) * x(i) + x(0) * 2.0, 4),
    "every other point": (lambda x, i: x(i) ** 2 if i % 2 else -x(i), N),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_along_one_axis(name: str) -> None:
    value, most = PATTERNS[name]
    same(pointwise(value), most)


def test_boxes_of_a_grid() -> None:
    """The five-point Laplacian with nothing outside: the interior, four sides and four corners."""

    def value(x: Any, i: int, j: int) -> Term:
        near = [(i + a, j + b) for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1)) if 0 <= i + a < 8 and 0 <= j + b < 9]
        return sum((x(*p) for p in near), start=-4 * x(i, j))

    same(pointwise(value, (8, 9)), 9)


def test_numbers_along_two_axes_become_one_table() -> None:
    made = same(pointwise(lambda x, i, j: float(WEIGHTS[i, j]) * x(i, j) + float(WEIGHTS[i, 0]), (8, 9)), 1)
    assert sum(c.values.size for c in made.constants) == 2 * 72


def test_a_row_that_differs_in_numbers_alone_stays_a_loop_of_its_own() -> None:
    """Few runs of equal numbers need no table: three loops, and the middle one holds a plain number."""
    made = same(pointwise(lambda x, i: (2.0 if i in (0, N - 1) else 1.0) * x(i) + x((i + 1) % N)), 3)
    assert "table" not in str(made.body)


def test_what_is_a_loop_already_stays() -> None:
    kernel = pointwise(PATTERNS["around the ends"][0])
    rolled = check(reroll(kernel))
    assert reroll(rolled) == rolled


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3), st.booleans()), min_size=1, max_size=4), st.integers(5, 17), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_random_patterns(parts: list[tuple[int, int, bool]], n: int, odd: int) -> None:
    """Sums of products of neighbours, some at places that stay, with one point that is different."""

    def value(x: Any, i: int) -> Term:
        total = as_term(0.5 * x(i))
        for offset, factor, stays in parts:
            place = (offset if stays else i + offset) % n
            total = total + (float(WEIGHTS[1, i]) if factor == 3 else float(factor)) * x(place) * x((i + factor) % n)
        return total**2 if i == odd else total

    same(pointwise(value, (n,)), n)


def test_the_order_of_rows_does_not_matter() -> None:
    kernel = pointwise(walls)
    turned = kernel.with_body(tuple(reversed(kernel.body)))
    assert len(check(reroll(turned)).body) == len(check(reroll(kernel)).body) == 3


def test_indices_of_the_other_axis_are_not_followed() -> None:
    """x[j, i] at (i, j) is no offset: the stores stay as they are, with the right values."""
    same(pointwise(lambda x, i, j: x(j, i), (5, 5)), 25)


def test_all_of_it_is_covered() -> None:
    kernel = pointwise(lambda x, i, j, k: x(i, j, k) - x((i + 1) % 3, j, k), (3, 4, 5))
    assert len(list(product(range(3), range(4), range(5)))) == len(kernel.body)
    same(kernel, 1)
