"""``sol.explore()`` without a browser: the widgets are driven from Python, the solutions compared with exact ones."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.errors import BackendUnavailable, SolveError, UnknownName, UnknownOption
from symnum.notebook.ranges import slider_ranges

pytest.importorskip("ipywidgets", reason="sliders need ipywidgets")

OPEN: list[Any] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


def explored(solution: sn.Solution, *args: Any, **options: Any) -> Any:
    OPEN.append(solution.explore(*args, **options))
    return OPEN[-1]


def heat() -> sn.Solution:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    D = sn.parameter("D", 0.1)
    sides = [sn.dirichlet(u, 0, at=sn.lower(x)), sn.dirichlet(u, 0, at=sn.upper(x))]
    model = sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.diff(u, x, 2))], {t: (0, 1), x: (0, 1)}, sides, {u: sn.sin(sn.pi * x)}, name="heat"
    )
    return sn.solve(model, resolution=16, scheme="central", rtol=1e-8)


def blow_up(k: float = 0.5, until: float = 1.0) -> sn.Solution:
    """y' = k y^2, y(0) = 1: y = 1/(1 - k t) ends at t = 1/k."""
    t = sn.coordinates("t")
    y = sn.field("y", (t,))
    return sn.solve(sn.ODESystem([sn.Eq(sn.dt(y), sn.parameter("k", k) * y**2)], t=(0, until), initial={y: 1.0}))


def decay_rate(n: int, D: float) -> float:
    """Of the first mode of the three-point Laplacian on n cells of the unit interval."""
    return 4 * D * n**2 * np.sin(np.pi / (2 * n)) ** 2


def test_it_shows_a_picture_a_player_and_sliders() -> None:
    explorer = explored(heat())
    assert explorer.picture.value[:8] == b"\x89PNG\r\n\x1a\n" and explorer.values == {"D": 0.1}
    assert set(explorer._repr_mimebundle_()) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert (explorer.time.max, explorer.player.max, explorer.clock.value) == (100, 100, "t = 0")
    before = explorer.picture.value
    explorer.time.value = 50
    assert explorer.clock.value == "t = 0.5" and explorer.picture.value != before
    assert repr(explorer) == "<explorer of 'heat': 101 frames, sliders: D; it shows itself in a notebook>"


def test_a_slider_solves_the_model_again_with_the_same_options() -> None:
    explorer = explored(heat(), parameters={"D": (0.05, 1)})
    explorer.time.value = 30
    before = explorer.picture.value
    explorer.sliders["D"].value = 0.3
    again = explorer.wait(60)
    assert again is explorer.solution and again.parameters == {"D": 0.3}
    assert float(again["u"][-1].max()) == pytest.approx(
        np.exp(-decay_rate(16, 0.3)), rel=1e-5
    )  # so 16 cells, rtol 1e-8
    assert explorer.time.value == 30 and explorer.picture.value != before and again.method in explorer.status.value
    explorer.reset.click()
    assert explorer.wait(60).parameters == {"D": 0.1} and explorer.picture.value == before


def test_the_newest_wish_wins() -> None:
    explorer = explored(heat())
    for value in (0.15, 0.12, 0.17, 0.2):
        explorer.sliders["D"].value = value
    assert explorer.wait(60).parameters == {"D": 0.2} and explorer._runs == 1


def test_without_space_the_clock_tells_the_states() -> None:
    explorer = explored(blow_up())
    explorer.time.value = 60
    assert explorer.clock.value == f"t = 0.6, y = {1 / 0.7:.4g}"


def test_a_solve_that_fails_is_shown_as_far_as_it_goes() -> None:
    explorer = explored(blow_up(), parameters={"k": (0.1, 2)})
    explorer.time.value = 100
    explorer.sliders["k"].value = 2.0  # ends at t = 0.5
    sol = explorer.wait(60)
    assert not sol.success and 0.4 < sol.t[-1] < 0.501 and "D55E00" in explorer.status.value
    assert explorer.clock.value.startswith("t = 0.")


def test_a_value_that_the_model_refuses_is_told() -> None:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    a = sn.parameter("a", 2.0)
    model = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2) / a)], {t: (0, 0.1), x: (0, 1)}, [sn.periodic(x)], {u: sn.sin(2 * sn.pi * x)}
    )
    first = sn.solve(model, resolution=16)
    explorer = explored(first)
    explorer.sliders["a"].value = 0.0
    assert explorer.wait(60) is first and "D55E00" in explorer.status.value


def test_stop_ends_what_is_under_way() -> None:
    t = sn.coordinates("t")
    x, y = sn.fields("x y", (t,))
    w = sn.parameter("w", 1e-7)
    swing = sn.ODESystem([sn.Eq(sn.dt(x), w * y), sn.Eq(sn.dt(y), -w * x)], t=(0, 1e7), initial={x: 1.0, y: 0.0})
    first = sn.solve(swing, saveat=[0, 1e7], rtol=1e-9)
    explorer = explored(first, parameters={"w": (0, 10)})
    explorer.sliders["w"].value = 10.0  # tens of millions of turns
    patience = time.monotonic() + 60
    while "solving" not in explorer.status.value:
        assert time.monotonic() < patience, explorer.status.value
        time.sleep(0.05)
    explorer.stop.click()
    assert explorer.wait(60) is first and "stopped" in explorer.status.value


def test_fields_are_chosen() -> None:
    t, x = sn.coordinates("t x")
    u, v = sn.fields("u v", (t, x))
    rows = [sn.Eq(sn.dt(u), sn.diff(u, x, 2)), sn.Eq(sn.dt(v), 2 * sn.diff(v, x, 2))]
    model = sn.PDESystem(
        rows, {t: (0, 0.1), x: (0, 1)}, [sn.periodic(x)], {u: sn.sin(2 * sn.pi * x), v: sn.cos(2 * sn.pi * x)}
    )
    sol = sn.solve(model, resolution=16)
    explorer = explored(sol, "u")
    one = explorer.picture.value
    assert explorer.fields.value == "u"
    explorer.fields.value = None
    assert explorer.picture.value != one
    explorer.fields.value = "u"
    assert explorer.picture.value == one
    with pytest.raises(UnknownName, match="no field 'w'"):
        sol.explore("w")


def test_solutions_that_do_not_know_their_model(tmp_path: Any) -> None:
    network = sn.ReactionNetwork.from_text("A -> B, k", initial={"A": 1.0}, t=(0, 1), parameters={"k": 1.0})
    sol = sn.solve(network)
    assert explored(sol).values == {} and "does not know its model" in OPEN[-1].status.value
    with pytest.raises(SolveError, match=r"sol.explore\(system=...\)"):
        sol.explore(parameters="k")
    explorer = explored(sol, system=network)
    explorer.sliders["k"].value = 2.0
    assert float(explorer.wait(60)(t=1.0)["A"]) == pytest.approx(np.exp(-2), rel=1e-5)
    heat().save(tmp_path / "run.nc")
    assert explored(sn.Solution.load(tmp_path / "run.nc")).values == {"D": 0.1}  # the file tells it
    with pytest.raises(SolveError, match="system=3 is no model"):
        sol.explore(system=3)
    with pytest.raises(UnknownOption, match="Did you mean 'parameters'"):
        sol.explore(parameter="k")


def test_ranges() -> None:
    values = {"a": 2.0, "b": -1.0, "c": 0.0}
    assert slider_ranges(values, None) == {"a": (0, 4), "b": (-2, 0), "c": (-1, 1)}
    assert slider_ranges(values, "a, b") == {"a": (0, 4), "b": (-2, 0)} and slider_ranges(values, {"a": (1, 3)}) == {
        "a": (1, 3)
    }
    assert len(slider_ranges({f"p{k}": 1.0 for k in range(30)}, None)) == 8
    with pytest.raises(UnknownName, match=r"no parameter 'd'.* Parameters: a, b, c"):
        slider_ranges(values, "d")
    for given, said in (
        ((3, 1), "lower to a higher"),
        (3, "over an interval"),
        ("x2", "over an interval"),
        ((1, "z"), "number to number"),
    ):
        with pytest.raises(SolveError, match=said):
            slider_ranges(values, {"a": given})
    with pytest.raises(SolveError, match=r"a is 2, outside its slider's \(3, 4\)"):
        slider_ranges(values, {"a": (3, 4)})
    with pytest.raises(SolveError, match="write parameters=\\['D'\\]"):
        slider_ranges(values, 3)


def test_without_ipywidgets_the_pip_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sol = blow_up()
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'symnum\[notebook\]'"):
        sol.explore()
