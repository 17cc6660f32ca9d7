"""Imperfect inputs for training: skeletons, terms that are missing or too many, noise.

Skeleton: tokens with every number replaced by ``<PLACEHOLDER>``. With probability 0.15 a term P, P*u_i or P*(u_i*u_j) joins a random equation at a
random slot; with probability 0.15 a term leaves an equation of two or more (Liu, Zhang, Schaeffer 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.formats.prose.words import ODE, PLACEHOLDER, SEPARATOR, Node, parse, split

ADDED, DELETED = 0.15, 0.15


def skeleton(tokens: str | Sequence[str]) -> list[str]:
    """The tokens with ``<PLACEHOLDER>`` in place of every number."""
    equations = [_tokens(tree) for tree in parse(split(tokens), ODE)]
    return _joined(equations)


def corrupted(tokens: str | Sequence[str], rng: np.random.Generator) -> list[str]:
    """The skeleton, and with the probabilities above one term more or one less. Raises ParseError, SolveError for what is no generator."""
    _check_generator(rng)
    trees = [_terms(tree) for tree in parse(split(tokens), ODE)]
    draw = rng.uniform()
    if draw < ADDED:
        _add(trees, len(trees), rng)
    elif draw < ADDED + DELETED:
        _delete(trees, rng)
    return _joined([_sum(terms) for terms in trees])


def noisy(data: NDArray[np.float64], rng: np.random.Generator, level: float = 0.02) -> NDArray[np.float64]:
    """A trajectory (time, dimension) with Gaussian noise, ||noise||_2 about level*||data||_2. Raises SolveError for what are no numbers."""
    _check_generator(rng)
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 <= level < np.inf:
        raise SolveError(f"level={level!r} is no level of noise; write level=0.02")
    try:
        data = np.asarray(data, dtype=np.float64)
    except (TypeError, ValueError):
        raise SolveError(f"data is a {type(data).__name__}, not an array of numbers (time, dimension)") from None
    scale = level * np.linalg.norm(data) / np.sqrt(data.size)
    return np.asarray(data + scale * rng.standard_normal(data.shape))


def _check_generator(rng: object) -> None:
    if not isinstance(rng, np.random.Generator):
        raise SolveError(f"rng={rng!r} is no generator of random numbers; write rng=np.random.default_rng(0)")


_Term = tuple[str, list[str]]  # how it joins ("add", "sub"), and its tokens


def _terms(tree: Node) -> list[_Term]:
    """The summands of an equation, from left to right."""
    found: list[_Term] = []
    while tree.head in ("add", "sub"):
        left, right = tree.arguments
        found.append((tree.head, _tokens(right)))
        tree = left
    return [("add", _tokens(tree)), *reversed(found)]


def _sum(terms: list[_Term]) -> list[str]:
    made = terms[0][1]
    for word, tokens in terms[1:]:
        made = [word, *made, *tokens]
    return made


def _add(trees: list[list[_Term]], variables: int, rng: np.random.Generator) -> None:
    kind = int(rng.integers(3))
    chosen = [f"u_{rng.integers(variables)}" for _ in range(kind)]
    tokens = [PLACEHOLDER] if kind == 0 else ["mul", PLACEHOLDER, *(["mul", *chosen] if kind == 2 else chosen)]
    terms = trees[int(rng.integers(len(trees)))]
    terms.insert(int(rng.integers(len(terms) + 1)), ("add", tokens))


def _delete(trees: list[list[_Term]], rng: np.random.Generator) -> None:
    able = [terms for terms in trees if len(terms) > 1]
    if not able:
        return
    terms = able[int(rng.integers(len(able)))]
    gone = int(rng.integers(len(terms)))
    del terms[gone]
    if gone == 0 and terms[0][0] == "sub":
        terms[0] = ("add", ["neg", *terms[0][1]])


def _tokens(tree: Node) -> list[str]:
    """A tree as tokens again, without its numbers."""
    made: list[str] = []
    open_ = [tree]
    while open_:
        node = open_.pop()
        if node.head in ("number", "placeholder"):
            made.append(PLACEHOLDER)
        elif node.arguments:
            made.append(node.head)
            open_ += reversed(node.arguments)
        else:
            made.append(f"{node.head}_{node.index}")
    return made


def _joined(equations: list[list[str]]) -> list[str]:
    return [t for k, e in enumerate(equations) for t in ([SEPARATOR, *e] if k else e)]
