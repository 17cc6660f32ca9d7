"""Readable Julia that needs nothing but Base: the code that `symnum generate --target julia` writes; Julia compiles it at the first call."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from symnum.codegen.c_layout import layout
from symnum.codegen.c_views import Arguments
from symnum.codegen.julia_file import print_file
from symnum.codegen.julia_function import print_function as print_definition
from symnum.codegen.julia_names import LANGUAGE
from symnum.codegen.target import CompiledKernel
from symnum.errors import TargetError
from symnum.ir.kernel import Accumulate, Kernel, Store, statements

RATES = Arguments("y", "dydt", "d{}_dt")


def build(kernel: Kernel) -> CompiledKernel:
    """Print a kernel as Julia. Nothing is started: Julia opens when the kernel is first called, and then compiles it.

    The call raises BackendUnavailable where there is no Julia.
    """
    begin = time.process_time()
    source, made = print_function(kernel), LANGUAGE[0]().spell(kernel.name)
    compiled: list[object] = []

    def function(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
        from symnum.bridge import guarded, session

        bridge = session().bridge
        with guarded("evaluating generated Julia code"):
            if not compiled:
                compiled.append(bridge.generated(source, f"{made}!"))
            addresses = (y.ctypes.data, y.size, p.ctypes.data, p.size, out.ctypes.data, out.size)
            bridge.evaluate_b(compiled[0], t, *addresses)  # juliacall's spelling of evaluate!

    return CompiledKernel(kernel, "julia", function, source, None, None, time.process_time() - begin)


def print_function(kernel: Kernel, name: str | None = None) -> str:
    """Julia source with one function ``NAME!(out, y, p, t)`` and what it needs, constants and helpers; nothing but Base is used.

    ``out``, ``y``: flat vectors, row-major as everywhere in symnum; ``p``: parameters in the kernel's order. Element types are free: dual
    numbers pass through. ``name``: of the function without its exclamation mark (None: the kernel's).
    """
    _check(kernel)
    names = LANGUAGE[0]()
    named = replace(kernel, name=names.spell(name or kernel.name))
    made = layout(named, language=LANGUAGE)
    arguments = RATES if kernel.name == "rhs" else Arguments()
    return print_file(made, [print_definition(named, made, arguments, _about(kernel, arguments))])


def _check(kernel: Kernel) -> None:
    """TargetError for what this printer has no words for."""
    inside = list(statements(kernel.body))
    unknown = {
        "arrays with steps": any(not a.contiguous for a in (*kernel.inputs, *kernel.outputs, *kernel.locals)),
        "constants": bool(kernel.constants),
        "stored local arrays": any(isinstance(s, Store) and kernel.is_local(s.array) for s in inside),
        "products, maxima and minima over loops": any(
            isinstance(s, Accumulate) and s.operation != "add" for s in inside
        ),
        "float32": kernel.dtype != "float64",
    }
    found = [what for what, there in unknown.items() if there]
    if found:
        raise TargetError(f'the julia target has no {" and no ".join(found)} (in {kernel.name}); write target="c"')


def _about(kernel: Kernel, arguments: Arguments) -> str:
    """What the function gives, for its documentation string."""
    what = kernel.comment[:1].upper() + kernel.comment[1:].rstrip(".") or "The values of a kernel"
    given = "at time t, in the state y, with the parameters p"
    return f"{what} {given}. {arguments.result} must not overlap y."
