"""A typed text cut into its parts: one token list a statement, at commas, semicolons and ends of lines outside brackets."""

from __future__ import annotations

from symnum.repl.tokens import Token

ARROWS = frozenset({"->", "<->", "=>", "<=>"})
_OPEN, _CLOSE = frozenset("([{⌊⌈"), frozenset(")]}⌋⌉")
_GO_ON = ARROWS | frozenset("+-*/^=,·×<>∈@∂∇√∫∧∨([{⌊⌈:") | {"<=", ">=", "==", "!=", ".."}


def unfinished_tokens(tokens: list[Token]) -> bool:
    """True where a bracket is open or the last token asks for more."""
    depth, last = 0, None
    for token in tokens:
        if token.kind == "op":
            depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if token.kind not in ("newline", "end"):
            last = token
    return depth > 0 or (last is not None and last.kind == "op" and last.text in _GO_ON)


def parts(tokens: list[Token]) -> list[list[Token]]:
    """The statements of a text, each ended by an "end" token. A line goes on after an operator and inside brackets."""
    made: list[list[Token]] = []
    current: list[Token] = []
    depth = 0
    for token in tokens:
        if token.kind == "op":
            depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if token.kind == "newline":
            going_on = current and current[-1].kind == "op" and current[-1].text in _GO_ON
            if depth > 0 or going_on:
                continue
        ends = token.kind in ("newline", "end") or (depth <= 0 and token.kind == "op" and token.text in (",", ";"))
        if not ends:
            current.append(token)
            continue
        if current:
            made.append([*current, Token("end", "", token.position, token.position, token.spaced)])
        elif token.text == "," and made:
            made.append(
                [Token("end", "", token.position, token.position, False)]
            )  # two commas: refused where it is read
        current = []
    return made


def top_level(part: list[Token], *texts: str) -> int | None:
    """Index of the last operator of these texts outside brackets."""
    depth, found = 0, None
    for index, token in enumerate(part):
        if token.kind != "op":
            continue
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if not depth and token.text in texts:
            found = index
    return found


def ended(part: list[Token], start: int, stop: int) -> list[Token]:
    """Tokens ``start`` to ``stop`` as a part of its own."""
    last = part[stop]
    return [*part[start:stop], Token("end", "", last.position, last.position, last.spaced)]
