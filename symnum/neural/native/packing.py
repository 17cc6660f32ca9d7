"""[Layout] -> LLVM: weights from torch's arrays to the places that ``layout`` gives them, and their gradients back.

void pack(ptr addresses, ptr weights)        parameters by slot -> packed weights, with zeros in the padding
void unpack(ptr addresses, ptr gradients)    the gradient by each slot, of all layers that share it
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.llvm_emit import literal
from symnum.neural.native.layers import Conv, Dense, padded
from symnum.neural.native.layout import Layout
from symnum.neural.native.products import clear_end


@dataclass(frozen=True)
class Block:
    """Rows of weights at ``at``: number (r, k) stands in parameter ``slot`` at r*row + k*column; ``slot`` None: zeros.

    ``first``: gradients are kept there.
    """

    slot: int | None
    at: int
    rows: int
    columns: int
    row: int
    column: int
    first: bool = True


def parts(layout: Layout) -> Iterator[Block]:
    """Where all weights stand."""
    for operation, place in zip(layout.layers.operations, layout.packed, strict=True):
        if place is None:
            continue
        assert isinstance(operation, Dense | Conv)
        inputs, outputs = place.inputs, place.outputs
        across = isinstance(operation, Dense) and operation.flipped  # kept as (in, out)
        by_in, by_out = (outputs, 1) if across else (1, inputs)  # steps along an input and along an output
        if place.by_input is not None:
            yield Block(operation.weight, place.by_input, inputs, outputs, by_in, by_out)
        if place.by_output is not None:
            yield Block(operation.weight, place.by_output, outputs, inputs, by_out, by_in, place.by_input is None)
        yield Block(operation.bias, place.bias, 1, outputs, 0, 1)


def functions(layout: Layout, metadata: Metadata) -> list[str]:
    """``pack`` and ``unpack``."""
    return [_pack(layout, metadata), _unpack(layout, metadata)]


def _pack(layout: Layout, metadata: Metadata) -> str:
    c = Code(metadata, "pack", "ptr addresses, ptr weights", internal=False)
    for block in parts(layout):
        with c.loop(block.rows) as row:
            stride = padded(block.columns)
            out = c.at(c.at("%weights", block.at), c.imul(row, stride))
            clear_end(c, out, block.columns, stride)
            source = "" if block.slot is None else c.at(c.load("%addresses", block.slot, "ptr"), c.imul(row, block.row))
            with c.loop(block.columns, vector=block.column == 1 or not source) as k:
                c.store(c.load(source, c.imul(k, block.column)) if source else literal(0.0), out, k)
    c.line("ret void")
    return c.text()


def _unpack(layout: Layout, metadata: Metadata) -> str:
    c, begun = Code(metadata, "unpack", "ptr addresses, ptr gradients", internal=False), set[int]()
    for block in parts(layout):
        if block.slot is None or not block.first:
            continue
        with c.loop(block.rows) as row:
            line = c.at(c.at("%gradients", block.at), c.imul(row, padded(block.columns)))
            out = c.at(c.load("%addresses", block.slot, "ptr"), c.imul(row, block.row))
            with c.loop(block.columns, vector=block.column == 1) as k:
                at = c.imul(k, block.column)
                number = c.load(line, k)
                c.store(c.add(c.load(out, at), number) if block.slot in begun else number, out, at)
        begun.add(block.slot)
    c.line("ret void")
    return c.text()
