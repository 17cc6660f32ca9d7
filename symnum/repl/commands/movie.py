"""write a moving picture: FILE.gif or FILE.mp4"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symnum.repl.arguments import Arguments
from symnum.repl.commands.solve import solution_of
from symnum.repl.render import Output, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":movie FILE.gif [FIELD] [seconds=S] [fps=N]"
EXAMPLE = ":movie heat.gif"
OPTIONS = {"seconds": "how long it lasts, 8 if not given", "fps": "frames a second, 25 if not given"}


def run(session: Session, arguments: Arguments) -> Output:
    """Write the file."""
    from symnum.repl.journal import Call, written

    arguments.check_names("movie", OPTIONS)
    if not arguments.words:
        raise arguments.wrong(f"which file? Usage: {USAGE}")
    if len(arguments.words) > 2:
        raise arguments.wrong(f"one file and at most one field. Usage: {USAGE}", arguments.words[2])
    path, *field = (word.text for word in arguments.words)
    solution, said = solution_of(session)
    options: dict[str, Any] = {"seconds": arguments.number(pair, "seconds")} if (pair := arguments.get("seconds")) else {}
    options |= {"fps": arguments.whole(pair, "fps")} if (pair := arguments.get("fps")) else {}
    options |= {"field": field[0]} if field else {}
    span = (float(solution.t[0]), float(solution.t[-1])) if solution.t.size else (0.0, 1.0)
    with session.host.progress(path, span) as report:
        made = solution.movie(path, progress=report, **options)
    given = "".join(f", {name}={written(value)}" for name, value in options.items())
    session.journal.append(Call(f"sol.movie({written(path)}{given})"))
    return [*said, Text(f"  wrote {made}", Tone.GOOD)]
