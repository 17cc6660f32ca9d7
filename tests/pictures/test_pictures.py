"""``sn.pictures``: what is drawn is what the matrices, terms, tableaux and solutions hold."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.sparse import eye

import symnum as sn
from symnum.errors import SolveError, TermError, UnknownName
from symnum.pictures.eigenvalues import stability
from symnum.pictures.neighbours import written
from symnum.pictures.orders import fitted_slope
from symnum.pictures.search import growth
from symnum.pictures.work import measured
from tests.result.inked import faults, words

pytestmark = pytest.mark.filterwarnings("error")


def rod(**options: Any) -> sn.PDESystem:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    sides = options.get("sides") or [sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})]
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2))], sn.Domain(t=(0, 0.1), x=(0, 1)), sides, {u: sn.sin(sn.pi * x)}, name="rod"
    )


def square() -> sn.PDESystem:
    t, x, y = sn.coordinates("t x y")
    u, v = sn.fields("u v", (t, x, y))
    equations = [sn.Eq(sn.dt(u), sn.laplacian(u) + 3 * v), sn.Eq(sn.dt(v), sn.laplacian(v))]
    return sn.PDESystem(
        equations,
        sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        [sn.periodic(x), sn.periodic(y)],
        {u: 1, v: 1},
        name="square",
    )


def circle() -> sn.PDESystem:
    t = sn.coordinates("t")
    u, v = sn.fields("u v", (t,))
    return sn.ODESystem(
        [sn.Eq(sn.dt(u), v), sn.Eq(sn.dt(v), -u)], sn.Domain(t=(0, 6)), initial={u: 1, v: 0}, name="circle"
    )


def labelled(axes: Any, label: str) -> list[Any]:
    return [line for line in axes.lines if line.get_label() == label]


# ------------------------------------------------------------------ sparsity and stencils


def test_sparsity_is_the_pattern() -> None:
    grid = sn.discretise(square(), resolution=6)
    figure = sn.pictures.sparsity(grid)
    image = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_array_equal(image > 0, grid.sparsity.toarray())
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["$u$", "$v$"]
    assert "72 × 72" in figure.texts[1].get_text() and f"{grid.sparsity.nnz} entries" in figure.texts[1].get_text()
    assert faults(figure) == []


def test_large_patterns_and_matrices() -> None:
    image = np.asarray(sn.pictures.sparsity(eye(1000)).axes[0].images[0].get_array())
    assert image.shape == (400, 400) and (image.diagonal() > 0).all() and np.count_nonzero(image) < 1000
    small = sn.pictures.sparsity(np.array([[1.0, 0.0], [2.0, 0.0]])).axes[0].images[0].get_array()
    np.testing.assert_array_equal(np.asarray(small) > 0, [[True, False], [True, False]])


@pytest.mark.parametrize(("order", "weights"), [(2, [1, -2, 1]), (4, [-1, 16, -30, 16, -1])])
def test_stencils_have_the_weights_of_the_textbook(order: int, weights: list[int]) -> None:
    """B. Fornberg, Math. Comp. 51 (1988) 699, table 1."""
    figure = sn.pictures.stencil(rod(), order=order, resolution=12)
    axes = figure.axes[0]
    places = [float(line.get_xdata()[0]) for line in labelled(axes, "_weight")]
    texts = {t.get_position()[0]: t.get_text() for t in axes.texts if t.get_position()[1] == 10}
    reach = len(weights) // 2
    assert sorted(places) == list(range(-reach, reach + 1))
    marks = [t for t in axes.texts if t.xy[1] == 0 and t.get_text().replace("−", "-").lstrip("-").isdigit()]
    shown = {t.xy[0]: int(t.get_text().replace("−", "-")) for t in marks}
    assert [shown[k] for k in range(-reach, reach + 1)] == weights and texts
    factor = 144 if order == 2 else 12  # 1/h^2, 1/(12 h^2)
    assert axes.get_title(loc="left") == f"weights of $u$, in units of {factor}"
    assert faults(figure) == []


def test_stencils_near_a_side_and_across_fields() -> None:
    figure = sn.pictures.stencil(rod(), order=4, resolution=12, at={"x": 0})
    assert (
        len(labelled(figure.axes[0], "side")) == 1
        and min(float(p.get_xdata()[0]) for p in labelled(figure.axes[0], "_weight")) == 0
    )
    assert "at $x$ = 0.08333" in figure.texts[1].get_text()
    both = sn.pictures.stencil(square(), "u", resolution=8)
    assert [axes.get_title(loc="left") for axes in both.axes] == [
        "weights of $u$, in units of 64",
        "weights of $v$, in units of 3",
    ]
    assert len(labelled(both.axes[0], "_weight")) == 5 and len(labelled(both.axes[1], "_weight")) == 1
    assert len(sn.pictures.stencil(square(), "v", resolution=8).axes) == 1
    assert faults(both) == []


def test_weights_as_text() -> None:
    assert written({(0,): -2.5, (1,): 1.25}) == ("1.25", {(0,): "−2", (1,): "1"})
    assert written({(0,): 1.5, (1,): 2.0}) == ("0.5", {(0,): "3", (1,): "4"})
    assert written({(0,): 1.0, (1,): np.pi})[1] == {(0,): "1", (1,): "3.14"}


def test_crowded_weights_keep_apart_in_a_column() -> None:
    figure = sn.pictures.stencil(rod(), order=6, at={"x": 0}, resolution=24, width="column")
    assert faults(figure) == [] and len(labelled(figure.axes[0], "_weight")) > 5


def test_a_second_order_equation_shows_its_own_stencil() -> None:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    wave = sn.PDESystem(
        [sn.Eq(sn.dt(sn.dt(u)), sn.diff(u, x, 2))],
        sn.Domain(t=(0, 1), x=(0, 1)),
        [sn.periodic(x)],
        {u: sn.sin(2 * sn.pi * x), sn.dt(u): 0},
    )
    assert len(labelled(sn.pictures.stencil(wave, resolution=8).axes[0], "_weight")) == 3


# ------------------------------------------------------------------ spectrum


def test_spectrum_of_the_heat_equation_is_known() -> None:
    n = 16
    points = sn.pictures.spectrum(rod(), resolution=n).axes[0].lines[0]
    exact = -4 * n**2 * np.sin(np.arange(1, n) * np.pi / (2 * n)) ** 2
    np.testing.assert_allclose(np.sort(points.get_xdata()), np.sort(exact), rtol=1e-10)
    np.testing.assert_allclose(points.get_ydata(), 0, atol=1e-9)


def test_stability_function_and_the_longest_step() -> None:
    from symnum.solvers.embedded.methods.tsit5 import TABLEAU

    n = len(TABLEAU.b)
    a = np.zeros((n, n))
    for row, weights in enumerate(TABLEAU.a[: n - 1], start=1):
        a[row, : len(weights)] = weights
    z = np.array([0.01, -0.03 + 0.02j])
    series = 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24 + z**5 / 120
    np.testing.assert_allclose(
        stability(a, np.array([float(w) for w in TABLEAU.b]), z), series, rtol=0, atol=1e-11
    )  # O(z^6)
    figure = sn.pictures.spectrum(rod(), "Tsit5", resolution=16)
    assert "stable" in figure.texts[1].get_text() and "unstable" not in figure.texts[1].get_text()
    drawn = figure.axes[0].lines[0].get_xdata()
    assert -3.6 < drawn.min() < -3.4  # the real interval of Tsit5 is about 3.5 long
    assert "unstable" in sn.pictures.spectrum(rod(), "tsit5", dt=0.1, resolution=16).texts[1].get_text()


# ------------------------------------------------------------------ terms


def test_expression_draws_shared_parts_once() -> None:
    x, y = sn.symbol("x"), sn.symbol("y")
    r = sn.sqrt(x**2 + y**2)
    figure = sn.pictures.expression([r * sn.exp(r), x])
    texts = [word.text for word in words(figure)]
    assert texts.count("√") == 1 and texts.count("$x$") == 1 and texts.count("exp") == 1
    boxes = {t.get_text(): t.get_position() for t in figure.axes[0].texts}
    assert boxes["exp"][1] > boxes["√"][1] > boxes["$x$"][1]  # operators above their arguments
    assert "8 distinct parts" in figure.texts[1].get_text()
    third = sn.pictures.expression(2 * x * y**3 - x / 3)
    shown = {word.text for word in words(third)}
    assert {"2·", "^3", f"−{Fraction(1, 3)}·"} <= shown


def test_rewriting_draws_what_simplify_reports() -> None:
    x, y = sn.symbol("x"), sn.symbol("y")
    term = sn.exp(2 * x) * sn.exp(y) + x * y + x**2
    _, report = sn.simplify(term, report=True)
    figure = sn.pictures.rewriting(term)
    bars = [bar.get_width() for bar in figure.axes[0].patches][::-1]
    assert bars == pytest.approx(list(report.costs.values()))
    assert f"kept: {report.chosen}" in figure.texts[1].get_text()
    rounds = growth([term])
    assert [r for r, _, _ in rounds] == list(range(len(rounds))) and rounds[0][2] == report.before
    nodes, costs = [n for _, n, _ in rounds[1:]], [c for _, _, c in rounds]
    assert nodes == sorted(nodes) and nodes[0] > 0 and costs == sorted(costs, reverse=True) and costs[-1] < costs[0]
    assert faults(figure) == [] and faults(sn.pictures.rewriting(term, width="column")) == []


# ------------------------------------------------------------------ numbers


def test_convergence_fits_the_slope() -> None:
    h = np.array([0.2, 0.1, 0.05, 0.025])
    assert fitted_slope(h, 7 * h**3) == pytest.approx(3, abs=1e-12)
    figure = sn.pictures.convergence(h, {"two": 3 * h**2, "four": h**4})
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["two, $p$ = 2.00", "four, $p$ = 4.00"]
    for triangle, slope in zip(labelled(figure.axes[0], "_triangle"), (2, 4), strict=True):
        x, y = triangle.get_data()
        assert np.log(y[2] / y[0]) / np.log(x[2] / x[0]) == pytest.approx(slope)
    assert faults(figure) == []
    alone = sn.pictures.convergence(h, [0.1, 0.0, np.nan, 1e-3])
    assert len(alone.axes[0].lines[0].get_xdata()) == 2


def test_convergence_of_the_heat_equation_has_its_order() -> None:
    cells, errors = (8, 16, 32), []
    for n in cells:
        sol = sn.solve(rod(), resolution=n, rtol=1e-9, atol=1e-11, saveat=[0.1])
        errors.append(np.abs(sol["u"].values[-1] - np.exp(-0.1 * np.pi**2) * np.sin(np.pi * sol["x"].values)).max())
    text = sn.pictures.convergence([1 / n for n in cells], errors).axes[0].get_legend().get_texts()[0].get_text()
    assert 1.9 < float(text.split("=")[1]) < 2.1


def test_comparison_with_the_exact_solution() -> None:
    system = rod()
    t, (x,) = system.time, system.space
    exact = sn.exp(-(sn.pi**2) * t) * sn.sin(sn.pi * x)
    sol = sn.solve(system, resolution=16)
    figure = sn.pictures.comparison(sol, {"u": exact}, t=[0.05])
    left, right = figure.axes
    grid = sol["x"].values
    values = np.exp(-0.05 * np.pi**2) * np.sin(np.pi * grid)
    np.testing.assert_allclose(left.lines[1].get_ydata(), values, atol=1e-12)
    np.testing.assert_allclose(right.lines[0].get_ydata(), sol(t=0.05)["u"].values - values, atol=1e-12)
    function = sn.pictures.comparison(sol, {"u": lambda t, x: np.exp(-(np.pi**2) * t) * np.sin(np.pi * x)}, t=[0.05])
    np.testing.assert_allclose(function.axes[1].lines[0].get_ydata(), right.lines[0].get_ydata(), atol=1e-12)
    itself = sn.pictures.comparison(sol, sol)
    assert max(np.abs(line.get_ydata()).max() for line in itself.axes[1].lines) < 1e-12
    assert faults(figure) == [] and faults(sn.pictures.comparison(sol, {"u": exact}, width="column")) == []


@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_difference_of_cells_is_that_at_their_centres(dimensions: int) -> None:
    """Pictures carry values of cells on to the sides; there the exact solution is another, and that is no error of the solution."""
    axes = "xy"[:dimensions]
    system = sn.PDESystem.from_text(
        equations=["dt(u) = laplacian(u)"],
        domain={"t": (0, 0.02)} | dict.fromkeys(axes, (0, 1)),
        conditions=[f"u = 0 @ {c}={e}" for c in axes for e in (0, 1)],
        initial=["u = " + "*".join(f"sin(pi*{c})" for c in axes)],
    )
    sol = sn.solve(system, 24, scheme="finite_volume", rtol=1e-8, atol=1e-10)

    def exact(t: Any, **x: Any) -> Any:
        waves = [np.sin(np.pi * x[c]) for c in axes]
        return np.exp(-dimensions * np.pi**2 * t) * np.prod(np.broadcast_arrays(*waves), axis=0)

    grid = np.meshgrid(sol.t, *(sol[c] for c in axes), indexing="ij")
    error = np.abs(sol["u"].values - exact(grid[0], **dict(zip(axes, grid[1:], strict=True)))).max()
    assert error < 2e-3
    figure = sn.pictures.comparison(sol, {"u": exact})
    assert f"largest difference {error:.3g}" in " ".join(word.text for word in words(figure))
    shown = [np.abs(line.get_ydata()).max() for line in figure.axes[1].lines] if dimensions == 1 else [
        np.abs(image.get_clim()).max() for image in figure.axes[2].images
    ]  # fmt: skip
    assert shown and max(shown) < 1.2 * error


def test_comparison_in_two_dimensions_and_without_space() -> None:
    fine, coarse = (sn.solve(square(), resolution=n, saveat=[0, 0.01]) for n in (8, 4))
    figure = sn.pictures.comparison(fine, coarse, "u")
    images = [axes.images[0] for axes in figure.axes if axes.images]
    low, high = images[2].get_clim()
    assert low == -high and images[0].get_clim() == images[1].get_clim()
    np.testing.assert_allclose(images[0].get_array(), 1.03, rtol=1e-3)  # u = 1 + 3 t
    turning = sn.solve(circle(), rtol=1e-8)
    upper, lower = sn.pictures.comparison(turning, {"v": lambda t: -np.sin(t)}).axes
    assert np.abs(lower.lines[0].get_ydata()).max() < 1e-6 and upper.get_ylabel() == "$v$"


def test_work_precision_of_rows_and_of_a_system() -> None:
    runs = [("A", 1e-3, 0.1, 1e-2), ("A", 1e-6, 0.4, 1e-5), ("B", 1e-3, 0.2, 1e-3)]
    rows = [{"method": m, "rtol": r, "seconds": s, "error": e} for m, r, s, e in runs]
    figure = sn.pictures.work_precision(rows)
    first = figure.axes[0].lines[0]
    assert sorted(zip(first.get_xdata(), first.get_ydata(), strict=True)) == [(1e-5, 0.4), (1e-2, 0.1)]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["A", "B"] and faults(figure) == []
    made = measured(circle(), ("Tsit5", "Vern7"), (1e-4, 1e-8))
    assert [(row["method"], row["rtol"]) for row in made] == [
        ("Tsit5", 1e-4),
        ("Tsit5", 1e-8),
        ("Vern7", 1e-4),
        ("Vern7", 1e-8),
    ]
    assert all(row["seconds"] > 0 for row in made) and made[0]["error"] > 30 * made[1]["error"] > 0
    several = [{**row, "problem": p} for p in ("one", "two") for row in rows]
    assert [axes.get_title(loc="left") for axes in sn.pictures.work_precision(several).axes] == ["one", "two"]


def test_step_history_follows_the_solve() -> None:
    figure = sn.pictures.step_history(circle(), method="Tsit5")
    x, y = figure.axes[0].lines[0].get_data()
    assert x[-1] == pytest.approx(6) and y.sum() == pytest.approx(6) and f"{len(x)} steps" in figure.texts[1].get_text()
    sol = sn.solve(circle(), method="Tsit5")
    np.testing.assert_allclose(sn.pictures.step_history(sol).axes[0].lines[0].get_ydata(), np.diff(sol.t))
    assert len(sn.pictures.step_history(rod(), resolution=8).axes[0].lines[0].get_xdata()) > 3


@pytest.mark.parametrize("push", ["a", "1"])
def test_a_field_that_turns_is_not_drawn_though_the_start_does_not_feel_it(push: str) -> None:
    """cos(2 pi t) is one at whole times, and a = 0 at the start hides what multiplies it: no probe of some rates tells."""
    t = sn.coordinates("t")
    a, b = sn.fields("a b", (t,))
    force = sn.cos(2 * sn.pi * t) * (a if push == "a" else 1)
    system = sn.ODESystem([sn.Eq(sn.dt(a), b), sn.Eq(sn.dt(b), -a + force)], t=(0, 6), initial={a: 0, b: 1})
    with pytest.raises(SolveError, match="depend on time"):
        sn.pictures.phase_portrait(system)
    drawn = sn.solve(system).plot(kind="phase").axes[0].collections
    assert drawn and "Quiver" not in [type(c).__name__ for c in drawn]


def test_phase_portrait_has_a_path_for_each_start() -> None:
    figure = sn.pictures.phase_portrait(circle(), [(2, 0), {"v": 3, "u": 0}], limits=[(-4, 4), (-4, 4)], rtol=1e-9)
    radii = [np.hypot(*line.get_data()) for line in labelled(figure.axes[0], "_path")]
    for radius, expected in zip(radii, (1, 2, 3), strict=True):
        np.testing.assert_allclose(radius, expected, rtol=1e-4)
    assert figure.axes[0].get_xlim() == (-4, 4) and faults(figure) == []


# ------------------------------------------------------------------ frames, names, bad input


def test_pictures_go_into_axes_of_the_user_and_into_files(tmp_path: Path) -> None:
    figure = Figure()
    axes = figure.subplots()
    h = [0.1, 0.05]
    assert sn.pictures.convergence(h, [1e-2, 1e-3], ax=axes, path=tmp_path / "a.png") is figure
    assert axes.lines and (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    sn.pictures.convergence(h, [1e-2, 1e-3], path=tmp_path / "b.svg", width="column")
    assert b"<svg" in (tmp_path / "b.svg").read_bytes()


def test_all_names_are_there() -> None:
    for name in sn.pictures.__all__:
        assert callable(getattr(sn.pictures, name)) and name in dir(sn.pictures) and name in (sn.pictures.__doc__ or "")
    with pytest.raises(AttributeError, match="Did you mean 'sparsity'"):
        _ = sn.pictures.sparsety


def test_bad_requests() -> None:
    x = sn.symbol("x")
    sol = sn.solve(circle())
    time = sn.coordinates("t")
    u, v = sn.fields("u v", (time,))
    driven = sn.ODESystem([sn.Eq(sn.dt(u), time), sn.Eq(sn.dt(v), u)], sn.Domain(t=(0, 1)), initial={u: 0, v: 0})
    p = sn.pictures
    for ask, error, says in (
        (lambda: p.sparsity("heat"), SolveError, "takes a system .* not str"),
        (lambda: p.sparsity(np.zeros((2, 3))), SolveError, "square matrices"),
        (lambda: p.sparsity(circle(), ax=3), SolveError, "no matplotlib axes"),
        (lambda: p.stencil(circle()), SolveError, "read no neighbours"),
        (lambda: p.stencil(square(), "w"), UnknownName, "no field 'w'"),
        (lambda: p.stencil(rod(), at={"q": 0}), UnknownName, "no coordinate 'q'"),
        (lambda: p.spectrum(rod(), "Rodas5P"), SolveError, "one of .*Tsit5"),
        (lambda: p.spectrum(rod(), "Tsit5", dt=-1), SolveError, "positive number"),
        (lambda: p.spectrum(rod(), dt=1), SolveError, 'method="Tsit5" too'),
        (lambda: p.spectrum(square(), resolution=64), SolveError, "too many"),
        (lambda: p.expression([sn.symbol(f"x{k}") for k in range(200)]), TermError, "200 parts"),
        (lambda: p.rewriting([]), TermError, "no term"),
        (lambda: p.convergence([0.1, -1], [1, 2]), SolveError, "positive"),
        (lambda: p.convergence([0.1, 0.2], {"a": [1]}), SolveError, "2 spacings but errors of 'a'"),
        (lambda: p.work_precision([{"method": "A"}]), SolveError, "lacks seconds, error"),
        (lambda: p.work_precision([]), SolveError, "no rows"),
        (lambda: p.comparison(sol, {"w": 1}), SolveError, "no field in common"),
        (lambda: p.comparison(sol, {"u": x}), SolveError, "holds x"),
        (lambda: p.comparison(sol, 3), SolveError, "against is a solution"),
        (lambda: p.phase_portrait(rod()), SolveError, "coordinates in space"),
        (lambda: p.phase_portrait(driven), SolveError, "depend on time"),
        (lambda: p.phase_portrait(circle(), [(1, 2, 3)]), SolveError, "two numbers"),
        (lambda: p.phase_portrait(circle(), [{"w": 1, "u": 2}]), UnknownName, "no state 'w'"),
        (lambda: p.step_history(3), SolveError, "a solution or a system"),
    ):
        with pytest.raises(error) as seen:
            ask()
        assert re.search(says, str(seen.value)), says
