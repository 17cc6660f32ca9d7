"""Functions as users write them in NumPy, none of them written for symnum: what ``sn.trace`` takes without change.

``CASES`` maps a name to the function, arguments of a size that is memory-bound in NumPy, and the same small, for tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


def heat_roll(u, t):
    """Diffusion on a torus."""
    return 0.1 * (np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u)


def laplacian(z):
    """The five-point Laplacian of the inside, zero on the rim."""
    out = np.zeros_like(z)
    out[1:-1, 1:-1] = z[2:, 1:-1] + z[:-2, 1:-1] + z[1:-1, 2:] + z[1:-1, :-2] - 4.0 * z[1:-1, 1:-1]
    return out


def gray_scott(u, v, F=0.035, k=0.065):
    """Two arrays in, two out, with a helper function."""
    reaction = u * v * v
    return 0.16 * laplacian(u) - reaction + F * (1 - u), 0.08 * laplacian(v) + reaction - (F + k) * v


def heat_ghost(u, t):
    """Insulated sides by ghost cells."""
    p = np.pad(u, 1, mode="edge")
    h = 1.0 / u.shape[0]
    return (p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4 * p[1:-1, 1:-1]) / h**2


def smooth(image):
    """Convolution with a 5 x 5 Gaussian by loops over its weights."""
    w = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256.0
    n, m = image.shape
    padded = np.pad(image, 2, mode="wrap")
    out = np.zeros(image.shape)
    for i in range(5):
        for j in range(5):
            out += w[i, j] * padded[i : i + n, j : j + m]
    return out


def reaction_matmul(Mx, My, source, D=100.0):
    """The tutorial of Symbolics.jl: three species on an index grid, the first diffuses by products with tridiagonal matrices."""

    def f(u, t):
        A, B, C = u[:, :, 0], u[:, :, 1], u[:, :, 2]
        du = np.empty_like(u)
        AB = A * B
        du[:, :, 0] = D * (My @ A + A @ Mx) + source - A - AB + C
        du[:, :, 1] = 1.0 - B - AB + C
        du[:, :, 2] = 1.0 - C + AB - C
        return du

    return f


def tridiagonal(n):
    """Mx of the tutorial: (1, -2, 1) with reflecting ends."""
    Mx = np.diag(np.full(n, -2.0)) + np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1)
    Mx[1, 0] = 2.0
    Mx[n - 2, n - 1] = 2.0
    return Mx


def tutorial(n):
    """The function of ``reaction_matmul`` for n x n."""
    Mx = tridiagonal(n)
    source = np.zeros((n, n))
    source[np.arange(n) >= 4 * n / 5, :] = 1.0
    return reaction_matmul(Mx, Mx.T.copy(), source)


def lax_wendroff(u, dt=0.3):
    """One Richtmyer step of Burgers' equation, dx = 1."""
    f = 0.5 * u**2
    up, fp = np.roll(u, -1), np.roll(f, -1)
    half = 0.5 * (u + up) - 0.5 * dt * (fp - f)
    flux = 0.5 * half**2
    return u - dt * (flux - np.roll(flux, 1))


def diffusion_3d(u, t):
    """Logistic growth and diffusion, nothing through the sides that are left at zero."""
    du = np.zeros_like(u)
    c = u[1:-1, 1:-1, 1:-1]
    du[1:-1, 1:-1, 1:-1] = (
        u[2:, 1:-1, 1:-1]
        + u[:-2, 1:-1, 1:-1]
        + u[1:-1, 2:, 1:-1]
        + u[1:-1, :-2, 1:-1]
        + u[1:-1, 1:-1, 2:]
        + u[1:-1, 1:-1, :-2]
        - 6 * c
    )
    du[1:-1, 1:-1, 1:-1] += c * (1 - c)
    return du


def upwind(q, a, dt=0.4):
    """A conservative upwind step with a speed that changes its sign."""
    flux = np.where(a > 0, a * q, a * np.roll(q, -1, axis=1))
    return q - dt * (flux - np.roll(flux, 1, axis=1))


def n_body(x, v):
    """Accelerations of equal masses with softening, all pairs by broadcasting."""
    r = x[None, :, :] - x[:, None, :]
    d2 = np.sum(r**2, axis=2) + 0.05**2
    return v, np.sum(r / d2[:, :, None] ** 1.5, axis=1)


def lorenz96(x, t):
    """Lorenz 1996 with forcing 8, by rolls."""
    return (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + 8.0


def lorenz96_loop(x, t):
    """The same index by index."""
    n = len(x)
    dx = np.empty(n)
    for i in range(n):
        dx[i] = (x[(i + 1) % n] - x[i - 2]) * x[i - 1] - x[i] + 8.0
    return dx


def heat_loops(u, t):
    """Diffusion point by point, the rim kept."""
    n, m = u.shape
    du = np.zeros_like(u)
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            du[i, j] = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4 * u[i, j]
    return du


def tanh_network(W1, b1, W2, b2):
    """A network 2-16-2 on the cube of its input, for a batch."""

    def f(y, t):
        return np.tanh((y**3) @ W1 + b1) @ W2 + b2

    return f


def shallow_water(s, dt=0.05, g=1.0):
    """One Lax-Friedrichs step of the shallow water equations for (h, hu, hv), periodic."""
    h, hu, hv = s
    u, v = hu / h, hv / h
    x_flux = np.stack([hu, hu * u + 0.5 * g * h**2, hu * v])
    y_flux = np.stack([hv, hu * v, hv * v + 0.5 * g * h**2])

    def central(q, axis):
        return 0.5 * (np.roll(q, -1, axis) - np.roll(q, 1, axis))

    mean = 0.25 * (np.roll(s, 1, 1) + np.roll(s, -1, 1) + np.roll(s, 1, 2) + np.roll(s, -1, 2))
    return mean - dt * (central(x_flux, 1) + central(y_flux, 2))


def cahn_hilliard(c, t):
    """dc/dt = laplacian(c^3 - c - 0.5 laplacian(c)), periodic."""

    def lap(z):
        return np.roll(z, 1, 0) + np.roll(z, -1, 0) + np.roll(z, 1, 1) + np.roll(z, -1, 1) - 4 * z

    return lap(c**3 - c - 0.5 * lap(c))


def fput(y, t):
    """The cubic chain of Fermi, Pasta, Ulam and Tsingou between fixed ends: positions, then momenta."""
    n = y.size // 2
    q, p = y[:n], y[n:]
    stretch = np.diff(np.concatenate(([0.0], q, [0.0])))
    force = stretch + 0.3 * stretch**3
    return np.concatenate([p, force[1:] - force[:-1]])


def darcy(u, k):
    """div(k grad u) with harmonic means of a rough k on faces, in place (Julia's style does the same)."""
    kx = 2 * k[1:, :] * k[:-1, :] / (k[1:, :] + k[:-1, :])
    ky = 2 * k[:, 1:] * k[:, :-1] / (k[:, 1:] + k[:, :-1])
    fx = kx * (u[1:, :] - u[:-1, :])
    fy = ky * (u[:, 1:] - u[:, :-1])
    du = np.zeros_like(u)
    du[:-1, :] += fx
    du[1:, :] -= fx
    du[:, :-1] += fy
    du[:, 1:] -= fy
    return du


def kuramoto(theta, omega, K=1.5):
    """Oscillators in their mean field: two means over all, and a short way back."""
    c, s = np.cos(theta), np.sin(theta)
    return omega + K * (s.mean() * c - c.mean() * s)


@dataclass(frozen=True)
class Case:
    """``make(size)`` gives (function, arguments); ``large``: a size whose arrays do not fit into the caches; ``small``: for tests."""

    make: Callable[[int], tuple[Any, tuple[Any, ...]]]
    large: int
    small: int


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).uniform(0.5, 1.5, shape)


def _network(n: int) -> tuple[Any, tuple[Any, ...]]:
    g = np.random.default_rng(1)
    f = tanh_network(g.normal(size=(2, 16)), g.normal(size=16), g.normal(size=(16, 2)), g.normal(size=2))
    return f, (_random(n, 2), 0.0)


CASES = {
    "heat, rolls": Case(lambda n: (heat_roll, (_random(n, n), 0.0)), 2048, 12),
    "Gray-Scott, two arrays": Case(lambda n: (gray_scott, (_random(n, n), _random(n, n))), 2048, 12),
    "heat, ghost cells": Case(lambda n: (heat_ghost, (_random(n, n), 0.0)), 2048, 12),
    "5 x 5 convolution by loops": Case(lambda n: (smooth, (_random(n, n),)), 2048, 12),
    "matmul Laplacian, 3 species": Case(lambda n: (tutorial(n), (_random(n, n, 3), 0.0)), 1024, 10),
    "Lax-Wendroff step": Case(lambda n: (lax_wendroff, (_random(n),)), 4_000_000, 30),
    "3-D diffusion": Case(lambda n: (diffusion_3d, (_random(n, n, n), 0.0)), 160, 8),
    "upwind step with where": Case(lambda n: (upwind, (_random(n, n), _random(n, n) - 1.0)), 2048, 12),
    "N-body": Case(lambda n: (n_body, (_random(n, 3), _random(n, 3))), 1000, 9),
    "Lorenz-96, rolls": Case(lambda n: (lorenz96, (_random(n), 0.0)), 4_000_000, 40),
    "tanh network": Case(_network, 1_000_000, 9),
    "shallow water": Case(lambda n: (shallow_water, (_random(3, n, n),)), 1024, 10),
    "Cahn-Hilliard": Case(lambda n: (cahn_hilliard, (_random(n, n), 0.0)), 2048, 12),
    "Fermi-Pasta-Ulam-Tsingou": Case(lambda n: (fput, (_random(2 * n), 0.0)), 2_000_000, 20),
    "Darcy flow": Case(lambda n: (darcy, (_random(n, n), _random(n, n))), 2048, 12),
    "Kuramoto": Case(lambda n: (kuramoto, (_random(n), _random(n))), 2_000_000, 30),
    "Lorenz-96, index by index": Case(lambda n: (lorenz96_loop, (_random(n), 0.0)), 400, 40),
    "heat, point by point": Case(lambda n: (heat_loops, (_random(n, n), 0.0)), 48, 7),
}
