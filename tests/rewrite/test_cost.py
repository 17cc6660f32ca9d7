"""Costs count what generated code executes."""

from __future__ import annotations

import re

import pytest

from symnum.codegen.llvm_emit import Emitter, Names
from symnum.errors import SymnumError, TermError, UnknownName
from symnum.expr.parse import parse
from symnum.expr.term import ONE, Symbol, Term, make_call
from symnum.expr.walk import symbols
from symnum.rewrite.cost import CYCLES, Costs, costs_of, operations

NAMES = {name: Symbol(name) for name in "abcdxyz"}


def term(text: str) -> Term:
    return parse(text, NAMES)


def emitted(terms: list[Term]) -> dict[str, int]:
    """The instructions that the LLVM code generator writes for the terms, equal ones counted once (as LLVM's first pass leaves them)."""
    emitter = Emitter(Names(), {s: f"%{s.name}" for s in symbols(terms)})
    for t in terms:
        emitter.value(t)
    seen: dict[str, str] = {}
    alias: dict[str, str] = {}
    for line in emitter.lines:
        name, _, text = line.strip().partition(" = ")
        text = re.sub(r"%\w+", lambda found: alias.get(found[0], found[0]), text)
        alias[name] = seen.setdefault(text, name)
    kinds = {"fadd": "add", "fsub": "add", "fmul": "mul", "fdiv": "div", "fneg": "neg"}
    counts: dict[str, int] = {}
    for text in seen:
        word = text.split()[0]
        function = re.search(r"@(?:llvm\.)?(\w+)", text)
        kind = kinds.get(word) or (function[1] if function else word)
        counts[kind] = counts.get(kind, 0) + 1
    return counts


@pytest.mark.parametrize(
    "text",
    [
        "a + b + c",
        "2*a + 2*b + c - d",
        "3*a - 3*b + 1",
        "a*b*c/(d*x)",
        "-a*b/c",
        "a^2",
        "a^3 + a^2 + a^6",
        "a^7*b",
        "x^(1/2)*a + x^(3/2)",
        "a^-2",
        "1/(a*b) + a/b",
        "x^0.3",
        "a^b",
        "5*a/b",
        "exp(a)*sin(a) + exp(a)",
        "(a + b)*c + (a + b)^2",
    ],
)
def test_operations_are_those_of_the_generated_code(text: str) -> None:
    """Peer: the LLVM code generator itself."""
    assert dict(operations([term(text)])) == emitted([term(text)])


def test_shared_parts_count_once_over_all_terms() -> None:
    first, second = term("exp(a*b) + c"), term("exp(a*b)*d")
    together = costs_of("cycles").total([first, second])
    assert together == 1 + 13 + 1 + 1
    assert together < costs_of("cycles").total(first) + costs_of("cycles").total(second)


def test_powers_of_one_base_share_their_squares() -> None:
    assert operations([term("x^4 + x^6*a")]) == {"mul": 4, "add": 1}  # x2, x4, x6, x6*a


def test_the_price_of_a_node_is_its_share_of_the_total() -> None:
    costs = costs_of("cycles")
    for text in ["2*a + b - 1", "3*a^3/b", "exp(a)", "a < b", "x^(1/2)"]:
        node = term(text)
        inside = sum(costs.price(n.op, n.data) for n in node.args)
        assert costs.price(node.op, node.data) + inside == costs.total(node)


def test_numbers_and_symbols_are_free() -> None:
    assert costs_of("size").total([ONE, NAMES["a"], term("pi")]) == 0


def test_latency_is_the_longest_path() -> None:
    latency = costs_of("latency")
    assert latency.total(term("a*b*c*d")) == 12  # a chain of three multiplications
    nested = make_call("mul", (term("a*b"), term("c*d")), (1, 1, 1))
    assert latency.total(nested) == 8
    assert latency.total([term("a + b"), term("exp(a)")]) == 40
    assert latency.total(term("x^8")) == 12
    assert latency.total(term("a/b")) == 13


def test_a_table_of_ones_own() -> None:
    costs = costs_of({"exp": 100, "div": 0})
    assert costs.total(term("exp(a)/b")) == 100
    assert costs.table["sin"] == CYCLES["sin"]
    assert costs_of(costs) is costs and isinstance(costs, Costs)


@pytest.mark.parametrize(
    ("cost", "error", "says"),
    [
        ("cycle", UnknownName, "Did you mean 'cycles'"),
        ("", UnknownName, "cycles, size, latency"),
        ({"expp": 2.0}, UnknownName, "Did you mean 'exp'"),
        ({"exp": -1.0}, TermError, '{"exp": 4.0}'),
        ({"exp": float("nan")}, TermError, "not a number >= 0"),
        ({"exp": "cheap"}, TermError, "'cheap'"),
        ({"exp": True}, TermError, "True"),
    ],
)
def test_bad_costs_are_named(cost: object, error: type[SymnumError], says: str) -> None:
    with pytest.raises(error, match=re.escape(says)):
        costs_of(cost)  # type: ignore[arg-type]
