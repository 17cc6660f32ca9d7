"""parameters of the model and options of :solve; or list them"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from symnum.errors import did_you_mean
from symnum.repl.arguments import Arguments, Word, value_of
from symnum.repl.commands.solve import KINDS, with_end
from symnum.repl.commands.solve import OPTIONS as SOLVE
from symnum.repl.draft import Draft, Number
from symnum.repl.render import Output, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":set NAME=VALUE ..."
EXAMPLE = ":set D=0.2 method=CVODE resolution=128"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """Parameters first: a name that is both is the model's."""
    draft = session.draft
    parameters = {**draft.parameters(), **{n: number.value for n, number in draft.values.items()}}
    if arguments.words:
        word = arguments.words[0]
        raise arguments.wrong(f"{word.text!r} is not NAME=VALUE; usage: {USAGE}", word)
    if not arguments.pairs:
        return _listed(draft)
    said = []
    for pair in arguments.pairs:
        draft, text = _set(draft, parameters, arguments, pair)
        said.append(text)
    session.change(draft)
    return [Text(f"  {', '.join(said)}", Tone.FAINT)]


def _set(draft: Draft, parameters: dict[str, Any], arguments: Arguments, pair: Word) -> tuple[Draft, str]:
    if pair.name in parameters:
        value = arguments.number(pair, pair.name)
        units = draft.values[pair.name].units if pair.name in draft.values else ""
        return draft.with_value(pair.name, Number(value, units, pair.text)), f"{pair.name} = {value:.12g}"
    if pair.name == "until":
        changed = with_end(draft, arguments, pair)
        return changed, f"until {pair.text}"
    if pair.name not in SOLVE:
        known = [*parameters, *SOLVE]
        names = ", ".join(parameters) or "none"
        raise arguments.wrong(
            f"{pair.name!r} is neither a parameter ({names}) nor an option of :solve ({', '.join(SOLVE)}).{did_you_mean(pair.name, known)}",
            Word(pair.name, arguments.raw.rfind(pair.name, 0, pair.position)),
        )
    value = value_of(pair, arguments, KINDS)
    options = {n: v for n, v in draft.options.items() if n != pair.name}
    if value != "auto":
        options[pair.name] = value
    return replace(draft, options=options), f"{pair.name} = {pair.text}"


def _listed(draft: Draft) -> Output:
    rows = [Text(f"  {name} = {'?' if value is None else f'{value:.12g}'}") for name, value in draft.parameters().items()]
    rows += [Text(f"  {name} = {value}  (option of :solve)") for name, value in draft.options.items()]
    return rows or [Text("  nothing is set; `:help solve` lists the options", Tone.FAINT)]
