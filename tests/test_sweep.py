"""``sn.sweep``: values against separate solves and exact solutions, failures, random paths, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.errors import BackendUnavailable, ModelError, SolveError, UnknownName, UnknownOption

T = sn.coordinates("t")
X = sn.field("x", (T,))
A, S = sn.parameter("a", 1.0), sn.parameter("s", 1.0)
DECAY = sn.ODESystem([sn.Eq(sn.dt(X), -A * X)], domain=sn.Domain(t=(0, 2)), initial={X: S})
MOTION = sn.SDESystem([sn.Eq(sn.dt(X), A * X)], noise={X: 0.3 * X}, domain=sn.Domain(t=(0, 1)), initial={X: 1.0})


def test_all_combinations_the_last_name_fastest() -> None:
    made = sn.sweep(DECAY, {"a": [1, 2], S: [1, 5, 7]}, rtol=1e-9, atol=1e-12)
    assert len(made) == 6 and made["x"].dims == ("trajectory", "t") and len(made.t) == 101 and made.success.all()
    assert made["a"].values.tolist() == [1, 1, 1, 2, 2, 2] and made["s"].values.tolist() == [1, 5, 7, 1, 5, 7]
    exact = made["s"].values[:, None] * np.exp(-made["a"].values[:, None] * made.t)
    np.testing.assert_allclose(made["x"].values, exact, rtol=1e-7)
    assert made.method == "Vern7" and "explicit" in made.why and "6 trajectories" in repr(made)
    assert made[X] is not None and set(made.to_xarray().coords) == {"trajectory", "t", "a", "s"}


def test_a_list_of_sets_keeps_what_it_does_not_name() -> None:
    made = sn.sweep(DECAY, [{"a": 2.0}, {"s": 3.0}], saveat=[2.0], rtol=1e-9, atol=1e-12)
    assert made["a"].values.tolist() == [2, 1] and made["s"].values.tolist() == [1, 3]
    np.testing.assert_allclose(made["x"].values[:, 0], [math.exp(-4), 3 * math.exp(-2)], rtol=1e-7)


def test_trajectories_are_what_separate_solves_give() -> None:
    t, x = sn.coordinates("t x")
    u, k = sn.field("u", (t, x)), sn.parameter("k", 1.0)
    heat = sn.PDESystem(
        [sn.Eq(sn.dt(u), k * sn.diff(u, x, 2))],
        domain=sn.Domain(t=(0, 0.1), x=(0, 1)),
        conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
        initial={u: sn.sin(sn.pi * x)},
    )
    given: dict[str, Any] = {"resolution": 16, "saveat": [0.0, 0.05, 0.1], "method": "ROCK4"}
    made = sn.sweep(heat, {"k": [0.5, 1.0, 2.0]}, **given)
    assert made["u"].dims == ("trajectory", "t", "x")
    for row, value in enumerate((0.5, 1.0, 2.0)):
        alone = sn.solve(heat.with_parameters(k=value), **given)
        np.testing.assert_array_equal(made["u"].values[row], alone["u"].values)


def test_parameters_that_change_the_equations_are_solved_as_they_are() -> None:
    forced = sn.ODESystem([sn.Eq(sn.dt(X), sn.where(T >= A, 1.0, 0.0))], domain=sn.Domain(t=(0, 2)), initial={X: 0.0})
    made = sn.sweep(forced, {"a": [0.5, 1.0, 1.5]}, saveat=[2.0])
    np.testing.assert_allclose(made["x"].values[:, 0], [1.5, 1.0, 0.5], atol=1e-9)


def test_a_trajectory_that_fails_keeps_what_it_has() -> None:
    blow = sn.ODESystem([sn.Eq(sn.dt(X), A * X**2)], domain=sn.Domain(t=(0, 2)), initial={X: 1.0})
    made = sn.sweep(blow, {"a": [0.1, 1.0, 0.2]}, saveat=[0, 0.5, 0.5, 1.5, 2], rtol=1e-9)
    assert made.success.tolist() == [True, False, True] and "1 failed" in repr(made)
    assert "t = 1" in made.messages[1] and made.messages[0] == "Reached the end of the interval."
    values = made["x"].values
    np.testing.assert_allclose(values[1, :3], [1, 2, 2], rtol=1e-6)
    assert np.isnan(values[1, 3:]).all() and np.isfinite(values[[0, 2]]).all()
    np.testing.assert_allclose(values[0], 1 / (1 - 0.1 * made.t), rtol=1e-6)


def test_random_paths_are_all_different_and_come_again_from_their_seeds() -> None:
    made = sn.sweep(MOTION, {"a": [0.0, 0.5]}, trajectories=200, seed=1, saveat=[1.0], method="EM", dt=0.02)
    seeds = made["seed"].values
    assert len(made) == 400 and len(set(seeds.tolist())) == 400
    assert made["a"].values.tolist() == [0.0] * 200 + [0.5] * 200
    ends = made["x"].values[:, 0]
    for half, rate in ((ends[:200], 0.0), (ends[200:], 0.5)):
        mean, deviation = math.exp(rate), math.exp(rate) * math.sqrt(math.expm1(0.09))
        assert abs(half.mean() - mean) < 4 * deviation / math.sqrt(200) + 0.01  # four standard errors, and that of EM
    again = sn.sweep(MOTION, {"a": [0.0, 0.5]}, trajectories=200, seed=1, saveat=[1.0], method="EM", dt=0.02)
    np.testing.assert_array_equal(again["x"].values, made["x"].values)
    alone = sn.solve(MOTION, parameters={"a": 0.5}, seed=int(seeds[300]), saveat=[1.0], method="EM", dt=0.02)
    assert float(alone["x"].values[0]) == ends[300]


def test_seeds_of_very_many_trajectories_are_distinct() -> None:
    from symnum.sweeping import _seeds

    seeds = _seeds(MOTION, 7, 300_000)
    assert len(set(seeds)) == 300_000 and all(isinstance(s, int) and 0 <= s < 2**63 for s in seeds[:100])
    assert _seeds(DECAY, None, 3) == [None] * 3


@pytest.mark.parametrize(
    ("parameters", "options", "error", "says"),
    [
        ({"b": [1]}, {}, UnknownName, "no parameter 'b'. It has: a, s"),
        (3, {}, SolveError, 'write parameters={"a": [1.0, 2.0]}, or a list of mappings'),
        ([3], {}, SolveError, "not mappings"),
        ({"a": []}, {}, SolveError, "gives no set of values"),
        ({"a": ["q"]}, {}, SolveError, "the values of a are ['q'], not a list of numbers"),
        ({"a": [[1, 2], [3, 4]]}, {}, SolveError, "not a list of numbers"),
        ({"a": [1], A: [2]}, {}, SolveError, "name each parameter once"),
        ({"a": [math.nan]}, {}, ModelError, "expected a finite number"),
        ({"a": np.zeros(1001), "s": np.zeros(1001)}, {}, SolveError, "1,002,001 sets of values"),
        (None, {"trajectories": 0}, SolveError, "trajectories is 0, not a whole number"),
        (None, {"threads": 2}, SolveError, 'threads=2 is for backend "julia"'),
        (None, {"seed": 3}, SolveError, "seed=3 is for equations with noise"),
        (None, {"method": "Tsit6"}, UnknownName, "Did you mean 'Tsit5'"),
        (None, {"sed": 3}, UnknownOption, "Did you mean 'seed'"),
        (None, {"saveat": [5]}, SolveError, "save times reach from 5.0"),
        (None, {"rtol": "x"}, SolveError, "rtol is 'x', not a positive number"),
    ],
)
def test_bad_input_has_a_name(parameters: Any, options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        sn.sweep(DECAY, parameters, **options)
    assert says in str(caught.value)


def test_what_a_sweep_does_not_take() -> None:
    with pytest.raises(SolveError, match="sweep takes a system such as"):
        sn.sweep("heat")  # type: ignore[arg-type]
    with pytest.raises(SolveError, match="does not watch for events"):
        sn.sweep(DECAY.replace(events=[sn.Event(X <= 0.5, "terminate")]), {"a": [1]})
    with pytest.raises(SolveError, match="seed is -1, not a whole number"):
        sn.sweep(MOTION, seed=-1)
    with pytest.raises(UnknownName, match="there is no field 'y'"):
        sn.sweep(DECAY, {"a": [1]}, saveat=[1])["y"]
    own = sn.parameter("trajectory", 1.0)
    with pytest.raises(SolveError, match="a coordinate 'trajectory' of its own"):
        sn.sweep(
            sn.ODESystem([sn.Eq(sn.dt(X), own)], domain=sn.Domain(t=(0, 1)), initial={X: 0.0}), {"trajectory": [1]}
        )


def test_without_julia_its_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNUM_JULIA", "0")
    with pytest.raises(BackendUnavailable, match="SYMNUM_JULIA"):
        sn.sweep(DECAY, {"a": [1, 2]}, backend="julia", threads=2)
