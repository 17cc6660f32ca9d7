"""Fourier collocation on periodic axes: derivatives exact on every wave the grid resolves, products at the points.

The error falls faster than every power of the spacing where the solution is smooth (L. N. Trefethen, Spectral Methods
in MATLAB, SIAM 2000), so ``order`` means nothing here and is not asked for. Products are not de-aliased: on a
resolved solution aliasing is of the size of the waves that the grid cuts off, and the 2/3 rule would cut off a third
more (``scheme="fourier_dealiased"`` does that, for flows that the grid does not resolve). Derivatives are taken of
what the equation writes: ``d/dx(u**2)/2`` needs one transform less than ``u*du/dx`` and keeps the mean to round-off.
"""

from __future__ import annotations

from dataclasses import replace

from symnum.discretisation.assemble import Assembly
from symnum.discretisation.fourier import FourierLowering
from symnum.errors import DiscretisationError
from symnum.expr.term import ZERO
from symnum.ir.kernel import Kernel, Store, nest
from symnum.ir.system import SemiDiscreteSystem

DEALIASED = False


def check(order: int, closed: bool) -> None:
    """DiscretisationError on axes with sides; every order is welcome, for the error falls faster than any power of the spacing."""
    if closed:
        raise DiscretisationError(
            'scheme="fourier" takes periodic axes, and this system has sides with conditions; write sn.periodic(x), or scheme="central"'
        )


def stencil(*_: object, **__: object) -> None:
    """DiscretisationError: derivatives in initial values and conditions have no stencil here."""
    raise DiscretisationError(
        'scheme="fourier" has no stencils: a derivative stands where only values at points are known (an initial value); write it out as a formula'
    )


class FourierAssembly(Assembly):
    """The layout of an ordinary discretisation, with rates in spectral form."""

    def build(self) -> SemiDiscreteSystem:
        self._check()
        dealiased = bool(getattr(self.scheme, "DEALIASED", False))
        lowering = FourierLowering(
            self.normal, self.grid.axes, self.parameters, self.system.time, self.state, dealiased
        )
        self.spectral = lowering.rates()
        return replace(super().build(), spectral=self.spectral)

    def _rhs(self) -> Kernel:
        """The pointwise part alone; what ``spectral`` says around it makes the time derivatives."""
        if self.spectral.stages:
            return self.spectral.stages[-1].kernel
        ranges = tuple((k, 0, n) for k, n in enumerate(self.periods))
        zero = nest(ranges, tuple(Store(a.name, ZERO) for a in self.state))
        return self.kernel("pointwise", self.state, [zero], "no pointwise part: the rates are linear")

    def _check(self) -> None:
        """DiscretisationError where a system has what waves cannot hold."""
        anti = [a.name for a in self.grid.axes if self.boundary.signs[a.name] != 1]
        few = [f.name for f in self.normal.fields if len(self._axes(f)) != len(self.grid.axes)]
        seen = (
            f"the axis {anti[0]} is antiperiodic"
            if anti
            else "the system has no space coordinate"
            if not self.grid.axes
            else f"{next(iter(self.normal.algebraic)).name} has an equation without a time derivative"
            if self.normal.algebraic
            else "the equations hold integrals"
            if self.integrals.arrays
            else f"{few[0]} does not depend on all coordinates"
            if few
            else ""
        )
        if seen:
            raise DiscretisationError(
                f'{seen}, which scheme="fourier" does not take; write scheme="central" (order=4 or 6 on smooth solutions)'
            )


ASSEMBLY = FourierAssembly
