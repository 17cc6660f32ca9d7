"""Two space dimensions: panels that show what is there, on one colour scale or one each, and the history below them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

from symnum.result import Solution
from symnum.result.history import mean_and_range
from symnum.result.layers import layers_of
from symnum.result.panels import own_scales
from symnum.result.style import end_labels

from .samples import plane, solution

pytestmark = pytest.mark.filterwarnings("error")
Field = Callable[[Any, Any, Any], Any]
TIMES = np.linspace(0, 3, 16)


def square(width: float = 1.0, **fields: Field) -> Solution:
    """Fields f(t, x, y) on [0, width] x [0, 1], closed ends."""
    x, y = np.linspace(0, width, 13), np.linspace(0, 1, 9)
    values = {name: (("t", "x", "y"), f(*np.meshgrid(TIMES, x, y, indexing="ij"))) for name, f in fields.items()}
    return solution(xarray.Dataset(values, coords={"t": TIMES, "x": x, "y": y}))


def oscillating(t: Any, x: Any, y: Any) -> Any:
    """A level that goes from 1 to 3 and back, and a structure a hundredth as high."""
    return 2 - np.cos(np.pi * t / 1.5) + 0.01 * np.sin(x + y + t)


def travelling(t: Any, x: Any, y: Any) -> Any:
    return np.exp(-20 * ((x - t / 3) ** 2 + (y - 0.5) ** 2))


def flattening(t: Any, x: Any, y: Any) -> Any:
    return 2 + np.exp(-8 * t) * np.cos(np.pi * x)


def panels(figure: Figure) -> list[Any]:
    return [axes for axes in figure.axes if axes.images]


def histories(figure: Figure) -> list[Any]:
    return [axes for axes in figure.axes if axes.get_label() == "history"]


def scales(axes: list[Any]) -> int:
    return len({a.images[0].get_clim() for a in axes})


def test_nearly_uniform_fields_get_a_scale_for_each_panel() -> None:
    sol = square(u=oscillating, v=travelling)
    figure = sol.plot(t=[0.2, 1.0, 2.0, 3.0])
    upper, lower = panels(figure)[:4], panels(figure)[4:]
    assert scales(upper) == 4 and scales(lower) == 1
    assert "$u$: a colour scale for each panel" in figure.texts[1].get_text()
    for axes, time in zip(upper, [0.2, 1.0, 2.0, 3.0], strict=True):
        values = sol(t=time)["u"].values
        assert axes.images[0].get_clim() == pytest.approx((values.min(), values.max()))
    bars = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    assert len(bars) == 5 and {bar.get_ylabel() for bar in bars} == {"", "$v$"}
    low, high = (text.get_text() for text in bars[0].get_xticklabels())
    assert float(low) == pytest.approx(sol(t=0.2)["u"].values.min(), abs=1e-4) and float(low) < float(high)


@pytest.mark.parametrize(
    "field", [travelling, flattening, lambda t, x, y: 1 + t + 0 * x, lambda t, x, y: 1 + t + 1e-7 * x]
)
def test_one_scale_where_panels_differ_visibly_or_hold_no_structure(field: Field) -> None:
    figure = square(u=field).plot()
    assert scales(panels(figure)) == 1 and "colour scale" not in figure.texts[1].get_text()


def test_a_uniform_moment_is_named_by_its_value() -> None:
    figure = square(u=lambda t, x, y: np.where(t == 1.0, 2.5, oscillating(t, x, y))).plot()
    bars = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    labels = [[text.get_text() for text in bar.get_xticklabels()] for bar in bars]
    assert labels[1] == ["2.5 ± 0"] and [len(pair) for pair in labels] == [2, 1, 2, 2]


def test_history_shows_mean_and_range_with_marks_at_the_panels() -> None:
    sol = square(u=oscillating, v=flattening)
    figure = sol.plot(t=[0.5, 2.5])
    first, second = histories(figure)
    assert [a.get_ylabel() for a in (first, second)] == ["$u$", "$v$"] and second.get_xlabel() == "$t$"
    assert "mean" in first.get_title(loc="left") and second.get_title(loc="left") == ""
    t, mean = second.lines[0].get_data()
    np.testing.assert_array_equal(t, TIMES)
    np.testing.assert_allclose(mean, 2, atol=1e-12)  # the cosine has mean 0
    verticals = [float(line.get_xdata()[0]) for line in second.lines[1:]]
    assert verticals == [0.5, 2.5]
    band = second.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(3) and band[:, 1].min() == pytest.approx(1)


def test_mean_counts_a_periodic_point_once_and_uneven_points_by_their_share() -> None:
    layer = layers_of(plane(), "v")[0][0]  # 3 + cos(...), closed by a copy of the first point
    mean, least, greatest = mean_and_range(layer)
    np.testing.assert_allclose(mean, 3, atol=1e-12)
    assert greatest.max() <= 4 and least.min() >= 2
    x = np.array([0.0, 0.1, 0.2, 1.0])
    values = np.broadcast_to(x[None, :, None], (3, 4, 2)).copy()
    data = xarray.Dataset({"u": (("t", "x", "y"), values)}, coords={"t": [0.0, 1.0, 2.0], "x": x, "y": [0.0, 1.0]})
    np.testing.assert_allclose(mean_and_range(layers_of(solution(data), None)[0][0])[0], 0.5, rtol=1e-14)


def test_missing_values_leave_gaps() -> None:
    data = square(u=oscillating).to_xarray().copy(deep=True)
    data["u"].values[9:] = np.nan
    data["u"].values[8, 3, 3] = np.inf
    figure = solution(data, success=False, message="infinite").plot(t=[0.0, 1.0, 3.0])
    mean = histories(figure)[0].lines[0].get_ydata()
    assert np.isfinite(mean[:8]).all() and np.isnan(mean[8:]).all()
    data["u"].values[:] = np.nan
    assert not own_scales(layers_of(solution(data), None)[0][0], TIMES)


def test_wide_domains_have_a_history_below_each_column() -> None:
    figure = square(4.0, u=oscillating, v=travelling).plot()
    assert [a.get_subplotspec().colspan.start for a in histories(figure)] == [0, 1]
    assert {a.get_subplotspec().rowspan.start for a in histories(figure)} == {4}
    assert len(panels(figure)) == 8 and all(a.get_title() for a in panels(figure))


def test_labels_of_narrow_panels_take_two_lines() -> None:
    figure = square(u=lambda t, x, y: 1e-7 * oscillating(t, x, y)).plot(t=np.linspace(0, 3, 9))
    bars = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    pairs = [[text.get_text() for text in bar.get_xticklabels()] for bar in bars]
    assert len(pairs) == 9 and all(high.startswith("\n") and not low.startswith("\n") for low, high in pairs)


def test_few_saved_times_have_no_history() -> None:
    data = square(u=travelling).to_xarray().isel(t=[0, 15])
    assert histories(solution(data).plot()) == []


def test_ends_of_small_colour_bars() -> None:
    assert end_labels(0.53333, 0.5378) == ("0.53333", "0.53780")
    assert end_labels(0.0, 2.75) == ("0.00", "2.75")
    assert end_labels(-1250.0, 47000.0) == ("−1250", "47000")
    assert end_labels(2.3e-7, 2.33e-7) == ("2.3000e−07", "2.3300e−07")
