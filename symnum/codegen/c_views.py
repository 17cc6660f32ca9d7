"""The opening of a C function: typed views of its vectors, its parameters by name, scratch arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from symnum.codegen.c_layout import Layout
from symnum.codegen.c_names import Names
from symnum.codegen.c_text import Writer
from symnum.expr.walk import symbols
from symnum.ir.kernel import Array, Kernel, values

_ON_STACK = 8192  # values of a scratch array; larger ones are allocated


@dataclass(frozen=True)
class Arguments:
    """The names of a function's arguments.

    ``view``: pattern of the names of output arrays, e.g. ``d{}_dt``; ``views``: output array -> (name, what it is) where that says more;
    ``inputs``: False leaves the argument of the state away.
    """

    state: str = "y"
    result: str = "out"
    view: str = "out_{}"
    views: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    inputs: bool = True

    def about(self, array: Array) -> str:
        """What an output array is, in words; empty where its name says it."""
        return self.views.get(array.name, ("", ""))[1]


class Views:
    """The names of a kernel's vectors and arrays in C."""

    def __init__(self, kernel: Kernel, layout: Layout, arguments: Arguments, names: Names) -> None:
        self.kernel, self.layout, self.arguments = kernel, layout, arguments
        self.time = names.fresh("t", "time")
        self.state = names.fresh(arguments.state, "state") if arguments.inputs else ""
        self.p = names.fresh("p", "parameters")
        self.result = names.fresh(arguments.result, "result")
        self.outputs: dict[str, str] = {}
        for array in kernel.outputs:
            given = arguments.views.get(array.name)
            self.outputs[array.name] = names.fresh(given[0] if given else arguments.view.format(self.of(array)))

    def of(self, array: Array) -> str:
        """The C name of an input or a scratch array."""
        return self.layout.names.of("array", array.name)

    def head(self) -> str:
        """The function's declaration."""
        state = f"const double *restrict {self.state}, " if self.state else ""
        result = f"double *restrict {self.result}"
        return f"void {self.kernel.name}(double {self.time}, {state}const double *restrict {self.p}, {result})"

    def open(self, out: Writer) -> None:
        """Write the definitions of everything the body uses, and mark arguments it does not."""
        kernel = self.kernel
        used = symbols(values(kernel.body))
        read = {s.info.array for s in used if s.kind == "load"}
        inputs = [a for a in kernel.inputs if a.name in read]
        given = [(k, p) for k, p in enumerate(kernel.parameters) if p in used]
        for name, needed in ((self.time, kernel.time in used), (self.state, inputs), (self.p, given)):
            if name and not needed:
                out.line(f"(void){name};")
        for array in inputs:
            if array.axes:
                out.line(self._view(array, self.of(array), self.state, "const "))
        for array in kernel.outputs:
            if array.axes:
                about = self.arguments.about(array)
                said = f"  /* {about} */" if "(" in about else ""
                out.line(self._view(array, self.outputs[array.name], self.result, "") + said)
        scalars = [f"{self.of(a)} = {self.state}[{a.offset}]" for a in inputs if not a.axes]
        named = [f"{self.layout.names.of('parameter', p.name)} = {self.p}[{k}]" for k, p in given]
        for listed in (scalars, named):
            if listed:
                out.statement(f"const double {', '.join(listed)};")
        self._scratch(out)

    def close(self, out: Writer) -> None:
        """Give scratch arrays back."""
        for name in self._allocated():
            out.line(f"free({name});")

    def _view(self, array: Array, name: str, vector: str, const: str) -> str:
        offset = self.layout.offset(array)
        start = vector if offset == "0" else f"{vector} + {offset}"
        if len(array.axes) == 1:
            return f"{const}double *restrict {name} = {start};"
        inner = self._brackets(array, 1)
        start = f"({start})" if " " in start else start
        return f"{const}double (*restrict {name}){inner} = ({const}double (*){inner}){start};"

    def _brackets(self, array: Array, skip: int) -> str:
        dims = list(zip(array.axes, array.shape, strict=True))[skip:]
        return "".join(f"[{self.layout.extent(a, n)}]" for a, n in dims)

    def _scratch(self, out: Writer) -> None:
        for array in self.kernel.locals:
            out.line(self._definition(array))
        names = self._allocated()
        if names:
            out.line(f"if ({' || '.join(f'!{n}' for n in names)}) {{  /* no memory: the result is not a number */")
            out.lines += [f"{'    ' * (out.indent + 1)}free({n});" for n in names]
            out.line(f"    for (long n = 0; n < {self.kernel.output_size}; n++)")
            out.line(f"        {self.result}[n] = NAN;")
            out.line("    return;")
            out.line("}")

    def _definition(self, array: Array) -> str:
        name = self.of(array)
        if not array.axes:
            return f"double {name} = 0.0;"
        if array.size <= _ON_STACK:
            return f"double {name}{self._brackets(array, 0)} = {{0}};"
        pointer = f"*{name}" if len(array.axes) == 1 else f"(*{name}){self._brackets(array, 1)}"
        return f"double {pointer} = calloc({self.layout.size(array)}, sizeof(double));"

    def _allocated(self) -> list[str]:
        return [self.of(a) for a in self.kernel.locals if a.axes and a.size > _ON_STACK]
