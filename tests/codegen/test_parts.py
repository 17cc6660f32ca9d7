"""Large systems in C: functions of bounded size that mean what the whole means."""

from __future__ import annotations

import re

import numpy as np
import pytest

import symnum as sn
from symnum.codegen import c_parts
from symnum.codegen.c_schedule import schedule
from symnum.codegen.target import compile_kernel
from symnum.codegen.targets.c import print_kernel
from symnum.discretisation.assemble import discretise
from symnum.expr.term import Symbol, add, call, mul
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Array, Kernel, Let, Store, load

WARNINGS = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Werror")


def test_a_network_is_written_in_parts_that_gcc_takes_without_a_warning() -> None:
    semi = discretise(sn.ReactionNetwork.multisite(4))
    text = print_kernel(semi.rhs)
    assert text.count("static void rhs_") > 2 and len(re.findall(r"^    rhs_\d+\(", text, re.MULTILINE)) > 2
    compiled = compile_kernel(semi.rhs, "c", flags=WARNINGS)
    y = 1 + np.random.default_rng(0).random(semi.size)
    want = interpret(semi.rhs, 0.0, y, semi.parameter_values)
    np.testing.assert_allclose(compiled(0.0, y, semi.parameter_values), want, atol=1e-13 * np.abs(want).max())


def shared_conditions() -> Kernel:
    """Truth values and functions that several equations read, so that they cross from part to part."""
    y = [load(f"y{i}", ()) for i in range(4)]
    below, wave = call("lt", y[0], y[1]), call("exp", mul((y[2], y[3])))
    both = call("and", below, call("lt", y[2], wave))
    values = [
        call("where", below, wave, y[3]),
        add((wave, call("where", both, y[0], y[1]))),
        call("where", both, mul((wave, y[2])), call("sin", add((y[0], wave)))),
        add((mul((y[0], wave)), call("where", below, y[2], y[3]))),
    ]
    arrays = [tuple(Array(f"{n}{i}", (), i, (), (), f"{n}{i}") for i in range(4)) for n in "yf"]
    stores = tuple(Store(f"f{i}", v) for i, v in enumerate(values))
    return Kernel("rhs", arrays[0], arrays[1], (Symbol("k", "parameter"),), Symbol("t"), (), stores)


@pytest.mark.parametrize("room", [1, 8])
def test_values_and_conditions_cross_from_part_to_part(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    kernel = shared_conditions()
    whole = compile_kernel(kernel, "c", flags=WARNINGS)
    monkeypatch.setattr(c_parts, "_MANY", 0)
    monkeypatch.setattr(c_parts, "_PART", room)
    parts = compile_kernel(kernel, "c", flags=WARNINGS)
    assert "static void rhs_2" in parts.source and "kept[" in parts.source and "static void" not in whole.source
    for y in ([0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.3, -0.4], [0.1, 0.2, 3.0, -2.0]):
        want = interpret(kernel, 0.0, np.array(y), [1.0])
        np.testing.assert_allclose(parts(0.0, y, [1.0]), want, rtol=1e-14)
        np.testing.assert_allclose(whole(0.0, y, [1.0]), want, rtol=1e-14)


def test_parts_are_bounded_and_keep_the_order() -> None:
    scheduled = schedule(discretise(sn.ReactionNetwork.multisite(4)).rhs)
    bodies = c_parts.parts(scheduled)
    assert [s for body in bodies for s in body] == list(scheduled.body)
    largest = max(map(c_parts._operations, scheduled.body))
    assert all(sum(map(c_parts._operations, body)) <= max(c_parts._PART, largest) for body in bodies)
    places = c_parts.kept(bodies)
    assert sorted(places.values()) == list(range(len(places)))
    assert set(places) <= {s.symbol for s in scheduled.body if isinstance(s, Let)}
