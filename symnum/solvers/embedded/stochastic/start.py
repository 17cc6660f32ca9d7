"""What a stochastic run needs beside the driver: checks, the seed, the path, and what is said of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.solvers.embedded.language import NoiseValues, every_statement
from symnum.solvers.embedded.machine import Machine
from symnum.solvers.embedded.stochastic.driving import Driving
from symnum.solvers.embedded.stochastic.method import StochasticMethod
from symnum.solvers.noise import Noise, new_seed
from symnum.solvers.problem import Options, Problem

Array = NDArray[np.float64]
MOST_STEPS = 1e15  # beyond, times and nodes are no longer told apart in float64
GROWN = 1e12  # times the start: rather instability than growth


def prepared(problem: Problem, options: Options, method: StochasticMethod) -> Options:
    """The options with a seed, after checking that the method suits the problem.

    Raises SolveError: no noise, time running backward, events, a fixed step without ``dt`` or with one too small, noise of a kind that the
    method does not take, or whose effect its error estimate does not see.
    """
    noise, name = problem.noise, method.name
    if noise is None:
        raise SolveError(f'{name} is for equations with noise, and these have none; write method="Tsit5"')
    if problem.t1 < problem.t0:
        raise SolveError(
            f"stochastic equations go forward in time, and this interval runs from {problem.t0:g} to {problem.t1:g}; exchange its ends"
        )
    if problem.events is not None:
        raise SolveError(
            "events are not watched for in equations with noise, whose paths cross a level many times at once; look for them in the saved values"
        )
    if problem.differential is not None:
        raise SolveError(
            "algebraic equations are not supported with noise; solve them by hand for the fields without a derivative in time"
        )
    if method.componentwise and not (noise.diagonal or noise.columns == 1):
        raise SolveError(
            f"{name} takes one Wiener process for each field, or a single one for all; here {noise.columns} are shared by {problem.n} unknowns. "
            f'Write method="EM" with dt={_usual(problem)}{_or_milstein(noise.milstein)}'
        )
    if method.kernel == "milstein" and noise.milstein is None:
        raise SolveError(
            f"{name} needs noise whose coefficients commute (L_j b_k = L_k b_j, as b_i(t, y_i) dW_i do) and can be differentiated by the fields; "
            f'write method="EM" with dt={_usual(problem)}'
        )
    _check_steps(problem, options, method, noise)
    return options if options.seed is not None else replace(options, seed=new_seed())


def _check_steps(problem: Problem, options: Options, method: StochasticMethod, noise: Noise) -> None:
    name, adaptive = method.name, options.method_options.get("adaptive", True)
    if not isinstance(adaptive, bool):
        raise SolveError(f'options["adaptive"] is {adaptive!r}, neither True nor False')
    if not fixed(options, method):
        if not noise.commutative:
            raise SolveError(
                f"the coefficients of the noise do not commute (one depends on a field that another process moves), and {name} chooses its steps "
                f'by an estimate that does not see this: the error would be the same for every rtol. Write method="EM" with dt={_usual(problem)}'
            )
        return
    if options.dt is None:
        chosen = noise.commutative and (noise.diagonal or noise.columns == 1)
        other = ', or method="SOSRI", which chooses its steps' if chosen and method.fixed_step else ""
        raise SolveError(
            f"{name} keeps a fixed step, which is to be given; write for example dt={_usual(problem)}{other}"
        )
    if (problem.t1 - problem.t0) / options.dt > MOST_STEPS:
        raise SolveError(
            f"dt={options.dt:g} makes more than {MOST_STEPS:.0e} steps from {problem.t0:g} to {problem.t1:g}; write for example dt={_usual(problem)}"
        )


def _usual(problem: Problem) -> str:
    return f"{abs(problem.t1 - problem.t0) / 1000:.3g}"


def _or_milstein(milstein: object) -> str:
    return "" if milstein is None else ', or method="Milstein"'


def fixed(options: Options, method: StochasticMethod) -> bool:
    """Whether steps are of one length: the method knows no other, or ``options={"adaptive": False}``."""
    return method.fixed_step or options.method_options.get("adaptive") is False


def driving(problem: Problem, options: Options, method: StochasticMethod) -> Driving:
    """The path and the functions of the noise for a run."""
    assert problem.noise is not None and options.seed is not None
    asks = any(isinstance(s, NoiseValues) for s in every_statement(method.program.body)) and method.componentwise
    return Driving(problem.noise, problem.n, options.seed, method.kernel, asks)


def bind(machine: Machine, driving: Any, options: Options, method: StochasticMethod) -> None:
    """The scalars of the driver that are its own."""
    machine["fixed"] = options.dt or 0.0 if fixed(options, method) else 0.0
    machine["deepest"] = min(driving.depth, 50)  # the rest of the tree is for save times inside a step


def remarks(problem: Problem, options: Options, method: StochasticMethod, largest: float) -> tuple[str, ...]:
    """What the user should know though the solve succeeded. ``largest``: absolute value in the last state."""
    found = []
    if problem.noise is not None and method.strong > 0.5 and not problem.noise.commutative:
        found.append(
            "the coefficients of the noise do not commute (one depends on a field that another process moves), or could not be compared: "
            f'{method.name} then has the strong order 1/2, as method="EM" has at less cost'
        )
    if fixed(options, method) and largest > GROWN * (1 + float(np.max(np.abs(problem.y0), initial=0.0))):
        found.append(
            f"the solution grew to {largest:.1g}; if the equations themselves do not grow, {method.name} is unstable with dt={options.dt:g}: "
            "write a smaller one"
        )
    return tuple(found)


@dataclass(frozen=True)
class Polyline:
    """Between the steps a straight line: call with a time -> (n,), or with k times -> (k, n). t: (m,), y: (m, n)."""

    t: Array
    y: Array

    def __call__(self, t: Any) -> Array:
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        if times.size and not (self.t[0] <= times.min() and times.max() <= self.t[-1]):
            raise SolveError(
                f"the solution is known from t = {self.t[0]:.6g} to {self.t[-1]:.6g}; widen the time interval"
            )
        end = np.clip(np.searchsorted(self.t, times), 1, len(self.t) - 1)
        share = ((times - self.t[end - 1]) / (self.t[end] - self.t[end - 1]))[:, None]
        made = (1 - share) * self.y[end - 1] + share * self.y[end]
        return np.asarray(made[0] if np.ndim(t) == 0 else made)
