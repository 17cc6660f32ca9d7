"""A text of mathematics to statements: cut into parts, each part to a tree, names found in all trees together, then each part by its form."""

from __future__ import annotations

import re

from symnum.errors import ParseError
from symnum.repl import conditions, places, values
from symnum.repl.canonical import Writer
from symnum.repl.forms import Forms, Row
from symnum.repl.nodes import Node, walk
from symnum.repl.notation import Reader
from symnum.repl.parts import parts
from symnum.repl.reactions import Reaction, reactions
from symnum.repl.scope import Scope
from symnum.repl.statement_kinds import (
    ConditionText,
    Equations,
    Expression,
    Formula,
    Known,
    Statement,
    fresh,
)
from symnum.repl.tokens import Token, tokenize


def read(text: str, known: Known) -> tuple[Statement, ...]:
    """The statements of a text. Raises ParseError."""
    try:
        made = _read(text, known)
    except ParseError:
        refuse_bare_command(text, known)
        raise
    if isinstance(made[0], Expression):
        refuse_bare_command(text, known)
    return made


def _read(text: str, known: Known) -> tuple[Statement, ...]:
    first = _Text(text, known)
    if first.name is None and not first.contradicts():
        return first.statements(new=False)
    return _Text(text, fresh(known)).statements(new=True)


def refuse_bare_command(text: str, known: Known) -> None:
    """ParseError for ``solve`` or ``plot u``, where ``:solve`` or ``:plot u`` is meant."""
    from symnum.repl.offers import COMMANDS

    match = re.match(r"\s*([a-z]+)(?:\s+\S|\s*$)", text)
    if match and match[1] in COMMANDS and not re.match(r"\s*\w+\s*=", text) and match[1] not in known.parameters:
        raise ParseError(f"commands begin with a colon: :{text.strip()}", text, match.start(1))


def rewritten(equation: str, known: Known) -> Formula:
    """An equation in symnum's grammar, read and written anew under what is known now. Raises ParseError."""
    scope = Scope(known, equation)
    tokens = tokenize(equation, lambda name: True)
    tree = Reader(tokens, equation, lambda name: True, scope.candidates().__contains__).whole()
    scope.collect([tree])
    return Writer(scope).formula(tree.args[0], " = ", tree.args[1])


class _Text:
    """One typed text against what is known."""

    def __init__(self, typed: str, known: Known) -> None:
        self.typed, self.known = typed, known
        self.names = Scope(known, typed)
        tokens = tokenize(typed, self.names.declared)
        self.name, pieces = self._named(tokens)
        self.forms = Forms(typed, self.names)
        self.rows = self.forms.rows(pieces)
        self.scope = Scope(known, typed, [tree for row in self.rows if row.form != "interval" for tree in row.trees])

    def _named(self, tokens: list[Token]) -> tuple[str | None, list[list[Token]]]:
        """``lorenz: x' = ...``: the name in front, and the parts."""
        start = [k for k, token in enumerate(tokens) if token.kind != "newline"]
        if len(start) > 2 and tokens[start[0]].kind == "name" and tokens[start[1]].text == ":":
            if tokens[start[2]].text == "=":
                name = tokens[start[0]].text
                raise ParseError(f"a value is given by '=' alone: {name} = ...", self.typed, tokens[start[1]].position)
            pieces = parts(tokens[start[1] + 1 :])
            if not pieces:
                raise ParseError(
                    f"expected an equation behind {tokens[start[0]].text!r}:", self.typed, tokens[start[1]].position
                )
            return tokens[start[0]].text, pieces
        pieces = parts(tokens)
        if not pieces:
            raise ParseError("expected an equation, a value or a command; :help shows examples", self.typed, 0)
        return None, pieces

    def contradicts(self) -> bool:
        """Do unknowns and coordinates of this text clash with those of the model so far?"""
        known, scope = self.known, self.scope
        new = [name for name in scope.fields if name not in known.fields]
        if any(c in known.fields for c in (*scope.found, *scope.coordinates)) or any(
            name in known.coordinates for name in new
        ):
            return True
        return self._stands_alone(new)

    def _stands_alone(self, new: list[str]) -> bool:
        """Equations of new unknowns that the model has not asked for, and that hold none of its own."""
        trees = [
            tree
            for row in self.rows
            if row.form == "equation"
            for tree in row.trees
            if self.scope.holds_derivative(tree)
        ]
        if not trees or not self.known.fields or any(name in self.known.parameters for name in new):
            return False
        names = {n.text for tree in trees for n in walk(tree) if n.kind == "name"}
        names |= {index[0] for n in names if (index := self.scope.index_of(n, 0)) is not None}
        return not any(self.scope.canonical(n) in self.known.fields for n in names)

    def fail(self, message: str, position: int) -> ParseError:
        return ParseError(message, self.typed, position)

    # --- statements ------------------------------------------------------------

    def statements(self, new: bool) -> tuple[Statement, ...]:
        made: list[Statement] = []
        equations: list[Node] = []
        networks: list[Reaction] = []
        place = None
        for row in self.rows:
            if row.form == "reaction":
                networks.append(Reaction(row.tokens, row.trees, self.typed))
                continue
            found = self._statement(row)
            if isinstance(found, Node):
                place = len(made) if place is None else place
                equations.append(found)
            else:
                made += found
        if networks:
            made.insert(0, reactions(self.name, networks, Scope(fresh(self.known), self.typed), self.known.fields))
        if equations:
            made.insert(place or 0, self._equations(equations, new))
        elif self.name is not None and not networks:
            raise self.fail(f"{self.name!r} names no system: no equation with a derivative follows", 0)
        return tuple(made)

    def _statement(self, row: Row) -> list[Statement] | Node:
        """The statements of one part, or the tree of an equation."""
        match row.form:
            case "interval":
                return [values.interval(row.tokens[0], row.trees[0], row.trees[1], self.scope)]
            case "periodic":
                return list(self._periodic([*row.tokens[:-1], *(part[0] for part in row.more), row.tokens[-1]]))
            case "units":
                found = values.with_units(row.tokens, self.scope)
                assert found is not None
                return [found]
            case "placed":
                return self._placed(row)
        tree = row.trees[0]
        if tree.kind != "equals":
            return [self._expression(tree, row)]
        inside = places.placed_values(tree, self.scope)
        if inside and not self._is_definition(tree):
            return list(conditions.chain(tree, inside, self.scope))
        return self._equation(tree)

    def _equation(self, tree: Node) -> list[Statement] | Node:
        """An equation without a place: of the system, a parameter, or an abbreviation."""
        if self.scope.holds_derivative(tree) and not self._is_definition(tree):
            return tree
        left, right = tree.args[0], tree.args[-1]
        if len(tree.args) > 2:
            raise self.fail(
                "more than one '='; write one equation after the other, with commas between", tree.args[2].position
            )
        if self._is_definition(tree):
            return [values.definition(left, right, self.scope)]
        if left.kind == "apply" and left.args[0].kind == "name" and all(a.kind == "name" for a in left.args[1:]):
            name, time = left.args[0].text, self.known.time
            if self.scope.role(self.scope.canonical(name)) == "field":
                raise self.fail(
                    f"{name!r} is an unknown; initial data are written {name}({time}=0) = ..., an equation {name}_{time} = ...",
                    left.position,
                )
        if left.kind == "name":
            name = self.scope.canonical(left.text)
            values.check_new_name(name, left.position, self.scope)
            if values.is_constant(right, self.scope):
                return [values.value(left, right, self.scope)]
            return [values.definition(left, right, self.scope)]
        if any(n.kind == "name" and self.scope.role(self.scope.canonical(n.text)) == "field" for n in walk(tree)):
            return tree
        raise self.fail(
            "this equation holds neither a derivative nor an unknown; an equation is written u_t = u_xx, a value D = 0.1",
            tree.position,
        )

    def _is_definition(self, tree: Node) -> bool:
        """``f(x) = ...`` with a name that is no unknown, and names as arguments."""
        left = tree.args[0]
        if (
            len(tree.args) != 2
            or left.kind != "apply"
            or len(left.args) < 2
            or any(a.kind != "name" for a in left.args)
        ):
            return False
        name = self.scope.canonical(left.args[0].text)
        if self.scope.index_of(name, left.position) is not None or self.scope.operator_along(left) is not None:
            return False  # u_t(x, t) = ...
        if self.scope.role(name) == "parameter" and self.known.parameters.get(name) is None:  # it has no value yet
            raise self.fail(f"{name} stands without arguments in the model, so define it without them: {name} = ...", left.position)
        return self.scope.role(name) in ("free", "definition")

    def _placed(self, row: Row) -> list[Statement]:
        """``equation @ place, place``."""
        tree = row.trees[0]
        found: list[places.Place] = []
        for tokens in (row.tokens, *row.more):
            found += places.places(tokens, self.scope, self.forms.tree, found)
        if tree.kind != "equals":
            raise self.fail("a condition is an equation: u = 0 @ x=0", tree.position)
        last = tree.args[-1]
        rows = [Node("equals", "=", (side, last), side.position) for side in tree.args[:-1]]
        return [conditions.stated(one, place, self.scope, {}) for place in found for one in rows]

    def _periodic(self, tokens: list[Token]) -> list[ConditionText]:
        word, *rest = tokens[:-1]
        if rest and rest[0].text in ("in", "along"):
            rest = rest[1:]
        for token in rest:
            if token.kind != "name":
                raise self.fail(f"expected coordinates behind {word.text!r}: {word.text} x", token.position)
            places.check_coordinate(token, self.scope)
        names = [(t.text, t.position) for t in rest]
        if not names:
            names = [(c, word.position) for c in self.scope.coordinates if c != self.known.time]
        if not names:
            raise self.fail(f"{word.text!r} names no coordinate; write {word.text} x", word.end)
        return [
            ConditionText(
                Formula(f"{word.text} {c}", self.typed, (word.position,) * (len(word.text) + 1) + (at,) * len(c))
            )
            for c, at in names
        ]

    def _expression(self, tree: Node, row: Row) -> Expression:
        if len(self.rows) > 1 or self.name is not None:
            raise self.fail("expected an equation, found an expression without '='", tree.position)
        if tree.kind == "name" and self.scope.role(self.scope.canonical(tree.text)) == "free" and "_" not in tree.text:
            hint = f" The model of this name is taken by :model {tree.text}." if tree.text in self.known.models else ""
            raise self.fail(f"unknown name {tree.text!r}.{self.scope.near(tree.text)}{hint}", tree.position)
        formula = Writer(self.scope).formula(tree)
        return Expression(formula, self.scope.unknowns(), tuple(self.scope.free), self.scope.coordinates)

    def _equations(self, trees: list[Node], new: bool) -> Equations:
        texts = []
        for tree in trees:
            if len(tree.args) != 2:
                raise self.fail(
                    "more than one '='; write one equation after the other, with commas between", tree.args[2].position
                )
            texts.append(Writer(self.scope).formula(tree.args[0], " = ", tree.args[1]))
        self._refuse_other_time(trees)
        return Equations(
            self.name, tuple(texts), self.scope.unknowns(), tuple(self.scope.free), self.scope.coordinates, new
        )

    def _refuse_other_time(self, trees: list[Node]) -> None:
        """ParseError for ``dy/dx = ...`` by itself: what evolves, evolves in time."""
        left, time = trees[0].args[0], self.known.time
        if (
            len(trees) > 1
            or self.known.fields
            or time in self.scope.found
            or left.kind != "derivative"
            or left.along[0].kind == "time"
        ):
            return
        if left.args[0].kind == "name" and sum(a.order for a in left.along) == 1:
            name = left.args[0].text
            raise self.fail(
                f"nothing changes in time here, and equations are followed in {time}: write d{name}/d{time} = ... or {name}' = ...",
                left.position,
            )
