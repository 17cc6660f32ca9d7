"""Where a loop stands: subscripts of loads, neighbours around periodic ends, and the words comments use for regions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from symnum.codegen.c_layout import Layout
from symnum.codegen.c_names import UNARY, Text
from symnum.expr.walk import symbols
from symnum.ir.kernel import Accumulate, Array, Kernel, Loop, Store, statements, values


@dataclass(frozen=True)
class Range:
    """``name``: the loop variable of an axis, or "" for the single grid index ``start``."""

    name: str
    start: int
    stop: int


class Place:
    """The loops around the current statement. ``ranges``: axis -> Range; ``neighbours``: (axis, offset) -> wrapped subscript.

    ``BASE``: the first subscript of an array. ``shifts``: the grid index at subscript 0.
    """

    BASE = 0

    def __init__(self, kernel: Kernel, layout: Layout) -> None:
        self.kernel, self.layout = kernel, layout
        self.ranges: dict[int, Range] = {}
        self.neighbours: dict[tuple[int, int], str] = {}
        self.shifts = {axis: _shift(kernel, layout, axis) - self.BASE for axis in range(len(kernel.periods))}

    def subscripts(
        self, array: Array, offsets: tuple[int, ...] = (), wrap: tuple[bool, ...] = (), fixed: tuple[bool, ...] = ()
    ) -> str:
        """``[i][j - 1]``: the element at the current point plus offsets; ``[3*(j - 1) + 60*i]`` in an array with steps."""
        found = self.positions(array, offsets, wrap, fixed)
        if array.contiguous:
            return "".join(f"[{s}]" for s in found)
        wide = "L" if array.span[1] >= 2**31 else ""
        parts = [_stepped(step, at, wide) for step, at in zip(array.strides, found, strict=True) if at != "0"]
        return f"[{' + '.join(parts) or '0'}]"

    def positions(
        self, array: Array, offsets: tuple[int, ...] = (), wrap: tuple[bool, ...] = (), fixed: tuple[bool, ...] = ()
    ) -> list[str]:
        """The subscripts of the element at the current point plus offsets, one for each axis of the array."""
        none = (False,) * len(array.axes)
        offsets, wrap, fixed = offsets or (0,) * len(array.axes), wrap or none, fixed or none
        made = []
        for axis, n, origin, o, w, f in zip(array.axes, array.shape, array.origin, offsets, wrap, fixed, strict=True):
            at = self.ranges.get(axis, Range("", 0, 1))
            if f:
                made.append(self._constant(axis, n, o - origin))
            elif not at.name:
                point = at.start + o
                made.append(self._constant(axis, n, (point % self.kernel.periods[axis] if w else point) - origin))
            elif w and (axis, o) in self.neighbours:
                made.append(self.neighbours[axis, o])
            else:
                made.append(moved(at.name, self.shifts[axis] + self.BASE + o - origin))
        return made

    def _constant(self, axis: int, n: int, position: int) -> str:
        subscript = position + self.BASE
        return self.layout.extent(axis, subscript) if position > n // 2 else str(subscript)

    def index(self, axis: int) -> Text:
        """The grid index of the current point as a double."""
        at = self.ranges[axis]
        if not at.name:
            return self._lone_index(axis, at.start)
        shown = moved(at.name, self.shifts[axis])
        return self.cast(shown)

    def _lone_index(self, axis: int, point: int) -> Text:
        """The grid index of a single layer, counted from the nearer end."""
        if point <= self.kernel.periods[axis] // 2:
            return self.layout.numbers.plain(point)
        text = self.layout.extent(axis, point)
        return (self.layout.numbers.plain(point)) if text.isdigit() else self.cast(text)

    def cast(self, whole: str) -> Text:
        """A whole number as a double."""
        return (f"(double)({whole})" if " " in whole else f"(double){whole}"), UNARY

    def since(self, axis: int, name: str, start: int) -> str:
        """The subscript of a table that begins at grid index ``start``: ``i``, ``i - 1``, ``i - (NX - 2)``."""
        first = start - self.shifts[axis] - self.BASE
        text = self.layout.extent(axis, first) if start > self.kernel.periods[axis] // 2 else str(first)
        return (
            moved(name, -first) if text == str(first) else f"{name} - ({text})" if " " in text else f"{name} - {text}"
        )

    def bounds(self, loop: Loop) -> tuple[str, str]:
        """First subscript of a loop and the one after its last; where arrays begin at 1 the last itself."""
        shift = self.shifts[loop.axis]
        return self.layout.extent(loop.axis, loop.start - shift), self.layout.extent(
            loop.axis, loop.stop - shift - self.BASE
        )

    def wrapped_offsets(self, loop: Loop) -> list[int]:
        """Offsets along the loop's axis that lead around its end somewhere in the loop."""
        period = self.kernel.periods[loop.axis]
        found = set()
        for s in symbols(values(loop.body), "load"):
            info = s.info
            for axis, o, w, f in zip(
                self.kernel.input(info.array).axes, info.offsets, info.wrap, info.fixed, strict=True
            ):
                inside = 0 <= loop.start + o <= loop.stop - 1 + o < period
                if axis == loop.axis and w and not f and not inside:
                    found.add(o)
        return sorted(found)

    def neighbour(self, axis: int, name: str, offset: int) -> str:
        """The wrapped subscript of a neighbouring row as a choice: ``i > 0 ? i - 1 : NX - 1``."""
        size = self.layout.extent(axis, self.kernel.periods[axis])
        away = moved(name, offset)
        last = size if self.BASE else f"{size} - 1"
        if offset == -1:
            return f"{name} > {self.BASE} ? {away} : {last}"
        if offset == 1:
            return f"{name} < {last} ? {away} : {self.BASE}"
        inside = (
            f"{name} >= {self.BASE - offset}"
            if offset < 0
            else f"{name} {'<=' if self.BASE else '<'} {size} - {offset}"
        )
        return f"{inside} ? {away} : {away} {'+' if offset < 0 else '-'} {size}"

    def pieces(self, loop: Loop, wrapped: list[int]) -> list[list[str]]:
        """Rows ``begin, end, distances of the neighbours``: single points where a neighbour is around the end, and the rest."""
        low, high = max(0, -min(wrapped)), self.kernel.periods[loop.axis] - max(0, *wrapped)
        cuts = {
            loop.start,
            loop.stop,
            *range(loop.start, min(low, loop.stop)),
            *range(max(high, loop.start), loop.stop),
        }
        cuts |= {c for c in (low, high) if loop.start < c < loop.stop}
        rows = []
        for start, stop in pairwise(sorted(cuts)):
            distances = [self._distance(loop.axis, start, o, stop - start == 1) for o in wrapped]
            rows.append(
                [self.layout.extent(loop.axis, start + self.BASE), self.layout.extent(loop.axis, stop), *distances]
            )
        return rows

    def _distance(self, axis: int, point: int, offset: int, lone: bool) -> str:
        """How far away the wrapped neighbour of a point is: ``-1``, ``NX - 1``, ``1 - NX``."""
        period = self.kernel.periods[axis]
        distance = (point + offset) % period - point if lone else offset
        if distance in (0, offset):
            return str(distance)
        size = self.layout.extent(axis, period)
        return f"{size} - {-offset}" if distance > 0 else f"{offset} - {size}"

    def describe(self, loop: Loop) -> str:
        """Which region, and which equations, a nest of loops is for."""
        regions = (self.layout.region(s.axis, s.start, s.stop, self._whole(s.axis)) for s in _chain(loop))
        outermost = not self.ranges
        where = ", ".join(r for r in regions if r) or ("all points" if outermost else "")
        stored = [s for s in statements((loop,)) if isinstance(s, Store | Accumulate)]
        what = _listed(list(dict.fromkeys(s.origin for s in stored if s.origin)))
        if not outermost:
            return where or what
        return f"{what[0].upper()}{what[1:]} at {where}" if what else where

    def _whole(self, axis: int) -> tuple[int, int]:
        """The grid points along an axis that the kernel stores values for."""
        spans = [
            (o, o + n)
            for a in self.kernel.outputs
            for x, n, o in zip(a.axes, a.shape, a.origin, strict=True)
            if x == axis
        ]
        return min((s for s, _ in spans), default=0), max((s for _, s in spans), default=self.kernel.periods[axis])


def _stepped(step: int, position: str, wide: str) -> str:
    """A position times the step between neighbours: ``3*(i + 1)``."""
    at = f"({position})" if re.search(r"\W", position) else position
    return at if step == 1 else f"{step}{wide}*{at}" if step >= 0 else f"({step}{wide})*{at}"


def moved(name: str, offset: int) -> str:
    """``i``, ``i + 1``, ``i - 2``."""
    return name if not offset else f"{name} {'-' if offset < 0 else '+'} {abs(offset)}"


def _shift(kernel: Kernel, layout: Layout, axis: int) -> int:
    """The grid index at subscript 0; 0 along axes whose loads wrap around."""
    for s in symbols(values(kernel.body), "load"):
        axes = kernel.input(s.info.array).axes
        if any(a == axis and w for a, w in zip(axes, s.info.wrap, strict=True)):
            return 0
    return layout.shift[axis]


def _chain(loop: Loop) -> list[Loop]:
    """The loop and the loops inside it, as long as each holds just one."""
    made = [loop]
    while len(inner := [s for s in made[-1].body if isinstance(s, Loop)]) == 1:
        made.append(inner[0])
    return made


def _listed(origins: list[str]) -> str:
    """``equation 1``, ``equations 1 and 2``, ``initial conditions of u and v``."""
    for one, several in ((r"equation (\d+)", "equations"), (r"initial condition of (.+)", "initial conditions of")):
        found = [m[1] for o in origins if (m := re.fullmatch(one, o))]
        if len(found) == len(origins) > 1:
            return f"{several} {', '.join(found[:-1])} and {found[-1]}"
    return ", ".join(origins)
