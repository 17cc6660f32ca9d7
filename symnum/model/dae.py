"""Differential-algebraic equations of any index as semi-explicit ones of index one, or as ordinary ones where that can be.

    F_i(t, x, x', ...) = 0     --pantelides-->   F_i, dF_i/dt, ...     --dummies-->   states, algebraic unknowns     --tearing-->   NormalForm

The result is the ordinary normal form: dt(state) = rate, 0 = algebraic(...), and ``observed`` for fields that follow from the others by a formula.
What is solved by hand needs no iteration at run time; where no algebraic equation is left, any integrator serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from symnum.errors import ModelError
from symnum.expr.calculus import derivative, substitute
from symnum.expr.names import FieldInfo
from symnum.expr.term import Const, Symbol, Term
from symnum.expr.walk import symbols
from symnum.model.consistent_values import consistent_values
from symnum.model.dummies import Instance, Stage, choose, quality, stages
from symnum.model.hidden_constraints import without_hidden_constraints
from symnum.model.naming import count
from symnum.model.normal_form import NormalForm, in_time_derivatives, normal_form
from symnum.model.numeric import evaluate
from symnum.model.orders import derivative_nodes
from symnum.model.pantelides import Chains, pantelides
from symnum.model.tearing import Torn, tear

if TYPE_CHECKING:
    from symnum.model.system import PDESystem


@dataclass(frozen=True)
class Reduction:
    """A DAE of higher index, differentiated.

    Attributes:
        chains: the equations with their derivatives; stages: what dummy derivatives are chosen by.
        values: consistent numbers at the start for every field and derivative.
        symbols: (field, order) -> the symbol that stands for this derivative.
    """

    chains: Chains
    stages: tuple[Stage, ...]
    values: dict[Term, float]
    symbols: dict[Instance, Symbol]

    def choice(self, time: Symbol, values: Mapping[Term, float]) -> frozenset[Instance]:
        """The dummy derivatives that suit these values best."""
        return choose(self.chains, time, values)

    def quality(self, chosen: frozenset[Instance], values: Mapping[Term, float]) -> float:
        """See ``dummies.quality``."""
        return quality(list(self.stages), chosen, values)


def dae_normal_form(system: PDESystem) -> tuple[NormalForm, Reduction | None]:
    """The normal form of a system without space, and how it was reduced where its index was higher than one.

    Raises ModelError where the equations cannot be reduced.
    """
    try:
        plain = normal_form(system)
    except ModelError as refused:
        try:
            values: dict[Term, float] = {system.parameter_symbols[n]: float(v) for n, v in system.parameters.items()}
            rows = without_hidden_constraints(_residuals(system), system.fields, system.time, values)
            chains = pantelides(rows, system.fields, system.time)
        except ModelError:
            raise refused from None
        if all(len(c) == 1 for c in chains.equations) and not _implicit(chains):
            raise
        reduction = _reduction(system, chains)
        return reduced_form(system, reduction, reduction.choice(system.time, reduction.values))[0], reduction
    return explicit(plain, system), None


def explicit(form: NormalForm, system: PDESystem) -> NormalForm:
    """The form with those algebraic fields taken out that follow from the others by a division by a number."""
    unknowns = list(form.algebraic)
    torn = _torn(list(form.algebraic.values()), unknowns, system) if unknowns else None
    if torn is None or not torn.explicit:
        return form
    algebraic = dict(torn.residuals)
    rates = {u: substitute(rate, torn.explicit) for u, rate in form.rates.items()}
    initial = {s: v for s, v in form.initial.items() if s not in torn.explicit}
    observed = {s: torn.explicit[s] for s in unknowns if s in torn.explicit}
    fields = tuple(f for f in form.fields if f not in torn.explicit)
    order = {s: i for i, s in enumerate(unknowns)}
    origin = form.origin | {s: form.origin[unknowns[torn.source[s]]] for s in order if s in torn.source}
    return replace(
        form, fields=fields, rates=rates, algebraic=algebraic, initial=initial, observed=observed, origin=origin
    )


def reduced_form(
    system: PDESystem, reduction: Reduction, dummies: frozenset[Instance], values: Mapping[Term, float] | None = None
) -> tuple[NormalForm, dict[Instance, Term]]:
    """The normal form with these dummy derivatives, and every derivative in terms of its fields.

    Args:
        values: of all fields and derivatives where integration starts (the reduction's own if None).

    Raises ModelError where equations and unknowns cannot be matched.
    """
    start = reduction.values if values is None else values
    order, stands = reduction.chains.order, reduction.symbols
    node = {s: instance(i, system.time) for i, s in stands.items()}
    equations = [substitute(r, {n: s for s, n in node.items()}) for chain in reduction.chains.equations for r in chain]
    numbers = [i for i, chain in enumerate(reduction.chains.equations) for _ in chain]
    states = [(f, k) for f, n in order.items() for k in range(n) if (f, k + 1) not in dummies]
    unknowns = [s for i, s in stands.items() if i not in states]
    known = {s: start[n] for s, n in node.items()}
    torn = _torn(equations, unknowns, system, known)
    if torn is None:
        raise ModelError(
            "the equations and their derivatives cannot be matched with the unknowns; check for an equation that is written twice"
        )
    rates = {stands[f, k]: torn.explicit.get(stands[f, k + 1], stands[f, k + 1]) for f, k in states}
    definitions = {i: torn.explicit.get(s, s) for i, s in stands.items()}
    return _assembled(system, torn, rates, known, numbers), definitions


def instance(which: Instance, time: Symbol) -> Term:
    """The field or its derivative in time as a term."""
    return derivative(which[0], {time: which[1]}) if which[1] else which[0]


def _torn(
    equations: list[Term], unknowns: list[Symbol], system: PDESystem, known: Mapping[Symbol, float] | None = None
) -> Torn | None:
    """``known``: values at the start, where a block may be divided by a determinant that holds fields."""
    return tear(equations, unknowns, lambda c: _nonzero(c, system, known), lambda c: _nonzero(c, system))


def _assembled(
    system: PDESystem, torn: Torn, rates: dict[Symbol, Term], known: Mapping[Symbol, float], numbers: list[int]
) -> NormalForm:
    algebraic = dict(torn.residuals)
    fields = (*rates, *algebraic)
    initial: dict[Symbol, Any] = {}
    for s in fields:
        given = system.initial.get(s)
        same = isinstance(given, Term) and abs(_number(given, system) - known[s]) <= 1e-9 * max(1.0, abs(known[s]))
        initial[s] = given if same else Const(float(known[s]))
    observed = {f: torn.explicit[f] for f in system.fields if f in torn.explicit}
    words = {s: f"equation {numbers[i] + 1}" for s, i in torn.source.items()}
    origin = {s: words.get(s, f"the definition of {s.name}") for s in (*fields, *observed)}
    return NormalForm(fields, rates, algebraic, initial, {}, origin, observed)


def _residuals(system: PDESystem) -> list[Term]:
    """Equations as residuals in which time derivatives act on fields alone."""
    plain = dict.fromkeys(system.fields, 0)
    return [in_time_derivatives(e.residual, n, system.time, {}, plain) for n, e in enumerate(system.equations, 1)]


def _implicit(chains: Chains) -> bool:
    """Some field has a derivative in time: the equations may still determine it, not linearly."""
    return any(chains.order.values())


def _reduction(system: PDESystem, chains: Chains) -> Reduction:
    stands = _symbols(system, chains)
    numbers: dict[Term, float] = {system.parameter_symbols[n]: float(v) for n, v in system.parameters.items()}
    numbers[system.time] = float(system.domain.bounds[system.time.name][0])
    given = {key: _number(value, system) for key, value in system.initial.items() if isinstance(value, Term)}
    instances = [instance(i, system.time) for i in stands]
    moving = {node.args[0] for c in chains.equations for node in derivative_nodes(c[0])}
    guesses = [f for f in system.fields if f not in moving]
    values = consistent_values([r for c in chains.equations for r in c], instances, given, numbers, guesses)
    return Reduction(chains, tuple(stages(chains, system.time)), numbers | values, stands)


def _symbols(system: PDESystem, chains: Chains) -> dict[Instance, Symbol]:
    """A symbol for every derivative that occurs: x, x_t, x_tt, ..."""
    taken = {f.name for f in system.fields} | set(system.parameters) | {system.time.name}
    made: dict[Instance, Symbol] = {}
    for f, n in chains.order.items():
        made[f, 0] = f
        for k in range(1, n + 1):
            name = f"{f.name}_{system.time.name * k}"
            while name in taken:
                name += "_"
            taken.add(name)
            made[f, k] = Symbol(name, "field", FieldInfo(f.info.coordinates, f.info.dtype, ""))
    return made


def _number(value: Any, system: PDESystem) -> float:
    return float(evaluate(value, {system.parameter_symbols[n]: v for n, v in system.parameters.items()}))


def _nonzero(coefficient: Term, system: PDESystem, known: Mapping[Symbol, float] | None = None) -> bool:
    """The coefficient holds numbers and parameters alone, or (``known``: values at the start) fields too, and is not zero."""
    values: dict[Term, float] = {system.parameter_symbols[n]: float(v) for n, v in system.parameters.items()}
    if known is not None:
        values |= {**cast(Mapping[Term, float], known), system.time: float(system.domain.bounds[system.time.name][0])}
    elif any(s not in values for s in symbols(coefficient)):
        return False
    return _differs_from_zero(coefficient, values)


def _differs_from_zero(term: Term, values: Mapping[Term, float]) -> bool:
    """Whatever the unit: a sum counts as zero where its parts cancel to 1e-9 of their size."""
    if term.op == "mul":
        return all(_differs_from_zero(factor, values) for factor in term.args)
    parts = [float(evaluate(term, values))]
    if term.op == "add":
        parts = [float(c * evaluate(a, values)) for c, a in zip(term.data[1:], term.args, strict=True)] + [
            float(term.data[0])
        ]
    return bool(np.isfinite(parts).all()) and abs(sum(parts)) > 1e-9 * sum(map(abs, parts))


def summary(reduction: Reduction, form: NormalForm) -> str:
    """One sentence for ``explain`` and ``Solution.why``."""
    deepest = max(len(c) for c in reduction.chains.equations) - 1
    constraints = sum(len(c) > 1 for c in reduction.chains.equations)
    left = count(len(form.algebraic), "algebraic equation") if form.algebraic else "no algebraic equation"
    return (
        f"of index {reduction.chains.index}: {count(constraints, 'equation')} differentiated in time, up to {count(deepest, 'time')}; "
        f"{count(len(form.rates), 'state')} and {left} remain"
    )
