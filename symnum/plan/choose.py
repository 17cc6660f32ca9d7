"""Structure -> integrator, with the sentence that says why. The rules are a table: the first row whose condition holds is taken.

Stiffness is judged before any step from the largest eigenvalues of the discretised linear terms on spacing h (second-order central differences)::

    k*u_xx      4|k|/h^2  real, negative        c*u_x       |c|/h     imaginary
    k*u_xxxx   16|k|/h^4  real, negative        k*u_xxx   2.6|k|/h^3  imaginary        u_tt = c^2*u_xx   2|c|/h  imaginary
                                            u_tt = -k*u_xxxx   4 sqrt(k)/h^2  imaginary

An explicit method of order 5 with step dt is stable for dt*|eigenvalue| up to about 3.3 on the real and 1.0 on the imaginary axis; it takes six
right-hand sides a step. A stabilised method of order 2 with s stages is stable up to 0.65*s^2 on the real axis; accuracy alone makes it take about
1000*(1e-6/rtol)^(1/3) steps (the Brusselator's count at 1e-6, scaled by its order). What a method will cost is guessed in seconds::

    explicit, stabilised   right-hand sides * (0.1 us + 1.2 ns an unknown)
    CVODE                  600 (1e-6/rtol)^(1/5) steps * (0.1 ms + 0.2 us an unknown)       sparse or Krylov linear algebra, callbacks
    Radau (SciPy)          300 (1e-6/rtol)^(1/5) steps * (1.5 ms + 3 us an unknown)

fitted to whole solves of the shipped models on one core; only ratios of ten matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from symnum.model.structure import Coefficients, Structure

REAL_LIMIT, IMAGINARY_LIMIT = 3.3, 1.0
_FEW_STEPS = 50  # below, accuracy and not stability sets the step of an explicit method
_MANY_STEPS = 2000  # so many stability-limited steps and a method without that limit pays


@dataclass(frozen=True)
class Stiffness:
    """Largest eigenvalues by kind of term (a coefficient that varies counts with its scale, fields put to 1).

    ``steps``: how many steps stability would force on an explicit method over the whole time span; ``explicit_cost``, ``stabilised_cost``:
    right-hand sides that it and a stabilised method would take; ``explicit``, ``stabilised``, ``multistep``, ``radau``: seconds, roughly.
    """

    real: float
    imaginary: float
    steps: float
    explicit_cost: float = 0.0
    stabilised_cost: float = 0.0
    explicit: float = 0.0
    stabilised: float = 0.0
    multistep: float = math.inf
    radau: float = math.inf

    @property
    def damped(self) -> bool:
        """The real eigenvalues set the step, by a wide margin."""
        return self.real / REAL_LIMIT > 5 * self.imaginary / IMAGINARY_LIMIT


@dataclass(frozen=True)
class Plan:
    """``method`` and ``backend`` by name, and ``why`` as one sentence; ``max_order``: of a multistep method, None for its own."""

    method: str
    backend: str
    why: str
    max_order: int | None = None


@dataclass(frozen=True)
class Rule:
    """One row: when, what, and the sentence (``{steps}``, ``{fields}``, ``{kind}``, ``{sides}``, ``{stiff}``, ``{damping}`` are filled in)."""

    holds: Callable[[Structure, Stiffness], bool]
    method: str
    backend: str
    why: str
    source: str


RULES = (
    Rule(
        lambda s, k: bool(s.algebraic),
        "IDA",
        "sundials",
        "{kind}, {fields}: equations without a time derivative hold at every instant; backward differentiation solves them "
        "together with the others in each step",
        "Brenan, Campbell, Petzold, Numerical Solution of Initial-Value Problems in DAEs, 1996",
    ),
    Rule(
        lambda s, k: s.kind == "reaction network",
        "CVODE",
        "sundials",
        "{kind}, {fields}: rates of reactions span many orders of magnitude, so such systems are stiff as a rule; an implicit multistep method with "
        "the sparse Jacobian takes them as they come",
        "Hairer, Wanner, Solving ODEs II, IV.1",
    ),
    Rule(
        lambda s, k: not s.order_in_space,
        "Tsit5",
        "embedded",
        '{kind}, {fields}: an explicit fifth-order pair in native code is cheapest while the problem is not stiff (write method="{stiff}" if it is)',
        "Tsitouras 2011",
    ),
    Rule(
        lambda s, k: s.order_in_time == 2 and max(s.order_in_space.values()) >= 4 and k.explicit > k.radau,
        "Radau",
        "scipy",
        "{kind}, {sides}, {fields}: bending waves put the spectrum on the imaginary axis, growing as 1/h^2, and would force {steps} explicit "
        "steps; Radau IIA is stable there",
        "Hairer, Wanner, Solving ODEs II, IV.8",
    ),
    Rule(
        lambda s, k: any(s.dispersion.values()) and not s.periodic and k.steps > _FEW_STEPS,
        "Radau",
        "scipy",
        "{kind}, {sides}, {fields}: with third derivatives between sides with conditions the discrete operator is far from normal, and an "
        "explicit method that steps at its limit of stability loses accuracy unseen; Radau IIA is stable there",
        "Trefethen, Embree, Spectra and Pseudospectra, 2005, chapter 32",
    ),
    Rule(
        lambda s, k: any(s.dispersion.values()) and k.steps > _MANY_STEPS and k.explicit > k.radau,
        "Radau",
        "scipy",
        "{kind}, {sides}, {fields}: third derivatives put the spectrum on the imaginary axis and would "
        "force {steps} explicit steps; Radau IIA is stable there",
        "Hairer, Wanner, Solving ODEs II, IV.8",
    ),
    Rule(
        lambda s, k: k.damped and 2 * k.stabilised_cost < k.explicit_cost and k.stabilised < 3 * k.multistep,
        "RKC2",
        "embedded",
        "{kind}, {sides}, {fields}: {damping} would force {steps} explicit steps; a stabilised explicit "
        "method covers it with a few stages a step and needs no linear algebra",
        "Sommeijer, Shampine, Verwer 1997",
    ),
    Rule(
        lambda s, k: k.damped and k.steps > _MANY_STEPS and k.explicit > k.multistep,
        "CVODE",
        "sundials",
        "{kind}, {sides}, {fields}: {damping} would force {steps} explicit steps; an implicit "
        "multistep method with a sparse Jacobian takes large ones",
        "Hairer, Wanner, Solving ODEs II, V.5",
    ),
    Rule(
        lambda s, k: k.steps > _MANY_STEPS,
        "Tsit5",
        "embedded",
        "{kind}, {sides}, {fields}: stability asks for {steps} steps, which an explicit fifth-order pair in native code takes faster "
        "than an implicit method takes its few",
        "Tsitouras 2011",
    ),
    Rule(
        lambda s, k: True,
        "Tsit5",
        "embedded",
        "{kind}, {sides}, {fields}: smooth and not stiff at this resolution, so an explicit fifth-order pair in native code is cheapest",
        "Tsitouras 2011",
    ),
)


def choose(
    structure: Structure,
    spacing: dict[str, float],
    span: float,
    fields: int,
    periodic: bool,
    rtol: float = 1e-6,
    sundials: bool = True,
    unknowns: int = 1000,
) -> Plan:
    """The plan for a discretised system.

    Args:
        spacing: grid spacing of each spatial coordinate, by name.
        span: length of the time interval.
        fields: number of fields; periodic: all sides are; rtol: relative tolerance asked for.
        sundials: CVODE is at hand; else SciPy's BDF takes its place.
        unknowns: length of the state vector.
    """
    stiffness = estimate(structure, spacing, span, rtol, unknowns)
    rule = next(r for r in RULES if r.holds(structure, stiffness))
    words = {
        "kind": structure.kind,
        "sides": "periodic" if periodic else "with boundary conditions",
        "fields": f"{fields} field{'s' if fields != 1 else ''}",
        "steps": f"about {float(f'{stiffness.steps:.1g}'):,.0f}",
        "stiff": "CVODE" if sundials else "BDF",
        "damping": "fourth derivatives" if max(structure.order_in_space.values(), default=0) >= 4 else "diffusion",
    }
    why = rule.why.format(**words)
    if rule.method == "CVODE" and not sundials:
        instead = "SciPy's BDF: CVODE would be faster, but scikit-sundae is not installed or does not load"
        return Plan("BDF", "scipy", f"{why} ({instead}: pip install --force-reinstall scikit-sundae)")
    return Plan(rule.method, rule.backend, why)


def choose_for(backend: str, automatic: Plan) -> Plan:
    """The plan where a backend was asked for that is not that of the automatic choice, and the method was not.

    BDF of order 3 and more is unstable near the imaginary axis, where dispersion and undamped waves put the spectrum, so there CVODE is kept to
    order 2 (Hairer, Wanner, Solving ODEs II, V.1).
    """
    stiff = automatic.method not in ("Tsit5", "Dopri5")
    pairs = {"scipy": ("DOP853", "BDF"), "embedded": ("Tsit5", "RKC2"), "sundials": ("CVODE_Adams", "CVODE")}
    name = pairs[backend][stiff]
    kind = "stiff" if stiff else "smooth, not stiff"
    why = f"backend {backend!r} was asked for; {name} is its method for {kind} problems"
    if name == "CVODE" and automatic.method == "Radau":
        return Plan(name, backend, f"{why}, at order 2 because higher ones are unstable near the imaginary axis", 2)
    return Plan(name, backend, why)


def estimate(
    structure: Structure, spacing: dict[str, float], span: float, rtol: float = 1e-6, unknowns: int = 1000
) -> Stiffness:
    """The largest eigenvalues of the linear terms on a grid, the steps they would force, and what methods would cost."""
    diffusive = _largest(structure.diffusion, spacing, lambda k, h: 4 * abs(k) / h**2)
    hyper = _largest(structure.hyperdiffusion, spacing, lambda k, h: 16 * abs(k) / h**4)
    advective = _largest(structure.advection, spacing, lambda c, h: abs(c) / h)
    dispersive = _largest(structure.dispersion, spacing, lambda k, h: 2.6 * abs(k) / h**3)
    wave = _largest(structure.wave, spacing, lambda c2, h: 4 * abs(c2) / h**2)
    bending = _largest(structure.bending, spacing, lambda k, h: 16 * abs(k) / h**4)
    real, imaginary = diffusive + hyper, advective + dispersive + (wave + bending) ** 0.5
    steps = span * max(real / REAL_LIMIT, imaginary / IMAGINARY_LIMIT)
    wanted = 1000 * (1e-6 / rtol) ** (1 / 3)
    stabilised = wanted * max(2.0, (real * span / wanted / 0.65) ** 0.5)
    evaluation = 1e-7 + 1.2e-9 * unknowns
    implicit = (1e-6 / rtol) ** 0.2
    return Stiffness(
        real,
        imaginary,
        steps,
        6 * steps,
        stabilised,
        explicit=6 * steps * evaluation,
        stabilised=stabilised * evaluation,
        multistep=600 * implicit * (1e-4 + 2e-7 * unknowns),
        radau=300 * implicit * (1.5e-3 + 3e-6 * unknowns),
    )


def _largest(table: Coefficients, spacing: dict[str, float], eigenvalue: Callable[[float, float], float]) -> float:
    """The largest sum over the coordinates among the fields; coefficients that vary count with their scale."""
    sums = (sum(eigenvalue(c.scale, spacing[x]) for x, c in row.items()) for row in table.values())
    return max(sums, default=0.0)
