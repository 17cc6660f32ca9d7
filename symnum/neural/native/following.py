"""[Tableau] -> LLVM: what follows from accepted steps (rows at the save times, E_j, S_j), and the steps once more from a kept state.

void finish(ptr words)      h_j, E_j, S_j, the rows up to the last time, the extra slopes that those need
void retrace(ptr words)     slopes and states of given steps from the first state
"""

from __future__ import annotations

from symnum.codegen.llvm_code import Code
from symnum.codegen.llvm_emit import literal
from symnum.neural.native.stages import Stages
from symnum.neural.native.words import Words


class Following(Stages):
    """Writes the two functions for one tableau."""

    def finish(self) -> Code:
        """See the module."""
        w = Words(self.metadata, "finish")
        c = w.code
        row, used = c.variable("i64", "0"), c.variable("i64", "0")
        with c.loop(w["steps"]) as j:
            after = c.load(w["t"], c.iadd(j, 1))
            c.store(c.sub(after, c.load(w["t"], j)), w["h"], j)
            h, y, slopes = self.step(w, j, None)
            self._estimates(w, j, h, y, slopes)
            if self.x:
                c.store("-1", w["slots"], j, "i64")
            with w.repeat(lambda: self._before(w, row, after, "olt")):
                self._row(w, j, row, used)
        last, end = c.load(w["t"], w["steps"]), w.line("y", w["steps"])
        with w.repeat(lambda: self._before(w, row, last, "ole")):
            w.combine(w.line("out", c.load(row, 0, "i64")), end, [])
            c.store(c.iadd(c.load(row, 0, "i64"), 1), row, 0, "i64")
        w.answer("rows", c.load(row, 0, "i64"))
        w.answer("used", c.load(used, 0, "i64"))
        c.line("ret void")
        return c

    def retrace(self) -> Code:
        """See the module."""
        w = Words(self.metadata, "retrace")
        c = w.code
        w.evaluate("field", c.load(w["t"]), w["y"], w["k"])
        with c.loop(w["steps"]) as j:
            h, y, slopes = self.step(w, j, None)
            with c.when(c.test("sgt", j, 0)):
                before = c.at(slopes[0], c.op(f"sub i64 0, {w['n']}"))  # the last slope of the step before
                w.combine(slopes[0], before, [])
            for i in range(1, self.s):
                argument = w.line("y", c.iadd(j, 1)) if i == self.s - 1 else w.vector(0)
                self.argument(w, h, y, slopes, i, argument)
                w.evaluate("field", w.time(j, h, self.c[i]), argument, slopes[i])
        c.line("ret void")
        return c

    def _before(self, w: Words, row: str, t: str, comparison: str) -> str:
        """Is there another row, and does it come before t?"""
        c = w.code
        number = c.load(row, 0, "i64")
        left = c.test("slt", number, w["rows"])
        at = c.op(f"select i1 {left}, i64 {number}, i64 0")  # row 0 may always be read
        distance = c.mul(c.sub(c.load(w["times"], at), t), w["direction"])
        return c.op(f"and i1 {left}, {c.op(f'fcmp {comparison} double {distance}, {literal(0.0)}')}")

    def _row(self, w: Words, j: str, row: str, used: str) -> None:
        """out = y_j + h sum_i b_i(theta) k_i; theta = 0 needs no slopes."""
        c = w.code
        number = c.load(row, 0, "i64")
        at, begin = c.load(w["times"], number), c.load(w["t"], j)
        out = w.line("out", number)
        h, y, _ = self.step(w, j, None)
        w.combine(out, y, [])
        with c.when(c.op(f"fcmp une double {at}, {begin}")):
            slot = self._extend(w, j, used) if self.x else None
            slopes = self.step(w, j, slot)[2]
            theta = c.op(f"fdiv double {c.sub(at, begin)}, {h}")
            w.combine(out, y, [(weight, slopes[i]) for weight, i in self.row_weights(w, h, theta)])
        c.store(c.iadd(number, 1), row, 0, "i64")

    def _extend(self, w: Words, j: str, used: str) -> str:
        """The step's place among the extra slopes; these are computed where it had none yet."""
        c = w.code
        with c.when(c.test("slt", c.load(w["slots"], j, "i64"), 0)):
            slot = c.load(used, 0, "i64")
            c.store(slot, w["slots"], j, "i64")
            c.store(c.iadd(slot, 1), used, 0, "i64")
            h, y, slopes = self.step(w, j, slot)
            for i in range(self.s, self.s + self.x):
                self.argument(w, h, y, slopes, i, w.vector(0))
                w.evaluate("field", w.time(j, h, self.c[i]), w.vector(0), slopes[i])
        return c.load(w["slots"], j, "i64")

    def _estimates(self, w: Words, j: str, h: str, y: str, slopes: list[str]) -> None:
        """E_j and S_j."""
        c = w.code
        c.store(self.error(w, j, h, y, slopes)[0], w["errors"], j)
        above, below = self.differences(w, j, h, y, slopes)
        known = w.known(above, below)
        ratio = c.op(f"fdiv double {above}, {c.op(f'select i1 {known}, double {below}, double {literal(1.0)}')}")
        ratio = c.mul(ratio, literal(1.0 / self.size))
        c.store(c.op(f"select i1 {known}, double {ratio}, double {literal(0.0)}"), w["stiffness"], j)
