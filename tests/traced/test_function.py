"""What sn.trace gives: calls, derivatives and files of the functions that users write, against NumPy and central differences."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import SolveError, TraceError, UnknownName

CASES = Catalogue("bench", folder=shipped_folder("benchmarks")).load("trace").CASES


def flat(value: Any) -> np.ndarray:
    return np.concatenate([np.asarray(part).ravel() for part in (value if isinstance(value, tuple) else (value,))])


@pytest.fixture(params=list(CASES), ids=lambda name: name)
def case(request: pytest.FixtureRequest) -> tuple[Any, tuple[Any, ...], Any]:
    """(f, arguments, traced f), the arguments other than those of the trace."""
    f, arguments = CASES[request.param].make(CASES[request.param].small)
    g = sn.trace(f, *arguments)
    moved = tuple(0.3 + 0.9 * a if isinstance(a, np.ndarray) else a for a in arguments)
    return f, moved, g


def test_values_are_those_of_numpy(case: tuple[Any, tuple[Any, ...], Any]) -> None:
    f, arguments, g = case
    want, got = f(*arguments), g(*arguments)
    assert type(got) is type(want)
    assert np.abs(flat(got) - flat(want)).max() <= 1e-13 * np.abs(flat(want)).max()
    kept = [np.array(a) for a in arguments]
    g(*arguments)
    assert all((a == b).all() for a, b in zip(kept, arguments, strict=True))


def test_derivatives(case: tuple[Any, tuple[Any, ...], Any]) -> None:
    """The matrix against differences along a random direction, the two products against the matrix."""
    f, arguments, g = case
    rng = np.random.default_rng(0)
    where = [k for k, a in enumerate(arguments) if isinstance(a, np.ndarray)]
    v = [rng.normal(size=arguments[k].shape) for k in where]

    def at(step: float) -> np.ndarray:
        moved = list(arguments)
        for k, direction in zip(where, v, strict=True):
            moved[k] = arguments[k] + step * direction
        return flat(f(*moved))

    h = 1e-4
    slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)  # error h^4
    matrix = g.jacobian(*arguments)
    size = np.abs(slope).max()
    assert matrix.format == "csc" and np.abs(matrix @ flat(tuple(v)) - slope).max() <= 2e-8 * size
    along = g.jvp(*arguments, v[0] if len(v) == 1 else tuple(v))
    assert np.abs(flat(along) - matrix @ flat(tuple(v))).max() <= 1e-12 * size
    shapes = [np.shape(part) for part in (along if isinstance(along, tuple) else (along,))]
    w = [rng.normal(size=shape) for shape in shapes]
    back = g.vjp(*arguments, w[0] if len(w) == 1 else tuple(w))
    want = matrix.T @ flat(tuple(w))
    assert np.abs(flat(back) - want).max() <= 1e-12 * np.abs(want).max()


def decay(u: Any, t: float, k: float) -> Any:
    return -k * u * np.exp(-t)


def test_the_product_from_the_left_through_a_reversed_view() -> None:
    """Its loops run over indices from -8 to 0."""
    rng = np.random.default_rng(4)
    u, w = rng.random(9), rng.random(9)
    g = sn.trace(lambda u: np.linalg.norm(u) * u[::-1], u)
    norm = np.linalg.norm(u)
    want = norm * w[::-1] + u / norm * (w @ u[::-1])
    np.testing.assert_allclose(g.vjp(u, w), want, rtol=1e-13)
    np.testing.assert_allclose(w @ g.jacobian(u), want, rtol=1e-13)


def test_parameters_and_the_columns_of_one_argument() -> None:
    g = sn.trace(decay, np.ones(3), 0.0, 2.0)
    u, w = np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.5, 0.25])
    assert g.parameters == {"k": 2.0}
    state, by_parameter = g.vjp(u, 0.5, 3.0, w, parameters=True)
    assert state == pytest.approx(-3.0 * np.exp(-0.5) * w) and by_parameter == {"k": pytest.approx(-3 * np.exp(-0.5))}
    both = sn.trace(lambda u, a: a * u**2, np.ones(3), np.ones(3))
    assert both.jacobian(u, w, by="a").toarray() == pytest.approx(np.diag(u**2))
    assert both.jacobian(u, w).shape == (3, 6)
    with pytest.raises(UnknownName, match="no array argument 'b'"):
        both.jacobian(u, w, by="b")


def test_lists_whole_numbers_and_results_in_place() -> None:
    g = sn.trace(decay, np.ones(3), 0.0, 2.0)
    want = decay(np.array([1.0, 2.0, 3.0]), 0.0, 2.0)
    assert (g([1, 2, 3], 0, 2) == want).all() and (g(u=np.array([1, 2, 3]), t=0, k=2) == want).all()
    out = np.empty(3)
    assert g(np.array([1.0, 2.0, 3.0]), 0.0, 2.0, out=out) is out and (out == want).all()


def test_single_precision_is_kept_and_derivatives_are_double() -> None:
    g = sn.trace(lambda u: np.sin(u) * u, np.ones(9, np.float32))
    u = np.linspace(0, 1, 9, dtype=np.float32)
    assert g(u).dtype == np.float32 and np.abs(g(u) - np.sin(u) * u).max() < 1e-6
    exact = np.cos(u.astype(float)) * u + np.sin(u.astype(float))
    assert g.jacobian(u).dtype == np.float64 and np.abs(g.jacobian(u).diagonal() - exact).max() < 1e-15


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda g: g(np.ones(4), 0.0, 2.0), "u was traced with shape"),
        (lambda g: g([[1, 2], [3]], 0.0, 2.0), "real numbers in that shape"),
        (lambda g: g(np.ones(3)), "missing a required argument"),
        (lambda g: g(np.ones(3), 0.0, np.ones(2)), "k was traced as a number"),
        (lambda g: g(np.array(["a", "b", "c"]), 0.0, 2.0), "real numbers in that shape"),
        (lambda g: sn.trace(3, np.ones(3)), "trace takes a function, got int"),
        (lambda g: sn.trace(lambda *u: u[0], np.ones(3)), "write its arguments out"),
        (lambda g: sn.trace(np.sin, np.ones(3)), "wrap it: sn.trace"),
        (lambda g: sn.trace(decay, np.ones(3)), "give an example of each argument"),
    ],
)
def test_calls_that_do_not_fit(call: Any, words: str) -> None:
    with pytest.raises(TraceError, match=words):
        call(sn.trace(decay, np.ones(3), 0.0, 2.0))


def test_vectors_that_do_not_fit() -> None:
    g = sn.trace(decay, np.ones(3), 0.0, 2.0)
    with pytest.raises(SolveError, match=r"v has the shape \(2,\); an array is expected: u \(3,\)"):
        g.jvp(np.ones(3), 0.0, 2.0, np.ones(2))
    with pytest.raises(UnknownName, match="Known: c,"):
        sn.trace(decay, np.ones(3), 0.0, 2.0, target="cc")


def test_the_code_is_written_in_the_language_of_the_suffix(tmp_path: Path) -> None:
    g = sn.trace(CASES["heat, rolls"].make(8)[0], np.ones((8, 8)), 0.0)
    texts = {suffix: g.write(tmp_path / f"heat{suffix}").read_text() for suffix in (".c", ".py", ".ll")}
    assert "double" in texts[".c"] and "numpy" in texts[".py"] and "define" in texts[".ll"] and "define" in g.source
    checked = subprocess.run([sys.executable, "-m", "py_compile", str(tmp_path / "heat.py")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    with pytest.raises(UnknownName, match=r"no target writes 'heat\.txt'"):
        g.write(tmp_path / "heat.txt")


def test_the_number_of_statements_does_not_depend_on_the_size() -> None:
    for name in ("matmul Laplacian, 3 species", "heat, ghost cells", "Cahn-Hilliard", "shallow water"):
        counts = set()
        for n in (16, 40):
            f, arguments = CASES[name].make(n)
            counts.add(len(sn.trace(f, *arguments).kernel.body))
        assert len(counts) == 1, name


def test_copies_of_the_largest_value_weigh_once() -> None:
    """The padded array holds its first entry twice: du_0 moves both."""
    g = sn.trace(lambda u: u * np.max(np.pad(u, 1, mode="edge")), np.ones(4))
    u, w = np.array([5.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.5, 0.25, 2.0])
    want = 5.0 * np.eye(4)
    want[:, 0] += u
    assert g.jacobian(u).toarray() == pytest.approx(want)
    assert g.jvp(u, w) == pytest.approx(want @ w) and g.vjp(u, w) == pytest.approx(want.T @ w)
