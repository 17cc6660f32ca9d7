"""The opening comment of a generated program: the model in words, the grid, where each unknown lies."""

from __future__ import annotations

from collections.abc import Iterator

from symnum.formats.program import MARK
from symnum.ir.kernel import Array
from symnum.ir.system import SemiDiscreteSystem
from symnum.model.system import PDESystem


def model_lines(system: PDESystem) -> Iterator[str]:
    """Equations, conditions, initial values: a line each, as symnum's grammar writes them."""
    for k, equation in enumerate(system.equations):
        yield f"    {equation}" + (f"    (equation {k + 1})" if len(system.equations) > 1 else "")
    bounds = [
        f"{low} <= {name} <= {high}" for name, (low, high) in system.domain.exact.items() if name != system.time.name
    ]
    if bounds:
        yield f"on {', '.join(bounds)}"
    for condition in dict.fromkeys(str(c) for conditions in system.face_conditions.values() for c in conditions):
        yield f"    {condition}"
    for name, sign in system.periodic.items():
        yield f"    {'anti' if sign < 0 else ''}periodic in {name}"
    start = system.domain.exact[system.time.name][0]
    yield f"from {system.time.name} = {start}"
    for field, value in system.initial.items():
        shown = str(value) if hasattr(value, "op") else "values that were given as numbers"
        yield f"    {field} = {shown}"


def version_line() -> str:
    """Who wrote the file."""
    from symnum import __version__

    return f"{MARK} {__version__}."


def grid_line(semi: SemiDiscreteSystem, how: str) -> str:
    """The grid and the scheme in a sentence."""
    if not semi.axes:
        return f"{semi.size} unknowns, no space."
    points = " x ".join(str(a.points) for a in semi.axes)
    along = ", ".join(a.name for a in semi.axes)
    kind = "cells" if semi.axes[0].centred else "points"
    return f"{how} on {points} grid {kind} along {along}."


def determined_lines(semi: SemiDiscreteSystem) -> Iterator[str]:
    """What is no unknown: boundary points, and fields of systems of higher index or with equations that were solved beforehand."""
    unknown = {a.field: a.shape for a in semi.state}
    if any(a.shape != unknown.get(a.field, a.shape) for a in semi.full):
        yield "The outermost points of closed sides are no unknowns: the boundary conditions determine them."
    others = [a.field for a in semi.full if a.field not in unknown]
    if others:
        yield f"No unknowns: {', '.join(others)}; the others determine them (full_fields) as long as nothing is divided by zero."


def position(
    semi: SemiDiscreteSystem, array: Array, indices: tuple[str, ...], spacing: tuple[str, ...], first: int = 0
) -> str:
    """Where a value lies: ``x = dx*(i + 1), y = dy*j``. ``first``: the first subscript of an array."""
    parts = []
    for k, origin in zip(array.axes, array.origin, strict=True):
        axis, shift = semi.axes[k], origin - first + (0.5 if semi.axes[k].centred else 0)
        index = f"({indices[k]} {'-' if shift < 0 else '+'} {abs(shift):g})" if shift else indices[k]
        start = f"{axis.start:g} + " if axis.start else ""
        parts.append(f"{axis.name} = {start}{spacing[k]}*{index}")
    return ", ".join(parts)
