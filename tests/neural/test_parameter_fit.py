"""``sn.fit``: linear least squares in closed form, known parameters recovered, forms of data, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
xarray = pytest.importorskip("xarray")

import symnum as sn  # noqa: E402
from symnum.errors import ModelError, SolveError  # noqa: E402

T, X = sn.coordinates("t x")
Y, Z = sn.fields("y z", (T,))
U = sn.field("u", (T, X))
A, B, D = sn.parameters(a=1.0, b=2.0, D=0.05)


def line() -> Any:
    """y = b + a t."""
    return sn.ODESystem([sn.Eq(sn.dt(Y), A)], t=(0, 2), initial={Y: B})


@pytest.mark.parametrize("noise", [None, 0.3])
def test_a_line_has_the_solution_and_the_errors_of_linear_least_squares(noise: float | None) -> None:
    times = np.linspace(0, 2, 15)
    values = 0.7 - 1.4 * times + 0.2 * np.random.default_rng(0).standard_normal(15)
    found = sn.fit(line(), {Y: (times, values)}, ["a", B], noise=noise)
    matrix = np.stack([times, np.ones(15)], axis=1)
    best, squares, *_ = np.linalg.lstsq(matrix, values, rcond=None)
    variance = float(squares[0]) / 13 if noise is None else noise**2
    errors = np.sqrt(variance * np.diag(np.linalg.inv(matrix.T @ matrix)))
    np.testing.assert_allclose([found.parameters[n] for n in "ab"], best, rtol=1e-7)
    np.testing.assert_allclose([found.errors[n] for n in "ab"], errors, rtol=1e-6)
    assert found.success and found.data == 15 and found.system.parameters == found.parameters
    assert found.rms == pytest.approx(np.sqrt(float(squares[0]) / 15) / (noise or 1.0))
    assert "±" in str(found) and "15 data" in str(found)


def test_the_line_with_a_bound_and_two_weights() -> None:
    times = np.linspace(0.5, 2, 10)
    found = sn.fit(line(), {"y": (times, 1 + 3 * times)}, ["a", "b"], bounds={A: (None, 2.0)})
    assert found.parameters["a"] == 2.0
    assert found.parameters["b"] == pytest.approx(float(np.mean(1 + times)), rel=1e-8)
    both = sn.ODESystem([sn.Eq(sn.dt(Y), A), sn.Eq(sn.dt(Z), A)], t=(0, 1), initial={Y: 0, Z: 0})
    one = sn.fit(both, {Y: ([1.0], [3.0]), Z: ([1.0], [5.0])}, "a", noise={Y: 1.0, "z": 0.5})
    assert one.parameters["a"] == pytest.approx((3 + 4 * 5) / 5, rel=1e-8)


def heat(**values: float) -> Any:
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), D * sn.diff(U, X, 2) - A * U)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.dirichlet(U, 0, at={X: e}) for e in (0, 1)],
        initial={U: B * sn.sin(sn.pi * X)},
        parameters=values,
    )


def test_a_partial_differential_equation_from_a_dataset_with_holes() -> None:
    times, x = np.array([0.0, 0.3, 1.0]), np.array([0.11, 0.5, 0.83])
    exact = 1.7 * np.exp(-(0.1 * np.pi**2 + 0.4) * times[:, None]) * np.sin(np.pi * x)
    exact[1, 2] = np.nan
    table = xarray.Dataset({"u": (("t", "x"), exact), "weather": (("t",), times)}, {"t": times, "x": x})
    found = sn.fit(heat(a=0.4), table, ["D", "b"], resolution=64, order=4, method="KenCarp4")
    assert found.data == 8
    np.testing.assert_allclose([found.parameters["D"], found.parameters["b"]], [0.1, 1.7], rtol=2e-4)
    one = sn.fit(heat(a=0.4, b=1.7), table["u"].isel(x=1), "D", resolution=32)  # its x is the same for all
    assert one.data == 3 and one.parameters["D"] == pytest.approx(0.1, rel=2e-3)


def test_a_solution_is_data_and_what_the_data_do_not_tell_has_no_error_bar() -> None:
    truth = sn.solve(heat(D=0.08, a=0.3), resolution=24, scheme="central", saveat=[0.0, 0.5, 1.0], rtol=1e-10)
    found = sn.fit(heat(a=0.3), truth, ["D"], resolution=24)
    assert found.parameters["D"] == pytest.approx(0.08, rel=1e-6)
    blind = sn.ODESystem(
        [sn.Eq(sn.dt(Y), A - B), sn.Eq(sn.dt(Z), -D)], t=(0, 1), initial={Y: 0, Z: 0}
    )  # only a - b is seen
    errors = sn.fit(blind, {Y: ([0.5, 1.0], [0.1, 0.2]), Z: ([1.0], [0.3])}, ["a", "b", D], noise=0.1).errors
    assert errors["a"] == errors["b"] == np.inf and errors["D"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sn.fit(line(), {Y: ([1.0], [2.0])}, []), "names nothing to find"),
        (lambda: sn.fit(line(), {Y: ([1.0], [2.0])}, ["c"]), "no parameter and no network 'c'"),
        (lambda: sn.fit(line(), {Z: ([1.0], [2.0])}, "a"), "there is no field 'z'"),
        (lambda: sn.fit(line(), {Y: ([1.0, 2.0], [2.0])}, "a"), "2 times and 1 values"),
        (lambda: sn.fit(line(), {Y: 3.0}, "a"), "no pair .times, values."),
        (lambda: sn.fit(line(), {Y: ([1.0], [np.nan])}, "a"), "hold no finite number"),
        (lambda: sn.fit(line(), {}, "a"), "data hold no field"),
        (lambda: sn.fit(line(), {Y: ([0.0], [2.0])}, "a"), "at the initial time 0"),
        (lambda: sn.fit(line(), {Y: ([-1.0, 1.0], [2.0, 1.0])}, "a"), "the model begins at 0"),
        (lambda: sn.fit(line(), {Y: ([1.0], [2.0])}, "a", noise=0.0), "noise of y is 0.0"),
        (lambda: sn.fit(line(), {Y: ([1.0], [2.0])}, "a", bounds={"b": (0, 1)}), "bounds: 'b' is not among"),
        (lambda: sn.fit(line(), {Y: ([1.0], [2.0])}, "a", bounds={"a": 1.0}), r"write bounds=\{'a'"),
        (lambda: sn.fit(line(), {Y: ([1.0], [2.0])}, "a", bounds={"a": (1, 0)}), r"write bounds=\{'a': \(0, 1\)\}"),
        (lambda: sn.fit(heat(), {U: ([1.0], [2.0])}, "a"), "lack x"),
    ],
)
def test_bad_input_is_told(call: Any, words: str) -> None:
    with pytest.raises((ModelError, SolveError), match=words):
        call()


def test_a_search_that_round_off_ends_has_converged() -> None:
    """Loose solves make the sum of squares rough: no line search finds a smaller one, near the minimum."""
    times = np.linspace(0.2, 3, 20)
    system = sn.ODESystem([sn.Eq(sn.dt(Y), A * Y * (B - Y))], t=(0, 3), initial={Y: 0.1})
    exact = 2.5 / (1 + 24 * np.exp(-1.2 * 2.5 * times))
    noisy = exact + 0.02 * np.random.default_rng(2).standard_normal(20)
    for rtol in (1e-3, 1e-9):
        found = sn.fit(system, {Y: (times, noisy)}, ["a", "b"], noise=0.02, rtol=rtol)
        assert found.success and found.message.startswith("converged")
        assert abs(found.parameters["a"] - 1.2) < 4 * found.errors["a"] and found.errors["a"] < 0.02
    stopped = sn.fit(system, {Y: (times, noisy)}, ["a", "b"], noise=0.02, max_iterations=2)
    assert not stopped.success and "max_iterations=2" in stopped.message


def test_values_without_a_solution_are_a_wall() -> None:
    """y' = a y^2 from 1 blows up at t = 1/a, which the first step of the search would cross."""
    system = sn.ODESystem([sn.Eq(sn.dt(Y), A * Y**2)], t=(0, 1), initial={Y: 1.0}, parameters={"a": 0.5})
    found = sn.fit(system, {Y: ([0.5, 1.0], [1 / (1 - 0.45), 10.0])}, "a")
    assert found.parameters["a"] == pytest.approx(0.9, rel=1e-6)
    with pytest.raises(SolveError, match="begin with other values"):
        sn.fit(system.with_parameters(a=3.0), {Y: ([1.0], [2.0])}, "a")
