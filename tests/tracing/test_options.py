"""Options of NumPy functions: each has its effect in the trace or is refused by name; none is passed over in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symnum as sn

U = np.random.default_rng(0).random((3, 4))

KEPT: dict[str, Callable[[Any], Any]] = {
    "any, where": lambda a: np.where(np.any(a > 0.9, where=a < 0.5), a, -a),
    "any of nothing": lambda a: np.where(np.any(a > 0.1, where=a < 0), a, -a),
    "all, where": lambda a: np.where(np.all(a > 0.5, where=a > 0.5), a, -a),
    "all of nothing": lambda a: np.where(np.all(a > 2, where=a < 0), a, -a),
    "any, keepdims": lambda a: np.where((a > 0.8).any(axis=1, keepdims=True), a, -a),
    "sum, where": lambda a: np.sum(a, axis=0, where=a > 0.5, initial=2.0),
    "add.reduce, where": lambda a: np.add.reduce(a, axis=1, where=a > 0.5),
    "max, where": lambda a: np.max(a, axis=1, where=a < 0.5, initial=-3.0),
    "prod, where": lambda a: np.prod(a, where=a > 0.3) * a,
    "add, where": lambda a: np.add(a, a, where=a > 0.5, out=np.zeros((3, 4))),
    "std, ddof": lambda a: a.std(axis=0, ddof=1) + a,
    "trace, axes": lambda a: np.trace(np.stack([a, a], 0), axis1=1, axis2=2) + a[0, 0],
    "clip, min": lambda a: np.clip(a, min=0.2, max=0.4),
    "reshape, order": lambda a: np.reshape(a, (4, 3), order="F"),
    "nansum, axis": lambda a: np.nansum(a, axis=1),
    "pad, values": lambda a: np.pad(a, 1, constant_values=2.0),
    "zeros_like, order": lambda a: a + np.zeros_like(a, order="F", subok=False),
}

REFUSED: dict[str, Callable[[Any], Any]] = {
    "var with where=": lambda a: np.var(a, where=a > 0.5) * a,
    "std with correction=": lambda a: np.std(a, correction=1) * a,
    "var with mean=": lambda a: a.var(mean=np.array([[0.3]])) * a,
    "take with mode=": lambda a: np.take(a, [0, 5], axis=1, mode="wrap"),
    "concatenate with dtype=": lambda a: np.concatenate([a, a], dtype=np.float32),
    "clip with where=": lambda a: np.clip(a, 0.2, 0.4, where=a > 0.3, out=np.zeros((3, 4))),
    "vecdot with axis=": lambda a: np.vecdot(a, a, axis=0),
}


@pytest.mark.parametrize("name", KEPT)
def test_an_option_has_its_effect(name: str) -> None:
    expected = KEPT[name](U)
    got = sn.trace(KEPT[name], U)(U)
    assert np.shape(got) == np.shape(expected)
    assert np.allclose(got, expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", REFUSED)
def test_an_option_that_would_be_lost_is_refused(name: str) -> None:
    REFUSED[name](U)  # NumPy takes it
    with pytest.raises(sn.TraceError, match=f"np.{name} cannot be traced") as refused:
        sn.trace(REFUSED[name], U)
    assert "test_options.py" in str(refused.value)
