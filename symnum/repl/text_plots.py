"""Plots made of characters: curves of braille dots (2 x 4 a cell), heat maps of half blocks (1 x 2 a cell), with axes.

Every function returns a ``Sheet`` of exactly the size that was asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnum.repl.sheet import Colour, Sheet

Array = np.ndarray

# Okabe and Ito (2008), "Color Universal Design": those that are legible on black and on white.
LINES: tuple[Colour, ...] = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (213, 94, 0), (204, 121, 167), (0, 114, 178))
AXIS: Colour = (128, 128, 128)
# viridis (van der Walt, Smith 2015, CC0) at sixteen equal steps: legible to all readers and in grey.
_VIRIDIS = (
    (68, 1, 84), (72, 26, 108), (71, 47, 125), (65, 68, 135), (57, 86, 140), (49, 104, 142), (42, 120, 142), (35, 136, 142),
    (31, 152, 139), (34, 168, 132), (53, 183, 121), (84, 197, 104), (122, 209, 81), (165, 219, 54), (210, 226, 27), (253, 231, 37),
)  # fmt: skip
_GREYS = " .:-=+*#%@"  # without colours: the more ink, the larger the value
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell: row, column


@dataclass(frozen=True)
class Curve:
    """A line through the points (x, y); NaN leaves a gap."""

    x: Array
    y: Array
    label: str
    colour: Colour


@dataclass(frozen=True)
class Axis:
    """One axis: what it measures and between which values."""

    label: str
    low: float
    high: float


def shade(fraction: float) -> Colour:
    """The colour of a value between 0 and 1."""
    place = min(max(fraction, 0.0), 1.0) * (len(_VIRIDIS) - 1)
    k = min(int(place), len(_VIRIDIS) - 2)
    mixed = [round(a + (b - a) * (place - k)) for a, b in zip(_VIRIDIS[k], _VIRIDIS[k + 1], strict=True)]
    return mixed[0], mixed[1], mixed[2]


def extent(values: Sequence[Array], margin: float = 0.0) -> tuple[float, float]:
    """Least and greatest finite value, never equal; ``margin``: the part added at both ends."""
    finite = np.concatenate([np.asarray(v, dtype=float)[np.isfinite(v)].ravel() for v in values]) if values else np.zeros(0)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if high - low <= 1e-12 * max(abs(low), abs(high)):  # a constant: its line lies in the middle
        low, high = low - (0.5 * abs(low) or 0.5), high + (0.5 * abs(high) or 0.5)
    return low - margin * (high - low), high + margin * (high - low)


# ---- curves ------------------------------------------------------------------------------------


def line_plot(
    curves: Sequence[Curve], x: Axis, y: Axis, width: int, height: int, colour: bool, title: str = "", legend: bool = True
) -> Sheet:
    """Curves between axes with ticks, and below a legend. Without ``colour`` each curve carries its number.

    ``width``, ``height``: in characters, everything included (at least 20 x 6 to be legible).
    """
    sheet = Sheet(width, height)
    names = _legend(curves, width, colour) if legend else []
    ticks = _ticks(y.low, y.high, max(2, (height - 4) // 4))
    margin = max([len(text) for _, text in ticks] + [1]) + 1
    top, bottom = 1, height - 2 - max(len(names), 1)  # rows of the frame's inside: top <= row < bottom
    _axes(sheet, x, y, ticks, (top, bottom, margin), title)
    inside = Sheet(max(width - margin - 1, 1), max(bottom - top, 1))
    for number, curve in enumerate(curves, 1):
        _draw(inside, curve, x, y)
        if not colour and len(curves) > 1:
            _mark(inside, curve, str(number % 10), (number - 0.5) / len(curves), x, y)
    sheet.paste(top, margin + 1, inside)
    for row, entries in enumerate(names):
        column = margin + 1
        for text, ink in entries:
            sheet.put(height - len(names) + row, column, text, ink)
            column += len(text)
    return sheet


def _legend(curves: Sequence[Curve], width: int, colour: bool) -> list[list[tuple[str, Colour | None]]]:
    """Rows of (text, colour); as many as the labels need."""
    rows: list[list[tuple[str, Colour | None]]] = [[]]
    used = 0
    for number, curve in enumerate(curves, 1):
        sign = "━━ " if colour else f"{number} "
        need = len(sign) + len(curve.label) + 3
        if used and used + need > width - 10:
            rows.append([])
            used = 0
        rows[-1] += [(sign, curve.colour), (f"{curve.label}   ", None)]
        used += need
    return rows


def _draw(sheet: Sheet, curve: Curve, x: Axis, y: Axis) -> None:
    """Dots along the curve, a dot a step of its longer side; a cell takes the colour of the last curve through it."""
    columns, rows = _dots(sheet, curve, x, y)
    good = np.isfinite(columns) & np.isfinite(rows)
    for k in range(len(columns) - 1):
        if good[k] and good[k + 1]:
            count = int(min(max(abs(columns[k + 1] - columns[k]), abs(rows[k + 1] - rows[k])), 4000)) + 1
            steps = np.linspace(0, 1, count + 1)
            _dot(sheet, columns[k] + steps * (columns[k + 1] - columns[k]), rows[k] + steps * (rows[k + 1] - rows[k]), curve.colour)
    if len(columns) == 1 and good[0]:
        _dot(sheet, columns, rows, curve.colour)


def _dots(sheet: Sheet, curve: Curve, x: Axis, y: Axis) -> tuple[Array, Array]:
    """The points in units of dots from the upper left corner."""
    columns = (np.asarray(curve.x, dtype=float) - x.low) / (x.high - x.low) * (2 * sheet.width - 1)
    rows = (y.high - np.asarray(curve.y, dtype=float)) / (y.high - y.low) * (4 * sheet.height - 1)
    return columns, np.clip(rows, -8, 4 * sheet.height + 8)


def _dot(sheet: Sheet, columns: Array, rows: Array, colour: Colour) -> None:
    places = {(int(r), int(c)) for r, c in zip(np.rint(rows), np.rint(columns), strict=True)}
    for r, c in places:
        if 0 <= r < 4 * sheet.height and 0 <= c < 2 * sheet.width:
            old = ord(sheet.rows[r // 4][c // 2].text) - 0x2800
            sheet.put(r // 4, c // 2, chr(0x2800 + ((old if 0 < old < 256 else 0) | _DOTS[r % 4][c % 2])), colour)


def _mark(sheet: Sheet, curve: Curve, sign: str, fraction: float, x: Axis, y: Axis) -> None:
    columns, rows = _dots(sheet, curve, x, y)
    wanted = fraction * (2 * sheet.width - 1)
    good = np.flatnonzero(np.isfinite(columns) & np.isfinite(rows))
    if good.size:
        k = good[int(np.argmin(np.abs(columns[good] - wanted)))]
        sheet.put(int(rows[k] // 4), int(columns[k] // 2), sign, curve.colour)


def _axes(sheet: Sheet, x: Axis, y: Axis, ticks: Sequence[tuple[float, str]], place: tuple[int, int, int], title: str) -> None:
    """Frame, ticks and labels. ``place``: first row inside, first row below, column of the left line."""
    top, bottom, left = place
    if title:  # the axis' name stands above its numbers
        sheet.put(0, max(left - len(y.label), 0), y.label)
        sheet.put(0, left + 2, title)
    else:
        sheet.put(0, left, y.label)
    for row in range(top, bottom):
        sheet.put(row, left, "│", AXIS)
    sheet.put(bottom, left, "└" + "─" * (sheet.width - left - 1), AXIS)
    for value, text in ticks:
        row = top + int((y.high - value) / (y.high - y.low) * (bottom - top - 0.01))
        if top <= row < bottom:
            sheet.put(row, left - len(text), text)
            sheet.put(row, left, "┤", AXIS)
    _bottom_ticks(sheet, x, bottom, left + 1, sheet.width - left - 1)


def _bottom_ticks(sheet: Sheet, x: Axis, row: int, left: int, width: int) -> None:
    """Ticks on the line ``row`` and their numbers below; the coordinate's name at the right end."""
    free = left
    for value, text in _ticks(x.low, x.high, max(2, width // 8)):
        column = left + round((value - x.low) / (x.high - x.low) * (width - 1))
        start = min(max(column - len(text) // 2, left), sheet.width - len(x.label) - 1 - len(text))
        if start < free:
            continue
        sheet.put(row, column, "┬", AXIS)
        sheet.put(row + 1, start, text)
        free = start + len(text) + 1
    sheet.put(row + 1, sheet.width - len(x.label), x.label)


def _ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """At most about ``most`` round values between the ends, with their text."""
    raw = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s for s in (power, 2 * power, 5 * power, 10 * power) if s >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(k * step, _number(k * step, step)) for k in range(first, last + 1)]


def _number(value: float, step: float) -> str:
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.6g}"
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:.{digits}f}" if digits < 8 else f"{value:.3g}"


# ---- heat maps ---------------------------------------------------------------------------------


def heat_map(
    values: Array, x: Axis, y: Axis, width: int, height: int, colour: bool, title: str = "", scale: tuple[float, float] | None = None
) -> Sheet:
    """Values (rows along y from ``y.low`` up, columns along x) as colours between axes, with the scale below.

    ``scale``: the values of the first and the last colour; by default their extent. NaN stays empty.
    """
    sheet = Sheet(width, height)
    low, high = scale or extent([values])
    ticks = _ticks(y.low, y.high, max(2, (height - 4) // 4))
    margin = max([len(text) for _, text in ticks] + [1]) + 1
    top, bottom = 1, height - 3
    _axes(sheet, x, y, ticks, (top, bottom, margin), title)
    columns, rows = max(width - margin - 1, 1), max(bottom - top, 1)
    fractions = (resampled(values, 2 * rows, columns)[::-1] - low) / (high - low)
    _shades(sheet, fractions, top, margin + 1, colour)
    _colour_bar(sheet, low, high, margin + 1, colour)
    return sheet


def resampled(values: Array, rows: int, columns: int) -> Array:
    """Values on ``rows`` x ``columns`` equal cells: means of what falls into a cell, the nearest value where nothing does.

    ``values``: (m, n) at equally spaced points, the first and the last at the ends.
    """
    return _along(_along(np.asarray(values, dtype=float), rows).T, columns).T


def _along(values: Array, count: int) -> Array:
    """Resample the first axis."""
    n = values.shape[0]
    if n <= count:
        return values[np.minimum((np.arange(count) + 0.5) / count * n, n - 1).astype(int)]
    edges = np.linspace(0, n, count + 1).astype(int)
    sums: Array = np.add.reduceat(values, edges[:-1], axis=0)
    return sums / np.diff(edges)[:, None]


def _shades(sheet: Sheet, fractions: Array, top: int, left: int, colour: bool) -> None:
    for r in range(len(fractions) // 2):
        for c in range(fractions.shape[1]):
            upper, lower = float(fractions[2 * r, c]), float(fractions[2 * r + 1, c])
            if colour:
                sheet.put(top + r, left + c, *_half_blocks(upper, lower))
            elif math.isfinite(upper + lower):
                sheet.put(top + r, left + c, _grey(0.5 * (upper + lower)))


def _half_blocks(upper: float, lower: float) -> tuple[str, Colour | None, Colour | None]:
    """Character, ink and paper of a cell with two values one above the other."""
    if math.isfinite(upper):
        return "▀", shade(upper), shade(lower) if math.isfinite(lower) else None
    return ("▄", shade(lower), None) if math.isfinite(lower) else (" ", None, None)


def _ends(low: float, high: float) -> tuple[str, str]:
    """Both numbers with as many digits as tell them apart; rounding about zero is not worth a number."""
    small = 1e-9 * (high - low)
    low, high = (0.0 if abs(value) < small else value for value in (low, high))
    texts = ((f"{low:.{digits}g}", f"{high:.{digits}g}") for digits in range(3, 9))
    return next((pair for pair in texts if pair[0] != pair[1]), (f"{low:.8g}", f"{high:.8g}"))


def _grey(fraction: float) -> str:
    return _GREYS[min(max(int(fraction * len(_GREYS)), 0), len(_GREYS) - 1)]


def _colour_bar(sheet: Sheet, low: float, high: float, left: int, colour: bool) -> None:
    first, last = _ends(low, high)
    first, last = f"{first} ", f" {last}"
    length = max(min(sheet.width - left - len(first) - len(last), 32), 1)
    row = sheet.height - 1
    sheet.put(row, left, first)
    for k in range(length):
        fraction = k / max(length - 1, 1)
        sheet.put(row, left + len(first) + k, *(("█", shade(fraction)) if colour else (_grey(fraction),)))
    sheet.put(row, left + len(first) + length, last)
