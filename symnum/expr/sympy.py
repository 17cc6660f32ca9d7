"""SymPy at the border: ``to_sympy`` and ``from_sympy``. Text is never handed to SymPy.

Coordinates, parameters and symbols are plain ``sympy.Symbol``; a field is ``Function(name)(coordinates)``; rationals
stay exact, a float is a 53-bit ``Float`` and comes back bit for bit. SymPy would multiply ``0.1*(x + 0.7)`` out and
take ``0.3`` out of ``sqrt(0.3*x)``, which rounds; such products and powers are built unevaluated, as are comparisons,
so that no assumption is asked of a large expression.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy

from symnum.errors import TermError, did_you_mean
from symnum.expr import build
from symnum.expr.calculus import diff
from symnum.expr.names import CoordinateInfo, FieldInfo
from symnum.expr.network import without_networks
from symnum.expr.numbers import Number
from symnum.expr.ops import TABLE
from symnum.expr.term import FALSE, MINUS_ONE, ONE, TRUE, ZERO, Const, Symbol, Term, add, call, mul, power
from symnum.expr.walk import fold, symbols

_SAME = ["exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh"]
_SAME += ["atan2", "erf", "sign", "floor"]
# our operator -> SymPy class; those in _LAZY are built unevaluated
_CLASSES: dict[str, Any] = {name: getattr(sympy, name) for name in _SAME} | {
    "ceil": sympy.ceiling, "abs": sympy.Abs, "minimum": sympy.Min, "maximum": sympy.Max, "lt": sympy.StrictLessThan,
    "le": sympy.LessThan, "gt": sympy.StrictGreaterThan, "ge": sympy.GreaterThan, "eq": sympy.Equality,
    "ne": sympy.Unequality, "and": sympy.And, "or": sympy.Or, "not": sympy.Not,
}  # fmt: skip
_LAZY = frozenset({"abs", "minimum", "maximum", "lt", "le", "gt", "ge", "eq", "ne", "and", "or"})


# --- to SymPy ---------------------------------------------------------------------------------------------------------


def to_sympy(term: Term) -> Any:
    """The term as a SymPy expression; ``where`` is a ``Piecewise``, an unevaluated derivative a ``Derivative``.

    Raises TermError when two different symbols share a name (SymPy could not tell them apart) or an operator has no
    SymPy form. SymPy's own evaluation recurses; a term too deep for it is built unevaluated.
    """
    _check_names(term)
    term = without_networks(term)
    try:
        return fold(term, lambda node, args: _to(node, args, True))
    except RecursionError:
        return fold(term, lambda node, args: _to(node, args, False))


def _check_names(term: Term) -> None:
    seen: dict[str, Symbol] = {}
    for found in symbols(term):
        related = [found, *(found.info.coordinates if found.kind == "field" else ())]
        for s in related:
            if seen.setdefault(s.name, s) is not s:
                kinds = f"({seen[s.name].kind} and {s.kind})"
                raise TermError(f"two different symbols are named {s.name!r} {kinds}; SymPy needs one name each")


def _to(node: Term, args: list[Any], evaluate: bool) -> Any:
    if node.op == "const":
        return number_to_sympy(node.data[0])
    if isinstance(node, Symbol):
        return _name(node)
    if node.op == "pi":
        return sympy.pi
    if node.op in ("and", "or", "not"):
        values = [_truth(a, v) for a, v in zip(node.args, args, strict=True)]
        return _CLASSES[node.op](*values, evaluate=False) if node.op != "not" else sympy.Not(*values)
    if node.op == "where":
        _, yes, no = (_value(v) for v in args)
        return sympy.Piecewise((yes, _truth(node.args[0], args[0])), (no, True), evaluate=False)
    values = [_value(v) for v in args]
    if node.op == "add":
        rows = [_times(c, [v], evaluate) for c, v in zip(node.data[1:], values, strict=True)]
        head = [number_to_sympy(node.data[0])] if node.data[0] != 0 else []
        return sympy.Add(*head, *rows, evaluate=evaluate)
    if node.op == "mul":
        powers = [_pow(v, e, evaluate) for v, e in zip(values, node.data[1:], strict=True)]
        return _times(node.data[0], powers, evaluate)
    if node.op == "pow":
        return sympy.Pow(values[0], values[1], evaluate=evaluate and not _inexact(values[0]))
    if node.op == "derivative":
        return sympy.Derivative(values[0], *zip(values[1:], node.data, strict=True), evaluate=False)
    if node.op not in _CLASSES:
        raise TermError(f"the operator {node.op} of {node} has no SymPy form")
    return _CLASSES[node.op](*values, evaluate=evaluate and node.op not in _LAZY)


def number_to_sympy(value: Any) -> Any:
    """int -> Integer, Fraction -> Rational, float -> 53-bit Float (infinities -> oo), bool -> true, false."""
    if isinstance(value, bool):
        return sympy.true if value else sympy.false
    if isinstance(value, int):
        return sympy.Integer(value)
    if isinstance(value, Fraction):
        return sympy.Rational(value.numerator, value.denominator)
    if math.isinf(value):
        return sympy.oo if value > 0 else -sympy.oo
    return sympy.Float(value, precision=53)


def _name(symbol: Symbol) -> Any:
    if symbol.kind == "field" and symbol.info.coordinates:
        return sympy.Function(symbol.name)(*(sympy.Symbol(c.name) for c in symbol.info.coordinates))
    return sympy.Symbol(symbol.name)


def _value(expression: Any) -> Any:
    """A truth value as the number 1 or 0."""
    if isinstance(expression, sympy.logic.boolalg.Boolean) and not isinstance(expression, sympy.Symbol):
        return sympy.Piecewise((sympy.S.One, expression), (sympy.S.Zero, True), evaluate=False)
    return expression


def _truth(term: Term, expression: Any) -> Any:
    """A number as the condition that it is not zero."""
    boolean = term.op in TABLE and TABLE[term.op].boolean
    return expression if boolean or expression in (sympy.true, sympy.false) else sympy.Ne(expression, 0, evaluate=False)


def _inexact(base: Any) -> bool:
    """True if SymPy would take a float out of a power of this product."""
    return bool(base.is_Mul and any(a.is_Float for a in base.args))


def _pow(base: Any, exponent: Number, evaluate: bool) -> Any:
    if exponent == 1:
        return base
    return sympy.Pow(base, number_to_sympy(exponent), evaluate=evaluate and not _inexact(base))


def _times(coefficient: Number, factors: list[Any], evaluate: bool) -> Any:
    if coefficient == 1:
        return factors[0] if len(factors) == 1 else sympy.Mul(*factors, evaluate=evaluate)
    keep = len(factors) == 1 and factors[0].is_Add  # SymPy would distribute k*(a + b)
    return sympy.Mul(number_to_sympy(coefficient), *factors, evaluate=evaluate and not keep)


# --- from SymPy -------------------------------------------------------------------------------------------------------


def from_sympy(expression: Any, names: Mapping[str, Symbol] | Iterable[Symbol] | None = None) -> Term:
    """A SymPy expression as a term. ``names``: name -> an existing symbol, field or parameter, which is then used; or a list of these.

    ``Function("u")(t, x)`` becomes a field on the coordinates t and x (a coordinate named "t" is time). ``Eq``, ``<``
    and the like become truth values. Raises TermError, naming the object, for everything without a real-valued term
    (I, zoo, Subs, matrices, ...).
    """
    if isinstance(expression, (int, float, Fraction)):
        return Const(expression)
    if not isinstance(expression, sympy.Basic):
        raise TermError(f"expected a SymPy expression, got {expression!r} of type {type(expression).__name__}")
    reader = _Reader(_by_name(names))
    reader.find_coordinates(expression)
    return reader.convert(expression)


def _by_name(names: Any) -> Mapping[str, Symbol]:
    """Name -> symbol, of a list of symbols as well. Raises TermError."""
    if names is None:
        return {}
    listed = names.values() if isinstance(names, Mapping) else names
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        raise TermError(f'names={names!r} are no symbols; write names={{"u": u}}, or names=[u], with a field u of symnum')
    symbols = list(listed)
    for symbol in symbols:
        if not isinstance(symbol, Symbol):
            raise TermError(
                f'names holds {symbol!r} of type {type(symbol).__name__}; write names={{"u": u}}, or names=[u], with a field u of symnum'
            )
    return names if isinstance(names, Mapping) else {symbol.name: symbol for symbol in symbols}


def _children(node: Any) -> tuple[Any, ...]:
    if isinstance(node, sympy.core.function.AppliedUndef):
        return ()
    return (node.expr,) if isinstance(node, sympy.Derivative) else node.args


def _postorder(root: Any) -> list[Any]:
    """Every distinct object below the root, children first, without recursion."""
    done: set[int] = set()
    made: list[Any] = []
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        if ready:
            done.add(id(node))
            made.append(node)
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(_children(node)))
    return made


class _Reader:
    """One conversion: the names met so far, so that one name means one symbol."""

    def __init__(self, names: Mapping[str, Symbol]) -> None:
        self.names = names
        self.coordinates: set[str] = set()
        self.met: dict[str, tuple[Any, Symbol]] = {}

    def find_coordinates(self, root: Any) -> None:
        for node in _postorder(root):
            if isinstance(node, sympy.core.function.AppliedUndef):
                self.coordinates |= {a.name for a in node.args if isinstance(a, sympy.Symbol)}

    def convert(self, root: Any) -> Term:
        made: dict[int, Any] = {}
        for node in _postorder(root):
            made[id(node)] = self.node(node, [made[id(child)] for child in _children(node)])
        result = made[id(root)]
        if not isinstance(result, Term):
            raise _refusal(root)
        return result

    def node(self, node: Any, args: list[Any]) -> Any:
        if isinstance(node, sympy.Symbol):
            return self.symbol(node)
        if isinstance(node, sympy.core.function.AppliedUndef):
            return self.field(node)
        if isinstance(node, sympy.Derivative):
            for variable, n in node.variable_count:
                args = [diff(args[0], self.variable(variable, node), _order(n, node))]
            return args[0]
        if isinstance(node, (sympy.functions.elementary.piecewise.ExprCondPair, sympy.Tuple)):
            return tuple(args)
        for kind, rule in _RULES:
            if isinstance(node, kind):
                return rule(node, args)
        raise _refusal(node)

    def symbol(self, node: Any) -> Symbol:
        name = node.name
        if name in self.names:
            return self.remember(name, node, self.names[name])
        if not name.isidentifier():
            raise TermError(
                f"the SymPy symbol {name!r} is not an identifier; rename it or pass names={{{name!r}: ...}}"
            )
        if not node.is_commutative:
            raise TermError(f"the SymPy symbol {name!r} does not commute; terms are real-valued")
        if name in self.coordinates:
            role = "time" if name == "t" else "space"
            return self.remember(name, node, Symbol(name, "coordinate", CoordinateInfo(role)))
        return self.remember(name, node, Symbol(name))

    def field(self, node: Any) -> Symbol:
        name = node.func.__name__
        if not node.args or not all(isinstance(a, sympy.Symbol) for a in node.args):
            hint = "a value at a point is a condition: sn.dirichlet(u, value, at={x: 0})"
            raise TermError(f"{node} is not a field of coordinates; {hint}")
        on = tuple(self.symbol(a) for a in node.args)
        known = self.names.get(name)
        if known is None:
            for c in on:
                if c.kind != "coordinate":
                    raise TermError(f"{node}: {c.name} is a {c.kind}, not a coordinate")
            return self.remember(name, node, Symbol(name, "field", FieldInfo(on)))
        if known.kind != "field" or known.info.coordinates != on:
            raise TermError(f"{node} does not match the {known.kind} {name!r} that is declared under this name")
        return self.remember(name, node, known)

    def remember(self, name: str, node: Any, symbol: Symbol) -> Symbol:
        first, made = self.met.setdefault(name, (node, symbol))
        if first != node:
            both = f"{sympy.srepr(first)} and {sympy.srepr(node)}"
            raise TermError(f"two different SymPy objects are named {name!r}: {both}; rename one")
        return made

    def variable(self, node: Any, derivative: Any) -> Symbol:
        if not isinstance(node, sympy.Symbol):
            raise TermError(f"{derivative} differentiates by {node}; differentiate by a coordinate or a symbol")
        return self.symbol(node)


def _order(n: Any, node: Any) -> int:
    if not n.is_Integer:
        raise TermError(f"{node}: the order {n} of a derivative is a whole number")
    return int(n)


def _float(node: Any) -> Term:
    try:
        value = float(node)
    except OverflowError:
        value = math.inf
    if math.isinf(value):
        raise TermError(f"the SymPy number {node} is too large for a 64-bit float")
    return Const(value)


def _power(node: Any, args: list[Term]) -> Term:
    return call("exp", args[1]) if node.base is sympy.E else power(args[0], args[1])


def _piecewise(node: Any, args: list[tuple[Term, Term]]) -> Term:
    if args[-1][1] is not TRUE:
        raise TermError(f"{node} has no value where none of its conditions holds; end it with (value, True)")
    return reduce(lambda rest, row: call("where", row[1], row[0], rest), reversed(args[:-1]), args[-1][0])


def _heaviside(node: Any, args: list[Term]) -> Term:
    x, at_zero = args
    if at_zero is ONE:
        return call("where", call("ge", x, ZERO), ONE, ZERO)
    below = ZERO if at_zero is ZERO else call("where", call("lt", x, ZERO), ZERO, at_zero)
    return call("where", call("gt", x, ZERO), ONE, below)


def _nested(op: str) -> Callable[[Any, list[Term]], Term]:
    return lambda node, args: reduce(lambda a, b: call(op, a, b), args)


def _inverse(op: str) -> Callable[[Any, list[Term]], Term]:
    return lambda node, args: power(call(op, args[0]), MINUS_ONE)


def _table(op: str) -> Callable[[Any, list[Term]], Term]:
    return lambda node, args: call(op, *args)


_RULES: list[tuple[Any, Callable[[Any, Any], Any]]] = [
    (sympy.Integer, lambda node, args: Const(int(node))),
    (sympy.Rational, lambda node, args: Const(Fraction(int(node.p), int(node.q)))),
    (sympy.Float, lambda node, args: _float(node)),
    (type(sympy.pi), lambda node, args: build.pi),
    (type(sympy.E), lambda node, args: call("exp", ONE)),
    (type(sympy.oo), lambda node, args: Const(math.inf)),
    (type(-sympy.oo), lambda node, args: Const(-math.inf)),
    (sympy.logic.boolalg.BooleanTrue, lambda node, args: TRUE),
    (sympy.logic.boolalg.BooleanFalse, lambda node, args: FALSE),
    (sympy.Add, lambda node, args: add(args)),
    (sympy.Mul, lambda node, args: mul(args)),
    (sympy.Pow, _power),
    (sympy.Piecewise, _piecewise),
    (sympy.ITE, lambda node, args: call("where", *args)),
    (sympy.Heaviside, _heaviside),
    (sympy.Max, _nested("maximum")),
    (sympy.Min, _nested("minimum")),
    (sympy.And, _nested("and")),
    (sympy.Or, _nested("or")),
    (sympy.sec, _inverse("cos")),
    (sympy.csc, _inverse("sin")),
    (sympy.cot, _inverse("tan")),
    (sympy.sech, _inverse("cosh")),
    (sympy.csch, _inverse("sinh")),
    (sympy.coth, _inverse("tanh")),
    (sympy.erfc, lambda node, args: 1 - call("erf", args[0])),
    *((cls, _table(op)) for op, cls in _CLASSES.items() if op not in ("minimum", "maximum", "and", "or")),
]


def _refusal(node: Any) -> TermError:
    known = sorted(cls.__name__ for cls, _ in _RULES if not cls.__name__.startswith("Boolean"))
    name = type(node).__name__
    return TermError(
        f"the SymPy object {str(node)[:200]} ({name}) has no term.{did_you_mean(name, known)} "
        f"Supported: Symbol, Function('u')(t, x), Derivative, {', '.join(known)}."
    )
