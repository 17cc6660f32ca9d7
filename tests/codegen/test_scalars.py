"""Large systems without a grid: cut into functions, they mean what they meant."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.codegen import llvm_scalars
from symnum.codegen.jit import compile_ir, native_function
from symnum.codegen.llvm_emit import Names
from symnum.codegen.targets.llvm import print_scalars
from symnum.discretisation.assemble import discretise
from symnum.expr.term import Symbol, Term, add, call, mul, scale
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Array, Kernel, Store, load

TIME, RATE = Symbol("t"), Symbol("k", "parameter")


def kernel(values: list[Term], states: int) -> Kernel:
    scalars = [
        [Array(f"{n}{i}", (), i, (), (), f"{n}{i}") for i in range(m)] for n, m in (("y", states), ("f", len(values)))
    ]
    stores = tuple(Store(f"f{i}", v) for i, v in enumerate(values))
    return Kernel("rhs", tuple(scalars[0]), tuple(scalars[1]), (RATE,), TIME, (), stores)


def state(i: int) -> Symbol:
    return load(f"y{i}", ())


def run(k: Kernel, y: np.ndarray, limit: int) -> np.ndarray:
    names = Names()
    text = llvm_scalars.print_pieces(k, names, limit)
    module = compile_ir("\n".join([*sorted(names.declared), text]), cache=False, level=1)
    function = native_function(module.address("rhs"), ctypes.c_double, *[ctypes.c_void_p] * 3)
    out, p = np.full(k.output_size, np.nan), np.array([0.7])
    function(0.3, y.ctypes.data, p.ctypes.data, out.ctypes.data)
    return out


@st.composite
def systems(draw: st.DrawFn) -> Kernel:
    """Equations that share products, sums, functions and conditions, so that values cross from one piece to the next."""
    n = 6
    pool: list[Term] = [*(state(i) for i in range(n)), RATE, TIME]
    pick = st.integers(0, 10**6)
    for _ in range(draw(st.integers(5, 40))):
        a, b, c = (pool[draw(pick) % len(pool)] for _ in range(3))
        kind = draw(st.integers(0, 5))
        made = [
            lambda a=a, b=b, c=c: add((a, scale(b, -2), c)),
            lambda a=a, b=b, c=c: mul((a, b)),
            lambda a=a, b=b, c=c: call("sin", add((a, b))),
            lambda a=a, b=b, c=c: call("where", call("lt", a, b), b, c),
            lambda a=a, b=b, c=c: add(pool[:9]),
            lambda a=a, b=b, c=c: call("maximum", a, call("tanh", c)),
        ][kind]()
        pool.append(call("tanh", made) if kind in (0, 1, 4) else made)
    values = [pool[draw(pick) % len(pool)] for _ in range(n)]
    return kernel([*values, *pool[-3:]], n)


@given(systems(), st.sampled_from([1, 15, 60]), st.integers(0, 99))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_pieces_equal_the_interpreter(k: Kernel, limit: int, seed: int) -> None:
    y = np.random.default_rng(seed).uniform(-1, 1, k.input_size)
    np.testing.assert_allclose(run(k, y, limit), interpret(k, 0.3, y, [0.7]), rtol=1e-11, atol=1e-13)


def test_pieces_are_of_bounded_size_and_hold_every_node_once() -> None:
    k = network().rhs
    pieces = llvm_scalars.cut(k, 100)
    largest = max(llvm_scalars.operations(node) for piece in pieces for node in piece.nodes)
    assert len(pieces) > 5 and all(piece.size < 100 + largest for piece in pieces)
    nodes = [node for piece in pieces for node in piece.nodes]
    assert len(nodes) == len(set(nodes))
    assert sum(len(arrays) for piece in pieces for arrays in piece.stores.values()) == k.output_size


def test_a_large_workspace_comes_from_the_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm_scalars, "_STACK", 0)
    shared = call("exp", mul((state(0), state(1))))
    k = kernel([add((shared, state(i))) for i in range(6)], 6)
    assert "malloc" in llvm_scalars.print_pieces(k, Names(), 1)
    y = np.linspace(0.1, 0.6, 6)
    np.testing.assert_allclose(run(k, y, 1), interpret(k, 0.3, y, [0.7]), rtol=1e-15)


def network() -> Any:
    return discretise(sn.ReactionNetwork.multisite(4))


def test_a_network_is_cut_up_and_right() -> None:
    semi = network()
    assert llvm_scalars.worth_cutting(semi.rhs)
    assert print_scalars(semi.rhs).count("define internal void @rhs.") > 1
    d = sn.discretise(sn.ReactionNetwork.multisite(4))
    y = 1 + np.random.default_rng(3).random(d.size)
    want = interpret(semi.rhs, 0.0, y, semi.parameter_values)
    np.testing.assert_allclose(d.rhs(0.0, y), want, rtol=1e-12, atol=1e-12 * np.abs(want).max())


def test_the_jacobian_of_a_network_against_complex_steps() -> None:
    system = sn.ReactionNetwork.multisite(2)
    d, plain = sn.discretise(system), sn.discretise(system, target="numpy")
    y = 1 + np.random.default_rng(4).random(d.size)
    columns = []
    for j in range(d.size):
        moved, out = y.astype(complex), np.zeros(d.size, dtype=complex)
        moved[j] += 1e-30j
        plain.compiled.function(0.0, moved, np.array(plain.semi.parameter_values), out)
        columns.append(out.imag / 1e-30)
    want = np.stack(columns, axis=1)
    np.testing.assert_allclose(d.jacobian(0.0, y).toarray(), want, atol=1e-12 * np.abs(want).max())


def test_small_systems_are_left_whole() -> None:
    t = sn.coordinates("t")
    u, v = sn.fields("u v", (t,))
    semi = discretise(sn.ODESystem([sn.Eq(sn.dt(u), -u * v), sn.Eq(sn.dt(v), u * v)], t=(0, 1), initial={u: 1, v: 1}))
    assert not llvm_scalars.worth_cutting(semi.rhs)
