"""The site: ``python -m sphinx -W --keep-going -b html docs build/docs``, without network."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE.parent)]

import symnum  # noqa: E402  (found through the path above)

project = "symnum"
author = "the symnum contributors"
version = release = symnum.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "mathml", "public_names", "model_sheet"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
exclude_patterns = ["_extensions"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types in signatures are names of modules that the site does not document

html_theme = "furo"
html_title = f"symnum {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_copyright = False
autodoc_inherit_docstrings = False
toc_object_entries_show_parents = "hide"
pygments_style = "friendly"
pygments_dark_style = "github-dark"


# Pages whose text lies outside of docs/, where Sphinx does not look. On a code host the page is a line that leads there.
MIRRORED = {"model_files": "models/README.md", "contributing": "CONTRIBUTING.md", "changelog": "CHANGELOG.md"}


def mirror(app: Sphinx, name: str, text: list[str]) -> None:
    """Put the text of a mirrored file into its page, and let links to such files lead to their pages."""
    if name in MIRRORED:
        source = HERE.parent / MIRRORED[name]
        app.env.note_dependency(str(source))
        title, body = text[0].splitlines()[0], source.read_text("utf-8").partition("\n")[2]
        text[0] = title + "\n" + re.sub(r"\]\((?!\w+:|#)", "](../", body).replace("](../docs/", "](")
    for page, file in MIRRORED.items():
        text[0] = text[0].replace(f"](../{file}", f"]({page}.md")


def setup(app: Sphinx) -> None:
    app.connect("source-read", mirror)
