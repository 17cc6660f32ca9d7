"""Whole-domain integrals: exact sums, measured orders, conserved means, partial and nested integrals, errors."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

import symnum as sn
from symnum.discretisation.integrals import end_weights
from symnum.ir.kernel import Accumulate, statements
from tests.discretisation.samples import T, U, W, X, Y, fitted_order, solution_error

pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary

S = sn.field("s", (T,))
R = sn.field("r", (T, Y))
PI = np.pi


def system(equations: dict[Any, Any], conditions: list[Any], initial: dict[Any, Any], **spans: Any) -> Any:
    names = {c.name for f in equations for c in f.info.coordinates} - {"t"}
    box = {n: spans.get(n, (0, 1)) for n in sorted(names)}
    rates = [sn.Eq(sn.dt(f), r) for f, r in equations.items()]
    return sn.PDESystem(
        rates, domain=sn.Domain(t=(0, spans.get("end", 1)), **box), conditions=conditions, initial=initial
    )


def sides(field: Any, exact: Any) -> list[Any]:
    """Dirichlet conditions on all faces of the unit box."""
    return [
        sn.dirichlet(field, sn.substitute(exact, {c: e}), at={c: e}) for c in field.info.coordinates[1:] for e in (0, 1)
    ]


def integral_of(term: Any, field: Any, start: Any, conditions: list[Any] | None, n: Any, **options: Any) -> float:
    """A whole-domain integral of the initial state, as the rate of a scalar."""
    space = field.info.coordinates[1:]
    conditions = sides(field, start) if conditions is None else conditions
    model = system({field: sum(sn.diff(field, c, 2) for c in space), S: term}, conditions, {field: start, S: 0})
    d = sn.discretise(model, resolution=n, **({"target": "numpy"} | options))
    return float(d.rhs(0.0, d.initial_state())[-1])


# --- weights --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [2, 4, 6, 8])
def test_gregory_weights_are_positive_and_exact_on_polynomials(order: int) -> None:
    ends, n = end_weights(order), 20
    assert min(ends) > 0
    weights = [Fraction(1)] * (n + 1)
    for j, w in enumerate(ends):
        weights[j] += w - 1
        weights[n - j] += w - 1
    for degree in range(order):
        assert sum(w * Fraction(i) ** degree for i, w in enumerate(weights)) == Fraction(n) ** (degree + 1) / (
            degree + 1
        )


def test_the_first_rules_as_printed_in_books() -> None:
    assert end_weights(2) == (Fraction(1, 2),)
    assert end_weights(4) == (Fraction(3, 8), Fraction(7, 6), Fraction(23, 24))


# --- one number -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "degree"), [(2, 1), (4, 3), (6, 5)])
def test_polynomials_are_integrated_exactly(order: int, degree: int) -> None:
    got = integral_of(sn.integral(U, X), U, (1 + X) ** degree, None, 16, order=order)
    assert got == pytest.approx((2 ** (degree + 1) - 1) / (degree + 1), rel=1e-13)


CASES: dict[str, tuple[Any, Any, list[Any] | None, float]] = {
    "closed": (sn.integral(U**2, X), sn.exp(X), None, (np.e**2 - 1) / 2),
    "with a coordinate": (sn.integral(U * sn.cos(3 * X), X), sn.exp(X), None, quad(lambda x: np.exp(x) * np.cos(3 * x), 0, 1)[0]),
    "a derivative inside": (
        sn.integral(sn.diff(U, X) ** 2, X), sn.sin(3 * X),
        [sn.dirichlet(U, 0, at={X: 0}), sn.neumann(U, 3 * sn.cos(3), at={X: 1})], quad(lambda x: 9 * np.cos(3 * x) ** 2, 0, 1)[0],
    ),
    "an integral inside": (sn.integral((U - sn.integral(U, X)) ** 2, X), sn.exp(X), None, (np.e**2 - 1) / 2 - (np.e - 1) ** 2),
    "a first moment on the circle": (
        sn.integral(X * U, X), sn.exp(sn.sin(2 * sn.pi * X)), [sn.periodic(X)], quad(lambda x: x * np.exp(np.sin(2 * PI * x)), 0, 1)[0],
    ),
    "antiperiodic": (
        sn.integral(U + X * U**2, X), sn.sin(sn.pi * X) + sn.sin(3 * sn.pi * X), [sn.antiperiodic(X)],
        quad(lambda x: (lambda f: f + x * f * f)(np.sin(PI * x) + np.sin(3 * PI * x)), 0, 1)[0],
    ),
}  # fmt: skip


FASTER = (
    "a derivative inside",
    "a first moment on the circle",
    "antiperiodic",
)  # the leading errors of the two ends nearly cancel


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("case", CASES)
def test_order(case: str, order: int) -> None:
    term, start, conditions, exact = CASES[case]
    sizes = (64, 96, 144) if order == 2 else (48, 72, 108)
    slope = fitted_order(sizes, lambda n: abs(integral_of(term, U, start, conditions, n, order=order) - exact))
    assert slope == pytest.approx(order, abs=0.25) or (slope > order and case in FASTER)


@pytest.mark.parametrize("order", [2, 4])
def test_order_in_the_plane(order: int) -> None:
    exact = dblquad(lambda y, x: x * np.exp(2 * x + 2 * y), 0, 1, 0, 1)[0]
    term, start = sn.integral(X * W**2, X, Y), sn.exp(X + Y)
    error = lambda n: abs(integral_of(term, W, start, None, {X: n, Y: n + 4}, order=order) - exact) / exact  # noqa: E731
    assert fitted_order((16, 24, 36), error) == pytest.approx(order, abs=0.25)


def test_periodic_integrands_are_summed_with_equal_weights() -> None:
    """So trigonometric polynomials below the grid's frequency are exact, at any order."""
    for order in (2, 4):
        got = integral_of(
            sn.integral(U**2 * sn.cos(4 * sn.pi * X), X), U, sn.sin(2 * sn.pi * X), [sn.periodic(X)], 16, order=order
        )
        assert got == pytest.approx(-0.25, abs=1e-15)


def test_centres_of_cells_have_equal_weights() -> None:
    conditions = [sn.neumann(U, 0, at={X: e}) for e in (0, 1)]
    got = integral_of(sn.integral(X * U, X), U, 1 + 0 * X, conditions, 10, scheme="finite_volume")
    assert got == pytest.approx(0.5, rel=1e-14)


def test_lengths_are_numbers() -> None:
    model = system({U: U / sn.integral(1, X) + sn.integral(3, X)}, [sn.periodic(X)], {U: 1}, x=(0, 4))
    d = sn.discretise(model, resolution=8, target="numpy")
    assert not d.semi.rhs.locals
    np.testing.assert_allclose(d.rhs(0.0, d.initial_state()), 12.25, rtol=1e-15)


# --- in equations ---------------------------------------------------------------------------------------------------


def allen_cahn(conditions: list[Any]) -> Any:
    """w_t = eps*lap w + f(w) - mean of f(w), f = w - w^3: keeps the integral of w (Rubinstein and Sternberg, IMA J. Appl. Math. 48, 1992)."""
    f = W - W**3
    right = sn.laplacian(W) / 100 + f - sn.integral(f, X, Y) / sn.integral(1, X, Y)
    start = sn.sin(4 * sn.pi * X) * sn.cos(2 * sn.pi * Y) + sn.rational(1, 5) + sn.cos(sn.pi * X) ** 2 / 3
    return system({W: right}, conditions, {W: start})


@pytest.mark.parametrize(
    ("conditions", "scheme"),
    [
        ([sn.periodic(X), sn.periodic(Y)], "central"),
        ([sn.neumann(W, 0, at={c: e}) for c in (X, Y) for e in (0, 1)], "finite_volume"),
    ],
    ids=["periodic", "no flux"],
)
def test_mass_conserving_allen_cahn(conditions: list[Any], scheme: str) -> None:
    d = sn.discretise(allen_cahn(conditions), resolution={X: 24, Y: 16}, scheme=scheme)
    y = d.initial_state()
    start, mass, out = y, y.sum(), np.empty_like(y)
    for _ in range(2000):
        y = y + 0.005 * d.rhs(0.0, y, out=out)
    assert abs(y.sum() - mass) < 1e-13 * y.size
    assert np.abs(y - start).max() > 0.3, "it has moved"


@pytest.mark.parametrize("order", [2, 4])
def test_a_nonlocal_equation_converges(order: int) -> None:
    """u_t = u_xx/4 - u*integral(u^2) + source with u = exp(-t)*cos(2x + 1/2): whole solves."""
    exact = sn.exp(-T) * sn.cos(2 * X + sn.rational(1, 2))
    square = float(quad(lambda x: np.cos(2 * x + 0.5) ** 2, 0, 1)[0])
    source = sn.diff(exact, T) - sn.diff(exact, X, 2) / 4 + 20 * exact * square * sn.exp(-2 * T)
    right = sn.diff(U, X, 2) / 4 - 20 * U * sn.integral(U**2, X) + source
    model = system({U: right}, sides(U, exact), {U: sn.substitute(exact, {T: 0})}, end=0.25)
    error = lambda n: solution_error(model, {U: exact}, n, order=order)  # noqa: E731
    assert fitted_order((12, 18, 27), error) == pytest.approx(order, abs=0.25)


def test_nonlocal_transport_upwind() -> None:
    """u_t = -m(t)*u_x with the mean m: the wave moves by the integral of m, and its mean stays."""
    exact = 1 + sn.sin(2 * sn.pi * (X - T)) / 2
    model = system(
        {U: -sn.integral(U, X) * sn.diff(U, X)}, [sn.periodic(X)], {U: sn.substitute(exact, {T: 0})}, end=0.25
    )
    error = lambda n: solution_error(model, {U: exact}, n, order=3, scheme="upwind")  # noqa: E731
    assert fitted_order((24, 36, 54), error) == pytest.approx(3, abs=0.25)


# --- integrals along some of the axes --------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [2, 4])
def test_an_integral_along_x_is_a_function_of_y(order: int) -> None:
    """r_t = integral(w, x) + d/dy integral(x*w, x), and w_t = d/dy(integral(w, x)*dw/dy) below a flux form."""
    start = sn.exp(X) * sn.cos(Y)
    model = system(
        {W: sn.diff(sn.integral(W, X) * sn.diff(W, Y), Y) + sn.diff(W, X, 2), R: sn.integral(W, X) + sn.diff(sn.integral(X * W, X), Y)},
        sides(W, start), {W: start, R: 0},
    )  # fmt: skip

    def errors(n: int) -> tuple[float, float]:
        d = sn.discretise(model, resolution=n, order=order, target="numpy")
        rates, (low, _) = d.rhs(0.0, d.initial_state()), d.state_layout["r"]
        x, y = np.meshgrid(*(a.coordinates() for a in d.semi.axes), indexing="ij")
        row = (np.e - 1) * np.cos(y[0]) - np.sin(y[0])
        plane = np.exp(x) * (np.cos(y) + (np.e - 1) * (np.sin(y) ** 2 - np.cos(y) ** 2))
        got = rates[:low].reshape(n - 1, n - 1)
        inside = slice(n // 4, 3 * n // 4)  # at closed sides truncation errors may be one order larger
        return np.abs(rates[low:] - row).max(), np.abs(got - plane[1:-1, 1:-1])[inside, inside].max()

    rows, planes = zip(*(errors(n) for n in (24, 36, 54)), strict=True)
    for found in (rows, planes):
        slope = -np.polyfit(np.log((24, 36, 54)), np.log(found), 1)[0]
        assert slope > order - (1.25 if found is rows and order == 4 else 0.25)


def test_targets_agree() -> None:
    right = (
        sn.diff(W, X, 2)
        + sn.diff(W, Y, 2)
        - W * sn.integral(W**2, X)
        + sn.integral(sn.diff(W, Y) ** 2 * X, Y) * sn.integral(W, X, Y)
    )
    model = system(
        {W: right}, [*sides(W, 0 * X)[:2], sn.periodic(Y)], {W: sn.sin(sn.pi * X) * sn.exp(sn.sin(2 * sn.pi * Y))}
    )
    for order in (2, 4):
        one, two = (sn.discretise(model, resolution={X: 19, Y: 13}, order=order, target=t) for t in ("numpy", "llvm"))
        y = one.initial_state() + 0.1 * np.random.default_rng(3).standard_normal(one.size)
        np.testing.assert_allclose(one.rhs(0.0, y), two.rhs(0.0, y), rtol=1e-12, atol=1e-11)


def test_each_integral_is_summed_once_and_code_does_not_grow_with_the_grid() -> None:
    total = sn.integral(U**2, X)
    model = system({U: sn.diff(U, X, 2) - U * total + sn.sin(total) * sn.integral(U, X)}, sides(U, 0 * X), {U: 0})
    counts = []
    for n in (32, 64):
        kernel = sn.discretise(model, resolution=n, order=4, target="numpy").semi.rhs
        assert [a.field for a in kernel.locals] == sorted(
            ["integral(u^2, x)", "integral(u, x)"], key=[a.field for a in kernel.locals].index
        )
        every = list(statements(kernel.body))
        counts.append(len(every))
        assert sum(isinstance(s, Accumulate) and s.array == "integral1" for s in every) <= 7
    assert counts[0] == counts[1]


def test_names_of_fields_are_left_alone() -> None:
    clash = sn.field("integral1", (T, X))
    d = sn.discretise(
        system({clash: sn.integral(clash, X)}, [sn.periodic(X)], {clash: 2}), resolution=8, target="numpy"
    )
    np.testing.assert_allclose(d.rhs(0.0, d.initial_state()), 2, rtol=1e-15)


# --- what is refused ------------------------------------------------------------------------------------------------

HEAT = sn.diff(U, X, 2)
DERIVATIVE_BELOW = sn.integral(sn.dt(U), X)
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "in a condition": (
        lambda: system({U: HEAT}, [sn.dirichlet(U, sn.integral(U, X), at={X: 0}), sn.neumann(U, 0, at={X: 1})], {U: 0}),
        r'the condition .* integrals stand in equations only.*m = sn.field\("m", \(t,\)\) and sn.Eq\(m, sn.integral\(u, x\)\)',
    ),
    "of a time derivative": (lambda: system({U: HEAT + DERIVATIVE_BELOW}, sides(U, 0 * X), {U: 0}), "an integral of a time derivative"),
    "too many coordinates": (
        lambda: system({W: W, S: sn.integral(W, X)}, [], {W: 0, S: 0}), r"its rate holds integral\(w, x\), which varies along y"
    ),
    "along a foreign coordinate": (lambda: system({U: HEAT + sn.integral(U, Y)}, sides(U, 0 * X), {U: 0}), "no field depends on"),
    "too few cells": (
        lambda: sn.discretise(system({U: HEAT + sn.integral(U, X)}, sides(U, 0 * X), {U: 0}), resolution=8, order=6), "raise resolution"
    ),
    "across a twisted seam": (
        lambda: sn.discretise(system({W: sn.diff(W * sn.integral(W**2, X), Y)}, [sn.periodic(X), sn.antiperiodic(Y)], {W: 0}), resolution=8),
        r"integral\(w\^2, x\) stands below a derivative along y, which is antiperiodic",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_name_the_remedy(case: str) -> None:
    make, words = REFUSED[case]
    with pytest.raises(sn.SymnumError, match=words):
        make()


def test_text_models() -> None:
    model = sn.PDESystem.from_text(
        equations=["dt(u) = dxx(u) - u*integral(dx(u)^2, x)", "dt(s) = integral(u, x)"], domain={"t": (0, 1), "x": (0, 1)},
        conditions=["u = 0 @ x=0", "u = 0 @ x=1"], initial=["u = x*(1 - x)", "s = 0"], fields={"s": "t"},
    )  # fmt: skip
    d = sn.discretise(model, resolution=32, order=4, target="numpy")
    rates = d.rhs(0.0, d.initial_state())
    x = d.semi.axes[0].coordinates()[1:-1]
    np.testing.assert_allclose(rates[:-1], -2 - x * (1 - x) / 3, rtol=1e-12)
    assert rates[-1] == pytest.approx(1 / 6, rel=1e-13)
    assert "∫" in model.explain()
