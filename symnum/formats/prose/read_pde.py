"""PROSE residuals with derivative leaves as a system in one space dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symnum.errors import ModelError
from symnum.expr.calculus import diff, expand_derivatives, substitute
from symnum.expr.term import Const, Symbol, Term, power, scale
from symnum.expr.walk import postorder
from symnum.formats.prose.read import check_values, placeholder_value, term, variable_names
from symnum.formats.prose.record import ProseRecord
from symnum.formats.prose.words import Node

_ORDERS = {"u": (0, 0), "ut": (1, 0), "utt": (2, 0), "ux": (0, 1), "uxx": (0, 2), "uxxx": (0, 3), "uxxxx": (0, 4)}
_EXAMPLE = (
    'sn.read(tokens, "prose", dialect="pde", domain=sn.Domain(t=(0, 1), x=(0, 1)), conditions=["periodic x"], '
    'initial=["u_0 = sin(2*pi*x)"])'
)


def pde_system(
    trees: list[Node],
    known: ProseRecord | None,
    names: Sequence[str] | None,
    values: Mapping[str, float] | Sequence[float] | None,
    initial: Any,
    domain: Any = None,
    conditions: Any = None,
    t: Any = None,
    **more: Any,
) -> Any:
    """The system whose residuals the trees are. Domain, conditions and initial data, which tokens do not hold, come from the record's model or
    from the arguments (as ``sn.PDESystem.from_text`` takes them). Raises ModelError where they are missing.
    """
    from symnum.errors import UnknownOption
    from symnum.model.equation import Eq
    from symnum.model.field import parameter

    if more:
        raise UnknownOption(
            f"read takes no option {next(iter(more))!r}; for the pde dialect it takes domain, conditions, initial, names and values"
        )
    origin = known.origin if known else None
    labels = variable_names(trees, [f.name for f in origin.fields] if origin is not None and names is None else names)
    if origin is None and (domain is None or initial is None):
        raise ModelError(f"tokens hold no domain and no initial data; write {_EXAMPLE}")
    time, x = (origin.time, origin.space[0]) if origin is not None else _coordinates(domain)
    parameters: list[Symbol] = []

    def placeholder() -> Symbol:
        k = len(parameters)
        parameters.append(parameter(f"c_{k}", placeholder_value(values, k)))
        return parameters[-1]

    from symnum.model.field import field

    leaves: dict[tuple[str, int], Term] = {("x", 0): x}
    for k, name in enumerate(labels):
        u = origin.fields[k] if origin is not None and origin.fields[k].name == name else field(name, (time, x))
        leaves |= {(head, k): _derivative(u, time, x, *orders) for head, orders in _ORDERS.items()}
    exponents: list[Symbol] = []

    def small_power(base: Term, n: Term) -> Term:
        exponents.append(parameter(f"n_{len(exponents)}", float(n.value)))  # type: ignore[attr-defined]
        return power(base, exponents[-1])

    residuals = [term(tree, leaves, placeholder, small_power) for tree in trees]
    check_values(values, len(parameters))
    equations = [Eq(r, Const(0)) for r in residuals]
    if known is None or origin is None:
        return stated(equations, [*parameters, *exponents], (time, x), labels, domain, conditions or (), initial)
    return as_recorded(equations, known, domain, conditions, initial, t)


def _derivative(u: Term, time: Term, x: Term, n: int, m: int) -> Term:
    return diff(u, time, n) if n else diff(u, x, m) if m else u


def _coordinates(domain: Any) -> tuple[Any, Any]:
    from symnum.model.space import Domain, coordinates

    box = domain if isinstance(domain, Domain) else Domain(domain)
    space = [name for name in box.exact if name != box.time]
    if box.time is None or len(space) != 1:
        raise ModelError(
            f"the domain {box} must hold the time and one space coordinate; write sn.Domain(t=(0, 1), x=(0, 1))"
        )
    made = coordinates(f"{box.time} {space[0]}", time=box.time)
    return made[0], made[1]


def stated(
    equations: list[Any],
    parameters: list[Symbol],
    axes: tuple[Symbol, ...],
    labels: list[str],
    domain: Any,
    conditions: Any,
    initial: Any,
) -> Any:
    """The system with a domain, conditions and initial data from the arguments, all objects or all text."""
    from symnum.model.system import PDESystem

    if not (_is_text(conditions) or _is_text(initial)):
        return PDESystem(equations, domain, conditions, initial)
    values = {p.name: p.info.default for p in parameters}
    fields = dict.fromkeys(labels, " ".join(c.name for c in axes))
    return PDESystem.from_text(
        [f"{e.lhs} = {e.rhs}" for e in equations], domain, conditions, initial, values, fields=fields
    )


def as_recorded(equations: list[Any], known: ProseRecord, domain: Any, conditions: Any, initial: Any, t: Any) -> Any:
    """The system with the domain, conditions and initial data of the record's model, in the time of the tokens, but for what is given."""
    from symnum.model.space import Domain

    origin, span = known.origin, known.span
    assert span is not None
    first, last = origin.domain.bounds[origin.time.name]
    s = (span[1] - span[0]) / (last - first)
    changes = {} if s == 1 else _rescaled(origin, s)
    changes |= {k: v for k, v in {"conditions": conditions, "initial": initial}.items() if v is not None}
    if domain is None:
        held = {n: ((t or span) if n == origin.time.name else pair) for n, pair in origin.domain.exact.items()}
        domain = Domain(held, time=origin.time.name)
    return origin.replace(equations=equations, domain=domain, **changes)


def _rescaled(origin: Any, s: float) -> dict[str, Any]:
    """Conditions and initial data in the time s*t: u_t becomes s u_t, t becomes t/s."""
    from dataclasses import replace

    from symnum.model.conditions import FaceCondition
    from symnum.model.equation import Eq

    time = origin.time
    if origin.events:
        raise ModelError("the record's time is rescaled, and its model has events; export it without time_range")

    def order(node: Term) -> int:
        orders = dict(zip(node.args[1:], node.data, strict=True)) if node.op == "derivative" else {}
        return int(orders.get(time, 0))

    def slowed(term: Term) -> Term:
        term = expand_derivatives(term)
        rates = {n: Symbol(f"rate~{k}", "temporary") for k, n in enumerate(postorder((term,))) if order(n)}
        held = substitute(term, {n: scale(symbol, s ** order(n)) for n, symbol in rates.items()})
        return substitute(substitute(held, {time: scale(time, 1 / s)}), {symbol: n for n, symbol in rates.items()})

    def start(key: Term, value: Any) -> Any:
        if callable(value) and not isinstance(value, Term):
            if order(key):
                raise ModelError(
                    f"the record's time is rescaled, and {key} is given as a function; give it as a formula or an array"
                )
            return value
        return (slowed(value) if isinstance(value, Term) else value) * (1 / s ** order(key) if order(key) else 1)

    return {
        "conditions": [
            replace(c, equation=Eq(slowed(c.equation.lhs), slowed(c.equation.rhs)))
            if isinstance(c, FaceCondition)
            else c
            for c in origin.conditions
        ],
        "initial": {key: start(key, value) for key, value in origin.initial.items()},
    }


def _is_text(given: Any) -> bool:
    return isinstance(given, str) or (isinstance(given, (list, tuple)) and any(isinstance(g, str) for g in given))
