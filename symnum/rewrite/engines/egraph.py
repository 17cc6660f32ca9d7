"""Equality saturation over symnum's rules, seeded with the cheapest forms at hand: for kernels up to some hundred nodes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from symnum.errors import TermError
from symnum.expr.term import Term
from symnum.expr.walk import node_count
from symnum.rewrite.engine import Proposal, Request
from symnum.rewrite.pattern import Rule, Structural
from symnum.rewrite.polish import polished
from symnum.rewrite.rules import rule_sets
from symnum.rewrite.saturate import Limits, Report, saturate
from symnum.rewrite.share import share

_LARGEST = 600  # nodes; in larger systems rules match more than any limit lets them explore, while factoring is linear
_SEEDS = 2  # forms beside the input: each makes the e-graph larger
_PRODUCTIVE = 0.96  # where rules brought the cost below this times what is known, further searches pay


def propose(request: Request) -> Proposal:
    """The cheapest form of several searches, each small: what one large e-graph finds late, another starting point finds early.

    First only rules that do not make sums and products longer, from all forms at hand (functions are what is dear); then all rules from the best
    form; and, where that paid, all rules from the input alone and from both.
    """
    size = node_count(request.terms)
    if size > _LARGEST:
        return Proposal({}, remarks=(f"{size} nodes are too many for the e-graph; factored and shared only",))
    search = _Search(request)
    others = sorted((form for name, form in request.known.items() if name != "input"), key=request.costs.total)
    known = min(map(request.costs.total, (request.terms, *others)))
    rules = rule_sets(unsafe=request.unsafe)
    try:
        search.run([request.terms, *others[:_SEEDS]], [rule for rule in rules if not rule.regroups])
        search.run([search.terms], rules)
        if search.cost < _PRODUCTIVE * known:
            search.run([request.terms], rules)
            search.run([search.terms, request.terms], rules)
    except TermError as error:  # rules made a part a number where the input has none: (floor(x)/floor(x) - 2)^(1/2)
        return Proposal({}, remarks=(f"the e-graph gave up, because a part of the input has no value: {error}",))
    return search.proposal()


class _Search:
    """Several saturations of the same terms. ``terms``, ``cost``: the best so far."""

    def __init__(self, request: Request) -> None:
        self.request, self.end = request, time.thread_time() + request.seconds
        self.terms: Sequence[Term] = request.terms
        self.cost = request.costs.total(request.terms)
        self.reports: list[Report] = []
        self.touched: dict[tuple[Term, ...], list[Term]] = {}

    def run(self, seeds: Sequence[Sequence[Term]], rules: Sequence[Rule | Structural]) -> None:
        """One saturation, in what is left of the time."""
        request, left = self.request, self.end - time.thread_time()
        if left <= 0 or (self.reports and self.reports[-1].stopped == "interrupted"):
            return
        limits = Limits(nodes=request.nodes, iterations=request.iterations, seconds=left)
        found = saturate(seeds, rules, request.costs, limits=limits, assume=request.assume, polish=self._polished)
        self.reports.append(found.report)
        if found.cost < self.cost:
            self.terms, self.cost = found.terms, found.cost

    def _polished(self, terms: list[Term]) -> list[Term]:
        """The terms with common parts shared and the last touches; searches often end in the same form."""
        shared = tuple(share(terms))
        if shared not in self.touched:
            self.touched[shared] = polished(shared, self.request.costs)
        return self.touched[shared]

    def proposal(self) -> Proposal:
        """The best form, with what all searches together did."""
        fired = sum((report.fired for report in self.reports), Counter())
        assumptions = dict.fromkeys(text for report in self.reports for text in report.assumptions)
        remarks = tuple(
            f"e-graph: {r.nodes} nodes in {r.classes} classes after {r.iterations} iterations; {r.stopped}"
            for r in self.reports
        )
        return Proposal({"e-graph": self.terms}, dict(fired), tuple(assumptions), remarks)
