"""What users pass becomes one set of terms: SymPy converted, plain symbols matched by name, one symbol a name.

equations, conditions, initial, parameters   ->   the same in terms of one table  name -> Symbol
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from symnum.errors import ModelError, TermError
from symnum.expr.calculus import substitute
from symnum.expr.names import CoordinateInfo, ParameterInfo
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.model.conditions import OUTWARD, Condition, FaceCondition, Periodic
from symnum.model.equation import Eq
from symnum.model.naming import is_sympy, to_term
from symnum.model.space import Domain

_DECLARED = ("coordinate", "field", "parameter")


@dataclass
class Parts:
    """A model on its way: terms only, every name with one meaning."""

    equations: tuple[Eq, ...]
    domain: Domain
    conditions: tuple[Condition, ...]
    initial: dict[Term, Any]
    given: dict[str, Any]  # parameter name -> value as passed
    names: dict[str, Symbol] = field(default_factory=dict)
    stated: tuple[Symbol, ...] = ()  # parameter symbols passed as keys of parameters=


def assemble(equations: Any, domain: Any, conditions: Any, initial: Any, parameters: Any) -> Parts:
    """Convert everything once; raises ModelError for wrong types and for two symbols of one name."""
    domain = _domain(domain)
    rows = _sequence(equations, "equations", (Eq, Term))
    known = _declared(_terms_of(rows, conditions, initial, parameters), {})
    for name in domain.bounds:
        known.setdefault(name, Symbol(name, "coordinate", CoordinateInfo("time" if name == domain.time else "space")))
    converted = []
    for number, row in enumerate(rows, 1):
        converted.append(_equation(row, number, known))
        known = _declared([converted[-1].lhs, converted[-1].rhs], known)
    given, stated = _parameters(parameters)
    parts = Parts(tuple(converted), domain, _conditions(conditions), _initial(initial, known), given, known, stated)
    return _unify(parts)


def _domain(domain: Any) -> Domain:
    if isinstance(domain, Domain):
        return domain
    if isinstance(domain, Mapping):
        return Domain(domain)
    raise ModelError(f"domain={domain!r} is no domain; write domain=sn.Domain(t=(0, 1), x=(0, 1))")


def _sequence(value: Any, what: str, single: tuple[type, ...]) -> list[Any]:
    if isinstance(value, Mapping):
        line = "sn.Eq(left, right)" if what == "equations" else "sn.dirichlet(u, 0, at={x: 0})"
        raise ModelError(f"{what} is a mapping, {value!r}; expected a list: write {what}=[{line}, ...]")
    if isinstance(value, str):
        line = f"sn.PDESystem.from_text({what}=[{value!r}], ...)"
        raise ModelError(
            f"{what} is the text {value!r}, expected sn.Eq(...) objects; models written as text go through {line}"
        )
    if isinstance(value, single) or is_sympy(value) or not isinstance(value, Iterable):
        return [value]
    return list(value)


def _equation(row: Any, number: int, known: Mapping[str, Symbol]) -> Eq:
    if isinstance(row, Eq):
        return row
    if is_sympy(row) and type(row).__name__ == "Equality":
        return Eq.from_sympy(row, known)
    line = "write sn.Eq(sn.dt(u), ...)"
    if isinstance(row, str):
        raise ModelError(
            f"equation {number} is the text {row!r}, expected sn.Eq(...); models written as text go through "
            "sn.PDESystem.from_text"
        )
    if isinstance(row, bool):
        raise ModelError(
            f"equation {number} is the truth value {row}: '==' compares identity (or SymPy gave up an equation); {line}"
        )
    if isinstance(row, Term):
        raise ModelError(f"equation {number} is the term {row}, which has no '='; {line} or sn.Eq({row}, 0)")
    raise ModelError(f"equation {number} is {row!r} of type {type(row).__name__}, expected sn.Eq(left, right); {line}")


def _conditions(conditions: Any) -> tuple[Condition, ...]:
    rows = _sequence(() if conditions is None else conditions, "conditions", (FaceCondition, Periodic))
    for row in rows:
        if not isinstance(row, (FaceCondition, Periodic)):
            raise ModelError(
                f"the condition {row!r} is not one; write sn.dirichlet(u, 0, at={{x: 0}}), sn.neumann(...), "
                "sn.periodic(x) "
                "or sn.condition(sn.Eq(...), at={x: 0}) (text goes through sn.PDESystem.from_text)"
            )
    return tuple(rows)


def _initial(initial: Any, known: Mapping[str, Symbol]) -> dict[Term, Any]:
    if initial is None:
        return {}
    if not isinstance(initial, Mapping):
        raise ModelError(f"initial={initial!r} is no mapping; write initial={{u: sn.sin(x)}}")
    made: dict[Term, Any] = {}
    for key, value in initial.items():
        if isinstance(key, str):
            raise ModelError(f"initial names {key!r} as text; write initial={{{key}: ...}} with the field itself")
        term = (
            _from_sympy(key, known)
            if is_sympy(key)
            else to_term(key, "a key of initial", "Write initial={u: sn.sin(x)}.")
        )
        made[term] = _initial_value(value, term, known)
    return made


def _initial_value(value: Any, key: Term, known: Mapping[str, Symbol]) -> Any:
    if isinstance(value, Term):
        return value
    if is_sympy(value):
        return _from_sympy(value, known)
    if getattr(value, "ndim", 0) or callable(value):
        return value
    if isinstance(value, (list, tuple)):
        import numpy as np

        try:
            return np.asarray(value)
        except ValueError:
            raise ModelError(
                f"the initial value of {key} is a list of rows of different lengths; write a rectangle"
            ) from None
    return to_term(
        value,
        f"the initial value of {key}",
        f"Write initial={{{key}: sn.sin(x)}} with a term, a number, an array or a function.",
    )


def _from_sympy(value: Any, known: Mapping[str, Symbol]) -> Term:
    from symnum.expr.sympy import from_sympy

    try:
        return from_sympy(value, known)
    except TermError as error:
        raise ModelError(f"the SymPy expression {str(value)[:200]} cannot be used: {error}") from None


def _parameters(parameters: Any) -> tuple[dict[str, Any], tuple[Symbol, ...]]:
    if parameters is None:
        return {}, ()
    if not isinstance(parameters, Mapping):
        raise ModelError(f'parameters={parameters!r} is no mapping; write parameters={{"a": 3.4}}')
    given: dict[str, Any] = {}
    for key, value in parameters.items():
        name = key if isinstance(key, str) else getattr(key, "name", None)
        if not isinstance(name, str) or (isinstance(key, Symbol) and key.kind not in ("parameter", "symbol")):
            raise ModelError(f'parameters= names {key!r}, which is not a parameter; write parameters={{"a": 3.4}}')
        given[name] = value
    return given, tuple(k for k in parameters if isinstance(k, Symbol) and k.kind == "parameter")


# --- one symbol a name ------------------------------------------------------------


def _terms_of(rows: list[Any], conditions: Any, initial: Any, parameters: Any) -> list[Term]:
    """The terms that users wrote with our own symbols (SymPy parts come later and match them by name)."""
    found: list[Term] = [side for row in rows if isinstance(row, Eq) for side in (row.lhs, row.rhs)]
    listed = conditions if isinstance(conditions, (list, tuple)) else [conditions]
    found += [side for c in listed if isinstance(c, FaceCondition) for side in (c.equation.lhs, c.equation.rhs)]
    if isinstance(initial, Mapping):
        found += [v for pair in initial.items() for v in pair if isinstance(v, Term)]
    if isinstance(parameters, Mapping):
        found += [k for k in parameters if isinstance(k, Term)]
    return found


def _declared(terms: Iterable[Term], known: Mapping[str, Symbol]) -> dict[str, Symbol]:
    """name -> symbol over terms; ModelError when two different symbols share a name."""
    names = dict(known)
    for symbol in symbols(terms):
        if symbol.kind in _DECLARED:
            related = [symbol, *(symbol.info.coordinates if symbol.kind == "field" else ())]
            for s in related:
                if names.setdefault(s.name, s) is not s:
                    raise ModelError(_conflict(names[s.name], s))
    return names


def _conflict(a: Symbol, b: Symbol) -> str:
    if a.kind != b.kind:
        return f"the name {a.name!r} stands for a {a.kind} and a {b.kind}; rename one of them"
    return (
        f"two different {a.kind}s are named {a.name!r}: {_described(a)} and {_described(b)}; "
        f"make the {a.kind} once and use the same object everywhere, or rename one"
    )


def _described(symbol: Symbol) -> str:
    info = symbol.info
    units = f" in {info.units}" if info.units else ""
    if symbol.kind == "field":
        return f"{symbol.name}({', '.join(c.name for c in info.coordinates)}){units}"
    if symbol.kind == "parameter":
        return f"one with default {info.default}{units}"
    return f"{symbol.name} ({info.role}){units or ' without units'}"


def _unify(parts: Parts) -> Parts:
    """Replace plain symbols (from SymPy or ``sn.symbol``) by the coordinate, field or parameter of that name."""
    every = [s for e in parts.equations for s in (e.lhs, e.rhs)]
    every += [s for c in parts.conditions if isinstance(c, FaceCondition) for s in (c.equation.lhs, c.equation.rhs)]
    every += [t for pair in parts.initial.items() for t in pair if isinstance(t, Term)]
    names = _declared([*every, *parts.stated], parts.names)
    table: dict[Term, Term] = {}
    for symbol in symbols(every, "symbol"):
        if symbol is OUTWARD:
            continue
        if symbol.name in names:
            table[symbol] = names[symbol.name]
        elif symbol.name in parts.given:
            table[symbol] = names[symbol.name] = Symbol(symbol.name, "parameter", ParameterInfo(None))
    parts.names = names
    if not table:
        return parts

    def put(term: Term) -> Term:
        return substitute(term, table)

    parts.equations = tuple(_map(e, put) for e in parts.equations)
    parts.conditions = tuple(
        replace(c, equation=_map(c.equation, put)) if isinstance(c, FaceCondition) else c for c in parts.conditions
    )
    parts.initial = {put(k): put(v) if isinstance(v, Term) else v for k, v in parts.initial.items()}
    return parts


def _map(equation: Eq, function: Callable[[Term], Term]) -> Eq:
    return Eq(function(equation.lhs), function(equation.rhs))
