"""What a stochastic method is: a step, what noise it takes, and with which strong order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

from symnum.catalogue import Catalogue
from symnum.solvers.embedded.driver import Parts
from symnum.solvers.embedded.language import Program, Statement
from symnum.solvers.embedded.method import Method
from symnum.solvers.embedded.stochastic.driver import Step, stochastic_driver


@dataclass(frozen=True)
class StochasticMethod(Method):
    """A method for dy = f dt + B dW: ``METHOD`` of each module of ``stochastic.methods``.

    Args:
        step, estimate: see ``driver.stochastic_driver``.
        strong, weak: E|y_h - y| = O(h**strong), |E g(y_h) - E g(y)| = O(h**weak), where the coefficients commute.
        componentwise: it takes one process an unknown, or a single one. kernel: of ``solvers.noise.Noise`` that it needs.
    """

    step: Step | None = None
    estimate: tuple[Statement, ...] = ()
    vectors: tuple[str, ...] = ()
    strong: float = 0.5
    weak: float = 1.0
    componentwise: bool = False
    kernel: str = "euler"

    @cached_property
    def program(self) -> Program:
        assert self.step is not None
        return stochastic_driver(self.parts.name, self.vectors, self.step, self.estimate, self.strong)


def stochastic_method(
    name: str,
    strong: float,
    weak: float,
    step: Step,
    summary: str,
    vectors: tuple[str, ...],
    estimate: tuple[Statement, ...] = (),
    componentwise: bool = False,
    kernel: str = "euler",
) -> StochasticMethod:
    """A method with the fields of ``StochasticMethod``; without an estimate it keeps the step it is given."""
    parts = Parts(name.lower(), 1, vectors, (), ((), ()), (), ())
    return StochasticMethod(
        name, 1, 1, parts, summary, fixed_step=not estimate, step=step, estimate=estimate, vectors=vectors, strong=strong, weak=weak,
        componentwise=componentwise, kernel=kernel,
    )  # fmt: skip


@cache
def stochastic_methods() -> dict[str, StochasticMethod]:
    """All stochastic methods by name: ``METHOD`` of every module in the folder ``methods``."""
    catalogue = Catalogue("method", package="symnum.solvers.embedded.stochastic.methods")
    found: list[StochasticMethod] = [catalogue.load(name).METHOD for name in catalogue]
    return {method.name: method for method in found}
