"""A small network on the native road: whether it fits, its weights packed for the compiled functions, and the solve (``run``).

What is compiled depends on the network's shape and the method, not on weights, batch, tolerances or times, and is kept for the process and on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.neural.explicit import EXPLICIT
from symnum.neural.native.compiled import Network
from symnum.neural.native.layers import Dense
from symnum.neural.native.products import padded
from symnum.neural.native.run import Bound, address, differentiable
from symnum.neural.native.trace import NotNative, SmallNetwork, small_network
from symnum.neural.record import Record, SolveOptions

Array = NDArray[np.float64]
LARGEST = 512  # columns of a value up to which a network counts as small
FINEST = 1e-13  # tolerances below which the torch road's guard against round-off would take other steps


def native_reason(module: Any, options: SolveOptions, dim: int = 0, timed: bool = False) -> str:
    """Why the native road does not serve, as a sentence; "" where it does.

    Args:
        module: the network; dim: of the state, 0 where it is not known yet (then the module is not looked into); timed: it is module(t, y).
    """
    if options.method not in EXPLICIT:
        return f"the native road has the explicit methods {', '.join(EXPLICIT)}, not {options.method}"
    if options.rtol < FINEST:
        return f"rtol = {options.rtol:g} lies at the round-off of float64"
    if not isinstance(module, torch.nn.Module):
        return "the right-hand side is a function, not a torch.nn.Module"
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.dtype != torch.float64 or tensor.device.type != "cpu":
            return f"the network's weights are {tensor.dtype} on {tensor.device}; the native road takes torch.float64 on the CPU"
    if not dim:
        return ""
    try:
        network = small_network(module, dim, timed)
    except NotNative as error:
        return str(error)
    widest = max(network.layers.widths)
    return f"a layer of {widest} columns is no small network (at most {LARGEST})" if widest > LARGEST else ""


def native_solve(network: SmallNetwork, y0: Tensor, ts: Tensor | Sequence[float], options: SolveOptions) -> Record:
    """Solve dy/dt = network(t, y) from ts[0] to ts[-1].

    Args:
        network: see ``small_network``; y0: (batch, dim) float64 on the CPU; ts: strictly monotone save times, (m,).

    Returns:
        The record; ``y``, ``errors``, ``stiffness`` and ``states`` carry gradients to y0 and the weights. Times have none here.
    """
    times = np.asarray(ts.detach() if isinstance(ts, Tensor) else ts, dtype=np.float64)
    batch = y0.numel() // network.layers.dim
    return differentiable(BoundNetwork(network, batch), y0, network.parameters, times, options)


class BoundNetwork(Bound):
    """A network with its weights packed (see ``layout``) and a workspace."""

    native: Network

    def __init__(self, network: SmallNetwork, batch: int) -> None:
        self.network, self.native = network, network.compiled
        layout = self.native.layout
        memory = np.zeros(2 * layout.packed_size + layout.work_size)
        size = layout.packed_size
        self.packed, self.sums, self.work = memory[:size], memory[size : 2 * size], memory[2 * size :]
        weights = [p.detach().numpy() for p in network.parameters]
        for operation, by_input, by_output, bias in self._places(self.packed):
            weight = weights[operation.weight] if operation.flipped else weights[operation.weight].T  # (in, out)
            if by_input is not None:
                by_input[...] = weight
            if by_output is not None:
                by_output[...] = weight.T
            if operation.bias is not None:
                bias[...] = weights[operation.bias]
        self.context = np.array([batch, *map(address, (self.packed, self.work, self.sums))], dtype=np.int64)

    def clear(self) -> None:
        self.sums[:] = 0.0

    def _places(self, packed: Array) -> list[tuple[Dense, Array | None, Array | None, Array]]:
        """Views of a packed vector: for each dense layer (in, out), (out, in) and the bias."""
        found = []
        for operation, place in zip(self.network.layers.operations, self.native.layout.packed, strict=True):
            if isinstance(operation, Dense):
                assert place is not None
                by_input = _matrix(packed, place.by_input, place.inputs, place.outputs)
                by_output = _matrix(packed, place.by_output, place.outputs, place.inputs)
                found.append((operation, by_input, by_output, packed[place.bias : place.bias + place.outputs]))
        return found

    def gradients(self) -> list[Array]:
        found = [np.zeros(shape) for shape in self.network.layers.shapes]
        for operation, by_input, by_output, bias in self._places(self.sums):
            if by_input is not None:
                gradient = by_input
            else:
                assert by_output is not None
                gradient = by_output.T
            found[operation.weight] += gradient if operation.flipped else gradient.T
            if operation.bias is not None:
                found[operation.bias] += bias
        return found


def _matrix(packed: Array, start: int | None, rows: int, columns: int) -> Array | None:
    if start is None:
        return None
    wide = padded(columns)
    return packed[start : start + rows * wide].reshape(rows, wide)[:, :columns]
