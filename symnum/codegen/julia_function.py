"""A kernel as a Julia function ``name!(out, y, p, t)``: loops over regions with comments, rows whose ends wrap around, temporaries with names."""

from __future__ import annotations

from symnum.codegen.c_function import Function, Printer, print_with
from symnum.codegen.c_layout import Layout
from symnum.codegen.c_tables import Columns
from symnum.codegen.c_views import Arguments
from symnum.codegen.julia_terms import JuliaExpressions
from symnum.codegen.julia_text import JuliaWriter
from symnum.codegen.julia_views import JuliaPlace, JuliaViews
from symnum.ir.kernel import Accumulate, Kernel, Let, Loop, Statement, statements


def print_function(kernel: Kernel, layout: Layout, arguments: Arguments, documentation: str = "") -> Function:
    """The Julia definition of a kernel, ``function name!(out, y, p, t)``; ``documentation``: the text of its documentation string."""
    return print_with(JuliaPrinter, kernel, layout, arguments, documentation)


class JuliaPrinter(Printer):
    """Prints one Julia function. Tables of weights are constants of the file: they come with the helpers."""

    VIEWS, PLACE, EXPRESSIONS, WRITER = JuliaViews, JuliaPlace, JuliaExpressions, JuliaWriter
    writer: JuliaWriter
    expressions: JuliaExpressions

    def print(self, comment: str) -> Function:
        """The function, or one part of a long one."""
        out = self.writer
        head = self._head()
        self._opening(comment, head)
        start = len(out.lines)
        self.views.open(out)
        if any(isinstance(s, Loop) for s in self.kernel.body):
            out.line("")
        self._body(self.kernel.body)
        self.views.close(out)
        out.close()
        self._write_blocks()
        out.lines[start:start] = self.heading.lines
        return Function("\n".join(out.lines) + "\n", self.expressions.helpers, head)

    def print_calls(self, comment: str, count: int) -> Function:
        """The function whose parts were printed before."""
        out, views = self.writer, self.views
        head = views.head()
        self._opening(comment, head)
        if self.kept:
            out.line(f"{self.kept} = similar({views.result}, {len(self.places or ())})  # what several parts need")
        given = [n for n in (views.result, views.state, views.p, views.time, self.kept) if n]
        for k in range(count):
            out.line(f"{self.kernel.name}_{k + 1}!({', '.join(given)})")
        views.close(out)
        out.close()
        return Function("\n".join(out.lines) + "\n", {}, head)

    def _head(self) -> str:
        head = self.views.head()
        if self.places is None:
            return head
        return f"@noinline {head[:-1]}, {self.kept})" if self.kept else f"@noinline {head}"

    def _opening(self, comment: str, head: str) -> None:
        if self.places is not None and head.startswith("@noinline"):
            self.writer.comment(comment)
        elif comment:
            self.writer.documentation(f"    {head.removeprefix('function ')}\n\n{comment}")
        self.writer.open(head)

    def _let(self, statement: Let) -> None:
        super()._let(statement)
        if self.expressions.is_finite(statement.value):
            self.expressions.finite.add(statement.symbol)

    def _define(self, kind: str, name: str, value: str) -> None:
        self.writer.statement(f"{name} = {value}")

    def _set(self, place: str, value: str, sign: str = "=", about: str = "") -> None:
        self.writer.statement(f"{place} {sign} {value}", f"  # {about}" if about else "")

    # --- loops ------------------------------------------------------------------------------------------------------------

    def _once(self, body: tuple[Statement, ...]) -> None:
        """The body of a loop that runs once: a block of its own only where it has names of its own."""
        if not any(isinstance(s, Let) for s in body):
            self._body(body)
            return
        self.writer.open("let")
        self._body(body)
        self.writer.close()

    def _rows(self, loop: Loop, name: str, wrapped: list[int], threads: str) -> None:
        """A plain loop; neighbouring rows around a periodic end are found once a row."""
        start, stop = self.place.bounds(loop)
        self._over(loop, name, wrapped, range_text(start, stop))

    def _over(self, loop: Loop, name: str, wrapped: list[int], points: str) -> None:
        """A loop over points, with the wrapped neighbours of each found first."""
        out, outer = self.writer, (self.place.neighbours, self.names)
        self.names = self.names.copy()
        out.open(f"{self._marks(loop, bool(wrapped))}for {name} in {points}")
        for offset in wrapped:
            row = self.names.fresh(f"{name}{'m' if offset < 0 else 'p'}{abs(offset)}")
            self.place.neighbours = self.place.neighbours | {(loop.axis, offset): row}
            out.statement(f"{row} = {self.place.neighbour(loop.axis, name, offset)}")
        self._body(loop.body)
        out.close()
        self.place.neighbours, self.names = outer

    def _pieces(self, loop: Loop, name: str, wrapped: list[int], threads: str) -> None:
        """A row whose ends wrap around: its inside, and then the few points that have neighbours at the other end."""
        low, high = -min(0, *wrapped), self.kernel.periods[loop.axis] - max(0, *wrapped)
        inside = range(max(loop.start, low), min(loop.stop, high))
        ends = [g for g in range(loop.start, loop.stop) if g not in inside]
        subscript = {g: self.layout.extent(loop.axis, g + self.place.BASE) for g in (*ends, *inside[:1], *inside[-1:])}
        if not inside:
            self._rows(loop, name, wrapped, threads)
            return
        self._over(loop, name, [], range_text(subscript[inside[0]], subscript[inside[-1]]))
        points = ", ".join(subscript[g] for g in ends)
        label = self.layout.label(loop.axis)
        self.writer.comment(f"Periodic in {label}: the {'ends' if len(ends) > 1 else 'end'} of the row.")
        self._over(loop, name, wrapped, f"({points})" if len(ends) > 1 else f"{points}:{points}")

    def _marks(self, loop: Loop, wraps: bool) -> str:
        """``@simd`` where points are independent, ``@inbounds`` at the outermost loop: the views before it have checked the sizes of the vectors."""
        outermost = not any(r.name for a, r in self.place.ranges.items() if a != loop.axis)
        ordered = wraps or any(isinstance(s, Loop | Accumulate) for s in statements(loop.body))  # sums keep their order
        return f"{'@inbounds ' if outermost else ''}{'' if ordered else '@simd ivdep '}"

    # --- constant tables --------------------------------------------------------------------------------------------------

    def _constant(self, key: object, stem: str) -> tuple[str, bool]:
        """The name of a table of weights; all functions of a file share it."""
        made, known = self.layout.names.made, ("weights", repr(key))
        if known not in made:
            made[known] = self.layout.names.fresh("WEIGHTS")
        self.tables[key] = made[known]
        return made[known], False

    def _entry(self, name: str, row: str, column: int | None) -> str:
        return f"{name}[{row}]" if column is None else f"{name}[{row}, {column + 1}]"

    def _write_blocks(self) -> None:
        """The definitions of all blocks of weights, a row a layer."""
        for columns, used in self.blocks.items():
            writer = JuliaWriter()
            where = f"{', '.join(used[:-1])} and {used[-1]}" if len(used) > 1 else used[0]
            each = "a weight" if len(columns) == 1 else "a row of weights"
            writer.comment(f"One-sided differences, {each} for each of the layers {where}.")
            _matrix(writer, self.tables[columns], self._weights(columns))
            self.expressions.helpers[self.tables[columns]] = "\n".join(writer.lines)

    def _weights(self, columns: Columns) -> list[list[str]]:
        plain = self.layout.numbers.plain
        return [[plain(c[k])[0] for c in columns] for k in range(len(columns[0]))]


def _matrix(writer: JuliaWriter, name: str, rows: list[list[str]]) -> None:
    """A vector, or a matrix with one line a row."""
    if len(rows[0]) == 1:
        writer.statement(f"const {name} = [{', '.join(row[0] for row in rows)}]")
        return
    texts = [" ".join(f"({x})" if " " in x else x for x in row) for row in rows]
    writer.open(f"const {name} = [")
    for text in texts:
        writer.line(text)
    writer.indent -= 1
    writer.line("]")


def range_text(start: str, stop: str) -> str:
    """``1:NX``, ``2:(NX - 1)``."""
    return f"{f'({start})' if ' ' in start else start}:{f'({stop})' if ' ' in stop else stop}"


__all__ = ["Function", "JuliaPrinter", "print_function", "range_text"]
