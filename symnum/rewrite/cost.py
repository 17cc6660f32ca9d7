"""What terms cost to evaluate: the operations that generated code executes, counted on the DAG and weighed by a table.

::

    cost(terms) = sum over distinct nodes of (operations of the node) * (price of the operation)        cycles, size
    cost(terms) = longest path from a symbol to a result, each operation as long as its latency         latency

Operations are counted as the code generators emit them (``codegen/llvm_emit.py``):

- a sum of n parts has n - 1 additions (subtractions cost the same); parts with one coefficient are added first and multiplied once;
- a whole power is repeated squaring, and the squares of one base are shared by all products; a half power is a square root, any other ``pow``;
- a product has one division, of all that is above by all that is below.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from symnum.errors import TermError, UnknownName, did_you_mean
from symnum.expr.numbers import Number
from symnum.expr.ops import TABLE
from symnum.expr.term import Term
from symnum.expr.walk import fold, postorder

#: Operations that are no rows of the operator table.
ARITHMETIC = ("neg", "div", "sqrt")
_LARGEST_POWER = 64  # as in the code generators; beyond it they call pow

# Cycles per value relative to one addition (throughput in a loop over arrays); the rest of the table is in expr/ops.py.
CYCLES: dict[str, float] = {row.name: row.cycles for row in TABLE.values()} | {"neg": 1.0, "div": 4.0, "sqrt": 8.0}

# Cycles until the result is there: Fog, Instruction tables (2022), for additions to square roots; typical of libm for the functions.
_LATENCY = """add 4 mul 4 neg 1 div 13 sqrt 18 abs 1 sign 6 floor 8 ceil 8 minimum 4 maximum 4 where 2 and 1 or 1 not 1
              lt 4 le 4 gt 4 ge 4 eq 4 ne 4 table 5 pi 0 pow 90 exp 40 log 45 sin 60 cos 60 tan 80 sinh 70 cosh 70 tanh 70 asin 60 acos 60
              atan 60 asinh 90 acosh 90 atanh 80 atan2 80 erf 70"""
LATENCY: dict[str, float] = {
    name: float(value) for name, value in zip(_LATENCY.split()[::2], _LATENCY.split()[1::2], strict=True)
}
SIZE: dict[str, float] = {name: 0.0 if name == "pi" else 1.0 for name in CYCLES}


@dataclass(frozen=True)
class Costs:
    """A cost model: the price of each operation. ``longest``: the longest path counts, not the sum.

    ``table`` holds a price for every operator of ``expr/ops.py`` and for "neg", "div", "sqrt"; "add" and "mul" are one addition and one
    multiplication.
    """

    name: str
    table: Mapping[str, float]
    longest: bool = False
    _known: dict[Any, float] = field(default_factory=dict, repr=False, compare=False)

    def price(self, op: str, data: tuple[Any, ...] = ()) -> float:
        """What one node costs beyond its arguments: op and data as in ``Term`` (numbers and symbols: 0)."""
        key = op, data
        found = self._known.get(key)
        if found is None:
            counts: Counter[str] = Counter(_own(op, data))
            if op == "mul":
                for e in data[1:]:
                    counts.update(operation for _, operation in power_steps(abs(e)))
            found = self._known[key] = sum(self.table[name] * n for name, n in counts.items())
        return found

    def total(self, terms: Iterable[Term] | Term) -> float:
        """The cost of evaluating all terms together; shared parts count once."""
        roots = (terms,) if isinstance(terms, Term) else tuple(terms)
        if self.longest:
            return _longest_path(roots, self.table)
        return sum(self.table[name] * n for name, n in operations(roots).items())


def costs_of(cost: str | Mapping[str, float] | Costs) -> Costs:
    """A cost model by name ("cycles", "size", "latency"), or from a table of prices (missing operators keep their default cycles).

    Raises UnknownName for other names and for unknown operators, TermError for prices that are not finite numbers >= 0.
    """
    if isinstance(cost, Costs):
        return cost
    if isinstance(cost, Mapping):
        return Costs("own table", CYCLES | {str(name): _checked(name, price) for name, price in cost.items()})
    models = {
        "cycles": Costs("cycles", CYCLES),
        "size": Costs("size", SIZE),
        "latency": Costs("latency", LATENCY, True),
    }
    if cost not in models:
        raise UnknownName(
            f"unknown cost {cost!r}.{did_you_mean(str(cost), models)} Known: {', '.join(models)}, or a table such as "
            '{"exp": 20, "div": 5}'
        )
    return models[cost]


def _checked(name: Any, price: Any) -> float:
    if name not in CYCLES:
        raise UnknownName(
            f"the cost table has a price for {name!r}, which is no operation.{did_you_mean(str(name), CYCLES)} "
            f"Known: {', '.join(sorted(CYCLES))}"
        )
    number = isinstance(price, (int, float, Fraction)) and not isinstance(price, bool)
    if not number or not math.isfinite(price) or price < 0:
        raise TermError(f'the price of {name!r} is {price!r}, not a number >= 0; write for instance {{"{name}": 4.0}}')
    return float(price)


def operations(terms: Iterable[Term]) -> Counter[str]:
    """How many operations of each kind the code for all terms executes: additions, multiplications, divisions, functions."""
    counts: Counter[str] = Counter()
    powers: set[tuple[Term, Number]] = set()
    for node in postorder(terms):
        for operation, n in _own(node.op, node.data).items():
            counts[operation] += n
        if node.op == "mul":
            for base, e in zip(node.args, node.data[1:], strict=True):
                if e == 1 or base.op in ("const", "pi"):  # compilers take the root of a number
                    continue
                for step, operation in power_steps(abs(e)):
                    if (base, step) not in powers:
                        powers.add((base, step))
                        counts[operation] += 1
    return +counts


def _own(op: str, data: tuple[Any, ...]) -> dict[str, int]:
    """The operations of a node without the powers in it."""
    if op == "add":
        return _of_sum(data)
    if op == "mul":
        return _of_product(data)
    return {} if op in ("const", "symbol") else {op: 1}


def _of_sum(data: tuple[Any, ...]) -> dict[str, int]:
    constant, *coefficients = data
    scaled = {float(c) for c in coefficients} - {1.0, -1.0}
    negative = constant == 0 and all(c == -1 for c in coefficients)
    return {"add": len(coefficients) - (constant == 0), "mul": len(scaled), "neg": int(negative)}


def _of_product(data: tuple[Any, ...]) -> dict[str, int]:
    coefficient, *exponents = data
    above = sum(e > 0 for e in exponents)
    below = len(exponents) - above
    chains = max(above - 1, 0) + max(below - 1, 0)
    return {
        "mul": chains + (above > 0 and abs(coefficient) != 1),
        "neg": int(above > 0 and coefficient == -1),
        "div": int(below > 0),
    }


@lru_cache(256, typed=True)
def power_steps(e: Number) -> tuple[tuple[Number, str], ...]:
    """The steps of base**e, e > 0, each with the power it gives: x^7 is x^2, x^3, x^4, x^7; x^(5/2) is x^2, sqrt(x), their product."""
    exact = Fraction(e) if not isinstance(e, float) or e.is_integer() else None
    if exact is None or exact > _LARGEST_POWER or exact.denominator > 2:
        return ((e, "pow"),)
    steps: list[tuple[Number, str]] = []
    whole = int(exact)
    square, made = 1, 0
    while square <= whole:
        if whole & square:
            if made:
                steps.append((made + square, "mul"))
            made += square
        square *= 2
        if square <= whole:
            steps.append((square, "mul"))
    if exact.denominator == 2:
        steps.append((Fraction(1, 2), "sqrt"))
        if whole:
            steps.append((exact, "mul"))
    return tuple(steps)


# --- latency ----------------------------------------------------------------------------------------------------------


def _longest_path(roots: tuple[Term, ...], table: Mapping[str, float]) -> float:
    memo: dict[Term, float] = {}
    return max((fold(root, lambda node, ready: _ready(node, ready, table), memo) for root in roots), default=0.0)


def _ready(node: Term, ready: list[float], table: Mapping[str, float]) -> float:
    """When a node's value is there, given when those of its arguments are."""
    if node.op in ("const", "symbol"):
        return 0.0
    if node.op == "add":
        return _sum_ready(node, ready, table)
    if node.op != "mul":
        return max(ready, default=0.0) + table[node.op]
    above: list[float] = []
    below: list[float] = []
    for e, begin in zip(node.data[1:], ready, strict=True):
        (above if e > 0 else below).append(begin + _depth(abs(e), table))
    top = _chain(above, table["mul"])
    if above and node.data[0] != 1:
        top += table["neg" if node.data[0] == -1 else "mul"]
    return max(top, _chain(below, table["mul"])) + table["div"] if below else top


def _sum_ready(node: Term, ready: list[float], table: Mapping[str, float]) -> float:
    groups: dict[float, list[float]] = {}
    for c, begin in zip(node.data[1:], ready, strict=True):
        groups.setdefault(float(c), []).append(begin)
    parts = [_chain(group, table["add"]) + (table["mul"] if abs(c) != 1 else 0.0) for c, group in groups.items()]
    return _chain(([0.0] if node.data[0] != 0 else []) + parts, table["add"])


def _chain(ready: list[float], step: float) -> float:
    """One value after the other, as written."""
    when = ready[0] if ready else 0.0
    for other in ready[1:]:
        when = max(when, other) + step
    return when


def _depth(e: Number, table: Mapping[str, float]) -> float:
    steps = power_steps(e)
    functions = [table[operation] for _, operation in steps if operation != "mul"]
    whole = math.floor(e)
    squarings = whole.bit_length() - 1 + (whole.bit_count() > 1) if whole >= 2 else 0
    joined = table["mul"] if functions and len(steps) > 1 else 0.0
    return max([squarings * table["mul"], *functions]) + joined
