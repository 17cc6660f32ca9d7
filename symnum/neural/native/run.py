"""A recorded, differentiable solve of dy/dt = f(t, y; p) in machine code, whatever f is.

forward    the driver of ``solvers.embedded`` (the program of every native solve), which keeps each accepted step with its slopes; from that
           record, rows at the save times, E_j and S_j
backward   ``adjoint``: the exact gradient of what was computed, with the steps that were taken
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.errors import SolveError
from symnum.neural.native.bound import Bound
from symnum.neural.native.recorded import Run
from symnum.neural.record import Record, SolveOptions

Array = NDArray[np.float64]


def differentiable(
    bound: Bound,
    y0: Tensor,
    parameters: Sequence[Tensor],
    times: Array | Tensor,
    options: SolveOptions,
    checkpoints: int | None = None,
    share: float | None = None,
) -> Record:
    """Solve from times[0] to times[-1]; ``y``, ``errors``, ``stiffness`` and ``states`` carry gradients to y0, the parameters and the times.

    Args:
        y0: float64 on the CPU, of any shape. times: strictly monotone, (m,); a tensor may want a gradient, if ``bound`` has one by the time.
        checkpoints: keep so many states, and take the steps between them again on the way back.
        share: with checkpoints: the state at the start of step floor(share n) is wanted.

    Returns:
        The record. Its ``states`` are empty where no gradient is wanted, and {j: state} for the one that is wanted with checkpoints.
    """
    numbers = times.detach().numpy() if isinstance(times, Tensor) else times
    given = times if isinstance(times, Tensor) and times.requires_grad else None
    graph = torch.is_grad_enabled()
    made = Run(bound, numbers, options, graph, checkpoints, share)
    if graph:
        y, errors, stiffness, states = _Function.apply(made, y0, given, *parameters)
    else:
        y, errors, stiffness, states = made.forward(y0)
    return Record(
        y=y,
        t=made.t.tolist(),
        h=made.h.tolist(),
        errors=errors,
        stiffness=stiffness,
        states=states if made.whole else {} if made.chosen < 0 else {made.chosen: states[0]},
        stats=made.stats,
        success=not made.message,
        message=made.message or "reached the end of the interval",
    )


class _Function(torch.autograd.Function):
    """(run, y0, times, parameters) -> rows, errors, stiffness, states."""

    @staticmethod
    def forward(ctx: Any, run: Run, y0: Tensor, times: Tensor | None, *parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.run = run
        ctx.save_for_backward(*parameters)
        ctx.set_materialize_grads(False)
        return run.forward(y0)

    @staticmethod
    def backward(ctx: Any, *given: Tensor | None) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # silence would leave out what depends on this gradient
            raise SolveError(
                "machine code has no second derivatives (create_graph=True asks for them); with NeuralODE write engine='torch'"
            )
        run: Run = ctx.run
        _ = ctx.saved_tensors  # asks torch whether a parameter was changed since: what is bound was read before
        _, by_start, timed, *_ = ctx.needs_input_grad
        y0, parameters = run.backward([None if g is None else g.contiguous() for g in given], timed)
        by_time = torch.from_numpy(run.by_time()) if timed else None
        return None, y0 if by_start else None, by_time, *parameters
