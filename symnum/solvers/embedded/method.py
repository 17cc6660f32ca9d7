"""What a method is to the rest: a name, orders, a driver program and a continuous extension."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from symnum.catalogue import Catalogue
from symnum.solvers.embedded.driver import (
    Parts,
    Weight,
    driver,
    error,
    error_norm,
    evaluate,
    h_try,
    proportional_integral,
    t,
)
from symnum.solvers.embedded.language import Program, Statement, combination
from symnum.solvers.embedded.tableau import Tableau

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """An embedded method: ``METHOD`` of each module of ``methods``.

    Args:
        name: what users write; order: of the solution; dense_order: of the continuous extension.
        parts: its part of the driver.
        summary: one line for lists.
    """

    name: str
    order: int
    dense_order: int
    parts: Parts
    summary: str

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
    attempt: list[Statement] = []
    for i, row in enumerate(tableau.a, start=1):
        # the inner states share y_new with the result: only one of them is alive at a time
        attempt.append(combination("y_new", (1, "y"), *((h_try * a, k) for a, k in zip(row, stages, strict=False))))
        attempt += evaluate(stages[i], t + h_try * tableau.c[i], "y_new")
    attempt.append(
        error_norm(error, ("y", "y_new"), *((h_try * e, k) for e, k in zip(tableau.error, stages, strict=True)))
    )
    after = ("slope_new", *inner, "slope")  # names once the step is accepted
    interpolant: tuple[Weight, ...] = (
        ("y_new", 0, (1,)),
        *((k, 1, (0, *b)) for k, b in zip(after, tableau.dense, strict=True)),
    )
    controller = proportional_integral(tableau.embedded_order + 1)
    parts = Parts(name.lower(), tableau.order, tuple(inner), tuple(attempt), controller, interpolant, after)
    return Method(name, tableau.order, tableau.dense_order, parts, summary)


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
