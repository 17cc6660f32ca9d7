"""``NeuralODE``: y' = net(t, y) as a module of torch, solved with gradients.

node = sn.neural.NeuralODE(net, method="Tsit5", rtol=1e-7, atol=1e-7)
out = node(y0, ts)                                       # out.y: (time, batch, dim...)
loss = mse(out.y, data) + weight*out.regularizer("error")
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from symnum.errors import SolveError, SolveWarning, UnknownName, did_you_mean, names_options
from symnum.neural.checks import checked_state, checked_times
from symnum.neural.continuous import by_adjoint
from symnum.neural.discrete import Problem, Starts, by_checkpoints, by_graph, replay
from symnum.neural.engines import ENGINES, NativeRoad, refuse_native
from symnum.neural.explicit import EXPLICIT, explicit_pair
from symnum.neural.implicit import IMPLICIT, implicit_method
from symnum.neural.record import Record, Recorded, SolveOptions
from symnum.neural.regularise import GLOBAL, checked_regulariser, regulariser, uniform
from symnum.neural.save import Saves
from symnum.neural.vector_field import takes_time

METHODS = (*EXPLICIT, *IMPLICIT)
ADJOINTS = ("discrete", "interpolating", "backsolve")


class NeuralODE(torch.nn.Module):
    """y' = net(t, y), y(ts[0]) = y0.

    Args:
        net: module (or function) net(t, y) or net(y) -> tensor like y; t is a tensor without dimensions.
        method: explicit "Tsit5", "Dopri5", "Vern7"; "KenCarp4", implicit, for stiff networks (a dense Jacobian for each sample).
        rtol, atol: a step is accepted where rms(error/(atol + rtol |y|)) <= 1, over all numbers of the batch, which shares its steps.
        adjoint: "discrete": the exact gradient of the computed solution. "interpolating", "backsolve": the adjoint equation, solved backwards
            in time with the same method and tolerances (memory: the steps' polynomials; nothing but the states at ts).
        checkpoints: for "discrete": keep so many states on the way forward and take the steps between them again on the way back. None: torch
            keeps all.
        dt: the first step; None: chosen from f. max_steps: most attempted steps.
        time_dependent: whether it is net(t, y); None: as its signature says.
        engine: "native": the whole solve and its gradient as machine code, for small networks of float64 on the CPU with the discrete adjoint;
            "torch"; "auto": native where it serves and no layer is wider than 128. Both take the same steps.
        parameters: tensors outside of ``net.parameters()`` that want a gradient, where the way back is ours (checkpoints, interpolating, backsolve).

    Raises SolveError, UnknownName for options that are not known.
    """

    @names_options
    def __init__(
        self,
        net: Callable[..., Any],
        method: str = "Tsit5",
        rtol: float = 1e-6,
        atol: float = 1e-6,
        adjoint: str = "discrete",
        checkpoints: int | None = None,
        dt: float | None = None,
        max_steps: int = 10_000,
        time_dependent: bool | None = None,
        parameters: Iterable[Tensor] = (),
        engine: str = "auto",
    ) -> None:
        super().__init__()
        if not callable(net):
            raise SolveError(f"net is a {type(net).__name__}; expected a module, net(t, y) or net(y)")
        for what, name, known in (
            ("method", method, METHODS),
            ("adjoint", adjoint, ADJOINTS),
            ("engine", engine, ENGINES),
        ):
            if name not in known:
                raise UnknownName(
                    f"there is no {what} {name!r} for neural equations.{did_you_mean(str(name), known)} It is one of: {', '.join(known)}"
                )
        if checkpoints is not None and (
            isinstance(checkpoints, bool) or not isinstance(checkpoints, int) or checkpoints < 2
        ):
            raise SolveError(
                f"checkpoints is {checkpoints!r}, not a whole number >= 2; write for example checkpoints=20"
            )
        if checkpoints is not None and adjoint != "discrete":
            raise SolveError(f"checkpoints are for adjoint='discrete'; adjoint={adjoint!r} keeps no graph of the steps")
        if method in IMPLICIT and adjoint != "discrete":
            raise SolveError(
                f"adjoint={adjoint!r} is for explicit methods; with {method} write adjoint='discrete', if need be with checkpoints=20"
            )
        self.net = net
        self.options = SolveOptions(method, rtol, atol, dt, max_steps)
        self.adjoint, self.checkpoints = adjoint, checkpoints
        self.timed = takes_time(net) if time_dependent is None else bool(time_dependent)
        self.more_parameters = list(parameters)
        self.engine, self._native = engine, NativeRoad()

    def extra_repr(self) -> str:
        o = self.options
        return f"method={o.method!r}, rtol={o.rtol:g}, atol={o.atol:g}, adjoint={self.adjoint!r}"

    def forward(
        self, y0: Tensor, ts: Any, backwards: bool = False, generator: torch.Generator | None = None
    ) -> Outcome:
        """Solve.

        Args:
            y0: (batch, dim...) or any other shape, float32 or float64.
            ts: (m,) increasing save times, the first is that of y0; or (m, batch), a column a sample, with a common start. May require a gradient.
            backwards: the times decrease.
            generator: of the random t* and j of the local regularisers, which are drawn in training mode; None: torch's own.

        A solve that cannot reach the end warns (SolveWarning) and gives what it had: rows that were not reached are NaN.

        Raises SolveError where shapes, dtypes, devices or the order of times do not fit, or f is not finite at the start.
        """
        checked_state(y0, self.net)
        times = checked_times(ts, y0, backwards)
        problem = self._problem(times, generator)
        record, starts = self._solve(problem, y0, times)
        if not record.success:
            warnings.warn(record.message, SolveWarning, stacklevel=2)
        return Outcome(problem, record, starts, y0, times, self.adjoint)

    def _solve(self, problem: Problem, y0: Tensor, times: Tensor) -> tuple[Record, Starts]:
        if self.engine != "torch":
            ours = "the native road has the discrete adjoint"
            reason = ours if self.adjoint != "discrete" else self._native.serves(problem, y0, times)
            if not reason and (self._native.small or self.engine == "native"):
                return self._native.solve(problem, y0, times, self.checkpoints)
            if reason and self.engine == "native":
                refuse_native(reason)
        problem.draw()
        if self.checkpoints is not None and torch.is_grad_enabled():
            return by_checkpoints(problem, y0, times, self.checkpoints)
        if self.adjoint != "discrete" and torch.is_grad_enabled():
            return by_adjoint(problem, y0, times, self.adjoint)
        return by_graph(problem, y0, times)

    def replay(self, out: Outcome, y0: Tensor | None = None, ts: Any = None) -> Outcome:
        """The accepted steps of ``out`` once more, without choosing any: the same h_j, t* and j for the weights (or y0, ts) of now.

        The discrete adjoint is the exact derivative of this map.
        """
        out.problem.draw()
        y0 = out.y0 if y0 is None else checked_state(y0, self.net)
        times = out.times if ts is None else checked_times(ts, y0, out.record.h[0] < 0)
        problem = replace(out.problem, net=self.net, precise=True)
        record, starts = replay(problem, out.record, y0, times)
        return Outcome(problem, record, starts, y0, times, self.adjoint)

    @property
    def _own_way_back(self) -> bool:
        """Is the gradient ours to compute, and not by torch's graph?"""
        return self.checkpoints is not None or self.adjoint != "discrete"

    def _problem(self, times: Tensor, generator: torch.Generator | None) -> Problem:
        name = self.options.method
        method: Any = implicit_method(name) if name in IMPLICIT else explicit_pair(name)
        problem = Problem(self.net, self.timed, method, self.options, precise=torch.is_grad_enabled())
        if self._own_way_back and torch.is_grad_enabled():
            wanted = [*self.net.parameters()] if isinstance(self.net, torch.nn.Module) else []
            problem.parameters = [p for p in (*wanted, *self.more_parameters) if p.requires_grad]
        if self.training and torch.is_grad_enabled():
            problem.drawing = lambda: _drawn(times, generator)
        return problem


def _drawn(times: Tensor, generator: torch.Generator | None) -> tuple[float, float]:
    """t* in the interval of the times, and the share that chooses j."""
    first, second = uniform(2, generator)
    values = times.detach().numpy()
    begin, last = float(values.flat[0]), values[-1]
    end = float(last if values.ndim == 1 else last[abs(last - begin).argmax()])
    return begin + first * (end - begin), second


class Outcome(Recorded):
    """What a solve gave.

    Attributes:
        y: (time, batch, dim...) at the save times, differentiable; rows that were not reached are NaN. t: the save times.
        nfe, stats: evaluations of f; all counts (``rhs_evaluations``, ``steps``, ``rejected``).
        steps: (n,) h_j; errors: (n,) E_j; stiffness: (n,) S_j of the accepted steps; the last two are differentiable with the discrete adjoint.
        success, message: a sentence, with what to try after a failure.
    """

    def __init__(
        self, problem: Problem, record: Record, starts: Starts, y0: Tensor, times: Tensor, adjoint: str
    ) -> None:
        self.problem, self.record, self.starts = problem, record, starts
        self.y0, self.times, self.adjoint = y0, times, adjoint

    @property
    def y(self) -> Tensor:
        return self.record.y

    @property
    def t(self) -> Tensor:
        return self.times

    def regularizer(self, kind: str) -> Tensor:
        """A regulariser by its name in ``REGULARISERS``; formulas in the module ``regularise``.

        The local ones are 0 in evaluation mode, where nothing is drawn.

        Raises UnknownName; SolveError where a gradient is wanted that the adjoint does not give.
        """
        checked_regulariser(kind)
        if kind in GLOBAL and self.adjoint != "discrete" and torch.is_grad_enabled():
            raise SolveError(
                f"the regulariser {kind!r} has no gradient with adjoint={self.adjoint!r}; take 'local', which goes with any, or adjoint='discrete'"
            )
        return regulariser(kind, self.problem, self.record, self.starts, Saves(self.times).shift)

    def __repr__(self) -> str:
        s = self.stats
        return f"Outcome(y {tuple(self.y.shape)}, {s.rhs_evaluations} evaluations, {s.steps} steps, {s.rejected} rejected: {self.message})"
