"""Python functions at native addresses, for Julia. What they raise is kept and raised when Julia has returned.

equations    void (double t, const double* y, const double* p, double* out)
monitor      int32 (double t, const double* y)            something else than 0 stops the run
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_EQUATIONS = ctypes.CFUNCTYPE(None, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_MONITOR = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_double, ctypes.c_void_p)
_NUMBERS = ctypes.POINTER(ctypes.c_double)


class Callbacks:
    """The callbacks of one problem, alive as long as this object. ``raised``: the exception of one of them, or None."""

    def __init__(self) -> None:
        self.raised: BaseException | None = None
        self._kept: list[Any] = []

    def equations(self, function: Callable[[float, Array, Array], Any], size: int, written: int) -> int:
        """Address of ``function(t, y, out)``: y of ``size`` numbers, out of ``written``. NaN is given once something has been raised."""

        def call(t: float, y: int, _p: int, out: int) -> None:
            result = _at(out, written)
            try:
                if self.raised is None:
                    function(t, _at(y, size), result)
                    return
            except BaseException as error:  # it cannot cross native code, and KeyboardInterrupt must reach the caller
                self.raised = error
            result[:] = np.nan

        return self._address(_EQUATIONS(call))

    def monitor(self, function: Callable[[float, Array], bool], size: int) -> int:
        """Address of ``function(t, y)``, which says whether the run shall stop."""

        def call(t: float, y: int) -> int:
            try:
                return int(self.raised is not None or bool(function(t, _at(y, size))))
            except BaseException as error:
                self.raised = error
                return 1

        return self._address(_MONITOR(call))

    @property
    def used(self) -> bool:
        """Python takes part in the solve."""
        return bool(self._kept)

    def take(self) -> BaseException | None:
        """The exception kept, which is then forgotten."""
        raised, self.raised = self.raised, None
        return raised

    def _address(self, function: Any) -> int:
        self._kept.append(function)
        address = ctypes.cast(function, ctypes.c_void_p).value
        assert address is not None
        return address


def _at(address: int, count: int) -> Array:
    return np.ctypeslib.as_array(ctypes.cast(address, _NUMBERS), (count,))
