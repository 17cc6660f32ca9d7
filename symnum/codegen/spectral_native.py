"""Rates in coefficient space as machine code: the transforms of ``fft`` around the compiled kernels of a system.

    nonlinear(context, t, y, c, out)     out = coefficients of f(t, y) - L y; y: values, c: coefficients of the same state
    rates(context, t, y, out)            out = f(t, y), values

One module serves all systems. What they are is in a table of 64-bit words, ``context`` (``WORDS`` names its entries).
Coefficients lie as (fields, 2, modes): the real parts of a field, then the imaginary ones.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen import fft
from symnum.codegen.llvm_code import FLAGS, Code, Metadata
from symnum.codegen.spectral import SpectralFunction

Array = NDArray[np.float64]
WORDS = [
    "grid",
    "fields",
    "modes",
    "points",
    "stages",
    "stage_list",
    "outer",
    "outer_list",
    "expressions",
    "first_last",
    "spectra",
    "values",
    "work",
    "temporary",
    "parameters",
    "subtracted",
    "symbol",
    "diagonal",
    "derivatives",
    "state_spectrum",
]
STAGE = ["derived", "derived_list", "kernel", "expressions", "first", "mask", "inner"]
OUTER = ["row", "expression", "factor"]


def split(coefficients: Any) -> Array:
    """Complex numbers (..., *modes) as (..., 2, modes)."""
    made = np.asarray(coefficients, dtype=np.complex128)
    return np.ascontiguousarray(np.stack([made.real, made.imag], axis=-2))


class NativeContext:
    """The words of a system, and all memory they point to.

    Args:
        shape: of the grid; fields: how many.
        parameters: the array that kernels read as p.
    """

    def __init__(self, shape: tuple[int, ...], fields: int, parameters: Array) -> None:
        self.keep: list[Any] = []
        self.grid = fft.GridPlan(shape)
        self.words = np.zeros(len(WORDS), dtype=np.int64)
        self.fields, self.modes, self.points = fields, prod(self.grid.modes), prod(shape)
        self.set("grid", self.grid.address)
        self.set("parameters", self.kept(parameters))
        for name in ("fields", "modes", "points"):
            self.set(name, getattr(self, name))
        self.set("temporary", self.room(2 * self.modes))
        self.set("state_spectrum", self.room(4 * fields * self.modes))

    @property
    def address(self) -> int:
        return int(self.words.ctypes.data)

    def set(self, name: str, value: int) -> None:
        self.words[WORDS.index(name)] = value

    def kept(self, array: NDArray[Any]) -> int:
        """The address of an array, which from now on lives as long as this object."""
        self.keep.append(array)
        return int(array.ctypes.data)

    def room(self, count: int) -> int:
        return self.kept(np.zeros(max(count, 8)))

    def modes_of(self, coefficients: Any) -> Array:
        """Complex (..., *grid modes) as (..., 2, modes)."""
        made = np.asarray(coefficients)
        lead = made.shape[: made.ndim - len(self.grid.modes)]
        return split(made.reshape(*lead, self.modes))

    def bind(self, symbol: Any, subtract: bool) -> None:
        """L on each wave, (k, k, *modes), in place of any other; ``subtract``: the kernel gives all of f, so N = f - L y."""
        self.diagonal = not any(symbol[i, j].any() for i in range(self.fields) for j in range(self.fields) if i != j)
        own = symbol[range(self.fields), range(self.fields)] if self.diagonal else symbol
        self.symbol = self.modes_of(own)
        self.set("diagonal", int(self.diagonal))
        self.set("subtracted" if subtract else "symbol", int(self.symbol.ctypes.data))

    def stages(self, rows: list[dict[str, int]]) -> None:
        self.set("stages", len(rows))
        self.set("stage_list", self._records(STAGE, rows))

    def outer(self, rows: list[dict[str, int]]) -> None:
        self.set("outer", len(rows))
        self.set("outer_list", self._records(OUTER, rows))

    def _records(self, names: list[str], rows: list[dict[str, int]]) -> int:
        return self.kept(
            np.array([[row.get(name, 0) for name in names] for row in rows] or [[0]], dtype=np.int64).ravel()
        )

    def memory(self, expressions: int, last: int, derivatives: int) -> None:
        """Room for the values and coefficients of expressions; ``last``: how many the last stage has."""
        self.set("expressions", last)
        self.set("first_last", expressions - last)
        self.set("spectra", self.room(2 * expressions * self.modes))
        self.set("values", self.room(expressions * self.points))
        self.set("derivatives", derivatives)
        self.set("work", self.room((self.fields + derivatives) * self.points))


def spectral_context(function: SpectralFunction, parameters: Array) -> NativeContext | None:
    """The words of a Fourier discretisation at given parameter values; None where the grid or the target has no machine code."""
    rates = function.rates
    if not fft.suits(rates.shape) or any(kernel.address is None for kernel in function.kernels):
        return None
    made = NativeContext(rates.shape, rates.fields, parameters)
    mask = made.kept(made.modes_of(rates.kept().astype(complex))) if rates.dealiased else 0
    first, rows = 0, []
    for k, (kernel, derived, count) in enumerate(zip(function.kernels, function.derived, function.counts, strict=True)):
        entries = [word for source, factor in derived for word in (source, made.kept(made.modes_of(factor)))]
        listed = made.kept(np.array(entries or [0], dtype=np.int64))
        row = {"derived": len(derived), "derived_list": listed, "kernel": kernel.address or 0, "expressions": count}
        rows.append(row | {"first": first, "mask": mask, "inner": int(k < len(function.kernels) - 1)})
        first += count
    made.stages(rows)
    made.memory(rates.expressions, function.counts[-1] if function.counts else 0, rates.derivatives)
    outer = []
    for part in function.outer:
        factor = 0 if part.factor is None else made.kept(made.modes_of(part.factor))
        outer.append({"row": part.row, "expression": part.expression, "factor": factor})
    made.outer(outer)
    made.bind(function.symbol(parameters), subtract=False)
    made.keep.append(function)
    return made


def grid_context(shape: tuple[int, ...], symbol: Any, address: int, parameters: Array) -> NativeContext | None:
    """The words of a right-hand side on a periodic grid whose linear part has this symbol; None for grids without machine code."""
    if not fft.suits(shape):
        return None
    fields = len(symbol)
    made = NativeContext(shape, fields, parameters)
    made.stages([{"kernel": address, "expressions": fields}])
    made.memory(fields, fields, 0)
    made.outer([{"row": row, "expression": row} for row in range(fields)])
    made.bind(symbol, subtract=True)
    return made


# --- code ---


def word(c: Code, name: str, kind: str = "i64", context: str = "%context") -> str:
    """An entry of the context."""
    return c.load(context, WORDS.index(name), kind)


def functions(metadata: Metadata, radices: tuple[int, ...] = fft.RADICES) -> list[str]:
    """The text of all functions, those of ``fft`` included, without metadata."""
    made = [_product(metadata, "set"), _product(metadata, "more"), _product(metadata, "less"), _sum(metadata)]
    made += [_apply(metadata, kind) for kind in ("set", "more", "less")]
    made += [_nonlinear(metadata), _expressions(metadata), _rates(metadata)]
    return [*fft.functions(metadata, radices), *(code.text() for code in made)]


def _product(metadata: Metadata, kind: str) -> Code:
    """out (=, += or -=) table * v, one field: complex numbers, modes of them."""
    c = Code(metadata, f"product_{kind}", "ptr out, ptr table, ptr v, i64 modes", inline=False)
    outs, tables, vs = (c.at(name, "%modes") for name in ("%out", "%table", "%v"))
    with c.loop("%modes", vector=True) as k:
        made = c.times((c.load("%table", k), c.load(tables, k)), (c.load("%v", k), c.load(vs, k)))
        for pointer, value in zip(("%out", outs), made, strict=True):
            if kind == "more":
                value = c.add(c.load(pointer, k), value)
            elif kind == "less":
                value = c.sub(c.load(pointer, k), value)
            c.store(value, pointer, k)
    c.line("ret void")
    return c


def _sum(metadata: Metadata) -> Code:
    c = Code(metadata, "sum_more", "ptr out, ptr v, i64 count", inline=False)
    with c.loop("%count", vector=True) as k:
        c.store(c.add(c.load("%out", k), c.load("%v", k)), "%out", k)
    c.line("ret void")
    return c


def _apply(metadata: Metadata, kind: str) -> Code:
    """out (=, += or -=) table . v for all fields: a factor a field, or (diagonal = 0) blocks."""
    c = Code(metadata, f"apply_{kind}", "ptr out, ptr table, ptr v, i64 fields, i64 modes, i64 diagonal")
    own = c.imul("%modes", 2)
    with c.loop("%fields") as i:
        at = c.imul(i, own)
        out = c.at("%out", at)
        with c.when(c.test("ne", "%diagonal", 0)):
            c.line(f"call void @product_{kind}(ptr {out}, ptr {c.at('%table', at)}, ptr {c.at('%v', at)}, i64 %modes)")
        with c.when(c.test("eq", "%diagonal", 0)), c.loop("%fields") as j:
            table = c.at("%table", c.imul(c.iadd(c.imul(i, "%fields"), j), own))
            arguments = f"ptr {out}, ptr {table}, ptr {c.at('%v', c.imul(j, own))}, i64 %modes"
            if kind == "set":
                first = c.test("eq", j, 0)
                with c.when(first):
                    c.line(f"call void @product_set({arguments})")
                with c.when(c.op(f"xor i1 {first}, true")):
                    c.line(f"call void @product_more({arguments})")
            else:
                c.line(f"call void @product_{kind}({arguments})")
    c.line("ret void")
    return c


def _transform(c: Code, values: str, spectrum: str) -> None:
    imaginary = c.at(spectrum, word(c, "modes"))
    c.line(f"call void @rfft(ptr {word(c, 'grid', 'ptr')}, ptr {values}, ptr {spectrum}, ptr {imaginary})")


def back(c: Code, spectrum: str, values: str) -> None:
    """The inverse transform of one field; the spectrum is lost."""
    imaginary = c.at(spectrum, word(c, "modes"))
    c.line(f"call void @irfft(ptr {word(c, 'grid', 'ptr')}, ptr {spectrum}, ptr {imaginary}, ptr {values})")


def _expressions(metadata: Metadata) -> Code:
    """All expressions at the points; coefficients of those of inner stages."""
    c = Code(metadata, "expressions", "ptr context, double t, ptr y, ptr c")
    modes, points, fields = word(c, "modes"), word(c, "points"), word(c, "fields")
    work, values, spectra, temporary = (word(c, name, "ptr") for name in ("work", "values", "spectra", "temporary"))
    derivatives, own = word(c, "derivatives"), c.imul(modes, 2)
    size = c.imul(fields, points)
    some = c.test("ne", derivatives, 0)
    with c.when(some):
        c.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {work}, ptr %y, i64 {c.imul(size, 8)}, i1 false)")
    state = c.op(f"select i1 {some}, ptr {work}, ptr %y")
    end = c.variable("i64", size)
    with c.loop(word(c, "stages")) as number:
        stage = c.at(word(c, "stage_list", "ptr"), c.imul(number, len(STAGE)), "i64")
        derived, kernel, count, first = (
            c.load(stage, STAGE.index(n), "i64") for n in ("derived", "kernel", "expressions", "first")
        )
        listed, mask = (c.load(stage, STAGE.index(n), "ptr") for n in ("derived_list", "mask"))
        with c.loop(derived) as d:
            source = c.load(listed, c.imul(d, 2), "i64")
            table = c.load(listed, c.iadd(c.imul(d, 2), 1), "ptr")
            of_field = c.at("%c", c.imul(source, own))
            of_expression = c.at(spectra, c.imul(c.isub(source, fields), own))
            spectrum = c.op(f"select i1 {c.test('slt', source, fields)}, ptr {of_field}, ptr {of_expression}")
            c.line(f"call void @product_set(ptr {temporary}, ptr {table}, ptr {spectrum}, i64 {modes})")
            at = c.load(end, 0, "i64")
            back(c, temporary, c.at(work, at))
            c.store(c.iadd(at, points), end, 0, "i64")
        out = c.at(values, c.imul(first, points))
        function = c.op(f"inttoptr i64 {kernel} to ptr")
        c.line(f"call void {function}(double %t, ptr {state}, ptr {word(c, 'parameters', 'ptr')}, ptr {out})")
        with c.when(c.test("ne", c.load(stage, STAGE.index("inner"), "i64"), 0)), c.loop(count) as e:
            which = c.iadd(first, e)
            target = c.at(spectra, c.imul(which, own))
            _transform(c, c.at(values, c.imul(which, points)), target)
            with c.when(c.op(f"icmp ne ptr {mask}, null")):
                c.line(f"call void @product_set(ptr {target}, ptr {mask}, ptr {target}, i64 {modes})")
    c.line("ret void")
    return c


def _nonlinear(metadata: Metadata) -> Code:
    c = Code(metadata, "nonlinear", "ptr context, double t, ptr y, ptr c, ptr out", internal=False)
    modes, points, fields = word(c, "modes"), word(c, "points"), word(c, "fields")
    values, spectra, own = word(c, "values", "ptr"), word(c, "spectra", "ptr"), c.imul(modes, 2)
    c.line("call void @expressions(ptr %context, double %t, ptr %y, ptr %c)")
    with c.loop(word(c, "expressions")) as e:
        which = c.iadd(word(c, "first_last"), e)
        _transform(c, c.at(values, c.imul(which, points)), c.at(spectra, c.imul(which, own)))
    total = c.imul(fields, own)
    c.line(f"call void @llvm.memset.p0.i64(ptr %out, i8 0, i64 {c.imul(total, 8)}, i1 false)")
    with c.loop(word(c, "outer")) as number:
        part = c.at(word(c, "outer_list", "ptr"), c.imul(number, len(OUTER)), "i64")
        row, expression = (c.load(part, OUTER.index(n), "i64") for n in ("row", "expression"))
        factor = c.load(part, OUTER.index("factor"), "ptr")
        target, spectrum = c.at("%out", c.imul(row, own)), c.at(spectra, c.imul(expression, own))
        none = c.op(f"icmp eq ptr {factor}, null")
        with c.when(none):
            c.line(f"call void @sum_more(ptr {target}, ptr {spectrum}, i64 {own})")
        with c.when(c.op(f"xor i1 {none}, true")):
            c.line(f"call void @product_more(ptr {target}, ptr {factor}, ptr {spectrum}, i64 {modes})")
    table = word(c, "subtracted", "ptr")
    with c.when(c.op(f"icmp ne ptr {table}, null")):
        listed = f"ptr %out, ptr {table}, ptr %c, i64 {fields}, i64 {modes}, i64 {word(c, 'diagonal')}"
        c.line(f"call void @apply_less({listed})")
    c.line("ret void")
    return c


def _rates(metadata: Metadata) -> Code:
    c = Code(metadata, "rates", "ptr context, double t, ptr y, ptr out", internal=False)
    modes, points, fields = word(c, "modes"), word(c, "points"), word(c, "fields")
    own = c.imul(modes, 2)
    spectrum = word(c, "state_spectrum", "ptr")
    result = c.at(spectrum, c.imul(fields, own))
    with c.loop(fields) as f:
        _transform(c, c.at("%y", c.imul(f, points)), c.at(spectrum, c.imul(f, own)))
    c.line(f"call void @nonlinear(ptr %context, double %t, ptr %y, ptr {spectrum}, ptr {result})")
    table = word(c, "symbol", "ptr")
    with c.when(c.op(f"icmp ne ptr {table}, null")):
        listed = f"ptr {result}, ptr {table}, ptr {spectrum}, i64 {fields}, i64 {modes}, i64 {word(c, 'diagonal')}"
        c.line(f"call void @apply_more({listed})")
    with c.loop(fields) as f:
        back(c, c.at(result, c.imul(f, own)), c.at("%out", c.imul(f, points)))
    c.line("ret void")
    return c


DECLARED = "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)"
__all__ = ["DECLARED", "FLAGS", "NativeContext", "functions", "grid_context", "spectral_context"]
