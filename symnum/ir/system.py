"""The semi-discrete system: state layout, kernels, and what is known about it. Discretisation and tracing write it, all else reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from symnum.expr.term import Symbol
from symnum.ir.kernel import Array, Kernel
from symnum.ir.noise import NoiseKernels
from symnum.ir.spectral import SpectralRates


@dataclass(frozen=True)
class Axis:
    """A uniform axis of a grid: ``points`` grid points from ``start`` with ``spacing``; periodic axes do not repeat the first point.

    ``centred``: the points are the centres of cells, the first half a spacing from ``start`` (finite volumes).
    """

    name: str
    start: float
    stop: float
    points: int
    spacing: float
    periodic: bool
    units: str = ""
    centred: bool = False

    @property
    def first(self) -> float:
        """The position of the first grid point."""
        return self.start + self.spacing / 2 if self.centred else self.start

    def coordinates(self) -> np.ndarray:
        """Positions of the grid points, shape (points,)."""
        return self.first + self.spacing * np.arange(self.points)


@dataclass(frozen=True)
class SemiDiscreteSystem:
    """``dy/dt = rhs(t, y; p)`` on a flat, field-major state vector.

    Attributes:
        state: one Array a field, in order; ``full``: the same fields on the whole grid, boundary points included.
        rhs: the kernel of the time derivatives, ``(size,) -> (size,)``.
        reconstruct: the kernel from state to full fields, ``(size,) -> (full_size,)``.
        initial: ``initial(parameter_values, out=None)``, the state at the initial time, (size,).
        breakpoints: times inside the interval at which the right-hand side jumps.
        hidden: fields that the user did not write (velocities of second-order equations).
        signs: +1 for periodic, -1 for antiperiodic axes, by name.
        algebraic: fields without a time derivative; the rows of ``rhs`` that are theirs are residuals, 0 = rhs.
        structure: what the equations are (``model.structure``), for the planner.
        scheme, order: name of the scheme in space, and its order of accuracy.
        initial_kernel: the kernel of the initial formulas, for code that is written out (zero where ``initial`` samples an array or a function).
        watch: asked after each accepted step whether the run shall pause there, ``watch(t, y)`` (a choice of unknowns that ceases to serve).
        shown: fields of ``full`` that the user wrote, in the user's order (empty: those that are not hidden, as they come).
        spectral: of the Fourier scheme; ``rhs`` is then the last of its pointwise kernels, not the time derivatives.
        noise: what moves the state at random beside ``rhs``, which is then the drift; None: nothing.
    """

    name: str
    axes: tuple[Axis, ...]
    state: tuple[Array, ...]
    full: tuple[Array, ...]
    parameters: tuple[Symbol, ...]
    parameter_values: tuple[float, ...]
    time: Symbol | None
    time_span: tuple[float, float]
    rhs: Kernel
    reconstruct: Kernel
    initial: Callable[..., np.ndarray]
    breakpoints: tuple[float, ...] = ()
    units: dict[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    signs: dict[str, int] = field(default_factory=dict)
    algebraic: frozenset[str] = frozenset()
    structure: Any = None
    scheme: str = ""
    order: int = 0
    initial_kernel: Kernel | None = None
    watch: Callable[[float, np.ndarray], bool] | None = None
    shown: tuple[str, ...] = ()
    spectral: SpectralRates | None = None
    noise: NoiseKernels | None = None

    @cached_property
    def size(self) -> int:
        return sum(a.size for a in self.state)

    @property
    def differential(self) -> np.ndarray | None:
        """Which unknowns have a time derivative, (size,) bool; None where all have."""
        if not self.algebraic:
            return None
        return np.concatenate([np.full(a.size, a.field not in self.algebraic) for a in self.state])

    def locate(self, position: int) -> tuple[str, dict[str, float]]:
        """Field name and coordinates of a position in the state vector."""
        for array in self.state:
            if array.offset <= position < array.offset + array.size:
                indices = np.unravel_index(position - array.offset, array.shape) if array.shape else ()
                place = {
                    self.axes[a].name: float(self.axes[a].first + self.axes[a].spacing * (i + o))
                    for a, i, o in zip(array.axes, indices, array.origin, strict=True)
                }
                return array.field, place
        raise IndexError(position)
