"""The step language as LLVM IR: one native function a program.

    i32 NAME(ptr scalars, ptr pointers, ptr rhs, ptr p, ptr linear, i64 n)

``scalars`` is the struct of the program's scalars (float64), ``pointers`` the table of its vectors, then its arrays;
both are read at entry and written back at every return. ``rhs`` is ``void (double t, ptr y, ptr p, ptr out)``,
``linear`` the table {context, jacobian, factor, solve, solve_complex, product, advance} of a linear solver
(``LINEAR``), null for programs without one. n, rhs and linear are known at run time only, so a program is compiled once for all problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from symnum.codegen.jit import compile_ir
from symnum.codegen.llvm_emit import FLAGS, Emitter, Names, literal
from symnum.expr.term import Term, as_term
from symnum.expr.walk import symbols
from symnum.solvers.embedded import language as step

REDUCE = "reassoc contract nsz"
WIDTH = 4  # elements side by side in a sweep

#: The functions of a linear solver's table, after the context, with their result and arguments after the context.
LINEAR = {
    "jacobian": ("i32", "double t, ptr y, ptr p"),
    "factor": ("i32", "i32 slot, double shift, double imaginary"),
    "solve": ("i32", "i32 slot, ptr b, ptr out"),
    "solve_complex": ("i32", "i32 slot, ptr b_re, ptr b_im, ptr out_re, ptr out_im"),
    "product": ("void", "ptr v, ptr out"),
    "advance": (
        "i32",
        "double t, double h, ptr y, ptr out, ptr error",
    ),  # may be missing, as all that follow: only exponential methods ask for it, and stochastic ones for these
    "increment": ("void", "double root, double level, double index, double length, double share, ptr w, ptr a"),
    "noise_values": ("void", "double t, ptr y, ptr p, ptr out"),
    "noise_applied": ("void", "double t, double h, ptr y, ptr p, ptr out"),
}


def print_program(program: step.Program) -> str:
    """The module text of a program."""
    return Printer(program).module()


class Table:
    """A table of scalars or pointers in memory, held in stack slots between entry and return."""

    def __init__(self, kind: str, type_: str, table: str, names: tuple[str, ...], start: int = 0) -> None:
        self.type, self.slots = type_, [f"%{kind}.{name}" for name in names]
        self.places = [f"getelementptr inbounds {type_}, ptr {table}, i64 {start + i}" for i in range(len(names))]

    def read(self) -> list[str]:
        return [line for slot, place in zip(self.slots, self.places, strict=True) for line in (
            f"  {slot} = alloca {self.type}", f"  {slot}.at = {place}",
            f"  {slot}.in = load {self.type}, ptr {slot}.at", f"  store {self.type} {slot}.in, ptr {slot}")]  # fmt: skip

    def write(self) -> list[str]:
        return [line for slot in self.slots for line in (
            f"  {slot}.out = load {self.type}, ptr {slot}", f"  store {self.type} {slot}.out, ptr {slot}.at")]  # fmt: skip


class Printer:
    """Prints statements in order; scalars and vector pointers are stack slots that LLVM turns into registers."""

    def __init__(self, program: step.Program) -> None:
        self.program = program
        self.names = Names()
        self.lines: list[str] = []

    count = "%n"  # length of the vectors
    rhs = "%rhs"  # the function to call

    def module(self) -> str:
        self.block(self.program.body)
        scalars = Table("s", "double", "%scalars", self.program.scalars)
        before, after = self.memory()
        head = [
            f"define i32 @{self.program.name}(ptr noalias %scalars, ptr noalias %pointers, ptr %rhs, ptr noalias %p, "
            "ptr %linear, i64 %n) nounwind {",
            "entry:",
            "  %status = alloca i32",
        ]
        tail = ["  unreachable", "leave:", *scalars.write(), *after, "  %result = load i32, ptr %status"]
        text = [*head, *scalars.read(), *before, *self.lines, *tail, "  ret i32 %result", "}"]
        self.names.declared.add("declare double @llvm.fabs.f64(double)")
        return "\n".join([*text, *sorted(self.names.declared), ""])

    def memory(self) -> tuple[list[str], list[str]]:
        """Instructions at entry and before each return: the vectors' and arrays' pointers are read and written back."""
        table = Table("v", "ptr", "%pointers", (*self.program.vectors, *self.program.arrays))
        return table.read(), table.write()

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
        offset = self.emit(f"mul i64 {row}, {self.count}")
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
            case step.Rhs():
                self.evaluate(statement)
            case step.LinComb():
                self.combine(statement)
            case step.Norm():
                self.norm(statement)
            case step.Multiply():
                self.multiply(statement)
            case step.Swap(a, b):
                self.swap(a, b)
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
            case _:
                self.linear(statement)

    def swap(self, a: str, b: str) -> None:
        first, second = self.pointer(a), self.pointer(b)
        self.lines += [f"  store ptr {second}, ptr %v.{a}", f"  store ptr {first}, ptr %v.{b}"]

    def evaluate(self, statement: step.Rhs) -> None:
        time, source, target = self.values([statement.t])[0], self.pointer(statement.y), self.pointer(statement.out)
        self.lines.append(f"  call void {self.rhs}(double {time}, ptr {source}, ptr %p, ptr {target})")
        if statement.part == "explicit":
            self.ask("product", source, self.pointer(step.SPLIT))
            self.combine(step.combination(statement.out, (1, statement.out), (-1, step.SPLIT)))

    # --- the linear solver ---

    def linear(self, statement: step.Statement) -> None:
        match statement:
            case step.Jacobian(ok, t, y):
                self.answer(ok, self.ask("jacobian", self.values([t])[0], self.pointer(y), "%p"))
            case step.Factor(ok, slot, shift, imaginary):
                shifts = self.values([shift, as_term(0.0) if imaginary is None else imaginary])
                self.answer(ok, self.ask("factor", slot, *shifts))
            case step.Solve(ok, slot, out, b):
                self.answer(ok, self.ask("solve", slot, self.pointer(b), self.pointer(out)))
            case step.SolveComplex(ok, slot, out_re, out_im, b_re, b_im):
                places = (self.pointer(name) for name in (b_re, b_im, out_re, out_im))
                self.answer(ok, self.ask("solve_complex", slot, *places))
            case step.JacobianProduct(out, v):
                self.ask("product", self.pointer(v), self.pointer(out))
            case step.Advance(ok, t, h):
                places = (self.pointer(name) for name in (statement.y, statement.out, statement.error))
                self.answer(ok, self.ask("advance", *self.values([t, h]), *places))
            case step.Increment(w=w, a=a):
                self.ask("increment", *self.values(statement.place), *(self.pointer(v) if v else "null" for v in (w, a)))
            case step.NoiseValues(out, t, y):
                self.ask("noise_values", self.values([t])[0], self.pointer(y), "%p", self.pointer(out))
            case step.NoiseApplied(out, t, h, y):
                self.ask("noise_applied", *self.values([t, h]), self.pointer(y), "%p", self.pointer(out))

    def ask(self, function: str, *arguments: Any) -> str:
        """Call a function of the linear solver; gives the name of its result."""
        result, parameters = LINEAR[function]
        kinds = [parameter.split()[0] for parameter in parameters.split(", ")]
        given = ", ".join(f"{kind} {argument}" for kind, argument in zip(kinds, arguments, strict=True))
        at = self.emit(f"getelementptr inbounds ptr, ptr %linear, i64 {list(LINEAR).index(function) + 1}")
        address, context = self.emit(f"load ptr, ptr {at}"), self.emit("load ptr, ptr %linear")
        call = f"call {result} {address}(ptr {context}, {given})"
        if result != "void":
            return self.emit(call)
        self.lines.append(f"  {call}")
        return ""

    def answer(self, ok: str, result: str) -> None:
        """ok = 1.0 where the result is not 0."""
        truth = self.emit(f"icmp ne i32 {result}, 0")
        self.lines.append(f"  store double {self.emit(f'uitofp i1 {truth} to double')}, ptr %s.{ok}")

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

    # --- sweeps over vectors ---

    def combine(self, statement: step.LinComb) -> None:
        out = self.place(statement.out)
        coefficients, vectors = self.operands(statement.terms)
        if coefficients == [literal(1.0)]:
            self.copy(out, vectors[0])
        else:
            self.sweep(lambda at: at.store(out, at.sum(coefficients, vectors)))

    def copy(self, out: str, vector: str) -> None:
        self.names.declared.add("declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)")
        size = self.emit(f"shl i64 {self.count}, 3")
        self.lines.append(f"  call void @llvm.memmove.p0.p0.i64(ptr {out}, ptr {vector}, i64 {size}, i1 false)")

    def multiply(self, statement: step.Multiply) -> None:
        out, a, b = (self.place(place) for place in (statement.out, statement.a, statement.b))
        self.sweep(lambda at: at.store(out, at.operation("fmul", at.load(a), at.load(b))))

    def norm(self, statement: step.Norm) -> None:
        coefficients, vectors = self.operands(statement.terms)
        atol, rtol = self.values([statement.atol, statement.rtol])
        scale = [self.pointer(name) for name in statement.scale]

        def square(at: At) -> str:
            weight = at.number(atol)
            if scale:
                size = at.largest([at.call("llvm.fabs", at.load(v)) for v in scale])
                weight = at.operation("fadd", weight, at.operation("fmul", at.number(rtol), size))
            ratio = at.operation("fdiv", at.sum(coefficients, vectors), weight)
            return at.operation("fmul", ratio, ratio, REDUCE)

        count = literal(float(self.count)) if self.count.isdigit() else self.emit(f"sitofp i64 {self.count} to double")
        mean = self.emit(f"fdiv double {self.sweep(square)}, {count}")
        self.names.declared.add("declare double @llvm.sqrt.f64(double)")
        root = self.emit(f"call double @llvm.sqrt.f64(double {mean})")
        self.lines.append(f"  store double {root}, ptr %s.{statement.name}")

    def operands(self, terms: tuple[tuple[Term, str], ...]) -> tuple[list[str], list[str]]:
        return self.values(c for c, _ in terms), [self.pointer(v) for _, v in terms]

    def sweep(self, body: Callable[[At], str | None]) -> str | None:
        """``body`` at every element; where it gives a value, the sum of these in some order.

        Two loops, ``WIDTH`` elements at a time and then one at a time: written so, and not left to LLVM's vectoriser, a driver compiles three times
        as fast. All operands of an element are read before it is written, so an output may be an input.
        """
        wide = self.emit(f"and i64 {self.count}, -{WIDTH}")
        total = self.loop(body, WIDTH, "0", wide, None)
        if total is not None:
            function = f"@llvm.vector.reduce.fadd.v{WIDTH}f64"
            self.names.declared.add(f"declare double {function}(double, <{WIDTH} x double>)")
            total = self.emit(f"call {REDUCE} double {function}(double {literal(-0.0)}, <{WIDTH} x double> {total})")
        return self.loop(body, 1, wide, self.count, total)

    def loop(self, body: Callable[[At], str | None], width: int, start: str, end: str, given: str | None) -> str | None:
        """``body`` from ``start`` to ``end``, ``width`` elements at a time; gives the sums of its values, begun with ``given``."""
        before, head, inside, after = (self.label(p) for p in ("before", "loop", "inside", "after"))
        index, following, partial, total = (self.names.fresh(p) for p in ("i", "j", "partial", "total"))
        self.lines += [f"  br label %{before}", f"{before}:", f"  br label %{head}", f"{head}:"]
        self.lines.append(f"  {index} = phi i64 [{start}, %{before}], [{following}, %{inside}]")
        place, at = len(self.lines), At(self, index, width)
        more = self.emit(f"icmp ult i64 {index}, {end}")
        self.lines += [f"  br i1 {more}, label %{inside}, label %{after}", f"{inside}:"]
        value = body(at)
        if value is not None:
            begin = given or "zeroinitializer"
            self.lines.insert(place, f"  {partial} = phi {at.type} [{begin}, %{before}], [{total}, %{inside}]")
            self.lines.append(f"  {total} = fadd {REDUCE} {at.type} {partial}, {value}")
        self.lines += [f"  {following} = add nuw nsw i64 {index}, {width}", f"  br label %{head}", f"{after}:"]
        return None if value is None else partial


class At:
    """One element of every vector, or ``width`` of them side by side."""

    def __init__(self, printer: Printer, index: str, width: int) -> None:
        self.printer, self.index, self.width = printer, index, width
        self.type = "double" if width == 1 else f"<{width} x double>"

    def load(self, pointer: str) -> str:
        return self.printer.emit(f"load {self.type}, ptr {self.address(pointer)}, align 8")

    def store(self, pointer: str, value: str) -> None:
        self.printer.lines.append(f"  store {self.type} {value}, ptr {self.address(pointer)}, align 8")

    def address(self, pointer: str) -> str:
        return self.printer.emit(f"getelementptr inbounds double, ptr {pointer}, i64 {self.index}")

    def number(self, value: str) -> str:
        """The same number at each element."""
        if self.width == 1:
            return value
        one = self.printer.emit(f"insertelement {self.type} poison, double {value}, i32 0")
        zeros = f"<{self.width} x i32> zeroinitializer"
        return self.printer.emit(f"shufflevector {self.type} {one}, {self.type} poison, {zeros}")

    def operation(self, name: str, a: str, b: str, flags: str = FLAGS) -> str:
        return self.printer.emit(f"{name} {flags} {self.type} {a}, {b}")

    def call(self, intrinsic: str, value: str) -> str:
        """An LLVM intrinsic of one argument."""
        function = f"@{intrinsic}.{'' if self.width == 1 else f'v{self.width}'}f64"
        self.printer.names.declared.add(f"declare {self.type} {function}({self.type})")
        return self.printer.emit(f"call {self.type} {function}({self.type} {value})")

    def sum(self, coefficients: list[str], vectors: list[str]) -> str:
        """The linear combination, in the order given."""
        total: str | None = None
        for c, vector in zip(coefficients, vectors, strict=True):
            value = self.load(vector)
            product = value if c == literal(1.0) else self.operation("fmul", self.number(c), value)
            total = product if total is None else self.operation("fadd", total, product)
        assert total is not None
        return total

    def largest(self, values: list[str]) -> str:
        """The largest value; a NaN in the last one survives (the comparison is false, and the last one is taken)."""
        result, truth = values[0], "i1" if self.width == 1 else f"<{self.width} x i1>"
        for value in values[1:]:
            larger = self.printer.emit(f"fcmp ogt {self.type} {result}, {value}")
            result = self.printer.emit(f"select {truth} {larger}, {self.type} {result}, {self.type} {value}")
        return result


def compile_program(program: step.Program) -> Any:
    """The program as machine code, a ``codegen.jit.Module`` whose function bears the program's name."""
    return compile_ir(print_program(program), loops=False)
