"""The rules of the automatic choice, to be read from top to bottom: the first condition that holds decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symnum.model.structure import Structure
from symnum.plan.estimate import FEW_STEPS, MANY_STEPS, SOME_STEPS, Stiffness

Condition = Callable[[Structure, Stiffness], bool]


@dataclass(frozen=True)
class Rule:
    """One row: when, what, and the sentence (``{steps}``, ``{fields}``, ``{kind}``, ``{sides}``, ``{stiff}``, ``{damping}`` are filled in)."""

    holds: Condition
    method: str
    backend: str
    why: str
    source: str


_DAE = "Brenan, Campbell, Petzold, Numerical Solution of Initial-Value Problems in DAEs, 1996"
_STIFF = "Hairer, Wanner, Solving ODEs II, IV.1"
_ROSENBROCK = "Steinebach, Construction of Rosenbrock-Wanner method Rodas5P, BIT 63 (2023)"
_WAVES = "Hairer, Wanner, Solving ODEs II, IV.8"

MARGIN = 4  # solutions that decay cost stabilised methods up to four times less than is estimated


def _settles(k: Stiffness) -> bool:
    """Fast reactions set the step and soon come to rest: RKC2 took 0.4 to 1.1 times what ROCK4 took on five random equations of this kind."""
    return k.reaction > 0.9 * k.real and k.cost["RKC2"] < k.cost["explicit"]


ALGEBRAIC = (
    Rule(
        lambda s, k: bool(s.algebraic),
        "IDA",
        "sundials",
        "{kind}, {fields}: equations without a time derivative hold at every instant; backward differentiation solves them "
        "together with the others in each step",
        _DAE,
    ),
    Rule(
        lambda s, k: bool(s.observed),
        "CVODE",
        "sundials",
        "{kind}, {fields}: the algebraic equations were solved by hand; what they stand for (fast processes at rest) often leaves a stiff system, "
        "which an implicit multistep method takes as it comes",
        _DAE,
    ),
)

WITHOUT_SPACE = (
    Rule(
        lambda s, k: s.kind == "reaction network" and k.small,
        "Rodas5P",
        "embedded",
        "{kind}, {fields}: rates of reactions span many orders of magnitude, so such systems are stiff as a rule; a Rosenbrock method in native code "
        "takes them as they come",
        _ROSENBROCK,
    ),
    Rule(
        lambda s, k: s.kind == "reaction network",
        "CVODE",
        "sundials",
        "{kind}, {fields}: rates of reactions span many orders of magnitude, so such systems are stiff as a rule; an implicit multistep method with "
        "the sparse Jacobian takes them as they come",
        _STIFF,
    ),
    Rule(
        lambda s, k: not s.order_in_space and k.steps > MANY_STEPS and k.small and k.rtol < 1e-8,
        "Radau5",
        "embedded",
        "{kind}, {fields}: df/dy at the start would force {steps} explicit steps; Radau IIA of order 5 in native code is cheapest at "
        "tight tolerances",
        _WAVES,
    ),
    Rule(
        lambda s, k: not s.order_in_space and k.steps > MANY_STEPS and k.small,
        "Rodas5P",
        "embedded",
        "{kind}, {fields}: df/dy at the start would force {steps} explicit steps; a Rosenbrock method of order 5 in native code takes large ones",
        _ROSENBROCK,
    ),
    Rule(
        lambda s, k: not s.order_in_space and k.steps > MANY_STEPS,
        "CVODE",
        "sundials",
        "{kind}, {fields}: df/dy at the start would force {steps} explicit steps; an implicit multistep method takes large ones",
        _STIFF,
    ),
    Rule(
        lambda s, k: not s.order_in_space and k.sharp,
        "Vern7",
        "embedded",
        "{kind}, {fields}: not stiff at the start, and at tight tolerances an explicit pair of order 7 in native code is cheapest "
        '(write method="{stiff}" if it is stiff)',
        "Verner 2010",
    ),
    Rule(
        lambda s, k: not s.order_in_space,
        "Tsit5",
        "embedded",
        "{kind}, {fields}: not stiff at the start, so an explicit fifth-order pair in native code is cheapest "
        '(write method="{stiff}" if it is stiff)',
        "Tsitouras 2011",
    ),
)

WAVES = (
    Rule(
        lambda s, k: (
            bool(s.dispersion)
            and s.periodic
            and k.constant
            and k.fields == 1
            and k.one_dimension
            and k.cost["ETD"] < k.cost["explicit"]
        ),
        "ETDRK4",
        "embedded",
        "{kind}, {sides}, {fields}: {damping} put the spectrum on the imaginary axis and would force {steps} explicit steps; Fourier transforms make "
        "them diagonal, and an exponential method is exact on them",
        "Kassam, Trefethen, SIAM J. Sci. Comput. 26 (2005)",
    ),
    Rule(
        lambda s, k: any(s.dispersion.values()) and not s.periodic and k.steps > FEW_STEPS and k.one_dimension,
        "Rodas5P",
        "embedded",
        "{kind}, {sides}, {fields}: with third derivatives between sides with conditions the discrete operator is far from normal, its spectrum near "
        "the imaginary axis, and an explicit method that steps at its limit of stability loses accuracy unseen; a Rosenbrock method is stable there",
        "Trefethen, Embree, Spectra and Pseudospectra, 2005, chapter 32",
    ),
    Rule(
        lambda s, k: (
            k.one_dimension and not k.damped and k.steps > MANY_STEPS and k.cost["explicit"] > k.cost["implicit"]
        ),
        "Rodas5P",
        "embedded",
        "{kind}, {sides}, {fields}: {damping} put the spectrum on the imaginary axis and would force {steps} explicit steps; a Rosenbrock method is "
        "stable there and factorises narrow bands",
        _WAVES,
    ),
    Rule(
        lambda s, k: not k.damped and k.steps > MANY_STEPS and k.cost["explicit"] > k.cost["implicit"],
        "KenCarp4",
        "embedded",
        "{kind}, {sides}, {fields}: {damping} put the spectrum on the imaginary axis and would force {steps} explicit steps; a singly diagonally "
        "implicit method is stable there and keeps its factors",
        _WAVES,
    ),
)

DAMPED = (
    Rule(
        lambda s, k: (
            k.damped
            and s.periodic
            and k.constant
            and k.dimensions > 1
            and k.cost["IMEX"] < min(k.stabilised, k.cost["explicit"])
        ),
        "KenCarp4-IMEX",
        "embedded",
        "{kind}, {sides}, {fields}: {damping} would force {steps} explicit steps; it has constant coefficients, so Fourier transforms solve "
        "for it exactly, and the rest is taken explicitly",
        "Kennedy, Carpenter, Appl. Numer. Math. 44 (2003)",
    ),
    Rule(
        lambda s, k: (
            k.damped
            and k.one_dimension
            and k.steps > MANY_STEPS
            and MARGIN * k.cost["implicit"] < min(k.stabilised, k.cost["explicit"])
        ),
        "Rodas5P",
        "embedded",
        "{kind}, {sides}, {fields}: {damping} would force {steps} explicit steps; a Rosenbrock method in native code takes large ones and "
        "factorises narrow bands",
        _ROSENBROCK,
    ),
    Rule(
        lambda s, k: (
            k.damped and k.steps > MANY_STEPS and MARGIN * k.cost["implicit"] < min(k.stabilised, k.cost["explicit"])
        ),
        "CVODE",
        "sundials",
        "{kind}, {sides}, {fields}: {damping} would force {steps} explicit steps; an implicit "
        "multistep method with a sparse Jacobian takes large ones",
        "Hairer, Wanner, Solving ODEs II, V.5",
    ),
    Rule(
        lambda s, k: k.damped and k.steps > FEW_STEPS and (2 * k.cost["RKC2"] < k.cost["ROCK4"] or _settles(k)),
        "RKC2",
        "embedded",
        "{kind}, {sides}, {fields}: {damping} would force {steps} explicit steps; a stabilised explicit "
        "method covers it with a few stages a step and needs no linear algebra",
        "Sommeijer, Shampine, Verwer 1997",
    ),
    Rule(
        lambda s, k: k.damped and k.steps > FEW_STEPS and k.cost["ROCK4"] < k.cost["explicit"],
        "ROCK4",
        "embedded",
        "{kind}, {sides}, {fields}: {damping} would force {steps} explicit steps; a stabilised explicit method of order 4 covers it with some more "
        "stages a step and needs no linear algebra",
        "Abdulle, SIAM J. Sci. Comput. 23 (2002)",
    ),
)

EXPLICIT = (
    Rule(
        lambda s, k: not k.damped and k.real > k.imaginary and k.steps > SOME_STEPS,
        "ROCK4",
        "embedded",
        "{kind}, {sides}, {fields}: waves with damping of the same size would force {steps} explicit steps; a stabilised explicit method of order 4 "
        "is stable there with fewer right-hand sides",
        "Abdulle, SIAM J. Sci. Comput. 23 (2002)",
    ),
    Rule(
        lambda s, k: not k.damped and k.steps > SOME_STEPS,
        "Vern7",
        "embedded",
        "{kind}, {sides}, {fields}: {damping} put the spectrum on the imaginary axis; stability asks for {steps} steps, which an explicit pair of "
        "order 7 in native code takes faster than an implicit method takes its few, and more accurately than one of order 5",
        "Verner 2010",
    ),
    Rule(
        lambda s, k: k.steps > MANY_STEPS,
        "Tsit5",
        "embedded",
        "{kind}, {sides}, {fields}: stability asks for {steps} steps, which an explicit fifth-order pair in native code takes faster "
        "than an implicit method takes its few",
        "Tsitouras 2011",
    ),
    Rule(
        lambda s, k: k.sharp,
        "Vern7",
        "embedded",
        "{kind}, {sides}, {fields}: smooth and not stiff at this resolution, and at tight tolerances an explicit pair of order 7 in native "
        "code is cheapest",
        "Verner 2010",
    ),
    Rule(
        lambda s, k: True,
        "Tsit5",
        "embedded",
        "{kind}, {sides}, {fields}: smooth and not stiff at this resolution, so an explicit fifth-order pair in native code is cheapest",
        "Tsitouras 2011",
    ),
)

RULES = (*ALGEBRAIC, *WITHOUT_SPACE, *WAVES, *DAMPED, *EXPLICIT)
