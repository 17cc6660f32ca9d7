"""``sn.steady`` against exact states at rest, against long runs, and where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

import symnum as sn

ENDS = ["u = 0 @ x=0", "u = 0 @ x=1"]


def interval(equation, initial="u = 0", conditions=ENDS, length=1, **parameters):
    return sn.PDESystem.from_text(
        equations=[equation],
        domain={"t": (0, 1), "x": (0, length)},
        conditions=list(conditions),
        initial=[initial],
        parameters=parameters,
        name="m",
    )


def test_order_two():
    system = interval("dt(u) = dx((1 + x)*dx(u)) + pi^2*(1 + x)*sin(pi*x) - pi*cos(pi*x)")
    errors = []
    for n in (32, 64):
        u = sn.steady(system, n)["u"]
        errors.append(float(np.abs(u.values[-1] - np.sin(np.pi * u.x.values)).max()))
    assert 1.95 < math.log2(errors[0] / errors[1]) < 2.05
    assert errors[1] < 5e-4


def test_bratu():
    """u'' + 2 exp(u) = 0 on the lower branch: u = -2 log(cosh(theta (x - 1/2)/2)/cosh(theta/4)), theta = 2 cosh(theta/4)."""
    made = sn.steady(interval("dt(u) = dxx(u) + lam*exp(u)", lam=2.0), 128)
    theta = 2.0
    for _ in range(100):
        theta = 2 * math.cosh(theta / 4)
    x = made["u"].x.values
    exact = -2 * np.log(np.cosh(theta * (x - 0.5) / 2) / math.cosh(theta / 4))
    assert np.abs(made["u"].values[-1] - exact).max() < 2e-5
    assert made.success
    assert made.stats["linear_solves"] < 40


def test_above_the_fold_there_is_none():
    with pytest.warns(sn.SolveWarning, match="No state at rest was found"):
        made = sn.steady(interval("dt(u) = dxx(u) + lam*exp(u)", lam=2.0), 32, parameters={"lam": 4.0}, max_steps=60)
    assert not made.success
    assert "u changes fastest, x = 0.5" in made.message


def test_closed_sides_keep_their_content():
    """u'' = 1/2 - x between closed sides: a solution up to a constant, which the start tells."""
    system = interval("dt(u) = dxx(u) + x - 1/2", "u = 2 + cos(pi*x)", ["dx(u) = 0 @ x=0", "dx(u) = 0 @ x=1"])
    errors = []
    for n in (32, 64, 128):
        u = sn.steady(system, n)["u"]
        x = u.x.values
        exact = x**2 / 4 - x**3 / 6 - 1 / 24 + 2
        errors.append(float(np.abs(u.values[-1] - exact).max()))
    assert errors[0] / errors[2] > 14
    assert errors[2] < 4e-5


def test_poisson_in_two_dimensions():
    """-laplacian(u) = 1 on the unit square: u(1/2, 1/2) by its sine series."""
    system = sn.PDESystem.from_text(
        equations=["dt(u) = laplacian(u) + 1"],
        domain={"t": (0, 1), "x": (0, 1), "y": (0, 1)},
        conditions=[f"u = 0 @ {c}={e}" for c in "xy" for e in (0, 1)],
        initial=["u = 0"],
    )
    k = np.arange(1, 400, 2)
    i, j = np.meshgrid(k, k)
    series = 16 / np.pi**4 * np.sum(np.sin(i * np.pi / 2) * np.sin(j * np.pi / 2) / (i * j * (i**2 + j**2)))
    assert sn.steady(system, 32)["u"].values[-1].max() == pytest.approx(series, rel=1e-3)


def test_where_a_long_run_ends():
    system = interval("dt(u) = dxx(u) + u*(1 - u)", "u = sin(pi*x/40)/10", ["u = 0 @ x=0", "dx(u) = 0 @ x=20"], 20)
    long = sn.PDESystem.from_text(
        equations=["dt(u) = dxx(u) + u*(1 - u)"],
        domain={"t": (0, 100), "x": (0, 20)},
        conditions=["u = 0 @ x=0", "dx(u) = 0 @ x=20"],
        initial=["u = sin(pi*x/40)/10"],
    )
    end = sn.solve(long, 64, rtol=1e-9, atol=1e-11, saveat=[100.0])["u"].values[-1]
    assert np.abs(sn.steady(system, 64)["u"].values[-1] - end).max() < 1e-8


def test_equations_without_time_derivatives_and_integrals():
    """dt(u) = w, 0 = dxx(w) - w + 1 - u: at rest w = 0 and u = 1; and u_t = 3 - integral(u) - u: u = 3/2."""
    both = sn.PDESystem.from_text(
        equations=["dt(u) = w", "0 = dxx(w) - w + 1 - u"],
        domain={"t": (0, 1), "x": (0, 1)},
        conditions=["periodic x"],
        initial=["u = sin(2*pi*x)"],
    )
    made = sn.steady(both, 16)
    np.testing.assert_allclose(made["u"].values[-1], 1, atol=1e-7)
    np.testing.assert_allclose(made["w"].values[-1], 0, atol=1e-7)
    for scheme in ("central", "fourier"):
        whole = interval(
            "dt(u) = dxx(u) + 3 - u" + (" - integral(u, x)" if scheme == "central" else "/2 - u/2"),
            "u = cos(2*pi*x)",
            ["periodic x"],
        )
        np.testing.assert_allclose(
            sn.steady(whole, 16, scheme)["u"].values[-1], 1.5 if scheme == "central" else 3, atol=1e-7
        )


def test_systems_without_space_and_their_stability():
    t = sn.coordinates("t")
    a, b = sn.fields("a b", (t,))
    prey = sn.ODESystem(
        [sn.Eq(sn.dt(a), 1 - a - a * b), sn.Eq(sn.dt(b), a * b - b / 2)], t=(0, 1), initial={a: 1, b: 0.1}
    )
    made = sn.steady(prey)
    assert made["a"].values == pytest.approx([0.5])
    assert made["b"].values == pytest.approx([1.0])
    assert "unstable" not in made.message
    oscillator = sn.ODESystem(
        [sn.Eq(sn.dt(a), b), sn.Eq(sn.dt(b), (1 - a**2) * b - a)], t=(0, 1), initial={a: 1, b: 0.1}
    )
    assert "It is unstable: disturbances grow as exp(0.5 t)." in sn.steady(oscillator).message


def growth(rate, start):
    t = sn.coordinates("t")
    y = sn.field("y", (t,))
    return sn.ODESystem([sn.Eq(sn.dt(y), rate(y))], t=(0, 1), initial={y: start})


def test_a_triple_root_is_reached_though_newton_is_slow_there():
    """y' = -(y - 1)^3: each correction is two thirds of the last."""
    made = sn.steady(growth(lambda y: -((y - 1) ** 3), 3.0))
    assert made.success
    assert made["y"].values == pytest.approx([1], abs=1e-7)


def test_a_start_without_a_jacobian_is_no_crash():
    """y' = 1 - sqrt(y) has an infinite derivative at 0."""
    with pytest.warns(sn.SolveWarning, match="No state at rest was found"):
        assert not sn.steady(growth(lambda y: 1 - sn.sqrt(y), 0.0)).success
    for start in (1e-300, 1e-12, 0.01):  # the steeper the root, the smaller the first correction, far from rest
        assert sn.steady(growth(lambda y: 1 - sn.sqrt(y), start))["y"].values == pytest.approx([1])


@pytest.mark.parametrize(
    "rate", [lambda y: 1 / y, lambda y: sn.exp(-y), lambda y: 1 / (1 + y**2), lambda y: 1e-20 + 0 * y]
)
def test_ever_slower_growth_is_not_rest(rate):
    with pytest.warns(sn.SolveWarning, match="No state at rest was found"):
        sn.steady(growth(rate, 1.0))


@pytest.mark.parametrize("n", [16, 64])
def test_a_source_between_closed_sides_never_comes_to_rest(n):
    """The content grows as t. Where it has grown to 1e15, corrections are small beside it and rates are rounding errors."""
    system = interval("dt(u) = dxx(u) + x", "u = cos(pi*x)", ["dx(u) = 0 @ x=0", "dx(u) = 0 @ x=1"])
    with pytest.warns(sn.SolveWarning, match="No state at rest was found"):
        assert not sn.steady(system, n).success


def test_a_start_at_rest_stays():
    system = interval("dt(u) = dxx(u) + pi^2*sin(pi*x)", "u = sin(pi*x)")
    once = sn.steady(system, 32, rtol=1e-10, atol=1e-12)
    again = sn.steady(interval("dt(u) = dxx(u) + 2", "u = x*(1 - x)"), 32)  # exact on the grid, but for rounding errors
    assert once.success and again.success
    x = again["u"].x.values
    np.testing.assert_allclose(again["u"].values[-1], x * (1 - x), atol=1e-12)


def driven():
    return interval("dt(u) = dxx(u) + sin(t)")


def noisy():
    t = sn.coordinates("t")
    y = sn.field("y", (t,))
    return sn.SDESystem([sn.Eq(sn.dt(y), -y)], noise={y: 0.1}, t=(0, 1), initial={y: 1})


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: sn.steady("heat"), "takes a system"),
        (lambda: sn.steady(driven()), "m depends on time by itself"),
        (lambda: sn.steady(noisy()), "has noise"),
        (lambda: sn.steady(interval("dt(u) = dxx(u)"), rtol=0), "write rtol=1e-8"),
        (lambda: sn.steady(interval("dt(u) = dxx(u)"), max_steps=0), "max_steps=0"),
        (lambda: sn.steady(interval("dt(u) = dxx(u)"), resolutoin=8), "Did you mean 'resolution'"),
        (lambda: sn.steady(interval("dt(u) = dxx(u)"), parameters={"k": 1}), "has no parameter 'k'"),
        (lambda: sn.steady(interval("dt(u) = dxx(u)"), parameters=3), "not a mapping"),
        (lambda: sn.steady(interval("dt(u) = dxx(u) + 1/u")), "not finite"),
    ],
)
def test_what_is_refused(ask, says):
    with pytest.raises(sn.SymnumError, match=says):
        ask()
