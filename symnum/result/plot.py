"""Pictures of solutions: which kind suits, what stands above it, and where it is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symnum.errors import SolveError, UnknownName, did_you_mean, names_options
from symnum.result.axes import TIME, units_of
from symnum.result.curves import curve_picture
from symnum.result.layers import Layer, as_times, layers_of, refined_times
from symnum.result.lines import IMAGE, LINES, line_picture
from symnum.result.panels import panel_picture
from symnum.result.phase import phase_picture
from symnum.result.scene import Scene, cut, place_remark, positions
from symnum.result.slices import slice_picture
from symnum.result.steps import step_picture
from symnum.result.style import Picture, finished, inches, symbol

if TYPE_CHECKING:
    from symnum.result.solution import Solution


@dataclass(frozen=True)
class Kind:
    """One kind of picture: what draws it, for fields over how many space dimensions."""

    draw: Callable[[Scene], Picture]
    dimensions: tuple[int, ...]
    purpose: str


KINDS = {
    "curves": Kind(lambda scene: curve_picture(scene, portrait=False), (0,), "states against time"),
    "phase": Kind(phase_picture, (0,), "two or three states against each other"),
    "lines": Kind(lambda scene: line_picture(scene, (LINES,)), (1,), "lines at a few times"),
    "space-time": Kind(lambda scene: line_picture(scene, (IMAGE,)), (1,), "the whole solution in colour"),
    "panels": Kind(panel_picture, (2, 3), "colour panels at a few times"),
    "slices": Kind(slice_picture, (3,), "three orthogonal planes"),
    "steps": Kind(step_picture, (0, 1, 2, 3), "the lengths of the time steps"),
}
AUTO: tuple[Callable[[Scene], Picture], ...] = (curve_picture, line_picture, panel_picture, slice_picture)  # by dimension


@names_options
def plot_solution(
    solution: Solution,
    *,
    kind: str = "auto",
    field: object = None,
    fields: object = None,
    t: object = None,
    at: Mapping[Any, float] | None = None,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
    cmap: str | None = None,
) -> Picture:
    """Draw ``field`` (one, several, or all that fit together) and write it to ``path`` if given.

    Args:
        kind: "auto" by the number n of space dimensions: curves and path (n = 0), lines and space-time (1), panels (2), three planes (3). Or
            "curves", "phase" (two or three states against each other; direction field and nullclines where the system is planar and
            autonomous), "lines", "space-time", "panels", "slices", "steps" (lengths of the time steps).
        field, fields: the same thing.
        t: times to show, interpolated; by default saved times evenly spread (ODE: the times of the curve's points).
        at: ``{"z": 0.25}``: the fields at this place, one dimension less; for "slices" the place of the planes.
        path: .png, .pdf, .svg, ... title: instead of the model's name.
        width: inches, "column" (85 mm) or "page" (180 mm). cmap: a matplotlib colour map for all fields.

    A failed solution is drawn as far as it goes, with its message in the header. Raises ``UnknownName`` for a kind, field, coordinate, colour
    map or width that is not there, ``SolveError`` for fields that do not fit in one picture or this kind of it, ``FileError`` for a path that
    cannot be written.
    """
    size, places = None if width is None else inches(width, 0.0), positions(at)
    check_names(kind, cmap)
    field = field if fields is None else fields
    _check_first(field, solution)
    if kind != "slices":
        solution = cut(solution, places)
    space = layers_of(solution, field, limit=1, dimensions=9)[0][0].space
    check_fits(kind, space)
    dimensions = len(space)
    most = 3 if kind == "slices" or (kind == "auto" and dimensions == 3) else 2
    whole, remarks = layers_of(solution, field, dimensions=most)
    times = as_times(t) if t is not None else refined_times(solution, whole[0])
    shown = whole if times is None else layers_of(solution, field, times, dimensions=most)[0]
    if kind != "slices":
        remarks = [*remarks, place_remark(places)]
    heading = {"title": title or solution.name.replace("_", " "), **header_of(solution, whole[0], remarks), "dpi": dpi}
    scene = Scene(solution, whole, shown, times, heading, size, cmap, places)
    draw = AUTO[min(dimensions, 3)] if kind == "auto" else KINDS[kind].draw
    return finished(draw(scene), path)


def _check_first(field: object, solution: Solution) -> None:
    """The field is asked for first; a file or a kind of picture in its place is answered with the line to write."""
    text = os.fspath(field) if isinstance(field, (str, os.PathLike)) else ""
    if text in solution:
        return
    if os.path.splitext(str(text))[1].lower() in (".png", ".pdf", ".svg", ".jpg", ".jpeg"):
        raise UnknownName(f"{text!r} is a file, and what comes first is the field to draw. Write sol.plot(path={text!r}).")
    if text in KINDS:
        raise UnknownName(f"{text!r} is a kind of picture, and what comes first is the field to draw. Write sol.plot(kind={text!r}).")


def check_names(kind: str, cmap: str | None = None) -> None:
    """``UnknownName`` for a kind of picture or a colour map that there is not."""
    import matplotlib

    if kind != "auto" and kind not in KINDS:
        listed = ", ".join(f"{name} ({made.purpose})" for name, made in KINDS.items())
        raise UnknownName(f"there is no kind of picture {kind!r}.{did_you_mean(str(kind), KINDS)} There are: auto, {listed}.")
    if cmap is not None and cmap not in matplotlib.colormaps:
        raise UnknownName(f"matplotlib has no colour map {cmap!r}.{did_you_mean(str(cmap), matplotlib.colormaps)}")


def check_fits(kind: str, space: Sequence[str]) -> None:
    """SolveError with the kinds that serve, for a kind that does not draw fields over these coordinates in space."""
    dimensions = len(space)
    if kind == "auto" or dimensions in KINDS[kind].dimensions:
        return
    there = [name for name, made in KINDS.items() if dimensions in made.dimensions]
    words = f"{dimensions} space dimension{'s' if dimensions > 1 else ''}" if dimensions else "time alone"
    line = f"write kind={there[0]!r}" + (f" (or {', '.join(there[1:])})" if there[1:] else "")
    least = min(KINDS[kind].dimensions)
    if dimensions > least:
        line += f", or choose a place: at={{{', '.join(f'{name!r}: 0.5' for name in space[least - dimensions :])}}}"
    raise SolveError(f"kind={kind!r} draws {KINDS[kind].purpose}, but these fields depend on {words}; {line}")


def header_of(solution: Solution, layer: Layer, remarks: Sequence[str]) -> dict[str, str]:
    """Subtitle: method, grid, steps, times. Alarm: the message of a solve that failed."""
    field = solution[str(layer.array.name)]
    grid = " × ".join(str(n) for d, n in field.sizes.items() if d != TIME)
    parts = [solution.method, f"{grid} points" if grid else ""]
    parts += [f"{steps:,} steps" if (steps := solution.stats.get("steps")) else ""]
    if solution.t.size:
        parts += [f"{symbol(TIME)} = {solution.t[0]:g} to {solution.t[-1]:g} {units_of(solution[TIME])}".rstrip()]
    return {
        "subtitle": "  ·  ".join(part for part in [*parts, *remarks] if part),
        "alarm": "" if solution.success else solution.message,
    }
