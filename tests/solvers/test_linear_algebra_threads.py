"""BLAS threads around factors: one inside, the old number afterwards, whatever happens and however often it is entered."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from symnum.solvers.backend import solve
from symnum.solvers.linear_algebra import pattern, threads
from symnum.solvers.linear_algebra.threads import Threads, one_thread
from symnum.solvers.preconditioner import factorise
from symnum.solvers.problem import Options, Problem


class Library:
    """A BLAS with four threads that writes down what it is told."""

    def __init__(self) -> None:
        self.number, self.told = 4, []

    def put(self, number: int) -> None:
        self.number = number
        self.told.append(number)


@pytest.fixture
def library(monkeypatch):
    made = Library()
    state = Threads(lambda: made.number, made.put)
    monkeypatch.setattr(threads, "scipy_threads", lambda: state)
    return made


def test_the_old_number_comes_back(library):
    with one_thread(), one_thread():
        assert library.number == 1
    assert library.number == 4 and library.told == [1, 4]
    with pytest.raises(ValueError), one_thread():
        raise ValueError
    assert library.number == 4


def test_two_python_threads_at_once(library):
    inside, leave = threading.Event(), threading.Event()

    def other():
        with one_thread():
            inside.set()
            leave.wait(5)

    with one_thread():
        worker = threading.Thread(target=other)
        worker.start()
        assert inside.wait(5)
    assert library.number == 1  # the other is still at work
    leave.set()
    worker.join()
    assert library.number == 4


def test_a_library_that_cannot_be_told_is_left_alone(monkeypatch):
    monkeypatch.setattr(threads, "scipy_threads", lambda: None)
    with one_thread():
        pass


@pytest.mark.parametrize("whose", ["scipy", "numpy"])
def test_the_libraries_follow(whose):
    state = getattr(threads, f"{whose}_threads")()
    if state is None:
        pytest.skip(f"the BLAS of {whose} cannot be told")
    before = state.get()
    with one_thread():
        assert state.get() == 1
    assert state.get() == before


def diffusion(n):
    """Diffusion along a line: a band; with a far coupling of every unknown to three others: sparse."""
    from scipy.sparse import diags

    far = n // 3
    wide = diags([1.0, -4.0, 1.0, 1.0, 1.0], [-1, 0, 1, far, -far], shape=(n, n)).tocsc()
    narrow = diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(n, n)).tocsc()
    return {"sparse": wide, "banded": narrow}


@pytest.mark.parametrize("kind", ["sparse", "banded", "dense"])
def test_runs_with_factors_work_in_one_thread(library, kind, monkeypatch):
    """The library is told during the run and afterwards all is as before; a small system has no LAPACK and tells nothing."""
    monkeypatch.setattr(pattern, "MOST", 0)  # sparse factors by SuperLU, which calls the library
    matrix = diffusion(120)["banded" if kind == "banded" else "sparse"]

    def rhs(t, y, out):
        out[:] = matrix @ y

    asked = "auto" if kind == "banded" else kind
    problem = Problem(rhs, np.ones(120), 0, 1, jacobian=lambda t, y: matrix)
    run = solve(problem, Options("Rodas5P", linear_solver=asked))
    assert run.success and library.number == 4 and 1 in library.told
    library.told.clear()
    assert factorise(matrix) is not None and library.told == [1, 4]
    assert solve(Problem(lambda t, y, out: np.negative(y, out), [1.0, 2.0], 0, 1), Options("Rodas5P")).success
    assert library.told == [1, 4]
