"""Have the coefficients finite values? Numbers, parameters, and formulas in the coordinates such as 1/x on (-1, 1).

A coefficient is a largest part of an equation or condition that holds no field. It is sampled over the domain; what
stands in the branches of a ``where`` is left to its condition.

    inf*dxx(u), sqrt(D) with D = -1, log(x) on (-1, 1)     ModelError: nothing could be computed
    1/x on (-1, 1)                                         ModelWarning: a grid may or may not have the point x = 0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.errors import ModelError
from symnum.expr.calculus import linear_coefficients
from symnum.expr.integral import integrals_as_fields
from symnum.expr.show import plain
from symnum.expr.term import ZERO, Symbol, Term, power_product
from symnum.expr.walk import postorder, symbols
from symnum.model.numeric import evaluate
from symnum.model.orders import derivative_nodes
from symnum.model.space import Face
from symnum.model.warn import warn

if TYPE_CHECKING:
    from symnum.model.conditions import FaceCondition
    from symnum.model.equation import Eq
    from symnum.model.system import PDESystem

_POINTS = {1: 97, 2: 25, 3: 13}  # samples an axis, by the number of coordinates that a coefficient holds


def check_coefficients(system: PDESystem) -> None:
    """ModelError for coefficients without finite values, ModelWarning for those with a pole inside the domain."""
    done: set[Term] = set()  # terms are shared: each is judged where it is met first
    for number, equation in enumerate(system.equations, 1):
        _Coefficients(system, partial(_equation, number, equation), done).check((equation.lhs, equation.rhs))
    for rows in system.face_conditions.values():
        for row in rows:
            _Coefficients(system, partial("the condition '{}'".format, row), done).check((row.residual,))
            _check_weights(row, system)


def _equation(number: int, equation: Eq) -> str:
    return f"equation {number} ({plain(equation.lhs, limit=60)} = {plain(equation.rhs, limit=90)})"


@dataclass(frozen=True)
class _Coefficients:
    """The coefficients of one equation or condition, which ``name`` puts into words."""

    system: PDESystem
    name: Callable[[], str]
    done: set[Term]

    @property
    def where(self) -> str:
        return self.name()

    def check(self, terms: tuple[Term, ...]) -> None:
        opened = terms
        if any(node.op == "integral" for node in postorder(terms)):
            replaced, integrals = integrals_as_fields(terms)
            opened = (*replaced, *(whole.integrand for whole in integrals.values()))
        holding: set[Term] = set()
        for node in postorder(opened):
            if getattr(node, "kind", "") == "field" or any(a in holding for a in node.args):
                holding.add(node)
            if any(isinstance(n, float) and math.isinf(n) for n in node.data):
                raise ModelError(
                    f"{self.where} holds an infinite number; a coefficient is finite: write a number or a parameter in "
                    "its place"
                )
        for term in opened:
            for part in _without_fields(term, holding):
                if part not in self.done and not _surely_finite(part):
                    self.done.add(part)
                    self._check_part(part)

    def _check_part(self, part: Term) -> None:
        system = self.system
        parameters: dict[Term, Any] = {s: system.parameters[s.name] for s in symbols(part, "parameter")}
        axes = [c for c in (system.time, *system.space) if c in symbols(part)]
        if not axes:
            value = float(evaluate(part, parameters))
            if not math.isfinite(value):
                raise ModelError(self._no_value(part, value, parameters))
            return
        samples = [np.linspace(*system.domain.bounds[c.name], _POINTS.get(len(axes), 7)) for c in axes]
        mesh: dict[Symbol, Any] = dict(zip(axes, np.meshgrid(*samples, indexing="ij"), strict=True))
        shape = mesh[axes[0]].shape
        known: dict[Term, Any] = parameters | dict(mesh.items())
        values = _sampled(part, known, shape)
        bad = ~np.isfinite(values) & self._on_the_grid(axes, shape)
        if bad.any():
            self._report(part, axes, mesh, values, bad)
            return
        for base in _denominators(part):
            place = _sign_change(_sampled(base, known, shape), [mesh[c] for c in axes])
            if place is not None:
                self._warn_pole(part, dict(zip(axes, place, strict=True)))
                return

    def _on_the_grid(self, axes: list[Symbol], shape: tuple[int, ...]) -> Any:
        """True where a grid may have unknowns: sides whose points the conditions eliminate are left out."""
        inside = np.ones(shape, dtype=bool)
        for k, x in enumerate(axes):
            if x is self.system.time:
                continue
            for side, at in (("lower", 0), ("upper", -1)):
                periodic = x.name in self.system.periodic
                closed = self.system.face_conditions.get(Face(x.name, side))
                if closed or (periodic and side == "upper"):
                    np.moveaxis(inside, k, 0)[at] = False
        return inside

    def _report(self, part: Term, axes: list[Symbol], mesh: Mapping[Symbol, Any], values: Any, bad: Any) -> None:
        first = np.unravel_index(int(np.argmax(bad)), bad.shape)
        place = {c: float(grid[first]) for c, grid in mesh.items()}
        on_a_range = any((np.diff(bad.astype(int), axis=k) == 0)[_both(bad, k)].any() for k in range(bad.ndim))
        time = self.system.time
        at_start = time in place and place[time] == self.system.domain.bounds[time.name][0]
        if at_start or (on_a_range and len(axes) == 1) or bad.mean() > 0.2:
            at = ", ".join(f"{c.name} = {v:.4g}" for c, v in place.items())
            raise ModelError(
                f"{self.where} holds {plain(part, limit=80)}, which is {float(values[first]):g} at {at}; a coefficient "
                f"has finite values in the whole domain: change the domain, or write sn.where(condition, formula, 0)"
            )
        self._warn_pole(part, place)

    def _warn_pole(self, part: Term, place: Mapping[Symbol, float]) -> None:
        at = ", ".join(f"{c.name} = {v:.4g}" for c, v in place.items())
        warn(
            f"{self.where} holds {plain(part, limit=80)}, which is singular inside the domain, near {at}; a grid with a "
            "point there stops at once, others give nonsense near it. End the domain there, or write "
            "sn.where(condition, formula, value)"
        )

    def _no_value(self, part: Term, value: float, parameters: Mapping[Term, float]) -> str:
        if not parameters:
            return f"{self.where} holds {plain(part, limit=80)}, which is {value:g}; a coefficient is a finite number"
        given = ", ".join(f"{s} = {v:g}" for s, v in parameters.items())
        first = next(iter(parameters))
        return (
            f"{self.where} holds {plain(part, limit=80)}, which is {value:g} for {given}; give another value, e.g. "
            f'parameters={{"{first}": 1.0}}'
        )


def _sampled(term: Term, values: Mapping[Term, Any], shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(np.asarray(evaluate(term, values), dtype=np.float64), shape)


def _without_fields(term: Term, holding: set[Term]) -> Iterator[Term]:
    """The largest parts without fields, outside the branches of ``where``."""
    stack, seen = [term], set()
    while stack:
        node = stack.pop()
        if node in seen:  # terms share parts: as trees they may be exponentially large
            continue
        seen.add(node)
        if node.op == "weights":  # of a network: no number itself
            stack += node.args
        elif node not in holding:
            if node.op != "const":
                yield node
        elif node.op == "mul":
            rows = list(zip(node.args, node.data[1:], strict=True))
            known = {b: e for b, e in rows if b not in holding}
            if known:
                yield power_product(known, 1)
            stack += [b for b, _ in rows if b in holding]
        elif node.op in ("where", "derivative"):
            stack.append(node.args[0])
        else:
            stack += node.args


def _surely_finite(part: Term) -> bool:
    """A parameter, a coordinate, or a product of some: large networks consist of nothing else."""
    if part.op == "mul":
        return all(isinstance(b, Symbol) and e > 0 for b, e in zip(part.args, part.data[1:], strict=True)) and all(
            type(e) is int for e in part.data[1:]
        )
    return isinstance(part, Symbol)


def _denominators(part: Term) -> list[Term]:
    """What stands below a fraction line, outside ``where``."""
    found: list[Term] = []
    stack, seen = [part], set()
    while stack:
        node = stack.pop()
        if node.op == "where" or node in seen:
            continue
        seen.add(node)
        if node.op == "mul":
            found += [b for b, e in zip(node.args, node.data[1:], strict=True) if e < 0]
        stack += node.args
    return [b for b in found if symbols(b, "coordinate") and b.op not in ("sign", "floor", "ceil")]


def _sign_change(values: Any, mesh: list[Any]) -> list[float] | None:
    """Where a line between the first two neighbouring samples of opposite sign is zero, coordinate by coordinate."""
    for k in range(values.ndim):
        low, high = _neighbours(values, k)
        crossing = low * high < 0
        if crossing.any():
            at = np.unravel_index(int(np.argmax(crossing)), crossing.shape)
            part = low[at] / (low[at] - high[at])
            ends = [(_neighbours(grid, k)[0][at], _neighbours(grid, k)[1][at]) for grid in mesh]
            return [float(a + part * (b - a)) for a, b in ends]
    return None


def _neighbours(values: Any, k: int) -> tuple[Any, Any]:
    return np.delete(values, -1, axis=k), np.delete(values, 0, axis=k)


def _both(bad: Any, k: int) -> Any:
    low, high = _neighbours(bad, k)
    return low & high


def _check_weights(row: FaceCondition, system: PDESystem) -> None:
    """Does the field stay in its condition? ``a*u + b*du/dn = g`` loses it where a = b = 0.

    ModelError where the parameters' values take it out, ModelWarning where it is gone at a time or a place of the face.
    """
    field, residual = row.field, row.residual
    unknowns = [n for n in (*derivative_nodes(residual), field) if n is field or n.args[0] is field]  # type: ignore[union-attr]
    split = linear_coefficients(residual, unknowns)  # type: ignore[arg-type]
    weights = [w for w in split[0].values() if w is not ZERO] if split else []
    if not weights or any(s.kind == "field" for w in weights for s in symbols(w)):
        return
    axes = [c for c in (system.time, *system.space) if any(c in symbols(w) for w in weights)]
    values: dict[Term, Any] = {s: system.parameters[s.name] for w in weights for s in symbols(w, "parameter")}
    samples = [np.linspace(*system.domain.bounds[c.name], _POINTS.get(len(axes), 7)) for c in axes]
    mesh = list(np.meshgrid(*samples, indexing="ij"))
    shape = mesh[0].shape if axes else (1,)
    values |= dict(zip(axes, mesh, strict=True))
    sampled = [_sampled(w, values, shape) for w in weights]
    size = sum(np.abs(w) for w in sampled)
    place = f"sn.dirichlet({field}, 0, at={{{row.where.replace('=', ': ')}}})"
    if not size.any():
        given = ", ".join(f"{s.name} = {values[s]:g}" for w in weights for s in symbols(w, "parameter"))
        raise ModelError(
            f"the condition '{row}' does not depend on {field} for {given}, so it says nothing about it; give another "
            f"value, or write {place}"
        )
    lost = _sign_change(sampled[0], mesh) if axes and len(sampled) == 1 else None
    if not size.all() and lost is None:
        first = np.unravel_index(int(np.argmin(size)), shape)
        lost = [float(grid[first]) for grid in mesh]
    if lost is not None:
        at = ", ".join(f"{c.name} = {v:.4g}" for c, v in zip(axes, lost, strict=True))
        warn(
            f"the condition '{row}' loses {field} near {at}, where its coefficient is zero: {field} is not determined "
            f"there and the solve stops. Let the coefficient keep its sign, or write {place}"
        )
