"""what works on this machine, and how to install the rest"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.errors import ModelError
from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":doctor"
EXAMPLE = ":doctor"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """The report of `symnum doctor`."""
    arguments.refuse_words("doctor", USAGE)
    if session.host.doctor is None:
        raise ModelError("this session has no doctor; type `symnum doctor` in a shell")
    return [Text(session.host.doctor().rstrip("\n"), indent=None)]
