"""The parts that all encoders and decoders consist of: attention, and layers with normalisation first.

    attend(x, m) = softmax(q(x) k(m)^T / sqrt(width/heads)) v(m)          x: (batch, rows, width), m: (batch, others, width)
    layer:  x + attend(N x, N x);  x + attend(N x, m) where there is a memory m;  x + W2 gelu(W1 N x)         N: layer norm

A. Vaswani and others, Attention is all you need (2017); R. Xiong and others, On layer normalization in the transformer architecture (2020).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

Past = dict[str, Tensor]  # keys and values of a layer's earlier tokens


class Attention(nn.Module):
    """Several heads; ``mask`` is True where a row may look, shape (batch or 1, 1, rows, others)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, causal: bool = False, past: Past | None = None
    ) -> Tensor:
        q = self._split(self.query(x))
        k, v = (self._split(part) for part in self.key_value(memory).chunk(2, -1))
        if past is not None:
            if past:
                k, v = torch.cat([past["k"], k], 2), torch.cat([past["v"], v], 2)
            past["k"], past["v"] = k, v
        found = scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out(found.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Layer(nn.Module):
    """``looks``: "self" attention, "cross" attention to a memory, or both, "self cross"."""

    def __init__(self, width: int, heads: int, looks: str) -> None:
        super().__init__()
        self.attend = Attention(width, heads) if "self" in looks else None
        self.consult = Attention(width, heads) if "cross" in looks else None
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        causal: bool = False,
        past: Past | None = None,
    ) -> Tensor:
        if self.attend is not None:
            seen = self.norms[0](x)
            x = x + self.attend(seen, seen, mask, causal, past)
        if self.consult is not None and memory is not None:
            x = x + self.consult(self.norms[1](x), memory, memory_mask)
        return x + self.narrow(gelu(self.widen(self.norms[2](x))))


def stack(count: int, width: int, heads: int, looks: str) -> nn.ModuleList:
    """``count`` layers."""
    return nn.ModuleList(Layer(width, heads, looks) for _ in range(count))


def waves(t: Tensor, count: int) -> Tensor:
    """Features of a time in [0, 1]: t, and sin and cos of pi k t for k = 1 ... count; shape (*t.shape, 1 + 2 count)."""
    angles = torch.pi * t[..., None] * torch.arange(1, count + 1, dtype=t.dtype)
    return torch.cat([t[..., None], torch.sin(angles), torch.cos(angles)], -1)


def starting_weights(module: Any, layers: int) -> None:
    """Normal weights of deviation 1/(2 sqrt(inputs)), by sqrt(2 layers) smaller in what adds to a layer's input (Radford and others 2019)."""
    for name, part in module.named_modules():
        if isinstance(part, nn.Linear):
            smaller = (2 * layers) ** 0.5 if name.endswith(("out", "narrow")) else 1.0
            nn.init.normal_(part.weight, std=0.5 * part.in_features**-0.5 / smaller)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
