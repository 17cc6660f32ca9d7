"""Names and values at the border of the model: what users type becomes symbols and terms here, or a named error."""

from __future__ import annotations

import keyword
from collections.abc import Iterable
from typing import Any

from symnum.errors import ModelError, TermError
from symnum.expr.term import Term, as_term

_RESERVED = frozenset({"and", "or", "not", "true", "false", "pi", "π"})


def check_name(name: Any, what: str) -> str:
    """The name if it is an identifier that text models can hold, else ModelError."""
    if not isinstance(name, str):
        raise ModelError(f"the name of a {what} is text, not {name!r} of type {type(name).__name__}")
    if not name.isidentifier() or keyword.iskeyword(name) or name in _RESERVED:
        raise ModelError(
            f"{name!r} cannot name a {what}: a name is a letter followed by letters, digits or '_', such as 'u' or "
            "'k_1'"
        )
    return name


def split_names(names: Any, what: str) -> list[str]:
    """``"t x y"``, ``"t, x, y"`` or a sequence of names as a list; empty or repeated names raise ModelError."""
    if isinstance(names, str):
        found = names.replace(",", " ").split()
    elif isinstance(names, Iterable) and not isinstance(names, Term):
        found = list(names)
    else:
        raise ModelError(f'expected names such as "u v", got {names!r} of type {type(names).__name__}')
    if not found:
        raise ModelError(f"no name given; write the names of the {what}s in one text, separated by spaces")
    for name in found:
        check_name(name, what)
        if found.count(name) > 1:
            raise ModelError(f"the {what} {name!r} is named twice; write each name once")
    return found


def to_term(value: Any, where: str, hint: str = "") -> Term:
    """``value`` as a term. ``where`` says in the error what the value is for; ``hint`` the line to write instead."""
    tail = f" {hint}" if hint else ""
    if isinstance(value, str):
        tail = (
            tail
            or " Write it with sn.coordinates, sn.fields and Python operators, "
            "or give the whole model to sn.PDESystem.from_text."
        )
        raise ModelError(f"{where} is the text {value!r}, expected a term or a number.{tail}")
    if isinstance(value, bool):
        tail = tail or " '==' between terms is identity and gives a truth value: write sn.Eq(left, right)."
        raise ModelError(f"{where} is the truth value {value}, expected a term or a number.{tail}")
    try:
        if is_sympy(value):
            from symnum.expr.sympy import from_sympy

            return from_sympy(value)
        return as_term(value)
    except TermError as error:
        reason = "" if "is not a real number or a term" in str(error) else f": {str(error).rstrip('.')}"
        seen = f"{_short(value)} of type {type(value).__name__}"
        raise ModelError(f"{where} is {seen}, expected a term or a number{reason}.{tail}") from None


def is_sympy(value: Any) -> bool:
    """True for SymPy objects, without importing SymPy (the class of an applied function has no module of its own)."""
    return any((cls.__module__ or "").partition(".")[0] == "sympy" for cls in type(value).__mro__)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def listed(names: Iterable[str], last: str = "and") -> str:
    """``a, b and c``."""
    found = list(names)
    if len(found) <= 1:
        return "".join(found)
    return f"{', '.join(found[:-1])} {last} {found[-1]}"


def count(n: int, noun: str) -> str:
    """``1 condition``, ``2 conditions``."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
