"""Prices measured on this machine: complete, plausible, kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from symnum.codegen import operator_costs
from symnum.expr.network import OPERATORS
from symnum.expr.parse import parse
from symnum.expr.term import Symbol
from symnum.rewrite.cost import CYCLES, costs_of


@pytest.fixture(scope="module")
def table() -> dict[str, float]:
    return operator_costs.measure()


def test_every_operation_has_a_price(table: dict[str, float]) -> None:
    assert set(CYCLES) - set(table) == {"derivative", "integral", "table", "pi", *OPERATORS}
    assert all(price >= 1.0 for price in table.values())
    assert table["add"] == 1.0


def test_prices_are_in_an_order_no_processor_contradicts(table: dict[str, float]) -> None:
    assert table["mul"] < table["div"] and table["mul"] < table["exp"] < table["pow"]
    assert table["mul"] < table["sqrt"] < table["atan2"]


def test_simplify_takes_the_table(table: dict[str, float]) -> None:
    costs = costs_of(table)
    x = Symbol("x")
    assert costs.total(parse("exp(x)", {"x": x})) == table["exp"]


def test_the_table_is_kept(table: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNUM_CACHE", str(tmp_path))
    runs = []
    monkeypatch.setattr(operator_costs, "measure", lambda: runs.append(1) or dict(table))
    assert operator_costs.measured_costs() == operator_costs.measured_costs() == table
    assert len(runs) == 1
    (kept,) = (tmp_path / "objects").glob("costs-*.json")
    assert json.loads(kept.read_text()) == table
    kept.write_text('{"add": 1')  # a torn file is measured anew
    assert operator_costs.measured_costs() == table and len(runs) == 2
    assert operator_costs.measured_costs(refresh=True) == table and len(runs) == 3
