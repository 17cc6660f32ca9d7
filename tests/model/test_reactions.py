"""Reaction networks: rates against NumPy written by hand, exact solutions, conservation laws, parameters, text, errors."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.model.numeric import evaluate
from symnum.model.rate_laws import RateLaw
from symnum.model.stoichiometry import conservation_laws, matrix, net_changes

t = sn.coordinates("t")
A, B, C = sn.fields("A B C", (t,))
k1, k2 = sn.parameters(k1=0.7, k2=0.2)

TEXT = """
    A + B <-> C, k1, k2          # binding
    2 A -> D, k1*exp(-E/R)
    0 -> A, k0*(t < 5)
    S => P, Vmax*S/(Km + S)
    D -> 0, d*total
    C -> 2 C + B, 0.25
"""
VALUES = {"k1": 1.3, "k2": "k1/4", "E": 1, "R": 2, "k0": 0.1, "Vmax": 1.5, "Km": 0.5, "d": 0.1}


SIDES = st.lists(st.integers(0, 6), max_size=3).map(tuple)


def example(**more):
    options = {"initial": {"A": 1, "B": "2*k1", "S": 3}, "observables": {"total": "A + 2*D + C"}, **more}
    return sn.ReactionNetwork.from_text(TEXT, t=(0, 10), parameters=VALUES, **options)


def by_hand(state, time, p):
    a, b, c, d, s, _ = state
    k2 = p["k1"] / 4
    v = [p["k1"] * a * b, k2 * c, p["k1"] * math.exp(-p["E"] / p["R"]) * a * a, p["k0"] * (time < 5)]
    v += [p["Vmax"] * s / (p["Km"] + s), p["d"] * (a + 2 * d + c) * d, 0.25 * c]
    return np.array([-v[0] + v[1] - 2 * v[2] + v[3], -v[0] + v[1] + v[6], v[0] - v[1] + v[6], v[2] - v[5], -v[4], v[4]])


def rates_at(network, state, time=0.0):
    values = dict(zip(network.fields, state, strict=True))
    values |= {network.parameter_symbols[n]: v for n, v in network.parameters.items()}
    values[network.time] = time
    return np.array([float(evaluate(rate, values)) for rate in network.normal_form.rates.values()])


def test_rates_equal_those_written_by_hand():
    network, random = example(), np.random.default_rng(3)
    assert [s.name for s in network.fields] == ["A", "B", "C", "D", "S", "P"]
    for time in (1.0, 6.0):
        state = random.lognormal(0, 1, 6)
        np.testing.assert_allclose(rates_at(network, state, time), by_hand(state, time, network.parameters), rtol=1e-12)
        np.testing.assert_allclose(
            sn.discretise(network).rhs(time, state), by_hand(state, time, network.parameters), rtol=1e-12
        )


def test_fluxes_times_the_stoichiometric_matrix_are_the_rates():
    network = example(fixed="B")
    state = np.random.default_rng(5).lognormal(0, 1, 6)
    values = dict(zip(network.fields, state, strict=True)) | {network.time: 2.0}
    values |= {network.parameter_symbols[n]: v for n, v in network.parameters.items()}
    fluxes = np.array([float(evaluate(v, values)) for v in network.fluxes])
    assert network.stoichiometry.shape == (6, 7)
    np.testing.assert_allclose(network.stoichiometry @ fluxes, rates_at(network, state, 2.0), rtol=1e-12)
    values[sn.parameter("k2")] = 1.3 / 4  # reactions hold parameters as written
    np.testing.assert_allclose([float(evaluate(r.flux, values)) for r in network.reactions], fluxes, rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(SIDES, SIDES, st.floats(0.1, 9.0)), min_size=1, max_size=12), st.integers(0, 2**31))
def test_random_mass_action_networks_follow_the_stoichiometric_matrix(rows, seed):
    species = [sn.field(f"X{n}", (t,)) for n in range(7)]
    rows = [row for row in rows if row[0] or row[1]] or [((0,), (1,), 1.0)]
    reactions = [sn.Reaction(k, Counter(species[s] for s in a), Counter(species[s] for s in b)) for a, b, k in rows]
    network = sn.ReactionNetwork(reactions, species=species, t=(0, 1))
    x = np.random.default_rng(seed).lognormal(0, 1, 7)
    n = np.zeros((7, len(rows)))
    for r, (a, b, _) in enumerate(rows):
        for s in a:
            n[s, r] -= 1
        for s in b:
            n[s, r] += 1
    v = np.array([k * np.prod(x[list(a)]) for a, _, k in rows])
    assert (network.stoichiometry.toarray() == n).all()
    np.testing.assert_allclose(rates_at(network, x), n @ v, rtol=1e-12, atol=1e-12 * (abs(n) @ v).max())


# --- solutions ---------------------------------------------------------------------------------------------------------


def test_second_order_decay_has_its_exact_solution():
    network = sn.ReactionNetwork([sn.Reaction(k1, {A: 2}, {B: 1})], initial={A: 3.0}, t=(0, 5))
    solution = sn.solve(network, rtol=1e-10, atol=1e-12)
    exact = 3.0 / (1 + 2 * 0.7 * 3.0 * solution.t)  # dA/dt = -2*k1*A^2
    np.testing.assert_allclose(solution[A].values, exact, rtol=1e-8)
    np.testing.assert_allclose(solution["A"].values + 2 * solution["B"].values, 3.0, rtol=1e-13)


def test_the_solution_agrees_with_scipy_and_keeps_the_conserved_amounts():
    network = example()
    solution = sn.solve(network, rtol=1e-10, atol=1e-12)
    y = np.array([1, 2.6, 0, 0, 3, 0])
    for span, side in (((0, 5), 1.0), ((5, 10), 6.0)):  # the rates switch at t = 5
        found = solve_ivp(
            lambda _, x, s: by_hand(x, s, network.parameters), span, y, "DOP853", args=(side,), rtol=1e-12, atol=1e-14
        )
        y = found.y[:, -1]
    last = [float(solution[s].values[-1]) for s in network.fields]
    np.testing.assert_allclose(last, y, rtol=1e-8, atol=1e-9)
    laws = network.conservation_laws()
    assert laws.tolist() == [[0, 0, 0, 0, 1, 1]]
    total = laws @ np.array([solution[s].values for s in network.fields])
    np.testing.assert_allclose(total, 3.0, rtol=1e-13)


def test_observables_are_evaluated_along_a_solution():
    network = example(observables={"total": "A + 2*D + C", "rate": "k2*C + t"})
    solution = sn.solve(network)
    seen = network.observe(solution)
    assert list(seen) == ["total", "rate"] and seen.total.dims == ("t",)
    np.testing.assert_allclose(seen.total, solution["A"] + 2 * solution["D"] + solution["C"], rtol=1e-14)
    np.testing.assert_allclose(seen.rate, 1.3 / 4 * solution["C"] + solution.t, rtol=1e-14)
    with pytest.raises(sn.UnknownName, match=r"no observable 'totl'. Did you mean 'total'"):
        network.observe(solution, "totl")


# --- conservation laws -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.just(0), SIDES, SIDES), min_size=1, max_size=9))
def test_conservation_laws_are_a_basis_of_the_left_null_space(rows):
    changes = net_changes(rows, set())
    n = matrix(changes, 7)
    laws = np.zeros((0, 7), dtype=int)
    for law in conservation_laws(changes, 7):
        row = np.zeros((1, 7), dtype=int)
        row[0, list(law)] = list(law.values())
        laws = np.vstack([laws, row])
        assert math.gcd(*law.values()) == 1
    rank = np.linalg.matrix_rank(n.toarray())
    assert len(laws) == 7 - rank and np.linalg.matrix_rank(laws) == len(laws) if len(laws) else rank == 7
    assert not (laws @ n).any()


def test_building_blocks_give_laws_that_count_molecules():
    network = sn.ReactionNetwork.from_text("AB <-> A + B, k, k\n AB + B <-> ABB, k, k", t=(0, 1), parameters={"k": 1.0})
    assert [str(q) for q in network.structure.conserved] == ["A + AB + ABB", "AB + 2*ABB + B"]


def test_a_fixed_species_keeps_its_amount_and_is_a_law_of_its_own():
    network = sn.ReactionNetwork([sn.Reaction(k1, {A: 1}, {B: 1})], initial={A: 2.0}, t=(0, 1), fixed=[A])
    solution = sn.solve(network)
    assert (solution[A].values == 2.0).all()
    np.testing.assert_allclose(solution[B].values, 1.4 * solution.t, rtol=1e-12)
    assert network.conservation_laws().tolist() == [[1, 0]]


# --- large networks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sites", "mechanism", "species", "reactions"), [(3, "enzymes", 66, 288), (5, "ligand", 33, 160)]
)
def test_multisite_networks_have_the_stated_size(sites, mechanism, species, reactions):
    network = sn.ReactionNetwork.multisite(sites, mechanism)
    assert len(network.species) == species and len(network.reactions) == reactions
    assert len(network.conservation_laws()) == (3 if mechanism == "enzymes" else 2)


def test_the_sites_of_a_multisite_network_follow_the_small_network_of_one_site():
    network = sn.ReactionNetwork.multisite(3, t=(0, 4))
    seen = network.observe(sn.solve(network, method="Tsit5", rtol=1e-10, atol=1e-10, saveat=[4.0]))
    p = network.parameters

    def sites(_, x):
        u, ph, ku, fp, kinase, phosphatase = x
        bind, drop, cat = p["kon"] * kinase * u, p["koff"] * ku, p["kcat"] * ku
        bind2, drop2, cat2 = p["lon"] * phosphatase * ph, p["loff"] * fp, p["lcat"] * fp
        return [
            -bind + drop + cat2,
            cat - bind2 + drop2,
            bind - drop - cat,
            bind2 - drop2 - cat2,
            -bind + drop + cat,
            -bind2 + drop2 + cat2,
        ]

    exact = solve_ivp(sites, (0, 4), [300.0, 0, 0, 0, 40, 30], "DOP853", rtol=1e-12, atol=1e-12).y[:4, -1]
    np.testing.assert_allclose([float(seen[f"sites_{s}"][-1]) for s in "UPKF"], exact, rtol=1e-8)


@pytest.mark.parametrize("bad", [0, 2.5, True, 12])
def test_multisite_refuses_other_numbers_of_sites(bad):
    with pytest.raises(sn.ModelError, match="sites"):
        sn.ReactionNetwork.multisite(bad)


# --- rate laws ---------------------------------------------------------------------------------------------------------


def test_saturating_rate_laws_have_their_formulas():
    k, m, n = (sn.parameter(name) for name in ("k", "m", "n"))
    values = {A: 1.7, B: 0.6, k: 2.0, m: 0.9, n: 2.5}

    def at(kind, *constants):
        return float(evaluate(RateLaw(kind, constants).flux([A, B]), values))

    assert at("Sat", k, m) == pytest.approx(2.0 * 1.7 * 0.6 / (0.9 + 1.7), rel=1e-14)
    assert at("Sat", k) == 2.0
    assert at("Hill", k, m, n) == pytest.approx(2.0 * 1.7**2.5 / (0.9**2.5 + 1.7**2.5) * 0.6, rel=1e-14)
    rate = at("MM", k, m)  # with free substrate s: total 1.7 = s + E*s/(K + s)
    free = 0.9 * rate / (2.0 * 0.6 - rate)
    assert free + 0.6 * free / (0.9 + free) == pytest.approx(1.7, rel=1e-13)


# --- parameters and structure ------------------------------------------------------------------------------------------


def test_defined_parameters_follow_those_they_hold():
    network = example()
    assert "k2" not in network.parameters and str(network.derived["k2"]) == "k1/4"
    other = network.with_parameters(k1=2.0)
    assert other.normal_form.rates is network.normal_form.rates  # the same terms serve all values
    np.testing.assert_allclose(rates_at(other, np.ones(6)), by_hand(np.ones(6), 0.0, other.parameters), rtol=1e-12)
    assert sn.discretise(other).initial_state()[1] == 4.0  # B starts at 2*k1
    freed = network.with_parameters(k2=9.0)
    assert freed.parameters["k2"] == 9.0 and not freed.derived
    assert str(freed.normal_form.rates[freed["C"]]).count("k2") == 1
    with pytest.raises(sn.UnknownName, match="no parameter 'k3'"):
        network.with_parameters(k3=1.0)
    with pytest.raises(sn.ModelError, match="the parameter r = 1/k1 has the value inf"):
        sn.ReactionNetwork.from_text("A -> B, r", t=(0, 1), parameters={"k1": 0.0, "r": "1/k1"})


def test_structure_says_what_the_network_is():
    found = example().structure
    assert (
        found.kind == "reaction network"
        and not found.linear
        and not found.autonomous
        and found.discontinuities == (5.0,)
    )
    network = example()
    a = network["A"]
    whole = found.linear_part[a] + found.nonlinear_part[a]
    assert whole is network.normal_form.rates[a] and str(found.linear_part[a]) == "k1*C/4"
    chain = sn.ReactionNetwork.from_text("A -> B, 2\n B -> 0, k*t", t=(0, 1), parameters={"k": 1})
    assert chain.structure.linear and not chain.structure.autonomous
    assert not sn.ReactionNetwork.from_text("A -> B, B", t=(0, 1)).structure.linear


def test_the_network_explains_itself():
    network = example(name="demo")
    text = network.explain()
    for line in (
        "demo: 6 species",
        "A + B -> C, k1",
        "S => P, Vmax*S/(Km + S)",
        "switches at 5",
        "1 amount: P + S",
        "1 more follow",
    ):
        assert line in text, line
    assert r"A + B &\xrightarrow{k_{1}} C" in network.latex() and r"\varnothing &\xrightarrow" in network.latex()
    assert repr(network).splitlines()[0] == "ReactionNetwork 'demo': 6 species, 7 reactions"
    assert len(network.equations) == 6 and str(network.equations[5]) == "dt(P) = Vmax*S/(Km + S)"


def test_text_round_trip_and_replace():
    network = example(name="demo", fixed="B")
    again = sn.ReactionNetwork.from_text(**network.to_text())
    assert [str(r) for r in again.normal_form.rates.values()] == [str(r) for r in network.normal_form.rates.values()]
    assert again.fields == network.fields and again.fixed == network.fixed
    other = network.replace(t=(0, 3), initial={"A": 5.0}, parameters={"d": 0.5})
    assert other.domain.bounds == {"t": (0.0, 3.0)} and other.parameters["d"] == 0.5
    assert str(other.initial[other["A"]]) == "5.0" and other.initial[other["S"]] is network.initial[network["S"]]
    with pytest.raises(sn.UnknownName, match="replace has no part 'tt'"):
        network.replace(tt=(0, 1))
    with pytest.raises(sn.UnknownName, match="no species 'Q'"):
        network.replace(initial={"Q": 1})


def test_sympy_rates_and_symbols_are_taken():
    import sympy

    k = sympy.Symbol("k1")
    network = sn.ReactionNetwork([sn.Reaction(k1, {A: 1}, {B: 1}), sn.Reaction(2 * k, {B: 1}, {A: 1})], t=(0, 1))
    assert str(network.normal_form.rates[A]) == "-k1*A + 2*k1*B"


# --- what is refused ---------------------------------------------------------------------------------------------------

BAD_TEXT = [
    ("A + B", "reaction 1 has no arrow"),
    ("A <- B, k", "has the arrow '<-'"),
    ("A -> B -> C, k", "two arrows"),
    ("A -> B", "has 0 rates, expected 1"),
    ("A <-> B, k", "has 1 rate, expected 2"),
    ("A -> B, k, k", "has 2 rates, expected 1"),
    ("A -> B,", "has 0 rates"),
    ("A + -> B, k", "nothing beside '\\+'"),
    ("2.5 A -> B, k", "holds '2.5 A' where a species stands"),
    ("A(b) -> B, k", "holds 'A\\(b\\)'"),
    ("A -> B, kk", "reaction 1, rate: unknown name 'kk'. Did you mean 'k'"),
    ("A -> B, k*", "expected a number, a name"),
    ("0 -> 0, k", "neither reactants nor products"),
    ("A -> t, k", "the name 't' stands for a species and for time"),
]


@pytest.mark.parametrize(("text", "message"), BAD_TEXT)
def test_malformed_text_is_a_named_error(text, message):
    with pytest.raises(sn.ModelError, match=message):
        sn.ReactionNetwork.from_text(text, t=(0, 1), parameters={"k": 1.0})


x = sn.coordinates("x")
BAD_OBJECTS = [
    (lambda: sn.Reaction("k", {A: 1}), "the rate of a reaction is the text"),
    (lambda: sn.Reaction(k1, {A: 1.5}), "the number of A .* is 1.5"),
    (lambda: sn.Reaction(k1, {k2: 1}), "the parameter k2 stands among the reactants"),
    (lambda: sn.Reaction(k1, [A]), "expected species with their numbers"),
    (lambda: sn.Reaction(k1), "neither reactants nor products"),
    (lambda: sn.ReactionNetwork([], t=(0, 1)), "no reaction"),
    (lambda: sn.ReactionNetwork("A -> B, k", t=(0, 1)), "text goes through sn.ReactionNetwork.from_text"),
    (lambda: sn.ReactionNetwork(["A -> B, k"], t=(0, 1)), "reaction 1 is 'A -> B, k'"),
    (lambda: network(t=None), "needs the interval of time"),
    (lambda: network(t=(1, 0)), "reversed"),
    (lambda: network(species=[A]), "holds B, which is not among the species"),
    (lambda: network(initial={C: 1.0}), "initial names 'C', which is no species"),
    (lambda: network(initial={A: B}), "the initial amount of A .* holds B"),
    (lambda: network(initial={A: math.inf}), "initial amount of A is inf"),
    (lambda: network(initial=3), "initial=3 is no mapping"),
    (lambda: network(fixed=[C]), "fixed names 'C'"),
    (lambda: network(parameters={"k9": 1.0}), "parameters names 'k9', which no reaction holds. Parameters: k1"),
    (lambda: network(rate=sn.parameter("q")), "the parameter q has no value"),
    (lambda: network(rate=sn.parameter("k", 1.0) * sn.parameter("k", 2.0)), "'k' stands for two different things"),
    (lambda: network(rate=C), "holds C, which is no species"),
    (lambda: network(rate=sn.symbol("zz")), "holds zz"),
    (lambda: network(rate=sn.diff(A, t)), "rates are functions of amounts"),
    (lambda: network(parameters={k1: k2 * 1, k2: k1 * 2}), "in a circle: k"),
    (lambda: network(species=[A, B, sn.field("w", (t, x))]), "the species w depends on t, x"),
    (lambda: network(observables={"o": C}), "the observable o holds C"),
    (lambda: network(name=3), "name=3 is not text"),
]


def network(rate=k1, t=(0, 1), **options):
    return sn.ReactionNetwork([sn.Reaction(rate, {A: 1}, {B: 1})], t=t, **options)


@pytest.mark.parametrize(("build", "message"), BAD_OBJECTS)
def test_what_does_not_fit_together_is_a_named_error(build, message):
    with pytest.raises((sn.ModelError, sn.UnknownName), match=message):
        build()


def test_observables_take_the_parameters_of_the_run() -> None:
    t = sn.coordinates("t")
    a, b = sn.fields("A B", (t,))
    k, q = sn.parameter("k", 0.5), sn.parameter("q", 2.0)
    network = sn.ReactionNetwork(
        [sn.Reaction(q, {a: 1}, {b: 1})],
        initial={a: 1},
        t=(0, 1),
        parameters={q: 2 * k, k: 1.0},
        observables={"o": a * q},
    )
    assert network.observe(sn.solve(network))["o"].values[0] == 2.0
    run = sn.solve(network, parameters={"k": 4.0})
    assert run.parameters["k"] == 4.0 and network.observe(run)["o"].values[0] == 8.0
    assert network.observe(sn.solve(network, parameters={"q": 3.0}))["o"].values[0] == 3.0


def test_counts_may_be_whole_numbers_of_numpy() -> None:
    t = sn.coordinates("t")
    a, b = sn.fields("A B", (t,))
    k = sn.parameter("k", 0.5)
    made = sn.ReactionNetwork([sn.Reaction(k, {a: np.int64(2)}, {b: np.int32(1)})], initial={a: 1}, t=(0, 1))
    assert made.stoichiometry.toarray().tolist() == [[-2], [1]]


def test_a_negative_factor_comes_back_from_a_file(tmp_path: Path) -> None:
    t = sn.coordinates("t")
    a, b = sn.fields("A B", (t,))
    k = sn.parameter("k", 0.5)
    network = sn.ReactionNetwork([sn.Reaction(-1 * k, {a: 1}, {b: 1})], initial={a: 1}, t=(0, 1))
    back = sn.ReactionNetwork.from_net(network.to_net(tmp_path / "y.net"), t=(0, 1))
    y = np.array([2.0, 3.0])
    np.testing.assert_array_equal(sn.discretise(back).rhs(0.0, y), sn.discretise(network).rhs(0.0, y))
