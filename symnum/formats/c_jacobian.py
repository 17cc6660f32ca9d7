"""The sparse Jacobian in C: values, where they lie, and compressed columns. Code size does not depend on the grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from symnum.codegen.c_function import Function, print_function
from symnum.codegen.c_layout import Layout
from symnum.codegen.c_text import Writer
from symnum.codegen.c_views import Arguments
from symnum.ir.jacobian import Place, jacobian_slots
from symnum.ir.kernel import Array
from symnum.ir.system import SemiDiscreteSystem

_AROUND = "static int around(int i, int n) { return i < 0 ? i + n : i < n ? i : i - n; }"

_COLUMNS = """/* A stable sort of entries by a key below SIZE; count: SIZE + 1 numbers of scratch. */
static void sort_by(const int *key, const int *from, int *to, int *count)
{
    memset(count, 0, (SIZE + 1)*sizeof *count);
    for (int n = 0; n < JACOBIAN_ENTRIES; n++)
        count[key[n] + 1]++;
    for (int c = 0; c < SIZE; c++)
        count[c + 1] += count[c];
    for (int n = 0; n < JACOBIAN_ENTRIES; n++) {
        const int m = from ? from[n] : n;
        to[count[key[m]]++] = m;
    }
}

/* The pattern as compressed sparse columns: column c has the rows indices[starts[c]] ... indices[starts[c + 1] - 1], ascending. Entry n of
 * jacobian() belongs to position place[n]; entries of one place are added. starts: SIZE + 1, indices and place: JACOBIAN_ENTRIES numbers.
 * Gives the number of positions, or -1 where memory is short. */
int jacobian_csc(int *starts, int *indices, int *place)
{
    int *rows = malloc(4*sizeof(int)*JACOBIAN_ENTRIES);
    if (!rows)
        return -1;
    int *columns = rows + JACOBIAN_ENTRIES, *by_row = columns + JACOBIAN_ENTRIES, *order = by_row + JACOBIAN_ENTRIES;
    jacobian_pattern(rows, columns);
    sort_by(rows, NULL, by_row, starts);
    sort_by(columns, by_row, order, starts);
    int count = 0;
    for (int c = 0, k = 0; c < SIZE; c++) {
        starts[c] = count;
        for (; k < JACOBIAN_ENTRIES && columns[order[k]] == c; k++) {
            const int row = rows[order[k]];
            if (count == starts[c] || indices[count - 1] != row)
                indices[count++] = row;
            place[order[k]] = count - 1;
        }
    }
    starts[SIZE] = count;
    free(rows);
    return count;
}
"""


def jacobian_functions(
    semi: SemiDiscreteSystem, made: Layout, rates: Mapping[str, str], openmp: bool
) -> list[Function]:
    """``jacobian``, ``jacobian_pattern`` and ``jacobian_csc``; none where integrals over the domain make the Jacobian dense.

    ``rates``: field -> what its row of the right-hand side is called in comments.
    """
    if semi.rhs.locals:
        return []
    slots = jacobian_slots(semi.rhs, located=False)
    kernel = replace(slots.kernel, name="jacobian")
    views = {
        array.name: (f"J{k + 1}", _meaning(place, made, rates))
        for k, (array, place) in enumerate(zip(kernel.outputs, slots.places, strict=True))
    }
    about = "The derivatives of dydt by y at (t, y, p), one value for each entry of jacobian_pattern()."
    values = print_function(kernel, made, Arguments("y", "values", views=views), about, openmp)
    count = f"#define JACOBIAN_ENTRIES {kernel.output_size}\n\n"
    pattern = "\n".join(_pattern(slots.places, made))
    around = f"{_AROUND}\n\n" if "around(" in pattern else ""
    return [
        replace(values, text=count + values.text),
        Function(f"{around}{pattern}\n", {}, "void jacobian_pattern(int *rows, int *columns);"),
        Function(_COLUMNS, {}, "int jacobian_csc(int *starts, int *indices, int *place);"),
    ]


def _meaning(place: Place, made: Layout, rates: Mapping[str, str]) -> str:
    """``d(du_dt[i][j])/d(v[i - 1][j])``."""
    rows = "".join(f"[{made.indices[k]}]" for k in place.target.axes)
    below = []
    for axis, offset, fixed in zip(place.source.axes, place.load.offsets, place.load.fixed, strict=True):
        i = made.indices[axis]
        below.append(
            f"[point {offset}]"
            if fixed
            else f"[{i}{f' {chr(45) if offset < 0 else chr(43)} {abs(offset)}' if offset else ''}]"
        )
    names = (rates[place.target.name], made.names.of("array", place.source.name))
    return "d({0}{2})/d({1}{3})".format(*names, rows, "".join(below))


def _pattern(places: tuple[Place, ...], made: Layout) -> Iterator[str]:
    """A function of loops over regions, a table of stencil offsets for each."""
    yield "/* Entry n of jacobian() is the derivative of dydt[rows[n]] by y[columns[n]]; both arrays have JACOBIAN_ENTRIES numbers. */"
    yield "void jacobian_pattern(int *rows, int *columns)"
    yield "{"
    yield "    int n = 0;"
    for number, (_, members) in enumerate(groupby(places, key=_region)):
        group = list(members)
        first, table = group[0], f"stencil{number + 1}"
        moves = [f"d{made.indices[k]}" for k in first.source.axes]
        data = [f"{{{', '.join(str(x) for x in (q.target.offset, q.source.offset, *q.load.offsets))}}}" for q in group]
        writer = Writer(1)
        head = ", ".join(["row", "column", *moves])
        writer.statement(f"static const struct {{ int {head}; }} {table}[{len(group)}] = {{{', '.join(data)}}};")
        yield from ["", *writer.lines]
        yield from _loops(first, table, len(group), made)
    yield "}"


def _region(place: Place) -> Any:
    """What entries share that one nest of loops can write."""
    boxes = [(a.axes, a.shape, a.origin) for a in (place.target, place.source)]
    fixed = tuple(o if f else None for o, f in zip(place.load.offsets, place.load.fixed, strict=True))
    return place.loops, boxes, place.load.wrap, place.load.fixed, fixed


def _loops(place: Place, table: str, count: int, made: Layout) -> Iterator[str]:
    writer = Writer(1)
    writer.line(f"for (int s = 0; s < {count}; s++) {{")
    at: dict[int, str] = {}
    wrapped = {axis for axis, wrap in zip(place.source.axes, place.load.wrap, strict=True) if wrap}
    shift = {axis: 0 if axis in wrapped else made.shift[axis] for axis, _, _ in place.loops}  # as in jacobian()
    for axis, start, stop in sorted(place.loops):
        writer.indent += 1
        name = at[axis] = made.indices[axis]
        first, end = start - shift[axis], made.extent(axis, stop - shift[axis])
        writer.line(f"for (int {name} = {first}; {name} < {end}; {name}++) {{")
    writer.indent += 1
    row = _position(place.target, [at[a] for a in place.target.axes], shift, made)
    writer.statement(f"rows[n] = {table}[s].row{row};")
    subscripts = []
    for axis, wrap, fixed in zip(place.source.axes, place.load.wrap, place.load.fixed, strict=True):
        moved = f"{table}[s].d{made.indices[axis]}"
        moved = f"{moved} - {shift[axis]}" if fixed and shift.get(axis) else moved if fixed else f"{at[axis]} + {moved}"
        subscripts.append(
            f"around({moved}, {made.extent(axis, place.source.shape[place.source.axes.index(axis)])})"
            if wrap
            else moved
        )
    writer.statement(f"columns[n++] = {table}[s].column{_position(place.source, subscripts, shift, made)};")
    for _ in range(len(at) + 1):
        writer.indent -= 1
        writer.line("}")
    yield from writer.lines


def _position(array: Array, subscripts: list[str], shift: dict[int, int], made: Layout) -> str:
    """Row-major position of a point in an array's box: `` + (i - 1)*NY + j``; nothing for a scalar."""
    text = ""
    for k, (axis, n, origin, at) in enumerate(zip(array.axes, array.shape, array.origin, subscripts, strict=True)):
        away = shift.get(axis, 0) - origin
        moved = f"{at} {'-' if away < 0 else '+'} {abs(away)}" if away else at
        if k:
            text = f"({text})" if " " in text and not text.startswith("around(") else text
            text = f"{text}*{made.dimension(axis, n)} + {moved}"
        else:
            text = moved
    return f" + {text}" if text else ""
