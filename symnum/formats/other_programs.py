"""The right-hand side as a NumPy module, as LLVM IR and as CUDA C."""

from __future__ import annotations

from symnum.codegen.c_names import identifier
from symnum.formats.heading import grid_line, model_lines, version_line
from symnum.ir.system import SemiDiscreteSystem
from symnum.model.system import PDESystem


def numpy_source(system: PDESystem, semi: SemiDiscreteSystem, how: str) -> str:
    """A module with ``rhs(t, y, p, out)`` and ``reconstruct(t, y, p, out)``, default parameters and the layout of the state."""
    from symnum.codegen.targets.numpy import print_function

    functions = [print_function(k) for k in (semi.rhs, semi.reconstruct)]
    bodies = [
        "\n".join(line for line in f.splitlines() if not line.startswith(("import ", "from "))).strip()
        for f in functions
    ]
    imports = ["import numpy as np", "from numpy import roll"]
    if any("erf(" in body for body in bodies):
        imports.append("from scipy.special import erf")
    heading = _safe("\n".join(_lines(system, semi, how)))
    names = [p.name for p in semi.parameters]
    layout = {a.field: (a.offset, a.shape) for a in semi.state}
    tables = [
        f"SIZE = {semi.size}",
        f"PARAMETERS = {dict(zip(names, semi.parameter_values, strict=True))!r}  # p = list(PARAMETERS.values())",
        f"STATE = {layout!r}  # field: (offset, shape)",
    ]
    return "\n".join([f'"""{heading}"""', "", *imports, "", *tables, "", "", "\n\n\n".join(bodies), ""])


def llvm_source(system: PDESystem, semi: SemiDiscreteSystem, how: str) -> str:
    """The module that the llvm target compiles, with the model in comments."""
    from symnum.codegen.targets.llvm import print_module, schedule

    comment = "\n".join(f"; {line}".rstrip() for line in _lines(system, semi, how))
    call = "; void rhs(double t, const double *y, const double *p, double *dydt)"
    return f"{comment}\n{call}\n\n{print_module(schedule(semi.rhs))}"


def cuda_source(system: PDESystem, semi: SemiDiscreteSystem, how: str) -> str:
    """The right-hand side as CUDA C: its functions, and ``launch_rhs`` that calls them on a stream; states lie field after field."""
    from symnum.codegen.c_text import Writer
    from symnum.codegen.cuda_file import print_module

    writer = Writer()
    writer.comment("\n".join(_lines(system, semi, how)))
    return "\n".join([*writer.lines, "", print_module(semi.rhs).source])


def _lines(system: PDESystem, semi: SemiDiscreteSystem, how: str) -> list[str]:
    parameters = ", ".join(f"{p.name} = {v:g}" for p, v in zip(semi.parameters, semi.parameter_values, strict=True))
    layout = ", ".join(f"{a.field} from {a.offset} {a.shape}" for a in semi.state)
    lines = [
        f"{identifier(semi.name or 'system')}: time derivatives of {', '.join(a.field for a in semi.state)}",
        "",
        *model_lines(system),
        "",
    ]
    lines += [
        grid_line(semi, how),
        f"State (offset, shape): {layout}",
        f"Parameters p: {parameters or 'none'}",
        "",
        version_line(),
    ]
    return lines


def _safe(text: str) -> str:
    return text.replace("\\", "/").replace('"""', "'''")
