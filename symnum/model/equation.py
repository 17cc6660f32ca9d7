"""Equations between terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symnum.errors import ModelError, TermError
from symnum.expr.term import Symbol, Term
from symnum.model.naming import to_term


@dataclass(frozen=True, init=False)
class Eq:
    """``lhs = rhs``: ``sn.Eq(sn.dt(u), D*sn.diff(u, x, 2))``. Sides are terms, numbers or SymPy expressions.

    Raises ModelError for a side that is none of these (text, truth values, vectors).
    """

    lhs: Term
    rhs: Term

    def __init__(self, lhs: Any, rhs: Any) -> None:
        for side, value in (("left", lhs), ("right", rhs)):
            if hasattr(value, "components"):
                raise ModelError(
                    f"the {side} side of Eq is a vector; write one equation a component: "
                    "[sn.Eq(a, b) for a, b in zip(left, right, strict=True)]"
                )
        object.__setattr__(self, "lhs", to_term(lhs, "the left side of Eq"))
        object.__setattr__(self, "rhs", to_term(rhs, "the right side of Eq"))

    @classmethod
    def from_sympy(cls, equation: Any, names: Mapping[str, Symbol] | None = None) -> Eq:
        """A ``sympy.Eq`` with applied functions and derivatives; ``names`` maps names to symbols that exist already."""
        import sympy

        from symnum.expr.sympy import from_sympy

        if not isinstance(equation, sympy.Eq):
            raise ModelError(
                f"expected a sympy.Eq, got {equation!r} of type {type(equation).__name__}; write sympy.Eq(left, right)"
            )
        functions = [
            a for f in equation.atoms(sympy.core.function.AppliedUndef) for a in f.args if isinstance(a, sympy.Symbol)
        ]
        known = dict(names or {})
        for symbol in functions:  # a coordinate on one side is a coordinate on the other
            known.setdefault(symbol.name, _coordinate(symbol.name))
        try:
            return cls(from_sympy(equation.lhs, known), from_sympy(equation.rhs, known))
        except TermError as error:
            raise ModelError(f"the SymPy equation {str(equation)[:200]} cannot be used: {error}") from None

    @property
    def residual(self) -> Term:
        """lhs - rhs, which is zero."""
        return self.lhs - self.rhs

    def __str__(self) -> str:
        return f"{self.lhs} = {self.rhs}"

    def __repr__(self) -> str:
        return f"Eq({self.lhs}, {self.rhs})"

    def _repr_latex_(self) -> str:
        from symnum.expr.show import latex

        return f"${latex(self.lhs, limit=20_000)} = {latex(self.rhs, limit=20_000)}$"


def _coordinate(name: str) -> Symbol:
    from symnum.expr.names import CoordinateInfo

    return Symbol(name, "coordinate", CoordinateInfo("time" if name == "t" else "space"))
