"""Broken kernels are refused, in the words of the equation."""

from __future__ import annotations

from typing import Any

import pytest

from symnum.errors import TargetError
from symnum.expr.calculus import diff
from symnum.expr.names import CoordinateInfo, FieldInfo
from symnum.expr.term import Const, Symbol, Term
from symnum.ir.check import check
from symnum.ir.kernel import Accumulate, Array, Kernel, Let, Loop, Statement, Store, index, load, nest, table

T, ALPHA, S = Symbol("t", "coordinate"), Symbol("alpha", "parameter"), Symbol("s", "temporary")
N = 8
WHOLE = Array("u", (N,), 0, (0,), (0,), "u")
INNER = Array("v", (N - 2,), N, (0,), (1,), "v")
OUT = Array("f", (N,), 0, (0,), (0,), "f")
TOTAL = Array("I", (), 0, (), (), "integral(u)")


def kernel(*body: Statement, **changes: Any) -> Kernel:
    given = {"inputs": (WHOLE, INNER), "outputs": (OUT,), "parameters": (ALPHA,), "time": T, "periods": (N,)} | changes
    return Kernel(name="rhs", body=body, **given)


def over(value: Term, start: int = 0, stop: int = N) -> Loop:
    return Loop(0, start, stop, (Store("f", value, "equation 1"),))


def test_a_sound_kernel_is_given_back() -> None:
    wrapped = load("u", (N,), (True,)) + load("u", (-N,), (True,))
    made = kernel(over(wrapped * T, 0, 1), over(load("v", (0,)) + ALPHA * index(0), 1, N - 1), over(Const(0), N - 1))
    assert check(made) is made


def adding(value: Term, start: int = 0, stop: int = N) -> Loop:
    return Loop(0, start, stop, (Accumulate("I", value, "equation 1"),))


def test_a_sound_kernel_with_sums_tables_and_fixed_loads() -> None:
    edge = load("v", (N - 2,), (True,), (True,))  # the last of v's indices 1 ... N - 2; a fixed axis never wraps
    body = (
        adding(load("u", (0,)) + edge),
        adding(table(0, 2, [1.0, 2.0]), 2, 4),
        Let(S, edge * load("I", ())),
        over(S),
    )
    made = kernel(*body, locals=(TOTAL,))
    assert check(made) is made


SUMS: dict[str, tuple[tuple[Statement, ...], str]] = {
    "fixed below": (
        (over(load("v", (0,), fixed=(True,))),),
        "v is read at -1 along axis 0, it has 6 values equation 1",
    ),
    "fixed above": ((over(load("v", (N - 1,), fixed=(True,))),), "v is read at 6 along axis 0, it has 6 values"),
    "short table": (
        (over(table(0, 0, range(N - 1))),),
        r"a table of the indices 0\.\.6 of axis 0 is read at 0\.\.7 equation 1",
    ),
    "late table": ((over(table(0, 1, range(N))),), r"a table of the indices 1\.\.8 of axis 0 is read at 0\.\.7"),
    "table outside its loop": ((Let(S, table(0, 0, range(N))), over(S)), "index i0 is used outside its loop"),
    "read before summed": ((over(load("I", ())), adding(T)), r"integral\(u\) is read before it is summed to the end"),
    "read while summed": ((adding(load("I", ())), over(T)), r"integral\(u\) is read before it is summed to the end"),
    "read between sums": (
        (adding(T, 0, 2), over(load("I", ())), adding(T, 2)),
        "is read before it is summed to the end",
    ),
    "never summed": ((over(load("I", ())),), r"integral\(u\) is read but nothing is summed into it equation 1"),
    "stored and summed": (
        (over(T), adding(T), Store("I", T)),
        r"integral\(u\) is written in several ways \(add, store\); give each an array of its own",
    ),
    "read before stored": ((over(load("I", ())), Store("I", T)), r"integral\(u\) is read before it is stored"),
    "local stored twice": ((over(T), Store("I", T), Store("I", ALPHA)), r"values of integral\(u\) are stored twice"),
    "unknown operation": (
        (over(T), Accumulate("I", T, "", "median")),
        "taken together by 'median'; expected one of add",
    ),
    "two operations": (
        (over(T), adding(T), Accumulate("I", T, "", "maximum")),
        r"is written in several ways \(add, maximum\)",
    ),
    "unknown target": ((over(T), Store("w", T)), "w is stored but is no output of this kernel"),
    "output summed": ((Loop(0, 0, N, (Accumulate("f", T),)),), "f is summed but is no local array of this kernel"),
    "unknown array": ((over(load("w", (0,))),), "reads an array that this kernel does not have equation 1"),
    "too many offsets": ((over(load("u", (0, 0))),), "u is read with 2 offsets, it has 1 axes"),
}


@pytest.mark.parametrize("name", SUMS)
def test_broken_sums_tables_and_fixed_loads(name: str) -> None:
    body, message = SUMS[name]
    with pytest.raises(TargetError, match=message):
        check(kernel(*body, locals=(TOTAL,)))


def test_sums_outside_the_loop_of_their_axis_and_two_arrays_of_one_name() -> None:
    row = Array("R", (N,), 0, (0,), (0,), "integral(u, y)")
    with pytest.raises(TargetError, match=r"integral\(u, y\) is used outside the loop of axis 0"):
        check(kernel(Accumulate("R", T), over(T), locals=(row,)))
    with pytest.raises(TargetError, match="two arrays that are read are called u"):
        check(kernel(over(T), locals=(WHOLE,)))


BROKEN: dict[str, tuple[tuple[Statement, ...], str]] = {
    "below": ((over(load("u", (-1,))),), r"u is read at -1\.\.6 along axis 0, it has 8 values equation 1"),
    "above": ((over(load("u", (1,))),), r"u is read at 1\.\.8 along axis 0"),
    "outside its box": ((over(load("v", (0,))),), r"v is read at -1\.\.6 along axis 0, it has 6 values"),
    "beyond a period": ((over(load("u", (N + 1,), (True,))),), "u is read"),
    "wrap without span": (
        (over(load("v", (0,), (True,)), 1, 7),),
        "v is read around the end of axis 0 but does not span it",
    ),
    "a gap": ((over(T, 0, 3), over(T, 4)), "7 of the 8 values of f are stored"),
    "twice": ((over(T), over(T, 2, 4)), r"values of f are stored twice, over \(\(0, 8\),\) and over \(\(2, 4\),\)"),
    "twice and a gap": ((over(T, 0, 4), over(T, 0, 4)), "stored twice"),
    "nothing": ((), "0 of the 8 values of f are stored"),
    "store outside": ((over(T, 0, N + 1),), "f is read at 0..8 along axis 0, it has 8 values"),
    "load outside its loop": ((Let(S, load("u", (0,))), over(S)), "u is used outside the loop of axis 0"),
    "index outside its loop": ((Let(S, 2 * index(0)), over(S)), "index i0 is used outside its loop"),
    "temporary before it is set": ((Loop(0, 0, N, (Store("f", S), Let(S, T))),), "s is used before it is set"),
    "temporary of another loop": (
        (Loop(0, 0, 4, (Let(S, T), Store("f", S))), over(S, 4)),
        "s is used before it is set",
    ),
    "temporary set twice": ((Let(S, T), Let(S, ALPHA), over(S)), "the temporary s is set twice"),
    "unknown parameter": ((over(Symbol("beta", "parameter")),), "beta has no value in this kernel equation 1"),
    "empty loop": ((over(T), over(T, 3, 3)), "the loop over axis 0 from 3 to 3 is empty"),
    "loop in its own axis": ((Loop(0, 0, N, (over(T),)),), "a loop over axis 0 inside loops over"),
    "loop over no axis": ((Loop(1, 0, 2, (over(T),)),), "a loop over axis 1"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_kernels(name: str) -> None:
    body, message = BROKEN[name]
    with pytest.raises(TargetError, match=message):
        check(kernel(*body))


def test_a_derivative_left_over() -> None:
    x = Symbol("x", "coordinate", CoordinateInfo("space"))
    u = Symbol("u", "field", FieldInfo((x,)))
    with pytest.raises(TargetError, match=r"was left in a kernel equation 1"):
        check(kernel(over(diff(u, x))))


def test_a_store_that_a_loop_repeats() -> None:
    with pytest.raises(TargetError, match=r"f is stored inside a loop over an axis that it does not run along"):
        check(kernel(nest(((0, 0, N), (1, 0, 3)), (Store("f", index(1)),)), periods=(N, 3)))
