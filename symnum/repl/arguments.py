"""What stands after a command: words, ``name=value`` pairs and where they were typed.

    "u v t=0.5 'my run.png'"  ->  words u, v, my run.png and the pair t -> 0.5
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from symnum.errors import ParseError, did_you_mean

_WORD = re.compile(
    r"\s*(?:(?P<name>[^\W\d]\w*)\s*=\s*(?P<value>\"[^\"]*\"|'[^']*'|\([^()]*\)|\[[^\[\]]*\]|[^\s=]+)"
    r"|(?P<quoted>\"[^\"]*\"|'[^']*')|(?P<plain>[^\s]+))"
)


@dataclass(frozen=True)
class Word:
    """A word, or the value of ``name``; ``position``: where it begins in the arguments."""

    text: str
    position: int
    name: str = ""


@dataclass(frozen=True)
class Arguments:
    """The words and pairs of one command. ``raw``: as typed, for errors that point into it."""

    raw: str
    words: tuple[Word, ...]
    pairs: tuple[Word, ...]

    def wrong(self, message: str, word: Word | None = None) -> ParseError:
        """An error that points at a word (or behind the last one)."""
        return ParseError(message, self.raw or " ", len(self.raw.rstrip()) if word is None else word.position)

    def completed(self, known: Iterable[str]) -> Arguments:
        """The same with names written out of which only a beginning was typed: ``res=100`` -> ``resolution=100``."""
        names = list(dict.fromkeys(known))

        def full(name: str) -> str:
            longer = [other for other in names if other.startswith(name)]
            return longer[0] if len(longer) == 1 and len(name) > 1 and name not in names else name

        return Arguments(self.raw, self.words, tuple(Word(pair.text, pair.position, full(pair.name)) for pair in self.pairs))

    def check_names(self, command: str, known: Iterable[str]) -> None:
        """Refuse a pair whose name the command does not have."""
        names = list(known)
        for pair in self.pairs:
            if pair.name not in names:
                listed = f" It takes {', '.join(names)}." if names else " It takes none."
                raise self.wrong(
                    f":{command} has no option {pair.name!r}.{did_you_mean(pair.name, names)}{listed}", self._name_of(pair)
                )

    def _name_of(self, pair: Word) -> Word:
        return Word(pair.name, self.raw.rfind(pair.name, 0, pair.position))

    def refuse_words(self, command: str, usage: str) -> None:
        """Refuse words where only pairs are taken."""
        if self.words:
            raise self.wrong(f":{command} does not take {self.words[0].text!r}; usage: {usage}", self.words[0])

    def get(self, name: str) -> Word | None:
        """The value of the last pair of that name."""
        return next((pair for pair in reversed(self.pairs) if pair.name == name), None)

    def number(self, word: Word, what: str) -> float:
        """A number: 0.1, 1e-6, also a constant such as 2*pi or 1/3."""
        try:
            return _constant(word.text)
        except ValueError:
            raise self.wrong(f"{what} is {word.text!r}, which is no number; write for instance {what}=0.1", word) from None

    def whole(self, word: Word, what: str) -> int:
        """A positive whole number."""
        if not word.text.isdecimal() or int(word.text) < 1:
            raise self.wrong(f"{what} is {word.text!r}, expected a positive whole number such as {what}=128", word)
        return int(word.text)

    def numbers(self, word: Word, what: str) -> list[float]:
        """``0.5`` or ``(0, 0.5, 1)`` or ``0,0.5,1``."""
        parts = word.text.strip("()[]").split(",")
        made = [self.number(Word(part.strip(), word.position), what) for part in parts if part.strip()]
        if not made:
            raise self.wrong(f"{what} is {word.text!r}, expected a number such as {what}=0.5 or several, {what}=(0, 0.5, 1)", word)
        return made


def arguments_of(text: str) -> Arguments:
    """Split what was typed after a command."""
    words, pairs, position = [], [], 0
    end = len(text.rstrip())
    while position < end:
        match = _WORD.match(text, position)
        assert match is not None  # the last alternative takes whatever is left
        kind = next(k for k in ("name", "quoted", "plain") if match[k] is not None)
        if kind == "name":
            pairs.append(Word(_unquoted(match["value"]), match.start("value"), match["name"]))
        else:
            words.append(Word(_unquoted(match[kind]), match.start(kind)))
        position = match.end()
    return Arguments(text, tuple(words), tuple(pairs))


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _constant(text: str) -> float:
    """A constant in symnum's grammar. ValueError where it is none."""
    try:
        return float(text)
    except ValueError:
        pass
    from symnum.errors import SymnumError
    from symnum.expr.parse import parse
    from symnum.model.numeric import evaluate

    try:
        return float(evaluate(parse(text.replace("π", "pi"))))
    except (SymnumError, TypeError) as error:
        raise ValueError(text) from error


def value_of(word: Word, arguments: Arguments, kinds: Mapping[str, Callable[[Arguments, Word, str], Any]]) -> Any:
    """The value of a pair in the kind that its option asks for; text where nothing is said."""
    kind = kinds.get(word.name)
    return word.text if kind is None else kind(arguments, word, word.name)
