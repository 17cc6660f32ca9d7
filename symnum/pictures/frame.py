"""What the pictures of this package share: one frame below a header, or the user's own; systems on their grids."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from symnum.errors import SolveError
from symnum.model.system import PDESystem
from symnum.pipeline import Discretised, discretise
from symnum.result.style import Picture, finished, inches, new_picture
from symnum.traced.system import TracedSystem

Path = str | os.PathLike[str]


class Frame:
    """One frame: that of the user (``ax``), or a new one ``ratio`` times as high as wide below a title and a subtitle."""

    def __init__(self, ax: Any, heading: tuple[str, str], width: Any, default: float, ratio: float, dpi: float) -> None:
        self.own = ax is None
        self.figure: Any
        if ax is not None:
            if not hasattr(ax, "get_figure"):
                raise SolveError(f"ax={ax!r} is no matplotlib axes; write ax=figure.subplots(), or leave it out")
            self.figure, self.axes = ax.get_figure(), ax
            return
        size = inches(width, default)
        self.figure = new_picture(size, ratio * size, *heading, dpi=dpi)
        self.axes = self.figure.subplots()

    def done(self, path: Path | None) -> Any:
        """The figure, written where asked for. A frame of the user's keeps his type sizes."""
        if self.own:
            return finished(self.figure, path)
        if path is not None:
            from symnum.result.style import save_picture

            save_picture(self.figure, path)
        return self.figure


def finish(figure: Picture, path: Path | None) -> Picture:
    """The figure, written where asked for."""
    return finished(figure, path)


def on_grid(system: Any, resolution: Any, options: Mapping[str, Any], what: str) -> Discretised:
    """The system on a grid: itself if it is one already. SolveError for anything else, with ``what`` the picture's name."""
    if isinstance(system, Discretised):
        return system
    if isinstance(system, PDESystem | TracedSystem):
        return discretise(system, resolution=resolution, **options)
    raise SolveError(
        f"{what} takes a system such as sn.PDESystem(...) or what sn.discretise gives, not {type(system).__name__}"
    )


def name_of_system(discretised: Discretised) -> str:
    return (discretised.semi.name or "system").replace("_", " ")
