"""Terms as a flat table that any language can read: each row is a number, a name, or an operator with the rows of its arguments.

    [{"number": 2}, {"name": "u"}, {"op": "mul", "data": [3, 1], "args": [1]}]          numbers: 2, 0.5, "1/3"

Shared terms stand once. Reading goes through the constructors of terms: unknown operators, wrong arities and rows that name later rows are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from symnum.errors import ModelError, TermError, did_you_mean
from symnum.expr.calculus import derivative
from symnum.expr.integral import integral
from symnum.expr.network import ACTIVATIONS, Shape, network, shape_of, weights
from symnum.expr.ops import TABLE
from symnum.expr.term import Const, Symbol, Term, call, make_call, power, rebuild
from symnum.expr.walk import postorder

_WITHOUT = {"table", "weights", "network_gradient"}  # of kernels; the weights of a network stand in its row
_DEEPEST = 1_000_000
_ORDERS = 8  # of derivatives of composite terms, nested ones added up
_FRACTION = re.compile(r"(-?[0-9]{1,4000})/([0-9]{1,4000})\Z")  # Python reads whole numbers of up to 4300 digits


class Table:
    """Rows for terms, in the order in which they were first asked for."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._where: dict[Term, int] = {}

    def row(self, term: Term) -> int:
        """The row of a term; its parts come before it."""
        for node in postorder((term,)):
            if node not in self._where and node.op != "weights":
                self._where[node] = len(self.rows)
                self.rows.append(self._written(node))
        return self._where[term]

    def _written(self, node: Term) -> dict[str, Any]:
        if isinstance(node, Const):
            return {"number": number_out(node.value)}
        if isinstance(node, Symbol):
            return {"name": node.name}
        if node.op in _WITHOUT:
            raise ModelError(f"{node} cannot be exported; put the formula in its place")
        if node.op == "network":
            return self._network(node)
        row: dict[str, Any] = {"op": node.op, "args": [self._where[a] for a in node.args]}
        if node.data:
            row["data"] = [number_out(v) for v in node.data]
        return row

    def _network(self, node: Term) -> dict[str, Any]:
        shape = shape_of(node.data)
        return {
            "op": "network",
            "args": [self._where[a] for a in node.args[:-1]],
            "weights": [self._where[w] for w in node.args[-1].args],
            "activation": shape.activation,
            "layers": list(shape.sizes),
            "output": shape.output,
            "derivatives": list(shape.places),
        }


def number_out(value: Any) -> Any:
    """A number as JSON has it: fractions as "1/3"."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    return int(value) if isinstance(value, int) else float(value)


def number_in(value: Any, where: str) -> Any:
    """A number from JSON. Raises ModelError for anything else."""
    if isinstance(value, str):
        fraction = _FRACTION.match(value)
        if fraction and int(fraction[2]):
            return Fraction(int(fraction[1]), int(fraction[2]))
    elif isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ModelError(f'{where}: {value!r} is no number; numbers are 2, 0.5 or "1/3"')


def terms_in(rows: Any, names: Mapping[str, Symbol]) -> list[Term]:
    """The terms of a table, by row. Raises ModelError, with the row, for whatever ``Table`` could not have written."""
    if not isinstance(rows, Sequence) or isinstance(rows, (str, bytes)) or len(rows) > _DEEPEST:
        raise ModelError(f"terms must be a list of at most {_DEEPEST} rows, got {type(rows).__name__}")
    made: list[Term] = []
    orders: list[int] = []
    for k, row in enumerate(rows):
        orders.append(_orders(row, made, orders))
        if orders[-1] > _ORDERS:
            raise ModelError(
                f"terms[{k}]: a composite term is differentiated {orders[-1]} times in all; at most {_ORDERS}, as it grows each time"
            )
        try:
            made.append(_read(row, made, names, f"terms[{k}]"))
        except TermError as wrong:
            raise ModelError(f"terms[{k}]: {wrong}") from None
    return made


def _orders(row: Any, made: list[Term], orders: list[int]) -> int:
    """How often anything but a field is differentiated in a row, with the rows that it names."""
    places = row.get("args") if isinstance(row, Mapping) else None
    if not places or not _are_rows(places, made):
        return 0
    held = max(orders[i] for i in places)
    if row.get("op") != "derivative" or isinstance(made[places[0]], Symbol):
        return held
    numbers = row.get("data")
    return held + (sum(n for n in numbers if type(n) is int) if isinstance(numbers, list) else 0)


def _read(row: Any, made: list[Term], names: Mapping[str, Symbol], where: str) -> Term:
    if not isinstance(row, Mapping):
        raise ModelError(
            f'{where}: {row!r} is no row; write {{"number": 2}}, {{"name": "u"}} or {{"op": "sin", "args": [0]}}'
        )
    if "number" in row:
        return Const(number_in(row["number"], where))
    if "name" in row:
        name = row["name"]
        if not isinstance(name, str) or name not in names:
            raise ModelError(
                f"{where}: {name!r} is not declared.{did_you_mean(str(name), names)} Declared: {', '.join(names)}"
            )
        return names[name]
    op, places, numbers = row.get("op"), row.get("args", []), row.get("data", [])
    if not isinstance(op, str) or op not in TABLE or op in _WITHOUT:
        raise ModelError(f"{where}: unknown operator {op!r}.{did_you_mean(str(op), set(TABLE) - _WITHOUT)}")
    if not _are_rows(places, made):
        raise ModelError(f"{where}: args {places!r} must be numbers of earlier rows")
    if op == "network":
        return _network(row, made, where)
    if not isinstance(numbers, list):
        raise ModelError(f"{where}: data {numbers!r} must be a list of numbers")
    return _built(op, [made[i] for i in places], [number_in(v, where) for v in numbers], where)


def _built(op: str, args: list[Term], data: list[Any], where: str) -> Term:
    if op in ("add", "mul"):
        if len(data) != len(args) + 1:
            raise ModelError(f"{where}: {op} of {len(args)} terms takes {len(args) + 1} numbers, got {len(data)}")
        return rebuild(make_call(op, tuple(args), tuple(data)), tuple(args))
    if op == "derivative":
        coordinates = args[1:]
        if (
            not args
            or len(data) != len(coordinates)
            or not all(_is_order(n) for n in data)
            or not all(_is_coordinate(c) for c in coordinates)
            or len(set(coordinates)) < len(coordinates)
        ):
            raise ModelError(
                f"{where}: a derivative takes a term, different coordinates, and a positive order (at most 20) for each"
            )
        return derivative(args[0], dict(zip(coordinates, data, strict=True)))  # type: ignore[arg-type]
    if op == "integral":
        if len(args) != 2 or data or not _is_coordinate(args[1]):
            raise ModelError(f"{where}: an integral takes a term and a coordinate")
        return integral(args[0], args[1])
    arity = TABLE[op].arity
    if data or (arity is not None and len(args) != arity):
        raise ModelError(
            f"{where}: {op} takes {arity} argument{'s' * (arity != 1)} and no numbers, got {len(args)} and {len(data)}"
        )
    return power(*args) if op == "pow" else call(op, *args)


def _network(row: Mapping[str, Any], made: list[Term], where: str) -> Term:
    layers, output, derivatives = row.get("layers"), row.get("output", 0), row.get("derivatives", [])
    held = row.get("weights", [])
    if not (isinstance(layers, list) and len(layers) > 1 and all(type(n) is int and n > 0 for n in layers)):
        raise ModelError(f"{where}: layers {layers!r} are no numbers of units; write for example [1, 16, 1]")
    if row.get("activation") not in ACTIVATIONS:
        raise ModelError(
            f"{where}: there is no activation {row.get('activation')!r}. There are: {', '.join(ACTIVATIONS)}"
        )
    shape = Shape(row["activation"], tuple(layers), output, tuple(derivatives) if isinstance(derivatives, list) else ())
    inputs = [made[i] for i in row.get("args", [])]
    if not _are_rows(held, made) or len(held) != shape.count or len(inputs) != shape.inputs:
        raise ModelError(
            f"{where}: a network with layers {layers} takes {shape.inputs} args and {shape.count} weights, numbers of earlier rows"
        )
    if type(output) is not int or not 0 <= output < layers[-1]:
        raise ModelError(f"{where}: output {output!r} is none of {layers[-1]}, counted from 0")
    sound = isinstance(derivatives, list) and all(
        type(p) is int and 0 <= p < shape.inputs + shape.count for p in derivatives
    )
    if not sound or derivatives != sorted(derivatives):
        raise ModelError(f"{where}: derivatives {derivatives!r} must be increasing numbers of inputs, then of weights")
    return network(shape, inputs, weights([made[i] for i in held]))


def _are_rows(given: Any, made: list[Term]) -> bool:
    return isinstance(given, list) and all(type(i) is int and 0 <= i < len(made) for i in given)


def _is_order(n: Any) -> bool:
    return type(n) is int and 0 < n <= 20


def _is_coordinate(term: Term) -> bool:
    return isinstance(term, Symbol) and term.kind == "coordinate"
