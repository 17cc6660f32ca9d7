"""Python functions called from the native driver: a right-hand side, a linear solver. What they raise is kept and passed on later.

An exception cannot cross native code. It is kept, every further call answers "failed" at once (NaN, or 0), so the driver soon returns, and
then the machine raises it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from symnum.solvers.linear_algebra.contract import LinearSolver

Array = NDArray[np.float64]
_pointer, _double, _int = ctypes.c_void_p, ctypes.c_double, ctypes.c_int32
_RHS = ctypes.CFUNCTYPE(None, _double, _pointer, _pointer, _pointer)
_JACOBIAN = ctypes.CFUNCTYPE(_int, _pointer, _double, _pointer, _pointer)
_FACTOR = ctypes.CFUNCTYPE(_int, _pointer, _int, _double, _double)
_SOLVE = ctypes.CFUNCTYPE(_int, _pointer, _int, _pointer, _pointer)
_SOLVE_COMPLEX = ctypes.CFUNCTYPE(_int, _pointer, _int, _pointer, _pointer, _pointer, _pointer)
_ADVANCE = ctypes.CFUNCTYPE(_int, _pointer, _double, _double, _pointer, _pointer, _pointer)
_PRODUCT = ctypes.CFUNCTYPE(None, _pointer, _pointer, _pointer)


class Callbacks:
    """What all callbacks of a run share: the length of the vectors, their memory, the exception kept."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.raised: BaseException | None = None
        self._seen: dict[int, Array] = {}

    def vector(self, address: int) -> Array:
        """The memory at an address as (n,), without making a new array each time."""
        if address not in self._seen:
            pointer = ctypes.cast(address, ctypes.POINTER(ctypes.c_double))
            self._seen[address] = np.ctypeslib.as_array(pointer, (self.n,))
        return self._seen[address]

    def right_hand_side(self, rhs: Callable[[float, Array, Array], None]) -> Any:
        """``rhs(t, y, out)`` as ``void (double t, ptr y, ptr p, ptr out)``; NaN once something has been raised."""

        def call(t: float, y: int, _p: int, out: int) -> None:
            result = self.vector(out)

            def evaluate() -> None:  # what the function may give back, out as a rule, is not asked for
                rhs(t, self.vector(y), result)

            if not self._keep(evaluate):
                result[:] = np.nan

        return _RHS(call)

    def linear_solver(self, solver: LinearSolver) -> list[Any]:
        """The functions of a linear solver in the order of ``llvm.LINEAR``, 0 once something has been raised."""
        at, keep = self.vector, self._keep

        def jacobian(_: int, t: float, y: int, _p: int) -> int:
            return keep(lambda: solver.jacobian(t, at(y)))

        def factor(_: int, slot: int, shift: float, imaginary: float) -> int:
            return keep(lambda: solver.factor(slot, complex(shift, imaginary)))

        def solve(_: int, slot: int, b: int, out: int) -> int:
            return keep(lambda: solver.solve(slot, at(b), at(out)))

        def solve_complex(_: int, slot: int, b_re: int, b_im: int, out_re: int, out_im: int) -> int:
            return keep(lambda: solver.solve_complex(slot, at(b_re), at(b_im), at(out_re), at(out_im)))

        def product(_: int, v: int, out: int) -> None:
            if not keep(lambda: solver.product(at(v), at(out))):
                at(out)[:] = np.nan

        def advance(_: int, t: float, h: float, y: int, out: int, error: int) -> int:
            return keep(lambda: solver.advance(t, h, at(y), at(out), at(error)))  # type: ignore[attr-defined]

        kinds = (_JACOBIAN, _FACTOR, _SOLVE, _SOLVE_COMPLEX, _PRODUCT, _ADVANCE)
        functions: tuple[Callable[..., Any], ...] = (jacobian, factor, solve, solve_complex, product, advance)
        return [kind(function) for kind, function in zip(kinds, functions, strict=True)]

    def take(self) -> BaseException | None:
        """The exception kept, which is then forgotten."""
        raised, self.raised = self.raised, None
        return raised

    def _keep(self, call: Callable[[], Any]) -> int:
        """1 where the call succeeded: it gave None or something true."""
        if self.raised is not None:
            return 0
        try:
            result = call()
        except BaseException as error:  # KeyboardInterrupt too: it must reach the caller
            self.raised = error
            return 0
        return int(result is None or bool(result))


def address_of(function: Any) -> int:
    """Address of a ctypes function."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address
