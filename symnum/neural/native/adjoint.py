"""[Tableau] -> LLVM: the exact gradient of a recorded run, step by step backwards.

A step from y with slopes k_i = f(t + c_i h, g_i), g_i = y + h sum_(l<i) a_il k_l, y_new = g_s, is reversed by

    kbar_i = (what is given) + h sum_(m>i) a_mi gbar_m,      gbar_i = kbar_i^T df/dg_i,      ybar = (given) + sum_i gbar_i

from the last stage to the first. k_1 is the last slope of the step before, so kbar_1 is handed on to it. Given are the adjoint of y_new, the
gradients by E_j and S_j (see ``neural.record``) and by rows of the dense output, y + h sum_i b_i(theta) k_i. h is a constant; a save time moves its
row along the polynomial, by sum_i b_i'(theta) k_i.

The functions take the address of one table of 64-bit words (``words``), the right-hand side and its derivative among them, so they are compiled once
for each method. Reference: W. W. Hager, Runge-Kutta methods in optimal control and the
transformed adjoint system, Numer. Math. 87 (2000) 247-282.
"""

from __future__ import annotations

from collections.abc import Callable

from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.llvm_emit import literal
from symnum.neural.native.following import Following
from symnum.neural.native.stages import Stages
from symnum.neural.native.words import DECLARED, Words
from symnum.solvers.embedded.tableau import Tableau


def scratch_vectors(tableau: Tableau) -> int:
    """Vectors of n numbers that the functions need."""
    return 2 * (tableau.stages + len(tableau.extra_a)) + 6


def module_text(tableau: Tableau, pair: tuple[int, int], size: float) -> str:
    """The module of a method: ``finish``, ``retrace``, ``adjoint``; each void (ptr words)."""
    metadata = Metadata()
    after = Following(tableau, pair, size, metadata)
    made = [after.finish(), after.retrace(), Adjoint(tableau, pair, size, metadata).adjoint()]
    return "\n".join([*DECLARED, *(m.text() for m in made), *metadata.lines, ""])


class Adjoint(Stages):
    """Writes ``adjoint`` for one tableau."""

    def adjoint(self) -> Code:
        """ybar: from dL/dy_n to dL/dy_0; weight gradients in the context, from the adjoints of rows, errors, stiffness and states."""
        w = Words(self.metadata, "adjoint")
        c, s = w.code, self.s
        base = [w.vector(i) for i in range(s + self.x)]  # kbar before its own step's stages
        gbar = [w.vector(s + self.x + i) for i in range(s)]
        state, weight, given, carry = (w.vector(2 * (s + self.x) + i) for i in range(4))
        ybar, row = w["ybar"], c.variable("i64", w["rows"])
        w.clear(carry)
        self._rows_at_end(w, row)
        with c.loop(w["steps"]) as back:
            j = c.isub(c.isub(w["steps"], 1), back)
            slot = c.load(w["slots"], j, "i64") if self.x else ""
            h, y, slopes = self.step(w, j, slot)
            for vector in (*base[: s - 1], *base[s:], given):
                w.clear(vector)
            w.combine(base[s - 1], carry, [])
            self._given_states(w, j, given)
            self._given_rows(w, j, row, (h, y, slopes), base, given)
            if self.x:
                self._reverse_extra(w, j, h, y, slopes, base, given, slot, state, gbar[0])
            pair = self._given_estimates(w, j, h, y, slopes, base, given, gbar)
            kept, entry = self._kept(w, j)
            for i in reversed(range(1, s)):
                later = [(w.times(h, self.a[m][i]), gbar[m]) for m in range(i + 1, s) if self.a[m][i]]
                w.combine(weight, base[i], later)
                self._pull(w, j, i, (h, y, slopes), kept, c.iadd(entry, i - 1), state, weight, gbar[0])
                before = {s - 1: ybar, **pair}.get(i)
                first = gbar[0] if before is None else before
                rest = [] if before is None else [(literal(1.0), gbar[0])]
                w.combine(gbar[i], first, rest)
            w.combine(ybar, given, [(literal(1.0), g) for g in gbar[1:]])
            first_slope = [(w.times(h, self.a[m][0]), gbar[m]) for m in range(1, s) if self.a[m][0]]
            w.combine(carry, base[0], first_slope)
        w.evaluate("pullback", c.load(w["t"], 0), w.line("y", "0"), carry, given)
        w.add(ybar, [(literal(1.0), given)])
        c.line("ret void")
        return c

    def _kept(self, w: Words, j: str) -> tuple[str, str]:
        """Are the values inside f of the step's evaluations kept; and where those of its second stage stand."""
        c = w.code
        known = c.op(f"icmp ne ptr {w['counts']}, null")
        place = c.op(f"select i1 {known}, ptr {w['counts']}, ptr {w['t']}")  # something that may be read
        count = c.op(f"fptosi double {c.load(place, j)} to i64")
        kept = c.op(f"and i1 {known}, {c.test('sle', count, w['held'])}")
        return kept, c.isub(count, self.s - 1)

    def _pull(
        self,
        w: Words,
        j: str,
        i: int,
        step: tuple[str, str, list[str]],
        kept: str,
        entry: str,
        state: str,
        weight: str,
        out: str,
    ) -> None:
        """out = weight^T df/dg_i."""
        c, (h, y, slopes) = w.code, step
        t = w.time(j, h, self.c[i])
        with c.when(kept):
            pointers = f"ptr {w['context']}, ptr {weight}, ptr {out}"
            c.line(f"call void {w['pullback_kept']}(double {t}, i64 {entry}, {pointers})")
        with c.when(c.op(f"xor i1 {kept}, true")):
            argument = w.line("y", c.iadd(j, 1)) if i == self.s - 1 else state
            if i < self.s - 1:
                self.argument(w, h, y, slopes, i, state)
            w.evaluate("pullback", t, argument, weight, out)

    def _given_states(self, w: Words, j: str, target: str) -> None:
        c = w.code
        with c.when(c.op(f"icmp ne ptr {w['states']}, null")):
            w.add(target, [(literal(1.0), w.line("states", j))])

    def _rows_at_end(self, w: Words, row: str) -> None:
        """Rows at the end of the last step belong to no other; that of a run without a step has no slope."""
        c = w.code
        with w.repeat(lambda: self._not_before(w, row, c.load(w["t"], w["steps"]))):
            number = self._previous(w, row)
            g = w.line("out", number)
            w.add(w["ybar"], [(literal(1.0), g)])
            moves = c.op(f"icmp ne ptr {w['by_time']}, null")
            with c.when(c.op(f"and i1 {moves}, {c.test('sgt', w['steps'], 0)}")):
                slope = c.at(w["k"], c.imul(c.isub(c.imul(w["steps"], self.s), 1), w["n"]))
                c.store(w.dot(g, slope), w["by_time"], number)

    def _given_rows(
        self, w: Words, j: str, row: str, step: tuple[str, str, list[str]], base: list[str], given: str
    ) -> None:
        """What rows of the step send to its state and slopes, and their gradients by the save times."""
        c, (h, _, slopes) = w.code, step
        begin = c.load(w["t"], j)
        with w.repeat(lambda: self._not_before(w, row, begin)):
            number = self._previous(w, row)
            g, at = w.line("out", number), c.load(w["times"], number)
            w.add(given, [(literal(1.0), g)])
            theta = c.op(f"fdiv double {c.sub(at, begin)}, {h}")
            inside = c.op(f"fcmp une double {at}, {begin}")
            with c.when(inside):
                for weight, i in self.row_weights(w, h, theta):
                    w.add(base[i], [(weight, g)])
            with c.when(c.op(f"icmp ne ptr {w['by_time']}, null")):
                c.store(w.dot(g, slopes[0]), w["by_time"], number)
                with c.when(inside):
                    parts = [c.mul(weight, w.dot(g, slopes[i])) for weight, i in self.slope_weights(w, theta)]
                    total = parts[0]
                    for part in parts[1:]:
                        total = c.add(total, part)
                    c.store(total, w["by_time"], number)

    def _not_before(self, w: Words, row: str, t: str) -> str:
        """Is there a row left, and does the last of them not come before t?"""
        c = w.code
        number = c.load(row, 0, "i64")
        left = c.test("sgt", number, 0)
        at = c.op(f"select i1 {left}, i64 {c.isub(number, 1)}, i64 0")
        distance = c.mul(c.sub(c.load(w["times"], at), t), w["direction"])
        return c.op(f"and i1 {left}, {c.op(f'fcmp oge double {distance}, {literal(0.0)}')}")

    def _previous(self, w: Words, row: str) -> str:
        c = w.code
        number = c.isub(c.load(row, 0, "i64"), 1)
        c.store(number, row, 0, "i64")
        return number

    def _reverse_extra(
        self,
        w: Words,
        j: str,
        h: str,
        y: str,
        slopes: list[str],
        base: list[str],
        given: str,
        slot: str,
        state: str,
        made: str,
    ) -> None:
        with w.code.when(w.code.test("sge", slot, 0)):
            for i in reversed(range(self.s, self.s + self.x)):
                self.argument(w, h, y, slopes, i, state)
                w.evaluate("pullback", w.time(j, h, self.c[i]), state, base[i], made)
                w.add(given, [(literal(1.0), made)])
                for m, a in enumerate(self.a[i]):
                    if a:
                        w.add(base[m], [(w.times(h, a), made)])

    def _given_estimates(
        self, w: Words, j: str, h: str, y: str, slopes: list[str], base: list[str], given: str, gbar: list[str]
    ) -> dict[int, str]:
        """What E_j and S_j send; gives the vectors that hold first parts of gbar, by stage."""
        c, ybar = w.code, w["ybar"]
        with c.when(c.op(f"icmp ne ptr {w['errors']}, null")):
            g = c.load(w["errors"], j)
            value, estimate, scale = self.error(w, j, h, y, slopes)
            known = c.op(f"fcmp ogt double {value}, {literal(0.0)}")
            with c.when(c.op(f"and i1 {known}, {c.op(f'fcmp une double {g}, {literal(0.0)}')}")):
                factor = c.op(f"fdiv double {g}, {c.mul(value, w.count)}")
                self._send_error(w, j, h, y, (estimate, scale), factor, base, given)
        first, second = self.pair
        others = [i for i in (first, second) if i != self.s - 1]
        both = {i: w.vector(2 * (self.s + self.x) + 4 + k) for k, i in enumerate(others)}
        for vector in both.values():
            w.clear(vector)
        with c.when(c.op(f"icmp ne ptr {w['stiffness']}, null")):
            g = c.load(w["stiffness"], j)
            above, below = self.differences(w, j, h, y, slopes)
            with c.when(c.op(f"and i1 {w.known(above, below)}, {c.op(f'fcmp une double {g}, {literal(0.0)}')}")):
                self._send_stiffness(w, j, h, y, slopes, g, (above, below), base, {self.s - 1: ybar, **both})
        return both

    def _send_error(
        self,
        w: Words,
        j: str,
        h: str,
        y: str,
        parts: tuple[Callable[[str], str], Callable[[str], tuple[str, str]]],
        factor: str,
        base: list[str],
        given: str,
    ) -> None:
        """dE = factor * r dr with r = estimate/scale, scale = atol + rtol max(|y|, |y_new|)."""
        c, ybar = w.code, w["ybar"]
        estimate, scale = parts
        new = w.line("y", w.code.iadd(j, 1))
        weights = [(w.times(h, e), base[i]) for i, e in enumerate(self.e) if e]
        with c.loop(w["n"]) as i:
            size, larger = scale(i)
            ratio = c.op(f"fdiv double {estimate(i)}, {size}")
            sent = c.op(f"fdiv double {c.mul(factor, ratio)}, {size}")
            for weight, target in weights:
                c.store(c.add(c.load(target, i), c.mul(weight, sent)), target, i)
            through = c.mul(c.mul(sent, ratio), c.op(f"fneg double {w['rtol']}"))
            for vector, target, chosen in ((y, given, larger), (new, ybar, c.op(f"xor i1 {larger}, true"))):
                signed = c.mul(through, w.sign(c.load(vector, i)))
                part = c.op(f"select i1 {chosen}, double {signed}, double {literal(0.0)}")
                c.store(c.add(c.load(target, i), part), target, i)

    def _send_stiffness(
        self,
        w: Words,
        j: str,
        h: str,
        y: str,
        slopes: list[str],
        g: str,
        norms: tuple[str, str],
        base: list[str],
        targets: dict[int, str],
    ) -> None:
        """dS = S (K . dK/(n |K|^2) - G . dG/(n |G|^2)) with the differences K of slopes and G of arguments and their rms norms."""
        c, (above, below) = w.code, norms
        value = c.mul(c.mul(g, literal(1.0 / self.size)), c.op(f"fdiv double {above}, {below}"))
        value = c.op(f"fdiv double {value}, {w.count}")
        by_slope = c.op(f"fdiv double {value}, {c.mul(above, above)}")
        by_state = c.op(f"fdiv double {value}, {c.mul(below, below)}")
        by_slope = c.op(
            f"select i1 {c.op(f'fcmp ogt double {above}, {literal(0.0)}')}, double {by_slope}, double {literal(0.0)}"
        )
        first, second = self.pair
        arguments = self.pair_arguments(w, j, h, y, slopes)
        with c.loop(w["n"]) as i:
            slope = c.mul(by_slope, c.sub(c.load(slopes[first], i), c.load(slopes[second], i)))
            state = c.mul(by_state, c.sub(c.load(arguments[0], i), c.load(arguments[1], i)))
            for target, change in (
                (base[first], slope),
                (base[second], c.op(f"fneg double {slope}")),
                (targets[first], c.op(f"fneg double {state}")),
                (targets[second], state),
            ):
                c.store(c.add(c.load(target, i), change), target, i)
