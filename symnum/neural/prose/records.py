"""Records of ``sn.datasets.prose`` as tensors, and batches of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from symnum.datasets.generation import records
from symnum.datasets.prose_families import POINTS
from symnum.errors import FileError, ParseError, SolveError
from symnum.formats.prose.words import LONGEST
from symnum.neural.prose.vocabulary import END, PAD, START, Vocabulary

WRITE = "sn.datasets.prose(families, path, n, noise=0.02, corruption=True)"


@dataclass
class ProseSet:
    """n records in memory, float32.

    Attributes:
        data: (n, 192, D), zero for variables that a record lacks. noisy: (n, points, D), what a model is given. dimensions: (n,).
        skeletons, written: (n, longest), numbers of words, padded with 0; ``written`` goes from START to END.
        types: the family of each. tokens: the words of each system, as the file has them.
        symbols: the field that the skeletons are from. truth: whether data and written are known.
    """

    data: Tensor
    noisy: Tensor
    dimensions: Tensor
    skeletons: Tensor
    written: Tensor
    types: list[str]
    tokens: list[list[str]] = field(repr=False)
    symbols: str = "tree_skeleton"
    truth: bool = True

    def __len__(self) -> int:
        return len(self.types)

    def __getitem__(self, at: Any) -> ProseSet:
        """The records at these places: a slice, or a tensor of numbers."""
        places = torch.arange(len(self))[at].reshape(-1)
        listed = places.tolist()
        return ProseSet(
            self.data[places],
            self.noisy[places],
            self.dimensions[places],
            self.skeletons[places],
            self.written[places],
            [self.types[k] for k in listed],
            [self.tokens[k] for k in listed],
            self.symbols,
            self.truth,
        )

    def without(self, others: ProseSet) -> ProseSet:
        """The records whose equations, with their constants, are none of the others'."""
        taken = {tuple(tokens) for tokens in others.tokens}
        return self[torch.tensor([k for k, t in enumerate(self.tokens) if tuple(t) not in taken], dtype=torch.long)]


def record_set(given: Any, vocabulary: Vocabulary, points: int, symbols: str, truth: bool = True) -> ProseSet:
    """A file, records, or a set as it is.

    symbols: the field that the symbol encoder reads ("": none). truth: "data" and "tree_encoded" are needed too; otherwise they may lack, and are
    zero and empty then. Raises FileError, with the line, for records that lack noisy values or that
    field, that have other times or more variables than the vocabulary; ParseError for a word that is none; SolveError for what are no records.
    """
    if isinstance(given, ProseSet):
        here, wanted = (given.symbols, *given.noisy.shape[1:]), (symbols, points, vocabulary.dimension)
        if here != wanted or truth > given.truth:
            raise SolveError(
                f"the set was read with (symbols, points, dimension) = {here}, the learner has {wanted}, or its truth is not known; "
                "write learner.records(path)"
            )
        return given
    where = f"{os.fspath(given)!r}, line" if isinstance(given, (str, os.PathLike)) else "record"
    source: Any = records(given) if isinstance(given, (str, os.PathLike)) else given
    if isinstance(source, Mapping):
        source = [source]
    if not isinstance(source, Iterable):
        raise SolveError(
            f"records are a path, or a list of dictionaries as sn.datasets.records gives them; got {given!r}"
        )
    rows = [_row(record, f"{where} {k}", vocabulary, points, symbols, truth) for k, record in enumerate(source, 1)]
    if not rows:
        raise FileError(f"there are no records in {given!r}; write some: {WRITE}")
    data, noisy, dimensions, skeletons, written, types, tokens = zip(*rows, strict=True)
    return ProseSet(
        torch.stack(data),
        torch.stack(noisy),
        torch.tensor(dimensions),
        padded(skeletons),
        padded(written),
        [*types],
        [*tokens],
        symbols,
        truth,
    )


def padded(rows: Iterable[list[int]]) -> Tensor:
    """(rows, longest) numbers, 0 after the end of each."""
    return torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(row, dtype=torch.long) for row in rows], batch_first=True, padding_value=PAD
    )


def _row(record: Any, where: str, vocabulary: Vocabulary, points: int, symbols: str, truth: bool) -> tuple[Any, ...]:
    if not isinstance(record, Mapping):
        raise SolveError(
            f"{where} is a {type(record).__name__}, not a dictionary with data_noisy, {symbols or 'tree_encoded'}, ..."
        )
    needed = ["data_noisy", *(["data", "tree_encoded"] if truth else []), *([symbols] if symbols else [])]
    for name in needed:
        if name not in record:
            raise FileError(f"{where} has no {name!r}; write the file with {WRITE}")
    noisy = _values(record["data_noisy"], f"{where}, data_noisy", points)
    data = (
        _values(record["data"], f"{where}, data", POINTS)
        if truth
        else np.zeros((POINTS, noisy.shape[1]), dtype=np.float32)
    )
    dimension = noisy.shape[1]
    if data.shape[1] != dimension:
        raise FileError(f"{where}: data has {data.shape[1]} variables, data_noisy {dimension}; they must be alike")
    if dimension > vocabulary.dimension:
        raise FileError(
            f"{where} has {dimension} variables, the learner {vocabulary.dimension}; write ProseLearner(dimension={dimension})"
        )
    if truth and not np.abs(data[points:]).max() > 0:
        raise FileError(
            f"{where}: all values after the given ones are zero, so there is no relative error; leave the record out"
        )
    more = ((0, 0), (0, vocabulary.dimension - dimension))
    tokens = list(record["tree_encoded"]) if truth else []
    return (
        torch.from_numpy(np.pad(data[:POINTS], more)),
        torch.from_numpy(np.pad(noisy[:points], more)),
        dimension,
        _words(record[symbols], f"{where}, {symbols}", vocabulary) if symbols else [],
        [START, *(_words(tokens, f"{where}, tree_encoded", vocabulary) if truth else []), END],
        str(record.get("type", "")),
        tokens,
    )


def _values(given: Any, where: str, least: int) -> np.ndarray:
    """(times, variables), as float32."""
    try:
        values = np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError):
        values = np.zeros(0, dtype=np.float32)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise FileError(f"{where}: no table of finite numbers (times, variables)")
    if len(values) < least:
        raise FileError(f"{where} has {len(values)} times; {least} are needed, as {WRITE} gives them")
    return values


def _words(tokens: Any, where: str, vocabulary: Vocabulary) -> list[int]:
    if not isinstance(tokens, (list, tuple)) or not 0 < len(tokens) <= LONGEST:
        raise FileError(f"{where}: tokens are a list of 1 to {LONGEST} words, got {tokens!r:.60}")
    try:
        return vocabulary.encode(tokens)
    except ParseError as wrong:
        made = ParseError(f"{where}, {wrong}")
        made.position = wrong.position
        raise made from None


class Batches:
    """``count`` random batches of ``size`` records, drawn anew from torch's generator each time one goes through them.

    noise: Gaussian noise of this size relative to ||data||_2, drawn anew each time too; None: the noisy values of the file, the same each time.
    """

    def __init__(self, source: ProseSet, size: int, count: int, noise: float | None) -> None:
        self.source, self.size, self.count, self.noise = source, size, count, noise
        live = torch.arange(source.data.shape[2]) < source.dimensions[:, None]
        self.live = live[:, None, :].to(source.data.dtype)
        numbers = source.dimensions[:, None, None] * source.data.shape[1]
        self.deviation = torch.sqrt(source.data.square().sum((1, 2), keepdim=True) / numbers)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """(data, values given, skeleton, written)."""
        source = self.source
        for _ in range(self.count):
            at = torch.randint(len(source), (self.size,))
            data, values = source.data[at], source.noisy[at]
            if self.noise is not None:
                values = data[:, : values.shape[1]]
                values = values + self.noise * self.deviation[at] * self.live[at] * torch.randn_like(values)
            yield data, values, trimmed(source.skeletons[at]), trimmed(source.written[at])


def trimmed(words: Tensor) -> Tensor:
    """Without the columns that are padding in all rows."""
    return words[:, : int((words != PAD).sum(1).max())] if words.numel() else words
