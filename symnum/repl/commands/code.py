"""the discretised model as source: c, julia, numpy, llvm or cuda"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symnum.errors import did_you_mean
from symnum.repl.arguments import Arguments, value_of
from symnum.repl.commands.solve import KINDS, solve_options
from symnum.repl.render import Output, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":code [TARGET] [FILE] [resolution=N] [scheme=S] [order=P]"
EXAMPLE = ":code c heat.c resolution=64"
OPTIONS = {
    "resolution": "number of cells along each coordinate",
    "scheme": "in space: central, upwind or finite_volume; auto",
    "order": "of accuracy in space: 2, 4 or 6",
}
TARGETS = ("c", "julia", "numpy", "llvm", "cuda")


def run(session: Session, arguments: Arguments) -> Output:
    """Write the program."""
    from symnum.pipeline import generate

    arguments.check_names("code", OPTIONS)
    words = list(arguments.words)
    target = "c"
    if words and "." not in words[0].text:
        target = words[0].text
        if target not in TARGETS:
            raise arguments.wrong(f"there is no target {target!r}.{did_you_mean(target, TARGETS)} Targets: {', '.join(TARGETS)}", words[0])
        words = words[1:]
    if len(words) > 1:
        raise arguments.wrong(f"one file at most; usage: {USAGE}", words[1])
    noted: list[Text] = []
    with session.noting(noted):
        built = session.built()
        program = generate(built.system, target, **_options(session, arguments))
    if not words:
        return [Text(program.source.rstrip("\n"), indent=None), *noted]
    path = program.write(words[0].text)
    _journal(session, target, words[0].text, _options(session, arguments))
    return [*noted, Text(f"  wrote {path}", Tone.GOOD)]


def _options(session: Session, arguments: Arguments) -> dict[str, Any]:
    given = {pair.name: value_of(pair, arguments, KINDS) for pair in arguments.pairs}
    options = solve_options(session, session.built(), given)
    return {name: value for name, value in options.items() if name in OPTIONS}


def _journal(session: Session, target: str, path: str, options: dict[str, Any]) -> None:
    from symnum.repl.journal import Call, written

    more = "".join(f", {name}={written(value)}" for name, value in options.items())
    line = f"sn.generate(system, {written(target)}{more}).write({written(path)})"
    session.journal.append(Call(line, "system", session.built(), session.draft))
