"""Alike computations in lanes of vectors, against the interpreter."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.codegen import llvm_packs
from symnum.codegen.jit import compile_ir, native_function
from symnum.codegen.targets.llvm import print_scalars
from symnum.discretisation.assemble import discretise
from symnum.ir.interpret import interpret

t = sn.coordinates("t")


def pairs(n: int, power: Any, extra: float = 0.0) -> Any:
    """dt(u_i) = the sum over j of (d^2 + 1/4)**power * d, d = u_j - u_i; ``extra``: a number that differs from pair to pair."""
    u = sn.fields(" ".join(f"u{i}" for i in range(n)), (t,))
    pulls: list[list[Any]] = [[] for _ in u]
    for i in range(n):
        for j in range(i + 1, n):
            d = u[j] - u[i]
            weight = (d**2 + 0.25 + extra * (i + n * j)) ** power
            pulls[i].append(weight * d)
            pulls[j].append(-weight * d)
    system = sn.ODESystem(
        [sn.Eq(sn.dt(f), sum(p)) for f, p in zip(u, pulls, strict=True)], t=(0, 1), initial=dict.fromkeys(u, 1)
    )
    return discretise(system).rhs


def run(kernel: Any, y: np.ndarray, text: str) -> np.ndarray:
    module = compile_ir(text, cache=False, level=1)
    function = native_function(
        module.address(kernel.name), ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
    )
    p, out = np.zeros(1), np.full(kernel.output_size, np.nan)
    function(0.0, y.ctypes.data, p.ctypes.data, out.ctypes.data)
    return out


@pytest.mark.parametrize(("n", "power"), [(24, -1.5), (25, -0.5), (26, -1), (24, 0.5), (24, -2.5)])
def test_pairs_in_lanes_equal_the_interpreter(n: int, power: Any) -> None:
    kernel = pairs(n, sn.rational(int(2 * power), 2))
    text = print_scalars(kernel)
    assert "<8 x double>" in text
    y = np.random.default_rng(n).uniform(-2, 2, n)
    want = interpret(kernel, 0.0, y, [])
    np.testing.assert_allclose(run(kernel, y, text), want, rtol=1e-12, atol=1e-13)


def test_each_pair_is_in_one_lane_and_left_over_ones_are_computed_alone() -> None:
    kernel = pairs(24, sn.rational(-3, 2))  # 276 pairs: 34 eights and 4 left over
    rows = llvm_packs.rows(kernel, llvm_packs.Shapes(kernel))
    powers = [node for pack in rows for node in pack[0]]
    assert len(powers) == len(set(powers)) == 272
    assert all(len(row) == 8 for pack in rows for row in pack)
    assert sum(len(pack) for pack in rows) == 34  # a product with its root is one row


def test_what_is_not_alike_is_not_packed() -> None:
    kernel = pairs(24, sn.rational(-3, 2), extra=0.125)
    assert llvm_packs.rows(kernel, llvm_packs.Shapes(kernel)) == []
    assert "<8 x double>" not in print_scalars(kernel)
    y = np.random.default_rng(0).uniform(-2, 2, 24)
    np.testing.assert_allclose(run(kernel, y, print_scalars(kernel)), interpret(kernel, 0.0, y, []), rtol=1e-12)


def test_products_of_a_power_with_its_own_parts_are_rows_too() -> None:
    u = sn.fields(" ".join(f"u{i}" for i in range(24)), (t,))
    v = sn.fields(" ".join(f"v{i}" for i in range(24)), (t,))
    pulls: dict[Any, list[Any]] = {f: [] for f in (*u, *v)}
    for i in range(24):
        for j in range(i + 1, 24):
            dx, dy = u[j] - u[i], v[j] - v[i]
            weight = (dx**2 + dy**2 + 0.25) ** sn.rational(-3, 2)
            for fields, d in ((u, dx), (v, dy)):
                pulls[fields[i]].append(weight * d)
                pulls[fields[j]].append(-weight * d)
    equations = [sn.Eq(sn.dt(f), sum(p)) for f, p in pulls.items()]
    kernel = discretise(sn.ODESystem(equations, t=(0, 1), initial=dict.fromkeys(pulls, 1))).rhs
    rows = llvm_packs.rows(kernel, llvm_packs.Shapes(kernel))
    assert [len(pack) for pack in rows] == [3] * 34  # the root, and the forces along x and y
    y = np.random.default_rng(5).uniform(-2, 2, 48)
    x, z = (np.subtract.outer(part, part).T for part in (y[:24], y[24:]))
    weight = (x**2 + z**2 + 0.25) ** -1.5
    want = np.concatenate([(weight * x).sum(1), (weight * z).sum(1)])
    np.testing.assert_allclose(run(kernel, y, print_scalars(kernel)), want, rtol=1e-12, atol=1e-13)
