"""A model with trainable parameters: universal differential equations.

    dy/dt = f(t, y; p),     y(t_0) = y_0(p)

The semi-discrete system of a PDE or the equations of an ODE system are solved in machine code, and the gradient by y_0 and p is that of the computed
solution ("discretise, then optimise"), step by step backwards with products w^T df/dy and w^T df/dp from generated code. C. Rackauckas and others,
Universal Differential Equations for Scientific Machine Learning, arXiv:2001.04385.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.errors import ModelError, SolveError, SolveWarning, did_you_mean, names_options
from symnum.ir.kernel import values
from symnum.ir.system import SemiDiscreteSystem
from symnum.neural.kernel_maps import InitialState, KernelMap
from symnum.neural.observations import Observations, observations
from symnum.neural.record import Record, SolveOptions
from symnum.neural.segments import by_segments
from symnum.neural.system_checks import (
    check_method,
    check_numbers,
    checked_times,
    chosen_parameters,
    held_by,
    refuse,
    stability_limited,
)
from symnum.neural.system_outcome import SystemOutcome

if TYPE_CHECKING:
    from symnum.neural.recovered import Recovered

Array = NDArray[np.float64]
Names = str | Sequence[str] | None


class SystemODE(torch.nn.Module):
    """A system on a grid as a torch module whose weights are parameters of the system.

    Args:
        system: a ``PDESystem`` or ``ODESystem``; networks in it are made by ``sn.neural.network``.
        resolution, scheme, order: of the grid, as in ``sn.discretise``.
        train: parameters to train, by full names or by what names begin with ("k" for all weights of the network k); None: all, (): none.
        train_initial: fields whose initial state is trained, a number an unknown, beginning with the model's; True: all that have one.
        method: explicit "Tsit5", "Dopri5", "Vern7"; "KenCarp4", implicit, where diffusion on a fine grid or fast reactions make the equations stiff,
            and where some equations are algebraic.
        rtol, atol, dt, max_steps: see ``SolveOptions``.
        checkpoints: of explicit methods: keep so many states and take the steps between them again on the way back. None: all steps are kept,
            (stages + 1) numbers a step for each unknown.

    Attributes:
        values: the trained parameters, (m,) float64; ``names``: theirs. initial_values: the trained unknowns of the initial state.
        semi: the semi-discrete system; ``system``: the model as given.

    Raises:
        ModelError: nothing to train under a name. SolveError: what has no such gradient here: noise, events, spectral schemes, jumps at times that
            depend on a trained parameter, algebraic equations with explicit methods.
    """

    @names_options
    def __init__(
        self,
        system: Any,
        resolution: Any = 64,
        *,
        scheme: str = "central",
        order: int = 2,
        train: Names = None,
        train_initial: Names | bool = False,
        method: str = "Tsit5",
        rtol: float = 1e-6,
        atol: float = 1e-8,
        dt: float | None = None,
        max_steps: int = 10_000,
        checkpoints: int | None = None,
    ) -> None:
        from symnum.discretisation.assemble import discretise

        super().__init__()
        check_method(method, checkpoints)
        self.options = SolveOptions(method, rtol, atol, dt, max_steps)
        self.system, self._grid = system, {"resolution": resolution, "scheme": scheme, "order": order}
        self.semi: SemiDiscreteSystem = discretise(system, resolution=resolution, scheme=scheme, order=order)
        known = [p.name for p in self.semi.parameters]
        self.names = chosen_parameters(known, train)
        refuse(system, self.semi, self.names, method)
        self.checkpoints = checkpoints
        self._solver = _solver(self.semi, self.options, checkpoints)
        self._whole = KernelMap(self.semi.reconstruct)
        self._initial = InitialState(self.semi)
        kernel = self.semi.initial_kernel
        self._formula_trained = kernel is not None and bool(held_by(values(kernel.body), self.names))
        self._at = torch.tensor([known.index(name) for name in self.names], dtype=torch.long)
        given = torch.tensor(self.semi.parameter_values, dtype=torch.float64)
        start = torch.from_numpy(np.array(self.semi.initial(self.semi.parameter_values), dtype=np.float64))
        self.register_buffer("given", given)
        self.register_buffer("given_start", start)
        self.given: Tensor
        self.given_start: Tensor
        self.values = torch.nn.Parameter(given[self._at].clone())
        self._free = _places(self.semi, train_initial)
        if len(self._free):
            self.initial_values = torch.nn.Parameter(start[self._free].clone())

    def extra_repr(self) -> str:
        o = self.options
        return f"{self.semi.size} unknowns, {len(self.names)} parameters, method={o.method!r}, rtol={o.rtol:g}, atol={o.atol:g}"

    def forward(self, times: Any, y0: Tensor | None = None) -> SystemOutcome:
        """Solve.

        Args:
            times: (m,) save times, strictly increasing or decreasing.
            y0: (n,) float64, the state at times[0]; None: the initial state of the model (or the trained one) at the model's own initial time, which
                need not be among the times.

        A solve that cannot reach the end warns (SolveWarning) and gives what it had. Raises SolveError.
        """
        check_numbers(self.values)
        at = checked_times(times, None if y0 is not None else self.semi.time_span[0])
        parameters = self.parameter_vector()
        solved = at
        if y0 is None:
            y0 = self.initial_state()
            begin = self.semi.time_span[0]
            solved = at if at[0] == begin else np.array([begin, *at])
        if not isinstance(y0, Tensor) or y0.shape != (self.semi.size,) or y0.dtype != torch.float64:
            seen = f"{y0.dtype} of shape {tuple(y0.shape)}" if isinstance(y0, Tensor) else f"a {type(y0).__name__}"
            raise SolveError(f"y0 is {seen}; the state is torch.float64 of shape ({self.semi.size},)")
        if not bool(torch.isfinite(parameters).all()):
            raise SolveError(f"parameters are NaN or infinite: {', '.join(self._not_finite(parameters)[:4])}")
        record = self._solver(parameters, y0, solved)
        record.message += stability_limited(record, self.options.method)
        if not record.success:
            warnings.warn(record.message, SolveWarning, stacklevel=4)  # torch calls forward through two of its own
        return SystemOutcome(self, record, record.y[len(solved) - len(at) :], at, parameters)

    def initial_state(self) -> Tensor:
        """(n,) the state that a solve begins with: the model's formulas for the parameters of now, with the trained unknowns in their places."""
        start = self._initial(self.parameter_vector()) if self._formula_trained else self.given_start
        return start.index_put((self._free,), self.initial_values) if len(self._free) else start

    def observe(self, field: Any, **points: Any) -> Observations:
        """Values of a field at points and times: ``seen = model.observe(u, x=[...], t=[...])``, then ``seen(model(seen.times))``.

        Args: points: (k,) numbers for each coordinate of the field, or one for all; with the time, point k has its own, else values are given at
            all save times.

        Raises ModelError, SolveError.
        """
        return observations(self.semi, str(getattr(field, "name", field)), points)

    def whole(self, times: Array, y: Tensor, parameters: Tensor) -> Tensor:
        """Rows of states (m, n) as rows of all fields on the whole grid, (m, full), in the order of ``semi.full``."""
        semi = self.semi
        same = len(semi.state) == len(semi.full)
        if same and all(a.shape == b.shape for a, b in zip(semi.state, semi.full, strict=True)):
            return y
        return self._whole(times.tolist(), y, parameters)

    def recover(self, term: Any, out: SystemOutcome, inputs: Sequence[Any] | None = None) -> Recovered:
        """A trained term as a function of its inputs over the range of a solve: to draw it, and to look for formulas, ``.candidates()``.

        Args:
            term: what ``sn.neural.network`` gave or its name, or any term with trained parameters in it (``f**2 + 0.01``).
            out: a solve; where its states lie the term was trained. inputs: fields or terms that it is a function of; None: the fields in it.
        """
        from symnum.neural.recovered import recovered

        return recovered(self, term, out, inputs)

    def with_system(self, system: Any, train: Names = None) -> SystemODE:
        """Another system on the same grid, solved in the same way."""
        o = self.options
        how = {
            "method": o.method,
            "rtol": o.rtol,
            "atol": o.atol,
            "dt": o.dt,
            "max_steps": o.max_steps,
            "checkpoints": self.checkpoints,
        }
        return SystemODE(system, train=train, **self._grid, **how)  # type: ignore[arg-type]

    def fields(self, y: Tensor) -> dict[str, Tensor]:
        """Rows of the state (..., n) as fields: name -> (..., *points that are unknowns). ``out[u]`` has the other points too."""
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
        return dict(zip((p.name for p in self.semi.parameters), self.parameter_vector().tolist(), strict=True))

    def set_values(self, values: Mapping[str, float]) -> None:
        """Set trained parameters by name. Raises ModelError for others."""
        with torch.no_grad():
            for name, value in values.items():
                if name not in self.names:
                    raise ModelError(f"{name!r} is not trained here.{did_you_mean(name, self.names)}")
                self.values[self.names.index(name)] = float(value)

    def parameter_vector(self) -> Tensor:
        """(count,) all parameters, the trained ones in their places."""
        return self.given.index_put((self._at,), self.values)

    def _not_finite(self, parameters: Tensor) -> list[str]:
        return [
            p.name
            for p, good in zip(self.semi.parameters, torch.isfinite(parameters).tolist(), strict=True)
            if not good
        ]


def _solver(
    semi: SemiDiscreteSystem, options: SolveOptions, checkpoints: int | None
) -> Callable[[Tensor, Tensor, Array], Record]:
    """solve(parameters, y0, times) -> record."""
    from symnum.neural.implicit import IMPLICIT

    if options.method in IMPLICIT:
        from symnum.neural.stiff import StiffSystem

        stiff = StiffSystem(semi)
        return lambda parameters, y0, times: stiff.solve(parameters, y0, times, options)
    from symnum.neural.native.run import differentiable
    from symnum.neural.native.system import BoundSystem, System

    system = System(semi.rhs)

    def solve(parameters: Tensor, y0: Tensor, times: Array) -> Record:
        bound = BoundSystem(system, parameters.detach().numpy())
        one = lambda y, at: differentiable(bound, y, [parameters], at, options, checkpoints)  # noqa: E731
        return by_segments(one, y0, times, semi.breakpoints)

    return solve


def _places(semi: SemiDiscreteSystem, fields: Names | bool) -> Tensor:
    """Places of the unknowns of some fields in the state. Raises ModelError."""
    known, found = {a.field: a for a in semi.state if a.field not in semi.algebraic}, list[int]()
    if fields is None or isinstance(fields, bool):
        fields = [*known] if fields else []
    for given in [fields] if isinstance(fields, str) or hasattr(fields, "name") else fields:
        name = str(getattr(given, "name", given))
        if name in semi.algebraic:
            raise ModelError(
                f"train_initial: {name} has no time derivative, so it follows from the other fields; leave it out"
            )
        if name not in known:
            raise ModelError(
                f"train_initial: there is no field {name!r} in the state.{did_you_mean(name, known)} There are: {', '.join(known)}"
            )
        found += range(known[name].offset, known[name].offset + known[name].size)
    return torch.tensor(sorted(set(found)), dtype=torch.long)
