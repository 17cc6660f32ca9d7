"""Random NumPy programs: what one instruction does to a pool of arrays of one shape. Run on arrays and on traced arrays alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Instruction = tuple[int, int, int, int, int]  # what, two operands, two small numbers


def _matrix(n: int, k: int) -> np.ndarray:
    """Banded (with corners for odd k), dense for every third k."""
    i = np.arange(n)
    m = np.diag(np.full(n, -0.5)) + np.diag(np.full(n - 1, 0.25), 1) + np.diag(0.1 + 0.01 * i[1:] * (k % 2), -1)
    m[0, 1] = 0.5
    if k % 2:
        m[0, -1] = m[-1, 0] = 0.25
    return np.cos(np.outer(i, i + k)) / n if k % 3 == 2 else m


def _shifted(a: Any, s: int) -> Any:
    c = a.copy()
    c[1:] += 0.5 * c[:-1]
    c[:-1] -= 0.25 * c[1:]
    c[:: 1 + s % 2] *= 0.9
    return c


def _assigned(a: Any, b: Any, s: int, r: int) -> Any:
    c = np.empty_like(a)
    c[...] = 0.25
    start, step = s % 3, (1, 2, -1)[r % 3]
    target = c[start:][::step]
    target[...] = b[: len(target)]
    c[-1] = a[0]
    c[s % len(a)] += 0.5
    return c


def _by_element(a: Any, b: Any, s: int) -> Any:
    c = np.zeros(a.shape)
    n = len(a)
    for i in range(n):
        c[i] = 0.5 * (a[(i + s) % n] - b[i - 1]) + 0.1 * c[i - 1]
    return c


def _padded(a: Any, s: int, r: int) -> Any:
    width = 1 + s % 2
    p = np.pad(a, width, mode=("edge", "wrap", "reflect", "constant", "symmetric")[r % 5])
    cut = (slice(2 * width, None),) + (slice(width, -width),) * (a.ndim - 1)
    return 0.5 * (p[cut] + a)


def _flattened(a: Any, s: int) -> Any:
    flat = a.ravel()
    return (flat + 0.1 * np.roll(flat, s)).reshape(a.shape)


def _clipped(a: Any, b: Any) -> Any:
    c = a.copy()
    c[b > 0.3] = 0.3
    return 0.5 * (c + np.clip(a, -0.2, 0.4))


def _joined(a: Any, b: Any, s: int) -> Any:
    k = 1 + s % (len(a) - 1)
    return np.concatenate([b[k:], a[:k]])


def _stacked(a: Any, b: Any, s: int) -> Any:
    pair = np.stack([a, b, a * b], axis=-1 if s % 2 else 0)
    return 0.3 * pair.sum(axis=-1 if s % 2 else 0) + (pair[..., 1] if s % 2 else pair[1])


def _centred(a: Any, s: int) -> Any:
    axis = s % a.ndim
    return a - a.mean(axis=axis, keepdims=True) + 0.1 * a.max(axis=axis, keepdims=True) - 0.1 * a.min()


def step(pool: Sequence[Any], instruction: Instruction, t: Any) -> Any:
    """The array that an instruction makes of two of the pool; all values stay of order one."""
    what, i, j, s, r = instruction
    a, b = pool[i % len(pool)], pool[j % len(pool)]
    n, axis = len(a), r % a.ndim
    table = (
        lambda: 0.5 * (a + b) - t,
        lambda: a * b / (1 + a**2 + b**2),
        lambda: np.where(a > b, a, b),
        lambda: np.roll(a, s, axis) - 0.5 * np.roll(b, (-s,), (axis,)),
        lambda: np.tanh(a - b) + np.sqrt(np.abs(a)),
        lambda: _shifted(a, s),
        lambda: _assigned(a, b, s, r),
        lambda: _by_element(a, b, s),
        lambda: _padded(a, s, r),
        lambda: _flattened(a, s),
        lambda: _clipped(a, b),
        lambda: _joined(a, b, s),
        lambda: _stacked(a, b, s),
        lambda: _centred(a, s),
        lambda: _matrix(n, s) @ a if a.ndim < 3 else np.einsum("ij,jkl->ikl", _matrix(n, s), a),
        lambda: a @ _matrix(a.shape[-1], s),
        lambda: np.flip(a, axis) + a[::-1] * b[(0,) * a.ndim],
        lambda: 0.1 * np.cumsum(a, axis=axis) + np.gradient(b, axis=axis),
        lambda: a[(np.arange(n) + s) % n] - 0.5 * a[np.arange(n)[::-1]],
        lambda: 0.5 * np.concatenate([np.diff(a, axis=0), a[:1]]) + np.minimum(a, b),
    )
    return table[what % len(table)]()


def run(program: Sequence[Instruction], u: Any, v: Any, t: Any) -> Any:
    """The last two arrays of the pool that a program makes of u and v."""
    pool = [u, v]
    for instruction in program:
        pool.append(step(pool, instruction, t))
    return pool[-1], pool[-2] + pool[len(pool) // 2]
