"""What networks give to their weights, as sums over a block: code that does not grow with the number of weights.

A network f(x; w) in a kernel, with s the weight of its value at a point, gives to each of its weights sum over points of s df/dw_k. The weights
get an axis of their own, beyond those of the grid:

    Loop over the points: Loop k over the weights:   G[k] += s * df/dw_k        one ``network_gradient``
                          x~j := s * df/dx_j                                    and one for each input: the same work
    Loop k over the weights:                         g~f[k] := G[k]             where they lie side by side among the parameters

k counts them in the order of the kernel's parameters; a table tells their numbers in the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from symnum.expr.adjoint import ByWeights
from symnum.expr.network import gradient_at, shape_of
from symnum.expr.term import Const, Symbol, Term
from symnum.ir.box import Box, around
from symnum.ir.kernel import Accumulate, Array, Kernel, Statement, Store, index, load, table


@dataclass
class NetworkSums:
    """The sums G of a kernel that is put together.

    Attributes: ``locals``: of that kernel, new arrays go there; ``axes``: lengths of the axes beyond the grid's; ``sums``: block of weights -> its
    sum; ``noted``: networks of the loops at hand, the weights of their values, and input -> the array of what it receives.
    """

    kernel: Kernel
    locals: list[Array]
    axes: list[int] = field(default_factory=list)
    sums: dict[Term, Array] = field(default_factory=dict)
    noted: list[tuple[Term, Term, dict[int, Array]]] = field(default_factory=list)

    def axis(self, length: int) -> int:
        """A new axis."""
        self.axes.append(length)
        return len(self.kernel.periods) + len(self.axes) - 1

    def taker(self, box: Box) -> ByWeights:
        """For ``adjoints`` of what stands in loops over a box: networks are taken whose weights are parameters, each of them once."""
        parameters = set(self.kernel.parameters)

        def take(node: Term, weight: Term, inputs: list[int]) -> list[Term] | None:
            block, shape = node.args[-1], shape_of(node.data)
            taken = parameters.issuperset(block.args) and len(set(block.args)) == len(block.args)
            if not taken or any(place >= shape.inputs for place in shape.places):
                return None
            found = {j: self._array(f"x~{name_of(block.args)}", box) for j in inputs}
            self.noted.append((node, weight, found))
            return [load(array.name, (0,) * len(array.axes)) for array in found.values()]

        return take

    def statements(self, box: Box, origin: str) -> list[Statement]:
        """The loops over a box that add up what was noted, each on its own: one may read what another one stores."""
        made: list[Statement] = []
        for node, weight, inputs in self.noted:
            block = node.args[-1]
            if block not in self.sums:
                self.sums[block] = self._array("weights", {self.axis(len(block.args)): (0, len(block.args))})
            array, order = self.sums[block], self._order(block)
            number = index(array.axes[0]) if order == sorted(order) else table(array.axes[0], 0, order)
            total = Accumulate(array.name, gradient_at(node, weight, number), origin)
            stores = [Store(x.name, gradient_at(node, weight, Const(-1 - j)), origin) for j, x in inputs.items()]
            body = (around({array.axes[0]: array_range(array)}, (total,)), *stores)
            made += [around(box, body)] if box else body
        self.noted.clear()
        return made

    def _array(self, stem: str, box: Box) -> Array:
        """A new local array over a box."""
        axes = tuple(sorted(box))
        offset = max((a.span[1] for a in self.locals), default=0)
        shape, origin = tuple(box[a][1] - box[a][0] for a in axes), tuple(box[a][0] for a in axes)
        self.locals.append(Array(f"{stem}~{len(self.locals)}", shape, offset, axes, origin, stem))
        return self.locals[-1]

    def _order(self, block: Term) -> list[int]:
        """The numbers of the weights in the network, in the order of the parameters."""
        places = self._places
        return sorted(range(len(block.args)), key=lambda k: places[block.args[k]])

    @cached_property
    def _places(self) -> dict[Term, int]:
        return {p: k for k, p in enumerate(self.kernel.parameters)}

    def outputs(self, others: Sequence[str]) -> tuple[list[Array], list[Statement], dict[Symbol, list[Term]]]:
        """Outputs for whole blocks with their stores; and for weights that have no such place, or get something else (``others``), the sums."""
        arrays, body, single = list[Array](), list[Statement](), dict[Symbol, list[Term]]()
        for block, source in self.sums.items():
            order = self._order(block)
            at, axis = [self._places[block.args[k]] for k in order], source.axes[0]
            alone = not any(p.name in others or p in single for p in block.args)  # type: ignore[attr-defined]
            shared = sum(p in other.args for p in block.args[:1] for other in self.sums) > 1
            if alone and not shared and at == list(range(at[0], at[0] + len(at))):
                made = Array(
                    f"g~{source.name}", source.shape, self.kernel.input_size + at[0], (axis,), (0,), source.field
                )
                arrays.append(made)
                store = Store(made.name, load(source.name, (0,)), f"d/d{source.field}")
                body.append(around({axis: (0, len(at))}, (store,)))
                continue
            for k, number in enumerate(order):
                p = block.args[number]
                assert isinstance(p, Symbol)
                single.setdefault(p, []).append(load(source.name, (k,), fixed=(True,)))
        return arrays, body, single


def array_range(array: Array) -> tuple[int, int]:
    """The indices of an array of one dimension."""
    return array.origin[0], array.origin[0] + array.shape[0]


def name_of(weights: Sequence[Term]) -> str:
    """What a network is called, from its first weight."""
    first = weights[0]
    return first.name.partition("_w0_")[0] if isinstance(first, Symbol) else "network"
