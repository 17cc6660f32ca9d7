"""``A + B -> C, k``: reactions as typed, to the grammar of ``ReactionNetwork.from_text``."""

from __future__ import annotations

from collections.abc import Container
from itertools import chain

from symnum.errors import ParseError
from symnum.repl.canonical import Writer
from symnum.repl.nodes import Node
from symnum.repl.parts import ARROWS
from symnum.repl.scope import Scope
from symnum.repl.statement_kinds import Formula, Reactions
from symnum.repl.tokens import Token

_TWO_WAYS = frozenset({"<->", "<=>"})


def is_reaction(part: list[Token]) -> bool:
    """Does the part hold the arrow of a reaction?"""
    return any(token.kind == "op" and token.text in ARROWS for token in part)


def rates_needed(part: list[Token]) -> int:
    """1, or 2 for an arrow that points both ways."""
    return 2 if any(token.text in _TWO_WAYS for token in part) else 1


class Reaction:
    """One reaction: its line in symnum's grammar, its species, and the trees of its rates."""

    def __init__(self, part: list[Token], rates: list[Node], typed: str) -> None:
        self.typed, self.rates = typed, rates
        arrows = [k for k, token in enumerate(part) if token.kind == "op" and token.text in ARROWS]
        if len(arrows) > 1:
            raise ParseError(
                "two arrows in one reaction; write one reaction after the other: A -> B, k1; B -> C, k2",
                typed,
                part[arrows[1]].position,
            )
        need = rates_needed(part)
        if len(rates) < need:
            raise ParseError(
                f"{'a rate is' if need == 1 else 'two rates are'} missing; write {typed[part[0].position : part[-1].position].strip()}, "
                f"{'k' if need == 1 else 'k1, k2'}", typed, part[-1].position
            )  # fmt: skip
        self.arrow = part[arrows[0]]
        self.left, self.right = self.side(part[: arrows[0]]), self.side(part[arrows[0] + 1 : -1])
        self.species = tuple(dict.fromkeys(t.text for t in chain(self.left, self.right) if t.kind == "name"))

    def side(self, tokens: list[Token]) -> list[Token]:
        """The tokens of one side, checked: ``A + 2 B``, ``0`` or ``∅`` or nothing."""
        if not tokens or (len(tokens) == 1 and tokens[0].text in ("0", "∅")):
            return []
        expected = "start"
        for token in tokens:
            fits = (
                (token.kind == "name" and expected in ("start", "name"))
                or (token.kind == "number" and token.text.isdigit() and expected == "start")
                or (token.text == "+" and expected == "plus")
            )
            if not fits:
                seen = self.typed[token.position : token.end]
                raise ParseError(
                    f"{seen!r} on a side of a reaction; write A + 2 B -> C, k, and 0 for nothing",
                    self.typed,
                    token.position,
                )
            expected = {"name": "plus", "number": "name"}.get(token.kind, "start")
        if expected != "plus":
            raise ParseError("a species is missing on this side of the reaction", self.typed, tokens[-1].position)
        return tokens

    def written(self, scope: Scope) -> Formula:
        """The reaction as text."""
        text, columns = "", []
        for tokens, between in ((self.left, f" {self.arrow.text} "), (self.right, "")):
            words = [(t.text + ("" if t is tokens[-1] else " "), t.position) for t in tokens] or [
                ("0", self.arrow.position)
            ]
            for word, position in [*words, (between, self.arrow.position)]:
                text += word
                columns += [position] * len(word)
        for rate in self.rates:
            made = Writer(scope).formula(rate)
            text += ", " + made
            columns += [rate.position] * 2 + list(made.columns)
        return Formula(text, self.typed, tuple(columns))


def reactions(name: str | None, rows: list[Reaction], scope: Scope, present: Container[str]) -> Reactions:
    """A network of all reactions of a text; ``present``: the unknowns of the model so far."""
    species = tuple(dict.fromkeys(s for row in rows for s in row.species))
    scope.fields.update(dict.fromkeys(species))
    texts = tuple(row.written(scope) for row in rows)
    known = any(s in present for s in species)
    return Reactions(name, texts, species, tuple(scope.free), name is not None or not known)
