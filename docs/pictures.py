"""Makes the pictures of the documentation anew: ``python docs/pictures.py`` writes ``docs/pictures/*.png``.

Every picture is what a reader gets from the commands beside it, only smaller: fewer dots an inch, at most 256 colours.
"""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import tempfile
from pathlib import Path

from PIL import Image

from symnum.cli import main

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "pictures"
WIDTH, COLOURS = 1200, 256


def example() -> Path:
    """The twelve lines of README.md."""
    runpy.run_path(str(HERE / "example.py"))
    return Path("gray_scott.png")


def brusselator() -> Path:
    """README.md's first command."""
    return _run("brusselator", "--resolution", "64")


def burgers() -> Path:
    """One space dimension: lines and the space-time picture."""
    return _run("burgers")


def work_precision() -> Path:
    """docs/performance.md: error against CPU time (two minutes)."""
    with contextlib.redirect_stdout(io.StringIO()):
        main(["bench", "work_precision", "--picture", "work_precision.png"])
    return Path("work_precision.png")


def _run(model: str, *options: str) -> Path:
    with contextlib.redirect_stdout(io.StringIO()):
        status = main(["run", model, *options, "--plot", f"{model}.png"])
    if status:
        raise SystemExit(f"symnum run {model} ended with status {status}")
    return Path(f"{model}.png")


def shrink(source: Path, target: Path) -> None:
    """A picture for a page: ``WIDTH`` dots across, few colours."""
    with Image.open(source) as image:
        size = (WIDTH, round(image.height * WIDTH / image.width))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


def make() -> None:
    """Draw all pictures in a temporary folder and put the small copies into ``docs/pictures``."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for draw in (example, burgers, brusselator, work_precision):
            drawn = draw()
            shrink(drawn, PICTURES / drawn.name)
            print(f"{drawn.name}: {os.path.getsize(PICTURES / drawn.name) / 1000:.0f} kB")


if __name__ == "__main__":
    make()
