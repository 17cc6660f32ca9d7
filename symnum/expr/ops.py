"""The operator table: one row an operator; derivatives, printers, targets and cost models read it.

A row holds the arity, the partial derivatives as formulas in ``a, b, c`` (our own grammar, see ``parse``), the NumPy function
that gives the operator its reference meaning, an approximate throughput in CPU cycles relative to one addition (measured on an
x86-64 server core, 2026), and the domain on which a real value exists (``""``: everywhere).

Sums and products are n-ary and carry numbers (see ``term``); ``pow`` is a power whose exponent is not a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Op:
    """One row of the table. ``derivatives[i]`` is the formula of the partial derivative by argument i."""

    name: str
    arity: int | None  # None: n-ary
    derivatives: tuple[str, ...] = ()
    numpy: str = ""
    cycles: float = 1.0
    domain: str = ""
    latex: str = ""
    boolean: bool = False  # gives a truth value
    exact: tuple[tuple[int, int], ...] = ()  # argument -> exact value, folded at construction
    fold: Callable[..., float] | None = None  # folds float arguments


# fmt: off
_ROWS = (
    Op("add", None, cycles=1.0),
    Op("mul", None, cycles=1.0),
    Op("pow", 2, ("b*a^(b - 1)", "log(a)*a^b"), "power", 34.0, "a > 0"),
    Op("derivative", None),
    Op("integral", None),
    Op("table", 1, ("0",), cycles=1.0),
    Op("weights", None, cycles=0.0),
    Op("network", None, cycles=300.0),
    Op("network_gradient", None, cycles=600.0),
    Op("pi", 0, numpy="pi", cycles=0.0, latex=r"\pi"),
    Op("exp", 1, ("exp(a)",), "exp", 13.0, exact=((0, 1),), fold=math.exp, latex=r"\exp"),
    Op("log", 1, ("1/a",), "log", 10.0, "a > 0", exact=((1, 0),), fold=math.log, latex=r"\log"),
    Op("sin", 1, ("cos(a)",), "sin", 32.0, exact=((0, 0),), fold=math.sin, latex=r"\sin"),
    Op("cos", 1, ("-sin(a)",), "cos", 32.0, exact=((0, 1),), fold=math.cos, latex=r"\cos"),
    Op("tan", 1, ("1 + tan(a)^2",), "tan", 35.0, exact=((0, 0),), fold=math.tan, latex=r"\tan"),
    Op("sinh", 1, ("cosh(a)",), "sinh", 30.0, exact=((0, 0),), fold=math.sinh, latex=r"\sinh"),
    Op("cosh", 1, ("sinh(a)",), "cosh", 30.0, exact=((0, 1),), fold=math.cosh, latex=r"\cosh"),
    Op("tanh", 1, ("1 - tanh(a)^2",), "tanh", 33.0, exact=((0, 0),), fold=math.tanh, latex=r"\tanh"),
    Op("asin", 1, ("(1 - a^2)^(-1/2)",), "arcsin", 30.0, "a >= -1 and a <= 1", exact=((0, 0),), latex=r"\arcsin"),
    Op("acos", 1, ("-(1 - a^2)^(-1/2)",), "arccos", 30.0, "a >= -1 and a <= 1", latex=r"\arccos"),
    Op("atan", 1, ("1/(1 + a^2)",), "arctan", 30.0, exact=((0, 0),), fold=math.atan, latex=r"\arctan"),
    Op("asinh", 1, ("(1 + a^2)^(-1/2)",), "arcsinh", 35.0, exact=((0, 0),), fold=math.asinh, latex=r"\operatorname{arsinh}"),
    Op("acosh", 1, ("(a - 1)^(-1/2)*(a + 1)^(-1/2)",), "arccosh", 35.0, "a >= 1", latex=r"\operatorname{arcosh}"),
    Op("atanh", 1, ("1/(1 - a^2)",), "arctanh", 35.0, "a > -1 and a < 1", exact=((0, 0),), latex=r"\operatorname{artanh}"),
    Op("atan2", 2, ("b/(a^2 + b^2)", "-a/(a^2 + b^2)"), "arctan2", 45.0, latex=r"\operatorname{atan2}"),
    Op("erf", 1, ("2*pi^(-1/2)*exp(-a^2)",), "erf", 30.0, exact=((0, 0),), fold=math.erf, latex=r"\operatorname{erf}"),
    Op("abs", 1, ("sign(a)",), "abs", 1.0, exact=((0, 0),), fold=abs),
    Op("sign", 1, ("0",), "sign", 2.0, exact=((0, 0),), latex=r"\operatorname{sign}"),
    Op("floor", 1, ("0",), "floor", 1.0, latex=r"\operatorname{floor}"),
    Op("ceil", 1, ("0",), "ceil", 1.0, latex=r"\operatorname{ceil}"),
    Op("minimum", 2, ("where(a <= b, 1, 0)", "where(a <= b, 0, 1)"), "minimum", 1.0, latex=r"\min"),
    Op("maximum", 2, ("where(a >= b, 1, 0)", "where(a >= b, 0, 1)"), "maximum", 1.0, latex=r"\max"),
    Op("where", 3, ("0", "where(a, 1, 0)", "where(a, 0, 1)"), "where", 1.0),
    Op("lt", 2, ("0", "0"), "less", 1.0, boolean=True, latex="<"),
    Op("le", 2, ("0", "0"), "less_equal", 1.0, boolean=True, latex=r"\le"),
    Op("gt", 2, ("0", "0"), "greater", 1.0, boolean=True, latex=">"),
    Op("ge", 2, ("0", "0"), "greater_equal", 1.0, boolean=True, latex=r"\ge"),
    Op("eq", 2, ("0", "0"), "equal", 1.0, boolean=True, latex="="),
    Op("ne", 2, ("0", "0"), "not_equal", 1.0, boolean=True, latex=r"\ne"),
    Op("and", 2, ("0", "0"), "logical_and", 1.0, boolean=True, latex=r"\wedge"),
    Op("or", 2, ("0", "0"), "logical_or", 1.0, boolean=True, latex=r"\vee"),
    Op("not", 1, ("0",), "logical_not", 1.0, boolean=True, latex=r"\neg"),
)

# fmt: on

TABLE: dict[str, Op] = {row.name: row for row in _ROWS}

#: Structural operators: they have their own constructors and no NumPy function.
STRUCTURAL = frozenset({"add", "mul", "derivative", "integral", "table", "weights", "network", "network_gradient"})

#: Operators written as functions of their arguments, ``name(a, b)``.
FUNCTIONS = frozenset(row.name for row in _ROWS if row.arity and not row.boolean) - {"pow", "table"}

COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
