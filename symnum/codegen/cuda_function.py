"""The stages of a kernel as CUDA C: one ``__global__`` function a launch, readable, for nvcc, NVRTC and the host shim alike.

A point of a stencil reads ``u[wrap(i - 1, NX)*NY + j]``. The rows of a thread are one short loop that the compiler unrolls; what neighbouring rows
read in common has one address there, so it is read once and stays in a register.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symnum.codegen.c_layout import Layout
from symnum.codegen.c_names import ATOM, UNARY, Numbers, Text
from symnum.codegen.c_place import moved
from symnum.codegen.c_text import Writer, unwrapped
from symnum.codegen.cuda_plan import THREADS, Box, Nest, Points, Range, Stage
from symnum.codegen.cuda_terms import TYPES, CudaExpressions, literals
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.ir.kernel import Accumulate, Array, Kernel, Let, Store, values

COMBINED = {"add": "{} + {}", "mul": "{}*{}", "maximum": "maximum({}, {})", "minimum": "minimum({}, {})"}


@dataclass(frozen=True)
class Buffer:
    """An argument of the kernel: the positions ``begin ... begin + size - 1`` of the flat vector of inputs or outputs."""

    name: str
    begin: int
    size: int


@dataclass(frozen=True)
class Names:
    """What the functions of a file share: the names of arguments, arrays and tables.

    ``constants``: name of the vector that each constant array lies in; ``index``: the type of grid indices and positions.
    """

    layout: Layout
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    constants: dict[str, str]
    time: str
    work: str
    index: str
    real: str

    def vector(self, kernel: Kernel, array: Array, written: bool) -> tuple[str, int]:
        """The argument that an array lies in and the position of its first value there."""
        if kernel.is_local(array.name):
            return self.work, array.offset
        if not written and array.name in self.constants:
            return self.constants[array.name], array.offset
        buffers = self.outputs if written else self.inputs
        home = next(b for b in buffers if b.begin <= array.span[0] and array.span[1] <= b.begin + b.size)
        return home.name, array.offset - home.begin


class Function:
    """Prints one ``__global__`` function. ``tables`` and ``helpers`` collect what the file must define before it."""

    def __init__(self, kernel: Kernel, shared: Names, tables: dict[tuple[str, ...], str]) -> None:
        self.kernel, self.shared, self.tables = kernel, shared, tables
        self.names = shared.layout.names.copy()
        self.numbers = Numbers()
        self.real = TYPES[kernel.dtype]
        self.expressions = CudaExpressions(self.numbers, self._leaf, self._table, self.real)
        self.writer = Writer()
        self.index: dict[int, str | int] = {}
        self.temporaries: dict[str, str] = {}
        self.pointers: dict[tuple[str, bool], str] = {}
        self.around: dict[tuple[int, int], str] = {}  # (axis, offset) -> the neighbour around the end
        self.wraps = False

    # --- the function ---

    def print(self, name: str, arguments: Sequence[str], stage: Stage, finish: bool = False) -> str:
        """The text of a launch; ``finish``: the second one of a sum that blocks share."""
        out = self.writer
        head = f'extern "C" __global__ void __launch_bounds__({THREADS})'
        out.line(head)
        out.statement(f"{name}({', '.join(arguments)})")
        out.open("{")
        nests = [box.nest for box in stage.boxes] if isinstance(stage, Points) else [stage.nest]
        self._views(nests)
        self._stage(stage, finish)
        out.close()
        self._drop_unused()
        return "\n".join(out.lines) + "\n"

    def _drop_unused(self) -> None:
        """Without the definitions that nothing reads (compilers warn of them): pointers of the other launch of a sum, the number of the block."""
        lines = self.writer.lines
        for name in self.pointers.values():
            if not any(f"{name}[" in line for line in lines):
                lines = [line for line in lines if not re.search(rf"\*{name} = ", line)]
        if sum(len(re.findall(r"\bblock\b", line)) for line in lines) == 1:
            lines = [line.replace(", block = blockIdx.x", "") for line in lines]
        self.writer.lines = lines

    def _views(self, nests: Sequence[Nest]) -> None:
        """A pointer for every array that the function reads or writes."""
        body = [s for nest in nests for s in nest.body]
        read = dict.fromkeys(s.info.array for s in symbols(values(tuple(body)), "load"))
        for name in read:
            self._view(self.kernel.input(name), False)
        for s in body:
            if not isinstance(s, Let):
                self._view(self.kernel.target(s), True)

    def _view(self, array: Array, written: bool) -> None:
        local, key = self.kernel.is_local(array.name), self._key(array, written)
        if key in self.pointers:
            return
        name = self.shared.layout.names.of("array", array.name)
        if written and not local:
            wish = f"d{name}_dt" if self.kernel.name == "rhs" else name if name.startswith("out") else f"out_{name}"
            name = self.names.fresh(wish, f"{wish}_values")
        vector, begin = self.shared.vector(self.kernel, array, written)
        const = "" if written or local else "const "
        self.pointers[key] = name
        self.writer.line(f"{const}{self.real} *{name} = {vector}{f' + {begin}' if begin else ''};")

    def _key(self, array: Array, written: bool) -> tuple[str, bool]:
        """Local arrays are read and written through one pointer, others through one each."""
        return array.name, written and not self.kernel.is_local(array.name)

    # --- points ---

    def _stage(self, stage: Any, finish: bool) -> None:
        """What comes after the pointers."""
        self._points(stage)

    def _points(self, stage: Points) -> None:
        out, shared = self.writer, self.shared
        out.line(f"const {shared.index} thread = threadIdx.x, block = blockIdx.x;")
        first = 0
        for k, box in enumerate(stage.boxes):
            last = k + 1 == len(stage.boxes)
            condition = "" if last else f"if (block < {first + box.blocks}) "
            out.line("")
            out.comment(self._about(box.nest))
            if len(stage.boxes) > 1:
                out.open(f"{'else ' if k else ''}{condition}{{")
            self._box(box, first)
            if len(stage.boxes) > 1:
                out.close()
            first += box.blocks

    def _about(self, nest: Nest) -> str:
        fields = dict.fromkeys(self.kernel.target(s).field for s in nest.body if not isinstance(s, Let))
        layout = self.shared.layout
        where = [
            f"{layout.indices[a]} = {start}"
            if stop - start == 1
            else f"{start} <= {layout.indices[a]} < {layout.extent(a, stop)}"
            for a, start, stop in nest.ranges
        ]
        listed = [*fields] if len(fields) <= 8 else [*[*fields][:6], f"... ({len(fields)} in all)"]
        return ", ".join(listed) + (f": {', '.join(where)}" if where else "")

    def _box(self, box: Box, first: int) -> None:
        """The points of a box: where a thread stands, and what it makes there."""
        out = self.writer
        saved = dict(self.index), self.names, dict(self.around)
        self.names = self.names.copy()
        self._fix(box.nest.ranges)
        tile = f"(block - {first})" if first else "block"
        tests = self._stand(box, tile)
        if not box.order:
            tests = ["thread == 0"]
        out.open(f"if ({' && '.join(tests)}) {{" if tests else "{")
        if box.rows > 1:
            self._several(box)
        else:
            self._neighbours(box.nest, box.order)
            self._body(box.nest)
        out.close()
        self.index, self.names, self.around = saved

    def _several(self, box: Box) -> None:
        """Several points a thread along the last axis. Their values are stored when all are known: stores among the loads would keep compilers from
        seeing that two loads are of one value."""
        out, axis, index = self.writer, box.order[-1], self.shared.index
        last, name = _range(box.nest, axis)[1] - box.rows, str(self.index[axis])
        lowest, number = self.names.fresh(f"{name}_first"), self.names.fresh("r", "number")
        loop = f"for (int {number} = 0; {number} < {box.rows}; {number}++) {{"
        out.line(f"const {index} {lowest} = {name}_0 < {last} ? {name}_0 : {last};")
        self._neighbours(box.nest, [a for a in box.order if a != axis])
        rows, before = self._rows(box, axis, lowest, number)
        stores = [self.kernel.target(s) for s in box.nest.body if isinstance(s, Store)]
        found = {a.name: self.names.fresh(f"{self.pointers[self._key(a, True)]}_rows") for a in stores}
        out.statement(f"{self.real} {', '.join(f'{made}[{box.rows}]' for made in found.values())};")
        out.line("#pragma unroll")
        out.open(loop)
        own = f"{rows}[{moved(number, before)}]" if rows else f"{lowest} + {number}"
        out.line(f"const {index} {name} = {own};")
        for offset in self._wrapped(box.nest, axis):
            self.around[axis, offset] = self._neighbour(axis, offset, f"{rows}[{moved(number, before + offset)}]")
        self._body(box.nest, {array: f"{made}[{number}]" for array, made in found.items()})
        out.close()
        out.line("#pragma unroll")
        out.open(loop)
        out.line(f"const {index} {name} = {lowest} + {number};")
        for array in stores:
            out.statement(f"{self._element(array, True)} = {found[array.name]}[{number}];")
        out.close()

    def _rows(self, box: Box, axis: int, lowest: str, number: str) -> tuple[str, int]:
        """A list of the rows that a thread reads, those around the ends included: its name ("" where none wraps), and where the thread's own begin.

        What one row reads as its neighbour and the next as its own then has one address for the compiler, which reads it once.
        """
        offsets = self._wrapped(box.nest, axis)
        if not offsets:
            return "", 0
        out, before, after = self.writer, -min(0, *offsets), max(0, *offsets)
        name, count = self.names.fresh("row", "rows"), before + box.rows + after
        period = self.shared.layout.extent(axis, self.kernel.periods[axis])
        place = moved(f"{lowest} + {number}", -before)
        inside = [f"{number} >= {before}"] if before else []
        inside += [f"{number} < {before + box.rows}"] if after else []
        self.wraps = True
        out.line(f"{self.shared.index} {name}[{count}];")
        out.line("#pragma unroll")
        out.open(f"for (int {number} = 0; {number} < {count}; {number}++) {{")
        out.statement(f"{name}[{number}] = {' && '.join(inside)} ? {place} : wrap({place}, {period});")
        out.close()
        return name, before

    def _neighbours(self, nest: Nest, axes: Sequence[int]) -> None:
        """Names for the grid indices of neighbours around the ends: ``im1``, ``ip1``."""
        for axis in axes:
            name = self.index[axis]
            if isinstance(name, int):
                continue
            period = self.shared.layout.extent(axis, self.kernel.periods[axis])
            for offset in self._wrapped(nest, axis):
                self.around[axis, offset] = self._neighbour(axis, offset, f"wrap({moved(name, offset)}, {period})")
                self.wraps = True

    def _neighbour(self, axis: int, offset: int, text: str) -> str:
        made = self.names.fresh(f"{self.index[axis]}{'m' if offset < 0 else 'p'}{abs(offset)}")
        self.writer.line(f"const {self.shared.index} {made} = {text};")
        return made

    def _fix(self, ranges: Sequence[Range]) -> None:
        """Axes of one point have a number for an index, the others their letter."""
        for axis, start, stop in ranges:
            self.index[axis] = start if stop - start == 1 else self.shared.layout.indices[axis]

    def _stand(self, box: Box, tile: str) -> list[str]:
        """Define the indices of a thread; the conditions under which it has a point."""
        out, tests, tiles, below = self.writer, [], box.tiles, 1
        for k, axis in enumerate(box.order):
            start, stop = _range(box.nest, axis)
            begin, name, last = box.begin(axis), str(self.index[axis]), k + 1 == len(box.order)
            place = tile if below == 1 else f"{tile} / {below}"
            place = place if last else f"{place} % {tiles[k]}"
            below *= tiles[k]
            size = box.size[k]
            if k == 0:
                place = f"{place}*{box.width} + thread" + (f" % {box.width}" if box.height > 1 else "")
            elif k == 1 and box.height > 1:
                place = f"{place}*{box.height} + thread / {box.width}"
            if last and box.rows > 1:
                place, name = f"({place})*{box.rows}", f"{name}_0"
            out.line(f"const {self.shared.index} {name} = {f'{begin} + ' if begin else ''}{place};")
            tests += [f"{name} >= {start}"] if begin < start else []
            tests += [f"{name} < {self.shared.layout.extent(axis, stop)}"] if (stop - begin) % size else []
        return tests

    def _wrapped(self, nest: Nest, axis: int) -> list[int]:
        """The offsets of loads that reach around the end of an axis."""
        return sorted(
            {
                s.info.offsets[k]
                for s in symbols(values(nest.body), "load")
                for k, a in enumerate(self.kernel.input(s.info.array).axes)
                if a == axis and s.info.wrap[k] and s.info.offsets[k] and not s.info.fixed[k]
            }
        )

    # --- statements ---

    def _body(self, nest: Nest, places: Mapping[str, str] | None = None) -> None:
        """The statements of a point. ``places``: where the values of stored arrays go instead."""
        names, temporaries = self.names, dict(self.temporaries)
        self.names = self.names.copy()
        for s in nest.body:
            if isinstance(s, Let):
                self._let(s)
                continue
            value = unwrapped(self.expressions.number(s.value))
            if isinstance(s, Store):
                place = places[s.array] if places else self._element(self.kernel.target(s), True)
                self.writer.statement(f"{place} = {value};")
            else:
                self._take(s, value)
        self.names, self.temporaries = names, temporaries

    def _take(self, s: Accumulate, value: str) -> None:
        text = (
            f"sum += {value};"
            if s.operation == "add"
            else f"sum = {COMBINED[s.operation].format('sum', f'({value})')};"
        )
        self.writer.statement(text)

    def _let(self, s: Let) -> None:
        if self.expressions.is_condition(s.value):
            text, kind = self.expressions.condition(s.value), "bool"
            self.expressions.conditions.add(s.symbol)
        else:
            text, kind = self.expressions.number(s.value), self.real
            self.expressions.conditions.discard(s.symbol)
        name = self.names.fresh(self.names.spell(s.symbol.name))
        self.temporaries[s.symbol.name] = name
        self.writer.statement(f"const {kind} {name} = {unwrapped(text)};")

    # --- leaves ---

    def _leaf(self, symbol: Symbol) -> Text:
        if symbol.kind == "load":
            info = symbol.info
            return self._element(self.kernel.input(info.array), False, info.offsets, info.wrap, info.fixed), ATOM
        if symbol.kind == "index":
            at = self.index[symbol.info]
            return (repr(float(at)), ATOM) if isinstance(at, int) else (f"({self.real}){at}", UNARY)
        if symbol.kind == "temporary":
            return self.temporaries[symbol.name], ATOM
        if symbol is self.kernel.time:
            return self.shared.time, ATOM
        return self.shared.layout.names.of("parameter", symbol.name), ATOM

    def _element(
        self,
        array: Array,
        written: bool,
        offsets: tuple[int, ...] = (),
        wrap: tuple[bool, ...] = (),
        fixed: tuple[bool, ...] = (),
    ) -> str:
        """``u[(i + 1)*NY + j]``: a value at the current point plus offsets."""
        none = (False,) * len(array.axes)
        offsets, wrap, fixed = offsets or (0,) * len(array.axes), wrap or none, fixed or none
        parts, constant = [], 0
        for k, axis in enumerate(array.axes):
            step, origin, at = array.strides[k], array.origin[k], self.index.get(axis, 0)
            if fixed[k]:
                constant += (offsets[k] - origin) * step
            elif isinstance(at, int):
                point = (at + offsets[k]) % self.kernel.periods[axis] if wrap[k] else at + offsets[k]
                constant += (point - origin) * step
            else:
                text, own = self._position(array, k, at, offsets[k], wrap[k])
                parts.append(self._scaled(array, k, text))
                constant += own * step
        text = " + ".join(parts)
        if constant or not parts:
            text = f"{text} {'-' if constant < 0 else '+'} {abs(constant)}" if parts else str(constant)
        return f"{self.pointers[self._key(array, written)]}[{text}]"

    def _position(self, array: Array, k: int, at: str, offset: int, wrap: bool) -> tuple[str, int]:
        """A position along one axis as text, and what is added to it."""
        if wrap and offset:
            return self.around[array.axes[k], offset], 0
        return (at, offset - array.origin[k]) if array.steps is not None else (moved(at, offset - array.origin[k]), 0)

    def _scaled(self, array: Array, k: int, text: str) -> str:
        """A position times how far apart neighbours along its axis lie."""
        step = array.strides[k]
        if step == 1:
            return text
        text = f"({text})" if " " in text else text
        if array.steps is not None:
            return f"{text}*{step}" if step >= 0 else f"{text}*({step})"
        layout = self.shared.layout
        factors = [
            layout.dimension(a, n) for a, n in zip(array.axes[k + 1 :], array.shape[k + 1 :], strict=True) if n != 1
        ]
        return "*".join([text, *factors])

    def _table(self, node: Term) -> Text:
        start, *numbers = node.data
        texts = tuple(literals(self.numbers.plain(float(v))[0], self.real) for v in numbers)
        name = self.tables.setdefault(texts, "")
        if not name:
            name = self.tables[texts] = self.shared.layout.names.fresh(f"table_{len(self.tables)}")
        at = self.index[node.args[0].info]  # type: ignore[attr-defined]
        return f"{name}[{at - start if isinstance(at, int) else moved(at, -start)}]", ATOM


def _range(nest: Nest, axis: int) -> tuple[int, int]:
    return next((start, stop) for a, start, stop in nest.ranges if a == axis)
