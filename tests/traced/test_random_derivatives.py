"""Derivatives of random NumPy programs: the matrix against differences of fourth order, both products against the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix

from symnum.ir.interpret import interpret
from symnum.ir.jacobian import jacobian_slots, jvp_kernel
from symnum.ir.kernel import Kernel
from symnum.ir.vjp import vjp_kernel
from symnum.tracing.capture import capture
from tests.tracing.programs import Instruction, run

SMALL = st.integers(0, 40)
PROGRAMS = st.lists(st.tuples(SMALL, SMALL, SMALL, st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=4)
SHAPES = st.sampled_from([(7,), (12,), (6, 4), (5, 5), (4, 4, 3)])


def matrix(k: Kernel, t: float, y: np.ndarray) -> np.ndarray:
    """S + L (1 - M)^-1 R, dense."""
    slots = jacobian_slots(k)
    values = interpret(slots.kernel, t, y)
    blocks = [b for b in (slots.direct, slots.left, slots.right, slots.between) if b is not None]
    s, *rest = (csc_matrix((values[b.at], (b.rows, b.columns)), b.shape).toarray() for b in blocks)
    if not rest:
        return np.asarray(s)
    left, right, between = rest
    return np.asarray(s + left @ np.linalg.solve(np.eye(len(between)) - between, right))


@settings(max_examples=25)
@given(PROGRAMS, SHAPES)
def test_programs(program: list[Instruction], shape: tuple[int, ...]) -> None:
    def f(u: Any, v: Any, t: float) -> Any:
        return run(program, u, v, t)

    rng = np.random.default_rng(len(program))
    captured = capture(f, (np.zeros(shape), np.zeros(shape), 0.3))
    k = captured.kernel
    t, y, _ = captured.pack((rng.uniform(-1, 1, shape), rng.uniform(-1, 1, shape), 0.3))
    direction, w = rng.normal(size=y.size), rng.normal(size=k.output_size)
    h = 1e-5  # so small that steps and corners of the program lie outside, almost surely
    far, near = ([interpret(k, t, y + s * h * direction) for s in (step, -step)] for step in (2, 1))
    slope = (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * h)
    made = matrix(k, t, y)
    assume(bool(np.isfinite(slope).all() and np.isfinite(made).all()))
    size = np.abs(made).sum(axis=1).max(initial=1e-3) * np.abs(direction).max()
    assert np.abs(made @ direction - slope).max() <= 1e-6 * size
    along = interpret(jvp_kernel(k), t, np.concatenate([y, direction]))
    assert np.abs(along - made @ direction).max() <= 1e-11 * size
    back = interpret(vjp_kernel(k), t, np.concatenate([y, w]))[: y.size]
    assert np.abs(back - made.T @ w).max() <= 1e-11 * np.abs(made).sum(axis=0).max(initial=1e-3) * np.abs(w).max()
