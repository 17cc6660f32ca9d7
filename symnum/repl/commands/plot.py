"""show the solution here, or write it to FILE.png"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from symnum.repl.arguments import Arguments
from symnum.repl.commands.solve import solution_of
from symnum.repl.render import Output, Picture, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":plot [FIELD ...] [t=TIMES] [FILE.png]"
EXAMPLE = ":plot u t=(0, 0.5, 1)"
OPTIONS = {
    "t": "the times to show: 0.5 or (0, 0.5, 1)",
    "kind": "of a picture: curves, phase, lines, space-time, panels, slices, steps",
    "width": "columns of a plot of characters; the terminal's if not given",
    "height": "rows of a plot of characters",
    "text": "text=yes: characters although the terminal shows pictures",
}
PICTURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")


def run(session: Session, arguments: Arguments) -> Output:
    """Draw the last solution."""
    arguments.check_names("plot", OPTIONS)
    solution, said = solution_of(session)
    files = [word for word in arguments.words if Path(word.text).suffix]
    for word in files:
        if Path(word.text).suffix.lower() not in PICTURES:
            raise arguments.wrong(f"{word.text}: the suffix of a picture is one of {', '.join(PICTURES)}", word)
    fields = [word for word in arguments.words if word not in files]
    for word in fields:
        if word.text not in solution.fields:
            from symnum.errors import did_you_mean

            near = did_you_mean(word.text, solution.fields)
            raise arguments.wrong(f"the solution has no field {word.text!r}.{near} It has {', '.join(solution.fields)}", word)
    names = [word.text for word in fields]
    times = arguments.numbers(pair, "t") if (pair := arguments.get("t")) else []
    kind = {"kind": pair.text} if (pair := arguments.get("kind")) else {}
    if files:
        return [*said, *_files(session, names, times, kind, [word.text for word in files])]
    terminal = session.host.terminal()
    as_text = (chosen := arguments.get("text")) is not None and chosen.text.lower() in ("yes", "true", "1")
    if terminal.pictures and not as_text:
        figure: Any = solution.plot(field=names or None, t=times or None, dpi=110, **kind)
        return [*said, Picture(figure._repr_png_())]
    if kind:
        raise arguments.wrong("kinds are drawn in pictures, not in characters: name a file too, `:plot kind=phase phase.png`", arguments.get("kind"))
    return [*said, *_characters(session, arguments, names, times)]


def _files(session: Session, names: list[str], times: list[float], kind: dict[str, str], files: list[str]) -> Output:
    from symnum.repl.journal import Call, written

    solution = session.last_solution()
    for path in files:
        solution.plot(field=names or None, t=times or None, path=path, **kind)
        given = [f"field={written(names if len(names) > 1 else names[0])}"] if names else []
        given += [f"t={times!r}"] if times else []
        given += [f"{name}={written(value)}" for name, value in kind.items()]
        session.journal.append(Call(f"sol.plot({', '.join([*given, f'path={written(path)}'])})"))
    return [Text(f"  wrote {', '.join(files)}", Tone.GOOD)]


def _characters(session: Session, arguments: Arguments, names: list[str], times: list[float]) -> Output:
    from symnum.repl.sheet import Depth
    from symnum.repl.solution_plots import Paper, left_out, solution_plot

    solution, terminal = session.last_solution(), session.host.terminal()
    width = arguments.whole(pair, "width") if (pair := arguments.get("width")) else min(terminal.width - 1, 140)
    height = arguments.whole(pair, "height") if (pair := arguments.get("height")) else min(max(terminal.height - 5, 12), 40)
    if not arguments.get("height") and len(solution.fields) == 1 and len(solution[solution.fields[0]].dims) <= 2:
        height = min(height, 26)
    paper = Paper(max(width, 30), max(height, 10), terminal.depth is not Depth.NONE)
    made = [solution_plot(solution, paper, names, times)]
    missing = left_out(solution, paper, names)
    note = [Text(f"  {missing} more: `:plot NAME` shows one by name", Tone.FAINT)] if missing else []
    return [*made, *note]
