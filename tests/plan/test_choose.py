"""The planner: known problems get the method that the literature gives them, and every rule names a method that exists."""

from __future__ import annotations

from typing import Any

import pytest

import symnum as sn
from symnum.model.structure import analyse
from symnum.plan.choose import RULES, choose, choose_for, estimate
from symnum.solvers.backend import backends, methods

T, X, Y = sn.coordinates("t x y")
U = sn.field("u", (T, X))
W = sn.field("w", (T, X, Y))


def line(right: Any, second: bool = False, end: float = 1.0) -> sn.PDESystem:
    initial = {U: sn.sin(2 * sn.pi * X)} | ({sn.dt(U): 0} if second else {})
    return sn.PDESystem(
        [sn.Eq(sn.dt(U, 2 if second else 1), right)],
        domain=sn.Domain(t=(0, end), x=(0, 1)),
        conditions=[sn.periodic(X)],
        initial=initial,
    )


def plan(system: sn.PDESystem, cells: int, end: float = 1.0, rtol: float = 1e-6, **more: Any) -> Any:
    return choose(
        analyse(system), {c.name: 1 / cells for c in system.space}, end, len(system.fields), True, rtol, **more
    )


def test_every_rule_names_a_method_of_its_backend() -> None:
    for rule in RULES:
        assert rule.backend in backends() and rule.method in methods(rule.backend), rule
        assert rule.source and rule.why.format(kind="k", sides="s", fields="f", steps="n", stiff="m", damping="d")


def test_the_last_rule_always_holds() -> None:
    structure = analyse(line(sn.diff(U, X)))
    assert RULES[-1].holds(structure, estimate(structure, {"x": 0.1}, 1.0))


A, B = sn.fields("a b", (T, X))
TWO_WAVES = sn.PDESystem(
    [sn.Eq(sn.dt(A), -sn.diff(A, X, 3) / 1000 + B), sn.Eq(sn.dt(B), -sn.diff(B, X, 3) / 500 - A)],
    domain=sn.Domain(t=(0, 1), x=(0, 1)),
    conditions=[sn.periodic(X)],
    initial={A: sn.sin(2 * sn.pi * X), B: 0},
)
VARIABLE = sn.PDESystem(
    [sn.Eq(sn.dt(W), (2 + sn.sin(2 * sn.pi * X)) * sn.laplacian(W))],
    domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
    conditions=[sn.periodic(X), sn.periodic(Y)],
    initial={W: 0},
)


@pytest.mark.parametrize(
    ("system", "cells", "method", "words"),
    [
        (line(sn.diff(U, X, 2)), 512, "RKC2", "diffusion"),
        (line(sn.diff(U, X, 2)), 8, "Tsit5", "not stiff"),
        # t = 0.05 on one core: ETDRK4 7 ms, Rodas5P 19 ms, SciPy's Radau 116 ms
        (line(-6 * U * sn.diff(U, X) - sn.diff(U, X, 3)), 256, "ETDRK4", "third derivatives"),
        # three fields, 512 cells (random equation 13 of the bench): Rodas5P 19 ms, SciPy's Radau 90 ms, exponential steps more
        (TWO_WAVES, 512, "Rodas5P", "third derivatives"),
        (line(-6 * U * sn.diff(U, X) - sn.diff(U, X, 3) / 10**5), 256, "Vern7", "more accurately than one of order 5"),
        (line(-6 * U * sn.diff(U, X) - sn.diff(U, X, 3) / 10**6, end=0.1), 64, "Tsit5", "not stiff"),
        # the model "wave": Vern7 0.33 ms, error 0.1 tolerances; Tsit5 0.34 ms, 140 tolerances; few steps are for Tsit5 as ever
        (line(sn.diff(U, X, 2), second=True), 256, "Vern7", "more accurately than one of order 5"),
        (line(sn.diff(U, X, 2), second=True), 64, "Tsit5", "not stiff"),
        # t = 0.1: Rodas5P 12 ms, SciPy's Radau 28 ms
        (line(-sn.diff(U, X, 4), second=True), 512, "Rodas5P", "bending waves"),
        # Vern7 4 ms, Tsit5 8 ms
        (line(-sn.diff(U, X, 4), second=True), 64, "Vern7", "faster than an implicit method"),
        # Rodas5P 3 ms, CVODE 7 ms
        (line(-sn.diff(U, X, 4)), 128, "Rodas5P", "fourth derivatives"),
        (line(-sn.diff(U, X, 4) / 10**4), 128, "RKC2", "fourth derivatives"),
        # random equation 20: Vern7 0.34 ms, 0.09 tolerances; Tsit5 0.33 ms, 13 tolerances
        (line(-sn.diff(U, X)), 256, "Vern7", "more accurately than one of order 5"),
        (line(-sn.diff(U, X)), 128, "Tsit5", "not stiff"),
        # random equation 2 of seed 7: ROCK4 9.5 ms, Vern7 22.5 ms
        (line(-10 * sn.diff(U, X) + sn.diff(U, X, 2) / 50), 256, "ROCK4", "waves with damping"),
        (line(sn.diff((1 + U**2) * sn.diff(U, X), X)), 128, "RKC2", "diffusion"),
    ],
    ids=[
        "heat, fine",
        "heat, coarse",
        "KdV",
        "two fields",
        "KdV, middling",
        "KdV, weak",
        "wave",
        "wave, coarse",
        "beam, fine",
        "beam, coarse",
        "hyperdiffusion",
        "hyperdiffusion, weak",
        "advection",
        "advection, coarse",
        "advection with diffusion",
        "porous medium",
    ],
)
def test_known_problems(system: sn.PDESystem, cells: int, method: str, words: str) -> None:
    begin, end = system.domain.bounds["t"]
    chosen = plan(system, cells, end - begin)
    assert chosen.method == method and words in chosen.why
    assert f"periodic, {len(system.fields)} field" in chosen.why and "{" not in chosen.why


def test_long_times_are_for_large_steps() -> None:
    """A stabilised method would take millions of stages where an implicit method takes hundreds of steps."""
    heat = line(sn.diff(U, X, 2))
    assert plan(heat, 128, end=1.0).method == "ROCK4"
    assert plan(heat, 512, end=1.0).method == "RKC2"  # 4 ms; ROCK4, whose rounding errors keep steps short, 14 ms
    assert plan(heat, 128, end=1e9).method == "Rodas5P"
    assert plan(VARIABLE, 128, end=1e9, unknowns=128**2).method == "CVODE"


def test_ordinary_differential_equations() -> None:
    s = sn.field("s", (T,))
    system = sn.ODESystem([sn.Eq(sn.dt(s), -s)], t=(0, 1), initial={s: 1})
    chosen = choose(analyse(system), {}, 1.0, 1, True)
    assert (chosen.method, chosen.backend) == ("Tsit5", "embedded") and 'method="CVODE"' in chosen.why
    assert 'method="Rodas5P"' in choose(analyse(system), {}, 1.0, 1, True, unknowns=1).why
    assert choose(analyse(system), {}, 1.0, 1, True, rtol=1e-8).method == "Vern7"


def test_algebraic_equations_are_for_ida() -> None:
    s, r = sn.fields("s r", (T,))
    by_hand = sn.DAESystem([sn.Eq(sn.dt(s), r - s), sn.Eq(0, r + s - 1)], t=(0, 1), initial={s: 1})
    assert "solved by hand" in (other := choose(analyse(by_hand), {}, 1.0, 2, True)).why and other.method == "CVODE"
    system = sn.DAESystem([sn.Eq(sn.dt(s), r - s), sn.Eq(0, r**3 + s - 1)], t=(0, 1), initial={s: 1})
    chosen = choose(analyse(system), {}, 1.0, 2, True)
    assert (chosen.method, chosen.backend) == ("IDA", "sundials") and "without a time derivative" in chosen.why
    q = sn.field("q", (T, X))
    in_space = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2)), sn.Eq(0, sn.diff(q, X, 2) - q - U)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(X)],
        initial={U: sn.sin(2 * sn.pi * X)},
    )
    assert plan(in_space, 512).method == "IDA"  # before any word about diffusion


def test_without_sundials_scipy_takes_its_place() -> None:
    chosen = plan(VARIABLE, 128, end=1e9, unknowns=128**2, sundials=False)
    assert (chosen.method, chosen.backend) == ("BDF", "scipy")
    assert "pip install --force-reinstall scikit-sundae" in chosen.why
    s = sn.field("s", (T,))
    ode = sn.ODESystem([sn.Eq(sn.dt(s), -s)], t=(0, 1), initial={s: 1})
    assert 'method="BDF"' in choose(analyse(ode), {}, 1.0, 1, True, sundials=False).why


KDV = line(-6 * U * sn.diff(U, X) - sn.diff(U, X, 3))


@pytest.mark.parametrize(
    ("backend", "system", "method", "order"),
    [
        ("sundials", line(sn.diff(U, X, 2)), "CVODE", None),
        ("sundials", line(-sn.diff(U, X)), "CVODE_Adams", None),
        ("sundials", KDV, "CVODE", 2),  # higher orders are unstable near the imaginary axis
        ("scipy", line(sn.diff(U, X, 2)), "BDF", None),
        ("embedded", line(-sn.diff(U, X, 4)), "Rodas5P", None),
    ],
    ids=["diffusion", "advection", "KdV", "scipy", "embedded"],
)
def test_a_backend_asked_for_by_name(backend: str, system: Any, method: str, order: int | None) -> None:
    chosen = choose_for(backend, plan(system, 256))
    assert (chosen.method, chosen.backend, chosen.max_order) == (method, backend, order)
    assert method in methods(backend) and f"{backend!r} was asked for" in chosen.why


@pytest.mark.parametrize(
    ("right", "real", "imaginary"),
    [
        (3 * sn.diff(U, X, 2), 3 * 4 * 32**2, 0),
        (-2 * sn.diff(U, X), 0, 2 * 32),
        (-sn.diff(U, X, 4) / 50, 16 * 32**4 / 50, 0),
        (sn.diff(U, X, 3), 0, 2.598 * 32**3),
    ],
    ids=str,
)
def test_estimates_are_the_eigenvalues_of_the_discrete_operator(right: Any, real: float, imaginary: float) -> None:
    """Against the spectrum of the discretised right-hand side, column by column."""
    import numpy as np

    stiffness = estimate(analyse(line(right)), {"x": 1 / 32}, 1.0)
    d = sn.discretise(line(right), resolution=32, target="numpy")
    spectrum = np.linalg.eigvals(np.stack([d.rhs(0.0, e) for e in np.eye(32)], axis=1))
    assert stiffness.real == pytest.approx(real) == pytest.approx(-spectrum.real.min(), rel=0.02, abs=1e-6)
    assert (
        stiffness.imaginary
        == pytest.approx(imaginary, rel=0.01)
        == pytest.approx(spectrum.imag.max(), rel=0.03, abs=1e-6)
    )


def test_the_plan_in_two_dimensions_sums_over_axes() -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), sn.laplacian(W))],
        domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(X), sn.periodic(Y)],
        initial={W: 0},
    )
    assert estimate(analyse(system), {"x": 0.1, "y": 0.2}, 1.0).real == pytest.approx(4 / 0.01 + 4 / 0.04)
