"""The plain NumPy interpreter: the reference meaning of every kernel, the oracle that all targets are tested against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from symnum.expr.network_values import gradient_value, network_value
from symnum.expr.ops import TABLE
from symnum.expr.term import Term
from symnum.expr.walk import fold
from symnum.ir.kernel import STARTS, Accumulate, Kernel, Let, Loop, Statement, Store, statements

Ranges = dict[int, tuple[int, int]]
Env = dict[Term, Any]


@dataclass(frozen=True)
class _Memory:
    """The flat vectors of one call."""

    y: np.ndarray
    out: np.ndarray
    scratch: np.ndarray


def interpret(
    kernel: Kernel, t: float, y: np.ndarray, parameters: Sequence[float] = (), out: np.ndarray | None = None
) -> np.ndarray:
    """Run a kernel on flat vectors of its dtype. ``y``: (input_size,), ``parameters``: in the kernel's order, result: (output_size,)."""
    number = np.dtype(kernel.dtype).type
    out = np.zeros(kernel.output_size, number) if out is None else out
    env: Env = dict(zip(kernel.parameters, map(number, parameters), strict=True))
    if kernel.time is not None:
        env[kernel.time] = number(t)
    scratch = np.zeros(kernel.local_size, number)
    for s in statements(kernel.body):
        if isinstance(s, Accumulate) and s.operation != "add":
            kernel.input(s.array).view(scratch)[...] = STARTS[s.operation]
    with np.errstate(all="ignore"):
        _run(kernel, kernel.body, {}, env, _Memory(np.asarray(y, number), out, scratch))
    return out


def _run(kernel: Kernel, body: tuple[Statement, ...], ranges: Ranges, env: Env, memory: _Memory) -> None:
    env = dict(env)
    for statement in body:
        if isinstance(statement, Loop):
            if statement.stop > statement.start:
                inner = {s: v for s, v in env.items() if s.kind != "load"}  # type: ignore[attr-defined]
                _run(
                    kernel, statement.body, ranges | {statement.axis: (statement.start, statement.stop)}, inner, memory
                )
            continue
        value = _evaluate(kernel, statement.value, ranges, env, memory)
        if isinstance(statement, Let):
            env[statement.symbol] = value
        else:
            _keep(kernel, statement, np.asarray(value, dtype=kernel.dtype), ranges, memory)


_TOGETHER = {"add": np.add, "mul": np.multiply, "maximum": np.maximum, "minimum": np.minimum}


def _keep(kernel: Kernel, statement: Store | Accumulate, value: np.ndarray, ranges: Ranges, memory: _Memory) -> None:
    """Put the values over a box of grid points into their array, or take them into the local array, together over the axes that it lacks."""
    array = kernel.target(statement)
    lost = tuple(k for k in range(len(kernel.periods)) if k not in array.axes)
    here: tuple[Any, ...] = tuple(
        slice(ranges[a][0] - g, ranges[a][1] - g) for a, g in zip(array.axes, array.origin, strict=True)
    )
    kept = array.view(memory.scratch if kernel.is_local(array.name) else memory.out)[(*here, ...)]
    if isinstance(statement, Store):
        kept[...] = np.squeeze(value, axis=lost) if value.ndim else value
        return
    box = [ranges[k][1] - ranges[k][0] if k in ranges else 1 for k in range(len(kernel.periods))]
    together = _TOGETHER[statement.operation]
    together(kept, together.reduce(np.broadcast_to(value, box), axis=lost), out=kept)


def _evaluate(kernel: Kernel, term: Term, ranges: Ranges, env: Env, memory: _Memory) -> Any:
    """The value of a term over a box of grid points: an array with one dimension an axis of the grid (size 1 where it is constant)."""
    dimensions = len(kernel.periods)

    def rule(node: Term, args: list[Any]) -> Any:
        if node in env:
            return env[node]
        if node.op == "symbol":
            return _leaf(kernel, node, ranges, memory, dimensions)
        return operator_value(node, args, number)

    number = np.dtype(kernel.dtype).type
    return fold(term, rule)


def operator_value(node: Term, args: list[Any], number: Any = np.float64) -> Any:
    """One operator on values of type ``number``.

    Truth values are 1.0 and 0.0 (NumPy would add them as "or" and take exp of them in half precision).
    """
    match node.op:
        case "const":
            return number(float(node.data[0]))
        case "add":
            return sum(
                (float(c) * a for c, a in zip(node.data[1:], args, strict=True)), start=number(float(node.data[0]))
            )
        case "mul":
            powers = [_power(a, e) for a, e in zip(args, node.data[1:], strict=True)]
            return prod(powers, start=number(float(node.data[0])))
        case "pi":
            return number(np.pi)
        case "table":
            start, *numbers = node.data
            return np.array(numbers, number)[np.asarray(args[0], dtype=int) - start]
        case "erf":
            from scipy.special import erf

            return erf(args[0])
        case "weights":
            return tuple(args)
        case "network":
            return network_value(node.data, args)
        case "network_gradient":
            return gradient_value(node.data, args)
    value = getattr(np, TABLE[node.op].numpy)(*args)
    return np.asarray(value, dtype=number) if TABLE[node.op].boolean else value


def _power(base: Any, e: Any) -> Any:
    """base**e by a number; halves by square roots (NaN for every negative base, minus infinity included)."""
    if isinstance(e, Fraction) and e.denominator == 2:
        whole = e.numerator // 2
        root = np.sqrt(base) if e > 0 else 1 / np.sqrt(base)
        return root if e.numerator in (1, -1) else root * np.power(base, float(whole if e > 0 else whole + 1))
    return np.power(base, float(e))


def _leaf(kernel: Kernel, node: Any, ranges: Ranges, memory: _Memory, dimensions: int) -> Any:
    if node.kind == "index":
        return _spread(np.arange(*ranges[node.info], dtype=kernel.dtype), (node.info,), dimensions)
    array, info = kernel.input(node.info.array), node.info
    values = kernel.constant(array.name)
    if values is not None:
        view = array.view(np.asarray(values, kernel.dtype))
    else:
        view = array.view(memory.scratch if kernel.is_local(array.name) else memory.y)
    for k, axis in enumerate(array.axes):
        start, stop = (0, 1) if info.fixed[k] else ranges[axis]
        first = start + info.offsets[k] - array.origin[k]
        if info.wrap[k] and not info.fixed[k]:
            view = np.take(view, np.arange(first, first + stop - start) % kernel.periods[axis], axis=k)
        else:
            view = view[(slice(None),) * k + (slice(first, first + stop - start),)]
    return _spread(view, array.axes, dimensions)


def _spread(view: np.ndarray, axes: tuple[int, ...], dimensions: int) -> np.ndarray:
    """Put an array's dimensions where the grid's axes are; the other dimensions have size 1."""
    shape = [1] * dimensions
    for k, axis in enumerate(axes):
        shape[axis] = view.shape[k]
    return view.reshape(shape)
