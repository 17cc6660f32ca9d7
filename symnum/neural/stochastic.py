"""``NeuralSDE``: dy = f(t, y) dt + g(t, y) dW with diagonal noise as a module of torch, solved with gradients.

sde = sn.neural.NeuralSDE(drift, diffusion, rtol=1e-2, atol=1e-2)
out = sde(y0, ts)                                        # out.y: (time, batch, dim...); out.seed gives the same paths again
loss = sn.neural.moment_loss(out.y, mean, variance) + weight*out.regularizer("error")
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from symnum.errors import SolveError, SolveWarning, UnknownName, did_you_mean, names_options
from symnum.neural.checks import checked_state, checked_times
from symnum.neural.discrete import by_checkpoints, by_graph, replay
from symnum.neural.ode import Outcome
from symnum.neural.record import SolveOptions
from symnum.neural.regularise import checked_regulariser, uniform
from symnum.neural.stochastic_march import StochasticProblem
from symnum.neural.stochastic_path import Path
from symnum.neural.stochastic_step import METHODS, PAIRS, check_diffusion, stochastic_method
from symnum.neural.vector_field import takes_time

_MOST_SEED = 2**63  # exclusive


class NeuralSDE(torch.nn.Module):
    """dy = drift(t, y) dt + diffusion(t, y) dW, y(ts[0]) = y0, Ito's meaning, diagonal noise.

    Each number of the state, in each sample of the batch, has a Wiener process of its own; the diffusion gives its factor, a tensor like y.

    Args:
        drift, diffusion: modules (or functions) of (t, y), or of y alone -> tensor like y; t is a tensor without dimensions.
        method: "SOSRI", "SRIW1": strong order 3/2, steps of their own choice; "EM", "Milstein": orders 1/2 and 1, steps of length ``dt``.
            Above 1/2 the orders hold where diffusion_i depends on y_i and t alone; elsewhere SOSRI and SRIW1 warn, and Milstein refuses.
        rtol, atol: a step is accepted where rms(error/(atol + rtol |y|)) <= 1, over all numbers of the batch, which shares its steps.
        dt: of EM and Milstein, and with ``adaptive=False``, the step; else the first step, None: chosen.
        seed: of the paths: all solves then have the same. None: each solve has new ones, whose seed torch's generator draws.
        adaptive: False: SOSRI and SRIW1 too keep the step dt.
        checkpoints: keep so many states on the way forward and take the steps between them again on the way back. None: torch keeps all.
        max_steps: most attempted steps. time_dependent: whether both want (t, y); None: as their signatures say.

    A gradient is that of the computed solution along its path, with its steps held fixed. Raises SolveError, UnknownName.
    """

    @names_options
    def __init__(
        self,
        drift: Callable[..., Any],
        diffusion: Callable[..., Any],
        method: str = "SOSRI",
        rtol: float = 1e-2,
        atol: float = 1e-2,
        dt: float | None = None,
        seed: int | None = None,
        adaptive: bool = True,
        checkpoints: int | None = None,
        max_steps: int = 10_000,
        time_dependent: bool | None = None,
    ) -> None:
        super().__init__()
        for what, net in (("drift", drift), ("diffusion", diffusion)):
            if not callable(net):
                raise SolveError(f"{what} is a {type(net).__name__}; expected a module, net(t, y) or net(y)")
        if method not in METHODS:
            raise UnknownName(
                f"there is no method {method!r} for neural stochastic equations.{did_you_mean(str(method), METHODS)} "
                f"It is one of: {', '.join(METHODS)}"
            )
        self.options = SolveOptions(method, rtol, atol, dt, max_steps)
        if not isinstance(adaptive, bool):
            raise SolveError(f"adaptive is {adaptive!r}, neither True nor False")
        self.adaptive = adaptive and method in PAIRS
        if dt is None and not self.adaptive:
            hint = ', or method="SOSRI", which chooses its steps' if method not in PAIRS else ", or adaptive=True"
            raise SolveError(f"{method} keeps a fixed step here, which is to be given; write for example dt=0.01{hint}")
        if checkpoints is not None and (type(checkpoints) is not int or checkpoints < 2):
            raise SolveError(
                f"checkpoints is {checkpoints!r}, not a whole number >= 2; write for example checkpoints=20"
            )
        self.drift, self.diffusion = drift, diffusion
        self.timed, self.diffusion_timed = (
            takes_time(net, "NeuralSDE(drift, diffusion") if time_dependent is None else bool(time_dependent)
            for net in (drift, diffusion)
        )
        self.seed = None if seed is None else checked_seed(seed)
        self.checkpoints = checkpoints
        self._looked_at = False

    def extra_repr(self) -> str:
        o = self.options
        steps = f"rtol={o.rtol:g}, atol={o.atol:g}" if self.adaptive else f"dt={o.dt:g}"
        return f"method={o.method!r}, {steps}, seed={self.seed}"

    def forward(
        self, y0: Tensor, ts: Any, seed: int | None = None, generator: torch.Generator | None = None
    ) -> StochasticOutcome:
        """Solve.

        Args:
            y0: (batch, dim...), float32 or float64. ts: (m,) increasing save times, the first is that of y0.
            seed: of the paths, in place of the module's.
            generator: of the seed, where none is given, and of t* and j of the local regularisers; None: torch's own.

        A solve that cannot reach the end warns (SolveWarning) and gives what it had: rows that were not reached are NaN.

        Raises SolveError where shapes, dtypes, devices or the order of times do not fit, or f or g is not finite at the start.
        """
        checked_state(y0, self.drift)
        checked_state(y0, self.diffusion)
        times = _forward_times(ts, y0)
        span, dt = float(times[-1] - times[0]), self.options.dt
        if not self.adaptive and dt is not None and span / dt > self.options.max_steps:
            raise SolveError(
                f"dt={dt:g} makes more steps from {float(times[0]):g} to {float(times[-1]):g} than max_steps={self.options.max_steps} allows; "
                f"write for example dt={span / 1000:.3g}, or max_steps={int(span / dt) + 1}"
            )
        self._look_at_diffusion(float(times[0]), y0)
        problem = self._problem(y0, times, seed, generator)
        if self.checkpoints is not None and torch.is_grad_enabled():
            record, starts = by_checkpoints(problem, y0, times, self.checkpoints)
        else:
            record, starts = by_graph(problem, y0, times)
        if not record.success:
            warnings.warn(record.message, SolveWarning, stacklevel=2)
        return StochasticOutcome(problem, record, starts, y0, times, "discrete")

    def replay(self, out: StochasticOutcome, y0: Tensor | None = None) -> StochasticOutcome:
        """The accepted steps of ``out`` once more along the same path, for the weights (or y0) of now: the map whose derivative the gradient is."""
        y0 = out.y0 if y0 is None else checked_state(y0, self.drift)
        if y0.shape != out.y0.shape:
            raise SolveError(
                f"y0 has the shape {tuple(y0.shape)}, that of the solve {tuple(out.y0.shape)}; the path is for the latter"
            )
        problem = replace(out.problem, net=self.drift, diffusion=self.diffusion)
        record, starts = replay(problem, out.record, y0, out.times)
        return StochasticOutcome(problem, record, starts, y0, out.times, "discrete")

    def _problem(
        self, y0: Tensor, times: Tensor, seed: int | None, generator: torch.Generator | None
    ) -> StochasticProblem:
        seed = self.seed if seed is None else checked_seed(seed)
        if seed is None:
            device = "cpu" if generator is None else generator.device
            seed = int(torch.randint(2**32, (), generator=generator, dtype=torch.int64, device=device))
        problem = StochasticProblem(
            self.drift, self.timed, stochastic_method(self.options.method), self.options,
            diffusion=self.diffusion, diffusion_timed=self.diffusion_timed, seed=seed, path=Path(seed, y0.numel()),
            fixed=0.0 if self.adaptive else self.options.dt or 0.0,
        )  # fmt: skip
        if self.checkpoints is not None and torch.is_grad_enabled():
            problem.parameters = [p for p in self.parameters() if p.requires_grad]
        if self.training and torch.is_grad_enabled() and self.options.method in PAIRS:
            first, second = uniform(2, generator)
            begin, end = float(times[0]), float(times[-1])
            problem.star, problem.share = begin + first * (end - begin), second
        return problem

    def _look_at_diffusion(self, t: float, y0: Tensor) -> None:
        """Once: does each number of the diffusion depend on its own number of the state alone?"""
        name = self.options.method
        if self._looked_at or name == "EM" or torch.is_inference_mode_enabled():
            return
        self._looked_at = True
        time = torch.tensor(t, dtype=y0.dtype, device=y0.device)
        if is_diagonal(lambda y: self.diffusion(time, y) if self.diffusion_timed else self.diffusion(y), y0):
            return
        seen = "the diffusion of one number of the state depends on others, so the coefficients of the noise do not commute"
        if name == "Milstein":
            self._looked_at = False
            raise SolveError(f"{seen}, as Milstein needs; write method='EM', or a diffusion that acts number by number")
        warnings.warn(
            f"{seen}: {name} then has the strong order 1/2, and its estimate does not see the error. Moments still converge. "
            "A diffusion that acts number by number, or method='EM' with a fixed dt, is the remedy",
            SolveWarning,
            stacklevel=3,
        )


class StochasticOutcome(Outcome):
    """What a solve gave: an ``Outcome``, whose ``nfe`` counts evaluations of the drift, and ``seed``, that of the paths."""

    problem: StochasticProblem

    @property
    def seed(self) -> int:
        return self.problem.seed

    def regularizer(self, kind: str) -> Tensor:
        """See ``Outcome.regularizer``. "local_biased" takes step j once more, "local", "local_stiffness" one along a path of its own.

        Raises SolveError for EM and Milstein, which have no estimates.
        """
        name = self.problem.options.method
        if checked_regulariser(kind) and name not in PAIRS:
            raise SolveError(f"{name} has no estimate of its error or stiffness; write method='SOSRI' or 'SRIW1'")
        return super().regularizer(kind)


def moment_loss(y: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Mean squares of the differences of mean and variance over the batch: y (time, batch, dim...), the others (time, dim...). Raises SolveError."""
    expected = (y.shape[0], *y.shape[2:])
    for what, given in (("mean", mean), ("variance", variance)):
        if tuple(given.shape) != expected:
            raise SolveError(f"the {what} has the shape {tuple(given.shape)}, y {tuple(y.shape)}; expected {expected}")
    if y.shape[1] < 2:
        raise SolveError("y holds one sample, which has no variance; solve for a batch, for example y0.expand(100, -1)")
    return (y.mean(1) - mean).square().mean() + (y.var(1) - variance).square().mean()


def checked_seed(seed: Any) -> int:
    """A whole number in [0, 2^63). Raises SolveError."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < _MOST_SEED:
        raise SolveError(f"seed is {seed!r}, not a whole number from 0 to 2^63 - 1; write for example seed=1")
    return int(seed)


def is_diagonal(g: Callable[[Tensor], Any], y0: Tensor) -> bool:
    """Is dg/dy diagonal at y0? J^T v = v (J^T 1) for a random v then, and almost surely not otherwise."""
    with torch.enable_grad():
        y = y0.detach().clone().requires_grad_()
        value = g(y)
        check_diffusion(value, y)
        if not value.requires_grad:
            return True
        v = torch.randn(y.shape, generator=torch.Generator().manual_seed(0), device="cpu").to(y)
        first, second = (
            torch.autograd.grad(value, y, vector, retain_graph=True, materialize_grads=True)[0]
            for vector in (torch.ones_like(y), v)
        )
    eps = torch.finfo(y.dtype).eps
    return not float((second - v * first).norm()) > 1e3 * eps * float(
        first.norm() + second.norm()
    )  # NaN is refused later


def _forward_times(ts: Any, y0: Tensor) -> Tensor:
    """Save times, increasing and without gradient. Raises SolveError."""
    times = checked_times(ts, y0, backwards=None)
    if times.ndim != 1:
        raise SolveError(
            f"ts has the shape {tuple(times.shape)}; expected (m,): the samples of a stochastic solve share their save times"
        )
    if times.requires_grad:
        raise SolveError(
            "ts requires a gradient, but a Brownian path has no derivative by time; write node(y0, ts.detach())"
        )
    return times
