"""``symnum draw MODEL --what PICTURE``: a picture of a model, of its discretisation or of how it is solved."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from symnum.cli.models import find_model
from symnum.errors import UnknownName, did_you_mean

PICTURES = {  # what -> what it shows
    "stencil": "the neighbours that each equation reads, and their weights",
    "sparsity": "the pattern of the Jacobian",
    "spectrum": "the eigenvalues of the Jacobian",
    "steps": "the lengths of the time steps",
    "phase": "direction field, nullclines and path of a planar system",
    "expression": "the right-hand sides as graphs",
    "rewriting": "what simplification of the right-hand sides tried",
}


def draw(arguments: argparse.Namespace) -> int:
    """Write the picture and say where; 0."""
    what = arguments.what
    if what not in PICTURES:
        raise UnknownName(f"there is no picture {what!r}.{did_you_mean(what, PICTURES)} There are: {', '.join(PICTURES)}.")
    model = find_model(arguments.model, arguments.settings)
    target = Path(arguments.out or f"{model.name}_{what}.png")
    _painter(what)(model.system, _grid(what, model, arguments), target)
    print(f"{target}: {PICTURES[what]}")
    return 0


def _painter(what: str) -> Callable[[Any, dict[str, Any], Path], Any]:
    import symnum.pictures as pictures

    if what in ("expression", "rewriting"):
        return lambda system, _, path: getattr(pictures, what)([eq.rhs for eq in system.equations], path=path)
    if what == "phase":
        return lambda system, _, path: pictures.phase_portrait(system, path=path)
    drawn: Any = pictures.step_history if what == "steps" else getattr(pictures, what)
    return lambda system, grid, path: drawn(system, path=path, **grid)


def _grid(what: str, model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """The options that the command line gives for the discretisation; coarse grids where every unknown is drawn."""
    given = {name: getattr(arguments, name) for name in ("scheme", "order") if getattr(arguments, name) is not None}
    coarse = {"sparsity": 8, "spectrum": 16}.get(what)
    resolution = arguments.resolution or coarse or (model.resolution if what == "steps" else None)
    return {**given, **({"resolution": resolution} if resolution and model.system.space else {})}
