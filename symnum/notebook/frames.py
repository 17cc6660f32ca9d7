"""The picture of a solution at one time, as PNG: one figure for all times, in which only the data change."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from symnum.result import Solution
from symnum.result.axes import TIME, Array
from symnum.result.movie import frame_numbers, moving_picture
from symnum.result.style import ALARM

DPI = 100
MOST = 200  # frames; of more saved times the nearest to as many equally spaced moments


class Frames:
    """``png(k)``: the picture at ``times[k]``. Without space: the curves, and a line at the time. A steady state has one frame and no times.

    Raises UnknownName for a field that is not there, SolveError for fields that do not fit in one picture.
    """

    def __init__(self, solution: Solution, field: object = None) -> None:
        self.solution, self.field = solution, field
        self.times: Array = np.zeros(0)
        self.figure, self._show = self._made()
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # laid out once: nothing jumps

    def _made(self) -> tuple[Figure, Callable[[int], None]]:
        solution = self.solution
        if not solution.t.size:
            return solution.plot(self.field, dpi=DPI), lambda number: None
        if solution.to_xarray().sizes.keys() == {TIME}:
            low, high = float(solution.t[0]), float(solution.t[-1])
            self.times = np.linspace(low, high, MOST // 2 + 1)
            return self._curves()
        figure, show, saved = moving_picture(solution, self.field, title=None, dpi=DPI, cmap=None, at=None)
        numbers = sorted(set(frame_numbers(saved, min(MOST, len(saved)))))
        self.times = saved[numbers]
        return figure, lambda number: show(numbers[number])

    def _curves(self) -> tuple[Figure, Callable[[int], None]]:
        figure = self.solution.plot(self.field, kind="curves", dpi=DPI)
        lines = [axes.axvline(self.times[0], color=ALARM, linewidth=0.9, label="_time") for axes in figure.axes]

        def show(number: int) -> None:
            for line in lines:
                line.set_xdata([self.times[number]] * 2)

        return figure, show

    def png(self, number: int) -> bytes:
        """The picture of a frame."""
        self._show(number)
        stream = io.BytesIO()
        self.figure.savefig(stream, format="png", dpi=DPI)
        return stream.getvalue()

    def nearest(self, t: float) -> int:
        """The number of the frame nearest to a time."""
        return int(np.argmin(np.abs(self.times - t))) if self.times.size else 0
