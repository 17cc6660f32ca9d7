"""The tree of a typed formula, before its names have a meaning.

::

    number "2.5"   fraction "1/2"   name "u_xx"   infinity       sum (a, b, c) signs "+-+"    product (a, b) links "" " " "*" "/"
    minus (a)      power (a, b)     equals (a, b, ...)           compare (a, b) "<"           logic (a, b) "and", (a) "not"
    apply (target, arguments...)    x(r - z), u(0, t), f(x)      call "sqrt" (a)              list (a, b)
    derivative (a) along            integral "x" (a[, lower, upper])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Along(NamedTuple):
    """One direction of a derivative. kind: "coordinate" (``∂x``), "suffix" (``∂_xy``: yet to be split), "time" (a prime), "normal" (``∂n``)."""

    kind: str
    text: str
    order: int
    position: int


@dataclass(frozen=True, slots=True)
class Node:
    """``data``: signs of a sum, links of a product, operators of a comparison; of apply "tight" or "spaced"; ``along``: of a derivative."""

    kind: str
    text: str = ""
    args: tuple[Node, ...] = ()
    position: int = 0
    data: tuple[str, ...] = ()
    along: tuple[Along, ...] = ()


def walk(node: Node) -> Iterator[Node]:
    """All nodes of a tree, parents first, left to right."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(top.args))
