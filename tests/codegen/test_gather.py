"""Copies by index as machine code are what NumPy says, at every length and alignment."""

from __future__ import annotations

import numpy as np
import pytest

from symnum.codegen import gather


@pytest.mark.parametrize("count", [1000, 1001, 1007, 1008, 4099])
@pytest.mark.parametrize("shift", [0, 1, 3])
def test_equal_to_numpy_wherever_the_output_lies(count: int, shift: int) -> None:
    random = np.random.default_rng(count)
    source, index = random.random(377), random.integers(0, 377, count)
    room = np.full(count + shift + 2, -1.0)
    out = room[shift : shift + count]
    gather.gatherer(index)(source, out)
    assert np.array_equal(out, source[index])
    assert (room[:shift] == -1).all() and (room[shift + count :] == -1).all()  # nothing beside it


def test_short_strided_and_without_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    source, index = np.arange(50.0), np.arange(2000) % 50
    wide = np.zeros(4000)
    gather.gatherer(index)(source, wide[::2])
    assert np.array_equal(wide[::2], source[index]) and not wide[1::2].any()
    monkeypatch.setattr(gather, "_native", lambda: pytest.fail("compiled"))
    for native, wanted in ((False, index), (True, index[:9]), (True, index[:0])):
        out = np.empty(len(wanted))
        gather.gatherer(wanted, native)(source, out)
        assert np.array_equal(out, source[wanted])
