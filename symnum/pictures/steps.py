"""The lengths of the time steps of a solve, followed step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from symnum.errors import SolveError
from symnum.model.system import PDESystem
from symnum.pictures.frame import Path, finish
from symnum.result import Solution
from symnum.result.steps import draw_steps
from symnum.result.style import Picture, inches
from symnum.stepwise import integrator
from symnum.traced.system import TracedSystem

MOST = 200_000


def step_history(
    source: Any,
    *,
    path: Path | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
    **options: Any,
) -> Picture:
    """Draw the length of each accepted time step against time.

    Args:
        source: a solution that kept every step (those of systems without space do), or a system, which is then solved step by step with
            ``options`` as for ``sn.integrator`` (resolution, method, rtol, ...).
        path, title, width, dpi: as for ``sol.plot``.

    Raises SolveError for a solution that kept only some steps, for more than 200 000 steps, and what ``sn.integrator`` raises.
    """
    if isinstance(source, Solution):
        given: dict[str, Any] = {"kind": "steps", "path": path, "title": title, "width": width, "dpi": dpi, **options}
        drawn: Any = source.plot(**given)
        return drawn
    if not isinstance(source, PDESystem | TracedSystem):
        raise SolveError(f"sn.pictures.step_history takes a solution or a system, not {type(source).__name__}")
    run = integrator(source, keep=False, **options)
    start, stop = run._discretised.semi.time_span
    times = [run.t]
    while abs(run.t - start) < abs(stop - start) and not run.ended:
        times.append(run.step())
        if len(times) > MOST:
            raise SolveError(
                f"more than {MOST:,} steps were taken up to t = {run.t:.6g}; choose a shorter interval, larger tolerances, "
                'or, where the equations are stiff, method="Rodas5P"'
            )
    events = np.array([event.t for event in run.events])
    rejected = run.stats.get("rejected")
    parts = [run.method, f"{len(times) - 1:,} steps", f"{int(rejected):,} rejected" if rejected is not None else ""]
    heading = {
        "title": title or source.name.replace("_", " "),
        "subtitle": "  ·  ".join(p for p in parts if p),
        "dpi": dpi,
    }
    return finish(draw_steps(np.unique(times), heading, inches(width, 7.4), "$t$", events), path)
