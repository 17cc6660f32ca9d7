"""The step language with vectors on a GPU: states, slopes and stages never leave it; rows at the save times come back as they are made.

Scalars and control flow are interpreted on the host (``numpy.Interpreter``); each statement about vectors is one launch, and the launches queue up
until a norm is asked for. A linear combination reads its terms and writes its result in one pass, however many terms it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.cuda_device import Device
from symnum.codegen.cuda_plan import THREADS
from symnum.errors import SolveError
from symnum.expr.term import Term
from symnum.solvers.embedded import language as step
from symnum.solvers.embedded.language import Program, Status
from symnum.solvers.embedded.machine import Machine
from symnum.solvers.embedded.numpy import Interpreter, NumpyVectors
from symnum.solvers.embedded.scalars import Scalars
from symnum.solvers.problem import Options, Problem

Array = NDArray[np.float64]
MOST_BLOCKS = 1024  # that share a norm


@dataclass(frozen=True)
class OnDevice:
    """A right-hand side on a device: ``rhs(t, y, out)`` on its arrays, in the order of the launches."""

    device: Device
    rhs: Callable[[float, Any, Any], None]


@dataclass(frozen=True)
class _Combination:
    """A linear combination that is not yet computed: whoever knows where it goes computes it."""

    coefficients: list[float]
    vectors: list[Any]


class DeviceVectors(NumpyVectors):
    """Vectors (n,) as device arrays; tables and buffers of rows stay NumPy arrays."""

    def __init__(self, pointers: dict[str, Any], on_device: OnDevice, program: Program) -> None:
        super().__init__(pointers, on_device.rhs)
        self.device = on_device.device
        shapes = _shapes(program)
        self.functions = self.device.compile(print_vectors(*shapes), _names(*shapes))
        empty = self.device.arrays.empty
        self.partial, self.total = empty(MOST_BLOCKS), empty(1)

    def combine(self, coefficients: Sequence[float], vectors: Sequence[Any]) -> Any:
        return _Combination([float(c) for c in coefficients], list(vectors))

    def write(self, value: Any, name: str, row: int | None = None) -> None:
        target = self.pointers[name]
        if isinstance(value, _Combination) and not value.vectors:
            value = self.device.arrays.zeros(target.shape[-1])
        if isinstance(value, _Combination):
            out = target if row is None else self.device.arrays.empty_like(value.vectors[0])
            numbers = [np.int64(out.size), *map(np.float64, value.coefficients)]
            blocks = -(-out.size // THREADS)
            self.functions.launch(f"combine_{len(value.vectors)}", blocks, numbers, [*value.vectors, out])
            value = out
        if row is None:
            if value is not target:
                target[...] = value
        else:
            target[row] = value if np.ndim(target) == 1 else self.device.download(value)

    def norm(
        self, coefficients: Sequence[float], vectors: Sequence[Any], scale: Sequence[Any], atol: float, rtol: float
    ) -> float:
        size = vectors[0].size
        blocks = max(1, min(MOST_BLOCKS, -(-size // (4 * THREADS))))
        numbers = [np.int64(size), np.int64(blocks), np.float64(atol), np.float64(rtol), *map(np.float64, coefficients)]
        name = f"norm_{len(vectors)}_{len(scale)}"
        self.functions.launch(name, blocks, numbers, [*vectors, *scale, self.partial])
        self.functions.launch("norm_finish", 1, [np.int64(blocks)], [self.partial, self.total])
        return float(np.sqrt(self.device.download(self.total)[0] / size))


class CudaMachine(Machine):
    """Runs a program with its vectors on a device.

    ``vector(name)`` gives a copy on the host; what is written into it goes to the device before the next run.
    """

    def __init__(
        self, program: Program, n: int, rhs: Callable[[float, Array, Array], None], linear: Any, on_device: OnDevice
    ) -> None:
        super().__init__(program, 1, rhs, linear)  # its own vectors stay small: those in use lie on the device
        self.n, self.device = n, on_device.device
        self.pointers |= {name: self.device.arrays.zeros(n) for name in program.vectors}
        self.vectors = DeviceVectors(self.pointers, on_device, program)
        self.copies: dict[str, Array] = {}
        self.values = Scalars(self.index)

    def vector(self, name: str) -> Array:
        if name not in self.copies:
            self.copies[name] = np.array(self.device.download(self.pointers[name]))
        return self.copies[name]

    def run(self) -> Status:
        for name, copy in self.copies.items():
            self.pointers[name][...] = self.device.upload(copy)
        self.copies.clear()
        return _Interpreter(self.program, self.vectors, self.scalars, self.linear, self.values).run()


class _Interpreter(Interpreter):
    """With scalar terms as Python functions: a step has some hundred, and the device waits for them."""

    def __init__(self, program: Program, vectors: DeviceVectors, scalars: Array, linear: Any, values: Scalars) -> None:
        super().__init__(program, vectors, scalars, linear)
        self.values = values

    def value(self, term: Term) -> Any:
        return self.values.value(term, self.scalars)


def runs(method: Any) -> bool:
    """True if a method needs no linear solver, or only whole exponential steps."""
    return getattr(method, "exponential", None) is not None or not method.program.linear


def refuse(problem: Problem, options: Options, method: Any) -> None:
    """SolveError for what does not run on a device."""
    if not runs(method):
        raise SolveError(
            f'{method.name} solves linear systems or draws random numbers, which target="cuda" does not; write method="ROCK4" (diffusion), '
            'method="Tsit5", or method="ETDRK4" on periodic grids'
        )
    absent = {
        "events": problem.events,
        "checkpoint": options.checkpoint,
        "noise": problem.noise,
        "algebraic equations": problem.differential,
    }
    for what, given in absent.items():
        if given is not None:
            raise SolveError(f'{what}: not with target="cuda"; leave target out')


# --- the functions of vectors as CUDA C ----------------------------------------------------------------------------------


def _shapes(program: Program) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The numbers of terms of the program's combinations, and those of its norms with their scales."""
    every = list(step.every_statement(program.body))
    combined = {len(s.terms) for s in every if isinstance(s, step.LinComb) and s.terms}
    norms = {(len(s.terms), len(s.scale)) for s in every if isinstance(s, step.Norm)}
    return tuple(sorted(combined)), tuple(sorted(norms))


def _names(combined: Sequence[int], norms: Sequence[tuple[int, int]]) -> list[str]:
    return [*(f"combine_{k}" for k in combined), *(f"norm_{k}_{s}" for k, s in norms), "norm_finish"]


def print_vectors(combined: Sequence[int], norms: Sequence[tuple[int, int]]) -> str:
    """``combine_k``: out = the sum of k multiples; ``norm_k_s``: the sum of the squares of (sum of k multiples)/(atol + rtol*max of s sizes)."""
    return "\n".join([_HEAD, *map(_combine, combined), *(_norm(k, s) for k, s in norms), _FINISH])


_HEAD = """static __device__ inline double larger(double a, double b) { return a > b || a != a ? a : b; }  /* NaN if one of them is */
"""


def _combine(k: int) -> str:
    numbers = "".join(f", const double c{j}" for j in range(k))
    vectors = "".join(f"const double *x{j}, " for j in range(k))
    total = " + ".join(f"c{j}*x{j}[i]" for j in range(k))
    return f"""extern "C" __global__ void __launch_bounds__({THREADS})
combine_{k}(const long long n{numbers}, {vectors}double *out)
{{
    const long long i = blockIdx.x*{THREADS}LL + threadIdx.x;
    if (i < n) out[i] = {total};
}}
"""


def _norm(k: int, s: int) -> str:
    numbers = "".join(f", const double c{j}" for j in range(k))
    vectors = "".join(f"const double *__restrict__ x{j}, " for j in range(k)) + "".join(
        f"const double *__restrict__ s{j}, " for j in range(s)
    )
    total = " + ".join(f"c{j}*x{j}[i]" for j in range(k))
    size = ""
    for j in range(s):
        size = f"larger({size}, fabs(s{j}[i]))" if size else f"fabs(s{j}[i])"
    weight = f"atol + rtol*{size}" if size else "atol"
    return f"""extern "C" __global__ void __launch_bounds__({THREADS})
norm_{k}_{s}(const long long n, const long long blocks, const double atol, const double rtol{numbers}, {vectors}double *__restrict__ partial)
{{
    __shared__ double shared[{THREADS}];
    const int thread = threadIdx.x;
    double sum = 0.0;
    for (long long i = blockIdx.x*{THREADS}LL + thread; i < n; i += blocks*{THREADS}LL) {{
        const double e = ({total})/({weight});
        sum += e*e;
    }}
{_TREE}    if (thread == 0) partial[blockIdx.x] = shared[0];
}}
"""


_TREE = f"""    shared[thread] = sum;
    for (int half = {THREADS // 2}; half > 0; half /= 2) {{
        __syncthreads();
        if (thread < half) shared[thread] += shared[thread + half];
    }}
"""
_FINISH = f"""extern "C" __global__ void __launch_bounds__({THREADS})
norm_finish(const long long blocks, const double *__restrict__ partial, double *__restrict__ total)
{{
    __shared__ double shared[{THREADS}];
    const int thread = threadIdx.x;
    double sum = 0.0;
    for (long long k = thread; k < blocks; k += {THREADS}) sum += partial[k];
{_TREE}    if (thread == 0) total[0] = shared[0];
}}
"""
