"""Errors against tolerances on classical problems; the reference is SciPy's DOP853 at 1e-13 or an exact return."""

from __future__ import annotations

import numpy as np
import pytest

from symnum.solvers.backend import solve
from symnum.solvers.problem import Options, Problem
from tests.solvers.problems import ARENSTORF_PERIOD, ARENSTORF_START, arenstorf, lorenz, native_lorenz, van_der_pol


def decay(t, y, out):
    out[:] = -y


def reference(problem):
    from scipy.integrate import solve_ivp

    def rhs(t, y):
        out = np.empty_like(y)
        problem.rhs(t, y, out)
        return out

    return solve_ivp(rhs, (problem.t0, problem.t1), problem.y0, "DOP853", rtol=1e-13, atol=1e-14).y[:, -1]


CASES = {
    "lorenz": (Problem(lorenz, [1.0, 0.0, 0.0], 0, 5.0), 3e4),
    "van_der_pol": (Problem(van_der_pol, [2.0, 0.0], 0, 10.0), 1e3),
    "decay": (Problem(decay, [1.0, 2.0], 0, 5.0), 10.0),
}


@pytest.mark.parametrize("method", ["Tsit5", "Dopri5"])
@pytest.mark.parametrize("name", CASES)
def test_error_is_proportional_to_tolerance(name, method):
    problem, amplification = CASES[name]
    exact = reference(problem)
    errors = []
    for tol in (1e-6, 1e-8, 1e-10):
        run = solve(problem, Options(method, rtol=tol, atol=tol))
        errors.append(np.abs(run.y[-1] - exact).max())
        assert run.success and errors[-1] < amplification * tol
    assert errors[0] / errors[2] > 1e3


@pytest.mark.parametrize("method", ["Tsit5", "Dopri5"])
def test_arenstorf_orbit_closes(method):
    """One period amplifies errors by about 1e5."""
    problem = Problem(arenstorf, ARENSTORF_START, 0, ARENSTORF_PERIOD)
    run = solve(problem, Options(method, rtol=1e-11, atol=1e-11))
    assert run.success
    assert np.abs(run.y[-1, :2] - problem.y0[:2]).max() < 2e-5


def test_native_right_hand_side_gives_what_python_gives():
    """And its parameters arrive."""
    native = native_lorenz(2.0)
    options = Options("Tsit5", rtol=1e-9, atol=1e-9, saveat=np.linspace(0, 2, 9))
    fast = solve(native, options)
    slow = solve(Problem(lorenz, native.y0, 0, 2.0), options)
    np.testing.assert_allclose(fast.y, slow.y, rtol=1e-9, atol=1e-10)
    assert fast.stats["steps"] == slow.stats["steps"]


def heat(n):
    def rhs(t, y, out):
        out[:] = (np.roll(y, 1) - 2 * y + np.roll(y, -1)) * n**2

    x = np.arange(n) / n
    rate = -4 * n**2 * np.sin(np.pi / n) ** 2  # of the discrete Laplacian for the mode sin(2 pi x)
    return rhs, np.sin(2 * np.pi * x), rate


@pytest.mark.parametrize(
    "radius", [None, 4.0 * 80**2, lambda t, y: 4.0 * 80**2], ids=["estimated", "number", "callable"]
)
def test_stabilised_method_pays_for_diffusion_with_few_evaluations(radius):
    """Stability asks an ordinary explicit method for thousands of evaluations; the answer stays right."""
    rhs, start, rate = heat(80)
    problem = Problem(rhs, start, 0, 0.1, spectral_radius=radius)
    stabilised = solve(problem, Options("RKC2", rtol=1e-4, atol=1e-5))
    ordinary = solve(problem, Options("Dopri5", rtol=1e-4, atol=1e-5))
    exact = start * np.exp(0.1 * rate)
    assert np.abs(stabilised.y[-1] - exact).max() < 5e-4
    assert np.abs(ordinary.y[-1] - exact).max() < 5e-4
    assert stabilised.stats["rhs_evaluations"] < ordinary.stats["rhs_evaluations"] / 4


@pytest.mark.parametrize("method", ["Tsit5", "Dopri5", "RKC2", "RK45", "BDF", "Radau", "LSODA", "DOP853"])
def test_jump_at_a_breakpoint_costs_no_accuracy(method):
    """y' = -y + [t >= 1.1]: f is asked only inside the segments, and one value of [t >= 1.1] holds in each."""
    seen = []

    def rhs(t, y, out):
        seen.append(t)
        out[:] = -y + (5.0 if t >= 1.1 else 0.0) * (1.0 if t < 2.0 else 0.0)

    tol = 1e-5 if method == "RKC2" else 1e-8
    run = solve(
        Problem(rhs, [1.0], 0, 3.0, breakpoints=(2.0, 1.1)), Options(method, rtol=tol, atol=tol, every_step=True)
    )
    after_first = np.exp(-1.1)
    after_second = 5 + (after_first - 5) * np.exp(-0.9)
    assert run.y[-1, 0] == pytest.approx(after_second * np.exp(-1.0), abs=40 * tol)
    assert {1.1, 2.0} <= set(run.t.tolist())
    assert 1.1 not in seen and 2.0 not in seen


@pytest.mark.parametrize("method", ["BDF", "Radau"])
def test_scipy_uses_jacobian_and_sparsity(method):
    from scipy.sparse import diags

    rhs, start, rate = heat(40)
    pattern = diags([1.0, 1.0, 1.0, 1.0, 1.0], [0, 1, -1, 39, -39], shape=(40, 40)).tocsc()
    matrix = diags([-2.0, 1.0, 1.0, 1.0, 1.0], [0, 1, -1, 39, -39], shape=(40, 40)).tocsc() * 40.0**2
    options = Options(method, rtol=1e-6, atol=1e-8)
    plain = solve(Problem(rhs, start, 0, 0.1), options)
    sparse = solve(Problem(rhs, start, 0, 0.1, sparsity=lambda: pattern), options)
    given = solve(Problem(rhs, start, 0, 0.1, jacobian=lambda t, y: matrix), options)
    assert given.stats["rhs_evaluations"] < sparse.stats["rhs_evaluations"] < plain.stats["rhs_evaluations"]
    for run in (plain, sparse, given):
        np.testing.assert_allclose(run.y[-1], start * np.exp(0.1 * rate), atol=1e-5)
