"""Right-hand sides and steps as they are found in people's files, traced without a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.tracing.test_capture import check, uniform

# ruff: noqa: E731

A, B = np.random.default_rng(3).normal(size=(2, 8, 8))


def cookbook(y, t, f, k, Du, Dv, dx):
    u = y[::2]
    v = y[1::2]
    dydt = np.empty_like(y)
    dudt = dydt[::2]
    dvdt = dydt[1::2]
    G = lambda u, v: f * (1 - u) - u * v**2
    H = lambda u, v: -(f + k) * v + u * v**2
    dudt[0] = G(u[0], v[0]) + Du * (-2.0 * u[0] + 2.0 * u[1]) / dx**2
    dudt[1:-1] = G(u[1:-1], v[1:-1]) + Du * np.diff(u, 2) / dx**2
    dudt[-1] = G(u[-1], v[-1]) + Du * (-2.0 * u[-1] + 2.0 * u[-2]) / dx**2
    dvdt[0] = H(u[0], v[0]) + Dv * (-2.0 * v[0] + 2.0 * v[1]) / dx**2
    dvdt[1:-1] = H(u[1:-1], v[1:-1]) + Dv * np.diff(v, 2) / dx**2
    dvdt[-1] = H(u[-1], v[-1]) + Dv * (-2.0 * v[-1] + 2.0 * v[-2]) / dx**2
    return dydt


def bodies(y, t):
    n = 4
    pos = y[: 2 * n].reshape(n, 2)
    vel = y[2 * n :].reshape(n, 2)
    acc = np.zeros((n, 2))
    for i in range(n):
        for j in range(n):
            if i != j:
                d = pos[j] - pos[i]
                acc[i] += d / (np.linalg.norm(d) ** 3 + 0.1)
    return np.hstack([vel.flatten(), acc.flatten()])


def weno(u, t):
    up = np.pad(u, 3, mode="wrap")

    def rec(a, b, c, d, e):
        b0 = 13 / 12 * (a - 2 * b + c) ** 2 + 0.25 * (a - 4 * b + 3 * c) ** 2
        b1 = 13 / 12 * (b - 2 * c + d) ** 2 + 0.25 * (b - d) ** 2
        b2 = 13 / 12 * (c - 2 * d + e) ** 2 + 0.25 * (3 * c - 4 * d + e) ** 2
        w0 = 0.1 / (1e-6 + b0) ** 2
        w1 = 0.6 / (1e-6 + b1) ** 2
        w2 = 0.3 / (1e-6 + b2) ** 2
        s = w0 + w1 + w2
        return (w0 * (2 * a - 7 * b + 11 * c) / 6 + w1 * (-b + 5 * c + 2 * d) / 6 + w2 * (2 * c + 5 * d - e) / 6) / s

    n = len(u)
    flux = rec(up[0 : n + 1], up[1 : n + 2], up[2 : n + 3], up[3 : n + 4], up[4 : n + 5])
    return -(flux[1:] - flux[:-1]) * 10


def mac(u, v, p):
    un = np.empty_like(u)
    vn = np.empty_like(v)
    un[1:-1, 1:-1] = (
        u[1:-1, 1:-1]
        - 0.1 * u[1:-1, 1:-1] * (u[1:-1, 1:-1] - u[1:-1, :-2])
        - 0.1 * v[1:-1, 1:-1] * (u[1:-1, 1:-1] - u[:-2, 1:-1])
        - 0.05 * (p[1:-1, 2:] - p[1:-1, :-2])
    )
    un[0, :] = 0
    un[:, 0] = 0
    un[:, -1] = 0
    un[-1, :] = 1
    vn[:] = v
    vn[0] = vn[1]
    vn[-1] = vn[-2]
    vn[:, 0] = vn[:, 1]
    return un, vn


def wave(y, t):
    n = y.shape[0] // 2
    u, v = y[:n], y[n:]
    x = np.linspace(0, 1, n)
    c = 1 + 0.5 * np.sin(x)
    return np.r_[v, c**2 * np.gradient(np.gradient(u, x[1] - x[0]), x[1] - x[0])]


def vicsek(x, th):
    d = x[:, None, :] - x[None, :, :]
    near = (d**2).sum(-1) < 0.3
    s = (near * np.sin(th)[None, :]).sum(1)
    c = np.where(near, np.cos(th), 0).sum(axis=1)
    return np.arctan2(s, c)


def fvm(q, t):
    rho, m, E = q
    u = m / rho
    p = 0.4 * (E - 0.5 * rho * u**2)
    F = np.array([m, m * u + p, u * (E + p)])
    s = np.abs(u) + np.sqrt(1.4 * p / rho)
    smax = s.max()
    h = 0.5 * (F[:, 1:] + F[:, :-1]) - 0.5 * smax * (q[:, 1:] - q[:, :-1])
    dq = np.zeros_like(q)
    dq[:, 1:-1] = -(h[:, 1:] - h[:, :-1]) * 50
    return dq


def minmod(u, t):
    a = u[1:-1] - u[:-2]
    b = u[2:] - u[1:-1]
    s = np.where(a * b > 0, np.where(np.abs(a) < np.abs(b), a, b), 0.0)
    return np.sign(s) * np.minimum(abs(s), 1)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(x):
    q, k = x @ A, x @ B
    return softmax(q @ k.T / np.sqrt(8)) @ x


EULER = uniform(3, 20) + np.array([0, 0, 3])[:, None]
CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (cookbook, (uniform(40), 0.0, 0.02, 0.08, 0.01, 0.02, 0.1)),
    (bodies, (uniform(16), 0.0)),
    (weno, (uniform(30), 0.0)),
    (mac, (uniform(9, 8), uniform(9, 8), uniform(9, 8))),
    (wave, (uniform(40), 0.0)),
    (vicsek, (uniform(9, 2), uniform(9))),
    (fvm, (EULER, 0.0)),
    (minmod, (uniform(9), 0.0)),
    (attention, (uniform(20, 8),)),
]


@pytest.mark.parametrize(("f", "values"), CASES, ids=[f.__name__ for f, _ in CASES])
def test_user_code(f: Callable[..., Any], values: tuple[Any, ...]) -> None:
    check(f, *values)
