"""What the structure analysis sees, against facts known from the literature and against SymPy and NumPy."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.expr.term import Term
from symnum.model.expand import expand
from symnum.model.numeric import evaluate
from symnum.model.structure import analyse

t, x, y = sn.coordinates("t x y")
u, v = sn.fields("u v", (t, x))
BOX = sn.Domain(t=(0, 2), x=(0, 1))
a, b, c = sn.fields("a b c", (t,))


def periodic(rate: Any, **changes: Any) -> Any:
    """dt(u) = rate on a periodic interval."""
    return sn.PDESystem([sn.Eq(sn.dt(u), rate)], BOX, [sn.periodic(x)], {u: 1}, **changes)


def structure(rate: Any) -> Any:
    return analyse(periodic(rate))


def d(n: int) -> Term:
    return sn.diff(u, x, n)


@pytest.mark.filterwarnings("ignore:the diffusion of u:symnum.errors.ModelWarning")
@pytest.mark.parametrize(
    ("rate", "kinds", "words"),
    [
        (0.5 * d(2), {"diffusion"}, "diffusion"),
        (d(2) + u - u**3, {"diffusion", "reaction"}, "reaction-diffusion"),
        (-2 * d(1), {"advection"}, "advection"),
        (-u * d(1) + d(2), {"advection", "diffusion"}, "advection-diffusion"),
        (-d(1) + d(2) - u, {"advection", "diffusion", "reaction"}, "advection-diffusion-reaction"),
        (-6 * u * d(1) - d(3), {"advection", "dispersion"}, "dispersive"),
        (-d(4) + sn.sin(x), {"hyperdiffusion", "source"}, "fourth-order"),
        (
            -d(2) - d(4) - u * d(1),
            {"anti-diffusion", "hyperdiffusion", "advection"},
            "fourth-order with instability (anti-diffusion)",
        ),
        (-d(2), {"anti-diffusion"}, "backward diffusion (ill-posed)"),
        (d(2) + d(1) ** 2, {"diffusion", "mixed"}, "diffusion"),
        (sn.diff(u**2 * d(1), x), {"diffusion", "mixed"}, "diffusion"),
        (sn.diff((2 + sn.sin(x)) * d(1), x), {"diffusion", "advection"}, "advection-diffusion"),
        ((-1 - x) * d(2), {"anti-diffusion"}, "backward diffusion (ill-posed)"),
    ],
)
def test_kinds_of_terms(rate: Any, kinds: set[str], words: str) -> None:
    found = structure(rate)
    assert {row.kind for row in found.terms} == kinds
    assert found.kind == words
    assert "order" in periodic(rate).explain()


def test_coefficients_and_their_values() -> None:
    k = sn.parameter("k", 3.0)
    system = periodic(k * d(2) + 2 * d(2) - k * d(1) + sn.cos(x) * d(3) - k**2 * d(4))
    found = analyse(system)
    assert found.diffusion[u]["x"].term is k + 2
    assert found.diffusion[u]["x"].value == 5.0
    assert found.advection[u]["x"].value == 3.0
    assert (found.dispersion[u]["x"].term, found.dispersion[u]["x"].value) == (sn.cos(x), None)
    assert found.hyperdiffusion[u]["x"].value == -9.0
    assert system.structure == found
    assert system.with_parameters(k=1).structure.diffusion[u]["x"].value == 3.0


def test_coefficients_by_coordinate() -> None:
    p = sn.field("p", (t, x, y))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(p), 2 * sn.diff(p, x, 2) + 3 * sn.diff(p, y, 2) + sn.diff(p, x, y))],
        sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        [sn.periodic(x), sn.dirichlet(p, 0, at={y: 0}), sn.dirichlet(p, 0, at={y: 1})],
        {p: 0},
    )
    found = analyse(system)
    assert {name: k.value for name, k in found.diffusion[p].items()} == {"x": 2.0, "y": 3.0}
    assert sorted(row.kind for row in found.terms) == ["diffusion", "diffusion", "mixed"]
    assert found.order_in_space == {"x": 2, "y": 2}
    assert not found.periodic


def test_the_wave_equation() -> None:
    speed = sn.parameter("c", 3.0)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u, 2), speed**2 * sn.diff(u, x, 2))],
        BOX,
        [sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
        {u: sn.sin(sn.pi * x), sn.dt(u): 0},
    )
    found = analyse(system)
    assert (found.kind, found.order_in_time, found.linear) == ("wave", 2, True)
    assert found.wave[u]["x"].value == 9.0
    assert "second order in t" in system.explain()


# --- linear and nonlinear ------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "linear"),
    [
        (d(2) - u, True),
        (sn.exp(-t) * d(2) + sn.sin(x) * u + t**2, True),
        (sn.diff(sn.cos(x) * d(1), x), True),
        (sn.where(t < 1, u, 0 * u), True),
        (sn.where(t < 1, u + 1, 2), True),
        (u**2, False),
        (u * d(1), False),
        (sn.exp(u), False),
        (sn.diff(u**2, x), False),
        (sn.where(u < 1, u, 0), False),
        (sn.minimum(u, 1), False),
        (1 / (1 + u), False),
    ],
)
def test_linearity(rate: Any, linear: bool) -> None:
    assert structure(rate).linear is linear


def test_the_split_adds_up_and_keeps_flux_form() -> None:
    flux = sn.diff(u**2 / 2, x)
    found = structure(d(2) + 3 * u * (1 - u) - flux + sn.sin(x))
    assert found.linear_part[u] is d(2) + 3 * u
    assert found.nonlinear_part[u] is -3 * u**2 - flux + sn.sin(x)


_atoms = st.sampled_from([u, v, x, t, sn.diff(u, x), sn.diff(v, x, 2)]) | st.integers(-3, 3).map(sn.rational)
_polynomials = st.recursive(
    _atoms,
    lambda inner: (
        st.tuples(inner, inner).map(lambda p: p[0] + p[1])
        | st.tuples(inner, inner).map(lambda p: p[0] * p[1])
        | inner.map(lambda s: s**2)
        | inner.map(sn.sin)
    ),
    max_leaves=10,
)


@settings(max_examples=80, deadline=None)
@given(_polynomials)
def test_expand_keeps_the_value(term: Term) -> None:
    from symnum.expr.walk import postorder

    rng = np.random.default_rng(1)
    names = [n for n in postorder((term, expand(term))) if n.op in ("symbol", "derivative")]
    values = {n: rng.uniform(0.5, 1.5) for n in names}
    before, after = evaluate(term, values), evaluate(expand(term), values)
    assert after == pytest.approx(before, rel=1e-9, abs=1e-9 * (1 + _size(term, values)))


def _size(term: Term, values: dict[Term, float]) -> float:
    """The term with every coefficient's absolute value: the scale of round-off."""
    from symnum.expr.term import Const
    from symnum.expr.walk import transform

    positive = transform(term, lambda n: Const(abs(n.data[0])) if n.op == "const" else None)
    return abs(float(evaluate(positive, {k: abs(w) for k, w in values.items()}))) * 100


@pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # random models may be ill-posed
@settings(max_examples=60, deadline=None)
@given(_polynomials)
def test_the_linear_part_is_linear(rate: Term) -> None:
    """f(2*fields) = 2*f(fields) for the linear part, and both parts add up to the rate (compared by SymPy)."""
    system = sn.PDESystem([sn.Eq(sn.dt(u), rate), sn.Eq(sn.dt(v), 0 * v)], BOX, [sn.periodic(x)], {u: 1, v: 1})
    found = analyse(system)
    linear, rest = found.linear_part[u], found.nonlinear_part[u]
    us, vs = (f.to_sympy() for f in (u, v))
    form = sympy.expand((linear + rest - rate).to_sympy().doit())
    assert form == 0
    doubled = linear.to_sympy().subs({us: 2 * us, vs: 2 * vs}, simultaneous=True).doit()
    assert sympy.expand(doubled - 2 * linear.to_sympy().doit()) == 0


def test_numeric_values_agree_with_sympy() -> None:
    k = sn.parameter("k", 2.0)
    term = (
        sn.erf(x) * sn.atan2(x, k)
        + abs(x - k) ** 1.5
        + sn.where((x < 1) & (k > 1), sn.exp(x), sn.pi)
        + sn.maximum(x, k) ** x
    )
    point = {x: 0.3, k: 2.0}
    expected = float(term.to_sympy().subs({sympy.Symbol("x"): 0.3, sympy.Symbol("k"): 2.0}).evalf())
    assert evaluate(term, point) == pytest.approx(expected, rel=1e-13)
    assert evaluate(term, {x: np.array([0.3, 0.3]), k: 2.0}).shape == (2,)


# --- time ------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "times"),
    [
        (t >= 1.1, (1.1,)),
        (2 * t - 1 < 0, (0.5,)),
        (sn.where(sn.parameter("T", 1.5) < t, 1, 0), (1.5,)),
        ((t > 0.5) & (t < 1.5), (0.5, 1.5)),
        (abs(t - sn.pi / 4), (0.7853981633974483,)),
        (sn.minimum(t, 1), (1.0,)),
        (sn.sign(t - 0.25), (0.25,)),
        (sn.floor(2 * t), (0.5, 1.0, 1.5)),
        (sn.heaviside(t - 1) * sn.sin(t), (1.0,)),
        (t >= 5, ()),
        (t >= 0, ()),
        (t > x, ()),
        (sn.where(t * u < 1, 1, 0), ()),
        (sn.exp(-t), ()),
    ],
)
def test_times_of_discontinuity(switch: Any, times: tuple[float, ...]) -> None:
    found = structure(d(2) + switch)
    assert found.discontinuities == pytest.approx(times)
    assert not found.autonomous


def test_conditions_switch_too() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), d(2))],
        BOX,
        [sn.dirichlet(u, sn.where(t < 0.7, 0, t), at={x: 0}), sn.neumann(u, 0, at={x: 1})],
        {u: 0},
    )
    assert analyse(system).discontinuities == (0.7,)
    assert "switches at t = 0.7" in system.explain()
    assert analyse(periodic(d(2) - u)).autonomous


# --- conserved quantities ------------------------------------------------------------


def conserved(system: Any) -> list[dict[str, Fraction]]:
    return [{f.name: w for f, w in q.weights.items()} for q in analyse(system).conserved]


@pytest.mark.parametrize(
    ("rate", "kept"),
    [
        (d(2), True),
        (-u * d(1) - d(3), True),
        (-sn.diff(sn.sin(u), x), True),
        (sn.diff((2 + sn.cos(2 * sn.pi * x)) * d(1), x), True),
        (u * d(2) + d(1) ** 2, True),
        (2 * u * d(1) + 3 * u**2 * d(1), True),
        (u * d(2), False),
        (d(2) - u, False),
        (d(2) + 1, False),
        (d(1) ** 2, False),
        (sn.sin(2 * sn.pi * x) * d(1), False),
    ],
)
def test_integrals_that_are_kept(rate: Any, kept: bool) -> None:
    """Flux form is seen through the chain rule, u*u_xx + u_x^2 = (u*u_x)_x.

    Checked on a periodic function with the trapezoidal rule, which is exact to round-off there.
    """
    assert conserved(periodic(rate)) == ([{"u": Fraction(1)}] if kept else [])
    grid = np.arange(400) / 400
    xs = sympy.Symbol("x")
    shape = (
        sympy.sin(2 * sympy.pi * xs + sympy.Rational(1, 2))
        + sympy.Rational(1, 3) * sympy.cos(4 * sympy.pi * xs + 1)
        + sympy.Rational(1, 5)
    )
    values = rate.to_sympy().subs(u.to_sympy(), shape).doit()
    total = np.mean(np.broadcast_to(sympy.lambdify(xs, values, "numpy")(grid), grid.shape))
    assert bool(abs(total) < 1e-9) is kept


def test_no_flux_walls_keep_mass() -> None:
    insulated = [sn.neumann(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 1})]
    heated = [sn.neumann(u, 0, at={x: 0}), sn.neumann(u, t, at={x: 1})]
    for walls, expected in ((insulated, [{"u": 1}]), (heated, [])):
        assert conserved(sn.PDESystem([sn.Eq(sn.dt(u), 3 * d(2))], BOX, walls, {u: 0})) == expected


def test_reaction_networks() -> None:
    """a + b <-> c keeps a + c and b + c (up to combinations)."""
    k = sn.parameter("k", 2.0)
    speed = k * a * b - c
    system = sn.ODESystem(
        [sn.Eq(sn.dt(a), -speed), sn.Eq(sn.dt(b), -speed), sn.Eq(sn.dt(c), speed)], t=(0, 1), initial={a: 1, b: 2, c: 0}
    )
    found = conserved(system)
    assert len(found) == 2
    for weights in found:
        assert weights.get("c", 0) == weights.get("a", 0) + weights.get("b", 0)
    assert "Conserved:" in system.explain()


def test_exchange_between_diffusing_fields() -> None:
    swap = 2 * u - v**2
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2) - swap), sn.Eq(sn.dt(v), 5 * sn.diff(v, x, 2) + swap)],
        BOX,
        [sn.periodic(x)],
        {u: 1, v: 1},
    )
    assert conserved(system) == [{"u": 1, "v": 1}]
    assert "the integral of u + v over space" in system.explain()


def test_lorenz_keeps_nothing() -> None:
    system = sn.ODESystem(
        [
            sn.Eq(sn.dt(a), 10 * (b - a)),
            sn.Eq(sn.dt(b), a * (28 - c) - b),
            sn.Eq(sn.dt(c), a * b - sn.rational(8, 3) * c),
        ],
        t=(0, 1),
        initial={a: 1, b: 1, c: 1},
    )
    found = analyse(system)
    assert (found.conserved, found.kind, found.linear, found.autonomous) == ((), "ODE system", False, True)


# --- words ------------------------------------------------------------


def test_explain_is_a_page_people_read() -> None:
    p, q = sn.fields("u v", (t, x, y))
    k = sn.parameter("alpha", 0.1)
    system = sn.PDESystem(
        [
            sn.Eq(sn.dt(p), 1 + p**2 * q + k * sn.laplacian(p) + (t >= 1.1)),
            sn.Eq(sn.dt(q), p - p**2 * q + k * sn.laplacian(q)),
        ],
        sn.Domain(t=(0, 11.5), x=(0, 1), y=(0, 1)),
        [sn.periodic(x), sn.periodic(y)],
        {p: 1, q: np.ones((4, 4))},
        name="brusselator",
    )
    text = system.explain()
    assert len(text.splitlines()) <= 25
    for part in (
        "brusselator: 2 fields (u and v), t in [0, 11.5]",
        "nonlinear reaction-diffusion, first order in t, second in x, second in y",
        "u: α = 0.1 along x and y",
        "periodic in x and y",
        "v = an array of shape (4, 4)",
        "alpha = 0.1",
        "switches at t = 1.1",
    ):
        assert part in text


def test_explain_stays_short_for_large_systems() -> None:
    states = sn.fields(" ".join(f"s{i}" for i in range(60)), (t,))
    system = sn.ODESystem(
        [sn.Eq(sn.dt(s), -s + states[i - 1]) for i, s in enumerate(states)],
        t=(0, 1),
        initial=dict.fromkeys(states, 1.0),
    )
    assert len(system.explain().splitlines()) <= 25
    assert max(map(len, system.explain().splitlines())) < 250


def test_latex() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), d(2))],
        BOX,
        [sn.dirichlet(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 1})],
        {u: sn.sin(sn.pi * x / 2)},
    )
    text = system.latex()
    assert text.startswith(
        "\\begin{aligned}\n\\frac{\\partial u}{\\partial t} &= \\frac{\\partial^{2} u}{\\partial x^{2}} \\\\"
    )
    assert "\\text{at } x = 1" in text
    assert text.count("{") == text.count("}")
    assert system._repr_latex_() == f"$$\n{text}\n$$"


# --- fluxes between faces ---------------------------------------------------------------


K = sn.parameter("k", 2.0)


def between(rate: Any, low: Any, high: Any, field: Any = u) -> list[dict[str, Fraction]]:
    """What is conserved of du/dt = rate with ``low`` = 0 at the lower and ``high`` = 0 at the upper end."""
    ends = [sn.condition(sn.Eq(e, 0), at={x: where}) for where, es in ((0, low), (1, high)) for e in es]
    return conserved(sn.PDESystem([sn.Eq(sn.dt(field), rate)], BOX, ends, {field: 0}))


@pytest.mark.parametrize(
    ("rate", "low", "high", "kept"),
    [
        (sn.diff((1 + u**2) * d(1), x), [d(1)], [d(1)], True),
        (sn.diff((1 + x) * d(1), x), [d(1)], [3 * d(1)], True),
        (sn.diff(u * d(1), x), [u * d(1)], [u * d(1)], True),
        (K * sn.diff((1 + u**2) * d(1) - u, x), [(1 + u**2) * d(1) - u], [u - (1 + u**2) * d(1)], True),
        (sn.diff(d(1) - K * u, x), [d(1) - K * u], [K * u - d(1)], True),
        (sn.diff(u**2, x, 2), [d(1)], [d(1)], True),
        (-sn.diff(u**2, x), [u], [], False),
        (-d(4) + d(2), [d(3), d(1)], [d(3), d(1)], True),
        (d(2), [d(1) - t], [d(1) - t], True),  # what enters on the left leaves on the right
        (d(2), [d(1) - t], [d(1) + t], False),
        (d(2), [u * d(1) - u * x], [u * d(1)], False),  # u = 0 would do
        (d(2), [u], [u], False),
        (d(2) + sn.diff(u**2, x), [u], [u], False),
        (sn.diff((1 + u**2) * d(1), x), [d(1)], [u], False),
        (sn.diff(d(1) - K * u, x), [d(1)], [d(1)], False),
        (-d(4), [u, d(1)], [u, d(1)], False),
        (d(2) - u, [d(1)], [d(1)], False),
    ],
)
def test_fluxes_that_the_conditions_make_equal_at_both_ends(rate: Any, low: Any, high: Any, kept: bool) -> None:
    assert between(rate, low, high) == ([{"u": Fraction(1)}] if kept else [])


@pytest.mark.parametrize("closed", [True, False])
def test_fluxes_with_a_full_matrix_in_the_plane(closed: bool) -> None:
    """n.K.grad(u) = 0 on all sides keeps the integral; du/dn = 0 does not, for K mixes the directions."""
    y = sn.coordinates("y")
    w = sn.field("w", (t, x, y))
    wx, wy = sn.diff(w, x), sn.diff(w, y)
    fluxes = {x: (1 + w**2) * wx + wy / 3, y: wx / 3 + (1 + x * y) * wy}
    faces = [(axis, end) for axis in (x, y) for end in (0, 1)]
    system = sn.PDESystem(
        [sn.Eq(sn.dt(w), sn.diff(fluxes[x], x) + sn.diff(fluxes[y], y))],
        sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        [sn.condition(sn.Eq(fluxes[a] if closed else sn.diff(w, a), 0), at={a: end}) for a, end in faces],
        {w: 0},
    )
    assert conserved(system) == ([{"w": 1}] if closed else [])


def test_gas_in_a_porous_medium_keeps_its_mass() -> None:
    from models.porous_medium import system

    assert "Conserved:   the integral of u over space" in system().explain()


def test_coefficients_that_depend_on_derivatives():
    """u_t = u_x/(1 + u_x^2) - u: the coefficient of u_x holds u_x itself."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    slope = sn.diff(u, x)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), slope / (1 + slope**2) - u)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: 2 + sn.sin(2 * sn.pi * x)},
    )
    assert system.structure.advection[u]["x"].scale == 0.5
