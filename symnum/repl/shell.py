"""The session in a terminal, on IPython: editing, history and completion are IPython's; mathematics and commands go to the session.

::

    typed cell -> _divert (an input transformer) -> Python: IPython runs it as always
                                                 '-> else:  speak("the text, as data") -> Session.run -> Output
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from IPython.core.profiledir import ProfileDir
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.terminal.prompts import Prompts
from IPython.terminal.ptutils import IPythonPTLexer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.lexers import SimpleLexer
from pygments.token import Token  # type: ignore[import-untyped]
from traitlets.config import Config

from symnum.errors import ParseError, SymnumError
from symnum.repl.render import Terminal, Text, Tone, coloured, error_output, folded, write
from symnum.repl.session import WORDS, Host, Quit, Session
from symnum.repl.sheet import colour_depth
from symnum.repl.statement_kinds import Python
from symnum.repl.statements import parse, unfinished
from symnum.repl.terminal_pictures import protocol

_IPYTHON = ("%", "!", "?")  # lines that begin so are IPython's own


def config_folder(environment: Mapping[str, str]) -> Path:
    """The user's folder for settings and history: ``$XDG_CONFIG_HOME/symnum`` or ``~/.config/symnum`` (Windows: ``%APPDATA%``)."""
    base = environment.get("XDG_CONFIG_HOME") or environment.get("APPDATA") or str(Path.home() / ".config")
    return Path(base) / "symnum"


def this_terminal() -> Terminal:
    """Size, colours and pictures of the terminal as it is now."""
    size = shutil.get_terminal_size()
    depth = colour_depth(os.environ, sys.stdout.isatty())
    return Terminal(size.columns, size.lines, depth, protocol(os.environ) if sys.stdout.isatty() else "")


class SessionShell(TerminalInteractiveShell):
    """IPython's terminal with a session in it."""

    session: Session

    def __init__(self, session: Session, **more: Any) -> None:
        self.session = session
        self._entered = ""
        self._asked = False  # is Python run for the session itself?
        self._warm: Callable[[], AbstractContextManager[None]] | None = None
        super().__init__(user_ns=session.namespace, **more)
        self.input_transformer_manager.cleanup_transforms.insert(0, self._divert)
        self.events.register("post_run_cell", self._ran)
        session.host.python = self._python

    # ---- who reads what ------------------------------------------------------------------------

    def _divert(self, lines: list[str]) -> list[str]:
        """[lines of a cell] -> the same lines, or one that hands their text to the session."""
        text = "".join(lines)
        if not text.strip() or not self._is_ours(text):
            return lines
        return [f"get_ipython().speak({text.removesuffix(chr(10))!r})\n"]

    def _is_ours(self, text: str) -> bool:
        bare = text.strip()
        if bare in WORDS:
            return True
        if bare.startswith(_IPYTHON) or bare.endswith("?") or bare.startswith("get_ipython()."):
            return False
        try:
            return not all(isinstance(statement, Python) for statement in parse(text.rstrip("\n"), self.session.known()))
        except ParseError:
            return True

    def check_complete(self, code: str) -> tuple[str, str]:
        """Whether Enter runs what was typed or opens another line."""
        if code.strip() and self._is_ours(code):
            more = unfinished(code) and not code.rstrip(" ").endswith("\n")  # an empty line ends what is not finished
            return ("incomplete" if more else "complete", "")
        return super().check_complete(code)

    # ---- what happens --------------------------------------------------------------------------

    def speak(self, text: str) -> None:
        """Do what a text says and write the answer. An error is one sentence with a caret below what was typed."""
        terminal = self.session.host.terminal()
        answered = "\n" in self._entered  # the prompt is not right above what is written now
        text = text.rstrip()
        try:
            for output in self.session.run(text):
                write(output, sys.stdout, terminal)
                answered = answered or bool(output)
        except Quit:
            self.ask_exit()
        except KeyboardInterrupt:
            write([Text("  Interrupted; nothing was kept.", Tone.WARNING)], sys.stdout, terminal)
        except Exception as error:
            self._told(error, text, answered)

    def _told(self, error: BaseException, text: str, answered: bool) -> None:
        """One sentence, and a caret where the place is known."""
        self.session.traceback = error
        terminal = self.session.host.terminal()
        prompt = len(self.prompt_text())
        below = prompt if not answered and len(text) + prompt < terminal.width else None
        if isinstance(error, SymnumError):
            write(error_output(error, text, below), sys.stdout, terminal)
        else:
            kind = type(error).__name__
            write([Text(f"{kind}: {' '.join(str(error).split())} (`:traceback` shows where)", Tone.ERROR)], sys.stdout, terminal)

    def showtraceback(self, exc_tuple: Any = None, filename: Any = None, *rest: Any, **named: Any) -> None:
        """Errors of Python lines: one sentence; ``:traceback`` has the rest."""
        kind, error, _ = self._get_exc_info(exc_tuple)
        if issubclass(kind, SyntaxError):
            self.showsyntaxerror(filename)
            return
        self.session.traceback = error
        if issubclass(kind, KeyboardInterrupt):
            message = "Interrupted."
        else:
            words = " ".join(str(error).split())
            message = words if isinstance(error, SymnumError) else f"{kind.__name__}: {words}" if words else kind.__name__
        write([Text(message, Tone.ERROR)], sys.stdout, self.session.host.terminal())

    def _ran(self, result: Any) -> None:
        """Python that ran belongs into the script of the session, which notes itself what it asked for."""
        if self._asked:
            return
        code = result.info.raw_cell if result.info is not None else None
        if result.success and code and code.strip() and not self._is_ours(code):
            self.session.ran_python(code, result.result is not None)
            self.session.typed.append(code.rstrip("\n"))

    def _python(self, code: str) -> bool:
        """Python lines that the session read itself, from a file for instance; True where a value was shown."""
        self._asked = True
        try:
            result = self.run_cell(code, store_history=False, silent=False)
        finally:
            self._asked = False
        result.raise_error()
        return result.result is not None

    # ---- what is seen --------------------------------------------------------------------------

    def prompt_text(self) -> str:
        """``sn> ``, or the name of the model that is being written."""
        return f"{self.session.state.current or 'sn'}> "

    def prompt_for_code(self) -> str:
        """Read a cell; meanwhile load what the first solve needs."""
        with self._warm() if self._warm is not None else nullcontext():
            self._entered = str(super().prompt_for_code())
        return self._entered

    def _extra_prompt_options(self) -> dict[str, Any]:
        options: dict[str, Any] = super()._extra_prompt_options()
        return {**options, "lexer": _Lexer()}

    def init_prompt_toolkit_cli(self) -> None:
        """IPython's prompt, with our completion in front of IPython's."""
        super().init_prompt_toolkit_cli()
        if self.pt_app is not None and self.pt_app.completer is not None:
            self.pt_app.completer = _Completions(self, self.pt_app.completer)


class _Prompts(Prompts):
    """The prompt is the model's name; results have none."""

    shell: SessionShell

    def in_prompt_tokens(self) -> list[tuple[Any, str]]:
        return [(Token.Prompt, self.shell.prompt_text())]

    def continuation_prompt_tokens(self, width: int | None = None, **_: Any) -> list[tuple[Any, str]]:
        return [(Token.Prompt, "… ".rjust(width or len(self.shell.prompt_text())))]

    def out_prompt_tokens(self) -> list[tuple[Any, str]]:
        return []


class _Lexer(IPythonPTLexer):
    """IPython's colours; none for commands."""

    def lex_document(self, document: Document) -> Any:
        if document.text.lstrip().startswith(":"):
            return SimpleLexer().lex_document(document)
        return super().lex_document(document)


class _Completions(Completer):
    """The session's completions with their help, then IPython's."""

    def __init__(self, shell: SessionShell, other: Completer) -> None:
        self.shell, self.other = shell, other

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        from symnum.repl.complete import complete

        seen = set()
        text, cursor = document.text, document.cursor_position
        for found in complete(text, cursor, self.shell.session.known()):
            seen.add(found.text)
            yield Completion(found.text, start_position=found.start - cursor, display_meta=found.help)
        typed = text[:cursor].rpartition("\\")
        if text.lstrip().startswith(":") or (typed[1] and typed[2].isalpha()):
            return  # a command or a LaTeX name: none of Python's
        for other in self.other.get_completions(document, event):
            if other.text not in seen:
                yield other


# ---- opening it ----------------------------------------------------------------------------------


class _Warmth:
    """Loads the modules of the first solve while the person types; stops between two of them when the session ends."""

    MODULES = ("numpy", "symnum.model.text", "symnum.pipeline", "xarray", "symnum.repl.solution_plots")

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, a moment after the prompt has appeared."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._load, name="symnum-imports", daemon=True)
            self.thread.start()

    def _load(self) -> None:
        from importlib import import_module

        self.stopped.wait(0.15)
        for name in self.MODULES:
            if self.stopped.is_set():
                return
            import_module(name)

    def stop(self) -> None:
        """End between two modules: an interpreter must not go away in the middle of an import."""
        self.stopped.set()
        if self.thread is not None:
            self.thread.join(10)


def _configuration(folder: Path | None, depth: str) -> Config:
    made = Config()
    shell = made.TerminalInteractiveShell
    shell.prompts_class = _Prompts
    shell.confirm_exit = False
    shell.term_title = False
    shell.display_completions = "column"
    shell.separate_in = ""
    shell.banner1 = ""
    shell.banner2 = ""
    shell.highlighting_style_overrides = {Token.Error: "noinherit", Token.Prompt: "bold"}
    if depth == "none":
        shell.colors = "nocolor"
    made.Completer.use_jedi = False  # half a second at the first TAB
    made.HistoryManager.enabled = folder is not None
    if folder is not None:
        made.HistoryManager.hist_file = str(folder / "history.sqlite")
    return made


def private_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder for history, readable by its owner alone; None where it cannot be made."""
    folder = config_folder(environment)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        history = folder / "history.sqlite"
        history.touch(mode=0o600)
        history.chmod(0o600)
    except OSError:
        return None
    return folder


def greeting(version: str, terminal: Terminal) -> str:
    """Two lines before the first prompt."""
    first = folded(f"symnum {version}: type an equation such as u_t = 0.1 u_xx, then :solve and :plot.", terminal.width, 0)
    more = folded("Python works too; :help lists what there is, TAB completes, Ctrl-D leaves.", terminal.width, 0)
    return f"{first}\n{coloured(more, Tone.FAINT, terminal.depth)}\n"


def open_shell(host: Host, namespace: dict[str, Any], version: str) -> int:
    """Converse until ``:quit`` or Ctrl-D; the exit status."""
    import tempfile

    session = Session(host, namespace)
    terminal = host.terminal()
    folder = private_folder(os.environ)
    with tempfile.TemporaryDirectory(prefix="symnum-") as scratch:
        profile = ProfileDir(location=scratch)
        shell = SessionShell.instance(session, config=_configuration(folder, terminal.depth.value), profile_dir=profile)
        warmth = _Warmth()
        shell._warm = lambda: _warming(warmth)
        sys.stdout.write(greeting(version, terminal))
        if folder is None:
            sys.stdout.write(f"(the folder {config_folder(os.environ)} cannot be written: no history is kept)\n")
        try:
            shell.mainloop()
        finally:
            warmth.stop()
            SessionShell.clear_instance()
    return 0


class _warming(AbstractContextManager[None]):
    """While a prompt waits, modules load."""

    def __init__(self, warmth: _Warmth) -> None:
        self.warmth = warmth

    def __enter__(self) -> None:
        self.warmth.start()

    def __exit__(self, *_: object) -> None:
        return None
