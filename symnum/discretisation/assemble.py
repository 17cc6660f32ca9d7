"""[PDESystem] -> [SemiDiscreteSystem]: layout, regions, kernels.

The grid is cut along each closed axis into single layers near its sides and one interior; periodic axes stay whole (loads wrap). Kernels
loop over the products of these pieces, so their size depends on the stencils and the number of axes, never on the number of points.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from symnum.catalogue import Catalogue
from symnum.discretisation.boundary import Boundary
from symnum.discretisation.grid import Grid, make_grid
from symnum.discretisation.initial import initial_kernel, initial_state
from symnum.discretisation.lower import Lowering
from symnum.errors import DiscretisationError
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.ir.check import check
from symnum.ir.kernel import Array, Kernel, Statement, Store, nest
from symnum.ir.system import SemiDiscreteSystem
from symnum.model.normal_form import NormalForm
from symnum.model.system import PDESystem

Segment = tuple[int, int, int | None]  # start, stop, the index of a single layer


def discretise(system: PDESystem, resolution: Any = 64, scheme: str = "auto", order: int = 2) -> SemiDiscreteSystem:
    """Put a system on a uniform grid by finite differences.

    Args:
        resolution: see ``grid.make_grid``.
        scheme: name of a scheme ("auto" is central differences).
        order: order of accuracy in space.

    Raises DiscretisationError (resolution, scheme, order, boundary conditions that cannot be solved) and ModelError.
    """
    if not isinstance(system, PDESystem):
        raise DiscretisationError(f"discretise takes a system such as sn.PDESystem(...), got {type(system).__name__}")
    module = Catalogue("scheme", package="symnum.discretisation.schemes").load(
        "central" if scheme == "auto" else scheme
    )
    grid = make_grid(system, resolution)
    module.check(order, closed=any(not a.periodic for a in grid.axes))
    return _Assembly(system, grid, module, order).build()


class _Assembly:
    """Everything one discretisation shares."""

    def __init__(self, system: PDESystem, grid: Grid, scheme: Any, order: int) -> None:
        self.system, self.grid, self.scheme, self.order = system, grid, scheme, order
        self.normal: NormalForm = system.normal_form
        if self.normal.algebraic:
            names = ", ".join(f.name for f in self.normal.algebraic)
            raise DiscretisationError(
                f"the equation of {names} has no time derivative; this version solves equations of the form "
                f"dt(u) = ... (algebraic equations need a DAE solver)"
            )
        self.axis_of = {a.name: k for k, a in enumerate(grid.axes)}
        conditions = {
            (self.axis_of[face.coordinate], face.side): rows for face, rows in self.normal.face_conditions.items()
        }
        self.boundary = Boundary(conditions, dict(system.periodic))
        self.state = _layout(self.normal.fields, self._axes, lambda f, k: self._kept(f, k))
        self.full = _layout(self.normal.fields, self._axes, lambda f, k: (0, grid.axes[k].points))
        self.arrays = dict(zip(self.normal.fields, self.state, strict=True))
        self.parameters = tuple(system.parameter_symbols.values())
        self.periods = tuple(a.points for a in grid.axes)

    def build(self) -> SemiDiscreteSystem:
        structure = self.system.structure
        initial = initial_kernel(self)
        return SemiDiscreteSystem(
            name=self.system.name,
            axes=self.grid.axes,
            state=self.state,
            full=self.full,
            parameters=self.parameters,
            parameter_values=tuple(float(self.system.parameters[p.name]) for p in self.parameters),
            time=self.system.time,
            time_span=self.system.domain.bounds[self.system.time.name],
            rhs=self._rhs(),
            reconstruct=self._reconstruct(),
            initial=lambda values, out=None: initial_state(self, initial, values, out),
            breakpoints=tuple(structure.discontinuities),
            units={f.name: f.info.units for f in self.normal.fields},
            hidden=frozenset(f.name for f in self.normal.fields if f not in self.system.fields),
            signs=dict(self.system.periodic),
            structure=structure,
        )

    def _axes(self, field: Symbol) -> tuple[int, ...]:
        return tuple(sorted(self.axis_of[c.name] for c in field.info.coordinates if c.name in self.axis_of))

    def _kept(self, field: Symbol, k: int) -> tuple[int, int]:
        """The grid indices start ... stop of the values of a field that are unknowns of the state."""
        low, high = self.boundary.count(field, k, "lower"), self.boundary.count(field, k, "upper")
        return low, self.grid.axes[k].points - high

    def lowering(self, layer: tuple[int | None, ...]) -> Lowering:
        return Lowering(self.grid, self.arrays, self.boundary, self.scheme, self.order, layer)

    def kernel(
        self,
        name: str,
        outputs: tuple[Array, ...],
        body: list[Statement],
        comment: str,
        inputs: tuple[Array, ...] | None = None,
    ) -> Kernel:
        inputs = self.state if inputs is None else inputs
        return check(
            Kernel(name, inputs, outputs, self.parameters, self.system.time, self.periods, tuple(body), comment)
        )

    def _rhs(self) -> Kernel:
        reach = self._reach()
        body: list[Statement] = []
        for axes, fields in self._groups().items():
            pieces = [self._segments(k, fields, reach) for k in axes]
            for cell in product(*pieces):
                lowering = self.lowering(self._layer(axes, cell))
                inside = [f for f in fields if self._covers(f, axes, cell)]
                stores = tuple(
                    Store(self.arrays[f].name, self._store(lowering, f), self.normal.origin.get(f, "")) for f in inside
                )
                body.extend(_loops(axes, cell, stores))
        return self.kernel(
            "rhs", self.state, body, f"time derivatives of {', '.join(f.name for f in self.normal.fields)}"
        )

    def _store(self, lowering: Lowering, field: Symbol) -> Term:
        return lowering.lower(self.normal.rates[field], lowering.centre)

    def _reconstruct(self) -> Kernel:
        """Full fields from the state: interior values are copied, eliminated ones follow from the conditions."""
        body: list[Statement] = []
        for field, full in zip(self.normal.fields, self.full, strict=True):
            axes = self._axes(field)
            pieces = []
            for k in axes:
                low, high = self._kept(field, k)
                layers = [(i, i + 1, i) for i in (*range(low), *range(high, self.periods[k]))]
                pieces.append([*layers, (low, high, None)])
            for cell in product(*pieces):
                lowering = self.lowering(self._layer(axes, cell))
                body.extend(_loops(axes, cell, (Store(full.name, lowering.lower(field, lowering.centre)),)))
        return self.kernel("reconstruct", self.full, body, "fields on the whole grid, boundary points included")

    def _groups(self) -> dict[tuple[int, ...], list[Symbol]]:
        groups: dict[tuple[int, ...], list[Symbol]] = {}
        for field in self.normal.fields:
            groups.setdefault(self._axes(field), []).append(field)
        return groups

    def _layer(self, axes: tuple[int, ...], cell: tuple[Segment, ...]) -> tuple[int | None, ...]:
        layer: list[int | None] = [None] * len(self.periods)
        for k, segment in zip(axes, cell, strict=True):
            layer[k] = segment[2]
        return tuple(layer)

    def _covers(self, field: Symbol, axes: tuple[int, ...], cell: tuple[Segment, ...]) -> bool:
        kept = [self._kept(field, k) for k in axes]
        return all(low <= segment[0] and segment[1] <= high for (low, high), segment in zip(kept, cell, strict=True))

    def _reach(self) -> list[tuple[int, int]]:
        """How far below and above the current point the interior stencils read, for each axis."""
        lowering = self.lowering((None,) * len(self.periods))
        reach = [[0, 0] for _ in self.periods]
        for field in self.normal.fields:
            for symbol in symbols(self._store(lowering, field), "load"):
                axes = next(a.axes for a in self.state if a.name == symbol.info.array)
                for k, offset in zip(axes, symbol.info.offsets, strict=True):
                    reach[k] = [max(reach[k][0], -offset), max(reach[k][1], offset)]
        return [(a, b) for a, b in reach]

    def _segments(self, k: int, fields: list[Symbol], reach: list[tuple[int, int]]) -> list[Segment]:
        points, name = self.periods[k], self.grid.axes[k].name
        if self.grid.axes[k].periodic and self.boundary.signs[name] == 1:
            if max(reach[k]) >= points:
                raise DiscretisationError(
                    f"the stencil reaches {max(reach[k])} points along {name}, which has {points}; raise resolution"
                )
            return [(0, points, None)]
        kept = [self._kept(f, k) for f in fields]
        start, stop = min(low for low, _ in kept), max(high for _, high in kept)
        inner = (max(low for low, _ in kept) + reach[k][0], min(high for _, high in kept) - reach[k][1])
        if inner[1] <= inner[0]:
            raise DiscretisationError(
                f"{points} points along {name} leave no interior for stencils that reach {reach[k][0]} and {reach[k][1]} points; raise resolution"
            )
        layers = [(i, i + 1, i) for i in (*range(start, inner[0]), *range(inner[1], stop))]
        return [*(s for s in layers if s[0] < inner[0]), (*inner, None), *(s for s in layers if s[0] >= inner[1])]


def _loops(axes: tuple[int, ...], cell: tuple[Segment, ...], stores: tuple[Store, ...]) -> list[Statement]:
    if not stores:
        return []
    if not axes:
        return list(stores)
    return [nest(tuple((k, s[0], s[1]) for k, s in zip(axes, cell, strict=True)), stores)]


def _layout(fields: tuple[Symbol, ...], axes_of: Any, kept: Any) -> tuple[Array, ...]:
    """Field-major, contiguous."""
    arrays, offset = [], 0
    for field in fields:
        axes = axes_of(field)
        spans = [kept(field, k) for k in axes]
        shape = tuple(stop - start for start, stop in spans)
        array = Array(field.name, shape, offset, axes, tuple(start for start, _ in spans), field.name)
        arrays.append(array)
        offset += array.size
    return tuple(arrays)
