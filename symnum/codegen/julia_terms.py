"""Terms as Julia expressions that read like the formula: ``u[j - 1, i] - 2.0*u[j, i] + u[j + 1, i]``.

A choice is ``ifelse``, which vectorises and which other number types (dual numbers, symbols) can follow. Where Julia's functions throw a
DomainError the printed code calls helpers that give NaN, as every other target does: a solver can then reject the step.
"""

from __future__ import annotations

from typing import Any

from symnum.codegen.c_names import ATOM, PRODUCT, UNARY, Text
from symnum.codegen.c_terms import Expressions, within
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder

_SAME = "exp sinh cosh tanh atan asinh floor ceil sign abs erf"
_GUARDED = "log sin cos tan asin acos acosh atanh"
_FUNCTIONS = {
    **{name: name for name in _SAME.split()},
    **{name: f"nan_{name}" for name in _GUARDED.split()},
    "pow": "nan_pow",
    "atan2": "atan",
    "minimum": "min",
    "maximum": "max",
}
_OUTSIDE = {"sqrt": "x < 0", "log": "x < 0", "acosh": "x < 1"}
_OUTSIDE |= dict.fromkeys(("sin", "cos", "tan"), "isinf(x)")
_OUTSIDE |= dict.fromkeys(("asin", "acos", "atanh"), "abs(x) > 1")

_FINITE = frozenset(
    {"const", "add", "pi", "sin", "cos", "tanh", "atan", "erf", "abs", "sign", "floor", "ceil", "minimum", "maximum"}
)

#: The comment above the first of these helpers.
ABOUT_NAN = (
    "Outside their domain these give NaN, as in other languages, so that a solver can reject a step; Julia's own functions throw an "
    "error there."
)
HELPERS = {
    **{
        f"nan_{name}": f"nan_{name}(x) = {name}(ifelse({test}, oftype(float(x), NaN), x))"
        for name, test in _OUTSIDE.items()
    },
    "nan_pow": """function nan_pow(x, y)
    outside = (x < 0) & (y != round(y))  # no real power, except of -Inf
    return ifelse(outside & !isinf(x), oftype(float(x), NaN), ifelse(outside, abs(x), x))^y
end""",
    "erf": '''"""
    erf(x)

The error function, 2/sqrt(pi) times the integral of exp(-s^2) over 0 < s < x, within a few units of rounding: up to 3
by the series of M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (1964), 7.1.6, whose terms are all
positive, beyond by the continued fraction 7.1.14. Dual numbers pass through.
"""
function erf(x)
    if abs(x) < 3
        term = total = 2x*exp(-x*x)/sqrt(oftype(x, pi))
        n = 1
        while abs(term) > 1e-18*abs(total)
            term *= 2x*x/(2n + 1)
            total += term
            n += 1
        end
        return total
    end
    a = fraction = abs(x)
    for n in 24:-1:1
        fraction = a + 0.5n/fraction
    end
    return sign(x)*(1 - exp(-a*a)/(sqrt(oftype(x, pi))*fraction))
end''',
}


class JuliaExpressions(Expressions):
    """Prints terms as Julia."""

    LANGUAGE, PI, ROOT, POWER = "julia", "pi", "nan_sqrt", "nan_pow"
    FUNCTIONS = _FUNCTIONS
    HELPERS = HELPERS

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.finite: set[Term] = set()  # temporaries that are so for certain

    def is_finite(self, term: Term) -> bool:
        """True if the value is finite for certain: sums, products, sines of grid indices, time and numbers."""
        for node in postorder((term,)):
            known = isinstance(node, Symbol) and (node.kind in ("index", "coordinate") or node in self.finite)
            plain = node.op in _FINITE or (node.op == "mul" and all(e > 0 for e in node.data[1:]))
            if not (known or plain) or (node.op == "const" and not abs(node.data[0]) < float("inf")):
                return False
        return True

    def _node(self, node: Term, args: list[Text]) -> Text:
        if node.op in ("sin", "cos", "tan") and self.is_finite(node.args[0]):
            return f"{node.op}({self._as_number(node.args[0], args[0])[0]})", ATOM
        return super()._node(node, args)

    def _as_number(self, term: Term, text: Text) -> Text:
        if self.is_condition(term) and term.op != "const":
            return f"float({text[0]})", ATOM
        return super()._as_number(term, text)

    def _truth(self, value: bool) -> str:
        return "true" if value else "false"

    def _choice(self, chosen: Text, yes: Text, no: Text) -> Text:
        return f"ifelse({chosen[0]}, {yes[0]}, {no[0]})", ATOM

    def _combined(self, op: str, tests: list[Text]) -> Text:
        if op == "not":
            return f"!{within(tests[0], ATOM)}", UNARY
        return f"{within(tests[0], UNARY)} {'&' if op == 'and' else '|'} {within(tests[1], UNARY)}", PRODUCT - 1

    def _whole(self, term: Term, text: Text, n: int) -> str:
        if n > 3:
            name = f"power{n}"
            self.helpers[name] = _power_helper(name, n)
            return f"{name}({text[0]})"
        return within(text, UNARY) if n == 1 else f"{within(text, ATOM)}^{n}"

    def _bare(self, text: str) -> str:
        inner = text.removeprefix("float")
        if inner == text or not (text.startswith("float(") and inner.endswith(")")):
            return text
        return inner if " " in inner else inner[1:-1]


def _power_helper(name: str, n: int) -> str:
    """a^n by repeated squaring, written out."""
    lines, squares, size = [], ["a"], 1
    while 2 * size <= n:
        size *= 2
        lines.append(f"a{size} = {squares[-1]}*{squares[-1]}")
        squares.append(f"a{size}")
    factors = [squares[k] for k in range(len(squares)) if n >> k & 1]
    return f"{name}(a) = ({'; '.join([*lines, '*'.join(reversed(factors))])})"


def needed(helpers: dict[str, Any]) -> dict[str, str]:
    """The helpers in the order in which a file defines them."""
    order = sorted(helpers, key=lambda n: (not n.startswith("nan_"), n.startswith("nan_") and "\n" in helpers[n]))
    return {name: helpers[name] for name in order}
