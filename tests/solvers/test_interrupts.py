"""Ctrl-C at the worst moments: what was computed is kept, once, and in order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.solvers.embedded.record import Record


def lorenz() -> sn.PDESystem:
    return sn.PDESystem.from_text(
        equations=["dt(x) = 10*(y - x)", "dt(y) = x*(28 - z) - y", "dt(z) = x*y - 8*z/3"],
        domain={"t": (0, 400)}, initial=["x = 1", "y = 1", "z = 1"],
    )  # fmt: skip


@pytest.mark.parametrize("line", ["before new arrays", "after new arrays"])
def test_an_interrupt_while_rows_get_new_room_loses_and_doubles_nothing(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original, calls = Record._new_block, []

    def interrupted(self: Record) -> Any:
        calls.append(0)
        if len(calls) == 3:  # the second time that a full block is put aside
            if line == "after new arrays":
                original(self)
            raise KeyboardInterrupt
        return original(self)

    whole = sn.solve(lorenz(), method="Tsit5")
    monkeypatch.setattr(Record, "_new_block", interrupted)
    with pytest.warns(sn.SolveWarning, match="Interrupted"):
        sol = sn.solve(lorenz(), method="Tsit5")
    assert not sol.success and sol.t.size > 4096 and np.all(np.diff(sol.t) > 0)
    assert np.array_equal(sol.t, whole.t[: sol.t.size])
    assert np.array_equal(sol["z"].values, whole["z"].values[: sol.t.size])
    middle = 0.5 * (sol.t[4000] + sol.t[4001])
    assert float(sol(t=middle)["x"]) == float(whole(t=middle)["x"])
