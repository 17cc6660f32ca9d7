"""[SemiDiscreteSystem, Problem] -> [Plan]: the facts for the automatic choice, and what the user's wishes leave of it."""

from __future__ import annotations

from dataclasses import replace

from symnum.errors import SolveError
from symnum.ir.noise import NoiseKernels
from symnum.ir.system import SemiDiscreteSystem
from symnum.plan.choose import Measured, Plan, choose, choose_for
from symnum.plan.waves import plan_for_waves
from symnum.solvers.backend import backend_of, installed, methods, usable
from symnum.solvers.problem import Problem
from symnum.solvers.spectrum import measure


def plan_for(
    semi: SemiDiscreteSystem,
    method: str,
    backend: str,
    rtol: float,
    stopping: bool = False,
    problem: Problem | None = None,
) -> Plan:
    """The method for a solve.

    Args:
        method, backend: names, or "auto". stopping: events or checkpoints, which the embedded methods have.
        problem: the compiled problem, whose spectrum at the start is measured; None: stiffness is judged from the equations alone.

    Raises SolveError where the method belongs to another backend, UnknownName where there is none of its name.
    """
    automatic = _automatic(semi, rtol, problem)
    if method == "auto" and backend == "auto" and stopping and automatic.backend != "embedded":
        why = "events, checkpoints and stepping by hand are for the embedded methods; Rodas5P is the one for stiff problems"
        return Plan("Rodas5P", "embedded", f"{why} (otherwise {automatic.method} would be the choice)")
    if method == "auto" and backend in ("auto", automatic.backend):
        return automatic
    if method == "auto":
        return choose_for(backend, automatic, semi.size)
    home = backend_of(method) if backend == "auto" else backend
    if method.lower() not in (name.lower() for name in methods(home)):
        other = backend_of(method)
        raise SolveError(
            f'method {method!r} belongs to backend {other!r}, not {backend!r}; write backend="{other}" or leave it out'
        )
    return Plan(method, home, f"{method} was asked for (the automatic choice is {automatic.method})")


_SINGLE = "noise of one Wiener process a field, whose coefficients commute: strong order 3/2 with steps of its own choice"


def _for_noise(noise: NoiseKernels, size: int) -> Plan:
    """Strong order 3/2 where no Levy areas are needed and steps can be chosen, else a method of fixed steps."""
    single = noise.diagonal or noise.columns == 1
    if single and noise.commutative:
        return Plan("SOSRI", "embedded", _SINGLE)
    if single or noise.milstein is None:
        shared = f"{noise.columns} Wiener processes are shared by {size} unknowns"
        reason = shared if noise.commutative else "the coefficients of the noise do not commute"
        return Plan("EM", "embedded", f"{reason}: without Levy areas no method is of a higher strong order than Euler and Maruyama's")
    return Plan("Milstein", "embedded", f"{noise.columns} Wiener processes are shared, and their coefficients commute: strong order 1")


def _automatic(semi: SemiDiscreteSystem, rtol: float, problem: Problem | None) -> Plan:
    if semi.noise is not None:
        return _for_noise(semi.noise, semi.size)
    if semi.watch is not None:
        why = "constraints of higher index were solved for some of the fields; backward differentiation takes what remains as it comes"
        sundials = Plan("CVODE", "sundials", why)
        return sundials if semi.differential is None else replace(sundials, method="IDA")
    if semi.spectral is not None:
        return plan_for_waves(semi, rtol)
    axes = [semi.axes[k] for k in sorted({k for array in semi.state for k in array.axes})]
    spacing = {a.name: a.spacing for a in axes}
    span = semi.time_span[1] - semi.time_span[0]
    periodic = all(a.periodic for a in axes)
    fields = len(semi.state) - len(semi.hidden)
    measured = None if problem is None else _measured(semi, problem)

    def chosen(sundials: bool) -> Plan:
        return choose(semi.structure, spacing, span, fields, periodic, rtol, sundials, semi.size, measured)

    made = chosen(installed("sundials"))
    return made if made.backend != "sundials" or usable("sundials") else chosen(False)  # broken: only a load tells


def _measured(semi: SemiDiscreteSystem, problem: Problem) -> Measured | None:
    found = measure(problem, [(a.offset, a.size) for a in semi.state if a.shape])
    return None if found is None else Measured(found.damping, found.frequency, found.reaction)
