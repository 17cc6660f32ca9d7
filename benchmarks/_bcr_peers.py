"""SymPy and symengine building the same sums and differentiating them; each gets finished tables, so parsing is not counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from ._monomials import Monomials, Row


def peer(name: str) -> Any:
    """The module, or None where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds and the result."""
    begin = time.process_time()
    made = work()
    return time.process_time() - begin, made


def build(library: Any, table: Monomials) -> list[Any]:
    """Every right-hand side as one n-ary sum of n-ary products (repeated ``s += t`` would be quadratic)."""
    symbols = {name: library.Symbol(name) for row in table.rows for _, factors in row for name, _ in factors}
    return [library.Add(*[_product(library, symbols, row) for row in rows]) for rows in table.rows]


def _product(library: Any, symbols: dict[str, Any], row: Row) -> Any:
    c, factors = row
    number = int(c) if c == int(c) else c
    return library.Mul(number, *[symbols[name] if e == 1 else symbols[name] ** e for name, e in factors])


def jacobian(sums: Sequence[Any], table: Monomials) -> list[dict[Any, Any]]:
    """The sparse Jacobian, row by row: only by the species that a sum holds."""
    species = set(table.species)
    return [{s: f.diff(s) for s in f.free_symbols if s.name in species} for f in sums]
