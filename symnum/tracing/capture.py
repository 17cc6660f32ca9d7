"""``capture(f, examples)``: run a NumPy function once on recording arrays, get the kernel of what it does.

::

    f(u, t, p)  --proxy-->  array graph  --lower-->  loop nests over boxes  --arrays-->  ir.Kernel (t; inputs; parameters) -> outputs

The inputs vector holds all array arguments one after the other in C order, the outputs vector all results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from symnum.errors import TraceError
from symnum.expr.walk import symbols
from symnum.ir.kernel import Kernel
from symnum.tracing.arguments import Argument, Opened, by_keyword, open_arguments
from symnum.tracing.arrays import Layout, kernel_of
from symnum.tracing.graph import Buffer, Graph, Node
from symnum.tracing.lower import Lowering, Nest
from symnum.tracing.proxy import Traced, node_of
from symnum.tracing.reading import Names
from symnum.tracing.rebind import Rebinder

Tree = Any  # nested tuples, lists and dicts with indices of results (or None) as leaves


@dataclass(frozen=True)
class Result:
    """One array or number that the function gives: ``offset`` counts in the outputs vector."""

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int

    @property
    def size(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Captured:
    """A traced function.

    Attributes:
        function: the user's own.
        kernel: what it does; inputs, outputs and parameters as ``arguments`` and ``results`` say.
        arguments: the leaves of its arguments, in order; containers are opened.
        results: what it gives, or fills (form "in-place"), in order.
        form: "array", "number", "tuple", "list", "dict" or "in-place".
        tree: the structure of what it returns, with indices of ``results`` as leaves.
        dtype: of the kernel, float64 or float32.
    """

    function: Callable[..., Any]
    kernel: Kernel
    arguments: tuple[Argument, ...]
    results: tuple[Result, ...]
    form: str
    tree: Tree
    dtype: np.dtype

    def pack(
        self, values: Sequence[Any], keywords: dict[str, Any] | None = None
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """(t, inputs vector, parameters vector) of a call with these arguments; TraceError where they are not those of the trace."""
        opened = open_arguments(self.function, *by_keyword(self.function, tuple(values), keywords or {}), None)
        t, p = 0.0, np.zeros(len(self.kernel.parameters))
        y = np.zeros(sum(a.size for a in self.arguments if a.kind == "array"), self.dtype)
        by_path = {a.path: a for a in opened}
        for argument in self.arguments:
            given = by_path.get(argument.path)
            argument.check(given)
            assert given is not None
            if argument.kind == "array":
                y[argument.offset : argument.offset + argument.size] = np.asarray(given.value).reshape(-1)
            elif argument.kind == "number":
                p[argument.offset] = given.value
            elif argument.kind == "time":
                t = float(given.value)
        return t, y, p

    def unpack(self, out: np.ndarray) -> Any:
        """What the function returns, from the outputs vector; float arrays are views of it."""
        rows = [(r, out[r.offset : r.offset + r.size].reshape(r.shape)) for r in self.results]
        return self.rebuild([values.astype(r.dtype, copy=False) for r, values in rows])

    def rebuild(self, values: Sequence[np.ndarray]) -> Any:
        """What the function returns, from one array for each of ``results``; None where it works in place."""
        return None if self.form == "in-place" else _rebuilt(self.tree, values)


def _rebuilt(tree: Tree, values: Sequence[Any]) -> Any:
    """The tree with values for indices (no closure: its cycle would keep large arrays until the next garbage collection)."""
    if isinstance(tree, int):
        value = values[tree]
        return value.dtype.type(value) if isinstance(value, np.ndarray) and not value.ndim else value
    if isinstance(tree, dict):
        return {k: _rebuilt(v, values) for k, v in tree.items()}
    return None if tree is None else type(tree)([_rebuilt(v, values) for v in tree])


def capture(
    f: Callable[..., Any], examples: Sequence[Any], keywords: dict[str, Any] | None = None, *, time: str | None = None
) -> Captured:
    """Trace ``f(*examples, **keywords)``.

    Arrays (float64, float32; their values are not read) and floats become arguments of the kernel; containers of these are opened. A float
    argument called t or time (or ``time``) is the time. Ints, truth values, strings, None, functions and other objects are constants of the trace.

    Raises TraceError with the user's line for what cannot be traced.
    """
    graph = Graph()
    rebinder = Rebinder(graph)
    values, keywords = by_keyword(f, tuple(examples), keywords or {})
    arguments = open_arguments(f, values, keywords, time)
    opened = Opened(graph, arguments, rebinder.value)
    returned = rebinder.function(f)(*opened.positional(values), **opened.named(keywords))
    if graph.refused is not None:
        raise graph.refused
    return _finished(f, graph, opened, returned)


def _finished(f: Callable[..., Any], graph: Graph, opened: Opened, returned: Any) -> Captured:
    name = getattr(f, "__name__", type(f).__name__)
    written = [k for k, a in enumerate(opened.arguments) if a.kind == "array" and opened.arrays[k].cell.written]
    filled = [opened.arrays[k] for k in written]
    in_place = bool(written) and (returned is None or any(returned is a for a in filled))
    if written and not in_place:
        a = opened.arguments[written[0]]
        raise TraceError(
            f"{name} changes its argument {a.name} and returns something else. Work on a copy, {a.name} = {a.name}.copy(), "
            f"or fill {a.name} and return nothing\n    {opened.arrays[written[0]].cell.written}"
        )
    if returned is None and not in_place:
        raise TraceError(f"{name} returns nothing and fills none of its arguments. End it with return du")
    leaves: list[Any] = []
    tree = 0 if in_place else _opened_tree(graph, returned, leaves)
    nodes = [a.node for a in filled] if in_place else [node_of(graph, v) for v in leaves]
    arguments = _placed(opened.arguments, set(written))
    names = [arguments[k].name for k in written] if in_place else _result_names(len(nodes))
    outputs = [
        graph.buffer("output", n.shape, n.dtype, f"result {k}", field=s)
        for k, (n, s) in enumerate(zip(nodes, names, strict=True))
    ]
    inputs = tuple(opened.buffers[k] for k, a in enumerate(arguments) if a.kind == "array")
    dtype = _dtype(arguments, nodes)
    nests = _lowered(graph, outputs, nodes, name)
    _refuse_reading(nests, [opened.buffers[k] for k in written], name)
    layout = Layout(
        Names().fresh(name.replace("<lambda>", "f")),
        inputs,
        tuple(outputs),
        opened.parameters,
        opened.time,
        dtype.name,
        f"traced from {name}",
    )
    kernel = _rolled_up(kernel_of(nests, graph.buffers, layout))
    form = "in-place" if in_place else _form(returned, nodes)
    return Captured(f, kernel, arguments, _results(nodes), form, tree, dtype)


def _lowered(graph: Graph, outputs: list[Buffer], nodes: list[Node], name: str) -> list[Nest]:
    """The nests; twice where two lengths want to wrap around one axis: then only the more frequent does."""
    from symnum.tracing.cost import Costs

    lengths: dict[int, Counter[int]] = {}
    chosen: dict[int, int] = {}

    def may_wrap(axis: int, n: int) -> bool:
        lengths.setdefault(axis, Counter())[n] += 1
        return chosen.get(axis, n) == n

    for _ in range(2):
        lowering = Lowering(graph, may_wrap, Costs(graph, nodes).keeps)
        for buffer, node in zip(outputs, nodes, strict=True):
            lowering.result(buffer, node, f"what {name} returns")
        chosen = {axis: found.most_common(1)[0][0] for axis, found in lengths.items()}
        if all(len(found) == 1 for found in lengths.values()):
            break
    return lowering.nests


def _rolled_up(kernel: Kernel) -> Kernel:
    """Scalar stores of one pattern as loops."""
    from symnum.ir.check import check
    from symnum.tracing.reroll import reroll

    return check(reroll(kernel))


def _placed(arguments: Sequence[Argument], written: set[int]) -> tuple[Argument, ...]:
    """Offsets: arrays in the inputs vector, filled ones in the outputs vector."""
    ends = {"array": 0, "out": 0}
    result = []
    for k, a in enumerate(arguments):
        if a.kind == "array":
            kind = "out" if k in written else "array"
            a = a.at(kind, ends[kind])
            ends[kind] += a.size
        result.append(a)
    return tuple(result)


def _results(nodes: Sequence[Node]) -> tuple[Result, ...]:
    result, end = [], 0
    for node in nodes:
        result.append(Result(node.shape, node.dtype, end))
        end += node.size
    return tuple(result)


def _result_names(many: int) -> list[str]:
    return ["out"] if many == 1 else [f"out_{k}" for k in range(many)]


def _opened_tree(graph: Graph, value: Any, leaves: list[Any]) -> Tree:
    if isinstance(value, dict):
        return {k: _opened_tree(graph, v, leaves) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        rows = [_opened_tree(graph, v, leaves) for v in value]
        return rows if isinstance(value, list) else tuple(rows)
    if value is None:
        return None
    if not isinstance(value, (Traced, np.ndarray, np.generic, float, int)):
        raise TraceError(
            f"a traced function returns arrays and numbers, in tuples, lists and dicts; got a {type(value).__name__}: {value!r:.60}"
        )
    leaves.append(value)
    return len(leaves) - 1


def _form(returned: Any, nodes: Sequence[Node]) -> str:
    for kind in (tuple, list, dict):
        if isinstance(returned, kind):
            return kind.__name__
    return "array" if nodes[0].shape or (isinstance(returned, np.ndarray)) else "number"


def _dtype(arguments: Sequence[Argument], nodes: Sequence[Node]) -> np.dtype:
    """float32 where all arrays that go in and come out are."""
    kinds = {a.dtype for a in arguments if a.kind in ("array", "out")} | {n.dtype for n in nodes if n.dtype.kind == "f"}
    return np.dtype(np.float32) if kinds == {np.dtype(np.float32)} else np.dtype(np.float64)


def _refuse_reading(nests: Sequence[Nest], buffers: Sequence[Buffer], name: str) -> None:
    """An argument that is filled must be filled wholly, and its old values must not be used."""
    names = {b.name: b.field for b in buffers}
    for nest in nests:
        for symbol in symbols(nest.term, "spot"):
            if symbol.info.buffer in names:
                a = names[symbol.info.buffer]
                raise TraceError(
                    f"{name} fills {a} but leaves a part of it as it was, or reads what was in it. Begin with {a}[...] = 0, "
                    "or work on a copy and return that"
                )


__all__ = ["Argument", "Captured", "Result", "capture"]
