"""A small writer of LLVM functions with loops and branches, for machine code that no kernel describes (transforms,
exponential steps)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

FLAGS = "contract nsz"
WIDTH = 4  # doubles of a vector; loops are often only four long, so none is unrolled further


class Metadata:
    """Numbered metadata of a module: one access group and the properties of vector loops."""

    def __init__(self) -> None:
        self.lines = ["!0 = distinct !{}", f'!1 = !{{!"llvm.loop.vectorize.width", i32 {WIDTH}}}',
                      '!2 = !{!"llvm.loop.interleave.count", i32 1}', '!3 = !{!"llvm.loop.parallel_accesses", !0}']  # fmt: skip

    def vector_loop(self) -> str:
        """A fresh identity of a loop whose iterations do not depend on each other."""
        number = len(self.lines)
        self.lines.append(f"!{number} = distinct !{{!{number}, !1, !2, !3}}")
        return f"!{number}"


class Code:
    """One function. ``args``: "ptr x, i64 n"; arguments are read as ``%x``, ``%n``. Without ``inline`` it stays one: less to compile.

    Loads and stores count in elements of their type; inside a vector loop they promise that iterations do not meet.
    """

    def __init__(
        self,
        metadata: Metadata,
        name: str,
        args: str,
        result: str = "void",
        internal: bool = True,
        inline: bool = True,
    ) -> None:
        self.metadata, self.numbers = metadata, count()
        linked = "internal " if internal else ""
        listed = ", ".join(f"{arg.split()[0]} %{arg.split()[1]}" for arg in args.split(", "))
        self.head = f"define {linked}{result} @{name}({listed}) nounwind {'' if inline else 'noinline '}{{"
        self.lines = ["entry:"]
        self.allocas: list[str] = []
        self.block = "entry"
        self.group = ""

    def text(self) -> str:
        return "\n".join([self.head, self.lines[0], *self.allocas, *self.lines[1:], "}"])

    def op(self, instruction: str) -> str:
        name = f"%v{next(self.numbers)}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def line(self, instruction: str) -> None:
        self.lines.append(f"  {instruction}")

    def start(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.block = label

    def label(self, stem: str) -> str:
        return f"{stem}{next(self.numbers)}"

    def variable(self, kind: str, value: str) -> str:
        """A stack slot with a first value."""
        name = f"%s{next(self.numbers)}"
        self.allocas.append(f"  {name} = alloca {kind}")
        self.line(f"store {kind} {value}, ptr {name}")
        return name

    def at(self, pointer: str, index: Any, kind: str = "double") -> str:
        return self.op(f"getelementptr inbounds {kind}, ptr {pointer}, i64 {index}")

    def load(self, pointer: str, index: Any = 0, kind: str = "double") -> str:
        where = pointer if index == 0 else self.at(pointer, index, kind)
        return self.op(f"load {kind}, ptr {where}, align 8{self.group}")

    def store(self, value: str, pointer: str, index: Any = 0, kind: str = "double") -> None:
        where = pointer if index == 0 else self.at(pointer, index, kind)
        self.line(f"store {kind} {value}, ptr {where}, align 8{self.group}")

    # --- numbers ---

    def add(self, a: str, b: str) -> str:
        return self.op(f"fadd {FLAGS} double {a}, {b}")

    def sub(self, a: str, b: str) -> str:
        return self.op(f"fsub {FLAGS} double {a}, {b}")

    def mul(self, a: str, b: str) -> str:
        return self.op(f"fmul {FLAGS} double {a}, {b}")

    def times(self, a: tuple[str, str], b: tuple[str, str]) -> tuple[str, str]:
        """Complex product."""
        real = self.sub(self.mul(a[0], b[0]), self.mul(a[1], b[1]))
        return real, self.add(self.mul(a[0], b[1]), self.mul(a[1], b[0]))

    def iadd(self, a: Any, b: Any) -> str:
        return self.op(f"add i64 {a}, {b}")

    def isub(self, a: Any, b: Any) -> str:
        return self.op(f"sub i64 {a}, {b}")

    def imul(self, a: Any, b: Any) -> str:
        return self.op(f"mul i64 {a}, {b}")

    def test(self, comparison: str, a: Any, b: Any, kind: str = "i64") -> str:
        return self.op(f"icmp {comparison} {kind} {a}, {b}")

    # --- control ---

    @contextmanager
    def loop(self, stop: Any, vector: bool = False, start: Any = 0) -> Iterator[str]:
        """for i from start to stop - 1."""
        head, body, latch, end = (self.label(s) for s in ("head", "body", "latch", "end"))
        index, after = f"%i{next(self.numbers)}", f"%n{next(self.numbers)}"
        before = self.block
        self.line(f"br label %{head}")
        self.start(head)
        self.lines.append(f"  {index} = phi i64 [ {start}, %{before} ], [ {after}, %{latch} ]")
        self.line(f"br i1 {self.test('slt', index, stop)}, label %{body}, label %{end}")
        self.start(body)
        outside, self.group = self.group, ", !llvm.access.group !0" if vector else self.group
        yield index
        self.group = outside
        self.line(f"br label %{latch}")
        self.start(latch)
        self.lines.append(f"  {after} = add nuw nsw i64 {index}, 1")
        self.line(f"br label %{head}" + (f", !llvm.loop {self.metadata.vector_loop()}" if vector else ""))
        self.start(end)

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        then, end = self.label("then"), self.label("end")
        self.line(f"br i1 {condition}, label %{then}, label %{end}")
        self.start(then)
        yield
        self.line(f"br label %{end}")
        self.start(end)
