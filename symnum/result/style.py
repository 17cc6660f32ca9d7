"""What every picture shares: figure and header, labels as mathematics, colours that all readers can tell apart.

Only matplotlib's objects are used, never pyplot: a picture changes no global state and needs no display.
"""

from __future__ import annotations

import io
import os
import re
import textwrap
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from symnum.errors import FileError, SolveError, UnknownName, did_you_mean
from symnum.result.axes import Array

# Okabe and Ito (2008), "Color Universal Design", without its yellow, which is too pale for lines on white.
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, FAINT, ALARM = "#222222", "#666666", "#A62B1F"
SMALL, MEDIUM, LARGE = 8.5, 10.0, 13.0  # points
WIDTHS = {"column": 85 / 25.4, "page": 180 / 25.4}  # inches: one and two columns of a journal
NARROW = 5.5  # inches; below, frames stand one above the other and the type is smaller
NARROW_TYPE = 0.8
UNDATED = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}  # the same picture gives the same file
GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|upsilon|phi|chi|psi|omega|"
    "Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega"
)


class Picture(Figure):
    """A matplotlib figure that shows itself in notebooks without pyplot."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue()


def inches(width: object, default: float) -> float:
    """The width of a picture: a number of inches (2 to 40), "column" (85 mm), "page" (180 mm), or None for the default.

    Raises ``UnknownName`` for another word, ``SolveError`` for what is no such number.
    """
    if width is None:
        return default
    if isinstance(width, str):
        if width not in WIDTHS:
            listed = "a number of inches, 'column' (85 mm) or 'page' (180 mm)"
            raise UnknownName(f"there is no width {width!r}.{did_you_mean(width, WIDTHS)} Write {listed}.")
        return WIDTHS[width]
    if isinstance(width, bool) or not isinstance(width, (int, float, np.number)) or not 2 <= width <= 40:
        raise SolveError(f"width={width!r} is not a number of inches from 2 to 40; write width=7, or width='column'")
    return float(width)


def new_picture(
    width: float, body: float, title: str, subtitle: str, alarm: str = "", dpi: float = 150, compress: bool = False
) -> Picture:
    """A figure ``width`` by ``body`` inches of axes below a header: title, subtitle, what went wrong.

    Below ``NARROW`` inches its type is to be made smaller at the end, by ``finished``.
    """
    columns = int(width * 14.5 / (NARROW_TYPE if width < NARROW else 1))
    alarm_lines = textwrap.wrap(alarm, columns)[:2]
    subtitle_lines = _wrapped_at_dots(subtitle, columns)[:2]
    header = 0.50 + 0.19 * (len(subtitle_lines) + len(alarm_lines))
    height = body + header
    figure = Picture(figsize=(width, height), dpi=dpi, facecolor="white")
    FigureCanvasAgg(figure)
    layout = ConstrainedLayoutEngine(
        rect=(0, 0, 1, 1 - header / height), compress=compress, w_pad=0.05 if compress else 0.09, h_pad=0.08
    )
    figure.set_layout_engine(layout)
    left, top = 0.14 / width, 1 - 0.13 / height
    figure.text(left, top, title, fontsize=LARGE, fontweight="bold", color=INK, va="top")
    for row, line in enumerate(subtitle_lines + alarm_lines):
        colour = ALARM if row >= len(subtitle_lines) else FAINT
        figure.text(left, top - (0.30 + 0.19 * row) / height, line, fontsize=SMALL + 0.5, color=colour, va="top")
    return figure


def _wrapped_at_dots(text: str, columns: int) -> list[str]:
    """Lines that break between the parts of a subtitle, or within a part that is a sentence."""
    parts = [p.replace(" ", "\xa0") if len(p) < 40 else p for p in text.split("  ·  ")]
    return [line.replace("\xa0", " ").removesuffix("  ·") for line in textwrap.wrap("  ·  ".join(parts), columns)]


def finished(figure: Picture, path: str | os.PathLike[str] | None = None) -> Picture:
    """The picture with its type in proportion to its width, written to ``path`` if given."""
    if figure.get_figwidth() < NARROW:
        ticks = [(axis, axis.get_tick_params().get("labelsize")) for axis in _axes_lines(figure)]
        for text in figure.findobj(Text):
            assert isinstance(text, Text), "that is what was asked for"
            text.set_fontsize(NARROW_TYPE * float(text.get_fontsize()))
        for axis, size in ticks:
            if isinstance(size, (int, float)):
                axis.set_tick_params(which="both", labelsize=NARROW_TYPE * size)
    if path is not None:
        save_picture(figure, path)
    return figure


def _axes_lines(figure: Picture) -> list[Any]:
    """The x, y and, in space, z axis of every frame."""
    names = ("xaxis", "yaxis", "zaxis")
    return [getattr(axes, name) for axes in figure.axes for name in names if hasattr(axes, name)]


def save_picture(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure, whole or not at all: .png, .pdf and .svg with their fonts inside, and what else matplotlib writes.

    The same figure gives the same file. ``FileError`` for another suffix, or a folder that is not there.
    """
    import matplotlib

    target = Path(path)
    known = sorted(figure.canvas.get_supported_filetypes())
    if target.suffix[1:].lower() not in known:
        raise FileError(
            f"{str(target)!r} is no picture that can be written. Use one of {', '.join('.' + k for k in known)}."
        )
    if not target.parent.is_dir():
        raise FileError(f"the folder {str(target.parent)!r} does not exist. Create it first.")
    part = target.with_name(f".{target.stem}.{uuid.uuid4().hex[:8]}{target.suffix}")
    fonts: Any = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "symnum"}
    try:
        with matplotlib.rc_context(fonts):
            figure.savefig(part, dpi=figure.dpi, metadata=UNDATED.get(target.suffix.lower()))
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def symbol(name: str) -> str:
    """The name as mathematics where it reads as one: ``u``, ``u_1``, ``alpha``; any other name as it stands."""
    match = re.fullmatch(r"([A-Za-z]+?)(?:_?(\d+)|_([A-Za-z]\w*))?", name)
    if match is None or not (len(match[1]) == 1 or GREEK.fullmatch(match[1])):
        return name.replace("$", r"\$")
    base = match[1] if len(match[1]) == 1 else "\\" + match[1]
    if match[2]:
        return f"${base}_{{{match[2]}}}$"
    if match[3]:
        index = match[3].replace("_", r"\_")
        return f"${base}_{{{index if len(index) == 1 else chr(92) + 'mathrm{' + index + '}'}}}$"
    return f"${base}$"


def label(name: str, units: str) -> str:
    """``u (W/m/K)``: symbol and units."""
    return f"{symbol(name)} ({units})" if units else symbol(name)


def tidy(axes: Axes, ticks: int = 5) -> None:
    """Few ticks, small type, no box where there is no picture."""
    axes.tick_params(color=FAINT, length=3, width=0.7)
    axes.tick_params(which="both", labelsize=SMALL, labelcolor=INK)
    for side in axes.spines.values():
        side.set(color=FAINT, linewidth=0.7)
    for axis, scale in ((axes.xaxis, axes.get_xscale()), (axes.yaxis, axes.get_yscale())):
        axis.label.set(fontsize=MEDIUM, color=INK)
        if scale == "linear":
            axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
            axis.set_major_formatter(number_format())
            axis.get_offset_text().set(fontsize=SMALL, color=INK)
        elif scale == "log":
            _few_decades(axis)


def _few_decades(axis: Any) -> None:
    """Ticks of a logarithmic axis: at 1, 2, 5 where it spans little, else at powers of ten alone."""
    low, high = sorted(axis.get_view_interval())
    if low > 0 and high < 40 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: _plain_or_power(value)))
    axis.set_minor_formatter(NullFormatter())


def _plain_or_power(value: float) -> str:
    """``0.02``, or ``2·10⁻⁵`` outside 0.001 to 10000."""
    if 1e-3 <= value < 1e4:
        return f"{value:.6g}"
    digit, power = f"{value:.0e}".split("e")
    return rf"${digit}\cdot10^{{{int(power)}}}$" if digit != "1" else rf"$10^{{{int(power)}}}$"


def number_format() -> ScalarFormatter:
    """Tick labels with a common power of ten, written as one, outside 0.001 to 100000."""
    formatter = ScalarFormatter(useMathText=True)
    formatter.set_powerlimits((-3, 5))
    return formatter


def colour_bar(figure: Any, image: Any, axes: Sequence[Axes], text: str, length: float, **place: Any) -> None:
    """A labelled colour bar beside (or below) the axes, ``length`` inches long: short bars get fewer ticks."""
    bar = figure.colorbar(image, ax=list(axes), aspect=max(8.0, 7.5 * length), **place)
    bar.set_label(text, fontsize=MEDIUM, color=INK)
    bar.ax.tick_params(labelsize=SMALL, color=FAINT, labelcolor=INK, length=3, width=0.7)
    bar.outline.set(edgecolor=FAINT, linewidth=0.7)
    if not isinstance(image.norm, LogNorm):
        bar.locator, bar.formatter = MaxNLocator(int(np.clip(length * 2, 2, 5))), number_format()
    bar.update_ticks()
    for axis in (bar.ax.xaxis, bar.ax.yaxis):
        axis.get_offset_text().set(fontsize=SMALL, color=INK)


def range_bar(figure: Any, image: Any, axes: Axes, location: str, length: float) -> None:
    """A slim colour bar for one panel, ``length`` inches long, labelled at its ends or with a constant."""
    bar = figure.colorbar(image, ax=[axes], location=location, aspect=max(8.0, 13.0 * length), pad=0.03)
    ends = (float(image.norm.vmin), float(image.norm.vmax))
    values = np.ma.compressed(image.get_array())
    constant = values.size > 0 and np.ptp(values) < 0.5 * (ends[1] - ends[0])  # then the scale was made wider
    if constant:
        middle, half = (values.max() + values.min()) / 2, np.ptp(values) / 2
        digit, power = f"{half:.0e}".split("e")
        spread = rf"${digit}\cdot10^{{{int(power)}}}$" if half else "0"
        bar.set_ticks([middle], labels=[f"{middle:.5g} ± {spread}".replace("-", "−")])
    else:
        upright = location in ("left", "right")
        left, right = end_labels(*ends)
        crowded = not upright and 0.062 * len(left + right) > length - 0.1  # inches a character
        bar.set_ticks(ends, labels=[left, f"\n{right}" if crowded else right])
        low, high = bar.ax.get_yticklabels() if upright else bar.ax.get_xticklabels()
        low.set(**({"va": "bottom"} if upright else {"ha": "left"}))
        high.set(**({"va": "top"} if upright else {"ha": "right"}))
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL - 0.5, labelcolor=INK, length=0, pad=2)
    bar.outline.set(edgecolor=FAINT, linewidth=0.7)


def end_labels(low: float, high: float) -> tuple[str, str]:
    """Both numbers with as many digits as tell them apart to three: 0.5333 and 0.5378."""
    reach, finest = max(abs(low), abs(high)), int(np.floor(np.log10(high - low))) - 2
    if 1e-3 <= reach < 1e5:
        style = f".{max(0, -finest)}f"
    else:
        style = f".{max(2, int(np.floor(np.log10(reach))) - finest)}e"
    return f"{low:{style}}".replace("-", "−"), f"{high:{style}}".replace("-", "−")


def open_box(axes: Axes) -> None:
    """Axes for lines: no top and right side, a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)


def time_colours(count: int) -> list[Any]:
    """``count`` colours from dark (early) to light (late), all dark enough for lines on white."""
    return list(_colormap("viridis")(np.linspace(0.0, 0.86, max(count, 1))))


def line_styles(count: int) -> list[dict[str, Any]]:
    """Colour and dashes for ``count`` curves without an order: the colours again, dashed, when they are used up."""
    dashes = ("solid", (0, (5, 1.6)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
    n = len(LINE_COLOURS)
    return [{"color": LINE_COLOURS[i % n], "linestyle": dashes[i // n % len(dashes)]} for i in range(count)]


def colour_scale(values: Array, robust: bool, cmap: str | None = None, flat: float = 1e-12) -> dict[str, Any]:
    """``cmap``, ``vmin``, ``vmax``: diverging and symmetric about 0 where the data are nearly so, else sequential.

    ``robust`` leaves out values far beyond the middle 99 %: one value on its way to infinity must not blank a picture; ``extend`` then says at
    which ends, for the arrows of the colour bar.
    ``flat``: values that vary by less than this fraction of the largest are shown as a constant.
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return {"cmap": cmap or "viridis", "vmin": 0.0, "vmax": 1.0}
    low, high = float(finite.min()), float(finite.max())
    if robust:
        inner = [float(v) for v in np.quantile(finite, [0.005, 0.995])]
        low, high = max(low, 2 * inner[0] - inner[1]), min(high, 2 * inner[1] - inner[0])
    reach = max(abs(low), abs(high))
    if low < 0 < high and min(-low, high) > 0.4 * reach:
        return {"cmap": cmap or "RdBu_r", "vmin": -reach, "vmax": reach} | _beyond(finite, -reach, reach)
    if high - low <= flat * reach or high == low:  # a constant: centre it, and let no round-off become a pattern
        margin = 0.05 * reach or 1.0
        low, high = low - margin, high + margin
    return {"cmap": cmap or "viridis", "vmin": low, "vmax": high} | _beyond(finite, low, high)


def _beyond(values: Array, low: float, high: float) -> dict[str, str]:
    """At which ends there are values beyond a scale, in matplotlib's words; nothing where there are none."""
    below, above = bool(values.min() < low), bool(values.max() > high)
    return {"extend": "both" if below and above else "min" if below else "max"} if below or above else {}


def _colormap(name: str) -> Colormap:
    import matplotlib

    return matplotlib.colormaps[name]


def greyed(cmap: str) -> Colormap:
    """The colour map with missing values in light grey."""
    return _colormap(cmap).with_extremes(bad="#D9D9D9")
