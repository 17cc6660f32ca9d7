"""Terms as the graphs they are: shared parts are drawn once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symnum.errors import TermError
from symnum.expr.term import Const, Symbol, Term, as_term
from symnum.expr.walk import postorder
from symnum.pictures.frame import Frame, Path
from symnum.result.style import FAINT, INK, LINE_COLOURS, SMALL, inches, symbol

MOST = 150  # nodes
SIGNS = {"add": "+", "mul": "×", "pow": "^", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "eq": "=", "ne": "≠"}
LEAF, SHARED, NODE = "#E8F1F8", "#FBE3C8", "#FFFFFF"


def expression(
    term: Any,
    *,
    ax: Any = None,
    path: Path | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
) -> Any:
    """Draw a term, or several that share parts, as a graph: operators above their arguments, each distinct part once.

    Sums and products carry their coefficients and exponents on the edges (``2·``, ``^3``); parts used more than once are orange, symbols and
    numbers blue. Raises TermError for more than 150 distinct parts, and for what is no term.
    """
    roots = [as_term(t) for t in (term if isinstance(term, (list, tuple)) else [term])]
    nodes = list(postorder(roots))
    if not roots or len(nodes) > MOST:
        raise TermError(
            f"a graph of {len(nodes)} parts cannot be read; draw one of the terms, or a part of it: sn.pictures.expression(term.args[0])"
        )
    layers = _layers(roots, nodes)
    uses = Counter(child for node in nodes for child in node.args)
    widest = max(len(layer) for layer in layers)
    size = max(3.4, min(12.0, 0.78 * widest + 1.0))
    shared = sum(count > 1 for count in uses.values())
    subtitle = f"{len(nodes)} distinct parts  ·  {shared} shared  ·  depth {len(layers) - 1}"
    size = inches(width, size)
    ratio = max(0.35, 0.62 * len(layers) / size)
    frame = Frame(ax, (title or "expression", subtitle), size, size, ratio, dpi)
    _draw(frame.axes, layers, roots, uses)
    return frame.done(path)


def _layers(roots: Sequence[Term], nodes: Sequence[Term]) -> list[list[Term]]:
    """Nodes by their longest distance from a root, each layer ordered so that edges cross little (barycentres, swept four times)."""
    depth = dict.fromkeys(nodes, 0)
    for node in reversed(nodes):  # parents before children
        for child in node.args:
            depth[child] = max(depth[child], depth[node] + 1)
    layers: list[list[Term]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in nodes:
        layers[depth[node]].append(node)
    parents: dict[Term, list[Term]] = {node: [] for node in nodes}
    for node in nodes:
        for child in node.args:
            parents[child].append(node)
    for _ in range(4):
        for layer in layers[1:]:
            _order(layer, parents, _places(layers))
        for layer in reversed(layers[:-1]):
            _order(layer, {node: list(node.args) for node in layer}, _places(layers))
    return layers


def _places(layers: Sequence[Sequence[Term]]) -> dict[Term, float]:
    """Where each node stands across, from -1/2 to 1/2 of the widest layer."""
    return {node: k - (len(layer) - 1) / 2 for layer in layers for k, node in enumerate(layer)}


def _order(layer: list[Term], neighbours: dict[Term, list[Term]], places: dict[Term, float]) -> None:
    def middle(node: Term) -> float:
        near = neighbours[node]
        return sum(places[n] for n in near) / len(near) if near else places[node]

    layer.sort(key=middle)


def _draw(axes: Any, layers: Sequence[Sequence[Term]], roots: Sequence[Term], uses: Counter[Term]) -> None:
    widest = max(len(layer) for layer in layers)
    places = {}
    for level, layer in enumerate(layers):
        gap = min(widest / len(layer), 2.2)
        for k, node in enumerate(layer):
            places[node] = ((k - (len(layer) - 1) / 2) * gap, -float(level))
    for node, (x, y) in places.items():
        for k, child in enumerate(node.args):
            u, v = places[child]
            axes.plot([x, u], [y, v], color=LINE_COLOURS[4] if uses[child] > 1 else "#AAAAAA", linewidth=0.9, zorder=1)
            text = _edge(node, k)
            if text:
                axes.text(
                    x + 0.45 * (u - x), y + 0.45 * (v - y), text, fontsize=SMALL - 1, color=FAINT, ha="center", va="center", zorder=2,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
                )  # fmt: skip
    for node, (x, y) in places.items():
        face = LEAF if not node.args else SHARED if uses[node] > 1 else NODE
        edge = LINE_COLOURS[4] if uses[node] > 1 else INK if node in roots else "#999999"
        axes.text(
            x, y, _label(node), fontsize=SMALL + 0.5, color=INK, ha="center", va="center", zorder=3,
            bbox={"boxstyle": "round,pad=0.32", "facecolor": face, "edgecolor": edge, "linewidth": 1.6 if node in roots else 0.9},
        )  # fmt: skip
    axes.set_axis_off()
    reach = max(abs(x) for x, _ in places.values()) + 0.7
    axes.set(xlim=(-reach, reach), ylim=(-len(layers) + 0.4, 0.6))


def _label(node: Term) -> str:
    """A symbol, a number, or the operator with the constant it carries: ``+ 1``, ``2 ×``; a power of one part is written as such."""
    if isinstance(node, Symbol):
        return symbol(node.name)
    if isinstance(node, Const):
        return _number(node.value)
    if node.op == "add":
        constant = node.data[0]
        return "+" if constant == 0 else f"− {_number(-constant)}" if constant < 0 else f"+ {_number(constant)}"
    if node.op == "mul":
        factor = {1: "", -1: "−"}.get(node.data[0], f"{_number(node.data[0])} ")
        return f"{factor}{_power(node.data[1])}" if len(node.args) == 1 else f"{factor}×"
    if node.op == "derivative":
        along = "".join(
            symbol(c.name).strip("$") * n
            for c, n in zip(node.args[1:], node.data, strict=True)
            if isinstance(c, Symbol)
        )
        return rf"$\partial_{{{along}}}$"
    return SIGNS.get(node.op, node.op)


def _power(exponent: Any) -> str:
    if exponent == 1:
        return "×"
    if exponent == Fraction(1, 2):
        return "√"
    return f"$(\\cdot)^{{{_number(exponent)}}}$"


def _edge(node: Term, k: int) -> str:
    """The coefficient of a summand or the exponent of a factor, where it is not 1."""
    if node.op == "add" and node.data[k + 1] != 1:
        return "−" if node.data[k + 1] == -1 else f"{_number(node.data[k + 1])}·"
    if node.op == "mul" and len(node.args) > 1 and node.data[k + 1] != 1:
        return f"^{_number(node.data[k + 1])}"
    return ""


def _number(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("-", "−")
