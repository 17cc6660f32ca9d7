"""Which scheme ``scheme="auto"`` takes."""

from __future__ import annotations

from typing import Any

from symnum.discretisation.grid import Grid
from symnum.discretisation.lower import holds_odd_derivative
from symnum.expr.term import Symbol, Term
from symnum.model.orders import derivative_nodes
from symnum.model.space import Face
from symnum.model.system import PDESystem


def automatic_scheme(system: PDESystem, order: int, resolution: Any = None) -> str:
    """ "finite_volume" where the equations balance fluxes between sides whose fluxes are given, else "central".

    Finite volumes are taken when all of this holds, for then the content of the domain matters and only they keep it to round-off:
    ``order`` is 2 and no equation is of higher order in space; some coordinate is not periodic; every condition on such a coordinate
    holds a normal derivative, and each of their fields has one at both sides; some rate holds a flux with a coefficient
    that varies along such a coordinate (``div(D(u, x)*grad(u))``); and ``resolution`` is not a Grid of points.
    """
    if isinstance(resolution, Grid) and not all(axis.centred for axis in resolution.axes):
        return "central"
    closed = [x for x in system.space if x.name not in system.periodic]
    highest = max((o.order for (_, x), o in system.orders.items() if x in system.space), default=0)
    if order != 2 or highest > 2 or not all(_fluxes_given(system, x) for x in closed):
        return "central"
    rates = system.normal_form.rates.values()
    return "finite_volume" if any(_varying_flux(rate, x) for rate in rates for x in closed) else "central"


def _fluxes_given(system: PDESystem, x: Symbol) -> bool:
    """Whether each field with conditions along a coordinate has a normal derivative given at both sides, and nothing else."""
    fields = []
    for side in ("lower", "upper"):
        rows = system.normal_form.face_conditions.get(Face(x.name, side), ())
        if not all(any(_across(node, field, x) for node in derivative_nodes(residual)) for field, residual in rows):
            return False
        fields.append({field for field, _ in rows})
    return fields[0] == fields[1]


def _across(node: Term, field: Symbol, x: Symbol) -> bool:
    return node.args[0] is field and node.args[1:] == (x,)


def _varying_flux(rate: Term, x: Symbol) -> bool:
    """Whether a rate holds d/dx of a product or function that holds d/dx itself (constant coefficients stand outside)."""
    return any(
        node.args[1:] == (x,) and node.data[0] % 2 == 1 and holds_odd_derivative(node.args[0], x)
        for node in derivative_nodes(rate)
    )
