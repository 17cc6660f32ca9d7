"""PROSE residuals with derivative leaves as a system in one space dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symnum.errors import ModelError
from symnum.expr.calculus import diff
from symnum.expr.term import Const, Symbol, Term, power
from symnum.formats.prose.read import placeholder_value, term, variable_names
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
    return _system(residuals, known, origin, domain, conditions, initial, t)


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


def _system(residuals: list[Term], known: Any, origin: Any, domain: Any, conditions: Any, initial: Any, t: Any) -> Any:
    from symnum.model.space import Domain
    from symnum.model.system import Eq, PDESystem

    equations = [Eq(r, Const(0)) for r in residuals]
    if origin is None:
        text = PDESystem.from_text
        if _is_text(conditions) or _is_text(initial):
            return text([f"{e.lhs} = {e.rhs}" for e in equations], domain, conditions or (), initial)
        return PDESystem(equations, domain, conditions or (), initial)
    box = domain
    if box is None:
        span = t or known.span
        box = Domain(
            {name: (span if name == origin.time.name else pair) for name, pair in origin.domain.exact.items()},
            time=origin.time.name,
        )
    changes = {"conditions": conditions, "initial": initial}
    return origin.replace(equations=equations, domain=box, **{k: v for k, v in changes.items() if v is not None})


def _is_text(given: Any) -> bool:
    return isinstance(given, str) or (isinstance(given, (list, tuple)) and any(isinstance(g, str) for g in given))
