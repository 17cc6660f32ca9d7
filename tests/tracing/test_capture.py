"""NumPy functions as people write them: the kernel of the trace gives the numbers of the function."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import erf

from symnum.ir.interpret import interpret
from symnum.ir.kernel import statements
from symnum.tracing.capture import Captured, capture

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from _trace_functions import CASES, tutorial


def uniform(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).uniform(0.5, 1.5, shape)


def flat(value: Any) -> np.ndarray:
    if isinstance(value, dict):
        value = list(value.values())
    return np.concatenate([flat(v) for v in value]) if isinstance(value, (list, tuple)) else np.ravel(value)


def copied(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(v.copy() if isinstance(v, np.ndarray) else v for v in values)


def check(f: Callable[..., Any], *values: Any) -> Captured:
    """Trace, run, compare with the function itself to round-off."""
    captured = capture(f, values)
    made = captured.unpack(interpret(captured.kernel, *captured.pack(values)))
    expected = f(*copied(values))
    assert type(made) is type(expected) or np.shape(made) == np.shape(expected)
    np.testing.assert_allclose(flat(made), flat(expected), rtol=2e-13, atol=2e-14 * np.abs(flat(expected)).max())
    return captured


@pytest.mark.parametrize("name", CASES)
def test_functions_of_the_benchmark(name: str) -> None:
    f, values = CASES[name].make(CASES[name].small)
    check(f, *values)


# --- one feature each ---------------------------------------------------------------------------------------------------

N = 12
INDEX = (np.arange(N) + 1) % N
DENSE = np.random.default_rng(1).normal(size=(70, N))
WEIGHTS = np.random.default_rng(2).uniform(size=N)
LINE = sp.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(N, N)).tocsr()
PLANE = sp.kronsum(LINE, LINE).tocsr()
RING = LINE.toarray()
RING[0, -1] = RING[-1, 0] = 1.0
VARIABLE = sp.diags([np.arange(1.0, N), np.arange(N) * -2.0, np.arange(1.0, N)], [-1, 0, 1]).tocsr()


class Model:
    """A right-hand side as a method, with operators and a helper on the object."""

    def __init__(self) -> None:
        self.k, self.operator, self.matrix = 0.3, LINE, LINE.toarray()

    def laplacian(self, u: np.ndarray) -> np.ndarray:
        out = np.zeros(len(u))
        out[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2]
        return out

    def rhs(self, u: np.ndarray, t: float) -> Any:
        return self.k * self.laplacian(u) + self.operator @ u + self.matrix.dot(u)


def lorenz(u, t, p):
    x, y, z = u
    s, r, b = p
    return np.array([s * (y - x), x * (r - z) - y, x * y - b * z])


def aliases(u, t):
    w = u.copy()
    w[1:] += w[:-1]
    w[:-1] -= w[1:]
    v = w[2:5]
    v *= 3
    v[0] = 7
    return w


def masks(u, t):
    d = u.copy()
    d[u > 1] = 0
    d[np.arange(len(u)) % 3 == 0] += 3
    d[::2] *= 2
    d[::-1][:3] = u[:3]
    return d


def values_under_masks(u, t):
    f = u * 0
    f[u > 1] = u[u > 1] ** 2 * 3 - 1
    m = u <= 1
    f[m] = np.sin(u[m]) + f[m]
    f[m] += 2
    f[~m] *= 0.5
    f[0] = u[u > 1].sum() + u[u > 1].mean()
    return f


def red_black(u, t):
    w = u.copy()
    w[1:-1:2] = 0.5 * (w[:-2:2] + w[2::2])
    w[2:-1:2] = 0.5 * (w[1:-2:2] + w[3::2])
    return w


def thomas(u, t):
    n = len(u)
    c, d, x = np.zeros(n), np.zeros(n), np.zeros(n)
    c[0], d[0] = 0.25, u[0] / 4
    for i in range(1, n):
        m = 4 - c[i - 1]
        c[i], d[i] = 1 / m, (u[i] + d[i - 1]) / m
    x[-1] = d[-1]
    for i in range(n - 2, -1, -1):
        x[i] = d[i] + c[i] * x[i + 1]
    return x


def brusselator(y, t):
    u, v = y.reshape(2, 8, 8)

    def lap(w):
        return np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1) - 4 * w

    return np.concatenate([(1 + u * u * v - 4.4 * u + lap(u)).ravel(), (3.4 * u - u * u * v + lap(v)).ravel()])


def halves(y, t):
    n = 8
    u, v = y[: n * n].reshape(n, n), y[n * n :].reshape(n, n)
    d = np.empty_like(y)
    d[: n * n] = (np.roll(u, 1, 0) - u * v).ravel()
    d[n * n :] = (u + np.roll(v, 1, 1)).flatten()
    return d


def many_steps(u, t):
    for _ in range(120):
        u = u + 0.01 * (np.roll(u, 1) - u)
    return u


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "method": (Model().rhs, (uniform(N), 0.0)),
    "parameters in a tuple": (lorenz, (uniform(3), 0.0, (10.0, 28.0, 8 / 3))),
    "list of numbers, math, max": (lambda u, t: [u[1], -math.sin(u[0]) * 2 + max(u[1], 0.1)], (uniform(2), 0.0)),
    "aliasing in place": (aliases, (uniform(N), 0.0)),
    "masks": (masks, (uniform(N), 0.0)),
    "values under masks": (values_under_masks, (uniform(N), 0.0)),
    "slices of a constant": (lambda u, t: WEIGHTS[1:] * u[1:] - WEIGHTS[:-1] * u[:-1] + WEIGHTS[::-1][1:], (uniform(N), 0.0)),
    "every other value": (red_black, (uniform(13), 0.0)),
    "recurrences": (thomas, (uniform(20), 0.0)),
    "two fields in one vector": (brusselator, (uniform(128), 0.0)),
    "halves of a vector": (halves, (uniform(128), 0.0)),
    "many steps": (many_steps, (uniform(30), 0.0)),
    "index array": (lambda u, t: u[INDEX] - 2 * u + u[INDEX - 2], (uniform(N), 0.0)),
    "index grid": (lambda u, t: u[np.ix_(INDEX, INDEX)] + u[INDEX] + u[:, INDEX], (uniform(N, N), 0.0)),
    "sparse": (lambda u, t: LINE @ u + LINE.dot(u) + u @ LINE, (uniform(N), 0.0)),
    "sparse in two dimensions": (lambda u, t: (PLANE @ u.ravel()).reshape(u.shape), (uniform(N, N), 0.0)),
    "circulant": (lambda u, t: RING @ u, (uniform(N), 0.0)),
    "variable diagonals": (lambda u, t: VARIABLE @ u, (uniform(N), 0.0)),
    "matrices from both sides": (lambda u, t: RING @ u + u @ LINE.toarray(), (uniform(N, N), 0.0)),
    "dense": (lambda u, t: np.tanh(DENSE @ u + 1) @ DENSE, (uniform(N), 0.0)),
    "products of arguments": (lambda u, t: u @ u + u.T @ u - np.outer(u[0], u[1]), (uniform(N, N), 0.0)),
    "einsum": (lambda u, t: np.einsum("ij,jk,k->i", u, u, u[0]), (uniform(N, N), 0.0)),
    "gradient": (lambda u, t: np.gradient(u, 0.1)[0] + np.gradient(u, axis=1), (uniform(N, N), 0.0)),
    "diff": (lambda u, t: np.diff(u, n=2), (uniform(N), 0.0)),
    "running sum": (lambda u, t: np.cumsum(u) + np.trapezoid(u), (uniform(N), 0.0)),
    "statistics": (lambda u, t: (u - u.mean(axis=0)) / u.std(axis=0) + u.max() - u.min(axis=1, keepdims=True), (uniform(N, 5), 0.0)),
    "paddings": (lambda u, t: np.pad(u, 2, mode="reflect")[:-4] + np.pad(u, 1, constant_values=2)[2:] + np.pad(u, 3, "wrap")[6:], (uniform(N), 0.0)),
    "norm and cross": (lambda u, t: u / np.linalg.norm(u) + np.cross(u[:3], u[3:])[0], (uniform(6), 0.0)),
    "tile and repeat": (lambda u, t: np.tile(u, 2) + np.repeat(u, 2), (uniform(6), 0.0)),
    "time": (lambda u, t: u * np.sin(t) + math.exp(-t), (uniform(6), 0.3)),
    "whole numbers": (lambda u, t: (u > 1) + (u > 0.7).astype(int) * 2 + np.floor(u * 3) // 2 + np.round(u * 5) % 3, (uniform(9), 0.3)),
    "conditions": (lambda u, t: np.where((u > 1) & ~(u < 0.6) | (u == 0.7), 1, u), (uniform(9), 0.3)),
    "where=": (lambda u, t: np.divide(1, u - 1, out=np.zeros_like(u), where=u > 1), (uniform(9), 0.0)),
    "convolution": (lambda u, t: np.convolve(u, [1, 2, 1], "same") + np.kron(u[:3], u[:4]), (uniform(12), 0.0)),
    "scipy.special": (lambda u, t: erf(u) + np.expm1(1e-9 * u) + np.log1p(1e-9 * u), (uniform(5), 0.0)),
    "dicts": (lambda u, p: {"a": u * p["k"], "b": [u.sum(), p["m"] @ u]}, (uniform(4), {"k": 2.0, "m": uniform(4, 4)})),
    "transposed and reshaped": (lambda u, t: u.T.reshape(-1)[3:] * 2, (uniform(4, 6), 0.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_feature(name: str) -> None:
    f, values = FUNCTIONS[name]
    check(f, *values)


# --- what a capture says ------------------------------------------------------------------------------------------------


def test_species_on_the_last_axis_are_arrays_with_steps() -> None:
    kernel = check(tutorial(10), uniform(10, 10, 3), 0.0).kernel
    assert [(a.name, a.offset, a.steps) for a in kernel.inputs] == [("u_0", 0, (30, 3)), ("u_1", 1, (30, 3)), ("u_2", 2, (30, 3))]
    assert [(a.offset, a.steps) for a in kernel.outputs] == [(0, (30, 3)), (1, (30, 3)), (2, (30, 3))]


def test_two_fields_in_one_vector_are_two_periodic_arrays() -> None:
    kernel = capture(brusselator, (uniform(128), 0.0)).kernel
    assert [(a.shape, a.offset) for a in (*kernel.inputs, *kernel.outputs)] == [((8, 8), 0), ((8, 8), 64)] * 2
    assert not kernel.locals and len(list(statements(kernel.body))) == 6


@pytest.mark.parametrize("name", ["heat, rolls", "matmul Laplacian, 3 species", "heat, ghost cells", "Darcy flow", "shallow water"])
def test_the_number_of_statements_does_not_depend_on_the_grid(name: str) -> None:
    sizes = [capture(*CASES[name].make(n)).kernel for n in (16, 48)]
    small, large = (len(list(statements(kernel.body))) for kernel in sizes)
    assert small == large


def test_sparse_matrices_of_planes_become_regions() -> None:
    kernel = capture(lambda u, t: PLANE @ u, (uniform(N * N), 0.0)).kernel
    assert not kernel.constants and len(list(statements(kernel.body))) == 27


def test_costly_expressions_read_at_several_places_are_kept() -> None:
    def both_sides(w):
        return np.roll(w, 1) + np.roll(w, -1)

    costly = capture(lambda u: both_sides(np.exp(np.sin(u))), (uniform(N),)).kernel
    cheap = capture(lambda u: both_sides(u * u), (uniform(N),)).kernel
    assert len(costly.locals) == 1 and not cheap.locals


def test_in_place_functions_fill_their_first_argument() -> None:
    def f(du, u, p, t):
        du[0] = p[0] * u[0] - p[1] * u[0] * u[1]
        du[1] = u[0] * u[1] - t * u[1]

    values = (np.zeros(2), uniform(2), [1.0, 2.0], 0.5)
    captured = capture(f, values)
    out = interpret(captured.kernel, *captured.pack(values))
    f(*values)
    np.testing.assert_allclose(out, values[0], rtol=1e-15)
    assert captured.form == "in-place" and captured.unpack(out) is None
    assert [(a.name, a.kind, a.offset) for a in captured.arguments] == [
        ("du", "out", 0), ("u", "array", 0), ("p[0]", "number", 0), ("p[1]", "number", 1), ("t", "time", 0)
    ]  # fmt: skip


def test_float32_stays_float32() -> None:
    captured = capture(lambda u, t: 2 * u + np.float32(1), (uniform(5).astype(np.float32), 0.0))
    assert captured.kernel.dtype == "float32" and captured.results[0].dtype == np.float32
    numbers = capture(lambda u, t, k: k * u + (t - 1.5) ** 2 * math.exp(-k), (uniform(5).astype(np.float32), 0.0, 0.3))
    assert numbers.kernel.dtype == "float32" and numbers.results[0].dtype == np.float32
    mixed = capture(lambda u, t: u * np.ones(5), (uniform(5).astype(np.float32), 0.0))
    assert mixed.kernel.dtype == "float64" and mixed.results[0].dtype == np.float64


def test_truth_values_and_whole_numbers_keep_their_dtype() -> None:
    made = check(lambda u: (u > 1, (u > 1).astype(int), u), uniform(5))
    assert [r.dtype.kind for r in made.results] == ["b", "i", "f"]
    values = made.unpack(interpret(made.kernel, *made.pack((uniform(5),))))
    assert [v.dtype.kind for v in values] == ["b", "i", "f"]


def test_constants_are_copied() -> None:
    """A later change of an array that the function closes over does not reach the trace."""
    weights = np.arange(6.0)
    captured = capture(lambda u: weights * u, (np.ones(6),))
    weights[:] = 0
    np.testing.assert_array_equal(captured.unpack(interpret(captured.kernel, *captured.pack((np.ones(6),)))), np.arange(6.0))


def test_slices_of_a_constant_share_its_memory() -> None:
    kernel = capture(lambda u: WEIGHTS[1:] * u[1:] - WEIGHTS[:-1] * u[:-1], (uniform(N),)).kernel
    (constant,) = kernel.constants
    assert constant.array.shape == (N,)
    np.testing.assert_array_equal(constant.values, WEIGHTS)


def test_numpy_is_not_changed() -> None:
    before = {name: getattr(np, name) for name in ("zeros", "array", "asarray", "max")}
    check(lorenz, uniform(3), 0.0, (10.0, 28.0, 8 / 3))
    assert all(getattr(np, name) is value for name, value in before.items())
