"""The sparse Jacobian in Julia: values, where they lie, and compressed columns. Code size does not depend on the grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from symnum.codegen.c_function import Function
from symnum.codegen.c_layout import Layout
from symnum.codegen.c_place import moved
from symnum.codegen.c_views import Arguments
from symnum.codegen.julia_function import print_function, range_text
from symnum.codegen.julia_text import JuliaWriter
from symnum.ir.jacobian import Place, jacobian_slots
from symnum.ir.kernel import Array
from symnum.ir.system import SemiDiscreteSystem

_MOST_WRITTEN = (
    60  # rows of a table that is written as code; Julia is slow with long literals, which are read from text instead
)

_COLUMNS = """    order = sortperm(collect(zip(columns, rows)))
    colptr, rowval, place = ones(Int, SIZE + 1), Int[], similar(order)
    previous = (0, 0)
    for n in order
        if (columns[n], rows[n]) != previous  # entries of one place are added
            previous = (columns[n], rows[n])
            push!(rowval, rows[n])
            colptr[columns[n] + 1] += 1
        end
        place[n] = length(rowval)
    end
    colptr .= cumsum(colptr) .- (0:SIZE)
    return (; colptr, rowval, place)
end
"""

_FILL = '''"""
    jacobian!(nzval, y, p, t, pattern, entries = similar(nzval, JACOBIAN_ENTRIES))

The derivatives of the right-hand side by y, into the values `nzval` of compressed sparse columns.
`pattern`: of jacobian_pattern(); `entries`: scratch.
"""
function jacobian!(nzval, y, p, t, pattern, entries = similar(nzval, JACOBIAN_ENTRIES))
    jacobian_entries!(entries, y, p, t)
    fill!(nzval, 0)
    for (n, k) in enumerate(pattern.place)
        nzval[k] += entries[n]
    end
    return nothing
end
'''

_ABOUT_PATTERN = """The pattern of the Jacobian in compressed sparse columns, (colptr, rowval, place). Column c has the rows
rowval[colptr[c]:colptr[c + 1] - 1], ascending; entry n of jacobian_entries! belongs to position place[n], and
entries of one place are added.

With SparseArrays: SparseMatrixCSC(SIZE, SIZE, pattern.colptr, pattern.rowval, zeros(length(pattern.rowval)))."""


def jacobian_functions(semi: SemiDiscreteSystem, made: Layout, rates: Mapping[str, str]) -> list[Function]:
    """``jacobian_entries!``, ``jacobian_pattern`` and ``jacobian!``; none where integrals over the domain make the Jacobian dense.

    ``rates``: field -> what its row of the right-hand side is called in comments.
    """
    if semi.rhs.locals:
        return []
    slots = jacobian_slots(semi.rhs, located=False)
    kernel = replace(slots.kernel, name="jacobian_entries")
    views = {
        array.name: (f"J{k + 1}", _meaning(place, made, rates))
        for k, (array, place) in enumerate(zip(kernel.outputs, slots.places, strict=True))
    }
    about = "The derivatives of the right-hand side by y, region by region; jacobian! brings them into compressed sparse columns."
    entries = print_function(kernel, made, Arguments("y", "entries", views=views), about)
    count = f"const JACOBIAN_ENTRIES = {kernel.output_size}\n\n"
    return [
        replace(entries, text=count + entries.text),
        Function(_pattern(slots.places, made), {}, "function jacobian_pattern()"),
        Function(_FILL, {}, "function jacobian!(nzval, y, p, t, pattern)"),
    ]


def _meaning(place: Place, made: Layout, rates: Mapping[str, str]) -> str:
    """``d(du_dt[j, i])/d(v[j, i - 1])``."""
    rows = [made.indices[k] for k in place.target.axes]
    below = [
        f"point {offset}" if fixed else moved(made.indices[axis], offset)
        for axis, offset, fixed in zip(place.source.axes, place.load.offsets, place.load.fixed, strict=True)
    ]
    names = (rates[place.target.name], made.names.of("array", place.source.name))
    return f"d({names[0]}{_subscripts(rows)})/d({names[1]}{_subscripts(below)})"


def _subscripts(texts: list[str]) -> str:
    return f"[{', '.join(reversed(texts))}]" if texts else ""


def _pattern(places: tuple[Place, ...], made: Layout) -> str:
    """A function of loops over regions, a table of stencil offsets for each."""
    out = JuliaWriter()
    out.documentation(f"    jacobian_pattern()\n\n{_ABOUT_PATTERN}")
    out.open("function jacobian_pattern()")
    out.line("rows, columns = Int[], Int[]")
    for _, members in groupby(places, key=_region):
        group = list(members)
        _table(out, group, made)
        _loops(out, group[0], made)
        out.line("end")
    out.lines += _COLUMNS.rstrip().split("\n")
    return "\n".join(out.lines) + "\n"


def _region(place: Place) -> Any:
    """What entries share that one nest of loops can write."""
    boxes = [(a.axes, a.shape, a.origin) for a in (place.target, place.source)]
    return place.loops, boxes, place.load.wrap, place.load.fixed


def _table(out: JuliaWriter, group: list[Place], made: Layout) -> None:
    """The loop over the neighbours of a point: where the fields of row and column begin, and how far away the neighbour lies."""
    source, fixed = group[0].source, group[0].load.fixed
    names = ["row", "column", *(_away(made.indices[a], f) for a, f in zip(source.axes, fixed, strict=True))]
    data = []
    for q in group:
        offsets = zip(q.load.offsets, q.source.origin, fixed, strict=True)
        data.append((_start(q.target), _start(q.source), *(o - first + 1 if f else o for o, first, f in offsets)))
    if len(data) <= _MOST_WRITTEN:
        rows = ", ".join(f"({', '.join(map(str, row))})" for row in data)
        out.statement(f"for ({', '.join(names)}) in [{rows}]")
    else:
        out.line('stencil = """')
        for k in range(0, len(data), 8):
            out.lines.append("  ".join(" ".join(map(str, row)) for row in data[k : k + 8]))
        out.lines.append('"""')
        out.line(f"for ({', '.join(names)}) in eachcol(reshape(parse.(Int, split(stencil)), {len(names)}, :))")
    out.indent += 1


def _away(index: str, fixed: bool) -> str:
    """``di``: how far away the neighbour lies along an axis; ``at_i``: its own subscript."""
    return f"at_{index}" if fixed else f"d{index}"


def _start(array: Array) -> int:
    """Where an array begins, to which a position that counts from 1 is added; of a scalar the position itself."""
    return array.offset if array.axes else array.offset + 1


def _loops(out: JuliaWriter, place: Place, made: Layout) -> None:
    at: dict[int, str] = {}
    wrapped = {axis for axis, wrap in zip(place.source.axes, place.load.wrap, strict=True) if wrap}
    shift = {axis: 0 if axis in wrapped else made.shift[axis] for axis, _, _ in place.loops}
    ranges = []
    for axis, start, stop in sorted(place.loops):
        at[axis] = made.indices[axis]
        first, last = made.extent(axis, start - shift[axis] + 1), made.extent(axis, stop - shift[axis])
        ranges.append(f"{at[axis]} in {range_text(first, last)}")
    if ranges:
        out.open(f"for {', '.join(ranges)}")
    row = _position(place.target, [(at[a], shift[a]) for a in place.target.axes], made)
    out.statement(f"push!(rows, row{row})")
    subscripts: list[tuple[str, int]] = []
    source, load = place.source, place.load
    for axis, n, origin, wrap, fixed in zip(
        source.axes, source.shape, source.origin, load.wrap, load.fixed, strict=True
    ):
        away = _away(made.indices[axis], fixed)
        if fixed:
            subscripts.append((away, origin))
        elif wrap:
            subscripts.append((f"mod1({at[axis]} + {away}, {made.extent(axis, n)})", shift[axis]))
        else:
            subscripts.append((f"{at[axis]} + {away}", shift[axis]))
    out.statement(f"push!(columns, column{_position(source, subscripts, made)})")
    out.indent -= 1
    if ranges:
        out.line("end")
        out.indent -= 1


def _position(array: Array, subscripts: list[tuple[str, int]], made: Layout) -> str:
    """Where a point lies in an array's box, counted from 1: `` + (i - 2)*NY + j``; nothing for a scalar.

    ``subscripts``: for each axis a subscript and the grid index at which it is 1.
    """
    text = ""
    for k, (axis, n, origin, (at, shift)) in enumerate(
        zip(array.axes, array.shape, array.origin, subscripts, strict=True)
    ):
        last = k == len(array.axes) - 1
        here = moved(at, shift - origin - (0 if last else 1))
        text = f"({text})*{made.dimension(axis, n)} + {here}" if k else here
    return f" + {text}" if text else ""
