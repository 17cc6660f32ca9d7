"""Rate laws: how fast a reaction runs, as a term of the amounts of its reactants r1, r2, ... and its constants.

::

    mass action   k*r1*r2*...                             each occurrence counts: 2 A -> B runs at k*A^2
    full          f                                       as written
    Sat           k*r1*r2*... / ((K1 + r1)*(K2 + r2)*...)  as many factors below as constants K; Sat k alone: k
    MM            k*E*S/(K + S),  S = (b + sqrt(b^2 + 4*K*St))/2,  b = St - K - E,  St = r1, E = r2: the free substrate S is what the
                  total St leaves when the complex is in a quasi-steady state (total quasi-steady-state approximation)
    Hill          k*r1^n/(K^n + r1^n) * r2*...

The last three are BioNetGen's (Faeder, Blinov, Hlavacek, *Rule-based modeling of biochemical systems with BioNetGen*, Methods Mol. Biol. 500
(2009) 113-167, and the source of its simulator). A ``factor`` (BioNetGen's statistical factor) multiplies the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from symnum.errors import ModelError
from symnum.expr.term import ONE, Const, Term, add, mul, power, scale

MASS_ACTION, FULL, SATURATION, MICHAELIS_MENTEN, HILL = "mass action", "full", "Sat", "MM", "Hill"


@dataclass(frozen=True)
class RateLaw:
    """``kind`` (see the module's table), its ``constants`` in the order k, K, n, and the ``factor`` in front."""

    kind: str
    constants: tuple[Term, ...]
    factor: Term = ONE

    def check(self, reactants: Sequence[object]) -> None:
        """Raises ModelError where constants and reactants do not fit the law."""
        given, found = len(self.constants), len(reactants)
        if self.kind == SATURATION and not 1 <= given <= found + 1:
            raise ModelError(
                f"Sat takes the constant k and at most one K a reactant: 1 to {found + 1} constants, {given} given"
            )
        if self.kind == MICHAELIS_MENTEN and (given != 2 or found != 2 or reactants[0] is reactants[1]):
            raise ModelError(
                "MM takes the two constants kcat Km and two different reactants, substrate then enzyme; "
                f"{given} constants and {found} reactants are given: write '1 2,3 4,3 MM kcat Km'"
            )
        if self.kind == HILL and (given != 3 or not found):
            raise ModelError(
                f"Hill takes the three constants k K n and at least one reactant; {given} constants and {found} reactants are given: "
                "write '1 2,3 4,3 Hill k K n'"
            )

    def flux(self, reactants: Sequence[Term]) -> Term:
        """The rate of the reaction; a reactant that enters twice is listed twice."""
        k = mul((self.factor, self.constants[0]))
        if self.kind == MASS_ACTION:
            return mul((k, *reactants))
        if self.kind == FULL or (self.kind == SATURATION and len(self.constants) == 1):
            return k
        if self.kind == SATURATION:
            below = [power(add((r, c)), Const(-1)) for r, c in zip(reactants, self.constants[1:], strict=False)]
            return mul((k, *reactants, *below))
        if self.kind == MICHAELIS_MENTEN:
            return mul((k, _michaelis_menten(reactants[0], reactants[1], self.constants[1])))
        high, level = power(reactants[0], self.constants[2]), power(self.constants[1], self.constants[2])
        return mul((k, high, power(add((level, high)), Const(-1)), *reactants[1:]))

    def terms(self) -> tuple[Term, ...]:
        """Everything the law holds."""
        return (self.factor, *self.constants)


def _michaelis_menten(total: Term, enzyme: Term, km: Term) -> Term:
    """E*S/(K + S) with the free substrate S."""
    b = add((total, scale(enzyme, -1), scale(km, -1)))
    root = power(add((mul((b, b)), scale(mul((km, total)), 4))), Const(Fraction(1, 2)))
    free = scale(add((b, root)), Fraction(1, 2))
    return mul((enzyme, free, power(add((km, free)), Const(-1))))
