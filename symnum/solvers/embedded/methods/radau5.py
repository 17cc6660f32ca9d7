"""Radau5: the three-stage Radau IIA method of order 5, fully implicit, L-stable, for very stiff and algebraic equations.

E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, section IV.8 (their code RADAU5); *Stiff differential
equations solved by Radau methods*, J. Comput. Appl. Math. 111 (1999) 93-111.

    c, A:  collocation at c = (4 - sqrt 6)/10, (4 + sqrt 6)/10, 1;     z_i = h sum_j a_ij f(t + c_j h, y + z_j),     y_new = y + z_3

With T^-1 A^-1 T = [g] + [[a, -b], [b, a]] and z = T w, one Newton iteration is a real and a complex solve:

    (g/h M - J) d_1 = (T^-1 F)_1 - g/h M w_1,      ((a + ib)/h M - J)(d_2 + i d_3) = (T^-1 F)_2 + i (T^-1 F)_3 - (a + ib)/h M (w_2 + i w_3)
    error = (g/h M - J)^-1 (f(t, y) + M (e_1 z_1 + e_2 z_2 + e_3 z_3)/h)            eq. (8.20), of order 4

Continuous extension: the collocation polynomial, of order 3; it also gives the next step's first guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.expr.build import minimum, sqrt
from symnum.expr.term import Term
from symnum.solvers.embedded import newton
from symnum.solvers.embedded.driver import (
    Parts,
    Weight,
    atol,
    error,
    error_norm,
    evaluate,
    h_old,
    h_try,
    rejecting,
    rtol,
    steps,
    t,
    unconverged,
)
from symnum.solvers.embedded.language import (
    If,
    Multiply,
    Norm,
    Solve,
    SolveComplex,
    Statement,
    Swap,
    While,
    combination,
    let,
    scalars,
)
from symnum.solvers.embedded.method import Method

Array = NDArray[np.float64]
ROOT = 6**0.5
NODES = ((4 - ROOT) / 10, (4 + ROOT) / 10, 1.0)
ESTIMATE = (-(13 + 7 * ROOT) / 3, (-13 + 7 * ROOT) / 3, -1 / 3)  # e_i
RENEW_RATE = 0.02  # J is renewed after contraction slower than this

Z, W, F, OLD = (tuple(f"{letter}{i}" for i in (1, 2, 3)) for letter in "zwfp")
size_1, size_2, size_3 = scalars("size_1 size_2 size_3")


def collocation(nodes: Sequence[float]) -> Array:
    """A of the collocation method: a_ij = integral of the Lagrange polynomial j from 0 to c_i."""
    powers = np.vander(nodes, increasing=True)
    integrals = np.array([[c ** (k + 1) / (k + 1) for k in range(len(nodes))] for c in nodes])
    made: Array = np.linalg.solve(powers.T, integrals.T).T
    return made


def transformation(matrix: Array) -> tuple[float, float, float, Array]:
    """(g, a, b, T) with matrix T = T ([g] + [[a, -b], [b, a]]), b > 0; the last row of T is (1, 1, 0)."""
    values, vectors = np.linalg.eig(matrix)
    real = int(np.argmin(np.abs(values.imag)))
    pair = int(np.argmin(values.imag))  # a - ib
    u, v = vectors[:, real].real, vectors[:, pair]
    v = v / v[2]
    return (
        float(values[real].real),
        float(values[pair].real),
        float(-values[pair].imag),
        np.stack([u / u[2], v.real, v.imag], axis=1),
    )


G, ALPHA, BETA, T = transformation(np.asarray(np.linalg.inv(collocation(NODES)), dtype=np.float64))
TI: Array = np.asarray(np.linalg.inv(T), dtype=np.float64)


def _basis(theta: Any) -> list[Any]:
    """The cubic polynomials L_j that are 1 at node j and 0 at 0 and at the other nodes, at theta."""
    made = []
    for j, c in enumerate(NODES):
        others = [d for k, d in enumerate(NODES) if k != j]
        scale = c * (c - others[0]) * (c - others[1])
        made.append(theta * (theta - others[0]) * (theta - others[1]) * (1 / scale))
    return made


def _interpolant() -> tuple[Weight, ...]:
    """y(theta) = y + sum_j L_j(theta) z_j; after acceptance the increments are called p."""
    rows: list[Weight] = [("y_new", 0, (1,))]
    for j, name in enumerate(OLD):
        first, second = (d for k, d in enumerate(NODES) if k != j)
        scale = NODES[j] * (NODES[j] - first) * (NODES[j] - second)
        rows.append((name, 0, (0, first * second / scale, -(first + second) / scale, 1 / scale)))
    return tuple(rows)


def _guess() -> tuple[Statement, ...]:
    """z from the last step's polynomial q: z_i = q(1 + c_i h/h_old) - q(1); zero in a first step."""
    ratio = h_try / h_old
    old: list[Statement] = []
    for z, c in zip(Z, NODES, strict=True):
        weights = _basis(1 + c * ratio)
        old.append(combination(z, *((w - (j == 2), p) for j, (w, p) in enumerate(zip(weights, OLD, strict=True)))))
    zero = tuple(combination(z, (1, "y"), (-1, "y")) for z in Z)
    return If(newton.size_h > 0, tuple(old), zero), *_transform(W, TI, Z)


def _transform(out: tuple[str, ...], matrix: Array, source: tuple[str, ...]) -> list[Statement]:
    return [
        combination(name, *((float(m) if abs(m) > 1e-15 else 0, v) for m, v in zip(row, source, strict=True)))
        for name, row in zip(out, matrix, strict=True)
    ]


def _residual() -> tuple[Statement, ...]:
    """The right sides of the two systems, in the memory of z."""
    g, a, b = G / h_try, ALPHA / h_try, BETA / h_try
    inertia: list[list[tuple[Any, str]]] = [[(-g, "w1")], [(-a, "w2"), (b, "w3")], [(-a, "w3"), (-b, "w2")]]
    plain: list[Statement] = []
    masked: list[Statement] = []
    for z, row, terms in zip(Z, TI, inertia, strict=True):
        slopes = [(float(m), f) for m, f in zip(row, F, strict=True)]
        plain.append(combination(z, *slopes, *terms))
        masked += [combination(z, *terms), Multiply(z, z, "differential"), combination(z, (1, z), *slopes)]
    return (If(newton.algebraic > 0, tuple(masked), tuple(plain)),)


def _iterate() -> tuple[Statement, ...]:
    """Newton's iteration for z and w."""
    body: list[Statement] = []
    for z, f, c in zip(Z, F, NODES, strict=True):
        body += [combination("y_new", (1, "y"), (1, z)), *evaluate(f, t + c * h_try, "y_new")]
    body += [
        *_residual(),
        Solve("linear_ok", 0, "z1", "z1"),
        If(newton.linear_ok > 0, (SolveComplex("linear_ok", 1, "z2", "z3", "z2", "z3"),)),
        *(Norm(f"size_{i}", combination("y", (1, z)).terms, ("y",), atol, rtol) for i, z in enumerate(Z, start=1)),
        let(newton.size, sqrt((size_1**2 + size_2**2 + size_3**2) / 3)),
        *(combination(w, (1, w), (1, z)) for w, z in zip(W, Z, strict=True)),
        *_transform(Z, T, W),
        *newton.judge(minimum(newton.newton_share, sqrt(rtol))),
    ]
    return *newton.begin(), While(newton.iterating > 0, tuple(body))


def _estimate() -> tuple[Statement, ...]:
    """The estimate; in a first step and after a rejection it is filtered once more by f(t, y + error), eq. (8.21)."""
    increments = [(e / h_try, z) for e, z in zip(ESTIMATE, Z, strict=True)]
    again = (
        combination("y_new", (1, "y"), (1, "f2")),
        *evaluate("f2", t, "y_new"),
        combination("f2", (1, "f2"), (1, "f1")),
        Solve("linear_ok", 0, "f2", "f2"),
        error_norm(error, ("y",), (1, "f2")),
        combination("y_new", (1, "y"), (1, "z3")),
    )
    return (
        combination("y_new", (1, "y"), (1, "z3")),
        combination("f1", *increments),
        If(newton.algebraic > 0, (Multiply("f1", "f1", "differential"),)),
        combination("f2", (1, "slope"), (1, "f1")),
        Solve("linear_ok", 0, "f2", "f2"),
        error_norm(error, ("y", "y_new"), (1, "f2")),
        If((error > 1) & ((steps <= 0) | (rejecting > 0)), again),
        If(newton.linear_ok <= 0, newton.failed()),
        If(error <= 1, newton.last_slope()),
    )


def _controller() -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    most = 2 * newton.ITERATIONS
    safety: Term = 0.9 * (most + 1) / (most + newton.iteration)
    accepted, rejected = newton.keep_or_change(4, safety, renew=RENEW_RATE)
    return (*accepted, *(Swap(z, p) for z, p in zip(Z, OLD, strict=True))), rejected


METHOD = Method(
    name="Radau5",
    order=5,
    dense_order=3,
    parts=Parts(
        name="radau5",
        order=5,
        vectors=(*Z, *W, *F, *OLD, "differential"),
        attempt=(
            *newton.prepare([(G, None), (ALPHA, BETA)]),
            If(unconverged <= 0, (*_guess(), *_iterate())),
            If(unconverged <= 0, _estimate()),
        ),
        next_step=_controller(),
        interpolant=_interpolant(),
        kept=OLD,
        scalars=(*newton.SCALARS.split(), "size_1", "size_2", "size_3"),
        restart=newton.restart(),
    ),
    summary="Radau IIA of order 5: very stiff and oscillatory equations and algebraic equations of index 1, sharp tolerances",
    estimate_order=4,
    implicit=True,
)
