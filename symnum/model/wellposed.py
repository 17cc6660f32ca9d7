"""Warnings about models without a stable solution: backward diffusion, conditions at the outflow.

dt(u) = k*dxx(u)        k < 0: the growth rate -k*q^2 of a wave number q is unbounded (Hadamard)
dt(u) = -c*dx(u)        c > 0: u is carried towards larger x, so its condition belongs at the lower face
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.model.warn import warn

if TYPE_CHECKING:
    from symnum.expr.term import Symbol
    from symnum.model.structure import Coefficient, Structure
    from symnum.model.system import PDESystem


def warn_ill_posed(system: PDESystem) -> None:
    """ModelWarning, at the user's line, for each field with backward diffusion or a condition at the outflow."""
    found = system.structure
    for u in system.fields:
        for x in system.space:
            _check_diffusion(system, found, u, x.name)
            _check_inflow(system, found, u, x)


def _check_diffusion(system: PDESystem, found: Structure, u: Symbol, x: str) -> None:
    k = found.diffusion.get(u, {}).get(x)
    damped = found.hyperdiffusion.get(u, {}).get(x)
    if (
        k is None
        or k.value is None
        or k.value >= 0
        or (damped is not None and (damped.value is None or damped.value < 0))
    ):
        return
    warn(
        f"the diffusion of {u.name} along {x} is {_written(k)} < 0: backward diffusion is ill-posed, short waves grow "
        f"without bound and no grid converges. Write dt({u.name}) = k*d{x * 2}({u.name}) with k > 0"
    )


def _check_inflow(system: PDESystem, found: Structure, u: Symbol, x: Symbol) -> None:
    order = system.orders.get((u, x))
    c = found.advection.get(u, {}).get(x.name)
    if order is None or order.order != 1 or c is None or not c.value:
        return
    inflow = "lower" if c.value > 0 else "upper"
    for face, rows in system.face_conditions.items():
        for row in rows:
            if row.field is u and face.coordinate == x.name and face.side != inflow:
                low, high = system.domain.exact[x.name]
                warn(
                    f"{u.name} is carried along {x.name} with speed {_written(c)}, so it enters at {inflow}({x.name}); "
                    f"the condition '{row}' is at the outflow, where nothing can be prescribed. "
                    f"Write at={{{x.name}: {low if inflow == 'lower' else high}}}"
                )


def _written(k: Coefficient) -> str:
    return f"{k.term}" if k.term.op == "const" else f"{k.term} = {k.value:g}"
