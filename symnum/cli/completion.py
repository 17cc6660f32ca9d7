"""``symnum completion SHELL``: a script that completes commands, options, models and method names in a shell.

shtab writes the script from the parser. What options take, such as the names of models, is listed when the script is made, so
that pressing TAB starts no Python; make it again after an upgrade.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterable
from typing import Any

from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import BackendUnavailable, UnknownName, did_you_mean

SHELLS = ("bash", "zsh", "fish")
_WHERE = {
    "bash": "symnum completion bash > ~/.local/share/bash-completion/completions/symnum",
    "zsh": 'symnum completion zsh > "${fpath[1]}/_symnum"',
    "fish": "symnum completion fish > ~/.config/fish/completions/symnum.fish",
}
_FILES = ("out", "plot", "net")  # destinations of options that take a path


def completion(arguments: argparse.Namespace) -> int:
    """Print the script; where it belongs is in ``symnum completion --help``. Status 0."""
    print(script(arguments.shell))
    return 0


def script(shell: str) -> str:
    """The script for ``shell``: bash, zsh or fish. Raises UnknownName for another, BackendUnavailable where shtab is missing."""
    if shell not in SHELLS:
        raise UnknownName(
            f"there is no completion for {shell!r}.{did_you_mean(shell, SHELLS)} Write symnum completion {SHELLS[0]}."
        )
    try:
        import shtab
    except ImportError as error:
        raise BackendUnavailable("symnum completion needs the package shtab: pip install shtab") from error
    from symnum.cli.parser import _parser

    parser, _ = _parser()
    for command in _commands(parser):
        for action in command._actions:
            taken = _taken(action.dest, command.prog.split()[-1])
            if taken is not None:
                action.complete = taken  # type: ignore[attr-defined]  # what shtab reads
            elif action.dest in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell=shell))


def where(shell: str) -> str:
    """The line that puts the script where the shell looks for it."""
    return _WHERE[shell]


def _commands(parser: argparse.ArgumentParser) -> Iterable[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()


def _taken(destination: str, command: str) -> dict[str, Any] | None:
    """Words that an argument takes, as shtab wants them; None where it takes others."""
    if command == "bench" and destination == "name":
        return _words("benches", _benches())
    known: dict[str, tuple[Callable[[], Iterable[str]], bool]] = {
        "model": (_models, True),
        "method": (_methods, False),
        "backend": (_backends, False),
        "scheme": (_schemes, False),
        "target": (_targets, False),
        "format": (_formats, False),
    }
    if destination not in known:
        return None
    words, files = known[destination]
    return _words(f"{destination}s", words(), files)


def _words(name: str, words: Iterable[str], files: bool = False) -> dict[str, Any]:
    """A function of the shell that offers ``words``, and files beside them."""
    listed = " ".join(shlex.quote(word) for word in words)
    function = f"_symnum_{name}"
    bash = (
        f"{function}() {{\n  compgen -W {shlex.quote(listed)} -- $1\n" + ("  compgen -f -- $1\n" if files else "") + "}"
    )
    zsh = f"{function}() {{\n  compadd -- {listed}\n" + ("  _files\n" if files else "") + "}"
    fish = f"function {function}\n  printf '%s\\n' {listed}\n" + ("  __fish_complete_path\n" if files else "") + "end"
    preamble = {"bash": bash, "zsh": zsh, "fish": fish}
    return {"bash": function, "zsh": function, "fish": f"({function})", "preamble": preamble}


def _models() -> Iterable[str]:
    return Catalogue("model", folder=shipped_folder("models"))


def _benches() -> Iterable[str]:
    return Catalogue("benchmark", folder=shipped_folder("benchmarks"))


def _methods() -> Iterable[str]:
    from symnum.pipeline import integrators

    return [name for methods in integrators().values() for name in methods]


def _backends() -> Iterable[str]:
    return Catalogue("backend", package="symnum.solvers.backends")


def _schemes() -> Iterable[str]:
    return Catalogue("scheme", package="symnum.discretisation.schemes")


def _targets() -> Iterable[str]:
    return Catalogue("target", package="symnum.codegen.targets")


def _formats() -> Iterable[str]:
    from symnum.exchange import names

    return names()
