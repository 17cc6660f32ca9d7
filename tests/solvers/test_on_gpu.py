"""Solves on a GPU, and with the host in its place: there the source of every launch runs through the shim. Each step is the native driver's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import symnum as sn
from symnum import on_gpu
from symnum.codegen.cuda_device import why_no_gpu
from symnum.errors import BackendUnavailable, SolveError, TargetError
from symnum.expr.build import exp, maximum, minimum, where
from symnum.expr.term import Const, Term, as_term
from symnum.ir.kernel import Array, Kernel
from symnum.pipeline import Discretised, _options, _problem
from symnum.plan.choose import Plan
from symnum.result.sweep import Sweep
from symnum.solvers.embedded import language as step
from symnum.solvers.embedded.cuda_driver import simplified
from symnum.solvers.embedded.cuda_ensemble import solve_ensemble
from symnum.solvers.embedded.cuda_machine import print_vectors
from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.numpy import Interpreter
from symnum.solvers.embedded.scalars import Scalars
from symnum.solvers.embedded.solve import Run, solve
from symnum.solvers.problem import Options, Outcome, Problem
from tests.codegen.cuda_samples import DEVICES, compiles, needs_compiler, needs_nvcc
from tests.codegen.samples_c import brusselator, heat, lorenz

COUNTS = ("steps", "rejected", "rhs_evaluations")


def posed(
    system: sn.PDESystem, resolution: int, end: float, method: str, **more: float
) -> tuple[Discretised, Problem, Options]:
    """A system over a short time, at four save times."""
    made = sn.discretise(system, resolution=resolution)
    problem = replace(_problem(made), t1=end, breakpoints=tuple(b for b in made.semi.breakpoints if b < end))
    options = _options(made.semi, np.linspace(0.0, end, 4), None, **more)
    return made, problem, replace(options, method=method, dense=False, every_step=False)


# --- ensembles -----------------------------------------------------------------------------------------------------------


def single(made: Discretised, problem: Problem, options: Options, start: np.ndarray, p: np.ndarray) -> Outcome:
    made._vector[:] = p
    return solve(replace(problem, y0=start), options)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", ["Tsit5", "Vern7", "RKC2"])
def test_trajectories_make_the_steps_of_native_solves(method: str, device: str) -> None:
    made, problem, options = posed(lorenz(), 1, 2.0, method, rtol=1e-6, atol=1e-8)
    random = np.random.default_rng(0)
    starts = random.normal(size=(5, 3))
    parameters = np.array(made.semi.parameter_values) * random.uniform(0.8, 1.2, (5, 3))
    ensemble = solve_ensemble(made.semi.rhs, problem, options, starts, parameters, device)
    assert ensemble.success.all() and ensemble.y.shape == (5, 4, 3) and ensemble.method == method
    for k, outcome in enumerate(ensemble.outcomes()):
        want = single(made, problem, options, starts[k], parameters[k])
        assert [outcome.stats[name] for name in COUNTS] == [want.stats[name] for name in COUNTS]
        assert np.abs(outcome.y - want.y).max() <= 1e-12 * np.abs(want.y).max()


@pytest.mark.parametrize("device", DEVICES)
def test_times_of_discontinuity_and_failures(device: str) -> None:
    """y' = a*y^2 + (t > 1/2) from 1: with a = 1 it blows up at t < 1, with a = -1 it does not; a limit on steps stops each by itself."""
    t = sn.coordinates("t")
    y, a = sn.field("y", (t,)), sn.parameter("a", -1.0)
    system = sn.ODESystem([sn.Eq(sn.dt(y), a * y**2 + (t >= 0.5))], t=(0, 2), initial={y: 1.0})
    made, problem, options = posed(system, 1, 2.0, "Tsit5")
    starts, parameters = np.ones((3, 1)), np.array([[-1.0], [1.0], [-2.0]])
    ensemble = solve_ensemble(made.semi.rhs, problem, options, starts, parameters, device)
    assert ensemble.success.tolist() == [True, False, True]
    fine, broken, other = ensemble.outcomes()
    np.testing.assert_allclose(fine.y, single(made, problem, options, starts[0], parameters[0]).y, rtol=1e-12)
    np.testing.assert_allclose(other.y, single(made, problem, options, starts[2], parameters[2]).y, rtol=1e-12)
    assert 0.5 < ensemble.reached[1] <= 1.0 and "at t = 0.9" in broken.message and len(broken.t) == 2
    stopped = solve_ensemble(made.semi.rhs, problem, replace(options, max_steps=3), starts, parameters, device="host")
    assert not stopped.success.any() and "max_steps" in stopped.message(0) and (stopped.counts["steps"] <= 3).all()


def test_what_is_known_is_decided_when_the_driver_is_printed() -> None:
    keep, free = step.scalar("keep"), step.scalar("free")
    body = (step.If((free > 0) & (keep > 0), (step.Return(step.Status.SAVE),), (step.let(free, keep + 1),)),)
    assert simplified(body, {keep: Const(0.0)}) == (step.let(free, Const(1.0)),)


@needs_compiler
def test_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """``sn.sweep(target="cuda")`` gives what ``sn.sweep`` gives."""
    monkeypatch.setattr(on_gpu, "solve_ensemble", lambda *given: solve_ensemble(*given[:-1], "host"))
    monkeypatch.setattr(on_gpu, "device_of", lambda name: None)
    t = sn.coordinates("t")
    u, v = sn.fields("u v", (t,))
    a, start = sn.parameter("a", 3.0), sn.parameter("start", 1.5)

    def swept(forcing: Term, target: str, **more: object) -> Sweep:
        rates = [1 + u**2 * v - (a + 1) * u + forcing, a * u - u**2 * v]
        system = sn.ODESystem(
            [sn.Eq(sn.dt(f), r) for f, r in zip((u, v), rates, strict=True)], t=(0, 2), initial={u: start, v: 2 * start}
        )
        sets = {"a": [2.0, 2.5], "start": [1.0, 1.25]}
        return sn.sweep(system, parameters=sets, method="Tsit5", saveat=[0.0, 0.5, 2.0], target=target, **more)

    for forcing in (
        as_term(0.0),
        2 * (t >= a - 1.25),
    ):  # all at once; one discretisation a set, as times of discontinuity differ
        want, got = swept(forcing, "auto"), swept(forcing, "cuda")
        assert got.success.all() and got["u"].dims == ("trajectory", "t") and got.messages == want.messages
        for name in ("u", "v", "a", "start"):
            np.testing.assert_allclose(got.dataset[name].values, want.dataset[name].values, rtol=1e-11)
        assert [s["steps"] for s in got.stats] == [s["steps"] for s in want.stats]
    short = swept(as_term(0.0), "cuda", max_steps=5)
    assert not short.success.any() and short.messages[0].startswith("At t = ") and np.isnan(short["u"][0, -1])


def test_refused_ensembles() -> None:
    made, problem, options = posed(lorenz(), 1, 2.0, "Rodas5P")
    starts, parameters = np.ones((1, 3)), np.ones((1, 3))
    with pytest.raises(TargetError, match=r'solves linear systems.*method="Tsit5"'):
        solve_ensemble(made.semi.rhs, problem, options, starts, parameters, device="host")
    large = Array("u", (5000,), 0, (0,), (0,), "u")
    with pytest.raises(TargetError, match=r"5000 unknowns, and one thread carries at most 1024"):
        kernel = Kernel("rhs", (large,), (large,), (), None, (5000,), ())
        solve_ensemble(kernel, problem, replace(options, method="Tsit5"), starts, parameters, device="host")
    with pytest.raises(SolveError, match=r"needs save times"):
        solve_ensemble(made.semi.rhs, problem, replace(options, saveat=None), starts, parameters, device="host")


# --- resident states -----------------------------------------------------------------------------------------------------


def both(system: sn.PDESystem, resolution: int, end: float, method: str, device: str) -> tuple[Outcome, Outcome]:
    made, problem, options = posed(system, resolution, end, method, rtol=1e-5, atol=1e-7)
    plan, moved = on_gpu.moved(Plan(method, "embedded", ""), problem, made.compiled.kernel, (method, "auto"), device)
    assert plan.method == method and plan.successor is None
    return solve(problem, options), solve(moved, options)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("method", "tolerance"), [("Tsit5", 1e-7), ("ROCK4", 1e-6), ("RKC2", 1e-12), ("ETDRK4", 1e-12)]
)
def test_states_on_the_device_make_the_native_steps(method: str, tolerance: float, device: str) -> None:
    """Where stability sets the step the controller amplifies rounding, so the states of Tsit5 and ROCK4 agree to their tolerance only."""
    want, got = both(brusselator(), 8, 1.3, method, device)
    assert got.success and [got.stats[name] for name in COUNTS] == [want.stats[name] for name in COUNTS]
    assert np.abs(got.y - want.y).max() <= tolerance * np.abs(want.y).max()


@pytest.mark.parametrize("device", DEVICES)
def test_closed_sides(device: str) -> None:
    want, got = both(heat(), 16, 0.2, "RKC2", device)
    assert got.success and np.abs(got.y - want.y).max() <= 1e-12


@needs_compiler
def test_refused_states() -> None:
    made, problem, options = posed(heat(), 8, 0.2, "ETDRK4")
    moved = on_gpu.resident(problem, made.compiled.kernel, device="host")
    with pytest.raises(SolveError, match=r'not all sides here are periodic; write method="ROCK4"'):
        solve(moved, options)
    with pytest.raises(SolveError, match=r'target="cuda" does not; write method="ROCK4"'):
        solve(moved, replace(options, method="KenCarp4"))
    with pytest.raises(SolveError, match=r"checkpoint: not with"):
        Run(moved, replace(options, method="ROCK4", checkpoint="x.ckpt"), "cuda")
    with pytest.raises(SolveError, match=r"CVODE does not run"):
        on_gpu.plan_on_gpu(Plan("CVODE", "sundials", "stiff"), ("CVODE", "auto"), True)
    assert on_gpu.plan_on_gpu(Plan("CVODE", "sundials", "stiff"), ("auto", "auto"), True).method == "ROCK4"
    with pytest.raises(SolveError, match="DOP853 does not run"):
        on_gpu.plan_on_gpu(Plan("DOP853", "scipy", "smooth"), ("auto", "scipy"), False)
    if why_no_gpu():
        for call in (sn.solve, sn.sweep):
            with pytest.raises(BackendUnavailable, match=r"NVIDIA GPU"):
                call(lorenz(), target="cuda")


@needs_nvcc
def test_nvcc_compiles_drivers(tmp_path: Path) -> None:
    """Whole solvers and the functions of vectors, for sm_80 and sm_90."""
    from symnum.codegen.cuda_inline import print_device_function
    from symnum.solvers.embedded.cuda_driver import print_driver

    rhs = print_device_function(sn.discretise(lorenz()).semi.rhs, "rhs")

    def driver(name: str) -> str:
        method = methods()[name]
        return print_driver(
            method.program, 3, 3, rhs, {"keep": 0.0, "pause": 0.0}, [n for n, _ in method.parts.tables]
        ).source

    parts: Sequence[str] = [driver("Tsit5"), driver("RKC2"), print_vectors((1, 2, 7), ((1, 1), (7, 2), (1, 0)))]
    compiles("\n".join(f"namespace part{k} {{\n{text}}}\n" for k, text in enumerate(parts)), tmp_path)


def test_scalars_follow_the_rules_of_ieee() -> None:
    """As ``numpy.Interpreter`` computes them, to the bit, at awkward numbers too."""
    a, b = step.scalars("a b")
    c = step.scalar("c")
    terms = [
        a + 2 * b - 1,
        a * b / c,
        a**-1,
        a ** Const(0.5),
        (a * b) ** Const(-1.5),
        minimum(a, b),
        maximum(a, b),
        abs(a) ** Const(0.3),
    ]
    terms += [where((a < b) & (b <= c), a, b), where((a > b) | (b >= c), a**3, exp(b)), where(a > 0, 1, 0) + c]
    known, awkward = Scalars({"a": 0, "b": 1, "c": 2}), [0.0, -2.0, 0.7, 1e200, math.inf, -math.inf, math.nan]
    program = step.Program("none", ("a", "b", "c"), (), (), ())
    with np.errstate(all="ignore"):
        for values in itertools.product(awkward, repeat=3):
            scalars = np.array(values)
            reference = Interpreter(program, None, scalars)
            for term in terms:
                np.testing.assert_array_equal(
                    known.value(term, scalars), reference.value(term), err_msg=f"{term} at {values}"
                )
