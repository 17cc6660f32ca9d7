"""The commands of the session, one file each: ``:solve`` is ``solve.py``.

A command's file has a docstring (its first line is the help line), ``USAGE``, ``OPTIONS`` (name -> what it is), ``EXAMPLE`` and
``run(session, arguments) -> Output``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING

from symnum.catalogue import Catalogue
from symnum.errors import ParseError, SymnumError, did_you_mean
from symnum.repl.arguments import arguments_of
from symnum.repl.statement_kinds import Command

if TYPE_CHECKING:
    from symnum.repl.render import Output
    from symnum.repl.session import Session

ALIASES = {"q": "quit", "exit": "quit", "h": "help", "models": "model", "?": "help"}


def commands() -> Catalogue:
    """All commands by name; listing them imports nothing."""
    return Catalogue("command", package="symnum.repl.commands")


def full_name(name: str) -> str:
    """The command that a word means: its name, an alias, or a beginning that only one command has. Raises ParseError."""
    known = commands().names()
    if name in known:
        return name
    if name in ALIASES:
        return ALIASES[name]
    beginning = [other for other in known if name and other.startswith(name)]
    if len(beginning) == 1:
        return beginning[0]
    if beginning:
        raise ParseError(f":{name} may be {' or '.join(':' + other for other in beginning)}; type one of them", f":{name}", 1)
    raise ParseError(f"there is no command :{name}.{did_you_mean(name, known)} `:help` lists them", f":{name}", 1)


def _options(session: Session, module: ModuleType) -> list[str]:
    """The options whose beginnings will do; :set has those of :solve, after the model's parameters."""
    own: Mapping[str, str] = getattr(module, "SOLVE", module.OPTIONS)
    return [*own, *session.draft.parameters(), *session.draft.values]


def run_command(session: Session, command: Command) -> Output:
    """Run one command. Raises ParseError with the arguments as text for what is wrong in them, SymnumError for all else."""
    module = commands().load(full_name(command.name))
    arguments = arguments_of(command.arguments).completed(_options(session, module))
    try:
        output: Output = module.run(session, arguments)
    except ParseError:
        raise
    except SymnumError as error:
        told = next((pair for pair in arguments.pairs if repr(pair.text) in str(error)), None)
        if told is None:
            raise
        raise arguments.wrong(str(error), told) from error
    return output
