"""The noise of a semi-discrete system as kernels: dy = f dt + B dW with B (size, columns)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from symnum.expr.term import Term
from symnum.ir.kernel import Kernel

Made = Callable[[], Kernel]


@dataclass(frozen=True, eq=False)
class NoiseKernels:
    """What moves a state at random. Kernels are made on first need (those of many processes are large).

    Attributes:
        columns: number m of independent Wiener processes. diagonal: m = size, and process i moves unknown i alone.
        values: (t, y) -> the diagonal (size,) of B, or B column after column, (m*size,).
        euler: (t, (y, w, h)) -> B w, (size,); w (m,) are increments of the processes, h (1,) the time they belong to.
        milstein: the same with the terms of order h, 1/2 sum_jk L_j b_k (w_j w_k - [j = k] h); None where they need Levy areas.
        commutative: L_j b_k = L_k b_j: methods of strong order above one half keep it. additive: B does not depend on y.
        names: of the processes, as far as they have some (none for white noise in space).
        coefficients: (field, process, term): what the kernels were made from, beside the grid. compiled: what others made of them, by target.
    """

    columns: int
    diagonal: bool
    values: Made
    euler: Made
    milstein: Made | None
    commutative: bool
    additive: bool
    names: tuple[str, ...] = ()
    coefficients: tuple[tuple[str, str, Term], ...] = ()
    compiled: dict[str, Any] = field(default_factory=dict, repr=False)
