"""The step of Euler-Maruyama, and of Milstein, whose further terms are in what the noise does over a step."""

from __future__ import annotations

from symnum.solvers.embedded.driver import evaluate, stage_time
from symnum.solvers.embedded.language import Increment, NoiseApplied, Statement, combination
from symnum.solvers.embedded.stochastic.driver import Place


def euler_step(place: Place, state: str, out: str) -> tuple[Statement, ...]:
    """out = y + h f(t, y) + (what the noise does)."""
    return (
        Increment(place.root, place.level, place.index, place.length, place.share),
        *evaluate("slope", place.time, state),
        NoiseApplied("kick", stage_time(place.time), place.h, state),
        combination(out, (1, state), (place.h, "slope"), (1, "kick")),
    )
