"""Equality saturation over symnum's rules, seeded with the factored form: for kernels up to some hundred nodes."""

from __future__ import annotations

from symnum.errors import TermError
from symnum.expr.walk import node_count
from symnum.rewrite.engine import Proposal, Request
from symnum.rewrite.rules import rule_sets
from symnum.rewrite.saturate import Limits, saturate
from symnum.rewrite.share import share

_LARGEST = 600  # nodes; in larger systems rules match more than any limit lets them explore, while factoring is linear

_SEEDS = 2  # forms beside the input: each makes the e-graph larger


def propose(request: Request) -> Proposal:
    """The cheapest form that the e-graph holds when it is saturated or a limit is met."""
    size = node_count(request.terms)
    if size > _LARGEST:
        return Proposal({}, remarks=(f"{size} nodes are too many for the e-graph; factored and shared only",))
    others = sorted((form for name, form in request.known.items() if name != "input"), key=request.costs.total)
    seeds = [request.terms, *others[:_SEEDS]]
    limits = Limits(nodes=request.nodes, iterations=request.iterations, seconds=request.seconds)
    rules = rule_sets(unsafe=request.unsafe)
    try:
        found = saturate(seeds, rules, request.costs, limits=limits, assume=request.assume, polish=share)
    except TermError as error:  # rules made a part a number where the input has none: (floor(x)/floor(x) - 2)^(1/2)
        return Proposal({}, remarks=(f"the e-graph gave up, because a part of the input has no value: {error}",))
    report = found.report
    remarks = (
        f"e-graph: {report.nodes} nodes in {report.classes} classes after {report.iterations} iterations; {report.stopped}",
    )
    return Proposal({"e-graph": found.terms}, dict(report.fired), tuple(report.assumptions), remarks)
