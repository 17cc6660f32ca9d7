"""Makes the pictures of the documentation anew: ``python docs/pictures.py`` writes ``docs/pictures``, gallery and thumbnails of the models too.

Every picture is what a reader gets from the commands beside it, only smaller: fewer dots an inch, at most 256 colours.
"""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import sys
import tempfile
from pathlib import Path

from PIL import Image

from symnum.catalogue import Catalogue, shipped_folder
from symnum.cli import main
from symnum.cli.models import find_model
from symnum.model.sde import SDESystem
from symnum.pipeline import solve

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "pictures"
WIDTH, COLOURS = 1200, 256
THUMBNAIL_WIDTH = 480
THUMBNAIL = {"lorenz": "phase"}  # kinds of pictures where not the usual one


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


def gallery() -> None:
    """docs/pictures.md: what its blocks draw, into ``docs/pictures/gallery``."""
    from tutorial_pictures import draw

    draw(HERE / "pictures.md", PICTURES)


def thumbnails() -> None:
    """A small picture of every model for docs/models.md, without its header, into ``docs/pictures/models``."""
    folder = PICTURES / "models"
    folder.mkdir(parents=True, exist_ok=True)
    for name in Catalogue("model", folder=shipped_folder("models")).names():
        model = find_model(name)
        chosen = {**model.options, **({"resolution": model.resolution} if model.system.space else {})}
        chosen |= {"seed": 1} if isinstance(model.system, SDESystem) else {}
        figure = solve(model.system, **chosen).plot(kind=THUMBNAIL.get(name, "auto"), dpi=THUMBNAIL_WIDTH / 7, width=7)
        for text in figure.texts:
            text.set_visible(False)
        layout = figure.get_layout_engine()
        if layout is not None:
            layout.set(rect=(0, 0, 1, 1))
        figure.savefig(folder / f"{name}.png")
        with Image.open(folder / f"{name}.png") as image:
            image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(folder / f"{name}.png", optimize=True)
        print(f"models/{name}.png: {os.path.getsize(folder / f'{name}.png') / 1000:.0f} kB")


def _run(model: str, *options: str) -> Path:
    with contextlib.redirect_stdout(io.StringIO()):
        status = main(["run", model, *options, "--plot", f"{model}.png"])
    if status:
        raise SystemExit(f"symnum run {model} ended with status {status}")
    return Path(f"{model}.png")


def shrink(source: Path, target: Path) -> None:
    """A picture for a page: at most ``WIDTH`` dots across, few colours."""
    with Image.open(source) as image:
        width = min(WIDTH, image.width)
        size = (width, round(image.height * width / image.width))
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
    gallery()
    thumbnails()


if __name__ == "__main__":
    parts = {"gallery": gallery, "thumbnails": thumbnails}  # ``python docs/pictures.py gallery`` makes these alone
    for part in sys.argv[1:]:
        parts[part]()
    if not sys.argv[1:]:
        make()
