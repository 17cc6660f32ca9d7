"""Moving pictures: mp4 through ffmpeg, gif through pillow. One layout, only the data change from frame to frame."""

from __future__ import annotations

import importlib
import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import animation
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from PIL import Image

from symnum.errors import BackendUnavailable, FileError, SolveError, names_options
from symnum.progress import reporting
from symnum.result.axes import TIME, Array, units_of
from symnum.result.image import picture
from symnum.result.layers import Layer, layers_of
from symnum.result.panels import shape_of
from symnum.result.plot import header_of
from symnum.result.scene import cut, positions
from symnum.result.style import (
    ALARM,
    INK,
    LINE_COLOURS,
    MEDIUM,
    Picture,
    colour_bar,
    colour_scale,
    new_picture,
    open_box,
    symbol,
    tidy,
)

if TYPE_CHECKING:
    from symnum.result.solution import Solution

Show = Callable[[int], None]  # draws the saved time of this number


@names_options
def write_movie(
    solution: Solution,
    path: str | os.PathLike[str],
    *,
    field: object = None,
    seconds: float = 8.0,
    fps: int = 25,
    title: str | None = None,
    dpi: float = 120,
    cmap: str | None = None,
    at: Mapping[Any, float] | None = None,
    progress: Callable[[float], None] | bool | None = None,
) -> Path:
    """Write ``path`` (.mp4 or .gif) with ``field`` over the saved times, in ``seconds`` at ``fps`` frames a second.

    Up to three fields are shown side by side, each on one scale for the whole film. The frames are the saved times: a
    film is as smooth as ``saveat`` makes it. ``at``: ``{"z": 0.5}``, the fields at this place, one dimension less.
    ``progress``: True for a bar on stderr with the time that remains, or a function of the model's time. The file appears
    when it is whole: Ctrl-C leaves nothing behind. Raises ``BackendUnavailable`` for mp4 without ffmpeg, ``FileError`` for
    another suffix, ``SolveError`` for a solution without time or without space.
    """
    target = Path(path)
    writer = _writer(target, fps)
    figure, show, times = moving_picture(solution, field, title=title, dpi=dpi, cmap=cmap, at=at)
    part = target.with_name(f".{target.stem}.{uuid.uuid4().hex[:8]}{target.suffix}")
    span = SimpleNamespace(name=target.name, time_span=(float(times[0]), float(times[-1]) + float(not np.ptp(times))))
    try:
        writer.setup(figure, str(part), dpi)
        figure.set_layout_engine("none")  # laid out once: nothing jumps
        with reporting(progress, span) as report:
            for number in frame_numbers(times, max(2, round(seconds * fps))):
                show(number)
                writer.grab_frame()
                if report is not None:
                    report(float(times[number]))
        writer.finish()
        os.replace(part, target)
    finally:
        _end(writer)
        part.unlink(missing_ok=True)
    return target


def moving_picture(
    solution: Solution, field: object, *, title: str | None, dpi: float, cmap: str | None, at: Mapping[Any, float] | None
) -> tuple[Picture, Show, Array]:
    """A figure, the function that shows the saved time of a number in it, and the saved times. Raises as ``write_movie`` does."""
    solution = cut(solution, positions(at))
    layers, remarks = layers_of(solution, field, limit=3)
    if TIME not in layers[0].array.dims or not layers[0].space:
        raise SolveError(
            "a film needs a field over time and one or two space dimensions. Draw this one with sol.plot()."
        )
    heading = {"title": title or solution.name.replace("_", " "), **header_of(solution, layers[0], remarks), "dpi": dpi}
    scene = _line_scene if len(layers[0].space) == 1 else _plane_scene
    figure, show = scene(layers, heading, cmap, robust=not solution.success)
    return figure, show, layers[0].points(TIME)


def _end(writer: Any) -> None:
    """End the encoder where the film was interrupted."""
    process = getattr(writer, "_proc", None)
    if process is not None and process.poll() is None:
        process.kill()
        process.communicate()  # closes its pipes


def frame_numbers(times: Array, count: int) -> list[int]:
    """The saved time nearest to each of ``count`` equally spaced moments: a film runs evenly, steps do not."""
    moments = np.linspace(times[0], times[-1], count)
    return [int(np.argmin(np.abs(times - moment))) for moment in moments]


def _line_scene(
    layers: Sequence[Layer], heading: dict[str, Any], cmap: str | None, robust: bool
) -> tuple[Picture, Show]:
    figure = new_picture(7.2, 2.4 * len(layers) + 1.0, **heading)
    grid = figure.subplots(len(layers), 1, squeeze=False, sharex=True)[:, 0]
    x = layers[0].points(layers[0].space[0])
    lines = []
    for axes, layer, colour in zip(grid, layers, LINE_COLOURS, strict=False):
        scale = colour_scale(layer.values, robust)
        margin = 0.06 * (scale["vmax"] - scale["vmin"])
        axes.plot(x, layer.values[0], color="#BBBBBB", linewidth=1.2)  # the start stays as a pale reference
        lines += axes.plot(x, layer.values[0], color=colour, linewidth=1.8)
        axes.set(ylabel=layer.label, xlim=(x[0], x[-1]), ylim=(scale["vmin"] - margin, scale["vmax"] + margin))
        open_box(axes)
        tidy(axes)
    grid[-1].set_xlabel(layers[0].axis_label(layers[0].space[0]))
    clock, data = _clock(grid[0], layers[0]), [layer.values for layer in layers]

    def show(number: int) -> None:
        for line, values in zip(lines, data, strict=True):
            line.set_ydata(values[number])
        clock(number)

    return _laid_out(figure), show


def _plane_scene(
    layers: Sequence[Layer], heading: dict[str, Any], cmap: str | None, robust: bool
) -> tuple[Picture, Show]:
    ratio, comparable = shape_of(layers[0])
    side = min(4.2, 11.0 / len(layers), 4.6 / ratio)
    figure = new_picture(max(len(layers) * (side + 1.1), 5.0), side * ratio + 0.8, compress=comparable, **heading)
    grid = figure.subplots(1, len(layers), squeeze=False)[0]
    x, y = layers[0].space
    images, data = [], [np.ma.masked_invalid(layer.values.transpose(0, 2, 1)) for layer in layers]
    for axes, layer, values in zip(grid, layers, data, strict=True):
        scale = colour_scale(layer.values, robust, cmap)
        images.append(picture(axes, layer.points(x), layer.points(y), values[0], scale, shading="nearest"))
        axes.set_aspect("equal" if comparable else "auto")
        tidy(axes)
        axes.set(xlabel=layer.axis_label(x), ylabel=layer.axis_label(y))
        colour_bar(figure, images[-1], [axes], layer.label, side * ratio, pad=0.03)
    clock = _clock(grid[0], layers[0])

    def show(number: int) -> None:
        for image, values in zip(images, data, strict=True):
            image.set_array(values[number])
        clock(number)

    return _laid_out(figure), show


def _clock(axes: Any, layer: Layer) -> Show:
    """The time above the first picture, with as many decimals as the saved times need, so that it does not jitter."""
    times, units = layer.points(TIME), units_of(layer.array[TIME])
    span = float(np.ptp(times)) or 1.0
    decimals = int(np.clip(2 - np.floor(np.log10(span)), 0, 12))
    text = axes.set_title("", loc="left", fontsize=MEDIUM, color=INK)

    def show(number: int) -> None:
        text.set_text(f"{symbol(TIME)} = {times[number]:.{decimals}f} {units}".rstrip())

    show(0)
    return show


def _laid_out(figure: Picture) -> Picture:
    """Run the layout once, with even pixel counts, which the usual video format needs."""
    width, height = (int(inches * figure.dpi) // 2 * 2 for inches in figure.get_size_inches())
    figure.set_size_inches(width / figure.dpi, height / figure.dpi)
    figure.draw_without_rendering()
    return figure


class GifWriter:
    """Frames with one palette for the whole film, made of its colour maps: a palette a frame would flicker."""

    def __init__(self, fps: int) -> None:
        self.fps = fps
        self.frames: list[Image.Image] = []

    def setup(self, figure: Picture, path: str, dpi: float) -> None:
        """Where to write, and what to take the frames from."""
        self.canvas, self.path = FigureCanvasAgg(figure), path
        images = [
            image
            for axes in figure.axes
            for image in (*axes.images, *axes.collections)
            if image.get_array() is not None
        ]
        maps = list({image.get_cmap().name: image.get_cmap() for image in images}.values())
        greys = np.linspace(0, 1, 32)[:, None] * np.ones(3)
        lines = [to_rgb(colour) for colour in (*LINE_COLOURS, ALARM)]
        blends = [np.asarray(line) * w + 1 - w for line in lines for w in (0.25, 0.5, 0.75, 1.0)]
        shades = [cmap(np.linspace(0, 1, (256 - len(greys) - len(blends)) // len(maps)))[:, :3] for cmap in maps]
        colours = np.round(255 * np.concatenate([greys, blends, *shades])).astype(np.uint8)
        self.palette = Image.new("P", (1, 1))
        self.palette.putpalette(colours.tobytes())

    def grab_frame(self) -> None:
        """Draw the figure as it is now and keep it."""
        self.canvas.draw()
        frame = Image.fromarray(np.asarray(self.canvas.buffer_rgba())).convert("RGB")
        self.frames.append(frame.quantize(palette=self.palette, dither=Image.Dither.NONE))

    def finish(self) -> None:
        """Write all frames; the film repeats."""
        first, *rest = self.frames
        first.save(self.path, save_all=True, append_images=rest, duration=round(1000 / self.fps), loop=0)


def _writer(target: Path, fps: int) -> animation.AbstractMovieWriter | GifWriter:
    if target.suffix not in (".mp4", ".gif"):
        raise FileError(
            f'films are .mp4 or .gif, not {target.suffix or "without a suffix"}. Write sol.movie("{target.stem}.mp4").'
        )
    if not target.parent.is_dir():
        raise FileError(f"the folder {str(target.parent)!r} does not exist. Create it first.")
    if target.suffix == ".gif":
        return GifWriter(fps)
    program = ffmpeg_program()
    if program is None:
        raise BackendUnavailable(
            "mp4 films need the program ffmpeg, which is not installed. Install it: pip install imageio-ffmpeg, "
            f'or write sol.movie("{target.stem}.gif").'
        )

    class Ffmpeg(animation.FFMpegWriter):
        @classmethod
        def bin_path(cls) -> str:
            return str(program)

    return Ffmpeg(fps=fps, codec="libx264", extra_args=["-pix_fmt", "yuv420p", "-crf", "18", "-movflags", "+faststart"])


def ffmpeg_program() -> str | None:
    """The ffmpeg on the search path, else the one that the package imageio-ffmpeg brings, else None."""
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        imageio_ffmpeg = importlib.import_module("imageio_ffmpeg")
    except ImportError:
        return None
    return str(imageio_ffmpeg.get_ffmpeg_exe())
