"""What an implicit method asks of linear algebra: ``LinearSolver``, and its native face ``NativeLinear``.

    W = (shift + i*imaginary)*M - J,    J = df/dy at the last ``jacobian``,    M = identity with zeros in the rows of algebraic equations

A solver keeps several factorised W apart in ``slots`` numbered from 0; every one is real (imaginary = 0) or complex. ``product`` gives J v.
Shapes: all vectors are (n,) float64, contiguous; ``out`` may be ``b``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SLOTS = 4  # matrices W that a solver keeps at a time


class LinearSolver(Protocol):
    """A solver of W x = b. Each function that returns a truth value says False where it met a singular matrix or a number that is not finite.

    Attributes:
        native: the same as native code, or None: then the driver calls these functions through Python.
        raised: an exception that a Python function (the problem's Jacobian, right-hand side or product) raised while native code was running;
            whoever ran the native code takes it (sets None) and raises it.
        evaluations, factorisations, solves: how often J was evaluated, a W factorised, a system solved.
    """

    raised: BaseException | None

    @property
    def native(self) -> NativeLinear | None: ...

    @property
    def evaluations(self) -> int: ...

    @property
    def factorisations(self) -> int: ...

    @property
    def solves(self) -> int: ...

    def jacobian(self, t: float, y: Array) -> bool:
        """Evaluate J at (t, y)."""
        ...

    def factor(self, slot: int, shift: complex) -> bool:
        """Prepare W = shift*M - J in a slot."""
        ...

    def solve(self, slot: int, b: Array, out: Array) -> bool:
        """out = W^-1 b with the real W of a slot."""
        ...

    def solve_complex(self, slot: int, b_re: Array, b_im: Array, out_re: Array, out_im: Array) -> bool:
        """out = W^-1 b with the complex W of a slot."""
        ...

    def product(self, v: Array, out: Array) -> None:
        """out = J v; ``out`` is not ``v``."""
        ...


@dataclass(frozen=True)
class NativeLinear:
    """Addresses of native functions (1: done, 0: failed), all with ``context`` as first argument::

        i32 jacobian(ptr context, double t, ptr y, ptr p)
        i32 factor(ptr context, i32 slot, double shift, double imaginary)          real where imaginary = 0
        i32 solve(ptr context, i32 slot, ptr b, ptr out)
        i32 solve_complex(ptr context, i32 slot, ptr b_re, ptr b_im, ptr out_re, ptr out_im)
        void product(ptr context, ptr v, ptr out)

    ``counters``: float64 (3,): evaluations, factorisations, solves. ``keepalive``: whatever must live as long as the addresses are used.
    """

    context: int
    jacobian: int
    factor: int
    solve: int
    solve_complex: int
    product: int
    keepalive: object
    counters: Array

    @property
    def table(self) -> list[int]:
        """The six pointers in the order of the native driver's ``linear`` argument."""
        return [self.context, self.jacobian, self.factor, self.solve, self.solve_complex, self.product]
