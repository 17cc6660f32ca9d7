"""CVODE and IDA: errors against tolerances, every linear solver, options, orders, failures. What all backends share is in the files beside."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sparse

import symnum as sn
from symnum.errors import BackendUnavailable, SolveError
from symnum.solvers.backend import methods, solve, usable
from symnum.solvers.jacobian import fixed_jacobian, graph_width
from symnum.solvers.linear import choose
from symnum.solvers.polynomials import NODES
from symnum.solvers.problem import Options, Problem
from tests.solvers.problems import EXACT, forced, oscillator, van_der_pol

METHODS = list(methods("sundials"))
STIFF = ["CVODE", "IDA"]


# ------------------------------------------------------------------ accuracy


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.name)
def test_the_error_follows_the_tolerance(method, case):
    times = np.linspace(case.problem.t0, case.problem.t1, 41)
    errors = []
    for tol in (1e-5, 1e-7, 1e-9):
        run = solve(case.problem, Options(method, rtol=tol, atol=tol, saveat=times, dense=True))
        between = np.linspace(case.problem.t0, case.problem.t1, 333)
        errors.append(np.abs(run.y - case.solution(times)).max())
        assert run.success and errors[-1] < 150 * tol
        assert np.abs(run.dense(between) - case.solution(between)).max() < 150 * tol
    assert errors[0] > 50 * errors[2]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backward", [False, True])
def test_save_times_are_exact(method, backward):
    case = EXACT[0]
    times = np.array([0.0, 0.1, 0.1, 1.0, 1.0 + 1e-9, 2.7, 3.0])
    times = times[::-1] if backward else times
    start = case.solution(times[:1])[0]
    problem = Problem(oscillator, start, times[0], times[-1])
    run = solve(problem, Options(method, rtol=1e-8, atol=1e-8, saveat=times, dense=True))
    np.testing.assert_array_equal(run.t, times)
    np.testing.assert_array_equal(run.y[0], start)
    assert np.abs(run.y - case.solution(times)).max() < 1e-5
    np.testing.assert_allclose(
        run.dense(times), run.y, atol=1e-7
    )  # the interpolant against the polynomial through six of its values


@pytest.mark.parametrize("method", METHODS)
def test_saving_does_not_change_the_steps(method):
    """Values between steps are read off; the integrator does not notice."""
    problem = Problem(van_der_pol, [2.0, 0.0], 0, 10)
    plain = solve(problem, Options(method, every_step=True))
    read = solve(problem, Options(method, saveat=np.linspace(0, 10, 500), dense=True))
    assert plain.stats["steps"] == read.stats["steps"] == len(plain.t) - 1
    np.testing.assert_array_equal(read.dense(plain.t), plain.y)


@pytest.mark.parametrize("method", METHODS)
def test_jump_at_a_breakpoint_costs_no_accuracy(method):
    """y' = -y + 5 [1.1 <= t < 2]: f is asked only inside the segments, and each end is a step."""
    seen = []

    def rhs(t, y, out):
        seen.append(t)
        out[:] = -y + (5.0 if 1.1 <= t < 2.0 else 0.0)

    problem = Problem(rhs, [1.0], 0, 3.0, breakpoints=(2.0, 1.1))
    run = solve(problem, Options(method, rtol=1e-8, atol=1e-8, every_step=True))
    middle = 5 + (math.exp(-1.1) - 5) * math.exp(-0.9)
    assert run.y[-1, 0] == pytest.approx(middle * math.exp(-1.0), abs=1e-6)
    assert {1.1, 2.0} <= set(run.t.tolist()) and not {1.1, 2.0} & set(seen)
    assert run.stats["rhs_evaluations"] <= len(seen) <= run.stats["rhs_evaluations"] + 6  # one check a segment beside


def test_robertson_at_40():
    """Values of Hairer and Wanner, *Solving ODEs II*, as printed for the test problem ROBER."""

    def rhs(t, y, out):
        out[0] = -0.04 * y[0] + 1e4 * y[1] * y[2]
        out[2] = 3e7 * y[1] ** 2
        out[1] = -out[0] - out[2]

    def jacobian(t, y):
        first = [-0.04, 1e4 * y[2], 1e4 * y[1]]
        last = [0.0, 6e7 * y[1], 0.0]
        return np.array([first, [-a - b for a, b in zip(first, last, strict=True)], last])

    for method in STIFF:
        run = solve(Problem(rhs, [1, 0, 0], 0, 40, jacobian=jacobian), Options(method, rtol=1e-9, atol=1e-13))
        np.testing.assert_allclose(run.y[-1], [0.7158270688, 9.185534e-6, 0.2841637457], rtol=2e-7)


# ------------------------------------------------------------------ linear solvers

CELLS = 200  # above what is solved densely by itself


class Heat:
    """u_t = u_xx on a periodic grid with its Jacobian in the form that compiled ones have; exact solution of the discrete system."""

    def __init__(self):
        n = CELLS
        self.matrix = sparse.diags([-2.0, 1, 1, 1, 1], [0, 1, -1, n - 1, 1 - n], shape=(n, n)).tocsc() * float(n**2)
        self.matrix.sort_indices()
        self.start = np.sin(2 * np.pi * np.arange(n) / n)
        self.rate = -4 * n**2 * np.sin(np.pi / n) ** 2
        self.pattern, self.fills, self.products = self.matrix, 0, 0

    def rhs(self, t, y, out):
        out[:] = self.matrix @ y

    def fill(self, t, y, data):
        self.fills += 1
        data[:] = self.matrix.data

    def __call__(self, t, y):
        return self.matrix

    def jvp(self, t, y, v, out):
        self.products += 1
        out[:] = self.matrix @ v

    def problem(self, **known):
        return Problem(self.rhs, self.start, 0, 0.1, **known)

    def error(self, run):
        assert run.success, run.message
        return np.abs(run.y[-1] - self.start * np.exp(0.1 * self.rate)).max()


@pytest.mark.parametrize("method", STIFF)
@pytest.mark.parametrize(
    ("solver", "preconditioner"),
    [
        ("auto", None),
        ("dense", None),
        ("sparse", None),
        ("auto", "ilu"),
        *((krylov, p) for krylov in ("gmres", "bicgstab", "tfqmr") for p in ("lu", "ilu")),
        ("gmres", "none"),
    ],
)
def test_every_linear_solver(method, solver, preconditioner):
    heat = Heat()
    options = Options(method, rtol=1e-6, atol=1e-8, linear_solver=solver, preconditioner=preconditioner)
    run = solve(heat.problem(jacobian=heat), options)
    assert heat.error(run) < 1e-5
    assert run.stats["rhs_evaluations"] < (250 if preconditioner != "none" else 2500)
    assert heat.fills == run.stats["jacobian_evaluations"] or solver not in ("dense", "sparse")


@pytest.mark.parametrize("method", STIFF)
@pytest.mark.parametrize("known", ["nothing", "pattern", "pattern given late", "function", "dense function", "product"])
def test_whatever_is_known_of_the_jacobian(method, known):
    heat = Heat()
    given = {
        "nothing": {},
        "pattern": {"sparsity": heat.matrix != 0},
        "pattern given late": {"sparsity": lambda: heat.matrix != 0},
        "function": {"jacobian": lambda t, y: heat.matrix},
        "dense function": {"jacobian": lambda t, y: heat.matrix.toarray()},
        "product": {"jvp": heat.jvp, "jacobian": heat, "jacobian_exact": False},
    }[known]
    assert heat.error(solve(heat.problem(**given), Options(method, rtol=1e-6, atol=1e-8))) < 1e-5
    assert bool(heat.products) == (known == "product")


def test_a_jacobian_that_leaves_out_a_dense_part_preconditions_the_exact_product():
    """y' = A y + 1/n sum(y): with eigenvalue 1 for constants; the Jacobian given is A alone."""
    heat = Heat()

    def rhs(t, y, out):
        out[:] = heat.matrix @ y + y.mean()

    def jvp(t, y, v, out):
        heat.products += 1
        out[:] = heat.matrix @ v + v.mean()

    problem = Problem(rhs, heat.start + 1, 0, 0.1, jacobian=heat, jacobian_exact=False, jvp=jvp)
    for method in STIFF:
        run = solve(problem, Options(method, rtol=1e-8, atol=1e-10))
        exact = heat.start * np.exp(0.1 * heat.rate) + np.exp(0.1)
        assert np.abs(run.y[-1] - exact).max() < 1e-6 and heat.products > 0
    with pytest.raises(SolveError, match=r'integrals make it dense; write linear_solver="gmres"'):
        solve(problem, Options("CVODE", linear_solver="sparse"))


class Own:
    """The user's preconditioner: exact factors of M - gamma*A."""

    def __init__(self, heat):
        self.heat, self.setups, self.solves, self.reused = heat, 0, 0, 0

    def setup(self, t, y, gamma, reuse):
        self.setups, self.reused = self.setups + 1, self.reused + reuse
        self.factors = sparse.linalg.splu((sparse.identity(CELLS) - gamma * self.heat.matrix).tocsc())

    def solve(self, r, out):
        self.solves += 1
        out[:] = self.factors.solve(r)


@pytest.mark.parametrize("method", STIFF)
def test_own_preconditioner(method):
    heat = Heat()
    own = Own(heat)
    run = solve(heat.problem(), Options(method, rtol=1e-6, atol=1e-8, preconditioner=own))
    assert heat.error(run) < 1e-5 and own.setups > 5 and own.solves > own.setups
    without = solve(heat.problem(), Options(method, linear_solver="gmres", preconditioner="none"))
    assert run.stats["rhs_evaluations"] < without.stats["rhs_evaluations"] / 2


def test_factors_are_kept_while_they_help():
    """A good part of the changes of gamma needs no new factors."""
    heat = Heat()
    renewed = Own(heat)
    solve(heat.problem(), Options("CVODE", rtol=1e-6, atol=1e-8, preconditioner=renewed))
    heat.fills = 0
    run = solve(heat.problem(jacobian=heat), Options("CVODE", rtol=1e-6, atol=1e-8, preconditioner="lu"))
    from symnum.solvers.preconditioner import Factorisation

    made = Factorisation(fixed_jacobian(heat.problem(jacobian=heat)), "lu")
    made.setup(0.0, heat.start, 1e-5, False)
    for gamma, count in ((2e-5, 1), (4e-5, 1), (1e-4, 2), (1e-4, 2), (1e-5, 3)):
        made.setup(0.0, heat.start, gamma, True)
        assert made.factorisations == count and made.evaluations == 1
    made.setup(0.0, heat.start, 1e-5, False)
    assert made.factorisations == 4 and made.evaluations == 2
    assert heat.error(run) < 1e-5 and renewed.setups > 10 * run.stats["jacobian_evaluations"] / 2


@pytest.mark.parametrize("kind", ["lu", "ilu"])
def test_factors_solve_with_the_matrix(kind):
    from symnum.solvers.preconditioner import Factorisation

    heat = Heat()
    mask = np.arange(CELLS) % 3 > 0
    made = Factorisation(fixed_jacobian(heat.problem(jacobian=heat, differential=mask)), kind)
    made.setup(0.0, heat.start, 1e-3, False)
    matrix = sparse.diags(mask.astype(float)) - 1e-3 * heat.matrix
    r, out = np.random.default_rng(0).standard_normal(CELLS), np.empty(CELLS)
    made.solve(r, out)
    np.testing.assert_allclose(matrix @ out, r, atol=1e-9 if kind == "lu" else 0.1)


def test_the_choice_by_itself():
    heat = Heat()
    jacobian = fixed_jacobian(heat.problem(jacobian=heat))
    auto = Options("CVODE")
    assert choose(heat.problem(jacobian=heat), auto, jacobian, True) == choose(
        heat.problem(jacobian=heat), Options("CVODE", linear_solver="gmres", preconditioner="lu"), jacobian, True
    )
    assert choose(Problem(oscillator, [1, 0], 0, 1), auto, None, True).solver == "dense"
    assert choose(heat.problem(sparsity=heat.matrix), auto, None, True).solver == "sparse"
    assert choose(heat.problem(jacobian=heat), auto, jacobian, False).preconditioner == "none"  # Adams


def test_the_width_of_a_graph_is_that_of_its_cross_section():
    """A row of 200 points, a square of 12 x 12 and a cube of 7 x 7 x 7: 1, 12 and 49 points or little more."""
    assert 1 <= graph_width(sparse.diags([1.0, 1, 1], [0, 1, -1], shape=(200, 200)).tocsc()) <= 2
    for dimensions, n in ((2, 12), (3, 7)):
        row = sparse.diags([1.0, 1, 1], [0, 1, -1], shape=(n, n))
        box = row
        for _ in range(dimensions - 1):
            box = sparse.kronsum(box, row)
        section = n ** (dimensions - 1)
        assert 0.5 * section <= graph_width(sparse.csc_matrix(box)) <= 1.2 * section


def test_the_sparse_solver_is_refused_what_would_end_the_process():
    """SuperLU_MT calls exit() when its factors outgrow the room it has."""
    n = 3000
    tangled = (sparse.random(n, n, 0.004, random_state=1) + sparse.identity(n)).tocsc()
    problem = Problem(lambda t, y, out: np.copyto(out, -(tangled @ y)), np.ones(n), 0, 1, sparsity=tangled)
    with pytest.raises(SolveError, match=r'more than 40 times as large .* write linear_solver="gmres"'):
        solve(problem, Options("CVODE", linear_solver="sparse"))
    assert choose(problem, Options("CVODE"), None, True).solver == "gmres"


def test_a_diagonal_missing_from_the_pattern_is_added():
    """y0' = y1, y1' = -y0: no entry on the diagonal of the Jacobian."""
    swap = sparse.csc_matrix(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    problem = Problem(oscillator, [1.0, 0.0], 0, 3, jacobian=lambda t, y: swap)
    made = fixed_jacobian(problem)
    data = np.full(made.nnz, 7.0)
    made.fill(0.0, problem.y0, data)
    np.testing.assert_array_equal(made.matrix(data).toarray(), swap.toarray())
    assert made.nnz == 4
    for method in STIFF:
        for solver in ("sparse", "gmres"):
            run = solve(problem, Options(method, rtol=1e-7, atol=1e-7, linear_solver=solver))
            assert run.y[-1, 0] == pytest.approx(math.cos(3), abs=1e-5)


# ------------------------------------------------------------------ orders and steps


def degree(values):
    """Up to 3: of the polynomial through the four inner values of a step, which all are the method's own interpolant."""
    series = np.polynomial.chebyshev.chebfit(2 * np.array(NODES[1:-1]) - 1, values[1:-1], 3)
    return max((k for k in range(4) if np.abs(series[k]).max() > 1e-10 * np.abs(values).max()), default=0)


@pytest.mark.parametrize("method", STIFF)
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_max_order_is_kept_and_reached(method, order):
    """BDF of order q interpolates by a polynomial of degree q, which shows in the dense output of each step."""
    run = solve(Problem(forced, [1.0], 0, 6), Options(method, rtol=1e-5, atol=1e-5, max_order=order, dense=True))
    assert run.success and np.abs(run.y[-1] - EXACT[1].solution(6.0)) < 5e-3
    assert max(degree(values) for _, _, values in run.dense.steps) == min(order, 3)


def test_a_lower_order_takes_more_steps():
    """Steps grow with the tolerance to the power -1/(order + 1)."""
    counts = {
        order: [
            solve(EXACT[1].problem, Options("CVODE", rtol=tol, atol=tol, max_order=order)).stats["steps"]
            for tol in (1e-5, 1e-8)
        ]
        for order in (1, 2)
    }
    for order, (few, many) in counts.items():
        assert math.log(many / few) / math.log(1e3) == pytest.approx(1 / (order + 1), abs=0.07)


@pytest.mark.parametrize("method", [*METHODS])
def test_dt_is_the_first_step_and_max_step_the_longest(method):
    run = solve(EXACT[0].problem, Options(method, dt=1e-3, max_step=0.02, every_step=True))
    steps = np.diff(run.t)
    assert steps[0] == pytest.approx(1e-3, rel=0.5) and steps.max() <= 0.02 * (1 + 1e-9) and len(steps) >= 150


# ------------------------------------------------------------------ failures


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Options("CVODE", linear_solver="gmers"),
            r"linear_solver is 'gmers', not one of auto, .*Did you mean 'gmres'",
        ),
        (
            lambda: Options("CVODE", preconditioner="ilut"),
            r"preconditioner is 'ilut'.*setup\(t, y, gamma, reuse\).*Did you mean 'ilu'",
        ),
        (lambda: Options("CVODE", preconditioner=3), "preconditioner is 3, not None, one of none, lu, ilu"),
        (lambda: Options("CVODE", max_order=0), "max_order=2"),
        (lambda: Problem(oscillator, [1, 0], 0, 1, differential=[True]), "not 2 truth values; write None"),
        (lambda: Options("CVODE", max_order=1.5), "max_order is 1.5, not a whole number; write max_order=2"),
        (lambda: Options("CVODE", max_step=-1.0), "max_step=0.1"),
        (
            lambda: run_with("CVODE", max_order=6),
            "max_order=6 is above the highest order of CVODE, 5; write max_order=5",
        ),
        (lambda: run_with("CVODE_Adams", max_order=13), "highest order of CVODE_Adams, 12"),
        (lambda: run_with("Tsit5", max_order=2), r"max_order=2 is not for Tsit5 .*write method=.CVODE."),
        (lambda: run_with("BDF", linear_solver="gmres"), r"linear_solver='gmres' is not for BDF \(backend 'scipy'\)"),
        (lambda: run_with("Tsit5", preconditioner="none"), "preconditioner='none' is not for Tsit5"),
        (lambda: run_with("RKC2", max_step=0.1), "max_step=0.1 is not for RKC2"),
        (lambda: run_with("CVODE", linear_solver="sparse"), r"needs the pattern .* linear_solver=.gmres."),
        (lambda: run_with("CVODE", preconditioner="ilu"), r"this problem gives none; write preconditioner=.none."),
        (
            lambda: run_with("CVODE", linear_solver="dense", preconditioner="lu"),
            "serves Krylov methods, not linear_solver='dense'",
        ),
        (lambda: solve(Problem(oscillator, [1, 0], 1, 0), Options("CVODE", dt=0.1)), "backward; leave dt out"),
        (
            lambda: solve(Problem(oscillator, [1, 0], 0, 1, jacobian=lambda t, y: np.ones(2)), Options("CVODE")),
            r"jacobian\(t, y\) has shape \(2,\); return the \(2, 2\) matrix",
        ),
        (
            lambda: solve(Problem(oscillator, [1, 0], 0, 1, differential=[True, False]), Options("CVODE")),
            r"1 algebraic equation.*CVODE does not solve; write method=.IDA.",
        ),
    ],
)
def test_bad_input_is_answered_by_name(make, words):
    with pytest.raises(SolveError, match=words):
        make()


def run_with(method, **options):
    return solve(Problem(oscillator, [1.0, 0.0], 0, 1), Options(method, **options))


def test_a_jacobian_that_leaves_its_pattern_is_noticed():
    def jacobian(t, y):
        entries = [[0.0, 1.0], [-1.0, 0.0]] if t < 0.5 else [[0.5, 1.0], [-1.0, 0.5]]
        return sparse.csc_matrix(np.array(entries))

    first = sparse.csc_matrix(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    problem = Problem(oscillator, [1.0, 0.0], 0, 9, jacobian=jacobian, sparsity=first)
    with pytest.raises(SolveError, match="outside its pattern; give the Problem a sparsity"):
        solve(problem, Options("CVODE"))


@pytest.mark.parametrize("where", ["fill", "jvp", "setup", "solve"])
@pytest.mark.parametrize("method", STIFF)
def test_ctrl_c_in_any_callback_keeps_the_partial_result(method, where):
    heat = Heat()
    own = Own(heat)
    given = {
        "fill": {"preconditioner": "lu"},
        "jvp": {},
        "setup": {"preconditioner": own},
        "solve": {"preconditioner": own},
    }
    target, calls = (own if where in ("setup", "solve") else heat), []
    original = getattr(target, where)

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) > 6:
            raise KeyboardInterrupt
        return original(*arguments)

    setattr(target, where, interrupted)
    exact = where != "jvp"
    problem = heat.problem(jacobian=heat, jvp=heat.jvp, jacobian_exact=exact)
    run = solve(problem, Options(method, every_step=True, rtol=1e-10, **given[where]))
    assert not run.success and "interrupted at t" in run.message and len(calls) == 7
    assert 0 <= run.t[-1] < 0.1 and len(run.t) == run.stats["steps"] + 1


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("method", METHODS)
def test_a_signal_stops_a_long_run(method):
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    run = solve(Problem(oscillator, [1.0, 0.0], 0, 1e7), Options(method, rtol=1e-8))
    timer.join()
    assert not run.success and "interrupted" in run.message and 1 < run.t[-1] < 1e7
    assert run.stats["solve_seconds"] < 3


@pytest.mark.parametrize("method", METHODS)
def test_where_a_number_ceases_to_be_finite(method, capsys):
    """sqrt(y) of a state that runs below zero: y' = -1; the failed step is tried again to find the place. Nothing is printed."""

    def rhs(t, y, out):
        out[0] = -1.0
        with np.errstate(invalid="ignore"):
            out[1] = np.sqrt(y[0]) - y[1]

    run = solve(Problem(rhs, [0.5, 1.0], 0, 2.0), Options(method, every_step=True))
    assert not run.success and run.failure_index == 1 and run.failure_time == pytest.approx(0.5, abs=0.05)
    assert "NaN or infinity at t = 0.5" in run.message and "Check logarithms, roots" in run.message
    assert run.t[-1] == pytest.approx(0.5, abs=1e-3) and np.isfinite(run.y).all()
    said = capsys.readouterr()
    assert said.out == said.err == ""


@pytest.mark.parametrize("method", METHODS)
def test_a_blow_up_ends_before_the_steps_vanish(method, capfd):
    """y' = y^2 has no solution beyond t = 1; SUNDIALS itself would warn on stderr that t + h = t and go on."""

    def rhs(t, y, out):
        out[:] = y * y

    run = solve(Problem(rhs, [1.0], 0, 2.0), Options(method, rtol=1e-6, every_step=True))
    assert not run.success and run.t[-1] == pytest.approx(1, abs=1e-3) and "too short to change t" in run.message
    said = capfd.readouterr()
    assert said.out == said.err == ""


def test_what_the_user_prints_still_appears(capsys):
    def rhs(t, y, out):
        if t == 0:
            print("[hello] from f")
        out[:] = -y

    assert solve(Problem(rhs, [1.0], 0, 1), Options("CVODE")).success
    assert "[hello] from f\n" in capsys.readouterr().out


def test_without_the_package_the_line_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sksundae", None)  # as where it is not installed
    assert not usable("sundials") and usable("scipy")
    with pytest.raises(BackendUnavailable, match=r"CVODE needs the package scikit-sundae.*pip install scikit-sundae"):
        run_with("CVODE")


# ------------------------------------------------------------------ from a model


def biharmonic(closed):
    """u_t = -u_xxxx on (0, 1) from sin(2 pi x): periodic, or with u and its second derivative zero at both ends; the solution is the same."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    ends = [sn.dirichlet(u, 0, at=side(x)) for side in (sn.lower, sn.upper)]
    ends += [sn.condition(sn.Eq(sn.diff(u, x, 2), 0), at=side(x)) for side in (sn.lower, sn.upper)]
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), -sn.diff(u, x, 4))],
        domain=sn.Domain(t=(0, 1e-3), x=(0, 1)),
        conditions=ends if closed else [sn.periodic(x)],
        initial={u: sn.sin(2 * sn.pi * x)},
    )


@pytest.mark.parametrize("closed", [False, True])
def test_fourth_derivatives_take_large_steps(closed):
    solution = sn.solve(biharmonic(closed), resolution=192, rtol=1e-7, atol=1e-9, method="CVODE")
    x, t = solution["u"]["x"].values, solution["u"]["t"].values
    exact = np.exp(-((2 * np.pi) ** 4) * t)[:, None] * np.sin(2 * np.pi * x)
    assert (
        np.abs(solution["u"].values - exact).max() < 1.2e-3
    )  # second order: (2 pi h)^2/6 of a decay by t = 1/(2 pi)^4, at most 1/e
    assert solution.stats["steps"] < 200 and 0 < solution.stats["jacobian_evaluations"] < 20


def test_options_of_the_solver_reach_it():
    system = biharmonic(False)
    runs = {
        name: sn.solve(system, resolution=192, method="CVODE", **options)
        for name, options in {
            "auto": {},
            "order 1": {"max_order": 1},
            "krylov": {"linear_solver": "bicgstab", "preconditioner": "ilu"},
        }.items()
    }
    steps = {name: run.stats["steps"] for name, run in runs.items()}
    assert all(run.success for run in runs.values()) and steps["order 1"] > 3 * steps["auto"]
    for name in ("order 1", "krylov"):
        np.testing.assert_allclose(runs[name]["u"].values[-1], runs["auto"]["u"].values[-1], atol=3e-3)
    with pytest.raises(sn.SolveError, match="max_order=2 is not for Tsit5"):
        sn.solve(system, resolution=8, method="Tsit5", max_order=2)
    with pytest.raises(sn.SolveError, match="Did you mean 'dense'"):
        sn.solve(system, resolution=8, linear_solver="dens")


def test_integrals_keep_the_jacobian_small():
    """u_t = u_xx - integral(u): the mean decays like exp(-t), sin(2 pi x) by diffusion alone."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2) - sn.integral(u, x))],
        domain=sn.Domain(t=(0, 0.1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: 1 + sn.sin(2 * sn.pi * x)},
    )
    solution = sn.solve(system, resolution=256, method="CVODE", rtol=1e-7, atol=1e-9, saveat=[0, 0.1])
    h = 1 / 256
    rate = 4 / h**2 * np.sin(np.pi * h) ** 2
    exact = np.exp(-0.1) + np.exp(-0.1 * rate) * np.sin(2 * np.pi * solution["u"]["x"].values)
    assert solution.success and np.abs(solution["u"].values[-1] - exact).max() < 1e-5
    assert solution.stats["rhs_evaluations"] < 200


def test_solves_in_several_threads_leave_standard_output_as_it_was():
    before = sys.stdout
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(sn.solve, biharmonic(False), resolution=32, method="CVODE") for _ in range(12)]
        ends = [run.result()["u"].isel(t=-1).values for run in runs]
    assert sys.stdout is before
    assert all(np.array_equal(end, ends[0]) for end in ends)
