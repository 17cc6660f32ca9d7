"""The tables and differences that bench bcr holds others against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder

BENCH = Catalogue("bench", folder=shipped_folder("benchmarks"))


@pytest.fixture(scope="module")
def bench() -> Any:
    return BENCH.load("bcr")


def test_it_is_a_bench_with_options(bench: Any) -> None:
    assert {"net", "gdat", "second", "peers"} == set(bench.OPTIONS)
    with pytest.raises(sn.errors.SymnumError, match="--gdat"):
        bench.run(gdat="x.gdat")
    with pytest.raises(sn.errors.SymnumError, match="quick or all"):
        bench.run(peers="none")


def test_monomials_are_the_right_hand_side(bench: Any) -> None:
    case = bench.case_of(sn.ReactionNetwork.multisite(2))
    y = case.state(0)
    exact = case.table.values(y.astype(np.longdouble), case.p)
    size = case.table.values(y, case.p, absolute=True)
    compiled = sn.discretise(case.network)
    assert (np.abs(compiled.rhs(0.0, y) - exact) <= 1e-14 * size).all()


def test_c_of_the_monomials_names_every_equation(bench: Any) -> None:
    case = bench.case_of(sn.ReactionNetwork.multisite(2))
    text = case.table.c_source()
    assert all(f"out[{k}] =" in text for k in range(len(case.table.rows))) and "void rhs(double t" in text


def test_rates_that_are_no_monomials_are_refused(bench: Any) -> None:
    t = sn.coordinates("t")
    u = sn.fields("u", (t,))
    system = sn.ODESystem([sn.Eq(sn.dt(u), -u / (1 + u))], t=(0, 1), initial={u: 1})
    with pytest.raises(sn.errors.ModelError, match="mass-action"):
        bench.case_of(system)


def test_trajectories(bench: Any, tmp_path: Path) -> None:
    """A delay of 2 ms is seen as 2/3 of the allowance of 3 ms, and as a plain difference of slope times delay."""
    good, bad = tmp_path / "a.gdat", tmp_path / "b.gdat"
    good.write_text("# time A\n 0.0 1.0\n 1.0 2.0\n")
    bad.write_text("t A\n 0.0 1.0\n")
    names, values = bench.read_gdat(good)
    assert names == ["A"] and values.shape == (2, 2)
    with pytest.raises(sn.errors.SymnumError, match="time NAME"):
        bench.read_gdat(bad)
    network = sn.ReactionNetwork.from_text(
        ["A -> B, k"], initial={"A": 1.0}, t=(0, 1), parameters={"k": 1.0}, observables={"A": "A"}
    )
    times = np.linspace(0, 1, 11)
    solution = sn.solve(network, rtol=1e-10, atol=1e-12, saveat=times)
    late = np.exp(-(times + 2e-3))
    plain, allowed = bench.differences(network, solution, ["A"], np.stack([times, late], axis=1))
    assert plain == pytest.approx(2e-3, rel=0.01) and allowed == pytest.approx(2e-3 / (1e-4 + 3e-3), rel=0.02)
