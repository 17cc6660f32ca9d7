"""Sums over the domain, tables and loads at a fixed index in generated code: values, source, and that sums run in vectors."""

from __future__ import annotations

import numpy as np
import pytest

from symnum.codegen.jit import optimise
from symnum.codegen.target import compile_kernel
from symnum.codegen.targets.llvm import print_module, schedule
from symnum.codegen.targets.numpy import print_function
from symnum.ir.check import check
from symnum.ir.kernel import Accumulate, Array, Kernel, Store, index, load, nest, table
from tests.codegen.samples_julia import on_all_targets


def means(n: int, m: int) -> Kernel:
    """out = u - (mean of u along each row) + w(i1) (sum of squares) + u(., last)."""
    u = Array("u", (n, m), 0, (0, 1), (0, 0), "u")
    total, row = Array("I", (), 0, (), (), "integral(u^2)"), Array("R", (n,), 1, (0,), (0,), "integral(u, y)")
    here, last = load("u", (0, 0)), load("u", (0, m - 1), fixed=(False, True))
    box = ((0, 0, n), (1, 0, m))
    value = here - load("R", (0,)) / m + table(1, 0, np.arange(m)) * load("I", ()) + last
    body = (
        nest(box, (Accumulate("I", here**2),)),
        nest(box, (Accumulate("R", here),)),
        nest(box, (Store("u", value),)),
    )
    return check(Kernel("rhs", (u,), (u,), (), None, (n, m), body, "means", locals=(total, row)))


@pytest.mark.parametrize("target", on_all_targets())
@pytest.mark.parametrize("shape", [(5, 7), (40, 33), (4097, 2)])  # 4098 local values do not go on the stack
def test_values(target: str, shape: tuple[int, int]) -> None:
    y = np.random.default_rng(0).normal(size=shape)
    want = y - y.mean(axis=1)[:, None] + np.arange(shape[1]) * (y**2).sum() + y[:, -1:]
    compiled = compile_kernel(means(*shape), target)
    for _ in range(2):  # local arrays start at zero in every call
        np.testing.assert_allclose(compiled(0.0, y.ravel()).reshape(shape), want, rtol=1e-12, atol=1e-11)


def test_where_local_arrays_lie() -> None:
    small, large = (print_module(schedule(means(n, 2))) for n in (10, 5000))
    assert "alloca [10 x double]" in small and "malloc" not in small
    assert "alloca [1 x double]" in large and "alloca [5000" not in large and large.count("call void @free") == 1


def test_sums_run_in_vectors() -> None:
    text = str(optimise(print_module(schedule(means(64, 64)))))
    assert "@llvm.vector.reduce.fadd" in text or "fadd reassoc nsz contract <" in text


def test_numpy_source() -> None:
    assert print_function(means(3, 2)) == NUMPY


NUMPY = """\
import numpy as np
from numpy import roll

TABLE_1 = np.array([0.0, 1.0])


def rhs(t, y, p, out):
    \"""means\"""
    u = y[0:6].reshape((3, 2))
    out_u = out[0:6].reshape((3, 2))
    I = np.zeros((), y.dtype)
    R = np.zeros((3,), y.dtype)
    I[()] += ((u[:, :])**2).sum()
    R[:] += u[:, :].sum(axis=1)
    out_u[:, :] = ((I[()]*TABLE_1[0:2][None, :]) + (-1/2)*R[:][:, None] + u[:, :] + u[:, 1][:, None])
    return out
"""


@pytest.mark.parametrize("target", on_all_targets())
def test_a_sum_of_what_does_not_vary_counts_its_points(target: str) -> None:
    total = Array("I", (), 0, (), (), "integral(1)")
    s = Array("s", (), 0, (), (), "s")
    body = (nest(((0, 1, 4), (1, 0, 5)), (Accumulate("I", 2 * index(0)),)), Store("s", load("I", ())))
    made = check(Kernel("rhs", (s,), (s,), (), None, (9, 9), body, "count", locals=(total,)))
    assert compile_kernel(made, target)(0.0, [0.0])[0] == 5 * 2 * (1 + 2 + 3)
