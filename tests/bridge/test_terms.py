"""Terms to Symbolics.jl and back, and its derivatives and simplification against symnum's own and against values."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import symnum as sn
from symnum.bridge import terms as symbolics
from symnum.bridge.terms import names_of
from symnum.bridge.wire import decode, encode
from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import BackendUnavailable, TermError
from symnum.expr.calculus import derivative
from symnum.expr.integral import integral
from symnum.expr.network import OPERATORS
from symnum.expr.ops import TABLE as ALL
from symnum.expr.term import Const, Symbol, Term, add, call, make_call, mul
from symnum.expr.walk import postorder
from symnum.expr.walk import symbols as symbols_of
from symnum.ir.kernel import values as kernel_values
from symnum.rewrite.check import Check, evaluate
from tests.expr.samples import NAMES, terms

N = NAMES
A, B, C = (Symbol(s) for s in "abc")
LEAVES: list[Term] = [A, B, C, N.t, N.x, N.u, N.alpha]
MODELS = Catalogue("model", folder=shipped_folder("models"))
TABLE = {name: row for name, row in ALL.items() if name not in OPERATORS}  # networks go there written out, see test_wire


NUMBERS = [
    0, 1, -1, 2, -3, 7, Fraction(1, 2), Fraction(-2, 3), Fraction(5, 7), 0.1, -0.3, 2.0, -1.0, 0.5, 2.5e17, 1e-300, -0.0, 2**31, 2**64 + 1,
    Fraction(10**20, 3), float("inf"),
]  # fmt: skip
EXPONENTS = [2, 3, -1, -2, Fraction(1, 2), Fraction(-1, 2), Fraction(1, 3), Fraction(-7, 3), 0.3, -1.7, 2.0, 0.5]


def random_term(random: Random, size: int) -> Term:
    """A term of about ``size`` nodes: every operator of the table, numbers of all kinds, fields and their derivatives."""
    if size <= 1:
        return random.choice(LEAVES) if random.random() < 0.75 else Const(random.choice(NUMBERS))
    op = random.choice(["add", "mul"] * 5 + ["power"] * 4 + sorted(TABLE))
    count = TABLE[op].arity if op in TABLE else 1
    args = [random_term(random, (size - 1) // (count or 2)) for _ in range(3 if count is None else count)]
    try:
        if op == "power":
            return args[0] ** Const(random.choice(EXPONENTS))
        if op == "add":
            return add([*args, Const(random.choice(NUMBERS)) * args[0]])
        if op == "mul":
            return mul([*args, args[0] ** Const(random.choice(EXPONENTS))])
        if op == "derivative":
            return derivative(N.u * args[0] if random.random() < 0.3 else N.u, {N.x: random.randint(1, 3), N.t: 1})
        if op == "integral":
            return integral(args[0] * N.u, N.x)
        if op == "table":
            return make_call("table", (Symbol("i0"),), (random.randint(0, 3), *random.sample(NUMBERS[:12], 3)))
        return call(op, *args)
    except TermError:  # 1/0, inf - inf, (-2)**(1/2)
        return random_term(random, size - 1)


FORMULAS = [
    "sec", "csc", "cot", "sech", "csch", "coth", "asech", "acsch", "acot", "exp2", "exp10", "expm1", "log2", "log10", "log1p", "cbrt", "abs2", "inv",
    "sinpi", "cospi", "sind", "cosd", "tand", "deg2rad", "rad2deg",
]  # fmt: skip


# --- without Julia ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call_it",
    [
        lambda: symbolics.to_symbolics([A]),
        lambda: symbolics.from_symbolics([1]),
        lambda: symbolics.jacobian([A], [A]),
        lambda: symbolics.sparse_jacobian([A], [A]),
        lambda: symbolics.hessian(A, [A]),
        lambda: symbolics.simplify([A], 1.0),
    ],
)
def test_without_julia_there_is_one_sentence(call_it: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNUM_JULIA", "0")
    begin = time.process_time()
    with pytest.raises(BackendUnavailable, match="SYMNUM_JULIA") as caught:
        call_it()
    assert "\n" not in str(caught.value)
    assert time.process_time() - begin < 1.0  # the bar is 0.2 s on a quiet machine


def test_names_are_told_apart_before_they_travel() -> None:
    assert names_of([N.u + A]) == {s.name: s for s in (A, N.u, N.t, N.x, N.y, N.theta)}
    with pytest.raises(
        TermError, match=r"two different symbols are named 'a' \((symbol and parameter|parameter and symbol)\)"
    ):
        names_of([A + sn.parameter("a", 1.0)])


def test_sealed_terms_hold_plain_names_only() -> None:
    ux = sn.diff(N.u, N.x)
    given_terms = [ux * N.u + sn.diff(ux, N.x) + integral(N.u, N.x), A + sn.parameter("a", 1.0), ux]
    sealed = symbolics._Sealed(given_terms)
    wire = sealed.wire(given_terms)
    plain = decode(wire)
    assert all(n.kind == "symbol" and n.info is None for n in postorder(plain) if isinstance(n, Symbol))
    assert not any(n.op in ("derivative", "integral") for n in postorder(plain))
    assert len({n.name for n in postorder(plain) if isinstance(n, Symbol)}) == 6
    assert sealed.terms(wire) == tuple(given_terms)


# --- with Julia ---------------------------------------------------------------------------------------------------------

julia = pytest.mark.julia("Symbolics")


@julia
def test_500_random_terms_make_the_round_trip() -> None:
    """The same objects come back, so structure and value are kept; what they mean over there is looked at below."""
    random = Random(1)
    given_terms = [random_term(random, random.randint(2, 60)) for _ in range(500)]
    assert {node.op for node in postorder(given_terms)} >= set(TABLE) and sum(1 for _ in postorder(given_terms)) > 3000
    back = symbolics.from_symbolics(symbolics.to_symbolics(given_terms), names_of(given_terms))
    assert all(a is b for a, b in zip(given_terms, back, strict=True))


@julia
@pytest.mark.parametrize("op", sorted(TABLE))
def test_every_operator_makes_the_round_trip(op: str) -> None:
    special = {
        "add": A + 2 * B - Fraction(1, 3), "mul": A * B**-2 * C ** Fraction(3, 2), "derivative": derivative(N.u, {N.x: 3, N.t: 1}),
        "integral": integral(N.u * A, N.x), "table": make_call("table", (Symbol("i0"),), (3, 0.5, -0.25, Fraction(1, 3))),
    }  # fmt: skip
    term = special[op] if op in special else call(op, *(A, B, C)[: TABLE[op].arity])
    assert symbolics.from_symbolics(symbolics.to_symbolics([term]), names_of([term])) == (term,)


@julia
def test_every_operator_means_the_same_in_symbolics(julia: Any) -> None:
    """Its numbers, by substitution of the variables, are NumPy's."""
    there = julia.use("Symbolics")
    number = julia.main.seval(
        "(S, e, names, at) -> Float64(S.SymbolicUtils.unwrap_const(S.value(S.substitute(e, Dict(zip(names, at)); fold = Val(true)))))"
    )
    variables = symbolics.to_symbolics([A, B, C])
    for op in sorted(set(TABLE) - {"add", "mul", "derivative", "integral", "table"}):
        point = (1.7 if op == "acosh" else 0.7, -0.3, 2.2)
        term = (
            call(op, *(A > B if op in ("and", "not", "where") else A, B + 1, C)[: TABLE[op].arity])
            + 3 * A**-2 * B
            - A * C**0.5
        )
        (want,) = evaluate([term], {s: np.array([x]) for s, x in zip((A, B, C), point, strict=True)})
        found = number(there, symbolics.to_symbolics([term])[0], variables, point)
        assert found == pytest.approx(float(want[0]), rel=1e-14), op


@julia
@pytest.mark.parametrize(
    "term",
    [
        Const(2**200 + 1) * A,
        A ** Const(Fraction(-7, 3)) * Fraction(10**30, 3),
        0.1 * A + (0.1 + 0.2) * B,
        2.0 * A + 3 * B + 1,
        2 * A + 3 * B + 1,
        A + float("inf"),
        -(A + B),
        A - 2 * (B + C),
        (A**2) ** Const(Fraction(1, 2)),
        (A * B) ** Const(Fraction(3, 2)) / (A + B),
        Const(2) ** Const(Fraction(1, 3)) + sn.pi / 4,
        sn.where(A, B, C),
        sn.where((A > B) & (B >= C), N.u, ~(A < 1)),
        (N.t >= 1.1) * A,
        1 / (A * (B + 1)) - 1 / A**2,
        Const(True),
        Const(-0.0) * A,
        Const(3),
    ],
    ids=str,
)
def test_structure_and_numbers_are_kept(term: Term) -> None:
    assert symbolics.from_symbolics(symbolics.to_symbolics([term]), names_of([term])) == (term,)


@julia
def test_coordinates_and_fields_are_recognised() -> None:
    (made,) = symbolics.from_symbolics(symbolics.to_symbolics([sn.diff(N.w, N.t) + N.x]))
    assert {(s.name, s.kind) for s in symbols_of(made)} == {("w", "field"), ("t", "coordinate"), ("x", "symbol")}
    assert made.op == "add" and any(a.op == "derivative" for a in made.args)
    with pytest.raises(TermError, match=r"w\(t\) does not match the parameter 'w'"):
        symbolics.from_symbolics(symbolics.to_symbolics([N.w]), {"w": sn.parameter("w")})
    with pytest.raises(TermError, match="t is used as a coordinate, but it is declared as a parameter"):
        symbolics.from_symbolics(symbolics.to_symbolics([N.w]), {"t": sn.parameter("t")})


@julia
def test_functions_of_julia_are_written_by_what_they_mean(julia: Any) -> None:
    base, x = julia.main.Base, symbolics.to_symbolics([A])[0]
    at = 0.37
    for name in FORMULAS:
        function = getattr(base, name)
        (back,) = symbolics.from_symbolics([function(x)])
        assert symbols_of(back) == [A]
        (found,) = evaluate([back], {A: np.array([at])})
        assert float(found[0]) == pytest.approx(float(function(at)), rel=1e-14), name


@julia
def test_what_has_no_counterpart_is_named(julia: Any) -> None:
    x, y = symbolics.to_symbolics([A, B])
    special = julia.use("SpecialFunctions") if "SpecialFunctions" in julia.status.packages else None
    with pytest.raises(TermError, match=r"complex|no place in a real term"):
        symbolics.from_symbolics([complex(1, 2)])
    with pytest.raises(TermError, match=r"besselj0|digamma|rem"):
        symbolics.from_symbolics([special.besselj0(x) if special is not None else julia.main.Base.rem(x, y)])
    assert symbolics.from_symbolics([x * y]) == (A * B,), "the session stays usable"


@julia
@settings(max_examples=60, deadline=None)
@given(terms([A, B, C], smooth=True, max_leaves=8))
def test_its_derivatives_have_the_values_of_ours(term: Term) -> None:
    ours = sn.jacobian([term, term * A], [A, B])
    theirs = sn.jacobian([term, term * A], [A, B], engine="symbolics")
    for row, other in zip(ours, theirs, strict=True):
        check = Check(row)
        assert not check.enough or check.difference(other) == ""


@julia
def test_fields_and_their_derivatives_are_independent_there_too() -> None:
    ux = sn.diff(N.u, N.x)
    system = [N.u * ux + integral(N.u, N.x) * N.x, ux**2 + sn.sin(N.x), sn.where(N.u > 0, sn.floor(N.u), N.x)]
    by = [N.u, ux, N.x]
    assert sn.jacobian(system, by, engine="symbolics") == sn.jacobian(system, by)
    ours, theirs = sn.sparse_jacobian(system, by), sn.sparse_jacobian(system, by, engine="symbolics")
    assert ours.indices.tolist() == theirs.indices.tolist() and ours.indptr.tolist() == theirs.indptr.tolist()
    assert sn.hessian(N.u**2 * ux, by, engine="symbolics") == sn.hessian(N.u**2 * ux, by)


@julia
@pytest.mark.parametrize("name", MODELS.names())
def test_jacobians_of_models_have_our_pattern_and_values(name: str) -> None:
    module = MODELS.load(name)
    semi = sn.discretise(module.system(), resolution=module.resolution and 16)
    stored = kernel_values(semi.semi.rhs.body)
    by = symbols_of(stored, "load")
    ours, theirs = sn.sparse_jacobian(stored, by), sn.sparse_jacobian(stored, by, engine="symbolics")
    assert np.array_equal(ours.indices, theirs.indices) and np.array_equal(ours.indptr, theirs.indptr)
    tables = [n for n in postorder(ours.terms) if n.op == "table"]
    if ours.terms and not tables:
        check = Check(ours.terms)
        assert check.difference(theirs.terms) == ""


@julia
def test_simplify_by_symbolics() -> None:
    assert sn.simplify(sn.sin(A) ** 2 + sn.cos(A) ** 2 + B, "symbolics", seconds=20) == 1 + B
    made, report = sn.simplify(
        [sn.sin(A) ** 2 + sn.cos(A) ** 2, sn.diff(N.u, N.x) * (A - A * B)], "symbolics", seconds=20, report=True
    )
    assert made[0] == Const(1) and "Symbolics.simplify" in report.costs
    assert not report.warnings


@julia
def test_simplify_keeps_its_time_limit_and_the_session() -> None:
    states = [Symbol(f"y{k}") for k in range(60)]
    wide = add(sn.sin(a) * b * sn.exp(a * b) for a, b in product(states[:20], states[20:]))
    symbolics.simplify([sn.sin(A) ** 2], 5.0)  # compiled
    begin = time.perf_counter()
    made, unfinished = symbolics.simplify([wide, sn.sin(A) ** 2 + sn.cos(A) ** 2], 1.0)
    assert time.perf_counter() - begin < 30
    assert unfinished == (0, 1) and made[0] is wide
    longer = add(a * b * c for a, b, c in product(states[:12], states[20:30], states[40:50]))
    made, unfinished = symbolics.simplify([sn.sin(A) ** 2 + sn.cos(A) ** 2, longer], 3.0)
    assert unfinished == (1,) and made == (Const(1), longer)
    _, report = sn.simplify(wide, "symbolics", seconds=0.05, report=True)
    assert any("no end within 0.05 s" in text for text in report.warnings)


@julia
def test_long_sums_travel_fast() -> None:
    states = [Symbol(f"y{k}") for k in range(200)]
    term = add([Const(1), *(k * a * b for k, (a, b) in enumerate(product(states[:100], states[100:])))])
    begin = time.perf_counter()
    (back,) = symbolics.from_symbolics(symbolics.to_symbolics([term]))
    seconds = time.perf_counter() - begin
    assert back is term and len(term.args) == 9999
    assert seconds < 20


@julia
def test_equal_terms_of_floats_and_fractions_stay_apart() -> None:
    exact_one, float_one = 2 * A + 3 * B + 1, 2.0 * A + 3 * B + 1
    assert exact_one is not float_one
    assert symbolics.from_symbolics(symbolics.to_symbolics([exact_one, float_one, sn.sin(float_one), sn.sin(exact_one)])) == (
        exact_one, float_one, sn.sin(float_one), sn.sin(exact_one),
    )  # fmt: skip
    assert len(encode([exact_one]).numbers) == 0
