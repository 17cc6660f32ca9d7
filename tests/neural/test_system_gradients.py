"""SystemODE: implicit steps, initial states, jumps in time, data off the grid; every gradient against differences or a formula."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import symnum as sn  # noqa: E402
from symnum.errors import ModelError, SolveError  # noqa: E402
from symnum.neural.networks import network  # noqa: E402
from symnum.neural.stiff import recorded  # noqa: E402
from symnum.neural.system import SystemODE  # noqa: E402

T, X, Y = sn.coordinates("t x y")
U = sn.field("u", (T, X))
A, D = sn.parameter("a", 0.7), sn.parameter("D", 0.05)
TIGHT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}
W = sn.field("u", (T, X, Y))


@cache
def closed() -> SystemODE:
    """Two dimensions with four closed sides."""
    return SystemODE(
        sn.PDESystem(
            [sn.Eq(sn.dt(W), sn.laplacian(W))],
            domain=sn.Domain(t=(0, 1), x=(0, 1), y=(-1, 2)),
            conditions=[sn.dirichlet(W, 0, at={a: e}) for a, e in ((X, 0), (X, 1), (Y, -1), (Y, 2))],
            initial={W: 0},
        ),
        {"x": 7, "y": 9},
        train=(),
    )


def sides(field: Any, axis: Any, ends: tuple[float, float] = (0, 1)) -> list[Any]:
    return [sn.neumann(field, 0, at={axis: e}) for e in ends]


def reaction_diffusion(reaction: Any, start: Any = None) -> Any:
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), D * sn.diff(U, X, 2) + reaction)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=sides(U, X),
        initial={U: 0.5 + 0.4 * sn.cos(sn.pi * X) if start is None else start},
    )


def slopes_agree(model: SystemODE, times: Any, loss: Callable[[Any], Any], bound: float) -> None:
    """The gradient along a random direction against a fourth-order quotient of whole solves at tight tolerances."""
    model.zero_grad()
    loss(model(times)).backward()
    rng = np.random.default_rng(0)
    for p in model.parameters():
        if not p.numel():
            continue
        direction = torch.from_numpy(rng.standard_normal(p.shape)) * (p.detach().abs() + 0.1)
        values, h = [], 1e-4
        with torch.no_grad():
            for share in (1, -1, 2, -2):
                p.add_(share * h * direction)
                values.append(float(loss(model(times))))
                p.add_(-share * h * direction)
        quotient = (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * h)
        assert abs(float((p.grad * direction).sum()) - quotient) <= bound * abs(quotient)


# --- implicit steps ---------------------------------------------------------------------------------------------------


def replay(model: SystemODE, y: np.ndarray, p: np.ndarray, record: Any) -> tuple[np.ndarray, np.ndarray]:
    """The recorded steps of KenCarp4, each stage solved by Newton's iteration to round-off: the states at their ends, and E_j."""
    from symnum.codegen.jacobian import SparseJacobian
    from symnum.codegen.target import compile_kernel

    tableau, field = recorded("KenCarp4")[1], compile_kernel(model.semi.rhs)
    jacobian, gamma = SparseJacobian(model.semi.rhs, p), float(tableau.gamma)
    states, errors, slope = [y], [], field(record.t[0], y, p).copy()
    for t, h in zip(record.t[:-1], record.h, strict=True):
        slopes = [slope]
        for c, row in zip(tableau.c[1:], tableau.a, strict=True):
            base = states[-1] + h * sum(float(a) * k for a, k in zip(row, slopes, strict=True))
            stage, time = base + gamma * h * slopes[-1], t + float(c) * h
            for _ in range(8):
                matrix = np.eye(len(y)) - gamma * h * jacobian(time, stage, p).toarray()
                stage = stage - np.linalg.solve(matrix, stage - base - gamma * h * field(time, stage, p))
            slopes.append((stage - base) / (gamma * h))
        slope = slopes[-1]
        scale = model.options.atol + model.options.rtol * np.maximum(np.abs(states[-1]), np.abs(stage))
        estimate = h * sum(float(e) * k for e, k in zip(tableau.error, slopes, strict=True))
        errors.append(np.sqrt(np.mean((estimate / scale) ** 2)))
        states.append(stage)
    return np.array(states), np.array(errors)


@pytest.mark.parametrize(("what", "bound"), [("states", 1e-6), ("errors", 1e-3)])
def test_the_gradient_of_implicit_steps_against_differences_of_the_replayed_steps(what: str, bound: float) -> None:
    """The estimates are differences of nearly equal numbers: what Newton's iteration leaves weighs more in them."""
    model = SystemODE(
        reaction_diffusion(50 * U * network("f", U, [1, 3, 1], seed=1)), 12, method="KenCarp4", rtol=1e-5, atol=1e-7
    )
    start = model.initial_state().clone().requires_grad_()
    record = model([0.0, 1.0], start).record
    given = getattr(record, what)
    weights = np.cos(np.arange(given.numel())).reshape(given.shape)
    (given * torch.from_numpy(weights)).sum().backward()
    y, p = start.detach().numpy(), model.values.detach().numpy()
    again = dict(zip(("states", "errors"), replay(model, y, p, record), strict=True))
    np.testing.assert_allclose(again["states"], record.states.detach(), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(again["errors"], record.errors.detach(), rtol=1e-3)
    rng = np.random.default_rng(0)
    dy, dp = rng.standard_normal(y.shape), rng.standard_normal(p.shape) * (np.abs(p) + 0.1)
    h, quotient = 1e-3, 0.0
    for share, factor in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
        moved = replay(model, y + share * h * dy, p + share * h * dp, record)[what == "errors"]
        quotient += factor * float((moved * weights).sum()) / (12 * h)
    slope = float(start.grad.numpy() @ dy + model.values.grad.numpy() @ dp)
    assert abs(slope - quotient) <= bound * abs(quotient)


def test_a_fine_grid_wants_few_implicit_steps_and_both_ways_agree() -> None:
    system, times = reaction_diffusion(A * U * (1 - U)), [0.0, 0.25, 1.0]
    gradients, steps = [], []
    for method in ("Tsit5", "KenCarp4"):
        model = SystemODE(system, 100, method=method, rtol=1e-8, atol=1e-10)
        out = model(times)
        (out[U] ** 2).sum().backward()
        gradients.append(model.values.grad.clone())
        steps.append(out.stats.steps)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-5, atol=0)
    assert steps[1] * 10 < steps[0]
    assert "method='KenCarp4' takes fewer" in SystemODE(system, 100)(times).message
    assert "KenCarp4" not in SystemODE(system, 12)(times).message


@pytest.mark.parametrize("method", ["Tsit5", "KenCarp4"])
def test_an_integral_over_the_domain(method: str) -> None:
    model = SystemODE(reaction_diffusion(-20 * A * U * sn.integral(U, X)), 20, method=method, **TIGHT)
    slopes_agree(model, [0, 0.5, 1], lambda out: (out[U] ** 2).sum(), 1e-6)


SIDES = {
    "dirichlet": lambda: [sn.dirichlet(U, A, at={X: e}) for e in (0, 1)],
    "robin": lambda: [sn.robin(U, 1, 0.5, A, at={X: e}) for e in (0, 1)],
    "periodic": lambda: [sn.periodic(X)],
}


@settings(max_examples=4, deadline=None)
@given(
    st.sampled_from([*SIDES]),
    st.booleans(),
    st.sampled_from([[1, 3, 1], [1, 2, 2, 1]]),
    st.sampled_from(["tanh", "softplus"]),
    st.integers(0, 99),
)
def test_both_ways_back_agree_whatever_the_sides_and_the_network(
    sides: str, flux: bool, layers: list[int], activation: str, seed: int
) -> None:
    """Explicit and implicit steps share no code on the way back; parameters stand in the equation, the conditions and the initial state."""
    f = network("f", U, layers, activation, seed=seed)
    rate = sn.diff((D + 0.02 * f**2) * sn.diff(U, X), X) if flux else D * sn.diff(U, X, 2) + f
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), rate)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=SIDES[sides](),
        initial={U: A * (1 + 0.3 * sn.sin(2 * sn.pi * X) ** 2)},
    )
    made = []
    for method in ("Vern7", "KenCarp4"):
        model = SystemODE(system, 12, method=method, **TIGHT)
        seen = model.observe(U, x=[0.05, 0.4, 1.0], t=[0.2, 0.5, 1.0])
        (seen(model(seen.times)) ** 2).sum().backward()
        made.append(model.values.grad.clone())
    torch.testing.assert_close(made[0], made[1], rtol=1e-6, atol=1e-8)


# --- the initial state ------------------------------------------------------------------------------------------------


def test_an_initial_formula_that_holds_trained_parameters() -> None:
    start = A + 0.3 * sn.cos(sn.pi * X) * A**2
    for method in ("Tsit5", "KenCarp4"):
        model = SystemODE(reaction_diffusion(-A * U, start), 10, train="a", method=method, **TIGHT)
        slopes_agree(model, [0, 0.4, 1], lambda out: (out[U][1:] ** 2).sum() + out[U][0, 3], 1e-6)


def test_a_trained_initial_state_is_found_from_later_data() -> None:
    truth = SystemODE(reaction_diffusion(U * (1 - U), 0.3 + 0.2 * sn.cos(2 * sn.pi * X)), 10)
    with torch.no_grad():
        data = truth([0.02, 0.05]).y
    model = SystemODE(reaction_diffusion(U * (1 - U)), 10, train=(), train_initial="u")
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=80, line_search_fn="strong_wolfe", tolerance_change=1e-14
    )

    def loss() -> Any:
        optimiser.zero_grad()
        value = ((model([0.02, 0.05]).y - data) ** 2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    torch.testing.assert_close(model.initial_state().detach(), truth.initial_state(), rtol=0, atol=1e-3)


def test_several_networks_and_parameters_are_trained_together() -> None:
    f, g = network("f", U, [1, 2, 1]), network("g", [U, X], [2, 2, 1])
    model = SystemODE(reaction_diffusion(A * f * g), 8, train=["g", D, "f"], **TIGHT)
    assert set(model.names) == set(model.parameter_values()) - {"a"} and model.names.index("D") == 9
    slopes_agree(model, [0.0, 0.6], lambda out: (out[U] ** 2).sum(), 1e-7)


# --- data off the grid ------------------------------------------------------------------------------------------------


def test_values_at_points_are_cubics_of_the_grid_and_have_exact_gradients() -> None:
    u, v = sn.fields("u v", (T, X, Y))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.laplacian(u) + A * u * (1 - u) - v), sn.Eq(sn.dt(v), D * sn.laplacian(v) + u - v)],
        domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 2)),
        conditions=[sn.periodic(X), *sides(u, Y, (0, 2)), *sides(v, Y, (0, 2))],
        initial={u: A + 0.3 * sn.sin(2 * sn.pi * X) * sn.cos(sn.pi * Y), v: 0.1},
    )
    model = SystemODE(system, {"x": 24, "y": 32}, **TIGHT)
    seen = model.observe(u, x=[0.99, 0.4, -0.01, 0.5], y=[0.01, 1.97, 0.3, 1.0], t=[0.5, 0.25, 0.5, 0.25])
    np.testing.assert_array_equal(seen.times, [0.25, 0.5])
    slopes_agree(model, seen.times, lambda out: (seen(out) ** 2).sum(), 1e-7)
    x, y = seen.points["x"], seen.points["y"]
    at_start = model.observe("u", x=x, y=y)(model([0.0, 0.1]))[0]
    np.testing.assert_allclose(at_start.detach(), 0.7 + 0.3 * np.sin(2 * np.pi * x) * np.cos(np.pi * y), atol=2e-4)
    assert torch.equal(model.observe("v", x=0.5, y=1.0)(model([0.0, 0.1]))[0], torch.tensor([0.1], dtype=torch.float64))
    with pytest.raises(SolveError, match=r"no row at t = 0.25; write out = model\(observations.times\)"):
        seen(model([0.1, 0.5]))


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(-1, 2)), min_size=1, max_size=5),
    st.lists(st.floats(-2, 2), min_size=4, max_size=4),
)
def test_cubics_are_exact_at_any_point(points: list[tuple[float, float]], c: list[float]) -> None:
    """On a grid with closed sides, boundary points among the values."""
    x, y = (np.array(row) for row in zip(*points, strict=True))
    seen = closed().observe("u", x=x, y=y)
    axes = {a.name: a.coordinates() for a in closed().semi.axes}
    on = np.meshgrid(axes["x"], axes["y"], indexing="ij")

    def cubic(x: Any, y: Any) -> Any:
        return c[0] + c[1] * x**3 - c[2] * x * y**2 + c[3] * y**3 * x**2

    values = (torch.from_numpy(cubic(*on).ravel())[seen.index] * seen.weight).sum(dim=0)
    np.testing.assert_allclose(values, cubic(x, y), atol=1e-11)


def test_points_of_an_antiperiodic_field_change_their_sign_across_the_side() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), D * sn.diff(U, X, 2))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.antiperiodic(X)],
        initial={U: sn.sin(sn.pi * X)},
    )
    model = SystemODE(system, 40, train=())
    values = model.observe(U, x=[0.98, 1.02, 0.02])(model([0.0, 0.1]))[0]
    np.testing.assert_allclose(values.detach(), np.sin(np.pi * np.array([0.98, 1.02, 0.02])), atol=1e-6)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ({"x": [0.1], "z": [1]}, "u has no coordinate 'z'"),
        ({"t": [0.1]}, r"lack x; write x=\[...\], t=\[...\]"),
        ({"x": [1.5]}, "outside"),
        ({"x": [0.1, 0.2], "t": [0.1, 0.2, 0.3]}, "2 of x, 3 of t"),
        ({"x": [np.nan]}, "finite numbers"),
        ({"x": "left"}, "x='left' is not a number"),
    ],
)
def test_bad_points_are_told(points: Any, words: str) -> None:
    model = SystemODE(reaction_diffusion(-U), 8)
    with pytest.raises((SolveError, ModelError), match=words):
        model.observe(U, **points)


# --- jumps in time ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["Tsit5", "KenCarp4"])
def test_equations_that_jump_at_given_times(method: str) -> None:
    x, b = sn.field("x", (T,)), sn.parameter("b", 1.3)
    system = sn.ODESystem([sn.Eq(sn.dt(x), -A * x + b * (T >= 0.5))], t=(0, 2), initial={x: A})
    model = SystemODE(system, method=method, rtol=1e-9, atol=1e-11)
    out = model([0.25, 0.5, 2.0])
    a, c = 0.7, 1.3
    exact = [a * np.exp(-a * t) + (t >= 0.5) * c / a * (1 - np.exp(-a * (t - 0.5))) for t in (0.25, 0.5, 2.0)]
    np.testing.assert_allclose(out["x"].detach(), exact, rtol=2e-8)
    out["x"][-1].backward()
    by_b = (1 - np.exp(-1.5 * a)) / a
    by_a = (1 - 2 * a) * np.exp(-2 * a) + c * (1.5 * a * np.exp(-1.5 * a) - (1 - np.exp(-1.5 * a))) / a**2
    np.testing.assert_allclose(model.values.grad, [{"a": by_a, "b": by_b}[n] for n in model.names], rtol=1e-6)
    assert any(abs(t - 0.5) < 1e-12 for t in out.record.t)


# --- algebraic equations ----------------------------------------------------------------------------------------------


def test_algebraic_unknowns_follow_from_the_others_and_have_gradients() -> None:
    """x' = -a x + z, 0 = z - b x: x = a exp((b - a) t) from x(0) = a, z = b x."""
    x, z, b = sn.field("x", (T,)), sn.field("z", (T,)), sn.parameter("b", 0.3)
    system = sn.DAESystem([sn.Eq(sn.dt(x), -A * x + sn.sin(z)), sn.Eq(0, sn.sin(z) - b * x)], t=(0, 2), initial={x: A})
    model = SystemODE(system, method="KenCarp4", **TIGHT)
    assert model.semi.algebraic
    times = np.array([0.0, 0.4, 2.0])
    out = model(times)
    a, b = 0.7, 0.3
    exact = a * np.exp((b - a) * times)
    np.testing.assert_allclose(out["x"].detach(), exact, rtol=1e-8)
    np.testing.assert_allclose(out["z"].detach(), np.arcsin(b * exact), rtol=1e-8)
    out["z"].sum().backward()
    by_x = b / np.sqrt(1 - (b * exact) ** 2)
    by_a, by_b = exact * (1 / a - times), exact * times
    wanted = {"a": (by_x * by_a).sum(), "b": (by_x * by_b + by_x / b * exact).sum()}
    np.testing.assert_allclose(model.values.grad, [wanted[n] for n in model.names], rtol=1e-7)
    start = torch.tensor([0.5, 0.1], dtype=torch.float64, requires_grad=True)  # z is a guess, which nothing depends on
    model([0.0, 1.0], start)["z"][1].backward()
    final = 0.5 * np.exp(b - a)
    np.testing.assert_allclose(start.grad, [b * np.exp(b - a) / np.sqrt(1 - (b * final) ** 2), 0.0], rtol=1e-7)


@pytest.mark.parametrize("value", [0.3, 0.7, 1.1, 1.9])
def test_a_start_that_is_consistent_to_round_off_is_taken_at_any_tolerance(value: float) -> None:
    from symnum.solvers.consistent import consistent_start
    from symnum.solvers.problem import Problem

    def rhs(t: float, y: np.ndarray, out: np.ndarray) -> None:
        out[0], out[1] = -y[0], y[1] + 1.3 * y[1] ** 3 - y[0]

    z = np.real(next(r for r in np.roots([1.3, 0, 1, -value]) if abs(r.imag) < 1e-9))
    for _ in range(3):
        z -= (z + 1.3 * z**3 - value) / (1 + 3.9 * z**2)
    y = np.array([value, z])
    problem = Problem(rhs, y, 0.0, 1.0, differential=np.array([True, False]))
    found = consistent_start(problem, 0.0, y, None, 1e-11, 1e-14)
    assert found.message == "" and abs(found.y[1] - z) < 1e-14


def test_a_field_with_an_elliptic_equation_and_a_network() -> None:
    c = sn.field("c", (T, X))
    drift = -sn.diff(U * sn.diff(c, X), X) + network("f", U, [1, 2, 1], seed=1) * U
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), 0.1 * sn.diff(U, X, 2) + drift), sn.Eq(0, sn.diff(c, X, 2) - c + A * U)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[*sides(U, X), *sides(c, X)],
        initial={U: 1 + 0.3 * sn.cos(sn.pi * X)},
    )
    model = SystemODE(system, 12, method="KenCarp4", train_initial=True, **TIGHT)
    assert model.initial_values.shape == (11,)
    seen = model.observe(c, x=[0.1, 0.77], t=[0.2, 0.5])
    slopes_agree(model, seen.times, lambda out: (seen(out) ** 2).sum() + (out[U] ** 2).sum(), 1e-6)
    with pytest.raises(SolveError, match="estimates of a system with algebraic equations have no gradient"):
        model(seen.times).regularizer("error")
    with pytest.raises(ModelError, match="c has no time derivative"):
        SystemODE(system, 12, method="KenCarp4", train_initial="c")


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("weight", "bound"), [(0.0, 1e-12), (1.0, 1e-7)])
def test_checkpoints_change_nothing_but_the_memory(weight: float, bound: float) -> None:
    """Estimates are differences of nearly equal numbers."""
    x = sn.field("x", (T,))
    jumping = sn.ODESystem([sn.Eq(sn.dt(x), -A * x**2 + (T >= 0.5))], t=(0, 3), initial={x: A})
    for system in (reaction_diffusion(A * U * (1 - U)), jumping):
        made = []
        for checkpoints in (None, 4):
            model = SystemODE(system, 10, rtol=1e-6, checkpoints=checkpoints)
            out = model([0.3, 1.0])
            (out.y.square().sum() + weight * out.regularizer("error")).backward()
            made += [out.y.detach(), model.values.grad.clone()]
        torch.testing.assert_close(made[0], made[2], rtol=1e-13, atol=0)
        torch.testing.assert_close(made[1], made[3], rtol=bound, atol=bound)
        with torch.no_grad():
            assert torch.equal(SystemODE(system, 10, rtol=1e-6)([0.3, 1.0]).y, made[0])
    for method, checkpoints, words in (("Tsit5", 1, "whole number >= 2"), ("KenCarp4", 4, "for explicit methods")):
        with pytest.raises(SolveError, match=words):
            SystemODE(jumping, method=method, checkpoints=checkpoints)


# --- what cannot be done ----------------------------------------------------------------------------------------------


def test_refusals_say_what_to_write() -> None:
    system = reaction_diffusion(-U)
    model = SystemODE(system, 8)
    for times, words in (
        ([-0.5, 0.5], r"first of the times is -0.5, but the model begins at 0"),
        ([0.0], "only the initial time"),
        (["soon"], "times are no strictly"),
    ):
        with pytest.raises(SolveError, match=words):
            model(times)
    with pytest.raises(SolveError, match="y0 is a list"):
        model([0, 1], [0.0] * 7)
    with pytest.raises(ModelError, match=r"train_initial: there is no field 'w'"):
        SystemODE(system, 8, train_initial="w")
    with pytest.raises(ModelError, match="there is no field 'w'"):
        model([0, 1])["w"]
    with pytest.raises(SolveError, match="'local' is for NeuralODE"):
        model([0, 1]).regularizer("local")
    x, z = sn.field("x", (T,)), sn.field("z", (T,))
    algebraic = sn.DAESystem([sn.Eq(sn.dt(x), -x + sn.sin(z)), sn.Eq(0, z + z**3 - x)], t=(0, 1), initial={x: 1.0})
    with pytest.raises(SolveError, match="algebraic equations with Tsit5 is not taken; write method='KenCarp4'"):
        SystemODE(algebraic)
    events = system.replace(events=(sn.Event(sn.integral(U, X) <= 0.1, "terminate"),))
    with pytest.raises(SolveError, match=r"write system.replace\(events=\(\)\)"):
        SystemODE(events, 8)
    with pytest.warns(sn.errors.SolveWarning, match="max_steps"):
        stopped = SystemODE(system, 40, max_steps=3)([0, 0.001, 1])
    assert not stopped.success and bool(torch.isnan(stopped.y[-1]).all())
    with torch.no_grad():
        model.values.fill_(torch.nan)
    with pytest.raises(SolveError, match="parameters are NaN or infinite: D"):
        model([0, 1])


def test_very_stiff_kinetics_and_powers_of_zero() -> None:
    """Rate constants from 1e-3 to 1e7: J^T v cancels to a share of 1e-9; and a base that is zero where the exponent is trained."""
    slow, fast, m = sn.parameter("slow", 1e-3), sn.parameter("fast", 1e7), sn.parameter("m", 1.7)
    x, y, z = (sn.field(name, (T,)) for name in "xyz")
    system = sn.ODESystem(
        [
            sn.Eq(sn.dt(x), -fast * x * y + slow * z - x),
            sn.Eq(sn.dt(y), -fast * x * y + 2 * z),
            sn.Eq(sn.dt(z), fast * x * y - slow * z - z + sn.maximum(0, T - 0.5) ** m),
        ],
        t=(0, 1),
        initial={x: 1.0, y: 0.3, z: 0.0},
    )
    model = SystemODE(system, method="KenCarp4", rtol=1e-9, atol=1e-13)
    slopes_agree(model, [0.1, 1.0], lambda out: (out["z"] ** 2).sum() + 10 * out["y"][0], 1e-5)
