"""What is compiled for the native road, kept for the process and on disk: one module for each shape of network, one for each method."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.jit import compile_ir, has_fma, native_function
from symnum.neural.explicit import EXPLICIT
from symnum.neural.native import code
from symnum.neural.native.adjoint import Steps
from symnum.neural.native.layers import Layers
from symnum.neural.native.layout import Layout, layout
from symnum.solvers.embedded.driver import driver
from symnum.solvers.embedded.language import Program
from symnum.solvers.embedded.machine import NativeMachine
from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.tableau import Tableau

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """A method's native functions: ``program`` is its driver, which keeps all slopes of each accepted step; ``functions``: those of ``adjoint``.

    ``dense``: coefficient of theta^(p + 1) in b_i, (degree, stages + extra).
    """

    tableau: Tableau
    program: Program
    functions: dict[str, Callable[[int], None]]
    dense: Array
    keepalive: Any


@dataclass(frozen=True)
class Native:
    """The functions of a right-hand side by their addresses: ``rhs(t, y, context, out)`` and ``pullback(t, y, context, w, out)``, see ``code``.

    ``pool``: machines that no solve uses now, and ``steps``: how many the last solve took, both by (method, length of the state).
    """

    rhs: int
    pullback: int
    keepalive: Any
    pool: dict[tuple[str, int], list[NativeMachine]] = field(default_factory=dict)
    steps: dict[tuple[str, int], int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Network(Native):
    """A network's functions, and how its weights are packed."""

    layout: Layout


@cache
def compiled_method(name: str) -> Method:
    """Compile, or read from the cache on disk."""
    home, first, second, size = EXPLICIT[name]
    tableau: Tableau = import_module(f"symnum.solvers.embedded.methods.{home}").TABLEAU
    module = compile_ir(Steps(tableau, (first, second), size).text(), level=1, vectors=True)
    names = ["rows", "estimates", "adjoint", *(["extend"] if tableau.extra_a else [])]
    functions = {name: native_function(module.address(name), ctypes.c_void_p) for name in names}
    degree = max(map(len, tableau.dense))
    dense = np.array([[float(b) for b in row] + [0.0] * (degree - len(row)) for row in tableau.dense]).T.copy()
    return Method(tableau, _program(name, tableau.stages), functions, dense, module)


def _program(method: str, stages: int) -> Program:
    """The method's own driver without the parts that serve save times: these are handled from the record."""
    parts = methods()[method].parts
    inner = tuple(f"k{i}" for i in range(2, stages))
    kept = ("slope_new", *inner, "slope")  # names after a step is accepted
    interpolant = (("y_new", 0, (1,)),)
    return driver(
        replace(parts, name=f"{parts.name}_record", vectors=inner, interpolant=interpolant, kept=kept, extra=())
    )


@cache
def compiled_network(layers: Layers) -> Network:
    """Compile, or read from the cache on disk."""
    module = compile_ir(code.module_text(layers, has_fma()))
    return Network(module.address("field"), module.address("pullback"), module, layout=layout(layers))
