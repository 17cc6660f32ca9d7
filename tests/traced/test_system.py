"""Traced functions as systems: solved by every kind of method, against SciPy on the plain function; what is recognised."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import SolveError, UnknownName

BENCH = Catalogue("bench", folder=shipped_folder("benchmarks")).load("trace")
METHODS = ("auto", "Tsit5", "ROCK4", "Rodas5P", "TRBDF2", "CVODE")


def reference(f: Any, y0: np.ndarray, t1: float) -> np.ndarray:
    made = solve_ivp(lambda t, y: np.ravel(f(y.reshape(y0.shape), t)), (0.0, t1), y0.ravel(), "DOP853", rtol=1e-10, atol=1e-12)
    return np.asarray(made.y[:, -1].reshape(y0.shape))


def difference(a: Any, b: Any) -> float:
    return float(np.abs(np.asarray(a) - b).max() / np.abs(b).max())


@pytest.mark.parametrize("method", METHODS)
def test_species_that_lie_side_by_side(method: str) -> None:
    """The tutorial: (n, n, 3) is solved as three fields and given back as it was."""
    n = 10
    f, start = BENCH.tutorial(n), np.zeros((n, n, 3))
    system = sn.trace(f, start, 0.0).as_system(start, (0.0, 0.5))
    solution = sn.solve(system, method=method, rtol=1e-7, atol=1e-9, saveat=[0.0, 0.5])
    assert solution["u"].dims == ("t", "i", "j", "k") and solution["u"].shape == (2, n, n, 3)
    assert difference(solution["u"].values[-1], reference(f, start, 0.5)) < 2e-6


def test_what_is_recognised() -> None:
    n = 12
    start = np.zeros((n, n, 3))
    system = sn.trace(BENCH.tutorial(n), start, 0.0).as_system(start, (0.0, 10.0), names=("A", "B", "C"))
    found = system.structure
    assert {(u.name, x): c.value for u, row in found.diffusion.items() for x, c in row.items()} == {("A", "i"): 100.0, ("A", "j"): 100.0}
    assert not found.periodic and not found.advection and found.order_in_space == {"i": 2, "j": 2}
    assert "diffusion of A: 100 along i" in system.explain() and "diffusion" in sn.solve(system, saveat=[0.0, 1.0]).why
    assert list(sn.solve(system, saveat=[0.0, 1.0]).to_xarray().data_vars) == ["A", "B", "C"]


def wave_like(u: Any, t: float) -> Any:
    """A current to the right, some diffusion, and fourth differences."""
    right, left = np.roll(u, -1), np.roll(u, 1)
    lap = right - 2 * u + left
    return -3.0 * (right - left) / 2 + 0.5 * lap - 0.25 * (np.roll(lap, -1) - 2 * lap + np.roll(lap, 1))


def test_stencils_are_read_by_their_moments() -> None:
    system = sn.trace(wave_like, np.ones(32), 0.0).as_system(np.ones(32), (0.0, 1.0))
    found = system.structure
    assert found.periodic and "advection" in found.kind
    (advection,), (diffusion,) = ([row["i"].value for row in table.values()] for table in (found.advection, found.diffusion))
    assert advection == pytest.approx(3.0) and diffusion == pytest.approx(0.5)


def test_periodic_fields_with_constant_diffusion_go_through_transforms() -> None:
    """Two arrays, a jump in time and a parameter: the exponential and the split method solve the linear part exactly."""

    def rates(u: Any, v: Any, t: float, alpha: float) -> Any:
        def lap(z: Any) -> Any:
            return np.roll(z, 1, 0) + np.roll(z, -1, 0) + np.roll(z, 1, 1) + np.roll(z, -1, 1) - 4 * z

        return 1 + u**2 * v - 4.4 * u + alpha * lap(u) + np.where(t >= 0.25, 2.0, 0.0), 3.4 * u - u**2 * v + alpha * lap(v)

    x = np.arange(16) / 16
    u0 = 1 + 0.2 * np.sin(2 * np.pi * (x[:, None] + x))
    system = sn.trace(rates, u0, u0, 0.0, 25.0).as_system((u0, 3 - u0), (0.0, 0.5))
    assert system.semi.breakpoints == (0.25,) and system.parameters == {"alpha": 25.0} and system.structure.periodic

    def plain(y: np.ndarray, t: float) -> np.ndarray:
        return np.stack(rates(y[0], y[1], t, 25.0))

    want = np.stack([u0, 3 - u0])
    for before in (True, False):  # of the jump
        want = reference(lambda y, t, b=before: plain(y, 0.0 if b else 1.0), want, 0.25)
    for method in ("auto", "ETDRK4", "KenCarp4-IMEX", "Rodas5P"):
        solution = sn.solve(system, method=method, rtol=1e-7, atol=1e-9, saveat=[0.0, 0.5])
        assert difference(np.stack([solution["u"].values[-1], solution["v"].values[-1]]), want) < 3e-6, method


def lorenz(u: Any, t: float, p: Any) -> Any:
    x, y, z = u
    return np.array([p["sigma"] * (y - x), x * (p["rho"] - z) - y, x * y - p["beta"] * z])


def test_systems_without_space() -> None:
    p = {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3}
    g = sn.trace(lorenz, np.ones(3), 0.0, p)
    for changed in ({}, {"p": p | {"rho": 20.0}}):
        system = g.as_system([1.0, 0.0, 0.0], (0.0, 2.0), **changed)
        solution = sn.solve(system, rtol=1e-9, atol=1e-9)
        values = changed.get("p", p)
        assert difference(solution["u"].values[-1], reference(lambda u, t, v=values: lorenz(u, t, v), np.array([1.0, 0, 0]), 2.0)) < 1e-7
    assert len(solution.t) > 50  # every step, as without space
    rho = next(name for name in system.parameters if "rho" in name)
    again = sn.solve(g.as_system([1.0, 0.0, 0.0], (0.0, 2.0)), rtol=1e-9, atol=1e-9, parameters={rho: 20.0})
    assert difference(again["u"].values[-1], solution["u"].values[-1]) < 1e-12


def test_functions_that_fill_their_first_argument() -> None:
    def rates(du: Any, u: Any, p: Any, t: float) -> None:
        du[0] = -p[0] * u[0]
        du[1] = p[0] * u[0] - u[1]

    system = sn.trace(rates, np.zeros(2), np.zeros(2), (2.0,), 0.0).as_system([1.0, 0.0], (0.0, 1.0))
    end = sn.solve(system, rtol=1e-9, atol=1e-11)["u"].values[-1]
    assert end == pytest.approx([np.exp(-2.0), 2 * (np.exp(-1.0) - np.exp(-2.0))], abs=1e-8)


def test_arrays_that_do_not_change_are_constants() -> None:
    def rates(u: Any, k: Any) -> Any:
        return -k * u

    k = np.linspace(1, 2, 5)
    g = sn.trace(rates, np.ones(5), np.ones(5))
    end = sn.solve(g.as_system(np.ones(5), (0.0, 1.0), k=k), rtol=1e-9, atol=1e-11, saveat=[0.0, 1.0])["u"].values[-1]
    assert end == pytest.approx(np.exp(-k), abs=1e-8)


def test_species_first_and_arrays_of_several_lengths() -> None:
    f, (s, *_) = BENCH.CASES["shallow water"].make(6)
    assert sn.solve(sn.trace(f, s).as_system(s, (0.0, 0.1)), saveat=[0.0, 0.1])["s"].shape == (2, 3, 6, 6)
    g = sn.trace(lambda u, w: (-u, 2.0 * w), np.ones(4), np.ones((2, 3)))
    made = sn.solve(g.as_system((np.ones(4), np.ones((2, 3))), (0.0, 1.0)), saveat=[0.0, 1.0], rtol=1e-9)
    assert made["u"].values[-1] == pytest.approx(np.full(4, np.exp(-1.0))) and made["w"].values[-1] == pytest.approx(np.full((2, 3), np.exp(2.0)))


def test_discretised_systems_are_those_of_models() -> None:
    n = 6
    start = np.random.default_rng(0).random((n, n, 3))
    f = BENCH.tutorial(n)
    made = sn.discretise(sn.trace(f, start, 0.0).as_system(start, (0.0, 1.0)))
    y = made.initial_state()
    assert made.full_fields(0.0, y).reshape(n, n, 3) == pytest.approx(start)
    assert made.full_fields(0.0, made.rhs(0.0, y)).reshape(n, n, 3) == pytest.approx(f(start, 0.0))
    v = np.ones(made.size)
    assert made.jvp(0.0, y, v) == pytest.approx(made.jacobian(0.0, y) @ v)
    assert list(made.state_layout) == ["u[:,:,0]", "u[:,:,1]", "u[:,:,2]"]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda g: g.as_system(np.ones(3), (0, 1)), SolveError, r"u0 has the shape \(3,\); an array is expected: u \(4,\)"),
        (lambda g: g.as_system(np.full(4, np.nan), (0, 1)), SolveError, "u0 holds nan"),
        (lambda g: g.as_system(np.ones(4), (1, 1)), SolveError, "empty or not finite"),
        (lambda g: g.as_system(np.ones(4), 5), SolveError, "not two numbers"),
        (lambda g: g.as_system(np.ones(4), (0, 1), k=np.nan), SolveError, "k is nan; every parameter must be finite"),
        (lambda g: g.as_system(np.ones(4), (0, 1), k=np.ones(3)), SolveError, "k is a number of this function"),
        (lambda g: g.as_system(np.ones(4), (0, 1), kk=2.0), UnknownName, "no argument 'kk'. Did you mean 'k'"),
        (lambda g: g.as_system(np.ones(4), (0, 1), names=("A", "B")), SolveError, "must be 4 different names"),
        (lambda g: g.as_system(np.ones(4, complex), (0, 1)), SolveError, "real numbers are expected"),
        (lambda g: sn.trace(lambda u, t: u.sum(), np.ones(4), 0.0).as_system(np.ones(4), (0, 1)), SolveError, "rates of the shape of u"),
        (lambda g: sn.solve(g.as_system(np.ones(4), (0, 1)), parameters={"q": 1.0}), UnknownName, "no parameter 'q'"),
    ],
)
def test_systems_that_do_not_fit(make: Any, error: type[Exception], words: str) -> None:
    g = sn.trace(lambda u, t, k: -k * u, np.ones(4), 0.0, 1.0)
    with pytest.raises(error, match=words):
        make(g)


def test_events_are_for_models() -> None:
    t = sn.coordinates("t")
    system = sn.trace(lambda u, t: -u, np.ones(4), 0.0).as_system(np.ones(4), (0.0, 1.0))
    with pytest.raises(SolveError, match="write the equations as a sn"):
        sn.solve(system, events=[sn.Event(t >= 0.5, "terminate")])


def test_stepping_by_hand_and_sweeps() -> None:
    def rates(u: Any, t: float, k: float) -> Any:
        return -k * u

    system = sn.trace(rates, np.ones(12), 0.0, 1.0).as_system(np.ones(12), (0.0, 1.0))
    run = sn.integrator(system, rtol=1e-9)
    run.solve_to(0.5)
    assert run["u"] == pytest.approx(np.full(12, np.exp(-0.5)), abs=1e-8)
    swept = sn.sweep(system, parameters={"k": [1.0, 2.0]}, rtol=1e-9, saveat=[0.0, 1.0])
    assert swept["u"].sel(k=2.0).values[-1] == pytest.approx(np.full(12, np.exp(-2.0)), abs=1e-8)
    with pytest.raises(sn.errors.TargetError, match="writes its own code"):
        sn.generate(system)  # type: ignore[arg-type]


def test_arrays_that_are_reshaped_and_joined_are_fields() -> None:
    """One flat vector of two square arrays, as SciPy's solvers want it."""

    def rates(y: Any, t: float, D: float = 1.0) -> Any:
        u, v = y[:64].reshape(8, 8), y[64:].reshape(8, 8)
        lap = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u
        return np.concatenate([(D * lap - u * v).ravel(), (u - v).ravel()])

    y0 = np.random.default_rng(0).random(128)
    system = sn.trace(rates, y0, 0.0).as_system(y0, (0.0, 1.0), D=2.0)
    assert [(a.field, a.shape) for a in system.semi.state] == [("y[0:64]", (8, 8)), ("y[64:128]", (8, 8))]
    assert system.structure.periodic and "diffusion of y[0:64]: 2 along i, 2 along j" in system.explain()
    want = reference(lambda y, t: rates(y, t, 2.0), y0, 1.0)
    for method in ("auto", "KenCarp4-IMEX", "Rodas5P"):
        solution = sn.solve(system, method=method, rtol=1e-7, atol=1e-9, saveat=[0.0, 1.0])
        assert solution["y"].shape == (2, 128) and difference(solution["y"].values[-1], want) < 2e-6
