"""The noise of a problem: dy = f(t, y) dt + B(t, y) dW, Ito's meaning, y in R^n, W of m independent Wiener processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.target import CompiledKernel, compile_kernel
from symnum.ir.kernel import Kernel
from symnum.ir.noise import NoiseKernels

Array = NDArray[np.float64]
PythonFunction = Callable[[float, Array, Array], None]


class Function(Protocol):
    """``call(t, y, out)``; ``address`` of the native ``void (double t, const double* y, const double* p, double* out)``; its ``kernel``.

    Either may be None.
    """

    @property
    def call(self) -> PythonFunction: ...

    @property
    def address(self) -> int | None: ...

    @property
    def kernel(self) -> Kernel | None: ...


@dataclass(frozen=True)
class Given:
    """A function written in Python, or one that exists already."""

    call: PythonFunction
    address: int | None = None
    kernel: Kernel | None = None
    keepalive: object = None


class Code:
    """A kernel of the noise, made and compiled when it is first asked for."""

    def __init__(self, make: Callable[[], Kernel], target: str) -> None:
        self._make, self._target = make, target

    @cached_property
    def kernel(self) -> Kernel:
        return self._make()

    @cached_property
    def compiled(self) -> CompiledKernel:
        return compile_kernel(self.kernel, self._target)


@dataclass(frozen=True)
class Bound:
    """Code, and the parameters that it reads when it is called."""

    code: Code
    parameters: Array

    @property
    def kernel(self) -> Kernel:
        return self.code.kernel

    @property
    def address(self) -> int | None:
        return self.code.compiled.address

    @property
    def call(self) -> PythonFunction:
        function, p = self.code.compiled.function, self.parameters
        return lambda t, y, out: function(t, y, p, out)


@dataclass(frozen=True)
class Noise:
    """What moves a state at random.

    Args:
        columns: m, the number of independent Wiener processes. diagonal: m = n, and process i moves unknown i alone.
        values: (t, y) -> the diagonal (n,) of B; or else its columns one after another, (m*n,).
        euler: (t, (y, w, h)) -> B w, (n,), for increments w (m,) over a time h; None: made from ``values``.
        milstein: the same with 1/2 sum_jk L_j b_k (w_j w_k - [j = k] h), L_j = sum_i b_ij d/dy_i; None: needs Levy areas, or is not known.
        commutative: L_j b_k = L_k b_j, so that methods of strong order above one half keep it. additive: B does not depend on y.

    Attributes: ``function(t, y, out)``, ``address``, ``kernel`` of ``values`` (compiled when one of them is first asked for).
    """

    columns: int
    diagonal: bool
    values: Function
    euler: Function | None = None
    milstein: Function | None = None
    commutative: bool = False
    additive: bool = False

    @property
    def function(self) -> PythonFunction:
        return self.values.call

    @property
    def address(self) -> int | None:
        return self.values.address

    @property
    def kernel(self) -> Kernel | None:
        return self.values.kernel

    @property
    def keepalive(self) -> object:
        """Whatever must live as long as ``address`` is called."""
        return self.values

    def applied(self, n: int) -> Function:
        """``euler``, or the same in Python from the values of B."""
        if self.euler is not None:
            return self.euler
        m, values = self.columns, np.zeros(n if self.diagonal else self.columns * n)

        def call(t: float, driven: Array, out: Array) -> None:
            y, w = driven[:n], driven[n : n + m]
            self.values.call(t, y, values)
            out[:] = values * w if self.diagonal else w @ values.reshape(m, n)

        return Given(call)


def new_seed() -> int:
    """A seed nobody chose, short enough to be written down."""
    return int(np.random.SeedSequence().generate_state(1)[0])


def noise_of(kernels: NoiseKernels | None, parameters: Array, target: str) -> Noise | None:
    """The noise of a discretised system, whose functions read ``parameters`` when they are called.

    ``target``: of the right-hand side; where it is none that noise has, "llvm". All problems of the same kernels share their compiled code.
    """
    if kernels is None:
        return None
    target = target if target in ("llvm", "c", "numpy") else "llvm"

    if target not in kernels.compiled:
        makers = (kernels.values, kernels.euler, kernels.milstein)
        kernels.compiled[target] = [None if make is None else Code(make, target) for make in makers]
    values, euler, milstein = (None if code is None else Bound(code, parameters) for code in kernels.compiled[target])
    assert values is not None
    return Noise(kernels.columns, kernels.diagonal, values, euler, milstein, kernels.commutative, kernels.additive)
