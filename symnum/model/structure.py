"""What the equations are: orders, linearity, kinds of terms, coefficients, conserved quantities, switching times.

Each rate is written as a sum; a summand ``k * d^n u/dx^n`` in the rate of ``u`` is

    n = 1   advection (speed -k)         n = 2   diffusion (k > 0) or anti-diffusion (k < 0)
    n = 3   dispersion                   n = 4   hyperdiffusion (k < 0) or anti-diffusion (k > 0)

a summand without derivatives is reaction, without fields source, everything else mixed. The sign of ``k`` is judged at
the system's parameter values, over the domain, with fields put to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.expr.calculus import expand_derivatives, from_summands, summands
from symnum.expr.integral import integrals_as_fields
from symnum.expr.term import ONE, ZERO, Symbol, Term, power_product
from symnum.expr.walk import fold, postorder, symbols
from symnum.model.conserved import Conserved, conserved_quantities
from symnum.model.discontinuity import switching_times
from symnum.model.expand import Reader, Summand, has_fields
from symnum.model.numeric import evaluate
from symnum.model.orders import derivative_nodes

if TYPE_CHECKING:
    from symnum.model.normal_form import NormalForm
    from symnum.model.system import PDESystem


@dataclass(frozen=True)
class KindOfTerm:
    """One summand of the rate of ``field``; kind: diffusion, anti-diffusion, advection, dispersion, hyperdiffusion,
    reaction, source, mixed.
    """

    field: Symbol
    term: Term
    kind: str


@dataclass(frozen=True)
class Coefficient:
    """A coefficient as a term, and its value where it holds nothing but numbers and parameters (else None).

    ``scale``: its largest absolute value over the domain, fields put to 1.
    """

    term: Term
    value: float | None
    scale: float


Coefficients = dict[Symbol, dict[str, Coefficient]]  # field -> coordinate name -> coefficient


@dataclass(frozen=True)
class Structure:
    """What a system is. Coordinates are given by name, fields (of the normal form) as symbols.

    Attributes:
        order_in_time: 1 or 2, the highest of all fields.
        order_in_space: coordinate name -> highest order.
        linear: all rates and algebraic equations are linear (affine) in the fields.
        linear_part, nonlinear_part: field -> the homogeneous linear summands of its rate, and all others (sources
            included).
        terms: every summand with its kind.
        diffusion, advection, dispersion, hyperdiffusion: coefficients: k, speed -k, k, k as in the module's table.
        wave: field of second order in time -> coordinate name -> squared wave speed.
        bending: the same with fourth derivatives, u_tt = k u_xxxx: k (negative for a beam).
        periodic: there is space and all of it is periodic (or antiperiodic).
        autonomous: time does not occur explicitly in equations or conditions.
        discontinuities: times inside the interval where something switches.
        conserved: linear conserved quantities that can be seen.
        kind: the type in words, "reaction-diffusion", "wave", "ODE system", ...
        algebraic: fields without a derivative in time, whose equations hold at every instant.
        observed: fields whose algebraic equations were solved by hand.
    """

    order_in_time: int
    order_in_space: dict[str, int]
    linear: bool
    linear_part: dict[Symbol, Term]
    nonlinear_part: dict[Symbol, Term]
    terms: tuple[KindOfTerm, ...]
    diffusion: Coefficients
    advection: Coefficients
    dispersion: Coefficients
    hyperdiffusion: Coefficients
    wave: Coefficients
    bending: Coefficients
    periodic: bool
    autonomous: bool
    discontinuities: tuple[float, ...]
    conserved: tuple[Conserved, ...]
    kind: str
    algebraic: tuple[Symbol, ...] = ()
    observed: tuple[Symbol, ...] = ()


def analyse(system: PDESystem) -> Structure:
    """The structure of a system at its parameter values."""
    form = system.normal_form
    values: dict[Term, float] = {system.parameter_symbols[n]: v for n, v in system.parameters.items()}
    reader = Reader()
    degrees: dict[Term, Any] = {}
    seen: dict[Term, bool] = {}
    parts = {u: reader.summands(rate) for u, rate in form.rates.items()}
    split = {u: _split(rows, degrees) for u, rows in parts.items()}
    linear = all(_degree(t, degrees) in (0, 1, "affine") for t in (*form.rates.values(), *form.algebraic.values()))
    position = {velocity: u for u, velocity in form.rates.items() if form.origin[u].startswith("the definition")}
    rows = [
        row
        for u, rate in form.rates.items()
        if rate not in position  # u' = u_t is a definition, not a term of the model
        for row in _summand_rows(u, _evaluated(rate, parts[u], reader), system, values, position.get(u), reader)
    ]
    found = _coefficients(rows, form, system, values)
    terms = tuple(KindOfTerm(row.field, row.term, row.kind) for row in rows)
    holds = [s for e in system.equations for s in (e.lhs, e.rhs)] + [
        c.residual for rows in system.face_conditions.values() for c in rows
    ]
    order_in_time = max((o.order for (_, c), o in system.orders.items() if c is system.time), default=0)
    return Structure(
        order_in_time=order_in_time,
        order_in_space={
            x.name: max((o.order for (_, c), o in system.orders.items() if c is x), default=0) for x in system.space
        },
        linear=linear,
        linear_part={u: part for u, (part, _) in split.items()},
        nonlinear_part={u: part for u, (_, part) in split.items()},
        terms=terms,
        **found,
        periodic=bool(system.space) and all(x.name in system.periodic for x in system.space),
        autonomous=not any(_explicit(term, system.time, seen) for term in holds),
        discontinuities=switching_times(holds, system.time, values, system.domain.bounds[system.time.name]),
        conserved=conserved_quantities(system, form),
        kind=_kind(system, form, terms, found),
        algebraic=tuple(form.algebraic),
        observed=tuple(form.observed),
    )


# --- linear or not ------------------------------------------------------------


def _degree(term: Term, known: dict[Term, Any]) -> Any:
    """0 without fields, 1 homogeneous linear in the fields, "affine" linear with a part free of fields, None
    nonlinear.
    """

    def rule(node: Term, args: list[Any]) -> Any:
        if node.op == "symbol":
            return int(getattr(node, "kind", "") == "field")
        if node.op in ("derivative", "integral"):
            return args[0]
        if node.op == "add":
            return _sum_degree([*args, 0] if node.data[0] != 0 else args)
        if all(a == 0 for a in args):
            return 0
        if node.op == "mul":
            holding = [(a, e) for a, e in zip(args, node.data[1:], strict=True) if a != 0]
            return holding[0][0] if len(holding) == 1 and holding[0][1] == 1 else None
        if node.op == "where" and args[0] == 0:
            return _sum_degree([a for a, value in zip(args[1:], node.args[1:], strict=True) if value is not ZERO])
        return None

    return fold(term, rule, known)


def _sum_degree(degrees: list[Any]) -> Any:
    if None in degrees:
        return None
    kinds = set(degrees)
    return kinds.pop() if len(kinds) == 1 else "affine"


def _split(rows: list[Summand], degrees: dict[Term, Any]) -> tuple[Term, Term]:
    """(homogeneous linear summands, the others), flux form kept."""
    linear = [row for row in rows if _degree(row[1], degrees) == 1]
    return from_summands(linear), from_summands(row for row in rows if _degree(row[1], degrees) != 1)


def _evaluated(rate: Term, rows: list[Summand], reader: Reader) -> list[Summand]:
    """The summands of the rate with its derivatives carried through; ``rows``: those of the rate as it stands."""
    return reader.summands(expand_derivatives(rate)) if reader.operators(rate) else rows


def _explicit(term: Term, time: Symbol, known: dict[Term, bool]) -> bool:
    """Time occurs outside derivatives and field arguments."""

    def rule(node: Term, args: list[bool]) -> bool:
        return node is time or (args[0] if node.op == "derivative" else any(args))

    return fold(term, rule, known)


# --- kinds of terms ------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """A summand; where it is ``coefficient * node`` with one derivative node, these two."""

    field: Symbol
    term: Term
    kind: str
    coefficient: Term = ZERO
    node: Term | None = None


def _summand_rows(
    u: Symbol,
    rows: list[Summand],
    system: PDESystem,
    values: Mapping[Term, float],
    position: Symbol | None,
    reader: Reader,
) -> list[_Row]:
    made = []
    for c, t in rows:
        term = t * c
        if not reader.operators(t):
            made.append(_Row(u, term, "reaction" if reader.fields(t) else "source"))
            continue
        coefficient, node = _one_derivative(term)
        kind = _kind_of(u, term, coefficient, node, system, values)
        if kind == "mixed" and node is not None and node.args[0] is position and len(node.data) == 1:
            kind = _WAVES.get(node.data[0], kind)
        made.append(_Row(u, term, kind, coefficient, node))
    return made


def _one_derivative(term: Term) -> tuple[Term, Term | None]:
    """``coefficient, node`` of a summand that is linear in exactly one derivative node, else (0, None)."""
    if term.op == "derivative":
        return ONE, term
    if term.op != "mul":
        return ZERO, None
    exponents = dict(zip(term.args, term.data[1:], strict=True))
    nodes = [b for b in exponents if b.op == "derivative"]
    if len(nodes) != 1 or exponents[nodes[0]] != 1 or len(derivative_nodes(term)) != 1:
        return ZERO, None
    return power_product({b: e for b, e in exponents.items() if b is not nodes[0]}, term.data[0]), nodes[0]


def _kind_of(
    u: Symbol, term: Term, coefficient: Term, node: Term | None, system: PDESystem, values: Mapping[Term, float]
) -> str:
    if not has_fields(term):
        return "source"
    if not derivative_nodes(term):
        return "reaction"
    if node is None or node.args[0] is not u:
        return "mixed"
    order = sum(node.data)
    if len(node.data) > 1 and any(n % 2 for n in node.data):
        return "mixed"
    if order % 2:
        return "advection" if order == 1 else "dispersion"
    damping = _sign(coefficient, system, values) * (-1) ** (order // 2 + 1) >= 0
    return ("diffusion" if order == 2 else "hyperdiffusion") if damping else "anti-diffusion"


def _sign(coefficient: Term, system: PDESystem, values: Mapping[Term, float]) -> float:
    """The sign of the mean of a coefficient over the domain, fields put to 1."""
    return float(np.sign(np.nanmean(_sampled(coefficient, system, values))))


def _sampled(coefficient: Term, system: PDESystem, values: Mapping[Term, float]) -> Any:
    """A coefficient at points inside the domain, fields, their derivatives and integrals put to 1."""
    coefficient = integrals_as_fields((coefficient,))[0][0]
    points: dict[Term, Any] = {
        c: np.linspace(*system.domain.bounds[c.name], 9)[1:-1] for c in (system.time, *system.space)
    }
    grid = dict(zip(points, np.meshgrid(*points.values(), indexing="ij"), strict=True))
    ones: dict[Term, Any] = {
        n: 1.0 for n in postorder((coefficient,)) if n.op == "derivative" or (isinstance(n, Symbol) and n.kind == "field")
    }
    return np.asarray(evaluate(coefficient, {**values, **grid, **ones}), dtype=float)


_TABLES = {1: "advection", 2: "diffusion", 3: "dispersion", 4: "hyperdiffusion"}
_WAVES = {2: "wave", 4: "bending"}  # in the rate of a velocity, derivatives of its field


def _coefficients(
    rows: list[_Row], form: NormalForm, system: PDESystem, values: Mapping[Term, float]
) -> dict[str, Coefficients]:
    """Sums of coefficients by table, field and coordinate; anti-diffusion counts in the table of its order."""
    sums: dict[str, dict[Symbol, dict[str, list[Term]]]] = {name: {} for name in (*_TABLES.values(), *_WAVES.values())}
    positions = {rate: u for u, rate in form.rates.items() if isinstance(rate, Symbol) and rate in form.rates}
    for row in rows:
        if row.node is None or len(row.node.data) > 1:
            continue
        x, order = row.node.args[1].name, row.node.data[0]  # type: ignore[attr-defined]
        if row.kind in ("mixed", *_WAVES.values()):
            u = positions.get(row.field)
            if u is not None and row.node.args[0] is u and order in _WAVES:
                sums[_WAVES[order]].setdefault(u, {}).setdefault(x, []).append(row.coefficient)
            continue
        table = _TABLES.get(order)
        if table is not None:
            signed = -row.coefficient if table == "advection" else row.coefficient
            sums[table].setdefault(row.field, {}).setdefault(x, []).append(signed)
    names = [x.name for x in system.space]
    return {
        name: {u: {x: _coefficient(by[x], system, values) for x in names if x in by} for u, by in table.items()}
        for name, table in sums.items()
    }


def _coefficient(parts: list[Term], system: PDESystem, values: Mapping[Term, float]) -> Coefficient:
    total = from_summands(row for part in parts for row in summands(part))
    known = all(s in values for s in symbols(total))
    value = float(evaluate(total, values)) if known else None
    sampled = np.abs(_sampled(total, system, values)) if value is None else np.abs(value)
    scale = float(np.max(sampled, where=np.isfinite(sampled), initial=0.0))
    return Coefficient(total, value, scale)


def _kind(system: PDESystem, form: NormalForm, terms: tuple[KindOfTerm, ...], found: dict[str, Coefficients]) -> str:
    """The type in words."""
    tail = " with algebraic constraints" if form.algebraic else ""
    if not system.space:
        return ("ODE system" if len(form.rates) > 1 else "ODE") + tail
    kinds = {row.kind for row in terms}
    if found["wave"] or found["bending"]:
        return ("wave" if found["wave"] else "bending wave") + tail
    if "dispersion" in kinds:
        return "dispersive" + tail
    if "hyperdiffusion" in kinds:
        return (
            "fourth-order" if "anti-diffusion" not in kinds else "fourth-order with instability (anti-diffusion)"
        ) + tail
    if "anti-diffusion" in kinds:
        return "backward diffusion (ill-posed)" + tail
    ordered = [name for name in ("advection", "reaction", "diffusion") if name in kinds]
    if len(ordered) == 3:
        return "advection-diffusion-reaction" + tail
    return ("-".join(ordered) if kinds & {"advection", "diffusion"} else "evolution") + tail
