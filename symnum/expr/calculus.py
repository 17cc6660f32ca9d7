"""Differentiation, substitution and linear parts, each memoised over the DAG.

Two derivatives: ``differentiate(f, s)`` treats every other symbol (and every derivative of a field) as independent, as a
Jacobian needs; ``diff(f, x)`` is the derivative along a coordinate: fields depend on it, so ``diff(u**2, x)`` stays a derivative
of ``u**2`` (schemes may want this flux form), and ``expand_derivatives`` applies the chain rule when it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from symnum.errors import TermError
from symnum.expr.integral import integral
from symnum.expr.names import depends_on, varies
from symnum.expr.network import OPERATORS, chained, tangents
from symnum.expr.numbers import Number
from symnum.expr.ops import TABLE
from symnum.expr.term import (
    MINUS_ONE,
    ONE,
    ZERO,
    Const,
    Symbol,
    Term,
    add,
    as_term,
    call,
    linear_combination,
    make_call,
    mul,
    power_product,
    scale,
    split_coefficient,
)
from symnum.expr.walk import fold, postorder, symbols, transform

_SLOTS = tuple(Symbol(name) for name in "abc")


@cache
def _formulas(op: str) -> tuple[Term, ...]:
    from symnum.expr.parse import parse

    return tuple(parse(text, dict(zip("abc", _SLOTS, strict=True))) for text in TABLE[op].derivatives)


def partials(term: Term) -> list[Term]:
    """The derivatives of a function of the table by each of its arguments."""
    mapping = dict(zip(_SLOTS, term.args, strict=False))
    return [substitute(f, mapping) for f in _formulas(term.op)]


def _chain(leaf: Callable[[Term], Term | None], branches: bool = False) -> Callable[[Term, list[Term]], Term]:
    """The chain rule as a fold rule. ``leaf`` gives the derivative of atoms (None: not an atom).

    ``branches``: d(where(c, a, b)) = where(c, da, db), so that a branch that is not taken may be infinite; else 1 or 0 times da and db, which
    keeps derivatives of fields outside.
    """

    def rule(term: Term, inner: list[Term]) -> Term:
        at_leaf = leaf(term)
        if at_leaf is not None:
            return at_leaf
        if all(d is ZERO for d in inner):
            return ZERO
        if term.op == "add":
            return add(scale(d, c) for d, c in zip(inner, term.data[1:], strict=True))
        if term.op == "mul":
            return _product_rule(term, inner)
        if branches and term.op == "where":
            return call("where", term.args[0], inner[1], inner[2])
        if term.op in OPERATORS:
            return _network_rule(term, inner)
        return add(mul((p, d)) for p, d in zip(partials(term), inner, strict=True) if d is not ZERO)

    return rule


def _network_rule(term: Term, inner: list[Term]) -> Term:
    """The chain rule of a network and of its weights."""
    if term.op == "weights":
        return tangents(inner)
    return add(part for k, d in enumerate(inner) if d is not ZERO for part in chained(term, k, d))


def _product_rule(term: Term, inner: list[Term]) -> Term:
    exponents = dict(zip(term.args, term.data[1:], strict=True))
    parts = []
    for base, d in zip(term.args, inner, strict=True):
        if d is not ZERO:
            e = exponents[base]
            parts.append(mul((power_product({**exponents, base: e - 1}, term.data[0] * e), d)))
    return add(parts)


def differentiate(term: Any, symbol: Any, memo: dict[Term, Term] | None = None) -> Term:
    """The partial derivative of ``term`` by ``symbol``; all other symbols and all derivatives of fields are independent of it.

    ``symbol`` may be a symbol or an unevaluated derivative such as ``diff(u, x)``.
    """
    target = as_term(symbol)
    if target.op not in ("symbol", "derivative"):
        raise TermError(
            f"cannot differentiate by {target}; differentiate by a symbol, a field or a derivative of a field"
        )

    def leaf(node: Term) -> Term | None:
        if node is target:
            return ONE
        return ZERO if node.op in ("const", "symbol", "derivative", "integral", "pi") else None

    return fold(as_term(term), _chain(leaf, branches=True), memo)


def diff(term: Any, *variables: Any) -> Term:
    """The derivative along coordinates: ``diff(u, x)``, ``diff(u, x, 2)``, ``diff(u, x, y)``; by a parameter: the partial derivative.

    Explicit functions of the coordinates are differentiated at once; fields give an unevaluated derivative.
    """
    result = as_term(term)
    if not variables:
        raise TermError("diff needs a coordinate: write sn.diff(u, x)")
    for variable, order in _orders(variables):
        if variable.kind == "coordinate":
            result = derivative(result, {variable: order})
        else:
            before = result
            for _ in range(order):
                result = differentiate(result, variable)
            if result is ZERO and symbols(before, "field"):
                raise TermError(
                    f"{before} does not hold the {variable.kind} {variable}, and fields do not depend on it: its derivative "
                    f"is 0. Derivatives go along coordinates: write sn.diff({before}, x)"
                )
    return result


def _orders(variables: Iterable[Any]) -> list[tuple[Symbol, int]]:
    rows: list[tuple[Symbol, int]] = []
    for item in variables:
        if isinstance(item, int) and not isinstance(item, bool) and rows:
            if item < 0:
                raise TermError(f"the order of a derivative is 0, 1, 2, ..., not {item}")
            rows[-1] = (rows[-1][0], item)
            continue
        symbol = as_term(item)
        if not isinstance(symbol, Symbol) or symbol.kind == "field":
            raise TermError(
                f"cannot differentiate along {item}; write sn.diff(u, x) or sn.diff(u, x, 2) with a coordinate x"
            )
        rows.append((symbol, 1))
    return rows


def derivative(term: Term, orders: Mapping[Symbol, int]) -> Term:
    """The derivative along coordinates in canonical form: linear, constants pulled out, nested orders merged."""
    orders = {c: n for c, n in orders.items() if n}
    if not orders:
        return term
    if not all(varies(term, coordinate) for coordinate in orders):
        return ZERO
    if term.op == "integral":  # over a fixed extent: derivatives along other coordinates go inside
        return integral(derivative(term.args[0], orders), term.args[1])
    if term.op == "derivative":
        merged = dict(zip(term.args[1:], term.data, strict=True))
        for coordinate, n in orders.items():
            merged[coordinate] = merged.get(coordinate, 0) + n
        return derivative(term.args[0], merged)  # type: ignore[arg-type]
    for coordinate, n in orders.items():
        if not any(
            isinstance(s, Symbol) and s.kind == "field" and depends_on(s, coordinate) for s in postorder((term,))
        ):
            for _ in range(n):
                term = total_derivative(term, coordinate)
            return derivative(term, {c: m for c, m in orders.items() if c is not coordinate})
    if term.op == "add":
        return add(scale(derivative(t, orders), c) for t, c in zip(term.args, term.data[1:], strict=True))
    if term.op == "mul":
        return _pull_out(term, orders)
    coordinates = sorted(orders, key=lambda c: (c.name, c.digest))
    return make_call("derivative", (term, *coordinates), tuple(orders[c] for c in coordinates))


def _pull_out(term: Term, orders: Mapping[Symbol, int]) -> Term:
    """d(k*f) = k*d(f) for the factors k that depend on none of the coordinates."""
    inside: dict[Term, Number] = {}
    outside: dict[Term, Number] = {}
    for base, e in zip(term.args, term.data[1:], strict=True):
        (inside if any(varies(base, c) for c in orders) else outside)[base] = e
    if not outside and term.data[0] == 1:
        coordinates = sorted(orders, key=lambda c: (c.name, c.digest))
        return make_call("derivative", (term, *coordinates), tuple(orders[c] for c in coordinates))
    return mul((power_product(outside, term.data[0]), derivative(power_product(inside), orders)))


def total_derivative(term: Term, coordinate: Symbol) -> Term:
    """The chain rule carried through: fields and their derivatives give derivatives of fields."""

    def leaf(node: Term) -> Term | None:
        if node is coordinate:
            return ONE
        if node.op in ("symbol", "derivative", "integral"):
            return derivative(node, {coordinate: 1}) if varies(node, coordinate) else ZERO
        return ZERO if node.op in ("const", "pi") else None

    return fold(term, _chain(leaf))


def expand_derivatives(term: Term) -> Term:
    """Every derivative of a composite expression as derivatives of fields (chain and product rule)."""

    def rule(node: Term) -> Term | None:
        if node.op != "derivative" or node.args[0].op == "symbol":
            return None
        result = node.args[0]
        for coordinate, n in zip(node.args[1:], node.data, strict=True):
            for _ in range(n):
                result = total_derivative(result, coordinate)  # type: ignore[arg-type]
        return result

    return transform(term, rule)


def substitute(term: Any, mapping: Mapping[Any, Any], memo: dict[Term, Term] | None = None) -> Term:
    """Replace symbols or whole sub-terms, all at once; derivatives of what was put in are evaluated."""
    table = {as_term(k): as_term(v) for k, v in mapping.items()}

    def step(node: Term, args: list[Term]) -> Term:
        if node in table:
            return table[node]
        if all(a is b for a, b in zip(args, node.args, strict=True)):
            return node
        if node.op == "derivative":
            return _replaced_derivative(node, args)
        if node.op == "integral":
            return integral(*args)
        from symnum.expr.term import rebuild

        return rebuild(node, tuple(args))

    return fold(as_term(term), step, memo)


def _replaced_derivative(node: Term, args: list[Term]) -> Term:
    for coordinate in args[1:]:
        if not isinstance(coordinate, Symbol):
            raise TermError(f"cannot put {coordinate} in place of a coordinate that {node} differentiates along")
    return derivative(args[0], dict(zip(args[1:], node.data, strict=True)))  # type: ignore[arg-type]


def linear_coefficients(term: Term, unknowns: Iterable[Term]) -> tuple[dict[Term, Term], Term] | None:
    """``term = sum(coefficient[u]*u) + rest`` with coefficients and rest free of the unknowns; None if it is not linear in them."""
    wanted = set(unknowns)

    def rule(node: Term, inner: list[Any]) -> Any:
        if node in wanted:
            return {node: ONE}, ZERO
        if any(part is None for part in inner):
            return None
        if not any(part[0] for part in inner):
            return {}, node
        if node.op == "add":
            return _linear_sum(node, inner)
        if node.op == "mul":
            return _linear_product(node, inner)
        if node.op == "where" and not inner[0][0]:
            keys = list(inner[1][0] | inner[2][0])
            pick = [call("where", node.args[0], inner[1][0].get(k, ZERO), inner[2][0].get(k, ZERO)) for k in keys]
            return dict(zip(keys, pick, strict=True)), call("where", node.args[0], inner[1][1], inner[2][1])
        return None

    result: tuple[dict[Term, Term], Term] | None = fold(term, rule)
    return result


def _linear_sum(node: Term, inner: list[Any]) -> tuple[dict[Term, Term], Term]:
    parts: dict[Term, list[Term]] = {}
    rest: list[Term] = [Const(node.data[0])]
    for (coefficients, remainder), c in zip(inner, node.data[1:], strict=True):
        rest.append(scale(remainder, c))
        for unknown, k in coefficients.items():
            parts.setdefault(unknown, []).append(scale(k, c))
    sums = {unknown: add(ks) for unknown, ks in parts.items()}
    return {unknown: k for unknown, k in sums.items() if k is not ZERO}, add(rest)


def _linear_product(node: Term, inner: list[Any]) -> Any:
    exponents = dict(zip(node.args, node.data[1:], strict=True))
    dependent = [(base, part) for base, part in zip(node.args, inner, strict=True) if part[0]]
    if len(dependent) != 1 or exponents[dependent[0][0]] != 1:
        return None
    base, (coefficients, remainder) = dependent[0]
    factor = power_product({b: e for b, e in exponents.items() if b is not base}, node.data[0])
    return {u: mul((factor, k)) for u, k in coefficients.items()}, mul((factor, remainder))


def solve_linear(equations: list[Term], unknowns: list[Term], ordered: bool = False) -> list[Term] | None:
    """Solve equations = 0, linear in the unknowns, by symbolic elimination; None if singular or not linear.

    Meant for the small systems of boundary faces and time derivatives (a handful of unknowns). ``ordered``: the equations come in the order
    in which pivots are to be taken (found in numbers); otherwise numbers are preferred to terms.
    """
    rows = []
    for equation in equations:
        split = linear_coefficients(equation, unknowns)
        if split is None:
            return None
        rows.append([split[0].get(u, ZERO) for u in unknowns] + [scale(split[1], -1)])
    n = len(unknowns)
    for k in range(n):
        pivot = next((i for i in _pivot_order(rows, k, ordered)), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        inverse = call("pow", rows[k][k], MINUS_ONE)
        rows[k] = [mul((x, inverse)) for x in rows[k]]
        for i in range(n):
            if i != k and rows[i][k] is not ZERO:
                factor = scale(rows[i][k], -1)
                rows[i] = [add((a, mul((factor, b)))) for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[n] for row in rows]


def _pivot_order(rows: list[list[Term]], k: int, ordered: bool) -> list[int]:
    """Rows from k on with a nonzero entry in column k, numbers first (the largest first) unless they are ``ordered``."""
    usable = [i for i in range(k, len(rows)) if not (rows[i][k].op == "const" and rows[i][k].data[0] == 0)]

    if ordered:
        return usable

    def rank(i: int) -> tuple[int, float]:
        entry = rows[i][k]
        return (0, -abs(float(entry.data[0]))) if entry.op == "const" else (1, 0.0)

    return sorted(usable, key=rank)


def summands(term: Term) -> list[tuple[Number, Term]]:
    """A term as a list of (coefficient, term without coefficient); the constant comes as (value, 1)."""
    if term.op == "add":
        head = [(term.data[0], ONE)] if term.data[0] != 0 else []
        return head + list(zip(term.data[1:], term.args, strict=True))
    if term.op == "const":
        return [(term.data[0], ONE)] if term.data[0] != 0 else []
    return [split_coefficient(term)]


def from_summands(parts: Iterable[tuple[Number, Term]]) -> Term:
    """The inverse of ``summands``."""
    bag: dict[Term, Number] = {}
    constant: Number = 0
    for c, t in parts:
        if t.op == "const":
            constant = constant + c * t.data[0]
        else:
            inner, rest = split_coefficient(t)
            bag[rest] = bag.get(rest, 0) + c * inner
    return linear_combination(bag, constant)
