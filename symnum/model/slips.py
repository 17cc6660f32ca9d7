"""What people write in place of a model's text, and what to write instead; messages about models in the words of a text.

::

    u(0) = 1, u(t, 0) = 1, u(x=0) = 1     condition "u = 1 @ x=0"
    u(0, x) = sin(x), u = sin(x) @ t=0    initial "u = sin(x)"
"""

from __future__ import annotations

import re
from collections.abc import Collection

_CALLED = re.compile(r"\s*(\w+)\s*\(([^()]*)\)\s*=(?!=)(.+)", re.DOTALL)

_SAID = (  # calls in Python, which messages about models speak of -> the same as text
    (re.compile(r"sn\.dirichlet\((\w+), ([^,()]+), at=\{(\w+): ([^{}]+)\}\)"), r"`\1 = \2 @ \3=\4`"),
    (re.compile(r"sn\.(anti)?periodic\((\w+)\)"), r"`\1periodic \2`"),
    (
        re.compile(r"at=\{(\w+): ([^{}]+)\} or at=\{\w+: ([^{}]+)\} \(or at=sn\.[^)]*\), at=sn\.[^)]*\)\)"),
        r"`@ \1=\2` or `@ \1=\3`",
    ),
    (re.compile(r"initial=\{(\w+): sn\.sin\(x\)\}"), r'initial=["\1 = sin(x)"]'),
    (re.compile(r"sn\.Eq\(sn\.dt\((\w+)\), \.\.\.\)"), r"`dt(\1) = ...`"),
    (re.compile(r'make it a parameter: (\w+) = sn\.parameter\("\w+", ([\d.]+)\)'), r'write parameters={"\1": \2}'),
)


def in_words_of_text(message: str) -> str:
    """A message about a model with what can be written in a text in place of calls in Python."""
    for pattern, said in _SAID:
        message = pattern.sub(said, message)
    return message


def condition_meant(text: str, fields: Collection[str], coordinates: list[str], time: str) -> tuple[str, str] | None:
    """``u(t, 0) = 1`` as ("u = 1", "x=0"): the equation and the place ("" where it cannot be told). None for other texts."""
    match = _CALLED.fullmatch(text)
    if match is None or match[1] not in fields:
        return None
    stated, where = f"{match[1]} = {match[3].strip()}", ""
    given = [part.strip() for part in match[2].split(",")]
    places = [part for part in given if part not in coordinates]
    space = [c for c in coordinates if c != time]
    if len(places) == 1 and "=" in places[0]:
        where = places[0].replace(" ", "")
    elif len(places) == 1 and len(space) == 1:
        where = f"{space[0]}={places[0]}"
    elif len(places) == 1 and len(given) == len(coordinates):
        where = f"{coordinates[given.index(places[0])]}={places[0]}"
    return stated, where


def start_meant(text: str, fields: Collection[str]) -> str | None:
    """``u(0, x) = sin(x)`` and ``u = sin(x) @ t=0`` as "u = sin(x)"; None for other texts."""
    stated, mark, _ = text.partition("@")
    match = _CALLED.fullmatch(stated)
    if match is not None and match[1] in fields:
        return f"{match[1]} = {match[3].strip()}"
    return stated.strip() if mark else None
