"""The rule sets, one file each; each has a function ``rules()`` that gives its ``Rule`` and ``Structural`` objects."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from symnum.catalogue import Catalogue
from symnum.rewrite.pattern import Rule, Structural


def catalogue() -> Catalogue:
    """All rule sets."""
    return Catalogue("rule set", package="symnum.rewrite.rules")


def rule_sets(names: Iterable[str] | None = None, *, unsafe: bool = False) -> list[Rule | Structural]:
    """The rules of the named sets (all of them by default).

    ``unsafe``: also the rules that may lose digits or overflow in floating-point arithmetic where the original does not.

    A rule is safe if both sides agree to 1e-12 of |value| + sum |x df/dx| (what rounding the arguments does to the value) as long as all
    intermediate values lie between 1e-100 and 1e100. Raises UnknownName for a set that does not exist.
    """
    chosen = catalogue().names() if names is None else tuple(names)
    return [rule for name in chosen for rule in _rules_of(name) if unsafe or not rule.unsafe]


@cache  # rules never change; reading 130 formulas takes longer than many a saturation
def _rules_of(name: str) -> tuple[Rule | Structural, ...]:
    return tuple(catalogue().load(name).rules())
