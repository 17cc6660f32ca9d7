"""what can be typed; `:help solve` tells about one command"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.errors import ParseError
from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":help [COMMAND]"
EXAMPLE = ":help solve"
OPTIONS: dict[str, str] = {}

_ORDER = (
    *("model", "new", "set", "bc", "ic", "domain", "show", "undo", "redo"),
    *("solve", "plot", "movie", "explain", "simplify", "latex", "code", "export"),
    *("save", "load", "doctor", "traceback", "help", "quit"),
)
_TYPED = (
    ("u_t = 0.1 u_xx", "an equation; also ∂t u = D ∂²x u, x' = y, u_tt = Δu"),
    ("D = 0.1", "a value"),
    ("x in (0, 2 pi)", "an interval; t in (0, 5) too"),
    ("u = 0 @ x=0", "a condition at a side; also periodic x"),
    ("u(t=0) = sin(x)", "how it starts"),
    ("lorenz: x' = ...", "a model with a name"),
    ("sol['u'].max()", "Python: `sol` the solution, `system` the model, `sn` symnum"),
)


def run(session: Session, arguments: Arguments) -> Output:
    """The overview, or one command."""
    from symnum.repl.commands import commands, full_name

    known = commands()
    if arguments.words:
        word = arguments.words[0]
        try:
            return _one(known.load(full_name(word.text.lstrip(":"))), full_name(word.text.lstrip(":")))
        except ParseError as error:
            raise arguments.wrong(str(error).splitlines()[0], word) from None
    rows = [Text("Type mathematics, a command, or Python:", Tone.STRONG)]
    rows += [Text(f"  {line:<17} {purpose}", indent=18) for line, purpose in _TYPED]
    rows.append(Text("Commands (a beginning that only one has will do):", Tone.STRONG))
    ordered = [name for name in _ORDER if name in known]
    ordered += [name for name in known.names() if name not in ordered]
    rows += [Text(f"  {':' + name:<11} {known.one_line(name)}", indent=12) for name in ordered]
    rows.append(Text("TAB completes, also `\\alpha` to α; `:help solve` lists the options of :solve.", Tone.FAINT))
    return rows


def _one(module: object, name: str) -> Output:
    usage, example = getattr(module, "USAGE", f":{name}"), getattr(module, "EXAMPLE", "")
    options: dict[str, str] = getattr(module, "OPTIONS", {})
    summary = ((getattr(module, "__doc__", "") or "").strip().splitlines() or [""])[0]
    rows = [Text(usage, Tone.STRONG), Text(f"  {summary}")]
    rows += [Text(f"  {option:<14} {purpose}", indent=15) for option, purpose in options.items()]
    return [*rows, *([Text(f"  For instance: {example}", Tone.FAINT)] if example else [])]
