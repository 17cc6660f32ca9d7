"""The step language as LLVM IR: one native function a program.

    i32 NAME(ptr scalars, ptr pointers, ptr rhs, ptr p, i64 n)

``scalars`` is the struct of the program's scalars (float64), ``pointers`` the table of its vectors, then its arrays;
both are read at entry and written back at every return. ``rhs`` is ``void (double t, ptr y, ptr p, ptr out)``. n and
rhs are known at run time only, so a program is compiled once for all problems.

Vector loops carry ``llvm.loop.parallel_accesses``: the vectoriser needs no run-time overlap checks, also where the
output is one of the inputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symnum.codegen.llvm_emit import FLAGS, Emitter, Names, literal
from symnum.expr.term import Term
from symnum.expr.walk import symbols
from symnum.solvers.embedded import language as step

REDUCE = "reassoc contract nsz"


def print_program(program: step.Program) -> str:
    """The module text of a program."""
    return _Printer(program).module()


class _Printer:
    """Prints statements in order; scalars and vector pointers are stack slots that LLVM turns into registers."""

    def __init__(self, program: step.Program) -> None:
        self.program = program
        self.names = Names()
        self.lines: list[str] = []
        self.loops = 0
        self.metadata: list[str] = []

    def module(self) -> str:
        program = self.program
        self.block(program.body)
        head = [
            f"define i32 @{program.name}(ptr noalias %scalars, ptr noalias %pointers, ptr %rhs, ptr %p, i64 %n) "
            "nounwind {",
            "entry:",
        ]
        head += ["  %status = alloca i32"]
        tail = ["leave:"]
        for kind, table, names, type_ in (("s", "scalars", program.scalars, "double"),
                                          ("v", "pointers", (*program.vectors, *program.arrays), "ptr")):  # fmt: skip
            for i, name in enumerate(names):
                slot, at = f"%{kind}.{name}", f"getelementptr inbounds {type_}, ptr %{table}, i64 {i}"
                head += [f"  {slot} = alloca {type_}", f"  {slot}.at = {at}",
                         f"  {slot}.in = load {type_}, ptr {slot}.at",
                         f"  store {type_} {slot}.in, ptr {slot}"]  # fmt: skip
                tail += [f"  {slot}.out = load {type_}, ptr {slot}", f"  store {type_} {slot}.out, ptr {slot}.at"]
        tail += ["  %result = load i32, ptr %status", "  ret i32 %result", "}"]
        parts = [
            *head,
            *self.lines,
            "  unreachable",
            *tail,
            "declare double @llvm.fabs.f64(double)",
            "!0 = distinct !{}",
            *self.metadata,
        ]
        declared = [line for line in self.names.declarations().splitlines() if "@llvm.fabs.f64" not in line]
        return "\n".join([*parts, *declared, ""])

    # --- scalars ---

    def emitter(self, *terms: Term) -> Emitter:
        """An emitter that knows the present values of the scalars below the terms."""
        emit = Emitter(self.names, {})
        for symbol in symbols(terms):
            emit.known[symbol] = emit.emit(f"load double, ptr %s.{symbol.name}")
        return emit

    def values(self, terms: Iterable[Term]) -> list[str]:
        """SSA names of terms."""
        terms = list(terms)
        emit = self.emitter(*terms)
        result = [emit.value(term) for term in terms]
        self.lines += emit.lines
        return result

    def condition(self, term: Term) -> str:
        emit = self.emitter(term)
        result = emit.condition(term)
        self.lines += emit.lines
        return result

    def emit(self, instruction: str) -> str:
        name = self.names.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def label(self, prefix: str) -> str:
        return self.names.fresh(prefix)[1:]

    def pointer(self, name: str) -> str:
        return self.emit(f"load ptr, ptr %v.{name}")

    def element(self, array: str, index: Term) -> str:
        whole = self.emit(f"fptosi double {self.values([index])[0]} to i64")
        return self.emit(f"getelementptr inbounds double, ptr {self.pointer(array)}, i64 {whole}")

    def place(self, out: str | step.Row) -> str:
        """Pointer to the vector or row to write."""
        if isinstance(out, str):
            return self.pointer(out)
        row = self.emit(f"fptosi double {self.values([out.index])[0]} to i64")
        offset = self.emit(f"mul i64 {row}, %n")
        return self.emit(f"getelementptr inbounds double, ptr {self.pointer(out.buffer)}, i64 {offset}")

    # --- statements ---

    def block(self, body: Iterable[step.Statement]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, statement: step.Statement) -> None:
        match statement:
            case step.Assign(name, value):
                self.lines.append(f"  store double {self.values([value])[0]}, ptr %s.{name}")
            case step.Fetch(name, array, index):
                self.lines.append(
                    f"  store double {self.emit(f'load double, ptr {self.element(array, index)}')}, ptr %s.{name}"
                )
            case step.Put(array, index, value):
                at, result = self.element(array, index), self.values([value])[0]
                self.lines.append(f"  store double {result}, ptr {at}")
            case step.Rhs(out, t, y):
                time, source, target = self.values([t])[0], self.pointer(y), self.pointer(out)
                self.lines.append(f"  call void %rhs(double {time}, ptr {source}, ptr %p, ptr {target})")
            case step.LinComb():
                self.combine(statement)
            case step.Norm():
                self.norm(statement)
            case step.Swap(a, b):
                first, second = self.pointer(a), self.pointer(b)
                self.lines += [f"  store ptr {second}, ptr %v.{a}", f"  store ptr {first}, ptr %v.{b}"]
            case step.If():
                self.choose(statement)
            case step.While():
                self.repeat(statement)
            case step.Return(status):
                self.lines += [
                    f"  store i32 {int(status)}, ptr %status",
                    "  br label %leave",
                    f"{self.label('after')}:",
                ]

    def choose(self, statement: step.If) -> None:
        then, otherwise, end = self.label("then"), self.label("else"), self.label("end")
        self.lines += [f"  br i1 {self.condition(statement.condition)}, label %{then}, label %{otherwise}", f"{then}:"]
        self.block(statement.then)
        self.lines += [f"  br label %{end}", f"{otherwise}:"]
        self.block(statement.otherwise)
        self.lines += [f"  br label %{end}", f"{end}:"]

    def repeat(self, statement: step.While) -> None:
        test, body, end = self.label("test"), self.label("body"), self.label("end")
        self.lines += [f"  br label %{test}", f"{test}:"]
        self.lines += [f"  br i1 {self.condition(statement.condition)}, label %{body}, label %{end}", f"{body}:"]
        self.block(statement.body)
        self.lines += [f"  br label %{test}", f"{end}:"]

    # --- loops over vectors ---

    def combine(self, statement: step.LinComb) -> None:
        out = self.place(statement.out)
        coefficients, vectors = self.operands(statement.terms)
        loop = _Loop(self)
        loop.store(out, self.sum(coefficients, [loop.load(v) for v in vectors], FLAGS))
        loop.close()

    def norm(self, statement: step.Norm) -> None:
        coefficients, vectors = self.operands(statement.terms)
        atol, rtol = self.values([statement.atol, statement.rtol])
        scale = [self.pointer(name) for name in statement.scale]
        loop = _Loop(self, reduce=True)
        error = self.sum(coefficients, [loop.load(v) for v in vectors], FLAGS)
        weight = atol
        if scale:
            size = self.largest([self.emit(f"call double @llvm.fabs.f64(double {loop.load(v)})") for v in scale])
            scaled = self.emit(f"fmul {FLAGS} double {rtol}, {size}")
            weight = self.emit(f"fadd {FLAGS} double {atol}, {scaled}")
        ratio = self.emit(f"fdiv {FLAGS} double {error}, {weight}")
        loop.add(self.emit(f"fmul {REDUCE} double {ratio}, {ratio}"))
        loop.close()
        count = self.emit("sitofp i64 %n to double")
        mean = self.emit(f"fdiv double {loop.total}, {count}")
        self.names.declared.add("declare double @llvm.sqrt.f64(double)")
        self.lines.append(
            f"  store double {self.emit(f'call double @llvm.sqrt.f64(double {mean})')}, ptr %s.{statement.name}"
        )

    def operands(self, terms: tuple[tuple[Term, str], ...]) -> tuple[list[str], list[str]]:
        return self.values(c for c, _ in terms), [self.pointer(v) for _, v in terms]

    def sum(self, coefficients: list[str], values: list[str], flags: str) -> str:
        total: str | None = None
        for c, value in zip(coefficients, values, strict=True):
            product = value if c == literal(1.0) else self.emit(f"fmul {flags} double {c}, {value}")
            total = product if total is None else self.emit(f"fadd {flags} double {total}, {product}")
        assert total is not None
        return total

    def largest(self, values: list[str]) -> str:
        """The largest value; a NaN in the last one survives (the comparison is false, and the last one is taken)."""
        result = values[0]
        for value in values[1:]:
            larger = self.emit(f"fcmp ogt double {result}, {value}")
            result = self.emit(f"select i1 {larger}, double {result}, double {value}")
        return result


class _Loop:
    """for i in 0..n-1 (n >= 1), with an optional sum that LLVM may reorder."""

    def __init__(self, printer: _Printer, reduce: bool = False) -> None:
        self.printer, self.reduce = printer, reduce
        before, self.head, self.end = (printer.label(p) for p in ("before", "loop", "end"))
        names = printer.names
        self.index, self.next, self.partial, self.total = (names.fresh(p) for p in ("i", "j", "partial", "total"))
        printer.lines += [f"  br label %{before}", f"{before}:", f"  br label %{self.head}", f"{self.head}:"]
        printer.lines.append(f"  {self.index} = phi i64 [0, %{before}], [{self.next}, %{self.head}]")
        if reduce:
            printer.lines.append(
                f"  {self.partial} = phi double [{literal(0.0)}, %{before}], [{self.total}, %{self.head}]"
            )

    def load(self, pointer: str) -> str:
        return self.printer.emit(f"load double, ptr {self.at(pointer)}, !llvm.access.group !0")

    def store(self, pointer: str, value: str) -> None:
        self.printer.lines.append(f"  store double {value}, ptr {self.at(pointer)}, !llvm.access.group !0")

    def at(self, pointer: str) -> str:
        return self.printer.emit(f"getelementptr inbounds double, ptr {pointer}, i64 {self.index}")

    def add(self, value: str) -> None:
        self.printer.lines.append(f"  {self.total} = fadd {REDUCE} double {self.partial}, {value}")

    def close(self) -> None:
        printer = self.printer
        printer.loops += 1
        own, parallel = 2 * printer.loops - 1, 2 * printer.loops
        printer.metadata += [
            f"!{own} = distinct !{{!{own}, !{parallel}}}",
            f'!{parallel} = !{{!"llvm.loop.parallel_accesses", !0}}',
        ]
        done = printer.names.fresh("done")
        printer.lines += [f"  {self.next} = add nuw nsw i64 {self.index}, 1", f"  {done} = icmp eq i64 {self.next}, %n",
                          f"  br i1 {done}, label %{self.end}, label %{self.head}, !llvm.loop !{own}",
                          f"{self.end}:"]  # fmt: skip


def compile_program(program: step.Program) -> Any:
    """The program as machine code, a ``codegen.jit.Module`` whose function bears the program's name."""
    from symnum.codegen.jit import compile_ir

    return compile_ir(print_program(program))
