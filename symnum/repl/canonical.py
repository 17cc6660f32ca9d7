"""A typed tree to a ``Formula`` in symnum's own grammar: ``D u_xx`` to ``D*dxx(u)``, with the column of every character.

Pieces are written from a stack: text with its column, or a node with the precedence that its place asks for, as in ``expr.show``.
"""

from __future__ import annotations

from collections.abc import Container

from symnum.repl.bare_functions import FUNCTION_NAMES
from symnum.repl.names import Names
from symnum.repl.nodes import Node
from symnum.repl.scope import Scope
from symnum.repl.statement_kinds import Formula

ANY, OR, AND, NOT, COMPARE, SUM, PRODUCT, PREFIX, POWER, ATOM = 0, 1, 2, 3, 4, 5, 7, 9, 12, 20
LONGEST = 40_000  # characters of one formula
Piece = tuple[str, int] | tuple[Node, int]  # text and its column, or a node and the precedence it needs


class Writer:
    """Writes the formulas of one scope.

    ``placed``: ids of nodes like ``u(0, t)`` that stand for the field itself, as the place is said elsewhere; ``normal``: (coordinate,
    "lower" or "upper") where ∂/∂n is meant; ``values``: parameters as numbers, where only constants may stand; ``expand``: definitions are put
    in, otherwise their names stay.
    """

    def __init__(
        self,
        scope: Scope,
        placed: Container[int] = (),
        values: bool = False,
        normal: tuple[str, str] | None = None,
        expand: bool = True,
    ) -> None:
        self.scope, self.placed, self.values, self.normal, self.expand = scope, placed, values, normal, expand
        self.names = Names(scope)
        self.met_definition = False

    def formula(self, *parts: Node | str, need: int = ANY) -> Formula:
        """Nodes and texts between them, one after the other."""
        out: list[str] = []
        columns: list[int] = []
        start = next((part.position for part in parts if isinstance(part, Node)), 0)
        stack: list[Piece] = []
        stack.extend((part, need) if isinstance(part, Node) else (part, start) for part in reversed(parts))
        while stack:
            piece = stack.pop()
            if isinstance(piece[0], str):
                out.append(piece[0])
                columns.extend([piece[1]] * len(piece[0]))
                if len(columns) > LONGEST:
                    raise self.scope.fail(f"written out, this formula has more than {LONGEST} characters", start)
                continue
            node, wanted = piece
            pieces, precedence = self.layout(node)
            if precedence < wanted:
                pieces = [("(", node.position), *pieces, (")", node.position)]
            stack.extend(reversed(pieces))
        short = ""
        if self.expand and self.met_definition:
            short = str(
                Writer(self.scope, self.placed, self.values, self.normal, expand=False).formula(*parts, need=need)
            )
        return Formula("".join(out), self.scope.typed, tuple(columns), short)

    # --- a node as pieces ------------------------------------------------------------

    def layout(self, node: Node) -> tuple[list[Piece], int]:
        at = node.position
        match node.kind:
            case "number" | "infinity":
                return [("1e999" if node.kind == "infinity" else node.text, at)], ATOM
            case "fraction":
                return [(node.text, at)], PRODUCT
            case "name":
                return self.name(node)
            case "sum" | "product":
                return self.chain(node)
            case "minus":
                return [("-", at), (node.args[0], PRODUCT)], SUM
            case "power":
                return self.power(node)
            case "compare":
                return self.infix(node, node.data), COMPARE
            case "equals":
                return self.infix(node, ("==",) * (len(node.args) - 1)), COMPARE
            case "logic":
                return self.logic(node)
            case "derivative":
                return self.derivative(node)
            case "integral":
                return self.integral(node)
            case "apply":
                return self.apply(node)
            case "call":
                if node.text == "abs" and node.args[0].kind == "call" and node.args[0].text == "grad":
                    inner = node.args[0].args[0]
                    return self.call("sqrt", (self.names.products_of_derivatives(inner, inner, at),), at)
                if node.text in ("div", "curl"):
                    self.names.mark_vectors(node)
                return self.call(node.text, node.args, at)
        raise self.scope.fail(
            "a list in brackets (a, b) where one expression is expected; write its parts one by one", at
        )

    def call(self, name: str, args: tuple[Node, ...], at: int) -> tuple[list[Piece], int]:
        pieces: list[Piece] = [(f"{name}(", at)]
        for k, argument in enumerate(args):
            pieces += [(", ", at)] * bool(k)
            pieces.append((argument, ANY))
        return [*pieces, (")", at)], ATOM

    def name(self, node: Node) -> tuple[list[Piece], int]:
        at = node.position
        index = self.scope.index_of(node.text, at)
        if index is not None:
            return self.differential(Node("name", index[0], (), at), index[1], at)
        name = self.scope.canonical(node.text)
        role = self.scope.role(name)
        if role == "definition":
            return self.defined(node, name, ())
        if role == "function":
            raise self.scope.fail(f"{name!r} is a function: write {name}(...)", at)
        if role == "parameter" and self.values:
            return self.number(name, at)
        if role == "free":
            self.names.check_free(name, at)
        self.scope.note(name, role)
        return [("pi" if name == "π" else name, at)], ATOM

    def defined(self, node: Node, name: str, arguments: tuple[Node, ...]) -> tuple[list[Piece], int]:
        """``q`` or ``f(x)``: what the name stands for, or the name."""
        self.met_definition = True
        body = self.names.expanded(node, name, arguments)  # raises for a wrong number of arguments
        if self.expand:
            return self.layout(body)
        if not self.scope.definition(name).arguments:
            own: list[Piece] = [(name, node.position)]
            return (own, ATOM) if not arguments else ([*own, ("*", node.position), (arguments[0], PREFIX)], PRODUCT)
        return self.call(name, arguments, node.position)

    def number(self, name: str, at: int) -> tuple[list[Piece], int]:
        """The value of a parameter, where only constants may stand."""
        value = self.scope.known.parameters[name]
        if value is None:
            raise self.scope.fail(f"{name!r} has no value yet; write {name} = 1 first", at)
        return [(repr(value), at)], ATOM if value >= 0 else SUM

    def chain(self, node: Node) -> tuple[list[Piece], int]:
        """``a + b - c`` and ``a*b/c``; dot products of two gradients are written out."""
        if node.kind == "product" and (dotted := self.names.dot_product(node)) is not None:
            return self.layout(dotted)
        own = SUM if node.kind == "sum" else PRODUCT
        pieces: list[Piece] = []
        for k, (link, part) in enumerate(zip(node.data, node.args, strict=True)):
            if own == SUM:
                pieces.append((("-" if link == "-" else "") if not k else f" {link} ", part.position))
            elif k:
                pieces.append((link if link == "/" else "*", part.position))
            first = SUM if own == SUM and link == "+" else PRODUCT
            pieces.append((part, first if not k else PRODUCT if own == SUM or link != "/" else PREFIX))
        return pieces, own

    def power(self, node: Node) -> tuple[list[Piece], int]:
        base, exponent = node.args
        if base.kind == "name" and base.text == "e" and self.scope.role("e") == "free":
            return self.call("exp", (exponent,), node.position)
        squared = self.names.squared_gradient(node)
        if squared is not None:
            return self.layout(squared)
        return [(base, ATOM), ("^", node.position), (exponent, ATOM)], POWER

    def infix(self, node: Node, operators: tuple[str, ...]) -> list[Piece]:
        pieces: list[Piece] = [(node.args[0], SUM)]
        for operator, part in zip(operators, node.args[1:], strict=True):
            pieces += [(f" {operator} ", node.position), (part, SUM)]
        return pieces

    def logic(self, node: Node) -> tuple[list[Piece], int]:
        if node.text == "not":
            return [("not ", node.position), (node.args[0], NOT)], NOT
        own = AND if node.text == "and" else OR
        return [(node.args[0], own), (f" {node.text} ", node.position), (node.args[1], own + 1)], own

    # --- derivatives and integrals ------------------------------------------------------------

    def derivative(self, node: Node) -> tuple[list[Piece], int]:
        if any(self.scope.is_normal(one) for one in node.along):
            return self.normal_derivative(node)
        self.names.check_body(node)
        along = tuple(c for one in node.along for c in self.scope.split(one))
        return self.differential(node.args[0], along, node.position)

    def normal_derivative(self, node: Node) -> tuple[list[Piece], int]:
        """``∂u/∂n``: outward, so against the coordinate at its lower end."""
        at, order = node.position, sum(one.order for one in node.along)
        if self.normal is None or len(node.along) > 1:
            raise self.scope.fail(
                "∂u/∂n is the derivative outward of a side, so it belongs in a condition: ∂u/∂n = 0 @ x=1", at
            )
        coordinate, side = self.normal
        pieces, precedence = self.differential(node.args[0], (coordinate,) * order, at)
        return ([("-", at), *pieces], SUM) if side == "lower" and order % 2 else (pieces, precedence)

    def differential(self, body: Node, along: tuple[str, ...], at: int) -> tuple[list[Piece], int]:
        """``dxx(u)``, or ``d(u, theta, 2)`` where the short name would be another one."""
        short = "d" + "".join(along)
        if (
            all(len(c) == 1 for c in along)
            and short not in FUNCTION_NAMES
            and short != "div"
            and not self.scope.declared(short)
        ):
            return self.call(short, (body,), at)
        pieces: list[Piece] = [("d(", at), (body, ANY)]
        for c in dict.fromkeys(along):
            order = along.count(c)
            pieces.append((f", {c}, {order}" if order > 1 else f", {c}", at))
        return [*pieces, (")", at)], ATOM

    def integral(self, node: Node) -> tuple[list[Piece], int]:
        at = node.position
        if len(node.args) == 1:
            return [("integral(", at), (node.args[0], ANY), (f", {node.text})", at)], ATOM
        body, low, high = node.args
        return [
            ("integral(", at),
            (body, ANY),
            (f", ({node.text}, ", at),
            (low, ANY),
            (", ", at),
            (high, ANY),
            ("))", at),
        ], ATOM

    # --- x(r - z), u(0, t), f(x) ------------------------------------------------------------

    def apply(self, node: Node) -> tuple[list[Piece], int]:
        target, *arguments = node.args
        at = node.position
        if id(node) in self.placed:
            return [(target, ATOM)], ATOM
        name = self.scope.canonical(target.text) if target.kind == "name" else ""
        role = self.scope.role(name) if name else "field"
        if role == "definition":
            if not self.scope.definition(name).arguments:
                self.names.refuse_bound(node, name)
            return self.defined(node, name, tuple(arguments))
        if self.scope.operator_along(node) is not None:
            return self.operator(node)
        if role == "function" or (name == "where" and role == "free"):
            return self.call(name, tuple(arguments), at)
        if self.names.is_itself(node, name):
            return [(target, ATOM)], ATOM
        self.names.check_product(node, name, role)
        self.names.refuse_bound(node, name)
        return [(target, PRODUCT), ("*", arguments[0].position), (arguments[0], PREFIX)], PRODUCT

    def operator(self, node: Node) -> tuple[list[Piece], int]:
        """``d(u, x, 2)`` and its like, as they are; coordinates are no parameters there."""
        if len(node.args) < 2:
            raise self.scope.fail(f"{node.args[0].text} needs what it acts on: {node.args[0].text}(u)", node.position)
        target, body, *rest = node.args
        pieces: list[Piece] = [(f"{target.text}(", target.position), (body, ANY)]
        for argument in rest:
            pieces.append((", ", argument.position))
            if argument.kind == "list":
                pieces.append(("(", argument.position))
                for k, part in enumerate(argument.args):
                    pieces += [(", ", part.position)] * bool(k)
                    pieces.append((part, ANY))
                pieces.append((")", argument.position))
            else:
                pieces.append((argument, ANY))
        return [*pieces, (")", node.position)], ATOM
