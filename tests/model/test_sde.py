"""SDESystem: how noise is read, what is said of it, Stratonovich's meaning, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import symnum as sn
from symnum.model.numeric import evaluate

t, x = sn.coordinates("t x")
u, v, s = sn.fields("u v s", (t,))
w = sn.field("w", (t, x))
mu, sigma = sn.parameters(mu=1.0, sigma=0.5)


def two(noise, **more) -> sn.SDESystem:
    return sn.SDESystem(
        [sn.Eq(sn.dt(u), mu * u), sn.Eq(sn.dt(v), -v)], noise=noise, t=(0, 1), initial={u: 1.0, v: 2.0}, **more
    )


def heat(noise, **more) -> sn.SDESystem:
    domain = sn.Domain(t=(0, 1), x=(0, 1))
    return sn.SDESystem(
        [sn.Eq(sn.dt(w), sn.diff(w, x, 2))],
        noise=noise,
        domain=domain,
        conditions=[sn.periodic(x)],
        initial={w: 0.0},
        **more,
    )


def test_a_term_is_a_process_of_its_own() -> None:
    noise = two({u: sigma * u, v: 0.1}).noise
    assert noise.diagonal and noise.processes == ("W_u", "W_v") and noise.commutative and not noise.additive
    assert noise.coefficient(u, "W_u") is sigma * u and noise.coefficient(u, "W_v") is sn.rational(0, 1)


def test_a_list_and_a_mapping_share_processes() -> None:
    listed = two({u: [sigma, v], v: [u]}).noise
    assert listed.processes == ("W1", "W2") and not listed.diagonal
    assert listed.rows[v] == {"W1": u} and listed.rows[u] == {"W1": sigma, "W2": v}
    named = two({u: {"W": sigma * u}, v: {"W": 2 * v}}).noise
    assert named.processes == ("W",) and not named.diagonal and named.commutative
    own = two({u: {"A": 1.0}, v: {"B": 1.0}}).noise
    assert own.diagonal and own.additive


def test_whether_processes_commute() -> None:
    assert not two({u: v, v: 0.1}).noise.commutative  # diagonal, but u's noise changes with what moves v
    assert two({u: [u, 2 * u], v: [v, 3 * v]}).noise.commutative  # linear, with diagonal matrices
    assert not two({u: [v, 0.0], v: [0.0, u]}).noise.commutative  # matrices that do not commute
    assert two({u: [1.0, 2.0], v: [3.0, sigma]}).noise.commutative  # additive


def test_a_field_that_no_process_moves_and_a_single_process_commute() -> None:
    assert two({u: v * u}).noise.commutative  # v has no noise
    assert heat({w: {"W": sn.diff(w, x)}}).noise.commutative  # one process for all points
    assert not heat({w: sn.diff(w, x)}).noise.commutative  # one for each, and neighbours count
    assert heat({w: w}).noise.commutative


def test_parameters_of_the_noise_belong_to_the_system() -> None:
    system = two({u: sigma * u}, parameters={"sigma": 0.3})
    assert system.parameters == {"mu": 1.0, "sigma": 0.3}
    assert system.with_parameters(sigma=0.7).parameters["sigma"] == 0.7
    with pytest.raises(sn.ModelError, match="sigm"):
        two({u: sigma * u}, parameters={"sigm": 0.3})
    with pytest.raises(sn.ModelError, match="has no value"):
        two({u: sn.parameter("k") * u})


def test_replace_keeps_the_noise_or_takes_another() -> None:
    system = two({u: sigma * u}, parameters={sigma: 0.3})
    longer = system.replace(domain=sn.Domain(t=(0, 2)))
    assert (
        isinstance(longer, sn.SDESystem)
        and longer.noise.rows == system.noise.rows
        and longer.parameters["sigma"] == 0.3
    )
    assert system.replace(noise={v: 1.0}).noise.processes == ("W_v",)
    with pytest.raises(sn.UnknownName, match="Did you mean 'noise'"):
        system.replace(nois={})


def test_stratonovich_adds_half_the_derivative_of_the_noise_along_itself() -> None:
    """1/2 sum_k sum_j b_jk db_ik/dy_j, against differences of the coefficients."""
    noise = {u: [sn.sin(u) * v, u], v: [u * v, sigma * sn.cos(v)]}
    ito, other = two(noise), two(noise, interpretation="stratonovich")
    point = {u: 0.4, v: 0.9, mu: 1.0, sigma: 0.5}
    b = [
        [np.vectorize(lambda p, q, c=c: float(evaluate(c, point | {u: p, v: q}))) for c in row]
        for row in ([sn.sin(u) * v, u], [u * v, sigma * sn.cos(v)])
    ]
    e = 1e-6
    for i, field in enumerate((u, v)):
        expected = sum(
            0.5
            * b[j][k](0.4, 0.9)
            * (b[i][k](0.4 + e * (j == 0), 0.9 + e * (j == 1)) - b[i][k](0.4 - e * (j == 0), 0.9 - e * (j == 1)))
            / (2 * e)
            for j in (0, 1)
            for k in (0, 1)
        )
        added = evaluate(other.normal_form.rates[field] - ito.normal_form.rates[field], point)
        assert abs(added - expected) < 1e-8


def test_additive_noise_means_the_same_in_both() -> None:
    assert two({u: sigma}, interpretation="stratonovich").normal_form.rates == two({u: sigma}).normal_form.rates


def test_second_order_in_time_moves_the_velocity() -> None:
    system = sn.SDESystem([sn.Eq(sn.dt(u, 2), -u)], noise={u: sigma}, t=(0, 1), initial={u: 1.0, sn.dt(u): 0.0})
    (field,) = system.noise.rows
    assert field.name == "u_t" and [f.name for f in system.noise.fields] == ["u", "u_t"]


def test_noise_may_hold_the_velocity() -> None:
    """Friction at random, u'' = -g u' (1 + dW/dt): 1/2 b db/du_t of Stratonovich's meaning is g^2 u_t/2."""
    g = sn.parameter("g", 0.3)
    equation = sn.Eq(sn.dt(u, 2), -g * sn.dt(u))
    system = sn.SDESystem(
        [equation],
        noise={u: g * sn.dt(u)},
        t=(0, 1),
        initial={u: 0.0, sn.dt(u): 1.0},
        interpretation="stratonovich",
    )
    (velocity,) = system.noise.rows
    assert system.noise.rows[velocity] == {"W_u": g * velocity} and system.noise.commutative
    rate = system.normal_form.rates[velocity]
    assert abs(evaluate(rate, {g: 0.3, velocity: 2.0}) - (-0.6 + 0.09)) < 1e-15


def test_nothing_is_promised_to_be_conserved() -> None:
    equations = [sn.Eq(sn.dt(u), v - u), sn.Eq(sn.dt(v), u - v)]
    assert sn.ODESystem(equations, t=(0, 1), initial={u: 1.0, v: 0.0}).structure.conserved
    assert not sn.SDESystem(equations, noise={u: 0.1}, t=(0, 1), initial={u: 1.0, v: 0.0}).structure.conserved


def test_times_at_which_the_noise_switches_end_a_segment() -> None:
    assert two({u: sn.where(t >= 0.25, sigma, 0.0)}).structure.discontinuities == (0.25,)


def test_from_text() -> None:
    box, more = {"t": (0, 1)}, {"initial": ["u = 1", "v = 2"], "parameters": {"mu": 1.0, "sigma": 0.5}}
    rows = ["dt(u) = mu*u", "dt(v) = -v"]
    for noise in (["u: sigma*u", "v: 0.1"], {"u": "sigma*u", "v": 0.1}):
        system = sn.SDESystem.from_text(rows, box, noise=noise, **more)
        assert (
            isinstance(system, sn.SDESystem)
            and system.noise.diagonal
            and system.parameters == {"mu": 1.0, "sigma": 0.5}
        )
        assert {f.name: [str(b) for b in row.values()] for f, row in system.noise.rows.items()} == {
            "u": ["sigma*u"],
            "v": ["0.1"],
        }
    shared = sn.SDESystem.from_text(
        rows, box, noise={"u": ["sigma", "v"], "v": {"W1": "u"}}, interpretation="stratonovich", **more
    )
    assert shared.noise.processes == ("W1", "W2") and shared.interpretation == "stratonovich"
    with pytest.raises(sn.ModelError, match=r"names u twice; write its coefficients in one entry"):
        sn.SDESystem.from_text(rows, box, noise=["u: sigma*u", "u: 1"], **more)
    with pytest.raises(sn.ParseError, match=r"the noise of u, column 1: .*Did you mean 'sigma'"):
        sn.SDESystem.from_text(rows, box, noise=["u: sigm*u"], **more)


def test_a_system_keeps_its_noise_when_the_users_dictionary_changes() -> None:
    given: dict = {u: [sigma, 1.0]}
    system = two(given)
    given[u][0] = 7.0
    given[v] = [u]
    assert system.replace(name="again").noise.rows == system.noise.rows == two({u: [sigma, 1.0]}).noise.rows


def test_sympy_is_accepted() -> None:
    import sympy

    noise = two({u: sympy.Symbol("sigma") * sympy.Symbol("u") / 2}, parameters={sigma: 0.4}).noise
    assert noise.coefficient(u, "W_u") is sigma * u / 2


def test_what_people_read() -> None:
    system = two({u: [sigma * u, 1.0], v: [v]}, name="pair")
    assert "Noise:       u: σ·u dW1 + 1.0 dW2; v: v dW1 (2 shared processes, not commutative, Itô)" in system.explain()
    assert "noise of u: σ·u dW1 + 1.0 dW2" in repr(system) and repr(system).startswith("SDESystem 'pair'")
    assert r"\mathrm{d}u &= \left(\mu u\right) \mathrm{d}t + \left(\sigma u\right) \mathrm{d}W_{1}" in system.latex()
    assert system.latex().count(r"\begin{aligned}") == 1 and r"\partial_t" not in system.latex()
    assert "white in space and time, additive" in heat({w: sigma}).explain()
    assert "Noise:       none: all coefficients are zero" in two({u: 0}).explain()


REFUSED = [
    (lambda: two({}), "needs noise"),
    (lambda: two(None), "sn.ODESystem"),
    (lambda: two([sigma]), "no mapping from fields"),
    (lambda: two({s: 1.0}), "'s', which is no field"),
    (lambda: two({u: sn.symbol("sigm") * u, v: sigma}), "Did you mean 'sigma'"),
    (lambda: two({u: "sigma*u"}), "is the text"),
    (lambda: two({u: np.array([0.1, 0.2])}), "or {u: [b1, b2]}"),
    (lambda: two({u: [[1, 2], [3, 4]]}), "or {u: [b1, b2]}"),
    (lambda: two({u: sn.dt(v)}), "holds a derivative in time that is no unknown"),
    (lambda: two({sn.dt(u): 0.1}), "moves its velocity"),
    (lambda: two({u: w}), "'w', which the model does not know"),
    (lambda: two({u: {"W 1": u}}), "a name is a word"),
    (lambda: two({u: u}, interpretation="strato"), "Did you mean 'stratonovich'"),
    (lambda: sn.SDESystem([sn.Eq(sn.dt(u), u)], noise={u: u}, initial={u: 1.0}), "interval of time"),
    (lambda: heat({w: w}, interpretation="stratonovich"), "no meaning in Stratonovich's sense"),
    (lambda: heat({w: {"A": sn.diff(w, x)}}, interpretation="stratonovich"), "derivatives or integrals"),
    (lambda: sn.SDESystem.from_text(["dt(u) = u"], {"t": (0, 1)}, initial=["u = 1"]), "needs noise"),
    (lambda: sn.SDESystem.from_text(["dt(u) = u"], {"t": (0, 1)}, initial=["u = 1"], noise=["u"]), "names no field"),
    (lambda: two({u: u}).to_text(), "has no text"),
    (
        lambda: sn.SDESystem([sn.Eq(sn.dt(u), v), sn.Eq(0, v**3 + v - u)], noise={u: 1.0}, t=(0, 1), initial={u: 1.0}),
        "algebraic equations are not supported with noise",
    ),
]


@pytest.mark.parametrize(("make", "says"), REFUSED, ids=[says[:30] for _, says in REFUSED])
def test_what_is_refused(make, says: str) -> None:
    with pytest.raises(sn.ModelError) as caught:
        make()
    assert says in str(caught.value)


def test_white_noise_in_space_beside_shared_processes_is_refused() -> None:
    z = sn.field("z", (t, x))
    with pytest.raises(sn.ModelError, match="both in one system"):
        sn.SDESystem(
            [sn.Eq(sn.dt(w), sn.diff(w, x, 2)), sn.Eq(sn.dt(z), -z)],
            noise={w: 1.0, z: {"W": z}},
            domain=sn.Domain(t=(0, 1), x=(0, 1)),
            conditions=[sn.periodic(x)],
            initial={w: 0.0, z: 0.0},
        )
