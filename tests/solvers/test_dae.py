"""Differential-algebraic equations from the model to the solution: exact solutions, test problems of the literature, sentences for what cannot be."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import symnum as sn
from symnum.solvers.consistent import consistent_start
from symnum.solvers.problem import Problem

T = sn.coordinates("t")
X, Y, Z = sn.fields("x y z", (T,))


def last(solution: sn.Solution, *names: str) -> np.ndarray:
    assert solution.success, solution.message
    return np.array([float(solution[n].values[-1]) for n in names])


# ------------------------------------------------------------------ ordinary


@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-8])
def test_exact_solutions(tol: float) -> None:
    """x' = -z, z^2 = x, x(0) = 1: x = (1 - t/2)^2. No guess is given, and dz(z^2 - x) is singular at z = 0."""
    system = sn.DAESystem([sn.Eq(sn.dt(X), -Z), sn.Eq(Z**2, X)], t=(0, 1), initial={X: 1})
    solution = sn.solve(system, rtol=tol, atol=tol)
    assert solution.method == "IDA" and "without a time derivative" in solution.why
    assert float(solution["z"].values[0]) == pytest.approx(1.0, abs=1e-12)
    times = solution["x"]["t"].values
    assert np.abs(solution["x"].values - (1 - times / 2) ** 2).max() < 30 * tol
    assert np.abs(solution["z"].values - (1 - times / 2)).max() < 30 * tol
    assert solution(t=0.3)["z"] == pytest.approx(0.85, abs=30 * tol)
    assert np.abs(solution["z"].values ** 2 - solution["x"].values).max() < 30 * tol


def test_the_guess_selects_the_branch() -> None:
    """z^2 = x has two solutions: from z = -0.5 the negative one is found, x = (1 + t/2)^2."""
    system = sn.DAESystem([sn.Eq(sn.dt(X), -Z), sn.Eq(Z**2, X)], t=(0, 1), initial={X: 1, Z: -0.5})
    np.testing.assert_allclose(last(sn.solve(system, rtol=1e-8, atol=1e-8), "x", "z"), [2.25, -1.5], rtol=1e-6)


def test_robertson() -> None:
    """At t = 40 by Hairer and Wanner; at 4e5 by SciPy on the ordinary form."""
    system = sn.DAESystem(
        [
            sn.Eq(sn.dt(X), -0.04 * X + 1e4 * Y * Z),
            sn.Eq(sn.dt(Y), 0.04 * X - 1e4 * Y * Z - 3e7 * Y**2),
            sn.Eq(0, X + Y + Z - 1),
        ],
        t=(0, 4e5),
        initial={X: 1, Y: 0},
    )
    solution = sn.solve(system, rtol=1e-9, atol=1e-13, saveat=[0, 40, 4e5])
    found = np.stack([solution[n].values for n in "xyz"])
    np.testing.assert_allclose(found[:, 1], [0.7158270688, 9.185534e-6, 0.2841637457], rtol=2e-7)
    np.testing.assert_allclose(found[:, 2], ROBERTSON_LATE, rtol=2e-6)
    assert np.abs(found.sum(axis=0) - 1).max() < 1e-12


ROBERTSON_LATE = [4.938274521e-03, 1.984994088e-08, 9.950617056e-01]  # solve_ivp, Radau, rtol = 1e-12, given Jacobian


def test_pendulum_of_index_one() -> None:
    """Let go at the horizontal: it returns after 4 K(1/2) sqrt(l/g); energy and length stay."""
    from scipy.special import ellipk

    u, v, w = sn.fields("u v w", (T,))
    g = 9.81
    period = 4 * ellipk(0.5) / np.sqrt(g)
    motion = [sn.Eq(sn.dt(X), u), sn.Eq(sn.dt(Y), v), sn.Eq(sn.dt(u), -w * X), sn.Eq(sn.dt(v), -w * Y - g)]
    start = {X: 1, Y: 0, u: 0, v: 0}
    system = sn.DAESystem([*motion, sn.Eq(u**2 + v**2, w * (X**2 + Y**2) + g * Y)], t=(0, period), initial=start)
    x, y, speed, fall = last(sn.solve(system, rtol=1e-9, atol=1e-10), "x", "y", "u", "v")
    np.testing.assert_allclose([x, y, speed, fall], [1, 0, 0, 0], atol=2e-6)
    for constraint in (sn.Eq(X**2 + Y**2, 1), sn.Eq(X * u + Y * v, 0)):  # of index three and two: see test_index.py
        with pytest.raises(sn.ModelError, match=r"equation 5 .*the index is higher than one: differentiate it in time"):
            sn.ODESystem([*motion, constraint], t=(0, 1), initial=start)


def test_chemical_akzo_nobel() -> None:
    """At t = 180, by the Test Set for IVP Solvers (F. Mazzia and C. Magherini, release 2.4), problem chemakzo."""
    y1, y2, y3, y4, y5, y6 = y = sn.fields("y1 y2 y3 y4 y5 y6", (T,))
    r1, r2, r3 = 18.7 * y1**4 * sn.sqrt(y2), 0.58 * y3 * y4, 0.58 / 34.4 * y1 * y5
    r4, r5, inflow = 0.09 * y1 * y4**2, 0.42 * y6**2 * sn.sqrt(y2), 3.3 * (0.9 / 737 - y2)
    rates = [
        -2 * r1 + r2 - r3 - r4,
        -r1 / 2 - r4 - r5 / 2 + inflow,
        r1 - r2 + r3,
        -r2 + r3 - 2 * r4,
        r2 - r3 + r5,
    ]
    equations = [sn.Eq(sn.dt(f), rate) for f, rate in zip(y, rates, strict=False)]
    system = sn.DAESystem(
        [*equations, sn.Eq(115.83 * y1 * y4, y6)],
        t=(0, 180),
        initial={y1: 0.444, y2: 0.00123, y3: 0, y4: 0.007, y5: 0},
    )
    solution = sn.solve(system, rtol=1e-9, atol=1e-11)
    assert float(solution["y6"].values[0]) == pytest.approx(115.83 * 0.444 * 0.007, rel=1e-12)
    expected = [0.1150794920661702, 0.001203831471567715, 0.1611562887407974]
    expected += [0.0003656156421249283, 0.01708010885264404, 0.004873531310307455]
    np.testing.assert_allclose(last(solution, *(f.name for f in y)), expected, rtol=1e-6)


def test_a_jump_in_a_constraint_restarts_with_consistent_values() -> None:
    """x' = z, z = 1 until t = 1, then -2: x(2) = 1 - 2."""
    system = sn.DAESystem([sn.Eq(sn.dt(X), Z), sn.Eq(Z, sn.where(T >= 1, -2.0, 1.0))], t=(0, 2), initial={X: 0})
    solution = sn.solve(system, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(last(solution, "x", "z"), [-1, -2], atol=1e-7)


# ------------------------------------------------------------------ in space

S = sn.coordinates("s")
U, W = sn.fields("u w", (T, S))


@pytest.mark.parametrize("linear_solver", ["auto", "sparse", "gmres", "dense"])
def test_elliptic_constraint_converges_at_second_order(linear_solver: str) -> None:
    """u_t = u_ss, 0 = w_ss - u with zeros at both ends: u = exp(-t) sin(s), w = -u."""
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, S, 2)), sn.Eq(0, sn.diff(W, S, 2) - U)],
        domain=sn.Domain(t=(0, 1), s=(0, sn.pi)),
        conditions=[sn.dirichlet(f, 0, at=side(S)) for f in (U, W) for side in (sn.lower, sn.upper)],
        initial={U: sn.sin(S)},
    )
    errors = []
    for cells in (48, 96):
        solution = sn.solve(system, resolution=cells, rtol=1e-8, atol=1e-10, linear_solver=linear_solver)
        s = solution["w"]["s"].values
        exact = -np.exp(-solution["w"]["t"].values)[:, None] * np.sin(s)
        errors.append(np.abs(solution["w"].values - exact).max())
        middle = solution(t=0.505, s=float(s[cells // 2]))["w"]
        assert middle == pytest.approx(-np.exp(-0.505), abs=2 * errors[-1])  # between saved times too
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


def test_the_model_of_the_documentation() -> None:
    """Advected along a velocity that follows from the field itself; the constraint holds within the tolerance at every saved time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sn.ModelWarning)
        system = sn.PDESystem.from_text(
            equations=["dt(u) = D*dxx(u) - dx(u*w) + sin(x)", "0 = dxx(w) - u"],
            domain={"t": (0, 1), "x": (0, "pi")},
            conditions=["u = exp(-t) @ x=0", "dx(u) + 2*u = 0 @ x=pi", "dx(w) = 0 @ x=0", "w = 0 @ x=pi"],
            initial=["u = cos(x)"],
            parameters={"D": 0.1},
            fields={"w": "x"},
        )
    solution = sn.solve(system, resolution=64, rtol=1e-8, atol=1e-8)
    assert solution.success and solution.method == "IDA"
    u, w, h = solution["u"].values, solution["w"].values, np.pi / 64
    left = (w[:, 2:] - 2 * w[:, 1:-1] + w[:, :-2]) / h**2 - u[:, 1:-1]
    assert np.abs(left).max() < 1e-5  # of values up to 1
    np.testing.assert_allclose(w[:, -1], 0, atol=1e-14)
    finer = sn.solve(system, resolution=128, rtol=1e-8, atol=1e-8)
    assert np.abs(finer["u"].values[-1, ::2] - u[-1]).max() < 5e-3


# ------------------------------------------------------------------ what cannot be


def refused(system: sn.PDESystem) -> str:
    with pytest.warns(sn.SolveWarning):
        solution = sn.solve(system, resolution=16) if system.space else sn.solve(system)
    assert not solution.success and len(solution["t"]) == 1
    return solution.message


def test_an_index_that_is_too_high_only_for_these_numbers() -> None:
    k = sn.parameter("k", 0.0)
    system = sn.DAESystem([sn.Eq(sn.dt(X), -Z), sn.Eq(0, k * Z + X - 1)], t=(0, 1), initial={X: 1})
    said = refused(system)
    assert "dg/dz is singular at the start" in said and "index is higher than one" in said and said.endswith("is z.")
    regular = system.with_parameters(k=-1)
    assert sn.solve(regular).success


def test_a_constant_left_free_by_conditions_on_slopes() -> None:
    conditions = [sn.dirichlet(U, 0, at=side(S)) for side in (sn.lower, sn.upper)]
    conditions += [sn.neumann(W, 0, at=side(S)) for side in (sn.lower, sn.upper)]
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, S, 2)), sn.Eq(0, sn.diff(W, S, 2) - U)],
        domain=sn.Domain(t=(0, 1), s=(0, 1)),
        conditions=conditions,
        initial={U: sn.sin(sn.pi * S)},
    )
    assert "fix a value on one side" in refused(system)


def test_constraints_without_a_solution() -> None:
    system = sn.DAESystem([sn.Eq(sn.dt(X), -Z), sn.Eq(0, Z**2 + X)], t=(0, 1), initial={X: 1})
    said = refused(system)
    assert "no consistent initial values" in said.lower() and "guess" in said and "affected is z" in said


def test_other_methods_and_systems_are_refused_by_name() -> None:
    system = sn.DAESystem([sn.Eq(sn.dt(X), -Z), sn.Eq(Z**3, X)], t=(0, 1), initial={X: 1, Z: 1})
    for method in ("CVODE", "BDF", "Tsit5"):
        with pytest.raises(
            sn.SolveError, match=f'1 algebraic equation 0 = .*{method} does not solve; write method="IDA"'
        ):
            sn.solve(system, method=method)
    with pytest.raises(sn.SolveError, match='BDF does not solve; write method="IDA"'):
        sn.solve(system, backend="scipy")
    assert sn.solve(system, backend="sundials").method == "IDA" and sn.solve(system, backend="embedded").method == "Rodas5P"
    with pytest.raises(sn.ModelError, match=r"nothing is algebraic; write sn.ODESystem"):
        sn.DAESystem([sn.Eq(sn.dt(X), -X)], t=(0, 1), initial={X: 1})
    with pytest.raises(sn.ModelError, match=r"write sn.DAESystem\(equations, t=\(0, 10\)"):
        sn.DAESystem([sn.Eq(sn.dt(X), -Z), sn.Eq(Z, X)])


@pytest.mark.parametrize("with_jacobian", [True, False])
def test_consistent_values_of_many_unknowns(with_jacobian: bool) -> None:
    """z_i + z_i^3 = c_i and a chain of neighbours: Newton from zero, with dg/dz given or by differences."""
    n = 40
    target = np.linspace(-3, 3, n)
    right = target + target**3 + 0.3 * np.roll(target, 1)

    def rhs(t: float, y: np.ndarray, out: np.ndarray) -> None:
        out[0] = -y[0]
        out[1:] = y[1:] + y[1:] ** 3 + 0.3 * np.roll(y[1:], 1) - right

    def jacobian(t: float, y: np.ndarray) -> np.ndarray:
        made = np.zeros((n + 1, n + 1))
        made[0, 0] = -1
        made[1:, 1:] = np.diag(1 + 3 * y[1:] ** 2) + 0.3 * np.roll(np.eye(n), 1, axis=0)
        return made

    from symnum.solvers.jacobian import fixed_jacobian

    mask = np.arange(n + 1) == 0
    problem = Problem(rhs, np.zeros(n + 1), 0, 1, differential=mask, jacobian=jacobian if with_jacobian else None)
    start = consistent_start(problem, 0.0, problem.y0, fixed_jacobian(problem), 1e-6, 1e-8)
    assert not start.message and start.y[0] == 0
    np.testing.assert_allclose(start.y[1:], target, atol=1e-8)


def test_algebraic_values_saved_at_a_switch_are_those_after_it():
    """0 = z^3 + z - u*(1 + (t >= 1)): the equation as written holds at the time of the switch itself."""
    t = sn.coordinates("t")
    u, z = sn.fields("u z", (t,))
    system = sn.DAESystem(
        [sn.Eq(sn.dt(u), -u), sn.Eq(0, z**3 + z - u * (1 + (t >= 1)))], t=(0, 2), initial={u: 1, z: 0.7}
    )
    solution = sn.solve(system, saveat=[0.5, 1.0, 1.5], rtol=1e-8, atol=1e-10)
    got, drive = solution["z"].values, np.exp(-np.array([0.5, 1.0, 1.5])) * [1, 2, 2]
    np.testing.assert_allclose(got**3 + got, drive, rtol=1e-6)
