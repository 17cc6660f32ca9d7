"""Terms to LLVM instructions: one ``Emitter`` a basic block sequence, each distinct sub-term emitted once.

Values are of the emitter's type (``double`` or ``float``) or ``i1`` (conditions). Arithmetic carries ``contract nsz`` (multiply-add may be fused,
the sign of zero may be lost); never ``nnan`` or ``ninf``, so guards written in a model see NaN.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from symnum.codegen.vector_math_assembly import bits_of
from symnum.codegen.vector_math_single import SINGLE
from symnum.errors import TargetError
from symnum.expr.numbers import Number
from symnum.expr.ops import TABLE
from symnum.expr.term import Term
from symnum.expr.walk import postorder_outside

FLAGS = "contract nsz"
_COMPARE = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}
_INTRINSICS = {
    "abs": "llvm.fabs",
    "floor": "llvm.floor",
    "ceil": "llvm.ceil",
    "minimum": "llvm.minimum",
    "maximum": "llvm.maximum",
}
_LIBM = frozenset(
    [
        "tan",
        "sinh",
        "cosh",
        "asin",
        "acos",
        "atan",
        "asinh",
        "acosh",
        "atanh",
        "atan2",
        "erf",
        "pow",
        "exp",
        "log",
        "sin",
        "cos",
        "tanh",
    ]
)
_CHAIN = 8  # summands up to which they are added in a row
_PI = 3.141592653589793


def literal(value: Any, kind: str = "double") -> str:
    """A number as an LLVM double; for "float" the nearest number of 32 bits, which LLVM wants written with 64."""
    if kind == "float":
        with np.errstate(over="ignore"):
            value = np.float32(float(value))
    return f"0x{bits_of(float(value)) & 0xFFFFFFFFFFFFFFFF:016X}"


class Names:
    """Fresh SSA names, and the external functions that the emitted code calls."""

    def __init__(self, vector_functions: Iterable[str] = ()) -> None:
        self.count = 0
        self.vector_functions = frozenset(vector_functions)
        self.used_vector: set[str] = set()
        self.networks: set[tuple[int, ...]] = set()  # data of the networks that are called
        self.gradients: set[tuple[int, ...]] = set()
        self.gathers = False  # are weights copied in another order?
        self.declared: set[str] = set()

    def fresh(self, prefix: str = "v") -> str:
        self.count += 1
        return f"%{prefix}{self.count}"

    def declarations(self) -> str:
        """Declarations of the intrinsics and libm functions used so far."""
        return "\n".join(sorted(self.declared))


class Emitter:
    """Emits instructions for terms into ``lines``.

    Args:
        names: the function's name source.
        known: sub-term -> SSA value already available (leaves must be there); shared with outer scopes by copying.
        kind: "double" or "float", of all numbers.
    """

    def __init__(self, names: Names, known: dict[Term, str], kind: str = "double") -> None:
        self.names, self.known, self.kind = names, known, kind
        self.lines: list[str] = []

    def value(self, term: Term) -> str:
        """The SSA name of a term's value as a number."""
        return self.number(self.ensure(term), term)

    def condition(self, term: Term) -> str:
        """The SSA name of a term's truth value as i1."""
        name = self.ensure(term)
        return name if is_boolean(term) else self.emit(f"fcmp une {self.kind} {name}, {literal(0.0)}")

    def emit(self, instruction: str) -> str:
        name = self.names.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def number(self, name: str, term: Term) -> str:
        if not is_boolean(term):
            return name
        if name in ("true", "false"):
            return literal(name == "true")
        return self.emit(f"uitofp i1 {name} to {self.kind}")

    def ensure(self, root: Term) -> str:
        """The SSA name of a term's value, as a number or, for truth values, i1."""
        for term in postorder_outside(root, self.known):
            self.known[term] = self._node(term)
        return self.known[root]

    def _node(self, term: Term) -> str:
        op = term.op
        if op == "const":
            value = term.data[0]
            return ("true" if value else "false") if isinstance(value, bool) else literal(value, self.kind)
        if op == "symbol":
            raise TargetError(f"the kernel uses {term} but is not given its value")
        if op == "add":
            return self._sum(term)
        if op == "mul":
            return self._product(term)
        if op in _COMPARE:
            a, b = (self.value(x) for x in term.args)
            return self.emit(f"fcmp {_COMPARE[op]} {self.kind} {a}, {b}")
        if op in ("and", "or"):
            a, b = (self.condition(x) for x in term.args)
            return self.emit(f"{op} i1 {a}, {b}")
        if op == "not":
            return self.emit(f"xor i1 {self.condition(term.args[0])}, true")
        if op == "where":
            chosen = self.condition(term.args[0])
            return self.emit(
                f"select i1 {chosen}, {self.kind} {self.value(term.args[1])}, {self.kind} {self.value(term.args[2])}"
            )
        if op == "weights":
            return self._side_by_side([self.value(a) for a in term.args])
        if op == "network":
            return self._network(term)
        return self._function(op, [self.value(a) for a in term.args])

    def _side_by_side(self, values: list[str]) -> str:
        """The address of numbers put side by side on the stack, as a number."""
        self.doubles_only()
        array = self.emit(f"alloca [{len(values)} x double], align 64")
        for k, value in enumerate(values):
            place = self.emit(f"getelementptr inbounds double, ptr {array}, i64 {k}")
            self.lines.append(f"  store double {value}, ptr {place}, align 8")
        return self.emit(f"ptrtoint ptr {array} to i64")

    def _network(self, term: Term) -> str:
        from symnum.codegen.network_code import call_of

        self.doubles_only()
        self.names.networks.add(term.data)
        *inputs, weights = term.args
        return self.emit(call_of(term.data, [self.value(x) for x in inputs], self.ensure(weights)))

    def doubles_only(self) -> None:
        if self.kind != "double":
            raise TargetError("networks are computed in float64; a kernel of float32 cannot hold them")

    def _function(self, op: str, args: list[str]) -> str:
        kind = self.kind
        if op == "pi":
            return literal(_PI, kind)
        if op == "sign":
            zero, one = literal(0.0), literal(1.0)
            below = self.emit(f"fcmp olt {kind} {args[0]}, {zero}")
            above = self.emit(f"fcmp ogt {kind} {args[0]}, {zero}")
            negative = self.emit(f"select i1 {below}, {kind} {literal(-1.0)}, {kind} {args[0]}")
            return self.emit(f"select i1 {above}, {kind} {one}, {kind} {negative}")
        if op in self.names.vector_functions:
            return self._vector_function(op, args)
        if op in _INTRINSICS:
            return self.intrinsic(_INTRINSICS[op], args)
        if op in _LIBM:
            return self.call(op if kind == "double" else f"{op}f", args)
        raise TargetError(f"the llvm target has no meaning for the operator {op!r}")

    def _vector_function(self, op: str, args: list[str]) -> str:
        """A function that LLVM inlines and vectorises; most are written for doubles alone."""
        single = f"{op}_f32" if self.kind == "float" and f"{op}_f32" in SINGLE else ""
        self.names.used_vector.add(single or op)
        if single or self.kind == "double":
            return self.call(f"symnum_{single or op}", args, declare=False)
        wide = self.emit(f"fpext float {args[0]} to double")
        return self.emit(f"fptrunc double {self.emit(f'call double @symnum_{op}(double {wide})')} to float")

    def intrinsic(self, function: str, args: list[str]) -> str:
        """Call an LLVM intrinsic of numbers."""
        return self.call(f"{function}.{'f64' if self.kind == 'double' else 'f32'}", args)

    def call(self, function: str, args: list[str], declare: bool = True) -> str:
        """Call a function of numbers, declaring it where it is external."""
        kind = self.kind
        if declare:
            pure = "" if function.startswith("llvm.") else " nounwind willreturn memory(none)"
            self.names.declared.add(f"declare {kind} @{function}({', '.join([kind] * len(args))}){pure}")
        return self.emit(f"call {kind} @{function}({', '.join(f'{kind} {a}' for a in args)})")

    # --- sums: terms with the same coefficient are added first, so c*(a + b + c + d) costs one multiplication ---

    def _sum(self, term: Term) -> str:
        groups: dict[float, list[str]] = {}
        for part, c in zip(term.args, term.data[1:], strict=True):
            groups.setdefault(float(c), []).append(self.value(part))
        total = literal(term.data[0], self.kind) if term.data[0] != 0 else None
        ordered = sorted(groups.items(), key=lambda item: item[0] in (1.0, -1.0))
        for c, values in ordered:
            total = self._accumulate(total, c, self._added(values))
        assert total is not None
        return total

    def _added(self, values: list[str]) -> str:
        """The sum of values: one after the other while they are few, in pairs of pairs else (a chain would wait for each addition)."""
        while len(values) > _CHAIN:
            pairs = zip(values[::2], values[1::2], strict=False)
            values = [self.arithmetic("fadd", a, b) for a, b in pairs] + values[len(values) & ~1 :]
        result = values[0]
        for value in values[1:]:
            result = self.arithmetic("fadd", result, value)
        return result

    def _accumulate(self, total: str | None, c: float, value: str) -> str:
        if c == 1.0:
            return value if total is None else self.arithmetic("fadd", total, value)
        if c == -1.0 and total is not None:
            return self.arithmetic("fsub", total, value)
        scaled = self.arithmetic("fmul", value, literal(c, self.kind))
        return scaled if total is None else self.arithmetic("fadd", total, scaled)

    def arithmetic(self, instruction: str, a: str, b: str) -> str:
        """One of fadd, fsub, fmul, fdiv."""
        return self.emit(f"{instruction} {FLAGS} {self.kind} {a}, {b}")

    # --- products: positive powers over negative powers, one division ---

    def _product(self, term: Term) -> str:
        above: list[str] = []
        below: list[str] = []
        for base, e in zip(term.args, term.data[1:], strict=True):
            (above if e > 0 else below).append(self._power(self.value(base), abs(e)))
        coefficient = float(term.data[0])
        top = self._chain(above)
        if top is None:
            top = literal(coefficient, self.kind)
        elif coefficient == -1.0:
            top = self.emit(f"fneg {FLAGS} {self.kind} {top}")
        elif coefficient != 1.0:
            top = self.arithmetic("fmul", top, literal(coefficient, self.kind))
        bottom = self._chain(below)
        return top if bottom is None else self.arithmetic("fdiv", top, bottom)

    def _chain(self, values: list[str]) -> str | None:
        if not values:
            return None
        result = values[0]
        for value in values[1:]:
            result = self.arithmetic("fmul", result, value)
        return result

    def _power(self, base: str, e: Number) -> str:
        """base**e for e > 0: repeated squaring, square roots for halves, else pow."""
        whole, rest = divmod(Fraction(e), 1) if not isinstance(e, float) or e.is_integer() else (None, None)
        if whole is None or whole > 64 or rest not in (0, Fraction(1, 2)):
            return self.intrinsic("llvm.pow", [base, literal(e, self.kind)])
        parts = []
        if whole:
            parts.append(self._integer_power(base, int(whole)))
        if rest:
            parts.append(self.intrinsic("llvm.sqrt", [base]))
        return self._chain(parts)  # type: ignore[return-value]

    def _integer_power(self, base: str, n: int) -> str:
        result: str | None = None
        while True:
            if n & 1:
                result = base if result is None else self.arithmetic("fmul", result, base)
            n >>= 1
            if not n:
                assert result is not None
                return result
            base = self.arithmetic("fmul", base, base)


def is_boolean(term: Term) -> bool:
    """True if the term's value is a truth value."""
    if term.op == "const":
        return isinstance(term.data[0], bool)
    return term.op in TABLE and TABLE[term.op].boolean


def is_library_call(term: Term) -> bool:
    """True for elementary functions, networks, and powers that are neither whole nor half."""
    if term.op == "mul":
        return any((2 * Fraction(e)).denominator != 1 for e in term.data[1:])
    return term.op in _LIBM or term.op == "network"
