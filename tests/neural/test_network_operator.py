"""The operator that a network in an equation is: its derivatives, its machine code, gradients by all weights; against the form written out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.codegen.llvm_scalars import worth_cutting
from symnum.codegen.target import compile_kernel
from symnum.codegen.targets import llvm
from symnum.errors import TargetError, TermError
from symnum.expr.adjoint import adjoints
from symnum.expr.calculus import differentiate
from symnum.expr.gradient import gradient
from symnum.expr.network import ACTIVATIONS, Shape, derived, network, weights, without_networks
from symnum.expr.term import Symbol, Term, as_term
from symnum.expr.walk import node_count, postorder
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Array, Kernel, Store, load, nest, statements, values
from symnum.ir.passes import share_networks, write_networks_out
from symnum.ir.vjp import vjp_kernel
from symnum.model.numeric import evaluate
from symnum.neural import networks

T, X, Y = sn.coordinates("t x y")
U, W, Z = sn.field("u", (T, X)), sn.field("w", (T, X, Y)), sn.field("z", (T, X, Y))
A, B = sn.symbol("a"), sn.symbol("b")


def term(shape: Shape) -> tuple[Term, list[Symbol]]:
    """A network of a^2 and b, and its weights."""
    parts = [Symbol(f"f_w0_{k}", "parameter") for k in range(shape.count)]
    return network(shape, [A**2, B][: shape.inputs], weights(parts)), parts


def close(one: Term, other: Term, at: dict[Any, Any]) -> None:
    np.testing.assert_allclose(evaluate(one, at), evaluate(other, at), rtol=1e-11, atol=1e-13)


SHAPES = st.builds(
    Shape, st.sampled_from(ACTIVATIONS), st.sampled_from([(1, 3, 1), (2, 1, 1), (2, 3, 2, 2), (1, 1)]), st.just(0)
)


@settings(max_examples=30)
@given(SHAPES, st.lists(st.integers(0, 30), min_size=1, max_size=3))
def test_derivatives_are_those_of_the_form_written_out(shape: Shape, places: list[int]) -> None:
    f, parts = term(shape)
    rng = np.random.default_rng(len(parts))
    at = {**{p: rng.normal() for p in parts}, A: np.array([0.7, -0.4]), B: np.array([-0.8, 0.3])}
    full = without_networks(f)
    close(f, full, at)
    symbols = [A, B, *parts]
    for k in places:
        s = symbols[k % len(symbols)]
        f, full = differentiate(f, s), differentiate(full, s)
        close(f, full, at)
        close(without_networks(f), full, at)


@pytest.mark.parametrize("activation", ["tanh", "silu"])
def test_gradients_up_and_down_agree_with_the_form_written_out(activation: str) -> None:
    f, parts = term(Shape(activation, (2, 3, 2, 1)))
    rng = np.random.default_rng(1)
    at = {**{p: rng.normal() for p in parts}, A: 0.6, B: -1.1}
    for found, want in (
        (gradient(f * B, lambda s: True), gradient(without_networks(f) * B, lambda s: True)),
        (adjoints([(f, B)], lambda s: True), adjoints([(without_networks(f), B)], lambda s: True)),
    ):
        assert set(found) == set(want) and len(found) == len(parts) + 2
        for s in want:
            close(found[s], want[s], at)


def test_a_term_does_not_grow_with_the_network() -> None:
    small, large = (networks.network("k", [U], [1, n, 1]) for n in (4, 400))
    inside = [small, differentiate(large, U), small]
    assert [node_count(t) - len(t.args[-1].args) for t in inside] == [3, 3, 3]  # f, the block of weights and u
    flux = sn.div(large * sn.grad(U))
    assert str(flux) == "dx(k(u)*dx(u))"


def test_words_for_networks() -> None:
    f, g = networks.network("f", [U], [1, 2, 1]), networks.network("g", [U, X], [2, 2, 2])
    assert str(f) == "f(u)" and str(differentiate(f, U)) == "f'(u)" and str(derived(derived(f, 0), 0)) == "f''(u)"
    assert str(differentiate(g[0], U)) == "g[0]_1(u, x)"
    assert [str(output) for output in g] == ["g[0](u, x)", "g[1](u, x)"]  # as one writes them
    assert (f + 1)._repr_latex_() == r"$1 + f\left(u\right)$"
    assert "tanh" in str(networks.write_out(f)) and networks.write_out(f).to_sympy() == f.to_sympy()
    (found,) = networks.networks_of([2 * f])
    assert (found.name, found.inputs, found.layers, found.activation) == ("f", (U,), (1, 2, 1), "tanh")
    initial = networks.initial_weights([1, 2, 1])
    at = {p: evaluate(p, {p: v}) for p, v in zip(f.args[-1].args, _flat(initial), strict=True)}
    np.testing.assert_allclose(found(initial, np.array([0.3, 2.0])), evaluate(f, {**at, U: np.array([0.3, 2.0])}))
    with pytest.raises(TermError, match="4 is the most"):
        for _ in range(5):
            f = derived(f, 0)


def _flat(pairs: Any) -> list[float]:
    return [float(x) for w, b in pairs for x in (*w.ravel(), *b)]


# --- machine code -----------------------------------------------------------------------------------------------------


def pointwise(shape: Shape, n: int, constant: bool = False) -> Kernel:
    """out = 2 f(u, v) at n points."""
    f, parts = term(shape)
    f = (
        f
        if not constant
        else network(shape, f.args[:-1], weights([p if k else as_term(0.3) for k, p in enumerate(parts)]))
    )
    inputs = tuple(Array(name, (n,), k * n, (0,), (0,), name) for k, name in enumerate("uv"))
    value = sn.substitute(2 * f, {A: load("u", (0,)), B: load("v", (0,))})
    out = (Array("out", (n,), 0, (0,), (0,), "out"),)
    return Kernel("k", inputs, out, tuple(parts), None, (n,), (nest(((0, 0, n),), (Store("out", value),)),))


@pytest.mark.parametrize(
    ("activation", "sizes", "places"),
    [
        *((g, (2, 4, 3, 2), (0, 1)) for g in ACTIVATIONS),
        ("tanh", (1, 3, 1), ()),
        ("gelu", (1, 5, 1), ()),
        ("silu", (2, 3, 4, 1), (1, 5)),
    ],
)
def test_machine_code_is_the_numpy_meaning(activation: str, sizes: tuple[int, ...], places: tuple[int, ...]) -> None:
    """Whole vectors, remainders and single points; also by weights, and with weights that are numbers."""
    kernels = [pointwise(Shape(activation, sizes, sizes[-1] - 1, places), n, n == 3) for n in (3, 45)]
    for kernel in kernels:
        rng = np.random.default_rng(4)
        y, p = 3 * rng.normal(size=kernel.input_size), rng.normal(size=len(kernel.parameters))
        want = interpret(kernel, 0.0, y, p)
        np.testing.assert_allclose(compile_kernel(kernel)(0.0, y, p), want, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(interpret(write_networks_out(kernel), 0.0, y, p), want, rtol=1e-10, atol=1e-12)


def test_large_systems_of_single_equations_hold_networks_too() -> None:
    """Their code is cut into functions, in which networks are written out."""
    f, parts = term(Shape("tanh", (2, 3, 1)))
    loads = [load(f"u{k}", ()) for k in range(40)]
    inputs = tuple(Array(f"u{k}", (), k, (), (), f"u{k}") for k in range(40))
    outputs = tuple(Array(f"out{k}", (), k, (), (), f"out{k}") for k in range(40))
    body = []
    for k, u in enumerate(loads):
        rate = (
            sn.substitute(f, {A: u, B: loads[k - 1]}) if k % 10 == 0 else sn.sin(u) * sn.exp(loads[k - 1]) + sn.cos(u)
        )
        body.append(Store(f"out{k}", rate * sn.tanh(u + k)))
    kernel = Kernel("large", inputs, outputs, tuple(parts), None, (), tuple(body))
    assert worth_cutting(kernel)
    y, p = np.linspace(-1, 1, 40), np.linspace(-0.5, 0.7, len(parts))
    np.testing.assert_allclose(compile_kernel(kernel)(0.0, y, p), interpret(kernel, 0.0, y, p), rtol=1e-12)


def test_far_arguments_stay_finite_and_nan_stays_nan() -> None:
    for activation in ("silu", "softplus", "tanh", "sigmoid"):
        kernel = pointwise(Shape(activation, (1, 2, 1), 0, (0, 0)), 8)
        y = np.array([1e3, -1e3, 1e-300, 0.0, 800.0, -800.0, np.nan, 1.0, *np.zeros(8)])
        got = compile_kernel(kernel)(0.0, y, np.array([0.5, -2.0, 0.1, 0.2, 1.0, -1.0, 0.3]))
        assert np.isnan(got[6]) and np.isfinite(np.delete(got, 6)).all()


def test_float32_kernels_are_refused() -> None:
    with pytest.raises(TargetError, match="networks are computed in float64"):
        compile_kernel(replace(pointwise(Shape("tanh", (1, 2, 1)), 8), dtype="float32"))


# --- equations ----------------------------------------------------------------------------------------------------------


def pde(rate: Any, *conditions: Any) -> Any:
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), rate)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=conditions or [sn.periodic(X)],
        initial={U: sn.cos(2 * sn.pi * X)},
    )


def systems() -> dict[str, Any]:
    def plane(rates: Any, conditions: Any) -> Any:
        return sn.PDESystem(
            [sn.Eq(sn.dt(u), rate) for u, rate in rates.items()],
            domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
            conditions=conditions,
            initial=dict.fromkeys(rates, sn.cos(2 * sn.pi * Y) * sn.cos(2 * sn.pi * X)),
        )

    f, k = networks.network("f", U, [1, 12, 1]), networks.network("k", [U, X], [2, 4, 3, 1], "softplus", seed=1)
    g = networks.network("g", W, [1, 3, 1])
    h = networks.network("h", [W, Z], [2, 4, 2], "gelu", seed=2)
    assert isinstance(f, Term) and isinstance(k, Term) and isinstance(g, Term) and isinstance(h, tuple)
    inner = networks.network("s", [f + U, sn.diff(U, X)], [2, 3, 1])
    closed = [sn.periodic(Y), *(sn.neumann(u, 0, at={X: e}) for u in (W, Z) for e in (0, 1))]
    return {
        "reaction": pde(0.1 * sn.diff(U, X, 2) + f),
        "flux": pde(sn.div(k * sn.grad(U)), *[sn.neumann(U, 0, at={X: e}) for e in (0, 1)]),
        "periodic flux": pde(sn.div(f * sn.grad(U))),
        "inside each other": pde(0.1 * sn.diff(U, X, 2) + inner + sn.integral(f, X)),
        "branches": pde(0.1 * sn.diff(U, X, 2) + sn.where(U > 0, f, networks.network("s", U, [1, 3, 1]))),
        "plane": plane({W: sn.div(g * sn.grad(W))}, [sn.periodic(X), sn.periodic(Y)]),
        "two outputs": plane({W: sn.laplacian(W) + h[0] * W, Z: sn.laplacian(Z) + h[1] - h[0]}, closed),
    }


@pytest.mark.parametrize("name", systems())
def test_equations_and_all_their_derivatives_equal_the_form_written_out(name: str) -> None:
    d = sn.discretise(systems()[name], resolution=6 if name in ("plane", "two outputs") else 10)
    kernel, plain = d.semi.rhs, write_networks_out(d.semi.rhs)
    assert any(node.op == "network" for node in postorder(values(kernel.body))) and plain is not kernel
    rng = np.random.default_rng(5)
    y, p = rng.normal(size=d.semi.size), rng.normal(size=len(kernel.parameters))
    both = np.concatenate([y, rng.normal(size=d.semi.size)])
    for one, other, state in ((kernel, plain, y), (vjp_kernel(kernel), vjp_kernel(plain), both)):
        want = interpret(other, 0.3, state, p)
        found = [compile_kernel(one)(0.3, state, p)]
        for got in found if one is kernel else [*found, interpret(one, 0.3, state, p)]:
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12 * abs(want).max())
    if name not in ("periodic flux", "inside each other"):
        return
    p = np.array(d.semi.parameter_values)
    step = 1e-6 * np.eye(len(y))
    quotients = [(d.compiled(0.3, y + e, p) - d.compiled(0.3, y - e, p)) / 2e-6 for e in step]
    exact = d.jacobian(0.3, y).toarray()
    np.testing.assert_allclose(exact, np.transpose(quotients), atol=3e-7 * abs(exact).max())


def test_neighbours_share_what_they_both_read() -> None:
    found = systems()
    for name, more in {"periodic flux": 1, "flux": 1, "plane": 2, "reaction": 0}.items():
        kernel = sn.discretise(found[name], resolution=8 if name == "plane" else 16).semi.rhs
        shared = share_networks(kernel)
        assert len(shared.locals) == len(kernel.locals) + more
        if name != "flux":  # beside closed sides some are computed where they are read
            count = [sum(n.op == "network" for n in postorder(values(k.body))) for k in (kernel, shared)]
            assert count[1] == count[0] - more


def test_code_does_not_grow_with_the_width() -> None:
    lengths = []
    for width in (8, 64):
        k = networks.network("k", [U], [1, width, 1], "softplus")
        kernel = sn.discretise(pde(sn.div(k * sn.grad(U))), resolution=32).semi.rhs
        reverse = vjp_kernel(kernel)
        text = [llvm.print_module(llvm.schedule(k)) for k in (kernel, reverse)]
        loads = 2 * len(kernel.parameters)  # each parameter is read
        lengths.append((len(list(statements(reverse.body))), *(t.count("\n") - loads for t in text)))
    (statements_a, *lines_a), (statements_b, *lines_b) = lengths
    assert statements_a == statements_b and abs(np.subtract(lines_a, lines_b)).max() < 20 < min(lines_a) / 20


def test_systems_in_text_and_other_languages_hold_the_form_written_out() -> None:
    system = systems()["periodic flux"]
    text = system.to_text()
    assert "tanh" in text["equations"][0]
    again = sn.PDESystem.from_text(**text)
    d, e = (sn.discretise(s, resolution=10) for s in (system, again))
    y = np.linspace(-1, 1, 10)
    want = d.compiled(0.0, y, d.semi.parameter_values)
    np.testing.assert_allclose(e.compiled(0.0, y, e.semi.parameter_values), want, rtol=1e-10, atol=1e-9)
    assert "tanh" in sn.generate(system, resolution=10, target="c").source
    kernel = vjp_kernel(sn.discretise(systems()["reaction"], resolution=6).semi.rhs)
    state, p = np.linspace(-1, 1, kernel.input_size), np.linspace(0.2, 1, len(kernel.parameters))
    want = interpret(kernel, 0.0, state, p)
    np.testing.assert_allclose(compile_kernel(kernel, "numpy")(0.0, state, p), want, rtol=1e-10, atol=1e-11)
