"""A kernel as a C function: loops over regions with comments, rows whose ends wrap around, temporaries with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from symnum.codegen.c_layout import Layout
from symnum.codegen.c_names import ATOM, Text, identifier
from symnum.codegen.c_parts import calls, kept, parts
from symnum.codegen.c_place import Place, Range
from symnum.codegen.c_schedule import schedule
from symnum.codegen.c_tables import Columns, Weight, in_blocks
from symnum.codegen.c_terms import Expressions
from symnum.codegen.c_text import Writer, unwrapped
from symnum.codegen.c_views import Arguments, Views
from symnum.expr.term import Symbol, Term
from symnum.ir.kernel import Accumulate, Kernel, Let, Loop, Statement, Store, statements

WORTH_THREADS = 4096  #: points of a loop nest that threads share; with fewer they cost more than they save


@dataclass(frozen=True)
class Function:
    """What was printed: ``text``, ``helpers`` (name -> definition of the functions it calls) and its ``prototype``."""

    text: str
    helpers: dict[str, str]
    prototype: str


def print_function(
    kernel: Kernel, layout: Layout, arguments: Arguments, comment: str = "", openmp: bool = False
) -> Function:
    """The C definition of a kernel, ``void name(double t, const double *y, const double *p, double *out)``."""
    return print_with(Printer, kernel, layout, arguments, comment, openmp)


def print_with(
    printer: type[Printer],
    kernel: Kernel,
    layout: Layout,
    arguments: Arguments,
    comment: str = "",
    openmp: bool = False,
) -> Function:
    """The definition of a kernel in a printer's language; large ones without loops in functions of bounded size."""
    scheduled = schedule(kernel)
    bodies = [scheduled.body] if kernel.locals or kernel.constants else parts(scheduled)
    if len(bodies) == 1:
        return printer(scheduled, layout, arguments, openmp).print(comment)
    places = kept(bodies)
    printed = []
    for k, body in enumerate(bodies):
        part = replace(scheduled, name=f"{kernel.name}_{k + 1}", body=body)
        printed.append(printer(part, layout, arguments, openmp, places).print(f"Part {k + 1} of {len(bodies)}."))
    whole = printer(scheduled, layout, arguments, openmp, places).print_calls(comment, len(bodies))
    helpers = {name: text for part in printed for name, text in part.helpers.items()}
    return replace(whole, text="\n".join(f.text for f in (*printed, whole)), helpers=helpers)


class Printer:
    """Prints one function. ``names``: of the block that is being printed; ``heading``: constant tables, which go first.

    ``places``: temporaries of a function in parts that lie in an array, since several parts need them.
    """

    VIEWS: type[Views] = Views
    PLACE: type[Place] = Place
    EXPRESSIONS: type[Expressions] = Expressions
    WRITER: type[Writer] = Writer

    def __init__(
        self,
        kernel: Kernel,
        layout: Layout,
        arguments: Arguments,
        openmp: bool,
        places: Mapping[Symbol, int] | None = None,
    ) -> None:
        self.kernel, self.layout, self.openmp = in_blocks(kernel), layout, openmp
        kernel = self.kernel
        self.names = layout.names.copy()
        self.views = self.VIEWS(kernel, layout, arguments, self.names)
        self.place = self.PLACE(kernel, layout)
        self.expressions = self.EXPRESSIONS(layout.numbers, self._leaf, self._table)
        self.writer, self.heading = self.WRITER(), self.WRITER(1)
        self.tables: dict[object, str] = {}
        self.blocks: dict[Columns, list[str]] = {}  # where each block of weights is used
        self.places = places
        self.kept = self.names.fresh("kept", "workspace") if places else ""
        first = self.place.BASE
        self.temporaries_kept = {s.name: f"{self.kept}[{k + first}]" for s, k in (places or {}).items()}
        self.temporaries: dict[str, str] = dict(self.temporaries_kept)

    def print_calls(self, comment: str, count: int) -> Function:
        """The function whose parts were printed before."""
        out, views = self.writer, self.views
        if comment:
            out.comment(comment)
        out.line(views.head())
        out.open("{")
        given = [views.time, views.state, views.p, views.result]
        for call in calls(self.kernel.name, count, given, self.kept, len(self.places or ())):
            out.statement(call)
        out.close()
        return Function("\n".join(out.lines) + "\n", {}, f"{views.head()};")

    def _head(self) -> str:
        head = self.views.head()
        if self.places is None:
            return head
        return f"static {head[:-1]}, double *restrict {self.kept})" if self.kept else f"static {head}"

    def print(self, comment: str) -> Function:
        out, head = self.writer, self._head()
        if comment:
            out.comment(comment)
        out.line(head)
        out.open("{")
        start = len(out.lines)
        self.views.open(out)
        if any(isinstance(s, Loop) for s in self.kernel.body):
            out.line("")
        self._body(self.kernel.body)
        self.views.close(out)
        out.close()
        for name in (self.views.result, self.kept) if self.places is not None else ():  # not every part uses them
            if name and not any(f"{name}[" in line for line in out.lines):
                self.heading.line(f"(void){name};")
        self._write_blocks()
        out.lines[start:start] = self.heading.lines
        return Function("\n".join(out.lines) + "\n", self.expressions.helpers, f"{head};")

    # --- statements -------------------------------------------------------------------------------------------------------

    def _body(self, body: tuple[Statement, ...]) -> None:
        outer = self.names, self.temporaries
        self.names, self.temporaries = self.names.copy(), dict(self.temporaries)
        outermost, loops = not self.place.ranges, sum(isinstance(s, Loop) for s in body)
        for k, statement in enumerate(body):
            self.expressions.invariant = outermost
            if isinstance(statement, Loop):
                if outermost and k and isinstance(body[k - 1], Let):
                    self.writer.line("")
                if outermost or loops > 1:
                    self._describe(statement)
                self._loop(statement)
                if outermost and k + 1 < len(body):
                    self.writer.line("")
            elif isinstance(statement, Let):
                self._let(statement)
            else:
                self._assign(statement)
        self.names, self.temporaries = outer

    def _describe(self, loop: Loop) -> None:
        text = self.place.describe(loop)
        if text:
            self.writer.comment(text)

    def _let(self, statement: Let) -> None:
        if self.expressions.is_condition(statement.value):
            text, kind = self.expressions.condition(statement.value), "int"
            self.expressions.conditions.add(statement.symbol)
        else:
            text, kind = self.expressions.number(statement.value), "double"
            self.expressions.conditions.discard(statement.symbol)
        name = self.names.fresh(*_wishes(statement.value, self.layout, len(self.place.ranges)))
        self.temporaries[statement.symbol.name] = name
        self._define(kind, name, unwrapped(text))
        if self.places and statement.symbol in self.places:
            self._set(self.temporaries_kept[statement.symbol.name], name)

    def _define(self, kind: str, name: str, value: str) -> None:
        self.writer.statement(f"const {kind} {name} = {value};")

    def _set(self, place: str, value: str, sign: str = "=", about: str = "") -> None:
        self.writer.statement(f"{place} {sign} {value};", f"  /* {about} */" if about else "")

    def _assign(self, statement: Store | Accumulate) -> None:
        value = unwrapped(self.expressions.number(statement.value))
        array = self.kernel.target(statement)
        if isinstance(statement, Accumulate):
            self._take_in(f"{self.views.of(array)}{self.place.subscripts(array)}", value, statement.operation)
            return
        if self.kernel.is_local(array.name):
            self._set(f"{self.views.of(array)}{self.place.subscripts(array)}", value)
            return
        view = self.views.outputs[array.name]
        if array.axes:
            self._set(f"{view}{self.place.subscripts(array)}", value)
        else:
            about = self.views.arguments.about(array) or view.replace("_dt", "/dt")
            vector, there = self.views.place(array, result=True)
            self._set(f"{vector}[{there.offset + self.place.BASE}]", value, about=about)

    def _take_in(self, place: str, value: str, operation: str) -> None:
        """Add a value to a sum, or take it into a product, a maximum or a minimum."""
        if operation in ("add", "mul"):
            self._set(place, value, "+=" if operation == "add" else "*=")
        else:
            self._set(place, self.expressions.called(operation, place, value))

    # --- loops ------------------------------------------------------------------------------------------------------------

    def _loop(self, loop: Loop) -> None:
        place = self.place
        outer = place.ranges, place.neighbours, self.names
        self.names = self.names.copy()
        threads = self._threads(loop)
        lone = loop.stop - loop.start == 1
        name = "" if lone else self.layout.indices[loop.axis]
        place.ranges = place.ranges | {loop.axis: Range(name, loop.start, loop.stop)}
        wrapped = [] if lone else place.wrapped_offsets(loop)
        if lone:
            self._once(loop.body)
        elif wrapped and not any(isinstance(s, Loop) for s in loop.body):
            self._pieces(loop, name, wrapped, threads)
        else:
            self._rows(loop, name, wrapped, threads)
        place.ranges, place.neighbours, self.names = outer

    def _once(self, body: tuple[Statement, ...]) -> None:
        """The body of a loop that runs once: braces only where it has names of its own."""
        if not any(isinstance(s, Let) for s in body):
            self._body(body)
            return
        self.writer.open("{")
        self._body(body)
        self.writer.close()

    def _rows(self, loop: Loop, name: str, wrapped: list[int], threads: str) -> None:
        """A plain loop; neighbouring rows around a periodic end are found once a row."""
        out = self.writer
        start, stop = self.place.bounds(loop)
        if threads:
            out.line(threads)
        out.open(f"for (int {name} = {start}; {name} < {stop}; {name}++) {{")
        for offset in wrapped:
            row = self.names.fresh(f"{name}{'m' if offset < 0 else 'p'}{abs(offset)}")
            self.place.neighbours = self.place.neighbours | {(loop.axis, offset): row}
            out.statement(f"const int {row} = {self.place.neighbour(loop.axis, name, offset)};")
        self._body(loop.body)
        out.close()

    def _pieces(self, loop: Loop, name: str, wrapped: list[int], threads: str) -> None:
        """A row whose ends wrap around, in pieces that differ only in where their neighbours are, so that the body stands once."""
        out = self.writer
        distance = {o: self.names.fresh(_direction(o)) for o in wrapped}
        rows = self.place.pieces(loop, wrapped)
        piece = self._piece_table(loop.axis, list(distance.values()), rows)
        part = self.names.fresh("s", "segment")
        out.open(f"UNROLLED for (int {part} = 0; {part} < {len(rows)}; {part}++) {{")
        out.statement(f"const int {', '.join(f'{d} = {piece}[{part}].{d}' for d in distance.values())};")
        around = {(loop.axis, o): f"{name} + {d}" for o, d in distance.items()}
        self.place.neighbours = self.place.neighbours | around
        if threads:
            out.line(threads)
        out.open(f"for (int {name} = {piece}[{part}].begin; {name} < {piece}[{part}].end; {name}++) {{")
        self._body(loop.body)
        out.close()
        out.close()

    def _threads(self, loop: Loop) -> str:
        """The OpenMP line before the outermost loop of a region that is worth it; sums are reductions."""
        inside_another = any(r.name for r in self.place.ranges.values())
        if not self.openmp or inside_another or loop.stop - loop.start == 1 or _points(loop) < WORTH_THREADS:
            return ""
        sums = sorted({s.array for s in statements((loop,)) if isinstance(s, Accumulate)})
        arrays = [self.kernel.input(name) for name in sums]
        if any(isinstance(s, Accumulate) and s.operation != "add" for s in statements((loop,))):
            return ""
        if any(a.axes and loop.axis not in a.axes for a in arrays):
            return ""  # threads would add to the same values
        scalars = [self.views.of(a) for a in arrays if not a.axes]
        return f"PARALLEL_SUM({', '.join(scalars)})" if scalars else "PARALLEL_FOR"

    # --- constant tables --------------------------------------------------------------------------------------------------

    def _constant(self, key: object, stem: str) -> tuple[str, bool]:
        """The name of a constant table, and whether it is new."""
        known = key in self.tables
        if not known:
            names = self.layout.names.copy()
            names.taken |= set(self.tables.values())
            self.tables[key] = names.fresh(stem)
        return self.tables[key], not known

    def _piece_table(self, axis: int, members: list[str], rows: list[list[str]]) -> str:
        label = self.layout.label(axis)
        name, new = self._constant((tuple(members), str(rows)), f"{identifier(label)}_piece")
        if new:
            self.heading.comment(
                f"Periodic in {label}: the pieces of a row differ only in how far away their neighbours are."
            )
            self.heading.open(
                f"static const struct {{ int begin, end, {', '.join(members)}; }} {name}[{len(rows)}] = {{"
            )
            for k, row in enumerate(rows):
                self.heading.line(f"{{{', '.join(row)}}}{',' if k + 1 < len(rows) else '};'}")
            self.heading.indent -= 1
        return name

    def _table(self, node: Term) -> Text:
        """A number that depends on a grid index."""
        start, *data = node.data
        axis = node.args[0].info  # type: ignore[attr-defined]
        at = self.place.ranges[axis]
        if not at.name:
            return self.layout.numbers.plain(data[at.start - start])
        return self._weight(Weight(axis, start, (tuple(data),), 0))

    def _weight(self, weight: Weight) -> Text:
        """A weight of a block: ``weights[i][2]``."""
        at = self.place.ranges[weight.axis]
        if not at.name:
            return self.layout.numbers.plain(weight.columns[weight.column][at.start - weight.start])
        name, _ = self._constant(weight.columns, "weights")
        rows = len(weight.columns[0])
        where = self.layout.region(weight.axis, weight.start, weight.start + rows, (0, -1))
        used = self.blocks.setdefault(weight.columns, [])
        used += [where] if where not in used else []
        row = self.place.since(weight.axis, at.name, weight.start)
        return self._entry(name, row, weight.column if len(weight.columns) > 1 else None), ATOM

    def _entry(self, name: str, row: str, column: int | None) -> str:
        return f"{name}[{row}]" + (f"[{column}]" if column is not None else "")

    def _write_blocks(self) -> None:
        """The definitions of all blocks of weights, a row a layer."""
        plain = self.layout.numbers.plain
        for columns, used in self.blocks.items():
            layers, name = len(columns[0]), self.tables[columns]
            where = f"{', '.join(used[:-1])} and {used[-1]}" if len(used) > 1 else used[0]
            each = "a weight" if len(columns) == 1 else "a row of weights"
            self.heading.comment(f"One-sided differences, {each} for each of the layers {where}.")
            rows = [", ".join(plain(c[k])[0] for c in columns) for k in range(layers)]
            if len(columns) == 1:
                self.heading.statement(f"static const double {name}[{layers}] = {{{', '.join(rows)}}};")
            else:
                data = ", ".join(f"{{{row}}}" for row in rows)
                self.heading.statement(f"static const double {name}[{layers}][{len(columns)}] = {{{data}}};")

    def _leaf(self, symbol: Symbol) -> Text:
        if symbol.kind == "load":
            array, info = self.kernel.input(symbol.info.array), symbol.info
            return self.views.of(array) + self.place.subscripts(array, info.offsets, info.wrap, info.fixed), ATOM
        if symbol.kind == "weight":
            return self._weight(symbol.info)
        if symbol.kind == "index":
            return self.place.index(symbol.info)
        if symbol.kind == "temporary":
            return self.temporaries[symbol.name], ATOM
        if symbol is self.kernel.time:
            return self.views.time, ATOM
        return self.layout.names.of("parameter", symbol.name), ATOM


def _points(loop: Loop) -> int:
    inner = [_points(s) for s in loop.body if isinstance(s, Loop)]
    return (loop.stop - loop.start) * max(1, sum(inner))


def _direction(offset: int) -> str:
    return f"{'left' if offset < 0 else 'right'}{abs(offset) if abs(offset) > 1 else ''}"


def _wishes(value: Term, layout: Layout, depth: int) -> list[str]:
    """Names for a temporary: a product of field values by its factors, ``u2v``; else a letter for how often it is computed."""
    stem = ("c", "r", "s")[min(depth, 2)]
    numbered = [f"{stem}{k}" for k in range(1, 400)]
    if value.op != "mul" or value.data[0] != 1 or not all(type(e) is int and 0 < e < 5 for e in value.data[1:]):
        return numbered
    parts = []
    for factor, e in zip(value.args, value.data[1:], strict=True):
        here = (
            isinstance(factor, Symbol) and factor.kind == "load" and not any((*factor.info.offsets, *factor.info.fixed))
        )
        if not here:
            return numbered
        parts.append(layout.names.of("array", factor.info.array) + (str(e) if e > 1 else ""))  # type: ignore[attr-defined]
    name = "".join(sorted(parts))
    return [name, *numbered] if len(name) < 16 else numbered
