"""Structure -> integrator, with the sentence that says why: the first row of ``rules.RULES`` whose condition holds for ``estimate.estimate``."""

from __future__ import annotations

from dataclasses import dataclass

from symnum.model.structure import Structure
from symnum.plan.estimate import Measured, Stiffness, estimate, evaluation
from symnum.plan.rules import RULES, Rule


@dataclass(frozen=True)
class Plan:
    """``method`` and ``backend`` by name, and ``why`` as one sentence.

    Attributes:
        max_order: of a multistep method, None for its own.
        successor: (method, backend) that takes over where the run proves the choice wrong, or None.
        patience: steps that must be left when stiffness shows, else the run goes on as it is.
    """

    method: str
    backend: str
    why: str
    max_order: int | None = None
    successor: tuple[str, str] | None = None
    patience: float = 500.0


def choose(
    structure: Structure,
    spacing: dict[str, float],
    span: float,
    fields: int,
    periodic: bool,
    rtol: float = 1e-6,
    sundials: bool = True,
    unknowns: int = 1000,
    measured: Measured | None = None,
) -> Plan:
    """The plan for a discretised system.

    Args:
        spacing: grid spacing of each spatial coordinate, by name.
        span: length of the time interval.
        fields: number of fields; periodic: all sides are; rtol: relative tolerance asked for.
        sundials: CVODE is at hand; else SciPy's BDF takes its place.
        unknowns: length of the state vector.
        measured: the spectrum at the start, where it could be measured.
    """
    stiffness = estimate(structure, spacing, span, rtol, unknowns, measured, fields)
    rule = next(r for r in RULES if r.holds(structure, stiffness))
    words = {
        "kind": structure.kind,
        "sides": "periodic" if periodic else "with boundary conditions",
        "fields": f"{fields} field{'s' if fields != 1 else ''}",
        "steps": f"about {float(f'{stiffness.steps:.1g}'):,.0f}",
        "stiff": "Rodas5P" if stiffness.small else "CVODE" if sundials else "BDF",
        "damping": _damping(structure, stiffness),
    }
    why = rule.why.format(**words)
    if rule.method == "CVODE" and not sundials:
        instead = "SciPy's BDF: CVODE would be faster, but scikit-sundae is not installed or does not load"
        return Plan("BDF", "scipy", f"{why} ({instead}: pip install --force-reinstall scikit-sundae)")
    return Plan(
        rule.method, rule.backend, why, successor=_successor(rule.method, stiffness), patience=_patience(stiffness)
    )


def _damping(structure: Structure, k: Stiffness) -> str:
    """What puts eigenvalues far out on the real axis, or on the imaginary one."""
    if not k.damped:
        return (
            "third derivatives"
            if any(structure.dispersion.values())
            else "bending waves"
            if structure.bending
            else "waves"
        )
    if k.reaction > 0.5 * k.real:
        return "fast reactions"
    return "fourth derivatives" if max(structure.order_in_space.values(), default=0) >= 4 else "diffusion"


def _successor(method: str, k: Stiffness) -> tuple[str, str] | None:
    """What takes over from an explicit or stabilised method."""
    if method not in ("Tsit5", "Vern7", "ROCK4", "RKC2"):
        return None
    return ("Rodas5P" if k.small or k.one_dimension else "KenCarp4", "embedded")


def _patience(k: Stiffness) -> float:
    """Steps of the explicit method that cost three times the whole solve by its successor; no fewer than 500, for a Jacobian must be compiled."""
    if not k.dimensions:
        return 500.0
    return max(500.0, 3 * k.cost["implicit"] / (6 * evaluation(k.unknowns)))


_JULIA = {  # the automatic choice -> the algorithm of DifferentialEquations.jl for the same kind of problem
    "Tsit5": "Tsit5",
    "Dopri5": "Tsit5",
    "Vern7": "Vern7",
    "ROCK4": "ROCK4",
    "RKC2": "ROCK4",
    "KenCarp4-IMEX": "ROCK4",
    "Rodas5P": "Rodas5P",
    "Radau5": "Rodas5P",
    "KenCarp4": "KenCarp47",
    "ETDRK4": "KenCarp47",
    "EM": "EM",
    "SRIW1": "SRIW1",
    "SOSRI": "SOSRI",
    "Milstein": "RKMil",
}
_SMALL = 500  # unknowns up to which a Rosenbrock method is cheaper than backward differentiation


def choose_for(backend: str, automatic: Plan, unknowns: int = 1000) -> Plan:
    """The plan where a backend was asked for that is not that of the automatic choice, and the method was not.

    BDF of order 3 and more is unstable near the imaginary axis, where dispersion and undamped waves put the spectrum, so there CVODE is kept to
    order 2 (Hairer, Wanner, Solving ODEs II, V.1).
    """
    if backend == "julia":
        name = _JULIA.get(automatic.method, "Rodas5P" if unknowns <= _SMALL else "FBDF")
        why = f"backend 'julia' was asked for; {name} is its method where {automatic.method} would be the choice"
        return Plan(name, backend, f"{why} ({automatic.why})")
    stiff = automatic.method not in ("Tsit5", "Dopri5", "Vern7")
    pairs = {"scipy": ("DOP853", "BDF"), "embedded": ("Tsit5", "Rodas5P"), "sundials": ("CVODE_Adams", "CVODE")}
    name = pairs[backend][stiff]
    kind = "stiff" if stiff else "smooth, not stiff"
    why = f"backend {backend!r} was asked for; {name} is its method for {kind} problems"
    if name == "CVODE" and "imaginary axis" in automatic.why:
        return Plan(name, backend, f"{why}, at order 2 because higher ones are unstable near the imaginary axis", 2)
    return Plan(name, backend, why)


__all__ = ["RULES", "Measured", "Plan", "Rule", "Stiffness", "choose", "choose_for", "estimate"]
