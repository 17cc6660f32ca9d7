"""Large networks from a few lines: a molecule with n independent sites, every combination of their states a species of its own.

::

    "enzymes"   each site is U, P (phosphorylated), K (kinase bound to U) or F (phosphatase bound to P):
                    U + kinase <-> K -> P + kinase        P + phosphatase <-> F -> U + phosphatase
                4^n + 2 species, 6*n*4^(n-1) reactions                                        n = 5: 1026 and 7680
    "ligand"    each site is free or bound:  site + ligand <-> bound site
                2^n + 1 species, n*2^n reactions                                              n = 10: 1025 and 10240

The sites do not know of each other, so the total number of sites in a state follows the same reactions with n sites on one molecule apart: an exact
solution of small size to compare with (combinatorial complexity: Hlavacek and others, *Science's STKE* 2006 (344) re6).
"""

from __future__ import annotations

from itertools import product

from symnum.errors import ModelError, did_you_mean
from symnum.expr.names import FieldInfo
from symnum.expr.term import Const, Symbol, Term, linear_combination
from symnum.model.network_parts import parameter_symbol, time_symbol
from symnum.model.network_rates import NetworkParts, Row
from symnum.model.rate_laws import MASS_ACTION, RateLaw

# site before, site after, partner taken, partner given back, rate constant
_Step = tuple[str, str, str, str, str]
_MECHANISMS: dict[str, tuple[str, dict[str, float], dict[str, float], tuple[_Step, ...]]] = {
    "enzymes": (
        "UPKF",
        {"kinase": 40.0, "phosphatase": 30.0},
        {"kon": 0.01, "koff": 0.1, "kcat": 5.0, "lon": 0.01, "loff": 0.1, "lcat": 2.5},
        (
            ("U", "K", "kinase", "", "kon"),
            ("K", "U", "", "kinase", "koff"),
            ("K", "P", "", "kinase", "kcat"),
            ("P", "F", "phosphatase", "", "lon"),
            ("F", "P", "", "phosphatase", "loff"),
            ("F", "U", "", "phosphatase", "lcat"),
        ),
    ),
    "ligand": (
        "fb",
        {"ligand": 100.0},
        {"kon": 0.01, "koff": 0.2},
        (("f", "b", "ligand", "", "kon"), ("b", "f", "", "ligand", "koff")),
    ),
}
_MOST = 300_000  # reactions
_AMOUNT = 100.0  # of the molecule, all its sites in the first state


def multisite(sites: int, mechanism: str = "enzymes") -> NetworkParts:
    """The network as parts; see the module. ModelError for an unknown mechanism and for more sites than memory holds."""
    if mechanism not in _MECHANISMS:
        raise ModelError(
            f"there is no mechanism {mechanism!r}.{did_you_mean(str(mechanism), _MECHANISMS)} Known: {', '.join(_MECHANISMS)}"
        )
    states, partners, constants, steps = _MECHANISMS[mechanism]
    if isinstance(sites, bool) or not isinstance(sites, int) or sites < 1:
        raise ModelError(f"sites={sites!r} is no positive whole number; write sn.ReactionNetwork.multisite(3)")
    count = sites * len(steps) * len(states) ** (sites - 1)
    if count > _MOST:
        raise ModelError(f"{sites} sites make {count:,} reactions, more than {_MOST:,}; write fewer sites")
    time = time_symbol()
    names = [*partners, *("A_" + "".join(word) for word in product(states, repeat=sites))]
    species = tuple(Symbol(name, "field", FieldInfo((time,))) for name in names)
    parameters = {parameter_symbol(name, value): value for name, value in constants.items()}
    laws = {s.name: n for n, s in enumerate(parameters)}
    initial: dict[Symbol, Term] = dict.fromkeys(species, Const(0))
    initial |= {s: Const(partners[s.name]) for s in species if s.name in partners} | {
        species[len(partners)]: Const(_AMOUNT)
    }
    return NetworkParts(
        species,
        tuple(names),
        time,
        tuple(RateLaw(MASS_ACTION, (s,)) for s in parameters),
        tuple(_rows(sites, states, steps, list(partners), laws)),
        initial,
        parameters,
        observables=_observables(species, states, len(partners)),
    )


def _rows(sites: int, states: str, steps: tuple[_Step, ...], partners: list[str], laws: dict[str, int]) -> list[Row]:
    """A molecule's number is its word read with the states as digits, after the partners."""
    rows: list[Row] = []
    base, first = len(states), len(partners)
    for site in range(sites):
        weight = base ** (sites - 1 - site)
        for before, after, taken, given, constant in steps:
            low, shift = states.index(before), (states.index(after) - states.index(before)) * weight
            left = (partners.index(taken),) if taken else ()
            right = (partners.index(given),) if given else ()
            for high in range(0, base**sites, base * weight):
                for rest in range(weight):
                    molecule = first + high + low * weight + rest
                    rows.append((laws[constant], (*left, molecule), (*right, molecule + shift)))
    return rows


def _observables(species: tuple[Symbol, ...], states: str, first: int) -> dict[str, Term]:
    """How many sites are in each state, over all molecules."""
    made: dict[str, Term] = {}
    for state in states:
        made[f"sites_{state}"] = linear_combination({s: n for s in species[first:] if (n := s.name[2:].count(state))})
    return made
