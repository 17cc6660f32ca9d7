"""``TracedSystem``: du/dt = f(u, t) of a traced function, with its start and its interval; ``sn.solve`` takes it as it takes models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from symnum.errors import SolveError, UnknownName, did_you_mean
from symnum.ir.kernel import Array, Kernel
from symnum.ir.system import Axis, SemiDiscreteSystem
from symnum.traced.state import State
from symnum.traced.structure import neighbours, structure

_NAMES = "ijklmn"


class TracedSystem:
    """A system of ordinary differential equations from a traced function: ``sn.solve(system)``, ``sn.discretise(system)``.

    Attributes:
        name: of the function. semi: kernels and state (``ir.SemiDiscreteSystem``), field after field. parameters: name -> value.
        structure: what the equations are (``model.structure.Structure``). events: none; pass them to nothing, they are for models.

    Made by ``sn.trace(f, ...).as_system(u0, (t0, t1))``.
    """

    events: tuple[Any, ...] = ()

    def __init__(self, semi: SemiDiscreteSystem) -> None:
        self.semi = semi

    @property
    def name(self) -> str:
        return self.semi.name

    @property
    def structure(self) -> Any:
        return self.semi.structure

    @property
    def parameters(self) -> dict[str, float]:
        return {s.name: v for s, v in zip(self.semi.parameters, self.semi.parameter_values, strict=True)}

    def with_parameters(self, /, **given: float) -> TracedSystem:
        """The same with other values of some parameters. Raises UnknownName for one that the function does not have."""
        known = self.parameters
        for name in given:
            if name not in known:
                listed = ", ".join(known) or "none: numbers that f closes over are constants"
                raise UnknownName(f"{self.name} has no parameter {name!r}.{did_you_mean(name, known)} It has: {listed}")
        values = tuple(float(given.get(name, value)) for name, value in known.items())
        made = replace(self.semi, parameter_values=values)
        return TracedSystem(_with_structure(made))

    def explain(self) -> str:
        """What the system is, in sentences."""
        found, semi = self.structure, self.semi
        fields = ", ".join(a.field for a in semi.state[:6]) + (", ..." if len(semi.state) > 6 else "")
        lines = [f"{self.name}: {found.kind}; {semi.size:,} unknowns ({fields}), t from {semi.time_span[0]:g} to {semi.time_span[1]:g}"]
        for table in ("advection", "diffusion", "dispersion", "hyperdiffusion"):
            for field, row in getattr(found, table).items():
                rates = ", ".join(f"{c.value:g} along {axis}" for axis, c in row.items())
                lines.append(f"{table} of {field}: {rates}, in units of the spacing")
        if semi.parameters:
            lines.append("parameters: " + ", ".join(f"{name} = {value:g}" for name, value in self.parameters.items()))
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.structure.kind}, {self.semi.size:,} unknowns>"


def traced_system(
    name: str, state: State, y0: Any, span: tuple[float, float], parameter_values: tuple[float, ...], names: tuple[str, ...] | None = None
) -> TracedSystem:
    """The system of a state.

    Args:
        y0: the start, flat, in the state's order; names: of the fields, in place of the arrays' (None: the user's arrays as they are).
    """
    fields = state.fields
    if names is not None:
        if len(names) != len(fields) or len(set(names)) < len(names):
            shown = ", ".join(a.field for a in fields)
            raise SolveError(f"names={names!r} must be {len(fields)} different names, for {shown}")
        fields = tuple(replace(a, name=n, field=n) for a, n in zip(fields, names, strict=True))
        state = replace(state, fields=fields)
    whole = fields if names is not None or not state.taken_apart else state.whole
    reconstruct = state.reconstruct() if whole is state.whole else _copied(state.rhs, fields)
    axes, whole = _axes(fields, whole, neighbours(state.rhs))
    semi = SemiDiscreteSystem(
        name=name,
        axes=axes,
        state=fields,
        full=whole,
        parameters=state.rhs.parameters,
        parameter_values=parameter_values,
        time=None,
        time_span=span,
        rhs=state.rhs,
        reconstruct=reconstruct,
        initial=lambda values, out=None: _filled(y0, out),
    )
    return TracedSystem(_with_structure(semi))


def _with_structure(semi: SemiDiscreteSystem) -> SemiDiscreteSystem:
    """What the equations are, at the values of the parameters."""
    p: Mapping[Any, float] = dict(zip(semi.parameters, semi.parameter_values, strict=True))
    names = tuple(a.name for a in semi.axes)
    found = structure(semi.rhs, semi.state, neighbours(semi.rhs), names, p, semi.time_span)
    return replace(semi, structure=found, breakpoints=found.discontinuities)


def _axes(fields: tuple[Array, ...], whole: tuple[Array, ...], around: Mapping[int, bool]) -> tuple[tuple[Axis, ...], tuple[Array, ...]]:
    """The axes of the fields, then one for each length that the user's arrays have beside; and these arrays along them."""
    ranks = max(len(a.shape) for a in fields)
    axes = [_axis(k, max(a.shape[k] for a in fields if len(a.shape) > k), around.get(k, False)) for k in range(ranks)]
    beside: dict[tuple[int, int], int] = {}
    placed = []
    for array in whole:
        own = []
        for k, n in zip(array.axes, array.shape, strict=True):
            if k >= 0 and axes[k].points == n:
                own.append(k)
                continue
            count = sum(axes[j].points == n for j in own if j >= ranks)
            if (n, count) not in beside:
                beside[n, count] = len(axes)
                axes.append(_axis(len(axes), n, False))
            own.append(beside[n, count])
        placed.append(replace(array, axes=tuple(own)))
    return tuple(axes), tuple(placed)


def _axis(k: int, points: int, periodic: bool) -> Axis:
    name = _NAMES[k] if k < len(_NAMES) else f"axis{k}"
    return Axis(name, 0.0, float(points if periodic else max(points - 1, 1)), points, 1.0, periodic)


def _copied(rhs: Kernel, fields: Any) -> Kernel:
    """The state as it is."""
    return State(rhs, fields, _every(fields), fields, False).reconstruct()


def _every(fields: Any) -> Any:
    import numpy as np

    return np.arange(sum(a.size for a in fields))


def _filled(y0: Any, out: Any) -> Any:
    if out is None:
        return y0.copy()
    out[:] = y0
    return out
