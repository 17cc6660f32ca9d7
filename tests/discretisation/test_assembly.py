"""Eliminated points satisfy their conditions, kernels do not grow with the grid, and what cannot be discretised is told."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.codegen.target import compile_kernel
from symnum.discretisation.assemble import discretise
from symnum.ir.interpret import interpret
from tests.discretisation.samples import T, U, V, W, X, Y, rate

pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary

LINE, SQUARE = sn.Domain(t=(0, 1), x=(0, 1)), sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1))


def heat(*conditions: Any, initial: Any = 0, domain: Any = LINE) -> sn.PDESystem:
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2))], domain=domain, conditions=list(conditions), initial={U: initial}
    )


def fields(system: Any, resolution: Any, t: float, y: np.ndarray) -> dict[str, np.ndarray]:
    """Full fields from a state by the interpreter."""
    semi = discretise(system, resolution)
    flat = interpret(semi.reconstruct, t, y, semi.parameter_values)
    return {a.field: flat[a.offset : a.offset + a.size].reshape(a.shape) for a in semi.full}


def random_state(system: Any, resolution: Any) -> np.ndarray:
    return np.random.default_rng(1).normal(size=discretise(system, resolution).size)


# --- conditions hold at every eliminated point ---------------------------------------------------------------------------


def outward(u: np.ndarray, h: float, side: int) -> Any:
    """Second-order one-sided normal derivative at the lower (0) or upper (-1) end of the first axis."""
    a, b, c = (u[0], u[1], u[2]) if side == 0 else (u[-1], u[-2], u[-3])
    return (1.5 * a - 2 * b + 0.5 * c) / h


@pytest.mark.parametrize(("a", "b"), [(2.5, 0), (0, 1), (0, -0.7), (2.5, 1), (2.5, -0.7)])
@pytest.mark.parametrize("side", [0, -1])
def test_a_u_plus_b_normal_derivative_is_the_value(a: float, b: float, side: int) -> None:
    beta = sn.parameter("beta", 0.3)
    value = sn.cos(T) * beta
    place, other = ({X: 0}, {X: 1}) if side == 0 else ({X: 1}, {X: 0})
    system = heat(sn.robin(U, a, b, value, at=place), sn.dirichlet(U, 7, at=other))
    u = fields(system, 10, 0.8, random_state(system, 10))["u"]
    assert u.shape == (11,) and u[-1 - side if side else -1] == 7
    assert a * u[side] + b * outward(u, 0.1, side) == pytest.approx(0.3 * np.cos(0.8), rel=1e-12)


def test_every_boundary_point_of_a_square_satisfies_a_condition() -> None:
    """u = x + y^2 + t on the two sides of x; Robin on the sides of y. At the corners, where both hold, the conditions of y (the later) do."""
    g = X + Y**2 + T
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), sn.laplacian(W) + sn.diff(W, X, Y))],
        domain=SQUARE,
        conditions=[
            *(sn.dirichlet(W, g, at={X: end}) for end in (0, 1)),
            *(sn.robin(W, 1, 2, sn.sin(X), at={Y: end}) for end in (0, 1)),
        ],
        initial={W: 0},
    )
    n = 8
    w = fields(system, n, 0.5, random_state(system, n))["w"]
    x = np.linspace(0, 1, n + 1)
    inner = slice(1, -1)
    for i, end in ((0, 0.0), (-1, 1.0)):
        np.testing.assert_allclose(w[i, inner], end + x[inner] ** 2 + 0.5, atol=1e-13)
        robin = w[:, i] + 2 * outward(w.T, 1 / n, i)
        np.testing.assert_allclose(robin[inner], np.sin(x[inner]), atol=1e-12)
    for i, j in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        dirichlet = abs(w[i, j] - (x[i] + x[j] ** 2 + 0.5)) < 1e-12
        robin = abs(w[i, j] + 2 * outward(w.T, 1 / n, j)[i] - np.sin(x[i])) < 1e-12
        assert dirichlet or robin


def test_conditions_of_coupled_fields_are_solved_together() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2)), sn.Eq(sn.dt(V), sn.diff(V, X, 2))],
        domain=LINE,
        conditions=[
            sn.condition(sn.Eq(sn.diff(U, X) + 3 * V, 1), at={X: 0}),
            sn.condition(sn.Eq(sn.diff(V, X) - 2 * U, T), at={X: 0}),
            sn.condition(sn.Eq(U + V, 4), at={X: 1}),
            sn.condition(sn.Eq(U - V, 2), at={X: 1}),
        ],
        initial={U: 0, V: 0},
    )
    full = fields(system, 10, 0.25, random_state(system, 10))
    u, v = full["u"], full["v"]
    assert -outward(u, 0.1, 0) + 3 * v[0] == pytest.approx(1, abs=1e-11)
    assert -outward(v, 0.1, 0) - 2 * u[0] == pytest.approx(0.25, abs=1e-11)
    assert (u[-1], v[-1]) == pytest.approx((3, 1))


def test_interior_values_are_copied_and_periodic_axes_keep_all_points() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), sn.laplacian(W))],
        domain=SQUARE,
        conditions=[sn.periodic(X), sn.dirichlet(W, 1, at={Y: 0}), sn.dirichlet(W, X, at={Y: 1})],
        initial={W: 0},
    )
    y = random_state(system, {X: 6, Y: 9})
    w = fields(system, {X: 6, Y: 9}, 0.0, y)["w"]
    assert w.shape == (6, 10)
    np.testing.assert_array_equal(w[:, 1:-1].ravel(), y)
    np.testing.assert_array_equal(w[:, 0], 1)
    np.testing.assert_allclose(w[:, -1], np.arange(6) / 6, atol=1e-15)


# --- initial states --------------------------------------------------------------------------------------------------------


def test_formulas_arrays_and_functions_give_the_same_state() -> None:
    ends = [sn.dirichlet(U, 0, at={X: end}) for end in (0, 1)]
    x = np.linspace(0, 1, 17)
    states = [
        rate(heat(*ends, initial=f), 16)[1] for f in (sn.sin(sn.pi * X), np.sin(np.pi * x), lambda x: np.sin(np.pi * x))
    ]
    assert states[0].shape == (15,)
    np.testing.assert_allclose(states[0], np.sin(np.pi * x[1:-1]), atol=1e-15)
    np.testing.assert_array_equal(states[1], states[2])


def test_initial_arrays_of_a_wrong_shape_and_values_that_are_not_finite() -> None:
    ends = [sn.dirichlet(U, 0, at={X: end}) for end in (0, 1)]
    with pytest.raises(sn.ModelError, match=r"initial array of u has shape \(5,\), the grid \(x\) has \(17,\)"):
        rate(heat(*ends, initial=np.zeros(5)), 16)
    with pytest.raises(sn.ModelError, match=r"initial condition of u is .*nan.* at x=0.0625; it must be finite"):
        rate(heat(*ends, initial=lambda x: np.where(x > 0, np.nan, 0.0)), 16)


# --- size --------------------------------------------------------------------------------------------------------------------


def brusselator() -> sn.PDESystem:
    w2 = sn.field("w2", (T, X, Y))
    return sn.PDESystem(
        [sn.Eq(sn.dt(W), 1 + W**2 * w2 + sn.laplacian(W)), sn.Eq(sn.dt(w2), 3 * W - W**2 * w2 + sn.laplacian(w2))],
        domain=SQUARE,
        conditions=[sn.periodic(X), *(sn.neumann(f, 0, at={Y: end}) for f in (W, w2) for end in (0, 1))],
        initial={W: 1, w2: X},
    )


def test_kernels_do_not_grow_with_the_grid() -> None:
    """The same loops and the same source but for its numbers: compile time cannot depend on the resolution."""
    from symnum.codegen.targets.numpy import print_function
    from symnum.ir.kernel import statements

    numbers = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
    semi = {n: discretise(brusselator(), n) for n in (32, 2048)}
    text = {n: numbers.sub("#", print_function(s.rhs)) for n, s in semi.items()}
    assert len(list(statements(semi[32].rhs.body))) == len(list(statements(semi[2048].rhs.body)))
    assert len(text[32]) == len(text[2048])
    assert semi[2048].size == 2 * 2048 * 2047


def test_layout_is_field_major_and_located() -> None:
    semi = discretise(brusselator(), {X: 8, Y: 5})
    assert [(a.field, a.offset, a.shape, a.origin) for a in semi.state] == [
        ("w", 0, (8, 4), (0, 1)),
        ("w2", 32, (8, 4), (0, 1)),
    ]
    assert semi.locate(32 + 4 * 3 + 2) == ("w2", {"x": 3 / 8, "y": pytest.approx(3 / 5)})


def test_every_target_agrees_on_a_discretised_system() -> None:
    semi = discretise(brusselator(), {X: 9, Y: 7})
    y = np.random.default_rng(0).normal(size=semi.size)
    want = interpret(semi.rhs, 0.0, y)
    for target in ("llvm", "numpy"):
        np.testing.assert_allclose(compile_kernel(semi.rhs, target)(0.0, y), want, rtol=1e-12, atol=1e-10)


# --- errors --------------------------------------------------------------------------------------------------------------------

ENDS = (sn.dirichlet(U, 0, at={X: 0}), sn.dirichlet(U, 0, at={X: 1}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resolution": 3}, "resolution=3 along x is too small; a grid has at least 4 cells"),
        ({"resolution": -8}, "too small"),
        ({"resolution": 16.0}, "whole number of cells"),
        ({"resolution": True}, "whole number of cells"),
        ({"resolution": "64"}, "whole number of cells"),
        ({"resolution": {"z": 16}}, "resolution names 'z', the spatial coordinates are x"),
        ({"resolution": {}}, r"resolution says nothing about x; write resolution=\{x: 64\}"),
        ({"resolution": 2**40}, "grid points, more than"),
        ({"order": 3}, "orders 2, 4, 6, ..., not 3; write order=2"),
        ({"order": 0}, "not 0; write order=2"),
        ({"order": 2.0}, r"not 2.0; write order=2"),
        ({"order": 8}, "order=8 needs periodic sides; sides with conditions have the orders 2, 4 and 6. Write order=6"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(sn.DiscretisationError, match=message):
        discretise(heat(*ENDS), **{"resolution": 16, **options})


def test_unknown_scheme() -> None:
    with pytest.raises(sn.UnknownName, match=r"scheme 'centrl'.*Did you mean 'central'"):
        discretise(heat(*ENDS), 16, scheme="centrl")


def test_not_a_system() -> None:
    with pytest.raises(sn.DiscretisationError, match=r"discretise takes a system such as sn.PDESystem"):
        discretise("heat")  # type: ignore[arg-type]


def test_conditions_that_do_not_determine_the_boundary_value() -> None:
    """3/(2h) + a = 0 for h = 1/16: the one-sided difference and the value cancel."""
    singular = sn.condition(sn.Eq(sn.diff(U, X) + 24 * U, 0), at={X: 0})
    with pytest.raises(
        sn.DiscretisationError, match=r"lower side of x do not determine the boundary values .*singular"
    ):
        discretise(heat(singular, ENDS[1]), 16)


def test_two_conditions_that_say_the_same() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2)), sn.Eq(sn.dt(V), sn.diff(V, X, 2))],
        domain=LINE,
        conditions=[
            *(sn.condition(sn.Eq(c * U + c * V, 0), at={X: 0}) for c in (1, 2)),
            *(sn.dirichlet(f, 0, at={X: 1}) for f in (U, V)),
        ],
        initial={U: 0, V: 0},
    )
    with pytest.raises(sn.DiscretisationError, match=r"singular"):
        discretise(system, 16)


def test_conditions_that_are_not_linear() -> None:
    with pytest.raises(sn.DiscretisationError, match=r'not linear in the boundary value of u.*scheme="finite_volume"'):
        discretise(heat(sn.condition(sn.Eq(sn.diff(U, X), U**2), at={X: 0}), ENDS[1]), 16)
    system = sn.PDESystem(  # linear in each field, not in both
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2)), sn.Eq(sn.dt(V), sn.diff(V, X, 2))],
        domain=LINE,
        conditions=[
            sn.condition(sn.Eq(sn.diff(U, X), U * V), at={X: 0}),
            sn.condition(sn.Eq(sn.diff(V, X), U + V), at={X: 0}),
            *(sn.dirichlet(f, 0, at={X: 1}) for f in (U, V)),
        ],
        initial={U: 0, V: 0},
    )
    with pytest.raises(sn.DiscretisationError, match=r"is not linear in the boundary value"):
        discretise(system, 16)


def test_a_condition_along_the_side_is_refused_by_name() -> None:
    """u_x + u_y = 0 on a side couples all its points; no elimination point by point exists."""
    oblique = sn.condition(sn.Eq(sn.diff(W, X) + sn.diff(W, Y), 0), at={X: 0})
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), sn.laplacian(W))],
        domain=SQUARE,
        conditions=[oblique, sn.dirichlet(W, 0, at={X: 1}), *(sn.dirichlet(W, 0, at={Y: end}) for end in (0, 1))],
        initial={W: 0},
    )
    with pytest.raises(sn.DiscretisationError, match=r"along"):
        discretise(system, 8)


@pytest.mark.parametrize("order", [2, 4])
def test_rows_of_algebraic_equations_are_residuals(order: int) -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2) + V), sn.Eq(0, V - U**2)], domain=LINE, conditions=list(ENDS), initial={U: 0}
    )
    semi = discretise(system, 16, order=order)
    assert semi.algebraic == {"v"} and semi.differential is not None and semi.differential.sum() == 15
    y = np.random.default_rng(4).normal(size=semi.size)
    u, v = y[:15], y[15:]
    residual = interpret(semi.rhs, 0.0, y)[15:]
    np.testing.assert_allclose(
        np.abs(residual[1:-1]), np.abs(v[1:-1] - u**2), rtol=1e-13
    )  # v keeps the points of the sides


def test_stencils_wider_than_the_grid() -> None:
    system = sn.PDESystem([sn.Eq(sn.dt(U), sn.diff(U, X, 2))], domain=LINE, conditions=[sn.periodic(X)], initial={U: 0})
    with pytest.raises(sn.DiscretisationError, match=r"raise resolution"):
        discretise(system, 4, order=8)
