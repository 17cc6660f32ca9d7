"""SymPy objects: equations, conditions and initial data as sympy.Eq."""

from __future__ import annotations

from typing import Any

from symnum.errors import ModelError
from symnum.expr.term import Term


def export(system: Any) -> dict[str, Any]:
    """A system as SymPy expressions: ``equations`` (list of ``sympy.Eq``; fields are applied functions), ``conditions`` (residuals that are zero, by
    face), ``initial`` (expression -> expression), ``parameters`` (symbol -> value), ``domain`` (symbol -> bounds).

    ``sn.PDESystem`` takes the equations back as they are. Initial data given as arrays or functions are left out.
    """
    if not hasattr(system, "equations"):
        raise ModelError(f"sympy takes a system such as sn.PDESystem, got {type(system).__name__}")
    import sympy

    symbols = system.parameter_symbols
    return {
        "equations": [sympy.Eq(e.lhs.to_sympy(), e.rhs.to_sympy(), evaluate=False) for e in system.equations],
        "conditions": {
            **{f"{'anti' if sign < 0 else ''}periodic {name}": sign for name, sign in system.periodic.items()},
            **{
                rows[0].where: [c.residual.to_sympy() for c in rows] for rows in system.face_conditions.values() if rows
            },
        },
        "initial": {k.to_sympy(): v.to_sympy() for k, v in system.initial.items() if isinstance(v, Term)},
        "parameters": {symbols[n].to_sympy(): v for n, v in system.parameters.items()},
        "domain": {
            c.to_sympy(): tuple(b.to_sympy() for b in system.domain.exact[c.name]) for c in (system.time, *system.space)
        },
    }
