"""What the native functions of a method share: the tableau's numbers, and the parts of a recorded step as LLVM.

y_(j+1) = g_s,   g_i = y_j + h_j sum_(l<i) a_il k_l,   k_i = f(t_j + c_i h_j, g_i);   extra stages follow for the dense output
row at t_j + theta h_j:   y_j + h_j sum_i b_i(theta) k_i,   b_i a polynomial without constant term
"""

from __future__ import annotations

from collections.abc import Callable

from symnum.codegen.llvm_code import Metadata
from symnum.codegen.llvm_emit import literal
from symnum.neural.native.words import Words
from symnum.solvers.embedded.tableau import Tableau


class Stages:
    """Numbers of one tableau. ``pair``: the two stages of S_j, counted from 0; ``size``: its divisor."""

    def __init__(self, tableau: Tableau, pair: tuple[int, int], size: float, metadata: Metadata) -> None:
        self.metadata = metadata
        self.s, self.x = tableau.stages, len(tableau.extra_a)
        self.pair, self.size = pair, size
        self.c = [float(v) for v in (*tableau.c, *tableau.extra_c)]
        self.a = [[], *([float(v) for v in row] for row in (*tableau.a, *tableau.extra_a))]
        self.e = [float(v) for v in tableau.error]
        self.b = [[float(v) for v in row] for row in tableau.dense]

    def step(self, w: Words, j: str, slot: str | None) -> tuple[str, str, list[str]]:
        """(h, y_j, slopes); with the extra ones where a slot is given."""
        c, n = w.code, w["n"]
        start = c.at(w["k"], c.imul(c.imul(j, self.s), n))
        slopes = [c.at(start, c.imul(i, n)) for i in range(self.s)]
        if self.x and slot is not None:
            more = c.at(w["more"], c.imul(c.imul(slot, self.x), n))
            slopes += [c.at(more, c.imul(i, n)) for i in range(self.x)]
        return c.load(w["h"], j), w.line("y", j), slopes

    def argument(self, w: Words, h: str, y: str, slopes: list[str], i: int, out: str) -> None:
        """g_i."""
        terms = [(w.times(h, a), slopes[m]) for m, a in enumerate(self.a[i]) if a]
        w.combine(out, y, terms)

    def row_weights(self, w: Words, h: str, theta: str) -> list[tuple[str, int]]:
        """h b_i(theta), with its stage, where b_i is not 0."""
        c, found = w.code, []
        for i, row in enumerate(self.b):
            if any(row):
                total = literal(row[-1])
                for number in reversed(row[:-1]):
                    total = c.add(c.mul(total, theta), literal(number))
                found.append((c.mul(c.mul(h, theta), total), i))
        return found

    def slope_weights(self, w: Words, theta: str) -> list[tuple[str, int]]:
        """b_i'(theta): the polynomial's slope is sum_i b_i' k_i."""
        c, found = w.code, []
        for i, row in enumerate(self.b):
            if any(row):
                total = literal(len(row) * row[-1])
                for power, number in reversed(list(enumerate(row[:-1], start=1))):
                    total = c.add(c.mul(total, theta), literal(power * number))
                found.append((total, i))
        return found

    def error(
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

    def pair_arguments(self, w: Words, j: str, h: str, y: str, slopes: list[str]) -> list[str]:
        """g_p and g_q, computed into scratch where they are no state of the run."""
        found = []
        for k, i in enumerate(self.pair):
            if i == self.s - 1:
                found.append(w.line("y", w.code.iadd(j, 1)))
                continue
            out = w.vector(self.s + self.x + k)  # gbar of stages that come later
            self.argument(w, h, y, slopes, i, out)
            found.append(out)
        return found

    def differences(self, w: Words, j: str, h: str, y: str, slopes: list[str]) -> tuple[str, str]:
        """The norms of k_p - k_q and g_p - g_q."""
        c, (p, q) = w.code, self.pair
        arguments = self.pair_arguments(w, j, h, y, slopes)
        above = w.norm(lambda i: c.sub(c.load(slopes[p], i), c.load(slopes[q], i)))
        return above, w.norm(lambda i: c.sub(c.load(arguments[0], i), c.load(arguments[1], i)))
