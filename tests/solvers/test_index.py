"""Differential-algebraic systems of higher index: reduced by Pantelides' algorithm and dummy derivatives, solved chart by chart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn

T = sn.coordinates("t")
X, Y, Z, W = sn.fields("x y z w", (T,))
U, V = sn.fields("u v", (T,))
G = 9.81


def pendulum(constraint: sn.Eq, end: float, start: dict[sn.Term, float]) -> sn.DAESystem:
    motion = [sn.Eq(sn.dt(X), U), sn.Eq(sn.dt(Y), V), sn.Eq(sn.dt(U), -W * X), sn.Eq(sn.dt(V), -W * Y - G)]
    return sn.DAESystem([*motion, constraint], t=(0, end), initial=start)


@pytest.mark.parametrize(
    ("constraint", "index"), [(sn.Eq(X**2 + Y**2, 1), 3), (sn.Eq(X * U + Y * V, 0), 2)], ids=["index 3", "index 2"]
)
def test_the_pendulum_swings_through_all_charts(constraint: sn.Eq, index: int) -> None:
    """Let go at the horizontal it is back after 4 K(1/2) sqrt(l/g); length and energy stay; x, then y, cease to serve as coordinates."""
    from scipy.special import ellipk

    period = 4 * ellipk(0.5) / np.sqrt(G)
    system = pendulum(constraint, 1.5 * period, {X: 1, Y: 0, U: 0, V: 0})
    assert system.reduction is not None and system.reduction.chains.index == index
    solution = sn.solve(system, rtol=1e-8, atol=1e-10)
    assert solution.success and "chosen anew" in solution.why and f"of index {index}" in solution.why
    assert solution.fields == tuple(f.name for f in system.fields)
    np.testing.assert_allclose([float(solution(t=period)[n]) for n in "xyuv"], [1, 0, 0, 0], atol=2e-5)
    np.testing.assert_allclose([float(solution[n].values[-1]) for n in "xyuv"], [-1, 0, 0, 0], atol=2e-5)
    assert np.abs(solution["x"] ** 2 + solution["y"] ** 2 - 1).max() < (1e-7 if index == 3 else 1e-5)
    assert np.abs((solution["u"] ** 2 + solution["v"] ** 2) / 2 + G * solution["y"]).max() < 1e-4
    assert np.all(np.diff(solution.t) > 0)
    assert solution["w"].values == pytest.approx((-3 * G * solution["y"].values), abs=2e-4)  # the rod's force


def test_saved_times_are_those_asked_for() -> None:
    system = pendulum(sn.Eq(X**2 + Y**2, 1), 2.0, {X: 1, Y: 0, U: 0, V: 0})
    whole = sn.solve(system, rtol=1e-9, atol=1e-10)
    times = [0.0, 0.3, 0.9, 1.2]
    some = sn.solve(system, rtol=1e-9, atol=1e-10, saveat=times)
    np.testing.assert_array_equal(some.t, times)
    np.testing.assert_allclose(some["x"].values, [float(whole(t=t)["x"]) for t in times], atol=1e-6)
    every = sn.solve(system, rtol=1e-6, save_every=0.25)
    np.testing.assert_allclose(every.t, np.arange(9) * 0.25)


def test_second_order_in_time_and_parameters() -> None:
    """The double pendulum in Cartesian coordinates against its angles, by SciPy at a tight tolerance."""
    from scipy.integrate import solve_ivp

    x1, y1, x2, y2, a, b = sn.fields("x1 y1 x2 y2 a b", (T,))
    g = sn.parameter("g", 1.0)
    equations = [
        sn.Eq(sn.dt(x1, 2), -a * x1 + b * (x2 - x1)),
        sn.Eq(sn.dt(y1, 2), -a * y1 + b * (y2 - y1) - g),
        sn.Eq(sn.dt(x2, 2), -b * (x2 - x1)),
        sn.Eq(sn.dt(y2, 2), -b * (y2 - y1) - g),
        sn.Eq(x1**2 + y1**2, 1),
        sn.Eq((x2 - x1) ** 2 + (y2 - y1) ** 2, 1),
    ]
    start = {x1: 1, y1: 0, x2: 2, y2: 0} | {sn.dt(f): 0 for f in (x1, y1, x2, y2)}
    system = sn.DAESystem(equations, t=(0, 3), initial=start)
    assert system.reduction is not None and system.reduction.chains.index == 3
    solution = sn.solve(system, rtol=1e-8, atol=1e-9, parameters={g: 2.0}, saveat=[0, 1, 2, 3])
    assert solution.success, solution.message

    def angles(t: float, s: np.ndarray) -> list[float]:
        p, q, dp, dq = s
        mass = np.array([[2, np.cos(p - q)], [np.cos(p - q), 1]])
        force = [-(dq**2) * np.sin(p - q) - 4 * np.sin(p), dp**2 * np.sin(p - q) - 2 * np.sin(q)]
        return [dp, dq, *np.linalg.solve(mass, force)]

    exact = solve_ivp(angles, (0, 3), [np.pi / 2, np.pi / 2, 0, 0], rtol=1e-11, atol=1e-12, t_eval=[0, 1, 2, 3])
    p, q = exact.y[:2]
    np.testing.assert_allclose(solution["x2"].values, np.sin(p) + np.sin(q), atol=2e-5)
    np.testing.assert_allclose(solution["y2"].values, -np.cos(p) - np.cos(q), atol=2e-5)


def test_a_rigid_link_between_two_masses() -> None:
    """Linear, index three, constant pivots: one chart. m1 x1'' = -k x1 + f, m2 x2'' = -f, x2 = x1 + 1: one oscillator of mass m1 + m2."""
    x1, x2, f = sn.fields("x1 x2 f", (T,))
    equations = [sn.Eq(sn.dt(x1, 2), -4 * x1 + f), sn.Eq(3 * sn.dt(x2, 2), -f), sn.Eq(x2 - x1, 1)]
    system = sn.DAESystem(equations, t=(0, 10), initial={x1: 1, x2: 2, sn.dt(x1): 0, sn.dt(x2): 0})
    assert not system.normal_form.algebraic and len(system.normal_form.rates) == 2  # an ordinary system is left
    solution = sn.solve(system, rtol=1e-9, atol=1e-10)
    times = solution.t
    assert np.abs(solution["x1"].values - np.cos(times)).max() < 1e-6
    assert np.abs(solution["x2"].values - 1 - np.cos(times)).max() < 1e-6
    assert np.abs(solution["f"].values - 3 * np.cos(times)).max() < 1e-6
    assert "index 3" in system.explain()


def test_an_electric_circuit_becomes_an_ordinary_equation() -> None:
    """RC with aliases: v_in = v_r + v_c, i = v_r/R, i_c = i, C v_c' = i_c; v_c = 1 - exp(-t/(RC))."""
    vin, vr, vc, i, ic = sn.fields("vin vr vc i ic", (T,))
    r, c = sn.parameters(R=2.0, C=0.5)
    equations = [sn.Eq(vin, 1), sn.Eq(vin, vr + vc), sn.Eq(vr, r * i), sn.Eq(ic, i), sn.Eq(c * sn.dt(vc), ic)]
    system = sn.DAESystem(equations, t=(0, 3), initial={vc: 0})
    assert [f.name for f in system.normal_form.fields] == ["vc"] and set(system.normal_form.observed) == {
        vin,
        vr,
        i,
        ic,
    }
    solution = sn.solve(system, rtol=1e-9, atol=1e-10, parameters={"R": 4.0})
    times = solution.t
    assert np.abs(solution["vc"].values - 1 + np.exp(-times / 2)).max() < 1e-7
    assert np.abs(solution["i"].values - np.exp(-times / 2) / 4).max() < 1e-7
    assert solution(t=1.234)["ic"] == pytest.approx(np.exp(-0.617) / 4, abs=1e-7)


def test_units_do_not_matter() -> None:
    """Two capacitors of a picofarad and a leak across a source of a megahertz: v2' = (w cos(w t) - g v2/C)/2 is an ordinary equation."""
    from scipy.integrate import solve_ivp

    v1, v2, i = sn.fields("v1 v2 i", (T,))
    c, g, w, end = 1e-12, 1e-6, 1e6, 5e-6
    equations = [sn.Eq(c * sn.dt(v1), i), sn.Eq(c * sn.dt(v2), i - g * v2), sn.Eq(v1 + v2, sn.sin(w * T))]
    system = sn.DAESystem(equations, t=(0, end), initial={v1: 0, v2: 0})
    assert not system.normal_form.algebraic and system.reduction is not None
    assert system.reduction.values[i] == pytest.approx(c * w / 2, rel=1e-6)
    solution = sn.solve(system, rtol=1e-8, atol=1e-12)
    exact = solve_ivp(lambda t, y: (w * np.cos(w * t) - g / c * y) / 2, (0, end), [0.0], rtol=1e-10, atol=1e-13)
    assert float(solution["v2"].values[-1]) == pytest.approx(exact.y[0, -1], abs=1e-6)


def test_unknowns_that_cancel_in_a_nested_sum() -> None:
    """Found at random: f2 = sin t, f4 = sin 2t, f1' = -2 f1 + ...; a value solved for must not hold itself."""
    f0, f1, f2, f3, f4 = f = sn.fields("f0 f1 f2 f3 f4", (T,))
    equations = [
        sn.Eq(sn.dt(f1) + sn.dt(f2), -2.0 * f1 + f3 + f4),
        sn.Eq(sn.dt(f2), f3 + f4),
        sn.Eq(0, f2 - sn.sin(T)),
        sn.Eq(sn.dt(f0), -f0),
        sn.Eq(2.0 * sn.dt(f1) + 2.0 * sn.dt(f2), -4.0 * f1 + 2.0 * f3 + 3.0 * f4 - sn.sin(2.0 * T)),
    ]
    system = sn.DAESystem(equations, t=(0, 1.5), initial=dict(zip(f, (1, 1, 0, 1, 0), strict=True)))
    solution = sn.solve(system, rtol=1e-8, atol=1e-10)
    t = solution.t
    exact = [np.exp(-t), np.exp(-2 * t), np.sin(t), np.cos(t) - np.sin(2 * t), np.sin(2 * t)]
    for s, values in zip(f, exact, strict=True):
        np.testing.assert_allclose(solution[s].values, values, atol=1e-6)


def test_a_floating_capacitor_hides_a_constraint() -> None:
    """C (v1' - v2') = sin t - v1, C (v2' - v1') = -v2: together v1 + v2 = sin t, so v2' = (cos t - v2/C)/2."""
    from scipy.integrate import solve_ivp

    v1, v2 = sn.fields("v1 v2", (T,))
    c = sn.parameter("C", 0.5)
    equations = [
        sn.Eq(c * (sn.dt(v1) - sn.dt(v2)), sn.sin(T) - v1),
        sn.Eq(c * (sn.dt(v2) - sn.dt(v1)), -v2),
    ]
    system = sn.DAESystem(equations, t=(0, 3), initial={v1: 0, v2: 0})
    solution = sn.solve(system, rtol=1e-8, atol=1e-10, parameters={c: 2.0})
    assert solution.success, solution.message
    exact = solve_ivp(lambda t, y: (np.cos(t) - y / 2) / 2, (0, 3), [0.0], rtol=1e-10, atol=1e-12)
    assert float(solution["v2"].values[-1]) == pytest.approx(exact.y[0, -1], abs=1e-6)
    np.testing.assert_allclose((solution["v1"] + solution["v2"]).values, np.sin(solution.t), atol=1e-8)


def test_tearing_leaves_one_unknown_of_a_nonlinear_loop() -> None:
    """z1 = x + w, z2 = 2 z1 (by hand), w + w^3 = 2 x (iterated); x' = -z2 + 2 w = -2 x."""
    z1, z2 = sn.fields("z1 z2", (T,))
    equations = [sn.Eq(sn.dt(X), -z2 + 2 * W), sn.Eq(z1, X + W), sn.Eq(z2, 2 * z1), sn.Eq(W + W**3, 2 * X)]
    system = sn.DAESystem(equations, t=(0, 1), initial={X: 1, W: 1})
    assert list(system.normal_form.algebraic) == [W]
    solution = sn.solve(system, rtol=1e-9, atol=1e-11)
    assert solution.method == "IDA"
    assert np.abs(solution["x"].values - np.exp(-2 * solution.t)).max() < 1e-7
    assert np.abs(solution["z2"].values - 2 * (solution["x"] + solution["w"]).values).max() < 1e-12


def test_derivatives_that_occur_nonlinearly() -> None:
    """x'^3 + x' = -2 with x' = -1: an implicit equation is solved by iteration."""
    system = sn.DAESystem([sn.Eq(sn.dt(X) ** 3 + sn.dt(X), -2 + 0 * Y), sn.Eq(Y, X)], t=(0, 1), initial={X: 3})
    solution = sn.solve(system, rtol=1e-9, atol=1e-9)
    assert float(solution["x"].values[-1]) == pytest.approx(2, abs=1e-6)
    assert float(solution["y"].values[-1]) == pytest.approx(2, abs=1e-6)


def test_the_closest_values_that_agree_are_taken() -> None:
    """A start off the circle moves along the radius; the velocity loses its part along the rod."""
    with pytest.warns(sn.ModelWarning, match="closest that agree"):
        system = pendulum(sn.Eq(X**2 + Y**2, 1), 0.5, {X: 1.2, Y: 0.1, U: 1, V: 0})
    assert system.reduction is not None
    x, y = np.array([1.2, 0.1]) / np.hypot(1.2, 0.1)
    found = [system.reduction.values[f] for f in (X, Y, U, V)]
    np.testing.assert_allclose(found, [x, y, y * y, -x * y], atol=1e-6)


def test_contradicting_initial_values_are_told_and_mended() -> None:
    with pytest.warns(sn.ModelWarning, match=r"contradict the constraints.*closest that agree"):
        system = pendulum(sn.Eq(X**2 + Y**2, 1), 0.5, {X: 1.2, Y: 0, U: 0, V: 0})
    solution = sn.solve(system, rtol=1e-8)
    assert solution.success
    assert np.abs(solution["x"] ** 2 + solution["y"] ** 2 - 1).max() < 1e-6


def test_a_guess_of_a_multiplier_leaves_the_start_alone() -> None:
    """w has no derivative: w = 1 is a guess and gives way silently; x, y, u, v are the start."""
    system = pendulum(sn.Eq(X**2 + Y**2, 1), 0.5, {X: 1, Y: 0, U: 0, V: 0, W: 1})
    assert system.reduction is not None
    values = system.reduction.values
    assert [values[f] for f in (X, Y, U, V)] == [1, 0, 0, 0]
    assert values[W] == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(
    ("equations", "words"),
    [
        ([sn.Eq(sn.dt(X), Z + Y), sn.Eq(X, 1), sn.Eq(2 * X, 2)], "no field left to determine"),
        ([sn.Eq(sn.dt(X), Z), sn.Eq(sn.dt(Y), -Z), sn.Eq(X + Y, X + Y + 0 * Z)], "write"),
    ],
    ids=["twice the same", "no content"],
)
def test_systems_that_cannot_be_reduced(equations: list[sn.Eq], words: str) -> None:
    with pytest.raises(sn.ModelError, match=words):
        sn.DAESystem(equations, t=(0, 1), initial={X: 1, Y: 0})


def test_fields_that_are_all_fixed_by_constraints() -> None:
    """x' = y, y' = z, x = sin t: z = -sin t follows without integration, and there is no state to integrate."""
    equations = [sn.Eq(sn.dt(X), Y), sn.Eq(sn.dt(Y), Z), sn.Eq(X, sn.sin(T))]
    with pytest.raises(sn.ModelError, match=r"nothing evolves.*x = sin\(t\)"):
        sn.DAESystem(equations, t=(0, 1), initial={X: 0, Y: 1})


def test_a_singular_start_is_refused() -> None:
    """x y = 0 at the origin: no derivative is determined there."""
    equations = [sn.Eq(sn.dt(X), Z), sn.Eq(sn.dt(Y), 1.0 + 0 * Z), sn.Eq(X * X, 0 * Y)]
    with pytest.raises(sn.ModelError, match=r"singular there|no consistent initial values"):
        sn.DAESystem(equations, t=(0, 1), initial={X: 0, Y: 0})


def test_other_methods_say_what_serves() -> None:
    system = pendulum(sn.Eq(X * U + Y * V, 0), 1.0, {X: 1, Y: 0, U: 0, V: 0})
    with pytest.raises(sn.SolveError, match=r'chosen anew on the way.*write method="CVODE"'):
        sn.solve(system, method="Tsit5")


@settings(max_examples=15)
@given(st.integers(2, 6), st.integers(0, 10**6))
def test_torn_linear_systems_equal_the_dense_solution(n: int, seed: int) -> None:
    """x' = c.z - x, A z = b x with a random regular sparse A: x = exp((c A^-1 b - 1) t)."""
    generator = np.random.default_rng(seed)
    matrix = np.round(generator.uniform(-2, 2, (n, n)), 2) * (generator.random((n, n)) < 0.6) + 4 * np.eye(n)
    b, c = np.round(generator.uniform(-1, 1, n), 2), np.round(generator.uniform(-1, 1, n), 2)
    z = [sn.field(f"z{k}", (T,)) for k in range(n)]
    rows = [
        sn.Eq(sum(float(m) * s for m, s in zip(row, z, strict=True)), float(r) * X)
        for row, r in zip(matrix, b, strict=True)
    ]
    system = sn.DAESystem(
        [sn.Eq(sn.dt(X), sum(float(k) * s for k, s in zip(c, z, strict=True)) - X), *rows], t=(0, 1), initial={X: 1}
    )
    solution = sn.solve(system, rtol=1e-8, atol=1e-10)
    solved = np.linalg.solve(matrix, b)
    x = np.exp((c @ solved - 1) * solution.t)
    np.testing.assert_allclose(solution["x"].values, x, rtol=2e-6)
    for s, factor in zip(z, solved, strict=True):
        np.testing.assert_allclose(solution[s].values, factor * x, atol=2e-6)
