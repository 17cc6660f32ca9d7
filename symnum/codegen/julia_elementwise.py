"""Terms at one point as Julia functions ``f(x, y)`` and ``f!(out, x, y)``, and how Python calls them on whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.c_function import Function
from symnum.codegen.c_layout import layout
from symnum.codegen.c_schedule import schedule
from symnum.codegen.c_text import unwrapped
from symnum.codegen.c_views import Arguments
from symnum.codegen.julia_file import print_file
from symnum.codegen.julia_function import JuliaPrinter
from symnum.codegen.julia_names import LANGUAGE
from symnum.ir.kernel import Accumulate, Kernel, Store

Vector = NDArray[np.float64]


def build_elementwise(
    kernel: Kernel, shape: tuple[int, ...], about: str
) -> tuple[str, Callable[[Sequence[Vector], Sequence[Vector]], None]]:
    """A kernel of parameters and scalar outputs as Julia: its source, and a function of inputs and outputs, vectors or numbers.

    ``shape``: of the outputs, row-major; ``about``: the text of the documentation string. The call opens Julia, which compiles the function at
    the first one; BackendUnavailable where there is none.
    """
    source = print_point(kernel, shape, about)
    name = f"{kernel.name}!" if shape else kernel.name

    def function(inputs: Sequence[Vector], outputs: Sequence[Vector]) -> None:
        from symnum.bridge import guarded, session

        bridge = session().bridge
        result = np.empty((len(outputs), outputs[0].size))
        rows = np.array([[a.ctypes.data, a.size if a.ndim else 0] for a in inputs], dtype=np.int64).reshape(-1, 2)
        with guarded("evaluating generated Julia code"):
            compiled = bridge.generated(source, name)
            bridge.elementwise_b(compiled, result.ctypes.data, outputs[0].size, rows, np.array(shape, dtype=np.int64))
        for values, out in zip(result, outputs, strict=True):
            out[...] = values

    return source, function


def print_point(kernel: Kernel, shape: tuple[int, ...], about: str = "") -> str:
    """The Julia source of ``f(x, y)``, which gives a number or (for a shape) an array, and then of ``f!(out, x, y)`` too."""
    made = layout(kernel, language=LANGUAGE)
    scheduled = schedule(kernel)
    names = [made.names.of("parameter", s.name) for s in kernel.parameters]
    printer = _PointPrinter(scheduled, made, Arguments(), openmp=False)
    return print_file(made, [printer.print_point(names, shape, about)])


class _PointPrinter(JuliaPrinter):
    """Prints the values at one point. ``results``: what has been printed of them."""

    def print_point(self, names: list[str], shape: tuple[int, ...], about: str) -> Function:
        """Both functions."""
        out, name = self.writer, self.kernel.name
        self.results: list[str] = []
        target = self.views.result
        head = f"{name}!({', '.join([target, *names])})" if shape else f"{name}({', '.join(names)})"
        out.documentation(f"    {head}\n\n{about}".rstrip())
        out.open(f"function {head}")
        self._body(self.kernel.body)
        if not shape:
            out.statement(f"return {self.results[0]}")
            out.close()
        else:
            for place, value in zip(np.ndindex(*shape), self.results, strict=True):
                out.statement(f"{target}[{', '.join(str(k + 1) for k in place)}] = {value}")
            out.line(f"return {target}")
            out.close()
            kinds = ", ".join(f"typeof({n})" for n in names)
            kind = f"float(promote_type({kinds}))" if names else "Float64"
            sizes = ", ".join(map(str, shape))
            out.line("")
            out.statement(
                f"{name}({', '.join(names)}) = {name}!({', '.join([f'Array{{{kind}}}(undef, {sizes})', *names])})"
            )
        return Function("\n".join(out.lines) + "\n", self.expressions.helpers, head)

    def _assign(self, statement: Store | Accumulate) -> None:
        self.results.append(unwrapped(self.expressions.number(statement.value)))
