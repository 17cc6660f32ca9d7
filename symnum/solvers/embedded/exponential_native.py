"""The memory of exponential steps in machine code (``codegen.exponential_code``): tableau, tables by step size, states
that are known.

Python is called from there only for a step size whose tables are not bound.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.exponential_code import WORDS, module
from symnum.codegen.fft import radices
from symnum.codegen.spectral_native import NativeContext
from symnum.solvers.embedded.exponential_tableau import Entry

if TYPE_CHECKING:
    from symnum.solvers.embedded.exponential import Stepper

Array = NDArray[np.float64]
TABLES = 64  # step sizes whose tables are kept
_PREPARE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_double)


@dataclass(frozen=True)
class NativeStepper:
    """What a native driver gets: seven pointers, of which only the context and ``advance`` are there."""

    context: int
    advance: int
    keepalive: object

    @property
    def table(self) -> list[int]:
        return [self.context, 0, 0, 0, 0, 0, self.advance]


class NativeStep:
    """The memory of a step. ``spectral``: the problem in words; ``stepper``: the tableau, its tables by step size."""

    def __init__(
        self, stepper: Stepper, spectral: NativeContext, breakpoints: tuple[float, ...], autonomous: bool
    ) -> None:
        self.stepper, self.spectral = stepper, spectral
        self.module = module(radices(spectral.grid.shape))
        self.words = np.zeros(len(WORDS), dtype=np.int64)
        self.bound: OrderedDict[float, tuple[NDArray[np.int64], Array]] = OrderedDict()
        self.callback = _PREPARE(self._prepare)
        tableau = stepper.tableau
        size, values = 2 * spectral.fields * spectral.modes, spectral.fields * spectral.points
        room, kept = spectral.room, spectral.kept
        slopes = [room(size) for _ in range(tableau.stages)]
        given: dict[str, Any] = {
            "spectral": spectral.address,
            "prepare": ctypes.cast(self.callback, ctypes.c_void_p).value,
            "stages": tableau.stages,
            "nodes": kept(np.array([float(node) for node in tableau.c])),
            "slopes": kept(np.array(slopes, dtype=np.int64)),
            "stage": room(2 * size),
            "state": room(values),
            "n": values,
            "autonomous": int(autonomous),
            "breakpoints": len(breakpoints),
            "breakpoint_list": kept(np.array(breakpoints or (0.0,), dtype=np.float64)),
        }
        for slot in ("start", "end"):
            given |= {f"{slot}_y": room(values), f"{slot}_c": room(size), f"{slot}_n": room(size)}
        for name, value in given.items():
            self.words[WORDS.index(name)] = value
        self._double("bound_h")[0] = np.nan
        self.z = spectral.modes_of(stepper.z) if stepper.diagonal else np.zeros(0)
        self.weights = self._weights()

    def native(self) -> NativeStepper:
        """The addresses for a driver."""
        return NativeStepper(int(self.words.ctypes.data), self.module.address("advance"), self)

    def _double(self, name: str) -> Array:
        at = WORDS.index(name)
        view: Array = self.words[at : at + 1].view(np.float64)
        return view

    def _prepare(self, h: float) -> int:
        """Bind the tables of a step size; 0 where that raised."""
        try:
            key = self.stepper.rounded(h)
            if key not in self.bound:
                self.bound[key] = self._words(self._tables(key))
                if len(self.bound) > TABLES:
                    self.bound.popitem(last=False)
            self.bound.move_to_end(key)
            self.words[WORDS.index("row_list")] = self.bound[key][0].ctypes.data
            self._double("bound_h")[0] = h
        except BaseException as error:  # raised again when the native code has returned
            self.stepper.raised = error
            return 0
        return 1

    def _tables(self, h: float) -> Array:
        """All tables of a step size, one a row: exp(c_i h L) and h a_ij(hL) in the order of ``_entries``; weights
        times phi functions where L is diagonal."""
        self.stepper.factorisations += 1
        if not self.stepper.diagonal:
            exponentials, rows = self.stepper.made(h)
            made = [
                t
                for e, row in zip([*exponentials[1:], None], rows, strict=True)
                for t in (e, *row.values())
                if t is not None
            ]
            return np.stack([self.spectral.modes_of(table).ravel() for table in made])
        tableau = self.stepper.tableau
        count, width = tableau.highest + 1, self.z.size
        values = np.empty((len(tableau.nodes) * count, width))
        for k, node in enumerate(tableau.nodes):
            out = values[k * count :].ctypes.data
            sizes = (self.spectral.modes, self.spectral.fields, float(node) * h, tableau.highest, width)
            phi_function(self.module)(self.z.ctypes.data, out, *sizes)
        exact, scaled = self.weights
        made_: Array = (exact + h * scaled) @ values
        return made_

    def _weights(self) -> tuple[Array, Array]:
        """Each entry as a combination of phi_m(c_n h L), columns (n, m): the part without h, and what h multiplies."""
        tableau = self.stepper.tableau
        count, nodes = tableau.highest + 1, {node: k for k, node in enumerate(tableau.nodes)}
        entries = self._entries()
        exact, scaled = np.zeros((2, len(entries), len(nodes) * count))
        for k, (_, entry) in enumerate(entries):
            for weight, m, node in entry:
                (exact if m == 0 else scaled)[k, nodes[node] * count + m] += float(weight)
        return exact, scaled

    def _entries(self) -> list[tuple[int, Entry]]:
        """(stage, coefficient) of all tables in the order of the rows; -1 for the exponential of a row."""
        tableau = self.stepper.tableau
        found: list[tuple[int, Entry]] = []
        for c, row in zip([*tableau.c[1:], None], [*tableau.a, tableau.error], strict=True):
            if c is not None:
                found.append((-1, ((Fraction(1), 0, c),)))
            found += list(row.items())
        return found

    def _words(self, tables: Array) -> tuple[NDArray[np.int64], Array]:
        """Words of all rows (exponential, count, list), their lists (stage, table) behind them; and the tables they point to."""
        tableau = self.stepper.tableau
        rows = [*tableau.a, tableau.error]
        words = np.zeros(3 * len(rows) + 2 * sum(map(len, rows)), dtype=np.int64)
        base, table, at = words.ctypes.data, tables.ctypes.data, 3 * len(rows)
        for k, row in enumerate(rows):
            if k < len(rows) - 1:
                words[3 * k], table = table, table + tables.strides[0]
            words[3 * k + 1 : 3 * k + 3] = len(row), base + 8 * at
            for stage in row:
                words[at : at + 2] = stage, table
                at, table = at + 2, table + tables.strides[0]
        return words, tables


@cache
def phi_function(made: Any = None) -> Any:
    """``phi(z, out, modes, fields, scale, highest, stride)`` of a module."""
    from symnum.codegen.jit import native_function

    pointer, whole, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
    return native_function((made or module()).address("phi"), pointer, pointer, whole, whole, number, whole, whole)
