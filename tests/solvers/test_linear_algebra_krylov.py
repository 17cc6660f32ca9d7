"""GMRES against dense solves, and the choice of Krylov solvers for wide graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.errors import SolveError
from symnum.pipeline import _problem
from symnum.solvers.backend import solve
from symnum.solvers.jacobian import fixed_jacobian
from symnum.solvers.linear_algebra import choose
from symnum.solvers.linear_algebra.averaged import Averaged
from symnum.solvers.linear_algebra.choose import solver
from symnum.solvers.linear_algebra.krylov import DIMENSION, TOLERANCE, Krylov, gmres
from symnum.solvers.linear_algebra.lines import lines
from symnum.solvers.linear_algebra.sparse import Sparse
from symnum.solvers.preconditioner import Factorisation
from symnum.solvers.problem import Options, Problem


@settings(max_examples=20)
@given(n=st.integers(1, 60), seed=st.integers(0, 99))
def test_gmres_meets_its_target(n: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    matrix = np.eye(n) + 0.3 * draw.standard_normal((n, n)) / np.sqrt(n)
    near = np.linalg.inv(matrix + 0.1 * np.eye(n))
    b, weight = draw.standard_normal(n), 1 + draw.random(n)
    x, done, products = gmres(lambda v: matrix @ v, lambda v: near @ v, b, weight, 1e-9)
    assert done and np.linalg.norm(weight * (b - matrix @ x)) <= 1e-9
    assert products <= 2 * min(n, DIMENSION) + 2
    still, done, products = gmres(lambda v: matrix @ v, lambda v: v, np.zeros(n), weight, 1e-9)
    assert done and products == 0 and not still.any()


def test_gmres_says_where_it_does_not_converge() -> None:
    """A cyclic shift: no Krylov space of fewer than n directions holds anything of the solution (Nachtigal, Reddy, Trefethen 1992)."""
    n = 40
    b = np.zeros(n)
    b[0] = 1.0
    x, done, _ = gmres(lambda v: np.roll(v, 1), lambda v: v, b, np.ones(n), 1e-8)
    assert not done and not x.any()
    assert not gmres(lambda v: v * np.nan, lambda v: v, b, np.ones(n), 1e-8)[1]


def _system(rate: Any, cells: int) -> Problem:
    t, x, y = sn.coordinates("t x y")
    u = sn.field("u", (t, x, y))
    domain = sn.Domain(t=(0, 0.2), x=(0, 1), y=(0, 1))
    initial = {u: 1 + sn.cos(2 * sn.pi * x) * sn.sin(2 * sn.pi * y)}
    conditions = [sn.periodic(x), sn.periodic(y)]
    return _problem(
        sn.discretise(
            sn.PDESystem([sn.Eq(sn.dt(u), rate(u, x))], domain=domain, conditions=conditions, initial=initial),
            resolution=cells,
        )
    )


def _reaction(u: Any, x: Any) -> Any:
    return sn.laplacian(u) + u - u**3


def _layers(u: Any, x: Any) -> Any:
    return sn.div((2 + sn.cos(2 * sn.pi * x) * u) * sn.grad(u)) - u**3


@pytest.mark.parametrize(("rate", "kind"), [(_reaction, Averaged), (_layers, Factorisation)])
def test_solves_miss_by_a_thousandth_of_the_tolerance(rate: Any, kind: type) -> None:
    problem, options = _system(rate, 16), Options(rtol=1e-5, atol=1e-7, linear_solver="gmres")
    made = solver(problem, options)
    assert isinstance(made, Krylov) and isinstance(made.preconditioner, kind)
    assert problem.jacobian is not None
    y = np.array(problem.y0)
    jacobian = problem.jacobian(0.0, y).toarray()
    draw = np.random.default_rng(0)
    b, c, x, z = (draw.standard_normal(problem.n) for _ in range(4))
    weight = 1 / (options.atol + options.rtol * np.abs(y))

    def size(v: np.ndarray) -> float:
        return float(np.sqrt(np.mean((weight * v) ** 2)))

    one = np.eye(problem.n)
    assert made.jacobian(0.0, y) and made.factor(0, 80.0) and made.factor(1, 60 + 30j)
    assert made.solve(0, b, x)
    assert 0 < size(b - (80 * one - jacobian) @ x) <= TOLERANCE * 80
    assert made.solve_complex(1, b, c, x, z)
    left = (b + 1j * c) - ((60 + 30j) * one - jacobian) @ (x + 1j * z)
    assert np.hypot(size(left.real), size(left.imag)) <= TOLERANCE * abs(60 + 30j)
    made.product(b, x)
    assert np.allclose(x, jacobian @ b, rtol=1e-12)
    assert (made.evaluations, made.factorisations, made.solves) == (1, 2, 2)


def test_the_choice_for_wide_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Factors in a fixed pattern while they are cheap, else transforms precondition; without these SuperLU."""
    cheap = solver(_system(_reaction, 32), Options())
    assert isinstance(cheap, Sparse) and cheap.native is not None
    monkeypatch.setattr(choose, "MOST_IN_PATTERN", 1000)
    chosen = solver(_system(_reaction, 32), Options())
    assert isinstance(chosen, Krylov) and isinstance(chosen.preconditioner, Averaged)
    assert isinstance(solver(_system(_layers, 32), Options()), Sparse)
    assert isinstance(solver(_system(_reaction, 32), Options(linear_solver="sparse")), Sparse)
    with pytest.raises(SolveError, match="Jacobian"):
        solver(Problem(lambda t, y, out: None, np.ones(3), 0.0, 1.0), Options(linear_solver="gmres"))


@pytest.mark.parametrize("method", ["TRBDF2", "Rodas5P", "KenCarp4"])
def test_methods_give_the_same_solution_by_iteration_and_by_factors(method: str) -> None:
    problem = _system(_reaction, 16)
    ends = [solve(problem, Options(method, rtol=1e-6, atol=1e-8, linear_solver=name)) for name in ("gmres", "sparse")]
    assert all(end.success for end in ends)
    assert abs(ends[0].stats["steps"] - ends[1].stats["steps"]) <= 2
    assert np.abs(ends[0].y[-1] - ends[1].y[-1]).max() < 2e-6


def test_lines_split_the_jacobian_by_axis() -> None:
    """P = (1 - gamma A_x)(1 - gamma A_y) with A_x + A_y = J, each with the row sums of what moves along its axis."""
    problem, gamma = _system(_layers, 9), 0.01
    jacobian = fixed_jacobian(problem)
    assert jacobian is not None and problem.linear_part is not None and problem.jacobian is not None
    made = lines(jacobian, problem.linear_part())
    assert made is not None
    whole = problem.jacobian(0.0, problem.y0).toarray()
    i, j = np.indices((9, 9)).reshape(2, -1)
    x_part = whole * (j[:, None] == j) * (i[:, None] != i)
    y_part = whole * (i[:, None] == i) * (j[:, None] != j)
    rest = np.diag(whole) + x_part.sum(axis=1) + y_part.sum(axis=1)
    a = x_part + np.diag(rest / 2 - x_part.sum(axis=1))
    b = y_part + np.diag(rest / 2 - y_part.sum(axis=1))
    assert np.allclose(a + b, whole, atol=1e-10)
    r, out, one = np.random.default_rng(0).standard_normal(81), np.empty(81), np.eye(81)
    made.setup(0.0, problem.y0, 2 * gamma, False)
    made.setup(0.0, problem.y0, gamma, True)
    made.solve(r, out)
    assert np.allclose(out, np.linalg.solve((one - gamma * a) @ (one - gamma * b), r), atol=1e-11)
    assert (made.evaluations, made.factorisations, made.solves) == (1, 2, 1)


def test_lines_where_they_serve_and_where_not() -> None:
    problem = _system(_layers, 16)
    ends = [
        solve(problem, Options("Rodas5P", rtol=1e-6, atol=1e-8, linear_solver="gmres", preconditioner=p))
        for p in ("line", "ilu")
    ]
    assert all(end.success for end in ends) and np.abs(ends[0].y[-1] - ends[1].y[-1]).max() < 2e-6
    alone = Problem(lambda t, y, out: np.copyto(out, -y), np.ones(3), 0.0, 1.0, jacobian=lambda t, y: -np.eye(3))
    with pytest.raises(SolveError, match='preconditioner="ilu"'):
        solve(alone, Options("Rodas5P", linear_solver="gmres", preconditioner="line"))


def test_explicit_methods_take_no_linear_solver() -> None:
    with pytest.raises(SolveError, match="linear_solver='gmres' is not for Tsit5"):
        solve(_system(_reaction, 8), Options("Tsit5", linear_solver="gmres"))


@pytest.mark.parametrize(
    ("options", "split", "message"),
    [
        (Options("Rodas5P", linear_solver="bicgstab"), False, 'CVODE and IDA.*"sparse" or "gmres"'),
        (
            Options("KenCarp4-IMEX", linear_solver="gmres"),
            True,
            'whole Jacobian, not for KenCarp4-IMEX.*"dense" or "sparse"',
        ),
        (
            Options("Rodas5P", linear_solver="dense", preconditioner="ilu"),
            False,
            "serves iterations.*'dense' is direct",
        ),
        (Options("KenCarp4-IMEX", preconditioner="fft"), True, "serves iterations.*constant linear part"),
    ],
)
def test_options_that_would_not_be_used_are_refused(options: Options, split: bool, message: str) -> None:
    with pytest.raises(SolveError, match=message):
        solver(_system(_reaction, 8), options, split)


def test_a_preconditioner_that_is_asked_for_is_used() -> None:
    class Counting:
        """The identity."""

        calls = 0

        def setup(self, t: float, y: np.ndarray, gamma: float, reuse: bool) -> bool:
            return True

        def solve(self, r: np.ndarray, out: np.ndarray) -> None:
            self.calls += 1
            out[:] = r

    own = Counting()
    done = solve(_system(_reaction, 8), Options("Rodas5P", preconditioner=own))
    assert done.success and own.calls > done.stats["steps"]


def test_the_split_method_says_what_serves_the_fourier_scheme() -> None:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), -sn.diff(u, x, 3))],
        domain=sn.Domain(t=(0, 0.1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: sn.sin(2 * sn.pi * x)},
    )
    with pytest.raises(SolveError, match=r'KenCarp4-IMEX .*method="ETDRK4"'):
        sn.solve(system, resolution=16, scheme="fourier", method="KenCarp4-IMEX")
    large = sn.discretise(system, resolution=4096, scheme="fourier")
    with pytest.raises(SolveError, match=r'4096 unknowns; write method="ETDRK4"'):
        solver(_problem(large), Options("Rodas5P"))


def test_a_real_and_a_complex_shift_share_a_preconditioner() -> None:
    """Radau's two shifts, again and again: one P for each real factor, and both solves meet dense ones."""
    problem = _system(lambda u, x: 0.1 * sn.laplacian(u) - u**3, 8)
    linear = solver(problem, Options(method="Radau5", linear_solver="gmres", rtol=1e-8, atol=1e-8))
    assert isinstance(linear, Krylov)
    calls: list[float] = []
    setup = linear.preconditioner.setup
    linear.preconditioner.setup = lambda t, y, gamma, reuse: (calls.append(gamma), setup(t, y, gamma, reuse))[1]  # type: ignore[method-assign]
    n = problem.n
    linear.jacobian(0.0, problem.y0)
    data = np.empty(linear.fixed.nnz)
    linear.fixed.fill(0.0, problem.y0, data)
    dense = linear.fixed.matrix(data).toarray()
    b, c, out, out_im = np.sin(np.arange(n)), np.cos(np.arange(n)), np.empty(n), np.empty(n)
    for h in (0.01, 0.02):
        real, pair = 3.6378 / h, (2.6811 + 3.0504j) / h
        assert linear.factor(0, real) and linear.factor(1, pair)
        for _ in range(3):
            assert linear.solve(0, b, out)
            np.testing.assert_allclose(out, np.linalg.solve(real * np.eye(n) - dense, b), atol=2e-10)
            assert linear.solve_complex(1, b, c, out, out_im)
            np.testing.assert_allclose(out + 1j * out_im, np.linalg.solve(pair * np.eye(n) - dense, b + 1j * c), atol=2e-10)
    np.testing.assert_allclose(calls, [0.01 / 3.6378, 0.02 / 3.6378])
