"""Derivatives of kernels whose arrays are views, stored in between, constants, or taken together by products and extreme values.

All functions are of degree two at most in each unknown, where central differences with step 1/2 have no truncation error.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csc_matrix

from symnum.expr.term import as_term
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.jacobian import jacobian_slots, jvp_kernel
from symnum.ir.kernel import Accumulate, Array, Constant, Kernel, Statement, Store, load, nest
from symnum.ir.passes.inline import inline_stores
from symnum.ir.sparsity import sparsity
from symnum.ir.vjp import vjp_kernel

N, M = 6, 5


def kernel(inputs: list[Array], outputs: list[Array], body: list[Statement], **more: object) -> Kernel:
    return check(Kernel("f", tuple(inputs), tuple(outputs), (), None, (N, M), tuple(body), **more))  # type: ignore[arg-type]


def grid(name: str, offset: int = 0, steps: tuple[int, ...] | None = None) -> Array:
    return Array(name, (N, M), offset, (0, 1), (0, 0), name, steps)


def everywhere(*body: Statement) -> Statement:
    return nest(((0, 0, N), (1, 0, M)), body)


def interleaved() -> Kernel:
    """Two species side by side in memory, the first diffuses around the ends of axis 1; a third array sees all of them at once."""
    u, v = grid("u", 0, (2 * M, 2)), grid("v", 1, (2 * M, 2))
    du, dv = replace(u, name="du"), replace(v, name="dv")
    here, there, other = load("u", (0, 0)), load("u", (0, 1), (False, True)), load("v", (0, 0))
    return kernel([u, v], [du, dv], [everywhere(Store("du", as_term(there - 2 * here + here * other)), Store("dv", as_term(other * other - here)))])


def overlapping() -> Kernel:
    """The same memory read as it is, transposed, and every second row backwards."""
    u = Array("u", (N, M), 0, (0, 1), (0, 0), "u")
    turned = Array("turned", (M, N), 0, (0, 1), (0, 0), "u", (1, M))
    rows = Array("rows", (N // 2, M), (N - 1) * M, (0, 1), (0, 0), "u", (-2 * M, 1))
    out = Array("out", (N // 2, M), 0, (0, 1), (0, 0), "out")
    value = load("u", (1, 0)) * load("rows", (0, 0)) + 3 * load("turned", (0, 0))
    return kernel([u, turned, rows], [out], [nest(((0, 0, N // 2), (1, 0, M)), (Store("out", as_term(value)),))])


def stored() -> Kernel:
    """A Laplacian of what was stored in pieces from a Laplacian: du = lap(w), w = lap(u) + u inside, u^2 on the first row, 0 on the last."""
    u, w, du = grid("u"), grid("w"), grid("du")

    def lap(name: str) -> object:
        wrap = (True, True)
        return sum(load(name, o, wrap) for o in ((1, 0), (-1, 0), (0, 1), (0, -1))) - 4 * load(name, (0, 0))

    inside = nest(((0, 1, N - 1), (1, 0, M)), (Store("w", as_term(lap("u") + load("u", (0, 0)))),))
    rim = nest(((0, 0, 1), (1, 0, M)), (Store("w", as_term(load("u", (0, 0)) ** 2)),))
    out = everywhere(Store("du", as_term(lap("w") + load("w", (0, 2), (False, True), (False, True)))))
    return kernel([u], [du], [inside, rim, out], locals=(w,))


def chained() -> Kernel:
    """Sums of a stored array, in a stored array of its own shape: out = s * w, s_i = sum_j w_ij, w = u^2/2."""
    u, w, out = grid("u"), grid("w"), grid("out")
    s = Array("s", (N,), N * M, (0,), (0,), "s")
    first = everywhere(Store("w", as_term(load("u", (0, 0)) * 0.5)))
    total = everywhere(Accumulate("s", as_term(load("w", (0, 0)))))
    return kernel([u], [out], [first, total, everywhere(Store("out", as_term(load("s", (0,)) * load("w", (0, 0)))))], locals=(w, s))


def weighted() -> Kernel:
    """Constants, one of them transposed: out = c u + c^T-like neighbours."""
    u, out = grid("u"), grid("out")
    values = np.random.default_rng(3).normal(size=N * M)
    c = Constant(replace(grid("c"), steps=(1, N)), values)
    row = Constant(Array("row", (M,), 2, (1,), (0,), "row"), values)
    body = everywhere(Store("out", as_term(load("c", (0, 0)) * load("u", (0, 1), (False, True)) + load("row", (0,)) * load("u", (0, 0)) ** 2)))
    return kernel([u], [out], [body], constants=(c, row))


def reduced(operation: str) -> Kernel:
    """A product of each row, or its largest value, times the point."""
    u, out = grid("u"), grid("out")
    p = Array("p", (N,), 0, (0,), (0,), "p")
    last = everywhere(Store("out", as_term(load("p", (0,)) + load("u", (0, 0)) ** 2)))
    return kernel([u], [out], [everywhere(Accumulate("p", load("u", (0, 0)), "", operation)), last], locals=(p,))


def in_two_regions(operation: str) -> Kernel:
    """The same of each row, taken together from two loops."""
    u, out = grid("u"), grid("out")
    p = Array("p", (N,), 0, (0,), (0,), "p")
    first, second = (nest(((0, 0, N), (1, *ends)), (Accumulate("p", load("u", (0, 0)), "", operation),)) for ends in ((0, 2), (2, M)))
    last = everywhere(Store("out", as_term(load("p", (0,)) * 2.0 + load("u", (0, 0)))))
    return kernel([u], [out], [first, second, last], locals=(p,))


def views_of_a_local() -> Kernel:
    """A stored array that is read through a second array on the same memory, transposed."""
    u, out, w = grid("u"), Array("out", (M, M), 0, (0, 1), (0, 0), "out"), grid("w")
    turned = Array("turned", (M, N), 0, (0, 1), (0, 0), "w", (1, M))
    first = everywhere(Store("w", as_term(load("u", (0, 0)) ** 2)))
    last = nest(((0, 0, M), (1, 0, M)), (Store("out", as_term(load("turned", (0, 1)) - load("w", (1, 0)))),))
    return kernel([u], [out], [first, last], locals=(w, turned))


KERNELS = {f.__name__: f for f in (interleaved, overlapping, stored, chained, weighted, views_of_a_local)}
KERNELS |= {operation: lambda operation=operation: reduced(operation) for operation in ("mul", "maximum", "minimum")}
KERNELS |= {f"{o} in two regions": lambda o=o: in_two_regions(o) for o in ("add", "mul", "maximum")}


def differences(k: Kernel, y: np.ndarray, step: float) -> np.ndarray:
    return np.array([(interpret(k, 0.0, y + e) - interpret(k, 0.0, y - e)) / (2 * step) for e in step * np.eye(len(y))]).T


def matrix(k: Kernel, y: np.ndarray) -> np.ndarray:
    """S + L (1 - M)^-1 R, dense."""
    slots = jacobian_slots(k)
    values = interpret(slots.kernel, 0.0, y)
    blocks = [slots.direct, slots.left, slots.right, slots.between]
    s, left, right, between = (None if b is None else csc_matrix((values[b.at], (b.rows, b.columns)), b.shape).toarray() for b in blocks)
    if left is None or right is None or between is None:
        assert s is not None
        return np.asarray(s)
    return np.asarray(s + left @ np.linalg.solve(np.eye(len(between)) - between, right))


@pytest.mark.parametrize("name", KERNELS)
def test_all_derivatives(name: str) -> None:
    k, rng = KERNELS[name](), np.random.default_rng(5)
    y = np.linspace(1.0, 2.0, k.input_size)[rng.permutation(k.input_size)]
    step = 0.01 if "imum" in name else 0.5  # less than half of what lies between two values
    want = differences(k, y, step)
    size = np.abs(want).max()
    assert np.abs(matrix(k, y) - want).max() <= 1e-12 * size
    v, w = rng.normal(size=k.input_size), rng.normal(size=k.output_size)
    along = interpret(jvp_kernel(k), 0.0, np.concatenate([y, v]))
    assert np.abs(along - want @ v).max() <= 1e-11 * size
    back = interpret(vjp_kernel(k), 0.0, np.concatenate([y, w]))
    assert np.abs(back - want.T @ w).max() <= 1e-11 * size


@pytest.mark.parametrize("name", ["interleaved", "overlapping", "stored", "weighted"])
def test_the_pattern_holds_what_differs_from_zero_and_little_more(name: str) -> None:
    k = KERNELS[name]()
    want = differences(k, np.random.default_rng(1).normal(size=k.input_size), 0.5)
    pattern = sparsity(k).toarray()
    assert not (np.abs(want) > 1e-12)[~pattern].any()
    assert pattern.sum() <= 1.1 * (np.abs(want) > 1e-12).sum()


def test_inlined_values_are_the_same() -> None:
    k = stored()
    made = check(inline_stores(k))
    assert not made.locals and len(made.body) <= 16
    y = np.random.default_rng(2).normal(size=k.input_size)
    assert np.abs(interpret(made, 0.0, y) - interpret(k, 0.0, y)).max() <= 1e-13


def test_a_view_that_others_read_is_not_inlined() -> None:
    k = views_of_a_local()
    assert {a.name for a in inline_stores(k).locals} == {"w", "turned"}


def test_a_value_that_would_read_everything_stays_stored() -> None:
    """Each array is a sum of neighbours of the one before: 25^2 points after all."""
    names = [f"w{k}" for k in range(24)]
    arrays = [replace(grid(name, N * M * k)) for k, name in enumerate(names)]
    body, periods = [], (64, 64)
    big = [replace(a, shape=(64, 64), offset=64 * 64 * k) for k, a in enumerate(arrays)]
    u, out = replace(big[0], name="u", offset=0), replace(big[0], name="out", offset=0)
    before = "u"
    for name in [*names, "out"]:
        value = sum(load(before, o, (True, True)) for o in ((1, 0), (-1, 0), (0, 1), (0, -1)))
        body.append(nest(((0, 0, 64), (1, 0, 64)), (Store(name, as_term(value)),)))
        before = name
    k = check(Kernel("f", (u,), (out,), (), None, periods, tuple(body), locals=tuple(big)))
    made = check(inline_stores(k))
    assert 0 < len(made.locals) < 3
    y = np.random.default_rng(2).random(k.input_size)
    assert np.allclose(interpret(made, 0.0, y), interpret(k, 0.0, y), rtol=1e-13)


