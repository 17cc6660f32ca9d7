"""A program bound to memory and a right-hand side, native or on NumPy: set scalars, bind buffers, run."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.placement import output_vector, state_vector
from symnum.solvers.embedded.language import Program, Status

Array = NDArray[np.float64]
_RHS = ctypes.CFUNCTYPE(None, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def _vector(name: str, n: int) -> Array:
    """Zeros for a vector of a program; states (``y...``) and slopes lie apart in their pages."""
    vector = (state_vector if name.startswith("y") else output_vector)(n, stepping=True)
    vector[:] = 0.0
    return vector


class Machine:
    """One run's memory: the scalars, the vectors, the buffers.

    Args:
        program: what to run; n: length of the vectors.
        rhs: ``rhs(t, y, out)``; used by the NumPy meaning and, without an address, by the native one.
    """

    def __init__(self, program: Program, n: int, rhs: Callable[[float, Array, Array], None]) -> None:
        self.program, self.n, self.rhs = program, n, rhs
        self.scalars: Array = np.zeros(len(program.scalars))
        self.index = {name: i for i, name in enumerate(program.scalars)}
        self.pointers: dict[str, Array] = {name: _vector(name, n) for name in program.vectors}
        self.pointers |= {name: np.zeros((1, n)) for name in program.arrays}

    def __getitem__(self, name: str) -> float:
        return float(self.scalars[self.index[name]])

    def __setitem__(self, name: str, value: float) -> None:
        self.scalars[self.index[name]] = value

    def vector(self, name: str) -> Array:
        """The memory a vector's name means now."""
        return self.pointers[name]

    def bind(self, name: str, array: Array) -> None:
        """Give a buffer to an array of the program."""
        self.pointers[name] = array

    def run(self) -> Status:
        """Run until the program returns."""
        raise NotImplementedError


class NumpyMachine(Machine):
    """Interprets the program on NumPy arrays."""

    def run(self) -> Status:
        from symnum.solvers.embedded.numpy import Interpreter, NumpyVectors

        return Interpreter(self.program, NumpyVectors(self.rhs), self.scalars, self.pointers).run()


class NativeMachine(Machine):
    """Runs the compiled program; a right-hand side without an address is called through Python.

    Args:
        address, parameters: of the native right-hand side, see ``Problem``.
    """

    def __init__(
        self,
        program: Program,
        n: int,
        rhs: Callable[[float, Array, Array], None],
        address: int | None,
        parameters: Array,
    ) -> None:
        super().__init__(program, n, rhs)
        self.names = (*program.vectors, *program.arrays)
        self.parameters = np.ascontiguousarray(parameters, dtype=np.float64)
        self.table = np.zeros(len(self.names), dtype=np.uintp)
        self.raised: BaseException | None = None
        self.seen: dict[int, Array] = {}
        self.callback = None if address is not None else _RHS(self._call_python)
        self.address = address if address is not None else ctypes.cast(self.callback, ctypes.c_void_p).value  # type: ignore[arg-type]
        for name in self.names:
            self._enter(name)
        self.module = compiled(program)
        kinds = [ctypes.c_void_p] * 4 + [ctypes.c_int64]
        self.function = ctypes.CFUNCTYPE(ctypes.c_int32, *kinds)(self.module.address(program.name))

    def bind(self, name: str, array: Array) -> None:
        assert array.flags.c_contiguous and array.dtype == np.float64
        super().bind(name, array)
        self._enter(name)

    def run(self) -> Status:
        pointers = (self.scalars.ctypes.data, self.table.ctypes.data, self.address, self.parameters.ctypes.data)
        status = Status(self.function(*pointers, self.n))
        self._read_table()
        if self.raised is not None:
            raised, self.raised = self.raised, None
            raise raised
        return status

    def _enter(self, name: str) -> None:
        self.table[self.names.index(name)] = self.pointers[name].ctypes.data

    def _read_table(self) -> None:
        """Swaps have permuted the vectors."""
        arrays = {self.pointers[name].ctypes.data: self.pointers[name] for name in self.program.vectors}
        for name, address in zip(self.program.vectors, self.table.tolist(), strict=False):
            self.pointers[name] = arrays[address]

    def _call_python(self, t: float, y: int, p: int, out: int) -> None:
        result = self._array(out)
        if self.raised is not None:
            result[:] = np.nan
            return
        try:
            self.rhs(t, self._array(y), result)
        except BaseException as error:  # passed on when the native function has returned
            self.raised = error
            result[:] = np.nan

    def _array(self, address: int) -> Array:
        """The memory at an address as (n,), without making a new array each time."""
        if address not in self.seen:
            self.seen[address] = np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_double)), (self.n,))
        return self.seen[address]


@cache
def compiled(program: Program) -> Any:
    """The native code of a program, kept for the process."""
    from symnum.solvers.embedded.llvm import compile_program

    return compile_program(program)
