"""Terms to LLVM instructions: one ``Emitter`` a basic block sequence, each distinct sub-term emitted once.

Values are ``double`` or ``i1`` (conditions). Arithmetic carries ``contract nsz`` (multiply-add may be fused, the sign of zero may be lost);
never ``nnan`` or ``ninf``, so guards written in a model see NaN.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from symnum.codegen.vector_math_assembly import bits_of
from symnum.errors import TargetError
from symnum.expr.numbers import Number
from symnum.expr.ops import TABLE
from symnum.expr.term import Term
from symnum.expr.walk import postorder_outside

FLAGS = "contract nsz"
_COMPARE = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}
_INTRINSICS = {
    "abs": "llvm.fabs.f64",
    "floor": "llvm.floor.f64",
    "ceil": "llvm.ceil.f64",
    "minimum": "llvm.minimum.f64",
    "maximum": "llvm.maximum.f64",
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


def literal(value: Any) -> str:
    """A number as an exact LLVM double."""
    return f"0x{bits_of(float(value)) & 0xFFFFFFFFFFFFFFFF:016X}"


class Names:
    """Fresh SSA names, and the external functions that the emitted code calls."""

    def __init__(self, vector_functions: Iterable[str] = ()) -> None:
        self.count = 0
        self.vector_functions = frozenset(vector_functions)
        self.used_vector: set[str] = set()
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
    """

    def __init__(self, names: Names, known: dict[Term, str]) -> None:
        self.names, self.known = names, known
        self.lines: list[str] = []

    def value(self, term: Term) -> str:
        """The SSA name of a term's value as double."""
        return self.number(self.ensure(term), term)

    def condition(self, term: Term) -> str:
        """The SSA name of a term's truth value as i1."""
        name = self.ensure(term)
        return name if is_boolean(term) else self.emit(f"fcmp une double {name}, {literal(0.0)}")

    def emit(self, instruction: str) -> str:
        name = self.names.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def number(self, name: str, term: Term) -> str:
        if not is_boolean(term):
            return name
        if name in ("true", "false"):
            return literal(name == "true")
        return self.emit(f"uitofp i1 {name} to double")

    def ensure(self, root: Term) -> str:
        """The SSA name of a term's value, as double or, for truth values, i1."""
        for term in postorder_outside(root, self.known):
            self.known[term] = self._node(term)
        return self.known[root]

    def _node(self, term: Term) -> str:
        op = term.op
        if op == "const":
            value = term.data[0]
            return ("true" if value else "false") if isinstance(value, bool) else literal(value)
        if op == "symbol":
            raise TargetError(f"the kernel uses {term} but is not given its value")
        if op == "add":
            return self._sum(term)
        if op == "mul":
            return self._product(term)
        if op in _COMPARE:
            a, b = (self.value(x) for x in term.args)
            return self.emit(f"fcmp {_COMPARE[op]} double {a}, {b}")
        if op in ("and", "or"):
            a, b = (self.condition(x) for x in term.args)
            return self.emit(f"{op} i1 {a}, {b}")
        if op == "not":
            return self.emit(f"xor i1 {self.condition(term.args[0])}, true")
        if op == "where":
            chosen = self.condition(term.args[0])
            return self.emit(
                f"select i1 {chosen}, double {self.value(term.args[1])}, double {self.value(term.args[2])}"
            )
        return self._function(op, [self.value(a) for a in term.args])

    def _function(self, op: str, args: list[str]) -> str:
        if op == "pi":
            return literal(_PI)
        if op == "sign":
            zero, one = literal(0.0), literal(1.0)
            below = self.emit(f"fcmp olt double {args[0]}, {zero}")
            above = self.emit(f"fcmp ogt double {args[0]}, {zero}")
            negative = self.emit(f"select i1 {below}, double {literal(-1.0)}, double {args[0]}")
            return self.emit(f"select i1 {above}, double {one}, double {negative}")
        if op in self.names.vector_functions:
            self.names.used_vector.add(op)
            return self.call(f"symnum_{op}", args, declare=False)
        if op in _INTRINSICS:
            return self.call(_INTRINSICS[op], args)
        if op in _LIBM:
            return self.call(op, args)
        raise TargetError(f"the llvm target has no meaning for the operator {op!r}")

    def call(self, function: str, args: list[str], declare: bool = True) -> str:
        """Call a function of doubles, declaring it where it is external."""
        if declare:
            pure = "" if function.startswith("llvm.") else " nounwind willreturn memory(none)"
            self.names.declared.add(f"declare double @{function}({', '.join(['double'] * len(args))}){pure}")
        return self.emit(f"call double @{function}({', '.join('double ' + a for a in args)})")

    # --- sums: terms with the same coefficient are added first, so c*(a + b + c + d) costs one multiplication ---

    def _sum(self, term: Term) -> str:
        groups: dict[float, list[str]] = {}
        for part, c in zip(term.args, term.data[1:], strict=True):
            groups.setdefault(float(c), []).append(self.value(part))
        total = literal(term.data[0]) if term.data[0] != 0 else None
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
        scaled = self.arithmetic("fmul", value, literal(c))
        return scaled if total is None else self.arithmetic("fadd", total, scaled)

    def arithmetic(self, instruction: str, a: str, b: str) -> str:
        """One of fadd, fsub, fmul, fdiv on doubles."""
        return self.emit(f"{instruction} {FLAGS} double {a}, {b}")

    # --- products: positive powers over negative powers, one division ---

    def _product(self, term: Term) -> str:
        above: list[str] = []
        below: list[str] = []
        for base, e in zip(term.args, term.data[1:], strict=True):
            (above if e > 0 else below).append(self._power(self.value(base), abs(e)))
        coefficient = float(term.data[0])
        top = self._chain(above)
        if top is None:
            top = literal(coefficient)
        elif coefficient == -1.0:
            top = self.emit(f"fneg {FLAGS} double {top}")
        elif coefficient != 1.0:
            top = self.arithmetic("fmul", top, literal(coefficient))
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
            return self.call("llvm.pow.f64", [base, literal(e)])
        parts = []
        if whole:
            parts.append(self._integer_power(base, int(whole)))
        if rest:
            parts.append(self.call("llvm.sqrt.f64", [base]))
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
    """True for elementary functions and for powers that are neither whole nor half."""
    if term.op == "mul":
        return any((2 * Fraction(e)).denominator != 1 for e in term.data[1:])
    return term.op in _LIBM
