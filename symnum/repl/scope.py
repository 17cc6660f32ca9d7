"""What the names of a typed text mean: unknowns, coordinates, parameters, definitions; found in a first pass over all its formulas.

A name is, in this order: what the session knows it to be; an unknown, where it is differentiated by itself (``u_t``, ``∂x u``, ``x'``); a
derivative, where its index is made of coordinates (``u_xx``); a coordinate; a number (π, e below a power); else a parameter still to be given.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping

from symnum.errors import ParseError, did_you_mean
from symnum.model.suffix import split_suffix
from symnum.repl.bare_functions import FUNCTION_NAMES
from symnum.repl.nodes import Along, Node, walk
from symnum.repl.statement_kinds import Definition, Known
from symnum.repl.symbols import twin

VECTOR_OPERATORS = frozenset({"laplacian", "div", "grad", "curl"})
_USUAL = ("x", "y", "z")
_CONSTANTS = frozenset({"pi", "π", "true", "false"})


class Scope:
    """The names of one typed text.

    Attributes: ``fields`` (unknowns found or known), ``found`` (coordinates that derivatives are taken along), ``free`` (names without a
    meaning, in order), ``spatial`` (the text has derivatives in space).
    """

    def __init__(self, known: Known, typed: str, nodes: Iterable[Node] = ()) -> None:
        self.known, self.typed = known, typed
        self.fields: dict[str, None] = dict.fromkeys(known.fields)
        self.found: dict[str, None] = {}
        self.free: dict[str, None] = {}
        self.named: dict[str, None] = {}  # coordinates that occur
        self.noted: dict[str, None] = {}  # unknowns that occur
        self.spatial = any(c != known.time for c in known.coordinates)
        self.collect(list(nodes))

    def fail(self, message: str, position: int) -> ParseError:
        return ParseError(message, self.typed, position)

    # --- the first pass ------------------------------------------------------------

    def collect(self, nodes: list[Node]) -> None:
        """Find unknowns and coordinates. ParseError for a name that is both."""
        for top in nodes:
            for node in walk(top):
                if node.kind == "derivative":
                    for along in node.along:
                        self.take(along)
                    self.differentiated(node.args[0])
                elif node.kind == "call" and node.text in VECTOR_OPERATORS:
                    self.spatial = True
                    if node.text != "div":
                        self.differentiated(node.args[0])
                elif node.kind == "name":
                    self.indexed(node)
                elif node.kind == "apply":
                    self.operator_call(node)
                elif node.kind == "integral":
                    self.found[node.text] = None
                    self.spatial |= node.text != self.known.time
        for top in nodes:
            self.left_side(top)
            self.check_joined(top)
        self.check_both(nodes)
        for c in self.found:
            if c in self.known.parameters:
                raise self.fail(
                    f"{c!r} is a parameter here ({c} = {self.known.parameters[c]}) and cannot be a coordinate; rename one of them",
                    0,
                )

    def check_both(self, nodes: list[Node]) -> None:
        """ParseError for a name that this text uses as an unknown and as a coordinate."""
        space = {c for c in self.coordinates if c != self.known.time}
        for name in self.fields:
            if name in space and name not in self.known.fields and name not in self.known.coordinates:
                at = next(
                    (
                        n.position
                        for top in nodes
                        for n in walk(top)
                        if n.kind == "name" and n.text.partition("_")[0] == name
                    ),
                    0,
                )
                raise self.fail(f"{name!r} is used as an unknown and as a coordinate; rename one of them", at)

    def left_side(self, top: Node) -> None:
        """``w = u_xx``: a name alone on the left of an equation with derivatives is an unknown."""
        if top.kind == "equals" and len(top.args) == 2 and top.args[0].kind == "name" and self.holds_derivative(top):
            name = self.canonical(top.args[0].text)
            if self.role(name) == "free":
                self.check_unknown(name, top.position)
                self.fields[name] = None

    def check_joined(self, top: Node) -> None:
        """ParseError for ``Du_xx`` beside ``u_t``: D u_xx without its space."""
        for node in walk(top):
            index = self.index_of(node.text, node.position) if node.kind == "name" else None
            if index is None or len(index[0]) < 2 or index[0] in self.known.fields:
                continue
            name, last = index[0], index[0][-1]
            if last in self.fields and name[-2] != "_" and self.known.time not in index[1]:
                raise self.fail(
                    f"{node.text!r} can be read as the product {name[:-1]} {node.text[len(name) - 1 :]} or as a derivative of {name!r}; "
                    f"write {name[:-1]} {node.text[len(name) - 1 :]}, or {_written(index[1])} {name}", node.position
                )  # fmt: skip

    def take(self, along: Along) -> None:
        if along.kind in ("coordinate", "suffix") and not self.is_normal(along):
            for c in self.split(along):
                self.found[c] = None
                self.spatial |= c != self.known.time

    def differentiated(self, body: Node) -> None:
        """The name below a derivative, if it stands there by itself, is an unknown."""
        if body.kind == "apply":
            if self.operator_along(body) is not None:
                return
            body = body.args[0]
        if body.kind != "name" or body.text in FUNCTION_NAMES or self.index_of(body.text, body.position) is not None:
            return
        name = self.canonical(body.text)
        self.check_unknown(name, body.position)
        has_value = self.known.parameters.get(name) is not None
        if not has_value and name not in self.known.definitions and name not in _CONSTANTS:
            self.fields[name] = None

    def check_unknown(self, name: str, position: int) -> None:
        """ParseError for a name that no unknown can have."""
        if keyword.iskeyword(name) or not name.isidentifier() or name.startswith("_"):
            hint = "; write λ" if name == "lambda" else ""
            raise self.fail(f"{name!r} cannot name an unknown{hint}", position)

    def indexed(self, node: Node) -> None:
        index = self.index_of(node.text, node.position)
        if index is not None:
            base, along = index
            self.differentiated(Node("name", base, (), node.position))
            for c in along:
                self.found[c] = None
                self.spatial |= c != self.known.time

    def operator_call(self, node: Node) -> None:
        """``dxx(u)``, ``d(u, x)``, ``laplacian(u)``, ``integral(u, x)`` as text models write them."""
        target, *arguments = node.args
        along = self.operator_along(node)
        if along is None or not arguments:
            return
        self.differentiated(arguments[0])
        for c in along:
            self.found[c] = None
        self.spatial |= any(c != self.known.time for c in along) or target.text in VECTOR_OPERATORS

    def operator_along(self, node: Node) -> tuple[str, ...] | None:
        """The coordinates of ``dxx(...)`` and its like; None where the name is no operator."""
        target, *arguments = node.args
        if target.kind != "name" or target.text in self.fields or target.text in self.known.parameters:
            return None
        if target.text in VECTOR_OPERATORS:
            return ()
        if target.text in ("d", "integral"):
            return tuple(a.text for a in arguments[1:] if a.kind == "name") if len(arguments) > 1 else None
        ways = split_suffix(target.text, dict.fromkeys(self.candidates()))
        return ways[0] if ways else None

    # --- derivatives by index ------------------------------------------------------------

    def candidates(self) -> tuple[str, ...]:
        """Names that can be coordinates in an index: the model's, and t, x, y, z."""
        usual = (c for c in (self.known.time, *_USUAL) if c not in self.known.parameters)
        return tuple(dict.fromkeys((*self.known.coordinates, *self.known.domain, *self.found, *usual)))

    def index_of(self, text: str, position: int) -> tuple[str, tuple[str, ...]] | None:
        """``u_xx`` -> ("u", ("x", "x")); None for names that have a meaning of their own, or whose index is none."""
        base, mark, suffix = text.rpartition("_")
        if not mark or not base or not suffix or self.declared(text) or base in _CONSTANTS:
            return None
        ways = split_suffix("d" + suffix, dict.fromkeys(self.candidates()))
        if not ways:
            return None
        if len(ways) > 1:
            raise self.ambiguous(base, text, ways, position)
        return base, ways[0]

    def split(self, along: Along) -> tuple[str, ...]:
        """The coordinates of one direction, each as often as it is differentiated along."""
        if along.kind == "time":
            return (self.known.time,) * along.order
        if along.kind == "coordinate" and (along.text in self.candidates() or len(along.text) == 1):
            self.check_coordinate(along)
            return (along.text,) * along.order
        ways = split_suffix("d" + along.text, dict.fromkeys(self.candidates()))
        if not ways and along.kind == "coordinate":
            self.check_coordinate(along)
            return (along.text,) * along.order
        if not ways:
            raise self.fail(
                f"{along.text!r} is not made of coordinates ({', '.join(self.candidates())}); say its interval first: "
                f"{along.text} in (0, 1)", along.position
            )  # fmt: skip
        if len(ways) > 1:
            raise self.ambiguous("u", along.text, ways, along.position)
        return ways[0] * along.order

    def is_normal(self, along: Along) -> bool:
        """``∂u/∂n``, where no coordinate is called n."""
        return along.text == "n" and "n" not in self.candidates()

    def check_coordinate(self, along: Along) -> None:
        if along.text in _CONSTANTS or keyword.iskeyword(along.text):
            raise self.fail(f"{along.text!r} cannot be a coordinate", along.position)
        if along.text in self.known.parameters:
            value = self.known.parameters[along.text]
            raise self.fail(
                f"{along.text!r} is a parameter ({along.text} = {value}), so nothing is differentiated along it",
                along.position,
            )

    def ambiguous(self, base: str, text: str, ways: list[tuple[str, ...]], position: int) -> ParseError:
        offers = " or ".join(f"d({base}, {', '.join(way)})" for way in ways[:3])
        return self.fail(f"{text!r} can be read as {offers}; write the one you mean", position)

    def holds_derivative(self, top: Node) -> bool:
        """Does the formula hold a derivative, an operator or an integral?"""
        for node in walk(top):
            if node.kind in ("derivative", "integral") or (node.kind == "call" and node.text in VECTOR_OPERATORS):
                return True
            if node.kind == "name" and self.index_of(node.text, node.position) is not None:
                return True
            if node.kind == "apply" and self.operator_along(node) is not None:
                return True
        return False

    # --- names ------------------------------------------------------------

    def declared(self, name: str) -> bool:
        """Has the session a meaning for this very name (or its twin in the other spelling)?"""
        known: tuple[Mapping[str, object], ...] = (self.known.fields, self.known.parameters, self.known.definitions)
        return any(name in table or twin(name) in table for table in known) or name in self.known.coordinates

    def canonical(self, name: str) -> str:
        """The spelling under which a name is known: ``α`` where ``alpha`` was declared, and the other way round."""
        other = twin(name)
        for table in (self.fields, self.known.parameters, self.known.definitions, self.known.domain, self.free):
            if name in table:
                return name
            if other and other in table:
                return other
        return name

    def role(self, name: str) -> str:
        """field, parameter, definition, coordinate, constant, function or free."""
        if name in self.fields and name not in self.found:
            return "field"
        if name in self.known.definitions and self.known.parameters.get(name) is None:
            return "definition"
        if name in self.known.parameters:
            return "parameter"
        if name in self.found or name in self.known.coordinates or name in self.known.domain:
            return "coordinate"
        if name in _CONSTANTS:
            return "constant"
        if name == self.known.time or (self.spatial and name in _USUAL):
            return "coordinate"
        return "function" if name in FUNCTION_NAMES or name in VECTOR_OPERATORS else "free"

    def definition(self, name: str) -> Definition:
        return self.known.definitions[name]

    def note(self, name: str, role: str) -> None:
        """Remember what occurred."""
        if role == "free":
            self.free[name] = None
        elif role == "coordinate":
            self.named[name] = None
        elif role == "field":
            self.noted[name] = None

    # --- what was found ------------------------------------------------------------

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Time, then the coordinates in space: known, found, or x where an operator such as ∇² needs one."""
        all_found = dict.fromkeys((*self.known.coordinates, *self.found, *self.named))
        space = [c for c in all_found if c != self.known.time]
        if self.spatial and not space:
            space = ["x"]
        ordered = [c for c in _USUAL if c in space] + [c for c in space if c not in _USUAL]
        return (self.known.time, *ordered)

    def unknowns(self) -> dict[str, tuple[str, ...]]:
        """Unknowns in what was written -> their coordinates."""
        more = [c for c in self.coordinates if c in self.found]  # derivatives along a coordinate that is new to a known field
        return {name: tuple(dict.fromkeys((*self.known.fields.get(name, self.coordinates), *more))) for name in self.noted}

    def near(self, name: str) -> str:
        """A suggestion for a name that has no meaning here."""
        have = {*self.fields, *self.known.parameters, *self.known.definitions, *FUNCTION_NAMES, *VECTOR_OPERATORS}
        return did_you_mean(name, have - {name})


def _written(along: Iterable[str]) -> str:
    """``∂x ∂x`` for ("x", "x")."""
    return " ".join(f"∂{c}" for c in along)
