"""Functions put together into a C file that stands on its own: includes, sizes, constants and helpers, each only where it is used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from symnum.codegen.c_function import Function
from symnum.codegen.c_layout import Layout
from symnum.codegen.c_text import Writer

_HEADERS = {
    "math.h": r"\b(?:sqrt|pow|exp|log|sin|cos|tan|a?(?:sin|cos|tan)h?|atan2|erf|fabs|floor|ceil|INFINITY|NAN)\b",
    "stdlib.h": r"\b(?:calloc|malloc|free|atof|atoi|strtod)\b",
    "stdio.h": r"\bprintf\b",
    "string.h": r"\b(?:memcpy|memset)\b",
}
_MACROS = {
    "UNROLLED": """/* Write the few pieces of a row out one after the other: short pieces then cost no loop. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8
#define UNROLLED _Pragma("GCC unroll 8")
#else
#define UNROLLED
#endif""",
    "PARALLEL_FOR": """/* Compile with -fopenmp to share the loops among threads. */
#ifdef _OPENMP
#define PARALLEL_FOR _Pragma("omp parallel for schedule(static)")
#else
#define PARALLEL_FOR
#endif""",
    "PARALLEL_SUM": """/* The same for loops that add up: each thread has its own sum, and these are added at the end. */
#ifdef _OPENMP
#define PRAGMA(text) _Pragma(#text)
#define PARALLEL_SUM(...) PRAGMA(omp parallel for schedule(static) reduction(+ : __VA_ARGS__))
#else
#define PARALLEL_SUM(...)
#endif""",
}
PI = "static const double PI = 3.141592653589793;"


def print_file(
    layout: Layout, functions: Sequence[Function], header: str = "", constants: str = "", program: str = ""
) -> str:
    """A C99 file. ``header``: its opening comment; ``constants``: definitions of the caller; ``program``: what follows the functions."""
    helpers: dict[str, str] = {}
    for function in functions:
        helpers |= function.helpers
    text = "\n".join(f.text for f in functions)
    used = "\n".join([constants, *helpers.values(), text])
    blocks = []
    if header:
        writer = Writer()
        writer.comment(header)
        blocks.append("\n".join(writer.lines))
    blocks.append("\n".join(f"#include <{name}>" for name, words in _HEADERS.items() if re.search(words, used)))
    blocks += [_sizes(layout, used), _spacings(layout, used), constants]
    blocks += [macro for name, macro in _MACROS.items() if _uses(used, name)]
    blocks += ["\n".join(helpers.values()), text.rstrip(), program]
    return "\n\n".join(b for b in blocks if b) + "\n"


def _uses(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def _sizes(layout: Layout, used: str) -> str:
    return "\n".join(f"#define {name} {count}  /* {said} */" for name, count, said in sizes(layout, used))


def sizes(layout: Layout, used: str) -> Iterator[tuple[str, int, str]]:
    """The numbers of points that a text mentions: name, value, what it is."""
    for k, (name, count) in enumerate(layout.sizes):
        if not _uses(used, name):
            continue
        axis = layout.axes[k]
        kind = (
            "unknowns"
            if axis is not None and axis.points != count
            else "cells"
            if axis is not None and axis.centred
            else "grid points"
        )
        yield name, count, f"{kind} along {layout.label(k)}"


def _spacings(layout: Layout, used: str) -> str:
    lines = []
    code = re.sub(r"/\*.*?\*/", "", used, flags=re.DOTALL)
    for name, value, about in spacings(layout, used):
        defined = f"static const double {name} = {value};  /* {about} */"
        lines.append(defined if _uses(code, name) else f"/* {name} = {value}, the {about} */")
    if _uses(code, "PI"):
        lines.append(PI)
    return "\n".join(lines)


def spacings(layout: Layout, used: str) -> Iterator[tuple[str, str, str]]:
    """The grid spacings that a text mentions: name, value, what it is."""
    for spacing in layout.numbers.spacings:
        if not _uses(used, spacing.name):
            continue
        own = [a for a in layout.axes if a is not None and a.spacing == spacing.value]
        axis = own[0]
        cells = axis.points if axis.periodic or axis.centred else axis.points - 1
        length = axis.stop - axis.start
        value = f"{length!r}/{cells}.0" if length / cells == spacing.value else repr(spacing.value)
        names = ", ".join(a.name for a in own[:-1]) + (" and " if len(own) > 1 else "") + own[-1].name
        yield spacing.name, value, f"grid spacing along {names}"
