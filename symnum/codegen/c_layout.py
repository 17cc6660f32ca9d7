"""How a grid is spelled in C: sizes, loop indices, subscripts, and the places that comments speak of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from symnum.codegen.c_names import Names, Numbers, Spacing, identifier
from symnum.ir.kernel import Array, Kernel
from symnum.ir.system import Axis

_NEAR = 8  # sizes this close to the usual one are written relative to it


@dataclass(frozen=True)
class Layout:
    """Names that all functions of a file share.

    ``sizes[k]``: macro and number of stored points along axis k; ``shift[k]``: the grid index at which subscript 0 lies; ``axes``: the grid's
    axes where they are known (None for a bare kernel); ``state``: the macro expression of one field's size and its value.
    """

    names: Names
    numbers: Numbers
    sizes: tuple[tuple[str, int], ...]
    shift: tuple[int, ...]
    axes: tuple[Axis | None, ...]
    indices: tuple[str, ...]

    def extent(self, axis: int, n: int) -> str:
        """A number of points along an axis, or a subscript near its end: ``NX``, ``NX - 1``, ``3``."""
        name, usual = self.sizes[axis]
        if abs(n - usual) <= min(_NEAR, usual // 3):
            return name if n == usual else f"{name} {'-' if n < usual else '+'} {abs(n - usual)}"
        return str(n)

    def dimension(self, axis: int, n: int) -> str:
        """A number of points as a factor or in brackets."""
        text = self.extent(axis, n)
        return f"({text})" if " " in text else text

    def size(self, array: Array) -> str:
        """The number of values of an array as a product."""
        return "*".join(self.dimension(a, n) for a, n in zip(array.axes, array.shape, strict=True)) or "1"

    def offset(self, array: Array) -> str:
        """Where an array begins in its vector: ``0``, ``NX*NY``, ``2*NX*NY``, or a number."""
        size = array.size
        if array.offset == 0 or not array.axes or array.offset >= 2**31:
            return str(array.offset)
        times, rest = divmod(array.offset, size)
        text = self.size(array)
        if rest or times > 99 or text.replace("*", "").isdigit():
            return str(array.offset)
        return text if times == 1 else f"{times}*{text}"

    def label(self, axis: int) -> str:
        """The name of an axis."""
        known = self.axes[axis]
        return known.name if known else f"axis {axis}"

    def place(self, axis: int, point: int) -> str:
        """The position of a grid point as text, from the nearer end: ``2*dx``, ``1 - dx``."""
        known = self.axes[axis]
        if known is None:
            return f"point {point}"
        half = 0.5 if known.centred else 0
        low, high = point + half, known.points - 1 - point + half if not known.periodic else float("inf")
        count, end, sign = (low, known.start, "+") if low <= high else (high, known.stop, "-")
        spacing = next((s.name for s in self.numbers.spacings if s.value == known.spacing), repr(known.spacing))
        moved = spacing if count == 1 else f"{count:g}*{spacing}"
        if count == 0:
            return f"{end:g}"
        return moved if end == 0 and sign == "+" else f"{end:g} {sign} {moved}"

    def region(self, axis: int, start: int, stop: int, whole: tuple[int, int]) -> str:
        """A range of grid points in words; empty where it is all that there is."""
        if stop - start == 1:
            known = self.axes[axis]
            return f"{self.label(axis)} = {self.place(axis, start)}" if known else f"{self.label(axis)}, point {start}"
        if start <= whole[0] and stop >= whole[1]:
            return ""
        if self.axes[axis] is None:
            return f"{self.label(axis)}, points {start} to {stop - 1}"
        return f"{self.place(axis, start)} <= {self.label(axis)} <= {self.place(axis, stop - 1)}"


def layout(
    kernel: Kernel,
    axes: Sequence[Axis] = (),
    others: Sequence[Kernel] = (),
    language: tuple[type[Names], type[Numbers]] = (Names, Numbers),
) -> Layout:
    """The layout of a kernel's file. ``axes``: the grid if it is known; ``others``: kernels printed into the same file."""
    names = language[0]()
    for one in (kernel, *others):
        for symbol in one.parameters:
            names.of("parameter", symbol.name)
        for array in (*one.inputs, *one.locals, *(c.array for c in one.constants)):
            names.of("array", array.name)
    known: list[Axis | None] = list(axes) if axes else [None] * len(kernel.periods)
    spacings = _spacings(axes, names)
    sizes, shift = [], []
    for k, period in enumerate(kernel.periods):
        axis = known[k]
        label = identifier(axis.name).upper() if axis else str(k)
        usual = Counter(
            (n, o)
            for a in (*kernel.inputs, *kernel.outputs)
            for x, n, o in zip(a.axes, a.shape, a.origin, strict=True)
            if x == k
        )
        count, origin = usual.most_common(1)[0][0] if usual else (period, 0)
        sizes.append((names.fresh(f"N{label}"), count))
        shift.append(origin)
    letters = ("i", "j", "k") if len(kernel.periods) <= 3 else tuple(f"i{k}" for k in range(len(kernel.periods)))
    wanted = [letters[k] for k in range(len(kernel.periods))]
    if any(w in names.taken for w in wanted):
        wanted = [f"i{identifier(a.name) if a else k}" for k, a in enumerate(known)]
    indices = tuple(names.fresh(w) for w in wanted)
    return Layout(names, language[1](spacings), tuple(sizes), tuple(shift), tuple(known), indices)


def _spacings(axes: Sequence[Axis], names: Names) -> tuple[Spacing, ...]:
    """One name for each different spacing: ``h`` where several axes share theirs, else ``dx``, ``dy``."""
    made: dict[float, list[str]] = {}
    for axis in axes:
        made.setdefault(float(axis.spacing), []).append(axis.name)
    return tuple(
        Spacing(
            names.fresh(*((f"d{identifier(labels[0])}",) if len(labels) == 1 else ("h", "spacing"))), value, labels[0]
        )
        for value, labels in made.items()
    )


def volume(ranges: Sequence[tuple[int, int]]) -> int:
    """The number of points of a box."""
    return prod(stop - start for start, stop in ranges)
