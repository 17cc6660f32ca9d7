"""The session: what was typed so far, and what each new line does. It knows nothing of the terminal it is shown in.

::

    text -> statements.parse -> Statement -> Session -> Output
                                               |  draft (text)  --building.build-->  PDESystem  --pipeline.solve-->  Solution
                                               '  namespace: sol, system, u, x, D, ... for Python
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from symnum.errors import ModelError, ParseError, SymnumError
from symnum.repl.building import Built, build
from symnum.repl.changes import changed
from symnum.repl.draft import Draft
from symnum.repl.render import Output, Piece, Terminal, Text, Tone, sentence
from symnum.repl.statement_kinds import Command, Expression, Known, Python, Statement, Value
from symnum.repl.words import in_session_words

if TYPE_CHECKING:
    from pathlib import Path

    from symnum.repl.journal import Entry
    from symnum.result import Solution

Progress = Callable[[str, tuple[float, float]], AbstractContextManager[Callable[[float], None] | None]]


OWN = ("sol", "system")  # names that the session gives to Python
WORDS = ("help", "quit", "exit")  # commands that are understood without the colon


class Quit(Exception):
    """``:quit`` was typed."""


@dataclass(frozen=True)
class State:
    """Everything that ``:undo`` goes back over: the models, by name, and which one is being written."""

    drafts: Mapping[str, Draft] = field(default_factory=lambda: {"": Draft()})
    current: str = ""

    @property
    def draft(self) -> Draft:
        """The model that is being written."""
        return self.drafts[self.current]


@dataclass
class Host:
    """What a session asks of the program around it.

    ``find_model``: name or file -> an object with ``name``, ``title``, ``system``, ``resolution``, ``options``; ``model_names``: those that come with
    symnum; ``model_title``: a line on one of them; ``terminal``: where output goes, now; ``progress``: title and span of time -> context manager
    that gives a function of t; ``python``: runs code (raises what the code raises; True: it had a value,
    which was shown); ``doctor``: lines on what works here.
    """

    find_model: Callable[[str], Any]
    model_names: Callable[[], Sequence[str]] = tuple
    model_title: Callable[[str], str] = str
    terminal: Callable[[], Terminal] = Terminal
    progress: Progress = lambda title, span: nullcontext()
    python: Callable[[str], object] | None = None
    doctor: Callable[[], str] | None = None


class Session:
    """One conversation. ``namespace``: of Python, into which the model's names are put; ``sol`` and ``solution``: the last solve."""

    def __init__(self, host: Host, namespace: MutableMapping[str, Any] | None = None) -> None:
        self.host = host
        self.namespace: MutableMapping[str, Any] = {} if namespace is None else namespace
        self.state = State()
        self.past: list[State] = []
        self.future: list[State] = []
        self.journal: list[Entry] = []
        self.typed: list[str] = []  # what was done without an error, as typed
        self.reading: list[Path] = []  # files of lines that are being run, the innermost last
        self.solution: Solution | None = None
        self.solved_system: Built | None = None
        self.traceback: BaseException | None = None
        self._mirrored: dict[str, Any] = {}
        self._built: tuple[Draft, Built] | None = None
        self._told: set[str] = set()  # warnings
        self._assumed: set[str] = set()  # of the present model

    # ---- reading -------------------------------------------------------------------------------

    @property
    def draft(self) -> Draft:
        """The model that is being written."""
        return self.state.draft

    def known(self) -> Known:
        """What the names of the next line may refer to."""
        python = [
            name
            for name, value in list(self.namespace.items())
            if name in OWN or (not name.startswith("_") and self._mirrored.get(name, self) is not value)
        ]
        return self.draft.known([*self.host.model_names(), *(n for n in self.state.drafts if n)], python)

    def run(self, text: str) -> Iterator[Output]:
        """Do what a text says, statement by statement. Raises SymnumError, KeyboardInterrupt, Quit, and what Python code raises."""
        from symnum.repl.script import logical_lines
        from symnum.repl.statements import is_mathematics

        if "\n" not in text.strip() or not is_mathematics(text, self.known()):
            yield from self._run(text)
            return
        for _, line in logical_lines(text):
            yield from self._run(line)

    def _run(self, text: str) -> Iterator[Output]:
        before, statements = self.state, self._read(text)
        if len(statements) == 1:  # a command, Python, or one statement
            yield self._do(statements[0], text)
        else:
            yield from self._do_all(statements, text)
        if self.state is not before and not isinstance(statements[-1], Command):
            yield [] if self.draft.empty else self.status()
        if not any(_is_of_no_file(s) for s in statements):
            self.typed.append(text)

    def _do_all(self, statements: Sequence[Statement], text: str) -> list[Output]:
        """All statements of a text, or none of them where one raises."""
        before, past, future = self.state, list(self.past), list(self.future)
        try:
            return [self._do(statement, text) for statement in statements]
        except SymnumError:
            self.state, self.past, self.future = before, past, future
            self.mirror()
            raise

    def _do(self, statement: Statement, text: str) -> Output:
        try:
            return self.do(statement)
        except ParseError as error:
            raise _pointed(error, statement, text) from error

    def _read(self, text: str) -> Sequence[Statement]:
        """The statements of a text. A word that is a command without its colon is told, or understood where it can mean nothing else."""
        from symnum.repl.commands import commands
        from symnum.repl.statements import parse

        word = text.strip()
        if word in WORDS:
            return [Command(word, "", len(text))]
        try:
            return parse(text, self.known())
        except ParseError:
            if word in commands().names():
                raise ParseError(f"{word} is a command: type `:{word}`", text, text.index(word)) from None
            raise

    def do(self, statement: Statement) -> Output:
        """Do one statement."""
        match statement:
            case Command():
                from symnum.repl.commands import run_command

                return run_command(self, statement)
            case Python(code):
                return self._python(code)
            case Expression():
                from symnum.repl.terms import shown

                return [Text(f"  {shown(self.draft, statement)}")]
            case _:
                made = changed(self.draft, self.state.current, statement)
                self.change(made.draft, made.name)
                if isinstance(statement, Value):  # typed now: it wins over an older variable of Python
                    self.namespace[statement.name] = self._mirrored[statement.name] = made.draft.values[statement.name].in_python
                return made.said

    def _python(self, code: str) -> Output:
        if self.host.python is None:
            raise ModelError(f"this session runs no Python, and {code.strip()[:60]!r} is neither mathematics nor a command")
        self.ran_python(code, self.host.python(code) is True)
        return []

    def ran_python(self, code: str, shown: bool = False) -> None:
        """Python code was run without an error: the script of the session will hold it. ``shown``: it had a value, which was seen."""
        from symnum.repl.journal import Code

        try:
            with self.noting([]):
                built = None if self.draft.empty else self.built()
        except SymnumError:
            built = None
        self.journal.append(Code(code.strip("\n"), built, self.draft, shown))

    # ---- changes ---------------------------------------------------------------------------------

    def change(self, draft: Draft, name: str | None = None) -> None:
        """Put a new draft in place of the current one (or under another name), to be undone by ``:undo``."""
        current = self.state.current if name is None else name
        if draft.name != self.draft.name or not set(draft.fields) & set(self.draft.fields):
            self._assumed.clear()  # another model: what is assumed is to be said again
        self.past.append(self.state)
        self.future.clear()
        self.state = State({**self.state.drafts, current: draft}, current)
        self.mirror()

    def undo(self) -> bool:
        """Back to the state before the last change; False where there is none."""
        if not self.past:
            return False
        self.future.append(self.state)
        self.state = self.past.pop()
        self.mirror()
        return True

    def redo(self) -> bool:
        """Forward again; False where nothing was undone."""
        if not self.future:
            return False
        self.past.append(self.state)
        self.state = self.future.pop()
        self.mirror()
        return True

    # ---- the system ----------------------------------------------------------------------------

    def built(self) -> Built:
        """The system of the current draft. Raises ModelError; warnings of the model come through as warnings."""
        if self._built is None or self._built[0] is not self.draft:
            self._built = (self.draft, build(self.draft))
        return self._built[1]

    def status(self) -> list[Piece]:
        """What is assumed, or what is missing."""
        noted: list[Text] = []
        try:
            with self.noting(noted):
                built = self.built()
        except SymnumError as error:
            return [Text(f"  not complete yet: {in_session_words(' '.join(str(error).split()))}", Tone.WARNING)]
        return [*self.assumptions(built), *noted]

    def assumptions(self, built: Built, again: bool = False) -> list[Piece]:
        """The assumed parts in a line, once each (or ``again``)."""
        fresh = [text for text in built.assumed if again or text not in self._assumed]
        self._assumed.update(fresh)
        return [Text(f"  assumed: {'; '.join(fresh)}", Tone.FAINT, 11)] if fresh else []

    @contextmanager
    def noting(self, noted: list[Text]) -> Iterator[None]:
        """Warnings inside become lines, each once a session."""
        from symnum.errors import SolveWarning

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        for warning in caught:
            text = " ".join(str(warning.message).split())
            if not issubclass(warning.category, SolveWarning | DeprecationWarning) and text not in self._told:
                self._told.add(text)
                noted.append(Text(f"  note: {in_session_words(text)}", Tone.WARNING))

    # ---- Python's names --------------------------------------------------------------------------

    def mirror(self) -> None:
        """Put the names of the current model into Python: coordinates, fields, values of parameters, ``system``."""
        from symnum.repl.terms import symbols_of

        wanted: dict[str, Any] = {}
        try:
            with self.noting([]):
                system = self.built().system
            wanted = {**{s.name: s for s in (system.time, *system.space, *system.fields)}, **system.parameters, "system": system}
        except SymnumError:
            wanted = dict(symbols_of(self.draft))
        own = self.draft.parameters()
        wanted |= {name: number.in_python for name, number in self.draft.values.items() if name not in wanted or name in own}
        wanted |= {"sol": self.solution} if self.solution is not None else {}
        for name, value in list(self._mirrored.items()):
            if name not in wanted and self.namespace.get(name) is value:
                del self.namespace[name]
        for name, value in wanted.items():
            if name not in self.namespace or self.namespace[name] is self._mirrored.get(name, self):
                self.namespace[name] = value
                self._mirrored[name] = value

    def solved(self, solution: Solution, built: Built | None = None) -> None:
        """A solve has ended: its solution is ``sol`` now. ``built``: what was solved."""
        self.solution, self.solved_system = solution, built
        self.namespace.pop("sol", None)
        self.mirror()

    def last_solution(self) -> Solution:
        """The last solution. Raises ModelError where nothing was solved yet."""
        if self.solution is None:
            line = "type `:solve` first" if not self.draft.empty else "type an equation such as `u_t = 0.1 u_xx`, then `:solve`"
            raise ModelError(f"there is no solution yet; {line}")
        return self.solution


def _is_of_no_file(statement: Statement) -> bool:
    """A command that a file of lines needs not: it changes nothing, or the lines that it read are in the file themselves."""
    if not isinstance(statement, Command):
        return False
    read = statement.name == "load" and statement.arguments.strip().strip("'\"").endswith(".sym")
    return read or statement.name in ("save", "quit", "help")


def _pointed(error: ParseError, statement: Statement, typed: str) -> ParseError:
    """The error with its place in the typed text, where that can be told."""
    if error.text == typed:
        return error
    if isinstance(statement, Command):
        start = statement.column if error.text == statement.arguments else typed.find(error.text)
    else:
        from symnum.repl.statements import point

        formulas = [value for value in _formulas(statement) if value == error.text]
        return point(error, formulas) if formulas else error
    if start < 0:
        return error
    made = ParseError(sentence(error))
    made.text, made.position = typed, start + error.position
    return made


def _formulas(statement: Statement) -> list[Any]:
    found: list[Any] = []
    for name in ("equations", "reactions", "text", "lower", "upper"):
        value = getattr(statement, name, ())
        found += value if isinstance(value, tuple) else [value]
    return found
