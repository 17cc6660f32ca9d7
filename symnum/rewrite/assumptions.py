"""What is known of signs: given by the caller for terms, derived by the e-graph for everything above them.

An assumption is a comparison of a term with a number, ``k > 0``, ``0 <= u``, ``x != 0``; it says that the model is only used there.
Facts are bits, joined by "or"; they hold wherever the term is defined.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from symnum.errors import TermError
from symnum.expr.ops import TABLE
from symnum.expr.term import Term

if TYPE_CHECKING:
    from symnum.rewrite.egraph import EGraph, Node

NONNEGATIVE, NONPOSITIVE, NONZERO, TRUTH = 1, 2, 4, 8  # TRUTH: true or false, so that "a and a" is a
DEFINED = 16  # it has a value wherever its symbols have one
SIGN = NONNEGATIVE | NONPOSITIVE | NONZERO
POSITIVE = NONNEGATIVE | NONZERO
NEGATIVE = NONPOSITIVE | NONZERO

_MIRROR = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "ne": "ne", "eq": "eq"}
_SIGN_KEPT = frozenset({"sinh", "tanh", "atan", "asinh", "erf", "sign", "asin", "atanh"})  # sign(f(x)) = sign(x)


class Assumptions:
    """Signs of terms, as given: ``Assumptions([k > 0, u >= 0])``. ``texts``: one sentence each.

    Raises TermError for anything but a comparison of a term with a number that tells a sign.
    """

    def __init__(self, assume: Iterable[Term] | Term = ()) -> None:
        self.texts: list[str] = []
        self._facts: dict[Term, tuple[int, int]] = {}
        for number, item in enumerate((assume,) if isinstance(assume, Term) else assume):
            term, facts = read_assumption(item)
            self._note(term, facts, 1 << number)
            if term.op == "abs" and facts & NONZERO:
                self._note(term.args[0], NONZERO, 1 << number)
            self.texts.append(str(item))

    def _note(self, term: Term, facts: int, bit: int) -> None:
        known, why = self._facts.get(term, (0, 0))
        self._facts[term] = known | facts, why | bit

    def of(self, term: Term) -> tuple[int, int]:
        """(facts, bits of the assumptions behind them) of a term."""
        return self._facts.get(term, (0, 0))

    def terms(self) -> Iterable[tuple[Term, int, int]]:
        """(term, facts, bits) of all that is assumed."""
        return ((term, facts, why) for term, (facts, why) in self._facts.items())

    def named(self, bits: int) -> list[str]:
        """The assumptions of a set of bits, as text."""
        return [text for i, text in enumerate(self.texts) if bits >> i & 1]


def read_assumption(item: Any) -> tuple[Term, int]:
    """(term, facts) of one assumption."""
    if not isinstance(item, Term) or item.op not in _MIRROR:
        raise TermError(
            f"the assumption {item!r} is not a comparison of a term with a number; write for instance assume=[k > 0, u >= 0]"
        )
    op, (left, right) = item.op, item.args
    if left.op == "const":
        op, left, right = _MIRROR[op], right, left
    if right.op != "const" or left.op == "const":
        raise TermError(
            f"the assumption {item} does not compare a term with a number; write for instance {left} - ({right}) > 0"
        )
    facts = _facts(op, right.data[0])
    if not facts:
        raise TermError(
            f"the assumption {item} does not tell the sign of {left}; expected for instance {left} > 0, {left} >= 0 or {left} <= -1"
        )
    return left, facts


def _facts(op: str, number: Any) -> int:
    facts = 0
    if op in ("gt", "ge") and number >= 0:
        facts |= NONNEGATIVE
    if op in ("lt", "le") and number <= 0:
        facts |= NONPOSITIVE
    if facts and (op in ("gt", "lt") or number != 0):
        facts |= NONZERO
    if op == "ne" and number == 0:
        facts |= NONZERO
    return facts if op != "eq" else number_facts(number) & SIGN


def number_facts(value: Any) -> int:
    """The facts of a number."""
    sign = (value >= 0) * NONNEGATIVE | (value <= 0) * NONPOSITIVE | (value != 0) * NONZERO
    return sign | isinstance(value, bool) * TRUTH | DEFINED


def node_facts(graph: EGraph, node: Node) -> int:
    """What an e-node tells of its own sign and domain, from what is known of its children."""
    op, data, children = node
    facts = [graph[c].facts for c in children]
    return _sign(op, data, facts) | (DEFINED if _is_defined(op, data, facts) else 0)


def _is_defined(op: str, data: tuple[Any, ...], facts: list[int]) -> bool:
    """True if the operator has a value wherever its symbols have one."""
    if op == "symbol":
        return True
    if not all(f & DEFINED for f in facts):
        return False
    if op == "mul":
        needs = [(0 if type(e) is int else NONNEGATIVE) | (NONZERO if e < 0 else 0) for e in data]
        return all(f & need == need for f, need in zip(facts, needs, strict=True))
    if op in ("log", "pow"):
        return facts[0] & POSITIVE == POSITIVE
    return op == "add" or (op in TABLE and not TABLE[op].domain and op not in ("derivative", "integral"))


def _sign(op: str, data: tuple[Any, ...], facts: list[int]) -> int:
    if op == "add":
        return _of_sum(data, facts)
    if op == "mul":
        return _of_product(data, facts)
    if op in ("exp", "cosh", "pow", "pi"):
        return POSITIVE
    if op == "abs":
        return NONNEGATIVE | facts[0] & NONZERO
    if op in ("acosh", "acos"):
        return NONNEGATIVE
    if op in _SIGN_KEPT:
        return facts[0] & SIGN
    if op == "maximum":
        return _of_maximum(facts)
    if op == "minimum":
        return _mirrored(_of_maximum([_mirrored(f) for f in facts]))
    if op == "where":
        return facts[1] & facts[2] & (SIGN | TRUTH)
    return TRUTH if op in TABLE and TABLE[op].boolean else 0


def _mirrored(facts: int) -> int:
    """The facts of -x."""
    return facts & NONZERO | (facts & NONNEGATIVE) * 2 | (facts & NONPOSITIVE) // 2


def _of_maximum(facts: list[int]) -> int:
    a, b = facts
    if a & POSITIVE == POSITIVE or b & POSITIVE == POSITIVE:
        return POSITIVE
    return (a | b) & NONNEGATIVE | a & b & SIGN


def _of_sum(data: tuple[Any, ...], facts: list[int]) -> int:
    """The common sign of the summands."""
    parts = [f if c > 0 else _mirrored(f) for c, f in zip(data[1:], facts, strict=True)]
    if data[0] != 0:
        parts.append(number_facts(data[0]) & SIGN)
    common = NONNEGATIVE | NONPOSITIVE
    for part in parts:
        common &= part
    strict = len(parts) == 1 or common
    return common | (NONZERO if strict and any(part & NONZERO for part in parts) else 0)


def _of_product(exponents: tuple[Any, ...], facts: list[int]) -> int:
    """Signs multiply; even and fractional powers are not negative; a reciprocal is not zero."""
    result = POSITIVE
    for e, f in zip(exponents, facts, strict=True):
        if type(e) is not int or e % 2 == 0:
            part = NONNEGATIVE | f & NONZERO
        else:
            part = f
        if e < 0:
            part |= NONZERO
        sign = 0
        if result & NONNEGATIVE:
            sign |= part & 3
        if result & NONPOSITIVE:
            sign |= _mirrored(part) & 3
        result = sign | result & part & NONZERO
    return result
