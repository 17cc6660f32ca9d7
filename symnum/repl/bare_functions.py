"""Functions without parentheses: ``sin x``, ``sin² x``, ``cos 2 π t``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.expr.ops import FUNCTIONS
from symnum.repl.nodes import Node

if TYPE_CHECKING:
    from symnum.repl.notation import Reader
    from symnum.repl.tokens import Token

FUNCTION_NAMES = FUNCTIONS | {"sqrt", "sech", "min", "max", "ln", "arctan", "arcsin", "arccos", "abs"}


def bare_function(reader: Reader, target: Node) -> Node:
    """The function ``target``, whose name has just been read, of what follows."""
    power = _power(reader, target)
    if reader.at("("):
        call = reader.applied(target)
    else:
        call = Node("apply", "", (target, _argument(reader, target)), target.position, ("tight",))
    return call if power is None else Node("power", "^", (call, reader.raised(power)), power.position)


def _power(reader: Reader, target: Node) -> Token | None:
    """``²`` or ``^2`` behind the name of a function, or None. ParseError for ``sin⁻¹``, which has two readings."""
    if reader.at("^"):
        braced = reader.peek().text == "{" and reader.peek(3).text == "}"
        number = reader.peek(2 if braced else 1)
        if number.kind == "number" and number.text.isdigit():
            for _ in range(4 if braced else 2):
                reader.advance()
            return number._replace(kind="power")
    signed = reader.at("^") and reader.peek().text == "-"
    if signed or (reader.token.kind == "power" and reader.token.text.startswith("-")):
        name = target.text
        arc = f"a{name}(...)" if name in ("sin", "cos", "tan") else "the inverse function by its name"
        raise reader.fail(f"a negative power of {name} can be read as 1/{name}(...) or as its inverse; write 1/{name}(...) or {arc}")
    return reader.advance() if reader.token.kind == "power" else None


def _argument(reader: Reader, target: Node) -> Node:
    """``2 π x`` of ``sin 2 π x``: numbers, π and one operand. ParseError for ``sin x u``, which has two readings."""
    start, parts = reader.token.position, []
    while reader.token.kind in ("number", "fraction") or (
        reader.token.kind == "name" and reader.token.text in ("pi", "π")
    ):
        token = reader.advance()
        parts.append(Node("name" if token.kind == "name" else token.kind, token.text, (), token.position))
    if _starts_factor(reader):
        parts.append(reader.bound(f"{target.text} ", reader.operand))
        if (reader.token.kind == "name" or reader.at("(")) and _starts_factor(reader):
            whole = reader.typed[start : reader.tokens[reader.index - 1].end]
            name, after = target.text, reader.factor()
            raise reader.fail(
                f"'{name} {whole} {after}' can be read as {name}({whole})*{after} or {name}({whole}*{after}); write the one you mean"
            )
    if not parts:
        raise reader.fail(f"{target.text!r} is a function: write {target.text}(...)", target.position)
    return parts[0] if len(parts) == 1 else Node("product", "", tuple(parts), start, ("", *[" "] * (len(parts) - 1)))


def _starts_factor(reader: Reader) -> bool:
    """Does an operand begin here that is no function itself?"""
    return reader.starts_operand() and not (reader.token.kind == "name" and reader.token.text in FUNCTION_NAMES)
