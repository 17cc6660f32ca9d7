"""How the three styles of ``show`` spell numbers, names, quotients, powers, roots, operators and brackets."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symnum.expr.ops import COMPARISONS, TABLE

# Precedences of the grammar in ``parse``.
ANY, OR, AND, NOT, COMPARE, SUM, PRODUCT, PREFIX, POWER, ATOM = 0, 1, 2, 3, 4, 5, 7, 9, 12, 20


@dataclass(frozen=True)
class Style:
    """How one style spells what the layout asks for.

    ``quotient_need`` and the middle of ``root`` are the precedences asked of what stands inside.
    """

    name: str
    times: str
    quotient: tuple[str, str, str]
    quotient_need: tuple[int, int]
    root: tuple[str, int, str]
    parentheses: tuple[str, str]
    operators: dict[str, str]
    brackets: dict[str, tuple[str, str]]
    number: Callable[[Any], tuple[str, int]]
    symbol: Callable[[str], str]
    exponent: Callable[[str], str]


_GREEK = dict(
    zip(
        [
            "alpha",
            "beta",
            "gamma",
            "delta",
            "epsilon",
            "zeta",
            "eta",
            "theta",
            "iota",
            "kappa",
            "lambda",
            "mu",
            "nu",
            "xi",
            "rho",
            "sigma",
            "tau",
            "upsilon",
            "phi",
            "chi",
            "psi",
            "omega",
            "Gamma",
            "Delta",
            "Theta",
            "Lambda",
            "Xi",
            "Pi",
            "Sigma",
            "Upsilon",
            "Phi",
            "Psi",
            "Omega",
        ],
        "αβγδεζηθικλμνξρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ",
        strict=True,
    )
)


def _number(infinity: str, ratio: str, scientific: str) -> Callable[[Any], tuple[str, int]]:
    """Numbers in a style: exact rationals as a ratio, floats by ``repr`` (17 digits where needed, never rounded)."""

    def write(value: Any) -> tuple[str, int]:
        if isinstance(value, bool):
            return ("true" if value else "false"), ATOM
        text, precedence = str(abs(value)) if isinstance(value, int) else repr(abs(value)), ATOM
        if isinstance(value, Fraction):
            text, precedence = ratio % (abs(value.numerator), value.denominator), PRODUCT
        elif isinstance(value, float) and math.isinf(value):
            text = infinity
        elif "e" in text and scientific:
            mantissa, _, exponent = text.partition("e")
            text, precedence = scientific % (mantissa, int(exponent)), PRODUCT
        return (text, precedence) if value > 0 or (value == 0 and str(value)[0] != "-") else ("-" + text, SUM)

    return write


def _greek(name: str) -> str:
    head, digits = _split(name)
    return _GREEK.get(head, head) + digits


def _split(name: str) -> tuple[str, str]:
    """``alpha_1`` -> ``("alpha", "_1")``, ``k2`` -> ``("k", "2")``."""
    match = re.fullmatch(r"([^\W\d_]+)(_?\w*)", name)
    return (match[1], match[2]) if match else (name, "")


def _latex_name(name: str) -> str:
    head, tail = _split(name)
    tail = tail.strip("_").replace("_", ",")
    text = (
        "\\" + head if head in _GREEK else head if len(head) == 1 else rf"\mathrm{{{head.replace('_', chr(92) + '_')}}}"
    )
    below = (_GREEK.get(tail) and "\\" + tail) or tail
    return f"{text}_{{{below}}}" if tail else text


def _superscript(text: str) -> str:
    return text.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")) if text.isdigit() else "^" + text


_WORDS = {"and": "and", "or": "or", "not": "not "}
_LATEX_BRACKETS = {
    "abs": (r"\left|", r"\right|"),
    "floor": (r"\left\lfloor ", r"\right\rfloor"),
    "ceil": (r"\left\lceil ", r"\right\rceil"),
}

PLAIN = Style(
    "plain", "*", ("", "/", ""), (PRODUCT, PREFIX), ("sqrt(", ANY, ")"), ("(", ")"), COMPARISONS | _WORDS, {},
    _number("1e999", "%d/%d", ""), str, lambda text: "^" + text,
)  # fmt: skip
UNICODE = Style(
    "unicode", "·", ("", "/", ""), (PRODUCT, PREFIX), ("√", ATOM, ""), ("(", ")"),
    COMPARISONS | {"le": "≤", "ge": "≥", "eq": "=", "ne": "≠", "and": "∧", "or": "∨", "not": "¬", "pi": "π"},
    {"abs": ("|", "|"), "floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉")},
    _number("∞", "%d/%d", ""), _greek, _superscript,
)  # fmt: skip
LATEX = Style(
    "latex", " ", (r"\frac{", "}{", "}"), (ANY, ANY), (r"\sqrt{", ANY, "}"), (r"\left(", r"\right)"),
    {row.name: row.latex for row in TABLE.values() if row.latex} | {"not": r"\neg "}, _LATEX_BRACKETS,
    _number(r"\infty", r"\frac{%d}{%d}", r"%s \cdot 10^{%d}"), _latex_name, lambda text: f"^{{{text}}}",
)  # fmt: skip
