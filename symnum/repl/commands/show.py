"""the model as it stands, and what is assumed"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from symnum.errors import SymnumError
from symnum.repl.arguments import Arguments
from symnum.repl.draft import Draft
from symnum.repl.render import Output, Text, Tone
from symnum.repl.words import in_session_words

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":show"
EXAMPLE = ":show"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """The model, and the last solution in a line."""
    arguments.check_names("show", OPTIONS)
    arguments.refuse_words("show", USAGE)
    lines = list(model_lines(session))
    if session.solution is not None:
        from symnum.repl.commands.solve import work

        of = f"of {session.solution.name}: " if session.solution.name else ""
        lines.append(Text(f"  solution    {of}{session.solution.method}, {work(session.solution)}", Tone.PLAIN, 12))
    return lines


def model_lines(session: Session) -> list[Text]:
    """The model as it was typed, and what is assumed."""
    draft = session.draft
    if draft.empty and not (draft.values or draft.domain or draft.conditions or draft.initial):
        return [Text("  no equation yet; type one, such as `u_t = 0.1 u_xx`, or take a model: `:model heat`", Tone.FAINT)]
    rows = [Text(f"  {label:<11} {text}", Tone.PLAIN, 12) for label, text in _rows(draft)]
    if draft.empty:
        return [*rows, Text("  no equation yet", Tone.FAINT)]
    try:
        with session.noting([]):
            assumed = session.built().assumed
    except SymnumError as error:
        return [*rows, Text(f"  not complete yet: {in_session_words(' '.join(str(error).split()))}", Tone.WARNING)]
    return [*rows, *([Text(f"  assumed     {'; '.join(assumed)}", Tone.FAINT, 12)] if assumed else [])]


def _rows(draft: Draft) -> Iterator[tuple[str, str]]:
    from symnum.expr.show import unicode
    from symnum.repl.terms import condition_text, equation_text, primed

    if draft.name:
        yield "model", draft.name + (f", from {draft.origin}" if draft.origin and draft.origin != draft.name else "")
    if draft.base is not None:
        equations = [primed(draft, f"{unicode(e.lhs, 80)} = {unicode(e.rhs, 200)}") for e in draft.base.equations[:8]]
        more = len(draft.base.equations) - len(equations)
        yield from (("equation", text) for text in equations)
        if more > 0:
            yield "", f"and {more} more"
    yield from (("equation", equation_text(draft, text)) for text in draft.equations)
    yield from (("reaction", text) for text in draft.reactions)
    yield from (("stands for", f"{d.name}{f'({chr(44).join(d.arguments)})' if d.arguments else ''} = {d.text}") for d in draft.definitions.values())
    used = draft.parameters()
    values = [f"{name} = {'?' if value is None else f'{value:.12g}'}{_units(draft, name)}" for name, value in used.items()]
    if values:
        yield "parameters", ", ".join(values[:12]) + (f" and {len(values) - 12} more" if len(values) > 12 else "")
    unused = [f"{name} = {number.value:.12g}" for name, number in draft.values.items() if name not in used]
    if unused:
        yield "not used", ", ".join(unused[:12])
    if draft.domain:
        yield "domain", ", ".join(f"{c} in ({low}, {high})" for c, (low, high) in draft.domain.items())
    yield from (("condition", condition_text(draft, text)) for text in draft.conditions)
    yield from (("start", equation_text(draft, text)) for text in draft.initial)
    if draft.options:
        yield "options", ", ".join(f"{name}={value}" for name, value in draft.options.items())


def _units(draft: Draft, name: str) -> str:
    number = draft.values.get(name)
    return f" {number.units}" if number is not None and number.units else ""
