"""Closures near closed sides: exact on polynomials, mirrored at the other side, without growing modes on the actual kernels."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.discretisation.assemble import assemble
from symnum.discretisation.closure import CLOSURES, Closure
from symnum.discretisation.schemes.central import stencil
from symnum.discretisation.stability import Line
from tests.discretisation.samples import T, U, V, W, X, Y, fitted_order, matrix, solution_error

pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary


# --- windows ---------------------------------------------------------------------------------------------------------------


def exact_to(made: list[tuple[Fraction, Fraction]], m: int) -> int:
    """The lowest degree of a monomial that a stencil for the m-th derivative at 0 gets wrong."""
    degree = 0
    while sum(w * x**degree for x, w in made) == (factorial(m) if degree == m else 0):
        degree += 1
    return degree


@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_windows_are_exact_on_polynomials_and_mirrored(m: int, order: int) -> None:
    for closure in CLOSURES[order]:
        for layer in range(order // 2 + (m - 1) // 2):
            limits = (Fraction(-layer), Fraction(40 - layer))
            made = stencil(m, order, staggered=False, limits=limits, closure=closure)
            least = m + order - (closure.even if m % 2 == 0 else 1)
            assert exact_to(made, m) >= least and all(x >= limits[0] for x, _ in made)
            mirrored = stencil(m, order, staggered=False, limits=(-limits[1], -limits[0]), closure=closure)
            assert sorted((-x, (-1) ** m * w) for x, w in mirrored) == made


@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize("m", [0, 1, 3])
def test_windows_between_midpoints_are_exact_on_polynomials(m: int, order: int) -> None:
    for closure in CLOSURES[order]:
        for layer in range(3):
            limits = (Fraction(1, 2) - layer, Fraction(81, 2) - layer)
            made = stencil(m, order, staggered=True, limits=limits, closure=closure)
            assert exact_to(made, m) >= (m + order - closure.even if m else order)


# --- eigenvalues of the actual kernels -----------------------------------------------------------------------------------

D, N = (lambda u: u), (lambda u: sn.diff(u, X))
R, M, Q = (lambda u: u + sn.diff(u, X)), (lambda u: sn.diff(u, X, 2)), (lambda u: sn.diff(u, X, 3))
FED = lambda u: sn.diff(u, X) + 3 * u  # noqa: E731  # at the lower side this Robin condition feeds heat in


def line(rates: dict[Any, Any], low: list[Any], high: list[Any], second: bool = False) -> sn.PDESystem:
    """The equations d(field)/dt = rate on 0 < x < 1 with the terms of ``low`` and ``high`` put to zero at the sides."""
    left = sn.dt if not second else (lambda u: sn.dt(u, 2))
    return sn.PDESystem(
        [sn.Eq(left(f), rate) for f, rate in rates.items()],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.condition(sn.Eq(c, 0), at={X: end}) for end, cs in ((0, low), (1, high)) for c in cs],
        initial=dict.fromkeys(rates, 0) | ({sn.dt(f): 0 for f in rates} if second else {}),
    )


def on(field: Any, *kinds: Callable[[Any], Any]) -> list[Any]:
    return [kind(field) for kind in kinds]


def heat(low: Any, high: Any, **how: Any) -> sn.PDESystem:
    return line({U: sn.diff(U, X, 2)}, on(U, low), on(U, high), **how)


def flux_form(low: Any, high: Any, **how: Any) -> sn.PDESystem:
    return line({U: sn.diff((1 + X) * sn.diff(U, X), X)}, on(U, low), on(U, high), **how)


def kdv(low: list[Any], high: list[Any]) -> sn.PDESystem:
    return line({U: -sn.diff(U, X, 3)}, on(U, *low), on(U, *high))


def beam(low: list[Any], high: list[Any], **how: Any) -> sn.PDESystem:
    return line({U: -sn.diff(U, X, 4)}, on(U, *low), on(U, *high), **how)


def transport(k: float, low: Any, high: Any) -> sn.PDESystem:
    return line({U: k * sn.diff(U, X, 2) - sn.diff(U, X)}, on(U, low), on(U, high))


PROBLEMS: dict[str, tuple[sn.PDESystem, tuple[int, ...]]] = {
    "heat, D|D": (heat(D, D), (4, 6)),
    "heat, N|N": (heat(N, N), (4, 6)),
    "heat, D|R": (heat(D, R), (4, 6)),
    "flux form, D|N": (flux_form(D, N), (4, 6)),
    "wave, D|D": (heat(D, D, second=True), (4, 6)),
    "wave, D|N": (heat(D, N, second=True), (4, 6)),
    "wave in flux form, D|R": (flux_form(D, R, second=True), (4, 6)),
    "advection": (line({U: -sn.diff(U, X)}, on(U, D), []), (4, 6)),
    "advection to the left": (line({U: sn.diff(U, X)}, [], on(U, D)), (4, 6)),
    "u_t = v_x, v_t = u_x, u|v": (line({U: sn.diff(V, X), V: sn.diff(U, X)}, [U], [V]), (4, 6)),
    "u_t = v_x, v_t = u_x, absorbing": (line({U: sn.diff(V, X), V: sn.diff(U, X)}, [U], [U + V / 2]), (4,)),
    "transport k=0.1, D|D": (transport(0.1, D, D), (4, 6)),
    "transport k=0.01, D|N": (transport(0.01, D, N), (4, 6)),
    "transport k=0.001, D|N": (transport(0.001, D, N), (4, 6)),
    "KdV, D|DN": (kdv([D], [D, N]), (4,)),
    "KdV, N|DN": (kdv([N], [D, N]), (4,)),
    "KdV, u_xx|DN": (kdv([M], [D, N]), (4,)),
    "KdV, D|D u_xx": (kdv([D], [D, M]), (4,)),
    "beam, clamped|clamped": (beam([D, N], [D, N]), (4, 6)),
    "beam, hinged|hinged": (beam([D, M], [D, M]), (4, 6)),
    "beam, clamped|free": (beam([D, N], [M, Q]), (4, 6)),
    "beam, free|free": (beam([M, Q], [M, Q]), (4, 6)),
    "vibrating beam, clamped|free": (beam([D, N], [M, Q], second=True), (4, 6)),
    "vibrating beam, hinged|sliding": (beam([D, M], [N, Q], second=True), (4, 6)),
}


def growth_and_size(on_line: Line, order: int, pair: Any) -> tuple[float, float]:
    values = on_line.spectrum(order, pair)
    return float(values.real.max()), float(np.abs(values).max())


@pytest.mark.parametrize(("name", "order"), [(n, p) for n, (_, orders) in PROBLEMS.items() for p in orders])
def test_no_mode_grows(name: str, order: int) -> None:
    """On 32 cells the kernel has the spectrum that the check finds by its own way through the equations, and nothing grows on 32 and 64.

    Round-off apart; between a reflecting and an absorbing side a growth remains that is small and does not rise with n.
    """
    system = PROBLEMS[name][0]
    allowed = 4e-3 if "absorbing" in name else 0.0
    made = assemble(system, 32, "central", order=order)
    growth, size = growth_and_size(Line(made, 0), order, (made.closures[(0, "lower")], made.closures[(0, "upper")]))
    for n in (32, 64):
        values = np.linalg.eigvals(matrix(system, n, order))
        assert values.real.max() <= allowed + 1e-9 * np.abs(values).max(), n
        if n == 32:
            assert size == pytest.approx(np.abs(values).max(), rel=1e-6)
            assert growth == pytest.approx(values.real.max(), rel=1e-3, abs=1e-5 * size)


# --- what the check refuses, and what it lets pass ---------------------------------------------------------------------------


@pytest.mark.parametrize("conditions", [([D], [D, N]), ([M], [D, N])])
def test_third_derivatives_of_order_6_are_refused(conditions: tuple[list[Any], list[Any]]) -> None:
    system = kdv(*conditions)
    made = assemble(system, 32, "central", order=4)
    for closure in CLOSURES[6]:
        growth, size = growth_and_size(Line(made, 0), 6, (closure, closure))
        assert growth > 1e-2 * size
    with pytest.raises(
        sn.DiscretisationError,
        match=r"order=6 along x .*growing modes.*dx\(u\) = 0 at the upper side.*write order=4",
    ):
        sn.discretise(system, 32, order=6)


def test_transport_that_is_not_resolved_may_go_upwind() -> None:
    """A slope at the inflow and a value at the outflow, with a layer of a fortieth of a cell."""
    system = line({U: 1.9e-4 * sn.diff(U, X, 2) - 0.37 * sn.diff(U, X)}, on(U, N), on(U, D))
    with pytest.raises(sn.DiscretisationError, match=r"write order=2 or scheme='upwind', order=3, or raise resolution"):
        sn.discretise(system, 48, order=4)
    sn.discretise(system, 48, scheme="upwind", order=3)


def test_waves_are_central_in_every_scheme() -> None:
    """Both fields given at one side and both slopes at the other, with layers of a hundredth of a cell: upwinding has nothing to bias."""
    rates = {U: sn.diff(U, X, 2) / 10**4 - sn.diff(V, X) / 10, V: sn.diff(V, X, 2) / 350 - sn.diff(U, X) / 10}
    system = line(rates, on(U, D) + on(V, D), on(U, N) + on(V, N))
    for scheme, order in (("central", 4), ("upwind", 3)):
        with pytest.raises(sn.DiscretisationError, match=r"growing modes.*write order=2, or raise resolution along x"):
            sn.discretise(system, 20, scheme=scheme, order=order)


def test_conditions_that_are_not_resolved_are_told_with_a_finer_grid() -> None:
    """u_x = -20 u at the lower side feeds a layer of width 1/20; cells of 1/12 do not show it."""
    system = heat(lambda u: sn.diff(u, X) + 20 * u, D)
    with pytest.raises(
        sn.DiscretisationError, match=r"or raise resolution along x \(4 times as many cells are enough\)"
    ):
        sn.discretise(system, 12, order=4)
    values = np.linalg.eigvals(matrix(system, 48, 4))
    assert values.real.max() == pytest.approx(400, rel=0.01)


def test_the_message_quotes_the_conditions_that_were_written() -> None:
    """Waves at order 6 against a stiff spring; the conditions on the velocity are our own and stay out of the message."""
    system = heat(D, lambda u: 9 * u + sn.diff(u, X), second=True)
    with pytest.raises(
        sn.DiscretisationError, match=r"order=6 along x .*\(u = 0 at the lower side; .*write order=4"
    ) as info:
        sn.discretise(system, 30, order=6)
    assert "u_t" not in str(info.value)
    assert np.linalg.eigvals(matrix(system, 30, 4)).real.max() < 1e-9


def test_plain_windows_would_grow() -> None:
    """Why the first derivative has corrections: waves between reflecting sides, windows of p nodes alone."""
    made = assemble(PROBLEMS["u_t = v_x, v_t = u_x, u|v"][0], 32, "central", order=4)
    for order in (4, 6):
        plain = Closure(0, ())
        assert growth_and_size(Line(made, 0), order, (plain, plain))[0] > 0.1
        chosen = CLOSURES[order][0]
        assert growth_and_size(Line(made, 0), order, (chosen, chosen))[0] < 1e-5


@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize(
    "system",
    [
        heat(FED, D),
        line({U: -sn.diff(U, X, 2) - sn.diff(U, X, 4) / 200}, on(U, D, N), on(U, D, N)),
        line({U: sn.diff(U, X, 2) + 50 * U}, on(U, D), on(U, D)),
    ],
    ids=["Robin condition that feeds in", "anti-diffusion, damped", "reaction"],
)
def test_growth_that_belongs_to_the_equations_is_let_pass(system: sn.PDESystem, order: int) -> None:
    values = np.linalg.eigvals(matrix(system, 32, order)).real.max()
    assert values > 1 and values == pytest.approx(np.linalg.eigvals(matrix(system, 96, 2)).real.max(), rel=0.03)


def test_growth_of_the_equations_does_not_hide_that_of_a_closure() -> None:
    """u_tt = u_xx with u_x = 3 u at the upper side grows like exp(3 t); windows of full order add oscillating modes as strong."""
    system = heat(D, lambda u: sn.diff(u, X) - 9 * u, second=True)
    made = assemble(system, 32, "central", order=6)
    full = CLOSURES[6][0]
    values = Line(made, 0).spectrum(6, (full, full))
    strong = values[values.real > 5]
    assert strong[np.abs(strong.imag) < 1].real.max() == pytest.approx(9, rel=1e-3) and np.abs(strong.imag).max() > 50
    assert made.closures[(0, "lower")].even == 2
    values = np.linalg.eigvals(matrix(system, 32, 6))
    assert np.abs(values[values.real > 1e-6].imag).max() < 1e-6


def test_fields_with_algebraic_equations_are_eliminated_in_the_check() -> None:
    """u_t = v_xx, v = u - u_xx/100 (Cahn-Hilliard's shape) against the fourth derivative written out."""
    ends = [sn.condition(sn.Eq(sn.diff(f, X), 0), at={X: end}) for f in (U, V) for end in (0, 1)]
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(V, X, 2)), sn.Eq(V, U - sn.diff(U, X, 2) / 100)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=ends,
        initial={U: 0},
    )
    made = assemble(system, 32, "central", order=4)
    growth, size = growth_and_size(Line(made, 0), 4, (made.closures[(0, "lower")], made.closures[(0, "upper")]))
    assert growth <= 1e-8 * size and size == pytest.approx(4 / 3 * 4 * 32**2 * (1 + 4 / 3 * 4 * 32**2 / 100), rel=0.1)
    assert T is system.time


# --- more axes, random equations ---------------------------------------------------------------------------------------------------


def plane(rate: Any, *conditions: Any) -> sn.PDESystem:
    domain = sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1))
    return sn.PDESystem([sn.Eq(sn.dt(W), rate)], domain=domain, conditions=list(conditions), initial={W: 0})


ROBIN = [sn.robin(W, 1, b, 0, at={x: end}) for x, b in ((X, 0.5), (Y, 2)) for end in (0, 1)]
INFLOW = [sn.dirichlet(W, 0, at={x: 0}) for x in (X, Y)]
HINGED = [
    condition
    for x, y, end in ((X, Y, 0), (X, Y, 1), (Y, X, 0), (Y, X, 1))
    for condition in (
        sn.dirichlet(W, 0, at={x: end}),
        sn.condition(sn.Eq(sn.diff(W, x, 2) + 0.3 * sn.diff(W, y, 2), 0), at={x: end}),
    )
]
BENDING = sn.diff(W, X, 4) + 2 * sn.diff(W, X, 2, Y, 2) + sn.diff(W, Y, 4)


@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize(
    "system",
    [
        plane(sn.laplacian(W) + sn.diff(W, X, Y), *ROBIN),
        plane(-sn.diff(W, X) - sn.diff(W, Y) / 2, *INFLOW),
        plane(-BENDING, *HINGED),
    ],
    ids=["mixed derivative, Robin", "advection", "hinged plate"],
)
def test_corners_bring_no_growing_mode(system: sn.PDESystem, order: int) -> None:
    """The check looks along the axes one by one; here are the eigenvalues of the plane."""
    assert np.linalg.eigvals(matrix(system, 14, order)).real.max() < 0


conditions = st.sampled_from([lambda u, n: u, lambda u, n: sn.diff(u, X), lambda u, n: 3 * u + n * sn.diff(u, X)])


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    k=st.floats(-3, 0),
    speed=st.floats(-1, 1),
    stretch=st.floats(0, 1),
    low=conditions,
    high=conditions,
    n=st.sampled_from([20, 45]),
)
def test_random_transport_has_no_growing_mode_or_is_refused(
    k: float, speed: float, stretch: float, low: Any, high: Any, n: int
) -> None:
    rate = sn.diff((10**k + stretch * X) * sn.diff(U, X), X) + speed * sn.diff(U, X)
    system = line({U: rate}, [low(U, -1)], [high(U, 1)])
    try:
        values = np.linalg.eigvals(matrix(system, n, 4))
    except sn.DiscretisationError as error:
        assert "growing modes" in str(error) and 10**k < 0.02
        return
    least = max(np.linalg.eigvals(matrix(system, n, 2)).real.max(), 0.0)
    assert values.real.max() <= 2 * least + 1.05e-3 * np.abs(values).max()


# --- bounded growth ----------------------------------------------------------------------------------------------------------


def sound(end: float, *extra: Any) -> sn.PDESystem:
    """u_t = -v_x, v_t = -(1 + x) u_x, v = 0 at x = 0 and u = 0 at x = 1; ``extra``: (source of u, of v, initial u, initial v)."""
    f, g, u, v = extra or (0, 0, 0, 0)
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), f - sn.diff(V, X)), sn.Eq(sn.dt(V), g - (1 + X) * sn.diff(U, X))],
        domain=sn.Domain(t=(0, end), x=(0, 1)),
        conditions=[sn.dirichlet(V, 0, at={X: 0}), sn.dirichlet(U, 0, at={X: 1})],
        initial={U: u, V: v},
    )


@pytest.mark.parametrize(("order", "rate"), [(4, 0.49), (6, 0.83)])
def test_growth_that_does_not_rise_on_finer_grids_is_let_pass(order: int, rate: float) -> None:
    """Sound in a varying medium: growth rates of the actual kernels, and no warning where they do not matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", sn.ModelWarning)
        for n in (32, 64):
            growth = np.linalg.eigvals(matrix(sound(1.0), n, order)).real.max()
            assert growth == pytest.approx(rate, rel=0.03), n


def test_long_times_are_told_and_very_long_ones_refused() -> None:
    with pytest.warns(
        sn.ModelWarning, match=r"like exp\(0.49\*t\).*v = 0 at the lower side; u = 0 .*beyond 2.1 write order=2"
    ):
        sn.discretise(sound(4.0), 40, order=4)
    with pytest.raises(sn.DiscretisationError, match=r"order=4 along x .*growing modes.*write order=2"):
        sn.discretise(sound(30.0), 40, order=4)


def test_order_4_is_measured_where_growth_is_bounded() -> None:
    u, v = sn.sin(T) * sn.cos(np.pi * X / 2), sn.cos(2 * T) * sn.sin(2 * X)
    f, g = sn.diff(u, T) + sn.diff(v, X), sn.diff(v, T) + (1 + X) * sn.diff(u, X)
    system = sound(2.0, f, g, 0, sn.sin(2 * X))
    error = lambda n: solution_error(system, {U: u, V: v}, n, order=4, rtol=1e-11, atol=1e-13)  # noqa: E731
    assert fitted_order((24, 48, 96), error) == pytest.approx(4, abs=0.25)


@pytest.mark.parametrize(("order", "rate"), [(4, 1.0), (6, 2.0)])
def test_a_decelerating_stream(order: int, rate: float) -> None:
    """u_t = -(2 - x) u_x with u given at x = 0: growth rates of the actual kernels, whatever the resolution."""
    stream = line({U: -(2 - X) * sn.diff(U, X)}, on(U, D), [])
    for n in (32, 64):
        assert np.linalg.eigvals(matrix(stream, n, order)).real.max() == pytest.approx(rate, rel=0.1), n
