"""One native function over a table of 64-bit words that describes a recorded run, and sweeps over vectors of n numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.llvm_emit import literal

WORDS = (
    "steps", "n", "t", "h", "y", "k",  # number of steps, of unknowns; steps + 1 times, steps, states; slopes (steps, stages, n)
    "rows", "times", "direction", "out",  # number of save rows (afterwards: of those that were reached), their times; 1 or -1; values or adjoints
    "slots", "more", "used",  # of each step: its place among the extra slopes or -1; extra slopes (slots, extra, n); number of slots
    "errors", "stiffness", "states",  # (steps,) E and S or their adjoints or null; adjoints of the states at the steps' starts, or null
    "context", "field", "pullback",  # of the right-hand side: see ``code``
    "counts", "held", "pullback_kept",  # evaluations up to each step's end, or null; how many of them kept their values; see ``code``
    "ybar", "by_time", "scratch", "rtol", "atol",  # adjoint of the state; (rows,) of the save times or null; memory; tolerances
)  # fmt: skip
DOUBLES = ("direction", "rtol", "atol")
DECLARED = ("declare double @llvm.fabs.f64(double)", "declare double @llvm.sqrt.f64(double)")
Terms = list[tuple[str, str]]  # (coefficient, pointer)


class Words:
    """One function over the table of words, and sweeps over vectors of n numbers."""

    def __init__(self, metadata: Metadata, name: str) -> None:
        self.code = c = Code(metadata, name, "ptr words", internal=False)
        kinds = dict.fromkeys(("steps", "n", "rows", "used", "held"), "i64")
        kinds |= dict.fromkeys(DOUBLES, "double")
        self.values = {}
        for k, word in enumerate(WORDS):
            c.line(f"%{word} = load {kinds.get(word, 'ptr')}, ptr {c.at('%words', k, 'i64')}, align 8")
            self.values[word] = f"%{word}"
        self.count = c.op("sitofp i64 %n to double")

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def line(self, array: str, index: str) -> str:
        """A row of n numbers."""
        return self.code.at(self[array], self.code.imul(index, "%n"))

    def vector(self, k: int) -> str:
        """A vector of the scratch memory."""
        return self.line("scratch", str(k))

    def time(self, j: str, h: str, node: float) -> str:
        c = self.code
        return c.add(c.load(self["t"], j), self.times(h, node))

    def times(self, h: str, number: float) -> str:
        return self.code.mul(h, literal(number))

    def combine(self, out: str, first: str, terms: Terms) -> None:
        """out = first + sum of coefficient*vector."""
        c = self.code
        with c.loop("%n", vector=True) as i:
            c.store(self.sum(i, first, terms), out, i)

    def add(self, target: str, terms: Terms) -> None:
        self.combine(target, target, terms)

    def clear(self, target: str) -> None:
        with self.code.loop("%n", vector=True) as i:
            self.code.store(literal(0.0), target, i)

    def sum(self, i: str, first: str | None, terms: Iterable[tuple[str, str]]) -> str:
        """first[i] + sum of coefficient*vector[i]."""
        c = self.code
        total = None if first is None else c.load(first, i)
        for coefficient, vector in terms:
            value = c.load(vector, i)
            product = value if coefficient == literal(1.0) else c.mul(coefficient, value)
            total = product if total is None else c.add(total, product)
        assert total is not None
        return total

    def norm(self, value: Callable[[str], str]) -> str:
        """The root mean square of value(i)."""
        c = self.code
        total = c.variable("double", literal(0.0))
        with c.loop("%n") as i:
            number = value(i)
            made = c.op(f"fadd reassoc contract nsz double {c.load(total)}, {c.mul(number, number)}")
            c.store(made, total)
        return c.op(f"call double @llvm.sqrt.f64(double {c.op(f'fdiv double {c.load(total)}, {self.count}')})")

    def known(self, above: str, below: str) -> str:
        """Both norms are finite and the lower one is not 0."""
        c = self.code
        finite = [c.op(f"fcmp olt double {x}, {literal(float('inf'))}") for x in (above, below)]
        positive = c.op(f"fcmp ogt double {below}, {literal(0.0)}")
        return c.op(f"and i1 {positive}, {c.op(f'and i1 {finite[0]}, {finite[1]}')}")

    def sign(self, x: str) -> str:
        c = self.code
        below = c.op(f"fcmp olt double {x}, {literal(0.0)}")
        above = c.op(f"fcmp ogt double {x}, {literal(0.0)}")
        up = c.op(f"select i1 {above}, double {literal(1.0)}, double {literal(0.0)}")
        return c.op(f"select i1 {below}, double {literal(-1.0)}, double {up}")

    def answer(self, name: str, value: str) -> None:
        """Write a word of the table."""
        self.code.store(value, "%words", WORDS.index(name), "i64")

    @contextmanager
    def repeat(self, test: Callable[[], str]) -> Iterator[None]:
        """while test(): ..."""
        c = self.code
        head, body, end = (c.label(s) for s in ("while", "do", "done"))
        c.line(f"br label %{head}")
        c.start(head)
        c.line(f"br i1 {test()}, label %{body}, label %{end}")
        c.start(body)
        yield
        c.line(f"br label %{head}")
        c.start(end)

    def dot(self, a: str, b: str) -> str:
        """The sum of products."""
        c = self.code
        total = c.variable("double", literal(0.0))
        with c.loop("%n") as i:
            made = c.mul(c.load(a, i), c.load(b, i))
            c.store(c.op(f"fadd reassoc contract nsz double {c.load(total)}, {made}"), total)
        return c.load(total)

    def evaluate(self, function: str, t: str, y: str, *rest: Any) -> None:
        """field(t, y, out) or pullback(t, y, w, out)."""
        pointers = ", ".join(f"ptr {p}" for p in rest)
        self.code.line(f"call void {self[function]}(double {t}, ptr {y}, ptr {self['context']}, {pointers})")
