"""docs/tracing.md runs from top to bottom, its own assertions included."""

from __future__ import annotations

import re
import runpy
from pathlib import Path


def test_the_page_about_tracing_runs(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "tracing.md").read_text("utf-8")
    script = tmp_path / "page.py"
    script.write_text("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), "utf-8")
    runpy.run_path(str(script))
