"""Stochastic problems with exact solutions, and the paths that these are functions of."""

from __future__ import annotations

import numpy as np

import symnum as sn
from symnum.solvers.embedded.stochastic.method import stochastic_methods
from symnum.solvers.embedded.stochastic.path import BrownianPath
from symnum.solvers.noise import Given, Noise
from symnum.solvers.problem import Options, Problem

ALL = sorted(stochastic_methods())
ADAPTIVE = ("SOSRI", "SRIW1")
MANY = 400  # unknowns with a process each: as many independent paths

t, x = sn.coordinates("t x")
u, v = sn.fields("u v", (t,))
mu, sigma = sn.parameters(mu=1.0, sigma=0.5)


def fixed_steps(method: str, dt: float, **more) -> Options:
    return Options(method=method, dt=dt, method_options={"adaptive": False} if method in ADAPTIVE else {}, **more)


def scalar_problem(f, b, db, y0: float, n: int = MANY, t1: float = 1.0) -> Problem:
    """n copies of dX = f(t, X) dt + b(t, X) dW with processes of their own; ``db``: the derivative of b by X."""

    def drift(t, y, out):
        out[:] = f(t, y)

    def values(t, y, out):
        out[:] = b(t, y)

    def milstein(t, driven, out):
        y, w, h = driven[:n], driven[n : 2 * n], driven[2 * n]
        out[:] = b(t, y) * w + 0.5 * b(t, y) * db(t, y) * (w * w - h)

    noise = Noise(n, True, Given(values), milstein=Given(milstein), commutative=True)
    return Problem(drift, np.full(n, y0), 0.0, t1, noise=noise)


def path_at(seed: int, n: int, times, t1: float = 1.0) -> np.ndarray:
    """W at times, (len(times), n), on the tree with a single root."""
    path = BrownianPath(seed, n)
    return np.array([path.increment(0, 0, 0, t1, s / t1)[0] for s in times])


def geometric() -> tuple[Problem, object]:
    """dX = X dt + X/2 dW, X = exp((1 - 1/8) t + W/2)."""
    problem = scalar_problem(lambda t, y: y, lambda t, y: 0.5 * y, lambda t, y: 0.5, 1.0)
    return problem, lambda t, w: np.exp(0.875 * t + 0.5 * w)


def bounded() -> tuple[Problem, object]:
    """dX = -X (1 - X^2) dt + (1 - X^2) dW, X = tanh(W + artanh X0) (Kloeden, Platen 1992, (4.4.46) with a = 1)."""
    drift, values = lambda t, y: -y * (1 - y**2), lambda t, y: 1 - y**2
    return scalar_problem(drift, values, lambda t, y: -2 * y, 0.2), lambda t, w: np.tanh(w + np.arctanh(0.2))


def moving() -> tuple[Problem, object]:
    """dX = (2 X/(1 + t) + (1 + t)^2) dt + (1 + t)^2 dW, X = (1 + t)^2 (X0 + W + t) (Kloeden, Platen 1992, (4.2.7)): time matters."""
    drift, values = lambda t, y: 2 * y / (1 + t) + (1 + t) ** 2, lambda t, y: (1 + t) ** 2 + 0 * y
    return scalar_problem(drift, values, lambda t, y: 0 * y, 1.0), lambda t, w: (1 + t) ** 2 * (1 + w + t)


def growth(interpretation: str = "ito", **more) -> sn.SDESystem:
    return sn.SDESystem(
        [sn.Eq(sn.dt(u), mu * u)],
        noise={u: sigma * u},
        t=(0, 1),
        initial={u: 1.0},
        interpretation=interpretation,
        **more,
    )


def pair(noise, **more) -> sn.SDESystem:
    return sn.SDESystem(
        [sn.Eq(sn.dt(u), -u), sn.Eq(sn.dt(v), -v)], noise=noise, t=(0, 1), initial={u: 1.0, v: 1.0}, **more
    )


def problem_of(made) -> Problem:
    from symnum.pipeline import _problem

    return _problem(made)
