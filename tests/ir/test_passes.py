"""What the passes do; that they keep the values is in ``contracts/test_targets``."""

from __future__ import annotations

import numpy as np

from symnum.expr.build import cos, exp, sin
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder, symbols
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.kernel import (
    Accumulate,
    Array,
    Kernel,
    Let,
    Loop,
    Statement,
    Store,
    index,
    load,
    nest,
    statements,
    table,
    values,
)
from symnum.ir.passes import arrange, fuse_loops, hoist, overlap_tails, peel, share_subterms

ALPHA, S1 = Symbol("alpha", "parameter"), Symbol("s1", "temporary")
N, M = 12, 9


def kernel(*body: Statement) -> Kernel:
    arrays = tuple(Array(name, (N, M), k * N * M, (0, 1), (0, 0), name) for k, name in enumerate("uv"))
    return check(Kernel("rhs", arrays, arrays, (ALPHA,), None, (N, M), body))


def over(array: str, *values: Term | Let) -> Statement:
    *lets, value = values
    return nest(((0, 0, N), (1, 0, M)), (*lets, Store(array, value)))  # type: ignore[arg-type]


def same(a: Kernel, b: Kernel) -> None:
    y = np.random.default_rng(0).normal(size=a.input_size)
    np.testing.assert_allclose(interpret(b, 0.0, y, (0.7,)), interpret(a, 0.0, y, (0.7,)), rtol=1e-14, atol=1e-15)


def test_fuse_makes_one_sweep_of_many() -> None:
    before = kernel(over("u", load("v", (0, 0))), over("v", load("u", (0, 0))))
    after = fuse_loops(before)
    (outer,) = after.body
    (inner,) = outer.body  # type: ignore[union-attr]
    assert [s.array for s in inner.body] == ["u", "v"]  # type: ignore[union-attr]
    same(before, after)


def test_fuse_keeps_temporaries_of_one_name_apart() -> None:
    before = kernel(over("u", Let(S1, load("u", (0, 0))), exp(S1)), over("v", Let(S1, load("v", (0, 0))), exp(S1)))
    after = check(fuse_loops(before))
    assert len({s.symbol for s in statements(after.body) if isinstance(s, Let)}) == 2
    same(before, after)
    same(before, check(share_subterms(after)))
    same(before, check(hoist(after)))


def test_share_names_what_occurs_twice() -> None:
    part = sin(load("u", (0, 0)) * ALPHA)
    before = kernel(over("u", part + exp(part)), over("v", part**2))
    after = check(share_subterms(fuse_loops(before)))
    found = [s for s in statements(after.body) if isinstance(s, Let)]
    assert [s.value for s in found] == [part]
    assert sum(node is part for value in values(after.body) for node in postorder((value,))) == 1
    same(before, after)
    assert share_subterms(after) == after  # nothing is left to share, and no name is used twice


def test_hoist_moves_work_out_of_loops() -> None:
    row, call_wide = cos(0.1 * index(0)), exp(-ALPHA)
    before = kernel(over("u", row * call_wide * load("u", (0, 0))), over("v", row + load("v", (0, 0))))
    after = check(hoist(fuse_loops(before)))
    top = [s for s in after.body if isinstance(s, Let)]
    (loop,) = [s for s in after.body if isinstance(s, Loop)]
    in_row = [s for s in loop.body if isinstance(s, Let)]
    (inner,) = [s for s in loop.body if isinstance(s, Loop)]
    assert any(call_wide in postorder((s.value,)) for s in top)
    assert sum(row in postorder((s.value,)) for s in in_row) == 1
    assert not [n for n in postorder(values(inner.body)) if n.op in ("exp", "cos")]
    same(before, after)


def test_peel_leaves_an_interior_without_wraps() -> None:
    wrapped = sum(load("u", (0, o), (True, True)) for o in (-2, 1))
    before = kernel(over("u", wrapped), over("v", load("v", (1, 0), (True, True))))
    after = check(peel(before))
    loops = [s for s in statements(after.body) if isinstance(s, Loop) and s.axis == 1]
    assert [(s.start, s.stop) for s in loops] == [(0, 2), (2, M - 1), (M - 1, M), (0, M)]
    assert not any(info.info.wrap[1] for info in symbols(values(loops[1].body), "load"))
    same(before, after)
    same(before, check(peel(before, frozenset({0, 1}))))


def test_arrange_takes_common_factors_out() -> None:
    u = [load("u", (0, 0)), load("v", (0, 0))]
    third = 1 / 3
    before = kernel(over("u", third * u[0] - 4 * third * u[1]), over("v", u[0]))
    after = check(arrange(before))
    assert values(after.body)[0].op == "mul"
    same(before, after)


def test_overlapping_tails_fill_vectors() -> None:
    n = 77
    array = Array("u", (n,), 0, (0,), (0,), "u")
    before = check(
        Kernel(
            "rhs", (array,), (array,), (ALPHA,), None, (n,), (Loop(0, 0, n, (Store("u", ALPHA * load("u", (0,))),)),)
        )
    )
    after = overlap_tails(before)
    assert all((s.stop - s.start) % 8 == 0 for s in after.body if isinstance(s, Loop))
    assert len(after.body) == 2
    same(before, after)


# --- sums, tables and loads at a fixed index -----------------------------------------------------------------------------

TOTAL = Array("I", (), 0, (), (), "integral(u)")


def summing(*body: Statement) -> Kernel:
    made = kernel(over("u", index(0)), over("v", index(1)))
    return check(Kernel("rhs", made.inputs, made.outputs, (ALPHA,), None, (N, M), body, locals=(TOTAL,)))


def adding(value: Term) -> Statement:
    return nest(((0, 0, N), (1, 0, M)), (Accumulate("I", value),))


def test_fuse_never_moves_a_reading_before_its_sum() -> None:
    total = load("I", ())
    before = summing(
        over("u", load("v", (0, 0))), adding(load("u", (0, 0))), Let(S1, 2 * total), over("v", S1 + load("u", (0, 0)))
    )
    after = check(fuse_loops(before))
    assert [type(s) for s in after.body] == [Loop, Let, Loop]  # the sum joins the sweep for u, what needs it does not
    same(before, after)
    same(before, check(hoist(after)))


def test_hoist_takes_what_the_loop_does_not_move() -> None:
    edge, row, total = load("u", (0, 3), fixed=(False, True)), table(0, 0, range(N)), load("I", ())
    before = summing(
        adding(exp(edge) * load("u", (0, 0))), over("u", exp(edge * row) + load("u", (0, 0))), over("v", cos(total))
    )
    after = check(hoist(before))
    inner = [loop for loop in statements(after.body) if isinstance(loop, Loop) and loop.axis == 1]
    assert not [n for n in postorder(values(tuple(inner))) if n.op in ("exp", "cos", "table")]
    same(before, after)


def test_peel_leaves_fixed_axes_alone() -> None:
    fixed = load("u", (0, M - 1), (True, True), (False, True))
    before = kernel(over("u", fixed + load("u", (0, 1), (True, True))), over("v", fixed))
    after = check(peel(before))
    loops = [s for s in statements(after.body) if isinstance(s, Loop) and s.axis == 1]
    assert [(s.start, s.stop) for s in loops] == [(0, M - 1), (M - 1, M), (0, M)]
    same(before, after)


def test_nothing_is_added_twice_by_overlapping_tails() -> None:
    n = 77
    u = Array("u", (n,), 0, (0,), (0,), "u")
    loops = Loop(0, 0, n, (Accumulate("I", load("u", (0,))),)), Loop(0, 0, n, (Store("u", load("I", ())),))
    before = check(Kernel("rhs", (u,), (u,), (ALPHA,), None, (n,), loops, locals=(TOTAL,)))
    after = overlap_tails(before)
    assert after.body[0] == loops[0] and len(after.body) == 3
    same(before, after)
