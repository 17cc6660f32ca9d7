"""Implicit methods at work: stiffness, algebraic equations, Newton's iteration and its failures, IMEX."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.pipeline import _problem
from symnum.solvers.backend import solve
from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.solve import Run
from symnum.solvers.problem import Options, Problem
from tests.solvers.problems import fixed_steps, slope

IMPLICIT = sorted(name for name, method in methods().items() if method.implicit and not method.split)
NEWTON = ("KenCarp4", "Radau5", "TRBDF2")


def oregonator(t, y, out):
    """Field, Noyes 1974: see models/orego.py."""
    out[0] = 77.27 * (y[1] + y[0] * (1 - 8.375e-6 * y[0] - y[1]))
    out[1] = (y[2] - (1 + y[0]) * y[1]) / 77.27
    out[2] = 0.161 * (y[0] - y[2])


def oregonator_jacobian(t, y):
    return np.array(
        [
            [77.27 * (1 - 2 * 8.375e-6 * y[0] - y[1]), 77.27 * (1 - y[0]), 0.0],
            [-y[1] / 77.27, -(1 + y[0]) / 77.27, 1 / 77.27],
            [0.161, 0.0, -0.161],
        ]
    )


OREGO = Problem(oregonator, [1.0, 2.0, 3.0], 0, 360.0, jacobian=oregonator_jacobian, autonomous=True)


def robertson_with_constraint(t, y, out):
    out[0] = -0.04 * y[0] + 1e4 * y[1] * y[2]
    out[1] = 0.04 * y[0] - 1e4 * y[1] * y[2] - 3e7 * y[1] ** 2
    out[2] = y[0] + y[1] + y[2] - 1


def constrained_jacobian(t, y):
    return np.array([[-0.04, 1e4 * y[2], 1e4 * y[1]], [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]], [1.0, 1.0, 1.0]])


ROBERTSON = Problem(
    robertson_with_constraint, [1.0, 0.0, 0.3], 0, 1e11, jacobian=constrained_jacobian, differential=[True, True, False]
)
ROBERTSON_END = np.array(
    [0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050]
)  # Test Set for IVP Solvers


# --- stiff errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "least"), [("Rodas5P", 2.9), ("Radau5", 2.9), ("KenCarp4", 1.9), ("TRBDF2", 1.9), ("Rodas3", 0.95)]
)
def test_b_convergence(name, least):
    """Prothero and Robinson (1974): y' = l (y - cos t) - sin t, l = -1e6. The error falls with the stage order and as 1/|l|."""
    rate = -1e6

    def rhs(t, y, out):
        out[0] = rate * (y[0] - math.cos(t)) - math.sin(t)

    problem = Problem(rhs, [1.0], 0, 2.0, jacobian=lambda t, y: np.array([[rate]]))
    counts, errors = np.array([10, 14, 20, 28]), []
    for count in counts:
        dense = fixed_steps(name, problem, int(count)).record.dense()
        errors.append(np.abs(dense.y[:, 0] - np.cos(dense.t)).max())
    assert least < slope(2 / counts, errors) < least + 1.2
    assert errors[-1] < 0.1 / abs(rate)


@pytest.mark.parametrize("name", IMPLICIT)
def test_steps_are_set_by_accuracy_not_by_stiffness(name):
    """After the fast transient of y' = -1e8 (y - cos t) the steps are those of the slow solution."""

    def rhs(t, y, out):
        out[0] = -1e8 * (y[0] - math.cos(t))

    run = solve(Problem(rhs, [2.0], 0, 10.0), Options(name, rtol=1e-4, atol=1e-4))
    assert run.success and run.y[-1, 0] == pytest.approx(math.cos(10), abs=1e-3)
    assert run.stats["steps"] < 250


# --- algebraic equations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", IMPLICIT)
def test_algebraic_equations_of_index_1(name):
    """Robertson's reaction with A + B + C = 1 in place of C': the start is made consistent, the end is that of the Test Set."""
    tol = 1e-6
    run = solve(ROBERTSON, Options(name, rtol=tol, atol=1e-8 * tol))
    assert run.success and run.y[0, 2] == pytest.approx(0, abs=1e-15)
    share = 10 if name in ("Rodas5P", "Rodas3", "Radau5") else 30 if name == "KenCarp4" else 100
    assert np.abs(run.y[-1] / ROBERTSON_END - 1).max() < share * tol


@pytest.mark.parametrize(
    ("name", "orders"),
    [("Rodas5P", (4.8, 4.3)), ("Radau5", (5, 5)), ("KenCarp4", (4, 4)), ("TRBDF2", (2, 2)), ("Rodas3", (3, 2.4))],
)
def test_order_of_both_kinds_of_unknowns(name, orders):
    """y' = y z, 0 = z^3 - cos(t)^3 y exp(-sin t): y = exp(sin t), z = cos t."""

    def rhs(t, y, out):
        out[0] = y[0] * y[1]
        out[1] = y[1] ** 3 - math.cos(t) ** 3 * y[0] * math.exp(-math.sin(t))

    problem = Problem(rhs, [1.0, 1.0], 0, 0.8, differential=[True, False])
    counts, errors = np.array([20, 28, 40, 56]), []
    for count in counts:
        dense = fixed_steps(name, problem, int(count)).record.dense()
        errors.append(np.abs(dense.y - np.stack([np.exp(np.sin(dense.t)), np.cos(dense.t)], -1)).max(axis=0))
    for found, expected in zip(np.array(errors).T, orders, strict=True):
        assert slope(0.8 / counts, found) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("name", IMPLICIT)
def test_dense_output_of_algebraic_unknowns_from_the_first_step_on(name):
    """y' = z, z = y cos 3t: between t = 0 and the first step z is as good as later (its slope at the start is not f, which is 0 there)."""

    def rhs(t, y, out):
        out[0], out[1] = y[1], y[1] - y[0] * math.cos(3 * t)

    def jacobian(t, y):
        return np.array([[0.0, 1.0], [-math.cos(3 * t), 1.0]])

    problem = Problem(rhs, [1.0, 1.0], 0, 1.0, jacobian=jacobian, differential=[True, False])
    run = solve(problem, Options(name, rtol=1e-6, atol=1e-6, dense=True, every_step=True))
    middle = np.concatenate([run.t[:-1] + share * np.diff(run.t) for share in (0.3, 0.6)])
    exact = np.exp(np.sin(3 * middle) / 3) * np.cos(3 * middle)
    error = np.abs(run.dense(middle)[:, 1] - exact)
    assert error.max() < 4e-5
    assert error[middle < run.t[1]].max() < 1e-5


def test_inconsistent_start_is_told():
    """0 = z^2 + 1 has no solution."""

    def rhs(t, y, out):
        out[0], out[1] = -y[0], y[1] ** 2 + 1

    run = solve(Problem(rhs, [1.0, 0.5], 0, 1.0, differential=[True, False]), Options("Rodas5P"))
    assert not run.success and "consistent" in run.message and len(run.t) == 1


# --- Newton's iteration -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NEWTON)
def test_jacobian_and_factors_are_kept(name):
    run = Run(OREGO, Options(name, rtol=1e-7, atol=1e-9))
    outcome = run.solve()
    assert outcome.success
    assert run.linear.evaluations < 0.5 * outcome.stats["steps"]
    factors = 2 if name == "Radau5" else 1
    assert run.linear.factorisations < 0.9 * factors * outcome.stats["steps"]


@pytest.mark.parametrize("name", NEWTON)
def test_iterations_a_stage(name):
    """First guesses are good enough for two to three iterations a stage."""
    stages = {"Radau5": 3, "KenCarp4": 5, "TRBDF2": 2}[name]
    run = solve(OREGO, Options(name, rtol=1e-7, atol=1e-9))
    assert run.stats["rhs_evaluations"] < 3.3 * stages * (run.stats["steps"] + run.stats["rejected"])


def test_radau_against_scipy():
    """The same formulas: about the same steps and the same error as SciPy's Radau."""
    options = {"rtol": 1e-7, "atol": 1e-9}
    ours = solve(OREGO, Options("Radau5", **options))

    def rhs(t, y):
        out = np.empty(3)
        oregonator(t, y, out)
        return out

    theirs = solve_ivp(rhs, (0, 360.0), OREGO.y0, "Radau", jac=oregonator_jacobian, **options)
    exact = np.array([0.1000814870318523e1, 0.1228178521549917e4, 0.1320554942846706e3])
    assert ours.stats["steps"] == pytest.approx(len(theirs.t) - 1, rel=0.1)
    error, their_error = np.abs(ours.y[-1] / exact - 1).max(), np.abs(theirs.y[:, -1] / exact - 1).max()
    assert error < 2 * their_error + 1e-9


@pytest.mark.parametrize("name", NEWTON)
def test_a_wrong_jacobian_costs_time_not_accuracy(name):
    """10 % off: the iterations contract more slowly, the result is the same."""
    wrong = Problem(oregonator, OREGO.y0, 0, 100.0, jacobian=lambda t, y: 1.1 * oregonator_jacobian(t, y))
    right = Problem(oregonator, OREGO.y0, 0, 100.0, jacobian=oregonator_jacobian)
    options = Options(name, rtol=1e-6, atol=1e-8)
    slow, fast = solve(wrong, options), solve(right, options)
    assert slow.success and slow.stats["rhs_evaluations"] > fast.stats["rhs_evaluations"]
    np.testing.assert_allclose(slow.y[-1], fast.y[-1], rtol=2e-2 if name == "TRBDF2" else 2e-4)


@pytest.mark.parametrize("name", IMPLICIT)
def test_a_jacobian_that_is_not_finite_ends_in_a_sentence(name):
    """df/dy = NaN from t = 1 on while f is fine (Newton's methods need it at the start alone): everything before is kept."""
    begin = 1.0 if name.startswith("Rodas") else 0.0

    def rhs(t, y, out):
        out[0] = -y[0]

    problem = Problem(rhs, [1.0], 0, 3.0, jacobian=lambda t, y: np.array([[-1.0 if t < begin else math.nan]]))
    run = solve(problem, Options(name, every_step=True))
    assert not run.success and "did not converge" in run.message and "jacobian" in run.message
    assert len(run.t) > 3 * begin and run.y[-1, 0] == pytest.approx(math.exp(-run.t[-1]), rel=1e-4)


@pytest.mark.parametrize("name", NEWTON)
def test_a_jacobian_of_the_wrong_sign_ends_in_a_sentence(name):
    """Newton's iteration diverges however short the step, for the problem is stiff at every step that changes t."""

    def rhs(t, y, out):
        out[0] = -1e12 * (y[0] - math.cos(t))

    problem = Problem(rhs, [0.0], 0, 1.0, jacobian=lambda t, y: np.array([[1e12]]))
    run = solve(problem, Options(name, dt=1e-3))
    assert not run.success and ("did not converge" in run.message or "too small" in run.message)
    assert run.t[0] == 0.0


@pytest.mark.parametrize("name", IMPLICIT)
def test_failures_in_a_row_are_counted_apart(name):
    """A solve that fails now and then only shortens the step (f is NaN below 0, where a long step tries it)."""

    def rhs(t, y, out):
        out[0] = -100 * math.sqrt(y[0]) if y[0] >= 0 else math.nan

    run = solve(Problem(rhs, [1.0], 0, 0.0199), Options(name, dt=0.015, rtol=1e-6, atol=1e-10))
    assert run.success and run.y[-1, 0] == pytest.approx((1 - 50 * 0.0199) ** 2, abs=1e-6)
    assert run.stats["rejected"] > 0


@pytest.mark.parametrize("meaning", ["llvm", "numpy"])
@pytest.mark.parametrize("name", IMPLICIT)
def test_a_step_with_a_failed_solve_is_not_accepted(name, meaning):
    """Every linear solve of the second attempt is said to have failed, though its result looks fine."""

    def rhs(t, y, out):
        out[0] = -50 * (y[0] - math.cos(t))

    run = Run(Problem(rhs, [1.0], 0, 1.0, jacobian=lambda t, y: np.array([[-50.0]])), Options(name, dt=1e-3), meaning)
    linear, solves = _Failing(run.linear), []
    run.linear = run.machine.linear = linear
    if meaning == "llvm":
        run.machine.linear_table = run.machine._linear_table()
    linear.fails = lambda: solves.append(0) or 20 <= len(solves) < 23
    outcome = run.solve()
    assert outcome.success and len(solves) > 23
    assert 1 <= run.machine["convergence_failures"] <= 3
    assert outcome.y[-1, 0] == pytest.approx(50 * (50 * math.cos(1) + math.sin(1)) / 2501, abs=1e-5)


class _Failing:
    """A linear solver whose solves fail when told to; called through Python."""

    native = None

    def __init__(self, inner):
        self.inner, self.fails = inner, lambda: False

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def solve(self, slot, b, out):
        return self.inner.solve(slot, b, out) and not self.fails()


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", IMPLICIT)
def test_the_jacobian_is_that_of_the_segment(name, backward):
    """The rate jumps at the breakpoint, where f and df/dy belong to the segment before: no attempt is lost to the wrong one."""

    def rate(t):
        return 1.0 if (t >= 1.0 if backward else t <= 1.0) else 1e4

    sign = -1.0 if backward else 1.0

    def rhs(t, y, out):
        out[0] = -sign * rate(t) * (y[0] - math.cos(t))

    seen = []

    def jacobian(t, y):
        seen.append(t)
        return np.array([[-sign * rate(t)]])

    t0, t1 = (2.0, 0.0) if backward else (0.0, 2.0)
    run = solve(Problem(rhs, [1.0], t0, t1, jacobian=jacobian, breakpoints=(1.0,)), Options(name))
    assert run.success and 1.0 not in seen
    slow = math.cos(t1) + sign * math.sin(t1) / 1e4
    assert run.y[-1, 0] == pytest.approx(slow, abs=1e-6)


# --- the linear part alone implicit -------------------------------------------------------------------------------


def _reaction_diffusion():
    t, x = sn.coordinates("t x")
    u, v = sn.fields("u v", (t, x))
    system = sn.PDESystem(
        [
            sn.Eq(sn.dt(u), 0.05 * sn.laplacian(u) + u - u**3 - v),
            sn.Eq(sn.dt(v), 0.5 * sn.laplacian(v) + 0.3 * (u - v) + 0.2 * sn.sin(t)),
        ],
        domain=sn.Domain(t=(0, 4), x=(0, 2 * math.pi)),
        conditions=[sn.periodic(x)],
        initial={u: sn.cos(x), v: 0.1 * sn.sin(2 * x)},
    )
    return _problem(sn.discretise(system, resolution=48))


def test_order_of_the_imex_method():
    problem = _reaction_diffusion()

    def rhs(t, y):
        out = np.empty_like(y)
        problem.rhs(t, y, out)
        return out

    exact = solve_ivp(rhs, (0, 4), problem.y0, "DOP853", rtol=1e-12, atol=1e-13, dense_output=True).sol
    counts, at_steps, between = np.array([32, 45, 64, 90]), [], []
    for count in counts:
        dense = fixed_steps("KenCarp4-IMEX", problem, int(count)).record.dense()
        middle = dense.t[:-1] + 0.4 * np.diff(dense.t)
        at_steps.append(np.abs(dense.y - exact(dense.t).T).max())
        between.append(np.abs(dense(middle) - exact(middle).T).max())
    assert slope(4 / counts, at_steps) == pytest.approx(4, abs=0.25)
    assert slope(4 / counts, between) == pytest.approx(4, abs=0.25)


def test_imex_solves_once_a_stage_and_factors_rarely():
    problem = _reaction_diffusion()
    run = Run(problem, Options("KenCarp4-IMEX", rtol=1e-6, atol=1e-8))
    outcome = run.solve()
    attempts = outcome.stats["steps"] + outcome.stats["rejected"]
    assert outcome.success and outcome.stats["linear_solves"] == 5 * attempts
    assert run.linear.factorisations < 0.8 * attempts
    tight = solve(problem, Options("Tsit5", rtol=1e-10, atol=1e-12)).y[-1]
    assert np.abs(outcome.y[-1] - tight).max() < 2e-5


def test_imex_needs_a_linear_part():
    with pytest.raises(sn.SolveError, match="linear_part"):
        solve(OREGO, Options("KenCarp4-IMEX"))


def test_imex_after_a_first_attempt_with_a_singular_matrix():
    """y' = 10 y - y^2: W = 1/(h/4) - 10 is singular at the first attempt, h = 0.4, and the step goes on shorter from the same L y."""
    from scipy.sparse import csc_matrix

    from symnum.ir.linear_part import LinearPart

    def rhs(t, y, out):
        out[:] = 10 * y - y**2

    part = LinearPart(csc_matrix([[10.0]]), ("y",), ((),), (0,), (), True)
    problem = Problem(rhs, [1e-3], 0, 1.0, linear_part=lambda: part, autonomous=True)
    run = Run(problem, Options("KenCarp4-IMEX", dt=0.4, rtol=1e-6, atol=1e-9, every_step=True))
    outcome = run.solve()
    assert run.machine["convergence_failures"] >= 1
    exact = 10 / (1 + (10 / 1e-3 - 1) * np.exp(-10 * outcome.t))
    assert outcome.success and outcome.t[1] > 0.02
    np.testing.assert_allclose(outcome.y[:, 0], exact, rtol=1e-4)
