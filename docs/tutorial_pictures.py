"""Makes the pictures of tutorial, concepts and front page anew: ``python docs/tutorial_pictures.py`` runs these pages and keeps what they draw."""

from __future__ import annotations

import contextlib
import re
import runpy
import tempfile
from pathlib import Path

from pictures import HERE, PICTURES, shrink
from PIL import Image

LARGEST = 100_000  # bytes
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def draw(page: Path, folder: Path) -> None:
    """Run the blocks of a page as one script, and shrink every picture that the page shows."""
    text = page.read_text("utf-8")
    shown = re.findall(r"!\[[^\]]*\]\((?:\.\./)?pictures/([\w./]+\.png)\)", text)
    if not shown:
        return
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        Path("page.py").write_text("\n".join(BLOCK.findall(text)), "utf-8")
        runpy.run_path("page.py")
        for name in shown:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shrink(Path(place) / target.name, target)
            if target.stat().st_size > LARGEST:
                with Image.open(target) as image:
                    image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    for page in [
        HERE / "index.md",
        *sorted((HERE / "tutorial").glob("[01]*.md")),
        *sorted((HERE / "concepts").glob("*.md")),
    ]:
        draw(page, PICTURES)
