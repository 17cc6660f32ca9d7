"""LLVM text for linear algebra, written statement by statement: loops over 64-bit indices, loads and stores of doubles.

Loop counters and running sums are stack slots, which LLVM turns into registers. ``loop(..., parallel=True)`` promises that no turn of the loop
reads what another one writes, so that it is vectorised without run-time checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

FLAGS = "contract nsz"
REDUCE = "reassoc contract nsz"


class Function:
    """One function under construction: ``header`` is its LLVM signature, such as ``i32 @solve(ptr %c, i64 %n)``."""

    def __init__(self, header: str) -> None:
        self.header = header
        self.slots: list[str] = []
        self.lines: list[str] = []
        self.count = 0
        self.metadata: list[str] = []

    def text(self) -> str:
        """The definition; ends after the last ``ret``."""
        return "\n".join([f"define {self.header} nounwind {{", "entry:", *self.slots, *self.lines, "}", ""])

    def fresh(self, stem: str = "x") -> str:
        self.count += 1
        return f"%{stem}{self.count}"

    def emit(self, instruction: str) -> str:
        """An instruction with a result; gives the result's name."""
        name = self.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def do(self, instruction: str) -> None:
        """An instruction without a result."""
        self.lines.append(f"  {instruction}")

    def variable(self, kind: str, value: str | None = None) -> str:
        """A stack slot, and its first value."""
        name = self.fresh("slot")
        self.slots.append(f"  {name} = alloca {kind}")
        if value is not None:
            self.do(f"store {kind} {value}, ptr {name}")
        return name

    def read(self, kind: str, pointer: str) -> str:
        return self.emit(f"load {kind}, ptr {pointer}")

    def write(self, kind: str, value: str, pointer: str) -> None:
        self.do(f"store {kind} {value}, ptr {pointer}")

    def at(self, kind: str, pointer: str, index: str | int) -> str:
        """The address of an element of an array."""
        return self.emit(f"getelementptr inbounds {kind}, ptr {pointer}, i64 {index}")

    def load(self, pointer: str, index: str | int) -> str:
        """A double of an array."""
        return self.read("double", self.at("double", pointer, index))

    def store(self, value: str, pointer: str, index: str | int) -> None:
        self.write("double", value, self.at("double", pointer, index))

    def whole(self, pointer: str, index: str | int) -> str:
        """A 32-bit index of an array, as i64."""
        return self.emit(f"sext i32 {self.read('i32', self.at('i32', pointer, index))} to i64")

    def arithmetic(self, operation: str, a: str, b: str, flags: str = FLAGS) -> str:
        """fadd, fsub, fmul, fdiv of doubles."""
        return self.emit(f"{operation} {flags} double {a}, {b}")

    def add_to(self, pointer: str, index: str | int, value: str) -> None:
        """array[index] += value."""
        place = self.at("double", pointer, index)
        self.write("double", self.arithmetic("fadd", self.read("double", place), value), place)

    def label(self, stem: str) -> str:
        return self.fresh(stem)[1:]

    @contextmanager
    def loop(self, start: str | int, stop: str | int, parallel: bool = False) -> Iterator[str]:
        """for i = start ... stop - 1; gives i."""
        counter = self.variable("i64", str(start))
        test, body, end = self.label("test"), self.label("body"), self.label("end")
        self.lines += [f"  br label %{test}", f"{test}:"]
        i = self.read("i64", counter)
        more = self.emit(f"icmp slt i64 {i}, {stop}")
        self.lines += [f"  br i1 {more}, label %{body}, label %{end}", f"{body}:"]
        begin = len(self.lines)
        yield i
        mark = ""
        if parallel:
            mark = self._parallel(begin)
        self.write("i64", self.emit(f"add nuw nsw i64 {i}, 1"), counter)
        self.lines += [f"  br label %{test}{mark}", f"{end}:"]

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """if condition."""
        then, end = self.label("then"), self.label("end")
        self.lines += [f"  br i1 {condition}, label %{then}, label %{end}", f"{then}:"]
        yield
        self.lines += [f"  br label %{end}", f"{end}:"]

    @contextmanager
    def unless(self, condition: str) -> Iterator[None]:
        """if not condition."""
        then, end = self.label("else"), self.label("end")
        self.lines += [f"  br i1 {condition}, label %{end}, label %{then}", f"{then}:"]
        yield
        self.lines += [f"  br label %{end}", f"{end}:"]

    def _parallel(self, begin: int) -> str:
        """Mark the accesses to arrays since a line; gives the loop's metadata."""
        for k in range(begin, len(self.lines)):
            line = self.lines[k]
            if ("= load double" in line or "store double" in line) and "slot" not in line.rpartition("ptr")[2]:
                self.lines[k] = f"{line}, !llvm.access.group !@group"
        self.metadata.append("")
        return f", !llvm.loop !@loop{len(self.metadata)}"


def module(functions: list[Function], declarations: str = "") -> str:
    """The text of a module; numbers its metadata."""
    texts, metadata = [], ["!0 = distinct !{}"]
    for function in functions:
        text = function.text().replace("!@group", "!0")
        for k in range(len(function.metadata), 0, -1):
            own = len(metadata)
            text = text.replace(f"!@loop{k}", f"!{own}")
            metadata += [
                f"!{own} = distinct !{{!{own}, !{own + 1}}}",
                f'!{own + 1} = !{{!"llvm.loop.parallel_accesses", !0}}',
            ]
        texts.append(text)
    return "\n".join([*texts, declarations, *metadata, ""])
