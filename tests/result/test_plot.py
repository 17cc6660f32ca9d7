"""Pictures: the right panels, labels with units, shared scales, and no picture that a hard case can break."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure
from PIL import Image

from symnum.errors import BackendUnavailable, FileError, SolveError, UnknownName
from symnum.result import movie
from symnum.result.style import colour_scale, label, symbol

from .samples import decay, plane, solution, states, wave

pytestmark = pytest.mark.filterwarnings("error")


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def panels(figure: Figure) -> list:
    return [axes for axes in figure.axes if axes.get_label() not in ("<colorbar>", "history")]


def test_one_dimension() -> None:
    figure = decay().plot()
    lines, picture = panels(figure)
    assert (lines.get_xlabel(), lines.get_ylabel()) == ("$x$ (m)", "$T$ (K)")
    assert (picture.get_xlabel(), picture.get_ylabel()) == ("$x$ (m)", "$t$ (s)")
    assert len(lines.lines) == 6 and len(lines.get_legend().get_texts()) == 6
    assert lines.get_legend().get_title().get_text() == "$t$ (s)"
    np.testing.assert_allclose(lines.lines[0].get_ydata(), decay()["T"][0])
    assert texts(figure)[0] == "heat equation"
    assert texts(figure)[1] == "ROCK4  ·  65 points  ·  412 steps  ·  $t$ = 0 to 2 s"
    assert figure.dpi == 150


def test_asked_times_are_interpolated() -> None:
    figure = decay(101).plot(t=[0.33, 1.234])
    first = panels(figure)[0].lines[0].get_ydata()
    np.testing.assert_allclose(first, 300 + 20 * np.exp(-0.33) * np.sin(np.pi * np.linspace(0, 1, 101)), atol=1e-5)
    assert len(panels(figure)[0].lines) == 2


def test_periodic_lines_reach_the_end_of_the_domain() -> None:
    line = panels(wave().plot())[0].lines[0]
    assert line.get_xdata()[-1] == 1.0 and line.get_ydata()[-1] == line.get_ydata()[0]


def test_two_dimensions() -> None:
    figure = plane().plot()
    grid = panels(figure)
    assert len(grid) == 8 and len(figure.axes) == 12  # two fields at four times, a colour bar and a history each
    assert [axes.get_title() for axes in grid[:4]] == ["$t$ = 0", "$t$ = 1", "$t$ = 2", "$t$ = 3"]
    for row in (grid[:4], grid[4:]):
        assert len({axes.images[0].get_clim() for axes in row}) == 1
    assert grid[0].images[0].get_cmap().name == "RdBu_r" and grid[4].images[0].get_cmap().name == "viridis"
    assert all(axes.get_aspect() == 1 for axes in grid)
    assert grid[4].get_xlabel() == "$x$" and grid[0].get_ylabel() == "$y$" and grid[1].get_ylabel() == ""
    bars = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    assert {axes.get_ylabel() for axes in bars} == {"$u$ (mol/L)", "$v$"}
    assert "not shown: w" in texts(figure)[1]
    np.testing.assert_array_equal(grid[0].images[0].get_array()[:12, :12], plane()["u"][0].values.T)


@pytest.mark.parametrize(("count", "expected", "solid"), [(1, 1, False), (2, 2, False), (3, 4, True), (5, 1, False)])
def test_ode_panels(count: int, expected: int, solid: bool) -> None:
    figure = states(count).plot()
    assert len(panels(figure)) == expected
    assert (panels(figure)[-1].name == "3d") is solid


def test_ode_portrait_and_refinement() -> None:
    t = np.linspace(0, 6, 9)
    data = xarray.Dataset({"q": ("t", np.cos(t)), "p": ("t", -np.sin(t))}, coords={"t": t})
    curves, portrait = panels(solution(data, slopes={"q": -np.sin(t), "p": -np.cos(t)}).plot())
    assert len(curves.lines[0].get_xdata()) > 1000  # the path between the nine steps is drawn, not cut short
    assert (portrait.get_xlabel(), portrait.get_ylabel()) == ("$q$", "$p$")
    assert len(panels(solution(data).plot())[0].lines[0].get_xdata()) == 9


def test_states_of_unlike_size_get_frames_of_their_own() -> None:
    figure = states(4, lambda i, t: 10.0 ** (-3 * i) * np.cos(t)).plot()
    assert [axes.get_ylabel() for axes in panels(figure)] == ["$y_{1}$", "$y_{2}$", "$y_{3}$", "$y_{4}$"]
    many = states(40, lambda i, t: i * np.exp(-t)).plot()
    assert len(panels(many)[0].lines) == 10 and "the 10 of 40 states that vary most" in texts(many)[1]


def test_times_over_decades_are_logarithmic() -> None:
    t = np.concatenate([[0], np.logspace(-5, 5, 60)])
    axes = panels(solution(xarray.Dataset({"y": ("t", np.exp(-t))}, coords={"t": t})).plot())[0]
    assert axes.get_xscale() == "log" and axes.get_xlim() == pytest.approx((1e-5, 1e5))


def test_a_failed_solve_is_drawn_as_far_as_it_went(tmp_path: Path) -> None:
    data = decay().to_xarray().copy(deep=True)
    data["T"].values[20:] = np.nan
    data["T"].values[19, 30] = 1e30
    failed = solution(data, success=False, message="infinite at t = 1; try a smaller step")
    figure = failed.plot(path=tmp_path / "run.png")
    assert "infinite at t = 1; try a smaller step" in texts(figure)
    assert float(panels(figure)[0].get_ylim()[1]) < 400
    data["T"].values[:] = np.nan
    solution(data, success=False).plot(path=tmp_path / "none.png")
    mixed = states(8, lambda i, t: 10.0 ** (2 * i) * np.exp(-t) if i > 1 else t * np.nan)
    assert panels(mixed.plot())[0].get_yscale() == "log"
    assert all(len(panels(s.plot())) for s in (states(n, lambda i, t: t * np.nan) for n in (1, 2, 3, 4)))


def test_complex_three_dimensional_and_steady() -> None:
    x, t = np.linspace(0, 1, 9), np.linspace(0, 1, 5)
    psi = np.exp(1j * (x + t[:, None]))
    figure = solution(xarray.Dataset({"psi": (("t", "x"), psi)}, coords={"t": t, "x": x})).plot()
    assert [axes.get_ylabel() for axes in panels(figure)[::2]] == [r"|$\psi$|", r"Re $\psi$"]
    cube = xarray.Dataset({"u": (("x", "y", "z"), np.ones((9, 9, 9)))}, coords={"x": x, "y": x, "z": x})
    figure = solution(cube).plot(kind="panels")
    assert len(panels(figure)) == 1 and "slice z = 0.5" in texts(figure)[1]
    planes = panels(solution(cube).plot())
    assert [axes.get_title() for axes in planes] == ["$z$ = 0.5", "$y$ = 0.5", "$x$ = 0.5"]


def test_wide_domains_stack_times() -> None:
    x, y, t = np.linspace(0, 6, 13), np.linspace(0, 1, 5), np.linspace(0, 1, 5)
    data = xarray.Dataset({"u": (("t", "x", "y"), np.ones((5, 13, 5)))}, coords={"t": t, "x": x, "y": y})
    assert [axes.get_subplotspec().rowspan.start for axes in panels(solution(data).plot())] == [0, 1, 2, 3]


def test_nothing_is_clipped(tmp_path: Path) -> None:
    """All ink keeps off the border: the outermost pixels of every kind of picture are white."""
    for number, sol in enumerate((decay(), plane(), states(2), states(3))):
        sol.plot(path=tmp_path / f"{number}.png")
        pixels = np.asarray(Image.open(tmp_path / f"{number}.png").convert("L"))
        assert min(pixels[0].min(), pixels[-1].min(), pixels[:, 0].min(), pixels[:, -1].min()) == 255


def test_bad_requests(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no field 'temp'"):
        decay().plot("temp")
    with pytest.raises(SolveError, match="u, w depend on different coordinates"):
        plane().plot(["u", "w"])
    with pytest.raises(FileError, match=r"no picture that can be written. Use one of .*\.png"):
        decay().plot(path=tmp_path / "run.docx")
    with pytest.raises(SolveError, match="outside the solution"):
        decay().plot(t=99)
    assert len(panels(plane().plot("w"))) == 1


def test_pyplot_is_never_needed() -> None:
    decay().plot()
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


@pytest.mark.parametrize(
    ("name", "shown"),
    [("u", "$u$"), ("u_1", "$u_{1}$"), ("y12", "$y_{12}$"), ("alpha", r"$\alpha$"), ("T_wall", r"$T_{\mathrm{wall}}$")],
)
def test_names_as_mathematics(name: str, shown: str) -> None:
    assert symbol(name) == shown
    assert symbol("prey") == "prey" and symbol("EGF(r,r!1)") == "EGF(r,r!1)" and symbol("TNF1") == "TNF1"
    assert label("k", "W/m/K") == "$k$ (W/m/K)"


def test_colour_scales() -> None:
    assert colour_scale(np.array([-0.9, 1.0]), False) == {"cmap": "RdBu_r", "vmin": -1.0, "vmax": 1.0}
    assert colour_scale(np.array([-0.1, 1.0]), False) == {"cmap": "viridis", "vmin": -0.1, "vmax": 1.0}
    rising = np.append(np.linspace(1.0, 2.0, 999), 1e9)
    assert colour_scale(rising, True)["extend"] == "max" and colour_scale(-rising, True)["extend"] == "min"
    assert colour_scale(rising, False)["vmax"] == 1e9 and "extend" not in colour_scale(rising, False)
    flat = colour_scale(np.full(5, 7.0) + 1e-14 * np.arange(5), False)
    assert flat["vmin"] < 6.9 < 7.1 < flat["vmax"]


def test_gif(tmp_path: Path) -> None:
    for sol in (decay(), plane()):
        path = sol.movie(tmp_path / "run.gif", seconds=0.4, fps=10, dpi=40)
        with Image.open(path) as film:
            assert film.n_frames == 4 and film.info["duration"] == 100
            film.seek(3)
            assert film.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        assert list(tmp_path.iterdir()) == [path]


def test_films_of_cuts_and_what_they_report(tmp_path: Path) -> None:
    told: list[float] = []
    plane().movie(tmp_path / "cut.gif", field="v", at={"x": 0.5}, seconds=0.3, fps=10, dpi=40, progress=told.append)
    np.testing.assert_allclose(told, [0.0, 1.5, 3.0], atol=0.11)  # the saved times next to the moments
    assert (tmp_path / "cut.gif").exists()


def test_an_interrupted_film_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(t: float) -> None:
        raise KeyboardInterrupt

    for name in ("run.gif", *(["run.mp4"] if movie.ffmpeg_program() else [])):
        with pytest.raises(KeyboardInterrupt):
            decay().movie(tmp_path / name, seconds=0.4, fps=10, dpi=40, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_frames_run_evenly() -> None:
    assert movie.frame_numbers(np.array([0, 0.01, 0.02, 0.5, 1.0]), 3) == [0, 3, 4]


def test_bad_films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileError, match=r'films are .mp4 or .gif, not .avi. Write sol.movie\("run.mp4"\)'):
        decay().movie(tmp_path / "run.avi")
    with pytest.raises(SolveError, match="needs a field over time"):
        states(2).movie(tmp_path / "run.gif")
    monkeypatch.setattr(movie, "ffmpeg_program", lambda: None)
    with pytest.raises(BackendUnavailable, match=r'pip install imageio-ffmpeg, or write sol.movie\("run.gif"\)'):
        decay().movie(tmp_path / "run.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(movie.ffmpeg_program() is None, reason="ffmpeg is not installed")
def test_mp4(tmp_path: Path) -> None:
    path = plane().movie(tmp_path / "run.mp4", seconds=0.4, fps=10, dpi=50)
    assert path.read_bytes()[4:8] == b"ftyp"


def test_movie_module_loads_alone() -> None:
    assert importlib.import_module("symnum.result.movie") is movie
