"""The noise of a stochastic differential equation, in the terms of its normal form.

    dy_i = f_i(t, y) dt + sum_k b_ik(t, y) dW_k        W_1 ... W_m independent Wiener processes

Ito's meaning; a system meant in Stratonovich's gets the drift that makes the two equal (P. E. Kloeden, E. Platen, Numerical Solution of Stochastic
Differential Equations, 1992, section 4.9):

    f_i  <-  f_i + 1/2 sum_k sum_j b_jk db_ik/dy_j
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.errors import ModelError, did_you_mean
from symnum.expr.calculus import derivative, differentiate, substitute
from symnum.expr.term import ZERO, Symbol, Term, add, mul
from symnum.expr.walk import contains, symbols
from symnum.model.naming import listed, to_term

if TYPE_CHECKING:
    from symnum.model.system import PDESystem

INTERPRETATIONS = ("ito", "stratonovich")
_PROBED = 16  # processes up to which it is checked whether general noise commutes
_EXAMPLE = "write noise={u: sigma*u}, {u: [b1, b2], v: [b3, b4]} or {u: {'W1': b1}, v: {'W1': b2}}"


@dataclass(frozen=True)
class Noise:
    """Which Wiener process moves which field.

    Attributes:
        processes: names of the Wiener processes, in order.
        rows: state field -> {process: coefficient b}; what is not named is zero.
        diagonal: each field has at most one process, and each process one field. A process of a field in space stands for white noise in space and
            time, independent at every point.
        time: the time coordinate; fields: all state fields, in order.
    """

    processes: tuple[str, ...]
    rows: dict[Symbol, dict[str, Term]]
    diagonal: bool
    time: Symbol
    fields: tuple[Symbol, ...]

    @property
    def in_space(self) -> bool:
        """White noise in space and time: own processes of fields that depend on space."""
        return self.diagonal and any(len(u.info.coordinates) > 1 for u in self.rows)

    @cached_property
    def pointwise(self) -> bool:
        """The coefficients hold no derivatives or integrals of fields, so they can be differentiated by the fields."""
        return not any(contains(b, lambda n: n.op in ("derivative", "integral")) for b in self._terms())

    @cached_property
    def additive(self) -> bool:
        """No coefficient depends on a field."""
        return not any(symbols(b, "field") for b in self._terms())

    def _terms(self) -> Iterator[Term]:
        return (b for row in self.rows.values() for b in row.values())

    def coefficient(self, field: Symbol, process: str) -> Term:
        """b of a field and a process, zero where they have nothing to do with each other."""
        return self.rows.get(field, {}).get(process, ZERO)

    def along(self, first: str, field: Symbol, second: str) -> Term:
        """L^first b_field,second = sum_j b_j,first db_field,second/dy_j: how a process changes the effect of another (or of itself)."""
        b = self.coefficient(field, second)
        parts = [mul((self.coefficient(y, first), differentiate(b, y))) for y in symbols(b, "field") if y in self.rows]
        return add(parts) if parts else ZERO

    @cached_property
    def commutative(self) -> bool:
        """L^j b_k = L^k b_j for all pairs of processes: methods of strong order one and more need no Levy areas.

        General noise of up to 16 processes is compared at random points.
        """
        if self.additive or (len(self.processes) <= 1 and not self.in_space):
            return True
        if not self.pointwise:
            return False
        if self.diagonal:  # a coefficient may hold its own field and those that no process moves
            moved = set(self.rows)
            return all(set(symbols(b, "field")) & moved <= {u} for u, row in self.rows.items() for b in row.values())
        return len(self.processes) <= _PROBED and all(_equal(a, b) for a, b in self._brackets())

    def _brackets(self) -> Iterator[tuple[Term, Term]]:
        for j, first in enumerate(self.processes):
            for second in self.processes[:j]:
                for u in self.rows:
                    yield self.along(first, u, second), self.along(second, u, first)

    def drift_correction(self, field: Symbol) -> Term:
        """1/2 sum_k sum_j b_jk db_ik/dy_j: what Stratonovich's meaning adds to the drift in Ito's."""
        return add([self.along(k, field, k) / 2 for k in self.rows.get(field, {})])


def _equal(a: Term, b: Term) -> bool:
    """Equal at random points, to rounding."""
    from symnum.model.numeric import evaluate

    if a is b:
        return True
    random = np.random.default_rng(1)
    values: dict[Term, Any] = {s: random.uniform(0.3, 1.7, 6) for s in symbols((a, b))}
    left, right = np.asarray(evaluate(a, values)), np.asarray(evaluate(b, values))
    return bool(np.all(np.abs(left - right) <= 1e-11 * (np.abs(left) + np.abs(right))))


# --- reading what the user wrote ------------------------------------------------------------


def read_noise(system: PDESystem, given: Mapping[Any, Any], states: Mapping[Symbol, Symbol]) -> Noise:
    """The noise of a system. ``states``: field of the system -> the state field whose rate holds its noise (the velocity, at second order).

    Raises ModelError, in the words of the model, for what is no noise of it.
    """
    if not isinstance(given, Mapping):
        raise ModelError(f"noise={given!r} is no mapping from fields to terms; {_EXAMPLE}")
    terms = _Terms(system, states)
    rows: dict[Symbol, dict[str, Term]] = {}
    own: list[str] = []
    for key, value in given.items():
        u = _field(key, system, states)
        if states[u] in rows:
            raise ModelError(f"noise names {u.name} twice; write its coefficients in one entry")
        row, single = _row(u, value, terms)
        own += [f"W_{u.name}"] if single else []
        rows[states[u]] = {name: b for name, b in row.items() if b is not ZERO}
    rows = {u: row for u, row in rows.items() if row}
    processes = tuple(dict.fromkeys(name for row in rows.values() for name in row))
    noise = Noise(processes, rows, _is_diagonal(rows), system.time, tuple(states.values()))
    shared = [name for name in processes if name not in own]
    in_space = [u.name for u in given if hasattr(u, "info") and len(u.info.coordinates) > 1]
    if in_space and own and shared:
        raise ModelError(
            f"{listed([name.removeprefix('W_') for name in own])} has white noise in space and time of its own, others share {listed(shared)}; "
            "both in one system are not supported with fields in space: write all coefficients as terms, or all as {'W1': term}"
        )
    if in_space and shared and noise.diagonal:
        noise = Noise(processes, rows, False, system.time, noise.fields)  # a shared process is the same at every point
    return noise


def _is_diagonal(rows: Mapping[Symbol, Mapping[str, Term]]) -> bool:
    named = [name for row in rows.values() for name in row]
    return all(len(row) == 1 for row in rows.values()) and len(set(named)) == len(named)


def _field(key: Any, system: PDESystem, states: Mapping[Symbol, Symbol]) -> Symbol:
    name = key if isinstance(key, str) else getattr(key, "name", None) or str(getattr(key, "func", key))
    found = next((u for u in system.fields if u.name == name), None)
    if found is None:
        known = [u.name for u in system.fields]
        raise ModelError(
            f"noise names {name!r}, which is no field of the model.{did_you_mean(str(name), known)} Fields: {', '.join(known)}. "
            "(Of an equation of second order in time the noise of the field moves its velocity.)"
        )
    if found not in states:
        raise ModelError(
            f"{found.name} has no derivative in time, so it can have no noise; give the noise to a field with sn.dt"
        )
    return found


def _row(u: Symbol, value: Any, terms: Callable[[Any, Symbol], Term]) -> tuple[dict[str, Term], bool]:
    """{process: coefficient}, and whether the process is the field's own."""
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str) or not name.isidentifier():
                raise ModelError(
                    f"the noise of {u.name} names the process {name!r}; a name is a word: {{'W1': sigma*{u.name}}}"
                )
        return {name: terms(b, u) for name, b in value.items()}, False
    if isinstance(value, (list, tuple)):
        return {f"W{k}": terms(b, u) for k, b in enumerate(value, 1)}, False
    return {f"W_{u.name}": terms(value, u)}, True


class _Terms:
    """Reads a coefficient: symbols by name, velocities for time derivatives, and only what a rate may hold."""

    def __init__(self, system: PDESystem, states: Mapping[Symbol, Symbol]) -> None:
        self.known: dict[str, Symbol] = {s.name: s for s in (*system.fields, system.time, *system.space)}
        self.known |= system.parameter_symbols
        self.time = system.time
        self.velocities = {derivative(u, {system.time: 1}): v for u, v in states.items() if u is not v}

    def __call__(self, value: Any, u: Symbol) -> Term:
        term = to_term(
            value, f"the noise of {u.name}", f"Write noise={{{u.name}: sigma*{u.name}}} or {{{u.name}: [b1, b2]}}."
        )
        found: dict[Term, Term] = {}
        for symbol in symbols(term):
            meant = self.known.get(symbol.name)
            if meant is None:
                raise ModelError(
                    f"the noise of {u.name} ({term}) holds {symbol.name!r}, which the model does not know.{did_you_mean(symbol.name, self.known)} "
                    f"Write a parameter: {symbol.name} = sn.parameter({symbol.name!r}, 1.0)"
                )
            if meant is not symbol:
                found[symbol] = meant
        term = substitute(substitute(term, found) if found else term, self.velocities)
        if contains(term, lambda node: node.op == "derivative" and self.time in node.args[1:]):
            raise ModelError(
                f"the noise of {u.name} ({term}) holds a derivative in time that is no unknown; write what the equation says it is"
            )
        own = set(u.info.coordinates)
        for s in symbols(term):
            along = s.info.coordinates if s.kind == "field" else (s,) if s.kind == "coordinate" else ()
            if not set(along) <= own:
                raise ModelError(
                    f"the noise of {u.name} ({term}) holds {s.name}, which varies along coordinates on which {u.name} does not depend"
                )
        return term
