"""What makes rows fast changes no value: ends in vectors, rows handled together, two versions of a body."""

from __future__ import annotations

import ctypes
from itertools import product

import numpy as np
import pytest

import symnum as sn
from symnum.codegen.jit import compile_ir, native_function, optimise
from symnum.codegen.llvm_function import rows_together
from symnum.codegen.placement import output_vector, state_vector
from symnum.codegen.target import compile_kernel
from symnum.codegen.targets.llvm import print_module, schedule
from symnum.discretisation.assemble import discretise
from symnum.expr.build import exp
from symnum.expr.term import Symbol, Term
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.jacobian import jacobian_slots
from symnum.ir.kernel import Array, Kernel, Loop, Store, load, nest

ALPHA = Symbol("alpha", "parameter")


def stencil(shape: tuple[int, ...], reach: int, fields: int = 1, extra: Term | None = None) -> Kernel:
    """Periodic sums over neighbours along every axis, with a different weight for each."""
    d, size = len(shape), int(np.prod(shape))
    arrays = tuple(
        Array(name, shape, k * size, tuple(range(d)), (0,) * d, name) for k, name in enumerate("uv"[:fields])
    )
    body = []
    for array in arrays:
        value = ALPHA * load(array.name, (0,) * d)
        for axis, offset in product(range(d), range(-reach, reach + 1)):
            place = tuple(offset if k == axis else 0 for k in range(d))
            value = value + (1 + axis + 10 * offset) * load(array.name, place, (True,) * d)
        value = value if extra is None else value + extra
        body.append(nest(tuple((k, 0, n) for k, n in enumerate(shape)), (Store(array.name, value),)))
    return check(Kernel("rhs", arrays, arrays, (ALPHA,), None, shape, tuple(body)))


def agrees(kernel: Kernel) -> None:
    y = np.random.default_rng(0).normal(size=kernel.input_size)
    want = interpret(kernel, 0.0, y, (0.7,))
    got = compile_kernel(kernel, "llvm", cache=False)(0.0, y, [0.7])
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13 * np.abs(want).max())


@pytest.mark.parametrize("reach", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("shape", [(32,), (33,), (40,), (3, 35), (9, 32), (20, 6, 32)])
def test_ends_of_periodic_rows(shape: tuple[int, ...], reach: int) -> None:
    if reach <= min(shape):
        agrees(stencil(shape, reach))


@pytest.mark.parametrize(("start", "stop"), [(0, 44), (0, 43), (2, 43), (3, 44), (10, 43), (36, 44), (0, 8), (5, 37)])
def test_ends_of_parts_of_periodic_rows(start: int, stop: int) -> None:
    """A loop that begins or ends near the seam, not at it, reads around it all the same."""
    u, f = Array("u", (44,), 0, (0,), (0,), "u"), Array("f", (stop - start,), 0, (0,), (start,), "f")
    value = load("u", (-3,), (True,)) + 2 * load("u", (2,), (True,)) + 4 * load("u", (1,), (True,)) + ALPHA
    body = (Loop(0, start, stop, (Store("f", value),)),)
    agrees(check(Kernel("rhs", (u,), (f,), (ALPHA,), None, (44,), body)))


@pytest.mark.parametrize("shape", [(64,), (16, 64), (8, 8, 64)])
def test_whole_rows_run_in_vectors(shape: tuple[int, ...]) -> None:
    """Nothing of a periodic row is left to scalar code: every value that is stored is stored in vectors."""
    text = str(optimise(print_module(schedule(stencil(shape, 1)))))
    stores = [line for line in text.splitlines() if line.strip().startswith("store ")]
    assert stores and all("store <" in line for line in stores)


@pytest.mark.parametrize("n", [47, 48, 61])
def test_llvm_prints_nothing(n: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Loops that LLVM cannot vectorise (here: whose values later code reads) are no news to the user."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    burgers = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2) - sn.diff(u**2, x))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
        initial={u: 0},
    )
    rhs = discretise(burgers, n, order=4).rhs
    for kernel in (rhs, jacobian_slots(rhs).kernel):
        compile_kernel(kernel, "llvm", cache=False)
    assert capfd.readouterr() == ("", "")


def test_how_many_rows_together() -> None:
    def rows(kernel: Kernel) -> int:
        (loop,) = schedule(kernel).body[-1:]
        assert isinstance(loop, Loop)
        return rows_together(kernel, loop)

    assert rows(stencil((16, 64), 1)) == rows(stencil((9, 9, 64), 1)) == 4
    assert rows(stencil((16, 64), 1, fields=2)) == 2
    assert rows(stencil((16, 64), 1, extra=exp(load("u", (0, 0))))) == 1  # elementary functions share nothing
    assert rows(stencil((16, 64), 1, extra=exp(ALPHA))) == 4  # those of a parameter have left the loops
    assert rows(stencil((64,), 1)) == 1
    u = Array("u", (8, 64), 0, (0, 1), (0, 0), "u")
    along = nest(((0, 0, 8), (1, 0, 64)), (Store("u", load("u", (0, 1), (True, True))),))
    assert rows(check(Kernel("rhs", (u,), (u,), (), None, (8, 64), (along,)))) == 1  # rows that do not meet


@pytest.mark.parametrize("shape", [(5, 512), (8, 16, 32), (6, 1024)])
@pytest.mark.parametrize("fields", [1, 2])
def test_where_arrays_lie_does_not_change_the_values(shape: tuple[int, ...], fields: int) -> None:
    """Rows a page apart have two versions of their code; which one runs depends on the addresses."""
    kernel = stencil(shape, 1, fields)
    text = print_module(schedule(kernel))
    assert "label %rows, label %jammed" in text
    module = compile_ir(text, cache=False)
    function = native_function(module.address("rhs"), ctypes.c_double, *[ctypes.c_void_p] * 3)
    n, p = kernel.input_size, np.array([0.7])
    y = np.random.default_rng(1).normal(size=n)
    want = interpret(kernel, 0.0, y, p)
    room = np.full(n + 1024, np.nan)
    for apart in (0, 16, 760, 2048, 2560, 4088):  # bytes
        first = (y.ctypes.data + apart - room.ctypes.data) % 4096 // 8
        out = room[first : first + n]
        function(0.0, y.ctypes.data, p.ctypes.data, out.ctypes.data)
        np.testing.assert_allclose(out, want, rtol=1e-13, atol=1e-13 * np.abs(want).max())


@pytest.mark.parametrize("size", [1, 511, 512, 100_000])
def test_placement(size: int) -> None:
    state, output = state_vector(size), output_vector(size)
    assert state.shape == output.shape == (size,) and state.flags.c_contiguous and output.flags.writeable
    if size >= 512:
        assert state.ctypes.data % 4096 == 0 and output.ctypes.data % 4096 == 2560


def test_placement_of_the_vectors_of_a_solver() -> None:
    for size, off in ((100_000, 0), (2_000_000, 8)):
        assert state_vector(size, stepping=True).ctypes.data % 4096 == off
        assert output_vector(size, stepping=True).ctypes.data % 4096 == 2560 + off
