"""Where a condition holds: ``@ x=0``, ``at x = 0 and x = 1``, ``on ∂Ω``; or in parentheses: ``u(0, t)``, ``u(x=0)``, ``x(0)``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symnum.errors import did_you_mean
from symnum.repl.nodes import Node, walk
from symnum.repl.parts import top_level
from symnum.repl.scope import Scope
from symnum.repl.tokens import Token

_SIDES = frozenset({"lower", "upper"})
_EVERYWHERE = frozenset({"boundary", "∂Ω"})
_ENDS = {"left": "lower", "right": "upper"}
Read = Callable[[list[Token]], Node]


@dataclass(frozen=True)
class Place:
    """``coordinate = value``, or the end of a coordinate ("lower", "upper")."""

    coordinate: str
    value: Node | None
    side: str
    position: int


# --- places in words ------------------------------------------------------------


def mark_of_place(part: list[Token]) -> tuple[int, int] | None:
    """(index where the equation ends, index where the place begins) of ``... @ x=0``, ``... at x=0``, ``... on ∂Ω``; None without a place."""
    at = top_level(part, "@")
    if at is not None:
        return at, at + 1
    for k in range(len(part) - 2, 0, -1):
        if part[k].kind == "name" and part[k].text in ("at", "on") and names_place(part[k + 1 :]):
            return k, k + 1
    return None


def between_and(part: list[Token]) -> list[list[Token]]:
    """``x=0 and x=1`` as two places."""
    made: list[list[Token]] = [[]]
    for token in part[:-1]:
        if token.kind == "name" and token.text == "and" and made[-1]:
            made.append([])
        else:
            made[-1].append(token)
    return [[*tokens, part[-1]] for tokens in made]


def names_place(part: list[Token]) -> bool:
    """Do these tokens begin like a place: ``x =``, ``lower(``, ``boundary``, ``∂Ω``?"""
    if part[0].text == "the" and len(part) > 2:
        part = part[1:]
    first, second = part[0], part[min(1, len(part) - 1)]
    if first.text == "∂" and second.text == "Ω":
        return True
    if first.kind != "name":
        return False
    return (
        second.text == "="
        or first.text in _EVERYWHERE
        or first.text in _ENDS
        or (first.text in _SIDES and second.text == "(")
    )


def places(part: list[Token], scope: Scope, read: Read, before: list[Place]) -> list[Place]:
    """The places that one part names; ``before``: those named so far, whose coordinate ``, 1`` repeats."""
    part = part[1:] if part[0].text == "the" and len(part) > 2 else part
    first = part[0]
    space = [c for c in scope.coordinates if c != scope.known.time]
    if first.text == "∂" or first.text in _EVERYWHERE:
        if not space:
            raise scope.fail("no coordinate in space is known yet; write x in (0, 1) first", first.position)
        return [Place(c, None, side, first.position) for c in space for side in ("lower", "upper")]
    if first.text in _ENDS:
        if len(space) > 1:
            raise scope.fail(f"{first.text} of which coordinate? Write {_ENDS[first.text]}({space[0]})", first.position)
        return [Place(space[0] if space else "x", None, _ENDS[first.text], first.position)]
    if first.kind == "end":
        raise scope.fail("expected a place here; write u = 0 @ x=0", first.position)
    if first.text in _SIDES and part[1].text == "(":
        check_coordinate(part[2], scope)
        return [Place(part[2].text, None, first.text, first.position)]
    if part[1].text == "=" and first.kind == "name":
        check_coordinate(first, scope)
        return [Place(first.text, read(part[2:]), "", first.position)]
    if before and before[-1].value is not None:
        return [Place(before[-1].coordinate, read(part), "", first.position)]
    raise scope.fail(
        f"expected a place, found {scope.typed[first.position :].strip()[:20]!r}; write u = 0 @ x=0", first.position
    )


def check_coordinate(token: Token, scope: Scope) -> None:
    """ParseError unless the token names a coordinate."""
    have = (
        scope.candidates()
        if not scope.known.coordinates
        else tuple(dict.fromkeys((*scope.coordinates, *scope.known.domain)))
    )
    if token.text in have and scope.role(token.text) != "field":
        return
    near = did_you_mean(token.text, have)
    raise scope.fail(f"{token.text!r} is no coordinate.{near} Coordinates: {', '.join(have)}", token.position)


# --- places in parentheses ------------------------------------------------------------


def placed_values(tree: Node, scope: Scope) -> dict[int, Place]:
    """id(node) -> place, for every ``u(0, t)``, ``u(x=0)``, ``u'(0)`` in a formula."""
    return {
        id(node): place for node in walk(tree) if node.kind == "apply" and (place := _place_of(node, scope)) is not None
    }


def _place_of(node: Node, scope: Scope) -> Place | None:
    target, *arguments = node.args
    if not arguments or scope.operator_along(node) is not None or not _may_be_field(target, scope):
        return None
    named = [a for a in arguments if a.kind == "equals"]
    if named:
        return _named_place(node, named, scope)
    coordinates = [a.text for a in arguments if a.kind == "name" and _is_coordinate(a.text, scope)]
    values = [a for a in arguments if not (a.kind == "name" and _is_coordinate(a.text, scope))]
    if len(values) != 1 or not all(_constant(a, scope) for a in values):
        if coordinates and len(values) == 1:
            _refuse_without_value(values[0], scope)
        role = scope.role(scope.canonical(target.text)) if target.kind == "name" else "field"
        if role == "field" and len(values) > 1 and all(_constant(a, scope) for a in values):
            shown = _text(node, scope)
            raise scope.fail(
                f"{shown} leaves open along which coordinate the condition is; write u(x=0) = ... or u(t=0) = ...",
                node.position,
            )
        return None
    depends_on = _coordinates_of(target, scope)
    if depends_on == (scope.known.time,) and scope.known.time in coordinates:
        depends_on = (scope.known.time, "x")  # u(0, t) before anything is known of u
    rest = [c for c in depends_on if c not in coordinates]
    if len(arguments) == 1 and not _is_number(values[0]):
        return None  # D(1 + k): a product
    if len(rest) != 1:
        if len(arguments) == 1 and len(rest) > 1:
            name = _text(target, scope)
            value = _text(values[0], scope)
            offers = " or ".join(f"{name}({c}={value})" for c in rest)
            raise scope.fail(f"{_text(node, scope)} can be read as {offers}; write the one you mean", node.position)
        raise scope.fail(f"{_text(node, scope)} names no place; write u(x=0) = ... or u(t=0) = ...", node.position)
    return Place(rest[0], values[0], "", node.position)


def _refuse_without_value(value: Node, scope: Scope) -> None:
    """ParseError for ``u(L, t)`` where L has no value."""
    name = scope.canonical(value.text)
    if value.kind == "name" and scope.role(name) in ("free", "parameter"):
        raise scope.fail(f"{value.text!r} has no value yet; write {value.text} = 1 first", value.position)


def _named_place(node: Node, named: list[Node], scope: Scope) -> Place:
    left, right = named[0].args[0], named[0].args[-1]
    if len(named) > 1 or len(named[0].args) != 2 or left.kind != "name":
        raise scope.fail("a condition holds at one place: u(x=0) = ... or u(t=0) = ...", named[-1].position)
    check_coordinate(Token("name", left.text, left.position, left.position + 1, False), scope)
    if not _constant(right, scope):
        raise scope.fail(f"the place of a condition is a constant; write u({left.text}=0)", right.position)
    return Place(left.text, right, "", node.position)


def _may_be_field(target: Node, scope: Scope) -> bool:
    name = scope.canonical(target.text) if target.kind == "name" else ""
    return not name or scope.index_of(name, target.position) is not None or scope.role(name) in ("field", "free")


def _coordinates_of(target: Node, scope: Scope) -> tuple[str, ...]:
    """What the field depends on; before anything is known, t and x, or t alone where its argument is one number."""
    name = next((n.text for n in walk(target) if n.kind == "name"), "")
    index = scope.index_of(name, target.position)
    name = scope.canonical(index[0] if index else name)
    if name in scope.known.fields:
        return scope.known.fields[name]
    if scope.known.coordinates or scope.spatial or name in scope.fields:
        return scope.coordinates
    return (scope.known.time,)


def _is_coordinate(name: str, scope: Scope) -> bool:
    return name in scope.candidates() and scope.role(name) in ("coordinate", "free")


def _constant(node: Node, scope: Scope) -> bool:
    roles = {scope.role(scope.canonical(n.text)) for n in walk(node) if n.kind == "name"}
    return roles <= {"constant", "parameter", "function", "definition"} and node.kind not in ("list", "equals")


def _is_number(node: Node) -> bool:
    return all(
        n.kind in ("number", "fraction", "minus", "product", "power", "call") or n.text in ("pi", "π")
        for n in walk(node)
    )


def _text(node: Node, scope: Scope) -> str:
    """About what was typed for a node, for messages."""
    begin = node.position
    text = scope.typed[begin:]
    if node.kind == "apply":
        depth = 0
        for k, character in enumerate(text):
            depth += (character == "(") - (character == ")")
            if character == ")" and not depth:
                return text[: k + 1]
    return text.partition("(")[0].partition(")")[0].partition(",")[0].strip()
