"""Discretised equations as a system of ordinary differential equations, one variable a grid point: u_0, u_1, ...

A stencil that is rounded to three digits number by number loses its zero row sum, and with it the slow modes. So rates are written as factored
differences, ``w*((u_0 - u_1) + (u_2 - u_1))``, and what rounding did to the slowest eigenvalue and to the row sums is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from symnum.errors import ModelError
from symnum.expr.calculus import substitute
from symnum.expr.term import ZERO, Const, Symbol, Term, as_term
from symnum.expr.walk import symbols, transform
from symnum.formats.prose.ode import record
from symnum.formats.prose.read import term
from symnum.formats.prose.record import ProseRecord
from symnum.formats.prose.sums import expanded
from symnum.formats.prose.words import LONGEST, ODE, parse
from symnum.formats.prose.writer import Writer
from symnum.ir.kernel import Accumulate, Array, Kernel, Let, Loop, Statement, Store

_ROUND_OFF = 1e-9


def export_points(semi: Any, dimension: int | None = None) -> ProseRecord:
    """The tokens of a ``SemiDiscreteSystem``: one equation an unknown, in the order of the state.

    ``checks`` of the record: "slowest eigenvalue" and "row sum", relative errors of the linear part.
    Raises ModelError for spectral schemes, algebraic equations, and what does not fit into 510 tokens.
    """
    if semi.spectral is not None or semi.algebraic:
        what = (
            "a spectral scheme couples all points" if semi.spectral is not None else "algebraic equations have no rate"
        )
        raise ModelError(f'PROSE cannot hold this system: {what}; write sn.discretise(system, 16, scheme="central")')
    if semi.size > LONGEST // 2:
        raise ModelError(f"{semi.size} unknowns do not fit into {LONGEST} tokens; discretise with fewer points")
    variables = [Symbol(_name(semi, k), "field") for k in range(semi.size)]
    values = {s: as_term(v) for s, v in zip(semi.parameters, semi.parameter_values, strict=True)}
    found = rates_of_points(semi.rhs, variables)
    rates = {u: substitute(found[k], values) for k, u in enumerate(variables)}
    start = tuple(float(v) for v in semi.initial(semi.parameter_values))
    time = None
    if semi.time is not None and any(semi.time in symbols(r) for r in rates.values()):
        rates, start, time = {semi.time: as_term(1), **rates}, (semi.time_span[0], *start), 0
    made = record(rates, dimension, time, semi.time_span, start, None)
    if made.time is None:
        rates.pop(semi.time, None)
    return replace(made, checks=_checks(rates, made))


def _name(semi: Any, position: int) -> str:
    array = next(a for a in semi.state if a.offset <= position < a.offset + a.size)
    place = np.unravel_index(position - array.offset, array.shape) if array.shape else ()
    return "_".join([array.field, *(str(int(i) + o) for i, o in zip(place, array.origin, strict=True))])


def rates_of_points(kernel: Kernel, variables: list[Symbol]) -> list[Term]:
    """The value of each output of a kernel, loops unrolled, with ``variables`` for the inputs."""
    run = _Run(kernel, variables)
    run.body(kernel.body, {}, {})
    return run.out


class _Run:
    """The kernel, executed on terms."""

    def __init__(self, kernel: Kernel, variables: list[Symbol]) -> None:
        self.kernel = kernel
        self.inputs: list[Term] = list(variables)
        self.out: list[Term] = [ZERO] * kernel.output_size
        self.scratch: list[Term] = [ZERO] * kernel.local_size

    def body(self, body: tuple[Statement, ...], place: Mapping[int, int], known: dict[Term, Term]) -> None:
        known = dict(known)
        for s in body:
            if isinstance(s, Loop):
                for i in range(s.start, s.stop):
                    self.body(s.body, {**place, s.axis: i}, known)
            elif isinstance(s, Let):
                known[s.symbol] = self.value(s.value, place, known)
            else:
                self.keep(s, self.value(s.value, place, known), place)

    def keep(self, s: Store | Accumulate, value: Term, place: Mapping[int, int]) -> None:
        local = self.kernel.is_local(s.array)
        array = self.kernel.input(s.array) if local else self.kernel.output(s.array)
        memory = self.scratch if local else self.out
        at = _position(array, [place[a] for a in array.axes])
        if isinstance(s, Accumulate) and s.operation != "add":
            raise ModelError(
                f"PROSE has no word for {s.operation}, which the sum over the grid in {s.origin or s.array} uses"
            )
        memory[at] = memory[at] + value if isinstance(s, Accumulate) else value

    def value(self, value: Term, place: Mapping[int, int], known: Mapping[Term, Term]) -> Term:
        def rule(node: Term) -> Term | None:
            if isinstance(node, Symbol):
                if node.kind == "load":
                    return self.load(node, place)
                if node.kind == "index":
                    return Const(place[node.info])
                return known.get(node)
            if node.op == "table":
                at = int(float(node.args[0].value)) - node.data[0]  # type: ignore[attr-defined]
                return Const(float(node.data[1 + at]))
            return None

        return transform(value, rule)

    def load(self, symbol: Symbol, place: Mapping[int, int]) -> Term:
        info = symbol.info
        held = self.kernel.constant(info.array)
        array = self.kernel.input(info.array)
        index = []
        for axis, offset, wrap, fixed in zip(array.axes, info.offsets, info.wrap, info.fixed, strict=True):
            i = offset if fixed else place[axis] + offset
            index.append(i % self.kernel.periods[axis] if wrap else i)
        at = _position(array, index)
        if held is not None:
            return Const(float(held[at]))
        return (self.scratch if self.kernel.is_local(info.array) else self.inputs)[at]


def _position(array: Array, index: list[int]) -> int:
    return array.offset + sum((i - o) * s for i, o, s in zip(index, array.origin, array.strides, strict=True))


# --- what rounding did -----------------------------------------------------------------------------------------------------------------------------


def _checks(rates: Mapping[Symbol, Term], made: ProseRecord) -> dict[str, float]:
    leaves: dict[tuple[str, int], Term] = {("u", k): u for k, u in enumerate(rates)}
    rounded = [term(tree, leaves) for tree in parse(made.tokens, ODE)]
    before, after = _linear(rates, list(rates.values())), _linear(rates, rounded)
    sizes = np.abs(before).sum(axis=1)
    balanced = np.abs(before.sum(axis=1)) <= _ROUND_OFF * sizes
    sums = np.abs(after.sum(axis=1))[balanced] / np.maximum(sizes[balanced], np.finfo(float).tiny)
    checks = {"row sum": float(sums.max(initial=0.0))}
    slow = [_slowest(m) for m in (before, after)]
    if slow[0]:
        checks["slowest eigenvalue"] = abs(slow[1] - slow[0]) / abs(slow[0])
    return checks


def _linear(rates: Mapping[Symbol, Term], terms: list[Term]) -> np.ndarray:
    writer = Writer(dict.fromkeys(rates, ""))
    where = {u: k for k, u in enumerate(rates)}
    matrix = np.zeros((len(where), len(where)))
    for k, rate in enumerate(terms):
        for c, factors in expanded(rate, writer.number):
            if len(factors) == 1 and factors[0][1] == 1 and factors[0][0] in where:
                matrix[k, where[factors[0][0]]] += c
    return matrix


def _slowest(matrix: np.ndarray) -> complex:
    """The eigenvalue that is smallest but for those that are zero; 0 where there is none."""
    values = np.linalg.eigvals(matrix)
    kept = values[np.abs(values) > 1e-7 * max(np.abs(values).max(initial=0.0), 1e-300)]
    return complex(min(kept, key=abs)) if kept.size else 0j
