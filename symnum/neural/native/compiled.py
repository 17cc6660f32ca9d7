"""What is compiled for the native road, kept for the process and on disk: one module for each shape of network, one for each method."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from symnum.codegen.jit import compile_ir, has_fma, native_function
from symnum.neural.explicit import EXPLICIT
from symnum.neural.native import code
from symnum.neural.native.adjoint import module_text
from symnum.neural.native.driving import Driver
from symnum.neural.native.layers import Layers
from symnum.neural.native.layout import Layout, layout
from symnum.solvers.embedded.driver import driver, rhs_evaluations
from symnum.solvers.embedded.driver import kept as kept_steps
from symnum.solvers.embedded.language import Program, Put
from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.tableau import Tableau


@dataclass(frozen=True)
class Method:
    """A method's native functions: ``program`` is its driver, which keeps all slopes of each accepted step and how many evaluations there were;
    ``finish``, ``retrace``, ``adjoint``: see ``following`` and ``adjoint``.
    """

    tableau: Tableau
    program: Program
    finish: Callable[[int], None]
    retrace: Callable[[int], None]
    adjoint: Callable[[int], None]
    keepalive: Any


@dataclass(frozen=True)
class Native:
    """The functions of a right-hand side by their addresses: ``rhs(t, y, context, out)`` and ``pullback(t, y, context, w, out)``, see ``code``.

    ``rhs_kept``, ``pullback_kept``: those that keep values on the way forward, 0 where there are none.
    ``pool``: drivers that no solve uses now, and ``seen``: how many steps the last solve took, both by (method, length of the state).
    """

    rhs: int
    pullback: int
    keepalive: Any
    rhs_kept: int = 0
    pullback_kept: int = 0
    pool: dict[tuple[str, int], list[Driver]] = field(default_factory=dict)
    seen: dict[tuple[str, int], int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Network(Native):
    """A network's functions, those that move its weights (see ``packing``), and where these lie; ``work``: see ``team``."""

    layout: Layout
    pack: Callable[[bytes, int], None]
    unpack: Callable[[bytes, int], None]
    work: Callable[[int], None]


@cache
def compiled_method(name: str) -> Method:
    """Compile, or read from the cache on disk."""
    home, first, second, size = EXPLICIT[name]
    tableau: Tableau = import_module(f"symnum.solvers.embedded.methods.{home}").TABLEAU
    module = compile_ir(module_text(tableau, (first, second), size), level=1, vectors=True)
    finish, retrace, adjoint = (
        native_function(module.address(name), ctypes.c_void_p) for name in ("finish", "retrace", "adjoint")
    )
    return Method(tableau, _program(name, tableau.stages), finish, retrace, adjoint, module)


def _program(method: str, stages: int) -> Program:
    """The method's own driver without the parts that serve save times: these are handled from the record."""
    parts = methods()[method].parts
    inner = tuple(f"k{i}" for i in range(2, stages))
    kept = ("slope_new", *inner, "slope")  # names after a step is accepted
    accepted, rejected = parts.next_step
    return driver(
        replace(
            parts,
            name=f"{parts.name}_record",
            vectors=inner,
            interpolant=(("y_new", 0, (1,)),),
            kept=kept,
            extra=(),
            next_step=((*accepted, Put("kept_counts", kept_steps, rhs_evaluations)), rejected),
            tables=(("kept_counts", lambda: np.zeros(1)),),
        )
    )


@cache
def compiled_network(layers: Layers) -> Network:
    """Compile, or read from the cache on disk."""
    # unrolled beyond the vectors that the text names, loops take longer to compile and to run
    module = compile_ir(code.module_text(layers, has_fma()), level=1, vectors=True)
    field, pullback, field_kept, pullback_kept = map(
        module.address, ("field", "pullback", "field_kept", "pullback_kept")
    )
    pack, unpack = (
        native_function(module.address(name), ctypes.c_char_p, ctypes.c_void_p) for name in ("pack", "unpack")
    )
    work = native_function(module.address("work"), ctypes.c_void_p)
    places = layout(layers)
    return Network(
        field, pullback, module, field_kept, pullback_kept, layout=places, pack=pack, unpack=unpack, work=work
    )
