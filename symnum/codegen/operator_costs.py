"""Prices of operations on this machine, for ``simplify(..., cost=measured_costs())``: cycles per value relative to an addition.

Each operation is timed in a loop over arrays that stay in the first-level cache, as compiled by the llvm target::

    out = f(u1, w) + f(u2, w) + ... + f(u6, w)      minus      out = u1 + u2 + ... + u6,        divided by 6

which is throughput: what an operation costs among many independent ones (additions and multiplications are repeated eight times,
f(f(u, w), w)). Nothing counts less than an addition: cheaper operations are lost in the noise. The table is kept in the private folder of
compiled objects, by processor.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from symnum.codegen.jit import cache_folder, host
from symnum.codegen.target import CompiledKernel, compile_kernel
from symnum.expr.ops import TABLE
from symnum.expr.term import Const, Symbol, Term, call, make_call, power
from symnum.ir.kernel import Array, Kernel, Store, load, nest

POINTS, COPIES = 1024, 6
_ROUNDS, _SECONDS = 9, 0.002  # samples of each operation, and how long one takes
_REPEATED = {"add": 8, "mul": 8}


def measured_costs(refresh: bool = False) -> dict[str, float]:
    """Operation -> price, an addition being 1: every operator of the table, "div", "sqrt" and "neg". About a second when first called.

    ``refresh``: measure again although a table is kept.
    """
    path = _kept()
    if path is not None and not refresh:
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(path.read_text(encoding="utf-8"))
            if set(found) == set(_operations()) and all(isinstance(v, float) and v > 0 for v in found.values()):
                return dict(found)
    table = measure()
    if path is not None:
        with contextlib.suppress(OSError):
            path.write_text(json.dumps(table), encoding="utf-8")
    return table


def measure() -> dict[str, float]:
    """Time every operation now; see the module."""
    plain = _compiled(lambda u, w: u)
    programs = {name: _compiled(build) for name, build in _operations().items()}
    state = np.empty(POINTS * (COPIES + 1))
    state[:] = np.random.default_rng(0).uniform(0.3, 0.9, state.size)
    samples: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(_ROUNDS):
        base = _seconds(plain, state)
        for name, program in programs.items():
            samples[name].append(_seconds(program, state) - base)
    seconds = {name: median(values) for name, values in samples.items()}
    unit = max(seconds["add"] / _REPEATED["add"], 1e-12)
    return {name: max(round(s / unit / _REPEATED.get(name, 1), 1), 1.0) for name, s in seconds.items()}


def _operations() -> dict[str, Callable[[Term, Term], Term]]:
    """Operation -> a term that applies it to u (and w)."""
    one = Const(1)
    special: dict[str, Callable[[Term, Term], Term]] = {
        "add": lambda u, w: _repeated("add", u, w, (0, 1, 1)),
        "mul": lambda u, w: _repeated("mul", u, w, (1, 1, 1)),
        "neg": lambda u, w: call("abs", make_call("mul", (call("floor", u),), (-1, 1))),
        "div": lambda u, w: make_call("mul", (u, w), (1, 1, -1)),
        "sqrt": lambda u, w: power(u, Const(0.5)),
        "acosh": lambda u, w: call("acosh", make_call("add", (u,), (1, 1))),
        "where": lambda u, w: call("where", u < w, u, one),
        "and": lambda u, w: call("where", call("and", u < w, w < Const(0.5)), u, one),
        "or": lambda u, w: call("where", call("or", u < w, w < Const(0.5)), u, one),
        "not": lambda u, w: call("where", call("not", u < w), u, one),
    }
    left_out = {"derivative", "integral", "table", "pi", "weights", "network", "network_gradient"}
    for name, row in TABLE.items():
        if name in special or name in left_out:
            continue
        if row.boolean:
            special[name] = lambda u, w, name=name: call("where", call(name, u, w), u, one)  # type: ignore[misc]
        elif row.arity == 1:
            special[name] = lambda u, w, name=name: call(name, u)  # type: ignore[misc]
        else:
            special[name] = lambda u, w, name=name: call(name, u, w)  # type: ignore[misc]
    return special


def _repeated(op: str, u: Term, w: Term, data: tuple[int, ...]) -> Term:
    for _ in range(_REPEATED[op]):
        u = make_call(op, (u, w), data)
    return u


def _compiled(build: Callable[[Term, Term], Term]) -> CompiledKernel:
    arrays = tuple(Array(f"u{k}", (POINTS,), k * POINTS, (0,), (0,), f"u{k}") for k in range(COPIES + 1))
    *u, w = (load(a.name, (0,)) for a in arrays)
    total: Term = build(u[0], w)
    for other in u[1:]:  # nested, so that nothing is collected
        total = make_call("add", (total, build(other, w)), (0, 1, 1))
    body = (nest(((0, 0, POINTS),), (Store("out", total),)),)
    out = (Array("out", (POINTS,), 0, (0,), (0,), "out"),)
    return compile_kernel(Kernel("price", arrays, out, (), Symbol("t", "coordinate"), (POINTS,), body))


def _seconds(program: CompiledKernel, state: np.ndarray) -> float:
    """CPU seconds a call."""
    out, none = np.empty(POINTS), np.empty(0)
    program.function(0.0, state, none, out)
    count, begin = 0, time.process_time()
    while (spent := time.process_time() - begin) < _SECONDS:
        for _ in range(20):
            program.function(0.0, state, none, out)
        count += 20
    return spent / count


def _kept() -> Path | None:
    folder = cache_folder()
    if folder is None:
        return None
    import hashlib

    key = hashlib.sha256("|".join(host()).encode()).hexdigest()[:16]
    return folder / f"costs-{key}.json"
