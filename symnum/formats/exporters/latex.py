"""LaTeX: equations, conditions and initial data as an align environment to paste (amsmath)."""

from __future__ import annotations

from typing import Any

from symnum.errors import ModelError
from symnum.expr.network import shape_of
from symnum.expr.styles import LATEX
from symnum.expr.walk import postorder, symbols


def export(system: Any, *, parameters: bool = True) -> str:
    r"""A system as ``\begin{align*} ... \end{align*}``; needs ``\usepackage{amsmath}``.

    parameters: whether their values stand in the last lines; of a network its layers stand there, not its weights.
    """
    if not hasattr(system, "latex"):
        raise ModelError(f"latex takes a system such as sn.PDESystem, got {type(system).__name__}")
    text = system.latex().strip()
    body = text.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}").strip()
    rows = [body]
    networks = _networks(system) if parameters else {}
    weights = {name for _, names in networks.values() for name in names}
    values = {name: value for name, value in system.parameters.items() if name not in weights}
    if parameters and values:
        rows.append(
            ", \\quad ".join(
                f"{LATEX.symbol(n)} &= {LATEX.number(v)[0]}" if k == 0 else f"{LATEX.symbol(n)} = {LATEX.number(v)[0]}"
                for k, (n, v) in enumerate(values.items())
            )
        )
    rows += [f"{LATEX.symbol(name)} &: \\text{{{words}}}" for name, (words, _) in networks.items()]
    joined = " \\\\\n".join(rows)
    return f"\\begin{{align*}}\n{joined}\n\\end{{align*}}\n"


def _networks(system: Any) -> dict[str, tuple[str, list[str]]]:
    """name -> (what the network is, the names of its weights)."""
    found: dict[str, tuple[str, list[str]]] = {}
    for node in postorder([side for e in system.equations for side in (e.lhs, e.rhs)]):
        names = [s.name for s in symbols(node.args[-1:], "parameter")] if node.op == "network" else []
        if names:
            shape = shape_of(node.data)
            words = f"a network {'-'.join(map(str, shape.sizes))} with {shape.activation}, {shape.count} weights"
            found[names[0].partition("_w0_")[0]] = words.replace("_", r"\_"), names
    return found
