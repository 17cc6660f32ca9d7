"""What one differentiable solve of y' = f(t, y) was asked for and what it gave: the contract between the torch road and the native road.

    t_0 < t_1 < ... < t_n     accepted times,  h_j = t_(j+1) - t_j
    E_j = rms(h_j sum_i e_i k_i / (atol + rtol max(|y_j|, |y_(j+1)|)))      error estimate of step j, <= 1 where it was accepted
    S_j = rms(k_p - k_q) / rms(g_p - g_q) / size                            stiffness estimate: two stages k = f(t, g) at the end of the step

rms: over all numbers of the state, the batch among them, so a batch shares its steps. For decreasing times h_j < 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING

from symnum.errors import SolveError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SolveOptions:
    """How to solve.

    Args:
        method: an explicit pair ("Tsit5", "Dopri5", "Vern7") or an implicit method ("KenCarp4").
        rtol, atol: a step is accepted where E_j <= 1.
        dt: length of the first step (> 0); None: from f, as Hairer, Norsett, Wanner I, II.4.
        max_steps: most attempted steps, accepted and rejected together.

    Raises SolveError where a number is not positive.
    """

    method: str = "Tsit5"
    rtol: float = 1e-6
    atol: float = 1e-8
    dt: float | None = None
    max_steps: int = 10_000

    def __post_init__(self) -> None:
        for name, example in (("rtol", 1e-6), ("atol", 1e-8), ("dt", 0.01)):
            value = getattr(self, name)
            if value is None and name == "dt":
                continue
            if isinstance(value, bool) or not (isinstance(value, Real) and 0 < float(value) < math.inf):
                raise SolveError(f"{name} is {value!r}, not a positive number; write for example {name}={example}")
            object.__setattr__(self, name, float(value))
        if isinstance(self.max_steps, bool) or not isinstance(self.max_steps, int) or self.max_steps < 1:
            raise SolveError(
                f"max_steps is {self.max_steps!r}, not a whole number >= 1; write for example max_steps=1000"
            )


@dataclass(frozen=True)
class Stats:
    """Counts of a solve: evaluations of f (those of rejected steps and of the choice of the first step among them), accepted and rejected steps."""

    rhs_evaluations: int = 0
    steps: int = 0
    rejected: int = 0


@dataclass
class Record:
    """What a solve gave; after a failure, what it had.

    Attributes:
        y: (time, *state) at the save times, differentiable; NaN in rows that were not reached.
        t: n + 1 accepted times; h: n signed steps. Numbers: the controller has no gradient.
        errors: (n,) E_j; stiffness: (n,) S_j. Differentiable where the adjoint is "discrete", with h_j held fixed.
        states: the n + 1 states at ``t``, differentiable; empty where they were not kept, {j: state} where one was wanted.
        stats: see ``Stats``. success, message: a sentence, with what to try after a failure.
    """

    y: Tensor
    t: Sequence[float]
    h: Sequence[float]
    errors: Tensor
    stiffness: Tensor
    states: Sequence[Tensor] | Mapping[int, Tensor] | Tensor = ()
    stats: Stats = field(default_factory=Stats)
    success: bool = True
    message: str = "reached the end of the interval"


class Recorded:
    """What every outcome tells of its record: counts, steps, estimates, and how the solve ended."""

    record: Record

    @property
    def stats(self) -> Stats:
        return self.record.stats

    @property
    def nfe(self) -> int:
        return self.record.stats.rhs_evaluations

    @property
    def steps(self) -> Tensor:
        """(n,) h_j, on the CPU whatever torch's default device."""
        import torch

        return torch.tensor(list(self.record.h), dtype=torch.float64, device="cpu")

    @property
    def errors(self) -> Tensor:
        return self.record.errors

    @property
    def stiffness(self) -> Tensor:
        return self.record.stiffness

    @property
    def success(self) -> bool:
        return self.record.success

    @property
    def message(self) -> str:
        return self.record.message
