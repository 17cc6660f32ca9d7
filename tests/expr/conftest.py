"""Names and derivative operators for the tests of terms."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from symnum.expr.calculus import diff
from tests.expr.samples import NAMES


@pytest.fixture(scope="session")
def n() -> SimpleNamespace:
    """Coordinates t, x, y, theta; fields u, v on all of them and w on t; the parameter alpha."""
    return NAMES


@pytest.fixture(scope="session")
def operators(n: SimpleNamespace) -> Callable[[str], Callable[..., Any] | None]:
    """dx, dxy, ..., d(u, x, 2) as a model would give them to the parser."""

    def find(name: str) -> Callable[..., Any] | None:
        if name == "d":
            return lambda f, *rest: diff(f, *(r.data[0] if r.op == "const" else r for r in rest))
        if len(name) > 1 and name[0] == "d" and set(name[1:]) <= set("txy"):
            return lambda f: diff(f, *(getattr(n, c) for c in name[1:]))
        return None

    return find
