"""[Tableau] -> LLVM: what follows a recorded run, and its exact gradient, step by step backwards.

A step from y with slopes k_i = f(t + c_i h, g_i), g_i = y + h sum_(l<i) a_il k_l, y_new = g_s, is reversed by

    kbar_i = (what is given) + h sum_(m>i) a_mi gbar_m,      gbar_i = kbar_i^T df/dg_i,      ybar = (given) + sum_i gbar_i

from the last stage to the first. k_1 is the last slope of the step before, so kbar_1 is handed on to it. Given are the adjoint of y_new, the
gradients by E_j and S_j (see ``neural.record``) and by rows of the dense output, y + sum_i w_i k_i with w_i = h b_i(theta). h is a constant.

The functions take the address of one table of 64-bit words (``words``), the right-hand side and its derivative among them, so they are compiled once
for each method. Reference: W. W. Hager, Runge-Kutta methods in optimal control and the
transformed adjoint system, Numer. Math. 87 (2000) 247-282.
"""

from __future__ import annotations

from collections.abc import Callable

from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.llvm_emit import literal
from symnum.neural.native.words import DECLARED, Words
from symnum.solvers.embedded.tableau import Tableau


def scratch_vectors(tableau: Tableau) -> int:
    """Vectors of n numbers that the functions need."""
    return 2 * (tableau.stages + len(tableau.extra_a)) + 6


class Steps:
    """Writes the functions for one tableau. ``pair``: the two stages of S_j, counted from 0; ``size``: its divisor."""

    def __init__(self, tableau: Tableau, pair: tuple[int, int], size: float) -> None:
        self.metadata = Metadata()
        self.s, self.x = tableau.stages, len(tableau.extra_a)
        self.pair, self.size = pair, size
        self.c = [float(v) for v in (*tableau.c, *tableau.extra_c)]
        self.a = [[], *([float(v) for v in row] for row in (*tableau.a, *tableau.extra_a))]
        self.e = [float(v) for v in tableau.error]

    def text(self) -> str:
        """The module: ``rows``, ``estimates``, ``adjoint``, and ``extend`` where there are extra stages; each void (ptr words)."""
        made = [self.rows(), self.estimates(), self.adjoint(), *([self.extend()] if self.x else [])]
        return "\n".join([*DECLARED, *(m.text() for m in made), *self.metadata.lines, ""])

    # --- forward: what is computed from the record ---

    def extend(self) -> Code:
        """The extra slopes of the steps that have a slot."""
        w = Words(self.metadata, "extend")
        c = w.code
        with c.loop(w["steps"]) as j:
            slot = c.load(w["slots"], j, "i64")
            with c.when(c.test("sge", slot, 0)):
                h, y, slopes = self._step(w, j, slot)
                for i in range(self.s, self.s + self.x):
                    self._argument(w, h, y, slopes, i, w.vector(0))
                    w.evaluate("field", w.time(j, h, self.c[i]), w.vector(0), slopes[i])
        c.line("ret void")
        return c

    def rows(self) -> Code:
        """out[r] = y_j + sum_i w_ri k_i."""
        w = Words(self.metadata, "rows")
        c = w.code
        with c.loop(c.iadd(w["steps"], 1)) as j, w.rows_of(j) as r:
            y, out = w.line("y", j), w.line("out", r)
            w.combine(out, y, [])
            with c.when(w.inside(r, self.s + self.x)):
                _, _, slopes = self._step(w, j, self._slot(w, j))
                w.add(out, [(w.weight(r, self.s + self.x, i), slopes[i]) for i in range(len(slopes))])
        c.line("ret void")
        return c

    def estimates(self) -> Code:
        """E_j and S_j."""
        w = Words(self.metadata, "estimates")
        c = w.code
        with c.loop(w["steps"]) as j:
            h, y, slopes = self._step(w, j, None)
            c.store(self._error(w, j, h, y, slopes)[0], w["errors"], j)
            above, below = self._pair(w, j, h, y, slopes)
            known = w.known(above, below)
            ratio = c.op(f"fdiv double {above}, {c.op(f'select i1 {known}, double {below}, double {literal(1.0)}')}")
            ratio = c.mul(ratio, literal(1.0 / self.size))
            c.store(c.op(f"select i1 {known}, double {ratio}, double {literal(0.0)}"), w["stiffness"], j)
        c.line("ret void")
        return c

    # --- backward ---

    def adjoint(self) -> Code:
        """ybar = dL/dy_0, weight gradients in the context, from the adjoints of rows, errors, stiffness and states."""
        w = Words(self.metadata, "adjoint")
        c, s = w.code, self.s
        base = [w.vector(i) for i in range(s + self.x)]  # kbar before its own step's stages
        gbar = [w.vector(s + self.x + i) for i in range(s)]
        state, weight, given, carry = (w.vector(2 * (s + self.x) + i) for i in range(4))
        ybar = w["ybar"]
        for vector in (carry, ybar):
            w.clear(vector)
        self._given_states(w, w["steps"], ybar)
        with w.rows_of(w["steps"]) as r:
            w.add(ybar, [(literal(1.0), w.line("out", r))])
        with c.loop(w["steps"]) as back:
            j = c.isub(c.isub(w["steps"], 1), back)
            slot = self._slot(w, j)
            h, y, slopes = self._step(w, j, slot)
            for vector in (*base[: s - 1], *base[s:], given):
                w.clear(vector)
            w.combine(base[s - 1], carry, [])
            self._given_states(w, j, given)
            self._given_rows(w, j, base, given)
            if self.x:
                self._reverse_extra(w, j, h, y, slopes, base, given, slot, state, gbar[0])
            pair = self._given_estimates(w, j, h, y, slopes, base, given, gbar)
            for i in reversed(range(1, s)):
                later = [(w.times(h, self.a[m][i]), gbar[m]) for m in range(i + 1, s) if self.a[m][i]]
                w.combine(weight, base[i], later)
                argument = w.line("y", c.iadd(j, 1)) if i == s - 1 else state
                if i < s - 1:
                    self._argument(w, h, y, slopes, i, state)
                w.evaluate("pullback", w.time(j, h, self.c[i]), argument, weight, gbar[0])
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

    def _given_states(self, w: Words, j: str, target: str) -> None:
        c = w.code
        with c.when(c.op(f"icmp ne ptr {w['states']}, null")):
            w.add(target, [(literal(1.0), w.line("states", j))])

    def _given_rows(self, w: Words, j: str, base: list[str], given: str) -> None:
        """What rows of the dense output inside a step send to its state and slopes."""
        c, wide = w.code, self.s + self.x
        with w.rows_of(j) as r:
            g = w.line("out", r)
            w.add(given, [(literal(1.0), g)])
            with c.when(w.inside(r, wide)):
                for i in range(wide):
                    w.add(base[i], [(w.weight(r, wide, i), g)])

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
                self._argument(w, h, y, slopes, i, state)
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
            value, estimate, scale = self._error(w, j, h, y, slopes)
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
            above, below = self._pair(w, j, h, y, slopes)
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
        arguments = self._pair_arguments(w, j, h, y, slopes)
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

    # --- parts of a step ---

    def _slot(self, w: Words, j: str) -> str:
        return w.code.load(w["slots"], j, "i64") if self.x else ""

    def _step(self, w: Words, j: str, slot: str | None) -> tuple[str, str, list[str]]:
        """(h, y_j, slopes); the extra ones where the step has a slot."""
        c, n = w.code, w["n"]
        start = c.at(w["k"], c.imul(c.imul(j, self.s), n))
        slopes = [c.at(start, c.imul(i, n)) for i in range(self.s)]
        if self.x and slot is not None:
            more = c.at(w["more"], c.imul(c.imul(slot, self.x), n))
            slopes += [c.at(more, c.imul(i, n)) for i in range(self.x)]
        return c.load(w["h"], j), w.line("y", j), slopes

    def _argument(self, w: Words, h: str, y: str, slopes: list[str], i: int, out: str) -> None:
        """g_i."""
        terms = [(w.times(h, a), slopes[m]) for m, a in enumerate(self.a[i]) if a]
        w.combine(out, y, terms)

    def _error(
        self, w: Words, j: str, h: str, y: str, slopes: list[str]
    ) -> tuple[str, Callable[[str], str], Callable[[str], tuple[str, str]]]:
        """E_j, and how to get the estimate and (its scale, is |y| the larger) at a number."""
        c, new = w.code, w.line("y", w.code.iadd(j, 1))
        terms = [(w.times(h, e), slopes[i]) for i, e in enumerate(self.e) if e]

        def estimate(i: str) -> str:
            return w.sum(i, None, terms)

        def scale(i: str) -> tuple[str, str]:
            a, b = (c.op(f"call double @llvm.fabs.f64(double {c.load(v, i)})") for v in (y, new))
            larger = c.op(f"fcmp ogt double {a}, {b}")
            size = c.op(f"select i1 {larger}, double {a}, double {b}")
            return c.add(w["atol"], c.mul(w["rtol"], size)), larger

        return w.norm(lambda i: c.op(f"fdiv double {estimate(i)}, {scale(i)[0]}")), estimate, scale

    def _pair_arguments(self, w: Words, j: str, h: str, y: str, slopes: list[str]) -> list[str]:
        """g_p and g_q, computed into scratch where they are no state of the run."""
        found = []
        for k, i in enumerate(self.pair):
            if i == self.s - 1:
                found.append(w.line("y", w.code.iadd(j, 1)))
                continue
            out = w.vector(self.s + self.x + k)  # gbar of stages that come later
            self._argument(w, h, y, slopes, i, out)
            found.append(out)
        return found

    def _pair(self, w: Words, j: str, h: str, y: str, slopes: list[str]) -> tuple[str, str]:
        """The norms of k_p - k_q and g_p - g_q."""
        c, (p, q) = w.code, self.pair
        arguments = self._pair_arguments(w, j, h, y, slopes)
        above = w.norm(lambda i: c.sub(c.load(slopes[p], i), c.load(slopes[q], i)))
        return above, w.norm(lambda i: c.sub(c.load(arguments[0], i), c.load(arguments[1], i)))
