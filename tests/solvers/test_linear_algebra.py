"""Linear solvers against NumPy on random matrices: both meanings, real and complex, algebraic rows, integrals."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix, random_array

import symnum as sn
from symnum.errors import SolveError
from symnum.pipeline import _problem
from symnum.solvers.linear_algebra.banded import Banded
from symnum.solvers.linear_algebra.choose import solver
from symnum.solvers.linear_algebra.differences import colour_columns, differences
from symnum.solvers.linear_algebra.direct import Dense
from symnum.solvers.linear_algebra.entries import entries_of
from symnum.solvers.linear_algebra.sparse import Sparse
from symnum.solvers.problem import Options, Problem

KINDS = {"dense": Dense, "banded": Banded, "sparse": Sparse}
POINTER, INT, DOUBLE = ctypes.c_void_p, ctypes.c_int32, ctypes.c_double


class Native:
    """A native face called the way the driver calls it."""

    def __init__(self, native: Any, n: int) -> None:
        kinds = [
            (INT, POINTER, DOUBLE, POINTER, POINTER),
            (INT, POINTER, INT, DOUBLE, DOUBLE),
            (INT, POINTER, INT, POINTER, POINTER),
            (INT, POINTER, INT, *[POINTER] * 4),
            (None, *[POINTER] * 3),
        ]
        context, *addresses = native.table
        made = [ctypes.CFUNCTYPE(*kind)(address) for kind, address in zip(kinds, addresses, strict=True)]
        self.functions, self.context, self.keep, self.p = made, context, native, np.zeros(4)

    def _call(self, which: int, *arguments: Any) -> Any:
        given = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]
        return self.functions[which](self.context, *given)

    def jacobian(self, t: float, y: np.ndarray) -> bool:
        return bool(self._call(0, t, y, self.p))

    def factor(self, slot: int, shift: complex) -> bool:
        return bool(self._call(1, slot, complex(shift).real, complex(shift).imag))

    def solve(self, slot: int, b: np.ndarray, out: np.ndarray) -> bool:
        return bool(self._call(2, slot, b, out))

    def solve_complex(self, slot: int, *vectors: np.ndarray) -> bool:
        return bool(self._call(3, slot, *vectors))

    def product(self, v: np.ndarray, out: np.ndarray) -> None:
        self._call(4, v, out)


def _random_problem(n: int, density: float, seed: int, algebraic: int) -> tuple[Problem, np.ndarray]:
    draw = np.random.default_rng(seed)
    matrix = random_array((n, n), density=density, rng=draw, format="csc") + csc_matrix(
        np.diag(draw.standard_normal(n))
    )
    differential = np.ones(n, dtype=bool)
    differential[:algebraic] = False
    problem = Problem(
        rhs=lambda t, y, out: np.copyto(out, t * (matrix @ y)),
        y0=draw.standard_normal(n),
        t0=0.0,
        t1=1.0,
        jacobian=lambda t, y: t * matrix,
        sparsity=matrix != 0,
        differential=differential,
    )
    return problem, matrix.toarray()


def _check(face: Any, jacobian: np.ndarray, mass: np.ndarray, t: float, y: np.ndarray) -> None:
    """Every function of a solver against NumPy's dense ones."""
    n, draw = len(y), np.random.default_rng(1)
    b, c, x, z = (draw.standard_normal(n) for _ in range(4))
    assert face.jacobian(t, y)
    real, imaginary = 7.3, complex(6.1, -2.9)
    assert face.factor(0, real) and face.factor(1, imaginary) and face.factor(2, 2 * real)
    for slot, shift in ((0, real), (2, 2 * real)):
        whole = shift * np.diag(mass) - jacobian
        assert face.solve(slot, b, x)
        assert np.allclose(x, np.linalg.solve(whole, b), rtol=1e-9, atol=1e-11)
    assert face.solve_complex(1, b, c, x, z)
    exact = np.linalg.solve(imaginary * np.diag(mass) - jacobian, b + 1j * c)
    assert np.allclose(x + 1j * z, exact, rtol=1e-9, atol=1e-11)
    face.product(b, x)
    assert np.allclose(x, jacobian @ b, rtol=1e-12, atol=1e-12)
    together = np.array(b)  # out may be b
    assert face.solve(0, together, together)
    assert np.allclose(together, np.linalg.solve(real * np.diag(mass) - jacobian, b), rtol=1e-9, atol=1e-11)


@settings(max_examples=12)
@given(n=st.integers(1, 70), density=st.floats(0.02, 0.5), seed=st.integers(0, 99), algebraic=st.integers(0, 2))
def test_every_solver_equals_numpy(n: int, density: float, seed: int, algebraic: int) -> None:
    problem, matrix = _random_problem(n, density, seed, min(algebraic, n - 1))
    mass = np.ones(n) if problem.differential is None else problem.differential.astype(float)
    for kind in KINDS.values():
        made = kind(entries_of(problem, Options()))
        _check(made, 0.7 * matrix, mass, 0.7, problem.y0)
        assert (made.evaluations, made.factorisations, made.solves) == (1, 3, 4)
        if made.native is not None:
            _check(Native(made.native, n), 0.7 * matrix, mass, 0.7, problem.y0)
            assert (made.evaluations, made.factorisations, made.solves) == (2, 6, 8)


def test_a_large_full_matrix_goes_to_lapack() -> None:
    problem, matrix = _random_problem(90, 0.5, 3, 1)
    made = Dense(entries_of(problem, Options()))
    assert made.kind == "dense"
    assert problem.differential is not None
    for face in (made, Native(made.native, 90)):
        _check(face, 0.7 * matrix, problem.differential.astype(float), 0.7, problem.y0)


@pytest.mark.parametrize("kind", KINDS)
def test_singular_and_nonfinite_matrices_are_told(kind: str) -> None:
    values = {"fill": 0.0}
    problem = Problem(
        lambda t, y, out: None,
        np.ones(3),
        0.0,
        1.0,
        jacobian=lambda t, y: csc_matrix(np.diag(np.full(3, values["fill"]))),
        sparsity=np.eye(3),
    )
    made = KINDS[kind](entries_of(problem, Options()))
    for face in [made] + ([Native(made.native, 3)] if made.native is not None else []):
        values["fill"] = 2.0
        assert face.jacobian(0.0, problem.y0) and not face.factor(0, 2.0) and face.factor(0, 3.0)
        values["fill"] = np.nan
        assert not face.jacobian(0.0, problem.y0)


def test_what_a_jacobian_raises_below_native_code_is_kept() -> None:
    def broken(t: float, y: np.ndarray) -> Any:
        if t > 0:
            raise ValueError("no derivative here")
        return np.eye(2)

    made = Dense(entries_of(Problem(lambda t, y, out: None, np.ones(2), 0.0, 1.0, jacobian=broken), Options()))
    assert not Native(made.native, 2).jacobian(0.5, np.ones(2))
    assert isinstance(made.raised, ValueError)


def test_integrals_enter_as_further_unknowns() -> None:
    """u_t = u_xx + u I - integral(sin(u + I)) with I = integral(u): a dense Jacobian, given as sparse entries."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    total = sn.integral(u, x)
    equation = sn.Eq(sn.dt(u), sn.diff(u, x, 2) + u * total - sn.integral(sn.sin(u + total), x))
    system = sn.PDESystem(
        [equation],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: 1 + sn.sin(2 * sn.pi * x)},
    )
    discretised = sn.discretise(system, resolution=24)
    problem = _problem(discretised)
    exact = discretised.jacobian(0.0, problem.y0).toarray()
    entries = entries_of(problem, Options())
    assert entries.extra == 2
    for made in (Dense(entries), Sparse(entries)):
        _check(made, exact, np.ones(24), 0.0, problem.y0)
    dense = Dense(entries)
    _check(Native(dense.native, 24), exact, np.ones(24), 0.0, problem.y0)


# ------------------------------------------------------------------ differences


def test_groups_of_columns_share_no_row() -> None:
    pattern = random_array((60, 60), density=0.05, rng=np.random.default_rng(4), format="csc")
    groups = colour_columns(pattern)
    for group in range(groups.max() + 1):
        assert ((pattern != 0)[:, groups == group].sum(axis=1) <= 1).all()
    assert set(colour_columns(np.eye(5))) == {0}
    assert len(set(colour_columns(np.ones((4, 4))))) == 4


@pytest.mark.parametrize("sparsity", [True, False])
def test_differences_of_f_give_its_jacobian(sparsity: bool) -> None:
    n = 30

    def f(t: float, y: np.ndarray, out: np.ndarray) -> None:
        out[:] = np.roll(y, 1) ** 2 - y * np.roll(y, -1) + t

    y = 1 + np.random.default_rng(0).random(n)
    exact = np.zeros((n, n))
    for i in range(n):
        exact[i, i - 1] = 2 * y[i - 1]
        exact[i, i] -= y[(i + 1) % n]
        exact[i, (i + 1) % n] -= y[i]
    calls = [0]

    def counted(t: float, y: np.ndarray, out: np.ndarray) -> None:
        calls[0] += 1
        f(t, y, out)

    problem = Problem(counted, y, 0.0, 1.0, sparsity=csc_matrix(exact != 0) if sparsity else None)
    entries = differences(problem, Options())
    values = np.empty(entries.size)
    assert entries.evaluate is not None
    entries.evaluate(0.3, y, values)
    made = np.zeros((n, n))
    np.add.at(made, (entries.rows, entries.columns), values[entries.at])
    assert np.abs(made - exact).max() < 1e-6
    assert calls[0] <= (7 if sparsity else n + 1)


def test_many_unknowns_without_any_pattern_are_refused() -> None:
    problem = Problem(lambda t, y, out: None, np.ones(3000), 0.0, 1.0)
    with pytest.raises(SolveError, match="sparsity"):
        solver(problem, Options())


# ------------------------------------------------------------------ the choice


def _grid_problem(cells: int, dimensions: int) -> Problem:
    names = "x y z"[: 2 * dimensions - 1].split()
    t, *space = sn.coordinates("t " + " ".join(names))
    u = sn.field("u", (t, *space))
    domain = sn.Domain(t=(0, 1), **dict.fromkeys(names, (0, 1)))
    equation = sn.Eq(sn.dt(u), sn.laplacian(u) - u**3)
    initial = {u: 1 + sn.cos(2 * sn.pi * space[0])}
    system = sn.PDESystem([equation], domain=domain, conditions=[sn.periodic(c) for c in space], initial=initial)
    return _problem(sn.discretise(system, resolution=cells))


def test_the_choice_follows_the_graph() -> None:
    assert isinstance(solver(_grid_problem(16, 1), Options()), Dense)
    assert isinstance(solver(_grid_problem(200, 1), Options()), Banded)
    assert isinstance(
        solver(_grid_problem(32, 2), Options(linear_solver="sparse")), Sparse
    )  # wide ones: see test_linear_algebra_krylov
    assert isinstance(solver(_grid_problem(32, 2), Options(linear_solver="dense")), Dense)
