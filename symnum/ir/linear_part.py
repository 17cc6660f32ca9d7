"""The constant linear part of a right-hand side: f(t, y) = L y + N(t, y) with a matrix L that neither t nor y changes.

L holds the constant term of every entry of df/dy read as a polynomial in the state and the time: of d(u^2 v - 4.4 u + laplacian(u))/du = 2uv - 4.4 +
(stencil), everything but 2uv. What integrals bring stays in N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symnum.expr.gradient import gradient
from symnum.expr.term import ONE, ZERO, Const, Term, add, call, mul, power, scale
from symnum.expr.walk import fold
from symnum.ir.interpret import interpret
from symnum.ir.jacobian import jacobian_slots
from symnum.ir.kernel import Kernel, Loop, Statement, Store, statements
from symnum.ir.passes.inline import inline_stores
from symnum.ir.system import SemiDiscreteSystem

Names = frozenset[str]


@dataclass(frozen=True)
class LinearPart:
    """L and how its unknowns lie on the grid.

    Attributes:
        matrix: SciPy CSC (n, n), explicit zeros removed.
        fields: names in the order of the state; shapes, offsets: of each field's unknowns, where they begin.
        signs: for each axis of the grid +1 periodic, -1 antiperiodic, 0 with two sides.
        complete: every entry of df/dy is a polynomial in the state and the time, so N has no linear part with constant coefficients.
    """

    matrix: Any
    fields: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    offsets: tuple[int, ...]
    signs: tuple[int, ...]
    complete: bool

    @property
    def n(self) -> int:
        return int(self.matrix.shape[0])

    @property
    def grid(self) -> tuple[int, ...] | None:
        """The shape that all fields have; None if they differ or fields without space are among them."""
        first = self.shapes[0]
        return first if first and all(shape == first for shape in self.shapes) else None


def linear_part(system: SemiDiscreteSystem, parameters: Sequence[float] | None = None) -> LinearPart:
    """L at the given parameter values (None: the system's)."""
    from scipy.sparse import csc_matrix

    slots = jacobian_slots(system.rhs)
    taken, complete = constant_kernel(slots.kernel)
    values = system.parameter_values if parameters is None else parameters
    entries = interpret(taken, 0.0, np.zeros(system.rhs.input_size), values)
    block = slots.direct
    kept = entries[block.at] != 0
    where = (block.rows[kept], block.columns[kept])
    matrix = csc_matrix((entries[block.at[kept]], where), shape=block.shape)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    axes = (system.axes[k] for k in sorted({k for array in system.state for k in array.axes}))
    signs = tuple(system.signs.get(a.name, 1) if a.periodic else 0 for a in axes)
    fields, shapes, offsets = zip(*((a.field, a.shape, a.offset) for a in system.state), strict=True)
    return LinearPart(matrix, fields, shapes, offsets, signs, complete)


def constant_kernel(kernel: Kernel) -> tuple[Kernel, bool]:
    """[Kernel] -> [Kernel]: every stored value reduced to its constant term; and whether all values were polynomials. Sums over the domain go."""
    memo: dict[Term, Term] = {}
    constants = _constants(kernel)
    stored = (s for s in statements(kernel.body) if isinstance(s, Store) and not kernel.is_local(s.array))
    polynomial = all(_is_polynomial(s.value, constants) for s in stored)

    def reduced(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        made: list[Statement] = []
        for statement in body:
            if isinstance(statement, Loop):
                inner = reduced(statement.body)
                made += [replace(statement, body=inner)] if inner else []
            elif isinstance(statement, Store) and not kernel.is_local(statement.array):
                made.append(replace(statement, value=constant_term(statement.value, memo, constants)))
        return tuple(made)

    return replace(kernel, body=reduced(kernel.body), locals=()), polynomial


def _constants(kernel: Kernel) -> frozenset[str]:
    return frozenset(c.array.name for c in kernel.constants)


def without_linear_part(kernel: Kernel) -> Kernel:
    """[Kernel] -> [Kernel]: N(t, y) = f(t, y) - L y with L as in ``linear_part``; of reaction with diffusion the nonlinear reaction."""
    memo: dict[Term, Split] = {}
    kernel = inline_stores(kernel)
    constants = _constants(kernel)

    def reduced(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        made: list[Statement] = []
        for statement in body:
            if isinstance(statement, Loop):
                made.append(replace(statement, body=reduced(statement.body)))
            elif isinstance(statement, Store):
                made.append(replace(statement, value=split_linear(statement.value, memo, constants)[1]))
            else:
                made.append(statement)
        return tuple(made)

    name, comment = f"{kernel.name}_nonlinear", f"without their constant linear part: {kernel.comment}"
    return replace(kernel, name=name, comment=comment, body=reduced(kernel.body))


Split = tuple[dict[Term, Term], Term]


def split_linear(value: Term, memo: dict[Term, Split] | None = None, constants: Names = frozenset()) -> Split:
    """({load: c}, rest) with value = sum of c*load + rest, c constant; no derivative of rest has a constant term. ``constants``: numbers by name."""

    def fixed(node: Term) -> bool:
        return constant_term(node, None, constants) is node

    def rule(node: Term, parts: list[Split]) -> Split:
        if node.op == "symbol" and node.kind == "load" and _varies(node, constants):  # type: ignore[attr-defined]
            return {node: ONE}, ZERO
        if node.op == "add":
            weights = [Const(c) for c in node.data[1:]]
            return _weighted([(w, *part) for w, part in zip(weights, parts, strict=True)], Const(node.data[0]))
        if node.op == "mul":
            return _split_product(node, parts, constants)
        if node.op == "where" and fixed(node.args[0]):
            condition, (yes, yes_rest), (no, no_rest) = node.args[0], parts[1], parts[2]
            linear = {s: call("where", condition, yes.get(s, ZERO), no.get(s, ZERO)) for s in {**yes, **no}}
            return linear, call("where", condition, yes_rest, no_rest)
        return {}, node

    return fold(value, rule, memo)


def _split_product(node: Term, parts: list[Split], constants: Names) -> Split:
    """c times one factor that varies, or a polynomial of which the linear terms are taken off."""
    exponents = node.data[1:]
    varying = [k for k, a in enumerate(node.args) if constant_term(a, None, constants) is not a]
    if len(varying) == 1 and exponents[varying[0]] == 1:
        k = varying[0]
        others = [power(a, Const(e)) for j, (a, e) in enumerate(zip(node.args, exponents, strict=True)) if j != k]
        return _weighted([(mul((Const(node.data[0]), *others)), *parts[k])], ZERO)
    found = gradient(node, lambda s: s.kind == "load" and _varies(s, constants))
    linear: dict[Term, Term] = {s: c for s, d in found.items() if (c := constant_term(d, None, constants)) is not ZERO}
    return linear, add((node, *(scale(mul((c, s)), -1) for s, c in linear.items()))) if linear else node


def _weighted(parts: list[tuple[Term, dict[Term, Term], Term]], constant: Term) -> Split:
    linear: dict[Term, Term] = {}
    for weight, of_part, _ in parts:
        for load, c in of_part.items():
            linear[load] = add((linear.get(load, ZERO), mul((weight, c))))
    kept = {load: c for load, c in linear.items() if c is not ZERO}
    return kept, add((constant, *(mul((weight, rest)) for weight, _, rest in parts)))


def constant_term(value: Term, memo: dict[Term, Term] | None = None, constants: Names = frozenset()) -> Term:
    """The value of a polynomial in loads and the time where all of them are 0; of anything else that depends on them, 0. Loads of the arrays
    ``constants`` are numbers."""

    def rule(node: Term, parts: list[Term]) -> Term:
        if node.op == "symbol":
            return ZERO if _varies(node, constants) else node
        same = [part is arg for part, arg in zip(parts, node.args, strict=True)]
        if node.op == "add":
            return add((Const(node.data[0]), *(scale(part, c) for part, c in zip(parts, node.data[1:], strict=True))))
        if node.op == "mul" and all(kept or _is_whole(e) for kept, e in zip(same, node.data[1:], strict=True)):
            return mul(
                (Const(node.data[0]), *(power(part, Const(e)) for part, e in zip(parts, node.data[1:], strict=True)))
            )
        if node.op == "where" and same[0]:
            return call("where", *parts)
        return node if all(same) else ZERO

    return fold(value, rule, memo)


def _varies(node: Any, constants: Names) -> bool:
    if node.op != "symbol" or node.kind not in ("load", "temporary", "coordinate"):
        return False
    return node.kind != "load" or node.info.array not in constants


def _is_whole(exponent: Any) -> bool:
    return bool(exponent > 0 and exponent == int(exponent))


def _is_polynomial(value: Term, constants: Names) -> bool:
    """A polynomial in whatever varies."""
    fixed: dict[Term, bool] = {}

    def is_fixed(node: Term) -> bool:
        return fold(node, lambda at, inner: all(inner) and not _varies(at, constants), fixed)

    def rule(node: Term, inner: list[bool]) -> bool:
        if node.op in ("symbol", "const") or is_fixed(node):
            return True
        if node.op == "mul":
            exponents = zip(node.args, node.data[1:], strict=True)
            return all(inner) and all(_is_whole(e) or is_fixed(base) for base, e in exponents)
        return all(inner) and (node.op == "add" or (node.op == "where" and is_fixed(node.args[0])))

    return fold(value, rule)
