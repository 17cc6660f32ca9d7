"""What a solve is given, checked: each message says what was seen, what was expected, and the line to write."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import le
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.errors import SolveError

FEW = 300  # times


def checked_state(y0: Any, net: Any) -> Tensor:
    """y0 as it is: a floating-point tensor of finite numbers, of the dtype and on the device of the network. Raises SolveError."""
    if not isinstance(y0, Tensor) or y0.dtype not in (torch.float32, torch.float64):
        seen = f"a tensor of {y0.dtype}" if isinstance(y0, Tensor) else f"a {type(y0).__name__}"
        raise SolveError(
            f"y0 is {seen}, not a tensor of float32 or float64; write for example torch.tensor([[2.0, 0.0]])"
        )
    if y0.numel() == 0 or y0.ndim == 0:
        raise SolveError(
            f"y0 has the shape {tuple(y0.shape)}; expected (batch, dim...), with at least one number; write for example y0.reshape(1, -1)"
        )
    parameter = _first_parameter(net) if isinstance(net, torch.nn.Module) else None
    if parameter is None:
        return y0
    if parameter.device != y0.device:
        name = next(iter(_parameters(net)))[0]
        raise SolveError(
            f"the parameter {name!r} is on {parameter.device}, y0 on {y0.device}; write node.to({str(y0.device)!r})"
        )
    if parameter.dtype != y0.dtype and parameter.is_floating_point():
        name = next(iter(_parameters(net)))[0]
        raise SolveError(
            f"the parameter {name!r} is {parameter.dtype}, y0 {y0.dtype}; write node.to({y0.dtype}), or y0.to({parameter.dtype})"
        )
    return y0


def _first_parameter(module: torch.nn.Module) -> Tensor | None:
    """One is enough: f's own answer is checked too. This is the first of ``named_parameters``, which takes ten times as long."""
    for parameter in module._parameters.values():
        if parameter is not None:
            return parameter
    found = (_first_parameter(part) for part in module._modules.values() if part is not None)
    return next((p for p in found if p is not None), None)


def checked_times(ts: Any, y0: Tensor, backwards: bool | None) -> Tensor:
    """Save times (m,) or (m, batch) of float64, in order; row 0 is where y0 belongs. ``backwards`` None: they cannot decrease. Raises SolveError."""
    times = _as_times(ts)
    if times.ndim not in (1, 2) or len(times) < 2:
        raise SolveError(
            f"ts has the shape {tuple(times.shape)}; expected (m,), or (m, batch) with a column a sample, and m >= 2: "
            "the first is the time of y0; write for example torch.linspace(0, 1, 11)"
        )
    if times.ndim == 2 and times.shape[1] != y0.shape[0]:
        raise SolveError(
            f"ts has {times.shape[1]} columns for a batch of {y0.shape[0]} samples; expected (m,), or (m, batch) with a column a sample"
        )
    values = times.detach().numpy()
    if values.ndim == 1 and _in_order(values if not backwards else values[::-1]):
        return times
    if not np.isfinite(values).all():
        raise SolveError("ts holds NaN or infinity; expected finite times")
    if values.ndim == 2 and (values[0] != values[0, 0]).any():
        raise SolveError(
            "the samples start at different times; expected one common first row of ts (or count each sample's time from its own start)"
        )
    differences = values[1:] - values[:-1]
    if (differences > 0 if backwards else differences < 0).any():
        _refuse_order(differences, backwards)
    if (values[-1] == values[0]).all():
        raise SolveError(f"ts begins and ends at {values.flat[0]:g}; expected an interval of positive length")
    return times


def _in_order(values: NDArray[np.float64]) -> bool:
    """Finite times that do not decrease, and not all the same: what nearly every call gives. NaN fails both comparisons."""
    if len(values) > FEW:
        return bool((values[1:] >= values[:-1]).all()) and 0.0 < values.item(-1) - values.item(0) < np.inf
    numbers = values.tolist()  # for few times, far cheaper
    return all(map(le, numbers, numbers[1:])) and 0.0 < numbers[-1] - numbers[0] < math.inf


def _as_times(ts: Any) -> Tensor:
    if isinstance(ts, Tensor):
        if ts.is_complex() or ts.dtype == torch.bool:
            raise SolveError(f"ts is a tensor of {ts.dtype}, not of real times")
        if ts.dtype == torch.float64 and ts.device.type == "cpu":
            return ts
        return ts.to(device="cpu", dtype=torch.float64)  # times are few, and not every device has float64
    try:
        array = np.asarray(ts, dtype=np.float64) if isinstance(ts, Sequence | np.ndarray) else None
    except (TypeError, ValueError):
        array = None
    if array is None:
        raise SolveError(f"ts is {ts!r}, not a sequence of times; write for example torch.linspace(0, 1, 11)")
    return torch.from_numpy(array)


def _refuse_order(differences: NDArray[np.float64], backwards: bool | None) -> None:
    if backwards is None and (differences <= 0).all():
        raise SolveError(
            "ts is decreasing, and stochastic equations go forward in time; write for example torch.linspace(0, 1, 11)"
        )
    if (differences >= 0 if backwards else differences <= 0).all():
        now, other = ("increasing", "backwards=False") if backwards else ("decreasing", "backwards=True")
        raise SolveError(f"ts is {now}; to integrate that way write node(y0, ts, {other}), else turn the order round")
    raise SolveError(
        f"ts is not in order; expected {'decreasing' if backwards else 'increasing'} times; write for example torch.sort(ts).values"
    )


def refuse_nonfinite(net: Any, y0: Tensor, t0: float) -> None:
    """f(t_0, y_0) is NaN or infinite: say where that comes from. Raises SolveError."""
    if not bool(torch.isfinite(y0).all()):
        raise SolveError("y0 holds NaN or infinity; expected finite numbers")
    for name, parameter in _parameters(net):
        if not bool(torch.isfinite(parameter).all()):
            raise SolveError(
                f"the parameter {name!r} holds NaN or infinity; an earlier step of training went wrong: a smaller learning rate, "
                "or torch.nn.utils.clip_grad_norm_, prevents it"
            )
    raise SolveError(f"the network gives NaN or infinity at the start, t = {t0:g}, from finite y0 and parameters")


def _parameters(net: Any) -> Iterable[tuple[str, Tensor]]:
    return net.named_parameters() if isinstance(net, torch.nn.Module) else ()
