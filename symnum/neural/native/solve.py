"""A small network on the native road: whether it fits, its weights packed for the compiled functions, and the solve (``run``).

What is compiled depends on the network's shape and the method, not on weights, batch, tolerances or times, and is kept for the process and on disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.neural.explicit import EXPLICIT
from symnum.neural.native.bound import Bound
from symnum.neural.native.compiled import Network
from symnum.neural.native.driving import address
from symnum.neural.native.layout import BLOCK
from symnum.neural.native.run import differentiable
from symnum.neural.native.team import Team
from symnum.neural.native.trace import NotNative, SmallNetwork, small_network
from symnum.neural.record import Record, SolveOptions

Array = NDArray[np.float64]
LARGEST = 512  # columns of a linear layer up to which a network counts as small
PARTS = 8  # of a batch whose evaluations take so many multiplications that threads pay
SHARED = 2**20
LONGEST = 8192  # numbers of any value
FINEST = 1e-13  # tolerances below which the torch road's guard against round-off would take other steps


def native_reason(module: Any, options: SolveOptions, shape: int | tuple[int, ...] = (), timed: bool = False) -> str:
    """Why the native road does not serve, as a sentence; "" where it does.

    Args:
        module: the network; timed: it is module(t, y).
        shape: of a sample of the state, () where it is not known yet (then the module is not looked into).
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
    if not shape:
        return ""
    try:
        network = small_network(module, shape, timed)
    except NotNative as error:
        return str(error)
    widest, longest = network.layers.widest, max(network.layers.widths)
    if longest > LONGEST:
        return f"a value of {longest} numbers a sample is no small network (at most {LONGEST})"
    return f"a layer of {widest} columns is no small network (at most {LARGEST})" if widest > LARGEST else ""


def native_solve(
    network: SmallNetwork,
    y0: Tensor,
    ts: Tensor | Sequence[float],
    options: SolveOptions,
    checkpoints: int | None = None,
    share: float | None = None,
) -> Record:
    """Solve dy/dt = network(t, y) from ts[0] to ts[-1].

    Args:
        network: see ``small_network``; y0: (batch, *shape) float64 on the CPU; ts: monotone save times, (m,).
        checkpoints, share: see ``run.differentiable``.

    Returns:
        The record; ``y``, ``errors``, ``stiffness`` and ``states`` carry gradients to y0, the weights and the times.
    """
    times = ts if isinstance(ts, Tensor) else np.array(ts, dtype=np.float64)
    bound = BoundNetwork(network, y0.numel() // network.layers.dim)
    return differentiable(bound, y0, network.parameters, times, options, checkpoints, share)


class BoundNetwork(Bound):
    """A network with its weights packed (see ``layout``) and a workspace."""

    native: Network

    def __init__(self, network: SmallNetwork, batch: int) -> None:
        self.network, self.native = network, network.compiled
        layout = self.native.layout
        size, blocks = layout.packed_size, -(-batch // BLOCK)
        self.share = -(-blocks // PARTS) if batch * network.layers.work >= SHARED else blocks
        self.parts = -(-blocks // self.share)
        # packed weights, sums of their gradients, workspace; the last two for each part
        self.memory = np.empty(size + self.parts * (size + 1 + layout.work_size))
        self.sums = self.memory[size : size + self.parts * (size + 1)]
        at = address(self.memory)
        self.sums_at = at + 8 * size
        places = at, at + 8 * (size + self.parts * (size + 1)), self.sums_at
        self.context = np.array([batch, *places, 0, 0, 0, self.parts, self.share, 0], dtype=np.int64)
        self.entry = batch * layout.sample if blocks == 1 else 0
        weights = [
            p if p.dtype is _DOUBLE and p.is_cpu and p.is_contiguous() else p.detach().to("cpu", _DOUBLE).contiguous()
            for p in network.parameters
        ]
        self.native.pack(network.addresses.pack(*[p.data_ptr() for p in weights]), at)

    def keep(self, evaluations: int) -> None:
        self.tape = np.empty(evaluations * self.entry)
        self.context[4:7] = address(self.tape), 0, evaluations

    @contextmanager
    def _shared(self, threads: int) -> Iterator[None]:
        team = Team(self.parts, self.native.work)
        with team.working(threads):
            self.context[-1] = team.at
            try:
                yield
            finally:
                self.context[-1] = 0

    def working(self) -> AbstractContextManager[None]:
        threads = min(self.parts, torch.get_num_threads()) if self.parts > 1 else 1
        return self._shared(threads) if threads > 1 else nullcontext()

    def clear(self) -> None:
        self.sums[:] = 0.0

    def gradients(self) -> list[Tensor]:
        network, size = self.network, self.native.layout.packed_size + 1
        for part in range(1, self.parts):
            self.sums[:size] += self.sums[part * size : (part + 1) * size]
        found = [torch.empty(shape, dtype=torch.float64, device="cpu") for shape in network.layers.shapes]
        self.native.unpack(network.addresses.pack(*[g.data_ptr() for g in found]), self.sums_at)
        return found

    def by_time(self) -> float:
        return float(self.sums[self.native.layout.packed_size])


_DOUBLE = torch.float64
