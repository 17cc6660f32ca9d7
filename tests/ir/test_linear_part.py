"""f = L y + N: L against the Jacobian at y = 0 of polynomial systems, N against f - L y, on random equations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.codegen.target import compile_kernel
from symnum.expr.term import Term
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Store, load, statements
from symnum.ir.linear_part import constant_term, linear_part, split_linear, without_linear_part
from symnum.model.numeric import evaluate

U, V, T = load("u", (0,)), load("v", (0,)), sn.coordinates("t")
K = sn.parameter("k", 2.0)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (3 + U, 3),
        (K * (2 + U) * (V - 1), -2 * K),
        ((1 + U) ** 2, 1),
        (sn.exp(U), 0),  # no polynomial: nothing is taken
        (1 / (2 + U), 0),
        (sn.sin(K), sn.sin(K)),
        (K / (1 + K) + sn.cos(T) * U, K / (1 + K)),
        (5 + T, 5),
    ],
)
def test_the_constant_term_of_a_polynomial(term: Term, expected: Term | float) -> None:
    assert constant_term(term) is (expected if isinstance(expected, Term) else 0 * U + expected)


@settings(max_examples=40)
@given(data=st.data())
def test_a_split_term_is_the_sum_of_its_parts(data: st.DataObject) -> None:
    leaves = st.sampled_from([U, V, K, 3 + 0 * U, T, sn.sin(U), 1 / (3 + V * V)])
    grown = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda p: p[0] + 2 * p[1]),
            st.tuples(inner, inner).map(lambda p: p[0] * p[1]),
            inner.map(lambda a: (a + 1) ** 2),
            st.tuples(inner, inner).map(lambda p: sn.where(K > 1, p[0], p[1])),
        ),
        max_leaves=8,
    )
    term = data.draw(grown)
    linear, rest = split_linear(term)
    together = sum((c * s for s, c in linear.items()), rest)
    values = {U: 0.37, V: -1.21, T: 0.83, K: 2.0}
    exact, made = (float(evaluate(x, values)) for x in (term, together))
    assert abs(made - exact) <= 1e-12 * max(1.0, abs(exact))
    assert not split_linear(rest)[0]
    assert all(constant_term(c) is c for c in linear.values())


def _brusselator_like() -> sn.PDESystem:
    t, x, y = sn.coordinates("t x y")
    u, v = sn.fields("u v", (t, x, y))
    a = sn.parameter("a", 3.4)
    equations = [
        sn.Eq(sn.dt(u), 1 + u**2 * v - (a + 1) * u + 2 * sn.laplacian(u) + (t >= 0.5) * sn.sin(x)),
        sn.Eq(
            sn.dt(v),
            a * u - u**2 * v + sn.diff((2 + sn.cos(x)) * sn.diff(v, x), x) + sn.diff(v, y, 2) - u * sn.diff(v, y),
        ),
    ]
    conditions = [sn.periodic(x), *(sn.dirichlet(f, 0, at={y: b}) for f in (u, v) for b in (0, 1))]
    domain = sn.Domain(t=(0, 1), x=(0, 2 * sn.pi), y=(0, 1))
    return sn.PDESystem(
        equations, domain=domain, conditions=conditions, initial={u: sn.sin(sn.pi * y), v: sn.sin(sn.pi * y)}
    )


def test_the_linear_part_is_the_jacobian_at_zero_and_the_rest_has_none() -> None:
    discretised = sn.discretise(_brusselator_like(), resolution={"x": 8, "y": 9})
    part, p = linear_part(discretised.semi), discretised._vector
    assert part.complete and part.grid == (8, 8) and part.signs == (1, 0) and part.fields == ("u", "v")
    exact = discretised.jacobian(0.2, np.zeros(part.n)).toarray()
    assert np.abs(part.matrix.toarray() - exact).max() <= 1e-12 * np.abs(exact).max()
    rest = without_linear_part(discretised.semi.rhs)
    assert not any(split_linear(s.value)[0] for s in statements(rest.body) if isinstance(s, Store))
    y = np.random.default_rng(0).standard_normal(part.n)
    whole = discretised.rhs(0.7, y)
    for made in (interpret(rest, 0.7, y, p), compile_kernel(rest)(0.7, y, p)):
        assert np.abs(made + part.matrix @ y - whole).max() <= 1e-11 * np.abs(whole).max()


def test_parameters_enter_with_the_values_given() -> None:
    semi = sn.discretise(_brusselator_like(), resolution=8).semi
    changed = linear_part(semi, [4.4]).matrix - linear_part(semi, [3.4]).matrix
    u, v = range(semi.state[0].size), range(semi.state[1].offset, semi.size)
    assert np.allclose(changed[u][:, u].toarray(), -np.eye(len(u))) and np.allclose(
        changed[v][:, u].toarray(), np.eye(len(v))
    )


def test_functions_of_the_state_leave_the_part_incomplete() -> None:
    t = sn.coordinates("t")
    u = sn.field("u", (t,))
    system = sn.ODESystem([sn.Eq(sn.dt(u), -2 * u + sn.exp(-u))], domain=sn.Domain(t=(0, 1)), initial={u: 1})
    part = linear_part(sn.discretise(system).semi)
    assert not part.complete and part.grid is None and part.matrix.toarray().tolist() == [[-2.0]]
