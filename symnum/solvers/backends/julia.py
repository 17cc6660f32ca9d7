"""DifferentialEquations.jl: every algorithm of its families for ordinary and stochastic equations, with our native right-hand side and Jacobian.

C. Rackauckas, Q. Nie, DifferentialEquations.jl, J. Open Research Software 5 (2017) 15.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symnum.solvers.julia_methods import ALGEBRAIC, ALGORITHMS, METHODS, STOCHASTIC
from symnum.solvers.problem import Options, Outcome, Problem

NAME = "julia"
REQUIRES = ("juliacall",)
EVENTS = WATCHES = METHOD_OPTIONS = True
NOISE = tuple(name for name, a in ALGORITHMS.items() if a.kind == STOCHASTIC)
ADDITIVE = ("SRA", "SRA1", "SRA2", "SRA3", "SOSRA", "SOSRA2", "SKenCarp", "PL1WMA")
COMMUTING = ("RKMil", "RKMilCommute", "ImplicitRKMil", "SRI", "SRIW1", "SRIW2", "SOSRI", "SOSRI2", "DRI1NM")
OPTIONS = ("max_step",)
_NAMES = {name: name for name in METHODS}


def check(method: str) -> None:
    """Refuse early, without starting Julia: BackendUnavailable where there is none, or where it lacks the package of a method ("auto": any)."""
    from symnum.bridge import check as look

    known = {name.lower(): a.package for name, a in ALGORITHMS.items()}
    package = known.get(method.lower())
    look("SciMLBase", *([package] if package else []))


def solve(problem: Problem, options: Options) -> Outcome:
    """Integrate with one of ``METHODS``.

    ``linear_solves`` counts what the solver reports; values between save times come from the algorithm's own interpolant. Where algebraic values
    are missing, ``y0`` is a guess; the first saved state is consistent.

    Raises:
        SolveError: options that contradict the problem or that the algorithm does not have; BackendUnavailable: no Julia, or a package is missing.
    """
    from symnum.solvers.backend import find
    from symnum.solvers.julia_run import Run

    name = find(_NAMES, options.method, "algorithm of DifferentialEquations.jl")
    return Run(problem, options, name).solve()


def solve_many(
    problem: Problem, options: Options, starts: Any, parameters: Any, seeds: Sequence[int], threads: int
) -> list[Outcome] | None:
    """Many solves as one ensemble; None where they must go one by one (see ``julia_ensemble``)."""
    from symnum.solvers.backend import find
    from symnum.solvers.julia_ensemble import solve_many as many

    name = find(_NAMES, options.method, "algorithm of DifferentialEquations.jl")
    return many(problem, options, name, starts, parameters, seeds, threads)


__all__ = ["ALGEBRAIC", "METHODS", "NAME", "check", "solve", "solve_many"]
