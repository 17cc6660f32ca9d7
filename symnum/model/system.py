"""PDESystem: fields on a domain, their equations, conditions and initial data. Frozen, validated when it is made.

dt(u) = F(u, derivatives of u, t, x, parameters)   on the domain
residual(u, du/dx) = 0                              on its faces
u = f(x)                                            at the start
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from symnum.errors import ModelError, UnknownName, did_you_mean, names_options
from symnum.expr.term import Symbol, Term
from symnum.model.assemble import Parts, assemble
from symnum.model.conditions import Condition
from symnum.model.equation import Eq as Eq
from symnum.model.faces import FaceConditions, Need, resolve
from symnum.model.field import parameter_value
from symnum.model.initial import check_initial, warn_contradictions
from symnum.model.orders import Order, system_orders
from symnum.model.space import Domain
from symnum.model.validate import check_coordinates, check_equations, find_fields, find_time, parameter_values

if TYPE_CHECKING:
    from symnum.model.dae import Reduction
    from symnum.model.normal_form import NormalForm
    from symnum.model.structure import Structure

_STATED = ("equations", "domain", "conditions", "initial", "parameters", "name", "events")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class PDESystem:
    """Partial (and ordinary) differential equations with everything that makes them well posed.

    Args:
        equations: ``sn.Eq`` or ``sympy.Eq`` objects, one a field.
        domain: ``sn.Domain(t=(0, 1), x=(0, 1))``.
        conditions: boundary conditions (``sn.dirichlet``, ..., ``sn.periodic``).
        initial: field (or ``sn.dt(field)``, for second order in time) -> formula in the spatial coordinates, number,
            float array of shape ``grid`` (one axis a spatial coordinate of the field), or function of the coordinate
            arrays.
        parameters: name (or symbol) -> value, in place of the symbols' defaults.
        name, events: what the model is called; what ``sn.solve`` shall watch for.

    Attributes: ``equations``, ``fields`` (in order of first appearance), ``time``, ``space``, ``domain``,
    ``conditions`` (as written), ``face_conditions`` (Face -> conditions whose ``.residual`` is zero there),
    ``periodic`` (coordinate name -> sign), ``initial``, ``parameters`` (name -> value), ``parameter_symbols`` (name ->
    symbol), ``orders`` ((field, coordinate) -> order), ``name``, ``events``; computed on first use: ``normal_form``,
    ``structure``.

    Raises ModelError, in the names of the model, for everything that is not well posed; warns (ModelWarning) of
    contradictions.
    """

    equations: tuple[Eq, ...]
    domain: Domain
    conditions: tuple[Condition, ...]
    initial: dict[Term, Any]
    parameters: dict[str, float]
    name: str
    events: tuple[Any, ...]
    fields: tuple[Symbol, ...]
    time: Symbol
    space: tuple[Symbol, ...]
    face_conditions: FaceConditions
    periodic: dict[str, int]
    parameter_symbols: dict[str, Symbol]
    orders: dict[tuple[Symbol, Symbol], Order]

    @names_options
    def __init__(
        self,
        equations: Any,
        domain: Any,
        conditions: Any = (),
        initial: Mapping[Any, Any] | None = None,
        parameters: Mapping[Any, Any] | None = None,
        name: str = "",
        events: Iterable[Any] = (),
    ) -> None:
        # user's objects -> Parts (terms, one symbol a name) -> fields, time, space -> faces -> initial data
        if not isinstance(events, Iterable):
            raise ModelError(f"events={events!r} is no sequence; write events=[...]")
        parts = assemble(equations, domain, conditions, initial, parameters)
        fields = find_fields(parts.equations)
        check_equations(parts, fields)
        time = find_time(parts, fields)
        space = check_coordinates(parts, fields, time)
        values, symbols = parameter_values(parts)
        need = Need(system_orders([e.residual for e in parts.equations]), fields, time, space)
        _check_evolution(need)
        faces, periodic = resolve(parts, need)
        start = check_initial(parts, need)
        domain = parts.domain.with_time(time.name)
        warn_contradictions(start, faces, periodic, {symbols[n]: v for n, v in values.items()}, domain, need)
        self._store(parts, domain, name, tuple(events))
        self._set(fields=fields, time=time, space=space, face_conditions=faces, periodic=periodic, initial=start)
        self._set(parameters=values, parameter_symbols=symbols, orders=dict(need.orders))
        self.normal_form  # noqa: B018  (equations that cannot be solved for the time derivatives are refused here)
        self._judge()
        if space:
            from symnum.model.jumps import warn_jumps

            warn_jumps(self)

    def _judge(self) -> None:
        """What depends on the values of parameters: coefficients without a value, equations without a solution."""
        from symnum.model.coefficients import check_coefficients

        check_coefficients(self)
        if self.space:
            from symnum.model.wellposed import warn_ill_posed

            warn_ill_posed(self)

    def _store(self, parts: Parts, domain: Domain, name: str, events: tuple[Any, ...]) -> None:
        if not isinstance(name, str):
            raise ModelError(f'name={name!r} is not text; write name="brusselator"')
        self._set(equations=parts.equations, domain=domain, conditions=parts.conditions, name=name, events=events)

    def _set(self, **values: Any) -> None:
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @cached_property
    def normal_form(self) -> NormalForm:
        """The system as first order in time, solved for the rates (see ``model.normal_form``)."""
        from symnum.model.normal_form import normal_form

        return normal_form(self)

    @cached_property
    def structure(self) -> Structure:
        """What the equations are, at these parameter values (see ``model.structure.analyse``)."""
        from symnum.model.structure import analyse

        return analyse(self)

    def with_parameters(self, /, **values: Any) -> Self:
        """The same system with other parameter values. Raises UnknownName for a name that is not a parameter."""
        for name in values:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise UnknownName(
                    f"the model has no parameter {name!r}.{did_you_mean(name, self.parameters)} Parameters: {known}"
                )
        changed = {name: parameter_value(name, value) for name, value in values.items()}
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.__dict__.pop("structure", None)  # it depends on the values
        made._set(parameters=self.parameters | changed)
        made._judge()
        return made

    def replace(self, **changes: Any) -> Self:
        """The same system with another domain, initial data, conditions, equations, parameters, name or events;
        validated again.
        """
        for key in changes:
            if key not in _STATED:
                raise UnknownName(
                    f"replace has no part {key!r}.{did_you_mean(key, _STATED)} It takes {', '.join(_STATED)}"
                )
        stated = {key: getattr(self, key) for key in _STATED} | changes
        if (
            "parameters" not in changes
        ):  # values of parameters that a changed part may not hold any more are kept as symbols
            stated["parameters"] = {self.parameter_symbols[name]: value for name, value in self.parameters.items()}
        made = object.__new__(type(self))
        PDESystem.__init__(made, **stated)
        return made

    @classmethod
    def from_text(
        cls, equations: Any, domain: Any, conditions: Any = (), initial: Any = (), parameters: Any = None, **more: Any
    ) -> PDESystem:
        """A system from text in symnum's grammar (see ``model.text.from_text``); nothing is evaluated as Python."""
        from symnum.model.text import from_text

        return from_text(equations, domain, conditions, initial, parameters, **more)

    def to_text(self) -> dict[str, Any]:
        """The model as keyword arguments of ``from_text``. Raises ModelError for initial arrays and functions, which
        have no text.
        """
        from symnum.model.text import to_text

        return to_text(self)

    def explain(self) -> str:
        """What the system is, in words: orders, linearity, type, boundaries, conserved quantities, times of
        discontinuity.
        """
        from symnum.model.explain import explain

        return explain(self)

    def latex(self) -> str:
        r"""The equations, conditions and initial data as a LaTeX ``aligned`` block (no dollar signs)."""
        from symnum.model.explain import latex

        return latex(self)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from symnum.model.shown import mime_bundle

        return mime_bundle(self)

    def __repr__(self) -> str:
        head = f"{type(self).__name__} {self.name!r}" if self.name else type(self).__name__
        names = ", ".join(f.name for f in self.fields[:8]) + (", ..." if len(self.fields) > 8 else "")
        on = ", ".join(c.name for c in (self.time, *self.space))
        lines = [f"{head}: {names} on ({on})"]
        lines += [f"  {e.lhs} = {e.rhs}"[:160] for e in self.equations[:8]]
        if len(self.equations) > 8:
            lines.append(f"  ... {len(self.equations) - 8} equations more")
        return "\n".join(lines)


class ODESystem(PDESystem):
    """Ordinary differential equations: ``sn.ODESystem(equations, t=(0, 10), initial={x: 1.0})``.

    Fields depend on time alone.
    ``t`` is the interval of time whatever its coordinate is called; a ``domain`` serves as well. Otherwise as
    ``PDESystem``.
    """

    def __init__(
        self,
        equations: Any,
        t: Any = None,
        initial: Mapping[Any, Any] | None = None,
        parameters: Mapping[Any, Any] | None = None,
        name: str = "",
        *,
        domain: Any = None,
        events: Iterable[Any] = (),
    ) -> None:
        if (t is None) == (domain is None):
            kind = type(self).__name__
            raise ModelError(
                f"{kind} needs the interval of time: write sn.{kind}(equations, t=(0, 10), initial={{...}})"
            )
        if domain is None:
            domain = t if isinstance(t, (Domain, Mapping)) else {_time_name(equations): t}
        super().__init__(equations, domain, (), initial, parameters, name, events)
        if self.space:
            u = next(f for f in self.fields if len(f.info.coordinates) > 1)
            raise ModelError(
                f"{u.name} depends on {self.space[0].name}; write sn.PDESystem(equations, domain=sn.Domain(...)) for "
                "fields in space"
            )


class DAESystem(ODESystem):
    """Differential-algebraic equations of any index: ``F(t, x, x', z) = 0``, for example ``x' = f(t, x, z)``, ``0 = g(t, x, z)``.

    ``sn.DAESystem([sn.Eq(sn.dt(x), z - x), sn.Eq(0, x + z - 1)], t=(0, 10), initial={x: 1.0})``. Fields without a derivative in time are
    found from the equations without one; ``initial`` may hold a guess for them (zero without one), from which consistent values are
    computed. Constraints that hold no such field (index 2 and more, ``sn.Eq(x**2 + y**2, 1)``) are differentiated in time as often as needed
    (Pantelides; dummy derivatives: Mattsson, Soderlind 1993), see ``reduction``. Algebraic equations that can be solved by hand are: their fields
    are computed from the others after the solve. Otherwise as ``ODESystem``. With fields in space write ``PDESystem``, which takes
    equations of index 1 as well.

    Attributes: ``reduction`` (``model.dae.Reduction``: how the index was reduced; None where it is at most one).

    Raises ModelError where the equations cannot be reduced or nothing is algebraic; warns (ModelWarning) of initial values that
    contradict a constraint.
    """

    @cached_property
    def _forms(self) -> tuple[NormalForm, Reduction | None]:
        from symnum.model.dae import dae_normal_form

        return dae_normal_form(self)

    @cached_property
    def normal_form(self) -> NormalForm:
        """First-order form of index one, solved for the rates (see ``model.dae``)."""
        return self._forms[0]

    @property
    def reduction(self) -> Reduction | None:
        """How the index was reduced; None where it is at most one."""
        return self._forms[1]

    def __init__(self, equations: Any, *args: Any, **more: Any) -> None:
        super().__init__(equations, *args, **more)
        form = self.normal_form
        if not form.fields:
            values = ", ".join(f"{f.name} = {value}" for f, value in list(form.observed.items())[:4])
            raise ModelError(
                f"nothing evolves: the constraints fix every field by a formula in {self.time.name} ({values}); use these formulas, "
                "or remove a constraint"
            )
        if not (form.algebraic or form.observed or self.reduction):
            raise ModelError(
                "every field has a derivative in time, so nothing is algebraic; write sn.ODESystem(...), or an equation without dt, "
                f"e.g. sn.Eq(0, {self.fields[0].name} - 1)"
            )


def _time_name(equations: Any) -> str:
    from symnum.expr.names import is_time
    from symnum.expr.walk import symbols

    rows = equations if isinstance(equations, (list, tuple)) else [equations]
    found = symbols([side for e in rows if isinstance(e, Eq) for side in (e.lhs, e.rhs)], "field")
    times = [c.name for f in found for c in f.info.coordinates if is_time(c)]
    return times[0] if times else "t"


def _check_evolution(need: Need) -> None:
    """Something evolves in time, at most to second order."""
    t = need.time.name
    if not any(need.evolves(u) for u in need.fields):
        name = next((f.name for f in need.fields if need.time in f.info.coordinates), need.fields[0].name)
        raise ModelError(
            f"no equation holds a derivative in time, so nothing evolves in {t}; write sn.Eq(sn.dt({name}), ...) "
            "(and sn.steady(system) finds the state at rest)"
        )
    for u in need.fields:
        if need.order(u, need.time) > 2:
            n = need.order(u, need.time)
            raise ModelError(
                f"{u.name} is of order {n} in time (equation {need.orders[u, need.time].equation}); orders 1 and 2 are "
                "supported: "
                f"name a derivative as a field of its own, e.g. sn.Eq(sn.dt({u.name}), w) and sn.Eq(sn.dt(w, {n - 1}), "
                "...)"
            )
