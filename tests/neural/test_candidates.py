"""Formulas for a term that is known by its values, and for a network that was trained in an equation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import symnum as sn  # noqa: E402
from symnum.errors import ModelError, UnknownName  # noqa: E402
from symnum.expr.term import as_term  # noqa: E402
from symnum.expr.walk import symbols  # noqa: E402
from symnum.neural.recovered import Recovered  # noqa: E402
from symnum.neural.regression import Candidates, candidates, complexity, library  # noqa: E402
from symnum.neural.replacing import replaced  # noqa: E402

T, X = sn.coordinates("t x")
U, V = sn.fields("u v", (T, X))


def coefficients(found: Candidates, *terms: Any) -> list[float]:
    """Of the candidate that has exactly these terms."""
    chosen = [c for c in found if set(c.coefficients) == {as_term(t) for t in terms}]
    assert len(chosen) == 1, f"none of the candidates has these terms:\n{found}"
    return [chosen[0].coefficients[as_term(t)] for t in terms]


# --- from values ------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True), st.integers(0, 2**31))
def test_a_sum_of_a_few_terms_is_found_exactly(chosen: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    u, v = rng.uniform(-1, 1, (2, 200))
    terms = library([U, V], degree=3)
    numbers = rng.uniform(0.5, 2, len(chosen)) * rng.choice([-1, 1], len(chosen))
    monomials = [u**0, u, v, u * u, u * v, v * v, u**3, u * u * v, u * v * v, v**3]
    values = sum(c * monomials[k] for c, k in zip(numbers, chosen, strict=True))
    found = candidates(values, {U: u, V: v})
    last = found[-1]
    assert last.error < 1e-9 and {terms[k] for k in chosen} == set(last.coefficients)
    np.testing.assert_allclose([last.coefficients[terms[k]] for k in chosen], numbers, rtol=1e-8)


def test_a_large_library() -> None:
    """286 monomials of three variables: three million sums of three, so terms are selected one by one."""
    rng = np.random.default_rng(0)
    w = sn.field("w", (T, X))
    u, v, x = rng.uniform(-1, 1, (3, 500))
    values = 1.5 * u * v - 0.7 * x**3 + 0.4 * u**2 * v**2 * x
    found = candidates(values + 1e-4 * rng.standard_normal(500), {U: u, V: v, w: x}, library([U, V, w], 10))
    np.testing.assert_allclose(coefficients(found, U * V, w**3, U**2 * V**2 * w), [1.5, -0.7, 0.4], atol=1e-3)
    assert len(found.best.coefficients) == 3


def test_noise_does_not_bring_terms_into_the_best_formula() -> None:
    rng = np.random.default_rng(1)
    u = rng.uniform(-1.2, 1.2, 400)
    found = candidates(u - u**3 + 0.01 * rng.standard_normal(400), {U: u}, degree=5)
    assert set(found.best.coefficients) == {as_term(U), U**3}
    np.testing.assert_allclose(coefficients(found, U, U**3), [1, -1], atol=0.02)
    errors = [c.error for c in found]
    assert errors == sorted(errors, reverse=True) and [c.complexity for c in found] == sorted(
        c.complexity for c in found
    )


def test_a_library_without_the_term_says_so_by_its_error() -> None:
    u = np.linspace(-2, 2, 300)
    values = np.sin(3 * u)
    assert min(c.error for c in candidates(values, {U: u}, degree=3)) > 0.5
    with_it = candidates(values, {U: u}, library(U, 3, others=[sn.sin(3 * U)]))
    assert with_it.best.error < 1e-12 and str(with_it.best) == "1*sin(3*u)"


def test_saturation_and_functions_are_in_the_library_where_asked_for() -> None:
    u = np.linspace(0, 3, 200)
    assert candidates(2 * u / (1 + u), {U: u}, library(U, 3, rational=True)).best.error < 1e-12
    terms = library([U, V], 1, ["exp", "log"])
    assert sn.exp(V) in terms and sn.log(U) in terms and len(terms) == 7
    assert complexity({as_term(U): 1.0, U**3: -1.0}) == 9 and complexity({as_term(1): 2.0}) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: candidates([1.0, 2.0], {U: [1.0, 2.0, 3.0]}), "2 values and 3 of u"),
        (lambda: candidates([1.0, np.nan, 3.0], {U: [1.0, 2.0, 3.0]}), "finite"),
        (lambda: candidates([1.0, 2.0, 3.0], {}), "names no variables"),
        (lambda: candidates([1.0, 2.0j, 3.0], {U: [1.0, 2.0, 3.0]}), "values are of dtype complex128"),
        (lambda: candidates([1.0, 2.0, 3.0], {U: [1.0, 2.0, 3.0]}), "4 terms for 3 samples"),
        (lambda: candidates(np.ones(9), {U: np.ones(9)}, [V]), "nothing is known for v"),
        (lambda: candidates(np.ones(9), {U: -np.ones(9)}, [sn.log(U)]), "log.u. is not finite"),
        (lambda: candidates(np.ones(9), {U: np.ones(9)}, []), "library is empty"),
        (lambda: library(U, -1), "degree=-1"),
        (lambda: library(U, 1, ["sinus"]), "no function 'sinus'"),
    ],
)
def test_bad_input_is_told(call: Any, words: str) -> None:
    with pytest.raises((ModelError, UnknownName), match=words):
        call()


# --- in the place of a network ----------------------------------------------------------------------------------------


def allen_cahn(reaction: Any) -> Any:
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), 0.05 * sn.diff(U, X, 2) + reaction)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.neumann(U, 0, at={X: e}) for e in (0, 1)],
        initial={U: 1.2 * sn.cos(sn.pi * X)},
    )


def trained(truth: Any, noise: float) -> tuple[Recovered, Any, Any]:
    """A network recovered from 20 noisy snapshots, the loss, the data."""
    times, f = np.linspace(0, 1, 20), sn.neural.network("f", [U], [1, 6, 1], seed=3)
    with torch.no_grad():
        data = sn.neural.SystemODE(allen_cahn(truth(U)), 16)(times)[U]
    data = data + noise * torch.from_numpy(np.random.default_rng(0).standard_normal(tuple(data.shape)))
    model = sn.neural.SystemODE(allen_cahn(f), 16, train="f", rtol=1e-5, atol=1e-7)

    def loss(model: Any, batch: Any = None) -> Any:
        return (model(times)[U] - data).square().mean()

    optimiser = torch.optim.LBFGS(model.parameters(), max_iter=60, line_search_fn="strong_wolfe")
    sn.neural.fit(model, loss, [None], 1, optimiser=optimiser, progress=False)
    return model.recover(f, model(times)), loss, data


@pytest.fixture(scope="module")
def cubic() -> tuple[Recovered, Any, Any]:
    return trained(lambda u: 2 * (u - u**3), 0.005)


def test_the_reaction_is_found_from_noisy_snapshots(cubic: tuple[Recovered, Any, Any]) -> None:
    recovered, loss, _ = cubic
    found = recovered.candidates(library(U, 5, ["sin", "exp"]), loss=loss)
    np.testing.assert_allclose(coefficients(found, U, U**3), [2, -2], rtol=0.03)
    assert set(found.best.coefficients) == {as_term(U), U**3}
    assert found.best.loss == pytest.approx(0.005**2, rel=0.15)
    system = recovered.replaced(found.best)
    assert set(system.parameters) == set()
    whole = np.asarray(sn.solve(system, resolution=16, saveat=[1.0])["u"])
    exact = np.asarray(sn.solve(allen_cahn(2 * (U - U**3)), resolution=16, saveat=[1.0])["u"])
    np.testing.assert_allclose(whole, exact, atol=0.005)


def test_without_the_cubic_the_loss_says_so(cubic: tuple[Recovered, Any, Any]) -> None:
    recovered, loss, _ = cubic
    found = recovered.candidates(library(U, 2), loss=loss)
    assert min(c.loss for c in found) > 10 * 0.005**2


def test_the_picture_has_the_range_of_the_data_and_the_truth(cubic: tuple[Recovered, Any, Any], tmp_path: Path) -> None:
    recovered, _, data = cubic
    figure = recovered.plot(tmp_path / "term.png", truth=2 * (U - U**3), found=recovered.candidates(), data=data)
    curve, snapshots = figure.axes
    x = recovered.samples[as_term(U)]
    assert curve.patches[0].get_x() == x.min() and curve.patches[0].get_width() == pytest.approx(np.ptp(x))
    labels = [line.get_label() for line in curve.lines]
    assert labels == ["truth", "$f$", "formula"]
    truth, found = curve.lines[0], curve.lines[1]
    np.testing.assert_allclose(truth.get_ydata(), 2 * (truth.get_xdata() - truth.get_xdata() ** 3))
    np.testing.assert_allclose(found.get_ydata(), recovered(found.get_xdata()))
    assert len(snapshots.lines) == 10 and (tmp_path / "term.png").stat().st_size > 10_000
    with pytest.raises(ModelError, match="values on the whole grid"):
        recovered.plot(data=data[:, 1:])
    with pytest.raises(ModelError, match="function of u: give 1 arrays, not 2"):
        recovered(x, x)


def test_a_network_is_found_by_its_name(cubic: tuple[Recovered, Any, Any]) -> None:
    recovered, _, _ = cubic
    assert recovered.model.recover("f", recovered.out).term is recovered.term
    with pytest.raises(ModelError, match="no network called 'g'"):
        recovered.model.recover("g", recovered.out)


def test_a_term_of_several_inputs_derivatives_and_coordinates() -> None:
    a = sn.parameter("a", 2.0)
    term = a * U * sn.diff(U, X) + X
    model = sn.neural.SystemODE(allen_cahn(term), 40, train="a")
    out = model([0.0, 0.1])
    recovered = model.recover(term, out)
    assert set(recovered.inputs) == {as_term(U), sn.diff(U, X), as_term(X)}
    u, slope = (recovered.samples[k] for k in (as_term(U), sn.diff(U, X)))
    start = slice(0, 41)
    np.testing.assert_allclose(slope[start], -1.2 * np.pi * np.sin(np.pi * np.linspace(0, 1, 41)), atol=0.02)
    np.testing.assert_allclose(recovered.values, 2 * u * slope + recovered.samples[as_term(X)])
    found = recovered.candidates(library([U, sn.diff(U, X), X], 2))
    assert set(found.best.coefficients) == {as_term(X), U * sn.diff(U, X)}
    with pytest.raises(ModelError, match=r"the term reads .* too; write inputs=\["):
        model.recover(term, out, [U]).values
    with pytest.raises(ModelError, match="3 inputs; one is drawn as a curve"):
        recovered.plot()


def test_pictures_in_a_plane_and_of_two_inputs(tmp_path: Path) -> None:
    y = sn.coordinates("y")
    w = sn.field("w", (T, X, y))
    k = sn.parameter("k", 0.1)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(w), k * sn.laplacian(w))],
        domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(X), sn.periodic(y)],
        initial={w: sn.sin(2 * sn.pi * X) * sn.cos(2 * sn.pi * y)},
    )
    model = sn.neural.SystemODE(system, 8)
    out = model([0.0, 0.1])
    curve, plane, _ = model.recover(k * w, out).plot(data=out[w]).axes
    assert curve.get_ylabel() == "trained term" and plane.get_title(loc="left") == "white: solve, black: data"
    values, missing, *_ = model.recover(k * w * X, out).plot(tmp_path / "two.png", truth=lambda x, u: 0.1 * x * u).axes
    assert values.get_xlabel() == "$x$" and values.get_ylabel() == "$w$"
    assert float(np.abs(missing.collections[0].get_array()).max()) < 1e-15
    with pytest.raises(sn.errors.FileError, match="no picture that can be written"):
        model.recover(k * w, out).plot(tmp_path / "term.xyz")


def test_replacing_in_sums_products_and_fluxes() -> None:
    a, b = sn.parameters(a=1.0, b=2.0)
    term, new = a * U + b * U**2, sn.sin(U)
    assert as_term(replaced(allen_cahn(term - 3), term, new).equations[0].rhs) is as_term(
        0.05 * sn.diff(U, X, 2) + new - 3
    )
    assert replaced(allen_cahn(-2 * a * U - 2 * b * U**2), term, new).equations[0].rhs is as_term(
        0.05 * sn.diff(U, X, 2) - 2 * new
    )
    flux = allen_cahn(sn.diff(term * sn.diff(U, X), X))
    system = replaced(flux, term, 1 + U**2)
    assert system.equations[0].rhs is as_term(0.05 * sn.diff(U, X, 2) + sn.diff((1 + U**2) * sn.diff(U, X), X))
    assert set(flux.parameters) == {"a", "b"} and set(system.parameters) == set()
    with pytest.raises(ModelError, match="do not hold"):
        replaced(allen_cahn(U), term, new)


def test_replacing_a_network_replaces_its_derivatives() -> None:
    f = sn.neural.network("f", [U, X], [2, 3, 1])
    by_u, by_x = sn.jacobian([f], [U, X])[0]
    system = replaced(allen_cahn(f + 2 * by_u - by_x), f, X * U**2)
    assert system.equations[0].rhs is as_term(0.05 * sn.diff(U, X, 2) + X * U**2 + 4 * X * U - U**2)
    assert not system.parameters
    slope = replaced(allen_cahn(f + by_u), by_u, U)  # f itself is no derivative of what is replaced
    assert slope.equations[0].rhs is as_term(0.05 * sn.diff(U, X, 2) + f + U)
    hidden = next(s for s in symbols(f) if s.name == "f_b0_0")
    with pytest.raises(ModelError, match="a derivative that the formula"):
        replaced(allen_cahn(f + sn.jacobian([f], [hidden])[0][0]), f, U)
