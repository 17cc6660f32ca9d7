"""What a recorded solve needs of a right-hand side."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from symnum.neural.native.compiled import Native
from symnum.neural.native.driving import address

Array = NDArray[np.float64]


class Bound(ABC):
    """A right-hand side with its parameters for one solve.

    Attributes:
        native: its functions. context: the table that they read, (k,) int64.
        entry: numbers of an evaluation that may be kept for the way back (see ``code``), 0: none.
    """

    native: Native
    context: NDArray[np.int64]
    entry: int = 0

    @cached_property
    def at(self) -> int:
        """The address of the context."""
        return address(self.context)

    def working(self) -> AbstractContextManager[None]:
        """Threads of the right-hand side's own work while this lasts."""
        return nullcontext()

    def keep(self, evaluations: int) -> None:
        """Make room for the values of so many evaluations."""
        raise AssertionError("nothing is kept here")

    @abstractmethod
    def clear(self) -> None:
        """Set the sums of parameter gradients to zero."""

    @abstractmethod
    def gradients(self) -> Sequence[Array | Tensor]:
        """The gradient by each parameter array, in the order they were given."""

    def by_time(self) -> float:
        """The sum of w^T df/dt since ``clear``."""
        raise AssertionError("no gradient by the time here")
