"""Stiffness found on the way and the change of method: seen where it is, not seen where it is not, and both parts make one solution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from symnum.solvers.backend import solve
from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.methods import dopri5, tsit5, vern7
from symnum.solvers.embedded.stiffness import boundary, stability_polynomial
from symnum.solvers.events import Events, Watched
from symnum.solvers.problem import Options, Problem
from symnum.solvers.spectrum import measure
from symnum.solvers.switch import solve_switching

Array = NDArray[np.float64]
NEXT = ("Rodas5P", "embedded")
EXPLICIT = {"Tsit5": tsit5.TABLEAU, "Dopri5": dopri5.TABLEAU, "Vern7": vern7.TABLEAU}


def van_der_pol(mu: float, end: float = 2000.0) -> Problem:
    def rhs(t: float, y: Array, out: Array) -> None:
        out[0], out[1] = y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]

    def jacobian(t: float, y: Array) -> Array:
        return np.array([[0.0, 1.0], [-2 * mu * y[0] * y[1] - 1, mu * (1 - y[0] ** 2)]])

    return Problem(rhs, np.array([2.0, 0.0]), 0.0, end, jacobian=jacobian, autonomous=True)


def robertson(end: float = 40.0) -> Problem:
    def rhs(t: float, y: Array, out: Array) -> None:
        slow, fast, very_fast = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        out[:] = -slow + fast, slow - fast - very_fast, very_fast

    def jacobian(t: float, y: Array) -> Array:
        return np.array(
            [
                [-0.04, 1e4 * y[2], 1e4 * y[1]],
                [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]],
                [0.0, 6e7 * y[1], 0.0],
            ]
        )

    return Problem(rhs, np.array([1.0, 0.0, 0.0]), 0.0, end, jacobian=jacobian, autonomous=True)


@pytest.mark.parametrize("name", EXPLICIT)
def test_the_boundary_is_where_one_step_ceases_to_damp(name: str) -> None:
    """R(z) from the tableau is what a step of the method makes of y' = lambda y, and |R| passes 1 at the boundary."""
    x = boundary(EXPLICIT[name])
    polynomial = stability_polynomial(EXPLICIT[name])
    order = methods()[name].order
    for power in range(order + 1):  # R(z) = exp(z) up to the order
        assert polynomial[power] == pytest.approx(1 / float(np.prod(np.arange(1, power + 1))), rel=1e-9)
    sizes = []
    for z in (-x * 0.99, -x * 1.02):
        stages = [1.0]
        for row in EXPLICIT[name].a:
            stages.append(1 + z * sum(float(a) * k for a, k in zip(row, stages, strict=True)))
        assert np.polyval(polynomial[::-1], z) == pytest.approx(stages[-1], rel=1e-9)
        sizes.append(abs(stages[-1]))
    assert sizes[0] <= 1 < sizes[1]


def test_the_boundary_of_dopri5_is_that_of_the_book() -> None:
    """Hairer, Wanner II, IV.2: DOPRI5's detection compares with 3.25, a little inside the region that ends near 3.3."""
    assert boundary(dopri5.TABLEAU) == pytest.approx(3.3, abs=0.02)


@pytest.mark.parametrize("name", EXPLICIT)
def test_stiffness_is_seen_where_it_is(name: str) -> None:
    for problem in (van_der_pol(1000.0), robertson()):
        found = solve(problem, Options(name, detect_stiffness=500))
        assert not found.success and found.stopped == "STIFF" and found.stats["steps"] < 1000
        assert "stiff" in found.message and 'method="Rodas5P"' in found.message


@pytest.mark.parametrize("name", EXPLICIT)
@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-9])
def test_stiffness_is_not_seen_where_it_is_not(name: str, rtol: float) -> None:
    def lorenz(t: float, y: Array, out: Array) -> None:
        out[:] = 10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]

    chaotic = Problem(lorenz, np.array([1.0, 1.0, 1.0]), 0.0, 10.0)
    for problem in (chaotic, van_der_pol(1.0, 30.0)):
        assert solve(problem, Options(name, rtol=rtol, detect_stiffness=1)).success


def test_few_steps_left_are_taken() -> None:
    """Nothing is stopped without being asked, nor so near to the end that a change would not pay."""
    near = solve(robertson(0.5), Options("Tsit5", detect_stiffness=5000))
    assert near.success and near.stopped == ""
    assert solve(robertson(2.0), Options("Tsit5")).success
    machine_limit = solve(robertson(2.0), Options("Tsit5", detect_stiffness=100))
    assert machine_limit.stopped == "STIFF"


def test_van_der_pol_with_a_switch() -> None:
    """Against the Test Set for IVP Solvers (Mazzia and Magherini 2008, VDPOL): t = 2000, mu = 1000."""
    outcome, said = solve_switching(van_der_pol(1000.0), Options("Tsit5", rtol=1e-7, atol=1e-9), "embedded", NEXT)
    assert outcome.success and outcome.method == "Tsit5, then Rodas5P" and outcome.t.tolist() == [0.0, 2000.0]
    assert "stability" in said and "Rodas5P took over" in said
    assert outcome.y[-1] == pytest.approx([1.706167732170469, -0.8928097010248125e-3], rel=2e-5)
    assert outcome.stats["jacobian_evaluations"] > 0 and outcome.stats["steps"] < 3000


@pytest.mark.parametrize("every", [True, False])
def test_both_parts_make_one_solution(every: bool) -> None:
    """Save times on both sides of the change, dense output across it: against SciPy's Radau at a tolerance of 1e-11."""
    problem = robertson()
    times = np.array([0.0, 0.01, 0.05, 1.0, 7.0, 40.0])
    options = Options("Tsit5", rtol=1e-7, atol=1e-11, dense=True, every_step=every, saveat=None if every else times)
    outcome, said = solve_switching(problem, options, "embedded", NEXT)
    changed = float(said.split("t = ")[1].split()[0])
    assert outcome.success and 0.01 < changed < 1.0 and outcome.dense is not None

    def rhs(t: float, y: Array) -> Array:
        out = np.empty(3)
        problem.rhs(t, y, out)
        return out

    exact = solve_ivp(rhs, (0, 40), problem.y0, "Radau", rtol=1e-11, atol=1e-14, jac=problem.jacobian, t_eval=times).y.T
    if every:
        assert np.all(np.diff(outcome.t) > 0) and outcome.t[0] == 0 and outcome.t[-1] == 40
    else:
        assert outcome.t.tolist() == times.tolist()
        assert np.abs(outcome.y / np.maximum(np.abs(exact), 1e-12) - 1)[1:].max() < 2e-5
    assert np.abs(outcome.dense(times) / np.maximum(np.abs(exact), 1e-12) - 1)[1:].max() < 2e-4


def test_parameters_that_an_event_changed_stay_changed_after_the_switch() -> None:
    """y' = -k (y - cos t) - sin t, y = cos t for every k: k jumps from 1 to 1e5 at t = 1; then y' = -1e5 (...) is stiff."""
    p = np.array([1.0, 0.0])

    def rhs(t: float, y: Array, out: Array) -> None:
        out[0] = -p[0] * (y[0] - np.cos(t)) - np.sin(t) + p[1]

    def effect(t: float, y: Array, values: Array) -> tuple[Array, Array]:
        return y, np.array([1e5, 1e5])

    def when(t: float, y: Array, out: Array) -> None:
        out[0] = t - 1

    events = Events((Watched("t >= 1", 1, effect),), when)
    problem = Problem(rhs, np.array([1.0]), 0.0, 10.0, parameters=p, events=events)
    outcome, said = solve_switching(problem, Options("Tsit5"), "embedded", NEXT)
    assert outcome.success and said and len(outcome.events) == 1
    assert outcome.y[-1][0] == pytest.approx(np.cos(10.0) + 1.0, abs=1e-4)  # p[1]/p[0] = 1 after the event
    assert p.tolist() == [1.0, 0.0]


def test_a_collapse_is_solved_again_from_the_start_or_told() -> None:
    """At a crude tolerance Tsit5 leaves Robertson's solution and blows up; a solution that does blow up is reported as before."""
    loose = Options("Tsit5", rtol=1e-3, atol=1e-5, dt=2e-3)
    alone = solve(robertson(), loose)
    outcome, said = solve_switching(robertson(), loose, "embedded", NEXT, patience=1e9)
    assert not alone.success and alone.stopped == "TOO_SMALL"
    assert outcome.success and "collapsed" in said and outcome.method == "Rodas5P"
    assert outcome.y[-1][0] == pytest.approx(0.7158270688, rel=1e-2)

    def blow_up(t: float, y: Array, out: Array) -> None:
        out[0] = y[0] ** 2

    failed, nothing = solve_switching(Problem(blow_up, np.array([1.0]), 0.0, 2.0), Options("Tsit5"), "embedded", NEXT)
    assert not failed.success and not nothing and "too small at t = 1" in failed.message


def test_what_cannot_change_does_not(tmp_path: Any) -> None:
    options = Options("Tsit5", checkpoint=tmp_path / "run.ckpt", max_steps=2000)
    outcome, said = solve_switching(robertson(), options, "embedded", NEXT)
    assert not said and "max_steps" in outcome.message
    assert solve_switching(robertson(), Options("Tsit5", max_steps=2000), "embedded", None).sentence == ""


@pytest.mark.parametrize("n", [3, 20, 200])
def test_the_measured_spectrum_is_that_of_the_jacobian(n: int) -> None:
    """A tridiagonal matrix: all eigenvalues for small n, the outermost ones else. Kinds: damped, waves."""
    second = np.diag(np.full(n - 1, 1.0), 1) + np.diag(np.full(n - 1, 1.0), -1) - 2 * np.eye(n)
    first = (np.diag(np.full(n - 1, 1.0), 1) - np.diag(np.full(n - 1, 1.0), -1)) / 2
    for matrix in (second, first):

        def rhs(t: float, y: Array, out: Array, matrix: Array = matrix) -> None:
            out[:] = 50 * (matrix @ y) + np.sin(t)

        found = measure(Problem(rhs, np.linspace(1, 2, n), 0.0, 1.0), [(0, n)])
        values = np.linalg.eigvals(50 * matrix)
        assert found is not None
        assert found.damping == pytest.approx(max(0, -values.real.min()), rel=0.05, abs=0.1)
        assert found.frequency == pytest.approx(np.abs(values.imag).max(), rel=0.05, abs=0.1)
        if n == 200:
            assert found.reaction < 1e-3  # moving all unknowns alike is felt at the two ends alone


def test_reactions_are_told_from_neighbours() -> None:
    """u_t = 1000 u_xx - 30 u: the diffusion is not felt by a constant."""
    n = 64

    def rhs(t: float, y: Array, out: Array) -> None:
        out[:] = 1000 * (np.roll(y, 1) - 2 * y + np.roll(y, -1)) - 30 * y

    found = measure(Problem(rhs, np.linspace(1, 2, n), 0.0, 1.0), [(0, n)])
    assert found is not None and found.reaction == pytest.approx(30, rel=1e-3)
    assert found.damping == pytest.approx(4030, rel=0.02)


def test_no_spectrum_where_there_is_none() -> None:
    def bad(t: float, y: Array, out: Array) -> None:
        out[:] = np.nan

    assert measure(Problem(bad, np.ones(2), 0.0, 1.0)) is None
    algebraic = Problem(lambda t, y, out: None, np.ones(2), 0.0, 1.0, differential=np.array([True, False]))
    assert measure(algebraic) is None
