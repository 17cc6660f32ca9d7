"""Gaussian random fields against their covariances, and the Darcy solver against exact solutions, SciPy and fine grids."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import scipy.fft
import scipy.sparse
import scipy.sparse.linalg
from scipy.special import gamma, kv

import symnum as sn
from symnum.datasets import Bumps, DiffusionSolver, GaussianField, SineWaves


class Unit:
    """In place of a generator: one number is 1, all others 0. So the linear map from numbers to fields is seen column by column."""

    def __init__(self, k: int) -> None:
        self.k, self.count = k, 0

    def standard_normal(self, count: int) -> np.ndarray:
        self.count = count
        numbers = np.zeros(count)
        numbers[self.k] = 1
        return numbers


def covariance(field, points, lengths, **more):
    """The exact covariance matrix of what ``sample`` gives: M M^T."""
    first = Unit(0)
    field.sample(points, first, lengths, **more)
    m = np.array([field.sample(points, Unit(k), lengths, **more).ravel() for k in range(first.count)])
    return m.T @ m


def grid(n, length, side, centred):
    h = length / n if side == "periodic" or centred else length / (n - 1)
    return (np.arange(n) + (0.5 if centred else 0)) * h


def modes(n, side, centred):
    return {"periodic": (n - 1) // 2 + 1, "neumann": n, "dirichlet": n + 1 if centred else n - 1}[side]


@pytest.mark.parametrize("spectrum", ["matern", "squared_exponential", "laplacian_power"])
@pytest.mark.parametrize("side", ["periodic", "neumann", "dirichlet"])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("n", [8, 9])
def test_covariance_on_a_grid_is_that_of_the_series(spectrum, side, centred, n):
    field = GaussianField(spectrum, length=0.3, boundary=side)
    x = grid(n, 2.0, side, centred)
    exact = [[field.covariance((a,), (b,), (2.0,), modes(n, side, centred)) for b in x] for a in x]
    np.testing.assert_allclose(covariance(field, (n,), (2.0,), centred=(centred,)), exact, atol=1e-12)


@pytest.mark.parametrize("sides", [("periodic", "neumann"), ("dirichlet", "periodic"), ("neumann", "dirichlet")])
def test_mixed_sides_in_two_dimensions(sides):
    field = GaussianField("matern", length=0.4, smoothness=1.0, boundary=sides)
    points, lengths = (5, 7), (1.0, 1.5)
    axes = [grid(n, length, s, True) for n, length, s in zip(points, lengths, sides, strict=True)]
    at = list(itertools.product(*axes))
    waves = [
        [2 * np.pi * k / x if s == "periodic" else np.pi * k / x for k in range(modes(n, s, True))]
        for n, x, s in zip(points, lengths, sides, strict=True)
    ]
    made = covariance(field, points, lengths, centred=(True, True))
    for i, j in ((0, 0), (3, 20), (34, 11)):
        exact = 0.0
        for k in itertools.product(*waves):
            term = float(field.density(np.array(k[0] ** 2 + k[1] ** 2), 2))
            for q, a, b, x, s in zip(k, at[i], at[j], lengths, sides, strict=True):
                weight = 1 if q == 0 else 2
                shape = {
                    "periodic": np.cos(q * (a - b)),
                    "neumann": np.cos(q * a) * np.cos(q * b),
                    "dirichlet": np.sin(q * a) * np.sin(q * b),
                }
                term *= weight * shape[s] / x
            exact += term
        assert made[i, j] == pytest.approx(exact, abs=1e-12)


def matern(r, length, nu, deviation):
    """Rasmussen and Williams, (4.14)."""
    z = math.sqrt(2 * nu) * r / length
    return deviation**2 * 2 ** (1 - nu) / gamma(nu) * z**nu * kv(nu, z)


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("nu", [1.5, 2.5])
def test_matern_covariance_is_the_one_of_the_name(dimension, nu):
    field = GaussianField("matern", length=0.05, smoothness=nu, deviation=2.0, boundary="periodic")
    here, there = (0.5,) * dimension, (0.57, *(0.5,) * (dimension - 1))
    box, count = (1.0,) * dimension, 90 if dimension == 3 else 300
    assert field.covariance(here, there, box, count) == pytest.approx(matern(0.07, 0.05, nu, 2.0), rel=1e-4)
    assert field.covariance(here, here, box, count) == pytest.approx(4.0, rel=1e-3)


@pytest.mark.parametrize("side", ["periodic", "neumann", "dirichlet"])
def test_squared_exponential_covariance_is_the_one_of_the_name(side):
    field = GaussianField("squared_exponential", length=0.05, deviation=0.5, boundary=side)
    assert field.covariance((0.5, 0.5), (0.56, 0.5), (1, 1)) == pytest.approx(
        0.25 * math.exp(-0.5 * (0.06 / 0.05) ** 2), rel=1e-6
    )


def test_the_field_of_the_fourier_neural_operator():
    """Li et al.'s GRF: inverse cosine transform of N tau^(alpha-1) (pi^2 |k|^2 + tau^2)^(-alpha/2) xi, the constant left out."""
    n, alpha, tau = 6, 2.0, 3.0
    k = np.arange(n)
    c = n * tau ** (alpha - 1) * (np.pi**2 * (k[:, None] ** 2 + k**2) + tau**2) ** (-alpha / 2)
    c[0, 0] = 0
    columns = [scipy.fft.idctn(c * unit.reshape(n, n), norm="ortho").ravel() for unit in np.eye(n * n)]
    field = GaussianField("laplacian_power", alpha=alpha, tau=tau, boundary="neumann", constant_mode=False)
    made = covariance(field, (n, n), (1.0, 1.0), centred=(True, True))
    np.testing.assert_allclose(made, np.array(columns).T @ np.array(columns), atol=1e-13)


def test_samples_have_the_standard_deviation_and_the_mean():
    field = GaussianField("matern", length=0.15, deviation=3.0, boundary="periodic", mean=10.0)
    values = np.array([field.sample((16, 16), np.random.default_rng([4, k])) for k in range(2000)])
    matrix = covariance(dataclasses.replace(field, mean=0.0), (16, 16), (1.0, 1.0))
    exact = matrix[0]
    centred = values.reshape(2000, -1) - 10
    made = centred[:, :1].T @ centred / 2000  # standard error of each entry: at most exact[0]*sqrt(2/2000)
    assert np.abs(made - exact).max() < 5 * exact[0] * math.sqrt(2 / 2000)
    assert abs(values.mean() - 10) < 5 * math.sqrt(matrix.mean() / 2000)


@pytest.mark.parametrize(
    ("side", "coarse", "fine"),
    [("neumann", (17, 17), (65, 65)), ("periodic", (16, 8), (64, 32)), ("dirichlet", (33,), (65,))],
)
def test_a_finer_grid_gives_the_same_function(side, coarse, fine):
    field = GaussianField("squared_exponential", length=0.25, boundary=side)
    a, b = (field.sample(points, np.random.default_rng(3)) for points in (coarse, fine))
    assert (
        np.abs(
            a
            - b[
                tuple(
                    slice(None, None, (n - 1 if side != "periodic" else n) // (m - 1 if side != "periodic" else m))
                    for n, m in zip(fine, coarse, strict=True)
                )
            ]
        ).max()
        < 2e-3 * np.abs(a).max()
    )


def test_thresholds_and_exponentials():
    field = GaussianField("matern", length=0.2)
    plain, step, lognormal = (
        f.sample((32, 32), np.random.default_rng(1)) for f in (field, field.threshold(3, 12), field.exp())
    )
    assert np.array_equal(step, np.where(plain < 0, 3, 12))
    assert np.array_equal(lognormal, np.exp(plain))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (lambda: GaussianField("mattern"), "Did you mean 'matern'"),
        (lambda: GaussianField("matern", length=0), "length=0 of a matern field is no positive number"),
        (lambda: GaussianField("matern", mean=math.nan), "mean=nan"),
        (lambda: GaussianField("matern", boundary="robin"), "unknown boundary 'robin'"),
        (
            lambda: GaussianField("matern", boundary=("periodic",) * 3).sample((8, 8), np.random.default_rng(0)),
            "is for 3 axes",
        ),
        (lambda: GaussianField("matern").sample((8,) * 4, np.random.default_rng(0)), "1 to 3 axes"),
        (lambda: GaussianField("matern", boundary=3), "unknown boundary 3"),
        (lambda: GaussianField("matern", lenght=1), "no option 'lenght'. Did you mean 'length'"),
        (lambda: SineWaves(wave=1), "no option 'wave'"),
        (lambda: DiffusionSolver((8, 8), tolerance=1), "DiffusionSolver has no option 'tolerance'"),
        (lambda: Bumps(count=0), "count=0 bumps"),
        (lambda: Bumps("a"), "two numbers as values"),
        (lambda: sn.datasets.Uniform(1, 1), "must be in order"),
        (lambda: sn.datasets.Uniform(0, 1, logarithmic=True), "must be positive"),
        (lambda: SineWaves(0), "whole numbers from 1 on"),
        (lambda: SineWaves().sample((8, 8), np.random.default_rng(0)), "on an interval"),
    ],
)
def test_what_makes_no_field(bad, says):
    with pytest.raises(sn.SymnumError, match=says):
        bad()


def test_sines_are_periodic_and_bumps_have_two_values():
    u = SineWaves(3, 5, altered=0.0).sample((64,), np.random.default_rng(2), periodic=(True,))
    c = np.abs(np.fft.rfft(u)) / 32
    assert c[1:6].max() > 0.05
    assert c[6:].max() < 1e-13
    a = Bumps(0.1, 1.0).sample((40, 30), np.random.default_rng(2), (1.0, 0.75), (False, False), (True, True))
    assert sorted(set(a.ravel())) == [0.1, 1.0]


# --- the solver ----------------------------------------------------------------------------------------------------------------------------


def direct(a, f, faces, lengths):
    """The same equations, assembled entry by entry, solved by SuperLU."""
    (n, m), (hx, hy) = a.shape, (length / k for length, k in zip(lengths, a.shape, strict=True))
    matrix = scipy.sparse.lil_matrix((n * m, n * m))
    for i, j in itertools.product(range(n), range(m)):
        for di, dj, r in ((1, 0, hy / hx), (-1, 0, hy / hx), (0, 1, hx / hy), (0, -1, hx / hy)):
            k, q = i + di, j + dj
            if 0 <= k < n and 0 <= q < m:
                p, w = a[i, j], a[k, q]
                t = r * (2 / (1 / p + 1 / w) if faces == "harmonic" else (p + w) / 2)
                matrix[i * m + j, k * m + q] -= t
            else:
                t = 2 * r * a[i, j]
            matrix[i * m + j, i * m + j] += t
    return scipy.sparse.linalg.spsolve(matrix.tocsc(), np.broadcast_to(f * hx * hy, a.shape).ravel()).reshape(a.shape)


@pytest.mark.parametrize("faces", ["harmonic", "arithmetic"])
@pytest.mark.parametrize(("points", "lengths"), [((24, 24), (1.0, 1.0)), ((17, 30), (2.0, 3.0)), ((3, 2), (1.0, 1.0))])
def test_against_superlu(faces, points, lengths):
    rng = np.random.default_rng(5)
    a, f = np.exp(2 * rng.standard_normal(points)), rng.standard_normal(points)
    made = DiffusionSolver(points, lengths, faces, rtol=1e-12).solve(a, f)
    exact = direct(a, f, faces, lengths)
    assert np.abs(made.u - exact).max() < 1e-10 * np.abs(exact).max()
    assert made.residual <= 1e-12


def manufactured(n):
    """u = sin(pi x) sin(2 pi y) with a = exp(sin(3 x) cos(2 y)): values of cells, and the right-hand side worked out by hand."""
    x = (np.arange(n) + 0.5) / n
    x, y = x[:, None], x
    a = np.exp(np.sin(3 * x) * np.cos(2 * y))
    u = np.sin(np.pi * x) * np.sin(2 * np.pi * y)
    ux, uy = np.pi * np.cos(np.pi * x) * np.sin(2 * np.pi * y), 2 * np.pi * np.sin(np.pi * x) * np.cos(2 * np.pi * y)
    slope = 3 * np.cos(3 * x) * np.cos(2 * y) * ux - 2 * np.sin(3 * x) * np.sin(2 * y) * uy
    return a, u, -a * (slope - 5 * np.pi**2 * u)


@pytest.mark.parametrize("faces", ["harmonic", "arithmetic"])
def test_order_two(faces):
    errors = []
    for n in (32, 64):
        a, u, f = manufactured(n)
        errors.append(np.abs(DiffusionSolver((n, n), faces=faces, rtol=1e-11).solve(a, f).u - u).max())
    assert 1.9 < math.log2(errors[0] / errors[1]) < 2.1
    assert errors[1] < 1.5e-3


def test_a_jumping_coefficient_against_a_fine_grid():
    a = (
        GaussianField("laplacian_power", boundary="neumann", constant_mode=False)
        .threshold(3, 12)
        .sample((16, 16), np.random.default_rng(2), centred=(True, True))
    )

    def means(n):
        refined = np.kron(a, np.ones((n // 16, n // 16)))
        u = DiffusionSolver((n, n)).solve(refined).u
        return u.reshape(16, n // 16, 16, n // 16).mean(axis=(1, 3))

    fine = means(256)
    errors = [np.abs(means(n) - fine).max() / fine.max() for n in (32, 64, 128)]
    assert errors[2] < 0.6 * errors[1] < 0.4 * errors[0]
    assert errors[2] < 2e-3


def test_the_number_of_iterations_hardly_depends_on_the_grid_or_the_contrast():
    field = GaussianField("laplacian_power", boundary="neumann", constant_mode=False)
    for n, low, high in ((32, 3, 12), (128, 3, 12), (128, 0.1, 1.0)):
        a = field.threshold(low, high).sample((n, n), np.random.default_rng(1), centred=(True, True))
        assert DiffusionSolver((n, n)).solve(a).iterations <= 18


def test_related_solutions_as_a_start():
    n = 64
    rng = np.random.default_rng(0)
    first, other = (
        GaussianField("matern", length=0.3, smoothness=2.5).sample((n, n), rng, centred=(True, True)) for _ in range(2)
    )
    solver = DiffusionSolver((n, n))
    before = solver.solve(np.exp(first))
    near = np.exp(math.cos(0.02) * first + math.sin(0.02) * other)
    cold, warm = solver.solve(near), solver.solve(near, basis=[before.u])
    assert warm.iterations < cold.iterations
    np.testing.assert_allclose(warm.u, cold.u, atol=1e-6 * cold.u.max())
    again = solver.solve(np.exp(first), 2.5, basis=[before.u])  # the right-hand side scaled: in the span of the basis
    assert again.iterations <= 1


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (lambda s: s.solve(np.zeros((8, 8))), "must be positive"),
        (lambda s: s.solve(np.full((8, 8), np.nan)), "must be positive"),
        (lambda s: s.solve(np.ones((4, 4))), r"shape \(8, 8\)"),
        (lambda s: DiffusionSolver((8, 8), faces="geometric"), "There are: harmonic, arithmetic"),
        (lambda s: DiffusionSolver((8,)), r"write points=\(128, 128\)"),
        (lambda s: DiffusionSolver((8, 8), rtol=0), "write rtol=1e-8"),
    ],
)
def test_what_is_no_problem(bad, says):
    with pytest.raises(sn.SymnumError, match=says):
        bad(DiffusionSolver((8, 8)))


def test_nothing_from_nothing():
    made = DiffusionSolver((8, 8)).solve(np.ones((8, 8)), 0.0)
    assert made.iterations == 0
    assert not made.u.any()
