"""[Kernel] -> [Stage]: what a GPU does one launch after the other.

::

    nests     each innermost body with the box of grid points that it is for; temporaries that it needs stand in it
    stages    nests that may run at the same time; a nest that reads a scratch array comes in a later stage than those that write it
    Points    one launch: every box has blocks of its own, a thread makes one point, or ``rows`` points one above the other
    Sums      two launches at most: blocks of threads sum the points that fall together, in an order that never changes

Rows: a thread that makes several neighbouring points of the outermost axis reads what their stencils share once, and has more reads under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod

from symnum.expr.term import Const
from symnum.expr.walk import symbols
from symnum.ir.kernel import STARTS, Accumulate, Array, Kernel, Let, Loop, Statement, Store, memory_groups, values
from symnum.ir.passes import arrange, fuse_loops, share_subterms

THREADS = 256  #: of a block
MOST_BLOCKS = 1024  #: that sum into one value
_ENOUGH = 512  #: values that are summed side by side keep the processors busy without cutting each sum
_LARGE = 2**18  #: points from which on a thread makes several though they share nothing
_SHORT = 64  #: points that one thread may sum where their values do not lie side by side

Range = tuple[int, int, int]  # axis, start, stop


@dataclass(frozen=True)
class Nest:
    """``body`` (no loops) for every point of a box: ``ranges`` by axis, ascending."""

    ranges: tuple[Range, ...]
    body: tuple[Let | Store | Accumulate, ...]

    @property
    def points(self) -> int:
        return prod(stop - start for _, start, stop in self.ranges)


@dataclass(frozen=True)
class Box:
    """A nest on threads: ``order`` of its axes with the fastest first, a block is ``width`` x ``height`` threads along the first two of these,
    a thread has ``rows`` points along the last one; ``blocks``: how many."""

    nest: Nest
    order: tuple[int, ...]
    width: int
    height: int
    rows: int

    @property
    def tiles(self) -> tuple[int, ...]:
        """The number of blocks along each axis, in the order of ``order``."""
        extents = {axis: stop - self.begin(axis) for axis, _, stop in self.nest.ranges}
        return tuple(-(-extents[axis] // n) for axis, n in zip(self.order, self.size, strict=True))

    @property
    def size(self) -> tuple[int, ...]:
        """The points of a block along each axis, in the order of ``order``."""
        size = [self.width, self.height, *(1 for _ in self.order)][: len(self.order)]
        if len(size) > 1:
            size[-1] *= self.rows
        return tuple(size)

    @property
    def blocks(self) -> int:
        return prod(self.tiles)

    def begin(self, axis: int) -> int:
        """Where the first block begins along an axis: rows are cut at whole multiples of 32 points, so that blocks read and write whole
        sectors of memory."""
        start, stop = next((low, high) for a, low, high in self.nest.ranges if a == axis)
        return start - start % 32 if self.order[:1] == (axis,) and stop - start >= 64 else start


@dataclass(frozen=True)
class Points:
    """One launch that stores values at the points of its boxes."""

    boxes: tuple[Box, ...]

    @property
    def blocks(self) -> int:
        return sum(box.blocks for box in self.boxes)


@dataclass(frozen=True)
class Sums:
    """One nest that takes values together into a local array.

    ``kept``: ranges of the array's axes, ``lost``: those summed over. ``chunks`` blocks share each sum; 0: one thread makes it alone.
    ``whole``: nothing is in the array yet, so the result is stored.
    """

    nest: Nest
    kept: tuple[Range, ...]
    lost: tuple[Range, ...]
    chunks: int
    whole: bool

    @property
    def statement(self) -> Accumulate:
        last = self.nest.body[-1]
        assert isinstance(last, Accumulate)
        return last

    @property
    def sums(self) -> int:
        return _count(self.kept)

    @property
    def blocks(self) -> int:
        return self.sums * self.chunks if self.chunks else -(-self.sums // THREADS)

    @property
    def partial(self) -> int:
        """Values of scratch memory for what the blocks hand over."""
        return self.blocks if self.chunks > 1 else 0


Stage = Points | Sums


@dataclass(frozen=True)
class Tiling:
    """How many rows a thread has: ``rows`` where stencils share what they read along the outermost axis; ``width`` of a block."""

    rows: int = 4
    width: int = 64


def stages(kernel: Kernel, tiling: Tiling | None = None) -> tuple[Stage, ...]:
    """The launches of a kernel, in their order."""
    made: list[Stage] = []
    memory = _memory(kernel)
    filled, begun, whole = _started(kernel, nests(kernel), memory)
    for group in [*([filled] if filled else []), *_in_stages(begun, memory)]:
        sums = [nest for nest in group if _sum_of(nest)]
        points = _together([nest for nest in group if not _sum_of(nest)])
        if points:
            made.append(Points(tuple(_box(kernel, nest, tiling) for nest in points)))
        made += [_sums(kernel, nest, nest in whole) for nest in sums]
    return tuple(made)


def _memory(kernel: Kernel) -> dict[str, int]:
    """Local array -> which memory it is a view of; arrays whose values lie between one another's (every third of a vector) share none."""
    parts = [part for group in memory_groups(kernel.locals) for part in _overlapping(group)]
    return {array.name: k for k, part in enumerate(parts) for array in part}


def _overlapping(arrays: list[Array]) -> list[list[Array]]:
    """Arrays that may hold a value in common, directly or through others, put together."""
    parts: list[list[Array]] = []
    for array in arrays:
        near = [part for part in parts if any(not _apart(array, other) for other in part)]
        parts = [part for part in parts if part not in near] + [[array, *(a for part in near for a in part)]]
    return parts


def _apart(one: Array, other: Array) -> bool:
    """True if no value of one is a value of the other: their positions differ by no multiple of a common step."""
    steps = [step for a in (one, other) for n, step in zip(a.shape, a.strides, strict=True) if n > 1]
    return gcd(*steps) > 1 and (one.offset - other.offset) % gcd(*steps) != 0


def _sum_of(nest: Nest) -> Accumulate | None:
    last = nest.body[-1]
    return last if isinstance(last, Accumulate) else None


# --- nests ---------------------------------------------------------------------------------------------------------------


def nests(kernel: Kernel) -> list[Nest]:
    """The innermost bodies of a kernel in their order, common terms named."""
    kernel = share_subterms(fuse_loops(arrange(kernel)))
    made: list[Nest] = []
    _walk(kernel.body, (), [], made)
    return made


def _walk(body: tuple[Statement, ...], ranges: tuple[Range, ...], scope: list[Let], made: list[Nest]) -> None:
    own: list[Store | Accumulate] = []
    scope = list(scope)
    for s in body:
        if isinstance(s, Loop):
            _flush(ranges, scope, own, made)
            _walk(s.body, (*ranges, (s.axis, s.start, s.stop)), scope, made)
        elif isinstance(s, Let):
            scope.append(s)
        elif isinstance(s, Store):
            own.append(s)
        else:
            _flush(ranges, scope, own, made)
            _flush(ranges, scope, [s], made)
    _flush(ranges, scope, own, made)


def _flush(ranges: tuple[Range, ...], scope: list[Let], own: list[Store | Accumulate], made: list[Nest]) -> None:
    """A nest of the statements, after those temporaries that they need."""
    if not own:
        return
    needed = set(symbols(values(tuple(own))))
    lets: list[Let] = []
    for let in reversed(scope):
        if let.symbol in needed:
            needed.discard(let.symbol)
            needed |= set(symbols(let.value))
            lets.append(let)
    made.append(Nest(tuple(sorted(ranges)), (*reversed(lets), *own)))
    own.clear()


def _together(nests: list[Nest]) -> list[Nest]:
    """Nests over one box become one where their temporaries differ in name or not at all."""
    made: dict[tuple[Range, ...], list[Nest]] = {}
    for nest in nests:
        same = made.setdefault(nest.ranges, [])
        if same and _agree(same[-1], nest):
            known = {s.symbol for s in same[-1].body if isinstance(s, Let)}
            rest = tuple(s for s in nest.body if not (isinstance(s, Let) and s.symbol in known))
            same[-1] = Nest(nest.ranges, (*same[-1].body, *rest))
        else:
            same.append(nest)
    return [nest for same in made.values() for nest in same]


def _agree(one: Nest, other: Nest) -> bool:
    values_of = {s.symbol: s.value for s in one.body if isinstance(s, Let)}
    return all(values_of.get(s.symbol, s.value) is s.value for s in other.body if isinstance(s, Let))


# --- stages --------------------------------------------------------------------------------------------------------------


def _started(kernel: Kernel, nests: list[Nest], memory: dict[str, int]) -> tuple[list[Nest], list[Nest], list[Nest]]:
    """Nests that fill local arrays, those that sums begin in but do not cover (with what they begin from) and those that are not stored as a
    whole (with zeros), and the others; and the sums that need no such beginning."""
    filled: list[Nest] = []
    whole: list[Nest] = []
    for part in set(memory.values()):
        arrays = [a for a in kernel.locals if memory[a.name] == part]
        sums = [n for n in nests if (total := _sum_of(n)) and memory.get(total.array) == part]
        first = sums[0] if sums else None
        if first is None:
            stored = sum(
                n.points for n in nests for s in n.body if isinstance(s, Store) and memory.get(s.array) == part
            )
            span = max(a.span[1] for a in arrays) - min(a.span[0] for a in arrays)
            if stored < (arrays[0].size if len(arrays) == 1 else span):
                filled += [_filling(a, 0.0) for a in arrays]
        elif len(arrays) == 1 and _covers(arrays[0], first):
            whole.append(first)
        else:
            begun = {s.array: s.operation for n in sums if (s := _sum_of(n))}
            filled += [_filling(a, STARTS[begun[a.name]]) for a in arrays if a.name in begun]
    return filled, nests, whole


def _filling(array: Array, value: float) -> Nest:
    ranges = tuple((a, o, o + n) for a, o, n in zip(array.axes, array.origin, array.shape, strict=True))
    return Nest(ranges, (Store(array.name, Const(value), "what is not stored"),))


def _covers(array: Array, nest: Nest) -> bool:
    ranges = {axis: (start, stop) for axis, start, stop in nest.ranges}
    return all(ranges[a] == (o, o + n) for a, o, n in zip(array.axes, array.origin, array.shape, strict=True))


def _in_stages(nests: list[Nest], memory: dict[str, int]) -> list[list[Nest]]:
    """Nests in groups whose members neither read nor sum into what another member writes."""
    groups: list[list[Nest]] = [[]]
    stored: set[int] = set()
    summed: set[int] = set()
    read: set[int] = set()
    for nest in nests:
        reads = {memory[s.info.array] for s in symbols(values(nest.body), "load") if s.info.array in memory}
        sums = {memory[s.array] for s in nest.body if isinstance(s, Accumulate)}
        stores = {memory[s.array] for s in nest.body if isinstance(s, Store) and s.array in memory}
        if ((reads | sums) & (stored | summed)) or (stores & (summed | read)) or (sums & read):
            groups.append([])
            stored, summed, read = set(), set(), set()
        groups[-1].append(nest)
        stored |= stores
        summed |= sums
        read |= reads
    return [group for group in groups if group]


# --- points on threads ---------------------------------------------------------------------------------------------------


def _box(kernel: Kernel, nest: Nest, tiling: Tiling | None) -> Box:
    order = _order(kernel, nest)
    if not order:
        return Box(nest, (), 1, 1, 1)
    extents = {axis: stop - start for axis, start, stop in nest.ranges}
    if len(order) == 1:
        return Box(nest, order, THREADS, 1, 1)
    most = (tiling or Tiling()).width
    width = min(most, _power_of_two(extents[order[0]]), THREADS)
    height = THREADS // width
    rows = tiling.rows if tiling else _rows(kernel, nest, order)
    rows = rows if extents[order[-1]] >= rows * (height if len(order) == 2 else 1) else 1
    return Box(nest, order, width, height, rows)


def _rows(kernel: Kernel, nest: Nest, order: tuple[int, ...]) -> int:
    """Eight planes in three dimensions, four rows in two where a stencil reaches over rows; fewer for bodies with many values of their own."""
    arms = {
        (s.info.array, s.info.offsets[k])
        for s in symbols(values(nest.body), "load")
        for k, axis in enumerate(kernel.input(s.info.array).axes)
        if axis == order[-1] and s.info.offsets[k] and not s.info.fixed[k]
    }
    weight = len(symbols(values(nest.body), "load"))
    if not arms:  # nothing is shared, but more reads are under way at once
        return 4 if weight <= 8 and nest.points >= _LARGE else 1
    wanted = 8 if len(order) == 3 else 4
    while wanted > 1 and wanted * weight > 128:
        wanted //= 2
    return wanted


def _order(kernel: Kernel, nest: Nest) -> tuple[int, ...]:
    """The axes of a nest that have several points, first the one along which stored values lie side by side, then by how far apart they lie."""
    last = next(s for s in reversed(nest.body) if not isinstance(s, Let))
    array = kernel.target(last)
    step = {axis: abs(n) for axis, n in zip(array.axes, array.strides, strict=True)}
    axes = [axis for axis, start, stop in nest.ranges if stop - start > 1]
    return tuple(sorted(axes, key=lambda axis: (step.get(axis, 0), -axis)))


def _power_of_two(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()


# --- sums ----------------------------------------------------------------------------------------------------------------


def _sums(kernel: Kernel, nest: Nest, whole: bool) -> Sums:
    statement = nest.body[-1]
    assert isinstance(statement, Accumulate)
    array = kernel.input(statement.array)
    kept = tuple(r for r in nest.ranges if r[0] in array.axes)
    lost = tuple(r for r in nest.ranges if r[0] not in array.axes)
    sums, points = _count(kept), _count(lost)
    side_by_side = bool(kept) and (not lost or kept[-1][0] > lost[-1][0])
    chunks = 0
    if points > _SHORT and not (side_by_side and sums >= _ENOUGH):
        chunks = max(1, min(MOST_BLOCKS // min(sums, MOST_BLOCKS), -(-points // (4 * THREADS))))
    return Sums(nest, kept, lost, chunks, whole)


def _count(ranges: tuple[Range, ...]) -> int:
    return prod(stop - start for _, start, stop in ranges)
