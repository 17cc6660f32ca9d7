"""The documentation site: no warnings, no network, no dead link, no public name left out; and it looks right in a browser."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

import symnum as sn
from tests.browser import browser  # noqa: F401  (a fixture)

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("index", "tutorial/01_heat", "models", "api/solving", "howto/choose_the_method")  # looked at in a browser
GENERATED = {"genindex", "search", "py-modindex"}


class Page(HTMLParser):
    """What a built page refers to: ``links`` (href of anchors), ``loads`` (all that a browser fetches), ``ids``."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.text = path.read_text("utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attributes}
        self.ids |= {given[key] for key in ("id", "name") if key in given and tag != "meta"}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif (
            tag == "link"
            and "href" in given
            and given.get("rel") not in ("index", "search", "next", "prev", "canonical")
        ):
            self.loads.append(given["href"])
        self.loads += [given[key] for key in ("src", "srcset", "data", "poster") if key in given]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Processes of one test run share it: the first one builds, the others wait for what it says."""
    for package in ("sphinx", "myst_parser", "furo", "latex2mathml"):
        pytest.importorskip(package, reason=f"the site is built with {package}: pip install 'symnum[docs]'")
    shared = tmp_path_factory.getbasetemp()
    folder = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "site"
    said = folder / "said.txt"
    try:
        folder.mkdir()
    except FileExistsError:
        limit = time.monotonic() + 600
        while not said.exists() and time.monotonic() < limit:
            time.sleep(0.2)
    else:
        text = build(folder)
        (folder / "said").write_text(text, "utf-8")
        (folder / "said").rename(said)
    assert said.read_text("utf-8") == ""
    return folder / "html"


def build(folder: Path) -> str:
    """What Sphinx says; ``-W`` turns every warning into an error, and proxies that answer nothing take the place of the network."""
    options = ["-W", "--keep-going", "-q", "-b", "html", "-d", str(folder / "trees")]
    closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    command = [sys.executable, "-m", "sphinx", *options, "docs", str(folder / "html")]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **closed}, capture_output=True, text=True, check=False)
    return done.stderr.strip() + (f"\nsphinx ended with status {done.returncode}" if done.returncode else "")


@pytest.fixture(scope="module")
def built(site: Path) -> dict[str, Page]:
    """Built pages by name."""
    return {path.relative_to(site).with_suffix("").as_posix(): Page(path) for path in sorted(site.rglob("*.html"))}


def near(page: Page) -> Iterator[tuple[str, str]]:
    """The links of a page within the site: path and anchor."""
    for link in page.links:
        parts = urlsplit(link)
        if not parts.scheme and not parts.netloc:
            yield unquote(parts.path), unquote(parts.fragment)


def test_every_link_and_every_anchor_is_there(site: Path, built: dict[str, Page]) -> None:
    broken = []
    for name, page in built.items():
        for path, anchor in near(page):
            target = (site / name).parent / path if path else site / f"{name}.html"
            where = target.resolve().relative_to(site.resolve())
            if not target.exists():
                broken.append(f"{name}: {path}")
            elif anchor and target.suffix == ".html" and anchor not in built[where.with_suffix("").as_posix()].ids:
                broken.append(f"{name}: {path}#{anchor}")
    assert broken == []


def test_no_page_loads_anything_from_elsewhere(site: Path, built: dict[str, Page]) -> None:
    assert [(name, x) for name, page in built.items() for x in page.loads if urlsplit(x).netloc] == []
    sheets = [path.read_text("utf-8") for path in site.rglob("*.css")]
    assert (
        sheets
        and [found for text in sheets for found in re.findall(r"@import[^;]*|url\(\s*['\"]?(?:https?:)?//[^)]*", text)]
        == []
    )
    local = [
        ((site / name).parent / unquote(urlsplit(x).path), x)
        for name, page in built.items()
        for x in page.loads
        if not x.startswith("data:")
    ]
    assert local and [x for path, x in local if not path.exists()] == []


def test_the_navigation_reaches_every_page(built: dict[str, Page]) -> None:
    """From the front page on, along links in the site."""
    seen, todo = set(), ["index"]
    while todo:
        name = todo.pop()
        if name in seen or name not in built:
            continue
        seen.add(name)
        here = Path(name).parent
        todo += [
            os.path.normpath(here / path).removesuffix(".html")
            for path, _ in near(built[name])
            if path.endswith(".html")
        ]
    sources = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sources - seen == set() and set(built) - sources <= GENERATED


def public_names() -> list[str]:
    """Of symnum and of its public subpackages."""
    names = [f"symnum.{name}" for name in sn._PUBLIC]
    for package in sn._SUBPACKAGES:
        module = importlib.import_module(f"symnum.{package}")
        names += [f"symnum.{package}.{name}" for name in getattr(module, "__all__", ())]
    return names


def test_every_public_name_is_in_the_reference_once(built: dict[str, Page]) -> None:
    where = {name: [page for page, content in built.items() if name in content.ids] for name in public_names()}
    assert {name: pages for name, pages in where.items() if len(pages) != 1 or not pages[0].startswith("api/")} == {}


def test_docstrings_are_shown_without_stray_markup(built: dict[str, Page]) -> None:
    """What a docstring says between two backticks is code on the page, and no field list or backslash is left over."""
    for name, page in built.items():
        if name.startswith("api/"):
            assert "problematic" not in page.text and "system-message" not in page.text, name
            plain = re.sub(r"<(pre|code|script)\b.*?</\1>", "", page.text, flags=re.S)
            assert re.findall(r"``\w+", re.sub(r"<[^>]+>", "", plain)) == [], name


def test_formulas_are_mathml(built: dict[str, Page]) -> None:
    page = built["tutorial/01_heat"]
    assert page.text.count("<math ") >= 2 and "$$" not in page.text and "MathJax" not in page.text
    assert "\\frac" not in built["models"].text and built["models"].text.count("<math ") >= 27


def test_every_model_stands_in_the_sheet(built: dict[str, Page]) -> None:
    from symnum.catalogue import Catalogue, shipped_folder

    for model in Catalogue("model", folder=shipped_folder("models")):
        assert f"symnum run {model} --plot {model}.png" in re.sub(r"<[^>]+>", "", built["models"].text), model


@pytest.mark.parametrize("latex", [r"\frac{a}{b", r"\nosuchcommand{x}"])
def test_a_formula_that_is_none_is_told(latex: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("latex2mathml")
    errors = pytest.importorskip("sphinx.errors")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_extensions"))
    mathml = importlib.import_module("mathml")
    with pytest.raises(errors.ExtensionError, match="formula"):
        mathml.to_mathml(latex, "block")


def test_docstrings_become_lists_and_literal_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_extensions"))
    to_rst = importlib.import_module("public_names").to_rst
    first = ["Solve a*b_ with ``x_``.", "", "    y' = f(y)", ""]
    assert to_rst(
        [*first, "Args:", "    a, b: the *two*.", "        More.", "    c: third. d: fourth.", "", "Raises Error."],
        ("c", "d"),
    ) == [
        *(r"Solve a\*b\_ with ``x_``.", "", "::", "", "    y' = f(y)", ""),
        *(
            "**Args:**",
            "",
            "``a``, ``b``",
            r"    the \*two\*. More.",
            "``c``",
            "    third.",
            "``d``",
            "    fourth.",
            "",
        ),
        *("Raises Error.", ""),
    ]


# --- in a browser ---

LUMINANCE = """
    const parts = c => c.match(/[\\d.]+/g).map(Number);
    const linear = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    const light = c => { const [r, g, b] = parts(c).map(linear); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                          if (parts(c).length < 4 || parts(c)[3] > 0.9) return c; } return 'rgb(255, 255, 255)'; };
    const worst = [...document.querySelectorAll('article p, article h1, article li, article math, article code')].slice(0, 80).map(e => {
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); });
    return Math.min(...worst);
"""


@pytest.mark.parametrize("name", PAGES)
def test_pages_in_a_browser(site: Path, name: str, browser: Any, tmp_path: Path) -> None:  # noqa: F811
    """Nothing sticks out at two widths, pictures are loaded, the text can be read by day and by night, and the page is not blank."""
    from PIL import Image

    for width, scheme in ((1280, "light"), (390, "light"), (1280, "dark")):
        browser.resize(width, 900)
        browser.scheme(scheme)
        browser.open((site / f"{name}.html").as_uri())
        browser.wait("return document.readyState === 'complete' && [...document.images].every(i => i.complete)")
        assert browser.run("return document.documentElement.scrollWidth") <= width
        assert browser.run("return [...document.images].filter(i => !i.naturalWidth).map(i => i.src)") == []
        assert browser.run(LUMINANCE) > 4.5  # the contrast that WCAG 2 asks of text
        with Image.open(browser.save(tmp_path / "page.png")) as image:
            levels = image.convert("L").getextrema()
        assert levels[1] - levels[0] > 150
        assert browser.complaints() == [] and browser.foreign_requests() == []


def test_formulas_have_a_size(site: Path, browser: Any) -> None:  # noqa: F811
    """Chromium draws MathML: fractions are taller than a line."""
    browser.resize(1280, 900)
    browser.open((site / "tutorial" / "05_events_and_sweeps.html").as_uri())
    heights = browser.run(
        "return [...document.querySelectorAll('div.math math')].map(m => m.getBoundingClientRect().height)"
    )
    browser.open((site / "models.html").as_uri())
    fractions = browser.run("return [...document.querySelectorAll('mfrac')].map(m => m.getBoundingClientRect().height)")
    assert heights and min(heights) > 15 and fractions and max(fractions) > 25
