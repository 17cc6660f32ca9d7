"""Factoring, sharing and derived parameters keep values and cost less."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symnum.errors import UnknownName
from symnum.expr.parse import parse
from symnum.expr.replace import replaced
from symnum.expr.term import Const, Symbol, Term, add, mul, power
from symnum.expr.walk import fold, postorder
from symnum.rewrite.check import evaluate
from symnum.rewrite.cost import costs_of, operations
from symnum.rewrite.derived import fold_parameters
from symnum.rewrite.factor import factor
from symnum.rewrite.normal import multiplied_out, single_fractions
from symnum.rewrite.share import condense, share, share_products, share_reciprocals, share_sums

NAMES: dict[str, Symbol] = {name: Symbol(name) for name in "ABCDEabcdkxyz"}
SIZE = costs_of("size")
FEW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def terms(*texts: str) -> list[Term]:
    return [parse(text, NAMES) for text in texts]


def exact(term: Term, at: dict[Term, Fraction]) -> Fraction:
    """The value of a rational term, in exact arithmetic: sums and products only."""

    def rule(node: Term, args: list[Fraction]) -> Fraction:
        if node.op == "const":
            return Fraction(node.data[0])
        if node.op == "symbol":
            return at[node]
        if node.op == "add":
            return node.data[0] + sum((c * a for c, a in zip(node.data[1:], args, strict=True)), Fraction(0))
        assert node.op == "mul"
        return math.prod((a**e for a, e in zip(args, node.data[1:], strict=True)), start=Fraction(node.data[0]))

    return fold(term, rule)


POINT = {s: Fraction(p, q) for (s, p), q in zip(zip(NAMES.values(), [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41], strict=True),
                                                [3, 2, 7, 5, 13, 11, 19, 17, 29, 23, 37, 31, 43], strict=True)}  # fmt: skip


def rational_systems() -> st.SearchStrategy[list[Term]]:
    """Several sums of products with whole exponents and exact coefficients, as mass-action kinetics writes them."""
    exponents = st.sampled_from([1, 1, 1, 1, 2, 3, -1, -2])
    monomial = st.lists(st.tuples(st.sampled_from(list(NAMES.values())), exponents), min_size=0, max_size=4)
    coefficient = st.sampled_from([1, 1, 1, -1, -1, 2, -3, Fraction(1, 2)])
    row = st.lists(st.tuples(coefficient, monomial), min_size=1, max_size=9).map(
        lambda rows: add(mul((Const(c), *(power(s, Const(e)) for s, e in m))) for c, m in rows)
    )
    wrapped = st.tuples(row, row).map(lambda pair: pair[0] * pair[1] + pair[0])
    return st.lists(st.one_of(row, row, row, wrapped), min_size=1, max_size=5)


@FEW
@given(rational_systems())
def test_values_are_kept_exactly(system: list[Term]) -> None:
    """In exact arithmetic there is no rounding to hide behind."""
    wanted = [exact(t, POINT) for t in system]
    for rewrite in (
        factor,
        share,
        share_sums,
        share_products,
        share_reciprocals,
        condense,
        single_fractions,
        multiplied_out,
    ):
        assert [exact(t, POINT) for t in rewrite(system)] == wanted


@FEW
@given(rational_systems())
def test_sharing_never_adds_operations(system: list[Term]) -> None:
    for rewrite in (share, share_sums, share_products):
        assert SIZE.total(rewrite(system)) <= SIZE.total(system)


def test_the_common_factor_is_taken_out() -> None:
    (made,) = factor(terms("k*A*B + k*A*C + k*D + x*B"))
    assert made is parse("k*(A*(B + C) + D) + x*B", NAMES)
    assert operations([made]) == {"mul": 3, "add": 3}


def test_powers_and_signs_are_taken_out() -> None:
    first, second = factor(terms("x^3*y - x^2*z", "2*x*z - 2*x^2*y"))
    assert first is parse("x^2*(x*y - z)", NAMES) or first is parse("-x^2*(z - x*y)", NAMES)
    assert operations([first, second])["add"] == 1  # the second is -2*x times the same difference


def test_a_polynomial_gets_horners_form() -> None:
    """Horner: degree n in n multiplications and n additions."""
    (made,) = factor(terms("a + b*x + c*x^2 + d*x^3"))
    assert operations([made]) == {"mul": 3, "add": 3}


def test_what_two_equations_share_is_computed_once() -> None:
    made = share_sums(terms("a + b + c + x", "a + b + c - y", "k*(a + b)"))
    assert operations(made) == {"add": 1 + 1 + 2, "mul": 1}  # s = a + b; t = s + c; t + x, t - y, k*s
    assert len({n for n in postorder(made) if n.op == "add"}) == 4


def test_sums_in_proportion_share() -> None:
    made = share_sums(terms("2*a - 2*b + x", "b - a + y", "3*a - 3*b + z"))
    assert operations(made)["add"] == 4


def test_sub_products_and_reciprocals_are_shared() -> None:
    assert operations(share_products(terms("k*x*y", "a*x*y", "b*x*y")))["mul"] == 4
    assert operations(share_reciprocals(terms("x/k", "y/k", "z/k^2"))) == {"div": 1, "mul": 4}  # r, x*r, y*r, r*r*z
    assert operations(share(terms("x/(k*a)", "y/(k*a)")))["div"] == 1


def test_sharing_in_a_network_of_equations() -> None:
    """A chain of n binding sites: every flux in two equations; the operations stay linear in n."""

    def cost(n: int) -> float:
        species = [Symbol(f"s{i}") for i in range(n + 1)]
        k, x = NAMES["k"], NAMES["x"]
        flux = [k * x * species[i] - a * species[i + 1] for i, a in enumerate([NAMES["a"]] * n)]
        system = [add([*([f] if i < n else []), *([-flux[i - 1]] if i else [])]) for i, f in enumerate([*flux, k])]
        return SIZE.total(condense(system)) / n

    assert cost(200) < 1.02 * cost(50) < 6.2


def test_large_sums_cost_linear_time_and_deep_terms_no_recursion() -> None:
    many = [Symbol(f"s{i}") for i in range(3000)]
    (made,) = condense([add(NAMES["k"] * s for s in many)])
    assert operations([made]) == {"add": 2999, "mul": 1}
    deep: Term = NAMES["x"]
    for _ in range(3000):
        deep = NAMES["a"] * deep + NAMES["b"]
        deep = parse("exp(x)", {"x": deep})
    assert condense([deep])[0] is deep


def test_derivatives_are_not_mixed_with_what_is_inside() -> None:
    kept = terms("x*y + x*z")[0]
    temporary = Symbol("t1", "temporary")
    assert replaced([temporary + 1], {temporary: kept})[0].args == (kept,)  # a sum inside a sum stays apart


# ------------------------------------------------------------------ normal forms


def test_sums_come_over_one_denominator() -> None:
    (made,) = single_fractions(terms("x/(k*(1 + y/a) + z/(b + 1))"))
    assert operations([made])["div"] == 1
    (made,) = single_fractions(terms("x/y + z/y - 1/y"))
    assert made is parse("(x + z - 1)/y", NAMES)


def test_common_factors_above_and_below_cancel() -> None:
    (made,) = single_fractions(terms("k*(1 + y/k)"))
    assert made is parse("k + y", NAMES)
    (made,) = single_fractions(terms("(a/b)/(c/b)"))
    assert made is parse("a/c", NAMES)


def test_roots_stay_whole() -> None:
    """sqrt(a/b) is not sqrt(a)/sqrt(b) where both are negative."""
    (made,) = single_fractions(terms("(a/b)^(1/2)/x + 1/x"))
    assert evaluate([made], {NAMES["a"]: -1.0, NAMES["b"]: -4.0, NAMES["x"]: 2.0}) == [0.75]


def test_products_are_multiplied_out_within_bounds() -> None:
    (made,) = multiplied_out(terms("(a + b)^2 - 2*a*b"))
    assert made is parse("a^2 + b^2", NAMES)
    large = terms("(a + b + c + d)^4*(x + y + z)")[0]
    assert multiplied_out([large]) == [large]


# ------------------------------------------------------------------ derived parameters


def _parameters(**values: float) -> tuple[dict[str, Any], dict[Any, float]]:
    symbols = {name: Symbol(name, "parameter") for name in values}
    return symbols, {symbols[name]: value for name, value in values.items()}


def test_terms_of_parameters_are_computed_once() -> None:
    p, values = _parameters(k=2.0, m=3.0, E=4.0, R=0.5)
    system = [parse(text, NAMES | p) for text in ("k*m*A*B + exp(-E/R)*A", "-2*k*A", "k + m", "A + 1 + k", "3*m - A")]
    derived = fold_parameters(system)
    assert not derived.merged
    at: dict[Term, Any] = {**values, NAMES["A"]: 1.7, NAMES["B"]: 0.3}
    at |= dict(zip(derived.definitions, evaluate(derived.definitions.values(), at), strict=True))
    assert np.allclose(evaluate(derived.terms, at), evaluate(system, at), rtol=1e-14)
    assert operations(derived.terms) == {"mul": 4, "add": 3, "neg": 1}
    assert all(n in derived.definitions or n not in values for t in derived.terms for n in postorder([t]) if n.args)


def test_equal_values_are_merged_only_when_values_are_given() -> None:
    p, values = _parameters(k=2.0, m=2.0, E=4.0)
    system = [parse(text, NAMES | p) for text in ("k*A + m*B", "k*m*A + E*B")]
    apart = fold_parameters(system)
    assert operations(condense(apart.terms))["mul"] == 4
    merged = fold_parameters(system, values=values)
    assert merged.merged == {p["m"]: p["k"]}
    assert not merged.definitions  # k*m = 4 = E
    assert operations(condense(merged.terms)) == {"mul": 2, "add": 1}
    with pytest.raises(UnknownName, match="the parameter m has no value"):
        fold_parameters(system, values={p["k"]: 2.0, p["E"]: 4.0})


def test_new_names_avoid_those_in_use() -> None:
    p, _ = _parameters(k=1.0, derived1=2.0)
    derived = fold_parameters([parse("k^2*A*derived1", NAMES | p)])
    assert [s.name for s in derived.definitions] == ["derived2"]
