"""What surrounds the arithmetic of a traced function: kinds of arguments that it asks for, objects, containers, keywords."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

import symnum as sn
from symnum.errors import TraceError
from symnum.tracing.capture import capture
from tests.tracing.test_capture import check, uniform

QUESTIONS: dict[str, Callable[[Any], bool]] = {
    "np.isscalar": np.isscalar,
    "float": lambda a: isinstance(a, float),
    "numbers": lambda a: isinstance(a, int | float),
    "Number": lambda a: isinstance(a, numbers.Number),
    "np.ndarray": lambda a: isinstance(a, np.ndarray),
    "ndarray": lambda a: isinstance(a, (list, ndarray)),
    "type": lambda a: type(a) is float,
    "type of array": lambda a: type(a) is np.ndarray,
    "shape": lambda a: hasattr(a, "shape"),
    "len": lambda a: hasattr(a, "__len__"),
    "np.iterable": np.iterable,
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("pick", [lambda u, a: u, lambda u, a: a, lambda u, a: u[2], lambda u, a: 2 * a], ids=["u", "a", "u[2]", "2a"])
def test_questions_about_the_kind_of_a_value(question: str, pick: Callable[..., Any]) -> None:
    ask = QUESTIONS[question]
    check(lambda u, a: u * 2 if ask(pick(u, a)) else u * 3, uniform(5), 0.5)


class Grid:
    def __init__(self) -> None:
        self.dx, self.owner = 0.5, self

    def lap(self, u: Any) -> Any:
        out = np.zeros(len(u))
        out[1:-1] = (u[2:] - 2 * u[1:-1] + u[:-2]) / self.dx**2
        return out

    @property
    def ends(self) -> Any:
        ends = np.zeros(8)
        ends[[0, -1]] = self.dx
        return ends

    def __call__(self, u: Any) -> Any:
        return self.ends * self.unset(u)

    @staticmethod
    def unset(u: Any) -> Any:
        out = np.empty(len(u))
        out[:] = u
        return out


class Finer(Grid):
    def lap(self, u: Any) -> Any:
        return 4 * super().lap(u)


@dataclass(frozen=True)
class Model:
    D: float = 0.3
    weights: Any = field(default_factory=lambda: np.arange(8.0))
    grid: Grid = field(default_factory=Finer)

    def rhs(self, u: Any, t: float) -> Any:
        out = np.zeros_like(u)
        out[:] = self.D * self.weights * u
        return out + self.grid.lap(u) + self.grid(u)


GRID = Finer()
TERMS = {"all": [GRID.lap, GRID, lambda u: np.zeros(len(u)) + u]}


def test_functions_inside_of_objects_and_containers() -> None:
    check(Model().rhs, uniform(8), 0.0)
    check(lambda u: GRID.owner.lap(u), uniform(8))
    check(lambda u: sum(f(u) for f in TERMS["all"]), uniform(8))
    check(lambda u, grid: grid.lap(u), uniform(8), GRID)
    assert type(GRID) is Finer and type(GRID.lap(np.ones(8))) is np.ndarray


def test_what_a_function_keeps_for_later_is_its_own() -> None:
    kept: dict[str, Any] = {}

    def rhs(u: Any) -> Any:
        if "A" not in kept:
            kept["A"] = np.zeros((len(u), len(u)))
            kept["A"][0, 0] = 3
        return kept["A"] @ u

    check(rhs, uniform(5))
    assert type(kept["A"]) is np.ndarray  # made by the plain call


def scaled(u: Any, *, a: float = 2.0, w: Any = 3.0) -> Any:
    return a * u * w


def test_arguments_by_keyword_only() -> None:
    u, w = uniform(5), np.arange(5.0)
    for f in (scaled, functools.partial(scaled, a=5.0)):
        for options in ({}, {"w": w}, {"w": w, "a": 7.0}):
            np.testing.assert_allclose(sn.kernel(f)(u, **options), f(u, **options), rtol=1e-15)
            np.testing.assert_allclose(sn.trace(f, u, **options)(u, **options), f(u, **options), rtol=1e-15)
    g = sn.trace(scaled, u, w=w)
    np.testing.assert_allclose(g(2 * u, a=0.5, w=w + 1), u * (w + 1), rtol=1e-15)
    assert g.parameters == {"a": 2.0}


def test_refusals_that_the_function_catches() -> None:
    def rhs(u: Any) -> Any:
        try:
            return u if u[0] > 0 else -u
        except Exception:
            return 2 * u

    with pytest.raises(TraceError, match="truth value"):
        capture(rhs, (uniform(5),))


def test_the_sign_of_zero() -> None:
    check(lambda u: (np.copysign(2.0, u), np.signbit(u)), np.array([0.0, -0.0, -1e-310, np.inf, -np.inf, 3.0]))
    u = np.array([0.0, -0.0, -1.0, 2.0])
    np.testing.assert_array_equal(sn.kernel(lambda u: np.copysign(2.0, u))(u), np.copysign(2.0, u))


@pytest.mark.parametrize("shape", [(6, 6), (4, 7), (7, 4)])
def test_a_diagonal_that_is_filled(shape: tuple[int, int]) -> None:
    def masked(u: Any) -> Any:
        a, b = u**2, np.zeros(shape)
        np.fill_diagonal(a, 1.0)
        np.fill_diagonal(b.T[1:], u[0, 1])
        return 1 / a, b

    check(masked, uniform(*shape))
