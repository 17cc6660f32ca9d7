"""The Fourier scheme: derivatives exact on waves, rates against formulas by hand, Jacobians, machine code, refusals, the automatic choice."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft

import symnum as sn
from symnum.codegen.fft import GridPlan, factors, module_text, suits
from symnum.codegen.jit import compile_ir, native_function
from symnum.codegen.spectral import LARGEST_DENSE, SpectralFunction
from symnum.discretisation.fourier_choice import _rest, waves_suit
from symnum.errors import DiscretisationError

T, X, Y, Z = sn.coordinates("t x y z")
LENGTH = 3.0
FIELDS = {1: (X,), 2: (X, Y), 3: (X, Y, Z)}


def pde(rates, axes=1, initial=None, conditions=None, **options) -> sn.PDESystem:
    """dt(field) = rate on periodic axes of different lengths."""
    space = FIELDS[axes]
    domain = {"x": (0, LENGTH), "y": (-1, 1), "z": (0, 2 * np.pi)}
    equations = [sn.Eq(sn.dt(f), r) for f, r in rates.items()]
    start = dict.fromkeys(rates, 0) | (initial or {})
    kept = {x.name: domain[x.name] for x in space}
    sides = [sn.periodic(x) for x in space] if conditions is None else conditions
    return sn.PDESystem(equations, domain=sn.Domain(t=(0, 1), **kept), conditions=sides, initial=start, **options)


def field(name="u", axes=1):
    return sn.field(name, (T, *FIELDS[axes]))


def points(discretised):
    return np.meshgrid(*[a.coordinates() for a in discretised.semi.axes], indexing="ij")


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [15, 16])
def test_derivatives_of_every_resolved_wave_are_exact(order, n):
    u = field()
    sign = -1 if order == 4 else 1  # well-posed
    discretised = sn.discretise(pde({u: sign * sn.diff(u, X, order)}), n, "fourier")
    (x,) = points(discretised)
    for m in range((n + 1) // 2):
        k = 2 * np.pi * m / LENGTH
        value = np.exp(1j * (k * x + 0.3))
        exact = sign * (1j * k) ** order * value
        made = [discretised.rhs(0.0, part) for part in (value.real, value.imag)]
        scale = max(1.0, k**order)
        assert np.abs(made[0] - exact.real).max() < 1e-12 * scale
        assert np.abs(made[1] - exact.imag).max() < 1e-12 * scale


def test_the_saw_tooth_has_no_odd_derivative_and_its_full_even_one():
    u = field()
    saw = np.cos(np.pi * np.arange(16))
    odd = sn.discretise(pde({u: sn.diff(u, X, 3)}), 16, "fourier").rhs(0.0, saw)
    even = sn.discretise(pde({u: sn.diff(u, X, 2)}), 16, "fourier").rhs(0.0, saw)
    assert np.abs(odd).max() < 1e-9
    assert even == pytest.approx(-((2 * np.pi * 8 / LENGTH) ** 2) * saw, rel=1e-13)


def test_mixed_derivatives_in_three_dimensions():
    u = field(axes=3)
    discretised = sn.discretise(
        pde({u: sn.diff(u, X, X, Y) + sn.diff(u, Z, 2)}, 3), {"x": 8, "y": 10, "z": 6}, "fourier"
    )
    x, y, z = points(discretised)
    a, b = 2 * np.pi / LENGTH, np.pi
    made = discretised.rhs(0.0, (np.sin(a * x) * np.cos(b * y) + np.sin(2 * z)).ravel())
    exact = a**2 * b * np.sin(a * x) * np.sin(b * y) - 4 * np.sin(2 * z)
    assert np.abs(made - exact.ravel()).max() < 1e-11


def two_fields():
    """Variable coefficients, nested derivatives, time, functions that are no polynomials, and its rates by hand."""
    u, v = field(axes=2), field("v", axes=2)
    d = sn.parameter("d", 0.1)
    first = d * sn.laplacian(u) + sn.diff(u * sn.diff(v, X), X) - u * v**2 + 0.3 * v + sn.sin(T) * sn.diff(v, X, Y)
    second = (
        -(d**2) * sn.diff(v, Y, 4)
        + sn.exp(-(u**2)) * sn.diff(u, Y)
        + v * sn.diff(sn.sin(u) * sn.diff(u, Y), Y)
        + sn.cos(X)
    )
    system = pde({u: first, v: second}, 2)

    def rates(t, y, shape, d):
        u, v = y.reshape(2, *shape)
        ku, kv = (np.fft.fftfreq(n, 1 / n) * 2 * np.pi / length for n, length in zip(shape, (LENGTH, 2.0), strict=True))

        def along(k, a):
            saw = (len(k) % 2 == 0) & (np.abs(k) == np.abs(k).max())
            return np.where(saw & (a % 2 == 1), 0, (1j * k) ** a)

        def D(f, a, b):
            factor = along(ku, a)[:, None] * along(kv, b)[None]
            return np.fft.ifft2(factor * np.fft.fft2(f)).real

        x = np.arange(shape[0])[:, None] * LENGTH / shape[0]
        du = d * (D(u, 2, 0) + D(u, 0, 2)) + D(u * D(v, 1, 0), 1, 0) - u * v**2 + 0.3 * v + np.sin(t) * D(v, 1, 1)
        dv = -(d**2) * D(v, 0, 4) + np.exp(-(u**2)) * D(u, 0, 1) + v * D(np.sin(u) * D(u, 0, 1), 0, 1) + np.cos(x)
        return np.concatenate([du.ravel(), dv.ravel()])

    return system, rates


@pytest.mark.parametrize("shape", [(12, 10), (11, 9), (16, 14)])
def test_rates_are_those_written_by_hand(shape):
    system, rates = two_fields()
    for target in ("llvm", "numpy"):
        discretised = sn.discretise(system, {"x": shape[0], "y": shape[1]}, "fourier", target=target)
        y = np.random.default_rng(1).standard_normal(discretised.size)
        for d in (0.1, 0.27):
            exact = rates(0.4, y, shape, d)
            assert np.abs(discretised.rhs(0.4, y, {"d": d}) - exact).max() < 1e-12 * np.abs(exact).max()
    assert (discretised.compiled.address is None) == (target == "numpy")


def test_jacobian_is_the_derivative():
    """Of quadratic rates central differences are exact for every step, so nothing but rounding remains."""
    u, v = field(), field("v")
    system = pde({u: -u * sn.diff(v, X) + sn.diff(u * v, X, 2) + sn.diff(u, X, 3), v: sn.diff(u, X) + u**2})
    discretised = sn.discretise(system, 12, "fourier")
    rng = np.random.default_rng(0)
    y = rng.standard_normal(discretised.size)
    matrix = discretised.jacobian(0.0, y)
    for _ in range(3):
        w = rng.standard_normal(discretised.size)
        exact = (discretised.rhs(0.0, y + w) - discretised.rhs(0.0, y - w)) / 2
        assert np.abs(discretised.jvp(0.0, y, w) - exact).max() < 1e-12 * np.abs(exact).max()
        assert np.abs(matrix @ w - exact).max() < 1e-12 * np.abs(exact).max()


@pytest.mark.filterwarnings("ignore:the equations are ill-posed")
@pytest.mark.parametrize("scheme", ["fourier", "fourier_dealiased"])
def test_jacobian_of_several_fields_and_nested_fluxes(scheme):
    """Column for column the directional derivative, in more columns than are transformed at a time, and 10 times fewer transforms than columns."""
    t, x, y = sn.coordinates("t x y")
    u, w = sn.fields("u w", (t, x, y))
    inner = sn.diff(sn.sin(w) * sn.diff(u, y), y)
    system = sn.PDESystem(
        [
            sn.Eq(sn.dt(u), 0.1 * sn.laplacian(u) - w * sn.diff(u, x) + u * inner),
            sn.Eq(sn.dt(w), 0.2 * sn.diff(w, x, 2) + 0.1 * sn.diff(u, x) + sn.cos(t) * u**2 + sn.diff(u * w**2, x, y)),
        ],
        domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 2)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={u: sn.sin(2 * sn.pi * x), w: sn.cos(sn.pi * y)},
    )
    discretised = sn.discretise(system, resolution={x: 8, y: 9}, scheme=scheme)
    state = np.random.default_rng(2).standard_normal(discretised.size)
    forward, calls = discretised.spectral.forward, []
    discretised.spectral.forward = lambda values: calls.append(1) or forward(values)
    matrix = discretised.jacobian(0.3, state)
    assert len(calls) < discretised.size / 5
    unit, h = np.eye(discretised.size), 1e-6
    for j in range(0, discretised.size, 7):
        along = discretised.jvp(0.3, state, unit[j])
        difference = (discretised.rhs(0.3, state + h * unit[j]) - discretised.rhs(0.3, state - h * unit[j])) / (2 * h)
        assert np.abs(matrix[:, j] - along).max() <= 1e-12 * np.abs(along).max()
        assert np.abs(matrix[:, j] - difference).max() <= 1e-7 * np.abs(difference).max()


def test_matrices_that_make_no_sense_are_refused():
    u = field()
    small, large = (sn.discretise(pde({u: sn.diff(u, X, 2) - u**3}), n, "fourier") for n in (16, LARGEST_DENSE + 2))
    with pytest.raises(DiscretisationError, match="every point depends on every other"):
        _ = small.sparsity
    with pytest.raises(DiscretisationError, match=r"use \.jvp"):
        large.jacobian(0.0, large.initial_state())


def test_dealiasing_removes_the_aliases_of_products():
    """cos(7x)^2 on 16 points: half the wave 14, which the grid takes for wave 2; the 2/3 rule drops it."""
    u = field()
    k = 2 * np.pi / LENGTH
    x = np.arange(16) * LENGTH / 16
    plain, clean = (
        sn.discretise(pde({u: u**2}), 16, s).rhs(0.0, np.cos(7 * k * x)) for s in ("fourier", "fourier_dealiased")
    )
    assert plain == pytest.approx(0.5 + 0.5 * np.cos(14 * k * x), abs=1e-13)
    resolved = sn.discretise(pde({u: u**2}), 16, "fourier_dealiased").rhs(0.0, np.cos(2 * k * x))
    assert resolved == pytest.approx(np.cos(2 * k * x) ** 2, abs=1e-13)
    assert np.abs(fft.rfft(clean)[6:]).max() < 1e-12  # waves from n/3 on are gone


REFUSED = {
    "sides with conditions": lambda u: pde(
        {u: sn.diff(u, X, 2)}, conditions=[sn.dirichlet(u, 0, at={X: 0}), sn.dirichlet(u, 0, at={X: LENGTH})]
    ),
    "antiperiodic": lambda u: pde({u: sn.diff(u, X, 2)}, conditions=[sn.antiperiodic(X)]),
    "hold integrals": lambda u: pde({u: sn.diff(u, X, 2) - sn.integral(u, X)}),
    "does not depend on all": lambda u: pde({u: sn.diff(u, X), sn.field("w", (T,)): 1}),
}


@pytest.mark.parametrize("words", list(REFUSED))
def test_what_waves_cannot_hold_is_refused_with_a_way_out(words):
    with pytest.raises(DiscretisationError, match=words) as seen:
        sn.discretise(REFUSED[words](field()), 16, "fourier")
    assert "central" in str(seen.value)


def test_a_program_cannot_be_written_out():
    u = field()
    with pytest.raises(DiscretisationError, match="fourier"):
        sn.generate(pde({u: sn.diff(u, X, 2)}), scheme="fourier")


def test_errors_fall_faster_than_any_power():
    """Burgers' equation from a sine: three more halvings of the spacing than differences of order 8 could bring."""
    u = field()
    system = pde({u: -u * sn.diff(u, X) + 0.1 * sn.diff(u, X, 2)}, initial={u: sn.sin(2 * sn.pi * X / LENGTH)})
    runs = {
        n: sn.solve(system, n, "fourier", method="ETD5", rtol=1e-11, atol=1e-12, saveat=[1.0])["u"].values[-1]
        for n in (16, 32, 64, 128)
    }
    errors = [np.abs(runs[n] - runs[128][:: 128 // n]).max() for n in (16, 32, 64)]
    assert errors[0] / errors[1] > 2**5 and errors[1] / errors[2] > 2**10 and errors[2] < 1e-9


@pytest.mark.parametrize("method", ["Tsit5", "Vern7", "Radau", "CVODE", "Radau5", "RKC2"])
def test_every_method_takes_the_scheme(method):
    u = field()
    system = pde(
        {u: sn.diff(sn.exp(u) * sn.diff(u, X), X) / 20 - u * sn.diff(u, X)},
        initial={u: sn.sin(2 * sn.pi * X / LENGTH) / 2},
    )
    exact = sn.solve(system, 24, "fourier", method="DOP853", rtol=1e-11, atol=1e-12, saveat=[0.5])["u"].values[-1]
    found = sn.solve(system, 24, "fourier", method=method, rtol=1e-7, atol=1e-9, saveat=[0.5])
    assert "Fourier collocation" in found.why
    assert np.abs(found["u"].values[-1] - exact).max() < 2e-5


def test_waves_of_second_order_in_time_are_exact():
    u = field()
    k = 4 * np.pi / LENGTH
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u, 2), 2.0 * sn.diff(u, X, 2))],
        domain=sn.Domain(t=(0, 1), x=(0, LENGTH)),
        conditions=[sn.periodic(X)],
        initial={u: sn.sin(4 * sn.pi * X / LENGTH), sn.dt(u): 0},
    )
    found = sn.solve(system, 16, "fourier", method="ETDRK4", dt=0.5, saveat=[1.0])
    exact = np.sin(k * found["x"].values) * np.cos(np.sqrt(2.0) * k)
    assert np.abs(found["u"].values[-1] - exact).max() < 1e-11


# --- transforms in machine code ---


@pytest.fixture(scope="module")
def transforms():
    module = compile_ir(module_text())
    kinds = (ctypes.c_void_p,) * 4
    return module, native_function(module.address("rfft"), *kinds), native_function(module.address("irfft"), *kinds)


SIZES = st.sampled_from([2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 20, 21, 27, 32, 35])


@settings(max_examples=40)
@given(st.lists(SIZES, max_size=2), SIZES, st.integers(0, 2**32 - 1))
def test_transforms_are_those_of_scipy(transforms, lead, half, seed):
    _, forward, backward = transforms
    shape = (*lead, 2 * half)
    assert suits(shape)
    plan = GridPlan(shape)
    x = np.random.default_rng(seed).standard_normal(shape)
    re, im, back = np.empty(plan.modes), np.empty(plan.modes), np.empty(shape)
    forward(plan.address, x.ctypes.data, re.ctypes.data, im.ctypes.data)
    exact = fft.rfftn(x)
    assert np.abs(re + 1j * im - exact).max() < 2e-15 * np.sqrt(x.size) * np.abs(x).max() * 10
    backward(plan.address, re.ctypes.data, im.ctypes.data, back.ctypes.data)
    assert np.abs(back - x).max() < 1e-14 * max(1.0, np.abs(x).max())


def test_grids_without_machine_code_are_known():
    assert factors(2 * 3 * 4 * 5 * 7) and factors(11) is None
    assert not suits((9,)) and not suits((22,)) and not suits((11, 8)) and suits((9, 8))


# --- the automatic choice ---


def soliton_system():
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    equation = sn.Eq(sn.dt(u), -6 * u * sn.diff(u, x) - sn.diff(u, x, 3))
    hump = 2 / sn.cosh(x) ** 2
    return sn.PDESystem(
        [equation], domain=sn.Domain(t=(0, 0.1), x=(-20, 20)), conditions=[sn.periodic(x)], initial={u: hump}
    )


def test_waves_are_taken_where_they_suit_and_the_reason_is_told():
    found = sn.solve(soliton_system(), 256, saveat=[0.1])
    assert found.method == "ETDRK4" and "Fourier" in found.why and "the grid resolves the initial state" in found.why
    assert sn.solve(soliton_system(), 256, rtol=1e-9, saveat=[0.1]).method == "ETD5"


@pytest.mark.parametrize(
    "options",
    [{"resolution": 64}, {"resolution": 253}, {"resolution": 256, "order": 2}, {"resolution": 256, "method": "Tsit5"},
     {"resolution": 256, "scheme": "central"}],
    ids=["unresolved", "odd", "order asked for", "method asked for", "scheme asked for"],
)  # fmt: skip
def test_differences_stay_where_waves_are_not_sure_to_suit(options):
    assert "differences" in sn.solve(soliton_system(), saveat=[0.1], **options).why


def test_kinks_and_coefficients_that_vary_keep_waves_away():
    u = field()
    smooth = {u: sn.sin(2 * sn.pi * X / LENGTH)}
    for rate in (
        -sn.diff(u, X, 3) + sn.where(u > 0, u, 0),
        -sn.diff(u, X, 3) + X * u,
        -(1 + u**2) * sn.diff(u, X, 3),
        sn.diff(u, X, 2) - u**3,
    ):
        assert waves_suit(pde({u: rate}, initial=smooth), 64) is None
    assert waves_suit(pde({u: -sn.diff(u, X, 3) + sn.cos(T) * u}, initial=smooth), 64)


def test_waves_are_not_taken_where_the_highest_derivatives_vanish_or_hardly_count():
    """u_t = -u u_x - d^2 u_xxx makes shocks for d = 0 and, between the points of a grid, for small d."""
    u, d = field(), sn.parameter("d", 0.05)
    system = pde({u: -u * sn.diff(u, X) - d**2 * sn.diff(u, X, 3)}, initial={u: sn.sin(2 * sn.pi * X / LENGTH)})
    assert waves_suit(system, 64)
    assert waves_suit(system.with_parameters(d=0.0), 64) is None
    assert waves_suit(system.with_parameters(d=1e-5), 64) is None


def test_a_large_mean_hides_no_rough_state():
    u = field()
    for amplitude, suits_ in ((sn.sin(2 * sn.pi * X / LENGTH), True), (abs(sn.sin(2 * sn.pi * X / LENGTH)), False)):
        made = waves_suit(pde({u: -sn.diff(u, X, 3)}, initial={u: 100 + 1e-4 * amplitude}), 64)
        assert (made is not None) == suits_


def test_the_rest_by_the_interpreter_is_that_of_the_compiled_rates():
    u = field(axes=2)
    system = pde(
        {u: -sn.diff(u, X, 4) - sn.diff(u * sn.diff(u, Y), X) + sn.cos(u) - sn.diff(u, Y, 2)},
        axes=2,
        initial={u: sn.sin(2 * sn.pi * X / LENGTH) + sn.cos(sn.pi * Y)},
    )
    made = sn.discretise(system, {X: 12, Y: 16}, scheme="fourier")
    rates, y = made.semi.spectral, made.initial_state()
    p = np.array(made.semi.parameter_values)
    expected = SpectralFunction(rates, "numpy").nonlinear(0.0, y, None, p)
    assert np.abs(_rest(rates, 0.0, y.reshape(1, *rates.shape), p) - expected).max() < 1e-12 * np.abs(expected).max()
