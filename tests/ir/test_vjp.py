"""Products from the left against the transposed Jacobian (checked by complex steps in ``test_jacobian``) and central differences by parameters."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.codegen.target import compile_kernel
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Kernel, Loop, statements
from symnum.ir.vjp import vjp_kernel
from tests.ir.test_jacobian import MODELS, nonlocal_system, systems

pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary
EVERY = ["numpy", "llvm", *(["c"] if shutil.which("cc") else [])]


def check(system: Any, seed: int, targets: tuple[str, ...] = ("llvm",), **options: Any) -> Kernel:
    d = sn.discretise(system, target="numpy", **options)
    kernel, p = d.semi.rhs, np.array(d.semi.parameter_values)
    rng = np.random.default_rng(seed)
    y, w = 0.5 + rng.random(d.size), rng.standard_normal(d.size)
    by_state = d.jacobian(0.3, y).T @ w
    h = 1e-6 * np.maximum(1.0, np.abs(p))
    moved = [[interpret(kernel, 0.3, y, p + s * e) @ w for s in (1, -1)] for e in np.diag(h)]
    by_parameter = np.array([(up - down) / (2 * e) for (up, down), e in zip(moved, h, strict=True)])
    size = np.abs(interpret(kernel, 0.3, y, p)) @ np.abs(w)
    made = vjp_kernel(kernel)
    got = interpret(made, 0.3, np.concatenate([y, w]), p)
    scale = np.abs(by_state).max() + 1e-300
    assert np.abs(got[: d.size] - by_state).max() <= 1e-12 * scale
    assert (np.abs(got[d.size :] - by_parameter) <= 1e-8 * np.abs(by_parameter) + 1e-8 * (size + scale)).all()
    for target in targets:
        other = compile_kernel(made, target)(0.3, np.concatenate([y, w]), p)
        assert np.abs(other - got).max() <= 1e-12 * max(scale, np.abs(got).max())
    return made


@given(systems(), st.integers(0, 99))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_random_systems(made: tuple[Any, dict[str, Any]], seed: int) -> None:
    check(made[0], seed, (), **made[1])


@pytest.mark.parametrize("name", ["brusselator", "lorenz", "kdv", "heat_mixed"])
def test_models_in_every_language(name: str) -> None:
    system = MODELS.load(name).system()
    options = {"resolution": {1: 16, 2: 8}[len(system.space)]} if system.space else {}
    check(system, 1, tuple(EVERY), **options)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_integrals(dimensions: int) -> None:
    check(nonlocal_system(sn.coordinates("x y")[:dimensions]), 2, tuple(EVERY), resolution=9)


def test_code_does_not_grow_with_the_grid() -> None:
    sizes = set()
    for n in (16, 64):
        kernel = vjp_kernel(sn.discretise(MODELS.load("gray_scott").system(), resolution=n, target="numpy").semi.rhs)
        sizes.add(sum(isinstance(s, Loop) for s in statements(kernel.body)))
    assert len(sizes) == 1


def test_a_branch_that_is_not_taken_sends_nothing() -> None:
    t = sn.coordinates("t")
    u = sn.field("u", (t,))
    system = sn.ODESystem([sn.Eq(sn.dt(u), sn.where(u > 1, sn.sqrt(u - 1), -u))], t=(0, 1), initial={u: 0.5})
    kernel = vjp_kernel(sn.discretise(system, target="numpy").semi.rhs)
    assert interpret(kernel, 0.0, np.array([0.5, 2.0])).tolist() == [-2.0]
    assert interpret(kernel, 0.0, np.array([2.0, 2.0])).tolist() == [1.0]
