"""Problems that suit each embedded method: any for most, with a linear part for those that split, with a given step where it is fixed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from symnum.ir.linear_part import LinearPart
from symnum.solvers.embedded.method import Method
from symnum.solvers.problem import Options, Problem
from tests.solvers.problems import EXACT, Exact, van_der_pol

POINTS, DIFFUSION = 16, 0.5
X = 2 * np.pi * np.arange(POINTS) / POINTS
SECOND = (np.roll(np.eye(POINTS), 1, 0) - 2 * np.eye(POINTS) + np.roll(np.eye(POINTS), -1, 0)) / (X[1] - X[0]) ** 2


def wave(t):
    """A wave that is exact on the grid: (points,) or (k, points)."""
    return 1 + 0.5 * np.sin(X - np.asarray(t)[..., None])


def travelling(t, y, out):
    """u_t = D u_xx - u^3 + s(t, x) with central differences and the s that makes ``wave`` exact."""
    exact = wave(t)
    source = -0.5 * np.cos(X - t) - DIFFUSION * SECOND @ exact + exact**3
    out[:] = DIFFUSION * SECOND @ y - y**3 + source


@cache
def travelling_linear_part() -> LinearPart:
    from scipy.sparse import csc_matrix

    return LinearPart(csc_matrix(DIFFUSION * SECOND), ("u",), ((POINTS,),), (0,), (1,), True)


TRAVELLING = Exact("travelling", Problem(travelling, wave(0.0), 0, 3, linear_part=travelling_linear_part), wave)


def exact_case(method: Method, plain: Exact = EXACT[0]) -> Exact:
    """A problem with an exact solution on 0 < t < 3 that the method can solve."""
    return TRAVELLING if method.split or method.exponential else plain


def options_for(method: Method, **options) -> Options:
    """The options, with the step that a method without step control needs."""
    return Options(method.name, **({"dt": 0.01} if method.fixed_step else {}), **options)


def hundred_steps(method: Method) -> tuple[Problem, Options]:
    """A problem with at least 100 attempted steps or nearly so, whose solution does not amplify rounding."""
    if method.fixed_step:
        return replace(EXACT[0].problem, t1=40.0), Options(method.name, dt=0.1)
    if method.split or method.exponential:
        return replace(TRAVELLING.problem, t1=40.0), Options(method.name, rtol=1e-4, atol=1e-6)
    return Problem(van_der_pol, [2.0, 0.0], 0, 40.0), Options(method.name, rtol=1e-5, atol=1e-6)
