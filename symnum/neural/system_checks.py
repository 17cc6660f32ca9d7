"""What a ``SystemODE`` can be made of, and with which options; everything else is an error that says what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.errors import ModelError, SolveError, did_you_mean
from symnum.expr.ops import COMPARISONS
from symnum.expr.term import Term
from symnum.expr.walk import postorder, symbols
from symnum.ir.kernel import values
from symnum.ir.system import SemiDiscreteSystem
from symnum.neural.explicit import EXPLICIT
from symnum.neural.implicit import IMPLICIT
from symnum.neural.record import Record

Array = NDArray[np.float64]
SWITCHES = (*COMPARISONS, "minimum", "maximum", "abs", "sign", "floor", "ceil")
MANY, LIMITED = 300, 0.7  # steps, and the median of S_j, from which on stability and not accuracy sets them


def check_method(method: str, checkpoints: int | None) -> None:
    """Raises SolveError."""
    if checkpoints is not None and (
        isinstance(checkpoints, bool) or not isinstance(checkpoints, int) or checkpoints < 2
    ):
        raise SolveError(f"checkpoints is {checkpoints!r}, not a whole number >= 2; write for example checkpoints=20")
    if checkpoints is not None and method in IMPLICIT:
        raise SolveError(f"checkpoints are for explicit methods; {method} keeps all of its steps, which are few")
    known = (*EXPLICIT, *IMPLICIT)
    if method not in known:
        raise SolveError(
            f"gradients of a system are taken with {', '.join(known)}, not with {method!r}.{did_you_mean(str(method), known)}"
        )


def check_numbers(values: Tensor) -> None:
    """Raises SolveError where the model was moved to another type or device."""
    if values.dtype != torch.float64 or values.device.type != "cpu":
        raise SolveError(
            f"the model's parameters are {values.dtype} on {values.device}; systems are solved in float64 on the CPU: write model.double().cpu()"
        )


def chosen_parameters(known: list[str], train: Any) -> list[str]:
    """The parameters that are meant: by name, or all weights of a network by its name. Raises ModelError."""
    if train is None:
        return known
    found: list[str] = []
    if not (isinstance(train, (str, Iterable)) or hasattr(train, "name")):
        raise ModelError(f'train={train!r} names no parameters; write for example train=["f", "a"]')
    for given in [train] if isinstance(train, str) or hasattr(train, "name") else train:
        name = str(getattr(given, "name", given))
        fitting = [k for k in known if k == name or k.startswith((f"{name}_w", f"{name}_b"))]
        if not fitting:
            raise ModelError(f"the system has no parameter and no network {name!r}.{did_you_mean(name, known)}")
        found += [k for k in fitting if k not in found]
    return found


def held_by(terms: Iterable[Term], names: Sequence[str]) -> str:
    """The first of some parameters that terms hold; "" where there is none."""
    held = {s.name for s in symbols(terms, "parameter")}
    return next((name for name in names if name in held), "")


def refuse(system: Any, semi: SemiDiscreteSystem, names: Sequence[str], method: str) -> None:
    """Raises SolveError for systems whose gradient is not taken here, or not with this method."""
    for seen, what, instead in (
        (semi.algebraic and method not in IMPLICIT, f"algebraic equations with {method}", "write method='KenCarp4'"),
        (
            semi.algebraic and semi.breakpoints,
            "algebraic equations and jumps in time",
            "write smooth switches with sn.tanh",
        ),
        (
            semi.algebraic and semi.rhs.locals,
            "algebraic equations and integrals",
            "solve for the algebraic fields by hand",
        ),
        (semi.noise, "noise", "write sn.neural.NeuralSDE with torch modules"),
        (semi.spectral, "a spectral scheme", "write scheme='central'"),
        (semi.watch, "unknowns that are chosen on the way", "write it in other coordinates"),
        (getattr(system, "events", ()), "events", "write system.replace(events=())"),
    ):
        if seen:
            raise SolveError(f"the gradient of a system with {what} is not taken; {instead}")
    moving = _moved_jump(semi, names) if semi.breakpoints else ""
    if moving:
        raise SolveError(
            f"the equations jump at a time that depends on {moving}, which is trained; the gradient by that time is not taken. "
            f"Leave {moving} out of train=, or write a smooth switch such as (1 + sn.tanh((t - {moving})/0.01))/2"
        )


def _moved_jump(semi: SemiDiscreteSystem, names: Sequence[str]) -> str:
    """A trained parameter on which the time of a jump depends; "" where there is none."""
    switches = [node for node in postorder(tuple(values(semi.rhs.body))) if node.op in SWITCHES]
    return held_by([node for node in switches if semi.time in symbols(node)], names)


def checked_times(times: Any, begin: float | None) -> Array:
    """Save times as numbers. ``begin``: the initial time of the model, where the solve begins there. Raises SolveError."""
    try:
        at = np.asarray(times.detach() if isinstance(times, Tensor) else times, dtype=np.float64)
    except (TypeError, ValueError):
        at = np.zeros((0, 0))
    steps = np.diff(at) if at.ndim == 1 else at
    rising, falling = bool((steps > 0).all()), bool((steps < 0).all())
    least = 2 if begin is None else 1
    if at.ndim != 1 or len(at) < least or not np.isfinite(at).all() or not (rising or falling):
        raise SolveError(
            f"times are no strictly increasing or decreasing (m,) numbers, m >= {least}: {times!r}; write for example [0.0, 0.5, 1.0]"
        )
    if begin is not None and at[0] != begin and not (rising and at[0] > begin):
        raise SolveError(
            f"the first of the times is {at[0]:g}, but the model begins at {begin:g}; write increasing times from there on, "
            f"or give the state at {at[0]:g}: model(times, y0=...)"
        )
    if begin is not None and len(at) == 1 and at[0] == begin:
        raise SolveError(f"times hold only the initial time {begin:g}: nothing is solved; write model.initial_state()")
    return at


def stability_limited(record: Record, method: str) -> str:
    """A hint, where an explicit method takes many steps for the sake of stability alone."""
    if method in IMPLICIT or len(record.h) < MANY or float(record.stiffness.detach().median()) < LIMITED:
        return ""
    return "; stability and not accuracy sets the steps: method='KenCarp4' takes fewer"
