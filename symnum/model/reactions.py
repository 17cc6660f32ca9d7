"""ReactionNetwork: species that react, as a system of ordinary differential equations.

    dx/dt = N v(x, p, t),        v_r = k_r * prod over reactants of x_s        (mass action; other rate laws: ``model.rate_laws``)

N holds how many molecules of each species a reaction makes. It is kept as data, so that networks of 10^4 reactions are built in a fraction of a
second and their conservation laws are exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from symnum.errors import ModelError, UnknownName, did_you_mean
from symnum.expr.calculus import derivative
from symnum.expr.show import plain
from symnum.expr.term import Symbol, Term
from symnum.model.equation import Eq
from symnum.model.field import parameter_value
from symnum.model.network_parts import Reaction as Reaction
from symnum.model.network_parts import Stated, mapping, reaction_objects
from symnum.model.network_rates import NetworkParts, collector_paused, fluxes, rates, structure
from symnum.model.numeric import evaluate
from symnum.model.orders import Order
from symnum.model.space import Domain
from symnum.model.stoichiometry import conservation_laws, matrix
from symnum.model.system import PDESystem

if TYPE_CHECKING:
    from pathlib import Path

    from symnum.model.normal_form import NormalForm
    from symnum.model.structure import Structure

_CHECKED = 100  # species up to which coefficients are checked one by one


class ReactionNetwork(PDESystem):
    """A network of reactions: ``sn.ReactionNetwork([sn.Reaction(k, {A: 1, B: 1}, {C: 1})], initial={A: 1.0, B: 2.0}, t=(0, 10))``.

    Args:
        reactions: ``sn.Reaction`` objects. Text goes through ``from_text``, BioNetGen files through ``from_net``.
        species: fields of time, in the order of the state; by default those of the reactions in order of appearance.
        initial: species -> amount at the start, a number or a formula in the parameters; species not named start at 0.
        t: the interval of time.
        parameters: name (or symbol) -> value; or -> a formula in other parameters, which it then follows.
        observables: name -> term of species, parameters and time, e.g. ``{"total A": A + 2*C}``; see ``observe``.
        fixed: species whose amounts do not change (reservoirs).

    It has the interface of ``sn.ODESystem`` (``fields``, ``parameters``, ``initial``, ``with_parameters``, ``structure``, ``explain``, ...), and
    ``sn.solve`` and ``sn.discretise`` take it. Of its own it has ``species`` (= ``fields``), ``labels`` (field name -> name in the source),
    ``reactions``, ``fluxes`` (the rate of each reaction as a term), ``observables``, ``functions``, ``derived`` (defined parameters in terms of
    free ones), ``fixed``, ``stoichiometry``, ``conservation_laws()``, ``observe``, ``to_net``. ``parameters`` holds the free ones.

    Raises ModelError, in the names of the model, for everything that does not fit together.
    """

    _parts: NetworkParts

    def __init__(
        self,
        reactions: Iterable[Reaction],
        species: Any = None,
        initial: Mapping[Any, Any] | None = None,
        t: Any = None,
        parameters: Mapping[Any, Any] | None = None,
        observables: Mapping[Any, Any] | None = None,
        fixed: Any = (),
        name: str = "",
        *,
        domain: Any = None,
        events: Iterable[Any] = (),
    ) -> None:
        if isinstance(reactions, (str, Mapping)) or not isinstance(reactions, Iterable):
            raise ModelError(
                f"reactions is {reactions!r}, expected sn.Reaction(...) objects; text goes through sn.ReactionNetwork.from_text"
            )
        if (t is None) == (domain is None):
            raise ModelError(
                "ReactionNetwork needs the interval of time: write sn.ReactionNetwork(reactions, t=(0, 10), initial={...})"
            )
        parts = Stated(list(reactions), species, initial, parameters, observables, fixed).parts()
        self._adopt(parts, t if domain is None else domain, name, events)

    def _adopt(self, parts: NetworkParts, time: Any, name: str, events: Iterable[Any] = ()) -> None:
        """Take finished parts; ``time``: an interval or a Domain."""
        if not isinstance(name, str):
            raise ModelError(f'name={name!r} is not text; write name="mapk"')
        domain = (
            time if isinstance(time, Domain) else Domain(time if isinstance(time, Mapping) else {parts.time.name: time})
        )
        if list(domain.bounds) != [parts.time.name]:
            raise ModelError(
                f"the domain has the coordinates {', '.join(domain.bounds)}, expected time alone: write t=(0, 10)"
            )
        self._set(
            _parts=parts,
            fields=parts.species,
            time=parts.time,
            space=(),
            conditions=(),
            face_conditions={},
            periodic={},
        )
        self._set(
            domain=domain.with_time(parts.time.name), initial=dict(parts.initial), name=name, events=tuple(events)
        )
        free = parts.parameters
        self._set(parameters={s.name: v for s, v in free.items()}, parameter_symbols={s.name: s for s in free})
        self._judge()

    # --- the interface of all systems ----------------------------------------------------------

    @cached_property
    def equations(self) -> tuple[Eq, ...]:  # made when asked for: they only matter to people
        """One equation a species."""
        return tuple(Eq(derivative(s, {self.time: 1}), rate) for s, rate in self.normal_form.rates.items())

    @cached_property
    def orders(self) -> dict[tuple[Symbol, Symbol], Order]:
        """All species are of first order in time."""
        return {(s, self.time): Order(1, n) for n, s in enumerate(self.fields, 1)}

    @cached_property
    def normal_form(self) -> NormalForm:
        """The rates of change, in free parameters."""
        from symnum.model.normal_form import NormalForm

        origin = {s: f"the balance of {label}" for s, label in zip(self.fields, self._parts.labels, strict=True)}
        initial = {s: self._parts.in_free_parameters(self.initial[s]) for s in self.fields}
        return NormalForm(self.fields, rates(self._parts), {}, initial, {}, origin)

    @cached_property
    def structure(self) -> Structure:
        """What the equations are, from the network's own data."""
        return structure(self, self._parts, self._laws)

    def _judge(self) -> None:
        values = self._free_values()
        for symbol, term in self._parts.resolved.items():
            value = float(evaluate(term, values))
            if not math.isfinite(value):
                raise ModelError(
                    f"the parameter {symbol} = {plain(term, 100)} has the value {value}, expected a finite number; check the parameters it holds"
                )
        if len(self.fields) <= _CHECKED:
            from symnum.model.coefficients import check_coefficients

            check_coefficients(self)

    def with_parameters(self, /, **values: Any) -> Self:
        """The same network with other parameter values; a parameter that was defined by a formula becomes a free one.

        Raises UnknownName for a name that is not a parameter.
        """
        parts = self._parts
        defined = {s.name: s for s in parts.definitions}
        for name in values:
            if name not in self.parameters and name not in defined:
                known = [*self.parameters, *defined]
                raise UnknownName(
                    f"the network has no parameter {name!r}.{did_you_mean(name, known)} Parameters: {', '.join(known) or 'none'}"
                )
        changed = {name: parameter_value(name, value) for name, value in values.items()}
        freed = {defined[name]: value for name, value in changed.items() if name in defined}
        free = {s: changed.get(s.name, v) for s, v in {**self._free_values(), **freed}.items()}
        definitions = {s: term for s, term in parts.definitions.items() if s not in freed}
        made = object.__new__(type(self))
        if not freed:  # the same terms
            made.__dict__.update({k: v for k, v in self.__dict__.items() if k != "structure"})
            made._set(parameters={s.name: v for s, v in free.items()})
            made._judge()
            return made
        made._adopt(_with(parts, parameters=free, definitions=definitions), self.domain, self.name, self.events)
        return made

    def _free_values(self) -> dict[Any, float]:
        return {self.parameter_symbols[name]: value for name, value in self.parameters.items()}

    def replace(self, **changes: Any) -> Self:
        """The same network with another ``t`` (or ``domain``), ``initial`` (species not named keep theirs),
        ``parameters``, ``name`` or ``events``.
        """
        known = ("t", "domain", "initial", "parameters", "name", "events")
        for key in changes:
            if key not in known:
                raise UnknownName(f"replace has no part {key!r}.{did_you_mean(key, known)} It takes {', '.join(known)}")
        system = self.with_parameters(**changes["parameters"]) if changes.get("parameters") else self
        parts = _with(system._parts, parameters=system._free_values())
        if "initial" in changes:
            parts = _with(parts, initial={**parts.initial, **self._amounts(changes["initial"], parts)})
        made = object.__new__(type(self))
        time = changes.get("t", changes.get("domain", self.domain))
        made._adopt(parts, time, changes.get("name", self.name), changes.get("events", self.events))
        return made

    def _amounts(self, given: Any, parts: NetworkParts) -> dict[Symbol, Term]:
        """Initial amounts as terms, keys as species or their names."""
        known = {s.name: s for s in (*parts.parameters, *parts.definitions)}
        stated = Stated([], names=dict(known))
        made = {}
        for key, value in mapping(given, "initial", "{A: 1.0}").items():
            s = key if key in self.fields else self[str(getattr(key, "name", key))]
            made[s] = stated.amount(s, value)
        for s in set(stated.names) - set(known):
            raise ModelError(f"initial holds {s}, which is no parameter of the network.{did_you_mean(s, known)}")
        return made

    # --- what networks have of their own -------------------------------------------------------

    @property
    def species(self) -> tuple[Symbol, ...]:
        """The species, in the order of the state."""
        return self.fields

    @property
    def labels(self) -> dict[str, str]:
        """Field name -> the species' name in the source, such as ``"S7"`` -> ``"EGFR(Y1068~P,l!1).EGF(r!1)"``."""
        return {s.name: label for s, label in zip(self.fields, self._parts.labels, strict=True)}

    def __getitem__(self, name: str) -> Symbol:
        """The species of a name (of the field, or in the source): ``network["Grb2(SH2,SH3)"]``. Raises UnknownName."""
        for s, label in zip(self.fields, self._parts.labels, strict=True):
            if name in (s.name, label):
                return s
        known = [*self._parts.labels, *(s.name for s in self.fields)]
        raise UnknownName(f"the network has no species {name!r}.{did_you_mean(str(name), known)}")

    @property
    def fixed(self) -> frozenset[Symbol]:
        """Species whose amounts do not change."""
        return self._parts.fixed

    @property
    def observables(self) -> dict[str, Term]:
        """Name -> term of species (for a ``.net`` file: its groups)."""
        return dict(self._parts.observables)

    @property
    def functions(self) -> dict[str, Term]:
        """Name -> term of species, parameters and time: the functions of a ``.net`` file, observables put in."""
        return dict(self._parts.functions)

    @property
    def derived(self) -> dict[str, Term]:
        """Parameters that are defined by formulas -> their formulas in free parameters."""
        return {str(symbol): term for symbol, term in self._parts.resolved.items()}

    @cached_property
    def reactions(self) -> tuple[Reaction, ...]:
        """The reactions as objects; laws other than mass action with their full rates."""
        return tuple(reaction_objects(self._parts, self._parts.rows))

    @cached_property
    def fluxes(self) -> tuple[Term, ...]:
        """The rate of each reaction, reactants included, in free parameters."""
        return tuple(fluxes(self._parts).terms())

    @cached_property
    def stoichiometry(self) -> Any:
        """N, SciPy CSR (species, reactions) int64: what one event of each reaction changes. Rows of fixed species are zero."""
        return matrix(self._parts.changes, len(self.fields))

    @cached_property
    def _laws(self) -> list[dict[int, int]]:
        return conservation_laws(self._parts.changes, len(self.fields))

    def conservation_laws(self) -> Any:
        """A basis of the integer vectors c with c N = 0: array (laws, species) int64; c x keeps its value whatever the rates are.

        Exact (``model.stoichiometry.conservation_laws``). A fixed species is a law of its own. ``structure.conserved`` says the same in names.
        """
        import numpy as np

        made = np.zeros((len(self._laws), len(self.fields)), dtype=np.int64)
        for row, law in zip(made, self._laws, strict=True):
            row[list(law)] = list(law.values())
        return made

    def observe(self, solution: Any, names: Any = None) -> Any:
        """Observables (and functions) along a solution, as an ``xarray.Dataset`` over its saved times.

        ``names``: which ones; by default all observables. Parameters have the values that the solution was computed with. Raises UnknownName for
        other names.
        """
        from symnum.model.network_observe import observe

        return observe(self, solution, names)

    def to_net(self, path: str | Path) -> Path:
        """Write a BioNetGen ``.net`` file, which ``from_net`` reads back to an equal network.

        Raises ModelError for rates that the format cannot hold.
        """
        from symnum.model.bionetgen_writer import write_net

        return write_net(self, path)

    @classmethod
    def from_net(cls, path: str | Path, t: Any = (0.0, 1.0), name: str | None = None) -> Self:
        """Read a BioNetGen network (``.net``), strictly: see ``model.bionetgen``. The format holds no times: ``t`` gives the interval.

        Raises FileError, ParseError or ModelError with the file and the line.
        """
        from symnum.model.bionetgen import read_net

        made = object.__new__(cls)
        with collector_paused():
            parts, stem = read_net(path)
        made._adopt(parts, t, stem if name is None else name)
        return made

    @classmethod
    def from_text(cls, reactions: Any, initial: Any = None, t: Any = None, parameters: Any = None, **more: Any) -> Self:  # type: ignore[override]
        """A network from text such as ``"A + B <-> C, k1, k2"``: see ``model.reaction_text.from_text``."""
        from symnum.model.reaction_text import from_text

        return cls(**from_text(reactions, initial, parameters, **more), t=t)

    @classmethod
    def multisite(cls, sites: int, mechanism: str = "enzymes", t: Any = (0.0, 10.0)) -> Self:
        """A molecule with ``sites`` independent sites, all 2^n or 4^n states as species: see ``model.multisite``."""
        from symnum.model.multisite import multisite

        made = object.__new__(cls)
        made._adopt(multisite(sites, mechanism), t, f"multisite_{sites}")
        return made

    def to_text(self) -> dict[str, Any]:
        """Keyword arguments of ``from_text`` that give an equal network."""
        from symnum.model.reaction_text import to_text

        return to_text(self)

    def explain(self) -> str:
        """What the network is, in words."""
        from symnum.model.network_words import explain

        return explain(self)

    def latex(self) -> str:
        r"""The reactions and initial amounts as a LaTeX ``aligned`` block (no dollar signs)."""
        from symnum.model.network_words import latex

        return latex(self)

    def __repr__(self) -> str:
        from symnum.model.network_words import summary

        return summary(self)


def _with(parts: NetworkParts, **changes: Any) -> NetworkParts:
    from dataclasses import replace

    return replace(parts, **changes)
