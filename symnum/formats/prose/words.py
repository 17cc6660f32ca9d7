"""The vocabularies of PROSE, and a strict reader of prefix notation: tokens -> expression trees with positions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from symnum.errors import ParseError, SolveError, did_you_mean
from symnum.formats.prose.constants import decoded

SEPARATOR, PLACEHOLDER = "|", "<PLACEHOLDER>"
LONGEST, GENERATED = 510, 148  # tokens of a system; what the reference's text generation reaches

_VARIABLE = re.compile(r"u_(0|[1-9][0-9]{0,8})\Z")
_LEAF = re.compile(r"u(|t|tt|x|xx|xxx|xxxx)_(0|[1-9][0-9]{0,8})\Z")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,8})\Z")


@dataclass(frozen=True)
class Dialect:
    """``arity``: operator -> number of arguments; ``integers``: the greatest whole number with a token of its own."""

    name: str
    arity: dict[str, int]
    integers: int
    derivatives: bool
    words: tuple[str, ...] = ()  # variables that have names


ODE = Dialect(
    "ode", {"add": 2, "sub": 2, "mul": 2, "div": 2, "neg": 1, "inv": 1, "sin": 1, "cos": 1, "pow2": 1}, 10, False
)
PDE = Dialect("pde", ODE.arity | {"pow": 2, "pow3": 1}, 20, True)
FD_NUMBERED = tuple(f"u_{k}" for k in range(5))
FD_SCALARS = (
    *("u", "v", "w", "h", "b", "c", "f", "p", "rho", "eta", "zeta", "g"), *FD_NUMBERED, *(f"v_{k}" for k in range(5))
)  # fmt: skip
FD_VECTORS, FD_TENSORS = ("U", "V", "X", "F"), ("sigma",)
FD_CONSTANTS = ("g", "eta", "zeta")  # gravity, viscosities: no fields, unless they have a rate
FD_BOUNDARIES = ("periodic", "dirichlet", "neumann", "dirichlet_irreg")
TAIL = "--"  # before the words of the boundaries
FD = Dialect(
    "fd",
    PDE.arity | dict.fromkeys(("dt", "dx", "dy", "dz", "D", "D2", "diverg"), 1),
    20,
    False,
    (*FD_SCALARS, *FD_VECTORS, *FD_TENSORS, "x"),
)
DIALECTS = {d.name: d for d in (ODE, PDE, FD)}


def did_you_mean_dialect(name: object) -> str:
    """The sentence for a dialect that is not there."""
    return (
        f"dialect={name!r} is not known.{did_you_mean(str(name), DIALECTS)} PROSE has {', '.join(map(repr, DIALECTS))}"
    )


def check_dimension(dimension: Any) -> None:
    """Raises SolveError unless it is a positive whole number or None."""
    if dimension is not None and (not isinstance(dimension, int) or isinstance(dimension, bool) or dimension < 1):
        raise SolveError(f"dimension={dimension!r} is no number of variables; write dimension=3, or leave it out")


@dataclass(frozen=True)
class Node:
    """A tree: ``head`` is an operator, "number" (``value``), "placeholder", "x", or a leaf such as "u", "uxx" with its ``index``."""

    head: str
    position: int
    arguments: tuple[Node, ...] = ()
    value: float | int = 0
    index: int = 0


def split(tokens: str | Sequence[str]) -> list[str]:
    """Tokens as a list; text is split at spaces. Raises ParseError for what is not text."""
    if isinstance(tokens, str):
        return tokens.split()
    if not isinstance(tokens, Iterable):
        raise ParseError(f"tokens are a list of texts, or text with spaces between them; got {tokens!r}")
    listed = list(tokens)
    for k, token in enumerate(listed):
        if not isinstance(token, str):
            raise ParseError(f"token {k} is {token!r}; tokens are texts such as 'add', 'u_0', '+', 'N100', 'E-2'")
    return listed


def parse(tokens: Sequence[str], dialect: Dialect, dimension: int | None = None) -> list[Node]:
    """One tree an equation, from tokens with ``|`` between equations.

    Raises ParseError with the position (0-based) of the first token that is wrong: unknown words, a cut constant, too few or too many
    tokens in an equation, an empty equation, a variable ``u_i`` with i >= dimension (None: any).
    """
    if not tokens:
        raise wrong(tokens, 0, "there are no tokens; expected an equation such as 'neg u_0'")
    trees: list[Node] = []
    start = 0
    while start <= len(tokens):
        stop = next((k for k in range(start, len(tokens)) if tokens[k] == SEPARATOR), len(tokens))
        if start == stop:
            raise wrong(
                tokens,
                min(start, len(tokens) - 1),
                f"equation {len(trees)} is empty; '|' stands between equations only",
            )
        tree, end = _Reader(tokens, stop, dialect, dimension).tree(start)
        if end != stop:
            raise wrong(
                tokens, end, f"equation {len(trees)} is complete before this token; join its parts with add, sub or mul"
            )
        trees.append(tree)
        start = stop + 1
    return trees


class _Reader:
    """Prefix notation between two separators, without recursion: equations may be 510 tokens deep."""

    def __init__(self, tokens: Sequence[str], stop: int, dialect: Dialect, dimension: int | None) -> None:
        self.tokens, self.stop, self.dialect, self.dimension = tokens, stop, dialect, dimension

    def tree(self, start: int) -> tuple[Node, int]:
        open_: list[tuple[str, int, list[Node]]] = []  # operators that wait for arguments
        k = start
        while True:
            if k >= self.stop:
                name, place, _ = open_[-1]
                need = self.dialect.arity[name]
                raise wrong(
                    self.tokens,
                    place,
                    f"{name} takes {need} argument{'s' * (need > 1)}; the equation ends before they do",
                )
            if self.tokens[k] in self.dialect.arity:
                open_.append((self.tokens[k], k, []))
                k += 1
                continue
            node, k = self.leaf(k)
            while open_:
                name, place, given = open_[-1]
                given.append(node)
                if len(given) < self.dialect.arity[name]:
                    break
                open_.pop()
                node = Node(name, place, tuple(given))
            else:
                return node, k

    def leaf(self, k: int) -> tuple[Node, int]:
        word = self.tokens[k]
        if word in ("+", "-"):
            return self.constant(k)
        if word == PLACEHOLDER:
            return Node("placeholder", k), k + 1
        if _INTEGER.match(word):
            if abs(int(word)) > self.dialect.integers or word == "-0":
                limit = self.dialect.integers
                raise wrong(
                    self.tokens,
                    k,
                    f"whole numbers go from -{limit} to {limit}; write {word} as a constant, such as + N123 E1",
                )
            return Node("number", k, value=int(word)), k + 1
        if word in self.dialect.words or (self.dialect.derivatives and word == "x"):
            return Node(word, k), k + 1
        if self.dialect.words:
            raise wrong(self.tokens, k, self._unknown(word))
        found = (_LEAF if self.dialect.derivatives else _VARIABLE).match(word)
        if found:
            index = int(found[found.lastindex or 1])
            if self.dimension is not None and index >= self.dimension:
                raise wrong(self.tokens, k, f"there are {self.dimension} variables, u_0 to u_{self.dimension - 1}")
            return Node(word.partition("_")[0], k, index=index), k + 1
        raise wrong(self.tokens, k, self._unknown(word))

    def constant(self, k: int) -> tuple[Node, int]:
        words = self.tokens[k : min(k + 3, self.stop)]
        if len(words) < 3:
            raise wrong(
                self.tokens, k, "a constant is three tokens, sign, mantissa, exponent (+ N100 E-2); this one is cut"
            )
        try:
            return Node("number", k, value=decoded(*words)), k + 3
        except ValueError as found:
            raise wrong(
                self.tokens, k, f"in a constant, {found}; expected sign, mantissa, exponent (+ N100 E-2)"
            ) from None

    def _unknown(self, word: str) -> str:
        known = [
            *self.dialect.arity,
            *(self.dialect.words or ("u_0",)),
            *(("ut_0", "utt_0", "ux_0", "uxx_0", "uxxx_0", "uxxxx_0", "x") if self.dialect.derivatives else ()),
        ]
        if word[:1] in "NE" and len(word) > 1 and word[1:].lstrip("-").isdigit():
            return f"{word!r} stands outside a constant; a constant begins with its sign (+ N100 E-2)"
        return (
            f"unknown word {word!r}.{did_you_mean(word, known)} The {self.dialect.name} dialect has {', '.join(known)}"
        )


def wrong(tokens: Sequence[str], position: int, message: str) -> ParseError:
    before = " ".join(tokens[:position])
    column = len(before) + (1 if before else 0)
    made = ParseError(f"token {position}: {message}", " ".join(tokens), column)
    made.position = position
    return made
