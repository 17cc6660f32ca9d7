"""What notebooks show of a model: its LaTeX with the domain and the values of the parameters below, and its plain text beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.expr.show import latex as term_latex
from symnum.expr.styles import LATEX

if TYPE_CHECKING:
    from symnum.model.system import PDESystem

MOST_ROWS, MOST_PARAMETERS = 40, 24
MOST_CHARACTERS = 12_000  # browsers take long over more
_END = "\n\\end{aligned}"


def mime_bundle(system: PDESystem) -> dict[str, str]:
    """text/plain and text/latex. Of a long model the first rows of each, and how many more there are."""
    rows = system.latex().removesuffix(_END).split(" \\\\\n")
    kept = _that_fit(rows)
    if len(kept) < len(rows):
        kept.append(rf"&\;\vdots \quad \text{{{len(rows) - len(kept)} rows more}}")
    kept += [rf"&{row}" for row in (_domain(system), *_parameters(system)) if row]
    if not rows[0].startswith(r"\begin{aligned}") or not kept:
        return {"text/plain": repr(system)}
    return {"text/plain": repr(system), "text/latex": "$$\n" + " \\\\\n".join(kept) + _END + "\n$$"}


def _that_fit(rows: list[str]) -> list[str]:
    kept: list[str] = []
    length = 0
    for row in rows[:MOST_ROWS]:
        length += len(row)
        if length > MOST_CHARACTERS and kept:
            break
        kept.append(row)
    return kept


def _domain(system: PDESystem) -> str:
    sides = [(s, system.domain.exact[s.name]) for s in (*system.space, system.time)]
    return ",\\; ".join(rf"{term_latex(s)} \in [{term_latex(low)}, {term_latex(high)}]" for s, (low, high) in sides)


def _parameters(system: PDESystem) -> list[str]:
    """``D = 0.1, k = 2`` in rows of eight; the weights of networks and what is beyond 24 are counted only."""
    names = [name for name in system.parameters if not _weight(name)]
    texts = [f"{LATEX.symbol(n)} = {LATEX.number(system.parameters[n])[0]}" for n in names[:MOST_PARAMETERS]]
    weights, left = len(system.parameters) - len(names), len(names) - len(texts)
    texts += [rf"\text{{{left} parameters more}}"] if left else []
    texts += [rf"\text{{{weights} weights of networks}}"] if weights else []
    return [",\\; ".join(texts[k : k + 8]) for k in range(0, len(texts), 8)]


def _weight(name: str) -> bool:
    """Whether a parameter is one of the many of a network: ``f_w0_0_1``, ``f_b1_3``."""
    stem, _, rest = name.partition("_w")
    if not rest:
        stem, _, rest = name.partition("_b")
    return bool(stem and rest) and all(part.isdigit() for part in rest.split("_")) and "_" in rest
