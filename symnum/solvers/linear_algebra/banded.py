"""Band matrices: LAPACK's gbtrf and gbtrs in an order of the unknowns that makes the band narrow.

Storage (Anderson et al., *LAPACK Users' Guide*, 3rd ed., section 5.3.3): column j of the matrix is column j of an array with
2*below + above + 1 rows, the entry (i, j) in row below + above + i - j; the first ``below`` rows are room for what row exchanges bring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.linear_algebra.direct import Direct
from symnum.solvers.linear_algebra.entries import Entries


@dataclass(frozen=True)
class Order:
    """``permutation[k]``: which unknown stands at position k; ``below``, ``above``: diagonals of the band in this order."""

    permutation: NDArray[np.int32]
    below: int
    above: int

    def positions(self) -> NDArray[np.int64]:
        """At which position each unknown stands."""
        made = np.empty(len(self.permutation), dtype=np.int64)
        made[self.permutation] = np.arange(len(made))
        return made


def narrow_order(entries: Entries) -> Order:
    """The reverse Cuthill-McKee order (of A + A')."""
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    order = np.ascontiguousarray(reverse_cuthill_mckee(entries.pattern(), symmetric_mode=False), dtype=np.int32)
    place = Order(order, 0, 0).positions()
    distance = place[entries.rows] - place[entries.columns]
    return Order(order, max(0, int(distance.max(initial=0))), max(0, int(-distance.min(initial=0))))


class Banded(Direct):
    """See the module. Serves problems without integrals (their equations are full rows)."""

    kind = "banded"
    serial = True

    def __init__(self, entries: Entries, order: Order | None = None) -> None:
        super().__init__(entries)
        assert not entries.extra, "integrals bring full rows"
        self.order = order or narrow_order(entries)
        self.leading = 2 * self.order.below + self.order.above + 1
        self.storage = self.leading * entries.n
        self._position = self.order.positions()

    def place(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
        i, j = self._position[rows], self._position[columns]
        return self.order.below + self.order.above + i - j + j * self.leading

    def words(self) -> dict[Any, int]:
        from symnum.solvers.linear_algebra.native import Word, lapack

        names = {Word.GETRF: "dgbtrf", Word.GETRS: "dgbtrs", Word.COMPLEX_GETRF: "zgbtrf", Word.COMPLEX_GETRS: "zgbtrs"}
        made: dict[Any, int] = {word: lapack(name) for word, name in names.items()}
        made |= {Word.BELOW: self.order.below, Word.ABOVE: self.order.above, Word.LEADING: self.leading}
        made[Word.PERMUTATION] = self.order.permutation.ctypes.data
        return made

    def factorised(self, stored: NDArray[Any]) -> Any:
        from scipy.linalg import lapack

        gbtrf = lapack.dgbtrf if stored.dtype == np.float64 else lapack.zgbtrf
        band = stored.reshape(self.entries.n, self.leading).T
        factors, pivots, info = gbtrf(band, self.order.below, self.order.above)
        return (factors, pivots) if info == 0 else None

    def solved(self, factors: Any, b: NDArray[Any]) -> NDArray[Any]:
        from scipy.linalg import lapack

        gbtrs = lapack.dgbtrs if b.dtype == np.float64 else lapack.zgbtrs
        band, pivots = factors
        solution = np.empty_like(b)
        permutation = self.order.permutation
        solution[permutation] = gbtrs(band, self.order.below, self.order.above, b[permutation], pivots)[0]
        return solution
