"""Words of equations one after another, each the likeliest: greedy decoding, free or kept to the grammar of prefix notation.

open slots:  an operator of n arguments takes one and opens n, a number or a variable takes one;  an equation is complete when none is open
constants:   sign, mantissa, exponent;   after equation d of d only the end may come
"""

from __future__ import annotations

import torch
from torch import Tensor

from symnum.formats.prose.words import GENERATED, ODE, SEPARATOR
from symnum.neural.prose.blocks import Past
from symnum.neural.prose.model import ProseModel
from symnum.neural.prose.vocabulary import END, START, Vocabulary


@torch.no_grad()
def written_by(
    model: ProseModel,
    memory: Tensor,
    seen: Tensor | None,
    dimensions: Tensor,
    grammar: bool = False,
    longest: int = GENERATED,
) -> list[list[str]]:
    """The words that the symbol decoder writes for each row of the memory, at most ``longest``.

    dimensions: (batch,), numbers of equations. grammar: only words that can stand there; what comes out is then always a system of that dimension.
    """
    rules = Grammar(model.vocabulary, dimensions, longest) if grammar else None
    past: list[Past] = [{} for _ in model.symbol_decoder]
    word = torch.full((len(memory), 1), START)
    made, done = [], torch.zeros(len(memory), dtype=torch.bool)
    for place in range(longest + 1):
        logits = model.write(memory, seen, word, past, place)[:, -1]
        if rules is not None:
            logits = logits.masked_fill(~rules.allowed(place), -torch.inf)
        word = logits.argmax(-1, keepdim=True)
        made.append(word[:, 0].masked_fill(done, END))
        done |= word[:, 0] == END
        if bool(done.all()):
            break
        if rules is not None:
            rules.take(word[:, 0])
    return [model.vocabulary.decode(row) for row in torch.stack(made, 1)[:, :longest].tolist()]


class Grammar:
    """Which words may come next, for rows that are written side by side."""

    def __init__(self, vocabulary: Vocabulary, dimensions: Tensor, longest: int) -> None:
        words = vocabulary.words
        self.longest, self.dimensions = longest, dimensions
        self.arity = torch.tensor([ODE.arity.get(w, 0) for w in words])
        self.sign = torch.tensor([w in ("+", "-") for w in words])
        self.mantissa = torch.tensor([w[0] == "N" for w in words])
        self.exponent = torch.tensor([w[0] == "E" for w in words])
        self.whole = torch.tensor([w.lstrip("-").isdigit() for w in words])
        self.variable = torch.tensor([int(w[2:]) if w.startswith("u_") else -1 for w in words])
        self.separator = torch.tensor([w == SEPARATOR for w in words])
        self.end = torch.arange(len(words)) == END
        self.open = torch.ones_like(dimensions)  # slots of the equation that is being written
        self.equation = torch.zeros_like(dimensions)
        self.stage = torch.zeros_like(dimensions)  # of a constant: 1 after the sign, 2 after the mantissa

    def allowed(self, place: int) -> Tensor:
        """(rows, words), at place ``place`` of a row."""
        open_, stage = self.open[:, None], self.stage[:, None]
        variables = (self.variable >= 0) & (self.variable < self.dimensions[:, None])
        # words that are needed at least after this one: a leaf for each open slot, and "|" with a leaf for each equation to come
        needed = open_ + 2 * (self.dimensions - 1 - self.equation)[:, None]
        room = self.longest - place - needed
        leaf = variables | self.whole | (self.sign & (room >= 2))
        inside = leaf | ((self.arity > 0) & (room >= self.arity))
        last = (self.equation == self.dimensions - 1)[:, None]
        between = torch.where(last, self.end, self.separator)
        free = torch.where(open_ > 0, inside, between)
        return torch.where(stage == 1, self.mantissa, torch.where(stage == 2, self.exponent, free))

    def take(self, word: Tensor) -> None:
        """The rows go on by these words."""
        separator = self.separator[word]
        self.equation += separator
        begun = self.sign[word]
        self.stage = torch.where(begun, 1, torch.where(self.mantissa[word], 2, 0))
        used = torch.where(
            begun | self.mantissa[word] | self.end[word], 0, 1
        )  # a constant takes its slot with its last word
        self.open = torch.where(separator, 1, self.open - used + self.arity[word])
