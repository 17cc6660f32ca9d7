"""The native road of a model's equations: the semi-discrete system and its derivative from the left as one right-hand side for ``run``.

    field      dy/dt = f(t, y; p), the compiled kernel of a discretisation
    pullback   w^T df/dy, and w^T df/dp added to the sums, by the kernel of ``ir.vjp``

Both are kernels of one vector, so two small native functions stand between them and ``run`` and find everything in a table of 64-bit words.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.target import CompiledKernel, compile_kernel
from symnum.ir.kernel import Kernel
from symnum.ir.vjp import vjp_kernel
from symnum.neural.native.bound import Bound
from symnum.neural.native.compiled import Native
from symnum.neural.native.driving import address

Array = NDArray[np.float64]
WORDS = ("field", "vjp", "p", "n", "count", "inputs", "results", "sums")


class System:
    """A compiled kernel f(t, y; p) with its derivative.

    Attributes: ``field``, ``vjp``: the compiled kernels; ``native``: the functions that ``run`` calls.
    """

    def __init__(self, kernel: Kernel) -> None:
        assert kernel.input_size == kernel.output_size, "a rate for every unknown"
        module = _adapters()
        self.kernel = kernel
        self.field: CompiledKernel = compile_kernel(kernel)
        self.vjp: CompiledKernel = compile_kernel(vjp_kernel(kernel))
        self.native = Native(module.address("system_field"), module.address("system_pullback"), module)


class BoundSystem(Bound):
    """A system with values of its parameters, (count,) in the kernel's order."""

    def __init__(self, system: System, parameters: Array) -> None:
        n, count = system.kernel.input_size, len(system.kernel.parameters)
        assert parameters.shape == (count,)
        self.system, self.native = system, system.native
        self.p = np.array(parameters, dtype=np.float64)
        self.inputs, self.results, self.sums = np.empty(2 * n), np.empty(n + count), np.zeros(count)
        numbers = {"n": n, "count": count, "field": system.field.address, "vjp": system.vjp.address}
        arrays = {"p": self.p, "inputs": self.inputs, "results": self.results, "sums": self.sums}
        table = numbers | {name: address(array) for name, array in arrays.items()}
        self.context = np.array([table[word] for word in WORDS], dtype=np.int64)

    def clear(self) -> None:
        self.sums[:] = 0.0

    def gradients(self) -> list[Array]:
        return [np.array(self.sums)]


@cache
def _adapters() -> Any:
    """The two functions, for all systems."""
    from symnum.codegen.jit import compile_ir

    metadata = Metadata()
    made = [_field(metadata), _pullback(metadata)]
    copy = "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"
    return compile_ir("\n".join([copy, *(c.text() for c in made), *metadata.lines, ""]), level=2)


def _word(c: Code, name: str, kind: str = "ptr") -> str:
    return c.load("%context", WORDS.index(name), kind)


def _field(metadata: Metadata) -> Code:
    c = Code(metadata, "system_field", "double t, ptr y, ptr context, ptr out", internal=False)
    c.line(f"call void {_word(c, 'field')}(double %t, ptr %y, ptr {_word(c, 'p')}, ptr %out)")
    c.line("ret void")
    return c


def _pullback(metadata: Metadata) -> Code:
    c = Code(metadata, "system_pullback", "double t, ptr y, ptr context, ptr w, ptr out", internal=False)
    n, inputs, results, sums = _word(c, "n", "i64"), _word(c, "inputs"), _word(c, "results"), _word(c, "sums")
    size = c.imul(n, 8)
    for begin, vector in ((inputs, "%y"), (c.at(inputs, n), "%w")):
        c.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {begin}, ptr {vector}, i64 {size}, i1 false)")
    c.line(f"call void {_word(c, 'vjp')}(double %t, ptr {inputs}, ptr {_word(c, 'p')}, ptr {results})")
    c.line(f"call void @llvm.memcpy.p0.p0.i64(ptr %out, ptr {results}, i64 {size}, i1 false)")
    by_parameter = c.at(results, n)
    with c.loop(_word(c, "count", "i64"), vector=True) as k:
        c.store(c.add(c.load(sums, k), c.load(by_parameter, k)), sums, k)
    c.line("ret void")
    return c
