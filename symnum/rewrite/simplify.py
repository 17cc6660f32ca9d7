"""``simplify``: the cheapest of several equal forms of terms, by a cost model, checked by numbers.

::

    input, input with common parts shared (cse), factored, over one denominator, multiplied out and factored; what the engine proposes
        | cheapest first, until one has the input's values at random points of its domain
        v
    the result: never dearer than the input or plain cse

Derivatives, integrals, tables and networks are kept as they stand, and so are comparisons of what is not defined everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symnum.errors import TermError
from symnum.expr.replace import replaced
from symnum.expr.term import Symbol, Term, as_term
from symnum.expr.walk import node_count, postorder
from symnum.rewrite.assumptions import Assumptions
from symnum.rewrite.check import Check
from symnum.rewrite.comparisons import doubtful_comparisons
from symnum.rewrite.cost import Costs, costs_of
from symnum.rewrite.divisors import common_divisors
from symnum.rewrite.engine import Proposal, Request, load_engine
from symnum.rewrite.normal import multiplied_out, single_fractions
from symnum.rewrite.polish import polished
from symnum.rewrite.share import condense, share

_OPAQUE = frozenset({"derivative", "integral", "table", "network"})
_LARGE = 3000  # nodes
_CONDITIONS = frozenset({"gt", "ge", "lt", "le", "ne"})


@dataclass(frozen=True)
class Report:
    """What ``simplify`` did.

    Attributes: ``before``, ``after``: costs; ``chosen``: the form that was kept; ``costs``: cost of each form that was tried; ``fired``: rule ->
    how often; ``assumptions``: those that rules made use of; ``warnings``: forms that were refused and why, limits that were met; ``seconds``.
    """

    engine: str
    cost: str
    before: float
    after: float
    chosen: str
    costs: Mapping[str, float]
    fired: Mapping[str, int]
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        ratio = f" ({self.after / self.before:.2f} of it)" if self.before else ""
        lines = [f"cost in {self.cost}: {self.before:g} before, {self.after:g} after{ratio}; kept: {self.chosen}"]
        lines += [f"  {name:<24} {value:g}" for name, value in self.costs.items()]
        if self.fired:
            often = sorted(self.fired.items(), key=lambda row: (-row[1], row[0]))
            lines.append("rules: " + ", ".join(f"{rule} ({count})" for rule, count in often))
        if self.assumptions:
            lines.append("assuming: " + ", ".join(self.assumptions))
        return "\n".join([*lines, *(f"note: {text}" for text in self.warnings)])


def simplify(
    term: Any,
    engine: str = "egraph",
    cost: str | Mapping[str, float] | Costs = "cycles",
    *,
    assume: Any = (),
    unsafe: bool = False,
    nodes: int = Request.nodes,
    iterations: int = Request.iterations,
    seconds: float = Request.seconds,
    report: bool = False,
) -> Any:
    """A term, or a sequence of terms that share their work, in a cheaper form of equal value.

    Args:
        term: a term (anything that becomes one), or a list or tuple of them, which are made cheap together.
        engine: "egraph" (equality saturation, seeded with the factored form), "factor" (linear time), "sympy", or another entry of the
            catalogue ``symnum.rewrite.engines``.
        cost: "cycles", "size", "latency", or a table of prices, ``{"exp": 20}`` (see ``rewrite.cost``).
        assume: signs that hold, ``[k > 0, x <= 0, abs(y) > 0]`` (the last is y != 0). Without any, terms keep their values wherever they are
            defined.
        unsafe: also rules that may lose digits where numbers nearly cancel or overflow.
        nodes, iterations, seconds: limits of the e-graph.
        report: give ``(terms, Report)``.

    The result is never dearer than the input, nor (up to 3000 nodes) than the input with its common parts shared. Forms are compared with the
    input at random points; one that differs is dropped and named in the report.

    Raises UnknownName (engine, cost), BackendUnavailable (a missing package), TermError.
    """
    begin = time.perf_counter()
    single = not isinstance(term, (list, tuple))
    given = [as_term(t) for t in ([term] if single else term)]
    costs, conditions = costs_of(cost), _conditions(assume)
    _check_limits(nodes=nodes, iterations=iterations, seconds=seconds)
    module: Any = load_engine(engine)
    whole, inside = _sealed(given, [n for n in postorder(given) if n.op in _OPAQUE])
    roots, compared = _sealed(whole, doubtful_comparisons(whole, conditions))
    forms = _forms(roots, costs)
    proposal: Proposal = module.propose(
        Request(roots, forms, costs, conditions, unsafe, nodes=nodes, iterations=iterations, seconds=seconds)
    )
    forms |= {name: list(found) for name, found in proposal.forms.items()}
    forms["polished"] = polished(min(forms.values(), key=costs.total), costs)
    forms = {name: replaced(terms, compared) for name, terms in forms.items()}
    forms["input"] = whole
    if compared and "cse" in forms:
        forms["cse"] = min(
            forms["cse"], share(whole), key=costs.total
        )  # parts that comparisons share with what is outside
    priced = {name: costs.total(terms) for name, terms in forms.items()}
    chosen, warnings = _cheapest_sound(forms, priced, conditions)
    result = replaced(forms[chosen], inside)
    made = result[0] if single else type(term)(result)
    if not report:
        return made
    return made, Report(
        engine,
        costs.name,
        priced["input"],
        priced[chosen],
        chosen,
        priced,
        dict(proposal.fired),
        tuple(proposal.assumptions),
        (*proposal.remarks, *warnings),
        time.perf_counter() - begin,
    )


def _forms(roots: list[Term], costs: Costs) -> dict[str, list[Term]]:
    """The forms that cost little to make. Large systems are factored only: the others take long and give less there."""
    forms = {"input": roots, "factored": condense(roots)}
    if node_count(roots) > _LARGE:
        return forms
    fractions = single_fractions(roots)
    flat = [multiplied_out(roots), multiplied_out(fractions)]
    tried = {
        "cse": [share(roots)],
        "fractions": [share(fractions), condense(fractions)],
        "multiplied out": [condense(form) for form in flat],
        "common divisors": [share(common_divisors(form)) for form in (roots, fractions, *flat)],
    }
    return forms | {name: min(ways, key=costs.total) for name, ways in tried.items()}


def _cheapest_sound(
    forms: Mapping[str, Sequence[Term]], priced: Mapping[str, float], conditions: Sequence[Term]
) -> tuple[str, list[str]]:
    """The name of the cheapest form with the input's values, and what was refused.

    Where nothing can be compared, the input is kept, with its common parts shared if that is cheaper: sharing changes values by rounding only.
    """
    order = sorted(forms, key=lambda name: priced[name])  # of equal cost: as listed, the input first
    if order[0] == "input":
        return "input", []
    check = Check(forms["input"], conditions)
    if not check.enough:
        seen = f"only {check.count} of the random points lie in the domain of the input"
        kept = min((name for name in ("input", "cse") if name in forms), key=lambda name: priced[name])
        return kept, [f"{seen}; the input is kept, because nothing could be compared with it"]
    warnings: list[str] = []
    for name in order:
        if name == "input" or not (wrong := check.difference(forms[name])):
            return name, warnings
        warnings.append(f"the form {name!r} was refused: {wrong}")
    raise AssertionError("the input is among the forms")


def _conditions(assume: Any) -> list[Term]:
    """The assumptions as condition terms. Raises TermError."""
    if assume is None:
        return []
    if not isinstance(assume, (Term, Iterable)):
        raise TermError(f"assume is {assume!r}, not a sequence of comparisons; write assume=[k > 0, x >= 0]")
    listed = [assume] if isinstance(assume, Term) else list(assume)
    for condition in listed:
        if not isinstance(condition, Term) or condition.op not in _CONDITIONS:
            raise TermError(f"assume holds {condition!r}, not a comparison of terms; write assume=[k > 0, x >= 0]")
    Assumptions(listed)  # refuses what tells no sign
    return listed


def _check_limits(**limits: float) -> None:
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise TermError(
                f"{name} is {value!r}, not a positive number; write for instance {name}={getattr(Request, name)}"
            )


def _sealed(roots: Sequence[Term], nodes: Sequence[Term]) -> tuple[list[Term], dict[Term, Term]]:
    """The terms with temporaries in place of the nodes (the outermost where they are nested), and what these stand for."""
    names: dict[Term, Term] = {n: Symbol(f"_{n.op}{k}", "temporary") for k, n in enumerate(nodes)}
    return (replaced(roots, names) if names else list(roots)), {s: n for n, s in names.items()}
