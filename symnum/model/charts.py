"""Where a choice of dummy derivatives serves, and how integration goes on with another one.

A choice is a chart of the constraint manifold: the pendulum's x serves as coordinate while y is away from zero. Along the solution its quality is
watched (``dummies.quality``); below ``LEAST`` the run pauses and goes on from there with the choice that is best then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symnum.expr.calculus import substitute
from symnum.expr.term import Term
from symnum.expr.walk import symbols
from symnum.model.dae import Reduction, instance, reduced_form
from symnum.model.dummies import Instance, Stage
from symnum.model.normal_form import NormalForm
from symnum.model.numeric import evaluate
from symnum.model.space import Domain

if TYPE_CHECKING:
    from symnum.model.system import DAESystem

LEAST = 0.3  # of the best choice's smallest singular value
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """A reduced system with one choice of dummy derivatives, from one time on.

    Attributes:
        system: the system that starts at that time; form: its normal form; chosen: the dummy derivatives.
        definitions: every field and derivative in terms of the form's fields.
    """

    system: DAESystem
    form: NormalForm
    chosen: frozenset[Instance]
    definitions: dict[Instance, Term]

    @staticmethod
    def first(system: DAESystem) -> Chart:
        """The chart at the initial time."""
        reduction = _reduction(system)
        return Chart._made(system, reduction, reduction.values)

    @staticmethod
    def _made(system: DAESystem, reduction: Reduction, values: Mapping[Term, float]) -> Chart:
        chosen = reduction.choice(system.time, values)
        form, definitions = reduced_form(system, reduction, chosen, values)
        made = object.__new__(type(system))
        made.__dict__.update({k: v for k, v in system.__dict__.items() if k != "structure"})
        made.__dict__["normal_form"] = form
        return Chart(made, form, chosen, definitions)

    def following(self, t: float, y: Array) -> Chart:
        """The chart that is best at (t, y), y in the order of this one's fields."""
        values = {**_reduction(self.system).values, **self._numbers, **self._everything(t, y)}
        bounds = self.system.domain.bounds
        domain = Domain({**bounds, self.system.time.name: (t, bounds[self.system.time.name][1])})
        system = object.__new__(type(self.system))
        system.__dict__.update(self.system.__dict__)
        system._set(domain=domain.with_time(self.system.time.name))
        return Chart._made(system, _reduction(system), values)

    def watch(self) -> Callable[[float, Array], bool] | None:
        """``watch(t, y)``: whether another choice should take over; None if the pivots are constant."""
        rows = [e for stage in self._stages for row in stage.entries for e in row]
        if not any(symbols(e, "field") or self.system.time in symbols(e) for e in rows):
            return None

        def poor(t: float, y: Array) -> bool:
            values: dict[Term, float] = {**self._numbers, self.system.time: t}
            values |= dict(zip(self.form.fields, map(float, y), strict=True))
            reduction = replace(_reduction(self.system), stages=self._stages)
            return reduction.quality(self.chosen, values) < LEAST

        return poor

    @cached_property
    def _stages(self) -> tuple[Stage, ...]:
        """What quality is judged by, in terms of the form's fields."""
        table = {instance(i, self.system.time): value for i, value in self.definitions.items()}
        return tuple(
            replace(s, entries=tuple(tuple(substitute(e, table) for e in row) for row in s.entries))
            for s in _reduction(self.system).stages
        )

    @property
    def _numbers(self) -> dict[Term, float]:
        return {self.system.parameter_symbols[n]: float(v) for n, v in self.system.parameters.items()}

    def _everything(self, t: float, y: Array) -> dict[Term, float]:
        """Every field and derivative at (t, y)."""
        known: dict[Term, Any] = {**self._numbers, self.system.time: t}
        known |= dict(zip(self.form.fields, map(float, y), strict=True))
        values = {instance(i, self.system.time): float(evaluate(v, known)) for i, v in self.definitions.items()}
        return {**values, self.system.time: t}


def _reduction(system: DAESystem) -> Reduction:
    assert system.reduction is not None
    return system.reduction
