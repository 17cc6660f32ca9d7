"""Hypothesis draws the same examples in every run (``SYMNUM_FUZZ=1`` draws new ones); tests of Julia run where one is found.

``@pytest.mark.julia("Symbolics")`` names the packages a test needs; a test with the fixture ``julia`` has the mark by itself.
Julia is found by its environment variables or where juliapkg has installed it; ``SYMNUM_JULIA=0`` switches it off. Nothing is
ever installed for a test.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from symnum.bridge import Session, Status

settings.register_profile("steady", derandomize=True, deadline=None)  # the clock of a shared machine decides no test
settings.register_profile("fuzz", derandomize=False, deadline=None)
settings.load_profile("fuzz" if os.environ.get("SYMNUM_FUZZ") else "steady")


@cache
def found_julia() -> Status:
    from symnum.bridge import status

    return status()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "julia" in getattr(item, "fixturenames", ()) and item.get_closest_marker("julia") is None:
            item.add_marker(pytest.mark.julia)


def pytest_runtest_setup(item: pytest.Item) -> None:
    marks = list(item.iter_markers("julia"))
    if marks:
        found = found_julia()
        if not found.ready:
            pytest.skip(found.problem or "Julia's packages are not installed; the first session would install them")
        absent = [name for mark in marks for name in mark.args if name not in found.packages]
        if absent:
            pytest.skip(f"the Julia project {found.project} does not hold {', '.join(absent)}")


@pytest.fixture(scope="session")
def julia() -> Session:
    """The open session; one a test process."""
    from symnum.bridge import session

    return session()
