"""What a solve of a ``SystemODE`` gave: states, fields by name, the solver's estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.errors import SolveError
from symnum.neural.observations import block_of
from symnum.neural.record import Record, Recorded
from symnum.neural.regularise import GLOBAL, checked_regulariser

if TYPE_CHECKING:
    from symnum.neural.system import SystemODE

Array = NDArray[np.float64]


class SystemOutcome(Recorded):
    """Rows of a solve, differentiable.

    ``out[u]`` or ``out["u"]``: (time, *grid), the field on the whole grid, with the points that boundary conditions determine. Rows that were not
    reached are NaN.

    Attributes:
        y: (time, n) states: the unknowns. t: (time,) save times.
        nfe, stats: evaluations of f; all counts. success, message: a sentence, with what to try after a failure.
        record: accepted times ``t``, steps ``h``, ``errors``, ``stiffness``, ``states``: see ``Record``.
    """

    def __init__(self, model: SystemODE, record: Record, y: Tensor, times: Array, parameters: Tensor) -> None:
        self.model, self.record, self.y, self.t, self.parameters = model, record, y, times, parameters
        self._whole: Tensor | None = None

    def __getitem__(self, field: Any) -> Tensor:
        block = block_of(self.model.semi, str(getattr(field, "name", field)))
        if self._whole is None:
            self._whole = self.model.whole(self.t, self.y, self.parameters)
        return self._whole[:, block.offset : block.offset + block.size].reshape(len(self.t), *block.shape)

    def regularizer(self, kind: str) -> Tensor:
        """A regulariser by its name: "error", "error_squared", "error_mean", "stiffness", "stiffness_max". Raises UnknownName, SolveError."""
        if checked_regulariser(kind) not in GLOBAL:
            raise SolveError(f"the regulariser {kind!r} is for NeuralODE; for a system take one of {', '.join(GLOBAL)}")
        if self.model.semi.algebraic and torch.is_grad_enabled():
            raise SolveError(
                "the estimates of a system with algebraic equations have no gradient; leave the regulariser out"
            )
        return GLOBAL[kind](self.record) if len(self.record.h) else self.record.errors.sum()

    def __repr__(self) -> str:
        s = self.stats
        return f"SystemOutcome(y {tuple(self.y.shape)}, {s.rhs_evaluations} evaluations, {s.steps} steps, {s.rejected} rejected: {self.message})"
