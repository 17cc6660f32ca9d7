"""The opening of a Julia function: views of its vectors with the fields' names, its parameters by name, scratch arrays.

A state is row-major: its last index runs fastest. Julia's first index does, so ``u[i][j]`` of the equations is ``u[j, i]`` here.
"""

from __future__ import annotations

from dataclasses import replace

from symnum.codegen.c_names import ATOM, Text
from symnum.codegen.c_place import Place
from symnum.codegen.c_text import Writer
from symnum.codegen.c_views import Views
from symnum.expr.walk import symbols
from symnum.ir.kernel import Array, values

_TOGETHER = 8  # parameters that are unpacked in one line; of more only those that are used, by number


class JuliaPlace(Place):
    """Subscripts that begin at 1, the fastest index first."""

    BASE = 1

    def subscripts(
        self, array: Array, offsets: tuple[int, ...] = (), wrap: tuple[bool, ...] = (), fixed: tuple[bool, ...] = ()
    ) -> str:
        """``[j - 1, i]``: the element at the current point plus offsets; nothing for a scalar."""
        made = self.positions(array, offsets, wrap, fixed)
        return f"[{', '.join(reversed(made))}]" if made else ""

    def cast(self, whole: str) -> Text:
        """A whole number as a floating-point number."""
        return f"float({whole})", ATOM


class JuliaViews(Views):
    """The names of a kernel's vectors and arrays in Julia."""

    def head(self) -> str:
        """The function's declaration, ``function rhs!(dydt, y, p, t)``."""
        given = [n for n in (self.result, self.state, self.p, self.time) if n]
        return f"function {self.kernel.name}!({', '.join(given)})"

    def open(self, out: Writer) -> None:
        """Write the definitions of everything the body uses."""
        kernel = self.kernel
        used = symbols(values(kernel.body))
        read = {s.info.array for s in used if s.kind == "load"}
        inputs = [a for a in kernel.inputs if a.name in read]
        for array in (a for a in inputs if a.axes):
            out.statement(f"{self.of(array)} = {self._julia_view(array, self.state)}")
        for array in (a for a in kernel.outputs if a.axes):
            about = self.arguments.about(array)
            said = f"  # {about}" if "(" in about else ""
            out.statement(f"{self.outputs[array.name]} = {self._julia_view(array, self.result)}", said)
        scalars = [(self.of(a), f"{self.state}[{a.offset + 1}]") for a in inputs if not a.axes]
        given = [(k, self.layout.names.of("parameter", p.name)) for k, p in enumerate(kernel.parameters) if p in used]
        _unpack(out, scalars)
        if 1 < len(given) == len(kernel.parameters) <= _TOGETHER:
            out.line(f"{', '.join(name for _, name in given)} = {self.p}")
        else:
            _unpack(out, [(name, f"{self.p}[{k + 1}]") for k, name in given])
        for array in kernel.locals:
            kind = f"eltype({self.result})"
            sizes = ", ".join(self.layout.extent(a, n) for a, n in reversed(self._dimensions(array)))
            out.line(f"{self.of(array)} = zeros({kind}, {sizes})" if sizes else f"{self.of(array)} = zero({kind})")

    def close(self, out: Writer) -> None:
        """What the function gives back: nothing, its result is in place."""
        out.line("return nothing")

    def _julia_view(self, array: Array, vector: str) -> str:
        following = replace(array, offset=array.offset + array.size)
        start, stop = self.layout.offset(array), self.layout.offset(following)
        first = f"({start} + 1)" if not start.isdigit() else str(array.offset + 1)
        part = f"view({vector}, {first}:{f'({stop})' if first[0] == '(' and ' ' in stop else stop})"
        if len(array.axes) == 1:
            return part
        return f"reshape({part}, {', '.join(self.layout.extent(a, n) for a, n in reversed(self._dimensions(array)))})"

    def _dimensions(self, array: Array) -> list[tuple[int, int]]:
        return list(zip(array.axes, array.shape, strict=True))


def _unpack(out: Writer, pairs: list[tuple[str, str]]) -> None:
    """``X, Y, Z = y[1], y[2], y[3]``, a few in a line."""
    for k in range(0, len(pairs), _TOGETHER):
        some = pairs[k : k + _TOGETHER]
        out.statement(f"{', '.join(name for name, _ in some)} = {', '.join(value for _, value in some)}")
