"""Bases in which constant linear parts are diagonal, against the matrices themselves; exact solves by them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.errors import SolveError
from symnum.ir.linear_part import LinearPart, linear_part
from symnum.pipeline import _problem
from symnum.solvers.backend import solve
from symnum.solvers.jacobian import fixed_jacobian
from symnum.solvers.linear_algebra.averaged import averaged
from symnum.solvers.linear_algebra.bases import Eigenvectors, Fourier, Trigonometric, Twisted, Untouched
from symnum.solvers.linear_algebra.choose import solver
from symnum.solvers.linear_algebra.diagonal import Diagonalisation, diagonalise
from symnum.solvers.linear_algebra.direct import Direct
from symnum.solvers.linear_algebra.transform import Transformed, inverted
from symnum.solvers.problem import Options, Problem
from tests.solvers.test_linear_algebra import Native

SIDES = {
    "periodic": lambda fields, c: [sn.periodic(c)],
    "antiperiodic": lambda fields, c: [sn.antiperiodic(c)],
    "dirichlet": lambda fields, c: [sn.dirichlet(f, 0, at={c: b}) for f in fields for b in (0, 1)],
    "neumann": lambda fields, c: [sn.neumann(f, 0, at={c: b}) for f in fields for b in (0, 1)],
    "mixed": lambda fields, c: [s(f, 0, at={c: b}) for f in fields for s, b in ((sn.dirichlet, 0), (sn.neumann, 1))],
}


def _discretised(
    sides: list[str], cells: int = 12, coupled: bool = True, advection: float = 0.0, order: int = 2, **more: Any
) -> Any:
    """Two fields: w_t = lap w - w + q - w^3, q_t = 2 lap q + 3 w - advection dq/dx; sides by axis."""
    names = "xyz"[: len(sides)]
    t, *space = sn.coordinates(" ".join("t" + names))
    w, q = sn.fields("w q", (t, *space))
    equations = [
        sn.Eq(sn.dt(w), sn.laplacian(w) - w + (q if coupled else 0) - w**3),
        sn.Eq(sn.dt(q), 2 * sn.laplacian(q) + 3 * w - advection * sn.diff(q, space[0])),
    ]
    conditions = [c for side, at in zip(sides, space, strict=True) for c in SIDES[side]([w, q], at)]
    domain = sn.Domain(t=(0, 1), **dict.fromkeys(names, (0, 1)))
    system = sn.PDESystem(equations, domain=domain, conditions=conditions, initial={w: 0, q: 0})
    return sn.discretise(
        system, resolution=dict(zip(space, (cells, cells + 3, cells - 5), strict=False)), order=order, **more
    )


def _error(basis: Diagonalisation, part: LinearPart) -> float:
    """Largest difference of backward(symbol . forward(y)) and L y, over the largest of L y, for random y."""
    y = np.random.default_rng(5).standard_normal(part.n)
    made, exact = np.empty(part.n), part.matrix @ y
    basis.backward(basis.apply(basis.symbol, basis.forward(y)), made)
    back = np.empty(part.n)
    basis.backward(basis.forward(y), back)
    assert np.abs(back - y).max() < 1e-11
    return float(np.abs(made - exact).max() / np.abs(exact).max())


@pytest.mark.parametrize(
    ("sides", "bases"),
    [
        (["periodic"], [Fourier]),
        (["antiperiodic"], [Twisted]),
        (["dirichlet"], [Trigonometric]),
        (["neumann"], [Eigenvectors]),
        (["mixed"], [Eigenvectors]),
        (["periodic", "periodic"], [Fourier, Fourier]),
        (["dirichlet", "periodic"], [Trigonometric, Fourier]),
        (["periodic", "neumann"], [Fourier, Eigenvectors]),
        (["antiperiodic", "periodic"], [Twisted, Fourier]),
        (["antiperiodic", "antiperiodic"], [Twisted, Twisted]),
        (["dirichlet", "dirichlet"], [Trigonometric, Trigonometric]),
        (["neumann", "mixed"], [Eigenvectors, Eigenvectors]),
        (["periodic", "antiperiodic", "dirichlet"], [Fourier, Twisted, Trigonometric]),
    ],
)
def test_the_basis_that_sides_allow(sides: list[str], bases: list[type]) -> None:
    part = linear_part(_discretised(sides).semi)
    basis = diagonalise(part)
    assert basis is not None and [type(b) for b in basis.bases] == bases
    assert _error(basis, part) < 1e-12
    assert not np.iscomplexobj(basis.symbol)


def test_cells_with_walls_have_the_cosine_transform() -> None:
    t, x, y = sn.coordinates("t x y")
    u = sn.field("u", (t, x, y))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.div(0.5 * sn.grad(u)))],
        domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        conditions=SIDES["neumann"]([u], x) + SIDES["neumann"]([u], y),
        initial={u: 1},
    )
    part = linear_part(sn.discretise(system, resolution=10, scheme="finite_volume").semi)
    basis = diagonalise(part)
    assert basis is not None and list(basis.bases) == [Trigonometric("dct", 2)] * 2
    k = np.arange(10)
    along = -4 * 100 * np.sin(np.pi * k / 20) ** 2  # Strang, SIAM Review 41 (1999) 135-147
    assert np.allclose(basis.symbol[0, 0], 0.5 * (along[:, None] + along), atol=1e-10)
    assert _error(basis, part) < 1e-12


def test_the_symbol_of_advection_is_imaginary_and_of_order_four_too() -> None:
    for order in (2, 4):
        part = linear_part(_discretised(["periodic"], advection=5.0, order=order).semi)
        basis = diagonalise(part)
        assert basis is not None and _error(basis, part) < 1e-12
        h, theta = 1 / 12, 2 * np.pi * np.arange(7) / 12
        exact = np.sin(theta) / h if order == 2 else (8 * np.sin(theta) - np.sin(2 * theta)) / (6 * h)
        assert np.allclose(basis.symbol[1, 1].imag, -5 * exact, atol=1e-9)


def test_fields_that_need_different_bases_have_none_and_variable_coefficients_along_an_axis_do() -> None:
    t, x, y = sn.coordinates("t x y")
    w, q = sn.fields("w q", (t, x, y))
    domain = sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1))

    def part(equations: list[Any], conditions: list[Any]) -> LinearPart:
        return linear_part(
            sn.discretise(
                sn.PDESystem(equations, domain=domain, conditions=conditions, initial={w: 0, q: 0}), resolution=10
            ).semi
        )

    both = [sn.Eq(sn.dt(w), sn.laplacian(w) + q), sn.Eq(sn.dt(q), sn.laplacian(q))]
    assert diagonalise(part(both, SIDES["dirichlet"]([w], x) + SIDES["neumann"]([q], x) + [sn.periodic(y)])) is None
    layered = [sn.Eq(sn.dt(f), sn.diff((2 + sn.cos(x)) * sn.diff(f, x), x) + sn.diff(f, y, 2)) for f in (w, q)]
    found = diagonalise(part(layered, SIDES["dirichlet"]([w, q], x) + [sn.periodic(y)]))
    assert found is not None and [type(b) for b in found.bases] == [Eigenvectors, Fourier]
    crossed = [sn.Eq(sn.dt(f), sn.diff(f, x, 2) + (2 + sn.cos(x)) * sn.diff(f, y, 2)) for f in (w, q)]
    assert diagonalise(part(crossed, SIDES["dirichlet"]([w, q], x) + [sn.periodic(y)])) is None
    alone = [sn.Eq(sn.dt(f), sn.diff(f, y, 2)) for f in (w, q)]
    found = diagonalise(part(alone, [sn.periodic(x), sn.periodic(y)]))
    assert found is not None and [type(b) for b in found.bases] == [Untouched, Fourier]


# ------------------------------------------------------------------ exact solves


@pytest.mark.parametrize("sides", [["periodic", "periodic"], ["dirichlet", "antiperiodic"], ["neumann", "mixed"]])
def test_solves_by_transforms_equal_sparse_factors(sides: list[str]) -> None:
    problem = _problem(_discretised(sides))
    made = solver(problem, Options(), split=True)
    assert isinstance(made, Transformed)
    assert problem.linear_part is not None
    matrix, draw = problem.linear_part().matrix.toarray(), np.random.default_rng(2)
    b, c, x, z = (draw.standard_normal(problem.n) for _ in range(4))
    one = np.eye(problem.n)
    assert made.jacobian(0.0, problem.y0) and made.factor(0, 40.0) and made.factor(1, 30 - 12j)
    assert made.solve(0, b, x)
    assert np.allclose(x, np.linalg.solve(40 * one - matrix, b), atol=1e-12)
    assert made.solve_complex(1, b, c, x, z)
    assert np.allclose(x + 1j * z, np.linalg.solve((30 - 12j) * one - matrix, b + 1j * c), atol=1e-12)
    made.product(b, x)
    assert np.allclose(x, matrix @ b, rtol=1e-10, atol=1e-8)
    assert made.solve(0, b, b) and np.allclose(
        40 * b - matrix @ b, np.random.default_rng(2).standard_normal(problem.n), atol=1e-10
    )
    assert (made.evaluations, made.factorisations, made.solves) == (0, 2, 3)


@pytest.mark.parametrize(("cells", "advection"), [(7, 0.0), (15, 3.0)])
def test_native_transforms_equal_full_matrices(cells: int, advection: float) -> None:
    """Grids of 7 x 10 and 15 x 18 points; with advection the symbol is complex."""
    problem = _problem(_discretised(["periodic", "periodic"], cells=cells, advection=advection))
    made = solver(problem, Options(), split=True)
    assert isinstance(made, Transformed) and problem.linear_part is not None
    assert np.iscomplexobj(made.basis.symbol) == bool(advection)
    face, matrix = Native(made.native, problem.n), problem.linear_part().matrix.toarray()
    one, draw = np.eye(problem.n), np.random.default_rng(2)
    b, c, x, z = (draw.standard_normal(problem.n) for _ in range(4))
    assert face.jacobian(0.0, b) and face.factor(0, 40.0) and face.factor(1, 30 - 12j) and face.factor(2, 11.0)
    assert face.solve(0, b, x) and np.allclose(x, np.linalg.solve(40 * one - matrix, b), atol=1e-12)
    assert face.solve(2, b, x) and np.allclose(x, np.linalg.solve(11 * one - matrix, b), atol=1e-12)
    assert face.solve_complex(1, b, c, x, z)
    assert np.allclose(x + 1j * z, np.linalg.solve((30 - 12j) * one - matrix, b + 1j * c), atol=1e-12)
    face.product(b, x)
    assert np.allclose(x, matrix @ b, rtol=1e-10, atol=1e-8)
    assert (made.factorisations, made.solves) == (3, 3)


@pytest.mark.parametrize("fields", [1, 2, 3])
def test_native_and_scipys_transforms_agree_for_any_number_of_fields(fields: int) -> None:
    """Blocks of one and two fields are inverted in machine code, of three by NumPy; a singular block (at the mean) is told by both."""
    angles = np.meshgrid(2 * np.pi * np.arange(6) / 6, 2 * np.pi * np.arange(5) / 8, indexing="ij")
    waves = sum(2 - 2 * np.cos(a) for a in angles)
    draw = np.random.default_rng(fields)
    symbol = -np.einsum("ab,xy->abxy", draw.random((fields, fields)) + fields * np.eye(fields), waves)
    made = Transformed(Diagonalisation(fields, (6, 8), [Fourier(6), Fourier(8)], symbol), np.ones(fields))
    n = 48 * fields
    face = Native(made.native, n)
    b, c, x, z, exact, other = (draw.standard_normal(n) for _ in range(6))
    for shift in (3.0, 0.2 + 1.5j):
        assert face.factor(1, shift) and made.factor(1, shift)
        if isinstance(shift, float):
            assert face.solve(1, b, x) and made.solve(1, b, exact)
            assert np.allclose(x, exact, atol=1e-13)
        else:
            assert face.solve_complex(1, b, c, x, z) and made.solve_complex(1, b, c, exact, other)
            assert np.allclose(x, exact, atol=1e-13) and np.allclose(z, other, atol=1e-13)
    assert not face.factor(0, 0.0) and not made.factor(0, 0.0)


def test_algebraic_fields_are_solved_along() -> None:
    """0 = lap w - w + q beside q_t = 2 lap q + 3 w: M is zero on w."""
    discretised = _discretised(["periodic", "dirichlet"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problem = _problem(discretised)
    n = problem.n // 2
    mass = np.concatenate([np.zeros(n), np.ones(n)])
    constrained = Problem(problem.rhs, problem.y0, 0.0, 1.0, differential=mass > 0, linear_part=problem.linear_part)
    made = solver(constrained, Options(), split=True)
    assert isinstance(made, Transformed) and problem.linear_part is not None
    matrix, b, x = (
        problem.linear_part().matrix.toarray(),
        np.random.default_rng(3).standard_normal(2 * n),
        np.empty(2 * n),
    )
    assert made.factor(0, 9.0) and made.solve(0, b, x)
    assert np.allclose(x, np.linalg.solve(9 * np.diag(mass) - matrix, b), atol=1e-12)
    z = np.empty(2 * n)
    assert made.factor(0, 9 + 4j) and made.solve_complex(0, b, 0 * b, x, z)
    assert np.allclose(x + 1j * z, np.linalg.solve((9 + 4j) * np.diag(mass) - matrix, b.astype(complex)), atol=1e-12)


def test_one_axis_is_a_band_and_no_linear_part_is_refused() -> None:
    made = solver(_problem(_discretised(["periodic"], cells=60)), Options(), split=True)
    assert isinstance(made, Direct) and made.kind == "banded"
    with pytest.raises(SolveError, match="linear_part"):
        solver(Problem(lambda t, y, out: None, np.ones(2), 0.0, 1.0), Options(), split=True)


def test_singular_blocks_are_told() -> None:
    assert inverted(np.zeros((1, 1, 3))) is None
    assert inverted(np.ones((2, 2, 3))) is None
    assert inverted(np.ones((3, 3, 3))) is None
    draw = np.random.default_rng(0).standard_normal((3, 3, 5))
    made = inverted(draw)
    assert made is not None
    assert np.allclose(np.einsum("abm,bcm->acm", draw, made), np.eye(3)[:, :, None])


# ------------------------------------------------------------------ as a preconditioner


def test_the_averaged_preconditioner_inverts_what_it_says() -> None:
    """P = M - gamma*(L + R): R the average of the derivatives of -w^3, once in machine code (even grid) and once by SciPy (odd)."""
    for sides in (["periodic", "periodic"], ["periodic", "dirichlet"]):
        discretised = _discretised(sides, cells=9 if sides[1] == "periodic" else 8)
        problem = _problem(discretised)
        jacobian = fixed_jacobian(problem)
        made = averaged(problem, jacobian)
        assert made is not None and problem.linear_part is not None
        y = np.random.default_rng(1).standard_normal(problem.n)
        half = problem.n // 2
        whole = problem.linear_part().matrix.toarray()
        whole[:half, :half] -= 3 * np.mean(y[:half] ** 2) * np.eye(half)
        r, out = np.random.default_rng(2).standard_normal(problem.n), np.empty(problem.n)
        made.setup(0.0, y, 0.05, False)
        made.setup(0.0, y, 0.02, True)
        made.solve(r, out)
        assert np.allclose(out, np.linalg.solve(np.eye(problem.n) - 0.02 * whole, r), atol=1e-12)
        assert (made.evaluations, made.factorisations, made.solves) == (1, 2, 1)


def test_the_averaged_preconditioner_is_for_stiffness_in_the_linear_part() -> None:
    t, x, y = sn.coordinates("t x y")
    u = sn.field("u", (t, x, y))
    domain = sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1))

    def made(rate: Any) -> Any:
        system = sn.PDESystem(
            [sn.Eq(sn.dt(u), rate)],
            domain=domain,
            conditions=[sn.periodic(x), sn.periodic(y)],
            initial={u: 1 + sn.sin(2 * sn.pi * x) / 2},
        )
        problem = _problem(sn.discretise(system, resolution=12))
        return averaged(problem, fixed_jacobian(problem))

    assert made(sn.laplacian(u) - u**3) is not None
    assert made(sn.div(u**2 * sn.grad(u))) is None  # no constant part
    assert made(sn.laplacian(u) + sn.div(u**2 * sn.grad(u))) is None  # less than the rest


def test_cvode_takes_few_iterations_whatever_the_grid() -> None:
    pytest.importorskip("sksundae")
    found = []
    for cells in (16, 32):
        problem = _problem(_discretised(["periodic", "periodic"], cells=cells))
        start = replace(problem, y0=np.sin(np.arange(problem.n)))
        runs = [
            solve(start, Options("CVODE", rtol=1e-6, atol=1e-8, linear_solver="gmres", preconditioner=p))
            for p in ("fft", "lu")
        ]
        assert np.abs(runs[0].y[-1] - runs[1].y[-1]).max() < 1e-4 * np.abs(runs[1].y[-1]).max()
        found.append(runs[0].stats["linear_solves"] / runs[0].stats["steps"])
    assert max(found) < 4


def test_fft_is_refused_where_no_transform_serves() -> None:
    pytest.importorskip("sksundae")
    problem = Problem(lambda t, y, out: np.copyto(out, -y), np.ones(3), 0.0, 1.0)
    with pytest.raises(SolveError, match='preconditioner="ilu"'):
        solve(problem, Options("CVODE", linear_solver="gmres", preconditioner="fft"))
