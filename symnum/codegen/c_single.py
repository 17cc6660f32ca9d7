"""C that computes in float32: the same program with floats, whose time and parameters come as doubles and are rounded."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LITERAL = re.compile(r"(?<![\w.])\d+(?:\.\d*(?:e[+-]?\d+)?|e[+-]?\d+)")


def in_single_precision(text: str, prototype: str) -> str:
    """The file with ``float`` for ``double``; the time and the parameters of the function that ``prototype`` declares stay doubles."""
    head = prototype.removesuffix(";")
    before, found, after = text.partition(head)
    assert found, "the file defines the function"
    time = re.search(r"\(double (\w+)", head)
    assert time is not None
    opened, brace, body = after.partition("{\n")
    rounded = (
        f"    const float {time[1]} = (float){time[1]}_given;\n" if re.search(rf"\b{time[1]}\b", _code(body)) else ""
    )
    body = body.replace(f"    (void){time[1]};\n", "", 1) if rounded and f"(void){time[1]};" in body else body
    return "".join([_floats(before), _head(head, time[1]), opened, brace, rounded, _floats(body)])


def _head(head: str, time: str) -> str:
    """The declaration: doubles for the time and the parameters."""
    name, _, given = head.partition("(")
    arguments = given.removesuffix(")").split(", ")
    kept = [k for k, a in enumerate(arguments) if a.endswith(f" {time}") or re.search(r"\*restrict p(arameters)?$", a)]
    made = [a if k in kept else a.replace("double", "float") for k, a in enumerate(arguments)]
    return f"{name}({', '.join(made)})".replace(f"double {time},", f"double {time}_given,", 1)


def _code(text: str) -> str:
    return _COMMENT.sub("", text)


def _floats(text: str) -> str:
    """The text with floats and literals of floats, comments as they are; functions of any type instead of those of doubles."""
    pieces, last = [], 0
    for comment in [*_COMMENT.finditer(text), None]:
        code = text[last : comment.start() if comment else len(text)]
        code = _LITERAL.sub(
            lambda m: f"{m[0]}f", re.sub(r"\bdouble\b", "float", code).replace("<math.h>", "<tgmath.h>")
        )
        pieces.append(code)
        if comment:
            pieces.append(comment[0])
            last = comment.end()
    return "".join(pieces)
