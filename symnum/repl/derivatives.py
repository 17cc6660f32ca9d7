r"""How derivatives, integrals and roots are typed.

::

    ∂x u   ∂²x u   ∂_xx u   ∂ₓₓu   ∂x² u      ∂u/∂t   ∂²u/∂x²   ∂²u/∂x∂y   ∂/∂x(D ∂u/∂x)      u''   \dot{x}
    du/dt  d²u/dx²  d^2u/dx^2  d2u/dx2        d/dx(D du/dx)   \frac{\partial u}{\partial t}   \frac{d}{dx} u
    ∇²u  Δu  ∇·(D ∇u)  ∇u  ∇×w                ∫u dx   ∫[0, x] u dx   √x   √(1 + x)   \sqrt{x}   \frac{a}{b}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from symnum.repl.nodes import Along, Node
from symnum.repl.tokens import Token

if TYPE_CHECKING:
    from symnum.repl.notation import Reader

_NUMBERED = re.compile(r"d([2-9])(\w*)")


def operator(reader: Reader) -> Node | None:
    """An operator at this place with its operand, or None."""
    token = reader.token
    if token.kind == "name":
        return quotient(reader) if token.text.startswith("d") and not reader.declared(token.text) else None
    if token.kind != "op":
        return None
    match token.text:
        case "∂":
            return quotient(reader) or _partial(reader)
        case "∇":
            return _nabla(reader)
        case "Δ":
            reader.advance()
            return _laplacian(reader, token, (_order(reader) or 1) * 2)
        case "√" | "∛":
            reader.advance()
            return _root(reader, token)
        case "∫":
            return _integral(reader)
        case "frac":
            return _fraction(reader)
        case "dot" | "ddot":
            reader.advance()
            node = _dotted(reader, token)
            return reader.applied(primed(reader, node, token._replace(text="2" if token.text == "ddot" else "1")))
    return None


def primed(reader: Reader, node: Node, token: Token) -> Node:
    """A node with primes behind it: derivatives in time."""
    order = int(token.text)
    if order > 20:
        raise reader.fail(f"{order} primes; a derivative has at most order 20", token.position)
    if node.kind == "derivative" and node.along[0].kind == "time":  # \dot{x}' and the like
        order, node = order + node.along[0].order, node.args[0]
    return Node("derivative", "'", (node,), node.position, (), (Along("time", "", order, token.position),))


def _order(reader: Reader) -> int | None:
    """``²`` or ``^2`` or ``^{2}`` behind ∂, ∇ or d; None where there is none."""
    token = reader.token
    if token.kind == "power":
        text = reader.advance().text
    elif reader.at("^") and reader.peek().kind == "number":
        reader.advance()
        text = reader.advance().text
    elif (
        reader.at("^") and reader.peek().text == "{" and reader.peek(2).kind == "number" and reader.peek(3).text == "}"
    ):
        text = reader.peek(2).text
        for _ in range(4):
            reader.advance()
    else:
        return None
    if not text.isdigit() or not 1 <= int(text) <= 20:
        raise reader.fail(f"the order of a derivative is a whole number from 1 to 20, not {text!r}", token.position)
    return int(text)


# --- ∂x u ------------------------------------------------------------


def _partial(reader: Reader) -> Node:
    sign = reader.advance()
    order = _order(reader)
    where = reader.token
    if where.kind != "name":
        raise reader.fail(f"expected a coordinate behind '∂', found {reader.seen()}; write ∂x u or ∂u/∂x")
    reader.advance()
    along = [
        Along("suffix" if where.text.startswith("_") else "coordinate", where.text.removeprefix("_"), 1, where.position)
    ]
    while (
        where.text.startswith("_")
        and reader.at(",")
        and reader.peek().kind == "name"
        and reader.coordinate(reader.peek().text)
    ):
        reader.advance()
        more = reader.advance()
        along.append(Along("coordinate", more.text, 1, more.position))
    after = _order(reader)
    if order is not None and after is not None:
        raise reader.fail("the order of the derivative stands twice; write ∂²x u", where.position)
    total = order or after or 1
    if len(along) == 1:
        along[0] = along[0]._replace(order=total)
    return Node("derivative", "∂", (_body(reader, where, sign.position),), sign.position, (), tuple(along))


def _body(reader: Reader, where: Token, begin: int) -> Node:
    """The operand of an operator that is typed from column ``begin``; ``where``: its last token."""
    if not reader.starts_operand():
        text = where.text.removeprefix("_")
        if where.kind == "name" and not reader.coordinate(text):
            instead = f"∂{text[:1]} {text[1:]}" if len(text) > 1 else f"∂x {text} or ∂{text}/∂x"
            raise reader.fail(f"nothing to differentiate behind '∂{text}'; write {instead}", where.position)
        raise reader.fail(f"expected what the operator acts on, found {reader.seen()}")
    return reader.bound(reader.typed[begin : reader.token.position].rstrip() + " ", reader.operand)


# --- ∂u/∂t ------------------------------------------------------------


def quotient(reader: Reader) -> Node | None:
    """``∂²u/∂x²``, ``d²u/dx²``, ``d/dx(u)``; None, and nothing read, where the tokens say something else."""
    start = reader.index
    end = _end_of_numerator(reader, start)
    if end is None or not _is(reader, end, "/"):
        return None
    found = _denominator(reader, start, end + 1)
    return None if found is None else _differentiated(reader, found[0], found[1])


def _differentiated(reader: Reader, along: list[Along], after: int) -> Node:
    """The derivative whose numerator begins here; the reader goes on at ``after``."""
    start = reader.token.position
    order, body = _numerator(reader)
    below = sum(a.order for a in along)
    if below != order:
        raise reader.fail(f"the derivative has order {order} above and {below} below the line", start)
    reader.index = after
    if body is None:
        return Node("derivative", "∂", (_body(reader, reader.tokens[after - 1], start),), start, (), tuple(along))
    return reader.applied(Node("derivative", "∂", (body,), start, (), tuple(along)))


def _is(reader: Reader, index: int, text: str) -> bool:
    token = reader.tokens[min(index, len(reader.tokens) - 1)]
    return token.kind == "op" and token.text == text


def _end_of_numerator(reader: Reader, index: int) -> int | None:
    """Index behind ``∂²u``, ``∂``, ``du``, ``d²u``, ``d2u``, ``d(u v)``, found without parsing what is in brackets; None for anything else."""
    tokens, token = reader.tokens, reader.tokens[index]
    if token.text not in ("∂", "d"):
        return index + 1 if token.kind == "name" and token.text.startswith("d") else None
    index += 1
    if tokens[index].kind == "power":
        index += 1
    elif _is(reader, index, "^"):
        index = index + 2 if tokens[index + 1].kind == "number" else reader.partner.get(index + 1, index) + 1
    if tokens[index].kind == "name":
        index += 1
        return reader.partner[index] + 1 if _is(reader, index, "(") and index in reader.partner else index
    return reader.partner[index] + 1 if index in reader.partner else index


def _numerator(reader: Reader) -> tuple[int, Node | None]:
    """(order, what is differentiated or None where that follows the quotient)."""
    token = reader.advance()
    if token.text in ("∂", "d"):
        order = _order(reader) or 1
        if reader.token.kind == "name":
            name = reader.advance()
            return order, reader.applied(Node("name", name.text, (), name.position))
        return order, reader.group() if reader.at("(", "[", "{") else None
    match = _NUMBERED.fullmatch(token.text)
    order, text = (int(match[1]), match[2]) if match else (1, token.text[1:])
    return order, Node("name", text, (), token.position + len(token.text) - len(text)) if text else None


def _denominator(reader: Reader, above: int, index: int) -> tuple[list[Along], int] | None:
    """``∂x²``, ``∂x∂y``, ``dt``, ``dx²``, ``dx2``, ``dx dy`` at ``index`` and the index behind it; None where this is no denominator."""
    mark, bracket = reader.index, reader.partner.get(index)
    reader.index = index + (bracket is not None)
    along: list[Along] = []
    while (one := _differential(reader, above, bool(along))) is not None:
        along.append(one)
    end, reader.index = reader.index, mark
    if bracket is not None:
        return (along, end + 1) if along and end == bracket else None
    return (along, end) if along else None


def _differential(reader: Reader, above: int, again: bool) -> Along | None:
    token = reader.token
    if reader.at("∂") and reader.peek().kind == "name":
        if again and token.spaced and reader.peek(2).kind == "name":  # ∂u/∂x ∂y v: the next operator
            return None
        reader.advance()
        name = reader.advance()
        return Along("coordinate", name.text, _order(reader) or 1, name.position)
    if token.kind != "name" or not token.text.startswith("d"):
        return None
    if token.text == "d" and reader.peek().kind == "name" and reader.coordinate(reader.peek().text):  # d t
        reader.advance()
        name = reader.advance()
        return Along("coordinate", name.text, _order(reader) or 1, name.position)
    text = token.text[1:]
    number = re.fullmatch(r"([^\W\d]+)([2-9])", text)
    if number and not reader.coordinate(text):
        text = number[1]
    short = len(text) == 1 and not reader.declared(text) and len(reader.tokens[above].text) <= 2
    if not text or not (reader.coordinate(text) or short):
        return None
    reader.advance()
    order = int(number[2]) if number and text == number[1] else (_order(reader) or 1)
    return Along("coordinate", text, order, token.position + 1)


# --- \frac, ∇, √, ∫ ------------------------------------------------------------


def _fraction(reader: Reader) -> Node:
    r"""``\frac{a}{b}``, and the derivative that is written so."""
    token = reader.advance()
    end = _end_of_numerator(reader, reader.index + 1) if reader.at("{") else None
    if end is not None and _is(reader, end, "}") and end + 1 in reader.partner:
        found = _denominator(reader, reader.index + 1, end + 1)
        if found is not None:
            reader.advance()
            return _differentiated(reader, *found)
    above, below = _braced(reader, token), _braced(reader, token)
    return reader.powers(Node("product", "", (above, below), token.position, ("", "/")))


def _braced(reader: Reader, command: Token) -> Node:
    if not reader.at("{"):
        raise reader.fail(f"expected '{{' behind '\\{command.text}', found {reader.seen()}")
    return reader.group()


def _dotted(reader: Reader, command: Token) -> Node:
    r"""``{x}`` or ``x`` behind ``\dot``."""
    if reader.token.kind != "name":
        return _braced(reader, command)
    name = reader.advance()
    return Node("name", name.text, (), name.position)


def _nabla(reader: Reader) -> Node:
    token = reader.advance()
    order = _order(reader)
    if order is not None:
        if order % 2:
            raise reader.fail(f"∇ to the power {order} is no scalar operator; write ∇²u or ∇(∇²u)", token.position)
        return _laplacian(reader, token, order)
    name = "grad"
    if reader.at("·", "×"):
        name = "div" if reader.advance().text == "·" else "curl"
    node = _body(reader, token, token.position)
    if name == "div" and node.kind == "name" and reader.at("∇"):  # ∇·D∇u: a divergence is of a vector
        node = Node("product", "", (node, reader.operand()), node.position, ("", " "))
    return Node("call", name, (node,), token.position)


def _laplacian(reader: Reader, token: Token, order: int) -> Node:
    node = _body(reader, token, token.position)
    for _ in range(order // 2):
        node = Node("call", "laplacian", (node,), token.position)
    return node


def _root(reader: Reader, token: Token) -> Node:
    if not reader.starts_operand():
        raise reader.fail(f"expected what the root is of, found {reader.seen()}")
    inner = reader.operand() if reader.at("√", "∛") else reader.bound(token.text, reader.atom)
    if token.text == "√":
        return reader.powers(Node("call", "sqrt", (inner,), token.position))
    third = Node("fraction", "1/3", (), token.position)
    return Node("power", "^", (inner, third), token.position)


def _integral(reader: Reader) -> Node:
    """``∫u dx``: everything up to the ``d`` of a coordinate."""
    token = reader.advance()
    limits: tuple[Node, ...] = ()
    if reader.at("[") and not reader.token.spaced:
        group = reader.group()
        if group.kind != "list" or len(group.args) != 2:
            raise reader.fail("the limits of an integral are two: ∫[0, x] u dx", group.position)
        limits = group.args
    end = _differential_at(reader)
    if end is None:
        raise reader.fail("an integral ends in the differential of a coordinate: ∫u dx", token.position)
    last = reader.tokens[end]
    inner = type(reader)(
        [*reader.tokens[reader.index : end], Token("end", "", last.position, last.position, False)],
        reader.typed, reader.declared, reader.coordinate,
    )  # fmt: skip
    inner.depth = reader.depth
    body = inner.whole()
    reader.index = end + 1
    return Node("integral", last.text[1:], (body, *limits), token.position)


def _differential_at(reader: Reader) -> int | None:
    """Index of the ``dx`` that closes the integral here: at the same depth of brackets, integrals inside closed first."""
    depth = inner = 0
    for k in range(reader.index, len(reader.tokens)):
        token = reader.tokens[k]
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}")) if token.kind == "op" else 0
        if depth < 0 or token.kind == "end":
            return None
        inner += token.text == "∫" and not depth
        before = reader.tokens[k - 1].text
        if (
            not depth
            and token.kind == "name"
            and token.text[0] == "d"
            and reader.coordinate(token.text[1:])
            and before != "/"
        ):
            if reader.tokens[k + 1].text == "/" and reader.tokens[k + 2].text.startswith("d"):
                continue  # dx/dt
            if not inner:
                return k
            inner -= 1
    return None
