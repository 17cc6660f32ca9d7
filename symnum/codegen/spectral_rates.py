"""The right-hand side of a Fourier discretisation as one native function, so that every native driver can call it.

What a driver calls knows only ``(t, y, p, out)``: a few instructions of its own put in the address of the system's
words. L depends on the parameters; other values than the last ones are noticed by comparison, and Python then makes a
new L.
"""

from __future__ import annotations

import ctypes
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.exponential_code import module
from symnum.codegen.fft import radices
from symnum.codegen.jit import compile_ir, native_function
from symnum.codegen.spectral import SpectralFunction
from symnum.codegen.spectral_native import NativeContext, spectral_context

Array = NDArray[np.float64]
_REFRESH = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_TRAMPOLINE = """
declare i32 @memcmp(ptr, ptr, i64)
define void @rates(double %t, ptr %y, ptr %p, ptr %out) nounwind {{
  %different = call i32 @memcmp(ptr %p, ptr inttoptr (i64 {known} to ptr), i64 {size})
  %same = icmp eq i32 %different, 0
  br i1 %same, label %go, label %refresh
refresh:
  call void inttoptr (i64 {callback} to ptr)(ptr %p)
  br label %go
go:
  call void inttoptr (i64 {function} to ptr)(ptr inttoptr (i64 {context} to ptr), double %t, ptr %y, ptr %out)
  ret void
}}
"""


class NativeRates:
    """The native function at ``address``; ``evaluate`` is the same for Python, one thread at a time.

    Args:
        function: a system whose grid and kernels have machine code (see ``native_rates``).
    """

    def __init__(self, function: SpectralFunction, context: NativeContext) -> None:
        self.function = function
        self.context = context
        self.lock = Lock()
        self.parameters = np.full(max(1, len(function.rates.parameters)), np.nan)
        self.context.set("parameters", self.parameters.ctypes.data)
        self.callback = _REFRESH(self._refresh)
        callback = ctypes.cast(self.callback, ctypes.c_void_p).value
        words = {"known": self.parameters.ctypes.data, "size": 8 * len(function.rates.parameters), "callback": callback}
        words |= {"context": self.context.address, "function": module(radices(context.grid.shape)).address("rates")}
        self.module = compile_ir(_TRAMPOLINE.format(**words), cache=False, level=1)
        self.address = self.module.address("rates")
        kinds = (ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        self.native = native_function(self.address, *kinds)

    def evaluate(self, t: float, y: Array, p: Array, out: Array) -> None:
        """out = f(t, y; p)."""
        with self.lock:
            self.native(t, y.ctypes.data, p.ctypes.data, out.ctypes.data)

    def _refresh(self, address: int) -> None:
        """Bind L at new parameter values."""
        count = len(self.function.rates.parameters)
        pointer = ctypes.cast(address, ctypes.POINTER(ctypes.c_double))
        self.parameters[:count] = np.ctypeslib.as_array(pointer, (count,))
        self.context.bind(self.function.symbol(self.parameters[:count]), subtract=False)


def native_rates(function: SpectralFunction, parameters: Array) -> NativeRates | None:
    """The native right-hand side; None where the grid or the target has no machine code."""
    context = spectral_context(function, parameters)
    return None if context is None else NativeRates(function, context)
