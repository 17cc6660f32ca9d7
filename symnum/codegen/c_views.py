"""The opening of a C function: typed views of its vectors, its parameters by name, scratch arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf

from symnum.codegen.c_layout import Layout
from symnum.codegen.c_names import Names
from symnum.codegen.c_text import Writer
from symnum.codegen.scratch import Room, rooms
from symnum.expr.walk import symbols
from symnum.ir.kernel import Array, Kernel, values

_ON_STACK = 8192  # values of a scratch array; larger ones are allocated


@dataclass(frozen=True)
class Arguments:
    """The names of a function's arguments.

    ``view``: pattern of the names of output arrays, e.g. ``d{}_dt``; ``views``: output array -> (name, what it is) where that says more;
    ``inputs``: False leaves the argument of the state away; ``starts``: where the parts of the flat input and output vectors begin that are
    arguments of their own.
    """

    state: str = "y"
    result: str = "out"
    view: str = "out_{}"
    views: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    inputs: bool = True
    starts: tuple[tuple[int, ...], tuple[int, ...]] = ((0,), (0,))

    def about(self, array: Array) -> str:
        """What an output array is, in words; empty where its name says it."""
        return self.views.get(array.name, ("", ""))[1]


class Views:
    """The names of a kernel's vectors and arrays in C."""

    def __init__(self, kernel: Kernel, layout: Layout, arguments: Arguments, names: Names) -> None:
        self.kernel, self.layout, self.arguments = kernel, layout, arguments
        self.time = names.fresh("t", "time")
        first, second = arguments.starts
        self.states = [names.fresh(arguments.state, "state") for _ in first] if arguments.inputs else []
        self.p = names.fresh("p", "parameters")
        self.results = [names.fresh(arguments.result, "result") for _ in second]
        self.state, self.result = self.states[0] if self.states else "", self.results[0]
        self.scratch = {room.arrays: names.fresh("scratch") for room in rooms(kernel) if _shared(room)}
        self.outputs: dict[str, str] = {}
        for array in kernel.outputs:
            given = arguments.views.get(array.name)
            self.outputs[array.name] = names.fresh(given[0] if given else arguments.view.format(self.of(array)))

    def of(self, array: Array) -> str:
        """The C name of an input or a scratch array; the place of a number that lies in a vector with others."""
        room = next((room for room in self.scratch if array in room), None) if not array.axes else None
        if room is not None:
            return f"{self.scratch[room]}[{array.offset - min(a.span[0] for a in room)}]"
        return self.layout.names.of("array", array.name)

    def head(self) -> str:
        """The function's declaration."""
        state = "".join(f"const double *restrict {name}, " for name in self.states)
        result = ", ".join(f"double *restrict {name}" for name in self.results)
        return f"void {self.kernel.name}(double {self.time}, {state}const double *restrict {self.p}, {result})"

    def open(self, out: Writer) -> None:
        """Write the definitions of everything the body uses, and mark arguments it does not."""
        kernel = self.kernel
        used = symbols(values(kernel.body))
        read = {s.info.array for s in used if s.kind == "load"}
        inputs = [a for a in kernel.inputs if a.name in read]
        given = [(k, p) for k, p in enumerate(kernel.parameters) if p in used]
        places = {a.name: self.place(a) for a in inputs}
        constants = [c for c in kernel.constants if c.array.name in read]
        for constant in constants:
            number = next(k for k, v in enumerate(kernel.constant_vectors) if v is constant.values)
            places[constant.array.name] = f"{kernel.name}_constants{number + 1}", constant.array
        seen = {vector for vector, _ in places.values()}
        for name, needed in ((self.time, kernel.time in used), *((n, n in seen) for n in self.states), (self.p, given)):
            if name and not needed:
                out.line(f"(void){name};")
        inputs += [c.array for c in constants]
        for array in inputs:
            if array.axes:
                vector, there = places[array.name]
                out.line(self._view(there, self.of(array), vector, "const "))
        for array in kernel.outputs:
            if array.axes:
                about = self.arguments.about(array)
                said = f"  /* {about} */" if "(" in about else ""
                vector, there = self.place(array, result=True)
                out.line(self._view(there, self.outputs[array.name], vector, "") + said)
        scalars = [
            f"{self.of(a)} = {vector}[{there.offset}]"
            for a in inputs
            if not a.axes
            for vector, there in [places[a.name]]
        ]
        named = [f"{self.layout.names.of('parameter', p.name)} = {self.p}[{k}]" for k, p in given]
        for listed in (scalars, named):
            if listed:
                out.statement(f"const double {', '.join(listed)};")
        self._scratch(out)

    def place(self, array: Array, result: bool = False) -> tuple[str, Array]:
        """The argument in which an input or an output lies, and the array with its offset counted there."""
        names, starts = (self.results, self.arguments.starts[1]) if result else (self.states, self.arguments.starts[0])
        number = max(k for k, start in enumerate(starts) if start <= array.span[0])
        return names[number], replace(array, offset=array.offset - starts[number])

    def close(self, out: Writer) -> None:
        """Give scratch arrays back."""
        for name in self._allocated():
            out.line(f"free({name});")

    def _view(self, array: Array, name: str, vector: str, const: str) -> str:
        offset = self.layout.offset(array)
        start = vector if offset == "0" else f"{vector} + {offset}"
        if len(array.axes) == 1 or not array.contiguous:
            return f"{const}double *restrict {name} = {start};"
        inner = self._brackets(array, 1)
        start = f"({start})" if " " in start else start
        return f"{const}double (*restrict {name}){inner} = ({const}double (*){inner}){start};"

    def _brackets(self, array: Array, skip: int) -> str:
        dims = list(zip(array.axes, array.shape, strict=True))[skip:]
        return "".join(f"[{self.layout.extent(a, n)}]" for a, n in dims)

    def _scratch(self, out: Writer) -> None:
        """Room for the local arrays, and what they begin with."""
        allocated = self._allocated()
        for room in rooms(self.kernel):
            array = room.arrays[0]
            vector = self.scratch.get(room.arrays)
            name = vector or self.of(array)
            zeros = " = {0}" if room.start == 0 else ""
            if name in allocated:
                made = (
                    f"calloc({self._size(room)}, sizeof(double))"
                    if zeros
                    else f"malloc({self._size(room)}*sizeof(double))"
                )
                flat = vector or len(array.axes) == 1
                out.line(f"double {f'*{name}' if flat else f'(*{name}){self._brackets(array, 1)}'} = {made};")
            elif vector or array.axes:
                out.line(f"double {name}{f'[{room.size}]' if vector else self._brackets(array, 0)}{zeros};")
            else:
                out.line(f"double {name}{f' = {_start(room)}' if room.start is not None else ''};")
        if allocated:
            self._without_memory(out, allocated)
        for room in rooms(self.kernel):
            vector = self.scratch.get(room.arrays)
            if room.start and (vector or room.arrays[0].axes):
                first = vector or f"((double *){self.of(room.arrays[0])})"
                out.line(f"for (long n = 0; n < {self._size(room)}; n++)")
                out.line(f"    {first}[n] = {_start(room)};")
            for array in room.arrays if vector else ():
                if array.axes:
                    out.line(self._pointer(array, f"{vector} + {array.offset - room.begin}"))

    def _pointer(self, array: Array, place: str) -> str:
        """The definition of a local array that lies in a vector with others (which is why it is not ``restrict``)."""
        if len(array.axes) == 1 or not array.contiguous:
            return f"double *{self.of(array)} = {place};"
        inner = self._brackets(array, 1)
        return f"double (*{self.of(array)}){inner} = (double (*){inner})({place});"

    def _without_memory(self, out: Writer, names: list[str]) -> None:
        out.line(f"if ({' || '.join(f'!{n}' for n in names)}) {{  /* no memory: the result is not a number */")
        out.lines += [f"{'    ' * (out.indent + 1)}free({n});" for n in names]
        ends = [*self.arguments.starts[1][1:], self.kernel.output_size]
        for name, start, end in zip(self.results, self.arguments.starts[1], ends, strict=True):
            out.line(f"    for (long n = 0; n < {end - start}; n++)")
            out.line(f"        {name}[n] = NAN;")
        out.line("    return;")
        out.line("}")

    def _size(self, room: Room) -> str:
        return str(room.size) if room.arrays in self.scratch else self.layout.size(room.arrays[0])

    def _allocated(self) -> list[str]:
        large = [room for room in rooms(self.kernel) if room.size > _ON_STACK]
        return [self.scratch.get(room.arrays) or self.of(room.arrays[0]) for room in large]


def _shared(room: Room) -> bool:
    """True for a room of several arrays, or of one that is not row-major: it is a vector into which they point."""
    return len(room.arrays) > 1 or not room.arrays[0].contiguous


def _start(room: Room) -> str:
    """What the values of a room begin with."""
    assert room.start is not None
    return "-INFINITY" if room.start == -inf else "INFINITY" if room.start == inf else f"{room.start!r}"
