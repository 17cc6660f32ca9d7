"""What happened in a solve: the events it met, as ``solution.events``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EventOccurrence:
    """One moment at which an event happened.

    Attributes:
        index: which of the events, counted from 0 (those of the system first, then those given to ``sn.solve``); condition: its text.
        t: when.
        before, after: field (hidden velocities included) -> values on arrival and after the effect: numbers, or arrays on the grid.
        parameters: parameter -> value afterwards, for those that the effect changed.
    """

    index: int
    condition: str
    t: float
    before: Mapping[str, Any] = field(default_factory=dict, repr=False)
    after: Mapping[str, Any] = field(default_factory=dict, repr=False)
    parameters: Mapping[str, float] = field(default_factory=dict)

    def as_numbers(self) -> dict[str, Any]:
        """The occurrence as numbers and text for a file; values on grids are left out."""
        states = {
            name: {f: float(v) for f, v in values.items() if np.ndim(v) == 0}
            for name, values in (("before", self.before), ("after", self.after))
        }
        return {"index": self.index, "condition": self.condition, "t": self.t, **states, "parameters": dict(self.parameters)}
