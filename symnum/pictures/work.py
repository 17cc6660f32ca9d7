"""Work-precision diagrams: the error that each method reaches, and the processor time it takes."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from symnum.errors import SolveError
from symnum.model.system import PDESystem
from symnum.pictures.frame import Path, finish
from symnum.pipeline import solve
from symnum.result.style import (
    FAINT,
    INK,
    MEDIUM,
    NARROW,
    SMALL,
    Picture,
    inches,
    line_styles,
    new_picture,
    open_box,
    tidy,
)

TOLERANCES = tuple(10.0**-k for k in range(3, 10))
REPEATS = 3
NEEDED = ("method", "seconds", "error")
EXAMPLE = "{'method': 'Tsit5', 'seconds': 0.01, 'error': 1e-6}"


def work_precision(
    source: PDESystem | Iterable[Mapping[str, Any]],
    methods: Sequence[str] = ("Tsit5", "Vern7", "Rodas5P", "CVODE"),
    tolerances: Sequence[float] = TOLERANCES,
    *,
    resolution: Any = None,
    path: Path | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
) -> Picture:
    """Draw processor seconds against the error at the end, a line a method: further left is more accurate, further down is cheaper.

    Args:
        source: rows ``{"method", "seconds", "error"}``, with "problem" where there are several (as the bench ``work_precision`` gives them); or a
            system, which is then solved here by each of ``methods`` at each of ``tolerances`` (rtol; atol is a hundredth of it) on a grid of
            ``resolution`` cells, three times each, the median counted; the error is the largest difference from a solution a thousand times
            more accurate than the finest, over the largest value of each field.
        path, title, width, dpi: as for ``sol.plot``.

    A run that fails is left out. Raises SolveError for rows without these keys, no rows, and no run that succeeds; UnknownName for a method.
    """
    rows = measured(source, methods, tolerances, resolution) if isinstance(source, PDESystem) else _checked(source)
    problems = list(dict.fromkeys(str(row.get("problem", "")) for row in rows))
    names = list(dict.fromkeys(str(row["method"]) for row in rows))
    styles = dict(zip(names, line_styles(len(names)), strict=True))
    size = inches(width, 5.8 if len(problems) == 1 else 9.5)
    across = 1 if len(problems) == 1 or size < NARROW else min(3, len(problems))
    down = -(-len(problems) // across)
    heading = title or (
        source.name.replace("_", " ") if isinstance(source, PDESystem) and source.name else "work and precision"
    )
    figure = new_picture(
        size,
        3.4 * down if across == 1 else 2.6 * down,
        heading,
        "processor time of the solve against its error",
        dpi=dpi,
    )
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.flat[len(problems) :]:
        axes.remove()
    for place, (axes, problem) in enumerate(zip(grid.flat, problems, strict=False)):
        _diagram(axes, [row for row in rows if str(row.get("problem", "")) == problem], styles)
        axes.set_title(problem, fontsize=MEDIUM, color=INK, loc="left")
        axes.set_xlabel("error" if place + across >= len(problems) else "")
        axes.set_ylabel("seconds" if place % across == 0 else "")
    _legend(figure, styles, beside=size >= NARROW)
    return finish(figure, path)


def measured(
    system: PDESystem, methods: Sequence[str], tolerances: Sequence[float], resolution: Any = None
) -> list[dict[str, Any]]:
    """Rows of method, rtol, seconds (processor time of the solve alone) and error."""
    options = {} if resolution is None else {"resolution": resolution}
    end = system.domain.bounds[system.time.name][1] if system.time is not None else 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        finest = min(tolerances) / 1000
        reference = solve(system, rtol=max(finest, 1e-13), atol=max(finest / 100, 1e-15), saveat=[end], **options)
        rows = []
        for method in methods:
            for rtol in tolerances:
                runs = [_timed(system, method, rtol, end, options) for _ in range(REPEATS)]
                if all(run.success for _, run in runs):
                    seconds = statistics.median(s for s, _ in runs)
                    rows.append(
                        {"method": method, "rtol": rtol, "seconds": seconds, "error": _error(runs[0][1], reference)}
                    )
    if not rows:
        raise SolveError(f"none of the runs succeeded; try other methods than {', '.join(methods)}")
    return rows


def _timed(system: PDESystem, method: str, rtol: float, end: float, options: Mapping[str, Any]) -> tuple[float, Any]:
    begin = time.process_time()
    run = solve(system, method=method, rtol=rtol, atol=rtol / 100, saveat=[end], **options)
    taken = run.stats.get("solve_seconds")
    return (time.process_time() - begin if taken is None else float(taken)), run


def _error(run: Any, reference: Any) -> float:
    found = []
    for name in reference.fields:
        exact = np.asarray(reference[name].values)
        scale = float(np.abs(exact).max()) or 1.0
        found.append(float(np.abs(np.asarray(run[name].values)[-1] - exact[-1]).max()) / scale)
    return max(found)


def _checked(rows: Any) -> list[Mapping[str, Any]]:
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        raise SolveError(f"sn.pictures.work_precision takes a system or rows {EXAMPLE}, not {type(rows).__name__}")
    listed = list(rows)
    for row in listed:
        lacking = [key for key in NEEDED if not isinstance(row, Mapping) or key not in row]
        if lacking:
            raise SolveError(f"a row lacks {', '.join(lacking)}: {row!r}. Write rows {EXAMPLE}.")
    if not listed:
        raise SolveError(f"there are no rows to draw; give a system, or rows {EXAMPLE}")
    return listed


def _diagram(axes: Any, rows: Sequence[Mapping[str, Any]], styles: Mapping[str, dict[str, Any]]) -> None:
    for name, style in styles.items():
        line = sorted(
            (row for row in rows if str(row["method"]) == name), key=lambda row: row.get("rtol", row["error"])
        )
        if line:
            error, seconds = ([float(row[key]) for row in line] for key in ("error", "seconds"))
            axes.plot(error, seconds, marker="o", markersize=3.2, linewidth=1.3, label=name, **style)
    axes.set_xscale("log")
    axes.set_yscale("log")
    open_box(axes)
    tidy(axes)


def _legend(figure: Picture, styles: Mapping[str, dict[str, Any]], beside: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", markersize=3.2, linewidth=1.3, label=name, **style) for name, style in styles.items()
    ]
    place: dict[str, Any] = {"loc": "outside right center"} if beside else {"loc": "outside lower center", "ncols": 3}
    figure.legend(handles=handles, frameon=False, fontsize=SMALL, labelcolor=INK, title="method" if beside else None,
                  title_fontsize=SMALL, **place).get_title().set_color(FAINT)  # fmt: skip
