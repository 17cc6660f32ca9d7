"""Words of the fd dialect for the fields and parameters of a model.

U V X F                     vectors: fields or parameters U_x, U_y (U_z), as sn.vector_field("U", ...) names them
sigma                       a tensor: sigma_xx, sigma_xy, sigma_yx, sigma_yy
u v w h b c f p rho eta ... scalars;  u_0 ... u_4 stand for fields whose names are no words, U V X F likewise for vectors
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from symnum.errors import ModelError, did_you_mean
from symnum.expr.term import Symbol
from symnum.formats.prose.fd_trees import Tree
from symnum.formats.prose.words import FD_NUMBERED, FD_SCALARS, FD_TENSORS, FD_VECTORS

_KINDS = (FD_SCALARS, FD_VECTORS, FD_TENSORS)
_RANKS = ("a scalar", "a vector", "a tensor")


def rank_of(word: str) -> int:
    """0, 1 or 2: what a word of the vocabulary stands for."""
    return next(rank for rank, words in enumerate(_KINDS) if word in words)


class Names:
    """``trees``: symbol -> its word (and component); ``told``: word -> name in the model, in the order of the fields."""

    def __init__(
        self, fields: Iterable[Symbol], kept: Iterable[Symbol], space: tuple[Symbol, ...], wanted: Mapping[str, str]
    ) -> None:
        self.letters = [c.name for c in space]
        self.trees: dict[Symbol, Tree] = {}
        self.told: dict[str, str] = {}
        fields, kept = list(fields), list(kept)
        groups = self._grouped(fields, wanted) | self._grouped(kept, wanted)
        free = {name for name in wanted if name not in groups}
        if free:
            near = did_you_mean(min(free), list(groups))
            raise ModelError(
                f"words names {min(free)!r}, which the model does not have.{near} It has {', '.join(groups)}"
            )
        for name, word in wanted.items():
            if word in self.told:
                raise ModelError(
                    f"words gives {word!r} to {self.told[word]} and to {name}; each needs a word of its own"
                )
            self._assign(self._checked(word, groups[name], name), name, groups[name])
        for name, members in groups.items():
            if name not in wanted and self._fits(name, members) and name not in self.told:
                self._assign(name, name, members)
        for name, members in groups.items():
            if name not in self.told.values():
                if next(iter(members)) in kept:
                    raise ModelError(
                        f'PROSE has no word for the parameter {name}; leave it out of symbolic, or write words={{"{name}": "eta"}}'
                    )
                self._assign(self._spare(members, name), name, members)
        order = {f: k for k, f in enumerate([*fields, *kept])}
        first = {self.trees[s].data[0]: order[s] for s in reversed(order)}
        self.told = dict(sorted(self.told.items(), key=lambda item: first[item[0]]))

    def _grouped(self, symbols: list[Symbol], wanted: Mapping[str, str]) -> dict[str, dict[Symbol, tuple[int, ...]]]:
        """Name -> its symbols with their components."""
        by_name = {s.name: s for s in symbols}
        found: dict[str, dict[Symbol, tuple[int, ...]]] = {}
        for s in symbols:
            for rank in (2, 1):
                base = s.name.rpartition("_")[0]
                indices = list(product(range(len(self.letters)), repeat=rank))
                names = {f"{base}_{''.join(self.letters[i] for i in index)}": index for index in indices}
                if base and s.name in names and all(n in by_name and n not in wanted for n in names):
                    found.setdefault(base, {by_name[n]: index for n, index in names.items()})
                    break
            else:
                found[s.name] = {s: ()}
        return found

    def _fits(self, name: str, members: Mapping[Symbol, tuple[int, ...]]) -> bool:
        return name in _KINDS[len(next(iter(members.values())))]

    def _checked(self, word: Any, members: Mapping[Symbol, tuple[int, ...]], name: str) -> str:
        rank = len(next(iter(members.values())))
        if word not in _KINDS[rank]:
            raise ModelError(
                f"words={{{name!r}: {word!r}}}: {name} is {_RANKS[rank]}; words for it are {', '.join(_KINDS[rank])}"
            )
        return str(word)

    def _spare(self, members: Mapping[Symbol, tuple[int, ...]], name: str) -> str:
        rank = len(next(iter(members.values())))
        known = (FD_NUMBERED, *_KINDS[1:])[rank]
        word = next((w for w in known if w not in self.told), None)
        if word is None:
            raise ModelError(f"PROSE has no word left for {name}, {_RANKS[rank]}; its words are {', '.join(known)}")
        return word

    def _assign(self, word: str, name: str, members: Mapping[Symbol, tuple[int, ...]]) -> None:
        self.told[word] = name
        for symbol, index in members.items():
            self.trees[symbol] = Tree("word", (), (word, index, symbol.kind == "parameter"))
