"""Calling compiled kernels: arguments are checked, outputs are the only memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.codegen.target import CompiledKernel, compile_kernel
from symnum.errors import TargetError
from symnum.expr.term import Symbol, call
from symnum.ir.check import check
from symnum.ir.kernel import Array, Kernel, Let, Loop, Store, load
from tests.codegen.samples_julia import on_all_targets

N = 6
ALPHA = Symbol("alpha", "parameter")


@pytest.fixture(scope="module", params=on_all_targets())
def compiled(request: Any) -> CompiledKernel:
    u = Array("u", (N,), 0, (0,), (0,), "u")
    body = (Loop(0, 0, N, (Store("u", ALPHA * load("u", (1,), (True,))),)),)
    return compile_kernel(check(Kernel("rhs", (u,), (u,), (ALPHA,), None, (N,), body)), request.param)


def test_results_and_outputs(compiled: CompiledKernel) -> None:
    y = np.arange(float(N))
    want = 2 * np.roll(y, -1)
    np.testing.assert_array_equal(compiled(0.0, y, [2.0]), want)
    np.testing.assert_array_equal(compiled(0, list(range(N)), (2,)), want)
    np.testing.assert_array_equal(compiled(0.0, np.repeat(y, 2)[::2], np.array([2.0])), want)
    np.testing.assert_array_equal(compiled(0.0, y.astype(">f8"), [2.0]), want)
    out = np.full(N, np.nan)
    assert compiled(0.0, y, [2.0], out) is out
    np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize(
    ("y", "p", "out", "message"),
    [
        (np.zeros(5), [1.0], None, r"y must have shape \(6,\), got \(5,\)"),
        (np.zeros((2, 3)), [1.0], None, r"y must have shape \(6,\), got \(2, 3\)"),
        (np.zeros(N, complex), [1.0], None, "y is complex"),
        ([1j] * N, [1.0], None, "y must be real numbers"),
        (["a"] * N, [1.0], None, "y must be real numbers"),
        (np.zeros(N), [], None, r"p must have shape \(1,\), got \(0,\)"),
        (np.zeros(N), [1.0, 2.0], None, "p must have shape"),
        (
            np.zeros(N),
            [1.0],
            np.zeros(5),
            r"out must be a contiguous float64 array of shape \(6,\), got float64 of shape \(5,\)",
        ),
        (np.zeros(N), [1.0], np.zeros(N, np.float32), "float32"),
        (np.zeros(N), [1.0], np.zeros(2 * N)[::2], "contiguous"),
        (np.zeros(N), [1.0], [0.0] * N, "got list"),
    ],
)
def test_bad_arguments(compiled: CompiledKernel, y: Any, p: Any, out: Any, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        compiled(0.0, y, p, out)


def test_outputs_that_overlap_or_cannot_be_written(compiled: CompiledKernel) -> None:
    y = np.zeros(2 * N)
    with pytest.raises(TargetError, match=r"out overlaps y"):
        compiled(0.0, y[:N], [1.0], y[N - 1 : -1])
    y.setflags(write=False)
    with pytest.raises(TargetError, match=r"read-only"):
        compiled(0.0, np.zeros(N), [1.0], y[:N])


def test_unknown_target() -> None:
    with pytest.raises(sn.UnknownName, match=r"Did you mean 'llvm'"):
        compile_kernel(None, "lvm")  # type: ignore[arg-type]


@pytest.mark.parametrize("target", on_all_targets())
def test_awkward_names(target: str) -> None:
    """Names of a model may be words of the target language, or names that the target makes up itself."""
    names = ["lambda", "out", "t", "np", "s1", "h1", "x_1", "y", "α", "entry", "lambda_1"]
    parameters = tuple(Symbol(n, "parameter") for n in names[:5]) + (Symbol("lambda_1", "parameter"),)
    arrays = tuple(Array(n, (), k, (), (), n) for k, n in enumerate(names[4:10]))
    tau, s1 = Symbol("tau", "coordinate"), Symbol("s1", "temporary")
    everything = sum(k * s for k, s in enumerate([*parameters, *(load(a.name, ()) for a in arrays), s1], 1)) + tau
    body = (
        Let(s1, tau * 2),
        *(Store(a.name, everything * (k + 1) + call("sin", everything)) for k, a in enumerate(arrays)),
    )
    kernel = check(Kernel("rhs", arrays, arrays, parameters, tau, (), body))
    y, p = np.linspace(1, 2, 6), np.linspace(-1, 1, 6)
    total = sum(k * v for k, v in enumerate([*p, *y, 0.5], 1)) + 0.25
    want = total * np.arange(1, 7) + np.sin(total)
    np.testing.assert_allclose(compile_kernel(kernel, target)(0.25, y, p), want, rtol=1e-13)


@pytest.mark.parametrize("target", on_all_targets())
def test_numbers_without_arrays(target: str) -> None:
    """Time and parameters alone: division by zero gives infinity, roots of negative numbers NaN; nothing raises."""
    t = Symbol("t", "coordinate")
    values = [
        1 / t,
        t**-2 - ALPHA,
        (t - 8) ** sn.rational(1, 3),
        call("pow", t - 8, ALPHA),
        sn.sqrt(t - 1),
        (t < 1) + (t < 2),
    ]
    out = tuple(Array(f"f{k}", (), k, (), (), f"f{k}") for k in range(len(values)))
    kernel = check(
        Kernel("rhs", (), out, (ALPHA,), t, (), tuple(Store(a.name, v) for a, v in zip(out, values, strict=True)))
    )
    got = compile_kernel(kernel, target)(0.0, np.zeros(0), [0.5])
    np.testing.assert_array_equal(got, [np.inf, np.inf, np.nan, np.nan, np.nan, 2.0])


def test_nothing_is_allocated_on_a_large_grid() -> None:
    """1024 x 1024, two fields, 16 MB a state: neither Python nor native memory grows with calls that are given ``out``."""
    t, x, y = sn.coordinates("t x y")
    u, v = sn.fields("u v", (t, x, y))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.laplacian(u) + u**2 * v), sn.Eq(sn.dt(v), sn.laplacian(v) - u**2 * v)],
        domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={u: 0, v: 0},
    )
    d = sn.discretise(system, resolution=1024)
    state, out = np.full(d.size, 0.5), np.empty(d.size)
    d.rhs(0.0, state, out=out)
    tracemalloc.start()
    try:
        before = _resident()
        for _ in range(3):
            d.rhs(0.0, state, out=out)
        grown, (_, peak) = _resident() - before, tracemalloc.get_traced_memory()
        result = d.rhs(0.0, state)
        _, with_result = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000 and grown < 2_000_000
    assert with_result < 8 * d.size + 200_000
    np.testing.assert_array_equal(result, out)
    np.testing.assert_allclose(out, np.repeat([0.125, -0.125], 1024**2), atol=1e-9)


def _resident() -> int:
    """Largest resident size of this process so far, in bytes."""
    resource = pytest.importorskip("resource")
    import sys

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)
