"""Upwind differences: weights, measured orders, monotonicity, conservation, dissipation, what is carried and what is not."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.discretisation.schemes import upwind as upwind_scheme
from symnum.discretisation.upwind import HALF, bounds, difference_weights, face_weights, sign, transport
from symnum.expr.walk import contains
from symnum.ir.kernel import statements, values
from tests.discretisation.samples import T, U, V, W, X, Y, fitted_order, value

pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary

ORDERS = (1, 2, 3)
C = sn.parameter("c", 1.0)


def system(right: Any, conditions: list[Any], initial: Any, field: Any = U, **spans: Any) -> Any:
    spans = {c.name: (0, 1) for c in field.info.coordinates[1:]} | spans
    rates = right if isinstance(right, dict) else {field: right}
    starts = initial if isinstance(initial, dict) else {field: initial}
    equations = [sn.Eq(sn.dt(f), r) for f, r in rates.items()]
    return sn.PDESystem(equations, domain=sn.Domain(t=(0, 1), **spans), conditions=conditions, initial=starts)


def upwind(model: Any, n: Any, order: int) -> Any:
    return sn.discretise(model, resolution=n, scheme="upwind", order=order, target="numpy")


def matrix(d: Any) -> np.ndarray:
    """d(rhs)/dy of a system that is linear and homogeneous in the state."""
    return np.array([d.rhs(0.0, column) for column in np.eye(d.size)]).T


def error(model: Any, exact: Any, n: int, order: int, end: float = 0.25) -> float:
    """Largest error of the solution on the whole grid after classical Runge-Kutta steps that add no error of note."""
    d = upwind(model, n, order)
    y, steps = d.initial_state(), round(4 * n * end)
    h = end / steps
    for i in range(steps):
        t = i * h
        k1 = d.rhs(t, y)
        k2 = d.rhs(t + h / 2, y + h / 2 * k1)
        k3 = d.rhs(t + h / 2, y + h / 2 * k2)
        y = y + h / 6 * (k1 + 2 * (k2 + k3) + d.rhs(t + h, y + h * k3))
    axes = d.semi.axes
    grids = np.meshgrid(*[a.coordinates() for a in axes], indexing="ij")
    want = value(exact, dict(zip([a.name for a in axes], grids, strict=True)) | {"t": end})
    return float(np.abs(d.full_fields(end, y) - np.ravel(want)).max())


def forced(operator: Callable[[Any], Any], exact: Any, field: Any = U) -> Any:
    """The rate whose exact solution is given."""
    return operator(field) + sn.diff(exact, T) - operator(exact)


def at_start(exact: Any) -> Any:
    return sn.substitute(exact, {T: 0})


# --- weights --------------------------------------------------------------------------------------------------------

PLACES = [None, *((Fraction(-i), Fraction(8 - i)) for i in range(9))]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("rightwards", [True, False])
def test_differences_are_exact_on_polynomials_wherever_the_window_lies(order: int, rightwards: bool) -> None:
    for limits in PLACES:
        weights = difference_weights(order, rightwards, limits)
        if limits is not None and limits[0 if rightwards else 1] == 0:  # the flow enters and nothing says with what
            assert weights == {}
            continue
        assert limits is None or limits[0] <= min(weights) <= max(weights) <= limits[1]
        for degree in range(order + 1):
            got = sum(w * Fraction(o) ** degree for o, w in weights.items())
            assert got == (degree == 1), (limits, degree)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("rightwards", [True, False])
def test_faces_telescope_to_the_differences(order: int, rightwards: bool) -> None:
    for limits in PLACES:
        if limits is not None and 0 in limits:
            continue
        out, into = (face_weights(order, face, rightwards, limits) for face in (HALF, -HALF))
        both = {o: out.get(o, 0) - into.get(o, 0) for o in {*out, *into}}
        assert {o: w for o, w in both.items() if w} == difference_weights(order, rightwards, limits)
        shifted = None if limits is None else (limits[0] - 1, limits[1] - 1)
        if limits is None or 0 not in shifted:  # type: ignore[operator]
            again = face_weights(order, -HALF, rightwards, shifted)
            assert {o + 1: w for o, w in again.items()} == out, "a face has one value, seen from both sides"


def test_face_values_as_printed_in_books() -> None:
    third = Fraction(1, 6)
    assert face_weights(1, HALF, True) == {0: 1} and face_weights(1, HALF, False) == {1: 1}
    assert face_weights(2, HALF, True) == {-1: Fraction(-1, 2), 0: Fraction(3, 2)}
    assert face_weights(3, HALF, True) == {-1: -third, 0: 5 * third, 1: 2 * third}
    assert face_weights(3, HALF, False) == {0: 2 * third, 1: 5 * third, 2: -third}


# --- order ----------------------------------------------------------------------------------------------------------

WAVE = sn.sin(2 * sn.pi * (X - T))
SIZES = {1: (72, 108, 162), 2: (72, 108, 162), 3: (32, 48, 72)}
SPEED = sn.sin(2 * sn.pi * X) + sn.rational(1, 3)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "operator",
    [
        lambda u: -C * sn.diff(u, X),
        lambda u: -SPEED * sn.diff(u, X),
        lambda u: -sn.diff(SPEED * u, X),
        lambda u: -u * sn.diff(u, X),
        lambda u: -sn.diff(u**2 / 2, X),
        lambda u: sn.cos(2 * sn.pi * X) * sn.diff(u**3 / 3 - u, X),
    ],
    ids=["parameter", "c(x) u_x", "(c(x) u)_x", "u u_x", "(u^2/2)_x", "k(x) f(u)_x"],
)
def test_order_with_periodic_sides(operator: Callable[[Any], Any], order: int) -> None:
    """The speed of all but the first changes its sign, in space or in time."""
    exact = WAVE + sn.rational(1, 5)
    model = system(forced(operator, exact), [sn.periodic(X)], at_start(exact))
    assert fitted_order(SIZES[order], lambda n: error(model, exact, n, order)) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("speed", [1, -1])
@pytest.mark.parametrize("flux", [False, True])
def test_order_with_an_inflow_condition(order: int, speed: int, flux: bool) -> None:
    exact = 1 + sn.sin(4 * (X - T) + sn.rational(1, 2)) / 3
    inflow = {X: 0} if speed > 0 else {X: 1}
    right = forced(lambda u: -speed * sn.diff(u**2 / 2 if flux else u, X), exact)
    model = system(right, [sn.dirichlet(U, sn.substitute(exact, inflow), at=inflow)], at_start(exact))
    assert fitted_order(SIZES[order], lambda n: error(model, exact, n, order)) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["dirichlet", "neumann"])
def test_order_with_diffusion_between_conditions(order: int, kind: str) -> None:
    """The steady solution of A w + b = 0 against the exact one; and nothing grows: the eigenvalues of A."""
    exact = sn.sin(4 * X + sn.rational(1, 2)) + 0 * T
    right = forced(lambda u: sn.diff(u, X, 2) / 5 - (1 + X) * sn.diff(u, X) - u, exact)
    sides = []
    for e, n in ((0, -1), (1, 1)):
        g, q = (sn.substitute(f, {X: e}) for f in (exact, n * sn.diff(exact, X)))
        sides.append(sn.dirichlet(U, g, at={X: e}) if kind == "dirichlet" else sn.neumann(U, q, at={X: e}))
    model = system(right, sides, exact)

    def steady_error(n: int) -> float:
        d = upwind(model, n, order)
        zero = d.rhs(0.0, np.zeros(d.size))
        a = np.array([d.rhs(0.0, column) - zero for column in np.eye(d.size)]).T
        assert n > 48 or np.linalg.eigvals(a).real.max() < 0
        w = d.full_fields(0.0, np.linalg.solve(a, -zero))
        return float(np.abs(w - np.sin(4 * d.semi.axes[0].coordinates() + 0.5)).max())

    assert fitted_order((48, 72, 108), steady_error) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("order", ORDERS)
def test_rotation_in_the_plane(order: int) -> None:
    """The speeds change sign across the domain; half of the upper sides is inflow without a condition, where the solution rests at zero."""
    exact = (sn.sin(sn.pi * X) * sn.sin(sn.pi * Y)) ** 2 * (1 + sn.cos(T + 3 * X + 2 * Y) / 2)
    right = forced(lambda w: (2 * Y - 1) * sn.diff(w, X) - (2 * X - 1) * sn.diff(w, Y), exact, W)
    model = system(right, [sn.dirichlet(W, 0, at={c: 0}) for c in (X, Y)], at_start(exact), W)
    assert fitted_order((24, 36, 54), lambda n: error(model, exact, n, order, 0.1)) == pytest.approx(order, abs=0.25)


# --- stability ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [32, 64])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("inflow", [0, 1])
@pytest.mark.parametrize("diffusion", [0.0, 1e-3, 1e-1])
def test_no_eigenvalue_grows(order: int, inflow: int, diffusion: float, n: int) -> None:
    ends = (0, 1) if diffusion else (inflow,)
    right = diffusion * sn.diff(U, X, 2) + (2 * inflow - 1) * sn.diff(U, X)
    a = matrix(upwind(system(right, [sn.dirichlet(U, 0, at={X: e}) for e in ends], 0), n, order))
    assert np.linalg.eigvals(a).real.max() < -1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("speed", "flux"), [(1, U), (-1, U), (C, U), (1, U + 0.1 * sn.sin(U)), (-1, 2 * U + sn.cos(U))], ids=str
)
def test_energy_does_not_grow(order: int, speed: Any, flux: Any) -> None:
    """sum(u*du/dt) <= 0 on periodic sides: for any state where the flux is linear, else near a smooth one."""
    linear = flux is U
    d = upwind(system(-speed * sn.diff(flux, X), [sn.periodic(X)], 0), 48, order)
    x = d.semi.axes[0].coordinates()
    for seed in range(5):
        noise = np.random.default_rng(seed).standard_normal(48)
        y = noise if linear else np.sin(2 * np.pi * x) + 0.3 * noise
        assert y @ d.rhs(0.0, y) < 0
    assert abs(d.rhs(0.0, np.full(48, 1.7))).max() < 1e-12


@pytest.mark.parametrize(
    "right",
    [
        -sn.diff(U, X),
        sn.diff(U, X),
        -C * sn.diff(U, X),
        -sn.diff(U**2 / 2, X),
        -sn.diff(U - U**2, X),
        -U * sn.diff(U, X),
    ],
    ids=str,
)
def test_order_one_makes_no_new_extrema(right: Any) -> None:
    """A square wave under forward Euler steps of Courant number 1: the total variation does not grow, the range is kept."""
    d = upwind(system(right, [sn.periodic(X)], sn.where((X > 0.25) & (X < 0.5), 1.0, -0.5)), 80, 1)
    y = d.initial_state()
    speed = 3.0 if "2" in str(right) else 1.5  # of all parts together, to the left and to the right
    variation = [np.abs(np.diff(y, append=y[0])).sum()]
    for _ in range(100):
        y = y + 1 / 80 / speed * d.rhs(0.0, y)
        variation.append(np.abs(np.diff(y, append=y[0])).sum())
    assert np.diff(variation).max() < 1e-13
    assert -0.5 - 1e-13 < y.min() and y.max() < 1 + 1e-13
    assert 0.2 < np.ptp(y), "the wave is still there"


def test_order_one_keeps_densities_positive_where_the_flow_turns() -> None:
    d = upwind(system(-sn.diff(sn.sin(2 * sn.pi * X) * U, X), [sn.periodic(X)], sn.where(X > 0.6, 1.0, 0.0)), 64, 1)
    y = d.initial_state()
    for _ in range(200):
        y = y + 0.5 / 64 * d.rhs(0.0, y)
        assert y.min() >= 0
    assert y.max() > 3, "carried together at x = 1/2"


def test_an_expansion_fan_opens() -> None:
    """A jump of Burgers' equation from -1 to 1 spreads: u = x/t. A plain switch between one-sided fluxes would leave it as it is."""
    model = system(-sn.diff(U**2 / 2, X), [sn.periodic(X)], sn.where(X > 0, 1.0, -1.0), x=(-1, 1))
    d = upwind(model, 200, 1)
    y = d.initial_state()
    for _ in range(80):
        y = y + 0.005 * d.rhs(0.0, y)
    x = d.semi.axes[0].coordinates()
    fan = np.abs(x) < 0.3
    assert np.abs(y[fan] - x[fan] / 0.4).max() < 0.12


def test_a_thin_layer_does_not_oscillate() -> None:
    """u_x = eps*u_xx, u(0) = 0, u(1) = 1 with h/eps = 25: central differences swing, upwind ones do not."""
    right = 1e-3 * sn.diff(U, X, 2) - sn.diff(U, X)
    model = system(right, [sn.dirichlet(U, 0, at={X: 0}), sn.dirichlet(U, 1, at={X: 1})], 0)

    def steady(scheme: str, order: int) -> np.ndarray:
        d = sn.discretise(model, resolution=40, scheme=scheme, order=order, target="numpy")
        zero = d.rhs(0.0, np.zeros(d.size))
        a = np.array([d.rhs(0.0, column) - zero for column in np.eye(d.size)]).T
        return d.full_fields(0.0, np.linalg.solve(a, -zero))

    assert np.diff(steady("upwind", 1)).min() >= -1e-14
    assert np.diff(steady("central", 2)).min() < -0.1


# --- conservation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_fluxes_telescope(order: int) -> None:
    right = -sn.diff(U**2 / 2, X) + C * sn.diff((2 + sn.sin(4 * sn.pi * X)) * U**3, X) - sn.diff(sn.exp(X) * U, X)
    d = upwind(system(right, [sn.periodic(X)], sn.cos(2 * sn.pi * X) + sn.rational(1, 3)), 40, order)
    rates = d.rhs(0.0, d.initial_state())
    assert abs(rates.sum()) < 1e-14 * np.abs(rates).sum()
    assert np.abs(rates).max() > 1


@pytest.mark.parametrize("order", ORDERS)
def test_antiperiodic_sides_are_the_odd_half_of_twice_the_circle(order: int) -> None:
    right = -sn.diff((2 + sn.cos(2 * sn.pi * X)) * U**3, X) - U**2 * sn.diff(U, X)
    start = sn.sin(sn.pi * X) + sn.cos(3 * sn.pi * X) / 4
    half = upwind(system(right, [sn.antiperiodic(X)], start), 24, order)
    whole = upwind(system(right, [sn.periodic(X)], start, x=(0, 2)), 48, order)
    got, want = half.rhs(0.0, half.initial_state()), whole.rhs(0.0, whole.initial_state())
    np.testing.assert_allclose(np.concatenate([got, -got]), want, rtol=1e-11, atol=1e-11)


def test_mass_in_two_dimensions() -> None:
    right = -sn.diff(W**2 / 2, X) - sn.diff(sn.sin(2 * sn.pi * X) * W, Y) - sn.diff(sn.cos(2 * sn.pi * Y) * W, X)
    start = sn.exp(sn.sin(2 * sn.pi * X) + sn.cos(2 * sn.pi * Y)) - 1
    d = upwind(system(right, [sn.periodic(X), sn.periodic(Y)], start, W), {X: 20, Y: 16}, 3)
    rates = d.rhs(0.0, d.initial_state())
    assert abs(rates.sum()) < 1e-14 * np.abs(rates).sum()


# --- what is carried ------------------------------------------------------------------------------------------------


def branches(d: Any) -> bool:
    return any(contains(v, lambda n: n.op in ("where", "abs")) for v in values(d.semi.rhs.body))


@pytest.mark.parametrize(
    ("right", "decided"),
    [
        (-2 * sn.diff(U, X), True),
        (-(1 + X) * sn.diff(U, X), True),
        (sn.exp(U) * sn.diff(U, X), True),
        (-sn.diff((2 + sn.sin(T)) * U, X), True),
        (-sn.diff(U**3 + U, X), True),
        (-C * sn.diff(U, X), False),
        ((X - 0.5) * sn.diff(U, X), False),
        (-U * sn.diff(U, X), False),
        (-sn.diff(U**2, X), False),
    ],
    ids=str,
)
def test_one_branch_where_the_sign_is_certain(right: Any, decided: bool) -> None:
    model = system(right, [sn.dirichlet(U, 0, at={X: 0})], 0)
    assert branches(upwind(model, 16, 2)) is not decided


def same_as_central(model: Any, order: int) -> bool:
    y = np.random.default_rng(1).standard_normal(upwind(model, 16, order).size)
    central = sn.discretise(model, resolution=16, order=order + order % 2, target="numpy", scheme="central")
    return bool(np.allclose(upwind(model, 16, order).rhs(0.3, y), central.rhs(0.3, y), rtol=1e-12, atol=1e-12))


@pytest.mark.parametrize("order", ORDERS)
def test_what_stays_central(order: int) -> None:
    periodic = [sn.periodic(X)]
    waves = {U: -sn.diff(V, X), V: -sn.diff(U, X)}
    assert same_as_central(system(waves, periodic, {U: 0, V: 0}), order)
    for right in (
        sn.diff((1 + U**2) * sn.diff(U, X), X),
        sn.diff(U, X) ** 2,
        sn.diff(U, X, 3),
        sn.diff(U * sn.diff(U, X, 2), X),
    ):
        assert same_as_central(system(right, periodic, 0), order), right
    assert not same_as_central(system(-sn.diff(U, X), periodic, 0), order)


def test_the_speed_comes_from_the_field_itself() -> None:
    """q is carried by the flow of a stream function, whose derivatives are central: q_t = p_y q_x - p_x q_y."""
    q, p = sn.fields("q p", (T, X, Y))
    plane = [sn.periodic(X), sn.periodic(Y)]
    right = sn.diff(p, Y) * sn.diff(q, X) - sn.diff(p, X) * sn.diff(q, Y)
    model = system({q: right, p: -p}, plane, {q: 0, p: 0}, q)
    d = upwind(model, 12, 1)
    state = np.random.default_rng(2).standard_normal((2, 12, 12))
    a, b = state
    py, px = ((np.roll(b, -1, k) - np.roll(b, 1, k)) * 6 for k in (1, 0))
    back = [12 * (a - np.roll(a, 1, k)) for k in (0, 1)]
    ahead = [12 * (np.roll(a, -1, k) - a) for k in (0, 1)]
    want = py * np.where(py < 0, back[0], ahead[0]) - px * np.where(px > 0, back[1], ahead[1])
    np.testing.assert_allclose(d.rhs(0.0, state.ravel())[:144].reshape(12, 12), want, rtol=1e-12, atol=1e-9)


def test_transport_is_found_inside_products_and_sums() -> None:
    ux, flux = sn.diff(U, X), sn.diff(U**2, X)
    rate = -(V * ux + 3 * (flux / 2 + U)) + sn.diff(U, X, 2) + ux * 2 - ux**2 + sn.diff(V, X) * ux
    carried, rest = transport(rate, U, ["x"])
    assert carried == {ux: 2 - V + sn.diff(V, X), flux: sn.rational(-3, 2)}
    assert rest is sn.diff(U, X, 2) - 3 * U - ux**2


def test_a_flow_that_enters_without_a_condition_keeps_the_value() -> None:
    """The condition lies at the outflow (symnum warns); the point at the inflow keeps what it has."""
    for order in ORDERS:
        d = upwind(system(-C * sn.diff(U, X), [sn.dirichlet(U, 0, at={X: 1})], X), 16, order)
        assert d.rhs(0.0, d.initial_state())[0] == 0
        assert d.rhs(0.0, d.initial_state())[5] == pytest.approx(-1)
        f = upwind(system(-sn.diff(U**2 / 2, X), [sn.dirichlet(U, 0, at={X: 1})], 1 + X), 16, order)
        assert f.rhs(0.0, f.initial_state())[0] == 0
        assert f.rhs(0.0, -f.initial_state())[0] == pytest.approx(-1, abs=0.1 if order == 1 else 1e-12)


# --- near the sides -------------------------------------------------------------------------------------------------

Q, P = sn.fields("q p", (T, X, Y))
INFLOW = [sn.dirichlet(f, T + X + Y, at={c: 0}) for f in (Q, P) for c in (X, Y)]
WALLS = [*INFLOW, *(sn.robin(f, 1, 2, T, at={c: 1}) for f in (Q, P) for c in (X, Y))]
PLANE: dict[str, tuple[Any, list[Any]]] = {
    "carried": ({Q: -C * sn.diff(Q, X) - (P + X) * sn.diff(Q, Y), P: (X - 0.5) * sn.diff(P, X) - sn.diff(P, Y)}, INFLOW),
    "fluxes": ({Q: -sn.diff(Q**2, X) - sn.diff(Q * P, Y), P: C * sn.diff(X * P**3, X) - (1 + Q**2) * sn.diff(P**2, Y)}, INFLOW),
    "with diffusion": ({f: sn.laplacian(f) / 10 - sn.diff(f * Q, X) - P * sn.diff(f, Y) for f in (Q, P)}, WALLS),
    "antiperiodic": (
        {Q: -sn.diff((2 + sn.cos(2 * sn.pi * X)) * Q**3, X) - Q**2 * sn.diff(Q, Y), P: -sn.diff(P, X)},
        [sn.antiperiodic(X), sn.antiperiodic(Y)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("case", PLANE)
def test_shells_of_layers_are_the_layers_one_by_one(case: str, order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rates, conditions = PLANE[case]
    model = system(rates, conditions, {Q: 0, P: 0}, Q)
    found = []
    for shells in (True, False):
        monkeypatch.setattr(upwind_scheme, "SHELLS", shells)
        d = upwind(model, {X: 11, Y: 9}, order)
        found.append(d.rhs(0.3, np.random.default_rng(5).standard_normal(d.size)))
    np.testing.assert_allclose(*found, rtol=1e-12, atol=1e-12 * np.abs(found[0]).max())


def test_targets_agree_and_code_does_not_grow_with_the_grid() -> None:
    rates, conditions = PLANE["with diffusion"]
    model = system(rates, conditions, {Q: 0, P: 0}, Q)
    small, large = (sn.discretise(model, resolution=n, scheme="upwind", order=3) for n in (14, 24))
    assert len(list(statements(small.semi.rhs.body))) == len(list(statements(large.semi.rhs.body)))
    y = np.random.default_rng(7).standard_normal(small.size)
    np.testing.assert_allclose(small.rhs(0.2, y), upwind(model, 14, 3).rhs(0.2, y), rtol=1e-12, atol=1e-9)


# --- signs and messages ---------------------------------------------------------------------------------------------


def test_signs_by_interval_arithmetic() -> None:
    box = {"x": (-1.0, 2.0), "y": (0.5, 1.0)}
    certain = {
        X + 1: 1, -Y: -1, X**2 * Y: 1, 2 + sn.sin(U): 1, sn.exp(C) - 0: 1, -sn.sqrt(Y): -1, 1 / Y: 1, abs(U) * Y: 1,
        sn.maximum(U, 1): 1, sn.where(U > 0, 1.0, 0.0): 1, sn.tanh(Y): 1, Y**-3: 1, (X - 2) ** 3: -1, sn.pi - 3 * Y: 1,
    }  # fmt: skip
    for term, expected in certain.items():
        assert sign(term, box) == expected, term
    for term in (X, U, C, X * Y, 1 / X, X**3, sn.sin(Y), U + 1, sn.minimum(U, 1), (X - 1) * Y):
        assert sign(term, box) == 0, term
    assert bounds(2 * X**2 - Y, box) == (-1, 7.5)
    assert sign(X**400, {"x": (-9.0, 9.0)}) == 0, "too large for a float: nothing is known"


@pytest.mark.parametrize("order", [0, 4, 2.0, True, "2"])
def test_orders_that_do_not_exist(order: Any) -> None:
    with pytest.raises(sn.DiscretisationError, match=r"orders 1, 2 and 3, not .*; write order=3"):
        upwind(system(-sn.diff(U, X), [sn.periodic(X)], 0), 16, order)


def test_too_few_cells() -> None:
    with pytest.raises(sn.DiscretisationError, match=r"along x.*resolution"):
        upwind(system(sn.diff(U, X, 2) - U * sn.diff(U, X), [sn.dirichlet(U, 0, at={X: e}) for e in (0, 1)], 0), 4, 2)
