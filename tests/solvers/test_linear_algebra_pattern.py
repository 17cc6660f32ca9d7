"""Factors in a fixed pattern: the fill-in, and SuperLU where pivots are small (values: ``test_linear_algebra``)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_matrix, diags, identity, kron, random_array

from symnum.solvers.linear_algebra import pattern
from symnum.solvers.linear_algebra.entries import entries_of
from symnum.solvers.linear_algebra.pattern import filled
from symnum.solvers.linear_algebra.sparse import Sparse
from symnum.solvers.problem import Options, Problem
from tests.solvers.test_linear_algebra import Native


def problem_of(matrix: Any) -> Problem:
    n = matrix.shape[0]
    return Problem(lambda t, y, out: np.copyto(out, matrix @ y), np.ones(n), 0.0, 1.0, jacobian=lambda t, y: matrix)


def face(matrix: Any) -> tuple[Sparse, Native]:
    problem = problem_of(matrix)
    made = Sparse(entries_of(problem, Options("Rodas5P")))
    assert made.native is not None
    return made, Native(made.native, matrix.shape[0])


def laplacian(n: int) -> Any:
    line = diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(n, n))
    return csc_matrix(kron(line, identity(n)) + kron(identity(n), line))


@pytest.mark.parametrize("seed", range(4))
def test_the_places_are_those_of_elimination(seed: int) -> None:
    """Gaussian elimination of a positive definite matrix with random values leaves no zero where fill-in is expected, and no other number."""
    rng = np.random.default_rng(seed)
    half = random_array((40, 40), density=0.05, rng=rng)
    dense = (half + half.T).toarray() * rng.random((40, 40)) + 40 * np.eye(40)
    found = filled(csc_matrix((dense + dense.T) != 0))
    assert found is not None
    starts, columns = found
    places = np.zeros((40, 40), dtype=bool)
    places[np.repeat(np.arange(40), np.diff(starts)), columns] = True
    for k in range(40):
        rows = np.flatnonzero(dense[k + 1 :, k]) + k + 1
        dense[np.ix_(rows, range(k + 1, 40))] -= np.outer(dense[rows, k] / dense[k, k], dense[k, k + 1 :])
    assert (places == ((dense != 0) | (dense.T != 0))).all()


def test_good_pivots_need_no_help() -> None:
    matrix, n = laplacian(12), 144
    made, native = face(matrix)
    assert native.jacobian(0.0, np.ones(n)) and native.factor(0, 3.0) and native.factor(1, 2.0 + 5.0j)
    assert not made.factors  # SuperLU was not called
    b, out = np.random.default_rng(0).random(n), np.empty(n)
    assert native.solve(0, b, out)
    assert np.abs(3.0 * out - matrix @ out - b).max() <= 1e-13
    assert (made.evaluations, made.factorisations, made.solves) == (1, 2, 1)


def test_small_pivots_are_exchanged_by_superlu() -> None:
    """[[0, 1], [-1, 0]] blocks: the diagonal of a tiny shift is no pivot. The next matrix, of a large shift, is factorised in place again."""
    n = 60
    matrix = csc_matrix(kron(identity(n // 2), np.array([[0.0, 1.0], [-1.0, 0.0]])) * 1.0 + 1e-3 * diags([np.ones(n - 2)], [2], shape=(n, n)))
    made, native = face(matrix)
    b, out, other = np.random.default_rng(0).random(n), np.empty(n), np.empty(n)
    assert native.jacobian(0.0, np.ones(n)) and native.factor(0, 1e-9)
    assert set(made.factors) == {(0, True)} and native.solve(0, b, out)
    assert np.abs(1e-9 * out - matrix @ out - b).max() <= 1e-13
    assert native.factor(0, 1e-9 + 1e-9j) and native.solve_complex(0, b, b, out, other)
    x = out + 1j * other
    assert np.abs((1e-9 + 1e-9j) * x - matrix @ x - (1 + 1j) * b).max() <= 1e-12
    assert native.factor(0, 10.0) and native.solve(0, b, out)
    assert np.abs(10.0 * out - matrix @ out - b).max() <= 1e-13
    assert (made.factorisations, made.solves) == (3, 3)


def test_a_singular_matrix_is_told() -> None:
    _, native = face(csc_matrix(np.diag(np.arange(60.0)) + np.diag(np.full(59, 1e-3), 1)))
    assert native.jacobian(0.0, np.ones(60)) and not native.factor(0, 0.0)


def test_large_factors_stay_with_superlu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern, "MOST", 1000)
    assert Sparse(entries_of(problem_of(laplacian(12)), Options("Rodas5P"))).native is None


def test_algebraic_rows_stay_with_superlu() -> None:
    matrix = laplacian(8)
    mask = np.arange(64) > 0
    problem = Problem(lambda t, y, out: np.copyto(out, matrix @ y), np.ones(64), 0.0, 1.0, jacobian=lambda t, y: matrix, differential=mask)
    assert Sparse(entries_of(problem, Options("Rodas5P"))).native is None
