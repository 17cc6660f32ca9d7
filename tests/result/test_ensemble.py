"""Pictures of sweeps: bands are quantiles, curves carry their parameter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray

from symnum.errors import SolveError, UnknownName, UnknownOption
from symnum.result.sweep import Sweep

from .inked import faults

pytestmark = pytest.mark.filterwarnings("error")
T = np.linspace(0, 2, 21)
X = np.linspace(0, 1, 11)


def sweep(values: Any, dims: tuple[str, ...], failed: int = 0, **parameters: Any) -> Sweep:
    k = len(values)
    coords = {"t": T, "trajectory": np.arange(k), **({"x": X} if "x" in dims else {})}
    coords |= {name: ("trajectory", np.asarray(v)) for name, v in parameters.items()}
    facts = {"message": "", "stats": {}, "method": "SOSRI", "why": ""}
    data = xarray.Dataset({"u": (dims, values, {"units": "m"})}, coords, {"title": "two_words"})
    return Sweep(data, [{"success": i >= failed, **facts} for i in range(k)])


def noisy(k: int = 40) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(k, T.size)).cumsum(axis=1)


def test_bands_are_quantiles() -> None:
    values = noisy()
    figure = sweep(values, ("trajectory", "t"), seed=np.arange(40)).plot()
    (axes,) = figure.axes
    wide, narrow = axes.collections
    for band, low, high in ((wide, 5, 95), (narrow, 25, 75)):
        for column in (3, 17):
            y = band.get_paths()[0].vertices
            y = y[np.isclose(y[:, 0], T[column]), 1]
            np.testing.assert_allclose([y.min(), y.max()], np.percentile(values[:, column], [low, high]))
    median = next(line for line in axes.lines if line.get_label() == "median")
    np.testing.assert_allclose(median.get_ydata(), np.median(values, axis=0))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$t$", "$u$ (m)")
    assert figure.texts[0].get_text() == "two words" and "40 trajectories" in figure.texts[1].get_text()
    assert faults(figure) == []


def test_failed_trajectories_end_early_and_are_counted() -> None:
    values = noisy()
    values[0, 5:] = np.nan
    values[:, -1] = np.nan
    figure = sweep(values, ("trajectory", "t"), failed=1).plot()
    assert "1 of 40 trajectories failed" in figure.texts[2].get_text()
    median = next(line for line in figure.axes[0].lines if line.get_label() == "median")
    np.testing.assert_allclose(median.get_ydata(), np.nanmedian(values[:, :-1], axis=0))


def test_a_swept_parameter_colours_its_curves() -> None:
    a = np.array([0.5, 1.0, 4.0])
    figure = sweep(np.exp(-a[:, None] * T), ("trajectory", "t"), a=a).plot()
    lines = figure.axes[0].collections[0]
    np.testing.assert_array_equal(lines.get_array(), a)
    np.testing.assert_allclose([s[:, 1] for s in lines.get_segments()], np.exp(-a[:, None] * T))
    assert figure.axes[1].get_ylabel() == "$a$"
    repeated = sweep(noisy(4), ("trajectory", "t"), a=[1, 1, 2, 2]).plot()
    assert len(repeated.axes[0].collections) == 2  # bands: two paths share each value


def test_few_trajectories_of_several_parameters_have_a_legend() -> None:
    values = noisy(4)
    figure = sweep(values, ("trajectory", "t"), a=[1, 1, 2, 2], b=[3, 4, 3, 4]).plot()
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["$a$ = 1, $b$ = 3", "$a$ = 1, $b$ = 4", "$a$ = 2, $b$ = 3", "$a$ = 2, $b$ = 4"]
    np.testing.assert_array_equal([line.get_ydata() for line in figure.axes[0].lines], values)
    assert faults(figure) == [] and "middle" not in figure.texts[1].get_text()


def test_one_space_dimension_at_a_time() -> None:
    a = np.array([1.0, 2.0])
    values = a[:, None, None] * X + T[:, None]
    figure = sweep(values, ("trajectory", "t", "x"), a=a).plot(t=1.04, width="column")
    np.testing.assert_allclose([s[:, 1] for s in figure.axes[0].collections[0].get_segments()], a[:, None] * X + 1.0)
    assert figure.axes[0].get_xlabel() == "$x$" and "$t$ = 1" in figure.texts[1].get_text()
    assert faults(figure) == []


def test_bad_requests() -> None:
    made = sweep(noisy(3), ("trajectory", "t"))
    for ask, error, says in (
        (lambda: made.plot(kind="band"), UnknownName, "Did you mean 'bands'"),
        (lambda: made.plot(kind="curves"), SolveError, 'there is none; write kind="bands"'),
        (lambda: made.plot("w"), UnknownName, "no field 'w'"),
        (lambda: made.plot(widht=3), UnknownOption, "Did you mean 'width'"),
    ):
        with pytest.raises(error, match=says):
            ask()
    plane = xarray.Dataset(
        {"u": (("trajectory", "t", "x", "y"), np.zeros((1, 2, 2, 2)))},
        {"t": [0, 1], "x": [0, 1], "y": [0, 1], "trajectory": [0]},
    )
    with pytest.raises(SolveError, match=r"depend on x, y.*mean\(\"trajectory\"\)"):
        Sweep(plane, [{"success": True, "message": "", "stats": {}, "method": "", "why": ""}]).plot()
