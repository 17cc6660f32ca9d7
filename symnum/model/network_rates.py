"""What a reaction network is made of, and its rates of change as terms.

    dx_s/dt = sum over reactions r of N_sr * v_r,       v_r = coefficient * monomial

Every sum is collected in a dictionary monomial -> coefficient and becomes a term once; a monomial that occurs in several reactions is one term.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from symnum.expr.batch import Factor, products, sorted_factors, sums
from symnum.expr.calculus import from_summands, linear_coefficients, summands
from symnum.expr.numbers import Number
from symnum.expr.term import ONE, ZERO, Symbol, Term, mul, scale, split_coefficient
from symnum.expr.walk import symbols, transform
from symnum.model.rate_laws import MASS_ACTION, RateLaw
from symnum.model.stoichiometry import Change, net_changes

if TYPE_CHECKING:
    from symnum.model.structure import Structure
    from symnum.model.system import PDESystem

Row = tuple[
    int, tuple[int, ...], tuple[int, ...]
]  # rate law, reactants, products by number; two of a kind are listed twice


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
    def table(self) -> tuple[Any, Any, Any]:
        """The reactions as arrays: rate laws (n,), reactants and products (n, width) with -1 for none."""
        import numpy as np

        laws, reactants, products = zip(*self.rows, strict=True)
        return np.array(laws), _padded(reactants), _padded(products)

    @cached_property
    def changes(self) -> list[Change]:
        """The net change of each reaction."""
        return net_changes(self.rows, {i for i, s in enumerate(self.species) if s in self.fixed})

    def in_free_parameters(self, term: Term) -> Term:
        """The term with the definitions put in."""
        return transform(term, self.resolved.get) if self.definitions else term

    @property
    def laws_in_free_parameters(self) -> list[RateLaw]:
        """The rate laws with the definitions put in."""
        memo: dict[Term, Term] = {}

        def put_in(term: Term) -> Term:
            return transform(term, self.resolved.get, memo) if self.definitions else term

        return [RateLaw(law.kind, tuple(map(put_in, law.constants)), put_in(law.factor)) for law in self.laws]


def _padded(rows: Sequence[Sequence[int]]) -> Any:
    """Rows of different lengths as a matrix, filled up with -1."""
    import numpy as np

    widths = np.fromiter(map(len, rows), np.int64, len(rows))
    made = np.full((len(rows), widths.max()), -1)
    made[np.arange(made.shape[1]) < widths[:, None]] = np.fromiter(chain.from_iterable(rows), np.int64, widths.sum())
    return made


@dataclass(frozen=True)
class Fluxes:
    """Reaction i runs at ``coefficients[i] * monomials[columns[i]]``; a monomial has no number in front."""

    coefficients: list[Number]
    columns: Any
    monomials: Sequence[Term]

    def terms(self) -> list[Term]:
        """The rate of each reaction as one term."""
        return [scale(self.monomials[k], c) for c, k in zip(self.coefficients, self.columns.tolist(), strict=True)]


def fluxes(parts: NetworkParts) -> Fluxes:
    """The rates of all reactions, each distinct one made once."""
    import numpy as np

    laws = parts.laws_in_free_parameters
    constants = {n: split_coefficient(mul(law.terms())) for n, law in enumerate(laws) if law.kind == MASS_ACTION}
    first: dict[Term, int] = {}  # constants that differ by a number alone share their monomials
    shared = [first.setdefault(constants[n][1], n) if n in constants else n for n in range(len(laws))]
    used, reactants, _ = parts.table
    distinct, columns = _distinct_rows(np.column_stack([np.array(shared)[used], reactants]))
    law_of, sides = distinct[:, 0], distinct[:, 1:]
    made, plain = _products(parts.species, {n: constants[n][1] for n in first.values()}, law_of, sides)
    scales = [constants[n][0] if n in constants else 1 for n in range(len(laws))]
    coefficients = list(map(scales.__getitem__, used.tolist()))
    own: dict[int, Number] = {}  # numbers in front of other rates
    for k in np.flatnonzero(~plain).tolist():
        law, amounts = int(law_of[k]), [parts.species[s] for s in sides[k].tolist() if s >= 0]
        rate = mul((constants[law][1], *amounts)) if law in constants else laws[law].flux(amounts)
        own[k], made[k] = split_coefficient(rate)
    if set(own.values()) - {1}:
        coefficients = [c * own.get(k, 1) for c, k in zip(coefficients, columns.tolist(), strict=True)]
    return Fluxes(coefficients, columns, made)


def _distinct_rows(table: Any) -> tuple[Any, Any]:
    """The distinct rows of a matrix of whole numbers >= -1, and for each row its number among them."""
    import numpy as np

    short = (table + 1).astype(np.min_scalar_type(int(table.max()) + 1))  # which are sorted by their digits
    order = np.lexsort(short.T)
    short = short[order]
    new = np.ones(len(table), dtype=bool)
    new[1:] = (short[1:] != short[:-1]).any(axis=1)
    numbers = np.empty(len(table), dtype=np.int64)
    numbers[order] = np.cumsum(new) - 1
    return table[order[new]], numbers


def _products(species: Sequence[Symbol], constants: Mapping[int, Term], law_of: Any, sides: Any) -> tuple[Any, Any]:
    """Rate constant times amounts, (n,), and where that was made: not for constants that are no product of parameters, nor a species with itself.

    law_of: (n,) keys of ``constants``; sides: (n, width) species, -1 for none.
    """
    import numpy as np

    plain = {law: powers for law, constant in constants.items() if (powers := _powers(constant)) is not None}
    factors = sorted_factors([*chain(*plain.values()), *((s, 1) for s in species)])
    place = {factor: k for k, factor in enumerate(factors)}
    nothing = len(factors)
    left = np.full((max(law_of) + 1, max(map(len, plain.values()), default=0)), nothing)
    for law, powers in plain.items():
        left[law, : len(powers)] = [place[factor] for factor in powers]
    right = np.array([*(place[s, 1] for s in species), nothing])[sides]  # -1: the last
    table = np.sort(np.hstack([left[law_of], right]), axis=1)
    twice = (table[:, 1:] == table[:, :-1]) & (table[:, 1:] < nothing)
    kept = np.isin(law_of, list(plain)) & ~twice.any(axis=1)
    made = np.full(len(table), None)
    made[kept] = products(factors, table[kept])
    return made, kept


def _powers(constant: Term) -> list[Factor] | None:
    """A rate constant as whole powers of parameters; None where it is something else."""
    if constant is ONE:
        return []
    pairs = list(zip(constant.args, constant.data[1:], strict=True)) if constant.op == "mul" else [(constant, 1)]
    made = [(b, e) for b, e in pairs if isinstance(b, Symbol) and b.kind != "field" and type(e) is int]
    return made if len(made) == len(pairs) else None


def rates(parts: NetworkParts) -> dict[Symbol, Term]:
    """Species -> rate of change; zero for fixed ones."""
    import numpy as np

    with collector_paused():
        flux = fluxes(parts)
        _, reactants, products = parts.table
        sides = np.hstack([reactants, products])
        fixed = [k for k, s in enumerate(parts.species) if s in parts.fixed]
        reaction, column = np.nonzero((sides >= 0) & ~np.isin(sides, fixed))
        numbers = _array(flux.coefficients)[reaction]
        changes = np.where(column < reactants.shape[1], -numbers, numbers)
        made = sums(len(parts.species), sides[reaction, column], flux.columns[reaction], changes, flux.monomials)
    return dict(zip(parts.species, made, strict=True))


def _array(numbers: list[Number]) -> Any:
    """An array of whole numbers where they are small, else of objects: sums stay exact."""
    import numpy as np

    small = all(type(c) is int and abs(c) < 2**31 for c in set(numbers))
    made = np.empty(len(numbers), dtype=np.int64 if small else object)
    made[:] = numbers
    return made


@contextmanager
def collector_paused() -> Iterator[None]:
    """For building: no cycles arise while terms are built, and Python's collector would walk all of them again and again (a quarter of the time).

    At the end what was built joins the oldest generation unseen, as freezing and thawing do, unless somebody froze objects to keep them so.
    """
    import gc

    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
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
