"""Kernels whose arguments and results are arrays of their own, as a whole and in tiles of any order: what the interpreter says."""

from __future__ import annotations

import ctypes
import re
import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from symnum.codegen.jit import optimise
from symnum.codegen.llvm_split import Split, cut_phases
from symnum.codegen.split import SplitKernel, build_c, build_llvm
from symnum.codegen.targets.llvm import print_module, schedule
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Accumulate, Array, Kernel, Store, load, nest
from tests.contracts.kernels import EPS, evaluate, kernels, state

fuzz = settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler on the PATH"
)


@pytest.fixture(autouse=True, scope="module")
def no_cache() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMNUM_CACHE", "off")
        yield


def apart(arrays: tuple[Array, ...], vector: np.ndarray) -> tuple[tuple[int, ...], list[np.ndarray]]:
    """Where the arrays of a vector begin, and a copy of each."""
    starts = sorted({a.offset for a in arrays}) or [0]
    return tuple(starts), [vector[a:b].copy() for a, b in zip(starts, [*starts[1:], len(vector)], strict=True)]


def called(
    build: Callable[[Kernel, Split], SplitKernel], kernel: Kernel, t: float, y: np.ndarray, p: np.ndarray, height: int
) -> np.ndarray:
    """The result; in tiles of ``height`` indices, the last first, unless it is 0."""
    starts, given_arrays = apart(kernel.inputs, y)
    ends, results = apart(kernel.outputs, np.full(kernel.output_size, np.nan))
    made = build(replace(kernel, name="split_kernel"), Split(starts, ends))
    arrays = [*given_arrays, *results]
    addresses = (ctypes.c_void_p * len(arrays))(*[a.ctypes.data for a in arrays])
    scratch = np.full(made.scratch // 8 + 1, np.nan)  # what local arrays begin with is the code's own business
    if not height:
        made.whole(t, addresses, p.ctypes.data, scratch.ctypes.data)
        return np.concatenate(results)
    if made.fill is not None:
        made.fill(scratch.ctypes.data)
    for phase, tile in zip(made.phases, made.tiles, strict=True):
        step = height if phase.axis is not None else phase.stop - phase.start
        for low in reversed(range(phase.start, phase.stop, step)):
            tile(t, addresses, p.ctypes.data, scratch.ctypes.data, low, min(low + step, phase.stop))
    return np.concatenate(results)


@pytest.mark.parametrize("height", [0, 3])
def test_random_kernels(height: int) -> None:
    def judge(kernel: Kernel) -> None:
        at = state(check(kernel))
        _, bound = evaluate(kernel, *at)
        error = np.abs(called(build_llvm, kernel, *at, height) - interpret(kernel, *at))
        assert (error <= 64 * EPS * bound).all(), kernel

    settings(fuzz, max_examples=12)(given(kernels())(judge))()


@needs_compiler
def test_random_kernels_in_c() -> None:
    def judge(kernel: Kernel) -> None:
        at = state(check(kernel))
        _, bound = evaluate(kernel, *at)
        error = np.abs(called(build_c, kernel, *at, 0) - interpret(kernel, *at))
        assert (error <= 64 * EPS * bound).all(), kernel

    settings(fuzz, max_examples=3)(given(kernels())(judge))()


def smoothed(n: int, m: int) -> Kernel:
    """out = w - mean of w along rows, with w = 2u in a local array; du/dx around rows as second result."""
    u, box = Array("u", (n, m), 0, (0, 1), (0, 0), "u"), ((0, 0, n), (1, 0, m))
    out, slope = replace(u, name="out"), replace(u, name="slope", offset=n * m)
    w, mean = replace(u, name="w"), Array("mean", (n,), n * m, (0,), (0,), "mean")
    around = (True, True)
    body = (
        nest(box, (Store("w", 2 * load("u", (0, 0))),)),
        nest(box, (Accumulate("mean", load("w", (0, 0)) / m),)),
        nest(box, (Store("out", load("w", (0, 0)) - load("mean", (0,))),)),
        nest(box, (Store("slope", load("u", (1, 0), around) - load("u", (-1, 0), around)),)),
    )
    return check(Kernel("smoothed", (u,), (out, slope), (), None, (n, m), body, "", (w, mean)))


def test_phases_and_what_threads_may_share() -> None:
    """Each phase ends where something waits for it; sums along the rows that are cut are no hindrance, sums over them are."""
    phases = cut_phases(smoothed(40, 30))
    assert [(p.axis, p.start, p.stop) for p in phases] == [(0, 0, 40)] * 3
    u = Array("u", (40, 30), 0, (0, 1), (0, 0), "u")
    total = Array("s", (30,), 0, (1,), (0,), "sum over columns")
    body = (
        nest(((0, 0, 40), (1, 0, 30)), (Accumulate("s", load("u", (0, 0))),)),
        nest(((1, 0, 30),), (Store("f", load("s", (0,))),)),
    )
    out = Array("f", (30,), 0, (1,), (0,), "f")
    sums = check(Kernel("sums", (u,), (out,), (), None, (40, 30), body, "", (total,)))
    assert [p.axis for p in cut_phases(sums)] == [None, 1]


@pytest.mark.parametrize("height", [0, 4, 7, 16])
@pytest.mark.parametrize("shape", [(40, 30), (100, 512)])
def test_local_arrays_across_tiles(height: int, shape: tuple[int, int]) -> None:
    u = np.random.default_rng(0).normal(size=shape)
    w = 2 * u
    want = [w - w.mean(axis=1)[:, None], np.roll(u, -1, 0) - np.roll(u, 1, 0)]
    got = called(build_llvm, smoothed(*shape), 0.0, u.ravel(), np.empty(0), height)
    np.testing.assert_allclose(got.reshape(2, *shape), want, atol=1e-13)


def test_short_sums_run_in_vectors() -> None:
    """A (30 x 50) matrix times one of 24 columns: the loop over columns is not unrolled into single numbers."""
    a, b = Array("a", (30, 50), 0, (0, 2), (0, 0), "a"), Array("b", (24, 50), 1500, (1, 2), (0, 0), "b", (1, 24))
    out, total = Array("out", (30, 24), 0, (0, 1), (0, 0), "out"), Array("s", (30, 24), 0, (0, 1), (0, 0), "s")
    box = ((0, 0, 30), (2, 0, 50), (1, 0, 24))
    body = (
        nest(box, (Accumulate("s", load("a", (0, 0)) * load("b", (0, 0))),)),
        nest(((0, 0, 30), (1, 0, 24)), (Store("out", load("s", (0, 0))),)),
    )
    kernel = check(Kernel("product", (a, b), (out,), (), None, (30, 24, 50), body, "", (total,)))
    left, right = np.random.default_rng(0).random((30, 50)), np.random.default_rng(1).random((50, 24))
    y = np.concatenate([left.ravel(), right.ravel()])
    np.testing.assert_allclose(
        called(build_llvm, kernel, 0.0, y, np.empty(0), 8).reshape(30, 24), left @ right, rtol=1e-13
    )
    assert re.search(r"f(add|mul) [a-z ]*<\d+ x double>", str(optimise(print_module(schedule(kernel)))))
