"""[PDESystem] -> [SemiDiscreteSystem]: layout, regions, kernels.

The grid is cut along each closed axis into an interior and what lies near its sides: a single layer where one is enough, else a shell, whose
stencils read their weights from tables; periodic axes stay whole (loads wrap). Kernels loop over the products of these pieces, so their
size depends on the stencils and the number of axes, never on the number of points, and there are about 3^d of them.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from typing import Any, NamedTuple

from symnum.catalogue import Catalogue
from symnum.discretisation.automatic import automatic_scheme
from symnum.discretisation.boundary import Boundary
from symnum.discretisation.grid import Grid, make_grid
from symnum.discretisation.initial import initial_kernel, initial_state
from symnum.discretisation.integrals import Integrals, take_out
from symnum.discretisation.lower import Lowering
from symnum.discretisation.noise import noise_kernels
from symnum.discretisation.scalars import factored, listing
from symnum.discretisation.stability import stable_closures
from symnum.errors import DiscretisationError
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.ir.check import check
from symnum.ir.kernel import Array, Kernel, Statement, Store, nest
from symnum.ir.system import SemiDiscreteSystem
from symnum.model.normal_form import NormalForm
from symnum.model.system import PDESystem


class Segment(NamedTuple):
    """A piece of an axis: the interior, a single layer (its index), or a shell of several layers near a side."""

    start: int
    stop: int
    layer: int | None = None
    shell: bool = False


def discretise(system: PDESystem, resolution: Any = 64, scheme: str = "auto", order: int = 2) -> SemiDiscreteSystem:
    """Put a system on a uniform grid by finite differences or finite volumes.

    Args:
        resolution: see ``grid.make_grid``.
        scheme: name of a scheme ("auto": see ``automatic.automatic_scheme``).
        order: order of accuracy in space.

    Raises DiscretisationError (resolution, scheme, order, boundary conditions that cannot be solved) and ModelError.
    """
    made = assemble(system, resolution, scheme, order)
    return replace(made.build(), scheme=made.name, order=order)


def assemble(system: PDESystem, resolution: Any = 64, scheme: str = "auto", order: int = 2) -> Assembly:
    """The parts of a discretisation before its kernels are written; arguments and errors as in ``discretise``."""
    if not isinstance(system, PDESystem):
        raise DiscretisationError(f"discretise takes a system such as sn.PDESystem(...), got {type(system).__name__}")
    name = automatic_scheme(system, order, resolution) if scheme == "auto" else scheme
    module = Catalogue("scheme", package="symnum.discretisation.schemes").load(name)
    grid = make_grid(system, resolution, getattr(module, "CENTRED", False))
    module.check(order, closed=any(not a.periodic for a in grid.axes))
    kind: type[Assembly] = getattr(module, "ASSEMBLY", Assembly)
    return kind(system, grid, module, order, name)


class Assembly:
    """Everything one discretisation shares. ``driving``: arrays that a kernel reads beside the state (increments of noise)."""

    driving: tuple[Array, ...] = ()

    def __init__(self, system: PDESystem, grid: Grid, scheme: Any, order: int, name: str = "") -> None:
        self.system, self.grid, self.scheme, self.order, self.name = system, grid, scheme, order, name
        self.parameters = tuple(system.parameter_symbols.values())
        self.normal, self.integrals = self._without_integrals()
        self.axis_of = {a.name: k for k, a in enumerate(grid.axes)}
        conditions = {
            (self.axis_of[face.coordinate], face.side): rows for face, rows in self.normal.face_conditions.items()
        }
        self.boundary: Boundary = getattr(scheme, "BOUNDARY", Boundary)(conditions, dict(system.periodic))
        self.state = _layout(self.normal.fields, self._axes, lambda f, k: self._kept(f, k))
        everything = (*self.normal.fields, *self.normal.observed)
        self.full = _layout(everything, self._axes, lambda f, k: (0, grid.axes[k].points))
        self.arrays = dict(zip(self.normal.fields, self.state, strict=True)) | dict(self.integrals.arrays)
        self.periods = tuple(a.points for a in grid.axes)
        self.boundary.known = self._known_values()
        self.closures = stable_closures(self)

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
            initial_kernel=initial,
            breakpoints=tuple(structure.discontinuities),
            units={f.name: f.info.units for f in (*self.normal.fields, *self.normal.observed)},
            hidden=frozenset(f.name for f in self.normal.fields if f not in self.system.fields),
            signs=dict(self.system.periodic),
            algebraic=frozenset(f.name for f in self.normal.algebraic),
            structure=structure,
            watch=getattr(self.system, "watch", None),
            shown=tuple(f.name for f in self.system.fields) if self.normal.observed else (),
            noise=noise_kernels(self),
        )

    def _without_integrals(self) -> tuple[NormalForm, Integrals]:
        """The normal form with fields of fewer coordinates in place of integrals."""
        if not self.grid.axes:
            return self.system.normal_form, Integrals()
        return take_out(self.system.normal_form, self.grid, dict(self.system.periodic), self._known_values())

    def _axes(self, field: Symbol) -> tuple[int, ...]:
        return tuple(sorted(self.axis_of[c.name] for c in field.info.coordinates if c.name in self.axis_of))

    def _kept(self, field: Symbol, k: int) -> tuple[int, int]:
        """The grid indices start ... stop of the values of a field that are unknowns of the state."""
        low, high = self.boundary.count(field, k, "lower"), self.boundary.count(field, k, "upper")
        return low, self.grid.axes[k].points - high

    def _known_values(self) -> dict[Term, float]:
        """Parameters and the initial time in numbers."""
        values: dict[Term, float] = {p: float(self.system.parameters[p.name]) for p in self.parameters}
        values[self.system.time] = float(self.system.domain.bounds[self.system.time.name][0])
        return values

    def lowering(
        self, layer: tuple[int | None, ...], shell: tuple[tuple[int, int] | None, ...] | None = None
    ) -> Lowering:
        kind: type[Lowering] = getattr(self.scheme, "LOWERING", Lowering)
        return kind(self.grid, self.arrays, self.boundary, self.scheme, self.order, layer, shell, self.closures)

    def _lowering_in(self, axes: tuple[int, ...], cell: tuple[Segment, ...]) -> Lowering:
        layer: list[int | None] = [None] * len(self.periods)
        shell: list[tuple[int, int] | None] = [None] * len(self.periods)
        for k, segment in zip(axes, cell, strict=True):
            layer[k] = segment.layer
            shell[k] = (segment.start, segment.stop) if segment.shell else None
        return self.lowering(tuple(layer), tuple(shell))

    def kernel(
        self,
        name: str,
        outputs: tuple[Array, ...],
        body: list[Statement],
        comment: str,
        inputs: tuple[Array, ...] | None = None,
        sums: tuple[Array, ...] = (),
    ) -> Kernel:
        inputs = (*self.state, *self.driving) if inputs is None else inputs
        return check(
            Kernel(name, inputs, outputs, self.parameters, self.system.time, self.periods, tuple(body), comment, sums)
        )

    def _rhs(self) -> Kernel:
        reach = self._reach()
        body: list[Statement] = self.integrals.statements(self)
        for axes, fields in self._groups().items():
            pieces = [self._segments(k, fields, reach) for k in axes]
            for cell in product(*pieces):
                lowering = self._lowering_in(axes, cell)
                inside = [f for f in fields if self._covers(f, axes, cell)]
                stores = tuple(
                    Store(self.arrays[f].name, self._store(lowering, f), self.normal.origin.get(f, "")) for f in inside
                )
                body.extend(_loops(axes, cell, stores))
        if not self.periods:
            body = factored(body)
        comment = f"time derivatives of {listing([f.name for f in self.normal.fields])}"
        return self.kernel("rhs", self.state, body, comment, sums=self.integrals.locals)

    def _store(self, lowering: Lowering, field: Symbol) -> Term:
        """The discrete rate of a field, or the residual of its equation if that holds no time derivative."""
        if field in self.normal.algebraic:
            return lowering.rate(self.normal.algebraic[field])
        return lowering.rate(self.normal.rates[field], field)

    def _reconstruct(self) -> Kernel:
        """Full fields from the state: interior values are copied, eliminated ones follow from the conditions."""
        body: list[Statement] = []
        for field, full in zip(self.normal.fields, self.full, strict=False):
            axes = self._axes(field)
            pieces = []
            for k in axes:
                kept = [self._kept(f, k) for f in self.normal.fields if k in self._axes(f)]
                low, high = max(a for a, _ in kept), min(b for _, b in kept)  # conditions may read any of them
                layers = [Segment(i, i + 1, i) for i in (*range(low), *range(high, self.periods[k]))]
                pieces.append([*layers, Segment(low, high)])
            for cell in product(*pieces):
                lowering = self._lowering_in(axes, cell)
                body.extend(_loops(axes, cell, (Store(full.name, lowering.lower(field, lowering.centre)),)))
        lowering = self.lowering((None,) * len(self.periods))
        for (_, value), full in zip(self.normal.observed.items(), self.full[len(self.state) :], strict=True):
            body.append(Store(full.name, lowering.lower(value, lowering.centre), f"definition of {full.field}"))
        return self.kernel("reconstruct", self.full, body, "fields on the whole grid, boundary points included")

    def _groups(self) -> dict[tuple[int, ...], list[Symbol]]:
        groups: dict[tuple[int, ...], list[Symbol]] = {}
        for field in self.normal.fields:
            groups.setdefault(self._axes(field), []).append(field)
        return groups

    def _covers(self, field: Symbol, axes: tuple[int, ...], cell: tuple[Segment, ...]) -> bool:
        kept = [self._kept(field, k) for k in axes]
        return all(
            low <= segment.start and segment.stop <= high for (low, high), segment in zip(kept, cell, strict=True)
        )

    def _reach(self) -> list[tuple[int, int]]:
        """How far below and above the current point the interior stencils read, for each axis."""
        if not self.periods:
            return []
        lowering = self.lowering((None,) * len(self.periods))
        reach = [[0, 0] for _ in self.periods]
        for field in self.normal.fields:
            for symbol in symbols(self._store(lowering, field), "load"):
                axes = next(a.axes for a in self.arrays.values() if a.name == symbol.info.array)
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
            return [Segment(0, points)]
        kept = [self._kept(f, k) for f in fields]
        start, stop = min(low for low, _ in kept), max(high for _, high in kept)
        inner = (max(low for low, _ in kept) + reach[k][0], min(high for _, high in kept) - reach[k][1])
        if inner[1] <= inner[0]:
            raise DiscretisationError(self._too_few(k, kept, reach[k]))
        return [
            *self._near_side(start, inner[0], {low for low, _ in kept}),
            Segment(*inner),
            *self._near_side(inner[1], stop, {high for _, high in kept}),
        ]

    def _near_side(self, start: int, stop: int, cuts: set[int]) -> list[Segment]:
        """The layers start ... stop: shells, cut where a field begins or ends."""
        shells = getattr(self.scheme, "SHELLS", False)
        ends = sorted({start, stop, *(c for c in cuts if start < c < stop)}) if shells else range(start, stop + 1)
        return [Segment(a, b, a) if b == a + 1 else Segment(a, b, None, True) for a, b in pairwise(ends)]

    def _too_few(self, k: int, kept: list[tuple[int, int]], reach: tuple[int, int]) -> str:
        axis = self.grid.axes[k]
        eliminated = max(low for low, _ in kept) + axis.points - min(high for _, high in kept)
        cells = axis.points if axis.periodic or axis.centred else axis.points - 1
        need = cells + eliminated + sum(reach) + 1 - axis.points
        return (
            f"order={self.order} needs at least {need} cells along {axis.name}: its stencils reach {reach[0]} and {reach[1]} points and the "
            f"conditions determine {eliminated}; there are {cells}. Write resolution={{{axis.name}: {need}}} or more "
            f"(raise resolution) or a lower order"
        )


def _loops(axes: tuple[int, ...], cell: tuple[Segment, ...], stores: tuple[Store, ...]) -> list[Statement]:
    if not stores:
        return []
    if not axes:
        return list(stores)
    return [nest(tuple((k, s.start, s.stop) for k, s in zip(axes, cell, strict=True)), stores)]


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
