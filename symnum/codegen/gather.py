"""out[k] = source[index[k]] as machine code.

The entries of a sparse Jacobian are copies of far fewer distinct derivatives, so bringing them to their places costs more than computing them.
Eight values are read one by one and written together; two 32-bit indices are read at once, because reads, not arithmetic, are what the loop
waits for (three times as fast as ``numpy.take``).
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDTH = 8
_HIGH = 1 if sys.byteorder == "little" else 0  # lane that lies in the high half of a pair
_FEW = 1000  # entries below which numpy.take is as fast
Gatherer = Callable[[NDArray[np.float64], NDArray[np.float64]], None]


def gatherer(index: NDArray[np.intp], native: bool = True) -> Gatherer:
    """A function of ``source`` and ``out``, both float64, source contiguous, that copies source[index] into out. Shapes are not checked.

    ``native=False``: by NumPy, where nothing is to be compiled.
    """
    if not native or len(index) < _FEW or index.max() >= 2**31:

        def take(source: NDArray[np.float64], out: NDArray[np.float64]) -> None:
            np.take(source, index, out=out, mode="clip")

        return take
    compiled, short = _native()[1], index.astype(np.uint32)
    where, count = short.ctypes.data, len(short)

    def gather(source: NDArray[np.float64], out: NDArray[np.float64], keep: Any = short) -> None:
        if out.flags.c_contiguous:
            compiled(source.ctypes.data, where, out.ctypes.data, count)
        else:
            np.take(source, keep, out=out, mode="clip")

    return gather


@functools.cache
def _native() -> tuple[Any, Any]:
    """The compiled module, which owns the code, and its function (source, index, out, count)."""
    from symnum.codegen.jit import compile_ir, native_function

    module = compile_ir(_text(), level=1)
    return module, native_function(module.address("gather"), *[ctypes.c_void_p] * 3, ctypes.c_int64)


def _text() -> str:
    """Two indices a load; on machines that store the high half first the halves change places."""
    eight = []
    for q in range(_WIDTH // 2):
        eight += [
            f"  %pp{q} = getelementptr inbounds i64, ptr %pk, i64 {q}",
            f"  %pair{q} = load i64, ptr %pp{q}, align 4",
        ]
    for lane in range(_WIDTH):
        before = "undef" if lane == 0 else f"%w{lane - 1}"
        half = "lshr i64 %pair{}, 32" if lane % 2 == _HIGH else "and i64 %pair{}, 4294967295"
        eight += [
            f"  %i{lane} = {half.format(lane // 2)}",
            f"  %p{lane} = getelementptr inbounds double, ptr %source, i64 %i{lane}",
            f"  %v{lane} = load double, ptr %p{lane}, align 8",
            f"  %w{lane} = insertelement <{_WIDTH} x double> {before}, double %v{lane}, i32 {lane}",
        ]
    return _FUNCTION.format(width=_WIDTH, last=_WIDTH - 1, eight="\n".join(eight))


_FUNCTION = """
define void @gather(ptr noalias readonly %source, ptr noalias readonly %index, ptr noalias %out, i64 %count) nounwind {{
entry:
  %rest = urem i64 %count, {width}
  %whole = sub i64 %count, %rest
  br label %test
test:
  %k = phi i64 [0, %entry], [%kn, %many]
  %more = icmp ult i64 %k, %whole
  br i1 %more, label %many, label %tail
many:
  %pk = getelementptr inbounds i32, ptr %index, i64 %k
{eight}
  %po = getelementptr inbounds double, ptr %out, i64 %k
  store <{width} x double> %w{last}, ptr %po, align 8
  %kn = add nuw i64 %k, {width}
  br label %test
tail:
  %j = phi i64 [%k, %test], [%jn, %one]
  %left = icmp ult i64 %j, %count
  br i1 %left, label %one, label %done
one:
  %pj = getelementptr inbounds i32, ptr %index, i64 %j
  %short = load i32, ptr %pj, align 4
  %i = zext i32 %short to i64
  %p = getelementptr inbounds double, ptr %source, i64 %i
  %v = load double, ptr %p, align 8
  %pq = getelementptr inbounds double, ptr %out, i64 %j
  store double %v, ptr %pq, align 8
  %jn = add nuw i64 %j, 1
  br label %tail
done:
  ret void
}}
"""
