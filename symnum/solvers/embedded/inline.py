"""The inlined linking: driver and right-hand side of a small system in one function, with the number of unknowns a constant.

    i32 NAME(ptr scalars, ptr pointers, ptr rhs, ptr p, ptr linear, i64 n)        rhs and n are not used

The same program as ``llvm`` prints, and the same memory between two calls, so a run may change from one linking to the other at any return.
Inside, vectors are stack arrays that LLVM turns into registers: sweeps are straight-line code, of single numbers up to three unknowns and of
four side by side above; ``Swap`` moves numbers in place of pointers, which costs nothing then. The right-hand side is inlined at each of its calls.

What it wins (ns a step, Tsit5; one core of a server, 2026) against the generic linking, and the compile time it costs:

    Lorenz, n = 3     80 / 113     65 ms        Lorenz 96, n = 8    103 / 152      68 ms
    Fisher, n = 16   150 / 171    115 ms        Lorenz 96, n = 40   238 / 272     200 ms, Vern7: 541 / 445

So it pays for few unknowns and only in runs of some million steps: ``worthwhile`` and ``AFTER``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from symnum.codegen.llvm_emit import literal
from symnum.solvers.embedded import language as step
from symnum.solvers.embedded.llvm import REDUCE, At, Printer, Table

LARGEST = 16  # unknowns; above, registers do not hold the stages
LONGEST = 2000  # lines of the right-hand side times its calls: about 0.2 s of compile time
AFTER = 4_000_000  # accepted steps after which the time won has about paid for the compiler (20 to 50 ns a step)


def worthwhile(program: step.Program, n: int, module: tuple[str, str]) -> bool:
    """True for few unknowns, a short right-hand side that reads no data outside its module, and a program without a linear solver."""
    short = _calls(program) * module[1].count("\n") <= LONGEST
    return n <= LARGEST and not program.linear and short and "= global ptr null" not in module[1]


@cache
def _calls(program: step.Program) -> int:
    return sum(isinstance(statement, step.Rhs) for statement in step.every_statement(program.body))


class InlinePrinter(Printer):
    """Prints for n unknowns and the right-hand side ``function``."""

    def __init__(self, program: step.Program, n: int, function: str) -> None:
        super().__init__(program)
        self.count, self.rhs = str(n), f"@{function}"
        self.width = 1 if n <= 3 else 4
        self.padded = -(-n // self.width) * self.width
        self.vectors = {name: f"%m.{name}" for name in program.vectors}
        self.names.declared.add(f"declare void {self.rhs}(double, ptr, ptr, ptr)")
        self.names.declared.add("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")

    def memory(self) -> tuple[list[str], list[str]]:
        """Vectors are copied to the stack at entry and back before each return; arrays stay where they are."""
        program = self.program
        homes = Table("v", "ptr", "%pointers", program.vectors)
        arrays = Table("v", "ptr", "%pointers", program.arrays, start=len(program.vectors))
        size = 8 * int(self.count)
        before, after = [*homes.read(), *arrays.read()], []
        for name, stack in self.vectors.items():
            home = f"%v.{name}.in"
            before += [f"  {stack} = alloca [{self.padded} x double], align 64",
                       f"  store [{self.padded} x double] zeroinitializer, ptr {stack}",
                       f"  call void @llvm.memcpy.p0.p0.i64(ptr {stack}, ptr {home}, i64 {size}, i1 false)"]  # fmt: skip
            after.append(f"  call void @llvm.memcpy.p0.p0.i64(ptr {home}, ptr {stack}, i64 {size}, i1 false)")
        return before, after

    def pointer(self, name: str) -> str:
        return self.vectors.get(name) or super().pointer(name)

    def swap(self, a: str, b: str) -> None:
        first, second = self.pointer(a), self.pointer(b)

        def exchange(at: At) -> None:
            one, other = at.load(first), at.load(second)
            at.store(first, other)
            at.store(second, one)

        self.sweep(exchange)

    def sweep(self, body: Callable[[At], str | None]) -> str | None:
        """Straight-line code, ``width`` elements at a time."""
        n = int(self.count)
        values = [body(_Chunk(self, i, min(self.width, n - i))) for i in range(0, self.padded, self.width)]
        if values[0] is None:
            return None
        total, type_ = values[0], f"<{self.width} x double>" if self.width > 1 else "double"
        for value in values[1:]:
            total = self.emit(f"fadd {REDUCE} {type_} {total}, {value}")
        if self.width == 1:
            return total
        function = f"@llvm.vector.reduce.fadd.v{self.width}f64"
        self.names.declared.add(f"declare double {function}(double, {type_})")
        return self.emit(f"call {REDUCE} double {function}(double {literal(-0.0)}, {type_} {total})")


class _Chunk(At):
    """``width`` elements from number ``start``, of which ``present`` exist: vectors on the stack have room for all, rows of buffers do not."""

    def __init__(self, printer: InlinePrinter, start: int, present: int) -> None:
        super().__init__(printer, str(start), printer.width)
        self.start, self.present = start, present
        self.stack = set(printer.vectors.values())

    def load(self, pointer: str) -> str:
        if pointer in self.stack or self.present == self.width:
            return super().load(pointer)
        value = "zeroinitializer"
        for lane in range(self.present):
            one = self.printer.emit(f"load double, ptr {self.lane(pointer, lane)}")
            value = self.printer.emit(f"insertelement {self.type} {value}, double {one}, i32 {lane}")
        return value

    def store(self, pointer: str, value: str) -> None:
        if pointer in self.stack or self.present == self.width:
            super().store(pointer, value)
            return
        for lane in range(self.present):
            one = self.printer.emit(f"extractelement {self.type} {value}, i32 {lane}")
            self.printer.lines.append(f"  store double {one}, ptr {self.lane(pointer, lane)}")

    def lane(self, pointer: str, lane: int) -> str:
        return self.printer.emit(f"getelementptr inbounds double, ptr {pointer}, i64 {self.start + lane}")


def print_inlined(program: step.Program, n: int, function: str) -> str:
    """The text of the driver; to be linked with the module of the right-hand side."""
    return InlinePrinter(program, n, function).module()


def inlined_text(function: str, text: str) -> str:
    """The right-hand side's module with the function marked for inlining."""
    head, found, tail = text.partition(f"define void @{function}(")
    assert found, f"the module has no function {function}"
    signature, brace, body = tail.partition("{")
    return f"{head}define linkonce_odr void @{function}({signature.rstrip()} alwaysinline {brace}{body}"


@lru_cache(maxsize=64)
def compile_inlined(program: step.Program, n: int, module: tuple[str, str]) -> Any:
    """The program for a right-hand side as machine code; ``module``: see ``Problem.module``."""
    from symnum.codegen.jit import compile_ir

    function, text = module
    return compile_ir(print_inlined(program, n, function), linked=(inlined_text(function, text),))
