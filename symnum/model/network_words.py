"""A reaction network in words and in LaTeX, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from symnum.expr.show import latex as term_latex
from symnum.expr.show import plain, unicode
from symnum.expr.term import Symbol
from symnum.expr.walk import symbols
from symnum.model.naming import count, listed
from symnum.model.network_parts import Reaction, reaction_objects, side_text

if TYPE_CHECKING:
    from symnum.model.reactions import ReactionNetwork

_MOST = 6  # reactions, laws, amounts written out


def summary(network: ReactionNetwork) -> str:
    """A few lines: how much of what, and the first reactions."""
    head = f"{type(network).__name__} {network.name!r}" if network.name else type(network).__name__
    rows = network._parts.rows
    lines = [f"{head}: {len(network.fields)} species, {count(len(rows), 'reaction')}"]
    lines += [f"  {text}" for text in _reactions(network)]
    return "\n".join(lines)


def _reactions(network: ReactionNetwork) -> Iterator[str]:
    parts = network._parts  # the others of a large network are not made
    shown = reaction_objects(parts, islice(parts.rows, _MOST))
    yield from (_line(r) for r in shown)
    rest = len(parts.rows) - len(shown)
    if rest:
        yield f"... and {rest} more"


def _line(reaction: Reaction) -> str:
    arrow = "->" if reaction.mass_action else "=>"
    return f"{side_text(reaction.reactants)} {arrow} {side_text(reaction.products)}, {plain(reaction.rate, 100)}"


def explain(network: ReactionNetwork) -> str:
    """What the network is, in at most 25 lines."""
    low, high = network.domain.exact[network.time.name]
    names = listed([s.name for s in network.fields[:8]]) + (" and others" if len(network.fields) > 8 else "")
    title = f"{network.name + ': ' if network.name else ''}{len(network.fields)} species ({names}), {count(len(network._parts.rows), 'reaction')}"
    lines = [
        f"{title}, {network.time.name} in [{unicode(low)}, {unicode(high)}]",
        *(f"  {t}" for t in _reactions(network)),
    ]
    lines += [f"{label + ':':<12} {text}" for label, text in _facts(network)]
    return "\n".join(lines)


def _facts(network: ReactionNetwork) -> Iterator[tuple[str, str]]:
    found, parts = network.structure, network._parts
    yield "Type", f"{'linear' if found.linear else 'nonlinear'} reaction network, first order in {network.time.name}"
    yield "Rates", _rates(network)
    if parts.fixed:
        yield "Fixed", listed([s.name for s in network.fields if s in parts.fixed])
    started = [(s, v) for s, v in network.initial.items() if not (v.op == "const" and v.data[0] == 0)]
    yield "Start", _some([f"{s} = {unicode(v, 60)}" for s, v in started[:_MOST]], len(started)) or "all amounts zero"
    if network.parameters:
        shown = [f"{name} = {value:g}" for name, value in islice(network.parameters.items(), 10)]
        yield (
            "Parameters",
            _some(shown, len(network.parameters))
            + (f"; {len(parts.definitions)} more follow from them" if parts.definitions else ""),
        )
    switches = [f"{value:g}" for value in found.discontinuities[:6]]
    clock = "does not occur explicitly" if found.autonomous else "occurs explicitly"
    yield "Time", f"{network.time.name} {clock}" + (f"; switches at {', '.join(switches)}" if switches else "")
    if parts.observables:
        yield "Observables", _some(list(islice(parts.observables, _MOST)), len(parts.observables))
    yield "Conserved", _conserved(network)


def _rates(network: ReactionNetwork) -> str:
    parts = network._parts
    kinds: Counter[str] = Counter()
    for law, reactants, _ in parts.rows:
        kind = parts.laws[law]
        functional = bool(symbols(kind.terms(), "field")) or parts.time in symbols(kind.terms())
        name = "functional" if kind.kind in ("mass action", "full") and functional else kind.kind
        order = ("zeroth", "first", "second", "third")[len(reactants)] if len(reactants) < 4 else f"{len(reactants)}th"
        kinds[f"of {order} order" if name == "mass action" else name] += 1
    return ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items(), key=lambda pair: -pair[1]))


def _conserved(network: ReactionNetwork) -> str:
    laws = [q for q in network.structure.conserved if not set(q.weights) <= network.fixed]
    if not laws:
        return "nothing"
    short = [str(q) for q in laws if len(q.weights) <= 12][:4]
    return (
        f"{count(len(laws), 'amount')}: {_some(short, len(laws), '; ')}"
        if short
        else f"{count(len(laws), 'amount')} (see conservation_laws())"
    )


def _some(shown: list[str], total: int, between: str = ", ") -> str:
    return between.join(shown) + (f"{between}and {total - len(shown)} more" if total > len(shown) else "")


def latex(network: ReactionNetwork) -> str:
    r"""``\mathrm{A} + \mathrm{B} &\xrightarrow{k} \mathrm{C}`` for each reaction, then the amounts at the start that are not zero."""
    rows = []
    for r in network.reactions:
        arrow = "xrightarrow" if r.mass_action else "xRightarrow"
        rows.append(f"{_side(r.reactants)} &\\{arrow}{{{term_latex(r.rate, 20_000)}}} {_side(r.products)}")
    start = term_latex(network.domain.exact[network.time.name][0])
    for s, value in network.initial.items():
        if value.op != "const" or value.data[0] != 0:
            rows.append(f"{term_latex(s)} &= {term_latex(value)} && \\text{{at }} {term_latex(network.time)} = {start}")
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _side(side: Mapping[Symbol, int]) -> str:
    return " + ".join(f"{n if n > 1 else ''}{term_latex(s)}" for s, n in side.items()) or r"\varnothing"
