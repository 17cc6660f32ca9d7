"""Machine code in memory through llvmlite: no compiler needed, loops kept as loops."""

from __future__ import annotations

import ctypes
import hashlib
import math
import time

import numpy as np

from symnum.codegen import network_code, vector_math
from symnum.codegen.jit import Module, compile_ir, has_fma, native_function
from symnum.codegen.llvm_emit import Names, literal
from symnum.codegen.llvm_function import FunctionPrinter
from symnum.codegen.llvm_memory import constants_lie_outside
from symnum.codegen.llvm_scalars import print_pieces, worth_cutting
from symnum.codegen.target import CompiledKernel
from symnum.expr.term import Term
from symnum.expr.walk import fold
from symnum.ir.kernel import Kernel, values
from symnum.ir.passes import arrange, fuse_loops, hoist, overlap_tails, peel, share_networks, write_networks_out
from symnum.ir.passes.tail import WIDTH


def build(kernel: Kernel, cache: bool = True) -> CompiledKernel:
    """Compile a kernel. ``cache=False`` neither reads nor writes compiled objects on disk."""
    begin = time.process_time()
    if worth_cutting(kernel):
        text, level = print_scalars(kernel), 1  # -O3 is slower to compile and no faster on straight-line code
    else:
        text, level = print_module(schedule(kernel)), 3
    module = compile_ir(text, cache=cache, level=level)
    link_constants(module, kernel)
    address = module.address(kernel.name)
    native = native_function(address, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

    def function(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
        native(t, y.ctypes.data, p.ctypes.data, out.ctypes.data)

    source = f"{text}{_digest(kernel)}"
    return CompiledKernel(kernel, "llvm", function, source, address, module, time.process_time() - begin)


def _digest(kernel: Kernel) -> str:
    """A comment that tells sources apart whose data, outside the code, differ."""
    if not constants_lie_outside(kernel):
        return ""
    data = hashlib.blake2b(digest_size=16)
    for vector in kernel.constant_vectors:
        data.update(vector.tobytes())
    return f"; data {data.hexdigest()}\n"


def schedule(kernel: Kernel) -> Kernel:
    """[Kernel] -> [Kernel]: one sweep over rows, wrapped ends peeled off innermost loops, invariants hoisted."""
    return hoist(overlap_tails(fuse_loops(peel(arrange(share_networks(kernel)), width=WIDTH))))


def print_scalars(kernel: Kernel) -> str:
    """The LLVM IR of a large kernel without loops, in functions of bounded size; networks, whose weights lie beside one function, are written out."""
    names = Names(vector_math.AVAILABLE)
    body = print_pieces(write_networks_out(kernel), names)
    definitions = ""
    if names.used_vector:
        definitions = vector_math.definitions(names.used_vector, fma=has_fma(), any_magnitude=True)
    declared = [d for d in sorted(names.declared) if d not in definitions]
    return "\n".join([f"; {kernel.comment}", *declared, definitions, body, ""])


def print_module(kernel: Kernel, jam: int = 4) -> str:
    """The LLVM IR of a scheduled kernel; at most ``jam`` rows are handled together."""
    names = Names(vector_math.AVAILABLE)
    function = FunctionPrinter(kernel, names, jam)
    body = function.print()
    networks = network_code.definitions(names)
    small = all(angles_are_small(value, kernel.periods) for value in values(kernel.body))
    definitions = (
        vector_math.definitions(names.used_vector, fma=has_fma(), any_magnitude=not small) if names.used_vector else ""
    )
    declared = [d for d in sorted(names.declared) if d not in definitions]
    kind = function.memory.kind
    tables = [print_table(name, numbers, kind) for numbers, name in function.memory.tables.items()]
    return "\n".join([f"; {kernel.comment}", *declared, definitions, *tables, body, *function.metadata, *networks, ""])


def print_table(name: str, numbers: tuple[float, ...], kind: str) -> str:
    """The definition of a table of numbers."""
    listed = ", ".join(f"{kind} {literal(x, kind)}" for x in numbers)
    return f"{name} = private unnamed_addr constant [{len(numbers)} x {kind}] [{listed}], align 64"


def link_constants(module: Module, kernel: Kernel) -> None:
    """Tell loaded code where the constants lie that are too many to be written into it."""
    for k, vector in enumerate(kernel.constant_vectors if constants_lie_outside(kernel) else ()):
        module.point(f"{kernel.name}.constant{k}", vector)


def angles_are_small(root: Term, periods: tuple[int, ...]) -> bool:
    """True if every argument of sin, cos and tan is seen to stay below 2^48 whatever the state: then the fast reduction is exact enough.

    Numbers, grid indices and bounded functions have bounds, and sums and products of what has; loads, times and parameters have none.
    """

    def bound(node: Term, args: list[float]) -> float:
        match node.op:
            case "const":
                return abs(float(node.data[0]))
            case "symbol":
                return float(periods[node.info]) if node.kind == "index" else math.inf  # type: ignore[attr-defined]
            case "add":
                return abs(float(node.data[0])) + sum(
                    abs(float(c)) * a for c, a in zip(node.data[1:], args, strict=True)
                )
            case "mul" if all(e > 0 for e in node.data[1:]):
                powers = (_power_bound(a, float(e)) for e, a in zip(node.data[1:], args, strict=True))
                return abs(float(node.data[0])) * math.prod(powers)
            case "sin" | "cos" | "tanh" | "erf" | "sign":
                return 1.0
            case "table":
                return max(map(abs, node.data[1:]))
            case "pi" | "atan" | "asin" | "acos" | "atan2":
                return math.pi
            case _:
                return math.inf

    bounds: dict[Term, float] = {}
    fold(root, bound, bounds)
    return all(bounds[node.args[0]] < 2.0**48 for node in bounds if node.op in ("sin", "cos", "tan"))


def _power_bound(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf
