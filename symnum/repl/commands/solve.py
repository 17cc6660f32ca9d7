"""solve the model; Ctrl-C stops and keeps what there is"""

from __future__ import annotations

import logging
import re
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from symnum.errors import ModelError, SymnumError
from symnum.repl.arguments import Arguments, Word, arguments_of, value_of
from symnum.repl.building import Built
from symnum.repl.draft import Draft
from symnum.repl.progress_line import listening
from symnum.repl.render import Output, Piece, Text, Tone
from symnum.repl.words import in_session_words

if TYPE_CHECKING:
    from symnum.repl.session import Session
    from symnum.result import Solution

USAGE = ":solve [-v] [NAME=VALUE ...]"
EXAMPLE = ":solve until=5 method=CVODE resolution=128"
OPTIONS = {
    "until": "end of the time interval",
    "resolution": "number of cells along each coordinate: 128, or 64x32",
    "method": "integrator, for instance Tsit5, ROCK4 or CVODE; auto: chosen from the equations",
    "scheme": "in space: central, upwind, finite_volume, fourier or fourier_dealiased; auto",
    "order": "of accuracy in space: 2, 4 or 6",
    "rtol": "relative tolerance of the time stepping, 1e-6 if not given",
    "atol": "absolute tolerance, 1e-8 if not given",
    "save_every": "time between saved values",
    "saveat": "the times to save: (0, 0.5, 1)",
    "dt": "first time step; of methods with fixed steps: all steps",
    "max_steps": "most time steps",
    "backend": "embedded, sundials, scipy or julia; that of the method if not given",
    "target": "code of the right-hand side: llvm, c, numpy or julia",
    "seed": "of the random path of equations with noise",
    "linear_solver": "of CVODE and IDA",
    "max_order": "of CVODE, IDA and BDF",
}


class Decisions(logging.Handler):
    """What symnum says of its choices (``symnum.decisions``), as lines."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def resolution(arguments: Arguments, word: Word, name: str) -> Any:
    """``128``, or ``64x32`` as a tuple in the order of the coordinates."""
    parts = re.split(r"[x×,]", word.text.strip("()"))
    sizes = tuple(arguments.whole(Word(part.strip(), word.position), name) for part in parts)
    return sizes[0] if len(sizes) == 1 else sizes


def seed(arguments: Arguments, word: Word, name: str) -> int:
    """A whole number, 0 too."""
    return 0 if word.text == "0" else arguments.whole(word, name)


KINDS = {
    "until": Arguments.number,
    "resolution": resolution,
    "order": Arguments.whole,
    "rtol": Arguments.number,
    "atol": Arguments.number,
    "save_every": Arguments.number,
    "saveat": Arguments.numbers,
    "dt": Arguments.number,
    "max_steps": Arguments.whole,
    "seed": seed,
    "max_order": Arguments.whole,
}


def run(session: Session, arguments: Arguments) -> Output:
    """Solve and tell in a few lines what was chosen, why, and what it cost."""
    verbose = [word for word in arguments.words if word.text == "-v"]
    replace(arguments, words=tuple(word for word in arguments.words if word not in verbose)).refuse_words("solve", USAGE)
    parameters = session.draft.parameters()
    for pair in arguments.pairs:
        if pair.name in parameters and pair.name not in OPTIONS:
            raise arguments.wrong(f"{pair.name} is a parameter: type `{pair.name} = {pair.text}` first, then `:solve`", pair)
        if pair.name == session.draft.time:
            raise arguments.wrong(f"the end of time is an option of this name: `:solve until={pair.text}`", pair)
    arguments.check_names("solve", OPTIONS)
    given = {pair.name: value_of(pair, arguments, KINDS) for pair in arguments.pairs if pair.name != "until"}
    if (until := arguments.get("until")) is not None:
        session.change(with_end(session.draft, arguments, until))
    noted: list[Text] = []
    heard = Decisions()
    with session.noting(noted), listening(heard) if verbose else nullcontext():
        built = session.built()
        before = [*session.assumptions(built)]
        options = solve_options(session, built, given)
        solution = _solved(session, built, options)
    noted += [Text(f"  {line}", Tone.FAINT) for line in heard.lines]
    session.solved(solution, built)
    _journal(session, built, options, solution)
    return [*before, *noted, *told(solution)]


def with_end(draft: Draft, arguments: Arguments, until: Word) -> Draft:
    """The draft with another end of time. Raises ParseError for one that is not after the start."""
    name = draft.base.time.name if draft.base is not None else draft.time
    start = "0"
    if name in draft.domain:
        start = str(draft.domain[name][0])
    elif draft.base is not None:
        start = str(draft.base.domain.exact[name][0])
    end, begin = arguments.number(until, "until"), arguments.number(Word(start, until.position), "until")
    if end <= begin:
        raise arguments.wrong(f"until={until.text} is not after the start, {name} = {start}", until)
    return draft.with_interval(name, start, until.text.replace("π", "pi"))


def solve_options(session: Session, built: Built, given: dict[str, Any]) -> dict[str, Any]:
    """The options of this solve: those that were set, overruled by those given now; only those of space where there is space."""
    options = {**session.draft.options, **given}
    space = [c.name for c in built.system.space]
    if not space:
        options = {n: v for n, v in options.items() if n not in ("resolution", "scheme", "order")}
    sizes = options.get("resolution")
    if isinstance(sizes, tuple):
        if len(sizes) != len(space):
            raise ModelError(f"resolution={'x'.join(map(str, sizes))} has {len(sizes)} numbers, but space is ({', '.join(space)})")
        options["resolution"] = dict(zip(space, sizes, strict=True))
    return options


def _solved(session: Session, built: Built, options: dict[str, Any]) -> Solution:
    from symnum.pipeline import solve

    system = built.system
    with session.host.progress(system.name or "solving", system.domain.bounds[system.time.name]) as report:
        return solve(system, progress=report, **options)


def _journal(session: Session, built: Built, options: dict[str, Any], solution: Solution) -> None:
    from symnum.repl.journal import Solve

    written = dict(options)
    if solution.stats.get("seed") is not None:
        written["seed"] = int(solution.stats["seed"])
    comment = solution.method if solution.success else f"{solution.method}; {solution.message}".rstrip(".")
    session.journal.append(Solve(built, session.draft, written, comment))


def solution_of(session: Session) -> tuple[Solution, list[Piece]]:
    """The last solution and what is to be said of it: that it is of an older model, or, where there was none yet, how it was made now."""
    if not session.draft.empty and (session.solution is None or _of_another_model(session)):
        made = [Text("  not solved yet, so `:solve` first", Tone.FAINT), *run(session, arguments_of(""))]
        return session.last_solution(), made
    solution = session.last_solution()
    if session.draft.empty and session.solved_system is not None:
        return solution, [Text("  the last solution; the present model is still empty", Tone.FAINT)]
    if session.solved_system is None:
        return solution, []
    try:
        with session.noting([]):
            changed = not same(session.built(), session.solved_system)
    except SymnumError:
        changed = True
    note = "  this is the solution of the model before it was changed; `:solve` makes a new one"
    return solution, [Text(note, Tone.WARNING)] if changed else []


def _of_another_model(session: Session) -> bool:
    """The last solution is one of other unknowns, or of a model of another name."""
    solved = session.solved_system
    if solved is None:
        return False
    draft, system = session.draft, solved.system
    return draft.name != system.name or not set(draft.fields) <= {u.name for u in system.fields}


def same(one: Built, other: Built) -> bool:
    """The same model with the same values."""
    facts = [(b.kind, b.arguments, b.system.parameters, b.system.domain.bounds, b.system.name) for b in (one, other)]
    return facts[0] == facts[1]


def told(solution: Solution) -> list[Piece]:
    """Method and why; what it cost; how it ended where that is not the end."""
    why = f": {solution.why}" if solution.why else ""
    rows: list[Piece] = [Text(in_session_words(f"  {solution.method}{why}"))]
    rows.append(Text(f"  {work(solution)}", Tone.FAINT))
    if not solution.success:
        rows.append(Text(f"  {solution.message} `sol` holds it, `:plot` shows it.", Tone.WARNING))
    return rows


def work(solution: Solution) -> str:
    """Steps, right-hand sides and seconds in one line."""
    stats = {k: v for k, v in solution.stats.items() if v is not None}
    counts = (("steps", "steps"), ("rejected", "rejected"), ("rhs_evaluations", "right-hand sides"))
    parts = [f"{int(stats[key]):,} {what}" for key, what in counts if key in stats]
    times = (("solve_seconds", "solve"), ("compile_seconds", "compile"))
    parts += [f"{duration(stats[key])} to {what}" for key, what in times if key in stats]
    parts += [f"seed {stats['seed']}"] if "seed" in stats else []
    saved = f"{solution.t.size:,} times from {solution.t[0]:g} to {solution.t[-1]:g}" if solution.t.size else "no times"
    return f"{', '.join(parts)}; {saved}"


def duration(seconds: float) -> str:
    """A duration as people write it: ``0.2 ms``, ``12 ms``, ``3.4 s``."""
    return f"{seconds * 1000:.2g} ms" if seconds < 0.0995 else f"{seconds:.3g} s"
