"""A model with trainable parameters: universal differential equations.

    dy/dt = f(t, y; p),     y(t_0) = y_0(p)

The semi-discrete system of a PDE or the equations of an ODE system are solved in machine code, and the gradient by y_0 and p is that of the computed
solution ("discretise, then optimise"), step by step backwards with products w^T df/dy and w^T df/dp from generated code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from symnum.errors import ModelError, SolveError, did_you_mean
from symnum.expr.walk import symbols
from symnum.ir.kernel import values
from symnum.ir.system import SemiDiscreteSystem
from symnum.neural.explicit import EXPLICIT
from symnum.neural.record import Record, SolveOptions


class SystemODE(torch.nn.Module):
    """A system on a grid as a torch module whose weights are parameters of the system.

    Args:
        system: a ``PDESystem`` or ``ODESystem``; networks in it are made by ``sn.neural.network``.
        resolution, scheme, order: of the grid, as in ``sn.discretise``.
        train: parameters to train, by full names or by what names begin with ("k" for all weights of the network k); None: all.
        method, rtol, atol, dt, max_steps: see ``SolveOptions``; explicit methods.

    Attributes:
        values: the trained parameters, (m,) float64; ``names``: theirs.

    Raises:
        ModelError: nothing to train under a name. SolveError: what has no such gradient here: algebraic equations, jumps in time, noise, spectral
            schemes, implicit methods.
    """

    def __init__(
        self,
        system: Any,
        resolution: Any = 64,
        *,
        scheme: str = "central",
        order: int = 2,
        train: str | Sequence[str] | None = None,
        method: str = "Tsit5",
        rtol: float = 1e-6,
        atol: float = 1e-8,
        dt: float | None = None,
        max_steps: int = 10_000,
    ) -> None:
        from symnum.discretisation.assemble import discretise
        from symnum.neural.native.system import System

        super().__init__()
        self.options = SolveOptions(method, rtol, atol, dt, max_steps)
        self.semi: SemiDiscreteSystem = discretise(system, resolution=resolution, scheme=scheme, order=order)
        _refuse(self.semi, method)
        self._system = System(self.semi.rhs)
        known = [p.name for p in self.semi.parameters]
        self.names = _chosen(known, train)
        self._trained_start = _of_initial_state(self.semi, self.names)
        self._start = torch.from_numpy(np.array(self.semi.initial(self.semi.parameter_values), dtype=np.float64))
        self._at = torch.tensor([known.index(name) for name in self.names], dtype=torch.long)
        given = torch.tensor(self.semi.parameter_values, dtype=torch.float64)
        self.register_buffer("given", given)
        self.given: Tensor
        self.values = torch.nn.Parameter(given[self._at].clone())

    def forward(self, times: Any, y0: Tensor | None = None) -> Record:
        """Solve from times[0] to times[-1].

        Args:
            times: (m,) strictly monotone. y0: (n,) float64, the state at times[0]; None: the initial state of the model (without a gradient).

        Returns:
            The record; ``y`` is (m, n), rows of the state, see ``fields``.
        """
        from symnum.neural.native.run import differentiable
        from symnum.neural.native.system import BoundSystem

        at = np.asarray(times.detach() if isinstance(times, Tensor) else times, dtype=np.float64)
        if at.ndim != 1 or len(at) < 2 or not (np.all(np.diff(at) > 0) or np.all(np.diff(at) < 0)):
            raise SolveError(
                f"times are no strictly increasing or decreasing (m,) numbers, m >= 2: {at!r}; write for example [0.0, 0.5, 1.0]"
            )
        parameters = self.given.index_put((self._at,), self.values)
        numbers = parameters.detach().numpy()
        if y0 is None:
            if self._trained_start:
                raise SolveError(
                    f"the initial state holds {self._trained_start}, which is trained; its gradient is not taken through the model's formula. "
                    "Give the state: model(times, y0=...) with y0 made of tensors"
                )
            y0 = self._start
        if y0.shape != (self.semi.size,) or y0.dtype != torch.float64:
            raise SolveError(
                f"y0 is {y0.dtype} of shape {tuple(y0.shape)}; the state is torch.float64 of shape ({self.semi.size},)"
            )
        return differentiable(BoundSystem(self._system, numbers), y0, [parameters], at, self.options)

    def fields(self, y: Tensor) -> dict[str, Tensor]:
        """Rows of the state (..., n) as fields: name -> (..., *points that are unknowns)."""
        return {a.field: y[..., a.offset : a.offset + a.size].reshape(*y.shape[:-1], *a.shape) for a in self.semi.state}

    def points(self, field: str) -> dict[str, np.ndarray]:
        """Where the unknowns of a field lie: axis -> coordinates. Points that boundary conditions determine are no unknowns."""
        for array in self.semi.state:
            if array.field == field:
                axes = [
                    (self.semi.axes[a], o, n) for a, o, n in zip(array.axes, array.origin, array.shape, strict=True)
                ]
                return {axis.name: axis.coordinates()[o : o + n] for axis, o, n in axes}
        known = [a.field for a in self.semi.state]
        raise ModelError(f"there is no field {field!r}.{did_you_mean(field, known)} There are: {', '.join(known)}")

    def parameter_values(self) -> dict[str, float]:
        """All parameters by name, for ``parameters=`` and ``networks.weights_of``."""
        now = self.given.index_put((self._at,), self.values.detach())
        return dict(zip((p.name for p in self.semi.parameters), now.tolist(), strict=True))

    def set_values(self, values: Mapping[str, float]) -> None:
        """Set trained parameters by name. Raises ModelError for others."""
        with torch.no_grad():
            for name, value in values.items():
                if name not in self.names:
                    raise ModelError(f"{name!r} is not trained here.{did_you_mean(name, self.names)}")
                self.values[self.names.index(name)] = float(value)


def _chosen(known: list[str], train: str | Sequence[str] | None) -> list[str]:
    """The names that are meant."""
    if train is None:
        return known
    found: list[str] = []
    for name in [train] if isinstance(train, str) else train:
        fitting = [k for k in known if k == name or k.startswith((f"{name}_w", f"{name}_b"))]
        if not fitting:
            raise ModelError(f"the system has no parameter and no network {name!r}.{did_you_mean(name, known)}")
        found += [k for k in fitting if k not in found]
    return found


def _of_initial_state(semi: SemiDiscreteSystem, names: Sequence[str]) -> str:
    """The first of some parameters that the initial formulas hold; "" where there is none."""
    kernel = semi.initial_kernel
    held = {s.name for s in symbols(values(kernel.body), "parameter")} if kernel is not None else set()
    return next((name for name in names if name in held), "")


def _refuse(semi: SemiDiscreteSystem, method: str) -> None:
    if method not in EXPLICIT:
        raise SolveError(
            f"gradients of a system are taken with {', '.join(EXPLICIT)}, not with {method!r}.{did_you_mean(method, EXPLICIT)}"
        )
    for seen, what in (
        (semi.algebraic, "algebraic equations"),
        (semi.breakpoints, "terms that jump at given times"),
        (semi.noise, "noise"),
        (semi.spectral, "a spectral scheme; write scheme='central'"),
        (semi.watch, "unknowns that are chosen on the way"),
    ):
        if seen:
            raise SolveError(f"the system has {what}: its gradient is not taken here")
