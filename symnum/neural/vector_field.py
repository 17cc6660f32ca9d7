"""The right-hand side f(t, y) that a solve evaluates: a module or function of the user's, counted and checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from symnum.errors import SolveError


class VectorField:
    """``f(t, y)`` -> tensor like y.

    Args:
        net: ``net(t, y)`` or ``net(y)``; t is a tensor without dimensions, of y's dtype and device.
        timed: which of the two.
        shift: a tensor of value 0 that is added to every time: it carries the gradient for the start of the interval. None: no gradient.
        precise: an implicit method iterates to round-off.
        counted: so many leading numbers of a flat state enter the norms that steps are judged by. None: all.

    Attributes:
        evaluations: how often f was evaluated. memory: what a method keeps from step to step (an implicit one its Jacobian).
    """

    def __init__(
        self,
        net: Callable[..., Any],
        timed: bool,
        shift: Tensor | None = None,
        counted: int | None = None,
        precise: bool = False,
    ) -> None:
        self.net, self.timed, self.shift, self.counted, self.evaluations = net, timed, shift, counted, 0
        self.precise = precise
        self.memory: dict[str, Any] = {}

    def work(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
        """Three arrays like y to compute in, where no graph is built: new memory for each operation would cost more than the operation."""
        if torch.is_grad_enabled():
            return None
        known = self.memory.get("work")
        if known is None or known[0].shape != y.shape or known[0].dtype != y.dtype:
            known = self.memory["work"] = (torch.empty_like(y), torch.empty_like(y), torch.empty_like(y))
        made: tuple[Tensor, Tensor, Tensor] = known
        return made

    def __call__(self, t: float, y: Tensor) -> Tensor:
        self.evaluations += 1
        if self.evaluations > 1:
            return self._slope(t, y)
        try:
            value = self._slope(t, y)
        except (RuntimeError, TypeError) as error:  # as torch tells of matrices that do not fit
            called = "net(t, y)" if self.timed else "net(y)"
            raise SolveError(f"{called} fails for y of shape {tuple(y.shape)}: {error}") from error
        check_slope(value, y)
        return value

    def _slope(self, t: float, y: Tensor) -> Tensor:
        value: Tensor
        if not self.timed:
            value = self.net(y)
        else:
            time = torch.tensor(t, dtype=y.dtype, device=y.device)
            value = self.net(time if self.shift is None else time + self.shift.to(y), y)
        return value


def check_slope(value: Any, y: Tensor) -> None:
    """f gives a tensor of y's shape, dtype and device. Raises SolveError."""
    if not isinstance(value, Tensor):
        raise SolveError(f"the network gave a {type(value).__name__}, not a tensor; return dy/dt, a tensor like y")
    for what, seen, expected in (
        ("shape", tuple(value.shape), tuple(y.shape)),
        ("dtype", value.dtype, y.dtype),
        ("device", value.device, y.device),
    ):
        if seen != expected:
            hint = {
                "shape": "the last layer must have as many outputs as y has components",
                "dtype": f"write node.to({y.dtype}), or y0.to({value.dtype})",
                "device": f"write node.to({str(y.device)!r})",
            }[what]
            raise SolveError(f"the network gave dy/dt of {what} {seen} for a state of {what} {expected}; {hint}")


def takes_time(net: Callable[..., Any], maker: str = "NeuralODE(net") -> bool:
    """Does ``net`` want (t, y)? From its signature: two arguments without default, or one. ``maker``: the call that messages show.

    Raises SolveError where the signature does not tell.
    """
    function = net.forward if isinstance(net, torch.nn.Module) else net
    remedy = f"say it: {maker}, time_dependent=True) for net(t, y), False for net(y)"
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise SolveError(f"the network's signature cannot be read; {remedy}") from None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    if len(required) in (1, 2) and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return len(required) == 2
    names = ", ".join(str(p) for p in parameters)
    raise SolveError(f"the network takes ({names}): it is not clear whether it is net(t, y) or net(y); {remedy}")
