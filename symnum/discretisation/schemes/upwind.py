"""Upwind differences of order 1, 2 and 3: first derivatives are biased against the flow, all others central of the next even order.

A summand ``k*dw/dx`` in the rate of u, w without derivatives, carries u with the speed ``-k*dw/du``::

    w = u      k*du/dx        k < 0: k*(D- u)      k > 0: k*(D+ u)
    w = f(u)   k*df(u)/dx     (k*(C_(i+1/2) - C_(i-1/2)) + |k|*(J_(i+1/2) - J_(i-1/2)))/h
                              C = (F-(f) + F+(f))/2,     J = a*(F+(u) - F-(u))/2,     a = max(|f'(u_i)|, |f'(u_(i+1))|) at face i+1/2

with the differences D-, D+ and face values F-, F+ biased to the left and right (``symnum.discretisation.upwind``). Where the sign of the speed
is the same whatever fields and parameters are, the second line is F- or F+ of f alone. Otherwise the bias is a dissipation proportional to
|f'| (Rusanov's flux): it fades where the speed passes through zero, so the order stays there; a switch between F-(f) and F+(f) would leave an
error of relative size one (order 1) or h^2 (order 3). With order 1 it is monotone and lets no expansion shocks stand, for convex f.

The face values telescope: with periodic sides and constant k the sum of the rate over the grid is zero to round-off. A sum of several such
derivatives is split, each part by its own speed.

In coupled systems the speed comes from the derivative by the field whose rate it is. First derivatives of other fields alone
(``dt(u) = -dx(v)``, ``dt(v) = -dx(u)``) carry in both directions and are central, as are fluxes with derivatives inside
(``div(D*grad(u))``), summands nonlinear in the first derivatives, and equations without a time derivative.

Near a closed side the windows slide and keep their order, see ``face_weights`` and ``enters`` there.

Sources: V. V. Rusanov, USSR Comput. Math. Math. Phys. 1 (1961) 267-279; R. J. LeVeque, Finite Volume Methods for Hyperbolic Problems,
Cambridge 2002, sections 4.8 (upwind) and 12.5 (local Lax-Friedrichs, which is Rusanov's flux).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from symnum.discretisation.lower import At, Lowering, Position
from symnum.discretisation.schemes import central
from symnum.discretisation.upwind import (
    HALF,
    Limits,
    Weights,
    combined,
    difference_weights,
    face_weights,
    sign,
    transport,
)
from symnum.errors import DiscretisationError
from symnum.expr.calculus import differentiate
from symnum.expr.term import ZERO, Const, Symbol, Term, add, call, mul, scale
from symnum.ir.kernel import table

SHELLS = True
CLOSURES = {3: central.CLOSURES[4]}


def check(order: int, closed: bool) -> None:
    """DiscretisationError for orders other than 1, 2, 3 (and what central differences of the next even order refuse)."""
    if type(order) is not int or order not in (1, 2, 3):
        raise DiscretisationError(
            f'upwind differences have the orders 1, 2 and 3, not {order!r}; write order=3, or scheme="central" for higher orders'
        )
    central.check(order + order % 2, closed)


def stencil(derivative: int, order: int, **options: Any) -> central.Stencil:
    """Central differences of the next even order: all that is not transport (see ``central.stencil``)."""
    return central.stencil(derivative, order + order % 2, **options)


def central_part(rate: Term, field: Symbol, axis_of: dict[str, int]) -> Term:
    """What is left of the rate of a field without the transport that is biased."""
    return transport(rate, field, axis_of)[1]


class Upwind(Lowering):
    """Lowers rates with transport biased against the flow."""

    def rate(self, term: Term, field: Symbol | None = None) -> Term:
        """The discrete rate of ``field`` at the current grid point; without a field (no time derivative) all is central."""
        if field is None:
            return self.lower(term, self.centre)
        carried, rest = transport(term, field, self.axis_of)
        parts = [self.lower(rest, self.centre)]
        for node, factor in carried.items():
            k = self.axis_of[node.args[1].name]  # type: ignore[attr-defined]
            if node.args[0] is field:
                value = self._advective(factor, field, k)
            else:
                value = self._flux(factor, node.args[0], field, k)
            parts.append(scale(value, 1 / self.grid.axes[k].spacing))
        return add(parts)

    def _advective(self, factor: Term, field: Symbol, k: int) -> Term:
        """h*factor*du/dx."""
        here, known = self.lower(factor, self.centre), self._sign(scale(factor, -1))
        if known:
            return mul((here, self._difference(field, known > 0, k)))
        back = call("lt", here, ZERO)
        return mul((here, call("where", back, self._difference(field, True, k), self._difference(field, False, k))))

    def _flux(self, factor: Term, flux: Term, field: Symbol, k: int) -> Term:
        """h*factor*df/dx from the values at the two faces."""
        slope = differentiate(flux, field)
        here, known = self.lower(factor, self.centre), self._sign(mul((scale(factor, -1), slope)))
        if known:
            return mul((here, self._difference(flux, known > 0, k)))
        means, jumps = zip(*(self._face(flux, slope, field, face, k) for face in (HALF, -HALF)), strict=True)
        size = Const(abs(here.data[0])) if here.op == "const" else call("abs", here)
        inside = mul((here, means[0] - means[1])) + mul((size, jumps[0] - jumps[1]))
        if not any(_at_end(self._limits_in(k, layer)) for layer in self._layers(k)):
            return inside
        back = call("lt", mul((here, self.lower(slope, self.centre))), ZERO)  # beyond an end point there is no face
        ends = (self._difference(flux, way, k, ends_only=True) for way in (True, False))
        return inside + mul((here, call("where", back, *ends)))

    def _difference(self, term: Term, rightwards: bool, k: int, ends_only: bool = False) -> Term:
        def weights(limits: Limits) -> Weights:
            return {} if ends_only and not _at_end(limits) else difference_weights(self.order, rightwards, limits)

        return self._weighted(term, weights, k)

    def _face(self, flux: Term, slope: Term, field: Symbol, face: Fraction, k: int) -> tuple[Term, Term]:
        """The mean of both biased face values of the flux, and max|f'|/2 times the jump between those of the field; zero at end points."""

        def weights(a: Fraction) -> Callable[[Limits], Weights]:
            def both(limits: Limits) -> Weights:
                if _at_end(limits):
                    return {}
                left, right = (face_weights(self.order, face, way, limits) for way in (True, False))
                return combined(left, right, a, HALF)

            return both

        def beside(offset: int) -> Term:
            return call(
                "abs", self._weighted(slope, lambda limits: {} if _at_end(limits) else {offset: Fraction(1)}, k)
            )

        speed = call("maximum", beside(int(face - HALF)), beside(int(face + HALF)))
        return self._weighted(flux, weights(HALF), k), mul((speed, self._weighted(field, weights(-HALF), k)))

    def _weighted(self, term: Term, weights: Callable[[Limits], Weights], k: int) -> Term:
        """Sum of weight*value over a window along axis k; ``weights``: of the offsets, for a point with given ends of the axis."""
        layers = self._layers(k)
        if self.shell[k] is None:
            window = weights(self._limits_in(k, layers[0]) if layers else None)
            return add(scale(self.lower(term, self._along(k, Fraction(o))), float(w)) for o, w in window.items())
        rows: dict[int, list[float]] = {}
        for layer in layers:
            for o, w in weights(self._limits_in(k, layer)).items():
                rows.setdefault(layer + o, [0.0] * len(layers))[layer - layers[0]] = float(w)
        nodes = ((table(k, layers[0], rows[node]), self._along(k, At(Fraction(node)))) for node in sorted(rows))
        return add(mul((weight, self.lower(term, place))) for weight, place in nodes)

    def _layers(self, k: int) -> Sequence[int]:
        """The layers near a side that this region is made of; none in the interior."""
        layer, shell = self.layer[k], self.shell[k]
        return range(*shell) if shell is not None else () if layer is None else (layer,)

    def _limits_in(self, k: int, layer: int) -> Limits:
        axis = self.grid.axes[k]
        return None if axis.periodic else (Fraction(-layer), Fraction(axis.points - 1 - layer))

    def _along(self, k: int, entry: Fraction | At) -> Position:
        return tuple(entry if d == k else Fraction(0) for d in range(len(self.grid.axes)))

    def _sign(self, speed: Term) -> int:
        return sign(speed, {a.name: (a.start, a.stop) for a in self.grid.axes})


def _at_end(limits: Limits) -> bool:
    return limits is not None and 0 in limits


LOWERING = Upwind
