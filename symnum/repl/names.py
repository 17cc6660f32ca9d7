"""Names at work: definitions put in, products told from calls, scalar products of gradients, names that look like two.

Everything that has two readings raises ParseError with both.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable
from dataclasses import replace

from symnum.model.suffix import split_suffix
from symnum.repl.nodes import Node, walk
from symnum.repl.notation import Reader
from symnum.repl.scope import Scope
from symnum.repl.tokens import tokenize


class Names:
    """The questions that the writer of formulas asks about the names of a scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.vectors: set[int] = set()  # ids of products that are vectors

    # --- definitions ------------------------------------------------------------

    def expanded(self, node: Node, name: str, arguments: tuple[Node, ...]) -> Node:
        """What a defined name stands for here. ParseError for the wrong number of arguments."""
        definition = self.scope.definition(name)
        if len(arguments) != len(definition.arguments):
            if not definition.arguments and len(arguments) == 1:  # q(1 - q): a product
                body = self.expanded(node, name, ())
                return Node("product", "", (body, arguments[0]), node.position, ("", " "))
            usage = f"{name}({', '.join(definition.arguments)})" if definition.arguments else name
            raise self.scope.fail(
                f"{name} is defined as {usage} = {definition.text}; {len(arguments)} given", node.position
            )
        text = str(definition.text)
        tree = Reader(tokenize(text), text, lambda name: True, self.scope.candidates().__contains__).whole()
        put = dict(zip(definition.arguments, arguments, strict=True))
        return _placed_at(tree, put, node.position)

    # --- products and calls ------------------------------------------------------------

    def is_itself(self, node: Node, name: str) -> bool:
        """``u(x, t)`` with all coordinates of u is u. ParseError for ``u(x)`` of a field on t and x, which may be a product."""
        target, *arguments = node.args
        base = name or _base_name(target)
        if not arguments or any(a.kind != "name" for a in arguments):
            return False
        named = [a.text for a in arguments]
        index = self.scope.index_of(base, node.position)
        if index is not None:
            base = index[0]
        if self.scope.role(self.scope.canonical(base)) != "field":
            return False
        coordinates = set(self.scope.known.fields.get(base, self.scope.coordinates))
        usual = {*self.scope.candidates()}
        if not all(n in usual and n not in self.scope.fields for n in named):
            return False
        if set(named) == coordinates or (len(named) > 1 and self.scope.known.time in named):
            return True
        if self.scope.known.coordinates or self.scope.spatial:
            full = ", ".join(c for c in self.scope.coordinates)
            raise self.scope.fail(
                f"'{base}({', '.join(named)})' can be read as {base}*{named[0]} or as {base}({full}), which is {base} itself; "
                "write the one you mean", node.position
            )  # fmt: skip
        return named == [self.scope.known.time]

    def check_product(self, node: Node, name: str, role: str) -> None:
        """``x(r - z)`` is a product; ParseError for everything that is no product for certain."""
        arguments = node.args[1:]
        shown = self.scope.typed[node.position :].partition("(")[0].strip() or name
        if len(arguments) != 1 or any(a.kind == "equals" for a in arguments):
            if role == "field":
                raise self.scope.fail(
                    f"a value of {shown} at a point belongs in a condition by itself: {shown}(x=0) = 0 or {shown}(t=0) = ...",
                    node.position,
                )
            raise self.scope.fail(
                f"unknown function {name!r}.{self.scope.near(name)} Define it first{_define(name, arguments)}",
                node.position,
            )
        inner = arguments[0]
        if node.args[0].kind == "derivative" and inner.kind == "name":
            raise self.scope.fail(
                f"'{shown}({inner.text})' can be read as a product, {shown} {inner.text}, or as the derivative of a function; write the product, "
                f"or define the function: {_base_name(node.args[0])}1({inner.text}) = ...", node.position
            )  # fmt: skip
        compound = inner.kind in ("sum", "product", "power", "minus", "derivative", "call", "apply", "fraction")
        if role in ("field", "parameter", "coordinate", "constant"):
            if (
                role == "field"
                and not compound
                and inner.kind == "number"
                and not self.scope.typed[inner.position - 2 : inner.position].isspace()
            ):
                raise self.scope.fail(
                    f"'{shown}({inner.text})' can be read as {shown}*{inner.text} or as a value at a point; write the product, or a condition "
                    f"such as {shown}(x={inner.text}) = 0", node.position
                )  # fmt: skip
            return
        if compound and inner.kind == "sum" and len(name) <= 2:
            return
        inside = self.scope.typed[inner.position :].partition(")")[0]
        near = self.scope.near(name)
        if node.data[:1] == ("spaced",) and not near:
            return
        raise self.scope.fail(
            f"'{name}({inside})' can be read as a product, {name}*({inside}), or as an unknown function.{near} "
            f"Write the product, or define it first{_define(name, arguments)}", node.position
        )  # fmt: skip

    def refuse_bound(self, node: Node, name: str) -> None:
        """ParseError for the product ``x(1 - x)`` behind a sign that binds closer: ``a/x(1 - x)``, ``∂x u(1 - u)``, ``√u(1 - u)``."""
        if len(node.data) < 2:
            return
        sign, inner = node.data[1], self.scope.typed[node.args[1].position :].partition(")")[0]
        raise self.scope.fail(
            f"'{sign}{name}({inner})' can be read as {sign}({name}*({inner})) or ({sign}{name})*({inner}); write the one you mean".replace(
                "(/", "(.../"
            ),
            node.position,
        )

    def check_body(self, node: Node) -> None:
        """ParseError for ``∂x D ∂x u`` with a parameter D: the first derivative would be of D alone, and so 0."""
        body, typed = node.args[0], self.scope.typed
        name = self.scope.canonical(body.text) if body.kind == "name" else ""
        if not name or self.scope.role(name) != "parameter" or not typed[node.position : body.position].endswith(" "):
            return
        operator = typed[node.position : body.position].rstrip()
        raise self.scope.fail(
            f"{name} is a parameter, so {operator} {name} by itself is 0; write {operator}({name} ...) for the derivative of a product", node.position
        )

    def check_free(self, name: str, position: int) -> None:
        """ParseError for an unknown name that is known names written together (``xy`` where x and y are known) or a derivative
        written otherwise (``uxx``; ``u_rr`` where r is no coordinate).
        """
        if keyword.iskeyword(name):
            cases = (
                "; cases are written where(condition, then, otherwise)"
                if name in ("if", "else")
                else "; choose another"
            )
            raise self.scope.fail(f"{name!r} is a word of Python and cannot be a name{cases}", position)
        if not name.isidentifier() or name.startswith("_"):
            raise self.scope.fail(
                f"{name!r} is no name here; an index stands behind a name or a bracket: u_x, (h u)_x", position
            )
        self.check_index(name, position)
        if len(name) < 2 or "_" in name:
            return
        if name != "d" and split_suffix(name, dict.fromkeys(self.scope.candidates())):
            c = name[1:]
            raise self.scope.fail(
                f"{name!r} can be read as the derivative or as a name of its own; write ∂{c} u or {name}(u), or give the name a value first: "
                f"{name} = 1", position
            )  # fmt: skip
        if self.is_index(name[0], name[1:]):
            raise self.scope.fail(
                f"{name!r} can be read as a name of its own or as a derivative of {name[0]}; write {name[0]}_{name[1:]}, or give the name a value "
                f"first: {name} = 1", position
            )  # fmt: skip
        parts = _known_letters(name, lambda letter: self.scope.role(letter) not in ("free", "function"))
        if parts:
            raise self.scope.fail(
                f"{name!r} can be read as a name of its own or as the product {' '.join(parts)}; write {'*'.join(parts)}, or give the "
                f"name a value first: {name} = 1", position
            )  # fmt: skip

    def check_index(self, name: str, position: int) -> None:
        """ParseError for ``u_rr`` where u is an unknown and r is no coordinate yet."""
        base, _, suffix = name.rpartition("_")
        twice = len(suffix) in (2, 3, 4) and len(set(suffix)) == 1 and suffix.isalpha()
        if twice and self.scope.role(self.scope.canonical(base)) == "field":
            c = suffix[0]
            value = self.scope.known.parameters.get(c)
            why = f"which is a parameter here, {c} = {value:g}" if value is not None else "which is no coordinate yet"
            instead = (
                f"rename that, or begin with {c} as a coordinate by :new"
                if value is not None
                else f"say its interval first: {c} in (0, 1)"
            )
            raise self.scope.fail(f"{name!r} looks like a derivative along {c}, {why}; {instead}", position)

    def is_index(self, base: str, suffix: str) -> bool:
        """``u`` and ``xx`` of ``uxx``: an unknown and at least two coordinates."""
        if self.scope.role(self.scope.canonical(base)) != "field" or len(suffix) < 2:
            return False
        return bool(split_suffix("d" + suffix, dict.fromkeys(self.scope.candidates())))

    # --- scalar products of gradients ------------------------------------------------------------

    def squared_gradient(self, node: Node) -> Node | None:
        """``|∇u|²`` as the sum of the squares of the derivatives."""
        base, exponent = node.args
        if base.kind != "call" or base.text != "abs" or base.args[0].kind != "call" or base.args[0].text != "grad":
            return None
        if exponent.kind != "number" or exponent.text != "2":
            return None
        inner = base.args[0].args[0]
        return self.products_of_derivatives(inner, inner, node.position)

    def dot_product(self, node: Node) -> Node | None:
        """``∇u·∇v`` and ``(a, b)·∇u`` written out, ``a·∇u`` in one dimension as a ∂x u; None where there is no such product.

        A product below ∇· is a vector and stays one. ParseError for ``a ∇u`` elsewhere in more dimensions.
        """
        gradients = [k for k, part in enumerate(node.args) if part.kind == "call" and part.text == "grad"]
        if not gradients or len(gradients) > 2 or node.data[gradients[-1]] == "/" or id(node) in self.vectors:
            return None
        last = gradients[-1]
        lists = [k for k, part in enumerate(node.args[:last]) if part.kind == "list"]
        inner, at = node.args[last].args[0], node.args[last].position
        if len(gradients) == 2:
            other = gradients[0]
            dotted = self.products_of_derivatives(node.args[other].args[0], inner, at)
        elif lists:
            other = lists[0]
            dotted = self.along(node.args[other], inner)
        else:
            other, dotted = last, self.along(None, inner, at)
        args = tuple(dotted if k == last else part for k, part in enumerate(node.args) if k != other or k == last)
        data = tuple(link for k, link in enumerate(node.data) if k != other or k == last)
        return dotted if len(args) == 1 else replace(node, args=args, data=("", *data[1:]))

    def along(self, direction: Node | None, inner: Node, at: int = 0) -> Node:
        """``(a, b)·∇u``: a ∂x u + b ∂y u; without a direction, the derivative along the only coordinate."""
        space = [c for c in self.scope.coordinates if c != self.scope.known.time]
        at = direction.position if direction is not None else at
        if direction is None and len(space) == 1:
            return _derivative(inner, space[0], at)
        if direction is None or len(direction.args) != len(space):
            parts = ", ".join("abcdefgh"[: len(space)])
            raise self.scope.fail(
                f"∇ has {len(space)} components here; an equation holds the product ({parts})·∇u, or a divergence ∇·(...)",
                at,
            )
        rows = tuple(
            Node("product", "", (a, _derivative(inner, c, at)), at, ("", "*"))
            for a, c in zip(direction.args, space, strict=True)
        )
        return rows[0] if len(rows) == 1 else Node("sum", "", rows, at, ("+",) * len(rows))

    def mark_vectors(self, node: Node) -> None:
        """Remember that the products below a divergence or a curl are vectors."""
        self.vectors.update(id(part) for part in walk(node) if part.kind == "product")

    def products_of_derivatives(self, left: Node, right: Node, at: int) -> Node:
        space = [c for c in self.scope.coordinates if c != self.scope.known.time]
        rows = []
        for c in space:
            pair = (_derivative(left, c, at), _derivative(right, c, at))
            rows.append(Node("product", "", pair, at, ("", "*")))
        return rows[0] if len(rows) == 1 else Node("sum", "", tuple(rows), at, ("+",) * len(rows))


def _define(name: str, arguments: Iterable[Node]) -> str:
    inside = ", ".join(a.text if a.kind == "name" else "xyz"[k % 3] for k, a in enumerate(arguments)) or "x"
    return f": {name}({inside}) = ..."


def _derivative(body: Node, coordinate: str, at: int) -> Node:
    return Node("apply", "", (Node("name", "d", (), at), body, Node("name", coordinate, (), at)), at, ("tight",))


def _base_name(node: Node) -> str:
    return next((n.text for n in walk(node) if n.kind == "name"), "")


def _known_letters(name: str, known: object) -> list[str]:
    assert callable(known)
    return list(name) if all(letter.isalpha() and known(letter) for letter in name) else []


def _placed_at(node: Node, put: dict[str, Node], position: int) -> Node:
    """A tree with names replaced, all of it at one place of the typed text."""
    if node.kind == "name" and node.text in put:
        return put[node.text]
    return replace(node, args=tuple(_placed_at(a, put, position) for a in node.args), position=position)
