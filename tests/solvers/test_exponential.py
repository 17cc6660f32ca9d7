"""Exponential methods: phi functions, order conditions, measured orders, linear problems in one step, solitons, agreement with SciPy, refusals."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix

import symnum as sn
from symnum.errors import SolveError
from symnum.ir.linear_part import LinearPart
from symnum.pipeline import _problem
from symnum.solvers.embedded.exponential import Stepper
from symnum.solvers.embedded.exponential_native import phi_function
from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.semilinear import Dense, OnGrid, semilinear
from symnum.solvers.embedded.solve import Run, solve
from symnum.solvers.embedded.tableau import order_residuals
from symnum.solvers.phi import phi_matrices, phi_scalars
from symnum.solvers.problem import Options, Problem
from tests.contracts.cases import TRAVELLING
from tests.solvers.problems import slope

EXPONENTIAL = sorted(name for name, m in methods().items() if m.exponential)
T, X = sn.coordinates("t x")

# --- phi functions ---


def exact_phi(z: complex, count: int) -> list[complex]:
    """By the recurrence with 60 digits, so that nothing cancels."""
    import mpmath

    with mpmath.workdps(60):
        w = mpmath.mpc(z)
        values = [mpmath.exp(w)]
        for j in range(count):
            values.append((values[-1] - 1 / mpmath.factorial(j)) / w if w else 1 / mpmath.factorial(j + 1))
        return [complex(v) for v in values]


ARGUMENTS = np.array(
    [0, 1e-9, -1e-5j, 0.5, -0.999, 1, -1.0001, 1j, 0.7 + 0.7j, 0.71 - 0.71j, -5 + 3j, 30j, -40, -700, -1e4, 1e3j, 2, 20]
)


def test_phi_functions_of_numbers():
    made = phi_scalars(ARGUMENTS, 5)
    for k, z in enumerate(ARGUMENTS):
        for j, exact in enumerate(exact_phi(z, 5)):
            assert abs(made[j, k] - exact) <= 1e-13 * abs(exact) + 1e-300


def test_phi_functions_in_machine_code():
    out = np.empty((6, 2 * len(ARGUMENTS)))
    z = np.concatenate([ARGUMENTS.real, ARGUMENTS.imag]) / 0.3
    phi_function()(z.ctypes.data, out.ctypes.data, len(ARGUMENTS), 1, 0.3, 5, out.shape[1])
    for k, z_ in enumerate(0.3 * (z[: len(ARGUMENTS)] + 1j * z[len(ARGUMENTS) :])):
        for j, exact in enumerate(exact_phi(z_, 5)):
            assert abs(out[j, k] + 1j * out[j, k + len(ARGUMENTS)] - exact) <= 1e-13 * abs(exact) + 1e-300


def test_phi_functions_of_matrices():
    """Similar to diagonal ones; and a Jordan block, whose corner is the derivative of phi."""
    rng = np.random.default_rng(0)
    basis, eigenvalues = rng.standard_normal((3, 3)), np.array([-40.0, -0.3, 2.0])
    made = phi_matrices((basis * eigenvalues) @ np.linalg.inv(basis), 4)
    for j in range(5):
        exact = (basis * [exact_phi(z, 4)[j].real for z in eigenvalues]) @ np.linalg.inv(basis)
        assert np.abs(made[j] - exact).max() < 1e-12 * np.abs(exact).max()
    block = phi_matrices(np.array([[-3.0, 1.0], [0.0, -3.0]]), 3)
    for j in range(4):
        step = 1e-5
        derivative = (exact_phi(-3 + step, 3)[j] - exact_phi(-3 - step, 3)[j]).real / (2 * step)
        assert block[j, 0, 1] == pytest.approx(derivative, rel=1e-8)


@pytest.mark.parametrize("wave", [4.0, 64.0, 2000.0])
def test_phi_functions_of_matrices_of_unlike_rows(wave):
    """u_tt = -u_xxxx on one wave: a rotation by k^2, in a matrix of norm k^4."""
    made = phi_matrices(np.array([[0.0, 1.0], [-(wave**4), 0.0]]), 3)[0]
    c, s = np.cos(wave**2), np.sin(wave**2)
    scale = np.array([[1.0, wave**-2], [wave**2, 1.0]])
    assert np.abs((made - np.array([[c, s], [-s, c]]) * scale) / scale).max() < 3e-16 * wave**2 + 1e-15


# --- coefficients ---


def at(entry, z):
    return sum(float(w) * phi_scalars(np.array(float(c) * z), m)[m] for w, m, c in entry)


@pytest.mark.parametrize("name", EXPONENTIAL)
def test_without_a_linear_part_it_is_a_runge_kutta_method_of_its_order(name):
    tableau = methods()[name].exponential
    rows = [[float(at(row.get(j, ()), 0.0)) for j in range(i)] for i, row in enumerate(tableau.a, start=1)]
    plain = SimpleNamespace(a=rows, extra_a=())
    weights = [*rows[-1], 0.0]
    estimate = [float(at(tableau.error.get(j, ()), 0.0)) for j in range(tableau.stages)]
    assert max(abs(r) for _, r in order_residuals(plain, weights, tableau.order)) < 1e-13
    assert max(abs(r) for _, r in order_residuals(plain, weights, tableau.order + 1)) > 1e-6
    lower = [b - e for b, e in zip(weights, estimate, strict=True)]
    assert max(abs(r) for _, r in order_residuals(plain, lower, tableau.estimate_order)) < 1e-13


@pytest.mark.parametrize("z", [-0.01, -1.0, -30.0, -1e4])
def test_weights_of_order_five_meet_the_stiff_conditions(z):
    """sum_i b_i(z) c_i^(j-1)/(j-1)! = phi_j(z) for j = 1 ... 4 (Luan and Ostermann 2014, table 1)."""
    tableau = methods()["ETD5"].exponential
    exact = phi_scalars(np.array(z), 4)
    for j in range(1, 5):
        terms = [at(e, z) * float(tableau.c[i]) ** (j - 1) / [1, 1, 2, 6][j - 1] for i, e in tableau.a[-1].items()]
        assert sum(terms) == pytest.approx(exact[j], rel=1e-11, abs=1e-15)


# --- orders ---


def fixed(name, problem, count) -> np.ndarray:
    """The state at the end after equal steps."""
    method = methods()[name]
    stepper = Stepper(method.exponential, semilinear(problem, name), problem.breakpoints, problem.autonomous)
    h, y = (problem.t1 - problem.t0) / count, problem.y0.copy()
    out, error = np.empty_like(y), np.empty_like(y)
    for k in range(count):
        assert stepper.advance(problem.t0 + k * h, h, y, out, error)
        y, out = out, y
    return y


def stiff_travelling(diffusion: float) -> tuple[Problem, np.ndarray]:
    """u_t = D u_xx - u^3 + s with the s that makes 1 + sin(x - t)/2 exact, on 32 points with the exact symbol."""
    x = 2 * np.pi * np.arange(32) / 32
    second = np.real(np.fft.ifft(-(np.fft.fftfreq(32, 1 / 32) ** 2)[:, None] * np.fft.fft(np.eye(32), axis=0), axis=0))

    def rhs(t, y, out):
        exact = 1 + 0.5 * np.sin(x - t)
        out[:] = diffusion * second @ (y - exact) - y**3 + exact**3 - 0.5 * np.cos(x - t)

    part = LinearPart(csc_matrix(diffusion * second), ("u",), ((32,),), (0,), (1,), True)
    return Problem(rhs, 1 + 0.5 * np.sin(x), 0, 1, linear_part=lambda: part), 1 + 0.5 * np.sin(x - 1)


def turning() -> tuple[Problem, np.ndarray]:
    """y' = (1 + |y|^2) J y, the part without |y|^2 as L: once round every pi."""

    def rhs(t, y, out):
        out[0], out[1] = -(1 + y @ y) * y[1], (1 + y @ y) * y[0]

    part = LinearPart(csc_matrix([[0.0, -1.0], [1.0, 0.0]]), ("a", "b"), ((), ()), (0, 1), (), True)
    return Problem(rhs, np.array([1.0, 0.0]), 0, 3, linear_part=lambda: part), np.array([np.cos(6), np.sin(6)])


def relaxing() -> tuple[Problem, np.ndarray]:
    """Van der Pol's equation, mu = 1; the reference from SciPy."""

    def rhs(t, y, out):
        out[0], out[1] = y[1], (1 - y[0] ** 2) * y[1] - y[0]

    part = LinearPart(csc_matrix([[0.0, 1.0], [-1.0, 1.0]]), ("a", "b"), ((), ()), (0, 1), (), True)
    problem = Problem(rhs, np.array([2.0, 0.0]), 0, 4, linear_part=lambda: part)
    return problem, solve_tightly(problem, "DOP853", 1e-13)


def soliton() -> tuple[Problem, np.ndarray]:
    problem = _problem(sn.discretise(kdv(SOLITON, 0.2), 128, "fourier"))
    return problem, fixed("ETD5", problem, 1000)


ORDERS = {
    "turning": (turning, (27, 36, 50, 70, 100)),
    "relaxing": (relaxing, (36, 50, 70, 100)),
    "soliton": (soliton, (60, 80, 110, 150)),
}


@pytest.mark.parametrize("name", EXPONENTIAL)
@pytest.mark.parametrize("case", ORDERS)
def test_measured_order(name, case):
    made, counts = ORDERS[case]
    problem, exact = made()
    errors = [np.abs(fixed(name, problem, n) - exact).max() for n in counts]
    assert slope(1 / np.array(counts), errors) == pytest.approx(methods()[name].order, abs=0.2)


def test_a_stiff_source_costs_order_five_less_than_order_four():
    """N = -300 times a derivative that depends on time: methods whose stages have low order lose theirs (order reduction)."""
    problem, exact = stiff_travelling(300.0)
    errors = {name: [np.abs(fixed(name, problem, n) - exact).max() for n in (8, 16)] for name in EXPONENTIAL}
    assert errors["ETD5"][0] / errors["ETD5"][1] > 2**3.3 and errors["ETDRK4"][0] / errors["ETDRK4"][1] < 2**3
    assert errors["ETD5"][1] < errors["ETDRK4"][1] / 100


@pytest.mark.parametrize("name", EXPONENTIAL)
def test_order_of_the_error_estimate(name):
    problem, _ = turning()
    method = methods()[name]
    stepper = Stepper(method.exponential, semilinear(problem, name))
    sizes, found = np.array([0.05, 0.07, 0.1, 0.14]), []
    for h in sizes:
        out, error = np.empty_like(problem.y0), np.empty_like(problem.y0)
        stepper.advance(0.0, h, problem.y0, out, error)
        found.append(np.sqrt(np.mean(error**2)))
    assert slope(sizes, found) == pytest.approx(method.estimate_order, abs=0.35)


@pytest.mark.parametrize("name", EXPONENTIAL)
@pytest.mark.parametrize("kind", ["time", "chain"])
def test_the_estimate_sees_sources_that_do_not_depend_on_what_they_drive(name, kind):
    """u_t = D u_xx + cos(3t) sin(pi x), and u_t = D u_xx + v^2 with v_t = -3 v_x: stages at one time have one N each.

    By hand: u = c(t) sin(pi x), c' = -k c + cos(3t); v = cos(pi (x - 3t)), v^2 = 1/2 + Re exp(2 pi i (x - 3t))/2.
    """
    u, v, diffusion, end = sn.field("u", (T, X)), sn.field("v", (T, X)), 0.05, 2.0
    x = np.arange(32) / 16
    if kind == "time":
        rates, k = {u: sn.cos(3 * T) * sn.sin(sn.pi * X)}, diffusion * np.pi**2
        c = (k * np.cos(3 * end) + 3 * np.sin(3 * end) - k * np.exp(-k * end)) / (k**2 + 9)
        exact = c * np.sin(np.pi * x)
    else:
        rates, k, w = {u: v**2, v: -3 * sn.diff(v, X)}, 4 * diffusion * np.pi**2, 6j * np.pi
        c = 0.5 * (np.exp(-w * end) - np.exp(-k * end)) / (k - w)
        exact = end / 2 + (c * np.exp(2j * np.pi * x)).real
    system = sn.PDESystem(
        [sn.Eq(sn.dt(f), r + (diffusion * sn.diff(u, X, 2) if f is u else 0)) for f, r in rates.items()],
        domain=sn.Domain(t=(0, end), x=(0, 2)),
        conditions=[sn.periodic(X)],
        initial={u: 0, v: sn.cos(sn.pi * X)} if kind == "chain" else {u: 0},
    )
    for rtol in (1e-4, 1e-6):
        made = sn.solve(system, 32, scheme="fourier", method=name, rtol=rtol, atol=rtol, saveat=[end])
        assert np.abs(np.asarray(made[u])[-1] - exact).max() < 10 * rtol


@pytest.mark.parametrize("name", EXPONENTIAL)
def test_dense_output_is_of_third_order(name):
    """Cubic Hermite: between the steps of a smooth solution the error falls as h^4."""
    times, found, sizes = np.linspace(0, 3, 61), [], []
    for rtol in (1e-5, 1e-7):
        outcome = solve(TRAVELLING.problem, Options(name, rtol=rtol, atol=1e-9, dense=True, every_step=True))
        found.append(np.abs(outcome.dense(times) - TRAVELLING.solution(times)).max())
        sizes.append(np.diff(outcome.t).max())
    assert found[1] < 1e-4 and found[1] < 3 * found[0] * (sizes[1] / sizes[0]) ** 3


# --- linear problems: exact, whatever the step ---


def periodic_system(rates, initial, end=1.0, length=2 * sn.pi):
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), r) for u, r in rates.items()],
        domain=sn.Domain(t=(0, end), x=(0, length)),
        conditions=[sn.periodic(X)],
        initial=initial,
    )


U, V = sn.fields("u v", (T, X))
LINEAR = {
    "heat": (
        periodic_system({U: 0.3 * sn.diff(U, X, 2)}, {U: sn.cos(3 * X)}),
        lambda x, t: np.exp(-2.7 * t) * np.cos(3 * x),
    ),
    "Airy": (periodic_system({U: -sn.diff(U, X, 3)}, {U: sn.sin(5 * X)}), lambda x, t: np.sin(5 * x + 125 * t)),
    "Schrodinger": (
        periodic_system({U: -sn.diff(V, X, 2), V: sn.diff(U, X, 2)}, {U: sn.cos(4 * X), V: sn.sin(4 * X)}),
        lambda x, t: np.cos(4 * x - 16 * t),
    ),
    "critically damped": (  # a Jordan block on every wave of the second field
        periodic_system({U: -2 * U + V + sn.diff(U, X, 2), V: -2 * V + sn.diff(V, X, 2)}, {U: 0, V: sn.sin(X)}),
        lambda x, t: t * np.exp(-3 * t) * np.sin(x),
    ),
}


@pytest.mark.parametrize("scheme", ["fourier", "fourier odd", "numpy"])
@pytest.mark.parametrize("case", LINEAR)
@pytest.mark.parametrize("name", EXPONENTIAL)
def test_linear_problems_are_exact_in_one_step(name, case, scheme):
    system, exact = LINEAR[case]
    target = "numpy" if scheme == "numpy" else "llvm"
    discretised = sn.discretise(system, 15 if scheme == "fourier odd" else 16, "fourier", target=target)
    x = discretised.semi.axes[0].coordinates()
    found = fixed(name, _problem(discretised), 1)[: len(x)]
    assert np.abs(found - exact(x, 1.0)).max() < 2e-12


def test_differences_on_cosine_and_sine_sides_are_exact_too():
    """u_t = u_xx between insulated and between cold sides: the modes of the difference operator decay at its own rates."""
    for condition, start in ((sn.neumann, sn.cos(2 * X)), (sn.dirichlet, sn.sin(2 * X))):
        system = sn.PDESystem(
            [sn.Eq(sn.dt(U), sn.diff(U, X, 2))],
            domain=sn.Domain(t=(0, 0.5), x=(0, sn.pi)),
            conditions=[condition(U, 0, at=sn.lower(X)), condition(U, 0, at=sn.upper(X))],
            initial={U: start},
        )
        problem = _problem(sn.discretise(system, 32))
        matrix = problem.linear_part().matrix.toarray()
        values, vectors = np.linalg.eig(matrix)
        exact = (vectors @ (np.exp(0.5 * values) * np.linalg.solve(vectors, problem.y0))).real
        assert isinstance(semilinear(problem, "ETDRK4"), OnGrid)
        assert np.abs(fixed("ETDRK4", problem, 1) - exact).max() < 1e-10


def test_other_linear_parts_are_full_matrices_while_small():
    system = sn.PDESystem(
        [
            sn.Eq(sn.dt(U), (2 + sn.sin(3 * X) * X) * sn.diff(U, X, 2) + X * sn.diff(V, X) - U**3),
            sn.Eq(sn.dt(V), sn.diff(V, X, 2) + (1 + X) * U),
        ],
        domain=sn.Domain(t=(0, 0.2), x=(0, 1)),
        conditions=[
            sn.dirichlet(U, 0, at={X: 0}),
            sn.neumann(U, 0, at={X: 1}),
            sn.dirichlet(V, 0, at={X: 0}),
            sn.dirichlet(V, 0, at={X: 1}),
        ],
        initial={U: X * (2 - X), V: X * (1 - X)},
    )
    problem = _problem(sn.discretise(system, 24))
    assert isinstance(semilinear(problem, "ETD5"), Dense)
    exact = solve_tightly(problem)
    assert np.abs(solve(problem, Options("ETD5", rtol=1e-8, atol=1e-10)).y[-1] - exact).max() < 1e-7


# --- solitons ---


def kdv(start, end, f=lambda u: -3 * sn.diff(u**2, X)):
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), f(U) - sn.diff(U, X, 3))],
        domain=sn.Domain(t=(0, end), x=(-20, 20)),
        conditions=[sn.periodic(X)],
        initial={U: start},
    )


SOLITON = 2 / sn.cosh(X) ** 2


def two_solitons(x, t, exp=np.exp):
    """Hirota 1971: u = 2 (log F)_xx, F = 1 + e^a + e^b + A e^(a+b), speeds k^2 = 4 and 2.25."""
    ka, kb = 2.0, 1.5
    a, b = exp(ka * (x + 8) - ka**3 * t), exp(kb * (x + 2) - kb**3 * t)
    c = ((ka - kb) / (ka + kb)) ** 2 * a * b
    f, fx = 1 + a + b + c, ka * a + kb * b + (ka + kb) * c
    fxx = ka**2 * a + kb**2 * b + (ka + kb) ** 2 * c
    return 2 * (fxx * f - fx**2) / f**2


@pytest.mark.parametrize("name", EXPONENTIAL)
def test_two_solitons_pass_through_each_other(name):
    found = sn.solve(
        kdv(lambda x: two_solitons(x, 0.0), 2.0),
        256,
        "fourier",
        method=name,
        rtol=1e-8,
        atol=1e-9,
        saveat=[0.0, 1.0, 2.0],
    )
    x = found["x"].values
    for t in (1.0, 2.0):
        assert np.abs(found["u"].sel(t=t).values - two_solitons(x, t)).max() < 2e-6
    for quantity in (lambda u: u.sum(), lambda u: (u**2).sum()):
        values = [quantity(found["u"].sel(t=t).values) for t in (0.0, 1.0, 2.0)]
        assert values == pytest.approx([values[0]] * 3, rel=1e-8)


# --- whole runs ---


def solve_tightly(problem, method="Radau", rtol=1e-11):
    from symnum.solvers.backend import solve as run

    return run(problem, Options(method, rtol=rtol, atol=rtol / 10)).y[-1]


def flame(end=4.0):
    return periodic_system(
        {U: -sn.diff(U**2 / 2, X) - sn.diff(U, X, 2) - sn.diff(U, X, 4)},
        {U: sn.cos(X / 4) * (1 + sn.sin(X / 4))},
        end,
        8 * sn.pi,
    )


@pytest.mark.parametrize("name", EXPONENTIAL)
@pytest.mark.parametrize("scheme", ["fourier", "central"])
def test_agrees_with_radau(name, scheme):
    problem = _problem(sn.discretise(flame(), 32, scheme, 4))
    exact = solve_tightly(problem)
    for rtol in (1e-4, 1e-7):
        found = solve(problem, Options(name, rtol=rtol, atol=rtol))
        assert found.success and np.abs(found.y[-1] - exact).max() < 30 * rtol


@pytest.mark.parametrize("name", EXPONENTIAL)
@pytest.mark.parametrize("cells", [32, 33])
def test_machine_code_takes_the_steps_of_numpy(name, cells):
    problem = _problem(sn.discretise(flame(), cells, "fourier"))
    native, plain = (
        solve(problem, Options(name, rtol=1e-5, every_step=True), meaning) for meaning in ("llvm", "numpy")
    )
    assert len(native.t) == len(plain.t) > 5
    assert np.abs(native.y - plain.y).max() < 1e-9


@pytest.mark.parametrize("name", EXPONENTIAL)
@pytest.mark.parametrize("scheme", ["fourier", "central"])
def test_machine_code_in_the_plane(name, scheme):
    """Two fields, coupled in L or not, a source that depends on time; against NumPy's steps and SciPy."""
    y = sn.coordinates("y")
    u, v = sn.fields("u v", (T, X, y))
    for coupling in (0, 2.0):
        system = sn.PDESystem(
            [
                sn.Eq(
                    sn.dt(u), 0.2 * sn.laplacian(u) + coupling * sn.laplacian(v) / 10 - u * v**2 + sn.sin(T) * sn.cos(X)
                ),
                sn.Eq(sn.dt(v), 0.1 * sn.laplacian(v) + u * v - sn.diff(v, y) * v),
            ],
            domain=sn.Domain(t=(0, 0.5), x=(0, 2 * sn.pi), y=(0, 4)),
            conditions=[sn.periodic(X), sn.periodic(y)],
            initial={u: 1 + sn.sin(X) * sn.cos(sn.pi * y / 2), v: sn.cos(X)},
        )
        problem = _problem(sn.discretise(system, {"x": 8, "y": 10}, scheme))
        native, plain = (solve(problem, Options(name, rtol=1e-6, every_step=True), m) for m in ("llvm", "numpy"))
        assert len(native.t) == len(plain.t) and np.abs(native.y - plain.y).max() < 1e-10
        assert np.abs(native.y[-1] - solve_tightly(problem, "DOP853")).max() < 1e-4


def test_save_times_are_step_ends_and_tables_few():
    problem = _problem(sn.discretise(flame(20.0), 32, "fourier"))
    times = np.linspace(0, 20, 101)
    run = Run(problem, Options("ETDRK4", rtol=1e-5, saveat=times))
    outcome = run.solve()
    assert np.array_equal(outcome.t, times) and outcome.stats["steps"] % 100 < 100
    assert run.linear.factorisations <= 20 < outcome.stats["steps"]
    alone = solve(problem, Options("ETDRK4", rtol=1e-9, atol=1e-11, saveat=times[[0, 37, 100]]))
    assert np.abs(outcome.y[[37]] - alone.y[[1]]).max() < 1e-3


@pytest.mark.parametrize("name", EXPONENTIAL)
def test_jumps_in_time_are_met(name):
    system = periodic_system(
        {U: 0.5 * sn.diff(U, X, 2) - U**3 + sn.where(T >= 0.4, sn.sin(X), 0) * (1 + T)}, {U: sn.cos(X)}
    )
    for target in ("llvm", "numpy"):
        problem = _problem(sn.discretise(system, 16, "fourier", target=target))
        assert problem.breakpoints == (0.4,)
        exact = solve_tightly(problem, "DOP853")
        assert np.abs(solve(problem, Options(name, rtol=1e-8, atol=1e-10)).y[-1] - exact).max() < 1e-7


@pytest.mark.parametrize("name", EXPONENTIAL)
def test_backward_in_time(name):
    """Dispersion without damping runs both ways."""
    discretised = sn.discretise(kdv(SOLITON, 0.3), 128, "fourier")
    there = _problem(discretised)
    end = solve(there, Options(name, rtol=1e-9, atol=1e-10)).y[-1]
    back = Problem(
        there.rhs, end, 0.3, 0.0, address=there.address, parameters=there.parameters, semilinear=there.semilinear
    )
    assert np.abs(solve(back, Options(name, rtol=1e-9, atol=1e-10)).y[-1] - there.y0).max() < 1e-6


NUMBERS = st.floats(-1, 1).map(lambda x: round(x, 2))


@settings(max_examples=5, deadline=None)
@given(
    st.lists(NUMBERS, min_size=8, max_size=8),
    st.sampled_from(["fourier", "fourier_dealiased", "central"]),
    st.booleans(),
)
def test_random_semilinear_systems(numbers, scheme, coupled):
    a, b, c, d, e, f, g, h = numbers
    first = (0.2 + abs(a)) * sn.diff(U, X, 2) + b * sn.diff(U, X, 3) - U**3 + c * V * sn.diff(U, X) + d * sn.cos(T)
    second = (
        (0.1 + abs(e)) * sn.diff(V, X, 2)
        - f * sn.diff(V, X)
        + (g * sn.diff(U, X, 2) if coupled else 0)
        + h * sn.sin(U)
        - V**3
    )
    system = periodic_system({U: first, V: second}, {U: sn.sin(X), V: sn.cos(2 * X) / 2}, 0.3)
    problem = _problem(sn.discretise(system, 16, scheme))
    exact = solve_tightly(problem)
    for name in EXPONENTIAL:
        found = solve(problem, Options(name, rtol=1e-8, atol=1e-10))
        assert np.abs(found.y[-1] - exact).max() < 1e-6 * max(1.0, np.abs(exact).max())


# --- refusals and failures ---


def test_what_has_no_linear_part_is_refused():
    with pytest.raises(SolveError, match=r"constant linear part.*CVODE"):
        solve(Problem(lambda t, y, out: np.negative(y, out=out), [1.0], 0, 1), Options("ETDRK4"))


def test_too_large_for_full_matrices_is_refused():
    system = sn.PDESystem(
        [
            sn.Eq(sn.dt(U), (2 + sn.sin(3 * X) * X) * sn.diff(U, X, 2) + X * sn.diff(V, X)),
            sn.Eq(sn.dt(V), sn.diff(V, X, 2) + (1 + X) * U),
        ],
        domain=sn.Domain(t=(0, 0.2), x=(0, 1)),
        conditions=[
            sn.dirichlet(U, 0, at={X: 0}),
            sn.neumann(U, 0, at={X: 1}),
            sn.dirichlet(V, 0, at={X: 0}),
            sn.dirichlet(V, 0, at={X: 1}),
        ],
        initial={U: X * (2 - X), V: X * (1 - X)},
    )
    with pytest.raises(SolveError, match=r"no Fourier, cosine or sine transform.*CVODE"):
        sn.solve(system, 130, method="ETD5")


def test_blow_up_keeps_what_there_is_and_names_the_place():
    system = periodic_system({U: sn.diff(U, X, 2) + U**3}, {U: 2 + sn.cos(X)})
    with pytest.warns(sn.errors.SolveWarning if hasattr(sn, "errors") else UserWarning):
        found = sn.solve(system, 16, "fourier", method="ETDRK4", rtol=1e-6)
    assert not found.success and "u" in found.message and len(found["t"]) >= 1


def test_an_exception_in_the_right_hand_side_comes_through():
    problem, _ = stiff_travelling(1.0)

    def failing(t, y, out):
        if t > 0.3:
            raise ZeroDivisionError("mine")
        problem.rhs(t, y, out)

    with pytest.raises(ZeroDivisionError, match="mine"):
        solve(Problem(failing, problem.y0, 0, 1, linear_part=problem.linear_part), Options("ETDRK4"))
