"""Stepping by hand: ``sn.integrator(system)`` gives an object that goes on when it is told to, and may be changed on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symnum.discretisation.events import event_kernels
from symnum.errors import SolveError, UnknownName, did_you_mean, names_options
from symnum.ir.kernel import Array
from symnum.labels import label
from symnum.model.field import parameter_value
from symnum.model.system import PDESystem
from symnum.pipeline import _check_names, _problem, discretise, watched_events
from symnum.plan.choose import Plan
from symnum.planning import plan_for
from symnum.result import Solution
from symnum.solvers.embedded.stepper import Stepper
from symnum.solvers.problem import Options, Problem
from symnum.traced.system import TracedSystem
from symnum.watching import happened


class Integrator:
    """A solve in the hands of its user.

    >>> run = sn.integrator(system, resolution=64)
    >>> run.solve_to(1.0); run["u"]; run.set_parameters(a=4); run.step(); run.solution().plot()

    ``solve_to(t)`` gives bit for bit what one solve with ``saveat`` gives at t: the steps are the method's own, and values inside a step come
    from its continuous extension. Changing the state or parameters starts the method afresh from the state shown.

    Attributes:
        t, y: the present time and state (n,), a copy; fields: name -> array on the whole grid (a number without space); ``run["u"]`` is one.
        parameters: name -> value in force. ended: a sentence where the run cannot go on, else "".
        stats: the counts of a solve. method, why: as of a solution.
    """

    def __init__(
        self, discretised: Any, problem: Problem, options: Options, plan: Plan, events: Sequence[Any] = (), keep: bool = True
    ) -> None:
        self._discretised, self._events, self._plan, self._keep = discretised, events, plan, keep
        self._stepper = Stepper(problem, options)
        self._rows: list[tuple[float, np.ndarray, np.ndarray]] = []
        self._note()

    @property
    def t(self) -> float:
        return self._stepper.t

    @property
    def y(self) -> np.ndarray:
        return np.array(self._stepper.y)

    @property
    def parameters(self) -> dict[str, float]:
        return dict(zip(self._discretised.parameters, self._stepper.problem.parameters.tolist(), strict=True))

    @property
    def fields(self) -> dict[str, Any]:
        full = self._discretised.full_fields(self.t, self._stepper.y, self._stepper.problem.parameters)
        return {
            a.field: full[a.offset : a.offset + a.size].reshape(a.shape) if a.shape else float(full[a.offset])
            for a in self._discretised.semi.full
        }

    def __getitem__(self, field: Any) -> Any:
        fields, name = self.fields, str(getattr(field, "name", field))
        if name not in fields:
            raise UnknownName(f"there is no field {name!r}.{did_you_mean(name, fields)} It has: {', '.join(fields)}")
        return fields[name]

    @property
    def ended(self) -> str:
        return self._stepper.ended

    @property
    def method(self) -> str:
        return self._plan.method

    @property
    def why(self) -> str:
        return self._plan.why

    @property
    def stats(self) -> dict[str, float]:
        return dict(self._stepper.stats().stats)

    @property
    def events(self) -> tuple[Any, ...]:
        """What happened up to the present time, as in ``solution.events``."""
        made = happened(self._discretised, self._stepper.stats(), self._events)
        start, stop = self._discretised.semi.time_span
        return tuple(e for e in made if (e.t - self.t) * (stop - start) <= 0)

    def step(self) -> float:
        """One accepted step of the method's own length; gives the new time. SolveError where the run has ended."""
        t = self._stepper.step()
        self._note()
        return t

    def solve_to(self, t: float) -> np.ndarray:
        """Go to time t (at or after the present one); gives the state (n,) there.

        Where an event or a failure ends the run earlier, the time shown is where it ended and ``ended`` says why. Raises SolveError for a time
        behind the present one or beyond the interval, and where the run has ended before.
        """
        y = self._stepper.to(_time(t))
        self._note()
        return np.array(y)

    def set_parameters(self, **values: float) -> None:
        """Other parameter values from the present time on: ``run.set_parameters(a=4)``.

        Raises UnknownName for a name that is none, ModelError for what is no finite number.
        """
        numbers = {name: parameter_value(name, value) for name, value in values.items()}
        self._stepper.set_parameters(self._discretised.parameter_vector(self.parameters | numbers))
        self._note()

    def set_state(self, state: Any = None, **fields: Any) -> None:
        """Another state from the present time on: a vector (n,) laid out as ``y``, or fields by name, ``run.set_state(u=array)``.

        A field is an array of its shape in the state (points that boundary conditions determine left out) or on the whole grid, or a number.
        """
        y = self.y if state is None else np.array(state, dtype=np.float64)
        if y.shape != self._stepper.y.shape:
            raise SolveError(f"the state has shape {y.shape}, expected {self._stepper.y.shape}; write run.set_state(run.y)")
        semi = self._discretised.semi
        inner, whole = {a.field: a for a in semi.state}, {a.field: a for a in semi.full}
        for name, values in fields.items():
            if name not in inner:
                raise UnknownName(f"the state holds no field {name!r}.{did_you_mean(name, inner)} It holds: {', '.join(inner)}")
            y[inner[name].offset : inner[name].offset + inner[name].size] = _inside(values, inner[name], whole[name]).reshape(-1)
        if not np.isfinite(y).all():
            where = semi.locate(int(np.flatnonzero(~np.isfinite(y))[0]))
            raise SolveError(f"the state holds a value of {where[0]} that is not finite{f' at {where[1]}' if where[1] else ''}")
        self._stepper.restart(self.t, y)
        self._note()

    def solution(self) -> Solution:
        """What was visited so far (the start, and the end of each ``step`` and ``solve_to``) as a solution; interpolation between is cubic."""
        if not self._keep:
            raise SolveError("with keep=False no states are kept, so there is no solution; leave it out, or use the fields as you go")
        stepper = self._stepper
        times = np.array([t for t, _, _ in self._rows])
        keep = np.append(times[1:] != times[:-1], True)  # a state that was replaced at the same time gives way to the new one
        rows = [row for row, kept in zip(self._rows, keep, strict=True) if kept]
        outcome = replace(
            stepper.stats(),
            t=np.array([t for t, _, _ in rows]),
            y=np.array([y for _, y, _ in rows]),
            success=not stepper.failed,
            message=stepper.ended or f"stepped by hand up to t = {self.t:.6g}",
            dense=None,
        )
        made = replace(outcome, events=())
        changes = [(t, p) for (t, _, p), (_, _, before) in zip(rows[1:], rows, strict=False) if not np.array_equal(p, before)]
        self._discretised.changes = tuple((float(np.nextafter(t, -np.inf)), p) for t, p in changes)
        try:
            return label(self._discretised, made, self.why, made.message, self.events)
        finally:
            self._discretised.changes = ()

    def __repr__(self) -> str:
        name = self._discretised.semi.name or "system"
        return f"<integrator of {name}: t = {self.t:.6g}, {self.method}{', ' + self.ended if self.ended else ''}>"

    def _note(self) -> None:
        if self._keep:
            self._rows.append((self._stepper.t, np.array(self._stepper.y), np.array(self._stepper.problem.parameters)))


def _time(given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        raise SolveError(f"t is {given!r}, expected a number; write run.solve_to(1.0)") from None


def _inside(values: Any, inner: Array, whole: Array) -> np.ndarray:
    """The values of a field at the points that the state holds."""
    given = np.asarray(values, dtype=np.float64)
    if given.shape == () or given.shape == inner.shape:
        return np.broadcast_to(given, inner.shape)
    if given.shape == whole.shape:
        return given[tuple(slice(o, o + n) for o, n in zip(inner.origin, inner.shape, strict=True))]
    raise SolveError(f"{inner.field} is given with shape {given.shape}, expected {inner.shape}, or {whole.shape} with all boundary points")


@names_options
def integrator(
    system: PDESystem | TracedSystem,
    resolution: Any = 64,
    scheme: str = "auto",
    order: int = 2,
    method: str = "auto",
    rtol: float = 1e-6,
    atol: float = 1e-8,
    parameters: Mapping[str, float] | None = None,
    dt: float | None = None,
    max_steps: int | None = None,
    events: Sequence[Any] = (),
    target: str = "auto",
    keep: bool = True,
    seed: int | None = None,
) -> Integrator:
    """An integrator for stepping by hand (see ``Integrator``); arguments as for ``sn.solve``, methods are the embedded ones.

    Args:
        keep: keep the states visited for ``solution()``; False for runs that would not fit into memory: take ``fields`` as you go.

    Raises ModelError, DiscretisationError, SolveError for what cannot be started (methods of SciPy and SUNDIALS run whole solves only),
    UnknownName and UnknownOption for names that do not exist.
    """
    if not isinstance(system, PDESystem | TracedSystem):
        raise SolveError(f"integrator takes a system such as sn.PDESystem(...), got {type(system).__name__}")
    if getattr(system, "reduction", None) is not None:
        raise SolveError("the unknowns of a system of higher index may have to be chosen anew on the way; write sn.solve(system)")
    _check_names(method, "auto", target)
    if parameters:
        system = system.with_parameters(**{str(getattr(k, "name", k)): v for k, v in parameters.items()})
    discretised = discretise(system, resolution, scheme, order, target)
    plan = plan_for(discretised.semi, method, "auto", rtol, True)
    if plan.backend != "embedded":
        raise SolveError(
            f"{plan.method} (backend {plan.backend!r}) runs whole solves only; write method=\"Tsit5\", or method=\"Rodas5P\" for stiff equations"
        )
    watching = watched_events(system, events)
    kernels = event_kernels(system, watching, resolution, scheme, order) if watching and isinstance(system, PDESystem) else None
    options = Options(method=plan.method, rtol=rtol, atol=atol, dt=dt, max_steps=max_steps, seed=seed)
    return Integrator(discretised, _problem(discretised, kernels), options, plan, watching, keep)
