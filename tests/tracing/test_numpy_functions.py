"""Every function of NumPy that takes one or two arrays gives NumPy's numbers and dtype when traced, or is refused by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symnum.errors import TraceError
from symnum.ir.interpret import interpret
from symnum.tracing.capture import capture

SQUARE = np.random.default_rng(0).uniform(0.2, 0.9, (6, 6))
OTHER = {
    "asmatrix",
    "bmat",
    "row_stack",
    "from_dlpack",
    "frombuffer",
    "save",
    "savez",
    "savez_compressed",
    "savetxt",
    "info",
    "test",
    "show_config",
    "show_runtime",
}  # of memory, files and old classes
NAMES = [
    name
    for name in sorted(dir(np))
    if callable(getattr(np, name)) and not name.startswith("_") and not isinstance(getattr(np, name), type)
    if name not in OTHER
]
KNOWN = 150  # of them


def outcome(f: Callable[..., Any], values: tuple[np.ndarray, ...]) -> str:
    """ "": NumPy does not take these values or gives no real array, "traced" or "refused"."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = f(*(v.copy() for v in values))
    except Exception:  # whatever NumPy says, it is not about tracing
        return ""
    if not isinstance(expected, (np.ndarray, np.generic, float)) or np.asarray(expected).dtype.kind not in "fib":
        return ""
    try:
        captured = capture(f, values)
    except TraceError:
        return "refused"
    made = captured.unpack(interpret(captured.kernel, *captured.pack(values)))
    assert np.asarray(made).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(made, expected, rtol=1e-12, atol=1e-13)
    return "traced"


def outcomes(name: str) -> set[str]:
    f = getattr(np, name)
    calls: tuple[Callable[..., Any], ...] = (lambda u: f(u), lambda u: f(u, 0.5 * u))
    return {outcome(call, (values,)) for call in calls for values in (SQUARE, SQUARE[0])}


@pytest.mark.parametrize("first", sorted({name[0] for name in NAMES}))
def test_functions_are_traced_or_refused(first: str) -> None:
    for name in NAMES:
        if name[0] == first:
            outcomes(name)


def test_most_of_them_are_traced() -> None:
    assert sum("traced" in outcomes(name) for name in NAMES) >= KNOWN
