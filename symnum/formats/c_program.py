"""A semi-discrete system as one C99 file: right-hand side, initial state, full fields, Jacobian, and a small main program to try it with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from symnum.codegen.c_file import print_file
from symnum.codegen.c_function import WORTH_THREADS, Function, print_function
from symnum.codegen.c_layout import Layout, layout
from symnum.codegen.c_names import Names, identifier
from symnum.codegen.c_text import Writer
from symnum.codegen.c_views import Arguments
from symnum.codegen.targets.c import RATES
from symnum.errors import TargetError
from symnum.formats.c_jacobian import jacobian_functions
from symnum.formats.c_main import main_program
from symnum.formats.heading import determined_lines, grid_line, model_lines, position, version_line
from symnum.ir.kernel import Array, Kernel, Loop, Statement, Store
from symnum.ir.system import SemiDiscreteSystem
from symnum.model.system import PDESystem

_MOST_DATA = 100_000  # initial values written into the file


def source(system: PDESystem, semi: SemiDiscreteSystem, how: str, openmp: bool, jacobian: bool) -> str:
    """The C file. TargetError where the initial state is an array too large to be written out."""
    made = layout(semi.rhs, semi.axes, (semi.reconstruct,))
    rates = {a.name: rate_name(semi, made, a.name) for a in semi.state}
    arguments = replace(RATES, views={name: (view, view.replace("_dt", "/dt")) for name, view in rates.items()})
    functions = [print_function(semi.rhs, made, arguments, _about_rhs(semi), openmp), _initial(system, semi, made)]
    if semi.full != semi.state:
        functions.append(_full_fields(semi, made))
    if jacobian:
        functions += jacobian_functions(semi, made, rates, openmp)
    has_jacobian = any("jacobian" in f.prototype for f in functions)
    threads = any("PARALLEL_" in f.text for f in functions)
    header = "\n".join(_header(system, semi, how, made, threads, has_jacobian))
    return print_file(made, functions, header, _constants(semi, made), main_program(semi, made))


def lacking(semi: SemiDiscreteSystem, text: str, openmp: bool, jacobian: bool) -> Iterator[str]:
    """What was asked for and is not in the file, a sentence each."""
    if jacobian and semi.rhs.locals:
        yield (
            "the program has no Jacobian: integrals over the domain make it dense. Write jacobian=False (--no-jacobian), and take a solver "
            "that needs none or one of differences"
        )
    if openmp and "PARALLEL_" not in text:
        yield (
            f"the program has no threads: none of its loops has {WORTH_THREADS:,} points, and smaller ones are slower with threads than "
            "without. Leave openmp (--openmp) out, or raise resolution"
        )


def rate_name(semi: SemiDiscreteSystem, made: Layout, field: str) -> str:
    """``du_dt``, or ``residual_w`` for a field without a time derivative."""
    name = made.names.of("array", field)
    return f"residual_{name}" if field in semi.algebraic else f"d{name}_dt"


def _about_rhs(semi: SemiDiscreteSystem) -> str:
    names = ", ".join(a.field for a in semi.state)
    text = f"dydt = d/dt of {names} at time t, in the state y, with the parameters p. dydt must not overlap y."
    if semi.algebraic:
        held = " and ".join(sorted(semi.algebraic))
        text += f" {held}: no time derivative; the value is the residual of the equation, which is to be zero."
    return text


def _initial(system: PDESystem, semi: SemiDiscreteSystem, made: Layout) -> Function:
    """The initial state: formulas as loops, arrays and functions as the values they have on this grid."""
    kernel = semi.initial_kernel
    assert kernel is not None
    given = {f.name for f, value in system.normal_form.initial.items() if not hasattr(value, "op")}
    tables, copies = [], []
    values = semi.initial(semi.parameter_values) if given else np.empty(0)
    for array in (a for a in semi.state if a.field in given):
        if array.size > _MOST_DATA:
            raise TargetError(
                f"the initial values of {array.field} are {array.size:,} numbers, more than a C file should hold ({_MOST_DATA:,}); give a "
                "formula, or generate at a lower resolution and fill the state yourself"
            )
        name = f"initial_{identifier(array.field)}"
        tables.append(_data(name, values[array.offset : array.offset + array.size]))
        copies.append(f"    memcpy(y + {made.offset(array)}, {name}, sizeof {name});")
    body = without(kernel.body, given)
    renamed = replace(
        kernel, name="initial_state", body=body, outputs=tuple(a for a in kernel.outputs if a.field not in given)
    )
    arguments = Arguments(result="y", view="{}", inputs=False)
    about = "The state at the initial time t."
    open_fields = sorted(f.name for f in system.normal_form.algebraic if f not in system.normal_form.initial)
    if open_fields:
        about += f" {', '.join(open_fields)}: zero here; to be found from the algebraic equations."
    printed = print_function(renamed, replace(made, names=fresh_names(made, kernel)), arguments, about)
    end = printed.text.rindex("}")
    text = "\n\n".join([*tables, printed.text[:end] + "".join(f"{c}\n" for c in copies) + printed.text[end:]])
    return Function(text, printed.helpers, printed.prototype)


def fresh_names(made: Layout, kernel: Kernel) -> Names:
    """Names in which the fields are not taken yet: in this function they name the outputs."""
    names = made.names.copy()
    for array in kernel.outputs:
        names.taken.discard(names.made.get(("array", array.name), ""))
    return names


def without(body: tuple[Statement, ...], fields: set[str]) -> tuple[Statement, ...]:
    kept: list[Statement] = []
    for s in body:
        if isinstance(s, Loop):
            inner = without(s.body, fields)
            kept += [Loop(s.axis, s.start, s.stop, inner)] if inner else []
        elif not (isinstance(s, Store) and s.array in fields):
            kept.append(s)
    return tuple(kept)


def _data(name: str, values: np.ndarray) -> str:
    writer = Writer()
    writer.statement(f"static const double {name}[{len(values)}] = {{{', '.join(repr(float(v)) for v in values)}}};")
    return "\n".join(writer.lines)


def _full_fields(semi: SemiDiscreteSystem, made: Layout) -> Function:
    kernel = replace(semi.reconstruct, name="full_fields")
    about = "All fields at all points, (FULL_SIZE): what is no unknown is put back."
    return print_function(kernel, made, Arguments("y", "full", "{}_full"), about)


def _constants(semi: SemiDiscreteSystem, made: Layout) -> str:
    lines = [f"#define SIZE {_total(semi.state, made)}  /* unknowns */"]
    if semi.full != semi.state:
        lines.append(f"#define FULL_SIZE {_total(semi.full, made)}  /* values of all fields at all points */")
    if semi.parameters:
        values = ", ".join(made.numbers.plain(v)[0] for v in semi.parameter_values)
        names = ", ".join(p.name for p in semi.parameters)
        lines += [f"#define PARAMETERS {len(semi.parameters)}", "", f"/* {names} */"]
        writer = Writer()
        writer.statement(f"const double default_parameters[PARAMETERS] = {{{values}}};")
        lines += writer.lines
    return "\n".join(lines)


def _total(arrays: tuple[Array, ...], made: Layout) -> str:
    """The sum of the sizes: ``2*NX*NY``."""
    sizes = {made.size(a) for a in arrays}
    total = sum(a.size for a in arrays)
    if len(sizes) > 1 or not arrays[0].axes:
        return str(total)
    text = sizes.pop()
    return f"({len(arrays)}*{text})" if len(arrays) > 1 else f"({text})" if "*" in text else text


def _header(
    system: PDESystem, semi: SemiDiscreteSystem, how: str, made: Layout, threads: bool, jacobian: bool
) -> Iterator[str]:
    name = semi.name or "system"
    file = f"{identifier(name)}.c"
    yield name
    yield ""
    yield from model_lines(system)
    yield ""
    yield grid_line(semi, how)
    if semi.axes:
        yield "The weights and regions below are those of this grid; for another one generate the file again."
    yield ""
    yield from _layout_lines(semi, made)
    if semi.parameters:
        listed = ", ".join(
            f"p[{k}] = {s.name} ({v:g})"
            for k, (s, v) in enumerate(zip(semi.parameters, semi.parameter_values, strict=True))
        )
        yield f"Parameters (defaults): {listed}."
    yield ""
    yield "What is here:"
    yield "    rhs(t, y, p, dydt)               time derivatives"
    yield "    initial_state(t, p, y)           the state at the start"
    if semi.full != semi.state:
        yield "    full_fields(t, y, p, full)       all fields at all points"
    if jacobian:
        yield "    jacobian(t, y, p, values)        derivatives of dydt by y, the values of JACOBIAN_ENTRIES entries"
        yield "    jacobian_pattern(rows, columns)  where these entries lie; equal places add up"
        yield "    jacobian_csc(...)                the same as compressed sparse columns"
    elif semi.rhs.locals:
        yield "    (no sparse Jacobian: integrals over the domain make it dense)"
    yield ""
    flag = "-fopenmp " if threads else ""
    yield f"Compile:  cc -std=c99 -O3 -march=native -fno-math-errno -fno-trapping-math {flag}-c {file}"
    if not semi.algebraic:
        yield f"Try it:   cc -std=c99 -O3 {flag}-DSYMNUM_MAIN {file} -lm -o {identifier(name)} && ./{identifier(name)} 100"
    yield ""
    yield version_line()


def _layout_lines(semi: SemiDiscreteSystem, made: Layout) -> Iterator[str]:
    scalars = [a for a in semi.state if not a.axes]
    if scalars:
        yield "State: " + ", ".join(f"y[{a.offset}] = {a.field}" for a in scalars) + "."
    boxes = [a for a in semi.state if a.axes]
    if boxes:
        yield "State y, field after field, the last index running fastest:"
    spacing = tuple(next(s.name for s in made.numbers.spacings if s.value == a.spacing) for a in semi.axes)
    for array in boxes:
        indices = "".join(f"[{made.indices[k]}]" for k in array.axes)
        name = made.names.of("array", array.name)
        yield f"    {name}{indices} from y[{made.offset(array)}] on, at {position(semi, array, made.indices, spacing)}"
    yield from determined_lines(semi)


__all__ = ["fresh_names", "rate_name", "source", "without"]
