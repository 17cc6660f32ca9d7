"""The page in a real browser: its pixels are the solution's values, its controls do what they say, and it asks nobody else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import symnum as sn
from symnum.provenance import Recipe
from symnum.view import Session
from tests.browser import Browser

from .conftest import Client, rod, served

COPY = """
  const c = document.getElementById('picture'), r = devicePixelRatio, copy = new OffscreenCanvas(c.width, c.height).getContext('2d');
  copy.drawImage(c, 0, 0);
  const d = copy.getImageData(0, 0, c.width, c.height).data;
"""
DRAWN = "return document.getElementById('picture').dataset.drawn"


@pytest.fixture(scope="module")
def plane() -> sn.Solution:
    """u = (1 + 0.5 cos(2 pi x) sin(2 pi y)) on a periodic square, which stays as it is; and a field w that is constant."""
    model = sn.PDESystem.from_text(
        equations=["dt(u) = 0*dxx(u)", "dt(w) = 0*dxx(w)"],
        domain={"t": (0, 1), "x": (0, 1), "y": (0, 2)},
        conditions=["periodic x", "periodic y"],
        initial=["u = 1 + 0.5*cos(2*pi*x)*sin(pi*y)", "w = 3"],
    )
    return sn.solve(model, resolution={"x": 8, "y": 16}, saveat=[0, 0.5, 1], method="Tsit5")


@pytest.fixture
def shown(browser: Browser) -> Iterator[Callable[..., Client]]:
    """``shown(session)``: the page of a session, drawn; afterwards nothing may have been complained about or asked of others."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def show(session: Session, width: int = 1280, height: int = 900) -> Client:
            client = stack.enter_context(served(session))
            browser.resize(width, height)
            browser.open(client.server.address)
            browser.wait(DRAWN)
            return client

        yield show
        assert browser.complaints() == [] and browser.foreign_requests() == []


def text(browser: Browser, name: str) -> str:
    return str(browser.run(f"return document.getElementById('{name}').textContent"))


def put(browser: Browser, selector: str, value: object, *events: str) -> None:
    """As a person does: the value, then the events of typing and of leaving."""
    script = "const e = document.querySelector(arguments[0]); if (e.type === 'checkbox') e.checked = arguments[1]; else e.value = arguments[1];"
    script += "for (const kind of arguments[2]) e.dispatchEvent(new Event(kind, {bubbles: true}));"
    browser.run(script, selector, value, list(events or ("input", "change")))


def pixel(browser: Browser, x: float, y: float) -> list[int]:
    """The colour at a place of the canvas, CSS pixels."""
    script = (
        COPY
        + "return [...d.slice(4 * (Math.floor(arguments[1]*r) * c.width + Math.floor(arguments[0]*r))).slice(0, 3)]"
    )
    return list(browser.run(script, x, y))


def box_of_image(browser: Browser) -> tuple[float, float, float, float]:
    """Left, top, width, height of the coloured rectangle: it has no grey pixel, while the page around it is white."""
    script = """
      const coloured = (x, y) => { const k = 4 * (y * c.width + x); return Math.max(d[k], d[k+1], d[k+2]) - Math.min(d[k], d[k+1], d[k+2]) > 24; };
      const x0 = Math.floor(c.width / 2), y0 = Math.floor(c.height / 2);
      let left = x0, right = x0, top = y0, bottom = y0;
      while (coloured(left - 1, y0)) left--; while (coloured(right + 1, y0)) right++;
      while (coloured(x0, top - 1)) top--; while (coloured(x0, bottom + 1)) bottom++;
      return [left / r, top / r, (right - left + 1) / r, (bottom - top + 1) / r];"""
    left, top, width, height = browser.run(COPY + script)
    return left, top, width, height


def test_pixels_are_values_through_the_colour_map(
    browser: Browser, shown: Callable[..., Client], plane: sn.Solution
) -> None:
    shown(Session.of_solution(plane))
    left, top, width, height = box_of_image(browser)
    assert height / width == pytest.approx(2, rel=0.02)  # the square is drawn as it is: one wide, two high
    u = plane["u"].values[-1]
    low, high = float(plane["u"].min()), float(plane["u"].max())
    put(browser, "#smooth", False)
    for name in ("viridis", "RdBu_r"):
        put(browser, "#map", name)
        browser.wait(f"{DRAWN}.includes('map {name} smooth false')")
        bounds = (low, high) if name == "viridis" else (-high, high)
        for i, j in ((0, 0), (3, 5), (7, 12), (4, 4)):
            at = pixel(browser, left + (i / 8 + 0.004) * width, top + (1 - j / 16 - 0.004) * height)
            wanted = matplotlib.colormaps[name]((u[i, j] - bounds[0]) / (bounds[1] - bounds[0]), bytes=True)[:3]
            assert np.abs(np.array(at) - np.array(wanted, dtype=int)).max() <= 3, (name, i, j)


def test_another_field_and_a_constant_one(browser: Browser, shown: Callable[..., Client], plane: sn.Solution) -> None:
    shown(Session.of_solution(plane))
    put(browser, "#field", "1")
    browser.wait("return document.getElementById('picture').dataset.drawn.includes('field 1 ')")
    assert "from 3 to 3" not in text(browser, "alarm-text") and browser.find("#picture").get_attribute(
        "aria-label"
    ).startswith("w at t = 1")
    left, top, width, height = box_of_image(browser)
    assert pixel(browser, left + 5, top + 5) == pixel(
        browser, left + width - 5, top + height - 5
    )  # no pattern out of round-off


def test_the_slider_the_keys_and_the_pointer_follow_time(browser: Browser, shown: Callable[..., Client]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    solution = sn.solve(rod(), resolution=16)
    shown(Session.of_solution(solution))
    grab = "return document.getElementById('picture').toDataURL()"
    assert text(browser, "now") == "t = 0.1"
    late = browser.run(grab)
    put(browser, "#time", 25, "input")
    browser.wait("return document.getElementById('picture').dataset.drawn.includes('time 25 ')")
    assert text(browser, "now") == "t = 0.025" and browser.run(grab) != late
    body = browser.find("body")
    body.send_keys(Keys.ARROW_RIGHT)
    assert text(browser, "now") == "t = 0.026"
    body.send_keys(Keys.SHIFT + Keys.ARROW_LEFT)
    assert text(browser, "now") == "t = 0.016"
    body.send_keys(Keys.HOME)
    assert text(browser, "now") == "t = 0"
    canvas = browser.find("#picture")
    ActionChains(browser.driver).move_to_element_with_offset(canvas, 0, -canvas.size["height"] // 4).perform()
    told = text(browser, "probe")  # a value of the solution, at the grid point that is nearest
    x, u = (float(part.split("= ")[1]) for part in told.split(",  "))
    k = int(np.argmin(abs(solution["x"].values - x)))
    assert solution["x"].values[k] == x and u == pytest.approx(solution["u"].values[0, k], abs=1e-5)
    ActionChains(browser.driver).move_to_element_with_offset(canvas, 0, canvas.size["height"] // 4).click().perform()
    assert (
        0 < browser.run("return Number(document.getElementById('time').value)") < 100
    )  # a click on the space-time image
    put(browser, "#speed", "4")
    browser.find("#play").click()
    browser.wait(
        "return document.getElementById('now').textContent === 't = 0.1' && document.getElementById('play').getAttribute('aria-pressed') === 'false'"
    )


def test_a_parameter_solves_again_and_errors_are_sentences(browser: Browser, shown: Callable[..., Client]) -> None:
    options = {"resolution": 16}
    client = shown(Session.of_solution(sn.solve(rod(), **options), Recipe(rod(), options)))
    put(browser, "#time", 50, "input")
    before = browser.run("return document.getElementById('picture').toDataURL()")
    put(browser, "#parameter-rows input[type=number]", "3")
    browser.wait("return document.getElementById('picture').dataset.drawn.startsWith('run 1 ')")
    assert text(browser, "now") == "t = 0.05"  # the same place in time
    assert browser.run("return document.getElementById('picture').toDataURL()") != before
    assert text(browser, "job").startswith("Solved in") and browser.run(
        "return document.getElementById('alarm').hidden"
    )
    with_first = browser.run("return document.getElementById('picture').toDataURL()")
    assert browser.find("#behind").is_displayed()  # the first run, dashed behind this one
    put(browser, "#behind", False, "change")
    browser.wait(f"{DRAWN}.startsWith('run 1 ')")
    assert browser.run("return document.getElementById('picture').toDataURL()") != with_first
    direct = sn.solve(rod(D=3.0), **options)["u"].values
    np.testing.assert_array_equal(client.numbers("image?run=1&field=0&most=512"), direct.astype("<f4"))
    label = browser.find("#picture").get_attribute("aria-label")
    assert label == f"u at t = 0.05, from 0 to {float(f'{np.float32(direct[50].max()):.5g}')}"
    assert [o.text for o in browser.find("#run").find_elements("css selector", "option")] == ["first run", "D = 3"]

    put(browser, "#parameter-rows input[type=number]", "-3")  # heat that flows to where it is hot: grows without bound
    browser.wait("return document.getElementById('alarm-text').textContent.startsWith('Warning: The diffusion of u')")
    session = client.server.session
    session.solving.recipe.options["method"] = "Tsti5"  # type: ignore[index,union-attr]
    put(browser, "#parameter-rows input[type=number]", "2")
    browser.wait("return document.getElementById('alarm-text').textContent.includes('Tsit5')")
    assert text(browser, "job") == "This solve failed." and not browser.run(
        "return document.getElementById('alarm').hidden"
    )
    browser.find("#alarm-close").click()
    assert browser.run("return document.getElementById('alarm').hidden")


def test_a_slider_that_is_dragged_ends_at_its_last_value(browser: Browser, shown: Callable[..., Client]) -> None:
    options = {"resolution": 16}
    client = shown(Session.of_solution(sn.solve(rod(), **options), Recipe(rod(), options)))
    drag = """
      const slider = document.querySelector('#parameter-rows input[type=range]'), done = arguments[0];
      let place = 0;
      const move = () => {
        place += 0.02;
        slider.value = place;
        slider.dispatchEvent(new Event('input'));
        if (place < 0.6) setTimeout(move, 10); else done();
      };
      move();"""
    browser.driver.execute_async_script(drag)
    last = browser.run("return document.querySelector('#parameter-rows input[type=number]').value")
    assert float(last) > 3
    browser.wait(f"return [...document.getElementById('run').options].some(o => o.text === 'D = {last}')")
    runs = client.json("about")["runs"]
    assert len(runs) > 2 and runs[-1]["parameters"] == {"D": float(last)}  # some on the way were seen too


def test_curves_and_the_phase_plane_of_an_ode(browser: Browser, shown: Callable[..., Client]) -> None:
    t = sn.coordinates("t")
    u, v = sn.fields("u v", (t,))
    model = sn.ODESystem([sn.Eq(sn.dt(u), v), sn.Eq(sn.dt(v), -u)], domain=sn.Domain(t=(0, 10)), initial={u: 0, v: 1})
    shown(Session.of_solution(sn.solve(model)))
    put(browser, "#time", 300, "input")
    told = browser.find("#picture").get_attribute("aria-label")
    values = {
        part.split(" = ")[0]: float(part.split(" = ")[1].replace("−", "-")) for part in told.split(": ")[1].split(", ")
    }
    assert values["u"] == pytest.approx(np.sin(3), abs=2e-3) and values["v"] == pytest.approx(np.cos(3), abs=2e-3)
    grab = "return document.getElementById('picture').toDataURL()"
    both = browser.run(grab)
    put(browser, "#phase-x", "")
    browser.wait("return document.getElementById('y-choice').hidden")
    put(browser, "#curve-list input", False, "change")
    browser.wait("return !document.getElementById('picture').getAttribute('aria-label').includes('u =')")
    assert browser.run(grab) != both
    assert "no parameters" in text(browser, "why-not") and not browser.find("#solve").is_displayed()


def test_files_hold_what_is_seen(browser: Browser, shown: Callable[..., Client], tmp_path: Path) -> None:
    solution = sn.solve(rod(), resolution=8)
    shown(Session.of_solution(solution))
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    put(browser, "#time", 40, "input")
    for button in ("#csv", "#png"):
        browser.find(button).click()
    deadline = time.monotonic() + 20
    while len(files := sorted(p for p in tmp_path.iterdir() if p.suffix in (".csv", ".png"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    table = np.loadtxt(files[0], delimiter=",", skiprows=1)
    np.testing.assert_array_equal(table[:, 1], solution["u"].values[40])
    assert files[1].read_bytes()[:4] == b"\x89PNG"


def test_the_table_of_curves_is_the_solution_to_the_last_digit(
    browser: Browser, shown: Callable[..., Client], tmp_path: Path
) -> None:
    t = sn.coordinates("t")
    u, v = sn.fields("u v", (t,))
    solution = sn.solve(sn.ODESystem([sn.Eq(sn.dt(u), v), sn.Eq(sn.dt(v), -u)], t=(0, 7), initial={u: 0, v: 1}))
    shown(Session.of_solution(solution))
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.find("#csv").click()
    deadline = time.monotonic() + 20
    while not (files := list(tmp_path.glob("*.csv"))):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert files[0].read_text().startswith("t,u,v\n")
    expected = np.column_stack([solution["t"].values, solution["u"].values, solution["v"].values])
    np.testing.assert_array_equal(np.loadtxt(files[0], delimiter=",", skiprows=1), expected)


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_and_text_can_be_read(
    browser: Browser, shown: Callable[..., Client], plane: sn.Solution, width: int, height: int, scheme: str
) -> None:
    browser.scheme(scheme)
    shown(Session.of_solution(plane), width, height)
    assert browser.run("return document.documentElement.scrollWidth") == width
    seen = "return [...document.querySelectorAll(arguments[0])].filter(e => e.offsetParent)"
    wide = f"{seen}.filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.id)"
    assert browser.run(wide, "button, select, input, canvas, p, h1") == []
    unnamed = f"{seen}.filter(e => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim())).map(e => e.id)"
    assert browser.run(unnamed, "button, select, input") == []
    colours = json.loads(
        browser.run("const s = getComputedStyle(document.body); return JSON.stringify([s.color, s.backgroundColor])")
    )
    ink, paper = ([int(n) for n in c.strip("rgb()").split(",")] for c in colours)
    assert contrast(ink, paper) > 7 and (sum(paper) > 600) == (scheme == "light")
    browser.scheme("light")


def contrast(one: list[int], other: list[int]) -> float:
    """The ratio of luminances, WCAG 2.2."""
    linear = [
        [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
        for colour in (one, other)
    ]
    low, high = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in linear)
    return (high + 0.05) / (low + 0.05)


def test_a_page_of_another_site_learns_nothing(browser: Browser, client: Client, tmp_path: Path) -> None:
    """Not even with the token in its hands: a page from elsewhere (a file is one) gets an error, and its frame stays empty."""
    page = tmp_path / "evil.html"
    page.write_text(f"""<!doctype html><iframe id=f src="{client.server.address}"></iframe><script>
      window.got = null;
      const asks = [["about", {{}}], ["cancel", {{method: "POST", mode: "no-cors", body: "{{}}"}}]];
      Promise.allSettled(asks.map(([name, how]) => fetch("{client.server.address}api/" + name, how)))
        .then(r => window.got = r.map(v => v.status === "fulfilled" ? v.value.type + v.value.status : "refused"));
    </script>""")
    browser.open(page.as_uri())
    got = browser.wait("return window.got")
    assert got[0] == "refused" and got[1] in ("refused", "opaque0")
    browser.driver.switch_to.frame("f")
    assert "symnum view" not in browser.driver.page_source
    browser.driver.switch_to.default_content()
    browser.complaints()
