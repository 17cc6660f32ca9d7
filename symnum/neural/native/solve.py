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
    times = np.asarray(ts.detach().numpy() if isinstance(ts, Tensor) else ts, dtype=np.float64)
    batch = y0.numel() // network.layers.dim
    return differentiable(BoundNetwork(network, batch), y0, network.parameters, times, options)


class BoundNetwork(Bound):
    """A network with its weights packed (see ``layout``) and a workspace."""

    native: Network

    def __init__(self, network: SmallNetwork, batch: int) -> None:
        self.network, self.native = network, network.compiled
        layout = self.native.layout
        order, size = layout.packing.order, layout.packed_size
        weights = [p.detach().numpy().ravel() for p in network.parameters]
        self.memory = np.zeros(2 * size + layout.work_size)  # packed weights, sums of their gradients, workspace
        np.concatenate([*weights, _ZERO]).take(order, out=self.memory[:size], mode="clip")
        self.sums = self.memory[size : 2 * size]
        at = address(self.memory)
        self.context = np.array([batch, at, at + 16 * size, at + 8 * size], dtype=np.int64)

    def clear(self) -> None:
        self.sums[:] = 0.0

    def gradients(self) -> list[Array]:
        known = self.native.layout.packing
        numbers = np.bincount(known.sources, self.sums, known.ends[-1] + 1).astype(np.float64, copy=False)
        shapes = self.network.layers.shapes
        return [numbers[a:b].reshape(s) for a, b, s in zip(known.ends, known.ends[1:], shapes, strict=False)]


_ZERO = np.zeros(1)
