"""The forms of the parts of a typed text: a part is an interval, a condition, a reaction, a value with units, or an equation.

What a part says cannot be told before all parts have been seen (names are found in all of them together), but which form it has can.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from symnum.errors import ParseError
from symnum.repl import places, values
from symnum.repl.nodes import Node
from symnum.repl.notation import Reader
from symnum.repl.parts import ended, top_level
from symnum.repl.reactions import is_reaction, rates_needed
from symnum.repl.scope import Scope
from symnum.repl.tokens import Token

Part = list[Token]
_PERIODIC = ("periodic", "antiperiodic")


@dataclass
class Row:
    """One statement while it is read.

    form: equation, placed (``... @ place``), interval, periodic, reaction, units; ``more``: further parts that belong to it.
    """

    form: str
    tokens: Part
    trees: list[Node] = field(default_factory=list)
    more: list[Part] = field(default_factory=list)


class Forms:
    """Tells the forms of parts apart; ``names``: what the session knows, before this text."""

    def __init__(self, typed: str, names: Scope) -> None:
        self.typed, self.names = typed, names

    def fail(self, message: str, position: int) -> ParseError:
        return ParseError(message, self.typed, position)

    def tree(self, tokens: Part) -> Node:
        """The tokens as a formula."""
        return Reader(tokens, self.typed, self.names.declared, self.names.candidates().__contains__).whole()

    def rows(self, parts: list[Part]) -> list[Row]:
        """The statements of a text, with the parts that belong together."""
        rows: list[Row] = []
        k = 0
        while k < len(parts):
            first = parts[k]
            stop = k + 1
            if is_reaction(first):
                while stop < len(parts) and stop - k <= rates_needed(first) and self.may_be_rate(parts[stop]):
                    stop += 1
                rows.append(Row("reaction", first, [self.tree(part) for part in parts[k + 1 : stop]]))
            elif _is_lone(first) and first[0].text not in _PERIODIC:
                while stop < len(parts) and _is_lone(parts[stop]):
                    stop += 1
                rows += self.lone(parts[k:stop], parts[stop] if stop < len(parts) else None)
                stop += rows[-1].form == "interval"
            else:
                row = self.row(first)
                while stop < len(parts) and self.goes_on(row, parts[stop]):
                    row.more.append(parts[stop])
                    stop += 1
                rows.append(row)
            k = stop
        return rows

    def may_be_rate(self, part: Part) -> bool:
        """Is this the rate of the reaction before it, and no statement of its own?"""
        behind_comma = self.typed[: part[0].position].rstrip().endswith(",")
        return behind_comma and not is_reaction(part) and top_level(part, "=") is None

    def lone(self, parts: list[Part], then: Part | None) -> list[Row]:
        """Names by themselves: ``x, y`` of ``x, y in (0, 1)``, else expressions."""
        if then is not None and _place_of_in(then) == 1:
            interval = self.row(then)
            return [*(Row("interval", [part[0]], interval.trees) for part in parts), interval]
        return [Row("equation", part, [self.tree(part)]) for part in parts]

    def goes_on(self, row: Row, part: Part) -> bool:
        """Is this part one more place of a condition (``u = 0 @ x=0, x=1`` or ``@ x = 0, 1``), or one more name of ``periodic x, y``?"""
        if row.form == "periodic":
            return _is_lone(part)
        if row.form != "placed":
            return False
        if part[0].kind == "number" and top_level(part, "=") is None:
            return True
        if not places.names_place(part):
            return False
        named = part[1].text == "=" and part[0].kind == "name"
        return not named or (part[0].text in self.names.candidates() and top_level(part, "@") is None)

    def row(self, part: Part) -> Row:
        """The form of one part."""
        first = part[0]
        if first.kind == "name" and first.text in _PERIODIC:
            return Row("periodic", part)
        if _place_of_in(part) == 1 and first.kind == "name":
            return Row("interval", part, self.bounds(part, part[2:]))
        if top_level(part, "..") is not None and len(part) > 4 and first.kind == "name" and part[1].text == "=":
            return Row("interval", part, self.bounds(part, part[2:]))
        place = places.mark_of_place(part)
        if place is not None:
            end, begin = place
            if len(part) <= begin + 1:
                raise self.fail("expected a place behind '@'; write u = 0 @ x=0", part[-1].position)
            first_place, *others = places.between_and(part[begin:])
            return Row("placed", first_place, [self.tree(ended(part, 0, end))], others)
        named = len(part) > 4 and part[1].text == "=" and first.kind == "name"
        if named and values.with_units(part, self.names) is not None:
            return Row("units", part)
        return self.comparison(part, self.tree(part))

    def bounds(self, part: Part, rest: Part) -> list[Node]:
        """``(0, 1)``, ``[0, 1]²`` or ``0..1``."""
        dots = top_level(rest, "..")
        if dots is not None:
            return [self.tree(ended(rest, 0, dots)), self.tree(rest[dots + 1 :])]
        powered = len(rest) > 2 and rest[-2].kind == "power"
        pair = self.tree([*rest[:-2], rest[-1]] if powered else rest)
        if pair.kind != "list" or len(pair.args) != 2:
            upper = pair.text if pair.kind == "number" else "1"
            raise self.fail(f"an interval has two bounds; write {part[0].text} in (0, {upper})", rest[0].position)
        return list(pair.args)

    def comparison(self, part: Part, tree: Node) -> Row:
        """``0 <= x <= π`` is an interval, ``x < 1`` half of one; anything else is an equation."""
        if tree.kind != "compare":
            return Row("equation", part, [tree])
        upward = set(tree.data) <= {"<", "<="}
        if len(tree.args) == 3 and tree.args[1].kind == "name" and (upward or set(tree.data) <= {">", ">="}):
            low, name, high = tree.args if upward else reversed(tree.args)
            return Row(
                "interval",
                [Token("name", name.text, name.position, name.position + len(name.text), False)],
                [low, high],
            )
        left, right = tree.args[0], tree.args[-1]
        if (
            left.kind == "name"
            and right.kind == "number"
            and left.text in self.names.candidates()
            and left.text not in self.names.fields
        ):
            raise self.fail(f"an interval has two bounds; write {left.text} in (0, {right.text})", left.position)
        return Row("equation", part, [tree])


def _is_lone(part: Part) -> bool:
    return len(part) == 2 and part[0].kind == "name"


def _place_of_in(part: Part) -> int | None:
    """Index of ``in`` or ``∈`` outside brackets."""
    if len(part) > 2 and part[1].kind == "name" and part[1].text == "in":
        return 1
    return top_level(part, "∈")
