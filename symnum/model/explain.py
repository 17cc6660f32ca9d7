"""A system in words and in LaTeX, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from symnum.expr.show import latex as term_latex
from symnum.expr.show import unicode
from symnum.expr.term import Symbol, Term
from symnum.model.naming import count, listed
from symnum.model.orders import ordinal

if TYPE_CHECKING:
    from symnum.model.structure import Coefficients, Structure
    from symnum.model.system import PDESystem

_MOST = 5  # equations, initial values written out


def explain(system: PDESystem) -> str:
    """What the system is, in at most 25 lines of 100 characters or so."""
    found = system.structure
    lines = [_title(system)]
    lines += [f"  {unicode(e.lhs, 60)} = {unicode(e.rhs, 160)}" for e in system.equations[:_MOST]]
    if len(system.equations) > _MOST:
        lines.append(f"  ... and {len(system.equations) - _MOST} more")
    for label, text in _facts(system, found):
        lines.append(f"{label + ':':<12} {text}")
    return "\n".join(lines)


def _title(system: PDESystem) -> str:
    names = listed([u.name for u in system.fields[:8]]) + (" and others" if len(system.fields) > 8 else "")
    box = ", ".join(
        f"{c.name} in [{unicode(low)}, {unicode(high)}]"
        for c in (system.time, *system.space)
        for low, high in [system.domain.exact[c.name]]
    )
    return f"{system.name + ': ' if system.name else ''}{count(len(system.fields), 'field')} ({names}), {box}"


def _facts(system: PDESystem, found: Structure) -> Iterator[tuple[str, str]]:
    yield "Type", _type(system, found)
    for label, table in (
        ("Diffusion", found.diffusion),
        ("Advection", found.advection),
        ("Dispersion", found.dispersion),
    ):
        if table:
            yield label, _coefficients(table, "speed " if label == "Advection" else "")
    if found.hyperdiffusion:
        yield "4th order", _coefficients(found.hyperdiffusion, "")
    if found.wave:
        yield "Waves", _coefficients(found.wave, "squared speed ")
    if found.bending:
        yield "Bending waves", _coefficients(found.bending, "coefficient of the fourth derivative ")
    if found.terms:
        yield "Terms", _kinds(found)
    if system.space:
        yield "Boundaries", _boundaries(system)
    if found.algebraic or found.observed:
        yield "Algebraic", _algebraic(system, found)
    yield "Start", _start(system)
    if system.parameters:
        shown = [f"{name} = {value:g}" for name, value in list(system.parameters.items())[:10]]
        yield (
            "Parameters",
            ", ".join(shown) + (f" and {len(system.parameters) - 10} more" if len(system.parameters) > 10 else ""),
        )
    yield "Time", _time(system, found)
    if found.conserved:
        yield "Conserved", "; ".join(str(q) for q in found.conserved[:4])
    yield "Missing", "nothing, the model is complete"


def _algebraic(system: PDESystem, found: Structure) -> str:
    """What follows from the other fields, by iteration or by a formula, and how the index was reduced."""
    parts = []
    if found.algebraic:
        parts.append(f"{listed([f.name for f in found.algebraic[:8]])} by iteration in every step")
    if found.observed:
        parts.append(f"{listed([f.name for f in found.observed[:8]])} by formulas from the others")
    reduction = getattr(system, "reduction", None)
    if reduction is not None:
        from symnum.model.dae import summary

        parts.append(summary(reduction, system.normal_form))
    return "; ".join(parts)


def _type(system: PDESystem, found: Structure) -> str:
    words = "linear" if found.linear else "nonlinear"
    orders = [f"{ordinal(found.order_in_time)} order in {system.time.name}"]
    orders += [f"{ordinal(n)} in {x}" for x, n in found.order_in_space.items()]
    return f"{words} {found.kind}, {', '.join(orders)}"


def _coefficients(table: Coefficients, what: str) -> str:
    rows = []
    for u, along in table.items():
        grouped: dict[str, list[str]] = {}
        for x, k in along.items():
            text = unicode(k.term, 50)
            value = f" = {k.value:g}" if k.value is not None and k.term.op != "const" else ""
            grouped.setdefault(f"{what}{text}{value}", []).append(x)
        rows += [f"{u.name}: {text} along {listed(xs)}" for text, xs in grouped.items()]
    return "; ".join(rows[:6])


def _kinds(found: Structure) -> str:
    total: dict[str, int] = {}
    for row in found.terms:
        total[row.kind] = total.get(row.kind, 0) + 1
    counted = ", ".join(f"{n} {kind}" for kind, n in total.items())
    nonlinear = sorted({row.field.name for row in found.terms if found.nonlinear_part[row.field].op != "const"})
    if found.linear:
        return counted
    return f"{counted}; beyond the linear part: {listed(nonlinear[:8])}"


def _boundaries(system: PDESystem) -> str:
    rows = [f"{'periodic' if sign > 0 else 'antiperiodic'} in {x}" for x, sign in system.periodic.items()]
    if len(rows) > 1 and len(set(system.periodic.values())) == 1:
        rows = [f"{rows[0].split(' in ')[0]} in {listed(system.periodic)}"]
    conditions = [c for found in system.face_conditions.values() for c in found]
    for c in conditions[:6]:
        equation = str(c).rpartition(" @ ")[0]
        rows.append(f"{equation} at {c.where}")
    if len(conditions) > 6:
        rows.append(f"{len(conditions) - 6} more")
    return "; ".join(rows) if rows else "none needed"


def _start(system: PDESystem) -> str:
    rows = [f"{unicode(key)} = {_value(value)}" for key, value in list(system.initial.items())[:_MOST]]
    rest = len(system.initial) - len(rows)
    return "; ".join(rows) + (f"; and {rest} more" if rest > 0 else "")


def _value(value: Any) -> str:
    if isinstance(value, Term):
        return unicode(value, 60)
    if callable(value):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    return f"an array of shape {value.shape}"


def _time(system: PDESystem, found: Structure) -> str:
    text = (
        f"{system.time.name} does not occur explicitly" if found.autonomous else f"{system.time.name} occurs explicitly"
    )
    if found.discontinuities:
        shown = [f"{value:g}" for value in found.discontinuities[:6]]
        text += (
            f"; switches at {system.time.name} = {', '.join(shown)}{', ...' if len(found.discontinuities) > 6 else ''}"
        )
    return text


def latex(system: PDESystem) -> str:
    r"""Equations, conditions and initial data as a LaTeX ``aligned`` block (mathematics mode, no dollar signs)."""
    rows = [f"{term_latex(e.lhs, 20_000)} &= {term_latex(e.rhs, 20_000)}" for e in system.equations]
    for found in system.face_conditions.values():
        rows += [
            f"{term_latex(c.residual)} &= 0 && \\text{{at }} {c.coordinate} = {term_latex(c.place)}"
            for c in found
            if c.place is not None
        ]
    rows += [rf"{x} &\;\text{{{'anti' if sign < 0 else ''}periodic}}" for x, sign in system.periodic.items()]
    start = term_latex(system.domain.exact[system.time.name][0])
    for key, value in system.initial.items():
        text = term_latex(value, 20_000) if isinstance(value, Term) else rf"\text{{{_value(value)}}}"
        rows.append(f"{term_latex(key)} &= {text} && \\text{{at }} {_symbol(system.time)} = {start}")
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _symbol(symbol: Symbol) -> str:
    return term_latex(symbol)
