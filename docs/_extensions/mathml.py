"""Formulas as MathML, written when the site is built: browsers show them by themselves, with no script and no network."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError


def to_mathml(latex: str, display: str) -> str:
    """A formula as a ``<math>`` element; ``display``: "inline" or "block".

    Raises ExtensionError with the formula where it is not LaTeX: the converter itself passes over what it does not know.
    """
    if re.sub(r"\\.", "", latex).count("{") != re.sub(r"\\.", "", latex).count("}"):
        raise ExtensionError(f"The formula {latex!r} has braces that do not match")
    if display == "block" and (r"\\" in latex or "&" in latex) and r"\begin" not in latex:
        latex = rf"\begin{{align*}}{latex}\end{{align*}}"
    latex = latex.replace("{aligned}", "{align*}")  # the converter knows the outer one alone
    try:
        element = convert(latex, display=display)
    except Exception as error:  # whatever the converter stumbles on, the author wants to know which formula it was
        raise ExtensionError(
            f"The formula {latex!r} cannot be written as MathML ({type(error).__name__}: {error})"
        ) from error
    if re.search(r"<m[ino][^>]*>[^<]*\\", element):
        raise ExtensionError(f"The formula {latex!r} holds a LaTeX command that has no MathML: {element}")
    return element.replace("<mi>&#x02032;</mi>", "<mo>&#x02032;</mo>")  # a prime is no variable


def inline(self: Any, node: nodes.math) -> None:
    self.body.append(f'<span class="math">{to_mathml(node.astext(), "inline")}</span>')
    raise nodes.SkipNode


def block(self: Any, node: nodes.math_block) -> None:
    label = f' id="{escape(node["ids"][0])}"' if node["ids"] else ""
    self.body.append(f'<div class="math"{label}>{to_mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
