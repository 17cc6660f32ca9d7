"""Several threads for one evaluation: the batch in parts, and native functions by which threads take them.

The parts depend on the batch alone, each has its own workspace and its own sums of gradients, and these are added up in the order of the parts. So
results are the same to the bit for any number of threads.

    void help(ptr team)     take parts of the evaluation that is due, until none is left
    void work(ptr team)     help until ``stop`` is set: what a thread does during a solve

``team`` is a table of 64-bit words, those that threads write in their own cache lines. ``next`` is the part that is taken next, ``done`` counts
those that are finished. An evaluation begins when ``next`` becomes 0, and ends when ``done`` = ``parts``, for which the caller waits; before that
nobody changes its words.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import llvmlite.binding as llvm
import numpy as np

from symnum.codegen.llvm_code import Code, Metadata
from symnum.neural.native.driving import address

NEXT, DONE, STOP, PARTS = 0, 8, 16, 24
JOB = {"kind": 25, "t": 26, "y": 27, "context": 28, "w": 29, "out": 30}
SIZE = 32
PATIENCE = 2000  # looks for work before a thread lets others go first
# A hint to the processor that this is a loop of waiting: declaration and call.
_REST = {
    "x86_64": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "aarch64": ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"),
}


class Team:
    """Threads that help with one solve."""

    def __init__(self, parts: int, work: Callable[[int], None]) -> None:
        self.words = np.zeros(SIZE + 8, dtype=np.int64)
        begin = -(address(self.words) // 8) % 8  # the next cache line
        self.words = self.words[begin : begin + SIZE]
        self.words[NEXT] = self.words[PARTS] = parts
        self.at, self.work = address(self.words), work

    @contextmanager
    def working(self, threads: int) -> Iterator[None]:
        """``threads`` of them help as long as the block lasts, the caller's own among them."""
        self.words[STOP] = 0
        helpers = [threading.Thread(target=self.work, args=(self.at,), daemon=True) for _ in range(threads - 1)]
        try:
            for helper in helpers:
                helper.start()
            yield
        finally:
            self.words[STOP] = 1
            for helper in helpers:
                if helper.ident is not None:
                    helper.join()


_YIELD = "declare i32 @sched_yield()"


def declared() -> list[str]:
    """What the functions call."""
    return [*_hint()[:1], *([_YIELD] if os.name == "posix" else [])]


def _hint() -> tuple[str, ...]:
    return _REST.get(llvm.get_process_triple().split("-")[0], ())


def functions(metadata: Metadata) -> list[str]:
    """``help`` and ``work``; they call ``field_part`` and ``pullback_part`` of the module."""
    return [_help(metadata), _work(metadata)]


def share(c: Code, team: str, kind: int, **words: str) -> None:
    """Have the parts of an evaluation done: 0, field, or 1, pullback. ``words``: its arguments, as "type value"."""
    for name, given in (("kind", f"i64 {kind}"), *words.items()):
        type_, value = given.split()
        c.store(value, team, JOB[name], type_)
    _write(c, team, DONE, 0)
    _write(c, team, NEXT, 0)
    c.line(f"call void @help(ptr {team})")
    with _until(c, lambda: c.test("sge", _read(c, team, DONE), c.load(team, PARTS, "i64"))):
        _rest(c)


def _help(metadata: Metadata) -> str:
    c = Code(metadata, "help", "ptr team", inline=False)
    parts = c.load("%team", PARTS, "i64")
    with _until(c, lambda: c.test("sge", _read(c, "%team", NEXT), parts)):
        part = c.op(f"atomicrmw add ptr {c.at('%team', NEXT)}, i64 1 acq_rel")
        with c.when(c.test("slt", part, parts)):
            known = {name: c.load("%team", place, "double" if name == "t" else "ptr") for name, place in JOB.items()}
            pointers = f"ptr {known['y']}, ptr {known['context']}"
            first = c.test("eq", c.load("%team", JOB["kind"], "i64"), 0)
            with c.when(first):
                c.line(f"call void @field_part(double {known['t']}, {pointers}, ptr {known['out']}, i64 {part})")
            with c.when(c.op(f"xor i1 {first}, true")):
                rest = f"ptr {known['w']}, ptr {known['out']}, i64 {part}"
                c.line(f"call void @pullback_part(double {known['t']}, {pointers}, {rest})")
            c.op(f"atomicrmw add ptr {c.at('%team', DONE)}, i64 1 acq_rel")
    c.line("ret void")
    return c.text()


def _work(metadata: Metadata) -> str:
    c = Code(metadata, "work", "ptr team", internal=False)
    looks = c.variable("i64", "0")
    with _until(c, lambda: c.test("ne", _read(c, "%team", STOP), 0)):
        due = c.test("slt", _read(c, "%team", NEXT), c.load("%team", PARTS, "i64"))
        with c.when(due):
            c.line("call void @help(ptr %team)")
            c.store("0", looks, 0, "i64")
        with c.when(c.op(f"xor i1 {due}, true")):
            count = c.iadd(c.load(looks, 0, "i64"), 1)
            c.store(count, looks, 0, "i64")
            _rest(c)
            if _YIELD in declared():
                with c.when(c.test("sgt", count, PATIENCE)):
                    c.op("call i32 @sched_yield()")
    c.line("ret void")
    return c.text()


@contextmanager
def _until(c: Code, test: Callable[[], str]) -> Iterator[None]:
    head, body, end = (c.label(s) for s in ("until", "again", "enough"))
    c.line(f"br label %{head}")
    c.start(head)
    c.line(f"br i1 {test()}, label %{end}, label %{body}")
    c.start(body)
    yield
    c.line(f"br label %{head}")
    c.start(end)


def _read(c: Code, team: str, place: int) -> str:
    return c.op(f"load atomic i64, ptr {c.at(team, place)} acquire, align 8")


def _write(c: Code, team: str, place: int, value: int) -> None:
    c.line(f"store atomic i64 {value}, ptr {c.at(team, place)} release, align 8")


def _rest(c: Code) -> None:
    for call in _hint()[1:]:
        c.line(call)
