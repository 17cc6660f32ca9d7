"""Kinds of pictures: phase portraits, three planes, cuts, steps, events; widths; files that are the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from matplotlib.colors import to_rgb

import symnum as sn
from symnum.errors import FileError, SolveError, UnknownName, UnknownOption
from symnum.result import Solution
from symnum.result.events import EventOccurrence
from symnum.result.scene import cut
from symnum.result.style import LINE_COLOURS, line_styles

from .inked import faults, words
from .samples import decay, plane, solution, states, wave

pytestmark = pytest.mark.filterwarnings("error")

# Machado, Oliveira, Fernandes, IEEE Trans. Vis. Comput. Graph. 15 (2009) 1291-1298, table 1, severity 1.0; linear RGB.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)


def panels(figure: Any) -> list[Any]:
    return [axes for axes in figure.axes if axes.get_label() not in ("<colorbar>", "history")]


def rotation(**facts: Any) -> Solution:
    """u = cos t, v = -sin t, which turns clockwise round the origin."""
    t = np.linspace(0, 6, 61)
    data = xarray.Dataset({"u": ("t", np.cos(t)), "v": ("t", -np.sin(t))}, coords={"t": t})
    rates = lambda t, values: {"u": values["v"], "v": -values["u"]}  # noqa: E731
    return solution(data, slopes={"u": -np.sin(t), "v": -np.cos(t)}, **({"rates": rates} | facts))


def box() -> Solution:
    """w = x + 10 y + 100 z + t on a box of unlike sides."""
    t, x, y, z = np.linspace(0, 2, 5), np.linspace(0, 1, 6), np.linspace(0, 2, 9), np.linspace(0, 1, 5)
    w = t[:, None, None, None] + x[:, None, None] + 10 * y[:, None] + 100 * z
    return solution(xarray.Dataset({"w": (("t", "x", "y", "z"), w)}, coords={"t": t, "x": x, "y": y, "z": z}))


# ------------------------------------------------------------------ phase portraits


def test_a_phase_portrait_shows_the_path_and_the_field() -> None:
    axes = panels(rotation().plot(kind="phase"))[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$u$", "$v$")
    path = next(c for c in axes.collections if type(c).__name__ == "LineCollection")
    np.testing.assert_allclose(np.linalg.norm(path.get_segments(), axis=2), 1, atol=1e-6)
    arrows = next(c for c in axes.collections if type(c).__name__ == "Quiver")
    x, y = arrows.XY.T
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    expected = np.array([y / (x1 - x0), -x / (y1 - y0)])  # (v, -u), as long in inches
    np.testing.assert_allclose([arrows.U, arrows.V], expected / np.hypot(*expected), atol=1e-12)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["d$u$/d$t$ = 0", "d$v$/d$t$ = 0"]


def test_nullclines_are_where_the_rates_vanish() -> None:
    axes = panels(rotation().plot(kind="phase"))[0]
    first, second = [c for c in axes.collections if type(c).__name__ == "QuadContourSet"]
    for contour, column in ((first, 1), (second, 0)):  # du/dt = v = 0; dv/dt = -u = 0
        points = np.concatenate([path.vertices for path in contour.get_paths()])
        assert len(points) > 10 and np.abs(points[:, column]).max() < 1e-9


def test_no_field_where_it_turns_or_is_not_the_whole_state() -> None:
    driven = rotation(rates=lambda t, values: {"u": values["v"] + t, "v": 0.0})
    for sol in (driven, rotation(rates=None)):
        axes = panels(sol.plot(kind="phase"))[0]
        assert not [c for c in axes.collections if type(c).__name__ == "Quiver"]


def test_three_states_and_one_state() -> None:
    assert panels(states(3).plot(kind="phase"))[0].name == "3d"
    axes = panels(rotation().plot(kind="phase", field="u"))[0]
    path = next(c for c in axes.collections if type(c).__name__ == "LineCollection")
    inner = np.array(path.get_segments())[5:-5].reshape(-1, 2)  # du/dt = -sin t, by differences
    np.testing.assert_allclose(np.linalg.norm(inner, axis=1), 1, atol=1e-4)
    assert "mathrm" in axes.get_ylabel()


def test_fields_names_what_field_names() -> None:
    assert panels(states(4).plot(kind="phase", fields=("y3", "y1")))[0].get_xlabel() == "$y_{3}$"


def test_a_solved_planar_system_brings_its_rates() -> None:
    (t,) = (sn.coordinates("t"),)
    u, v = sn.fields("u v", (t,))
    system = sn.ODESystem(
        [sn.Eq(sn.dt(u), u * (1 - v)), sn.Eq(sn.dt(v), v * (u - 1))], sn.Domain(t=(0, 5)), initial={u: 2, v: 1}
    )
    sol = sn.solve(system)
    assert sol._rates is not None and sol._rates(0.0, {"u": 3.0, "v": 5.0}) == {"u": -12.0, "v": 10.0}
    assert any(type(c).__name__ == "Quiver" for c in panels(sol.plot(kind="phase"))[0].collections)


# ------------------------------------------------------------------ planes and cuts


def test_three_planes_hold_the_values_there() -> None:
    frames = panels(box().plot(t=[1.0]))
    assert [axes.get_title() for axes in frames] == ["$z$ = 0.5", "$y$ = 1", "$x$ = 0.5"]
    assert [(axes.get_xlabel(), axes.get_ylabel()) for axes in frames] == [
        ("$x$", "$y$"),
        ("$x$", "$z$"),
        ("$y$", "$z$"),
    ]
    x, y, z = np.linspace(0, 1, 6), np.linspace(0, 2, 9), np.linspace(0, 1, 5)
    expected = [
        1 + x + 10 * y[:, None] + 50,
        1 + x + 10 + 100 * z[:, None],
        1 + 0.5 + 10 * y + 100 * z[:, None],
    ]
    for axes, values in zip(frames, expected, strict=True):
        np.testing.assert_allclose(axes.images[0].get_array(), values, rtol=1e-12)
    assert len({axes.images[0].get_clim() for axes in frames}) == 1


def test_planes_move_and_times_stack() -> None:
    figure = box().plot(kind="slices", at={"z": 0.2, "y": 1.5})
    frames = panels(figure)
    assert len(frames) == 9 and [axes.get_title() for axes in frames[:2]] == ["$z$ = 0.2", "$y$ = 1.5"]
    lines = [line.get_ydata()[0] for line in frames[0].lines if line.get_label() == "plane"]
    assert 1.5 in lines  # where the x-z plane cuts the x-y plane
    assert len(panels(box().plot(width="column"))) == 6
    for width in (None, "column"):
        assert faults(box().plot(width=width)) == []


def test_a_cut_has_one_dimension_less_and_the_same_values() -> None:
    flat = cut(box(), {"z": 0.3})
    assert flat["w"].dims == ("t", "x", "y")
    np.testing.assert_allclose(flat["w"].values, box()(z=0.3)["w"].values)
    figure = box().plot(at={"z": 0.3, "y": 1})
    lines = panels(figure)[0]
    np.testing.assert_allclose(lines.lines[0].get_ydata(), np.linspace(0, 1, 6) + 10 + 30, rtol=1e-12)
    assert "at $z$ = 0.3, $y$ = 1" in figure.texts[1].get_text()
    sol = decay(101)
    between = sol.plot(kind="curves", at={"x": 0.5}, t=[0.33]).axes[0].lines[0].get_ydata()
    np.testing.assert_allclose(between, 300 + 20 * np.exp(-0.33), atol=1e-4)  # slopes are cut too: cubic in time


def test_kinds_of_lines() -> None:
    assert len(panels(decay().plot(kind="lines"))) == 1 and not panels(decay().plot(kind="lines"))[0].images
    image = panels(wave().plot(kind="space-time"))[0].images[0]
    np.testing.assert_array_equal(image.get_array()[:, :-1], wave()["u"].values)
    assert image.get_clim()[0] == -image.get_clim()[1]  # a signed field is centred at zero


# ------------------------------------------------------------------ steps, events


def test_steps_are_the_differences_of_the_times() -> None:
    t = np.array([0.0, 0.1, 0.3, 0.35, 1.0])
    sol = solution(xarray.Dataset({"y": ("t", t)}, coords={"t": t}), stats={"steps": 4})
    line = sol.plot(kind="steps").axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), np.diff(t))
    np.testing.assert_array_equal(line.get_xdata(), t[1:])
    with pytest.raises(SolveError, match=r"41 saved times, but the solve took 412 steps.*step_history"):
        decay().plot(kind="steps")


def test_events_are_marked() -> None:
    events = [EventOccurrence(0, "y1 <= 0", 2.5), EventOccurrence(0, "y1 <= 0", 7.5)]
    figure = states(2, events=events).plot()
    marks = [line for line in panels(figure)[0].lines if line.get_label() == "_event"]
    assert sorted({float(line.get_xdata()[0]) for line in marks}) == [2.5, 7.5]
    assert "2 events: y1 <= 0" in figure.texts[1].get_text()
    many = states(2, events=events * 40).plot()
    assert not [line for line in panels(many)[0].lines if line.get_label() == "_event"]
    assert "80 events" in many.texts[1].get_text()


def test_a_jump_is_drawn_upright() -> None:
    t = np.array([0.0, 1.0, 1.0, 2.0])
    data = xarray.Dataset({"u": ("t", [0.0, 1.0, 5.0, 6.0]), "v": ("t", [0.0, 1.0, 1.0, 2.0])}, coords={"t": t})
    line = panels(solution(data, slopes={"u": np.ones(4), "v": np.ones(4)}).plot())[0].lines[0]
    x, y = line.get_data()
    before = np.flatnonzero(x < 1)[-1]
    assert (
        y[before] == pytest.approx(1, abs=1e-9)
        and y[before + 1] == pytest.approx(5)
        and x[before + 1] - x[before] < 1e-12
    )


# ------------------------------------------------------------------ many states, widths, colours, files


def test_many_unlike_states_get_small_frames() -> None:
    figure = states(8, lambda i, t: 10.0 ** (-i) * np.sin(t)).plot()
    assert len(panels(figure)) == 8 and faults(figure) == []


def test_positive_values_over_decades_are_logarithmic() -> None:
    axes = panels(states(1, lambda i, t: np.exp(-2 * t)).plot())[0]
    assert axes.get_yscale() == "log"


def test_many_panels_have_labels_that_keep_apart() -> None:
    assert faults(plane().plot(t=np.linspace(0, 3, 11))) == []
    assert faults(decay().plot(t=np.linspace(0, 2, 15))) == []


def test_one_saved_time_is_a_line_a_point_or_a_panel() -> None:
    one = lambda sol: solution(sol.to_xarray().isel(t=[1]))  # noqa: E731
    assert len(panels(one(decay()).plot())) == 1 and len(panels(one(decay()).plot())[0].lines) == 1
    assert panels(one(states(3)).plot())[0].lines[0].get_marker() == "o" and len(panels(one(states(3)).plot())) == 3
    assert len(panels(one(plane()).plot())) == 2
    with pytest.raises(SolveError, match="more than one saved time"):
        one(states(2)).plot(kind="phase")


def test_line_styles_never_repeat() -> None:
    styles = line_styles(20)
    assert len({(s["color"], str(s["linestyle"])) for s in styles}) == 20


def test_widths() -> None:
    for sol in (decay(), plane(), states(3), rotation()):
        figure = sol.plot(width="column")
        assert figure.get_figwidth() == pytest.approx(85 / 25.4, abs=1e-9)
        assert faults(figure) == []
        assert (
            min(text.get_fontsize() for text in figure.findobj(lambda a: hasattr(a, "get_fontsize")) if text.get_text())
            > 5.5
        )
    assert decay().plot(width="page").get_figwidth() == pytest.approx(180 / 25.4)
    assert max(w.top - w.bottom for w in words(decay().plot(width="column"))) < max(
        w.top - w.bottom for w in words(decay().plot())
    )


def _seen(colour: str, matrix: Any) -> Any:
    """The colour as a dichromat sees it, in CIE L*a*b* (D65)."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(matrix @ linear, 0, 1)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ linear
        / [0.9505, 1, 1.089]
    )
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("matrix", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["all", "deuteranopia", "protanopia"])
def test_line_colours_can_be_told_apart_by_all_readers(matrix: Any) -> None:
    seen = [_seen(colour, matrix) for colour in LINE_COLOURS]
    distances = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[i + 1 :]]
    assert min(distances) > 10  # a difference of about 2 can just be seen
    firsts = [np.linalg.norm(a - b) for i, a in enumerate(seen[:3]) for b in seen[i + 1 : 3]]
    assert min(firsts) > 20


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_the_same_picture_gives_the_same_file(suffix: str, tmp_path: Path) -> None:
    first, second = (
        decay().plot(path=tmp_path / f"{k}{suffix}") and (tmp_path / f"{k}{suffix}").read_bytes() for k in "ab"
    )
    assert first == second and len(first) > 5000
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]
    if suffix == ".pdf":
        assert b"/FontFile2" in first and b"/Type3" not in first  # TrueType, inside the file
    if suffix == ".svg":
        assert b"<text" not in first and b"http://www.w3.org/2000/svg" in first


def test_bad_requests() -> None:
    for ask, error, says in (
        (
            lambda: decay().plot(kind="space_time"),
            UnknownName,
            "no kind of picture 'space_time'. Did you mean 'space-time'",
        ),
        (
            lambda: plane().plot(kind="phase"),
            SolveError,
            r"depend on 2 space dimensions; write kind='panels'.*at=\{'x': 0.5, 'y': 0.5\}",
        ),
        (lambda: states(2).plot(kind="panels"), SolveError, "depend on time alone; write kind='curves'"),
        (lambda: states(5).plot(kind="phase"), SolveError, r"two or three fields, not 5.*field=\('y1', 'y2'\)"),
        (lambda: box().plot(kind="slices", at={"q": 1}), UnknownName, "no coordinate 'q'"),
        (lambda: box().plot(kind="slices", at={"z": 7}), SolveError, "outside"),
        (lambda: box().plot(at={"t": 1}), SolveError, r"times are chosen by t: write sol.plot\(t=1\)"),
        (lambda: box().plot(at=0.5), SolveError, "no mapping"),
        (lambda: box().plot(at={"x": "left"}), SolveError, "not a number"),
        (lambda: decay().plot("u.png"), UnknownName, r"is a file, .* Write sol.plot\(path='u.png'\)"),
        (lambda: decay().plot(Path("u.pdf")), UnknownName, r"Write sol.plot\(path='u.pdf'\)"),
        (lambda: states(2).plot("phase"), UnknownName, r"Write sol.plot\(kind='phase'\)"),
        (lambda: decay().plot(t="end"), SolveError, r"no time and no list of times; write t=0.5"),
        (lambda: decay().plot(field=[]), SolveError, "no field is named"),
        (lambda: decay().plot(width="colum"), UnknownName, "Did you mean 'column'"),
        (lambda: decay().plot(width=0.1), SolveError, "2 to 40"),
        (lambda: decay().plot(cmap="viridus"), UnknownName, "Did you mean 'viridis'"),
        (lambda: decay().plot(colour="red"), UnknownOption, "no option 'colour'"),
        (lambda: decay().plot(path="/no/folder/x.png"), FileError, "does not exist"),
    ):
        with pytest.raises(error, match=says):
            ask()
