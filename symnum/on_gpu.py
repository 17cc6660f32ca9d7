"""Solves on a GPU: ``sn.solve(target="cuda")`` with the state resident there, ``sn.sweep(target="cuda")`` with one trajectory a thread.

Planning, initial values and labels are the host's business as in every solve; what the steps work on lies on the device.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from symnum.codegen.cuda_device import device_of
from symnum.codegen.targets.cuda import cuda_kernel
from symnum.errors import SolveError
from symnum.ir.kernel import Kernel
from symnum.plan.choose import Plan
from symnum.solvers.embedded.cuda_ensemble import Ensemble, solve_ensemble
from symnum.solvers.embedded.cuda_machine import OnDevice, runs
from symnum.solvers.embedded.method import methods
from symnum.solvers.problem import Options, Problem


def host_target(target: str) -> str:
    """The target of what stays on the host: planning, initial values, Jacobians for the choice of the method.

    Raises BackendUnavailable for "cuda" without a GPU, before anything is compiled.
    """
    if target != "cuda":
        return target
    device_of("gpu")
    return "auto"


def resident(problem: Problem, kernel: Kernel, device: str = "gpu") -> Problem:
    """The problem with its right-hand side on a device, where the state then stays."""
    if problem.kernel is None:
        raise SolveError('target="cuda" takes differences in space; write scheme="central", or leave out target')
    size = kernel.input_size, kernel.output_size
    made = cuda_kernel(kernel, [("y", 0, size[0])], [("dydt", 0, size[1])], device)

    def rhs(t: float, y: Any, out: Any) -> None:
        made.launch(t, problem.parameters.tolist(), [y], [out])

    return replace(problem, device=OnDevice(made.device, rhs))


def moved(
    plan: Plan, problem: Problem, kernel: Kernel, asked: tuple[str, str], device: str = "gpu"
) -> tuple[Plan, Problem]:
    """Plan and problem for a device; ``asked``: method and backend that the user named, or "auto"."""
    return plan_on_gpu(plan, asked, any(a.axes for a in kernel.outputs)), resident(problem, kernel, device)


def plan_on_gpu(plan: Plan, asked: tuple[str, str], space: bool) -> Plan:
    """A method that runs on the device: the plan's where it does, else a stabilised explicit one with space and Tsit5 without.

    Raises SolveError where a method or a backend was asked for that does not.
    """
    found = methods().get(plan.method)
    if plan.backend == "embedded" and found is not None and runs(found):
        return replace(plan, successor=None)
    if asked[0] != "auto" or asked[1] not in ("auto", "embedded"):
        raise SolveError(
            f'{plan.method} does not run with target="cuda", which has explicit, stabilised and exponential methods; write method="ROCK4", '
            'method="Tsit5" or method="ETDRK4"'
        )
    method = "ROCK4" if space else "Tsit5"
    why = f"{method}, which solves no linear systems, since the state stays on the GPU ({plan.method} on the host: {plan.why})"
    return Plan(method, "embedded", why)


def ensemble(
    kernel: Kernel, problem: Problem, options: Options, starts: Any, parameters: Any, device: str = "gpu"
) -> Ensemble:
    """Trajectories from the rows of ``starts`` (k, n) with those of ``parameters`` (k, p)."""
    return solve_ensemble(kernel, problem, options, np.asarray(starts, float), np.asarray(parameters, float), device)
