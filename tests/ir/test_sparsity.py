"""The pattern of a kernel against finite differences of the interpreter, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import symnum as sn
from symnum.discretisation.assemble import discretise
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Accumulate, Array, Kernel, Loop, Store, load, table
from symnum.ir.sparsity import sparsity
from tests.contracts.kernels import kernels, state

pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary


def dense_pattern(kernel: Kernel, p: Any, seeds: int = 3) -> np.ndarray:
    """(output_size, input_size): True where changing an input changes an output, at random states."""
    found = np.zeros((kernel.output_size, kernel.input_size), dtype=bool)
    for seed in range(seeds):
        y = np.random.default_rng(seed).normal(size=kernel.input_size)
        base = interpret(kernel, 0.4, y, p)
        for j in range(len(y)):
            moved = y.copy()
            moved[j] += 0.37
            found[:, j] |= interpret(kernel, 0.4, moved, p) != base
    return found


def systems() -> dict[str, Any]:
    t, x, y = sn.coordinates("t x y")
    u, v = sn.fields("u v", (t, x, y))
    s = sn.field("s", (t,))
    closed = [sn.dirichlet(f, s, at={y: 0}) for f in (u, v)] + [sn.robin(f, 1, 2, 0, at={y: 1}) for f in (u, v)]
    equations = [
        sn.Eq(sn.dt(u), sn.laplacian(u) + sn.diff(u, x, y) + u * v),
        sn.Eq(sn.dt(v), sn.diff((1 + u**2) * sn.diff(v, x), x) + sn.diff(v, y, 2)),
        sn.Eq(sn.dt(s), -(s**2)),
    ]
    domain, initial = sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)), {u: 0, v: 0, s: 1}
    w = sn.field("w", (t, x))
    wave = sn.PDESystem(
        [sn.Eq(sn.dt(w, 2), sn.diff(w, x, 2))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.neumann(w, 0, at={x: 0}), sn.dirichlet(w, sn.sin(t), at={x: 1})],
        initial={w: 0, sn.dt(w): 0},
    )
    return {
        "periodic and closed": sn.PDESystem(
            equations, domain=domain, conditions=[sn.periodic(x), *closed], initial=initial
        ),
        "antiperiodic": sn.PDESystem(
            equations, domain=domain, conditions=[sn.antiperiodic(x), *closed], initial=initial
        ),
        "wave": wave,
    }


@pytest.mark.parametrize("name", systems())
def test_discretised_systems(name: str) -> None:
    semi = discretise(systems()[name], 6)
    pattern = sparsity(semi.rhs)
    assert pattern.format == "csc" and pattern.dtype == bool and pattern.shape == (semi.size, semi.size)
    assert np.all(np.diff(pattern.indices)[np.diff(np.repeat(np.arange(semi.size), np.diff(pattern.indptr))) == 0] > 0)
    np.testing.assert_array_equal(pattern.toarray(), dense_pattern(semi.rhs, semi.parameter_values))


@given(kernel=kernels(dimensions=2, lets=False, sums=False))
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
def test_random_kernels_miss_no_dependence(kernel: Kernel) -> None:
    """Comparisons may hide a dependence from differences, so the pattern may hold more than they see, never less."""
    _, _, p = state(kernel)
    assert not (dense_pattern(kernel, p, seeds=1) & ~sparsity(kernel).toarray()).any()


def test_fixed_loads_have_a_column_of_their_own_and_integrals_none() -> None:
    n = 6
    u, total = Array("u", (n,), 0, (0,), (0,), "u"), Array("I", (), 0, (), (), "integral(u)")
    edge = load("u", (4,), fixed=(True,))
    body = (
        Loop(0, 0, n, (Accumulate("I", load("u", (0,))),)),
        Loop(0, 0, n, (Store("u", table(0, 0, range(n)) * load("u", (0,)) + edge * load("I", ())),)),
    )
    pattern = sparsity(check(Kernel("rhs", (u,), (u,), (), None, (n,), body, locals=(total,)))).toarray()
    want = np.eye(n, dtype=bool)
    want[:, 4] = True
    np.testing.assert_array_equal(pattern, want)
