"""Functions put together into Julia source that stands on its own: sizes, constants and helpers, each only where it is used."""

from __future__ import annotations

import re
from collections.abc import Sequence

from symnum.codegen.c_file import sizes, spacings
from symnum.codegen.c_function import Function
from symnum.codegen.c_layout import Layout
from symnum.codegen.julia_terms import ABOUT_NAN, HELPERS, needed
from symnum.codegen.julia_text import JuliaWriter


def print_file(layout: Layout, functions: Sequence[Function], constants: str = "", program: str = "") -> str:
    """Julia source. ``constants``: definitions of the caller; ``program``: what follows the functions."""
    helpers: dict[str, str] = {}
    for function in functions:
        helpers |= function.helpers
    text = "\n".join(f.text for f in functions)
    used = "\n".join([constants, *helpers.values(), text, program])
    guarded = {n: d for n, d in HELPERS.items() if re.search(rf"\b{n}\(", used)}
    helpers |= guarded
    blocks = [_sizes(layout, used), constants, _helpers(helpers), text.rstrip(), program]
    return "\n\n".join(b for b in blocks if b) + "\n"


def _sizes(layout: Layout, used: str) -> str:
    lines = [f"const {name} = {count}  # {said}" for name, count, said in sizes(layout, used)]
    lines += [f"const {name} = {value}  # {about}" for name, value, about in spacings(layout, used)]
    return "\n".join(lines)


def _helpers(helpers: dict[str, str]) -> str:
    writer, told = JuliaWriter(), False
    for name, definition in needed(helpers).items():
        if name.startswith("nan_") and not told:
            writer.comment(ABOUT_NAN)
            told = True
        elif "\n" in definition and writer.lines:
            writer.line("")
        writer.lines += definition.split("\n")
    return "\n".join(writer.lines)
