"""The wire form of terms, version 1: a DAG of terms as three flat arrays that any language can read without a parser.

::

    codes    int64    [version, nodes, roots,  record 0, record 1, ...,  root, root, ...]
    numbers  float64  the floating-point numbers, bit for bit
    names    text     names and units

A record is an operation code and its operands. Records stand in post-order: an operand that is a node is the 0-based position of an earlier
record, so shared parts are written once and a reader needs no recursion. Roots are positions too::

    INTEGER value                            FRACTION numerator denominator          (nodes)
    LARGE   sign n limb_1 ... limb_n         FLOAT    position in numbers            (limbs of 32 bits, the lowest first)
    TRUTH   0 or 1                           SYMBOL   name kind form value           (form 0: no value, 1: integer, 2: name)
    COORDINATE name role units               FIELD    name dtype units n coordinate_1 ... coordinate_n
    PARAMETER  name units default            (default: a node, or -1 for none)
    SUM     n c0 c1 t1 ... cn tn             c0 + c1*t1 + ... + cn*tn                (all nodes)
    PRODUCT n c  e1 b1 ... en bn             c * b1**e1 * ... * bn**en
    DERIVATIVE f n x1 k1 ... xn kn           the k-th derivatives of f along x       (k: whole numbers)
    INTEGRAL   f x                           f integrated over the whole extent of x
    TABLE      i n start v1 ... vn           v[i - start]
    every other operation: its arguments

The codes of version 1 are frozen (``tests/bridge/test_wire.py`` holds them a second time); docs/wire.md is this page with an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.bridge.wire_codes import (
    CODES,
    COORDINATE,
    DERIVATIVE,
    DTYPES,
    FIELD,
    FLOAT,
    FRACTION,
    INTEGER,
    KINDS,
    LARGE,
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
from symnum.expr.names import CoordinateInfo, FieldInfo, ParameterInfo
from symnum.expr.network import without_networks
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder_outside

_LIMB = 32
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


@dataclass(frozen=True, eq=False)
class Wire:
    """Terms in wire form: ``codes`` (int64), ``numbers`` (float64), ``names`` (tuple of str)."""

    codes: NDArray[np.int64]
    numbers: NDArray[np.float64]
    names: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """Size in bytes, names in UTF-8."""
        return self.codes.nbytes + self.numbers.nbytes + sum(len(name.encode()) for name in self.names)


def encode(terms: Sequence[Term], stand_ins: Mapping[Term, str] | None = None) -> Wire:
    """Terms as one DAG in wire form; the roots keep their order. Networks are written out.

    ``stand_ins``: nodes that are written as plain symbols of these names, with nothing of what is below them.
    Raises TermError, naming it, for what has meaning inside a kernel only: loads and weights, numbers made of a named grid spacing.
    """
    writer = _Writer()
    writer.stand_in(stand_ins or {})
    roots = writer.terms(terms if stand_ins else [without_networks(t) for t in terms])
    codes = [VERSION, writer.count, len(roots), *writer.codes, *roots]
    return Wire(np.array(codes, dtype=np.int64), np.array(writer.numbers, dtype=np.float64), tuple(writer.names))


class _Writer:
    """Records as they are written, with the positions of nodes, numbers and names."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.numbers: list[float] = []
        self.names: dict[str, int] = {}
        self.count = 0
        self._terms: dict[Term, int] = {}
        self._values: dict[Any, int] = {}

    def stand_in(self, names: Mapping[Term, str]) -> None:
        """Write nodes as plain symbols."""
        for node, name in names.items():
            self._terms[node] = self._record(SYMBOL, self._name(name), KINDS.index("symbol"), 0, 0)

    def terms(self, terms: Sequence[Term]) -> list[int]:
        """The positions of terms, written where they are not yet."""
        for root in terms:
            for node in postorder_outside(root, self._terms):
                if node not in self._terms:
                    self._terms[node] = self._node(node)
        return [self._terms[t] for t in terms]

    def _record(self, *codes: int) -> int:
        self.codes += codes
        self.count += 1
        return self.count - 1

    def _name(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))

    def _node(self, node: Term) -> int:
        if node.op == "const":
            return self.number(node.data[0])
        if isinstance(node, Symbol):
            return self._symbol(node)
        args = [self._terms[a] for a in node.args]
        data = node.data
        if node.op in ("add", "mul"):
            first, *rest = (self.number(c) for c in data)
            pairs = (part for pair in zip(rest, args, strict=True) for part in pair)
            return self._record(SUM if node.op == "add" else PRODUCT, len(args), first, *pairs)
        if node.op == "derivative":
            pairs = (part for pair in zip(args[1:], data, strict=True) for part in pair)
            return self._record(DERIVATIVE, args[0], len(data), *pairs)
        if node.op == "table":
            values = [self.number(v) for v in data]
            return self._record(TABLE, args[0], len(values) - 1, *values)
        return self._record(CODES[node.op], *args)

    def number(self, value: Any) -> int:
        """The node of a number; equal numbers of one type are one node."""
        if type(value) not in (bool, int, Fraction, float):
            raise TermError(
                f"the number {value!r} of type {type(value).__name__} has no wire form; it is made of a grid spacing or of data: "
                f"write float({float(value)!r})"
            )
        key = (type(value), value.hex() if type(value) is float else value)
        if key not in self._values:
            self._values[key] = self._number(value)
        return self._values[key]

    def _number(self, value: Any) -> int:
        if type(value) is bool:
            return self._record(TRUTH, int(value))
        if type(value) is float:
            self.numbers.append(value)
            return self._record(FLOAT, len(self.numbers) - 1)
        if type(value) is Fraction:
            return self._record(FRACTION, self.number(value.numerator), self.number(value.denominator))
        if _SMALLEST <= value <= _LARGEST:
            return self._record(INTEGER, value)
        rest, limbs = abs(value), []
        while rest:
            limbs.append(rest & ((1 << _LIMB) - 1))
            rest >>= _LIMB
        return self._record(LARGE, 1 if value > 0 else -1, len(limbs), *limbs)

    def _symbol(self, s: Symbol) -> int:
        if s.kind == "coordinate" and isinstance(s.info, CoordinateInfo) and s.info.role in ROLES:
            return self._record(COORDINATE, self._name(s.name), ROLES.index(s.info.role), self._name(s.info.units))
        if s.kind == "field" and isinstance(s.info, FieldInfo) and s.info.dtype in DTYPES:
            on = self.terms(s.info.coordinates)
            what = DTYPES.index(s.info.dtype)
            return self._record(FIELD, self._name(s.name), what, self._name(s.info.units), len(on), *on)
        if s.kind == "parameter" and isinstance(s.info, ParameterInfo):
            default = -1 if s.info.default is None else self.number(s.info.default)
            return self._record(PARAMETER, self._name(s.name), self._name(s.info.units), default)
        plain = s.info is None or type(s.info) is str or (type(s.info) is int and abs(s.info) <= _LARGEST)
        if s.kind not in KINDS or not plain:
            raise TermError(
                f"the {s.kind} {s.name!r} has no wire form: it means something inside one kernel only. Put a symbol in its place: "
                f"sn.substitute(term, {{it: sn.symbol({_identifier(s.name)!r})}})"
            )
        form, value = (0, 0) if s.info is None else (2, self._name(s.info)) if isinstance(s.info, str) else (1, s.info)
        return self._record(SYMBOL, self._name(s.name), KINDS.index(s.kind), form, value)


def _identifier(name: str) -> str:
    made = "".join(c if c.isalnum() else "_" for c in name).strip("_")
    return made if made.isidentifier() else f"s_{made}"


# --- back ---------------------------------------------------------------------------------------------------------------


def decode(
    wire: Wire, *, canonical: bool = False, symbols: Callable[[Symbol], Term] | None = None, partial: bool = False
) -> tuple[Term, ...]:
    """The terms of a wire form, in the order of its roots; ``decode(encode(terms))`` gives the same objects.

    ``canonical``: sums, products and derivatives are collected anew, for what another program wrote; else every node is taken as it stands.
    ``symbols``: what stands in place of each symbol; sums and products are then collected anew as well.
    ``partial``: a derivative is one by a name alone, of which nothing else depends, and is taken at once.
    Raises TermError for a form that is not well made: another version, wrong lengths, operands out of range or ahead of their node, unknown
    codes, a number that is NaN. What it allocates is bounded by the length of the arrays.
    """
    from symnum.bridge.wire_reader import Reader

    return Reader(*_checked(wire), canonical or symbols is not None, symbols, partial).roots()


def _checked(wire: Wire) -> tuple[list[int], list[float], tuple[str, ...]]:
    """The three arrays as lists, of the right types and shapes."""
    codes, numbers = np.asarray(wire.codes), np.asarray(wire.numbers)
    if codes.dtype != np.int64 or codes.ndim != 1 or numbers.dtype != np.float64 or numbers.ndim != 1:
        raise TermError(
            f"the wire form of terms is a vector of int64 and one of float64, not {codes.dtype} of shape {codes.shape} and "
            f"{numbers.dtype} of shape {numbers.shape}"
        )
    names = tuple(wire.names)
    if not all(isinstance(name, str) for name in names):
        raise TermError("the names of a wire form are str")
    return codes.tolist(), numbers.tolist(), names


def shown(codes: Sequence[int]) -> Iterator[str]:
    """A line for each record of well-made codes, for people: ``"3: SUM 2 ..."``."""
    from symnum.bridge.wire_reader import records

    for position, (name, operands) in enumerate(records(list(codes))):
        yield f"{position}: {name} {' '.join(map(str, operands))}".rstrip()
