"""What is watched while a solve runs: conditions g_k(t, y; p) that cross zero, and what happens when one does.

    crossing at t*:   (y, p)  ->  effect_k(t*, y, p),   then the solve goes on from there; or it ends; or t* is only noted
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Conditions = Callable[[float, Array, Array], None]
Effect = Callable[[float, Array, Array], tuple[Array, Array]]


@dataclass(frozen=True)
class Watched:
    """One event.

    Args:
        name: the condition as people read it.
        direction: +1 where g must rise through zero, -1 where it must fall, 0 both.
        effect: ``effect(t, y, p) -> (y, p)``, new arrays; None leaves the state alone.
        terminal: the solve ends here (after the effect).
        relation: the condition is a relation such as x <= 0: that it holds already at the start is worth a word.
    """

    name: str
    direction: int = 0
    effect: Effect | None = None
    terminal: bool = False
    relation: bool = False

    def __post_init__(self) -> None:
        assert self.direction in (-1, 0, 1), self.direction

    @property
    def acts(self) -> bool:
        """The run does not go on as if nothing had been."""
        return self.terminal or self.effect is not None


@dataclass(frozen=True)
class Events:
    """All events of a problem.

    Args:
        watched: one each; conditions: ``conditions(t, y, out)`` writes all g_k, (m,).
        address: of the same as native code, ``void (double t, const double* y, const double* p, double* out)``, or None.
        keepalive: whatever must live as long as ``address`` is called.
    """

    watched: tuple[Watched, ...]
    conditions: Conditions
    address: int | None = None
    keepalive: object = field(default=None, compare=False)

    def __post_init__(self) -> None:
        assert self.watched, "no event is no Events"


@dataclass(frozen=True)
class Occurrence:
    """An event that happened.

    Attributes:
        index: which of ``Events.watched``; t: when; before, after: the state (n,) on arrival and after the effect.
        parameters: those in force afterwards, where the effect changed them, else None.
    """

    index: int
    t: float
    before: Array
    after: Array
    parameters: Array | None = None
