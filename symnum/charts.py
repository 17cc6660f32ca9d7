"""Solving a differential-algebraic system of higher index chart by chart (see ``model.charts``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from symnum.model.charts import Chart
from symnum.model.dae import summary
from symnum.result import Solution
from symnum.result.join import join

MOST = 10_000  # changes of chart in one solve
Solve = Callable[..., Solution]


def in_charts(solve: Solve) -> Solve:
    """``solve`` for systems whose index was reduced by a choice of unknowns that may have to change on the way."""

    @wraps(solve)
    def solved(system: Any, *args: Any, **options: Any) -> Solution:
        if getattr(system, "reduction", None) is None or getattr(system, "watch", None) is not None:
            return solve(system, *args, **options)
        parameters = options.pop("parameters", None)
        if parameters:
            system = system.with_parameters(**{str(getattr(k, "name", k)): v for k, v in parameters.items()})
        return _Charts(solve, args, options).run(Chart.first(system))

    return solved


class _Pause:
    """Watches one chart; remembers where it asked for a pause."""

    def __init__(self, chart: Chart) -> None:
        self._poor = chart.watch()
        self.at: tuple[float, np.ndarray] | None = None

    def __call__(self, t: float, y: np.ndarray) -> bool:
        if self._poor is None or not self._poor(t, y):
            return False
        self.at = (t, np.array(y))
        return True


class _Charts:
    def __init__(self, solve: Solve, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.solve, self.args, self.options = solve, args, options

    def run(self, chart: Chart) -> Solution:
        pieces: list[Solution] = []
        reduction = chart.system.reduction
        assert reduction is not None
        words = summary(reduction, chart.form)
        for _ in range(MOST):
            pause = _Pause(chart)
            chart.system._set(watch=pause)
            pieces.append(self.solve(chart.system, *self.args, **self._remaining(pieces, chart)))
            if pause.at is None or not self._more(pause.at[0]):
                break
            chart = chart.following(*pause.at)
        changes = len(pieces) - 1
        moved = (
            f"; the unknowns were chosen anew {changes} time{'s' if changes > 1 else ''} on the way" if changes else ""
        )
        return join(pieces, f"{pieces[-1].why} ({words}{moved})")

    def _more(self, t: float) -> bool:
        """Save times are still to come, or all steps are kept."""
        times = self.options.get("saveat")
        return times is None or bool(np.max(times) > t)

    def _remaining(self, pieces: Sequence[Solution], chart: Chart) -> dict[str, Any]:
        """The options for the rest of the interval: save times that are still to come, and the steps that are left."""
        options = dict(self.options)
        if not pieces:
            return options
        start = chart.system.domain.bounds[chart.system.time.name][0]
        options.pop("dt", None)
        if options.get("save_every") is not None:
            every, end = options.pop("save_every"), chart.system.domain.bounds[chart.system.time.name][1]
            begun = float(pieces[0].t[0])
            count = int(np.floor((end - begun) / every * (1 + 1e-12)))
            times = np.minimum(begun + every * np.arange(count + 1), end)
            options["saveat"] = times if end - times[-1] <= 1e-9 * every else np.append(times, end)
        if options.get("saveat") is not None:
            options["saveat"] = [s for s in np.atleast_1d(options["saveat"]) if s > start]
        if options.get("max_steps") is not None:
            options["max_steps"] = max(1, options["max_steps"] - sum(int(p.stats["steps"]) for p in pieces))
        return options


__all__ = ["in_charts"]
