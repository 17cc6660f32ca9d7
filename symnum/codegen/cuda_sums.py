"""Launches that take values together, as CUDA C: a thread a sum, a block a sum, or many blocks a sum and a second launch.

The order in which values are added depends on the grid alone, so a sum is the same to the bit in every run; there are no atomics.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from symnum.codegen.cuda_function import COMBINED, Function
from symnum.codegen.cuda_plan import THREADS, Range, Sums
from symnum.codegen.cuda_terms import literals
from symnum.ir.kernel import STARTS


class SumFunction(Function):
    """Prints a launch of a ``Sums``."""

    def _stage(self, stage: Any, finish: bool) -> None:
        if finish:
            self._finish(stage)
        else:
            self._sum(stage)

    def _sum(self, stage: Sums) -> None:
        """The values that fall together: one thread takes a whole sum, or blocks share it and hand over partial ones."""
        out, index = self.writer, self.shared.index
        self._operation(stage)
        out.line(f"const {index} thread = threadIdx.x, block = blockIdx.x;")
        out.line("")
        out.comment(self._about(stage.nest))
        self._fix(stage.nest.ranges)
        if stage.chunks == 0:
            out.line(f"const {index} number = block*{THREADS} + thread;")
            out.open(f"if (number < {stage.sums}) {{")
            self._decode(stage.kept, "number")
            self._start(stage)
            for axis, start, stop in stage.lost:
                if stop - start > 1:
                    name = self.index[axis]
                    out.open(
                        f"for ({index} {name} = {start}; {name} < {self.shared.layout.extent(axis, stop)}; {name}++) {{"
                    )
            self._neighbours(stage.nest, [a for a, _, _ in stage.nest.ranges])
            self._body(stage.nest)
            for _, start, stop in stage.lost:
                if stop - start > 1:
                    out.close()
            self._hand_over(stage, "sum")
            out.close()
            return
        points = prod(stop - start for _, start, stop in stage.lost)
        out.line(f"__shared__ {self.real} partial[{THREADS}];")
        if stage.sums > 1:
            out.line(f"const {index} number = block / {stage.chunks};")
        chunk = "0" if stage.chunks == 1 else f"block % {stage.chunks}" if stage.sums > 1 else "block"
        self._decode(stage.kept, "number")
        self._start(stage)
        begin = "thread" if chunk == "0" else f"{chunk}*{THREADS} + thread"
        out.open(f"for ({index} n = {begin}; n < {points}; n += {stage.chunks * THREADS}) {{")
        self._decode(stage.lost, "n")
        self._neighbours(stage.nest, [a for a, _, _ in stage.nest.ranges])
        self._body(stage.nest)
        out.close()
        self._tree(stage)
        out.open("if (thread == 0) {")
        if stage.chunks > 1:
            out.line(f"{self.shared.work}[{self.kernel.local_size} + block] = partial[0];")
        else:
            self._hand_over(stage, "partial[0]")
        out.close()

    def _finish(self, stage: Sums) -> None:
        """One block takes the partial sums of one value together."""
        out, index = self.writer, self.shared.index
        self._operation(stage)
        out.line(f"const {index} thread = threadIdx.x, number = blockIdx.x;")
        out.line(f"__shared__ {self.real} partial[{THREADS}];")
        self._fix(stage.nest.ranges)
        self._decode(stage.kept, "number")
        self._start(stage)
        out.open(f"for ({index} n = thread; n < {stage.chunks}; n += {THREADS}) {{")
        handed = f"{self.shared.work}[{self.kernel.local_size} + number*{stage.chunks} + n]"
        out.line(f"sum = {self._combined(stage, 'sum', handed)};")
        out.close()
        self._tree(stage)
        out.open("if (thread == 0) {")
        self._hand_over(stage, "partial[0]")
        out.close()

    def _operation(self, stage: Sums) -> None:
        name = stage.statement.operation
        if name in self.expressions.HELPERS:
            self.expressions.helpers[name] = self.expressions.HELPERS[name]

    def _combined(self, stage: Sums, a: str, b: str) -> str:
        return COMBINED[stage.statement.operation].format(a, b)

    def _start(self, stage: Sums) -> None:
        start = STARTS[stage.statement.operation]
        self.writer.line(f"{self.real} sum = {literals(self.numbers.plain(start)[0], self.real)};")

    def _tree(self, stage: Sums) -> None:
        """partial[0] = the values of all threads of the block, taken together in pairs: the same order in every run."""
        out = self.writer
        out.line("partial[thread] = sum;")
        out.open(f"for (int half = {THREADS // 2}; half > 0; half /= 2) {{")
        out.line("__syncthreads();")
        out.line(
            f"if (thread < half) partial[thread] = {self._combined(stage, 'partial[thread]', 'partial[thread + half]')};"
        )
        out.close()

    def _hand_over(self, stage: Sums, value: str) -> None:
        place = self._element(self.kernel.input(stage.statement.array), True)
        self.writer.line(f"{place} = {value if stage.whole else self._combined(stage, place, value)};")

    def _decode(self, ranges: Sequence[Range], number: str) -> None:
        """Grid indices from the number of a point; the last axis runs fastest."""
        below = 1
        rows = [r for r in ranges if r[2] - r[1] > 1]
        for k, (axis, start, stop) in enumerate(reversed(rows)):
            place = number if below == 1 else f"{number} / {below}"
            place = place if k + 1 == len(rows) else f"{place} % {stop - start}"
            below *= stop - start
            self.writer.line(f"const {self.shared.index} {self.index[axis]} = {f'{start} + ' if start else ''}{place};")
