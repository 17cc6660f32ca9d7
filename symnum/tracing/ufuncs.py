"""NumPy's element-wise functions as terms: one row a function, in NumPy's own terms of dtypes (truth values, whole numbers, floats)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import pi
from typing import Any

import numpy as np

from symnum.expr.ops import TABLE
from symnum.expr.term import Const, Term, call, power

_HALF = Const(Fraction(1, 2))
_GREATEST = Const(float(np.finfo(np.float64).max))
_LN2, _LN10 = float(np.log(2.0)), float(np.log(10.0))


def truth(x: Term) -> Term:
    """A truth value: a comparison stays, a number is compared with zero."""
    if x.op == "const":
        return Const(bool(x.data[0]))
    return x if x.op in TABLE and TABLE[x.op].boolean else call("ne", x, Const(0))


def numeric(x: Term) -> Term:
    """A number: 1 and 0 for truth values."""
    if x.op == "const":
        return Const(int(x.data[0])) if isinstance(x.data[0], bool) else x
    return call("where", x, Const(1), Const(0)) if x.op in TABLE and TABLE[x.op].boolean else x


def select(condition: Term, yes: Term, no: Term) -> Term:
    if condition.op == "const":
        return yes if condition.data[0] else no
    return yes if yes is no else call("where", condition, yes, no)


def both(a: Term, b: Term) -> Term:
    for x, y in ((a, b), (b, a)):
        if x.op == "const":
            return y if x.data[0] else x
    return call("and", a, b)


def either(a: Term, b: Term) -> Term:
    for x, y in ((a, b), (b, a)):
        if x.op == "const":
            return x if x.data[0] else y
    return call("or", a, b)


def negation(a: Term) -> Term:
    return Const(not a.data[0]) if a.op == "const" else call("not", a)


def _op(name: str) -> Callable[..., Term]:
    return lambda *args: call(name, *args)


def _root(x: Term) -> Term:
    return power(x, _HALF)


def _truncated(x: Term) -> Term:
    return select(call("lt", x, Const(0)), call("ceil", x), call("floor", x))


def _rounded(x: Term) -> Term:
    """To the nearest whole number, halves to the even one: 2*floor((x + 1)/2) is even and differs from x by 1 at an odd one's half."""
    near = call("floor", x + _HALF)
    odd = call("ne", near, 2 * call("floor", near / 2))
    return select(both(call("eq", near - x, _HALF), odd), near - 1, near)


def _remainder(x: Term, y: Term) -> Term:
    return x - y * call("floor", x / y)


def _expm1(x: Term) -> Term:
    """exp(x) - 1 = 2*exp(x/2)*sinh(x/2), without cancellation at 0."""
    return 2 * call("exp", x / 2) * call("sinh", x / 2)


def _log1p(x: Term) -> Term:
    """log(1 + x) = 2*atanh(x/(2 + x)), without cancellation at 0."""
    return select(call("lt", call("abs", x), _HALF), 2 * call("atanh", x / (2 + x)), call("log", 1 + x))


def _logaddexp(x: Term, y: Term) -> Term:
    return call("maximum", x, y) + _log1p(call("exp", -call("abs", x - y)))


def _hypot(x: Term, y: Term) -> Term:
    return _root(x**2 + y**2)


def _cube_root(x: Term) -> Term:
    return call("sign", x) * power(call("abs", x), Const(Fraction(1, 3)))


def _copysign(x: Term, y: Term) -> Term:
    return select(_sign_bit(y), -call("abs", x), call("abs", x))


def _sign_bit(x: Term) -> Term:
    """x < 0, or x is -0: its reciprocal is -infinity."""
    return either(call("lt", x, Const(0)), call("lt", 1 / x, Const(0)))


def _heaviside(x: Term, at_zero: Term) -> Term:
    return select(call("lt", x, Const(0)), Const(0), select(call("gt", x, Const(0)), Const(1), at_zero))


def _not_nan(a: Term, b: Term, chosen: Term) -> Term:
    return select(call("ne", a, a), b, select(call("ne", b, b), a, chosen))


@dataclass(frozen=True)
class Row:
    """``rule`` on terms; ``takes``: "numbers" or "truths"; ``cycles`` as in the operator table."""

    rule: Callable[..., Term]
    takes: str = "numbers"
    cycles: float = 1.0


def _table_rows() -> dict[str, Row]:
    """The functions that are operators of the table by themselves."""
    rows = {
        op.numpy: Row(_op(op.name), "numbers", op.cycles)
        for op in TABLE.values()
        if op.numpy and op.arity and op.name not in ("where", "and", "or", "not", "pow")
    }
    return rows | {"absolute": rows["abs"]}


ROWS: dict[str, Row] = {
    **_table_rows(),
    "add": Row(lambda a, b: a + b),
    "subtract": Row(lambda a, b: a - b),
    "multiply": Row(lambda a, b: a * b),
    "divide": Row(lambda a, b: a / b, cycles=4),
    "true_divide": Row(lambda a, b: a / b, cycles=4),
    "floor_divide": Row(lambda a, b: call("floor", a / b), cycles=5),
    "remainder": Row(_remainder, cycles=6),
    "fmod": Row(lambda a, b: a - b * _truncated(a / b), cycles=8),
    "power": Row(power, cycles=34),
    "float_power": Row(power, cycles=34),
    "negative": Row(lambda a: -a),
    "positive": Row(lambda a: a, cycles=0),
    "fabs": Row(_op("abs")),
    "conjugate": Row(lambda a: a, cycles=0),
    "square": Row(lambda a: a**2),
    "sqrt": Row(_root, cycles=5),
    "cbrt": Row(_cube_root, cycles=36),
    "reciprocal": Row(lambda a: 1 / a, cycles=4),
    "exp2": Row(lambda a: call("exp", _LN2 * a), cycles=14),
    "expm1": Row(_expm1, cycles=44),
    "log2": Row(lambda a: call("log", a) / _LN2, cycles=11),
    "log10": Row(lambda a: call("log", a) / _LN10, cycles=11),
    "log1p": Row(_log1p, cycles=46),
    "logaddexp": Row(_logaddexp, cycles=60),
    "hypot": Row(_hypot, cycles=7),
    "deg2rad": Row(lambda a: a * (pi / 180)),
    "radians": Row(lambda a: a * (pi / 180)),
    "rad2deg": Row(lambda a: a * (180 / pi)),
    "degrees": Row(lambda a: a * (180 / pi)),
    "trunc": Row(_truncated, cycles=3),
    "rint": Row(_rounded, cycles=6),
    "copysign": Row(_copysign, cycles=7),
    "heaviside": Row(_heaviside, cycles=3),
    "fmax": Row(lambda a, b: _not_nan(a, b, call("maximum", a, b)), cycles=4),
    "fmin": Row(lambda a, b: _not_nan(a, b, call("minimum", a, b)), cycles=4),
    "isnan": Row(lambda a: call("ne", a, a)),
    "isfinite": Row(lambda a: call("le", call("abs", a), _GREATEST)),
    "isinf": Row(lambda a: call("gt", call("abs", a), _GREATEST)),
    "signbit": Row(_sign_bit, cycles=5),
    "logical_and": Row(both, "truths"),
    "logical_or": Row(either, "truths"),
    "logical_not": Row(negation, "truths"),
    "logical_xor": Row(lambda a, b: either(both(a, negation(b)), both(negation(a), b)), "truths"),
}

_TRUTHS = {  # on truth values NumPy means something else by these
    "add": "logical_or",
    "multiply": "logical_and",
    "maximum": "logical_or",
    "minimum": "logical_and",
    "bitwise_and": "logical_and",
    "bitwise_or": "logical_or",
    "bitwise_xor": "logical_xor",
    "invert": "logical_not",
    "not_equal": "logical_xor",
}


def row_of(name: str, kinds: str) -> Row | None:
    """The row of a ufunc for arguments of these dtype kinds ("b", "i", "u", "f"); None where there is none."""
    if set(kinds) == {"b"} and name in _TRUTHS:
        return ROWS[_TRUTHS[name]]
    return ROWS.get(name)


def rule_for(row: Row) -> Callable[..., Term]:
    """The rule with its arguments brought to what it takes."""
    prepare = truth if row.takes == "truths" else numeric
    rule = row.rule
    return lambda *args: rule(*(prepare(a) for a in args))


def result_type(ufunc: np.ufunc, operands: tuple[Any, ...]) -> np.dtype:
    """The dtype of the result as NumPy finds it, from empty arrays and Python numbers."""
    with np.errstate(all="ignore"):
        found = ufunc(*operands)
    return np.dtype(found.dtype)
