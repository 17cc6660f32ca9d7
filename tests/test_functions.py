"""``sn.build_function``: values against NumPy, shapes as NumPy broadcasts, what is refused, source that is read."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.functions import _BLOCK, TARGETS
from tests.codegen.samples_c import needs_compiler
from tests.codegen.samples_julia import faults

x, y = sn.symbol("x"), sn.symbol("y")
k = sn.parameter("k", 2.0)
NEEDS = {"c": needs_compiler, "julia": pytest.mark.julia}
every_target = pytest.mark.parametrize("target", [pytest.param(t, marks=NEEDS.get(t, ())) for t in TARGETS])
TERM = x**2 * sn.sin(y) + k * sn.exp(-x * y) + sn.where(x < y, sn.sqrt(x), 1)


def exact(x: Any, y: Any, k: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return x**2 * np.sin(y) + k * np.exp(-x * y) + np.where(x < y, np.sqrt(x), 1)


@every_target
@pytest.mark.parametrize("count", [0, 1, 3, 8, 9, _BLOCK - 1, _BLOCK, _BLOCK + 1, 3 * _BLOCK + 17])
def test_values_of_every_length(target: str, count: int) -> None:
    random = np.random.default_rng(count)
    xs, ys = random.uniform(0, 2, count), random.uniform(-2, 2, count)
    got = sn.build_function(TERM, [x, y, k], target)(xs, ys, 3.0)
    assert got.shape == (count,) and got.dtype == np.float64
    np.testing.assert_allclose(got, exact(xs, ys, 3.0), rtol=2e-15, atol=1e-15)


@every_target
def test_numbers_give_numbers_and_arrays_broadcast(target: str) -> None:
    f = sn.build_function(TERM, [x, y, k], target)
    assert isinstance(f(1, 2.0, np.float64(3)), float)
    assert f(1, 2, 3) == pytest.approx(exact(1, 2, 3), rel=1e-15)
    column, row = np.linspace(0, 1, 5)[:, None], np.linspace(0, 1, 30)[None, :]
    np.testing.assert_allclose(f(column, row, 2), exact(column, row, 2), rtol=2e-15)
    strided = np.linspace(0, 1, 60)[::2]
    np.testing.assert_allclose(f(strided, [0.5], np.int32(1)), exact(strided, 0.5, 1), rtol=2e-15)
    assert f(np.ones((2, 1, 3)), np.ones((4, 1)), 0).shape == (2, 4, 3)
    assert f(np.array(1.0), np.ones(1), 0).shape == (1,)


@every_target
def test_several_terms_have_their_shape_first(target: str) -> None:
    f = sn.build_function([[x * y, k, 1], [sn.sin(x), 1 / y, x]], [x, y, k], target)
    xs, ys = np.linspace(0, 1, 40), np.linspace(1, 2, 40)
    one = np.ones(40)
    want = [[xs * ys, 2 * one, one], [np.sin(xs), 1 / ys, xs]]
    np.testing.assert_allclose(f(xs, ys, 2.0), want, rtol=2e-15)
    np.testing.assert_allclose(f(0.5, 4.0, 2.0), [[2, 2, 1], [math.sin(0.5), 0.25, 0.5]], rtol=1e-15)
    assert f.shape == (2, 3) and f(xs[:0], 1, 1).shape == (2, 3, 0)


@every_target
def test_lists_of_symbols_are_one_argument(target: str) -> None:
    u = [sn.symbol(f"u{i}") for i in range(3)]
    jacobian = np.array([[sn.diff(t, v) for v in u] for t in (u[0] * u[1], sn.cos(u[2]) * k)], dtype=object)
    f = sn.build_function(jacobian, [u, k], target)
    assert f.arguments == (("u0", "u1", "u2"), "k") and f.shape == (2, 3)
    point = np.array([2.0, 3.0, 0.5])
    want = np.array([[3, 2, 0], [0, 0, -5 * math.sin(0.5)]])
    np.testing.assert_allclose(f(point, 5.0), want, rtol=1e-15)
    np.testing.assert_allclose(f(tuple(point), 5.0), want, rtol=1e-15)
    many = np.repeat(point[:, None], 25, axis=1)
    np.testing.assert_allclose(f(many, np.full(25, 5.0)), np.repeat(want[..., None], 25, axis=2), rtol=1e-15)
    nested = sn.build_function(x * y + k, [[x, [y, k]]], target)
    assert nested([2, np.array([3, 4])]) == 10


@every_target
def test_no_arguments_and_awkward_names(target: str) -> None:
    assert sn.build_function(sn.pi / 2 + 1, [], target)() == math.pi / 2 + 1
    names = ["lambda_", "out", "f", "np", "t", "state", "value", "end", "y"]
    symbols = [sn.symbol(n) for n in names]
    f = sn.build_function([sum(n * s for n, s in enumerate(symbols, 1)), symbols[2]], symbols, target)
    np.testing.assert_array_equal(f(*range(9)), [sum(n * v for n, v in enumerate(range(9), 1)), 2])


@every_target
def test_outside_the_domain_is_nan_and_nothing_raises(target: str) -> None:
    f = sn.build_function([sn.log(x), sn.sqrt(x), 1 / x, x ** sn.rational(1, 3), sn.sin(x)], x, target)
    np.testing.assert_array_equal(f(-1.0)[[0, 1, 3]], [np.nan] * 3)
    np.testing.assert_array_equal(f(np.array([0.0, np.inf]))[2], [np.inf, 0.0])
    assert np.isnan(f(np.full(20, np.nan))).all() and np.isnan(f(np.inf)[4])


@pytest.mark.parametrize("target", ["llvm", "numpy"])
def test_results_go_where_they_are_wanted(target: str) -> None:
    f = sn.build_function(2 * x + y, [x, y], target)
    xs, out = np.arange(1000.0), np.full(1000, np.nan)
    assert f(xs, 1.0, out=out) is out
    np.testing.assert_array_equal(out, 2 * xs + 1)
    assert f(xs, xs, out=xs) is xs  # in place
    np.testing.assert_array_equal(xs, 3 * np.arange(1000.0))
    both = np.arange(1001.0)
    f(both[:-1], 0.0, out=both[1:])  # overlapping by all but one
    np.testing.assert_array_equal(both[1:], 2 * np.arange(1000.0))
    value = np.empty(())
    assert f(1, 2, out=value) is value and value == 4


@pytest.mark.parametrize(
    ("values", "out", "words"),
    [
        ((1,), None, r"f takes 2 values \(x, y\), got 1"),
        ((np.ones(3), np.ones(4)), None, r"do not broadcast against each other: x \(3,\), y \(4,\)"),
        ((1j, 2), None, "x is complex"),
        ((1, "two"), None, "y must be real numbers, got str 'two'"),
        ((1, "2"), None, "y must be real numbers, got str '2'"),
        ((1, None), None, "y must be real numbers, got NoneType"),
        ((1, [2, None]), None, "y must be real numbers, got 2 values"),
        ((1, 10**400), None, "y must be real numbers, got int"),
        ((1, [[1], [2, 3]]), None, "y must be real numbers, got 2 values"),
        (
            (np.ones(3), 1),
            np.ones(4),
            r"out must be a contiguous float64 array of shape \(3,\), got float64 of shape \(4,\)",
        ),
        ((np.ones(3), 1), [0] * 3, "got list"),
        ((np.ones(3), 1), np.ones(3, np.float32), "float32"),
        ((np.ones(3), 1), np.ones(6)[::2], "contiguous"),
        ((np.ones(3), 1), np.broadcast_to(1.0, 3), "contiguous|read-only"),
    ],
)
def test_bad_values_are_named(values: tuple[Any, ...], out: Any, words: str) -> None:
    with pytest.raises(sn.TargetError, match=words):
        sn.build_function(x + y, [x, y])(*values, out=out)


def test_bad_groups_are_named() -> None:
    f = sn.build_function(x + y + k, [[x, y], k])
    with pytest.raises(
        sn.TargetError,
        match=r"the argument \[x, y\] needs 2 values along its first axis, got an array of shape \(3, 2\)",
    ):
        f(np.ones((3, 2)), 1)
    with pytest.raises(sn.TargetError, match="needs 2 values"):
        f(1.0, 1)


u = sn.field("u", (sn.coordinates("t"),))


@pytest.mark.parametrize(
    ("terms", "arguments", "words"),
    [
        (x + k, [x], r"the terms hold k, not among the arguments; write sn.build_function\(terms, \[x, k\]\)"),
        (x, [x, x], "x is given twice among the arguments"),
        (x, [2 * x], r"2\*x cannot be an argument: arguments are symbols"),
        (x, [1], "1 cannot be an argument"),
        (x, ["x"], r"the argument 'x' is text; give the symbol .* sn.symbol\('x'\)"),
        (x * 10**400, [x], "beyond 1.79769e"),
        (sn.sparse_jacobian([x * y, sn.sin(x)], [x, y]), [x, y], r"sn.build_function\(J.terms"),
        (sn.dt(u), [u], "is no value at a point"),
        ([[x, y], [x]], [x, y], r"no common shape: entries of shape \(1,\) and \(2,\) stand side by side"),
        ([], [x], "there are no terms"),
        (k, [sn.symbol("k")], "is another symbol than the k in the terms"),
    ],
)
def test_bad_terms_are_named(terms: Any, arguments: Any, words: str) -> None:
    with pytest.raises(sn.TermError, match=words):
        sn.build_function(terms, arguments)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("lvm", "Did you mean 'llvm'"),
        ("torch", "torch and cuda do not exist yet. Known: llvm, c, numpy, julia"),
        (3, "Known"),
    ],
)
def test_unknown_targets_are_named(target: Any, words: str) -> None:
    with pytest.raises(sn.UnknownName, match=words):
        sn.build_function(x, x, target)
    with pytest.raises(sn.UnknownOption, match="Did you mean 'target'"):
        sn.build_function(x, x, tarket="c")


def test_sympy_terms_are_taken() -> None:
    sympy = pytest.importorskip("sympy")
    a, b = sympy.symbols("a b")
    f = sn.build_function(sympy.Matrix([[a * b, sympy.sin(a)]]).tolist(), [a, b])
    np.testing.assert_allclose(f(0.5, 3), [[1.5, math.sin(0.5)]], rtol=1e-15)


def test_large_terms_are_compiled_for_one_point() -> None:
    terms = [sum((n + m) / (x * n + y * m + 1) for n in range(1, 24)) for m in range(1, 24)]
    f = sn.build_function(terms, [x, y])
    xs = np.linspace(0, 1, 11)
    n, m = np.arange(1, 24)[:, None, None], np.arange(1, 24)[:, None]
    np.testing.assert_allclose(f(xs, 0.3), ((n + m) / (xs * n + 0.3 * m + 1)).sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("target", ["numpy", "llvm", pytest.param("c", marks=needs_compiler), "julia"])
def test_what_simplified_terms_share_is_computed_once(target: str) -> None:
    """Shared sub-sums are sums inside sums, which building a term would merge again."""
    a, b, c, d = (sn.symbol(name) for name in "abcd")
    terms = [(a + b + c) * d + (a + b + d) ** 2, sn.exp(a + b + c + d)]
    added = "fadd" if target == "llvm" else " + "
    before, after = (
        sn.build_function(form, [a, b, c, d], target).source.count(added) for form in (terms, sn.simplify(terms))
    )
    assert after < before


def test_one_function_serves_several_threads() -> None:
    f = sn.build_function(x * y, [x, y])
    wrong: list[int] = []

    def work(number: int) -> None:
        xs = np.full(5000, float(number))
        wrong.extend(number for _ in range(50) if not (f(xs, 2.0) == 2 * number).all())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_source_reads_like_the_term() -> None:
    assert sn.build_function(x * y + sn.sin(x), [x, y], "numpy").source == NUMPY
    assert sn.build_function(x * y + sn.cos(x) ** 2, [x, y], "julia").source == JULIA
    several = sn.build_function([[x, y], [1, x * y]], [x, y], "julia").source
    assert "function f!(out, x, y)" in several and "out[2, 2] = x*y" in several and not faults(several)
    assert "f(x, y) = f!(Array{float(promote_type(typeof(x), typeof(y)))}(undef, 2, 2), x, y)" in several
    assert "fmul" in sn.build_function(x * y, [x, y]).source
    assert repr(sn.build_function([x, y], [[x, y]])) == "<f([x, y]): terms of shape (2,), target llvm>"


NUMPY = """\
import numpy as np


def f(x, y):
    return (np.sin(x) + (x*y))
"""
JULIA = '''\
# Outside their domain these give NaN, as in other languages, so that a solver can reject a step; Julia's own
# functions throw an error there.
nan_cos(x) = cos(ifelse(isinf(x), oftype(float(x), NaN), x))

"""
    f(x, y)

x*y + cos(x)^2
"""
function f(x, y)
    return x*y + nan_cos(x)^2
end
'''
