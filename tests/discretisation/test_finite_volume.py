"""Finite volumes: fluxes telescope and sides let through what their conditions say, to round-off; order 2 with every kind of condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.discretisation.assemble import discretise
from symnum.discretisation.automatic import automatic_scheme
from symnum.discretisation.grid import make_grid
from symnum.discretisation.schemes.finite_volume import stencil
from tests.discretisation.samples import T, U, V, W, X, Y, fitted_order, solution_error
from tests.discretisation.test_convergence import EXACT, HIGH, KINDS, LOW, PLANE, at, manufactured, slope

pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary

LINE, SQUARE = sn.Domain(t=(0, 1), x=(0, 1)), sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1))
Z = sn.coordinates("t x y z")[3]
Q = sn.field("q", (T, X, Y, Z))


def order_of(system: Any, exact: dict[Any, Any], sizes: Sequence[int] = (24, 36, 54)) -> float:
    return fitted_order(sizes, lambda n: solution_error(system, exact, n, scheme="finite_volume"))


def compiled(system: Any, resolution: Any, target: str = "llvm") -> Any:
    return sn.discretise(system, resolution=resolution, scheme="finite_volume", target=target)


def matrix(d: Any, t: float = 0.0) -> np.ndarray:
    """The Jacobian of a linear right-hand side, column by column."""
    rest = d.rhs(t, np.zeros(d.size)).copy()
    return np.array([d.rhs(t, column) - rest for column in np.eye(d.size)]).T


# --- weights --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("staggered", [False, True])
@pytest.mark.parametrize("m", [0, 1, 2, 3, 4, 5])
def test_stencils_are_of_order_two_on_whole_cells(m: int, staggered: bool) -> None:
    """Exact for polynomials up to degree m + 1; the nodes are centres, seen from a centre or a face."""
    parts = stencil(m, staggered=staggered)
    assert all((offset + Fraction(staggered, 2)).denominator == 1 for offset, _ in parts)
    for degree in range(m + 2):
        want = float(np.prod(np.arange(1, m + 1))) if degree == m else 0
        assert sum(w * offset**degree for offset, w in parts) == want


# --- order ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("low", KINDS)
@pytest.mark.parametrize("high", ["dirichlet", "neumann", "robin"])
def test_diffusion_and_advection_between_conditions(low: str, high: str) -> None:
    system = manufactured(
        {U: lambda u: sn.diff(u, X, 2) / 4 - sn.diff(u, X)},
        {U: EXACT},
        [KINDS[low](LOW, U, EXACT), KINDS[high](HIGH, U, EXACT)],
    )
    assert order_of(system, {U: EXACT}, (32, 48, 72)) == pytest.approx(2, abs=0.25)


def diffusivity(u: Any) -> Any:
    return (1 + X**2) * (1 + u**2) / 4


def flux(u: Any) -> Any:
    return diffusivity(u) * sn.diff(u, X)


def total_flux(u: Any) -> Any:
    return flux(u) - 2 * u


def given(f: Callable[[Any], Any], place: dict[Any, Any], exact: Any = EXACT) -> Any:
    """The condition f(u) = f(exact) on a side."""
    return sn.condition(sn.Eq(f(U), at(f(exact), place)), at=place)


@pytest.mark.parametrize("kind", ["dirichlet", "neumann", "robin", "flux"])
def test_nonlinear_diffusion(kind: str) -> None:
    low = given(flux, LOW) if kind == "flux" else KINDS[kind](LOW, U, EXACT)
    system = manufactured({U: lambda u: sn.diff(flux(u), X)}, {U: EXACT}, [low, given(flux, HIGH)])
    assert order_of(system, {U: EXACT}) == pytest.approx(2, abs=0.25)


@pytest.mark.parametrize("low", ["total flux", "dirichlet"])
def test_total_flux_of_diffusion_and_advection(low: str) -> None:
    side = given(total_flux, LOW) if low == "total flux" else sn.dirichlet(U, at(EXACT, LOW), at=LOW)
    system = manufactured({U: lambda u: sn.diff(total_flux(u), X)}, {U: EXACT}, [side, given(total_flux, HIGH)])
    assert order_of(system, {U: EXACT}) == pytest.approx(2, abs=0.25)


def test_linear_total_flux_on_one_side_and_outflow_on_the_other() -> None:
    """c*u - D*u_x = q at the inlet (Danckwerts), u_x given at the outlet."""
    carried = lambda u: 2 * u - sn.diff(u, X) / 5  # noqa: E731
    system = manufactured(
        {U: lambda u: -sn.diff(carried(u), X)}, {U: EXACT}, [given(carried, LOW), KINDS["neumann"](HIGH, U, EXACT)]
    )
    assert order_of(system, {U: EXACT}, (32, 48, 72)) == pytest.approx(2, abs=0.25)


def test_a_condition_nonlinear_in_the_value() -> None:
    """Radiation, du/dn + u^4 = g: central differences cannot eliminate it, a flux can be anything."""
    sides = [
        sn.condition(sn.Eq(n * sn.diff(U, X) + U**4, at(n * sn.diff(EXACT, X) + EXACT**4, place)), at=place)
        for n, place in ((-1, LOW), (1, HIGH))
    ]
    system = manufactured({U: lambda u: sn.diff(u, X, 2)}, {U: EXACT}, sides)
    assert order_of(system, {U: EXACT}, (16, 24, 36)) == pytest.approx(2, abs=0.25)
    with pytest.raises(sn.DiscretisationError, match=r'not linear in the boundary value of u.*scheme="finite_volume"'):
        discretise(system, 16, scheme="central")


@pytest.mark.parametrize("inflow", [0, 1])
def test_advection_with_one_inflow_condition(inflow: int) -> None:
    exact, place = sn.sin(3 * X - T + 1), {X: inflow}
    speed = (1 if inflow == 0 else -1) * (1 + X / 2)
    system = manufactured(
        {U: lambda u: -sn.diff(speed * (u + u**3 / 9), X)}, {U: exact}, [sn.dirichlet(U, at(exact, place), at=place)]
    )
    assert order_of(system, {U: exact}) == pytest.approx(2, abs=0.25)


def test_conditions_that_couple_two_fields() -> None:
    u, v = EXACT, sn.sin(T + 2 * X)
    mixed = [
        sn.condition(sn.Eq(sn.diff(U, X) + 2 * V, at(sn.diff(u, X) + 2 * v, LOW)), at=LOW),
        sn.condition(sn.Eq(sn.diff(V, X) - U, at(sn.diff(v, X) - u, LOW)), at=LOW),
        sn.condition(sn.Eq(U + V, at(u + v, HIGH)), at=HIGH),
        sn.condition(sn.Eq(sn.diff(U, X) - 3 * sn.diff(V, X), at(sn.diff(u, X) - 3 * sn.diff(v, X), HIGH)), at=HIGH),
    ]
    system = manufactured(
        {U: lambda u, v: sn.diff(u, X, 2) / 4 + u * v, V: lambda u, v: sn.diff(v, X, 2) / 2 - sn.diff(u, X)},
        {U: u, V: v},
        mixed,
    )
    assert order_of(system, {U: u, V: v}, (16, 24, 36)) == pytest.approx(2, abs=0.25)


def test_drift_along_the_gradient_of_another_field() -> None:
    """n_t = (n_x + n*p_x)_x with the total flux given, p_t = p_xx with p given: the flux holds the slopes of both."""
    n, p = 2 + EXACT, sn.sin(T + 2 * X)
    current = lambda n, p: (sn.diff(n, X) + n * sn.diff(p, X)) / 4  # noqa: E731
    sides = [sn.condition(sn.Eq(current(U, V), at(current(n, p), place)), at=place) for place in (LOW, HIGH)]
    sides += [sn.dirichlet(V, at(p, place), at=place) for place in (LOW, HIGH)]
    system = manufactured(
        {U: lambda u, v: sn.diff(current(u, v), X), V: lambda u, v: sn.diff(v, X, 2) / 4}, {U: n, V: p}, sides
    )
    assert order_of(system, {U: n, V: p}) == pytest.approx(2, abs=0.25)


def test_second_order_in_time() -> None:
    exact = sn.cos(2 * T) * sn.sin(2 * X) + T * X**2
    system = manufactured(
        {U: lambda u: sn.diff((1 + X) * sn.diff(u, X), X) / 2},
        {U: exact},
        [KINDS["dirichlet"](LOW, U, exact), KINDS["robin"](HIGH, U, exact)],
        second=True,
    )
    assert order_of(system, {U: exact}, (16, 24, 36)) == pytest.approx(2, abs=0.25)


@pytest.mark.parametrize(
    ("x_kind", "y_kind"), [("dirichlet", "neumann"), ("robin", "dirichlet"), ("periodic", "robin")]
)
def test_two_dimensions_with_a_mixed_derivative_in_the_corners(x_kind: str, y_kind: str) -> None:
    exact = sn.exp(-T) * sn.cos(2 * sn.pi * X) * sn.sin(2 * Y + 1) if x_kind == "periodic" else PLANE
    sides = [sn.periodic(X)] if x_kind == "periodic" else [KINDS[x_kind](p, W, exact) for p in (LOW, HIGH)]
    for p in ({Y: 0}, {Y: 1}):
        normal = slope(exact, p, Y)
        sides.append(
            {
                "dirichlet": lambda p, g: sn.dirichlet(W, at(exact, p), at=p),
                "neumann": lambda p, g: sn.neumann(W, g, at=p),
                "robin": lambda p, g: sn.robin(W, 1, 2, at(exact, p) + 2 * g, at=p),
            }[y_kind](p, normal)
        )
    operator = lambda w: sum(  # noqa: E731
        sn.diff((2 + Y * sn.cos(2 * sn.pi * X)) * a, c) / 8
        for a, c in ((sn.diff(w, X) + sn.diff(w, Y) / 2, X), (sn.diff(w, Y), Y))
    )
    system = manufactured({W: operator}, {W: exact}, sides)
    error = lambda n: solution_error(system, {W: exact}, {X: n, Y: n + 2}, scheme="finite_volume", rtol=1e-7)  # noqa: E731
    assert fitted_order((16, 24, 32), error) == pytest.approx(2, abs=0.25)


def test_an_oblique_flux_is_given_as_it_is() -> None:
    """Anisotropic diffusion, F = (w_x + w_y/2, w_x/2 + w_y): the normal flux at each side holds the derivative along it."""
    across = {
        X: lambda w: (1 + Y) * (sn.diff(w, X) + sn.diff(w, Y) / 2),
        Y: lambda w: sn.diff(w, X) / 2 + sn.diff(w, Y),
    }
    sides = [
        sn.condition(sn.Eq(f(W), at(f(PLANE), {c: end})), at={c: end}) for c, f in across.items() for end in (0, 1)
    ]
    system = manufactured({W: lambda w: sum(sn.diff(f(w), c) for c, f in across.items()) / 4}, {W: PLANE}, sides)
    error = lambda n: solution_error(system, {W: PLANE}, n, scheme="finite_volume", rtol=1e-7)  # noqa: E731
    assert fitted_order((16, 24, 36), error) == pytest.approx(2, abs=0.25)


def test_three_dimensions() -> None:
    exact = sn.exp(-T) * sn.cos(2 * sn.pi * X) * sn.sin(4 * Y + 3 * Z)
    system = manufactured_in_space(exact, lambda q: sn.div((1 + X * Z) * sn.grad(q)) / 4)
    error = lambda n: solution_error(system, {Q: exact}, {X: n, Y: n, Z: n + 1}, scheme="finite_volume", rtol=1e-6)  # noqa: E731
    assert fitted_order((10, 14, 18), error) == pytest.approx(2, abs=0.25)


def manufactured_in_space(exact: Any, operator: Callable[[Any], Any]) -> Any:
    source = sn.diff(exact, T) - operator(exact)
    kinds = {X: "dirichlet", Y: "neumann", Z: "robin"}
    sides = []
    for c, kind in kinds.items():
        for end in (0, 1):
            p = {c: end}
            value, normal = at(exact, p), slope(exact, p, c)
            sides.append(
                {
                    "dirichlet": lambda p, g, n: sn.dirichlet(Q, g, at=p),
                    "neumann": lambda p, g, n: sn.neumann(Q, n, at=p),
                    "robin": lambda p, g, n: sn.robin(Q, 1, 2, g + 2 * n, at=p),
                }[kind](p, value, normal)
            )
    return sn.PDESystem(
        [sn.Eq(sn.dt(Q), operator(Q) + source)],
        domain=sn.Domain(t=(0, 0.05), x=(0, 1), y=(0, 1), z=(0, 1)),
        conditions=sides,
        initial={Q: at(exact, {T: 0})},
    )


# --- what is kept ----------------------------------------------------------------------------------------------------------


def stepped(d: Any, y: np.ndarray, dt: float, steps: int = 10_000) -> np.ndarray:
    """Heun's method of order 2 with fixed steps: linear in the rates, so it keeps what they keep."""
    a, b, middle = np.empty_like(y), np.empty_like(y), np.empty_like(y)
    for step in range(steps):
        d.rhs(step * dt, y, out=a)
        np.multiply(a, dt, out=middle)
        middle += y
        d.rhs((step + 1) * dt, middle, out=b)
        a += b
        a *= dt / 2
        y += a
    return y


def rough(size: int) -> np.ndarray:
    return 1 + np.random.default_rng(3).random(size)


def test_mass_on_a_line_over_ten_thousand_steps() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(flux(U), X))],
        domain=LINE,
        conditions=[given(flux, LOW, sn.exp(0)), sn.neumann(U, 0, at=HIGH)],
        initial={U: 1},
    )
    d = compiled(system, 40)
    y = rough(40)
    mass, spread = y.sum(), np.ptp(y)
    end = stepped(d, y.copy(), 1e-4)
    assert abs(end.sum() / mass - 1) <= 1e-12
    assert np.ptp(end) < 0.5 * spread  # and yet it has moved


def test_mass_in_a_square_over_ten_thousand_steps() -> None:
    """div(D(w, x, y) grad w) with nothing through the sides, in both ways of saying so."""
    D = (1 + X * Y) * (1 + W**2)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), sn.div(D * sn.grad(W)))],
        domain=SQUARE,
        conditions=[
            *(sn.neumann(W, 0, at={X: end}) for end in (0, 1)),
            *(sn.condition(sn.Eq(D * sn.diff(W, Y), 0), at={Y: end}) for end in (0, 1)),
        ],
        initial={W: 1},
    )
    d = compiled(system, {X: 12, Y: 9})
    y = rough(108)
    end = stepped(d, y.copy(), 1e-4)
    assert abs(end.sum() / y.sum() - 1) <= 1e-12
    assert np.ptp(end) < 0.1 * np.ptp(y)


def test_mass_of_a_stream_with_given_total_flux() -> None:
    """D u_x - c u = 0 at both ends: what drifts to the right stays."""
    D, c = sn.parameters(D=0.1, c=1.0)
    through = D * sn.diff(U, X) - c * U
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(through, X))],
        domain=LINE,
        conditions=[sn.condition(sn.Eq(through, 0), at={X: end}) for end in (0, 1)],
        initial={U: 1},
    )
    y = rough(40)
    end = stepped(compiled(system, 40), y.copy(), 4e-4)
    assert abs(end.sum() / y.sum() - 1) <= 1e-12
    x = (np.arange(40) + 0.5) / 40
    steady = np.exp(x / 0.1)
    np.testing.assert_allclose(end / end.sum(), steady / steady.sum(), atol=2e-3)  # u ~ exp(c x/D)


def test_mass_changes_by_the_flux_through_the_sides() -> None:
    """D u_x = q: after 10^4 steps the mass has changed by the integral of q(1) - q(0), as the same steps see it."""
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(flux(U), X))],
        domain=LINE,
        conditions=[
            sn.condition(sn.Eq(flux(U), sn.cos(3 * T)), at=LOW),
            sn.condition(sn.Eq(flux(U), sn.rational(1, 3) + T), at=HIGH),
        ],
        initial={U: 1},
    )
    dt, y = 1e-4, rough(40)
    end = stepped(compiled(system, 40), y.copy(), dt)
    t = dt * np.arange(10_001)
    q = 1 / 3 + t - np.cos(3 * t)
    gained = dt * (q.sum() - (q[0] + q[-1]) / 2)
    assert (end.sum() - y.sum()) / 40 == pytest.approx(gained, abs=2e-12)
    assert gained > 0.5


def total(rates: np.ndarray) -> float:
    """The sum of rates in units of their round-off."""
    return float(abs(rates.sum()) / (np.abs(rates).sum() * np.finfo(float).eps))


def test_cross_diffusion_lets_nothing_through() -> None:
    """Both fluxes hold the slopes of both fields, with coefficients that hold their values."""
    first = (1 + U * V) * sn.diff(U, X) + U * sn.diff(V, X)
    second = (1 + U**2) * sn.diff(V, X) - V * sn.diff(U, X)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(first, X)), sn.Eq(sn.dt(V), sn.diff(second, X))],
        domain=LINE,
        conditions=[sn.condition(sn.Eq(f, 0), at=p) for f in (first, second) for p in (LOW, HIGH)],
        initial={U: 1, V: 1},
    )
    rates = compiled(system, 20).rhs(0.0, rough(40))
    assert total(rates[:20]) < 40 and total(rates[20:]) < 40


def test_anisotropic_diffusion_lets_nothing_through() -> None:
    """The condition n.F = 0 holds the derivative along the side, which its slope cancels at every point, corners included."""
    F = {X: (1 + Y + W**2) * (sn.diff(W, X) + sn.diff(W, Y) / 2), Y: (1 + X) * (sn.diff(W, X) / 2 + sn.diff(W, Y))}
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), sum(sn.diff(f, c) for c, f in F.items()))],
        domain=SQUARE,
        conditions=[sn.condition(sn.Eq(f, 0), at={c: end}) for c, f in F.items() for end in (0, 1)],
        initial={W: 1},
    )
    assert total(compiled(system, {X: 9, Y: 7}).rhs(0.0, rough(63))) < 63


def test_ions_in_their_own_field_stay_in_the_cell() -> None:
    """n_t = (n_x + n*p_x)_x with no current through the sides, 0 = p_xx + n: Nernst, Planck and Poisson."""
    current = sn.diff(U, X) + U * sn.diff(V, X)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(current, X)), sn.Eq(0, sn.diff(V, X, 2) + U)],
        domain=LINE,
        conditions=[
            *(sn.condition(sn.Eq(current, 0), at=p) for p in (LOW, HIGH)),
            *(sn.dirichlet(V, 0, at=p) for p in (LOW, HIGH)),
        ],
        initial={U: 1},
    )
    d = compiled(system, 20)
    assert d.semi.algebraic == {"v"}
    y = rough(40)
    rates = d.rhs(0.0, y)
    assert total(rates[:20]) < 40
    p, n, h = y[20:], y[:20], 1 / 20
    ghosts = [-2 * p[0] + p[1] / 3], [-2 * p[-1] + p[-2] / 3]  # with them p_0 - p_ghost = h*g_s for u_s = 0
    curvature = np.diff(np.concatenate([ghosts[0], p, ghosts[1]]), 2) / h**2
    np.testing.assert_allclose(rates[20:], -curvature - n, rtol=1e-11)


def test_integrals_are_sums_over_the_cells() -> None:
    """The integral of a divergence is what passes the sides; that of u the mass."""
    right = sn.diff(flux(U), X) - U * sn.integral(U, X) + sn.integral(sn.diff(flux(U), X), X)
    sides = [sn.condition(sn.Eq(flux(U), q), at=p) for q, p in ((2, LOW), (5, HIGH))]
    y = rough(20)
    rates = compiled(closed(right, sides), 20, "numpy").rhs(0.0, y)
    assert rates.mean() == pytest.approx(3 - y.mean() ** 2 + 3, rel=1e-12)


def test_a_coefficient_of_a_condition_may_vanish() -> None:
    """a*u + b*du/dn = 3 with b = 0 is u = 3/a."""
    a, b = sn.parameters(a=2.0, b=0.0)
    right = sn.diff((1 + X) * sn.diff(U, X), X)
    rates = [
        compiled(closed(right, [low, sn.dirichlet(U, 0, at=HIGH)]), 10).rhs(0.0, rough(10))
        for low in (sn.robin(U, a, b, 3, at=LOW), sn.dirichlet(U, 1.5, at=LOW))
    ]
    np.testing.assert_allclose(*rates, rtol=1e-12)


def test_barenblatt_keeps_its_mass_and_sign() -> None:
    """Gas in a porous medium, u_t = (u^3)_xx: a front that touches zero (Vazquez, The Porous Medium Equation, 2007, section 4.4)."""
    for right in (sn.diff(U**3, X, 2), sn.diff(3 * U**2 * sn.diff(U, X), X)):
        system = sn.PDESystem(
            [sn.Eq(sn.dt(U), right)],
            domain=sn.Domain(t=(1, 3), x=(-3, 3)),
            conditions=[sn.neumann(U, 0, at={X: -3}), sn.neumann(U, 0, at={X: 3})],
            initial={U: sn.maximum(0, 1 - X**2 / 12) ** 0.5},
        )
        d = compiled(system, 80)
        y = d.initial_state() * (np.abs(d.semi.axes[0].coordinates()) < 1)
        low, end = 0.0, y.copy()
        for _ in range(10_000):
            end += 2e-4 * d.rhs(0.0, end)
            low = min(low, end.min())
        assert low >= -1e-12
        assert abs(end.sum() / y.sum() - 1) <= 1e-12
        assert end[0] == end[-1] == 0 and end.max() < 0.8 * y.max()  # the front is still inside


def test_barenblatt_solution_is_followed() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(3 * U**2 * sn.diff(U, X), X))],
        domain=sn.Domain(t=(1, 4), x=(-6, 6)),
        conditions=[sn.condition(sn.Eq(3 * U**2 * sn.diff(U, X), 0), at={X: end}) for end in (-6, 6)],
        initial={U: sn.maximum(0, 1 - X**2 / 12) ** 0.5},
    )
    solution = sn.solve(system, resolution=120, scheme="finite_volume", saveat=[4])
    x, u = solution[U].x.values, solution[U].values[-1]
    exact = 4**-0.25 * np.sqrt(np.maximum(0, 1 - x**2 / (12 * 2)))
    assert np.abs(u - exact).mean() < 3e-3
    assert u.min() >= -1e-12


def test_the_matrix_of_linear_diffusion_is_symmetric() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), sn.div((1 + X**2 + Y) * sn.grad(W)))],
        domain=SQUARE,
        conditions=[sn.neumann(W, 1, at={c: end}) for c in (X, Y) for end in (0, 1)],
        initial={W: 1},
    )
    A = matrix(compiled(system, {X: 6, Y: 5}, "numpy"))
    np.testing.assert_allclose(A, A.T, atol=1e-11 * np.abs(A).max())
    np.testing.assert_allclose(A.sum(axis=0), 0, atol=1e-11 * np.abs(A).max())
    assert np.linalg.eigvalsh((A + A.T) / 2).max() < 1e-10


@pytest.mark.parametrize("kind", ["dirichlet", "neumann", "robin"])
def test_no_mode_of_diffusion_and_advection_grows(kind: str) -> None:
    """Eigenvalues of u_t = D u_xx - u_x for D from 1 to 0 (advection alone: one condition, at the inflow)."""
    for D in (1, 0.1, 0.001, 0):
        sides = [KINDS[kind](LOW, U, X), KINDS[kind](HIGH, U, X)] if D else [sn.dirichlet(U, 0, at=LOW)]
        system = sn.PDESystem(
            [sn.Eq(sn.dt(U), D * sn.diff(U, X, 2) - sn.diff(U, X))], domain=LINE, conditions=sides, initial={U: 0}
        )
        values = np.linalg.eigvals(matrix(compiled(system, 40, "numpy")))
        assert values.real.max() <= (1e-9 if kind != "robin" else 2.0)


# --- grids, labels, pictures --------------------------------------------------------------------------------------------------


def bar(**more: Any) -> sn.PDESystem:
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff((1 + X) * sn.diff(U, X), X) / 10)],
        domain=LINE,
        conditions=[sn.dirichlet(U, 1, at=LOW), sn.neumann(U, 0, at=HIGH)],
        initial=more.get("initial", {U: 1 - X}),
    )


def test_solutions_lie_at_the_centres_and_are_known_up_to_the_sides() -> None:
    solution = sn.solve(bar(), resolution=20, scheme="finite_volume")
    centres = (np.arange(20) + 0.5) / 20
    np.testing.assert_allclose(solution[U].x, centres, atol=1e-15)
    np.testing.assert_allclose(solution[U].values[0], 1 - centres, atol=1e-15)
    assert solution(t=0.5, x=0.0)[U] == pytest.approx(1, abs=1e-3)
    assert solution(t=0.5, x=1.0)[U] == pytest.approx(solution(t=0.5, x=0.99)[U], abs=1e-3)
    with pytest.raises(sn.SolveError, match=r"covers x from 0 to 1"):
        solution(t=0.5, x=1.01)


def test_initial_arrays_are_values_at_the_centres() -> None:
    values = np.random.default_rng(0).random(20)
    d = compiled(bar(initial={U: values}), 20, "numpy")
    np.testing.assert_array_equal(d.initial_state(), values)
    np.testing.assert_array_equal(d.full_fields(0.0, values), values)
    seen = []
    compiled(bar(initial={U: lambda x: seen.append(x) or x}), 20, "numpy").initial_state()
    np.testing.assert_allclose(seen[-1], (np.arange(20) + 0.5) / 20, atol=1e-15)


def test_coefficients_at_a_side_are_those_of_the_side() -> None:
    """sqrt(x - start) would be NaN a rounding error before the start."""
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(sn.sqrt(X - 0.3) * sn.diff(U, X), X))],
        domain=sn.Domain(t=(0, 1), x=(0.3, 1)),
        conditions=[sn.dirichlet(U, 1, at={X: 0.3}), sn.dirichlet(U, 0, at=HIGH)],
        initial={U: 0},
    )
    for n in (7, 11, 13):
        assert np.isfinite(compiled(system, n, "numpy").rhs(0.0, np.ones(n))).all()


def test_pictures_of_cells_span_the_domain() -> None:
    from io import BytesIO

    solution = sn.solve(plate(), resolution=6, scheme="finite_volume", saveat=[0, 0.1])
    figure = solution.plot()
    figure.savefig(BytesIO())
    panel = figure.axes[0]
    assert panel.get_xlim() == pytest.approx((0, 1)) and panel.get_ylim() == pytest.approx((0, 1))


def plate(k: Any = 1 + X) -> sn.PDESystem:
    return sn.PDESystem(
        [sn.Eq(sn.dt(W), sn.div(k * sn.grad(W)))],
        domain=SQUARE,
        conditions=[sn.periodic(X), *(sn.neumann(W, 0, at={Y: end}) for end in (0, 1))],
        initial={W: X * Y},
    )


# --- the automatic choice ---------------------------------------------------------------------------------------------------------

ENDS = ({X: 0}, {X: 1})


def closed(right: Any, conditions: Any, **more: Any) -> sn.PDESystem:
    return sn.PDESystem([sn.Eq(sn.dt(U), right)], domain=LINE, conditions=conditions, initial={U: 1}, **more)


INSULATED = [sn.neumann(U, 0, at=end) for end in ENDS]
LEAKING = [sn.robin(U, 1, 2, 0, at=end) for end in ENDS]
HELD = [sn.dirichlet(U, 0, at=LOW), sn.neumann(U, 0, at=HIGH)]


@pytest.mark.parametrize(
    ("system", "order", "scheme"),
    [
        (lambda: closed(sn.diff((1 + U) * sn.diff(U, X), X), INSULATED), 2, "finite_volume"),
        (lambda: closed(sn.diff((1 + X) * sn.diff(U, X), X) + U**2, LEAKING), 2, "finite_volume"),
        (lambda: closed(sn.diff((1 + X) * sn.diff(U, X), X), INSULATED), 4, "central"),
        (lambda: closed(sn.diff((1 + X) * sn.diff(U, X), X), HELD), 2, "central"),
        (lambda: closed(sn.diff(U, X, 2), INSULATED), 2, "central"),
        (lambda: closed(sn.diff(X * U, X), [sn.dirichlet(U, 0, at=HIGH)]), 2, "central"),
        (lambda: closed(sn.diff((1 + X) * sn.diff(U, X), X), [sn.periodic(X)]), 2, "central"),
        (lambda: plate(1 + X), 2, "central"),  # varies along the periodic axis alone
        (lambda: plate(1 + Y), 2, "finite_volume"),
    ],
)
def test_automatic_scheme(system: Callable[[], sn.PDESystem], order: int, scheme: str) -> None:
    assert automatic_scheme(system(), order) == scheme


def test_the_scheme_is_known_afterwards() -> None:
    system = closed(sn.diff((1 + U) * sn.diff(U, X), X), INSULATED)
    assert discretise(system, 8).scheme == "finite_volume"
    assert discretise(system, 8).state[0].shape == (8,)
    assert discretise(system, 8, scheme="central").scheme == "central"
    assert discretise(system, make_grid(system, 8)).scheme == "central"  # a Grid of points says so


# --- errors ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 3, 4, 2.0, True, "2"])
def test_other_orders(order: Any) -> None:
    with pytest.raises(
        sn.DiscretisationError, match=r'finite volumes have order 2, not .*write order=2, or scheme="central"'
    ):
        discretise(bar(), 16, scheme="finite_volume", order=order)


def test_fourth_derivatives_between_sides() -> None:
    sides = [c for end in ENDS for c in (sn.dirichlet(U, 0, at=end), sn.neumann(U, 0, at=end))]
    with pytest.raises(
        sn.DiscretisationError, match=r'an order above 2 along x, .*Write scheme="central", or sn.periodic\(x\)'
    ):
        discretise(closed(-sn.diff(U, X, 4), sides), 16, scheme="finite_volume")


def test_two_conditions_on_a_field_at_one_side() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2) + V), sn.Eq(0, sn.diff(V, X, 2) - U)],
        domain=LINE,
        conditions=[*INSULATED, sn.dirichlet(V, 0, at=LOW), sn.neumann(V, 0, at=LOW)],
        initial={U: 0},
    )
    with pytest.raises(sn.DiscretisationError, match=r"one condition on v at each side of x, the lower side has two"):
        discretise(system, 16, scheme="finite_volume")


def test_conditions_that_do_not_determine_the_values() -> None:
    """-c = 8/(3h): the value at the side cancels, in numbers or with a parameter."""
    k, b = sn.parameters(k=128 / 3, b=1.0)
    for slope_factor, c in ((1, 128 / 3), (1, k), (b, k)):
        singular = sn.condition(sn.Eq(slope_factor * sn.diff(U, X) + c * U, 0), at=LOW)
        system = closed(sn.diff(U, X, 2), [singular, INSULATED[1]])
        with pytest.raises(
            sn.DiscretisationError, match=r"lower side of x do not determine the boundary values .*singular"
        ):
            discretise(system, 16, scheme="finite_volume")
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2)), sn.Eq(sn.dt(V), sn.diff(V, X, 2))],
        domain=LINE,
        conditions=[
            *(sn.condition(sn.Eq(c * sn.diff(U, X) + c * sn.diff(V, X), 0), at=LOW) for c in (1, 2)),
            *(sn.dirichlet(f, 0, at=HIGH) for f in (U, V)),
        ],
        initial={U: 0, V: 0},
    )
    with pytest.raises(sn.DiscretisationError, match=r"do not determine the boundary values .*singular"):
        discretise(system, 16, scheme="finite_volume")


def test_conditions_that_are_not_linear() -> None:
    with pytest.raises(sn.ModelError, match=r"not linear in u"):
        closed(sn.diff(U, X, 2), [sn.condition(sn.Eq(sn.diff(U, X) ** 2, 1), at=LOW), INSULATED[1]])
    with pytest.raises(sn.ModelError, match=r"not linear in u"):
        closed(sn.diff(U, X, 2), [sn.condition(sn.Eq(U**2, 1), at=LOW), INSULATED[1]])
    product = sn.PDESystem(  # linear in each slope, not in both, and neither follows from one condition alone
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2)), sn.Eq(sn.dt(V), sn.diff(V, X, 2))],
        domain=LINE,
        conditions=[
            sn.condition(sn.Eq(sn.diff(U, X) * sn.diff(V, X), 1), at=LOW),
            sn.condition(sn.Eq(sn.diff(V, X) + sn.diff(U, X), U), at=LOW),
            *(sn.dirichlet(f, 0, at=HIGH) for f in (U, V)),
        ],
        initial={U: 0, V: 0},
    )
    with pytest.raises(
        sn.DiscretisationError, match=r"not linear in the normal derivatives of u and v; solve them for the normal"
    ):
        discretise(product, 16, scheme="finite_volume")


def test_conditions_that_couple_a_side() -> None:
    """w + w_y = 0 on a side of x is a differential equation along the side."""
    along = sn.condition(sn.Eq(W + sn.diff(W, Y), 0), at={X: 0})
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), sn.laplacian(W))],
        domain=SQUARE,
        conditions=[along, sn.dirichlet(W, 0, at={X: 1}), *(sn.dirichlet(W, 0, at={Y: end}) for end in (0, 1))],
        initial={W: 0},
    )
    with pytest.raises(sn.DiscretisationError, match=r"hold derivatives along the side, which couple all its points"):
        discretise(system, 8, scheme="finite_volume")


def test_a_grid_of_points_and_an_array_of_points() -> None:
    with pytest.raises(sn.DiscretisationError, match=r"the Grid is one of points, the scheme takes one of cells"):
        discretise(bar(), make_grid(bar(), 8), scheme="finite_volume")
    with pytest.raises(sn.DiscretisationError, match=r"the Grid is one of cells, the scheme takes one of points"):
        discretise(bar(), make_grid(bar(), 8, centred=True), scheme="central")
    with pytest.raises(sn.ModelError, match=r"initial array of u has shape \(17,\), the grid \(x\) has \(16,\)"):
        compiled(bar(initial={U: np.zeros(17)}), 16, "numpy").initial_state()


def test_fluxes_in_a_corner() -> None:
    """d^4 w/dx^2 dy^2 asks for w_xy in the corner, which conditions on w_x and w_y alone do not give."""
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), -sn.diff(W, X, 2, Y, 2))],
        domain=SQUARE,
        conditions=[sn.neumann(W, 0, at={c: end}) for c in (X, Y) for end in (0, 1)],
        initial={W: 0},
    )
    with pytest.raises(sn.DiscretisationError, match=r"needed in a corner between sides of x and y"):
        discretise(system, 8, scheme="finite_volume")
