"""What a trace cannot follow is refused with the user's line and the line to write instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from symnum.errors import SymnumError, TraceError
from symnum.tracing.capture import capture

WORK = np.zeros(9)


def branch(u):
    if u[0] > 0:  # here
        return u
    return -u


def while_loop(u):
    while np.max(u) > 1:  # here
        u = u / 2
    return u


def chained(u):
    return np.where(0 < u < 1, u, 0)  # here


def steps_from_values(u):
    for _ in range(u[0]):  # here
        u = u * 2
    return u


def shape_from_values(u):
    return np.zeros(int(np.sum(u)))  # here


def as_float(u):
    return u * float(u[0])  # here


def chosen(u):
    return np.zeros(len(u[u > 0]))  # here


def gathered(u):
    return u[u.astype(int)]  # here


def scattered(u):
    d = np.zeros_like(u)
    np.add.at(d, [0, 1, 1], u[:3])  # here
    return d


def sorted_values(u):
    return np.sort(u)  # here


def transformed(u):
    return np.fft.fft(u)  # here


def objects(u):
    return np.array([u[0], None])  # here


def complex_numbers(u):
    return u * 1j  # here


def outside(u):
    WORK[1:-1] = u[2:] - u[:-2]  # here
    return WORK


def outside_by_out(u):
    np.multiply(u, 2, out=WORK)  # here
    return WORK


def compiled_function(u):
    return scipy.ndimage.laplace(u)  # here


def shuffled(u):
    return u[np.random.default_rng(0).permutation(2000) % len(u)]  # here


def drawn(u):
    return u + np.random.default_rng().normal(size=9)  # here


def drawn_by_numpy(u):
    return u + np.random.rand(9)  # here  # noqa: NPY002


PLACES: dict[Callable[[Any], Any], str] = {
    branch: "np.where", while_loop: "np.where", chained: "np.where", steps_from_values: "u.shape", shape_from_values: "shapes",
    as_float: "without float", chosen: "np.where", gathered: "np.where", scattered: "add slices", sorted_values: "Sorting",
    transformed: "fourier", objects: "numbers", complex_numbers: "two arrays", outside: "np.zeros_like", outside_by_out: "np.empty_like",
    compiled_function: "NumPy's functions", shuffled: "neighbours", drawn: "seed", drawn_by_numpy: "seed",
}  # fmt: skip


@pytest.mark.parametrize("f", PLACES, ids=lambda f: f.__name__)
def test_the_line_and_the_remedy_are_named(f: Callable[[Any], Any]) -> None:
    lines, start = inspect.getsourcelines(f)
    at = next(k for k, line in enumerate(lines) if "# here" in line)
    with pytest.raises(TraceError) as error:
        capture(f, (np.ones(9),))
    text = str(error.value)
    assert f"test_refusals.py:{start + at}\n" in text and lines[at].strip() in text and PLACES[f] in text


def changed(u):
    u[0] = 0
    return u * 2


def half_set(u):
    d = np.empty_like(u)
    d[1:] = u[1:]
    return d


def half_filled(du, u):
    du[1:] = u[1:]


def accumulated(du, u):
    du += u


def nothing(u):
    u * 2


def words(u):
    return "a"


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (changed, "u = u.copy()"), (half_set, "np.zeros"), (half_filled, "du[...] = 0"), (accumulated, "du[...] = 0"),
        (nothing, "return du"), (words, "a str"),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
def test_functions_that_leave_something_open(f: Callable[..., Any], said: str) -> None:
    values = (np.ones(9),) * len(inspect.signature(f).parameters)
    with pytest.raises(TraceError, match=said.replace("[", r"\[").replace("(", r"\(").replace(")", r"\)").replace("...", r"\.\.\.")):
        capture(f, values)


@pytest.mark.parametrize(
    ("value", "said"),
    [(np.ones(3, complex), "complex"), (np.array([None, 1]), "object"), (np.ones(3, np.float16), "float16"), (np.ma.ones(3), "np.asarray")],
    ids=["complex", "object", "float16", "masked"],
)
def test_arguments_of_other_kinds(value: Any, said: str) -> None:
    with pytest.raises(TraceError, match=said):
        capture(lambda u: u * 2, (value,))


def test_calls_that_differ_from_the_trace() -> None:
    captured = capture(lambda u, k, n: u * k * n, (np.ones(4), 2.0, 3))
    for values, said in (((np.ones(5), 2.0, 3), "shape"), ((np.ones(4), 2.0, 4), "constant of the trace"), ((np.ones(4), None, 3), "number")):
        with pytest.raises(TraceError, match=said):
            captured.pack(values)
    assert issubclass(TraceError, SymnumError)


def test_numpys_own_errors_stay() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        capture(lambda u: u[1:] + u[:-2], (np.ones(9),))
    with pytest.raises(IndexError):
        capture(lambda u: u[9], (np.ones(9),))
    with pytest.raises(AttributeError):
        capture(lambda u: u.laplacian, (np.ones(9),))
