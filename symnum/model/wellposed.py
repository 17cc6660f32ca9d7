"""Warnings about models without a stable solution: backward diffusion, conditions at the outflow.

dt(u) = k*dxx(u)        k < 0: the growth rate -k*q^2 of a wave number q is unbounded (Hadamard)
dt(u) = -c*dx(u)        c > 0: u is carried towards larger x, so its condition belongs at the lower face
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.expr.walk import symbols
from symnum.model.warn import warn

if TYPE_CHECKING:
    from symnum.expr.term import Symbol
    from symnum.model.structure import Coefficient, Structure
    from symnum.model.system import PDESystem


def warn_ill_posed(system: PDESystem) -> None:
    """ModelWarning, at the user's line, for each field with backward diffusion or a condition at the outflow."""
    found = system.structure
    told = False
    for u in system.fields:
        for x in system.space:
            told |= _check_diffusion(system, found, u, x.name)
            _check_inflow(system, found, u, x)
            _check_split(system, found, u, x)
            _check_vanishing(system, found, u, x)
    if not told:
        _check_growth(system)
    for x in system.space:
        _check_waves(system, x)


def _check_diffusion(system: PDESystem, found: Structure, u: Symbol, x: str) -> bool:
    k = found.diffusion.get(u, {}).get(x)
    damped = found.hyperdiffusion.get(u, {}).get(x)
    if (
        k is None
        or k.value is None
        or k.value >= 0
        or (damped is not None and (damped.value is None or damped.value < 0))
    ):
        return False
    warn(
        f"the diffusion of {u.name} along {x} is {_written(k)} < 0: backward diffusion is ill-posed, short waves grow "
        f"without bound and no grid converges. Write dt({u.name}) = k*d{x * 2}({u.name}) with k > 0"
    )
    return True


def _check_split(system: PDESystem, found: Structure, u: Symbol, x: Symbol) -> None:
    """dt(u) = k*dxxx(u): d/dt of the integral of u^2 holds k*u_x^2 at the lower minus the upper side, so the side that
    would feed it needs two conditions: the upper one for k < 0, the lower one for k > 0.
    """
    order = system.orders.get((u, x))
    k = found.dispersion.get(u, {}).get(x.name)
    if order is None or order.order != 3 or k is None or not k.value or x.name in system.periodic:
        return
    faces = {
        face.side: [r for r in rows if r.field is u]
        for face, rows in system.face_conditions.items()
        if face.coordinate == x.name
    }
    wanted, other = ("upper", "lower") if k.value < 0 else ("lower", "upper")
    if len(faces.get(other, ())) < 2:
        return
    low, high = system.domain.exact[x.name]
    warn(
        f"the third derivative of {u.name} along {x.name} has the coefficient {_written(k)}, so two of its conditions "
        f"belong to {wanted}({x.name}) and one to {other}({x.name}); with two at {other}({x.name}) short waves grow "
        f"without bound. Write one of them at={{{x.name}: {high if wanted == 'upper' else low}}}"
    )


def _check_growth(system: PDESystem) -> None:
    """What the signs of single coefficients do not show: coefficients that vary, coupled fields, higher orders."""
    from symnum.model.symbol import unbounded_growth

    grown = unbounded_growth(system)
    if grown is None:
        return
    x = grown.coordinate.name
    at = ", ".join(f"{name} = {value:.4g}" for name, value in grown.place.items())
    warn(
        f"the equations are ill-posed along {x}: at the initial state near {at} waves of length {grown.length:.3g} grow "
        f"as exp({grown.rate:.3g}*{system.time.name}), and shorter ones faster, so no grid converges. Check the sign "
        f"of the highest derivatives in {x}, e.g. sn.dt(u) = +k*sn.diff(u, {x}, 2) or -k*sn.diff(u, {x}, 4) with k > 0"
    )


def _check_waves(system: PDESystem, x: Symbol) -> None:
    """First-order systems: each side needs as many conditions as waves enter there."""
    from symnum.model.symbol import incoming

    first = [u for u in system.fields if (found := system.orders.get((u, x))) and found.order == 1]
    waves = incoming(system, x) if len(first) > 1 and x.name not in system.periodic else None
    if waves is None:
        return
    sides = {face.side: len(rows) for face, rows in system.face_conditions.items() if face.coordinate == x.name}
    given = {side: sides.get(side, 0) for side in waves}
    if given != waves and sum(waves.values()) == sum(given.values()):
        warn(
            f"{waves['lower']} of the waves along {x.name} enter at lower({x.name}) and {waves['upper']} at "
            f"upper({x.name}), but {given['lower']} and {given['upper']} conditions are given there: what enters is "
            f"left free at one side. Write as many conditions at each side as waves enter there"
        )


def _check_vanishing(system: PDESystem, found: Structure, u: Symbol, x: Symbol) -> None:
    k = found.diffusion.get(u, {}).get(x.name)
    order = system.orders.get((u, x))
    if k is None or k.value != 0 or order is None or order.order != 2 or not symbols(k.term):
        return
    if any(
        row.field is u for face, rows in system.face_conditions.items() for row in rows if face.coordinate == x.name
    ):
        warn(
            f"the diffusion of {u.name} along {x.name} is {_written(k)}, so its second derivatives are gone and the "
            f"conditions on {u.name} along {x.name} no longer fit the equations. Give {k.term} a positive value, or "
            f"leave the term and its conditions out"
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
