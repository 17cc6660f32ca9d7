"""What a reaction network is made of, and its rates of change as terms.

    dx_s/dt = sum over reactions r of N_sr * v_r,       v_r = coefficient * monomial

Every sum is collected in a dictionary monomial -> coefficient and becomes a term once; a monomial that occurs in several reactions is one term.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from symnum.expr.calculus import from_summands, linear_coefficients, summands
from symnum.expr.numbers import Number
from symnum.expr.term import ZERO, Symbol, Term, linear_combination, mul, power_product, scale, split_coefficient
from symnum.expr.walk import symbols, transform
from symnum.model.rate_laws import MASS_ACTION, RateLaw
from symnum.model.stoichiometry import Change, net_changes

if TYPE_CHECKING:
    from symnum.model.structure import Structure
    from symnum.model.system import PDESystem

Row = tuple[
    int, tuple[int, ...], tuple[int, ...]
]  # rate law, reactants, products by number; two of a kind are listed twice
_Prepared = tuple[Number, Term, dict[Term, Number]]  # a rate constant as coefficient * term, and the term's bases


@dataclass(frozen=True)
class NetworkParts:
    """The data of a network, every name resolved to a symbol.

    ``labels``: the species' names as the user wrote them. ``parameters``: free ones with their values. ``definitions``: other parameters as terms
    of parameters, each after those it needs. ``observables``, ``functions``: name -> term of species, parameters and time. ``fixed``: species whose
    amounts do not change. ``comments``: one a reaction, or none.
    """

    species: tuple[Symbol, ...]
    labels: tuple[str, ...]
    time: Symbol
    laws: tuple[RateLaw, ...]
    rows: tuple[Row, ...]
    initial: dict[Symbol, Term]
    parameters: dict[Symbol, float]
    definitions: dict[Symbol, Term] = field(default_factory=dict)
    observables: dict[str, Term] = field(default_factory=dict)
    functions: dict[str, Term] = field(default_factory=dict)
    fixed: frozenset[Symbol] = frozenset()

    @cached_property
    def resolved(self) -> dict[Term, Term]:
        """Defined parameters in terms of free ones."""
        made: dict[Term, Term] = {}
        memo: dict[Term, Term] = {}
        for symbol, term in self.definitions.items():
            made[symbol] = transform(term, made.get, memo)
            memo[symbol] = made[symbol]
        return made

    @cached_property
    def changes(self) -> list[Change]:
        """The net change of each reaction."""
        return net_changes(self.rows, {i for i, s in enumerate(self.species) if s in self.fixed})

    def in_free_parameters(self, term: Term) -> Term:
        """The term with the definitions put in."""
        return transform(term, self.resolved.get) if self.definitions else term


def fluxes(parts: NetworkParts) -> list[tuple[Number, Term]]:
    """The rate of each reaction as (coefficient, monomial)."""
    memo: dict[Term, Term] = {}

    def put_in(term: Term) -> Term:
        return transform(term, parts.resolved.get, memo) if parts.definitions else term

    laws = [RateLaw(law.kind, tuple(map(put_in, law.constants)), put_in(law.factor)) for law in parts.laws]
    prepared = [_prepared(law) if law.kind == MASS_ACTION else None for law in laws]
    species, made = parts.species, []
    known: dict[Any, tuple[Number, Term]] = {}
    for law, reactants, _ in parts.rows:
        ready = prepared[law]
        key = (law if ready is None else ready[1], reactants)
        found = known.get(key)
        if found is None:
            if ready is None:
                found = split_coefficient(laws[law].flux([species[s] for s in reactants]))
            else:
                bag = ready[2].copy()
                for s in reactants:
                    base = species[s]
                    bag[base] = bag[base] + 1 if base in bag else 1
                term = power_product(bag)
                found = (1, term) if term.op != "mul" or term.data[0] == 1 else split_coefficient(term)
            known[key] = found
        made.append(found if ready is None or ready[0] == 1 else (ready[0] * found[0], found[1]))
    return made


def _prepared(law: RateLaw) -> _Prepared:
    """The rate constant of mass action, ready to be multiplied by reactants."""
    whole = mul((law.factor, *law.constants))
    if whole.op == "const":
        return whole.data[0], split_coefficient(mul(()))[1], {}
    coefficient, rest = split_coefficient(whole)
    bases: dict[Term, Number] = dict(zip(rest.args, rest.data[1:], strict=True)) if rest.op == "mul" else {rest: 1}
    return coefficient, rest, bases


def rates(parts: NetworkParts) -> dict[Symbol, Term]:
    """Species -> rate of change; zero for fixed ones."""
    bags: list[dict[Term, Number]] = [{} for _ in parts.species]
    with collector_paused():
        for (_, reactants, products), (coefficient, monomial) in zip(parts.rows, fluxes(parts), strict=True):
            for s in reactants:
                bag = bags[s]
                bag[monomial] = bag[monomial] - coefficient if monomial in bag else -coefficient
            for s in products:
                bag = bags[s]
                bag[monomial] = bag[monomial] + coefficient if monomial in bag else coefficient
        for s, species in enumerate(parts.species):
            if species in parts.fixed:
                bags[s] = {}
        return {species: _sum(bag) for species, bag in zip(parts.species, bags, strict=True)}


def _sum(bag: dict[Term, Number]) -> Term:
    constant: Number = 0
    for monomial in [m for m in bag if m.op == "const"]:  # synthesis at a rate that is a number
        constant += bag.pop(monomial) * monomial.data[0]
    return linear_combination(bag, constant)


@contextmanager
def collector_paused() -> Iterator[None]:
    """For building: no cycles arise while terms are built, and Python's collector would walk all of them again and again (a quarter of the time)."""
    import gc

    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


# --- what the equations are -------------------------------------------------------------------------------------------


class _Part(Mapping[Symbol, Term]):
    """Species -> linear (or other) part of its rate, split when it is asked for."""

    def __init__(self, system: PDESystem, linear: bool) -> None:
        self._system, self._linear = system, linear

    def __getitem__(self, species: Symbol) -> Term:
        kept = [(c, t) for c, t in summands(self._system.normal_form.rates[species]) if _is_linear(t) == self._linear]
        return from_summands(kept) if kept else ZERO

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._system.fields)

    def __len__(self) -> int:
        return len(self._system.fields)


def _is_linear(term: Term) -> bool:
    """One species times what holds none."""
    found = linear_coefficients(term, symbols(term, "field"))
    return found is not None and bool(found[0]) and found[1] is ZERO


def structure(system: PDESystem, parts: NetworkParts, laws: list[dict[int, int]]) -> Structure:
    """The structure of a network, from its own data (see ``model.structure.Structure``)."""
    from fractions import Fraction

    from symnum.model.conserved import Conserved
    from symnum.model.discontinuity import switching_times
    from symnum.model.structure import Structure

    values: dict[Term, float] = {system.parameter_symbols[n]: v for n, v in system.parameters.items()}
    held = [parts.in_free_parameters(t) for law in parts.laws for t in law.terms()]
    own = symbols(held)
    conserved = tuple(Conserved({parts.species[s]: Fraction(w) for s, w in law.items()}, False) for law in laws)
    return Structure(
        order_in_time=1,
        order_in_space={},
        linear=_all_linear(parts),
        linear_part=_Part(system, True),  # type: ignore[arg-type]
        nonlinear_part=_Part(system, False),  # type: ignore[arg-type]
        terms=(),
        diffusion={},
        advection={},
        dispersion={},
        hyperdiffusion={},
        wave={},
        bending={},
        periodic=False,
        autonomous=parts.time not in own,
        discontinuities=switching_times(held, parts.time, values, system.domain.bounds[parts.time.name]),
        conserved=conserved,
        kind="reaction network",
    )


def _all_linear(parts: NetworkParts) -> bool:
    """Every rate is affine in the amounts."""
    orders = [0] * len(parts.laws)
    for number, reactants, _ in parts.rows:
        orders[number] = max(orders[number], len(reactants))
    for law, order in zip(parts.laws, orders, strict=True):
        if law.kind == MASS_ACTION and order > 1:
            return False
        unknowns = [s for t in law.terms() for s in symbols(t, "field")]
        if law.kind == MASS_ACTION:
            if order and unknowns:
                return False
        elif law.kind != "full":
            return False
        if linear_coefficients(mul(law.terms()), unknowns) is None:
            return False
    return True


def scaled(flux: tuple[Number, Term]) -> Term:
    """A flux as one term."""
    return scale(flux[1], flux[0])
