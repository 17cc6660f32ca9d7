"""Closures: what stands for the interior stencil in the layers of points where a closed side cuts it off.

For the m-th derivative at order p a window of the nodes next to the side is taken:

    even m      m + p - drop nodes. drop = 0 has order p itself; fewer nodes have order p - drop there, which costs nothing
                in the solution as the equations gain up to m orders at the side (Gustafsson 1975; Svärd and Nordström 2006).
    m = 1       the p nodes next to the side (order p - 1), plus c_l times the p-th difference in layer l:
                Du_l = (window) + c_l * sum_j (-1)^j binom(p, j) u_j / h
    odd m > 1   m + p - 1 nodes
    m = 0       p nodes (interpolation to midpoints)

The numbers c_l make the eigenvalues of u_t = -u_x and of u_t = v_x, v_t = u_x between reflecting sides have no positive real part;
plain windows (c_l = 0) have growing modes there, as have windows of order p in layer 1. See ``stability`` for the check on the actual equations.

Sources: B. Gustafsson, Math. Comp. 29 (1975) 396-406 (closures of order p - 1 keep order p). M. Svärd, J. Nordström, J. Comput. Phys. 218
(2006) 333-352 (how many orders the closures may lack). M. H. Carpenter, D. Gottlieb, S. Abarbanel, J. Comput. Phys. 108 (1993) 272-295
(closures with free parameters chosen by their eigenvalues).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb


@dataclass(frozen=True)
class Closure:
    """How stencils end at one closed side.

    Args:
        even: how many nodes fewer than m + p an even derivative takes (flux form counts as one).
        first: c_l of the first derivative, for the layers l = 0, 1, ... counted from the side.
    """

    even: int
    first: tuple[Fraction, ...]

    def size(self, derivative: int, order: int, staggered: bool) -> int:
        """Number of nodes of the window."""
        if derivative == 0:
            return order
        if derivative % 2 == 0 or staggered:
            return max(derivative + order - self.even, derivative + 1)
        return derivative + order - 1

    def correction(self, layer: int, order: int) -> list[Fraction]:
        """What the first derivative in a layer adds to the weights of nodes 0, 1, ..., order counted from a lower side."""
        c = self.first[layer] if layer < len(self.first) else Fraction(0)
        return [c * (-1) ** j * comb(order, j) for j in range(order + 1)]


_FOUR = (Fraction(-2, 5), Fraction(-1, 10))
_SIX = (Fraction(-3, 10), Fraction(1, 40), Fraction(27, 500))

#: For each order the closures to try, the most accurate first.
CLOSURES: dict[int, tuple[Closure, ...]] = {
    4: (Closure(0, _FOUR), Closure(1, _FOUR)),
    6: (Closure(0, _SIX), Closure(1, _SIX), Closure(2, _SIX)),
}
