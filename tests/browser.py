"""A real browser for tests: Chromium without a window, driven through selenium; skips with the reason where either is absent.

    from tests.browser import browser, open_browser  # noqa: F401 - a fixture is named to be found

    def test_page(browser):                           # one browser a test file
        browser.open("http://127.0.0.1:8000/")        # or a file:// address
        browser.resize(390, 844)
        browser.save("page.png")
        assert browser.complaints() == [] and browser.foreign_requests() == []

No name but this machine's is looked up, so a page that asks the network for something fails its test.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the tests may run as root, where Chromium refuses its own sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-color-profile=srgb",  # pixels are compared with colours
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
LOCAL = ("127.0.0.1", "localhost", "::1")


class Browser:
    """A page in Chromium. ``driver``: selenium's own object, for all else."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        """Go there; what was logged of earlier pages is forgotten."""
        self.driver.get("about:blank")
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(address)

    def resize(self, width: int, height: int, scale: float = 1.0) -> None:
        """The size of the page in CSS pixels; narrower than a window may be, like a telephone."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, name: str) -> None:
        """Ask for a "light" or a "dark" page, as the reader's system does."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def run(self, script: str, *arguments: Any) -> Any:
        """What ``return ...`` of a script gives."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        """The first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def wait(self, script: str, seconds: float = 30.0) -> Any:
        """Until the script gives something true; what it gave."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(
            lambda d: d.execute_script(script), script
        )

    def save(self, path: Path | str) -> Path:
        """A picture of the page as it is seen."""
        target = Path(path)
        target.write_bytes(self.driver.get_screenshot_as_png())
        return target

    def complaints(self) -> list[str]:
        """Errors and warnings on the console since the last call or ``open``: of scripts, of the content policy, of files not found."""
        return [row["message"] for row in self.driver.get_log("browser") if row["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """The addresses asked for since the last call or ``open``."""
        rows = [json.loads(row["message"])["message"] for row in self.driver.get_log("performance")]
        return [r["params"]["request"]["url"] for r in rows if r["method"] == "Network.requestWillBeSent"]

    def foreign_requests(self) -> list[str]:
        """Those of ``requests()`` that leave this machine."""
        near = [(address, urlsplit(address)) for address in self.requests()]
        return [
            a for a, parts in near if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOCAL
        ]


@contextmanager
def open_browser(width: int = 1280, height: int = 900) -> Iterator[Browser]:
    """A new Chromium with nothing remembered. Skips the test where selenium, chromedriver or Chromium is not installed."""
    pytest.importorskip("selenium", reason="the tests in a browser need selenium: pip install selenium")
    driver_path = shutil.which("chromedriver")
    chromium = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if driver_path is None or chromium is None:
        missing = "chromedriver" if driver_path is None else "chromium"
        pytest.skip(f"the tests in a browser need {missing} on the PATH (Debian: apt install chromium chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    with TemporaryDirectory(prefix="symnum-browser-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(executable_path=driver_path))
        try:
            made = Browser(driver)
            made.resize(width, height)
            yield made
        finally:
            driver.quit()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a file."""
    with open_browser() as made:
        yield made
