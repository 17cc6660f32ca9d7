"""Reading the wire form: every operand is checked before it is used, so a damaged array gives a sentence and never a wrong term."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from symnum.bridge.wire_codes import (
    CODES,
    COORDINATE,
    COUNTED,
    DERIVATIVE,
    DTYPES,
    FIELD,
    FIXED,
    FLOAT,
    FRACTION,
    INTEGER,
    INTEGRAL,
    KINDS,
    LARGE,
    LAYOUTS,
    PARAMETER,
    PRODUCT,
    ROLES,
    SUM,
    SYMBOL,
    TABLE,
    TRUTH,
    VERSION,
)
from symnum.errors import TermError
from symnum.expr.calculus import derivative, differentiate, from_summands
from symnum.expr.integral import integral
from symnum.expr.names import CoordinateInfo, FieldInfo, ParameterInfo
from symnum.expr.ops import TABLE as OPERATORS
from symnum.expr.term import ONE, Const, Symbol, Term, call, make_call, mul, power

_OPERATORS = {code: op for op, code in CODES.items()}
_HEADER = 3
_HIGHEST = 8  # order of a derivative that is taken while reading


def damaged(what: str) -> TermError:
    """The error of a wire form that is not well made."""
    return TermError(f"the wire form of terms is damaged: {what}")


class Codes:
    """A cursor over the codes. ``nodes``, ``roots``: the counts of the header."""

    def __init__(self, codes: list[int]) -> None:
        if len(codes) < _HEADER:
            raise damaged(f"{len(codes)} codes, fewer than the {_HEADER} of its head")
        version, self.nodes, self.roots = codes[:_HEADER]
        if version != VERSION:
            raise TermError(f"the wire form of terms has version {version}; this symnum reads version {VERSION}")
        if self.nodes < 0 or self.roots < 0 or self.nodes + self.roots > len(codes) - _HEADER:
            raise damaged(f"its head says {self.nodes} nodes and {self.roots} roots, but {len(codes)} codes follow")
        self.codes, self.at, self.end = codes, _HEADER, len(codes) - self.roots

    def take(self) -> int:
        """The next code of the records."""
        if self.at >= self.end:
            raise damaged("a record runs beyond the end")
        self.at += 1
        return self.codes[self.at - 1]

    def several(self, count: int) -> list[int]:
        """The next ``count`` codes of the records."""
        if not 0 <= count <= self.end - self.at:
            raise damaged(f"a record of {count} operands, where {self.end - self.at} codes are left")
        self.at += count
        return self.codes[self.at - count : self.at]

    def operands(self, code: int) -> list[int]:
        """The operands of a record, counts among them."""
        if code in COUNTED:
            before, each, more = COUNTED[code]
            head = self.several(before + 1)
            if head[-1] < 0 or (head[-1] == 0 and code != FIELD):
                raise damaged(f"a record {LAYOUTS[code]} of {head[-1]} parts")
            return head + self.several(each * head[-1] + more)
        if code in FIXED:
            return self.several(FIXED[code])
        if code not in _OPERATORS:
            raise damaged(f"the operation code {code} is not one of version {VERSION}")
        return self.several(OPERATORS[_OPERATORS[code]].arity or 0)


def records(codes: list[int]) -> Iterator[tuple[str, list[int]]]:
    """Name and operands of each record."""
    cursor = Codes(codes)
    for _ in range(cursor.nodes):
        code = cursor.take()
        yield LAYOUTS.get(code) or _OPERATORS.get(code, "?"), cursor.operands(code)


class Reader:
    """One reading of codes, numbers and names (see ``wire.decode``)."""

    def __init__(
        self,
        codes: list[int],
        numbers: Sequence[float],
        names: Sequence[str],
        canonical: bool,
        symbols: Callable[[Symbol], Term] | None,
        partial: bool,
    ) -> None:
        self.cursor, self.numbers, self.names = Codes(codes), numbers, names
        self.canonical, self.symbols, self.partial = canonical, symbols, partial
        self.made: list[Term] = []

    def roots(self) -> tuple[Term, ...]:
        """All terms, checked."""
        cursor = self.cursor
        for _ in range(cursor.nodes):
            code = cursor.take()
            self.made.append(self._node(code, cursor.operands(code)))
        if cursor.at != cursor.end:
            raise damaged(f"{cursor.end - cursor.at} codes are left over")
        return tuple(self._at(i) for i in cursor.codes[cursor.end :])

    # --- operands

    def _at(self, i: int) -> Term:
        if not 0 <= i < len(self.made):
            raise damaged(f"node {i} is asked for where nodes 0 to {len(self.made) - 1} are known")
        return self.made[i]

    def _value(self, i: int) -> Any:
        node = self._at(i)
        if node.op != "const" or isinstance(node.data[0], bool):
            raise damaged(f"a number is expected, and node {i} is {node.op}")
        return node.data[0]

    def _whole(self, i: int) -> int:
        value = self._value(i)
        if not isinstance(value, int):
            raise damaged(f"a whole number is expected, and node {i} is {value}")
        return value

    def _coordinate(self, i: int) -> Symbol:
        node = self._at(i)
        if not isinstance(node, Symbol) or node.kind != "coordinate":
            raise damaged(f"a coordinate is expected, and node {i} is {node.op}")
        return node

    def _name(self, i: int) -> str:
        if not 0 <= i < len(self.names):
            raise damaged(f"name {i} of {len(self.names)}")
        return self.names[i]

    # --- nodes

    def _node(self, code: int, operands: list[int]) -> Term:
        if code in (INTEGER, LARGE, FRACTION, FLOAT, TRUTH):
            return Const(self._number(code, operands))
        if code in (SYMBOL, COORDINATE, FIELD, PARAMETER):
            symbol = self._symbol(code, operands)
            return symbol if self.symbols is None else self.symbols(symbol)
        if code in (SUM, PRODUCT):
            values = [self._value(i) for i in (operands[1], *operands[2::2])]
            return self._collected(code, values, [self._at(i) for i in operands[3::2]])
        if code == DERIVATIVE:
            return self._derivative(operands)
        if code == INTEGRAL:
            body, x = self._at(operands[0]), self._coordinate(operands[1])
            return integral(body, x) if self.canonical else make_call("integral", (body, x))
        if code == TABLE:
            start, values = self._whole(operands[2]), [self._value(i) for i in operands[3:]]
            return make_call("table", (self._at(operands[0]),), (start, *values))
        op = _OPERATORS[code]
        args = tuple(self._at(i) for i in operands)
        return call(op, *args) if self.canonical else make_call(op, args)

    def _number(self, code: int, operands: list[int]) -> Any:
        if code == INTEGER:
            return operands[0]
        if code == FLOAT:
            if not 0 <= operands[0] < len(self.numbers):
                raise damaged(f"number {operands[0]} of {len(self.numbers)}")
            return self.numbers[operands[0]]
        if code == TRUTH:
            if operands[0] not in (0, 1):
                raise damaged(f"the truth value {operands[0]}")
            return bool(operands[0])
        if code == FRACTION:
            above, below = (self._whole(i) for i in operands)
            if below <= 0:
                raise damaged(f"a fraction with the denominator {below}")
            return Fraction(above, below)
        sign, _, *limbs = operands
        if sign not in (1, -1) or not all(0 <= limb < 2**32 for limb in limbs):
            raise damaged("a large integer whose sign is not 1 or -1 or whose limbs are not of 32 bits")
        return sign * int.from_bytes(b"".join(limb.to_bytes(4, "little") for limb in limbs), "little")

    def _symbol(self, code: int, operands: list[int]) -> Symbol:
        name = self._name(operands[0])
        if code == COORDINATE:
            role, units = self._of(ROLES, operands[1], "role"), self._name(operands[2])
            return Symbol(name, "coordinate", CoordinateInfo(role, units))
        if code == FIELD:
            dtype, units = self._of(DTYPES, operands[1], "dtype"), self._name(operands[2])
            return Symbol(name, "field", FieldInfo(tuple(self._coordinate(i) for i in operands[4:]), dtype, units))
        if code == PARAMETER:
            default = None if operands[2] == -1 else self._at(operands[2])
            if default is not None and default.op != "const":
                raise damaged(f"the default of the parameter {name!r} is no number")
            value = None if default is None else default.data[0]
            return Symbol(name, "parameter", ParameterInfo(value, self._name(operands[1])))
        kind, (form, value) = self._of(KINDS, operands[1], "kind"), operands[2:]
        if form not in (0, 1, 2):
            raise damaged(f"the symbol {name!r} has a value of form {form}")
        return Symbol(name, kind, (None, value, self._name(value) if form == 2 else None)[form])

    def _of(self, table: tuple[str, ...], i: int, what: str) -> str:
        if not 0 <= i < len(table):
            raise damaged(f"the {what} {i} of {len(table)}")
        return table[i]

    def _collected(self, code: int, values: list[Any], args: list[Term]) -> Term:
        if not self.canonical:
            return make_call("add" if code == SUM else "mul", tuple(args), tuple(values))
        if code == SUM:
            return from_summands([(values[0], ONE), *zip(values[1:], args, strict=True)])
        powers = (power(b, Const(e)) for b, e in zip(args, values[1:], strict=True))
        return mul((Const(values[0]), *powers))

    def _derivative(self, operands: list[int]) -> Term:
        body, pairs = self._at(operands[0]), operands[2:]
        if self.partial:
            return self._partial_derivative(body, pairs)
        along, orders = [self._coordinate(i) for i in pairs[::2]], pairs[1::2]
        if min(orders) < 1 or len(set(along)) < len(along):
            raise damaged(f"a derivative of orders {orders} along {', '.join(x.name for x in along)}")
        if self.canonical:
            return derivative(body, dict(zip(along, orders, strict=True)))
        return make_call("derivative", (body, *along), tuple(orders))

    def _partial_derivative(self, body: Term, pairs: list[int]) -> Term:
        for i, order in zip(pairs[::2], pairs[1::2], strict=True):
            if not 1 <= order <= _HIGHEST:
                raise damaged(f"a partial derivative of order {order}")
            for _ in range(order):
                body = differentiate(body, self._at(i))
        return body
