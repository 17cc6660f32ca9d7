"""Expressions in BioNetGen's spelling -> terms.

::

    + - * / ^ **   < <= > >= == != ~=   && ||   ( )
    exp ln log10 log2 sqrt abs rint sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
    if(condition, a, b)   min(...) max(...) sum(...) avg(...)   _pi _e   time()

A comparison counts as 1 or 0, as a condition every number but 0 holds. ``rint(x)`` is floor(x + 1/2). They are what
BioNetGen's ``Expression.pm`` reads (version 2.9) but for ``mratio``, ``tfun`` and functions with arguments, which are
refused by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Set
from fractions import Fraction
from itertools import pairwise
from typing import Any

from symnum.errors import ParseError, did_you_mean
from symnum.expr.ops import TABLE
from symnum.expr.parse import Token, parse, tokenize
from symnum.expr.term import Const, Symbol, Term, add, call, power, scale

_SAME = ("exp", "abs", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
_REFUSED = {
    "mratio": "the ratio of two confluent hypergeometric functions is not supported; replace it by its value",
    "tfun": "tabulated functions are not supported; write the function as a formula of time()",
    "log": "BioNetGen has no log; write ln(x) for the natural logarithm or log10(x)",
    "FunctionProduct": "products of local functions have no meaning in a network; let BioNetGen evaluate them (generate_network)",
}
_WORDS = re.compile(r"&&|\|\||~=")
_SPELLED = {"&&": " and ", "||": " or ", "~=": "!="}
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
CONSTANTS = {"_pi": call("pi"), "_e": Const(math.e)}


def _condition(value: Term) -> Term:
    truth = value.op == "const" and isinstance(value.data[0], bool)
    return value if truth or (value.op in TABLE and TABLE[value.op].boolean) else call("ne", value, Const(0))


def _chained(op: str) -> Callable[..., Term]:
    def function(first: Term, *others: Term) -> Term:
        for other in others:
            first = call(op, first, other)
        return first

    return function


_FUNCTIONS: dict[str, Callable[..., Term]] = {
    **{name: (lambda x, _name=name: call(_name, x)) for name in _SAME},
    "sqrt": lambda x: power(x, Const(Fraction(1, 2))),
    "ln": lambda x: call("log", x),
    "log10": lambda x: scale(call("log", x), 1 / math.log(10)),
    "log2": lambda x: scale(call("log", x), 1 / math.log(2)),
    "rint": lambda x: call("floor", add((x, Const(Fraction(1, 2))))),
    "if": lambda condition, yes, no: call("where", _condition(condition), yes, no),
    "min": _chained("minimum"),
    "max": _chained("maximum"),
    "sum": lambda *terms: add(terms),
    "avg": lambda *terms: scale(add(terms), Fraction(1, len(terms))),
    "_pi": lambda: CONSTANTS["_pi"],
    "_e": lambda: CONSTANTS["_e"],
}

#: Names that parameters, observables and functions must not take.
RESERVED = frozenset({*_FUNCTIONS, "time", "mratio", "tfun"})


class Scope:
    """What expressions may hold so far.

    ``names``: name -> term. ``time``: the symbol for ``time()``, None where it must not stand. ``called``: names that may be written with ``()``.
    ``later``: names that come further down in the file -> where. ``ambiguous``: names with two meanings.
    """

    def __init__(self, names: Mapping[str, Term], later: Mapping[str, str], time: Symbol | None = None) -> None:
        self.names: dict[str, Term] = dict(names)
        self.later, self.time = later, time
        self.called: dict[str, Term] = {}
        self.ambiguous: Set[str] = frozenset()

    def parse(self, text: str) -> Term:
        """A term. Raises ParseError with the column for what does not follow the grammar or is not known."""
        text = _WORDS.sub(lambda found: _SPELLED[found[0]], text)
        tokens = tokenize(text)
        if not tokens[:-1]:
            raise ParseError("the expression is empty; write a number or a formula such as 2*kf")
        for token, after in pairwise(tokens):
            if token.kind == "name" and token.text not in ("and", "or"):
                self._check(token, after, text)
        found = parse(text, self.names, self._function)
        if not isinstance(found, Term):
            raise ParseError("a list stands where one expression is expected", text, 0)
        return found

    def _check(self, token: Token, after: Token, text: str) -> None:
        name = token.text
        if name in _REFUSED and name not in self.names:
            raise ParseError(f"{name}: {_REFUSED[name]}", text, token.position)
        if name in self.ambiguous:
            raise ParseError(
                f"{name!r} is the name of a parameter and of a group; rename the group", text, token.position
            )
        if name == "time" and self.time is None:
            raise ParseError(
                "time() stands in a constant; write a function that holds it (functions block)", text, token.position
            )
        if after.text == "(":
            if name != "time" and name not in _FUNCTIONS and name not in self.called:
                self._unknown(name, "function", [*_FUNCTIONS, "time", *self.called], text, token.position)
        elif name not in self.names and name not in CONSTANTS:
            self._unknown(name, "name", self.names, text, token.position)

    def _unknown(self, name: str, kind: str, known: Any, text: str, position: int) -> None:
        if name in self.later:
            raise ParseError(
                f"{name!r} is used before it is defined ({self.later[name]}); move its line up", text, position
            )
        if name in self.names:
            raise ParseError(f"{name!r} is not a function; multiplication is written {name}*(...)", text, position)
        raise ParseError(f"there is no {kind} {name!r} here.{did_you_mean(name, known)}", text, position)

    def _function(self, name: str) -> Callable[..., Any] | None:
        if name == "time" and self.time is not None:
            return lambda: self.time
        if name in self.called:
            return lambda: self.called[name]
        return _FUNCTIONS.get(name)
