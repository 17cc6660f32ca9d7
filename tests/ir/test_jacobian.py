"""Jacobian and Jacobian-vector kernels against complex-step differentiation of the right-hand side, on random systems.

df/dy_j = Im f(y + i h e_j)/h with h = 1e-30 has no truncation and no cancellation (Squire, Trapp, SIAM Review 40 (1998), 110-112). The complex
evaluation runs the NumPy rendering of the kernel, so the analytic derivative takes no part in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.ir.jacobian import jacobian_slots
from symnum.pipeline import Discretised

T, X, Y = sn.coordinates("t x y")
K = sn.parameter("k", 1.3)
STEP = 1e-30
MODELS = Catalogue("model", folder=shipped_folder("models"))
pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary


def complex_step(d: Discretised, t: float, y: np.ndarray) -> np.ndarray:
    """The dense Jacobian, column by column."""
    columns = []
    for j in range(d.size):
        moved, out = y.astype(complex), np.zeros(d.size, dtype=complex)
        moved[j] += 1j * STEP
        d.compiled.function(t, moved, np.array(d.semi.parameter_values), out)
        columns.append(out.imag / STEP)
    return np.stack(columns, axis=1)


def check(system: Any, seed: int, tolerance: float = 1e-12, **options: Any) -> Any:
    """Both targets' Jacobians and products equal the complex step's, relative to the largest entry."""
    plain = sn.discretise(system, target="numpy", **options)
    rng = np.random.default_rng(seed)
    y, v = 0.5 + rng.random(plain.size), rng.standard_normal(plain.size)
    want = complex_step(plain, 0.3, y)
    scale = np.abs(want).max() + 1e-300
    for d in (plain, sn.discretise(system, **options)):
        got = d.jacobian(0.3, y)
        assert np.abs(got.toarray() - want).max() <= tolerance * scale
        assert np.abs(d.jvp(0.3, y, v) - want @ v).max() <= tolerance * scale * np.abs(v).sum()
    return got


# --- random systems ------------------------------------------------------------


def terms(u: Any, v: Any, space: tuple[Any, ...]) -> list[Any]:
    """Summands of every kind: linear and not, with variable coefficients, flux forms, mixed derivatives, functions, switches."""
    x, y = space[0], space[-1]
    return [
        sn.diff(u, x, 2),
        K * sn.laplacian(u) if len(space) > 1 else K * sn.diff(u, x, 2),
        sn.diff((1 + u**2) * sn.diff(u, x), x),
        sn.diff(sn.exp(x) * sn.diff(u, y), y) + sn.diff(u, x, y),
        -u * sn.diff(u, x),
        sn.diff(u**2 * v, y),
        u**2 * v - (K + 1) * u,
        sn.sin(u) * sn.exp(-v) + sn.tanh(u * v),
        sn.sqrt(u) / (2 + v**2),
        sn.where(u < 1, u**3, v) + sn.maximum(u, v),
        (T >= 0.1) * x * u + sn.cos(x * T) * v,
        sn.diff(v, x) ** 2,
    ]


def faces(kind: str, u: Any, v: Any, x: Any) -> list[Any]:
    match kind:
        case "periodic":
            return [sn.periodic(x)]
        case "antiperiodic":
            return [sn.antiperiodic(x)]
        case "dirichlet":
            return [sn.dirichlet(f, sn.sin(T), at={x: e}) for f in (u, v) for e in (0, 1)]
        case "robin":
            return [sn.robin(f, 2, 1 + T, K, at={x: e}) for f in (u, v) for e in (0, 1)]
        case "coupled":
            low = [sn.condition(sn.Eq(sn.diff(u, x), 2 * v), at={x: 0}), sn.dirichlet(v, 0, at={x: 0})]
            return [*low, sn.neumann(u, T, at={x: 1}), sn.condition(sn.Eq(v, K * u), at={x: 1})]
    raise AssertionError(kind)


@st.composite
def systems(draw: st.DrawFn) -> tuple[Any, dict[str, Any]]:
    """A system of two fields in one or two dimensions with random terms, conditions, order and resolution."""
    space = draw(st.sampled_from([(X,), (X, Y)]))
    u, v = sn.fields("u v", (T, *space))
    chosen = draw(st.lists(st.integers(0, 11), min_size=1, max_size=4, unique=True))
    right = [sum((terms(a, b, space)[k] for k in chosen), sn.diff(a, *[space[0], 2])) for a, b in ((u, v), (v, u))]
    right = [r + sum((sn.diff(f, c, 2) for c in space), f) for r, f in zip(right, (u, v), strict=True)]
    kinds = [draw(st.sampled_from(["periodic", "antiperiodic", "dirichlet", "robin", "coupled"])) for _ in space]
    conditions = [c for x, kind in zip(space, kinds, strict=True) for c in faces(kind, u, v, x)]
    order = draw(st.sampled_from([2, 4]))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), right[0]), sn.Eq(sn.dt(v), right[1])],
        domain=sn.Domain(t=(0, 1), **{c.name: (0, 1) for c in space}),
        conditions=conditions,
        initial={u: 1, v: 1},
    )
    cells = 14 if len(space) == 1 else 8 if order == 2 else 10
    return system, {"resolution": {c: cells + k for k, c in enumerate(space)}, "order": order}


@given(systems(), st.integers(0, 99))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_random_systems(made: tuple[Any, dict[str, Any]], seed: int) -> None:
    system, options = made
    check(system, seed, **options)


@pytest.mark.parametrize("name", MODELS.names())
def test_every_model(name: str) -> None:
    module = MODELS.load(name)
    system = module.system()
    options = {"resolution": {1: 16, 2: 8, 3: 5}[len(system.space)]} if system.space else {}
    check(system, 1, tolerance=1e-11, **options)


# --- structure ------------------------------------------------------------


def heat(n: int, **more: Any) -> Any:
    u = sn.field("u", (T, X))
    return sn.discretise(
        sn.PDESystem(
            [sn.Eq(sn.dt(u), sn.diff(u, X, 2))],
            domain=sn.Domain(t=(0, 1), x=(0, 1)),
            conditions=[sn.dirichlet(u, 0, at={X: e}) for e in (0, 1)],
            initial={u: 0},
        ),
        resolution=n,
        **more,
    )


def test_the_second_difference_is_the_textbook_matrix() -> None:
    d = heat(6)
    got = d.jacobian(0.0, np.zeros(5)).toarray()
    np.testing.assert_allclose(got, 36 * (np.eye(5, k=1) + np.eye(5, k=-1) - 2 * np.eye(5)), rtol=1e-14)


def test_csc_with_sorted_indices_and_without_duplicates() -> None:
    system = MODELS.load("brusselator").system()
    d = sn.discretise(system, resolution=4, order=4)  # the stencil of order 4 reaches the same point from both sides
    j = d.jacobian(0.0, d.initial_state())
    assert j.format == "csc" and j.dtype == np.float64 and j.shape == (32, 32)
    for k in range(32):
        rows = j.indices[j.indptr[k] : j.indptr[k + 1]]
        assert (np.diff(rows) > 0).all()
    check(system, 3, resolution=4, order=4)


def test_fill_writes_the_values_in_the_patterns_order() -> None:
    d = sn.discretise(MODELS.load("brusselator").system(), resolution=6)
    y = d.initial_state() + 0.1
    data = np.empty(d.sparse_jacobian.pattern.nnz)
    d.sparse_jacobian.fill(2.0, y, data)
    np.testing.assert_array_equal(data, d.jacobian(2.0, y).data)


def test_parameters_may_be_given_by_name() -> None:
    d = sn.discretise(MODELS.load("lorenz").system())
    y = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(d.jacobian(0.0, y, {"rho": 5.0}).toarray()[1], [2.0, -1.0, -1.0])
    np.testing.assert_allclose(d.jvp(0.0, y, np.array([1.0, 0, 0]), {"rho": 5.0})[1], 2.0)


def test_code_does_not_grow_with_the_grid() -> None:
    sizes = [
        sum(
            map(len, sn.discretise(MODELS.load("gray_scott").system(), resolution=n).sparse_jacobian.source.split("\n"))
        )
        for n in (16, 64)
    ]
    assert abs(sizes[1] - sizes[0]) < 0.02 * sizes[0]


@pytest.mark.parametrize("wrong", [np.zeros(4), np.zeros(5, dtype=complex), "nonsense"])
def test_states_of_a_wrong_kind_are_refused(wrong: Any) -> None:
    d = heat(6)
    with pytest.raises(sn.errors.TargetError, match="y"):
        d.jacobian(0.0, wrong)
    with pytest.raises(sn.errors.TargetError, match="v"):
        d.jvp(0.0, np.zeros(5), wrong)


# --- integrals: sparse but for a few directions ------------------------------------------------------------


def nonlocal_system(space: tuple[Any, ...] = (X,)) -> Any:
    """Integrals of nonlinear expressions, an integral inside an integral, a partial integral in two dimensions."""
    u = sn.field("u", (T, *space))
    right = sn.laplacian(u) - sn.integral(u - u**3, X)
    if len(space) == 1:
        right = right + u * sn.integral((u - sn.integral(u, X)) ** 2, X)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), right)],
        domain=sn.Domain(t=(0, 1), **{c.name: (0, 1) for c in space}),
        conditions=[
            sn.neumann(u, 0, at={X: 0}),
            sn.robin(u, 1, 1, 1, at={X: 1}),
            *[sn.periodic(c) for c in space[1:]],
        ],
        initial={u: 1},
    )


@pytest.mark.parametrize(("space", "rank"), [((X,), 3), ((X, Y), 8)])
def test_integrals_stay_low_rank(space: tuple[Any, ...], rank: int) -> None:
    system = nonlocal_system(space)
    made = check(system, 4, resolution=8)
    assert made.rank == rank and made.sparse.nnz <= 5 * made.shape[0]
    assert made.left.shape == (made.shape[0], rank) and made.right.shape == (rank, made.shape[0])


def test_the_operator_multiplies_and_solves_like_the_matrix() -> None:
    d = sn.discretise(nonlocal_system(), resolution=20)
    a = d.jacobian(0.0, 0.5 + np.random.default_rng(5).random(d.size))
    dense, b = a.toarray(), np.random.default_rng(6).standard_normal((d.size, 3))
    np.testing.assert_allclose(a @ b, dense @ b, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(a @ b[:, 0], dense @ b[:, 0], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(a.T @ b[:, 0], dense.T @ b[:, 0], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(a.solve(b[:, 0]), np.linalg.solve(dense, b[:, 0]), rtol=1e-9)
    for made in (csc_matrix(a), a.tocsc()):
        np.testing.assert_allclose(made.toarray(), dense, rtol=0, atol=1e-12 * np.abs(dense).max())
    assert np.array_equal(np.asarray(a), dense) and np.asarray(a, dtype=np.float32).dtype == np.float32
    assert a.nnz == a.sparse.nnz + a.left.nnz + a.right.nnz < a.tocsc().nnz == d.size**2


@pytest.mark.parametrize("ends", [[sn.periodic(X)], [sn.neumann(sn.field("u", (T, X)), 0, at={X: e}) for e in (0, 1)]])
def test_the_sparse_part_may_be_singular(ends: list[Any]) -> None:
    """u_t = u_xx - integral(u): diffusion alone leaves constants, the matrix does not."""
    u = sn.field("u", (T, X))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, X, 2) - sn.integral(u, X))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=ends,
        initial={u: 1},
    )
    a = sn.discretise(system, resolution=24, scheme="central").jacobian(0.0, np.ones(24 if len(ends) == 1 else 23))
    b = np.random.default_rng(3).standard_normal(a.shape[0])
    assert np.linalg.svd(a.sparse.toarray(), compute_uv=False)[-1] < 1e-9
    np.testing.assert_allclose(a.solve(b), np.linalg.solve(a.toarray(), b), rtol=1e-9)


def test_an_implicit_solve_with_an_integral() -> None:
    """u_t = -20 mean(u) with u = cos^2(pi x): the mean decays as exp(-20 t), the rest stays."""
    u = sn.field("u", (T, X))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), -20 * sn.integral(u, X))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(X)],
        initial={u: sn.cos(sn.pi * X) ** 2},
    )
    for method in ("BDF", "Radau"):
        end = sn.solve(system, resolution=16, method=method, rtol=1e-8, atol=1e-10)[u].isel(t=-1)
        want = np.cos(np.pi * end["x"].values) ** 2 - (1 - np.exp(-20)) / 2
        np.testing.assert_allclose(end.values, want, atol=1e-6)


def test_equal_derivatives_of_scalars_share_a_slot() -> None:
    """A network's Jacobian holds the same rate constants over and over; every entry finds its value, as J v by another way says."""
    d = sn.discretise(sn.ReactionNetwork.multisite(4))
    slots = jacobian_slots(d.semi.rhs)
    assert slots.kernel.output_size == slots.direct.stop < len(slots.direct.rows) == len(slots.direct.at)
    assert len({s.value for s in slots.kernel.body}) == len(slots.kernel.body)  # type: ignore[union-attr]
    random = np.random.default_rng(0)
    y, v = random.random(d.size), random.standard_normal(d.size)
    np.testing.assert_allclose(d.jacobian(0.0, y) @ v, d.jvp(0.0, y, v), atol=1e-12 * np.abs(v).sum())
    apart = jacobian_slots(d.semi.rhs, located=False)  # for code that says where each entry lies
    assert apart.kernel.output_size == len(slots.direct.rows) == len(apart.places)
