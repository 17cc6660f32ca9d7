"""the model, or an expression, as LaTeX"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":latex [EXPRESSION]"
EXAMPLE = ":latex d(u^2, x)"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """LaTeX in mathematics mode, no dollar signs."""
    from symnum.repl.commands.simplify import terms

    if arguments.raw.strip():
        from symnum.expr.show import latex

        return [Text(latex(term), indent=None) for _, term in terms(session, arguments, arguments.raw)]
    with session.noting([]):
        return [Text(session.built().system.latex(), indent=None)]
