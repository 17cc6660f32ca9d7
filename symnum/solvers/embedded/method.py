"""What a method is to the rest: a name, orders, a driver program and a continuous extension."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from symnum.catalogue import Catalogue
from symnum.expr.build import where
from symnum.solvers.embedded.driver import (
    HUGE,
    Parts,
    d2,
    driver,
    error,
    error_norm,
    evaluate,
    h_old,
    h_try,
    proportional_integral,
    t,
    t_old,
)
from symnum.solvers.embedded.exponential_tableau import ExponentialTableau
from symnum.solvers.embedded.language import If, Program, Statement, combination, let
from symnum.solvers.embedded.stiffness import NAMES, forget, look, stop_where_stiff
from symnum.solvers.embedded.tableau import Tableau

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """An embedded method: ``METHOD`` of each module of ``methods``.

    Args:
        name: what users write; order: of the solution; dense_order: of the continuous extension.
        parts: its part of the driver.
        summary: one line for lists.
        estimate_order: the error estimate of a step of length h is O(h**estimate_order); 0 stands for ``order``.
        implicit: it needs a linear solver; split: that solver is bound to the linear part of f (IMEX methods).
        fixed_step: it keeps the step it is given (``dt``); exponential: the tableau of a method that is exact on the
            linear part of f, which it needs in diagonal form.
    """

    name: str
    order: int
    dense_order: int
    parts: Parts
    summary: str
    estimate_order: int = 0
    implicit: bool = False
    split: bool = False
    fixed_step: bool = False
    exponential: ExponentialTableau | None = None

    @cached_property
    def program(self) -> Program:
        return driver(self.parts)

    def dense_weights(self, theta: Array) -> dict[str, Array]:
        """Weights (len(theta),) of the continuous extension by vector, without their power of h."""
        return {
            vector: np.asarray(np.polyval([float(c) for c in reversed(polynomial)], theta), dtype=np.float64)
            for vector, _, polynomial in self.parts.interpolant
        }


def explicit_runge_kutta(name: str, tableau: Tableau, summary: str) -> Method:
    """A method from a tableau.

    Memory traffic of one step: stage i reads i + 1 vectors and writes one, the error norm reads stages + 2 (zero
    coefficients left out); see ``bytes_per_step``: 336 bytes per unknown for Tsit5 beside what f itself moves. Each
    combination is one loop.
    """
    inner = [f"k{i}" for i in range(2, tableau.stages)]
    stages = ["slope", *inner, "slope_new"]
    after = ("slope_new", *inner, "slope", *(f"k{i}" for i in range(tableau.stages + 1, len(tableau.dense) + 1)))
    used = [(k, b) for k, b in zip(after, tableau.dense, strict=True) if any(b)]  # names once the step is accepted
    extra = _extra_stages(tableau, after)
    accepted, rejected = proportional_integral(tableau.embedded_order + 1)
    parts = Parts(
        name=name.lower(),
        order=tableau.order,
        vectors=(*inner, *after[tableau.stages :], *(("extra_state",) if extra else ())),
        attempt=(*stop_where_stiff(), *_attempt(tableau, stages)),
        next_step=((*accepted, *look(tableau, stages)), rejected),
        scalars=tuple(NAMES.split()),
        restart=forget(),
        interpolant=(("y_new", 0, (1,)), *((k, 1, (0, *b)) for k, b in used)),
        kept=tuple(k for k, _ in used),
        extra=extra,
    )
    return Method(name, tableau.order, tableau.dense_order, parts, summary)


def _attempt(tableau: Tableau, stages: list[str]) -> tuple[Statement, ...]:
    attempt: list[Statement] = []
    for i, row in enumerate(tableau.a, start=1):
        # the inner states share y_new with the result: only one of them is alive at a time
        attempt.append(combination("y_new", (1, "y"), *((h_try * a, k) for a, k in zip(row, stages, strict=False))))
        attempt += evaluate(stages[i], t + h_try * tableau.c[i], "y_new")
    estimate = error_norm(error, ("y", "y_new"), *((h_try * e, k) for e, k in zip(tableau.error, stages, strict=True)))
    if tableau.error[-1]:
        return (*attempt, estimate)
    # the slope at the end has no part in the estimate: it is evaluated for accepted steps alone, and must be finite
    last = (
        *attempt[-2:],
        error_norm(d2, ("y",), (1, "slope_new")),
        let(error, where(d2 <= HUGE, error, d2)),
    )
    return (*attempt[:-2], estimate, If(error <= 1, last))


def _extra_stages(tableau: Tableau, after: tuple[str, ...]) -> tuple[Statement, ...]:
    """The stages that only the dense output needs, from the old state ``y_new`` of an accepted step."""
    found: list[Statement] = []
    for k, c, row in zip(after[tableau.stages :], tableau.extra_c, tableau.extra_a, strict=True):
        terms = ((h_old * a, vector) for a, vector in zip(row, after, strict=False))
        found.append(combination("extra_state", (1, "y_new"), *terms))
        found += evaluate(k, t_old + h_old * c, "extra_state")
    return tuple(found)


def bytes_per_step(parts: Parts) -> int:
    """The floor of memory traffic: bytes an attempted step reads and writes per unknown beside its right-hand sides."""
    from symnum.solvers.embedded.language import LinComb, Norm

    moved = 0
    for statement in parts.attempt:
        match statement:
            case LinComb(_, terms):
                moved += len(terms) + 1
            case Norm(_, terms, scale, _, _):
                moved += len({*(v for _, v in terms), *scale})
            case _:
                pass
    return 8 * moved


@cache
def methods() -> dict[str, Method]:
    """All embedded methods by name: ``METHOD`` of every module in the folder ``methods``."""
    catalogue = Catalogue("method", package="symnum.solvers.embedded.methods")
    found: list[Method] = [catalogue.load(name).METHOD for name in catalogue]
    return {method.name: method for method in found}
