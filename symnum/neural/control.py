"""The choice of steps, in plain numbers: it has no gradient.

    after an accepted step    h <- h min(10, max(1/5, 0.9 E^-alpha E_old^beta)),   beta = 0.2/q, alpha = 1/q - 0.75 beta   (PI control)
    after a rejected step     h <- h max(1/5, 0.9 E^(-1/q))                        (the error alone)

q: order of the embedded solution + 1. These are the formulas of ``solvers.embedded.driver``, so both take the same steps; what is added is the
round-off floor. A state of unit round-off eps is known to eps |y|: an error estimate below

    nu = eps * rms(|y| / (atol + rtol |y|))        in units of the tolerance; at most eps/rtol

is about round-off, and shorter steps would not make the result better, only the steps more. So where nu > 1 it takes the place of the tolerance:
E <- E/max(1, nu). And where nu is not small beside 1, E_old is left out, as the ratio of two estimates that are mostly noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from symnum.neural.record import SolveOptions

GROW, SHRINK, SAFETY = 10.0, 0.2, 0.9
MAX_FAILURES = 12  # a step that meets NaN is shortened by 4 this often before the run stops
NOISY = 0.3  # nu from which the estimate counts as noisy


def noise_bound(options: SolveOptions, eps: float) -> float:
    """An upper bound of nu for any state: where it is below NOISY, nobody needs to compute nu."""
    return eps / options.rtol


@dataclass
class Controller:
    """Steps of an adaptive method. ``order``: q of the module's formulas."""

    order: int
    h: float = 0.0
    error_old: float = 1e-4
    rejecting: bool = False
    failures: int = 0

    def accepts(self, error: float, noise: float = 0.0) -> bool:
        """Is the step accepted? NaN is not."""
        return _measured(error, noise) <= 1.0

    def after_accepted(self, h: float, error: float, noise: float = 0.0) -> None:
        """Set ``h`` after a step of length h."""
        size = max(_measured(error, noise), 1e-10)
        beta = 0.2 / self.order
        alpha = 1.0 / self.order - 0.75 * beta
        if noise > NOISY:
            factor = SAFETY * size ** (-1.0 / self.order)
        else:
            factor = SAFETY * size**-alpha * self.error_old**beta
        factor = min(GROW, max(SHRINK, factor))
        self.h = h * (min(1.0, factor) if self.rejecting else factor)
        self.error_old = max(size, 1e-4)
        self.rejecting, self.failures = False, 0

    def after_rejected(self, h: float, error: float, noise: float = 0.0) -> bool:
        """Set ``h`` after a failed attempt of length h; False where f has given NaN or infinity too often."""
        self.rejecting = True
        if not math.isfinite(error):
            self.failures += 1
            self.h = 0.25 * h
            return self.failures <= MAX_FAILURES
        self.h = h * max(SHRINK, SAFETY * _measured(error, noise) ** (-1.0 / self.order))
        return True

    def choose(self, t: float, t_end: float) -> tuple[float, bool]:
        """The step that is tried: h, or all that is left (up to 1 % more than h), or half of it where h would leave a sliver. Is it the last?

        0 where h no longer changes t.
        """
        remaining = abs(t_end - t)
        smallest = 4 * 2.0**-52 * max(abs(t), 1e-290)
        if abs(self.h) <= smallest < remaining:
            return 0.0, False
        if 1.01 * abs(self.h) >= remaining:
            return t_end - t, True
        return (0.5 * (t_end - t) if 2 * abs(self.h) > remaining else self.h), False


def _measured(error: float, noise: float) -> float:
    """The estimate in units of the tolerance, or of the noise where that is larger."""
    return error / max(1.0, noise)


def first_trial(d0: float, d1: float, span: float) -> float:
    """The first trial step from the sizes of y and f(y): Hairer, Norsett, Wanner I, II.4, "Starting step size", b."""
    h = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
    return min(h, span)


def first_step(trial: float, d1: float, d2: float, order: int, span: float) -> float:
    """The first step, from d2, the size of (f after the trial step - f)/trial. ``order``: of the solution. The same, d to f."""
    if not d2 <= 1e300:
        d2 = 1e3 * d1  # the trial state may lie outside the domain of f
    largest = max(d1, d2)
    h = max(1e-6, trial * 1e-3) if largest <= 1e-15 else (0.01 / largest) ** (1.0 / (order + 1))
    return min(100 * trial, h, span)
