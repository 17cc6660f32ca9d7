"""Terms as C expressions that read like the formula: ``u[i][j - 1] - 2.0*u[i][j] + u[i][j + 1]``.

Truth values are C's conditions where a condition is wanted and ``(a < b ? 1.0 : 0.0)`` in arithmetic. Nothing is assumed about NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from symnum.codegen.c_names import AND, ATOM, CHOICE, COMPARE, EQUALITY, OR, PRODUCT, SUM, UNARY, Numbers, Text
from symnum.errors import TargetError
from symnum.expr.ops import TABLE
from symnum.expr.order import Order, reading_order
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold

_COMPARE = {"lt": ("<", COMPARE), "le": ("<=", COMPARE), "gt": (">", COMPARE), "ge": (">=", COMPARE)}
_COMPARE |= {"eq": ("==", EQUALITY), "ne": ("!=", EQUALITY)}
_SAME = (
    "exp log sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh atan2 erf floor ceil sign minimum maximum pow"
)
_FUNCTIONS = {name: name for name in _SAME.split()} | {"abs": "fabs"}
_LARGEST_POWER = 64
_SHORT_NAME = 8  # letters; longer ones are raised by a helper function

HELPERS = {
    "minimum": """/* The smaller number; NaN if one of them is NaN (fmin would drop it). */
static inline double minimum(double a, double b) { return a < b || a != a ? a : b; }""",
    "maximum": """/* The larger number; NaN if one of them is NaN (fmax would drop it). */
static inline double maximum(double a, double b) { return a > b || a != a ? a : b; }""",
    "sign": """/* -1, 0 or 1; NaN for NaN. */
static inline double sign(double a) { return a > 0.0 ? 1.0 : a < 0.0 ? -1.0 : a; }""",
    "square": "static inline double square(double a) { return a*a; }",
    "cube": "static inline double cube(double a) { return a*a*a; }",
}


class Expressions:
    """Prints terms. ``leaf(symbol)``: C text of a load, index, temporary, parameter or time; ``table(node, text)``: of a table at an index.

    ``conditions``: temporaries that hold truth values. ``helpers`` collects the helper functions that the text calls.
    ``invariant``: what is printed next is computed once a call. What differs between languages is a class attribute or a method of its own.
    """

    LANGUAGE, PI, ROOT, POWER = "c", "PI", "sqrt", "pow"
    FUNCTIONS: Mapping[str, str] = _FUNCTIONS
    HELPERS: Mapping[str, str] = HELPERS

    def __init__(self, numbers: Numbers, leaf: Callable[[Symbol], Text], table: Callable[[Term], Text]) -> None:
        self.numbers, self.leaf, self.table = numbers, leaf, table
        self.conditions: set[Term] = set()
        self.helpers: dict[str, str] = {}
        self.ranks = Order()
        self.invariant = True
        self._known: dict[Term, Text] = {}

    def number(self, term: Term) -> str:
        """The term's value as a double."""
        return self._as_number(term, self._text(term))[0]

    def condition(self, term: Term) -> str:
        """The term's truth value as a C condition."""
        return self._as_condition(term, self._text(term))[0]

    def is_condition(self, term: Term) -> bool:
        """True if the term's value is a truth value."""
        if term.op == "const":
            return isinstance(term.data[0], bool)
        return term in self.conditions or (term.op in TABLE and TABLE[term.op].boolean)

    def _text(self, term: Term) -> Text:
        self.ranks, self._known = reading_order(term, None), {}
        return fold(term, self._node, self._known)

    def _as_number(self, term: Term, text: Text) -> Text:
        if not self.is_condition(term):
            return text
        if term.op == "const":
            return ("1.0" if term.data[0] else "0.0"), ATOM
        return self._choice(text, ("1.0", ATOM), ("0.0", ATOM))

    def _as_condition(self, term: Term, text: Text) -> Text:
        if term.op == "const":
            return self._truth(bool(term.data[0])), ATOM
        return text if self.is_condition(term) else (f"{within(text, SUM)} != 0.0", EQUALITY)

    def _node(self, node: Term, args: list[Text]) -> Text:
        op = node.op
        if op == "const":
            return self.numbers.plain(node.data[0])
        if isinstance(node, Symbol):
            return self.leaf(node)
        if op == "table":
            return self.table(node)
        if op in ("and", "or", "not", "where"):
            return self._logic(node, args)
        values = [self._as_number(a, text) for a, text in zip(node.args, args, strict=True)]
        if op == "add":
            return self._sum(node, values)
        if op == "mul":
            return self._product(node, values)
        if op in _COMPARE:
            sign, own = _COMPARE[op]
            return f"{within(values[0], SUM)} {sign} {within(values[1], SUM)}", own
        if op == "pi":
            return self.PI, ATOM
        if op not in self.FUNCTIONS:
            raise TargetError(f"the {self.LANGUAGE} target has no meaning for the operator {op!r}")
        return self._call(self.FUNCTIONS[op], *(text for text, _ in values)), ATOM

    def _logic(self, node: Term, args: list[Text]) -> Text:
        if node.op == "where":
            chosen = self._as_condition(node.args[0], args[0])
            yes, no = (self._as_number(a, x) for a, x in zip(node.args[1:], args[1:], strict=True))
            return self._choice(chosen, yes, no)
        tests = [self._as_condition(a, text) for a, text in zip(node.args, args, strict=True)]
        return self._combined(node.op, tests)

    def _truth(self, value: bool) -> str:
        return "1" if value else "0"

    def _choice(self, chosen: Text, yes: Text, no: Text) -> Text:
        return f"({within(chosen, OR)} ? {within(yes, SUM)} : {within(no, SUM)})", ATOM

    def _combined(self, op: str, tests: list[Text]) -> Text:
        if op == "not":
            return f"!{within(tests[0], UNARY)}", UNARY
        if op == "and":
            return f"{within(tests[0], EQUALITY)} && {within(tests[1], EQUALITY)}", AND
        return f"{within(tests[0], EQUALITY)} || {within(tests[1], EQUALITY)}", OR

    def called(self, function: str, *arguments: str) -> str:
        """A call of a function with printed arguments."""
        return self._call(self.FUNCTIONS[function], *arguments)

    def _call(self, name: str, *arguments: str) -> str:
        if name in self.HELPERS:
            self.helpers[name] = self.HELPERS[name]
        return f"{name}({', '.join(arguments)})"

    # --- sums: what is multiplied by one number stands together -----------------------------------------------------------

    def _sum(self, node: Term, args: list[Text]) -> Text:
        rows = sorted(zip(node.data[1:], node.args, args, strict=True), key=lambda row: self._place(row[0], row[1]))
        groups: dict[Any, tuple[Any, list[tuple[Term, Text]]]] = {}
        for c, term, text in rows:
            groups.setdefault(term if abs(c) == 1 else c, (c, []))[1].append((term, text))
        constant = self.numbers.plain(abs(node.data[0]))
        written = [within(constant, PRODUCT) if node.data[0] < 0 else constant[0]] if node.data[0] != 0 else []
        signs = ["-" if node.data[0] < 0 else ""] if written else []
        for c, members in groups.values():
            signs.append("-" if c < 0 else "")
            written.append(self._scaled(abs(c), members))
        order = list(range(len(written)))
        if signs[0] == "-":  # begin with what is added
            order.sort(key=lambda k: k != next((m for m, sign in enumerate(signs) if not sign), 0))
        pieces = ""
        for k in order:
            pieces += (f" {signs[k] or '+'} " if pieces else signs[k]) + written[k]
        return pieces, SUM

    def _place(self, c: Any, term: Term) -> tuple[Any, ...]:
        """Neighbours first and the centre last in two and three dimensions; in one dimension from left to right. Rows of weights last."""
        weight: Any = next((b.info for b in term.args if isinstance(b, Symbol) and b.kind == "weight"), None)
        if weight is not None:
            return 2, (weight.axis, weight.start, len(weight.columns), weight.column), ()
        if not isinstance(term, Symbol) or term.kind != "load":
            return 1, self.ranks.summand(term), ()
        offsets = term.info.offsets
        moved = [k for k, o in enumerate(offsets) if o]
        if len(offsets) < 2:
            return 0, (term.info.array,), offsets
        return 0, (term.info.array,), (not moved, moved, [abs(o) for o in offsets], offsets)

    def _scaled(self, c: Any, group: list[tuple[Term, Text]]) -> str:
        if len(group) > 1:
            text: Text = f"({' + '.join(within(text, PRODUCT) for _, text in group)})", ATOM
        else:
            text = group[0][1]
        if c == 1:
            return within(text, PRODUCT)
        is_index = isinstance(group[0][0], Symbol) and group[0][0].kind == "index"
        if is_index:
            step = within(self.numbers.step(c), PRODUCT)
            return step if text[0] == "1.0" else f"{step}*{self._bare(text[0])}"
        return self._weighted(c, [within(text, PRODUCT)])

    def _weighted(self, c: Any, factors: list[str]) -> str:
        """c*factors; the spacings in c are gathered before what changes (compilers fold them), or stand below where nothing changes."""
        above, below = self.numbers.quotient(c)
        if not below:
            return "*".join([above, *factors])
        bottom = f"({below})" if "*" in below else below
        if self.invariant and factors:
            return "*".join([*([above] if above != "1.0" else []), *factors]) + f"/{bottom}"
        return "*".join([f"{above}/{bottom}", *factors])

    # --- products: one division, whole powers as products -----------------------------------------------------------------

    def _product(self, node: Term, args: list[Text]) -> Text:
        above: list[str] = []
        below: list[str] = []
        rows = sorted(
            zip(node.args, node.data[1:], args, strict=True),
            key=lambda row: (not _is_weight(row[0]), self.ranks[row[0]], row[1]),
        )
        for term, e, text in rows:
            (above if e > 0 else below).append(self._power(term, text, abs(e)))
        c, size = node.data[0], abs(node.data[0])
        lone = rows[0][0] if len(rows) == 1 and rows[0][1] == 1 else None
        if lone is not None and self.is_condition(lone):
            return self._choice(self._as_condition(lone, self._known[lone]), self.numbers.plain(c), ("0.0", ATOM))
        grid = next((self._known[x][0] for x, e, _ in rows if getattr(x, "kind", "") == "index" and e == 1), None)
        if size != 1 or (above and above[0] == self._bare(above[0])):
            above = [self._bare(a) for a in above]
        step = within(self.numbers.step(size), PRODUCT) if grid is not None and size != 1 else ""
        if grid is not None and step and not step[0].isdigit():  # dx*i: a distance
            above.remove(self._bare(grid))
            top = "*".join([step, self._bare(grid), *above])
        else:
            top = self._weighted(size, above) if size != 1 or not above else "*".join(above)
        bottom = f"({'*'.join(below)})" if len(below) > 1 or "*" in "".join(below) else "".join(below)
        quotient = f"{top}/{bottom}" if below else top
        return (f"-{quotient}", SUM) if c < 0 else (quotient, PRODUCT)

    def _power(self, term: Term, text: Text, e: Any) -> str:
        """base**e for e > 0 as a factor; halves by square roots (NaN for every negative base, minus infinity included)."""
        whole, rest = divmod(Fraction(e), 1) if not isinstance(e, float) or e.is_integer() else (0, Fraction(1, 3))
        if rest not in (0, Fraction(1, 2)) or whole > _LARGEST_POWER:
            return self._call(self.POWER, text[0], self.numbers.plain(e)[0])
        parts = [self._whole(term, text, int(whole))] if whole else []
        if rest:
            parts.append(self._call(self.ROOT, text[0]))
        return "*".join(parts)

    def _whole(self, term: Term, text: Text, n: int) -> str:
        base = within(text, UNARY if n == 1 else ATOM)
        if n == 1:
            return base
        if n <= 3 and isinstance(term, Symbol) and term.kind != "index" and len(base) <= _SHORT_NAME:
            return "*".join([base] * n)
        name = {2: "square", 3: "cube"}.get(n, f"power{n}")
        if n > 3:
            self.helpers[name] = self._power_helper(name, n)
        return self._call(name, text[0])

    def _power_helper(self, name: str, n: int) -> str:
        return power_helper(name, n)

    def _bare(self, text: str) -> str:
        """A grid index beside a double, where it needs no cast."""
        return text.removeprefix("(double)")


def within(text: Text, least: int) -> str:
    """The text, in parentheses where it binds more loosely than its place asks for."""
    return text[0] if text[1] >= least else f"({text[0]})"


def _is_weight(term: Term) -> bool:
    """Weights from tables stand before what they multiply."""
    return term.op == "table" or getattr(term, "kind", "") == "weight"


def power_helper(name: str, n: int, head: str = "static inline double", real: str = "double") -> str:
    """a**n by repeated squaring, written out."""
    lines, squares, size = [], ["a"], 1
    while 2 * size <= n:
        size *= 2
        lines.append(f"a{size} = {squares[-1]}*{squares[-1]}")
        squares.append(f"a{size}")
    factors = [squares[k] for k in range(len(squares)) if n >> k & 1]
    return f"{head} {name}({real} a) {{ const {real} {', '.join(lines)}; return {'*'.join(reversed(factors))}; }}"


__all__ = ["CHOICE", "Expressions", "HELPERS", "power_helper"]
