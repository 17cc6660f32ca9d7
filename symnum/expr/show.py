"""Terms to text: ``plain`` (our own grammar, read back by ``parse``), ``unicode`` and ``latex``.

One printer: ``_layout`` turns a node into pieces (text, or a sub-term with the precedence its place asks for) and a
``Style`` says how quotients, powers, roots, names and functions are spelled. The pieces are written from a stack, so
depth costs no recursion, and writing stops at ``limit``: a heavily shared DAG is never spelled out further than it is
read.

A term is stored in digest order. It is *shown* in reading order: numbers, low degree before high, then by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symnum.expr.network import shape_of
from symnum.expr.numbers import Number
from symnum.expr.ops import FUNCTIONS
from symnum.expr.order import Order, reading_order
from symnum.expr.styles import (
    AND,
    ANY,
    ATOM,
    COMPARE,
    LATEX,
    NOT,
    OR,
    PLAIN,
    POWER,
    PREFIX,
    PRODUCT,
    SUM,
    UNICODE,
    Style,
)
from symnum.expr.term import Symbol, Term

_VISIBLE = 20_000  # with a limit, at most this many nodes are ranked for reading order

Piece = str | tuple[Any, int]  # text, or a term (or product) with the least precedence that needs no parentheses
_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class _Product:
    """``coefficient * prod(base**exponent)`` on its way to paper, for a summand that carries a coefficient."""

    coefficient: Number
    bases: tuple[Term, ...] = ()
    exponents: tuple[Number, ...] = ()


def plain(term: Term, limit: int | None = None) -> str:
    """Text that ``parse`` reads back to the same term: ``D*dxx(u) - u^2/3``.

    Beyond ``limit`` characters it is cut with ``' ...'``.
    """
    return _write(term, PLAIN, limit)


def unicode(term: Term, limit: int | None = None) -> str:
    """Text for people: ``D·∂ₓₓu - u²/3``, Greek letters by name. Beyond ``limit`` it is cut with ``' ...'``."""
    return _write(term, UNICODE, limit)


def latex(term: Term, limit: int | None = None) -> str:
    r"""LaTeX (mathematics mode, no dollar signs).

    Beyond ``limit`` characters ``\ldots`` stands for the rest and all groups are closed.
    """
    return _write(term, LATEX, limit)


def spelled(term: Term, style: Style) -> str:
    """The text of a term in a style of one's own (see ``styles``)."""
    return _write(term, style, None)


def _write(term: Term, style: Style, limit: int | None) -> str:
    ranks = reading_order(term, _VISIBLE if limit is not None else None)
    out: list[str] = []
    length = 0
    stack: list[Piece] = [(term, ANY)]
    while stack:
        piece = stack.pop()
        if not isinstance(piece, str):
            need = piece[1]
            pieces, precedence = _layout(piece[0], style, ranks)
            if precedence < need:
                pieces = [style.parentheses[0], *pieces, style.parentheses[1]]
            stack.extend(reversed(pieces))
            continue
        out.append(piece)
        length += len(piece)
        if limit is not None and length > limit:
            return _cut(out, stack, style, limit)
    return "".join(out)


def _cut(out: list[str], rest: list[Piece], style: Style, limit: int) -> str:
    if style.name != "latex":
        return "".join(out)[:limit] + " ..."
    closing = [p for p in reversed(rest) if isinstance(p, str) and re.search(r"[{}]|\\left|\\right", p)]
    return "".join([*out, r" \ldots ", *closing])


# --- layout: a node as pieces -----------------------------------------------------------------------------------------


def _layout(node: Any, style: Style, ranks: Order) -> tuple[list[Piece], int]:
    """The pieces of one node and the precedence of the whole."""
    if isinstance(node, _Product):
        return _product(node, style, ranks)
    if isinstance(node, Symbol):
        return [style.symbol(node.name)], ATOM
    if node.op == "const":
        text, precedence = style.number(node.data[0])
        return [text], precedence
    if node.op == "add":
        return _sum(node, style, ranks), SUM
    if node.op == "mul":
        return _product(_Product(node.data[0], node.args, node.data[1:]), style, ranks)
    if node.op == "pow":
        return _power_of(node.args[0], [(node.args[1], ANY if style is LATEX else ATOM)], style), POWER
    if node.op in ("derivative", "integral", "where") and (special := _SPECIAL.get((style.name, node.op))):
        return special(node, style)
    if node.op in _INFIX:
        left, own, right = _INFIX[node.op]
        return [(node.args[0], left), f" {style.operators[node.op]} ", (node.args[1], right)], own
    if node.op == "not":
        return [style.operators["not"], (node.args[0], NOT if style is PLAIN else PREFIX)], NOT
    if node.op in ("network", "network_gradient"):
        return _network(node, style)
    return _function(node, style)


_INFIX = dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), (SUM, COMPARE, SUM))
_INFIX |= {"and": (AND, AND, NOT), "or": (OR, OR, AND)}


def _network(node: Term, style: Style) -> tuple[list[Piece], int]:
    """``f(u)``: the name that its weights begin with, and its inputs; of several outputs ``f[0](u)``; derivatives as ``f'(u)`` or ``f_1,2(u, v)``."""
    gradient = node.op == "network_gradient"
    inputs, block = (node.args[1:-2], node.args[-2]) if gradient else (node.args[:-1], node.args[-1])
    shape = shape_of(node.data)
    places, several = shape.places, shape.sizes[-1] > 1
    first = block.args[0] if block.args else block  # passes may have named the block
    name = first.name.partition("_w0_")[0] if isinstance(first, Symbol) and "_w0_" in first.name else "network"
    name = style.symbol(name) + (f"[{shape.output}]" if several else "")
    if len(inputs) == 1 and not any(places):
        name += "'" * len(places)
    elif places:
        by = ",".join(str(k + 1) if k < len(inputs) else f"w{k - len(inputs)}" for k in places)
        name += f"_{{{by}}}" if style is LATEX else f"_{by}"
    called: list[Piece] = [name, style.parentheses[0], *_listed(inputs), style.parentheses[1]]
    if gradient:
        return ["gradient(", *called, ", ", (node.args[0], ANY), ", ", (node.args[-1], ANY), ")"], ATOM
    return called, ATOM


def _function(node: Term, style: Style) -> tuple[list[Piece], int]:
    if not node.args:
        return [style.operators.get(node.op, node.op)], ATOM
    called = style.operators.get(node.op, node.op) + style.parentheses[0], style.parentheses[1]
    before, after = style.brackets.get(node.op, called)
    return [before, *_listed(node.args), after], ATOM


def _listed(args: Iterable[Term]) -> list[Piece]:
    pieces: list[Piece] = []
    for a in args:
        pieces += [", ", (a, ANY)]
    return pieces[1:]


def _sum(node: Term, style: Style, ranks: Order) -> list[Piece]:
    pieces: list[Piece] = [style.number(node.data[0])[0]] if node.data[0] != 0 else []
    rows: list[tuple[Number, Term]] = list(zip(node.data[1:], node.args, strict=True))
    rows.sort(key=lambda row: ranks.summand(row[1]))
    for c, term in rows:
        pieces.append((" - " if c < 0 else " + ") if pieces else ("-" if c < 0 else ""))
        size = -c if c < 0 else c
        if size == 1:
            pieces.append((term, PRODUCT))
        elif term.op == "mul":
            pieces.append((_Product(size, term.args, term.data[1:]), PRODUCT))
        else:
            pieces.append((_Product(size, (term,), (1,)), PRODUCT))
    return pieces


def _product(node: _Product, style: Style, ranks: Order) -> tuple[list[Piece], int]:
    """``-2*x*y/(3*z)``: numbers first, negative exponents below the line."""
    size = abs(node.coefficient)
    top, bottom = (size.numerator, size.denominator) if isinstance(size, Fraction) else (size, 1)
    above: list[list[Piece]] = [[style.number(top)[0]]] if top != 1 else []
    below: list[list[Piece]] = [[style.number(bottom)[0]]] if bottom != 1 else []
    negative = sum(1 for e in node.exponents if e < 0)
    alone_above = len(node.exponents) - negative == 1 and top == 1 and (negative or bottom != 1)
    alone_below = negative == 1 and bottom == 1
    for base, e in sorted(zip(node.bases, node.exponents, strict=True), key=lambda row: (ranks[row[0]], row[1])):
        if e < 0:
            below.append(_factor(base, -e, style, style.quotient_need[1] if alone_below else PRODUCT))
        else:
            above.append(_factor(base, e, style, style.quotient_need[0] if alone_above else PRODUCT))
    sign: list[Piece] = ["-"] if node.coefficient < 0 else []
    precedence = SUM if sign else PRODUCT
    numerator = _joined(above, style) if above else [style.number(1)[0]]
    if not below:
        return sign + numerator, precedence
    before, between, after = style.quotient
    denominator = _joined(below, style)
    if len(below) > 1 and style.quotient_need[1]:
        denominator = [style.parentheses[0], *denominator, style.parentheses[1]]
    return [*sign, before, *numerator, between, *denominator, after], precedence


def _joined(factors: list[list[Piece]], style: Style) -> list[Piece]:
    pieces = list(factors[0])
    for factor in factors[1:]:
        digit = style is LATEX and isinstance(factor[0], tuple) and getattr(factor[0][0], "op", "") == "const"
        pieces += [r" \cdot " if digit else style.times, *factor]
    return pieces


def _factor(base: Term, e: Number, style: Style, need: int) -> list[Piece]:
    """``base**e`` for e > 0."""
    if e == 1:
        return [(base, need)]
    if e == _HALF:
        before, inside, after = style.root
        return [before, (base, inside), after]
    text, precedence = PLAIN.number(e)
    return _power_of(base, [text] if precedence == ATOM or style is LATEX else ["(", text, ")"], style)


def _power_of(base: Term, exponent: list[Piece], style: Style) -> list[Piece]:
    if len(exponent) == 1 and isinstance(exponent[0], str):
        raised: list[Piece] = [style.exponent(exponent[0])]
    else:
        raised = ["^{", *exponent, "}"] if style is LATEX else ["^", *exponent]
    if style is LATEX and base.op in FUNCTIONS and base.op not in style.brackets:  # \sin^{2}\left(x\right)
        before, after = style.parentheses
        return [style.operators.get(base.op, base.op), *raised, before, *_listed(base.args), after]
    return [(base, ATOM), *raised]


# --- derivatives, integrals, cases ------------------------------------------------------------------------------------


def _letters(node: Term, style: Style) -> str | None:
    """``"txx"`` for a derivative along coordinates of one-letter names, else None."""
    names = [style.symbol(c.name) for c in node.args[1:] if isinstance(c, Symbol)]
    if any(len(name) != 1 for name in names):
        return None
    return "".join(name * n for name, n in zip(names, node.data, strict=True))


def _plain_derivative(node: Term, style: Style) -> tuple[list[Piece], int]:
    letters = _letters(node, style)
    if letters is not None and f"d{letters}" not in FUNCTIONS | {"div"}:
        return [f"d{letters}(", (node.args[0], ANY), ")"], ATOM
    pieces: list[Piece] = ["d(", (node.args[0], ANY)]
    for coordinate, n in zip(node.args[1:], node.data, strict=True):
        pieces += [", ", (coordinate, ANY), f", {n}" if n > 1 else ""]
    return [*pieces, ")"], ATOM


def _plain_integral(node: Term, style: Style) -> tuple[list[Piece], int]:
    along: list[Piece] = [(node.args[1], ANY)] if len(node.args) == 2 else ["(", *_listed(node.args[1:]), ")"]
    return ["integral(", (node.args[0], ANY), ", ", *along, ")"], ATOM


_SUBSCRIPTS = dict(zip("aehijklmnoprstuvxβγρφχ", "ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))


def _unicode_derivative(node: Term, style: Style) -> tuple[list[Piece], int]:
    letters = _letters(node, style)
    if letters is not None and all(letter in _SUBSCRIPTS for letter in letters):
        below = "".join(_SUBSCRIPTS[letter] for letter in letters)
    elif letters is not None:
        below = f"_{letters} "
    else:
        rows = zip(node.args[1:], node.data, strict=True)
        below = "_" + ",".join(style.symbol(c.name) for c, n in rows if isinstance(c, Symbol) for _ in range(n)) + " "
    return [f"∂{below}", (node.args[0], ATOM)], PREFIX


def _unicode_integral(node: Term, style: Style) -> tuple[list[Piece], int]:
    limits: list[Piece] = ["[", *_listed(node.args[2:]), "] "] if len(node.args) > 2 else []
    return ["∫", *limits, (node.args[0], POWER), " d", (node.args[1], ANY)], PRODUCT


def _latex_derivative(node: Term, style: Style) -> tuple[list[Piece], int]:
    inner = node.args[0]
    ordinary = isinstance(inner, Symbol) and inner.kind == "field" and len(inner.info.coordinates) == 1
    d = "d" if ordinary else r"\partial"
    total = sum(node.data)
    power = f"^{{{total}}}" if total > 1 else ""
    below: list[Piece] = []
    for coordinate, n in zip(node.args[1:], node.data, strict=True):
        below += [rf" {d} " if below else f"{d} ", (coordinate, ANY), f"^{{{n}}}" if n > 1 else ""]
    if inner.op == "symbol":
        return [rf"\frac{{{d}{power} ", (inner, ANY), "}{", *below, "}"], PREFIX
    return [rf"\frac{{{d}{power}}}{{", *below, "}", r"\left(", (inner, ANY), r"\right)"], PREFIX


def _latex_integral(node: Term, style: Style) -> tuple[list[Piece], int]:
    limits: list[Piece] = ["_{", (node.args[2], ANY), "}^{", (node.args[3], ANY), "}"] if len(node.args) == 4 else []
    return [r"\int", *limits, " ", (node.args[0], PRODUCT), r"\, d", (node.args[1], ANY)], PRODUCT


def _latex_where(node: Term, style: Style) -> tuple[list[Piece], int]:
    pieces: list[Piece] = [r"\begin{cases}"]
    while node.op == "where":
        condition, yes, node = node.args
        pieces += [" ", (yes, ANY), r" & \text{if } ", (condition, ANY), r" \\"]
    return [*pieces, " ", (node, ANY), r" & \text{otherwise} \end{cases}"], ATOM


_SPECIAL = {
    ("plain", "derivative"): _plain_derivative,
    ("plain", "integral"): _plain_integral,
    ("unicode", "derivative"): _unicode_derivative,
    ("unicode", "integral"): _unicode_integral,
    ("latex", "derivative"): _latex_derivative,
    ("latex", "integral"): _latex_integral,
    ("latex", "where"): _latex_where,
}
