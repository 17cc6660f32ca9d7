"""From a model to a solution: what is saved, what options mean, what is told when a solve fails."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.ir.interpret import interpret

T, X, Y = sn.coordinates("t x y")
U = sn.field("u", (T, X))
S, R = sn.fields("s r", (T,))
ALPHA = sn.parameter("alpha", 0.1)


def heat(end: float = 0.5) -> sn.PDESystem:
    """u = exp(-alpha pi^2 t) sin(pi x) between fixed ends."""
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), ALPHA * sn.diff(U, X, 2))],
        domain=sn.Domain(t=(0, end), x=(0, 1)),
        conditions=[sn.dirichlet(U, 0, at={X: 0}), sn.dirichlet(U, 0, at={X: 1})],
        initial={U: sn.sin(sn.pi * X)},
        name="heat",
    )


def oscillator(end: float = 6.0) -> sn.ODESystem:
    """s = cos(omega t), r = -omega sin(omega t)."""
    omega = sn.parameter("omega", 2.0)
    return sn.ODESystem(
        [sn.Eq(sn.dt(S), R), sn.Eq(sn.dt(R), -(omega**2) * S)], t=(0, end), initial={S: 1, R: 0}, name="oscillator"
    )


# --- what is saved -------------------------------------------------------------------------------------------------------


def test_saveat_is_honoured_exactly() -> None:
    times = [0.0, 0.1, 1 / 3, 0.4999, 0.5]
    solution = sn.solve(heat(), resolution=16, saveat=times)
    assert solution.success and solution.t.tolist() == times
    assert sn.solve(heat(), resolution=16, saveat=[0.2]).t.tolist() == [0.2]
    assert sn.solve(heat(), resolution=16, saveat=0.2).t.tolist() == [0.2]  # type: ignore[arg-type]
    assert sn.solve(heat(), resolution=16, saveat=np.array(times)).t.tolist() == times


@pytest.mark.parametrize("backend", ["embedded", "scipy"])
def test_save_every(backend: str) -> None:
    solution = sn.solve(heat(0.3), resolution=16, save_every=0.1, backend=backend)
    assert solution.t == pytest.approx([0, 0.1, 0.2, 0.3], abs=1e-15) and solution.t[-1] == 0.3
    assert sn.solve(oscillator(1.0), save_every=0.3, backend=backend).t == pytest.approx(
        [0, 0.3, 0.6, 0.9, 1.0]
    )  # and the end


def test_defaults() -> None:
    """101 equal times with space; every step, with dense output, without."""
    solution = sn.solve(heat(), resolution=16)
    np.testing.assert_array_equal(solution.t, np.linspace(0, 0.5, 101))
    assert solution["u"].dims == ("t", "x") and solution["u"].shape == (101, 17)
    ode = sn.solve(oscillator())
    assert len(ode.t) == ode.stats["steps"] + 1 and ode.t[0] == 0 and ode.t[-1] == 6
    assert ode["s"].dims == ("t",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"saveat": [0, 0.1], "save_every": 0.1}, "give one of them"),
        ({"save_every": 0}, "save_every is 0, not a positive time; write save_every=0.005"),
        ({"save_every": -0.1}, "not a positive time"),
        ({"save_every": "often"}, "not a positive time"),
        ({"save_every": float("nan")}, "not a positive time"),
        ({"save_every": 1e-12}, "asks for 500,000,000,000 states"),
        ({"saveat": [0.1, 0.9]}, "save times reach from 0.1 to 0.9, the solve only from 0.0 to 0.5"),
        ({"saveat": [0.3, 0.1]}, "not in the order of integration"),
        ({"saveat": []}, "saveat has shape"),
        ({"saveat": ["now"]}, "saveat is .*not a sequence of numbers"),
        ({"saveat": [0.1, float("nan")]}, "saveat holds nan"),
        ({"rtol": -1}, "rtol is -1, not a positive number"),
        ({"rtol": None}, "rtol is None, not a positive number"),
        ({"atol": 0}, "atol is 0, not a positive number"),
        ({"dt": 0}, "dt is 0"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"progress": 3}, "progress is True, None or a function of t, not 3"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(sn.SolveError, match=message):
        sn.solve(heat(), resolution=16, **options)


def test_not_a_system() -> None:
    with pytest.raises(sn.SolveError, match=r"solve takes a system such as sn.PDESystem"):
        sn.solve([heat()])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "Tsit55"}, "no method 'Tsit55'.*Did you mean 'Tsit5'"),
        ({"backend": "scypi"}, "no backend 'scypi'.*Did you mean 'scipy'"),
        ({"target": "lvm"}, "no target 'lvm'.*Did you mean 'llvm'"),
        ({"scheme": "centre"}, "scheme 'centre'.*Did you mean 'central'"),
        ({"parameters": {"alhpa": 1}}, "no parameter 'alhpa'.*Did you mean 'alpha'"),
    ],
)
def test_near_names_are_suggested(options: dict[str, Any], message: str) -> None:
    with pytest.raises(sn.UnknownName, match=message):
        sn.solve(heat(), resolution=16, **options)


@pytest.mark.parametrize(
    ("function", "name", "near"),
    [
        (sn.solve, "reltol", "Did you mean 'rtol'"),
        (sn.solve, "resolutions", "Did you mean 'resolution'"),
        (sn.discretise, "orders", "Did you mean 'order'"),
        (sn.generate, "omp", "Did you mean 'openmp'"),
        (sn.generate, "nothing_like_it", "It takes: system, target, resolution, scheme, order, openmp, jacobian"),
    ],
)
def test_an_unknown_option_is_named(function: Any, name: str, near: str) -> None:
    with pytest.raises(sn.UnknownOption, match=f"^{function.__name__} has no option '{name}'.*{near}") as caught:
        function(heat(), **{name: 1})
    assert isinstance(caught.value, sn.SymnumError) and isinstance(caught.value, TypeError)
    with pytest.raises(TypeError):  # what is missing stays Python's own error
        function(resolution=8)


def test_what_has_options_keeps_its_signature() -> None:
    import inspect

    assert next(iter(inspect.signature(sn.solve).parameters)) == "system"
    assert "rtol, atol: tolerances" in (sn.solve.__doc__ or "")


def test_a_discretised_system_says_what_it_is() -> None:
    assert repr(sn.discretise(heat(), resolution=16)) == "<heat: u on 17 points, 15 unknowns, target llvm>"
    cells = sn.discretise(heat(), resolution=16, scheme="finite_volume", target="numpy")
    assert repr(cells) == "<heat: u on 16 points, 16 unknowns, target numpy>"
    assert repr(sn.discretise(oscillator())) == "<oscillator: s, r, 2 unknowns, target llvm>"


def test_a_warning_points_at_the_line_that_solved() -> None:
    blow_up = sn.ODESystem([sn.Eq(sn.dt(S), S**2)], t=(0, 2), initial={S: 1})
    with pytest.warns(sn.SolveWarning) as seen:
        sn.solve(blow_up)
    assert seen[0].filename == __file__


@pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # 1/(x - 1/2) is warned about, and ill-posed
@pytest.mark.parametrize("method", ["Tsit5", "BDF", "Radau"])
@pytest.mark.parametrize("equation", ["dt(u) = dxx(u) + 1/u", "dt(u) = dxx(u)/(x - 0.5)"])
def test_a_division_by_zero_is_told_in_words_alone(equation: str, method: str) -> None:
    """On a grid with the point x = 1/2 the run fails and says where; NumPy's RuntimeWarning and SuperLU's error stay inside."""
    system = sn.PDESystem.from_text(
        equations=[equation],
        domain={"t": (0, 0.01), "x": (0, 1)},
        conditions=["u = 0 @ x=0", "u = 0 @ x=1"],
        initial=["u = 0"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        solution = sn.solve(system, resolution=8, method=method)
    assert not solution.success and "divisions" in solution.message and "u at x=" in solution.message


def test_a_broken_scikit_sundae_is_passed_over(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed, but its library does not load: the automatic choice takes SciPy and says why; CVODE by name says how to mend it."""
    import sys

    from symnum.solvers.backend import installed, usable

    for name in [n for n in sys.modules if n.partition(".")[0] == "sksundae"]:
        monkeypatch.delitem(sys.modules, name)
    package = tmp_path / "sksundae"
    package.mkdir()
    (package / "__init__.py").write_text('raise OSError("libsundials_core.so.7: cannot open shared object file")')
    monkeypatch.syspath_prepend(tmp_path)
    assert installed("sundials") and not usable("sundials")
    chain = [S, *sn.fields(" ".join(f"s{i}" for i in range(160)), (T,)), R]  # smaller networks are for Rodas5P, which needs no package
    reactions = [sn.Reaction(0.5, {a: 1}, {b: 1}) for a, b in itertools.pairwise(chain)]
    network = sn.ReactionNetwork(reactions, initial={S: 1.0}, t=(0, 1))
    solution = sn.solve(network)
    assert solution.success and solution.method == "BDF"
    assert "does not load: pip install --force-reinstall scikit-sundae" in solution.why
    assert float(solution[S].values[-1]) == pytest.approx(math.exp(-0.5), rel=1e-5)
    with pytest.raises(sn.BackendUnavailable, match=r"cannot open shared object file.*--force-reinstall scikit-sundae"):
        sn.solve(network, method="CVODE")


def test_a_method_of_another_backend() -> None:
    with pytest.raises(
        sn.SolveError, match=r"method 'BDF' belongs to backend 'scipy', not 'embedded'; write backend=.scipy."
    ):
        sn.solve(heat(), resolution=16, method="BDF", backend="embedded")


# --- values --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "backend"),
    [("auto", "auto"), ("Tsit5", "auto"), ("dopri5", "embedded"), ("BDF", "scipy"), ("auto", "scipy")],
)
@pytest.mark.parametrize("target", ["llvm", "numpy"])
def test_heat(method: str, backend: str, target: str) -> None:
    """Against the exact solution of the semi-discrete equations: eigenvalue -4 alpha sin^2(pi h/2)/h^2. Boundary points are there."""
    solution = sn.solve(
        heat(), resolution=16, method=method, backend=backend, target=target, rtol=1e-8, atol=1e-10, save_every=0.25
    )
    eigenvalue = -4 * 0.1 * math.sin(math.pi / 32) ** 2 * 16**2
    x = np.linspace(0, 1, 17)
    np.testing.assert_allclose(solution["x"], x, atol=1e-15)
    want = np.exp(eigenvalue * np.array([0, 0.25, 0.5]))[:, None] * np.sin(np.pi * x)
    np.testing.assert_allclose(solution[U], want, atol=2e-6)
    assert np.all(solution["u"].values[:, [0, -1]] == 0)
    assert solution.why and solution.message.startswith("Reached the end") and solution.name == "heat"


def test_parameters_replace_values_for_this_solve_alone() -> None:
    system = heat()
    for given in ({"alpha": 0.3}, {ALPHA: 0.3}):
        solution = sn.solve(system, resolution=16, parameters=given, saveat=[0.5])
        eigenvalue = -4 * 0.3 * math.sin(math.pi / 32) ** 2 * 16**2
        assert solution["u"].values[-1, 8] == pytest.approx(math.exp(eigenvalue * 0.5), abs=1e-5)
    assert system.parameters["alpha"] == 0.1


def test_two_dimensions_and_orders() -> None:
    """u = exp(-2 t) sin(x) sin(y) on a periodic square: order 6 on 24 cells."""
    w = sn.field("w", (T, X, Y))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(w), sn.laplacian(w))],
        domain=sn.Domain(t=(0, 1), x=(0, 2 * sn.pi), y=(0, 2 * sn.pi)),
        conditions=[sn.periodic(X), sn.periodic(Y)],
        initial={w: sn.sin(X) * sn.sin(Y)},
    )
    solution = sn.solve(system, resolution={X: 24, "y": 32}, order=6, rtol=1e-8, atol=1e-10, saveat=[1.0])
    x, y = solution["x"].values, solution["y"].values
    assert solution["w"].dims == ("t", "x", "y") and solution["w"].shape == (1, 24, 32)
    np.testing.assert_allclose(solution["w"][0], math.exp(-2) * np.sin(x)[:, None] * np.sin(y), atol=2e-6)


def test_dense_output_of_an_ode() -> None:
    solution = sn.solve(oscillator(), rtol=1e-8, atol=1e-10)
    times = np.linspace(0, 6, 97)
    values = solution(t=times)
    np.testing.assert_allclose(values["s"], np.cos(2 * times), atol=2e-6)
    np.testing.assert_allclose(values["r"], -2 * np.sin(2 * times), atol=4e-6)


def test_interpolation_between_saved_times_of_a_pde() -> None:
    solution = sn.solve(heat(), resolution=32, rtol=1e-9, atol=1e-11, save_every=0.05)
    eigenvalue = -4 * 0.1 * math.sin(math.pi / 64) ** 2 * 32**2
    assert float(solution(t=0.123, x=0.5)["u"]) == pytest.approx(math.exp(eigenvalue * 0.123), abs=1e-6)


def test_second_order_in_time_hides_its_velocities() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U, 2), sn.diff(U, X, 2))],
        domain=sn.Domain(t=(0, 2), x=(0, 1)),
        conditions=[sn.dirichlet(U, 0, at={X: 0}), sn.dirichlet(U, 0, at={X: 1})],
        initial={U: sn.sin(sn.pi * X), sn.dt(U): 0},
    )
    solution = sn.solve(system, resolution=32, saveat=[2.0], rtol=1e-8)
    assert solution.fields == ("u",)
    frequency = 2 * 32 * math.sin(math.pi / 64)
    np.testing.assert_allclose(solution["u"][-1], math.cos(2 * frequency) * np.sin(np.pi * solution["x"]), atol=1e-5)


@pytest.mark.parametrize("backend", ["embedded", "scipy"])
def test_a_time_of_discontinuity_ends_a_step(backend: str) -> None:
    """s' = (t >= 1.1): s = max(t - 1.1, 0), to round-off because no step crosses the kink."""
    system = sn.ODESystem([sn.Eq(sn.dt(S), sn.where(T >= 1.1, 1, 0))], t=(0, 3), initial={S: 0})
    assert sn.discretise(system).semi.breakpoints == (1.1,)
    solution = sn.solve(system, backend=backend)
    assert 1.1 in solution.t
    np.testing.assert_allclose(solution["s"], np.maximum(solution.t - 1.1, 0), atol=1e-13)


# --- progress and failure ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["embedded", "scipy"])
def test_progress_is_told(backend: str) -> None:
    seen: list[float] = []
    sn.solve(oscillator(200.0), rtol=1e-9, progress=seen.append, backend=backend, saveat=[200.0])
    assert seen and seen == sorted(seen) and 0 <= seen[0] and seen[-1] <= 200


@pytest.mark.parametrize("backend", ["embedded", "scipy"])
def test_a_step_limit_keeps_the_partial_result(backend: str) -> None:
    with pytest.warns(sn.SolveWarning, match=r"max_steps = 20"):
        solution = sn.solve(oscillator(100.0), max_steps=20, backend=backend, rtol=1e-9)
    assert not solution.success and "max_steps = 20" in solution.message and "larger max_steps" in solution.message
    assert 0 < solution.t[-1] < 100
    np.testing.assert_allclose(solution["s"], np.cos(2 * solution.t), atol=1e-4)


@pytest.mark.parametrize("backend", ["embedded", "scipy"])
def test_a_solution_that_blows_up(backend: str) -> None:
    """u_t = u^2 with u(0, x) = 1 + x/10: infinite at t = 1/1.1, first at x = 1."""
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), U**2 + 0 * sn.diff(U, X))], domain=sn.Domain(t=(0, 2), x=(0, 1)), initial={U: 1 + X / 10}
    )
    with pytest.warns(sn.SolveWarning):
        solution = sn.solve(system, resolution=10, backend=backend, method="Tsit5" if backend == "embedded" else "RK45")
    assert not solution.success
    assert "t = 0.909" in solution.message
    assert solution.t[-1] == pytest.approx(1 / 1.1, abs=1e-3)
    before = solution["u"].sel(t=slice(0, 0.8))
    np.testing.assert_allclose(before, 1 / (1 / (1 + before["x"] / 10) - before["t"]).transpose("t", "x"), rtol=1e-4)


@pytest.mark.parametrize("backend", ["embedded", "scipy"])
def test_a_right_hand_side_that_is_not_a_number_is_placed(backend: str) -> None:
    """u_t = -1 - sqrt(u - x): NaN first where u falls below x, at x = 1 at once after the start."""
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), -1 - sn.sqrt(U - X) + 0 * sn.diff(U, X))],
        domain=sn.Domain(t=(0, 5), x=(0, 1)),
        initial={U: sn.where(X >= 0.45, X + 0.5, X + 2)},
        name="roots",
    )
    with pytest.warns(sn.SolveWarning):
        solution = sn.solve(system, resolution=4, backend=backend, method="Tsit5" if backend == "embedded" else "RK45")
    assert not solution.success and "NaN" in solution.message
    assert "The first field affected is u at x=" in solution.message
    assert "x=0.5" in solution.message or "x=0.75" in solution.message or "x=1" in solution.message


def test_success_is_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sn.solve(heat(), resolution=16).success


# --- discretise ----------------------------------------------------------------------------------------------------------------


def test_discretised_right_hand_side_and_parameters() -> None:
    d = sn.discretise(heat(), resolution=16)
    y = d.initial_state()
    want = interpret(d.semi.rhs, 0.0, y, (0.1,))
    np.testing.assert_allclose(d.rhs(0.0, y), want, rtol=1e-12)
    for p in ({"alpha": 0.3}, {ALPHA: 0.3}, [0.3], np.array([0.3])):
        np.testing.assert_allclose(d.rhs(0.0, y, p), 3 * want, rtol=1e-12)
    np.testing.assert_allclose(d.rhs(0.0, y, {}), want, rtol=1e-12)
    out = np.empty(d.size)
    assert d.rhs(0.0, y, out=out) is out
    np.testing.assert_allclose(out, want, rtol=1e-12)
    assert d.parameters == {"alpha": 0.1} and d.size == 15
    assert d.state_layout == {"u": (0, (15,))}
    with pytest.raises(sn.UnknownName, match=r"heat has no parameter 'alfa'.*Did you mean 'alpha'"):
        d.rhs(0.0, y, {"alfa": 1})
    with pytest.raises(sn.TargetError, match=r"p must have shape \(1,\)"):
        d.rhs(0.0, y, [1.0, 2.0])


def test_discretised_pattern_and_full_fields() -> None:
    d = sn.discretise(heat(), resolution=8)
    pattern = d.sparsity.toarray()
    np.testing.assert_array_equal(pattern, np.abs(np.subtract.outer(np.arange(7), np.arange(7))) <= 1)
    full = d.full_fields(0.0, np.ones(7))
    np.testing.assert_array_equal(full, [0, *[1] * 7, 0])
    assert "define" in d.source and "def rhs" in sn.discretise(heat(), resolution=8, target="numpy").source


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda: 1, "TypeError"),
        (lambda x: x[:3], "ValueError"),
        (lambda x: "a", "ValueError"),
        (lambda x: float(np.sin(x)), "np.vectorize"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_initial_functions_that_fail_are_model_errors(function: Any, says: str) -> None:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: function},
    )
    with pytest.raises(sn.ModelError, match="initial function of u failed") as caught:
        sn.solve(system, resolution=8)
    assert says in str(caught.value)


def test_contract_keywords_pass_at_their_defaults_only() -> None:
    sol = sn.solve(oscillator(1.0), threads=1, dtype="float64", events=(), seed=None, checkpoint=None)
    assert sol.success
    for wrong in ({"threads": 2}, {"dtype": "float32"}, {"seed": 3}):
        with pytest.raises(sn.SolveError, match="not supported by this version"):
            sn.solve(oscillator(1.0), **wrong)
    for wrong in ({"parameters": [1]}, {"max_steps": 2.5}, {"save_every": True}):
        with pytest.raises(sn.SolveError, match=r"write|not"):
            sn.solve(oscillator(1.0), **wrong)


def test_a_solution_that_explodes_is_not_blamed_on_the_right_hand_side() -> None:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    with pytest.warns(sn.ModelWarning):
        backward = sn.PDESystem(
            [sn.Eq(sn.dt(u), -sn.diff(u, x, 2))],
            domain=sn.Domain(t=(0, 1), x=(0, 1)),
            conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
            initial={u: sn.sin(sn.pi * x)},
        )
    with pytest.warns(sn.SolveWarning):
        sol = sn.solve(backward, resolution=64)
    assert not sol.success and "nan" not in sol.message
    assert "grew without bound" in sol.message or "too small" in sol.message


def test_angles_of_huge_powers_compile() -> None:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2) + sn.sin((1 + 1e60 * x) ** 8))],
        domain=sn.Domain(t=(0, 1), x=(0, 1e-25)),
        conditions=[sn.periodic(x)],
        initial={u: 0},
    )
    assert np.isfinite(sn.discretise(system, resolution=16).rhs(0.0, np.zeros(16))[0])


def test_variable_coefficients_are_judged_by_their_size() -> None:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))

    def method(rate: Any) -> str:
        system = sn.PDESystem(
            [sn.Eq(sn.dt(u), rate)],
            domain=sn.Domain(t=(0, 0.01), x=(0, 1)),
            conditions=[sn.periodic(x)],
            initial={u: sn.sin(2 * sn.pi * x)},
        )
        return str(sn.solve(system, resolution=64).method)

    assert (
        method(-100 * (2 + sn.sin(2 * sn.pi * x)) * sn.diff(u, x) + 1e-3 * sn.diff((1 + 0.1 * u) * sn.diff(u, x), x))
        == "Tsit5"
    )
    assert method(1e4 * sn.diff((1 + u**2) * sn.diff(u, x), x)) == "RKC2"


def test_why_names_the_scheme_in_space() -> None:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))

    def solved(right: Any, **options: Any) -> Any:
        system = sn.PDESystem(
            [sn.Eq(sn.dt(u), right)],
            domain=sn.Domain(t=(0, 0.01), x=(0, 1)),
            conditions=[sn.neumann(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 1})],
            initial={u: sn.cos(sn.pi * x)},
        )
        return sn.solve(system, resolution=16, **options)

    flux = solved(sn.div((1 + u**2) * sn.grad(u)))
    assert "finite volumes of order 2" in flux.why and 'scheme="central"' in flux.why and flux["u"].sizes["x"] == 16
    nodes = solved(sn.div((1 + u**2) * sn.grad(u)), order=4)
    assert "central differences of order 4" in nodes.why and nodes["u"].sizes["x"] == 17
    attributes = nodes.to_xarray().attrs
    assert attributes["scheme"] == "central" and attributes["order"] == 4 and attributes["method"] == nodes.method
