"""``ProseModel``: a small transformer of two kinds of input and two kinds of output (Liu, Zhang, Schaeffer 2023).

    values u(t_1) ... u(t_64), with noise  ->  data encoder   ->  fusion  ->  data decoder, asked for times t:  u(t)
    words of an imperfect skeleton         ->  symbol encoder ---^   \\---->  symbol decoder, word by word:  the equations

Fusion: rows of data look at each other and at the rows of symbols. The data decoder looks at rows of data, the symbol decoder at both kinds.

Values come in the unit of their own size, s = rms of the values given; ln s is an input too, and predictions are multiplied by s.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from symnum.datasets.prose_families import POINTS
from symnum.errors import SolveError
from symnum.neural.prose.blocks import Past, stack, starting_weights, waves
from symnum.neural.prose.vocabulary import PAD, Vocabulary

SYMBOLS = ("tree_skeleton", "tree_encoded", "")
LONGEST = 512  # words of a system, with start and end


@dataclass(frozen=True)
class ProseSettings:
    """The shape of a ``ProseModel``.

    Attributes:
        dimension: the greatest number of equations. width, heads: of all attention.
        data_layers, symbol_layers, fusion_layers: of the encoders; data_decoder_layers, symbol_decoder_layers.
        points: values of a trajectory that are given; patch: so many of them make one row of the data encoder.
        span: the times of a trajectory go from 0 to this. symbols: the field of a record that the symbol encoder reads, "" for no symbol encoder.
        time_waves: sine and cosine pairs that a query time is described by.
    """

    dimension: int = 3
    width: int = 96
    heads: int = 4
    data_layers: int = 2
    symbol_layers: int = 1
    fusion_layers: int = 2
    data_decoder_layers: int = 2
    symbol_decoder_layers: int = 1
    points: int = 64
    patch: int = 8
    span: float = 6.0
    time_waves: int = 16
    symbols: str = "tree_skeleton"

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.type == "int" and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise SolveError(f"{one.name}={value!r} is no whole number from 1 on; write {one.name}={one.default}")
        for name, part in (("width", "heads"), ("points", "patch")):
            if getattr(self, name) % getattr(self, part):
                raise SolveError(
                    f"{name}={getattr(self, name)} cannot be divided by {part}={getattr(self, part)}; choose a multiple"
                )
        if self.points >= POINTS:
            raise SolveError(f"points={self.points} leaves none of the {POINTS} times to predict; write points=64")
        if isinstance(self.span, bool) or not isinstance(self.span, (int, float)) or not 0 < self.span < float("inf"):
            raise SolveError(f"span={self.span!r} is no end time; write span=6.0")
        if self.symbols not in SYMBOLS:
            raise SolveError(
                f"symbols={self.symbols!r} is no field of words; it is one of {', '.join(map(repr, SYMBOLS))}"
            )


class ProseModel(nn.Module):
    """See the module's head. ``forward`` gives predictions (batch, times, D) and logits (batch, words, vocabulary)."""

    def __init__(self, settings: ProseSettings | None = None, **changes: Any) -> None:
        super().__init__()
        self.settings = s = settings or ProseSettings(**changes)
        self.vocabulary = Vocabulary(s.dimension)
        width, heads = s.width, s.heads
        self.patches = nn.Linear(s.patch * s.dimension + 1, width)
        self.patch_place = nn.Parameter(torch.randn(s.points // s.patch, width) * 0.5)
        self.words = nn.Embedding(len(self.vocabulary), width)
        self.mantissas = nn.Linear(self.vocabulary.waves.shape[1], width, bias=False)
        self.place = nn.Parameter(torch.randn(LONGEST, width) * 0.1)
        self.register_buffer("waves", torch.tensor(self.vocabulary.waves, dtype=torch.float32), persistent=False)
        self.data_encoder = stack(s.data_layers, width, heads, "self")
        self.symbol_encoder = stack(s.symbol_layers if s.symbols else 0, width, heads, "self")
        self.read = nn.LayerNorm(width)
        self.kinds = nn.Parameter(torch.randn(2, width) * 0.1)
        self.fusion = stack(s.fusion_layers, width, heads, "self cross")
        self.fused = nn.LayerNorm(width)
        self.queries = nn.Linear(1 + 2 * s.time_waves, width)
        self.data_decoder = stack(s.data_decoder_layers, width, heads, "cross")
        self.prediction = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, s.dimension))
        self.symbol_decoder = stack(s.symbol_decoder_layers, width, heads, "self cross")
        self.written = nn.LayerNorm(width)
        starting_weights(self, s.fusion_layers + s.data_layers)
        nn.init.normal_(self.words.weight, std=0.5)

    def forward(self, values: Tensor, skeleton: Tensor, times: Tensor, written: Tensor) -> tuple[Tensor, Tensor]:
        """values: (batch, 64, D); skeleton: (batch, words); times: (queries,); written: (batch, words), the words that stand already."""
        memory, seen = self.encode(values, skeleton)
        return self.predict(memory, seen, values, times), self.write(memory, seen, written)

    def encode(self, values: Tensor, skeleton: Tensor) -> tuple[Tensor, Tensor | None]:
        """The memory (batch, rows, width), and where it may be looked at (None: everywhere)."""
        scale = size(values)
        rows = (values / scale).reshape(len(values), -1, self.settings.patch * self.settings.dimension)
        told = torch.log(scale).expand(-1, rows.shape[1], 1)
        x = self.patches(torch.cat([rows, told], -1)) + self.patch_place
        for layer in self.data_encoder:
            x = layer(x)
        if not self.settings.symbols:
            for layer in self.fusion:
                x = layer(x)
            return self.fused(x), None
        there = (skeleton != PAD)[:, None, None, :]
        y = self.embedded(skeleton)
        for layer in self.symbol_encoder:
            y = layer(y, there)
        y = self.read(y)
        for layer in self.fusion:
            x = layer(x, None, y, there)
        x = self.fused(x)
        return torch.cat([x + self.kinds[0], y + self.kinds[1]], 1), torch.cat(
            [there.new_ones(len(x), 1, 1, rows.shape[1]), there], -1
        )

    def predict(self, memory: Tensor, seen: Tensor | None, values: Tensor, times: Tensor) -> Tensor:
        """Values at the times, (batch, queries, D)."""
        x = self.queries(waves(times / self.settings.span, self.settings.time_waves)).expand(len(memory), -1, -1)
        memory = memory[:, : self.settings.points // self.settings.patch]
        for layer in self.data_decoder:
            x = layer(x, None, memory)
        made: Tensor = self.prediction(x) * size(values)
        return made

    def write(
        self, memory: Tensor, seen: Tensor | None, written: Tensor, past: list[Past] | None = None, at: int = 0
    ) -> Tensor:
        """Logits of the word after each of ``written``; with ``past``, of words from place ``at`` on, as the earlier ones are known."""
        x = self.embedded(written, at)
        for k, layer in enumerate(self.symbol_decoder):
            x = layer(x, None, memory, seen, past is None, None if past is None else past[k])
        return self.written(x) @ self.table().T * self.settings.width**-0.5

    def table(self) -> Tensor:
        """A vector for each word."""
        made: Tensor = self.words.weight + self.mantissas(self.waves)
        return made

    def embedded(self, numbers: Tensor, at: int = 0) -> Tensor:
        return self.table()[numbers] + self.place[at : at + numbers.shape[1]]


def size(values: Tensor) -> Tensor:
    """The root mean square over times and variables, (batch, 1, 1)."""
    return values.square().mean((1, 2), keepdim=True).sqrt().clamp_min(1e-6)
