"""Rewriting of kernels: same values, fewer operations, nothing else changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.discretisation.assemble import discretise as to_semi_discrete
from symnum.errors import SymnumError, UnknownName
from symnum.expr.replace import replaced
from symnum.expr.term import Symbol, Term, add
from symnum.expr.walk import postorder, symbols
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Kernel, Let, Loop, Store, index, load, statements, values
from symnum.rewrite.check import evaluate
from symnum.rewrite.kernel_collect import Collector
from symnum.rewrite.kernel_constants import tabulate, versions_of_powers
from symnum.rewrite.kernel_cost import loop_cost
from symnum.rewrite.kernel_rewrite import rewrite_kernel

MODELS = Catalogue("model", folder=shipped_folder("models"))
a, b, F = sn.parameters("a b F")
u, left, right = load("u", (0,)), load("u", (-1,)), load("u", (1,))


def _rhs(name: str) -> tuple[Kernel, dict[Any, float], np.ndarray]:
    module = MODELS.load(name)
    options = {k: v for k, v in module.solve_options.items() if k in ("scheme", "order")}
    system = module.system()
    cells = {0: 1, 1: module.resolution, 2: 24, 3: 12}[len(system.space)]
    semi = to_semi_discrete(system, cells or 64, **options)
    now = dict(zip(semi.parameters, semi.parameter_values, strict=True))
    return semi.rhs, now, semi.initial(semi.parameter_values, out=np.empty(semi.size))


def _still(term: Term) -> bool:
    return not symbols(term, "load")


@pytest.mark.parametrize("name", MODELS.names())
def test_every_model_keeps_its_right_hand_side(name: str) -> None:
    """By the interpreter, which defines what a kernel means; also for other values of the parameters than those it was rewritten for."""
    kernel, now, y = _rhs(name)
    made, report = rewrite_kernel(kernel, now)
    assert (made is kernel) == (not report.changed)
    assert all(b.after <= b.before for b in report.bodies)
    random = np.random.default_rng(3)
    y = y + 0.1 * np.abs(y).max() * random.random(y.size)
    for factor in (1.0, 1.3):
        p = [factor * v for v in now.values()]
        plain, rewritten = (interpret(k, 0.37, y, p) for k in (kernel, made))
        size = np.abs(plain).max()
        assert np.abs(rewritten - plain).max() <= 1e-12 * size


def test_it_pays_where_there_is_something_to_gain() -> None:
    """Operations a point of the largest loop, counted by hand: Kuramoto-Sivashinsky's linear parts become one stencil of 7 points in 4 pairs."""
    kernel, now, _ = _rhs("kuramoto_sivashinsky")
    (body,) = rewrite_kernel(kernel, now)[1].bodies
    assert body.before == 18 and body.after == 10
    kernel, now, _ = _rhs("heat")
    assert rewrite_kernel(kernel, now)[0] is kernel


def test_coefficients_of_one_value_are_added_up_outside_the_loop() -> None:
    h = 4096.0
    term = a * h * (left + right - 2 * u) + F * (1 - u) - u**3
    collector = Collector(_still, expand=True, horner=True)
    made = replaced(collector.collect([term]), dict(collector.sealed))
    # before: 1 - u, left + right, -2u to it, times ha, F*(1 - u) to it, u^2, u*u^2 from it; after: left + right, ha times it to F, u^2 from
    # -(F + 2ha), u times it to the sum
    assert loop_cost([term], _still) == 7 and loop_cost(made, _still) == 4
    outside = [n for n in postorder(made) if n.op == "add" and set(symbols(n)) == {a, F}]
    assert len(outside) == 1


def test_differences_are_not_multiplied_out() -> None:
    collector = Collector(_still, expand=True, horner=True)
    (made,) = collector.collect([u * (right - left) - 0.5 * (right - left) * (right + left)])
    differences = [
        n for n in postorder([made]) if n.op == "add" and set(n.args) == {left, right} and sum(n.data[1:]) == 0
    ]
    assert len(differences) == 1
    assert evaluate([made], {u: 3.0, left: 0.1, right: 0.1})[0] == 0.0  # a constant state does not move


def test_constants_are_added_to_the_branches_of_switches() -> None:
    term = sn.where(u > 1, a, 0) + b + u
    collector = Collector(_still, expand=False, horner=False)
    (made,) = collector.collect([term])
    (switch,) = [n for n in postorder([made]) if n.op == "where"]
    assert switch.args[0] is (u > 1) and switch.args[1] is a + b and switch.args[2] is b
    assert loop_cost([made], _still) == loop_cost([term], _still) - 1


@given(st.data())
def test_random_polynomials_keep_their_values(data: st.DataObject) -> None:
    leaves = st.sampled_from([a, b, F, u, left, right, a - 2 * b, right - left])
    numbers = st.sampled_from([-2, -1, 0.5, 3, 7.25])
    products = st.tuples(numbers, st.lists(leaves, min_size=1, max_size=3)).map(lambda row: row[0] * _product(row[1]))
    sums = st.lists(products, min_size=1, max_size=4).map(lambda row: sum(row[1:], row[0]))
    term = sum(
        data.draw(st.lists(st.tuples(sums, sums).map(lambda r: r[0] * r[1]), min_size=1, max_size=3)), sn.sin(u) * a
    )
    collector = Collector(_still, data.draw(st.booleans()), data.draw(st.booleans()))
    made = replaced(collector.collect([term]), dict(collector.sealed))
    random = np.random.default_rng(1)
    at: dict[Term, Any] = {s: random.uniform(0.5, 2, 20) for s in (a, b, F, u, left, right)}
    old, new = evaluate([term, *made], at)
    size = evaluate([_with_positive_numbers(term)], at)[0]
    assert np.all(np.abs(new - old) <= 1e-13 * np.abs(size) + 1e-12)


def _product(factors: list[Term]) -> Term:
    made = factors[0]
    for factor in factors[1:]:
        made = made * factor
    return made


def _with_positive_numbers(term: Term) -> Term:
    """An upper bound of what rounding errors are relative to, for positive symbols: differences become sums."""
    if term.op == "add":
        return sum(
            (abs(c) * _with_positive_numbers(t) for t, c in zip(term.args, term.data[1:], strict=True)),
            sn.sqrt(4) - 2 + abs(term.data[0]),
        )
    if term.op == "mul":
        return abs(term.data[0]) * _product(
            [_with_positive_numbers(t) ** e for t, e in zip(term.args, term.data[1:], strict=True)]
        )
    return term


# --- tables, exponents ---------------------------------------------------------------------------------------------


def test_functions_of_one_index_become_tables() -> None:
    i, j = index(0), index(1)
    made = tabulate(u * sn.cos(0.25 * i) * sn.exp(-j * i), (8, 8), {})
    (table,) = [n for n in postorder([made]) if n.op == "table"]
    assert table.args == (i,) and np.allclose(table.data[1:], np.cos(0.25 * np.arange(8)), rtol=0, atol=1e-16)
    assert any(n.op == "exp" for n in postorder([made]))  # of two indices
    assert tabulate(1 / sn.log(i), (8,), {}).op != "table"  # not finite at 0 and 1
    assert not [n for n in postorder([tabulate(sn.sqrt(1.5 + i) * u, (10**5,), {})]) if n.op == "table"]  # a long axis
    condition = sn.where(sn.cos(0.1 * i) > 0.3, u, 0)
    assert tabulate(condition, (8,), {}) is condition  # rounding could turn it


@pytest.mark.parametrize("value, form", [(2.0, "u[+0]"), (3.0, "u[+0]^2"), (1.5, "sqrt(u[+0])")])
def test_exponents_get_a_version_for_their_value(value: float, form: str) -> None:
    seen: list[str] = []
    term = a * u ** (b - 1)
    made = versions_of_powers(term, {a: 2.0, b: value}, {}, seen)
    (switch,) = [n for n in postorder([made]) if n.op == "where"]
    assert str(switch.args[1]) == form and len(seen) == 1
    for now in (value, value + 1e-12, 2.7):  # right for every value
        at: dict[Term, Any] = {a: 2.0, b: now, u: np.array([0.3, 1.0, 4.0])}
        assert np.allclose(evaluate([made], at)[0], 2 * at[u] ** (now - 1), rtol=1e-15, atol=0)


def test_other_exponents_stay() -> None:
    for value, term in ((2.3, u ** (b - 1)), (80.0, u**b), (1.0, u ** (b - 1)), (2.0, u ** (b * left))):
        assert versions_of_powers(term, {b: value}, {}, []) is term


# --- kernels -------------------------------------------------------------------------------------------------------


def test_finite_volumes_conserve_to_round_off() -> None:
    t, x = sn.coordinates("t x")
    w = sn.field("w", (t, x))
    flux = (1 + w + w**2) * sn.diff(w, x)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(w), sn.diff(flux, x))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.neumann(w, 0, at={x: 0}), sn.neumann(w, 0, at={x: 1})],
        initial={w: 1 + sn.cos(sn.pi * x)},
    )
    y = 1 + np.random.default_rng(0).random(100)
    for simplify in (False, "auto"):
        made = sn.discretise(system, 100, scheme="finite_volume", simplify=simplify)
        rates = made.rhs(0.0, y)
        assert abs(rates.sum()) < 1e-13 * np.abs(rates).sum()
    assert np.all(made.rhs(0.0, np.ones(100)) == 0)


def test_shared_parts_become_temporaries_of_the_body() -> None:
    kernel, now, _ = _rhs("pollu")
    made, report = rewrite_kernel(kernel, now)
    lets = [s for s in statements(made.body) if isinstance(s, Let)]
    assert report.changed and lets and not any(isinstance(s, Loop) for s in made.body)
    assert len({s.symbol for s in lets}) == len(lets)
    assert set(symbols(values(made.body), "temporary")) == {s.symbol for s in lets}


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("name", ["kuramoto_sivashinsky", "porous_medium", "pollu"])
def test_targets_agree(name: str, target: str) -> None:
    system = MODELS.load(name).system()
    plain = sn.discretise(system, 40, simplify=False)
    y = plain.initial_state() + 0.1
    made = sn.discretise(system, 40, target=target, simplify=True)
    assert made.rewriting.bodies and np.allclose(
        made.rhs(0.1, y), plain.rhs(0.1, y), rtol=1e-11, atol=1e-11 * np.abs(y).max()
    )


def test_the_switch() -> None:
    system = MODELS.load("allen_cahn").system()
    made = sn.discretise(system, 40)
    assert made.rewriting.changed and "cycles a point before" in str(made.rewriting)
    plain = sn.discretise(system, 40, simplify=False)
    assert not plain.rewriting.changed and plain.source != made.source
    assert not sn.discretise(system, 40, target="numpy").rewriting.changed
    engine = sn.discretise(system, 40, simplify="egraph")
    y = plain.initial_state()
    assert np.allclose(engine.rhs(0.0, y), plain.rhs(0.0, y), rtol=0, atol=1e-12)
    with pytest.raises(UnknownName, match="Did you mean 'egraph'"):
        sn.solve(system, 40, simplify="egrph")
    with pytest.raises(SymnumError, match='simplify=True, False, "auto"'):
        sn.discretise(system, 40, simplify=3)  # type: ignore[arg-type]


def test_solutions_agree_within_the_tolerance() -> None:
    system = MODELS.load("porous_medium").system()
    one, two = (sn.solve(system, 60, saveat=[1, 5], rtol=1e-8, atol=1e-10, simplify=how) for how in (False, True))
    assert np.abs(one["u"].values - two["u"].values).max() < 1e-8


def test_parameters_may_change_after_rewriting() -> None:
    system = MODELS.load("porous_medium").system()  # rewritten for m = 2
    made, plain = sn.discretise(system, 60), sn.discretise(system, 60, simplify=False)
    assert made.rewriting.exponents
    y = made.initial_state() + 0.05
    for m in (2.0, 2.5, 3.0):
        new, old = made.rhs(1.0, y, {"m": m}), plain.rhs(1.0, y, {"m": m})
        assert np.abs(new - old).max() <= 1e-13 * np.abs(old).max()


def test_what_does_not_fit_stays() -> None:
    """Bodies with temporaries of their own, and very large ones."""
    kernel, now, _ = _rhs("burgers")
    (loop,) = kernel.body
    assert isinstance(loop, Loop)
    r1 = Symbol("r1", "temporary")
    with_let = kernel.with_body((Loop(loop.axis, loop.start, loop.stop, (Let(r1, u), *loop.body)),))
    assert rewrite_kernel(with_let, now)[0] is with_let
    network = to_semi_discrete(sn.ReactionNetwork.multisite(3)).rhs  # factored when it was discretised
    assert rewrite_kernel(network)[0] is network
    large = add(sn.sin(k * u) for k in range(1, 500))
    huge = kernel.with_body((Loop(0, 0, 512, (Store("u", large),)),))
    assert rewrite_kernel(huge, now)[0] is huge
