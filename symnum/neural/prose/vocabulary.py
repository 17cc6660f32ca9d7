"""Words of PROSE as whole numbers, for one greatest dimension D.

    <PAD> <START> <END> <PLACEHOLDER>  |  operators  u_0 ... u_{D-1}  + -  -10 ... 10  N000 ... N999  E-10 ... E10

The numbers are this vocabulary's own: files hold words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from symnum.errors import ParseError, SolveError, did_you_mean
from symnum.formats.prose.words import ODE, PLACEHOLDER, SEPARATOR

PAD, START, END = 0, 1, 2
_OCTAVES = 8  # waves over the mantissas: 1, 2, 4, ..., 128


class Vocabulary:
    """``encode`` and ``decode``: words to numbers and back, for systems of at most ``dimension`` equations."""

    def __init__(self, dimension: int) -> None:
        if isinstance(dimension, bool) or not isinstance(dimension, int) or not 1 <= dimension <= 99:
            raise SolveError(f"dimension={dimension!r} is no number of variables from 1 to 99; write dimension=3")
        self.dimension = dimension
        self.words: tuple[str, ...] = (
            *("<PAD>", "<START>", "<END>", PLACEHOLDER, SEPARATOR),
            *ODE.arity,
            *(f"u_{k}" for k in range(dimension)),
            *("+", "-"),
            *(str(k) for k in range(-ODE.integers, ODE.integers + 1)),
            *(f"N{k:03d}" for k in range(1000)),
            *(f"E{k}" for k in range(-10, 11)),
        )
        self.number = {word: k for k, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Numbers of the words. Raises ParseError with the position of a word that there is not."""
        found = [self.number.get(word, PAD) for word in tokens]
        if PAD in found:
            place = found.index(PAD)
            word = tokens[place]
            hint = did_you_mean(str(word), self.words[3:])
            wrong = ParseError(f"token {place}: {word!r} is no word for {self.dimension} variables.{hint}")
            wrong.position = place
            raise wrong
        return found

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Words up to the end; ``<START>`` and ``<PAD>`` are left out."""
        found = []
        for k in numbers:
            if k == END:
                break
            if k not in (PAD, START):
                found.append(self.words[k])
        return found

    @cached_property
    def waves(self) -> np.ndarray:
        """(words, 2*8): sin and cos of 2 pi 2^k m/1000 for the mantissa ``N<m>``, 0 for other words: near numbers get near vectors."""
        made = np.zeros((len(self), 2 * _OCTAVES))
        first = self.number["N000"]
        angles = 2 * np.pi * np.outer(np.arange(1000) / 1000, 2.0 ** np.arange(_OCTAVES))
        made[first : first + 1000] = np.hstack([np.sin(angles), np.cos(angles)])
        return made

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Vocabulary) and other.words == self.words

    __hash__ = None  # type: ignore[assignment]
