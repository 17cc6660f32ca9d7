"""Equal computations of large systems in lanes of vectors: eight pairs of a many-body system in the instructions of one.

In straight-line code each of the n^2/2 pairs has a distance, a root, a division and forces of its own, and fetching a megabyte of code costs more
than running it. Powers with sums and products of states below them (and nothing else) that are alike but for the states they read go
together in eights, with what is made of each power and its own parts (superword-level parallelism: Larsen, Amarasinghe, *Exploiting superword
level parallelism with multimedia instruction sets*, PLDI 2000)::

    <8 x double> d = y[j...j+7] - y[i];  r = (d*d + ...)^(-3/2);  w[k...k+7] = r*d

States side by side are one load, the same state in all lanes is one load, others are brought one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from symnum.codegen.llvm_emit import FLAGS, Names, literal
from symnum.expr.numbers import Number
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold, postorder_outside
from symnum.ir.kernel import Kernel, Store

LANES = 8
Row = tuple[Term, ...]  # nodes that are alike, one a lane
_LEAST = 64  # alike powers from which they are packed
_LARGEST = 40  # nodes below a power
_TYPE = f"<{LANES} x double>"


class Shapes:
    """What nodes look like apart from the states they read: nodes of one shape differ in these alone."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._numbers: dict[Any, int] = {}
        self._known: dict[Term, tuple[int, int, int]] = {}

    def of(self, node: Term) -> tuple[int, int, int]:
        """(number of the shape, 0 if it cannot be packed; first state read; nodes, shared ones counted again)."""
        return fold(node, self._rule, self._known)

    def offset(self, node: Term) -> int:
        return self.kernel.input(node.info.array).offset  # type: ignore[attr-defined]

    def parts(self, node: Term) -> list[tuple[Number, Term]]:
        """Arguments with their coefficients or exponents, in an order that nodes of one shape agree in."""
        rows = zip(node.data[1:], node.args, strict=True)
        return sorted(rows, key=lambda row: (float(row[0]), *self.of(row[1])))

    def _rule(self, node: Term, args: list[tuple[int, int, int]]) -> tuple[int, int, int]:
        if isinstance(node, Symbol) and node.kind == "load":
            return self._number("load"), self.offset(node), 1
        if node.op not in ("add", "mul") or not all(a[0] for a in args):
            return 0, 0, 1
        if node.op == "mul" and not all(_is_plain(e) for e in node.data[1:]):
            return 0, 0, 1
        key = (node.op, float(node.data[0]), tuple((float(c), self.of(a)[0]) for c, a in self.parts(node)))
        return self._number(key), min(a[1] for a in args), 1 + sum(a[2] for a in args)

    def _number(self, key: Any) -> int:
        return self._numbers.setdefault(key, len(self._numbers) + 1)


def _is_plain(e: Number) -> bool:
    return isinstance(e, (int, Fraction)) and -8 <= e <= 8 and (2 * Fraction(e)).denominator == 1


def _is_costly(node: Term) -> bool:
    """A product with a root or a division."""
    return node.op == "mul" and any(e < 0 or not isinstance(e, int) for e in node.data[1:])


def rows(kernel: Kernel, shapes: Shapes) -> list[list[Row]]:
    """For each eight powers the rows to compute: the powers, and the products of each with its own parts."""
    powers: dict[int, list[Term]] = defaultdict(list)
    users: dict[Term, list[Term]] = defaultdict(list)
    seen: dict[Term, None] = {}
    for statement in kernel.body:
        for node in postorder_outside(statement.value, seen) if isinstance(statement, Store) else ():
            seen[node] = None
            if _is_costly(node) and 0 < shapes.of(node)[0] and 2 < shapes.of(node)[2] <= _LARGEST:
                powers[shapes.of(node)[0]].append(node)
            if node.op == "mul" and not _is_costly(node):
                for a in node.args:
                    if _is_costly(a):
                        users[a].append(node)
    made = []
    for alike in powers.values():
        if len(alike) >= _LEAST:
            ordered = sorted(alike, key=lambda node: _reads(node, shapes))
            made += [_rows(ordered[k : k + LANES], users, shapes) for k in range(0, len(ordered) - LANES + 1, LANES)]
    return made


def _reads(node: Term, shapes: Shapes) -> tuple[int, ...]:
    """The states below a node, in order."""
    found = {shapes.offset(n) for n in postorder_outside(node, {}) if isinstance(n, Symbol)}
    return tuple(sorted(found))


def _rows(powers: Sequence[Term], users: dict[Term, list[Term]], shapes: Shapes) -> list[Row]:
    """The powers and their products, lane by lane alike; only the powers where the lanes have different products."""
    lanes = []
    for power in powers:
        own = set(postorder_outside(power, {}))
        fit = [n for n in users[power] if shapes.of(n)[0] and all(a in own for a in n.args)]
        lanes.append(sorted(fit, key=shapes.of))
    alike = len({tuple(shapes.of(n)[0] for n in lane) for lane in lanes}) == 1
    return [tuple(powers), *(zip(*lanes, strict=True) if alike else ())]


class PackPrinter:
    """Prints rows into a function; ``line`` adds an instruction and gives its name."""

    def __init__(self, shapes: Shapes, names: Names, line: Callable[[str], str]) -> None:
        self.shapes, self.names, self.line = shapes, names, line
        self.known: dict[Row, str] = {}

    def value(self, row: Row) -> str:
        """The name of the vector of a row."""
        if row not in self.known:
            self.known[row] = self._load(row) if isinstance(row[0], Symbol) else self._computed(row)
        return self.known[row]

    def _computed(self, row: Row) -> str:
        lanes = [self.shapes.parts(node) for node in row]
        parts = [(column[0][0], tuple(a for _, a in column)) for column in zip(*lanes, strict=True)]
        number = float(row[0].data[0])
        if row[0].op == "add":
            return self._sum(number, parts)
        return self._product(number, [(e, self.value(r)) for e, r in parts])

    def _sum(self, number: float, parts: list[tuple[Number, Row]]) -> str:
        total = "" if number == 0 else _splat(number)
        for c, row in sorted(parts, key=lambda part: -float(part[0])):
            value = self.value(row)
            if abs(c) != 1:
                value = self._two("fmul", value, _splat(abs(float(c))))
            if total:
                total = self._two("fsub" if c < 0 else "fadd", total, value)
            else:
                total = value if c > 0 else self.line(f"fneg {FLAGS} {_TYPE} {value}")
        return total

    def _product(self, number: float, parts: list[tuple[Number, str]]) -> str:
        above = [self._power(v, e) for e, v in parts if e > 0]
        below = [self._power(v, -e) for e, v in parts if e < 0]
        top = self._chain(above if number == 1 and above else [*above, _splat(number)])
        return self._two("fdiv", top, self._chain(below)) if below else top

    def _power(self, value: str, e: Number) -> str:
        whole, half = divmod(Fraction(e), 1)
        factors = [value] * int(whole)
        if half:
            self.names.declared.add(f"declare {_TYPE} @llvm.sqrt.v{LANES}f64({_TYPE})")
            factors.append(self.line(f"call {FLAGS} {_TYPE} @llvm.sqrt.v{LANES}f64({_TYPE} {value})"))
        return self._chain(factors)

    def _chain(self, values: Sequence[str]) -> str:
        total = values[0]
        for value in values[1:]:
            total = self._two("fmul", total, value)
        return total

    def _two(self, instruction: str, a: str, b: str) -> str:
        return self.line(f"{instruction} {FLAGS} {_TYPE} {a}, {b}")

    def _load(self, row: Row) -> str:
        offsets = [self.shapes.offset(node) for node in row]
        if offsets == list(range(offsets[0], offsets[0] + LANES)):
            return self.line(f"load {_TYPE}, ptr {self._pointer('%y', offsets[0])}, align 8")
        value = "poison"
        same = len(set(offsets)) == 1
        for k, offset in enumerate(offsets[:1] if same else offsets):
            number = self.line(f"load double, ptr {self._pointer('%y', offset)}, align 8")
            value = self.line(f"insertelement {_TYPE} {value}, double {number}, i32 {k}")
        if same:
            value = self.line(f"shufflevector {_TYPE} {value}, {_TYPE} poison, <{LANES} x i32> zeroinitializer")
        return value

    def _pointer(self, base: str, k: int) -> str:
        return self.line(f"getelementptr inbounds double, ptr {base}, i64 {k}")


def _splat(number: float) -> str:
    return "<" + ", ".join([f"double {literal(number)}"] * LANES) + ">"


def pieces(packs: Sequence[list[Row]], most: int = 16) -> Iterator[list[Row]]:
    """Rows of so many eights together: a function each."""
    for k in range(0, len(packs), most):
        yield [row for pack in packs[k : k + most] for row in pack]
