"""A discretised system once more, with numbers that remember which powers of the grid spacings they hold (``expr.laurent``).

Code that people read names the spacings. The same assembly runs on a grid whose spacings carry their names, so what is written
``1.0/(12.0*dx*dx)`` is that by construction; axes of equal spacing share one name, that of the first of them.
"""

from __future__ import annotations

from dataclasses import replace

from symnum.discretisation.assemble import discretise
from symnum.discretisation.grid import Grid
from symnum.expr.laurent import Laurent
from symnum.ir.system import SemiDiscreteSystem
from symnum.model.system import PDESystem


def with_named_spacings(system: PDESystem, semi: SemiDiscreteSystem, order: int) -> SemiDiscreteSystem:
    """``semi``, the discretised ``system``, with kernels whose numbers are polynomials in the spacings where they can be.

    ``semi`` itself where a polynomial that is divided by happens to be zero on this very grid.
    """
    if not semi.axes:
        return semi
    first: dict[float, str] = {}
    for axis in semi.axes:
        first.setdefault(axis.spacing, axis.name)
    axes = tuple(replace(a, spacing=Laurent.of(first[a.spacing], a.spacing)) for a in semi.axes)
    try:
        made = discretise(system, Grid(axes), semi.scheme, order)
    except ZeroDivisionError:
        return semi
    return replace(semi, rhs=made.rhs, reconstruct=made.reconstruct, initial_kernel=made.initial_kernel)
