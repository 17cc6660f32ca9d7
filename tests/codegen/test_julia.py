"""The julia target: its text, that a parser of Julia reads all of it, and (where there is a Julia) that it means what the interpreter says."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import symnum as sn
from symnum.codegen.julia_names import JuliaNames, JuliaNumbers
from symnum.codegen.target import compile_kernel
from symnum.codegen.targets.julia import print_function
from symnum.errors import BackendUnavailable
from symnum.expr.build import erf, sin, sqrt
from symnum.expr.term import Term, call
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Kernel, Store, index, load
from symnum.ir.passes import fuse_loops, hoist
from tests.codegen.samples_c import brusselator, heat, kdv, line, lorenz
from tests.codegen.samples_julia import Case, evaluate_all, faults, needs_julia
from tests.codegen.test_c import FEATURES, K, kernel, out, plane, u
from tests.contracts.kernels import EPS, evaluate, kernels, state
from tests.contracts.test_targets import AWKWARD, GUARDED, guards

fuzz = settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


def random_kernels(count: int) -> list[Kernel]:
    found: list[Kernel] = []
    settings(fuzz, max_examples=count)(given(kernel=kernels())(lambda kernel: found.append(check(kernel))))()
    return found


# --- what it looks like ------------------------------------------------------------------------------------------------


def test_text_reads_like_the_formula() -> None:
    text = print_function(FEATURES["wrap"])
    assert "for j in 3:(N1 - 2)" in text and "u[j, im1] + u[j, ip1] + u[j - 2, i] + u[j + 2, i]" in text
    assert "for j in (1, 2, N1 - 1, N1)" in text and "u[j, im1] + u[j, ip1] + u[jm2, i] + u[jp2, i]" in text
    assert "im1 = i > 1 ? i - 1 : N0" in text and "jm2 = j >= 3 ? j - 2 : j - 2 + N1" in text
    assert "mod" not in text and "%" not in text
    shifted = print_function(FEATURES["origins"])
    assert "out_f[i] = float(i)*v[i]" in shifted or "out_f[i] = v[i]*i" in shifted
    assert "@inbounds @simd ivdep for i in 1:N0" in shifted
    assert "@simd" not in print_function(FEATURES["sums"]).split("# Equation")[0]  # sums keep their order


def test_the_function_has_the_arguments_of_sciml_and_any_name() -> None:
    k = kernel(Store("f", load("s", ())), outputs=out())
    assert "function rates!(out, y, p, t)" in print_function(k)
    assert "function f!(out, y, p, t)" in print_function(k, "f")
    for name in ("end", "1 x;", "σ"):  # end! is a name like any other
        assert not faults(print_function(k, name))
    assert "function rhs!(dydt, y, p, t)" in print_function(replace(k, name="rhs"))


def test_only_values_that_may_be_infinite_are_guarded() -> None:
    text = print_function(kernel(plane(sin(index(0) * 3) + sin(u(0, 0)) + sqrt(K) + erf(K)), outputs=out(0, 1)))
    assert "sin(3.0*(i - 1))" in text and "nan_sin(u[j, i])" in text
    for name in ("nan_sin(x)", "nan_sqrt(x)", "function erf(x)"):
        assert text.count(name) == 1  # defined once, where they are used
    assert "nan_log" not in text


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("u", "u"),
        ("σ", "σ"),
        ("µ", "μ"),
        ("Δ_1", "Δ_1"),
        ("1a", "x_1a"),
        ("__x", "x"),
        ("日", "日"),
        ("a b", "a_b"),
        ("x)=1;", "x_1_"),
        ("$(run)", "run_"),
        ("♣", "x"),
        ("nan_sqrt", "x_nan_sqrt"),
        ("e\u0301", "é"),
    ],
)
def test_identifiers(name: str, made: str) -> None:
    assert JuliaNames().spell(name) == made


def test_names_never_clash() -> None:
    names = JuliaNames()
    made = [names.of("field", n) for n in ("µ", "μ", "end", "sqrt", "x__y", "x_y", "π", "pi", "where", "view")]
    assert len(set(made)) == len(made) and not {"end", "sqrt", "pi", "π", "where", "view"} & set(made)


@pytest.mark.parametrize(
    ("value", "text"),
    [(4, "4.0"), (0.1, "0.1"), (Fraction(1, 3), "1.0/3.0"), (float("inf"), "Inf"), (float("nan"), "NaN")],
)
def test_numbers(value: float, text: str) -> None:
    assert JuliaNumbers().plain(value)[0] == text


def test_a_string_cannot_be_ended_or_filled_from_a_name() -> None:
    for comment in ('a """ + run(`x`) + """', "$(exit()) \\", 'ends in "', "two\nlines \u2028 three"):
        text = print_function(kernel(Store("f", load("s", ()), comment), outputs=out()), None)
        written = replace(kernel(Store("f", load("s", ()), comment), outputs=out()), comment=comment)
        assert not faults(text) and not faults(print_function(written))
        assert "$(" not in print_function(written).replace("\\$(", "")


# --- a parser reads it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", FEATURES)
def test_every_feature_can_be_parsed(title: str) -> None:
    assert faults(print_function(FEATURES[title])) == []


def test_random_kernels_can_be_parsed() -> None:
    for made in random_kernels(60):
        assert faults(print_function(made)) == [], made


def test_the_parser_sees_faults() -> None:
    assert faults("function f(x)\n    x + \nend\n)") and not faults("f(x) = x + 1\n")


# --- it means what the interpreter says --------------------------------------------------------------------------------


def case(made: Kernel, t: float, y: np.ndarray, p: np.ndarray) -> Case:
    return print_function(made), JuliaNames().spell(made.name), t, y, p, made.output_size


@needs_julia
def test_every_feature_means_what_the_interpreter_says(tmp_path: Path) -> None:
    y = np.random.default_rng(3).normal(size=FEATURES["wrap"].input_size)
    p = np.array([0.75])
    got = evaluate_all([case(k, 0.3, y, p) for k in FEATURES.values()], tmp_path)
    for (title, k), values in zip(FEATURES.items(), got, strict=True):
        np.testing.assert_allclose(values, interpret(k, 0.3, y, p), rtol=2e-13, atol=1e-12, err_msg=title)


@needs_julia
def test_random_kernels_mean_what_the_interpreter_says(tmp_path: Path) -> None:
    """The bound of the other targets: 64 eps of a running error analysis. Half of the kernels have been over passes before."""
    found = random_kernels(24)
    found += [hoist(fuse_loops(k)) for k in found[::2]]
    at = [state(k) for k in found]
    got = evaluate_all([case(k, *here) for k, here in zip(found, at, strict=True)], tmp_path)
    for k, here, values in zip(found, at, got, strict=True):
        want, (_, bound) = interpret(k, *here), evaluate(k, *here)
        assert (np.abs(values - want) <= 64 * EPS * bound).all(), k


@needs_julia
def test_nan_and_infinity_are_not_lost_and_nothing_throws(tmp_path: Path) -> None:
    y = np.stack(np.meshgrid(AWKWARD, AWKWARD)).ravel()
    none = np.zeros(0)
    got = evaluate_all([case(guards(value), 0.0, y, none) for value in GUARDED.values()], tmp_path)
    for (name, value), values in zip(GUARDED.items(), got, strict=True):
        bound = 1e-13 if name not in ("sin", "cos", "tan") else 1e-11
        np.testing.assert_allclose(values, interpret(guards(value), 0.0, y), rtol=bound, err_msg=name)


@needs_julia
def test_the_error_function_is_good_to_a_few_units(tmp_path: Path) -> None:
    from scipy.special import erf as reference

    from symnum.ir.kernel import Array, Loop

    x = np.concatenate([np.linspace(-7, 7, 4001), [1e-300, -1e-8, 0.0, 3.0, np.nextafter(3, 0), np.inf]])
    line_of = Array("x", x.shape, 0, (0,), (0,), "x")
    body = (Loop(0, 0, len(x), (Store("x", erf(load("x", (0,)))),)),)
    made = check(Kernel("errors", (line_of,), (line_of,), (), None, x.shape, body))
    (got,) = evaluate_all([case(made, 0.0, x, np.zeros(0))], tmp_path)
    np.testing.assert_allclose(got, reference(x), rtol=2e-15)


SYSTEMS = {
    "brusselator": (brusselator, {"resolution": 8, "order": 4}),
    "heat": (heat, {"resolution": 12, "order": 4}),
    "kdv": (kdv, {"resolution": 16}),
    "lorenz": (lorenz, {}),
    "short": (lambda: line("dt(u) = dxx(u) + integral(u, x)", ["periodic x"], 1.0), {"resolution": 6}),
}


@needs_julia
def test_right_hand_sides_and_jacobians(tmp_path: Path) -> None:
    from symnum.ir.jacobian import jacobian_slots

    cases, want = [], []
    for build, options in SYSTEMS.values():
        ours = sn.discretise(build(), target="numpy", **options)  # type: ignore[operator]
        y = ours.initial_state() + 0.1 * np.random.default_rng(0).random(ours.size)
        p = np.array(ours.semi.parameter_values)
        for made in (ours.semi.rhs, jacobian_slots(ours.semi.rhs).kernel):
            cases.append(case(made, 1.25, y, p))
            want.append(interpret(made, 1.25, y, p))
    for got, values in zip(evaluate_all(cases, tmp_path), want, strict=True):
        np.testing.assert_allclose(got, values, rtol=1e-12, atol=1e-13 * np.abs(values).max())


def test_without_julia_the_text_is_there_and_the_call_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import symnum.bridge as bridge

    def absent(*packages: str) -> None:
        raise BackendUnavailable("there is no Julia here")

    monkeypatch.setattr(bridge, "session", absent)
    made = compile_kernel(kernel(Store("f", 2 * load("s", ())), outputs=out()), "julia")
    assert "function rates!(out, y, p, t)" in made.source and made.address is None
    with pytest.raises(BackendUnavailable, match="no Julia here"):
        made(0.0, np.zeros(made.kernel.input_size), [1.0])


@pytest.mark.julia
def test_called_from_python() -> None:
    value: Term = call("sin", u(0, 1)) * K
    made = compile_kernel(kernel(plane(value), outputs=out(0, 1)), "julia")
    y = np.random.default_rng(1).normal(size=made.kernel.input_size)
    np.testing.assert_allclose(made(0.0, y, [2.0]), interpret(made.kernel, 0.0, y, [2.0]), rtol=1e-14)
