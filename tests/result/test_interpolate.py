"""Interpolation against exact functions: measured orders, exactness on cubics, wraps, jumps, and errors in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

from symnum.errors import SolveError, SymnumError, UnknownName
from symnum.result.axes import Axis, cubic_weights, hermite_weights

from .samples import TWO_PI, decay, plane, solution, states, wave


@dataclass
class Named:
    name: str


def measured_order(errors: list[float]) -> float:
    """Slope of log error over log spacing, the spacing halved from one entry to the next."""
    return -float(np.polyfit(np.arange(len(errors)), np.log2(errors), 1)[0])


def axis(points: np.ndarray, period: float | None = None) -> Axis:
    return Axis("x", points, (float(points[0]), float(points[-1])), np.arange(points.size), period)


@pytest.mark.parametrize(("slopes", "order"), [(True, 4), (False, 2)])
def test_order_in_time(slopes: bool, order: int) -> None:
    asked = np.linspace(0.013, 1.987, 57)
    exact = 300 + 20 * np.exp(-asked)
    errors = [float(abs(decay(3, n, slopes)(t=asked, x=0.5)["T"] - exact).max()) for n in (6, 11, 21, 41)]
    assert measured_order(errors) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("closed", [True, False])
def test_order_in_space(closed: bool) -> None:
    asked = np.linspace(0.003, 0.997, 91)
    if closed:
        errors = [float(abs(decay(n)(t=0, x=asked)["T"] - 300 - 20 * np.sin(np.pi * asked)).max()) for n in (9, 17, 33)]
    else:
        errors = [float(abs(wave(n)(t=0, x=asked)["u"] - np.sin(TWO_PI * asked)).max()) for n in (16, 32, 64)]
    assert measured_order(errors) == pytest.approx(4, abs=0.3)


@given(
    st.lists(st.floats(0.05, 1), min_size=4, max_size=9),
    st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    st.floats(0, 1),
)
def test_cubics_are_exact_on_any_spacing(steps: list[float], coefficients: list[float], place: float) -> None:
    points = np.cumsum([0.0, *steps])
    index, weight = cubic_weights(axis(points), np.array([place * points[-1]]))
    cubic = np.polynomial.Polynomial(coefficients)
    assert float((weight * cubic(points)[index]).sum()) == pytest.approx(cubic(place * points[-1]), abs=1e-7)


def test_hermite_equals_scipy() -> None:
    t = np.array([0.0, 0.3, 1.1, 2.0])
    u, du, asked = np.cos(t), -np.sin(t), np.linspace(0, 2, 23)
    index, value, slope = hermite_weights(axis(t), asked)
    found = (value * u[index] + slope * du[index]).sum(axis=0)
    np.testing.assert_allclose(found, CubicHermiteSpline(t, u, du)(asked), atol=1e-14)


def test_saved_points_come_back_exactly() -> None:
    sol = plane()
    for t in (0, 7, 15):
        np.testing.assert_array_equal(sol(t=sol.t[t], x=sol["x"].values)["u"], sol["u"][t])


@pytest.mark.parametrize(("sign", "k"), [(1, TWO_PI), (-1, np.pi)])
def test_periodic_axes_go_on_round_the_wrap(sign: int, k: float) -> None:
    sol = wave(64, sign)
    for x in (-2.3, -0.004, 0.995, 1.0, 1.7, 3.2):
        assert sol(t=0.0, x=x)["u"] == pytest.approx(np.sin(k * x), abs=3e-5)


def test_descending_points_and_cell_centres() -> None:
    x = np.cos(np.pi * np.arange(25) / 24)  # Chebyshev points, 1 first
    sol = solution(xarray.Dataset({"u": ("x", np.exp(x))}, coords={"x": x}))
    assert float(sol(x=0.123)) == pytest.approx(np.exp(0.123), abs=2e-5)
    centres = (np.arange(40) + 0.5) / 40
    data = xarray.Dataset({"u": ("x", np.exp(centres))}, coords={"x": centres}, attrs={"bounds_x": (0.0, 1.0)})
    assert float(solution(data)(x=0.0)) == pytest.approx(1, abs=2e-6)
    assert float(solution(data)(x=1.0)) == pytest.approx(np.e, abs=2e-6)


def test_dense_output_comes_first_and_once_a_time() -> None:
    calls: list[float] = []

    def dense(t: float) -> dict[str, np.ndarray]:
        calls.append(t)
        return {f"y{i}": np.array(100.0 * i + t) for i in (1, 2)}

    values = states(2, dense=dense)(t=0.125)
    assert (values["y1"], values["y2"]) == (100.125, 200.125)
    assert calls == [0.125]


def test_an_event_is_a_jump() -> None:
    t, u = np.array([0, 1, 1, 2.0]), np.array([0, 1, 5, 6.0])
    sol = solution(xarray.Dataset({"u": ("t", u)}, coords={"t": t}), slopes={"u": np.ones(4)})
    assert float(sol(0.999)) == pytest.approx(0.999)
    assert float(sol(1.0)) == 5
    assert float(sol(1.5)) == pytest.approx(5.5)
    ends_with_event = solution(xarray.Dataset({"u": ("t", u[:3])}, coords={"t": t[:3]}))
    assert float(ends_with_event(1.0)) == 5


def test_a_nan_stays_where_it_is() -> None:
    sol = decay(9, 5)
    sol["T"].values[-1] = np.nan
    assert np.isfinite(sol(t=1.2, x=0.3)["T"])
    assert np.isfinite(sol(t=1.5, x=0.3)["T"])  # the last good saved time
    assert np.isnan(sol(t=1.6, x=0.3)["T"])


def test_what_comes_back_has_labels() -> None:
    sol = plane()
    values = sol(t=[0.5, 1.0], x=0.25)
    assert values[Named("u")].dims == ("t", "y")
    assert float(values["u"].x) == 0.25
    assert values["u"].attrs["units"] == "mol/L"
    assert values["w"] == pytest.approx(0.0625)  # w(x): a number, since x is one
    assert isinstance(sol(t=1, x=0.1, y=0.2)["u"], float)
    assert sol(x=0.5)["u"].dims == ("t", "y")
    assert list(values) == ["u", "v", "w"] and "u" in values and Named("w") in values
    assert "v=" in repr(sol(t=1, x=0.1, y=0.2))


def test_many_times_at_one_point_equal_one_by_one() -> None:
    sol, asked = decay(9, 5), np.linspace(0, 2, 40)  # more times than are saved: space goes first
    series = sol(t=asked, x=0.37)["T"].values
    np.testing.assert_allclose(series, [sol(t=t, x=0.37)["T"] for t in asked], rtol=1e-13)


def test_complex_fields() -> None:
    t = np.linspace(0, 1, 21)
    psi = np.exp(2j * t)
    sol = solution(xarray.Dataset({"psi": ("t", psi)}, coords={"t": t}), slopes={"psi": 2j * psi})
    assert complex(sol(0.512)) == pytest.approx(np.exp(1.024j), abs=1e-6)


@pytest.mark.parametrize(
    ("ask", "kind", "words"),
    [
        ({"t": 9.0}, SolveError, "t = 9 s is outside the solution, which covers t from 0 to 2 s. .* sol\\(t=2\\)"),
        ({"x": -0.1}, SolveError, "x = -0.1 m is outside .* from 0 to 1 m"),
        ({"t": float("nan")}, SolveError, "t = nan"),
        ({"xx": 1.0}, UnknownName, "no coordinate 'xx'. Did you mean 'x'\\? .* write sol\\(t=..., x=...\\)"),
        ({"x": [[0.1, 0.2]]}, SolveError, "x has shape \\(1, 2\\).* product grid"),
        ({"x": "left"}, SolveError, "x must be a number .* not 'left'"),
    ],
)
def test_errors_name_the_interval(ask: dict[str, object], kind: type[SymnumError], words: str) -> None:
    with pytest.raises(kind, match=words):
        decay()(**ask)


def test_round_off_at_the_ends_is_no_error() -> None:
    sol = decay()
    assert sol(t=2 + 1e-14, x=0.5)["T"] == sol(t=2, x=0.5)["T"]


def test_float_of_several_fields_is_refused() -> None:
    with pytest.raises(SolveError, match=r"2 fields, not one number. Write values\['y1'\]"):
        float(states(2)(1.0))
