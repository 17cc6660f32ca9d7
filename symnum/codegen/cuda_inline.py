"""A small kernel as a ``__device__`` function: all points by one thread, for solvers that run one trajectory a thread."""

from __future__ import annotations

from dataclasses import replace

from symnum.codegen.c_layout import layout
from symnum.codegen.c_names import ATOM, Numbers, Text
from symnum.codegen.c_text import unwrapped
from symnum.codegen.cuda_file import table_definition
from symnum.codegen.cuda_function import COMBINED, Buffer, Function, Names
from symnum.codegen.cuda_plan import Nest, nests
from symnum.codegen.cuda_terms import TYPES, CudaNames, literals
from symnum.errors import TargetError
from symnum.expr.term import Symbol
from symnum.ir.kernel import STARTS, Accumulate, Array, Kernel, statements
from symnum.ir.passes import write_networks_out

LARGEST = 1024  #: unknowns of a trajectory that one thread carries
_UNROLLED = 64  #: points of a loop that is written out, so that small vectors become registers


def print_device_function(kernel: Kernel, name: str) -> str:
    """``static __device__ void NAME(double t, const double *y, const double *p, double *out)`` with the tables and helpers that it needs.

    Raises TargetError: the kernel is too large for one thread, reads constants, or an operator has no meaning in CUDA.
    """
    if max(kernel.input_size, kernel.output_size) > LARGEST:
        raise TargetError(
            f"{kernel.name} has {kernel.output_size} unknowns, and one thread carries at most {LARGEST}; solve such a system by "
            'sn.solve(system, target="cuda")'
        )
    if kernel.constants:
        raise TargetError(
            f'{kernel.name} reads arrays of constants, which a trajectory on the GPU does not have; write target="llvm"'
        )
    return _Device(replace(write_networks_out(kernel), name=name)).text()


class _Device(Function):
    """Prints nests as loops; local arrays lie in the thread's own memory."""

    def __init__(self, kernel: Kernel) -> None:
        made = layout(kernel, language=(CudaNames, Numbers))
        names = made.names
        y, out = names.fresh("y", "state"), names.fresh("out", "result")
        shared = Names(
            made,
            (Buffer(y, 0, kernel.input_size),),
            (Buffer(out, 0, kernel.output_size),),
            {},
            names.fresh("t", "time"),
            names.fresh("work", "scratch"),
            "int",
            TYPES[kernel.dtype],
        )
        super().__init__(kernel, shared, {})
        self.p = names.fresh("p", "parameters")
        self.places = {symbol: k for k, symbol in enumerate(kernel.parameters)}

    def text(self) -> str:
        shared, real, out = self.shared, self.real, self.writer
        listed = nests(self.kernel)
        arguments = [f"const {real} {shared.time}", f"const {real} *{shared.inputs[0].name}", f"const {real} *{self.p}"]
        out.statement(
            f"static __device__ inline void {self.kernel.name}({', '.join(arguments)}, {real} *{shared.outputs[0].name})"
        )
        out.open("{")
        if self.kernel.locals:
            self._scratch()
        self._views(listed)
        for nest in listed:
            self._loops(nest)
        out.close()
        index = "static __device__ inline int wrap(int i, int n) { return i < 0 ? i + n : i < n ? i : i - n; }"
        sizes = [f"#define {n} {count}" for n, count in self.shared.layout.sizes]
        pi = f"static __device__ const {real} PI = 3.141592653589793;"
        infinity = "#ifndef INFINITY\n#define INFINITY __int_as_float(0x7f800000)\n#endif"
        body = "\n".join(out.lines)
        head = [
            *sizes,
            *([index] if self.wraps else []),
            *([pi] if "PI" in body else []),
            *([infinity] if "INFINITY" in body else []),
        ]
        tables = [table_definition(n, numbers, real) for numbers, n in self.tables.items()]
        return "\n".join([*head, *tables, *self.expressions.helpers.values(), body]) + "\n"

    def _scratch(self) -> None:
        out, work = self.writer, self.shared.work
        out.line(f"{self.real} {work}[{self.kernel.local_size}];")
        out.line(f"for (int n = 0; n < {self.kernel.local_size}; n++) {work}[n] = 0;")
        for s in statements(self.kernel.body):
            if isinstance(s, Accumulate) and s.operation != "add":
                array = self.kernel.input(s.array)
                begin, end = array.span
                start = literals(self.numbers.plain(STARTS[s.operation])[0], self.real)
                out.line(f"for (int n = {begin}; n < {end}; n++) {work}[n] = {start};")

    def _loops(self, nest: Nest) -> None:
        saved = dict(self.index), self.names, dict(self.around)
        self.names = self.names.copy()
        self._fix(nest.ranges)
        out, several = self.writer, [r for r in nest.ranges if r[2] - r[1] > 1]
        for axis, start, stop in several:
            if nest.points <= _UNROLLED:
                out.line("#pragma unroll")
            name = self.index[axis]
            out.open(f"for (int {name} = {start}; {name} < {stop}; {name}++) {{")
        if not several:
            out.open("{")
        self._neighbours(nest, [a for a, _, _ in nest.ranges])
        self._body(nest)
        for _ in range(max(1, len(several))):
            out.close()
        self.index, self.names, self.around = saved

    def _take(self, s: Accumulate, value: str) -> None:
        place = self._element(self.kernel.input(s.array), True)
        self.writer.statement(f"{place} = {COMBINED[s.operation].format(place, f'({unwrapped(value)})')};")
        if s.operation in self.expressions.HELPERS:
            self.expressions.helpers[s.operation] = self.expressions.HELPERS[s.operation]

    def _leaf(self, symbol: Symbol) -> Text:
        if symbol in self.places:
            return f"{self.p}[{self.places[symbol]}]", ATOM
        return super()._leaf(symbol)

    def _element(
        self,
        array: Array,
        written: bool,
        offsets: tuple[int, ...] = (),
        wrap: tuple[bool, ...] = (),
        fixed: tuple[bool, ...] = (),
    ) -> str:
        """Scalars of the state are written as entries of it, not through a pointer of their own."""
        if array.axes or self.kernel.is_local(array.name):
            return super()._element(array, written, offsets, wrap, fixed)
        name = self.shared.outputs[0].name if written else self.shared.inputs[0].name
        return f"{name}[{array.offset}]"

    def _view(self, array: Array, written: bool) -> None:
        if array.axes or self.kernel.is_local(array.name):
            super()._view(array, written)
