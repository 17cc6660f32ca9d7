"""Extraction: the cheapest terms an e-graph holds, shared parts counted once.

The best choice for a graph with sharing is NP-hard. Here: cheapest trees first; then either one item at a time is taken as given and all above it
chosen anew, or each class carries the set of items it needs and the cheapest set wins; then local search on the whole. The better of both is
the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

from symnum.expr.term import Term
from symnum.rewrite.choices import TINY, Choices
from symnum.rewrite.cost import Costs
from symnum.rewrite.egraph import EGraph
from symnum.rewrite.written import written

_ROUNDS = 6


def cheapest_trees(choices: Choices, free: Iterable[int] = ()) -> list[float]:
    """The cheapest way of each item, all its needs counted each time; for the cost "latency" the longest path. ``free`` items cost nothing and
    keep their ways. Gives the costs."""
    ways, where = choices.ways, _where(choices)
    cost = [float("inf")] * len(ways)
    for i in free:
        cost[i] = 0.0
    together: Callable[[list[float]], float] = (lambda parts: max(parts, default=0.0)) if choices.longest else sum
    todo = {(i, k): None for i in reversed(range(len(ways))) for k in range(len(ways[i]))}
    while todo:
        following: dict[tuple[int, int], None] = {}
        for i, k in todo:
            price, needs, _ = ways[i][k]
            value = price + together([cost[j] for j in needs]) + TINY
            if value < cost[i]:
                cost[i], choices.chosen[i] = value, k
                following.update(dict.fromkeys(where[i]))
        todo = following
    return cost


def _where(choices: Choices) -> list[list[tuple[int, int]]]:
    """For each item the (item, way) that need it."""
    where: list[list[tuple[int, int]]] = [[] for _ in choices.ways]
    for i, ways in enumerate(choices.ways):
        for k, (_, needs, _) in enumerate(ways):
            for j in set(needs):
                where[j].append((i, k))
    return where


def total(choices: Choices, chosen: Sequence[int], limit: float = float("inf")) -> float:
    """What all roots cost together, each item once; infinite if the choice goes in circles, or costs as much as the limit."""
    ways = choices.ways
    state = bytearray(len(ways))  # 1: an ancestor, 2: done
    cost = 0.0
    for root in choices.roots:
        stack = [root]
        while stack:
            i = stack[-1]
            if state[i]:
                stack.pop()
                state[i] = 2
                continue
            state[i] = 1
            price, needs, _ = ways[i][chosen[i]]
            cost += price
            if cost >= limit:
                return float("inf")
            for j in needs:
                if not state[j]:
                    stack.append(j)
                elif state[j] == 1:
                    return float("inf")
    return cost


def used_items(choices: Choices, chosen: Sequence[int]) -> list[int]:
    """The items that the roots need, needs before users."""
    order: list[int] = []
    done: set[int] = set()
    for root in choices.roots:
        stack = [(root, False)]
        while stack:
            i, ready = stack.pop()
            if ready:
                order.append(i)
            elif i not in done:
                done.add(i)
                stack.append((i, True))
                stack.extend((j, False) for j in choices.ways[i][chosen[i]][1] if j not in done)
    return order


def cheapest_sets(choices: Choices, cost: list[float], stop: Callable[[], bool]) -> None:
    """For each item the way whose set of items is cheapest, bottom-up; the sets know what is shared within one item."""
    order = sorted((i for i in range(len(cost)) if cost[i] < float("inf")), key=cost.__getitem__)
    sets: dict[int, dict[int, float]] = {}
    for _ in range(2):
        before = list(choices.chosen)
        for i in order:
            if stop():
                return
            best: dict[int, float] | None = None
            least = float("inf")
            for k, (price, needs, _) in enumerate(choices.ways[i]):
                if any(j not in sets or i in sets[j] for j in needs):
                    continue
                union: dict[int, float] = {}
                for j in sorted(needs, key=lambda j: len(sets[j]), reverse=True):
                    union = {**union, **sets[j]} if union else dict(sets[j])
                union[i] = price
                value = sum(union.values())
                if value < least - 1e-12:
                    least, best = value, union
                    choices.chosen[i] = k
            if best is not None:
                sets[i] = best
        if before == choices.chosen:
            return


def assume_given(choices: Choices, cost: list[float], stop: Callable[[], bool]) -> None:
    """Sharing found from the shared part upwards: take one item as given (free), let all above it choose their cheapest trees again, and keep that
    if the total of all roots falls. So F = a*N*P/(1 + a*h*N) is found in  r*N - F,  P*(e*a*N/(1 + a*h*N) - m)."""
    where = _where(choices)
    trees = list(cost)
    best = total(choices, choices.chosen)
    least = 2 * choices.table["add"]
    for _ in range(2):
        before = best
        candidates = [
            j for j in range(len(cost)) if least <= cost[j] < float("inf") and len({i for i, _ in where[j]}) > 1
        ]
        for j in sorted(candidates, key=cost.__getitem__, reverse=True):
            if stop():
                return
            calls = [k for k, way in enumerate(choices.ways[j]) if way[2][0] == "call" and k != choices.chosen[j]]
            best = _given(choices, cost, cost, where, (j, choices.chosen[j]), best)
            for k in calls:  # exp(x), so far 1/exp(-x), may as well be the one that is computed
                best = _given(choices, cost, trees, where, (j, k), best)
        if best >= before - 1e-9:
            return


def _given(
    choices: Choices,
    cost: list[float],
    before: list[float],
    where: list[list[tuple[int, int]]],
    item: tuple[int, int],
    best: float,
) -> float:
    """Item j computed in its way k, and all above it chosen anew with j free and the costs ``before``; undone if the total does not fall.
    Gives the total."""
    j, k = item
    cheaper, changes = _raised(choices, before, where, j)
    if k != choices.chosen[j]:
        changes[j] = k
    if not changes:
        return best
    kept = {i: choices.chosen[i] for i in changes}
    for i, way in changes.items():
        choices.chosen[i] = way
    value = total(choices, choices.chosen, best)
    if value < best - 1e-9:
        for i, c in cheaper.items():
            cost[i] = c
        return value
    for i, way in kept.items():
        choices.chosen[i] = way
    return best


def _raised(
    choices: Choices, cost: list[float], where: list[list[tuple[int, int]]], j: int
) -> tuple[dict[int, float], dict[int, int]]:
    """The lower costs of all items above item j when j is free, and the ways that give them. ``where[j]``: (item, way) that need j."""
    cheaper: dict[int, float] = {j: 0.0}
    changes: dict[int, int] = {}
    todo = {j: None}
    while todo:
        following: dict[int, None] = {}
        for n in todo:
            for i, k in where[n]:
                price, needs, _ = choices.ways[i][k]
                value = price + TINY
                for m in needs:
                    value += cheaper[m] if m in cheaper else cost[m]
                if value < cheaper.get(i, cost[i]) - 1e-8:
                    cheaper[i] = value
                    changes[i] = k
                    following[i] = None
        todo = following
    changes.pop(j, None)
    return cheaper, changes


def functions_given(choices: Choices, cost: list[float], stop: Callable[[], bool]) -> None:
    """The functions of the cheapest trees are computed anyway: cheapest trees again, with these for nothing. So exp(-x) becomes 1/exp(x)."""
    dear = 2 * choices.table["div"]
    used = used_items(choices, choices.chosen)
    cheapest_trees(choices, [i for i in used if choices.ways[i][choices.chosen[i]][0] >= dear])


def improve(choices: Choices, cost: list[float], stop: Callable[[], bool]) -> float:
    """Local search on the total of all roots: another way for one item, or one item (a reciprocal, a common part) adopted by all that can use it.
    A change is kept if the total falls. Gives the total."""
    best = total(choices, choices.chosen)
    for _ in range(_ROUNDS):
        before = best
        best = _adopt(choices, cost, best, stop)
        best = _exchange(choices, best, stop)
        if best >= before - 1e-9 or stop():
            break
    return best


def _exchange(choices: Choices, best: float, stop: Callable[[], bool]) -> float:
    """One item at a time, users before what they need."""
    chosen = choices.chosen
    for i in reversed(used_items(choices, chosen)):
        for k in range(len(choices.ways[i])):
            if stop():
                return best
            if k == chosen[i]:
                continue
            kept, chosen[i] = chosen[i], k
            value = total(choices, chosen, best)
            if value < best - 1e-9:
                best = value
            else:
                chosen[i] = kept
    return best


def _adopt(choices: Choices, cost: list[float], best: float, stop: Callable[[], bool]) -> float:
    """One item for all the users it makes cheaper at once: r = 1/h pays only when several quotients become products with r."""
    ways: dict[int, dict[int, int]] = {}  # item -> user -> the user's way with the item
    used = used_items(choices, choices.chosen)
    there = set(used)
    for i in used:
        now = choices.ways[i][choices.chosen[i]]
        for k, (price, needs, _) in enumerate(choices.ways[i]):
            if k == choices.chosen[i]:
                continue
            missing = [n for n in needs if n not in there]
            for j in needs:
                if j not in now[1] and price + sum([cost[n] for n in missing if n != j]) < now[0]:
                    ways.setdefault(j, {}).setdefault(i, k)
    for changes in ways.values():
        if stop():
            break
        kept = {i: choices.chosen[i] for i in changes}
        for i, k in changes.items():
            choices.chosen[i] = k
        value = total(choices, choices.chosen, best)
        if value < best - 1e-9:
            best = value
        else:
            for i, k in kept.items():
                choices.chosen[i] = k
    return best


def extract(
    graph: EGraph, roots: Sequence[int], costs: Costs, stop: Callable[[], bool] = lambda: False
) -> list[Term] | None:
    """The cheapest terms found for the classes ``roots``. ``stop()`` ends the search early, never the extraction.

    None where a root has no term: normal forms may have written a class and its reciprocal through each other only.
    """
    choices = Choices(graph, costs, roots)
    cost = cheapest_trees(choices)
    if any(cost[r] == float("inf") for r in choices.roots):
        return None
    if not choices.longest:
        results = []
        by_tree = list(choices.chosen)
        for start in (assume_given, cheapest_sets, functions_given):
            choices.chosen = list(by_tree)
            start(choices, list(cost), stop)
            results.append((improve(choices, cost, stop), choices.chosen))
        choices.chosen = min(results, key=itemgetter(0))[1]
    return written(choices, used_items(choices, choices.chosen))
