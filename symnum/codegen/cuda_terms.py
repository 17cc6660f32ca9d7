"""Terms, numbers and names as CUDA C++ spells them: float literals where a kernel computes in float32, helper functions of the device."""

from __future__ import annotations

import re
from collections.abc import Callable

from symnum.codegen.c_names import Names, Numbers, Text
from symnum.codegen.c_terms import Expressions, power_helper
from symnum.expr.term import Symbol, Term

_WORDS = """bool class catch const_cast delete dynamic_cast explicit export false friend mutable namespace new operator private protected public
reinterpret_cast static_cast template this throw true try typeid typename using virtual wchar_t and or not xor min max abs isnan isinf
host_blocks host_threads
threadIdx blockIdx blockDim gridDim warpSize float2 float4 double2 double4 dim3 wrap combine partial shared cudaStream_t cudaError_t"""

#: dtype of a kernel -> C++ type.
TYPES = {"float64": "double", "float32": "float"}

_HELPERS = {
    "minimum": """/* The smaller number; NaN if one of them is NaN (fmin would drop it). */
static __device__ inline {real} minimum({real} a, {real} b) {{ return a < b || a != a ? a : b; }}""",
    "maximum": """/* The larger number; NaN if one of them is NaN (fmax would drop it). */
static __device__ inline {real} maximum({real} a, {real} b) {{ return a > b || a != a ? a : b; }}""",
    "sign": """/* -1, 0 or 1; NaN for NaN. */
static __device__ inline {real} sign({real} a) {{ return a > 0 ? 1 : a < 0 ? -1 : a; }}""",
    "square": "static __device__ inline {real} square({real} a) {{ return a*a; }}",
    "cube": "static __device__ inline {real} cube({real} a) {{ return a*a*a; }}",
}


class CudaNames(Names):
    """Identifiers that are neither words of C, of C++ nor of CUDA."""

    RESERVED = Names.RESERVED | frozenset(_WORDS.split())


class CudaExpressions(Expressions):
    """Prints terms; functions are the overloaded ones of C++, so that a float stays a float."""

    LANGUAGE = "cuda"

    def __init__(
        self, numbers: Numbers, leaf: Callable[[Symbol], Text], table: Callable[[Term], Text], real: str = "double"
    ) -> None:
        super().__init__(numbers, leaf, table)
        self.real = real
        self.HELPERS = {name: text.format(real=real) for name, text in _HELPERS.items()}

    def number(self, term: Term) -> str:
        return literals(super().number(term), self.real)

    def condition(self, term: Term) -> str:
        return literals(super().condition(term), self.real)

    def _power_helper(self, name: str, n: int) -> str:
        return power_helper(name, n, f"static __device__ inline {self.real}", self.real)


def literals(text: str, real: str) -> str:
    """The text with literals of a type: ``0.5`` is a double in C++, ``0.5f`` a float."""
    return _LITERAL.sub(lambda m: m[0] + "f", text) if real == "float" else text


_LITERAL = re.compile(r"(?<![\w.])\d+(?:\.\d*(?:e[+-]?\d+)?|e[+-]?\d+)")
