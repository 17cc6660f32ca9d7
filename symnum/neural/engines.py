"""The choice of the road: small networks to machine code (``native``), everything else through torch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

import torch
from torch import Tensor

from symnum.errors import SolveError
from symnum.neural.discrete import Problem, Starts
from symnum.neural.record import Record
from symnum.neural.save import Saves

ENGINES = ("auto", "torch", "native")


LARGEST = 128  # columns of a linear layer up to which "auto" takes machine code: beyond, torch's matrix products are as fast


class NativeRoad:
    """The native road of one module. The network is read once, and again when its parts were exchanged."""

    def __init__(self) -> None:
        self.asked: Any = None
        self.watch: Any = None
        self.network: Any = None
        self.reason = ""
        self.local = False  # is a local regulariser in use?

    def __deepcopy__(self, memo: Any) -> NativeRoad:
        return NativeRoad()

    def __reduce__(self) -> Any:
        return NativeRoad, ()

    def serves(self, problem: Problem, y0: Tensor, times: Tensor) -> str:
        """Why it does not serve, as a sentence; "" where it does."""
        if y0.ndim not in (2, 3) or y0.dtype != torch.float64 or y0.device.type != "cpu":
            known = "states (batch, dim) or (batch, channels, length) of float64 on the CPU"
            return f"the native road takes {known}, not {y0.dtype} of shape {tuple(y0.shape)} on {y0.device}"
        if times.ndim != 1:
            return "the native road takes save times that all samples share"
        asked = y0.shape[1:], problem.timed, problem.options.method, problem.options.rtol
        if asked != self.asked or not self.watch.same(problem.net):
            from symnum.neural.native.trace import Watch

            self.asked, self.watch = asked, Watch(problem.net)
            self._read(problem, tuple(y0.shape[1:]))
        return self.reason

    def _read(self, problem: Problem, shape: tuple[int, ...]) -> None:
        from symnum.neural.native.solve import native_reason
        from symnum.neural.native.trace import small_network

        self.network = None
        self.reason = native_reason(problem.net, problem.options, shape, problem.timed)
        if not self.reason:
            self.network = small_network(problem.net, shape, problem.timed)  # type: ignore[arg-type]

    @property
    def small(self) -> bool:
        """Is it so small that machine code is the better choice?"""
        return self.network is not None and self.network.layers.widest <= LARGEST

    def solve(
        self, problem: Problem, y0: Tensor, times: Tensor, checkpoints: int | None = None
    ) -> tuple[Record, Starts]:
        """Solve; t* is one more save time where a local regulariser is in use. ``serves`` has said yes."""
        from symnum.neural.native.solve import native_solve

        if self.local or checkpoints is not None:
            problem.draw()
        star, at, given = problem.star, -1, times
        if star is not None:
            values = times.tolist()
            direction = 1.0 if values[-1] > values[0] else -1.0
            at = bisect_left(values, direction * star, key=lambda t: direction * t)
            given = torch.cat((times[:at], torch.tensor([star], dtype=torch.float64, device="cpu"), times[at:]))
        record = native_solve(self.network, y0, given, problem.options, checkpoints, problem.share)
        row = None
        if at >= 0:
            row, record.y = record.y[at], torch.cat((record.y[:at], record.y[at + 1 :]))
        if not record.h:
            problem.check_start(y0, float(times[0]))
        drawn = star is not None or problem.drawing is not None
        return record, Later(self, problem, record, row, times) if drawn and record.h else Starts()


class Later(Starts):
    """The starts of a native solve, found when they are asked for.

    Where y(t*) was not among the save times, its step is taken once more by torch, and the next solves of this module save it.
    """

    def __init__(self, road: NativeRoad, problem: Problem, record: Record, row: Tensor | None, times: Tensor) -> None:
        super().__init__()
        self.road, self.problem, self.record, self.row, self.times = road, problem, record, row, times

    @property
    def star(self) -> tuple[float, Tensor] | None:
        self.problem.draw()
        record, t = self.record, self.problem.star
        direction = 1.0 if record.h[0] > 0 else -1.0
        if t is None or (t - record.t[-1]) * direction > 0:  # not reached
            return None
        if self.row is None:
            self.road.local = True
            j = bisect_right(record.t, direction * t, key=lambda begin: direction * begin) - 1
            j = min(max(j, 0), len(record.h) - 1)
            shift = Saves(self.times).shift
            f, method, y = self.problem.field(shift), self.problem.method, record.states[j]
            step = method.attempt(f, record.t[j], record.h[j], y, f(record.t[j], y), self.problem.options)
            method.finish(f, step)
            theta = torch.tensor([(t - step.t) / step.h], dtype=torch.float64, device="cpu")
            theta = theta if shift is None else theta - shift / step.h
            self.row = method.dense(f, step, theta)[0]
        return t, self.row

    @property
    def chosen(self) -> tuple[int, Tensor] | None:
        self.problem.draw()
        j = self.problem.chosen(len(self.record.h))
        return None if j is None else (j, self.record.states[j])


def refuse_native(reason: str) -> None:
    """engine="native" where it does not serve. Raises SolveError."""
    raise SolveError(f"engine='native' does not serve here: {reason}; write engine='auto' or engine='torch'")
