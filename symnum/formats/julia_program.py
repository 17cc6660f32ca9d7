"""A semi-discrete system as one Julia module for Base alone: rates, initial state, full fields, sparse Jacobian, a main program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from symnum.codegen.c_function import Function
from symnum.codegen.c_layout import Layout, layout
from symnum.codegen.c_views import Arguments
from symnum.codegen.julia_file import print_file
from symnum.codegen.julia_function import print_function
from symnum.codegen.julia_names import LANGUAGE, JuliaNames
from symnum.codegen.julia_text import JuliaWriter
from symnum.codegen.targets.julia import RATES
from symnum.errors import TargetError
from symnum.formats.c_program import fresh_names, rate_name, without
from symnum.formats.heading import determined_lines, grid_line, model_lines, position, version_line
from symnum.formats.julia_jacobian import jacobian_functions
from symnum.formats.julia_main import main_program
from symnum.ir.kernel import Array
from symnum.ir.system import SemiDiscreteSystem
from symnum.model.system import PDESystem

_MOST_DATA = 100_000  # initial values written into the file
_MOST_KEYWORDS = 40  # parameters that are keywords of a function; of more, a list
_MOST_EQUATIONS = 12  # equations that the documentation of the right-hand side repeats


def source(system: PDESystem, semi: SemiDiscreteSystem, how: str, jacobian: bool) -> str:
    """The Julia file. TargetError where the initial state is an array too large to be written out."""
    made = layout(semi.rhs, semi.axes, (semi.reconstruct,), LANGUAGE)
    rates = {a.name: rate_name(semi, made, a.name) for a in semi.state}
    arguments = replace(RATES, views={name: (view, view.replace("_dt", "/dt")) for name, view in rates.items()})
    functions = [print_function(semi.rhs, made, arguments, _about_rhs(system, semi)), _initial(system, semi, made)]
    if semi.full != semi.state:
        functions.append(_full_fields(semi, made))
    slopes = jacobian_functions(semi, made, rates) if jacobian else []
    module = _module_name(semi.name)
    exported = ["parameters", "initial_state", "rhs!"]
    exported += ["full_fields"] * (semi.full != semi.state) + ["jacobian!", "jacobian_pattern"] * bool(slopes)
    exported += ["differential"] * bool(semi.algebraic)
    body = print_file(made, [*functions, *slopes], _constants(semi, made), main_program(semi))
    head = JuliaWriter()
    head.documentation("\n".join(_header(system, semi, how, made, module, bool(slopes))))
    head.line(f"module {module}")
    head.line("")
    head.line(f"export {', '.join(exported)}")
    run = "" if semi.algebraic else f"\nif abspath(PROGRAM_FILE) == @__FILE__\n    {module}.main()\nend\n"
    return "\n".join(head.lines) + f"\n\n{body}\nend  # module {module}\n{run}"


def lacking(semi: SemiDiscreteSystem, jacobian: bool) -> Iterator[str]:
    """What was asked for and is not in the file, a sentence each."""
    if jacobian and semi.rhs.locals:
        yield (
            "the program has no Jacobian: integrals over the domain make it dense. Write jacobian=False (--no-jacobian), and take a solver "
            "that needs none or one of differences"
        )


def _module_name(name: str) -> str:
    """``fisher_kpp`` -> ``FisherKpp``."""
    spelled = JuliaNames().spell(name or "system")
    made = "".join(part[:1].upper() + part[1:] for part in spelled.split("_"))
    return f"{made}Model" if made in ("Base", "Core", "Main") else made


def _about_rhs(system: PDESystem, semi: SemiDiscreteSystem) -> str:
    names = ", ".join(a.field for a in semi.state)
    text = (
        f"The rates of change of {names} at time t, with the parameters p, into dydt, which must not overlap the state"
    )
    if len(system.equations) <= _MOST_EQUATIONS:
        text += ":\n\n" + "\n".join(f"    {equation}" for equation in system.equations)
    else:
        text += "."
    if semi.algebraic:
        held = " and ".join(sorted(semi.algebraic))
        text += f"\n\n{held}: no time derivative; the value is the residual of the equation, which is to be zero."
    return f"{text}\n\nNumbers of any real type pass through, dual numbers too."


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
                f"the initial values of {array.field} are {array.size:,} numbers, more than a Julia file should hold ({_MOST_DATA:,}); give "
                "a formula, or generate at a lower resolution and fill the state yourself"
            )
        name = made.names.fresh(f"INITIAL_{made.names.spell(array.field)}")
        tables.append(_data(name, values[array.offset : array.offset + array.size]))
        copies.append(f"    copyto!(y, {array.offset + 1}, {name}, 1, {array.size})")
    renamed = replace(
        kernel,
        name="initial_state",
        body=without(kernel.body, given),
        outputs=tuple(a for a in kernel.outputs if a.field not in given),
    )
    about = "The state at the initial time t, into y."
    open_fields = sorted(f.name for f in system.normal_form.algebraic if f not in system.normal_form.initial)
    if open_fields:
        about += f" {', '.join(open_fields)}: zero here; to be found from the algebraic equations."
    arguments = Arguments(result="y", view="{}", inputs=False)
    printed = print_function(renamed, replace(made, names=fresh_names(made, kernel)), arguments, about)
    end = printed.text.rindex("    return nothing")
    text = printed.text[:end] + "".join(f"{c}\n" for c in copies) + printed.text[end:]
    start = repr(float(semi.time_span[0]))
    whole = f"initial_state(p = parameters(), t = {start}) = (y = zeros(float(eltype(p)), SIZE); initial_state!(y, p, t); y)\n"
    return Function("\n\n".join([*tables, f"{text}{whole}"]), printed.helpers, printed.prototype)


def _data(name: str, values: np.ndarray) -> str:
    """Numbers as text that is read when the module is loaded: Julia is slow with long literals."""
    rows = [" ".join(repr(float(v)) for v in values[k : k + 5]) for k in range(0, len(values), 5)]
    return "\n".join([f'const {name} = parse.(Float64, split("""', *rows, '"""))'])


def _full_fields(semi: SemiDiscreteSystem, made: Layout) -> Function:
    kernel = replace(semi.reconstruct, name="full_fields")
    about = "All fields at all points, (FULL_SIZE,): what is no unknown is put back."
    printed = print_function(kernel, made, Arguments("y", "full", "{}_full"), about)
    whole = "full_fields(y, p, t) = (full = similar(y, FULL_SIZE); full_fields!(full, y, p, t); full)\n"
    return replace(printed, text=f"{printed.text}{whole}")


def _constants(semi: SemiDiscreteSystem, made: Layout) -> str:
    out = JuliaWriter()
    out.line(f"const SIZE = {semi.size}  # unknowns")
    if semi.full != semi.state:
        size = sum(a.size for a in semi.full)
        out.line(f"const FULL_SIZE = {size}  # values of all fields at all points")
    places = ", ".join(f'"{made.names.of("array", a.name)}" => {_place(a)}' for a in semi.state)
    out.line("")
    out.comment("Where each field lies in the state.")
    out.statement(f"const FIELDS = [{places}]")
    out.line("")
    _parameters(out, semi, made)
    if semi.algebraic:
        known = ((str(a.field not in semi.algebraic).lower(), a.size) for a in semi.state)
        flags = "; ".join(f"fill({flag}, {size})" if size > 1 else flag for flag, size in known)
        out.line("")
        out.comment("Which unknowns have a time derivative; the diagonal of the mass matrix.")
        out.statement(f"differential() = [{flags}]")
    return "\n".join(out.lines)


def _place(array: Array) -> str:
    return f"{array.offset + 1}:{array.offset + array.size}"


def _parameters(out: JuliaWriter, semi: SemiDiscreteSystem, made: Layout) -> None:
    """The function that gives the vector of parameters; its defaults are the model's."""
    pairs = [
        (made.names.of("parameter", s.name), made.numbers.plain(v)[0])
        for s, v in zip(semi.parameters, semi.parameter_values, strict=True)
    ]
    if not pairs:
        out.comment("The vector of parameters; there are none.")
        out.line("parameters() = Float64[]")
    elif len(pairs) <= _MOST_KEYWORDS:
        out.comment(f"The vector of parameters; another value by its name, parameters({pairs[0][0]} = {pairs[0][1]}).")
        keywords, names = ", ".join(f"{n} = {v}" for n, v in pairs), ", ".join(n for n, _ in pairs)
        out.statement(f"parameters(; {keywords}) = float([{names}])")
    else:
        out.comment("The vector of parameters.")
        out.open("parameters() = [")
        for name, value in pairs:
            out.line(f"{value},  # {name}")
        out.indent -= 1
        out.line("]")


def _header(
    system: PDESystem, semi: SemiDiscreteSystem, how: str, made: Layout, module: str, jacobian: bool
) -> Iterator[str]:
    yield f"    module {module}"
    yield ""
    yield semi.name or "system"
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
            f"p[{k + 1}] = {s.name} ({v:g})"
            for k, (s, v) in enumerate(zip(semi.parameters, semi.parameter_values, strict=True))
        )
        yield f"Parameters (defaults): {listed}."
    yield ""
    yield "What is here:"
    yield "    parameters()                        the vector p"
    yield "    initial_state(p)                    the state at the start"
    yield "    rhs!(dydt, y, p, t)                 time derivatives"
    if semi.full != semi.state:
        yield "    full_fields(y, p, t)                all fields at all points"
    if semi.algebraic:
        yield "    differential()                      which unknowns have a time derivative"
    if jacobian:
        yield "    jacobian!(nzval, y, p, t, pattern)  the values of the sparse Jacobian"
        yield "    jacobian_pattern()                  where they lie: compressed sparse columns"
    elif semi.rhs.locals:
        yield "    (no sparse Jacobian: integrals over the domain make it dense)"
    yield ""
    yield from _usage(semi, module, jacobian)
    yield ""
    yield version_line()


def _usage(semi: SemiDiscreteSystem, module: str, jacobian: bool) -> Iterator[str]:
    """How to run it, and how to solve with OrdinaryDiffEq."""
    start, stop = (float(t) for t in semi.time_span)
    file = f"{JuliaNames().spell(semi.name or 'system')}.jl"
    if not semi.algebraic:
        yield f"Try it:   julia --startup-file=no {file} 100"
    yield f'Use it:   include("{file}"); using .{module}'
    packages = ["OrdinaryDiffEq", *["SparseArrays"] * jacobian, *["LinearAlgebra"] * bool(semi.algebraic)]
    yield f"Solve it:  using {', '.join(packages)}"
    yield "    p = parameters(); y = initial_state(p)"
    options = []
    if jacobian:
        yield "    pattern = jacobian_pattern(); n = length(y)"
        yield "    J = SparseMatrixCSC(n, n, pattern.colptr, pattern.rowval, zeros(length(pattern.rowval)))"
        yield "    jac(J, y, p, t) = jacobian!(nonzeros(J), y, p, t, pattern)"
        options += ["jac", "jac_prototype = J"]
    if semi.algebraic:
        options.append("mass_matrix = Diagonal(float(differential()))")
    yield f"    f = ODEFunction(rhs!{'; ' if options else ''}{', '.join(options)})"
    yield f"    solution = solve(ODEProblem(f, y, ({start!r}, {stop!r}), p){', Rodas5P()' if semi.algebraic else ''})"


def _layout_lines(semi: SemiDiscreteSystem, made: Layout) -> Iterator[str]:
    scalars = [a for a in semi.state if not a.axes]
    if scalars:
        yield "State: " + ", ".join(f"y[{a.offset + 1}] = {a.field}" for a in scalars) + "."
    boxes = [a for a in semi.state if a.axes]
    if boxes:
        yield "State y, field after field, the last coordinate running fastest (it is the first index of a Julia array):"
    spacing = tuple(next(s.name for s in made.numbers.spacings if s.value == a.spacing) for a in semi.axes)
    for array in boxes:
        indices = ", ".join(made.indices[k] for k in reversed(array.axes))
        sizes = ", ".join(str(n) for n in reversed(array.shape))
        view = f"view(y, {_place(array)})"
        view = f"reshape({view}, {sizes})" if len(array.axes) > 1 else view
        name = made.names.of("array", array.name)
        yield f"    {name} = {view}, {name}[{indices}] at {position(semi, array, made.indices, spacing, 1)}"
    yield from determined_lines(semi)


__all__ = ["lacking", "source"]
