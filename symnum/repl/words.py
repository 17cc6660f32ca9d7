"""Messages of symnum, which speak of Python, in the words of the session: ``sn.periodic(x)`` is ``periodic x`` here."""

from __future__ import annotations

import re

_SAID = (
    (re.compile(r"sn\.dirichlet\((\w+), ([^,()]+), at=\{(\w+): ([^{}]+)\}\)"), r"`\1 = \2 @ \3=\4`"),
    (re.compile(r"sn\.neumann\((\w+), ([^,()]+), at=\{(\w+): ([^{}]+)\}\)"), r"`∂\3 \1 = \2 @ \3=\4`"),
    (re.compile(r"sn\.(anti)?periodic\((\w+)\)"), r"`\1periodic \2`"),
    (re.compile(r"initial=\{(\w+): \.\.\.\}"), r"`\1(t=0) = ...`"),
    (re.compile(r"write at=\{(\w+): ([^{}]+)\} or at=\{\w+: ([^{}]+)\} \(or at=sn\.[^)]*\), at=sn\.[^)]*\)\)"), r"write `@ \1=\2` or `@ \1=\3`"),
    (re.compile(r"\((method|scheme)=\"(\w+)\" gives"), r"(`:solve \1=\2` gives"),
    (re.compile(r"(?<=write )(method|scheme|order|rtol|max_steps)=\"?([\w.+-]+)\"?"), r"`:solve \1=\2`"),
    (re.compile(r"(?:Write|write) parameters=\{\"(\w+)\": ([\d.e+-]+)\}"), r"type `\1 = \2`"),
)


def in_session_words(message: str) -> str:
    """The message with what can be typed here in place of calls in Python."""
    for pattern, here in _SAID:
        message = pattern.sub(here, message)
    return message
