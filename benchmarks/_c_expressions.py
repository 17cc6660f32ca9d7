"""Terms as small C functions over arrays, to measure what a form of an expression costs once a compiler has had its way with it.

Two ways of writing: ``nested`` puts every result into one expression, as a printer without sharing does; else each distinct node is a variable.
``generated`` is what symnum itself writes.
Functions are called through ``repeat``: a call from Python would take longer than most of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

import symnum as sn
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold, postorder

HEAD = """#include <math.h>
static inline double minimum(double a, double b) { return a < b ? a : b; }
static inline double maximum(double a, double b) { return a > b ? a : b; }
static inline double sign(double a) { return (a > 0.0) - (a < 0.0); }
typedef void function(long n, const double* const* in, double* const* out);
void repeat(function* f, long times, long n, const double* const* in, double* const* out) { while (times-- > 0) f(n, in, out); }
typedef void generated(double t, const double* y, const double* p, double* out);
void repeat_generated(generated* f, long times, const double* y, double* out) { while (times-- > 0) f(0.0, y, 0, out); }
"""
_LARGEST = 16  # power written as a product
_NAMES = {"abs": "fabs", "pow": "pow"}
_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "and": "&&", "or": "||"}


def function(name: str, terms: Sequence[Term], symbols: Sequence[Symbol], nested: bool) -> str:
    """``void name(long n, const double* const* in, double* const* out)``: the terms at n points."""
    leaves: dict[Term, str] = {s: f"in[{k}][i]" for k, s in enumerate(symbols)}
    lines: list[str] = []
    if nested:
        texts = [fold(t, lambda node, args: _text(node, args, leaves, _power)) for t in terms]
    else:
        texts = _variables(terms, leaves, lines)
    lines += [f"out[{k}][i] = {text};" for k, text in enumerate(texts)]
    body = "\n    ".join(lines)
    return f"void {name}(long n, const double* const* in, double* const* out) {{\n  for (long i = 0; i < n; ++i) {{\n    {body}\n  }}\n}}\n"


def generated(name: str, terms: Sequence[Term], symbols: Sequence[Symbol], points: int) -> str:
    """The C of ``sn.build_function`` for so many points, with names of its own: ``void name(t, y, p, out)``."""
    f = sn.build_function(list(terms), list(symbols), target="c")
    f(*(np.ones(points) for _ in symbols))
    text = f.source
    for helper in {"f", *re.findall(r"^static [^(;]*?(\w+)\(", text, flags=re.MULTILINE)}:
        text = re.sub(rf"\b{helper}\(", f"{name if helper == 'f' else f'{helper}_{name}'}(", text)
    return re.sub(r"#define (N\d+)", r"#undef \1\n#define \1", text)


def _variables(terms: Sequence[Term], leaves: dict[Term, str], lines: list[str]) -> list[str]:
    """One line for every operation that the costs count (see ``rewrite.cost``), as symnum's code generators write them: equal roots and powers of
    a base once, whole powers by repeated squaring, what is multiplied by one number together. Compilers may do none of this by themselves."""
    names: dict[Term, str] = {}
    known: dict[str, str] = {}

    def once(text: str) -> str:
        if text not in known:
            known[text] = f"p{len(known)}"
            lines.append(f"const double {known[text]} = {text};")
        return known[text]

    def power(base: str, e: Any) -> str:
        exact = Fraction(e)
        if exact == 1:
            return base
        whole, half = divmod(exact, 1)
        if exact.denominator > 2 or exact > _LARGEST or not whole:
            return once(_power(base, e))
        top = 1 << int(whole).bit_length() - 1
        first = whole if half else whole - top or top // 2
        second = Fraction(1, 2) if half else exact - first
        return once(f"{power(base, first)}*{power(base, second)}")

    for k, node in enumerate(postorder(terms)):
        args = [names[a] for a in node.args]
        text = _gathered(node, args) if node.op == "add" else _text(node, args, leaves, power)
        if node.args:
            lines.append(f"const double v{k} = {text};")
            text = f"v{k}"
        names[node] = text
    return [names[t] for t in terms]


def _gathered(node: Term, args: list[str]) -> str:
    """A sum in which what is multiplied by one number is added up first."""
    groups: dict[Any, list[str]] = {}
    for c, a in zip(node.data[1:], args, strict=True):
        groups.setdefault(c, []).append(a)
    parts = [_number(node.data[0])] if node.data[0] != 0 else []
    for c, members in groups.items():
        if abs(c) == 1:
            parts += [a if c == 1 else f"-{a}" for a in members]
        else:
            parts.append(f"{_number(c)}*({' + '.join(members)})")
    return f"({' + '.join(parts)})"


def _text(node: Term, args: list[str], leaves: dict[Term, str], power: Callable[[str, Any], str]) -> str:
    if node.op == "const":
        return _number(node.data[0])
    if node.op == "symbol":
        return leaves[node]
    if node.op == "add":
        constant = [_number(node.data[0])] if node.data[0] != 0 else []
        parts = [
            a if c == 1 else f"-{a}" if c == -1 else f"{_number(c)}*{a}"
            for c, a in zip(node.data[1:], args, strict=True)
        ]
        return f"({' + '.join(constant + parts)})"
    if node.op == "mul":
        return _product(node, args, power)
    if node.op in _SIGNS:
        return f"({args[0]} {_SIGNS[node.op]} {args[1]})"
    if node.op == "where":
        return f"({args[0]} ? {args[1]} : {args[2]})"
    if node.op == "not":
        return f"(!{args[0]})"
    if node.op == "pi":
        return "3.141592653589793"
    return f"{_NAMES.get(node.op, node.op)}({', '.join(args)})"


def _product(node: Term, args: list[str], power: Callable[[str, Any], str]) -> str:
    above = [power(a, e) for a, e in zip(args, node.data[1:], strict=True) if e > 0]
    below = [power(a, -e) for a, e in zip(args, node.data[1:], strict=True) if e < 0]
    c = node.data[0]
    if c not in (1, -1) or not above:
        above.insert(0, _number(c))
    sign = "-" if c == -1 and above[0] != _number(c) else ""
    top = f"{sign}{'*'.join(above)}"
    return f"({top}/({'*'.join(below)}))" if below else f"({top})"


def _power(base: str, e: Any) -> str:
    exact = Fraction(e)
    if exact.denominator > 2 or exact > _LARGEST:
        return f"pow({base}, {_number(e)})"
    whole, half = divmod(exact, 1)
    return "*".join([base] * int(whole) + ([f"sqrt({base})"] if half else []))


def _number(value: Any) -> str:
    text = repr(float(value))
    return text if value >= 0 else f"({text})"
