"""The choice of the road: small networks to machine code (``native``), everything else through torch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

import torch
from torch import Tensor

from symnum.errors import SolveError
from symnum.neural.discrete import Problem, Starts
from symnum.neural.record import Record

ENGINES = ("auto", "torch", "native")


LARGEST = 128  # columns of a layer up to which "auto" takes machine code: beyond, compiling takes long, and torch's matrix products are as fast


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
        if y0.ndim != 2 or y0.dtype != torch.float64 or y0.device.type != "cpu":
            return f"the native road takes states (batch, dim) of float64 on the CPU, not {y0.dtype} of shape {tuple(y0.shape)} on {y0.device}"
        if times.ndim != 1 or times.requires_grad:
            return "the native road takes save times that all samples share, without a gradient"
        asked = y0.shape[1], problem.timed, problem.options.method, problem.options.rtol
        if asked != self.asked or not self.watch.same(problem.net):
            from symnum.neural.native.trace import Watch

            self.asked, self.watch = asked, Watch(problem.net)
            self._read(problem, y0.shape[1])
        return self.reason

    def _read(self, problem: Problem, dim: int) -> None:
        from symnum.neural.native.solve import native_reason
        from symnum.neural.native.trace import small_network

        self.network = None
        self.reason = native_reason(problem.net, problem.options, dim, problem.timed)
        if not self.reason:
            self.network = small_network(problem.net, dim, problem.timed)  # type: ignore[arg-type]

    @property
    def small(self) -> bool:
        """Is it so small that machine code is the better choice?"""
        return self.network is not None and max(self.network.layers.widths) <= LARGEST

    def solve(self, problem: Problem, y0: Tensor, times: Tensor) -> tuple[Record, Starts]:
        """Solve; t* is one more save time where a local regulariser is in use. ``serves`` has said yes."""
        from symnum.neural.native.solve import native_solve

        star, at = problem.star, -1
        given: Tensor | list[float] = times
        if star is not None and self.local:
            given = times.tolist()
            direction = 1.0 if given[-1] > given[0] else -1.0
            at = bisect_left(given, direction * star, key=lambda t: direction * t)
            given.insert(at, star)
        record = native_solve(self.network, y0, given, problem.options)
        row = None
        if at >= 0:
            row, record.y = record.y[at], torch.cat((record.y[:at], record.y[at + 1 :]))
        if not record.h:
            problem.check_start(y0, float(times[0]))
        return record, Later(self, problem, record, row) if star is not None and record.h else Starts()


class Later(Starts):
    """The starts of a native solve, found when they are asked for.

    Where y(t*) was not among the save times, its step is taken once more by torch, and the next solves of this module save it.
    """

    def __init__(self, road: NativeRoad, problem: Problem, record: Record, row: Tensor | None) -> None:
        super().__init__()
        self.road, self.problem, self.record, self.row = road, problem, record, row

    @property
    def star(self) -> tuple[float, Tensor] | None:
        record, t = self.record, self.problem.star
        direction = 1.0 if record.h[0] > 0 else -1.0
        if t is None or (t - record.t[-1]) * direction > 0:  # not reached
            return None
        if self.row is None:
            self.road.local = True
            j = bisect_right(record.t, direction * t, key=lambda begin: direction * begin) - 1
            j = min(max(j, 0), len(record.h) - 1)
            f, method, y = self.problem.field(), self.problem.method, record.states[j]
            step = method.attempt(f, record.t[j], record.h[j], y, f(record.t[j], y), self.problem.options)
            method.finish(f, step)
            theta = torch.tensor([(t - step.t) / step.h], dtype=torch.float64, device="cpu")
            self.row = method.dense(f, step, theta)[0]
        return t, self.row

    @property
    def chosen(self) -> tuple[int, Tensor] | None:
        j = self.problem.chosen(len(self.record.h))
        return None if j is None else (j, self.record.states[j])


def refuse_native(reason: str) -> None:
    """engine="native" where it does not serve. Raises SolveError."""
    raise SolveError(f"engine='native' does not serve here: {reason}; write engine='auto' or engine='torch'")
