"""sn.kernel: the function's own results, its signature, arrays that are not copied, threads only where there is work, and named errors."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.errors import TargetError, TraceError, UnknownName

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler on the PATH"
)
TARGETS = ["llvm", pytest.param("c", marks=needs_compiler)]
RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True, scope="module")
def no_cache() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMNUM_CACHE", "off")
        yield


def laplacian(u: np.ndarray) -> np.ndarray:
    return sum(np.roll(u, s, k) for k in range(u.ndim) for s in (1, -1)) - 2 * u.ndim * u


def gray_scott(u: np.ndarray, v: np.ndarray, F: float, k: float = 0.06) -> tuple[np.ndarray, np.ndarray]:
    uvv = u * v**2
    return 0.16 * laplacian(u) - uvv + F * (1 - u), 0.08 * laplacian(v) + uvv - (F + k) * v


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("shape", [(7,), (40, 9), (12, 5, 33)])
def test_values_of_several_arrays(target: str, shape: tuple[int, ...]) -> None:
    u, v = RANDOM.random((2, *shape))
    fast = sn.kernel(gray_scott, target=target)
    for got, want in zip(fast(u, v, 0.035), gray_scott(u, v, 0.035), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-14)
    for got, want in zip(fast(v, u, k=0.05, F=0.1), gray_scott(v, u, 0.1, 0.05), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-14)
    assert len(fast.variants) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_single_precision_and_other_shapes_are_variants(target: str) -> None:
    fast = sn.kernel(lambda u: np.exp(-(u**2)) * laplacian(u), target=target)
    for dtype, shape, tolerance in (
        (np.float64, (20, 30), 1e-14),
        (np.float32, (20, 30), 1e-5),
        (np.float32, (31, 8), 1e-5),
    ):
        u = RANDOM.random(shape).astype(dtype)
        got = fast(u)
        assert got.dtype == dtype and got.shape == shape
        np.testing.assert_allclose(got, fast.function(u), atol=tolerance)
    assert len(fast.variants) == 3


def test_forms_of_results() -> None:
    u, v = RANDOM.random((2, 6, 5))
    as_list = sn.kernel(lambda u, v: [u - v, u[0] * 2])(u, v)
    assert isinstance(as_list, list)
    np.testing.assert_array_equal(as_list[1], 2 * u[0])
    as_dict = sn.kernel(lambda u, v: {"sum": u + v, "low": u[0, 0] + 1.0})(u, v)
    np.testing.assert_array_equal(as_dict["sum"], u + v)
    assert as_dict["low"] == u[0, 0] + 1.0
    low, high, rest = sn.kernel(lambda u, v: (u[0, 0], v[-1, -1], u * v))(u, v)
    assert (low, high) == (u[0, 0], v[-1, -1])
    np.testing.assert_array_equal(rest, u * v)


def lorenz(du: np.ndarray, u: np.ndarray, p: tuple[float, float, float], t: float) -> None:
    du[0] = p[0] * (u[1] - u[0])
    du[1] = u[0] * (p[1] - u[2]) - u[1] + 0 * t
    du[2] = u[0] * u[1] - p[2] * u[2]


def test_functions_that_fill_an_argument() -> None:
    u, du, want = RANDOM.random(3), np.full(3, np.nan), np.empty(3)
    fast = sn.kernel(lorenz)
    assert fast(du, u, (10.0, 28.0, 8 / 3), 0.0) is None
    lorenz(want, u, (10.0, 28.0, 8 / 3), 0.0)
    np.testing.assert_allclose(du, want, rtol=1e-15)
    wide = np.full((3, 2), np.nan)
    fast(wide[:, 0], u, (10.0, 28.0, 8 / 3), 0.0)
    np.testing.assert_allclose(wide[:, 0], want, rtol=1e-15)
    assert np.isnan(wide[:, 1]).all()
    with pytest.raises(TargetError, match="fills its own arguments"):
        fast(du, u, (10.0, 28.0, 8 / 3), 0.0, out=du)


def test_out_is_filled_and_may_overlap_the_arguments() -> None:
    u, v = RANDOM.random((2, 30, 40))
    want, fast = gray_scott(u, v, 0.035), sn.kernel(gray_scott)
    out = np.empty_like(u), np.empty_like(v)
    assert fast(u, v, 0.035, out=out) is out
    np.testing.assert_allclose(out, want, atol=1e-14)
    wide = np.zeros((30, 80))
    fast(u, v, 0.035, out=(wide[:, :40], wide[:, 40:]))
    np.testing.assert_allclose(wide, np.hstack(want), atol=1e-14)
    fast(u, v, 0.035, out=(u, v))
    np.testing.assert_allclose((u, v), want, atol=1e-14)


def test_arrays_that_are_not_contiguous_and_whole_numbers() -> None:
    fast, wide = sn.kernel(lambda u, w: laplacian(u) * w), RANDOM.random((40, 60))
    turned, whole = wide[::2, ::-3].T, np.arange(20 * 20).reshape(20, 20)
    for given in (whole, whole + 1):
        np.testing.assert_allclose(fast(turned, given), fast.function(turned, given), atol=1e-11)


def test_results_of_mixed_precision() -> None:
    """Computed in float64, given in the dtypes that NumPy gives."""
    u, v = RANDOM.random((5, 6)).astype(np.float32), RANDOM.random((5, 6))
    fast = sn.kernel(lambda u, v: (2 * u, u * v))
    for got, want in zip(fast(u, v), fast.function(u, v), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=1e-15)
    out = np.empty_like(u), np.empty_like(v)
    np.testing.assert_allclose(fast(u, v, out=out)[0], 2 * u, rtol=1e-15)


def test_contiguous_arrays_are_passed_as_they_are() -> None:
    u, v = RANDOM.random((2, 30, 40))
    variant = sn.kernel(gray_scott).variant(u, v, 0.1)
    assert variant.input(u) is u and len(variant.run.native.kernel.inputs) == 2


def test_threads_share_large_kernels_and_leave_small_ones() -> None:
    """Two threads give the bits of one, also where local arrays make several phases; little work is never shared."""

    def waves(u: np.ndarray) -> np.ndarray:
        return u - (np.sin(u) * laplacian(u)).mean(axis=1)[:, None]

    for function in (laplacian, waves):
        one, two = sn.kernel(function, threads=1), sn.kernel(function, threads=2)
        u = RANDOM.random((1200, 1100))
        assert (one.variant(u).threads, two.variant(u).threads) == (1, 2)
        np.testing.assert_array_equal(one(u), two(u))
        assert two.variant(u[:100, :100]).threads == 1
    assert sn.kernel(laplacian).variant(RANDOM.random((128, 128))).threads == 1


def test_memory_of_results_is_used_again_only_when_nobody_holds_it() -> None:
    fast, u = sn.kernel(laplacian), RANDOM.random((200, 200))
    first = fast(u)
    rows, want = first[3:5], laplacian(u)[3:5]
    place = first.ctypes.data
    del first
    others = [fast(k * u) for k in (2, 3, 4)]  # a view of the first is held
    assert not any(np.may_share_memory(rows, other) for other in others)
    np.testing.assert_allclose(rows, want, atol=1e-13)
    for k, other in zip((2, 3, 4), others, strict=True):
        np.testing.assert_allclose(other, laplacian(k * u), atol=1e-12)
    del rows, other
    seen = {others.pop().ctypes.data for _ in range(3)} | {place}
    assert {fast(u).ctypes.data for _ in range(4)} < seen


def test_calls_from_several_threads_do_not_share_scratch_memory() -> None:
    fast = sn.kernel(lambda u: u - u.mean(axis=1)[:, None])
    given = [RANDOM.random((300, 200)) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for u, got in zip(given, pool.map(fast, given), strict=True):
            np.testing.assert_allclose(got, u - u.mean(axis=1)[:, None], atol=1e-13)


def test_as_a_decorator_with_source() -> None:
    @sn.kernel(target="llvm")
    def doubled(u: np.ndarray) -> np.ndarray:
        """Twice u."""
        return 2 * u

    assert doubled.__doc__ == "Twice u." and repr(doubled) == "<kernel doubled(u), target llvm, 0 traced>"
    assert "define void @doubled_kernel(" in doubled.source(np.ones(5))


@needs_compiler
def test_c_source_is_readable() -> None:
    source = sn.kernel(gray_scott, target="c").source(np.ones((32, 24)), np.ones((32, 24)), 0.1)
    assert "void gray_scott_kernel(double t, const double *restrict" in source and "uvv" not in source
    assert "F*(1.0 - u[i][j])" in source


ONES = np.ones((4, 5))


class Own(np.ndarray):
    """Arrays of somebody else's."""


CALLS: dict[str, tuple[Any, type[Exception], str]] = {
    "target": (lambda: sn.kernel(gray_scott, target="cude"), UnknownName, r"no target 'cude'. Did you mean 'cuda'\?"),
    "threads": (lambda: sn.kernel(gray_scott, threads=0), TargetError, "threads must be a whole number from 1 on"),
    "no function": (lambda: sn.kernel(3), TargetError, "takes a function of arrays and numbers, got int"),
    "star": (lambda: sn.kernel(lambda *us: us), TargetError, r"takes \*args or \*\*kwargs; write its arguments out"),
    "ufunc": (lambda: sn.kernel(np.sin), TargetError, r"wrap it: sn.kernel\(lambda u: sin\(u\)\)"),
    "own out": (lambda: sn.kernel(lambda u, out: u), TargetError, "an argument called out, which is the kernel's own"),
    "missing": (lambda: sn.kernel(gray_scott)(ONES), TargetError, "gray_scott.*: missing a required argument: 'v'"),
    "odd value": (
        lambda: sn.kernel(gray_scott)(ONES, ONES, {1, 2}),
        TargetError,
        "a set cannot be an argument of a kernel",
    ),
    "subclass": (
        lambda: sn.kernel(laplacian)(ONES.view(Own)),
        TargetError,
        r"an array of type Own has operators of its own; give a plain array",
    ),
    "mask": (
        lambda: sn.kernel(laplacian)(np.ma.masked_equal(ONES, 2.0)),
        TargetError,
        "type MaskedArray has operators of its own",
    ),
    "out shape": (
        lambda: sn.kernel(laplacian)(ONES, out=np.empty((5, 4))),
        TargetError,
        r"out has shape \(5, 4\) and dtype float64; write np.empty\(\(4, 5\), np.float64\)",
    ),
    "out dtype": (
        lambda: sn.kernel(laplacian)(ONES, out=np.empty((4, 5), np.float32)),
        TargetError,
        "dtype float32; write",
    ),
    "out count": (
        lambda: sn.kernel(gray_scott)(ONES, ONES, 0.1, out=ONES),
        TargetError,
        r"out must be a tuple of 2 arrays: np.empty\(\(4, 5\), np.float64\) and",
    ),
    "branch": (lambda: sn.kernel(lambda u: u if u[0] > 0 else -u)(np.ones(3)), TraceError, r"test_kernel.py:\d+"),
}


@pytest.mark.parametrize("name", CALLS)
def test_refusals(name: str) -> None:
    call, error, message = CALLS[name]
    with pytest.raises(error, match=message):
        call()


def test_read_only_results() -> None:
    frozen = np.empty((4, 5))
    frozen.flags.writeable = False
    with pytest.raises(TargetError, match="out is read-only"):
        sn.kernel(laplacian)(ONES, out=frozen)


def test_a_whole_number_as_the_time_is_no_constant() -> None:
    grow = sn.kernel(lambda u, t: u * t)
    for t in (1, 2, 2.5):
        np.testing.assert_array_equal(grow(ONES, t), t * ONES)
    assert len(grow.variants) == 1


def test_too_many_variants_are_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symnum.kernels.make._MOST", 3)
    power = sn.kernel(lambda u, n: u * n)
    for n in (1, 2, 2, 1, 3):
        np.testing.assert_array_equal(power(ONES, n), n * ONES)
    with pytest.raises(TargetError, match=r"was traced 3 times; .* as floats"):
        power(ONES, 4)
