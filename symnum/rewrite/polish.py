"""Last touches on a cheap form: sums by means of each other, signs and numbers where they cost nothing."""

from __future__ import annotations

from collections.abc import Sequence

from symnum.expr.term import Term
from symnum.rewrite.cost import Costs
from symnum.rewrite.linear_forms import by_each_other
from symnum.rewrite.signs import fewer_signs


def polished(terms: Sequence[Term], costs: Costs) -> list[Term]:
    """The terms, never dearer; values change by rounding only."""
    made = by_each_other(terms, costs)
    tried = [list(terms), made, fewer_signs(made, costs)]
    return min(tried, key=costs.total)
