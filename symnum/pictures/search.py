"""What simplification tried: the cost of each form, and of the cheapest as the e-graph grows."""

from __future__ import annotations

from typing import Any

from symnum.errors import TermError
from symnum.expr.term import Term, as_term
from symnum.pictures.frame import Path, finish
from symnum.result.style import (
    FAINT,
    INK,
    LINE_COLOURS,
    MEDIUM,
    NARROW,
    SMALL,
    Picture,
    inches,
    new_picture,
    open_box,
    tidy,
)
from symnum.rewrite.cost import costs_of
from symnum.rewrite.rules import rule_sets
from symnum.rewrite.saturate import Limits, saturate
from symnum.rewrite.simplify import simplify

ROUNDS = 8


def rewriting(
    term: Any,
    engine: str = "egraph",
    cost: Any = "cycles",
    *,
    assume: Any = (),
    path: Path | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
) -> Picture:
    """Draw what ``sn.simplify`` did to a term, or to several together.

    Left: the cost of every form that was tried, the one that was kept in blue. Right: the cost of the cheapest form in one e-graph after 0, 1, 2,
    ... rounds of all rules from the input alone, with the number of e-nodes at each.

    Args: term, engine, cost, assume: as for ``sn.simplify``; path, title, width, dpi: as for ``sol.plot``. Raises what ``sn.simplify`` raises.
    """
    terms = [as_term(t) for t in (term if isinstance(term, (list, tuple)) else [term])]
    if not terms:
        raise TermError("there is no term to simplify; write sn.pictures.rewriting(x**2 + 2*x*y + y**2)")
    _, report = simplify(terms, engine, cost, assume=assume, report=True)
    rounds = growth(terms, cost, assume)
    size = inches(width, 8.6)
    wide = size >= NARROW
    body = max(2.6, 0.36 * len(report.costs) + 1.0)
    subtitle = f"{engine}  ·  {report.before:g} {report.cost} before, {report.after:g} after  ·  kept: {report.chosen}"
    figure = new_picture(size, body if wide else body + 2.4, title or "simplification", subtitle, dpi=dpi)
    grid = figure.subplots(1, 2) if wide else figure.subplots(2, 1, height_ratios=[body, 2.4])
    _forms(grid[0], report)
    _growth(grid[1], rounds, report.cost)
    return finish(figure, path)


def growth(terms: list[Term], cost: Any = "cycles", assume: Any = ()) -> list[tuple[int, int, float]]:
    """(rounds, e-nodes, cost of the cheapest form) of one e-graph, until it stops growing."""
    costs, rules = costs_of(cost), rule_sets()
    found = [(0, 0, float(costs.total(terms)))]
    for rounds in range(1, ROUNDS + 1):
        made = saturate([terms], rules, costs, Limits(iterations=rounds, patience=rounds + 1, restarts=0), assume)
        if rounds > 1 and made.report.iterations < rounds:  # it ended by itself
            break
        found.append((rounds, made.report.nodes, float(made.cost)))
    return found


def _forms(axes: Any, report: Any) -> None:
    names = list(report.costs)[::-1]
    values = [report.costs[name] for name in names]
    colours = [LINE_COLOURS[0] if name == report.chosen else "#BFBFBF" for name in names]
    axes.barh(names, values, color=colours, height=0.62)
    for row, value in enumerate(values):
        axes.annotate(
            f"{value:.4g}", (value, row), (4, 0), textcoords="offset points", va="center", fontsize=SMALL, color=INK
        )
    axes.set_xlim(0, 1.18 * max(values) or 1.0)
    axes.set_xlabel(f"cost ({report.cost})")
    open_box(axes)
    tidy(axes)
    axes.grid(False, axis="y")
    axes.set_yticks(range(len(names)), names, fontsize=SMALL)
    axes.tick_params(axis="y", length=0)
    axes.set_title("forms that were tried", fontsize=MEDIUM, color=FAINT, loc="left")


def _growth(axes: Any, rounds: list[tuple[int, int, float]], unit: str) -> None:
    numbers, costs = [r for r, _, _ in rounds], [c for _, _, c in rounds]
    axes.plot(numbers, costs, color=LINE_COLOURS[0], marker="o", markersize=4.5, linewidth=1.4)
    low, high = min(costs), max(costs)
    margin = 0.25 * ((high - low) or high or 1.0)
    axes.set_ylim(low - margin, high + margin)
    for number, nodes, value in rounds[1:]:
        axes.annotate(
            f"{nodes}",
            (number, value),
            (3, 5),
            textcoords="offset points",
            fontsize=SMALL - 1,
            color=FAINT,
        )
    axes.set(xlabel="rounds of rules (numbers: e-nodes)", ylabel=f"cost of the cheapest form ({unit})")
    open_box(axes)
    tidy(axes)
    axes.set_xticks(numbers)
    axes.set_title("one e-graph from the input", fontsize=MEDIUM, color=FAINT, loc="left")
