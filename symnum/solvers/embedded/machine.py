"""A program bound to memory and a right-hand side, native or on NumPy: set scalars, bind buffers, run."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.placement import output_vector, state_vector
from symnum.solvers.embedded.callbacks import Callbacks, address_of
from symnum.solvers.embedded.language import Program, Status

if TYPE_CHECKING:
    from symnum.solvers.linear_algebra.contract import LinearSolver

Array = NDArray[np.float64]


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
        linear: the linear solver; programs that need none are run without.
    """

    def __init__(
        self,
        program: Program,
        n: int,
        rhs: Callable[[float, Array, Array], None],
        linear: LinearSolver | None = None,
    ) -> None:
        assert linear is not None or not program.linear, f"{program.name} needs a linear solver"
        self.program, self.n, self.rhs, self.linear = program, n, rhs, linear
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

        return Interpreter(self.program, NumpyVectors(self.pointers, self.rhs), self.scalars, self.linear).run()


class NativeMachine(Machine):
    """Runs the compiled program; a right-hand side or linear solver without addresses is called through Python.

    Args:
        address, parameters: of the native right-hand side, see ``Problem``.
        module: the right-hand side's text (``Problem.module``): a small system takes it into the driver (``inline``) once the run has made
            ``inline_after`` accepted steps. The number of steps decides, not the time, so that every run of a problem is the same to the bit.
    """

    def __init__(
        self,
        program: Program,
        n: int,
        rhs: Callable[[float, Array, Array], None],
        address: int | None,
        parameters: Array,
        linear: LinearSolver | None = None,
        module: tuple[str, str] | None = None,
        inline_after: float | None = None,
    ) -> None:
        super().__init__(program, n, rhs, linear)
        self.places = {name: k for k, name in enumerate((*program.vectors, *program.arrays))}
        self.at: dict[int, Array] = {}  # address -> vector
        self.parameters = np.ascontiguousarray(parameters, dtype=np.float64)
        self.table = np.zeros(len(self.places), dtype=np.uintp)
        self.callbacks = Callbacks(n)
        self.keepalive: list[Any] = []
        self.address = self._python_rhs() if address is None else address
        self.linear_table = self._linear_table()
        for name in self.places:
            self._enter(name)
        self.inlining = _Inlining(program, n, module, inline_after) if module is not None else None
        self.link(compiled(program))

    def link(self, module: Any) -> None:
        """Run this machine code from now on."""
        self.module = module
        kinds = [ctypes.c_void_p] * 5 + [ctypes.c_int64]
        self.function = ctypes.CFUNCTYPE(ctypes.c_int32, *kinds)(module.address(self.program.name))

    def _python_rhs(self) -> int:
        self.keepalive.append(self.callbacks.right_hand_side(self.rhs))
        return address_of(self.keepalive[-1])

    def _linear_table(self) -> Array | None:
        """The table of a linear solver: its own addresses, else those of callbacks."""
        if self.linear is None:
            return None
        native = self.linear.native
        if native is not None:
            return np.array(native.table, dtype=np.uintp)
        functions = self.callbacks.linear_solver(self.linear)
        self.keepalive += functions
        return np.array([0, *map(address_of, functions)], dtype=np.uintp)

    def bind(self, name: str, array: Array) -> None:
        assert array.flags.c_contiguous and array.dtype == np.float64
        super().bind(name, array)
        self._enter(name)

    def run(self) -> Status:
        if self.inlining is None:
            return self._run()
        budget = self["budget"]
        while self.inlining is not None and (remaining := self.inlining.after - self["steps"]) > 0:
            allowed = min(budget, remaining)
            self["budget"] = allowed
            status = self._run()
            budget -= allowed - self["budget"]
            self["budget"] = budget
            if status is not Status.STEP_LIMIT or budget <= 0:
                return status
        if self.inlining is not None:
            self.link(self.inlining.compile())
            self.inlining = None
        return self._run()

    def _run(self) -> Status:
        linear = None if self.linear_table is None else self.linear_table.ctypes.data
        pointers = (self.scalars.ctypes.data, self.table.ctypes.data, self.address, self.parameters.ctypes.data, linear)
        if getattr(self.linear, "serial", False):
            from symnum.solvers.linear_algebra.threads import one_thread

            with one_thread():
                status = Status(self.function(*pointers, self.n))
        else:
            status = Status(self.function(*pointers, self.n))
        self._read_table()
        self._raise_kept()
        return status

    def _raise_kept(self) -> None:
        """Pass on what Python code raised below the native function."""
        raised = self.callbacks.take()
        if raised is None and self.linear is not None:
            raised, self.linear.raised = self.linear.raised, None
        if raised is not None:
            raise raised

    def _enter(self, name: str) -> None:
        array = self.pointers[name]
        self.table[self.places[name]] = address = array.ctypes.data
        if self.places[name] < len(self.program.vectors):
            self.at[address] = array

    def _read_table(self) -> None:
        """Swaps have permuted the vectors."""
        for name, address in zip(self.program.vectors, self.table.tolist(), strict=False):
            self.pointers[name] = self.at[address]


class _Inlining:
    """When and how a run changes to the inlined linking; ``after`` is infinite where it is not worth while."""

    def __init__(self, program: Program, n: int, module: tuple[str, str], after: float | None) -> None:
        from symnum.solvers.embedded import inline

        self.compile = lambda: inline.compile_inlined(program, n, module)
        if after is None:
            after = inline.AFTER if inline.worthwhile(program, n, module) else math.inf
        self.after = after


@cache
def compiled(program: Program) -> Any:
    """The native code of a program, kept for the process."""
    from symnum.solvers.embedded.llvm import compile_program

    return compile_program(program)
