"""Shells with tables mean the same as single layers, in at most 3^d regions, whatever the grid."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.discretisation.assemble import discretise
from symnum.discretisation.schemes import central
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Store, statements
from tests.discretisation.samples import T, U, V, W, X, Y

pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary

Z = sn.coordinates("z")
H = sn.field("h", (T, X, Y, Z))
W2 = sn.field("w2", (T, X, Y))
UNIT = {"t": (0, 1), "x": (0, 1), "y": (0, 2), "z": (0, 1)}


def system(rates: dict[Any, Any], conditions: list[Any]) -> sn.PDESystem:
    names = ["t", *dict.fromkeys(c.name for f in rates for c in f.info.coordinates[1:])]
    return sn.PDESystem(
        [sn.Eq(sn.dt(f), rate) for f, rate in rates.items()],
        domain=sn.Domain(**{n: UNIT[n] for n in names}),
        conditions=conditions,
        initial=dict.fromkeys(rates, 0),
    )


def sides(coordinate: Any, *terms: Any, slope: float = 0.0) -> list[Any]:
    """Conditions term + slope*(outward normal derivative of term) = sin(t) at both sides of a coordinate."""
    return [
        sn.condition(sn.Eq(f + n * slope * sn.diff(f, coordinate), sn.sin(T)), at=side(coordinate))
        for f in terms
        for n, side in ((-1, sn.lower), (1, sn.upper))
    ]


HEAT_3D = system({H: sn.laplacian(H)}, [*sides(X, H), *sides(Y, H, slope=1 / 7), *sides(Z, H, slope=9.0)])
CASES: dict[str, tuple[sn.PDESystem, Any]] = {
    "third derivative, 1 + 2 conditions": (
        system(
            {U: -sn.diff(U, X, 3) - sn.diff(U**2, X)},
            [sn.dirichlet(U, 0, at={X: 0}), sn.dirichlet(U, T, at={X: 1}), sn.neumann(U, T**2, at={X: 1})],
        ),
        24,
    ),
    "two fields, one without conditions at a side": (
        system(
            {U: sn.diff(U, X, 2) + X * sn.diff(V, X), V: -sn.diff(V * U, X)},
            [*sides(X, U), sn.dirichlet(V, sn.sin(T), at={X: 0})],
        ),
        20,
    ),
    "flux form": (system({U: sn.diff((1 + X) * (1 + U**2) * sn.diff(U, X), X)}, sides(X, U, slope=1 / 5)), 24),
    "derivatives of derivatives": (system({U: -sn.diff(sn.cos(U) * sn.diff(U, X, 2), X, 2) - U}, sides(X, U, sn.diff(U, X, 2))), 24),
    "plane, mixed derivative, two fields": (
        system(
            {
                W: sn.laplacian(W) + sn.diff(W, X, Y) * X * Y + sn.diff(W2, X),
                W2: sn.diff((1 + W**2) * sn.diff(W2, X), X) + sn.diff(W2, Y, 2) - W,
            },
            [*sides(X, W), *sides(Y, W, slope=1 / 9), *sides(X, W2, slope=1 / 8), *sides(Y, W2 * (2 + X))],
        ),
        {X: 18, Y: 20},
    ),
    "one axis periodic": (
        system({W: sn.diff((2 + sn.cos(6 * Y) * X) * sn.diff(W, X), X) + sn.diff(W, Y, 2)}, [sn.periodic(Y), *sides(X, W)]),
        {X: 18, Y: 16},
    ),
    "antiperiodic": (system({U: sn.diff((1 + X) * sn.diff(U, X), X) + sn.diff(U, X, 3)}, [sn.antiperiodic(X)]), 24),
    "three dimensions": (HEAT_3D, {X: 14, Y: 15, Z: 16}),
}  # fmt: skip


WIDE = ("plane, mixed derivative, two fields", "three dimensions")  # 49 and 343 single layers at order 6: left out


@pytest.mark.parametrize(("name", "order"), [(n, p) for n in CASES for p in (4, 6) if p == 4 or n not in WIDE])
def test_shells_equal_single_layers(name: str, order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, resolution = CASES[name]
    if order == 6 and name.startswith(("third", "two fields")):
        order = 2  # order 6 is refused for one, the other has its shells at order 2 as well
    shells = discretise(model, resolution, "central", order)
    monkeypatch.setattr(central, "SHELLS", False)
    layers = discretise(model, resolution, "central", order)
    y = np.random.default_rng(2).normal(size=shells.size)
    got, want = (interpret(s.rhs, 0.4, y, s.parameter_values) for s in (shells, layers))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-13 * np.abs(want).max())
    assert len(list(statements(shells.rhs.body))) <= len(list(statements(layers.rhs.body)))


@pytest.mark.parametrize("order", [2, 4, 6])
def test_at_most_three_regions_an_axis_and_none_more_on_finer_grids(order: int) -> None:
    counts = [
        sum(isinstance(s, Store) for s in statements(discretise(HEAT_3D, n, order=order).rhs.body)) for n in (32, 64)
    ]
    assert counts == [27, 27]
    plane = CASES["plane, mixed derivative, two fields"][0]
    sizes = [len(list(statements(discretise(plane, n, "central", order).rhs.body))) for n in (32, 64)]
    assert sizes[0] == sizes[1] <= 9 * 4


@pytest.mark.parametrize("order", [4, 6])
def test_every_target_agrees_on_shells(order: int) -> None:
    from symnum.codegen.target import compile_kernel

    for name in ("plane, mixed derivative, two fields", "antiperiodic"):
        model, resolution = CASES[name]
        semi = discretise(model, resolution, "central", order)
        y = np.random.default_rng(3).normal(size=semi.size)
        want = interpret(semi.rhs, 0.3, y)
        for target in ("llvm", "numpy"):
            got = compile_kernel(semi.rhs, target)(0.3, y)
            np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12 * np.abs(want).max())


def test_shells_are_cut_where_a_field_begins() -> None:
    """v keeps the point at x = 1 that u leaves to its condition."""
    model, n = CASES["two fields, one without conditions at a side"]
    ranges = sorted({(s.start, s.stop) for s in discretise(model, n, order=4).rhs.body})  # type: ignore[union-attr]
    assert ranges[0][0] == 1 and ranges[-1] == (n, n + 1) and all(a[1] == b[0] for a, b in pairwise(ranges))
