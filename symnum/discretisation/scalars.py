"""Equations without space: what large systems need so that their code stays small."""

from __future__ import annotations

from collections.abc import Sequence

from symnum.expr.walk import postorder
from symnum.ir.kernel import Statement, Store
from symnum.rewrite.factor import factor
from symnum.rewrite.share import share, share_roots

MANY = 500  # summands from which equations are factored; below, what the user wrote stays as it is
_LISTED = 8


def factored(body: Sequence[Statement]) -> list[Statement]:
    """Stores with their sums factored together and what they share taken out, where there are many: a reaction network's code shrinks to a
    seventh and runs several times faster.

    Values change by rounding only.
    """
    stores = [s for s in body if isinstance(s, Store)]
    summands = sum(len(n.args) for n in postorder([s.value for s in stores]) if n.op == "add")
    if len(stores) != len(body) or summands < MANY:
        return list(body)
    values = share_roots(share(factor([s.value for s in stores])))
    return [Store(s.array, v, s.origin) for s, v in zip(stores, values, strict=True)]


def listing(names: Sequence[str]) -> str:
    """Names for a comment, the first few of many."""
    if len(names) <= _LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:_LISTED])} and {len(names) - _LISTED} more"
