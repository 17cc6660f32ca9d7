"""Where arrays lie does not change what a kernel means: views with steps, constants, stored local arrays, float32, on every target.

Each random kernel is laid out anew (other steps, backwards, inputs as constants or read through a local copy); the kernel as it was, on the
values as they were, says what must come out.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from symnum.codegen.target import compile_kernel
from symnum.expr.term import Term
from symnum.expr.walk import transform
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.kernel import (
    Accumulate,
    Array,
    Constant,
    Kernel,
    Loop,
    Statement,
    Store,
    index,
    load,
    nest,
    statements,
)
from symnum.ir.passes import arrange, fuse_loops, hoist, overlap_tails, peel
from tests.contracts import kernels as samples
from tests.contracts.kernels import evaluate, kernels, state

fuzz = settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler on the PATH"
)
TARGETS = ["llvm", "numpy", pytest.param("c", marks=needs_compiler)]
FEWER = {"c": 8}


@pytest.fixture(autouse=True, scope="module")
def no_cache() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMNUM_CACHE", "off")
        yield


def scattered(arrays: tuple[Array, ...], draw: random.Random, interleaved: float = 0.5) -> tuple[Array, ...]:
    """The arrays in other places of one vector: dimensions in another order, some backwards, interleaved with one another if of one shape."""
    order = list(arrays)
    draw.shuffle(order)
    made: dict[str, Array] = {}
    offset = 0
    while order:
        array = order.pop()
        mates = [array, *(a for a in order if a.shape == array.shape)] if draw.random() < interleaved else [array]
        order = [a for a in order if a not in mates]
        step, steps = len(mates), [0] * len(array.shape)
        for k in draw.sample(range(len(steps)), len(steps)):
            steps[k], step = step, step * array.shape[k]
        for k, mate in enumerate(mates):
            signs = [draw.choice((1, -1)) for _ in steps]
            first = sum((n - 1) * s for n, s, sign in zip(mate.shape, steps, signs, strict=True) if sign < 0)
            turned = tuple(s * sign for s, sign in zip(steps, signs, strict=True))
            made[mate.name] = replace(mate, offset=offset + k + first, steps=turned)
        offset += step
    return tuple(made[a.name] for a in arrays)


def moved(before: tuple[Array, ...], after: tuple[Array, ...], vector: np.ndarray, size: int) -> np.ndarray:
    """The values of a vector where the arrays lie afterwards."""
    made = np.zeros(size, vector.dtype)
    for a, b in zip(before, after, strict=True):
        b.view(made)[...] = a.view(vector)
    return made


def laid_out(kernel: Kernel, y: np.ndarray, seed: int) -> tuple[Kernel, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Another kernel of the same meaning, its input vector, and how its result is read."""
    draw = random.Random(seed)
    inputs, outputs = scattered(kernel.inputs, draw), scattered(kernel.outputs, draw)
    made = replace(kernel, inputs=inputs, outputs=outputs, locals=scattered(kernel.locals, draw, 0.0))
    given = moved(kernel.inputs, inputs, y, made.input_size)
    fixed = [a for a in made.inputs if draw.random() < 0.4]
    made = replace(
        made,
        inputs=tuple(a for a in made.inputs if a not in fixed),
        constants=tuple(Constant(a, given) for a in fixed),
    )
    made = copied(made, [a for a in made.inputs if draw.random() < 0.4])

    def read(out: np.ndarray) -> np.ndarray:
        return moved(outputs, kernel.outputs, out, kernel.output_size)

    return check(made), given[: made.input_size], read


def copied(kernel: Kernel, arrays: list[Array]) -> Kernel:
    """The kernel that first copies some arrays into local ones, with turned dimensions, and reads those."""
    first: list[Statement] = []
    scratch = list(kernel.locals)
    names = {}
    for array in arrays:
        begin = max((a.span[1] for a in scratch), default=0)
        steps = tuple(int(np.prod(array.shape[:k])) for k in range(len(array.shape)))
        local = replace(array, name=f"{array.name}_copy", offset=begin, steps=steps)
        scratch.append(local)
        names[array.name] = local.name
        ranges = tuple((a, o, o + n) for a, o, n in zip(array.axes, array.origin, array.shape, strict=True))
        copy = Store(local.name, load(array.name, (0,) * len(array.axes)))
        first.append(nest(ranges, (copy,)) if ranges else copy)

    def rule(node: Term) -> Term | None:
        if getattr(node, "kind", "") != "load" or node.info.array not in names:  # type: ignore[attr-defined]
            return None
        info = node.info  # type: ignore[attr-defined]
        return load(names[info.array], info.offsets, info.wrap, info.fixed)

    def renamed(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        return tuple(
            replace(s, body=renamed(s.body)) if isinstance(s, Loop) else replace(s, value=transform(s.value, rule))
            for s in body
        )

    return replace(kernel, locals=tuple(scratch), body=(*first, *renamed(kernel.body)))


def judge(kernel: Kernel, seed: int, run: Callable[[Kernel, float, np.ndarray, np.ndarray], np.ndarray]) -> None:
    t, y, p = state(check(kernel))
    want, bound = evaluate(kernel, t, y, p)
    made, given_values, read = laid_out(kernel, y, seed)
    error = np.abs(read(run(made, t, given_values, p)) - want)
    assert (error <= 64 * samples.EPS * bound).all(), made


def on_random_kernels(examples: int, run: Callable[[Kernel, float, np.ndarray, np.ndarray], np.ndarray]) -> None:
    settings(fuzz, max_examples=examples)(
        given(kernels(), st.integers(0, 2**20))(lambda kernel, seed: judge(kernel, seed, run))
    )()


def test_the_interpreter() -> None:
    on_random_kernels(24, interpret)


def test_passes() -> None:
    def run(kernel: Kernel, t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return interpret(hoist(overlap_tails(fuse_loops(peel(arrange(kernel))))), t, y, p)

    on_random_kernels(20, run)


@pytest.mark.parametrize("target", TARGETS)
def test_layouts(target: str) -> None:
    on_random_kernels(24 // FEWER.get(target, 1), lambda kernel, *at: compile_kernel(kernel, target)(*at))


@pytest.mark.parametrize("target", TARGETS)
def test_single_precision(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 64 eps of 32 bits of a running error bound, as float64 is of its own; numbers below the least normal one may vanish."""
    single, least = float(np.finfo(np.float32).eps), float(np.finfo(np.float32).tiny)
    monkeypatch.setattr(samples, "EPS", single)

    def judged(kernel: Kernel) -> None:
        t, y, p = state(check(kernel))
        y, p = (v.astype(np.float32).astype(float) for v in (y, p))
        want, bound = evaluate(kernel, t, y, p)
        narrow = check(replace(kernel, dtype="float32"))
        for got in (interpret(narrow, t, y, p), compile_kernel(narrow, target)(t, y.astype(np.float32), p)):
            assert got.dtype == np.float32
            bad = ~(np.abs(got - want) <= 64 * (single * (bound + np.abs(want)) + least))
            assert not bad.any(), (got[bad], want[bad], bound[bad], narrow)

    settings(fuzz, max_examples=24 // FEWER.get(target, 1))(given(kernels())(judged))()


def matrix_kernel(m: int, n: int, operation: str, dtype: str = "float64") -> tuple[Kernel, np.ndarray]:
    """out_i = the sum (product, maximum, ...) over j of A_ij*u_j, with A among the constants and A^T read from the same vector."""
    values = np.random.default_rng(2).uniform(0.5, 1.5, m * n).astype(dtype)
    u, out = Array("u", (n,), 0, (1,), (0,), "u"), Array("out", (m,), 0, (0,), (0,), "out")
    matrix = Array("A", (m, n), 0, (0, 1), (0, 0), "A")
    turned = Array("B", (m,), 0, (0,), (0,), "column 0 of A", (n,))
    total = Array("s", (m,), 0, (0,), (0,), "sum")
    value = load("A", (0, 0)) * load("u", (0,))
    body = (
        nest(((0, 0, m), (1, 0, n)), (Accumulate("s", value, "", operation),)),
        nest(((0, 0, m),), (Store("out", load("s", (0,)) + load("B", (0,))),)),
    )
    constants = (Constant(matrix, values), Constant(turned, values))
    made = Kernel("product", (u,), (out,), (), None, (m, n), body, "", (total,), constants, dtype)
    return check(made), values.reshape(m, n)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("operation", ["add", "mul", "maximum", "minimum"])
@pytest.mark.parametrize("shape", [(3, 5), (70, 100)])
def test_reductions_over_constants(target: str, operation: str, shape: tuple[int, int]) -> None:
    """Small constants are written into the code, large ones lie outside: both mean NumPy's reductions."""
    kernel, matrix = matrix_kernel(*shape, operation)
    compiled, u = compile_kernel(kernel, target), np.random.default_rng(3).uniform(0.5, 1.5, shape[1])
    reduce = {"add": np.add, "mul": np.multiply, "maximum": np.maximum, "minimum": np.minimum}[operation].reduce
    want = reduce(matrix * u, axis=1) + matrix[:, 0]
    np.testing.assert_allclose(interpret(kernel, 0.0, u), want, rtol=1e-13)
    for _ in range(2):  # local arrays begin anew in every call
        np.testing.assert_allclose(compiled(0.0, u), want, rtol=1e-13)


@pytest.mark.parametrize("target", TARGETS)
def test_constants_of_two_kernels_do_not_mix(target: str) -> None:
    """The same code with other data: each kernel keeps reading its own."""
    first, matrix = matrix_kernel(40, 30, "add")
    second = replace(
        first, constants=tuple(Constant(c.array, 2 * matrix.ravel()) for c in first.constants[:1]) + first.constants[1:]
    )
    u = np.ones(30)
    one, two = compile_kernel(first, target), compile_kernel(second, target)
    np.testing.assert_allclose(one(0.0, u), matrix.sum(axis=1) + matrix[:, 0], rtol=1e-13)
    np.testing.assert_allclose(two(0.0, u), 2 * matrix.sum(axis=1) + matrix[:, 0], rtol=1e-13)
    assert target == "numpy" or one.source != two.source


@pytest.mark.parametrize("target", TARGETS)
def test_a_local_array_read_along_other_axes(target: str) -> None:
    """w = 2u is stored once; out_ij = w_i*w_j reads it along both axes, and what is not stored of it is zero."""
    n = 5000 if target != "numpy" else 40
    u, out = Array("u", (n - 1,), 0, (0,), (0,), "u"), Array("out", (n, 3), 0, (0, 1), (0, 0), "out")
    w, turned = Array("w", (n,), 0, (0,), (0,), "w"), Array("w2", (3,), n - 1, (1,), (0,), "w", (-1,))
    body = (
        nest(((0, 0, n - 1),), (Store("w", 2 * load("u", (0,))),)),
        nest(((0, 0, n), (1, 0, 3)), (Store("out", load("w", (0,)) * load("w2", (0,)) + index(1)),)),
    )
    kernel = check(Kernel("outer", (u,), (out,), (), None, (n, 3), body, "", (w, turned)))
    values = np.random.default_rng(0).normal(size=n - 1)
    whole = np.append(2 * values, 0.0)
    want = whole[:, None] * whole[::-1][:3] + np.arange(3)
    for _ in range(2):
        np.testing.assert_allclose(
            compile_kernel(kernel, target)(0.0, values).reshape(n, 3), want, rtol=1e-14, atol=1e-15
        )
    assert [s.array for s in statements(kernel.body) if isinstance(s, Store)] == ["w", "out"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("step", [1, 4, -4])
def test_rows_with_steps_that_wrap_around(target: str, step: int) -> None:
    """Rows long enough for the vectors at their ends: columns of an array, forwards and backwards, shifted around the end."""
    n, columns = 41, 4 if abs(step) > 1 else 1
    first = (n - 1) * abs(step) if step < 0 else 0
    u = Array("u", (n,), first, (0,), (0,), "u", (step,))
    v = Array("v", (n,), first + columns - 1, (0,), (0,), "v", (step,))
    out = Array("out", (n,), 0, (0,), (0,), "out")
    around = {k: load(name, (k,), (True,)) for name, ks in (("u", (-2, 1, 3)), ("v", (2, -1))) for k in ks}
    value = around[-2] + 10 * around[1] + 100 * around[3] + around[2] * around[-1]
    kernel = check(Kernel("around", (u, v), (out,), (), None, (n,), (nest(((0, 0, n),), (Store("out", value),)),)))
    values = np.random.default_rng(5).normal(size=(n, columns))
    rows = values[::-1] if step < 0 else values
    a, b = rows[:, 0], rows[:, -1]
    want = np.roll(a, 2) + 10 * np.roll(a, -1) + 100 * np.roll(a, -3) + np.roll(b, -2) * np.roll(b, 1)
    np.testing.assert_allclose(compile_kernel(kernel, target)(0.0, values.ravel()), want, rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("target", TARGETS)
def test_local_arrays_that_share_memory_row_by_row(target: str) -> None:
    """w is stored once and read as rows along other axes, as its transpose, and as a number."""
    n, m = 6, 5
    u, out = Array("u", (n, m), 0, (0, 1), (0, 0), "u"), Array("out", (n, n, m), 0, (0, 1, 2), (0, 0, 0), "out")
    w, again = replace(u, name="w"), Array("again", (n, m), 0, (1, 2), (0, 0), "w")
    turned, corner = (
        Array("turned", (n, m), 0, (1, 2), (0, 0), "w", (m, 1)),
        Array("corner", (), n * m - 1, (), (), "w"),
    )
    flipped = Array("flipped", (n, m), n * m - 1, (0, 2), (0, 0), "w", (-m, -1))
    value = load("again", (0, 0)) * load("flipped", (0, 0)) + 10 * load("corner", ()) + load("turned", (0, 0))
    body = (
        nest(((0, 0, n), (1, 0, m)), (Store("w", load("u", (0, 0)) ** 2),)),
        nest(((0, 0, n), (1, 0, n), (2, 0, m)), (Store("out", value),)),
    )
    kernel = check(Kernel("rows", (u,), (out,), (), None, (n, n, m), body, "", (w, again, turned, corner, flipped)))
    values = np.random.default_rng(6).normal(size=(n, m))
    square = values**2
    want = square * square[::-1, None, ::-1] + 10 * square[-1, -1] + square
    np.testing.assert_allclose(compile_kernel(kernel, target)(0.0, values.ravel()).reshape(n, n, m), want, rtol=1e-13)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("first", [-3, -30, -60])
def test_indices_below_zero(target: str, first: int) -> None:
    """Loops that begin below 0 (several rows at a time where the target does that) and pass 0, or end before it."""
    n, m = 41, 19
    origin, inner = (first, first), ((0, first + 1, first + n - 1), (1, first + 1, first + m - 1))
    u, out = Array("u", (n, m), 0, (0, 1), origin, "u"), Array("out", (n, m), 0, (0, 1), origin, "out")
    total, sums = Array("total", (m,), n * m, (1,), (first,), "total"), Array("sums", (m,), 0, (1,), (first,), "sums")
    shifts = ((0, 1), (0, -1), (1, 0), (-1, 0))
    # an offset counts from the loop's index, whose first value is the array's origin
    value = sum((load("u", s) for s in shifts), -4 * load("u", (0, 0)))
    rim = [((0, a, b), (1, c, d)) for a, b, c, d in ((0, 1, 0, m), (n - 1, n, 0, m), (1, n - 1, 0, 1), (1, n - 1, m - 1, m))]
    edges = tuple(
        nest(tuple((k, first + a, first + b) for k, a, b in box), (Store("out", load("u", (0, 0))),)) for box in rim
    )
    adds = nest(((0, first, first + n), (1, first, first + m)), (Accumulate("sums", load("u", (0, 0)) ** 2),))
    given = nest(((1, first, first + m),), (Store("total", load("sums", (0,))),))
    body = (nest(inner, (Store("out", value),)), *edges, adds, given)
    kernel = check(Kernel("below", (u,), (out, total), (), None, (n, m), body, "", (sums,)))
    a = np.random.default_rng(8).normal(size=(n, m))
    want = a.copy()
    want[1:-1, 1:-1] = a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2] - 4 * a[1:-1, 1:-1]
    got = compile_kernel(kernel, target)(0.0, a.ravel())
    np.testing.assert_allclose(got[: n * m].reshape(n, m), want, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(got[n * m :], (a**2).sum(0), rtol=1e-13)
