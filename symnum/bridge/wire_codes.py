"""Operation codes of the wire form, version 1. Frozen: a number is never given to another operation; new ones get new numbers."""

from __future__ import annotations

VERSION = 1

INTEGER, LARGE, FRACTION, FLOAT, TRUTH = 1, 2, 3, 4, 5
SYMBOL, COORDINATE, FIELD, PARAMETER = 8, 9, 10, 11
SUM, PRODUCT, POWER, DERIVATIVE, INTEGRAL, TABLE, PI = 16, 17, 18, 19, 20, 21, 22

LAYOUTS = {
    INTEGER: "INTEGER", LARGE: "LARGE", FRACTION: "FRACTION", FLOAT: "FLOAT", TRUTH: "TRUTH",
    SYMBOL: "SYMBOL", COORDINATE: "COORDINATE", FIELD: "FIELD", PARAMETER: "PARAMETER",
    SUM: "SUM", PRODUCT: "PRODUCT", DERIVATIVE: "DERIVATIVE", TABLE: "TABLE",
}  # fmt: skip
"""Records with a layout of their own, by name; all others are an operator of the table and its arguments."""

COUNTED = {
    LARGE: (1, 1, 0),
    FIELD: (3, 1, 0),
    SUM: (0, 2, 1),
    PRODUCT: (0, 2, 1),
    DERIVATIVE: (1, 2, 0),
    TABLE: (1, 1, 1),
}
"""Records of varying length: codes before the count of their parts, codes a part, further codes."""

FIXED = {INTEGER: 1, FRACTION: 2, FLOAT: 1, TRUTH: 1, SYMBOL: 4, COORDINATE: 3, PARAMETER: 3, INTEGRAL: 2}
"""Number of operands of the others that are no plain operator."""

CODES = {
    "add": SUM, "mul": PRODUCT, "pow": POWER, "derivative": DERIVATIVE, "integral": INTEGRAL, "table": TABLE, "pi": PI,
    "exp": 32, "log": 33,
    "sin": 34, "cos": 35, "tan": 36, "sinh": 37, "cosh": 38, "tanh": 39,
    "asin": 40, "acos": 41, "atan": 42, "asinh": 43, "acosh": 44, "atanh": 45, "atan2": 46, "erf": 47,
    "abs": 48, "sign": 49, "floor": 50, "ceil": 51, "minimum": 52, "maximum": 53,
    "where": 64, "lt": 65, "le": 66, "gt": 67, "ge": 68, "eq": 69, "ne": 70, "and": 71, "or": 72, "not": 73,
}  # fmt: skip
"""Operator of the table -> code. Networks have none: they are written out."""

KINDS = ("symbol", "temporary", "index")  # of symbols that carry at most a whole number or a text
ROLES = ("time", "space")
DTYPES = ("float64", "complex128")
