"""Random NumPy programs give the same numbers traced and executed."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from symnum.ir.interpret import interpret
from symnum.tracing.capture import capture
from tests.tracing.programs import Instruction, run

SMALL = st.integers(0, 40)
PROGRAMS = st.lists(st.tuples(SMALL, SMALL, SMALL, st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=7)


def compare(program: list[Instruction], shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(program))
    u, v = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, shape)

    def f(u: Any, v: Any, t: float) -> Any:
        return run(program, u, v, t)

    with np.errstate(all="ignore"):
        expected = f(u.copy(), v.copy(), 0.3)
    captured = capture(f, (u, v, 0.3))
    made = captured.unpack(interpret(captured.kernel, *captured.pack((u, v, 0.3))))
    for a, b in zip(made, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12 * max(1.0, float(np.abs(b).max())))


@settings(max_examples=40)
@given(PROGRAMS, st.integers(5, 12))
def test_vectors(program: list[Instruction], n: int) -> None:
    compare(program, (n,))


@settings(max_examples=25)
@given(PROGRAMS, st.integers(5, 8), st.integers(2, 7))
def test_matrices(program: list[Instruction], n: int, m: int) -> None:
    compare(program, (n, max(m, 3)))


@settings(max_examples=12)
@given(PROGRAMS)
def test_boxes(program: list[Instruction]) -> None:
    compare(program, (5, 6, 3))
