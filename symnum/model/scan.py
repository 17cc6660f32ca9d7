"""Which names of a text equation are fields? Undeclared ones below a derivative or on the left side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symnum.errors import ParseError, did_you_mean
from symnum.expr.ops import FUNCTIONS
from symnum.expr.parse import Token, tokenize
from symnum.model.operators import VECTOR_OPERATORS, split_suffix

_WORDS = frozenset({"and", "or", "not", "true", "false", "pi", "π"})
_ALIASES = frozenset({"sqrt", "sech", "min", "max", "ln", "arctan", "arcsin", "arccos"})


def find_field_names(text: str, declared: Mapping[str, Any], coordinates: Mapping[str, Any]) -> list[str]:
    """Undeclared names that the equation treats as fields, in order of appearance. ParseError for an operator that is
    none.
    """
    tokens = tokenize(text)
    equals = next((i for i, token in enumerate(tokens) if token.text == "="), 0)
    differentiated = _below_derivatives(tokens, text, declared, coordinates)
    found: dict[str, None] = {}
    for i, token in enumerate(tokens):
        if token.kind != "name" or token.text in declared or token.text in _WORDS or tokens[i + 1].text == "(":
            continue
        if token.text.isidentifier() and (i < equals or i in differentiated):
            found[token.text] = None
    return list(found)


def _below_derivatives(
    tokens: list[Token], text: str, declared: Mapping[str, Any], coordinates: Mapping[str, Any]
) -> set[int]:
    """Positions of tokens inside the first argument of a derivative operator."""
    inside: set[int] = set()
    stack: list[bool] = []  # per open parenthesis: does it open a derivative (or lie below one)?
    plain_d: list[bool] = []  # per open parenthesis: is it d(...) past its first comma?
    for i, token in enumerate(tokens):
        if token.text == "(":
            name = tokens[i - 1] if i and tokens[i - 1].kind == "name" else None
            opens = name is not None and _is_derivative(name, text, declared, coordinates)
            stack.append(opens or bool(stack and stack[-1]))
            plain_d.append(False)
        elif token.text == ")" and stack:
            stack.pop()
            plain_d.pop()
        elif token.text == "," and stack:
            plain_d[-1] = True
        elif stack and stack[-1] and not plain_d[-1]:
            inside.add(i)
    return inside


def _is_derivative(name: Token, text: str, declared: Mapping[str, Any], coordinates: Mapping[str, Any]) -> bool:
    if name.text in ("d", "integral", *VECTOR_OPERATORS):
        return True
    if name.text in FUNCTIONS | _ALIASES | _WORDS or name.text in declared:
        return False
    if split_suffix(name.text, coordinates):
        return True
    if name.text.startswith("d") and len(name.text) <= 4 and name.text not in ("diff", "div"):
        near = did_you_mean(name.text[1:], coordinates)
        raise ParseError(
            f"{name.text!r} is no derivative: {name.text[1:]!r} is not made of the coordinates "
            f"{', '.join(coordinates)}.{near} "
            f"Add {_missing(name.text[1:], coordinates)} to the domain, or write e.g. d{next(iter(coordinates))}(u)",
            text,
            name.position,
        )
    return False


def _missing(suffix: str, coordinates: Mapping[str, Any]) -> str:
    """The letter that is no coordinate where there is one (``yy``: y), else the whole suffix."""
    lost = set(suffix) - set(coordinates)
    return lost.pop() if len(lost) == 1 else suffix
