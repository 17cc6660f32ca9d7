"""Plots of characters: dots where the curve is, colours where the values are, sheets of the size that was asked for; pictures in terminals."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symnum as sn
from symnum.errors import SolveError, UnknownName
from symnum.repl.sheet import Depth, Sheet, colour_depth, indexed
from symnum.repl.solution_plots import Paper, solution_plot
from symnum.repl.terminal_pictures import escape_sequence, protocol
from symnum.repl.text_plots import Axis, Curve, extent, heat_map, line_plot, resampled, shade

UNIT = Axis("x", 0.0, 1.0)


def dots(sheet: Sheet) -> set[tuple[int, int]]:
    """(row, column) of every braille dot."""
    bits = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
    found = set()
    for r, cells in enumerate(sheet.rows):
        for c, cell in enumerate(cells):
            code = ord(cell.text) - 0x2800
            if 0 < code < 256:
                found |= {(4 * r + i, 2 * c + j) for i in range(4) for j in range(2) if code & bits[i][j]}
    return found


def test_a_straight_line_is_a_straight_row_of_dots() -> None:
    curve = Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]), "u", (1, 2, 3))
    sheet = line_plot([curve], UNIT, UNIT, 40, 16, colour=True)
    found = sorted(dots(sheet))
    rows, columns = np.array(found).T
    left = 2 * next(c for c, cell in enumerate(sheet.rows[2]) if cell.text in "│┤") + 2
    assert set(columns) == set(range(left, 2 * 40))  # from the axis to the right edge, a dot in every column
    slope, offset = np.polyfit(columns, rows, 1)
    assert slope < 0 and np.abs(rows - (slope * columns + offset)).max() < 1.5


@given(st.integers(20, 150), st.integers(6, 50), st.booleans(), st.integers(1, 5))
def test_plots_have_the_size_that_was_asked_for(width: int, height: int, colour: bool, count: int) -> None:
    x = np.linspace(0, 1, 30)
    curves = [Curve(x, np.sin(k * x), f"u{k}", (9, 9, 9)) for k in range(1, count + 1)]
    for sheet in (
        line_plot(curves, UNIT, Axis("u", -1, 1), width, height, colour),
        heat_map(np.outer(x, x), UNIT, UNIT, width, height, colour, "u"),
    ):
        assert (sheet.width, sheet.height) == (width, height)
        assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= width for line in sheet.lines(Depth.TRUE))


def test_gaps_stay_empty() -> None:
    y = np.array([0.0, np.nan, 1.0])
    sheet = line_plot([Curve(np.array([0, 0.5, 1]), y, "u", (1, 1, 1))], UNIT, UNIT, 40, 12, colour=True)
    assert not dots(sheet)
    empty = heat_map(np.full((4, 4), np.nan), UNIT, UNIT, 40, 12, colour=True)
    assert "▀" not in "\n".join(empty.lines(Depth.NONE))


def test_every_cell_of_a_heat_map_has_the_colour_of_its_value() -> None:
    rows, columns = 2 * (14 - 4), 30
    values = np.linspace(0, 1, rows)[:, None] * np.ones(columns)  # grows upward
    sheet = heat_map(values, UNIT, UNIT, columns + 5, 14, colour=True, scale=(0, 1))
    cells = [row[-1] for row in sheet.rows if row[-1].text == "▀"]
    assert len(cells) == rows // 2
    for k, cell in enumerate(cells):
        assert cell.ink == shade(values[rows - 1 - 2 * k, 0]) and cell.paper == shade(values[rows - 2 - 2 * k, 0])


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 40))
def test_resampling_keeps_constants_and_extent(m: int, n: int, rows: int, columns: int) -> None:
    values = np.random.default_rng(m * 61 + n).normal(size=(m, n))
    made = resampled(values, rows, columns)
    assert made.shape == (rows, columns)
    assert values.min() - 1e-12 <= made.min() and made.max() <= values.max() + 1e-12
    assert np.allclose(resampled(np.full((m, n), 2.5), rows, columns), 2.5)
    if m % rows == 0 and n % columns == 0:
        assert made.mean() == pytest.approx(values.mean())


def test_without_colours_curves_are_numbered() -> None:
    x = np.linspace(0, 1, 50)
    curves = [Curve(x, x * k, f"u{k}", (1, 1, 1)) for k in (1, 2, 3)]
    lines = line_plot(curves, UNIT, Axis("u", 0, 3), 60, 16, colour=False).lines(Depth.NONE)
    assert "1 u1   2 u2   3 u3" in lines[-1]
    assert all(str(k) in "".join(lines[1:-4]) for k in (1, 2, 3))
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("environment", "terminal", "depth"),
    [
        ({"TERM": "xterm-256color"}, True, Depth.INDEXED),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, True, Depth.TRUE),
        ({"TERM": "xterm", "COLORTERM": "truecolor", "NO_COLOR": "1"}, True, Depth.NONE),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, False, Depth.NONE),
        ({"TERM": "dumb"}, True, Depth.NONE),
    ],
)
def test_colours_are_those_that_the_environment_allows(environment: dict[str, str], terminal: bool, depth: Depth) -> None:
    assert colour_depth(environment, terminal) is depth


@given(st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)))
def test_the_nearest_of_256_colours_is_near(colour: tuple[int, int, int]) -> None:
    index = indexed(colour)
    levels = (0, 95, 135, 175, 215, 255)
    k = index - 16
    shown = (levels[k // 36], levels[k // 6 % 6], levels[k % 6]) if index < 232 else (8 + 10 * (index - 232),) * 3
    assert 16 <= index < 256 and max(abs(a - b) for a, b in zip(shown, colour, strict=True)) <= 48


@pytest.mark.parametrize(
    ("values", "expected"), [([1.0, 3.0], (1.0, 3.0)), ([2.0, 2.0], (1.0, 3.0)), ([0.0, 0.0], (-0.5, 0.5)), ([np.nan, np.inf], (0.0, 1.0))]
)
def test_the_extent_is_never_empty(values: list[float], expected: tuple[float, float]) -> None:
    assert extent([np.array(values)]) == expected


# ---- solutions -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def heat() -> sn.Solution:
    system = sn.PDESystem.from_text(
        equations=["dt(u) = 0.1*dxx(u)"], domain={"t": (0, 1), "x": (0, 1)}, conditions=["periodic x"], initial=["u = sin(2*pi*x)"]
    )
    return sn.solve(system, resolution=32)


def test_the_plot_of_a_field_in_space_has_lines_and_a_map(heat: sn.Solution) -> None:
    lines = solution_plot(heat, Paper(80, 18, colour=True)).lines(Depth.NONE)
    assert len(lines) == 18
    assert "t=0" in lines[-1] and "t=1" in "".join(lines[-2:]) and "▀" in "".join(lines)
    narrow = solution_plot(heat, Paper(50, 18, colour=True))
    assert narrow.width == 50 and "▀" not in "".join(narrow.lines(Depth.NONE))


def test_only_the_times_that_were_asked_for(heat: sn.Solution) -> None:
    text = "".join(solution_plot(heat, Paper(80, 18, colour=True), times=[0.0, 0.25]).lines(Depth.NONE))
    assert "t=0.25" in text and "t=1" not in text
    with pytest.raises(SolveError, match="outside the solution, which goes from 0 to 1"):
        solution_plot(heat, Paper(80, 18, colour=True), times=[2.0])


def test_a_field_that_is_not_there_is_named(heat: sn.Solution) -> None:
    with pytest.raises(UnknownName, match="v"):
        solution_plot(heat, Paper(80, 18, colour=True), ["v"])


# ---- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "screen-256color", "KITTY_WINDOW_ID": "1"}, ""),
        ({"TERM": "xterm-kitty", "TMUX": "x"}, ""),
        ({"TERM": "xterm-256color"}, ""),
        ({"TERM": "xterm-kitty", "SYMNUM_PICTURES": "no"}, ""),
        ({"TERM": "foot", "SYMNUM_PICTURES": "kitty"}, "kitty"),
        ({}, ""),
    ],
)
def test_what_a_terminal_can_is_read_from_its_environment(environment: dict[str, str], expected: str) -> None:
    assert protocol(environment) == expected


@pytest.mark.parametrize("size", [1, 3000, 100_000])
def test_the_picture_arrives_whole(size: int) -> None:
    png = np.random.default_rng(size).bytes(size)
    kitty = escape_sequence(png, "kitty", 80)
    commands = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty)
    assert "".join(f"\x1b_G{keys};{data}\x1b\\" for keys, data in commands) == kitty
    assert base64.b64decode("".join(data for _, data in commands)) == png
    assert all(len(data) <= 4096 for _, data in commands)
    assert [keys[-3:] for keys, _ in commands] == ["m=1"] * (len(commands) - 1) + ["m=0"] and "f=100" in commands[0][0]
    data = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+);[^:]*:(.*)\x07", escape_sequence(png, "iterm2", 80))
    assert data is not None and int(data[1]) == size and base64.b64decode(data[2]) == png
