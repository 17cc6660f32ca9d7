"""Equality saturation: apply rules to an e-graph until nothing new comes or a limit is reached, then extract the cheapest terms.

A rule that finds too many matches in one round rests for some rounds, each time twice as long (the back-off scheduler of egg, Willsey et al.
2021). After the first round only e-classes near a change are looked at again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from symnum.errors import TermError
from symnum.expr.term import Term
from symnum.expr.walk import contains
from symnum.rewrite.assumptions import Assumptions
from symnum.rewrite.beam import beam
from symnum.rewrite.cost import Costs
from symnum.rewrite.egraph import EGraph, Node
from symnum.rewrite.extract import extract
from symnum.rewrite.pattern import Rule, Structural, forms_of

Polish = Callable[[list[Term]], list[Term]]


@dataclass(frozen=True)
class Limits:
    """Where saturation stops.

    nodes: e-nodes beyond those of the seeds.
    iterations: rounds.
    seconds: processor time, extraction included.
    matches: of one rule in one round, before it rests.
    patience: rounds without a cheaper form.
    restarts: how often an empty graph starts again from the best form, as long as that gets cheaper (small graphs one after the other find
        more than a large one); nodes and rounds are counted anew each time.
    """

    nodes: int = 400
    iterations: int = 8
    seconds: float = 0.6
    matches: int = 400
    patience: int = 3
    restarts: int = 3


@dataclass
class Report:
    """What saturation did. ``fired``: unions by rule; ``assumptions``: those relied on; ``stopped``: why it ended; ``nodes``, ``classes`` of the
    last graph."""

    fired: Counter[str] = field(default_factory=Counter)
    assumptions: list[str] = field(default_factory=list)
    stopped: str = ""
    iterations: int = 0
    nodes: int = 400
    classes: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        rules = ", ".join(f"{name} {count}" for name, count in self.fired.most_common()) or "none"
        return (
            f"{self.nodes} e-nodes in {self.classes} classes after {self.iterations} rounds and {self.seconds:.3f} s, stopped: {self.stopped}\n"
            f"rules: {rules}\nassumptions used: {', '.join(self.assumptions) or 'none'}"
        )


@dataclass
class Saturated:
    """The cheapest terms found, what they cost, how they were found, and the e-graph itself with the classes of the roots."""

    terms: list[Term]
    cost: float
    report: Report
    graph: EGraph
    roots: list[int]


def saturate(
    seeds: Sequence[Sequence[Term]],
    rules: Iterable[Rule | Structural],
    costs: Costs,
    limits: Limits | None = None,
    assume: Iterable[Term] | Term = (),
    polish: Polish | None = None,
) -> Saturated:
    """Cheaper terms of equal value.

    Args:
        seeds: several forms of the same terms, ``seeds[0]`` the input; each a list of equal length.
        rules: see ``rules.rule_sets``.
        costs: the cost model; the result never costs more than any seed.
        limits: where to stop. Ctrl-C also stops; the best so far is the result.
        assume: signs that the caller vouches for, ``[k > 0]``.
        polish: tried on the extracted terms (sharing parts of sums and products, for instance).

    Where all input terms together are defined the result has their value. Raises TermError for seeds of unequal length and for assumptions that
    tell no sign.
    """
    if not seeds or len({len(seed) for seed in seeds}) != 1:
        raise TermError(
            f"saturate needs seeds of one length, got lengths {[len(seed) for seed in seeds]}; write saturate([terms], rules, costs)"
        )
    costs_of_seeds = [costs.total(seed) for seed in seeds]
    best = list(seeds[costs_of_seeds.index(min(costs_of_seeds))])
    assumptions, limits = Assumptions(assume), limits or Limits()
    run = _Run(list(rules), costs, limits, assumptions)
    if any(contains(term, _is_infinite) for term in seeds[0]):
        run.report.stopped = "the terms hold infinite numbers"
        return run.result(best)
    for left in reversed(range(limits.restarts + 1)):
        price = costs.total(best)
        best = run.once(seeds, best, polish)
        if not left or costs.total(best) >= price or run.report.stopped == "interrupted" or run.extraction_over():
            break
        seeds = [best]
        run = run.again()
    return run.result(best)


def _is_infinite(term: Term) -> bool:
    return any(isinstance(n, float) and abs(n) == float("inf") for n in term.data if not isinstance(n, tuple))


class _Run:
    """One saturation: graph, schedule; report and clock go on in the next."""

    def __init__(self, rules: list[Rule | Structural], costs: Costs, limits: Limits, assumptions: Assumptions) -> None:
        self.rules, self.costs, self.limits, self.assumptions = rules, costs, limits, assumptions
        self.graph = EGraph(assumptions)
        self.report = Report()
        self.roots: list[int] = []
        self.started = time.thread_time()
        self.given = 0  # e-nodes of the seeds
        self.used = 0  # assumptions relied on in the runs before, as bits
        self.rests: list[int] = [0] * len(rules)  # the round in which a rule wakes up
        self.bans: list[int] = [0] * len(rules)
        self.behind: set[int] = set()  # rules that have missed places
        self.totals: list[float] = []  # after each round, of the cheapest trees

    def again(self) -> _Run:
        """A run with an empty graph; report and clock go on."""
        run = _Run(self.rules, self.costs, self.limits, self.assumptions)
        run.report, run.started, run.used = self.report, self.started, self.used | self.graph.used
        return run

    def once(self, seeds: Sequence[Sequence[Term]], best: list[Term], polish: Polish | None) -> list[Term]:
        """Grow from the seeds and extract. Gives the cheapest of ``best``, the extracted terms and these polished."""
        try:
            self.grow(seeds)
        except KeyboardInterrupt:
            self.report.stopped = "interrupted"
        try:
            if self.report.stopped == "interrupted":
                self.graph.rebuild()
            found = extract(self.graph, self.roots, self.costs, self.extraction_over)
            if found is None:
                self.report.stopped = "a part was left without a term"
                return best
            candidates = [best, found] if polish is None else [best, found, polish(found)]
            return min(candidates, key=self.costs.total)
        except KeyboardInterrupt:
            self.report.stopped = "interrupted"
        except (KeyError, ValueError, IndexError):
            if (
                self.report.stopped != "interrupted"
            ):  # only a graph caught in the middle of a change may be out of order
                raise
        return best

    def extraction_over(self) -> bool:
        """True when the time for extraction is used up too."""
        return time.thread_time() - self.started > self.limits.seconds

    def over(self) -> bool:
        """True when a limit is reached; two thirds of the time are for growing, one for extraction."""
        if len(self.graph) - self.given >= self.limits.nodes:
            self.report.stopped = f"{self.limits.nodes} e-nodes"
            return True
        if time.thread_time() - self.started > self.limits.seconds * 0.67:
            self.report.stopped = f"{self.limits.seconds} s"
            return True
        return False

    def grow(self, seeds: Sequence[Sequence[Term]]) -> None:
        """Saturate from the seeds."""
        graph = self.graph
        for term, _, _ in self.assumptions.terms():
            graph.add(term)
        self.roots = [graph.add(term) for term in seeds[0]]
        for seed in seeds[1:]:
            for root, term in zip(self.roots, seed, strict=True):
                graph.union(root, graph.add(term))
        graph.rebuild()
        self.given = len(graph)
        for number in range(self.limits.iterations):
            size = len(graph)
            news, resting, over = self._search(number)
            self._apply(news)
            self.report.iterations += 1
            if over or self.over():
                return
            if not graph.changed and len(graph) == size and not resting and not self.behind:
                self.report.stopped = "saturated"
                return
            if len(self.totals) > self.limits.patience and min(self.totals[-self.limits.patience :]) >= min(
                self.totals[: -self.limits.patience]
            ):
                self.report.stopped = f"nothing cheaper in {self.limits.patience} rounds"
                return
        self.report.stopped = f"{self.limits.iterations} rounds"

    def _search(self, number: int) -> tuple[list[tuple[int, int, Rule | Structural, Node]], bool, bool]:
        """All forms that the rules give at the changed classes: (unions to make, whether a rule rests, whether a limit was reached)."""
        graph = self.graph
        near, everywhere = self._places(first=number == 0)
        news: list[tuple[int, int, Rule | Structural, Node]] = []
        resting = False
        for r, rule in enumerate(self.rules):
            if (rule.widens and graph.partial) or not rule.needs <= graph.operators:
                continue
            if self.rests[r] > number:
                resting = True
                self.behind.add(r)
                continue
            allowed = self.limits.matches << self.bans[r]
            begin = len(news)
            places = everywhere if r in self.behind else near
            self.behind.discard(r)
            for i, node in places.get(rule.op, ()):
                if self.over():
                    return news, resting, True
                for made in forms_of(rule, graph, i, node):
                    if graph.find(made) != graph.find(i):
                        news.append((i, made, rule, node))
                    if len(news) - begin > allowed:
                        break
                if len(news) - begin > allowed:
                    self.bans[r] += 1
                    self.rests[r] = number + 1 + self.bans[r]
                    self.behind.add(r)
                    resting = True
                    break
        return news, resting, False

    def _places(self, *, first: bool) -> tuple[dict[str, list[tuple[int, Node]]], dict[str, list[tuple[int, Node]]]]:
        """The e-nodes to look at, by operator: those at most two levels above a change, and all."""
        graph = self.graph
        near = {graph.find(i) for i in graph.changed}
        graph.changed = set()
        for _ in range(2):
            near |= {graph.find(owner) for i in near for _, owner in graph.classes[i].parents}
        view = beam(graph, self.roots, self.costs)
        self.totals.append(view.total)
        places: dict[str, list[tuple[int, Node]]] = {}
        everywhere: dict[str, list[tuple[int, Node]]] = {}
        for i, nodes in view.reached.items():
            if graph.classes[i].const is None:
                for node in nodes:
                    everywhere.setdefault(node[0], []).append((i, node))
                    if i in near:
                        places.setdefault(node[0], []).append((i, node))
        return (everywhere if first else places), everywhere

    def _apply(self, news: list[tuple[int, int, Rule | Structural, Node]]) -> None:
        graph = self.graph
        for i, made, rule, node in news:
            if graph.union(i, made):
                self.report.fired[rule.name] += 1
                if rule.widens:
                    graph.drop(node)
        graph.rebuild(self.over)

    def result(self, terms: list[Term]) -> Saturated:
        """The report closed."""
        report, graph = self.report, self.graph
        report.nodes, report.classes = len(graph), len(graph.classes)
        report.assumptions = self.assumptions.named(graph.used | self.used)
        report.seconds = time.thread_time() - self.started
        return Saturated(terms, self.costs.total(terms), report, graph, [graph.find(r) for r in self.roots])
