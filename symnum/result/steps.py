"""The lengths of the time steps of a solve: what adaptivity did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symnum.errors import SolveError
from symnum.result.axes import TIME, Array
from symnum.result.phase import spread_over_decades
from symnum.result.scene import Scene
from symnum.result.style import FAINT, LINE_COLOURS, Picture, new_picture, open_box, tidy


def step_picture(scene: Scene) -> Picture:
    """Length of each accepted step against the time at its end. ``SolveError`` where the solution did not keep every step."""
    solution = scene.solution
    times, steps = np.unique(solution.t), solution.stats.get("steps")
    if steps is None or times.size - 1 != steps or times.size < 2:
        kept = f"{times.size:,} saved times, but the solve took {steps:,} steps" if steps else f"{times.size:,} saved times"
        raise SolveError(
            f"the lengths of the steps are not known: the solution holds {kept}. "
            "Write sn.pictures.step_history(system), which follows a solve step by step."
        )
    label = scene.whole[0].axis_label(TIME) if TIME in scene.whole[0].array.dims else TIME
    return draw_steps(times, scene.heading, scene.width or 7.4, label, scene.event_times)


def draw_steps(times: Array, heading: Mapping[str, Any], width: float, label: str, events: Array) -> Picture:
    """The picture for the times (n,) between which the steps lie."""
    figure = new_picture(width, 0.42 * width, **heading)
    axes = figure.subplots()
    lengths = np.abs(np.diff(times))
    axes.plot(times[1:], lengths, color=LINE_COLOURS[0], linewidth=1.0, marker=".", markersize=3)
    axes.set_yscale("log")
    if spread_over_decades(times):
        axes.set_xscale("log")
    else:
        axes.set_xlim(times[0], times[-1])
    for time in events:
        axes.axvline(time, color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)), label="_event")
    axes.set(xlabel=label, ylabel="length of the step")
    open_box(axes)
    tidy(axes)
    return figure
