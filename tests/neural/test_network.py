"""Networks as terms: the same numbers as the network in NumPy, in equations and fluxes; weights by name; bad input."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.neural.networks import initial_weights, network, parameter_values, weights_of

T, X = sn.coordinates("t x")
U = sn.field("u", (T, X))


def evaluate(weights: Any, *inputs: Any) -> np.ndarray:
    h = np.stack(np.broadcast_arrays(*inputs), axis=-1)
    for layer, (matrix, bias) in enumerate(weights):
        h = h @ matrix.T + bias
        h = np.tanh(h) if layer < len(weights) - 1 else h
    return h


def diffusion(rate: Any, **more: Any) -> Any:
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), rate)],
        domain=sn.Domain(t=(0, 0.2), x=(0, 1)),
        conditions=[sn.periodic(X)],
        initial={U: sn.sin(2 * sn.pi * X)},
        **more,
    )


@pytest.mark.parametrize("layers", [[1, 4, 1], [1, 3, 5, 1], [1, 1]])
def test_a_reaction_term_is_the_network_in_numpy(layers: list[int]) -> None:
    weights = initial_weights(layers, seed=4)
    assert [w.shape for w, _ in weights] == [(b, a) for a, b in pairwise(layers)]
    d = sn.discretise(diffusion(network("f", U, layers, seed=4)), resolution=12, target="numpy")
    y = np.linspace(-2, 2, 12)
    np.testing.assert_allclose(d.compiled(0.0, y, d.semi.parameter_values), evaluate(weights, y)[:, 0], rtol=1e-13)


def test_a_solve_equals_scipy_with_the_network_in_numpy() -> None:
    layers, n = [1, 5, 1], 16
    system = diffusion(0.1 * sn.diff(U, X, 2) + network("f", [U], layers, seed=1))
    h = 1 / n

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        second = (np.roll(y, 1) - 2 * y + np.roll(y, -1)) / h**2
        return 0.1 * second + evaluate(initial_weights(layers, 1), y)[:, 0]

    start = np.sin(2 * np.pi * np.arange(n) * h)
    exact = solve_ivp(rhs, (0, 0.2), start, rtol=1e-11, atol=1e-12).y[:, -1]
    got = sn.solve(system, resolution=n, method="Tsit5", rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(np.asarray(got["u"])[-1][:n], exact, atol=1e-8)


def test_a_diffusivity_inside_a_flux_keeps_mass() -> None:
    k = network("k", [U], [1, 4, 1], "softplus", seed=2)
    d = sn.discretise(diffusion(sn.div((k**2 + 0.1) * sn.grad(U))), resolution=20)
    y = np.cos(np.arange(20.0))
    assert abs(d.compiled(0.0, y, d.semi.parameter_values).sum()) < 1e-10 * 20**2


def test_several_inputs_and_outputs() -> None:
    t = sn.coordinates("t")
    a, b = sn.fields("a b", (t,))
    outputs = network("g", [a, b, t], [3, 4, 2], seed=7)
    assert isinstance(outputs, tuple) and len(outputs) == 2
    system = sn.ODESystem([sn.Eq(sn.dt(a), outputs[0]), sn.Eq(sn.dt(b), outputs[1])], t=(0, 1), initial={a: 1, b: 2})
    d = sn.discretise(system)
    want = evaluate(initial_weights([3, 4, 2], 7), 0.3, -0.4, 0.5)
    np.testing.assert_allclose(d.compiled(0.5, [0.3, -0.4], d.semi.parameter_values), want, rtol=1e-13)


def test_weights_go_in_and_out_by_name() -> None:
    layers = [1, 3, 1]
    new = initial_weights(layers, seed=9)
    system = diffusion(network("f", U, layers), parameters=parameter_values("f", new))
    assert len(system.parameters) == 10
    d = sn.discretise(system, resolution=8)
    y = np.linspace(-1, 1, 8)
    np.testing.assert_allclose(d.compiled(0.0, y, d.semi.parameter_values), evaluate(new, y)[:, 0], rtol=1e-13)
    for (w, b), (v, c) in zip(weights_of("f", layers, system.parameters), new, strict=True):
        np.testing.assert_array_equal(w, v)
        np.testing.assert_array_equal(b, c)


def test_the_seed_decides_the_weights() -> None:
    assert network("f", U, [1, 3, 1]) is network("f", U, [1, 3, 1], seed=0)
    assert network("f", U, np.array([1, 3, 1])) is network("f", U, [1, 3, 1])
    assert network("f", U, [1, 3, 1], seed=1) is not network("f", U, [1, 3, 1])
    assert all(np.abs(w).max() <= 1 / np.sqrt(w.shape[1]) for w, _ in initial_weights([4, 30, 2]))


@pytest.mark.parametrize(
    ("inputs", "layers", "options", "said"),
    [
        ([U], [2, 3, 1], {}, r"begins with 2, but there are 1 inputs; write layers=\[1, 3, 1\]"),
        ([U], [1], {}, r"write for example layers=\[1, 16, 1\]"),
        ([U], [1, 0, 1], {}, "no numbers of units"),
        ([U], [1, 2.5, 1], {}, "no numbers of units"),
        ([U], [1, 3, 1], {"activation": "tan"}, "Did you mean 'tanh'"),
        ([U], [1, 100, 100, 1], {}, "4000 at most"),
        ([U], [1, 3, 1], {"seed": "x"}, "write for example seed=1"),
        ("u", [1, 3, 1], {}, "no list of terms"),
        (3, [1, 3, 1], {}, "no list of terms"),
        ([], [1, 1], {}, r"inputs=\[\] is no list of terms"),
        ([U], 5, {}, "layers=5 are no numbers of units"),
        ([U], [1, 3, 1], {"activation": None}, "There are: tanh"),
    ],
)
def test_bad_input(inputs: Any, layers: list[Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(sn.errors.ModelError, match=said):
        network("f", inputs, layers, **options)


@pytest.mark.parametrize("name", ["1f", "", "f u", 3])
def test_names_are_identifiers(name: Any) -> None:
    with pytest.raises(sn.errors.ModelError, match="cannot begin the names of weights"):
        network(name, [U], [1, 3, 1])


def test_values_that_are_missing_are_named() -> None:
    with pytest.raises(sn.errors.ModelError, match="f_w0_2_0 is missing"):
        weights_of("f", [1, 3, 1], parameter_values("f", initial_weights([1, 2, 1])))


def test_a_term_needs_no_torch() -> None:
    text = "import sys; import symnum.neural.networks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", text], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
