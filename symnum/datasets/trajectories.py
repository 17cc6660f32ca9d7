"""Many trajectories of one small system: compiled once, solved by native code, a fraction of a millisecond each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np

from symnum.discretisation.assemble import discretise as to_semi_discrete
from symnum.pipeline import Discretised, _problem
from symnum.planning import plan_for
from symnum.solvers.backend import solve
from symnum.solvers.problem import Options


class Trajectories:
    """Solves of one system for many parameter values and initial states.

    ``run(values, start)`` gives the states at ``times``, shape (times, unknowns), and NaN in rows that were not reached.
    """

    def __init__(
        self, system: Any, times: np.ndarray, rtol: float, atol: float, method: str = "auto", **space: Any
    ) -> None:
        semi = to_semi_discrete(system, space.get("resolution", 64), space.get("scheme", "auto"), space.get("order", 2))
        self.discretised = Discretised(semi)
        self.names = tuple(self.discretised.parameters)
        self.problem = _problem(self.discretised)
        self.times = times
        self.one_at_a_time = Lock()  # the parameters lie in memory that all solves share; executors may have threads
        settings = Options(rtol=rtol, atol=atol, saveat=times, dense=False)
        plan = plan_for(semi, method, "auto", rtol, False, self.problem)
        self.backend = plan.backend
        self.settings = replace(settings, method=plan.method, max_order=plan.max_order)

    def run(self, values: Mapping[str, float], start: np.ndarray) -> np.ndarray:
        """The states at all times; a failed solve keeps what it has."""
        with self.one_at_a_time:
            self.discretised._vector[:] = [values[name] for name in self.names]
            outcome = solve(replace(self.problem, y0=np.asarray(start, dtype=np.float64)), self.settings, self.backend)
        states = np.full((len(self.times), len(start)), np.nan)
        reached = np.asarray(outcome.y)[: len(self.times)]
        states[: len(reached)] = reached
        if not outcome.success:
            states[len(reached) :] = np.nan
        return states
