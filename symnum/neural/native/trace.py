"""[torch module] -> Layers: what a network computes, read from its graph, and where its weights are.

``torch.fx`` records the operations of ``forward`` on stand-ins, without running them on numbers. What is understood is listed in ``reader``;
everything else gives a sentence that says what stands in the way. Weights stay in the module: a later solve reads them anew.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import prod
from operator import is_
from typing import Any

from torch import Tensor, fx, nn

from symnum.errors import TermError
from symnum.neural.native.compiled import Network, compiled_network
from symnum.neural.native.layers import Layers, T, X, mapped
from symnum.neural.native.reader import FUNCTIONS, METHODS, MODULES, Reader, Time, Value
from symnum.neural.native.sizes import NotNative

__all__ = ["NotNative", "SmallNetwork", "signature", "small_network"]


@dataclass(frozen=True)
class SmallNetwork:
    """A network for the native road: its operations, and its parameters in the order of their slots (live tensors of the module)."""

    layers: Layers
    parameters: tuple[Tensor, ...]
    timed: bool

    @cached_property
    def addresses(self) -> struct.Struct:
        """One 64-bit word a parameter."""
        return struct.Struct(f"{len(self.parameters)}q")

    @cached_property
    def compiled(self) -> Network:
        """Its machine code."""
        return compiled_network(self.layers)


def signature(module: nn.Module) -> tuple[Any, ...]:
    """What a network's operations may depend on: its parts, and numbers and texts among their attributes. Values of weights are no part of it."""
    found: list[Any] = []
    for part in module.modules():
        found += [id(part), *map(id, part._parameters.values()), *map(id, part._buffers.values())]
        found += [repr(v) for k, v in vars(part).items() if k[0] != "_" and isinstance(v, _PLAIN)]
    return tuple(found)


_PLAIN = (int, float, str, tuple, list, dict)


class Watch:
    """Are a module's parts, attributes, weights and hooks still the same objects? Far cheaper than ``signature``."""

    def __init__(self, module: Any) -> None:
        self.module = module
        parts = [vars(part) for part in module.modules()] if isinstance(module, nn.Module) else []
        # the attributes, and the contents of those that torch keeps in dictionaries (compiled modules have none of their own)
        self.held_in = [*parts, *(part[name] for part in parts for name in _CONTENTS if name in part)]
        self.held = self._now()
        # the contents of a list may change while it stays the same object
        changing = any(k[0] != "_" and isinstance(v, list | dict) for part in parts for k, v in part.items())
        self.signature = signature(module) if changing else None

    def same(self, module: Any) -> bool:
        if module is not self.module:
            return False
        now = self._now()
        if len(now) != len(self.held) or not all(map(is_, now, self.held)):
            return False
        return self.signature is None or signature(module) == self.signature

    def _now(self) -> list[Any]:
        return list(chain.from_iterable(map(dict.values, self.held_in)))


_CONTENTS = ("_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks", "_backward_hooks")


def small_network(module: nn.Module, shape: int | tuple[int, ...], timed: bool) -> SmallNetwork:
    """The network of dy/dt = module(y), or module(t, y) where ``timed``, for states (batch, *shape): (batch, columns) or (batch, channels, length).

    Raises NotNative, with a sentence, where it does something that the native road does not know.
    """
    if not isinstance(module, nn.Module):
        raise NotNative(f"it is a {type(module).__name__}, not a torch.nn.Module")
    if any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in module.modules()):
        raise NotNative("it has hooks")
    try:
        traced = fx.symbolic_trace(nn.Sequential(module) if type(module) in MODULES else module)
    except Exception as error:  # whatever a forward of the user's raises when it meets stand-ins
        raise NotNative(
            f"its graph cannot be read ({type(error).__name__}: {str(error).splitlines()[0][:80]})"
        ) from None
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    dim, reader = prod(shape), Reader(traced, shape)
    try:
        result = _read(reader, traced.graph, timed)
    except TermError as error:
        raise NotNative(str(error)) from None
    except TypeError as error:  # arguments that the entry of the table does not take
        raise NotNative(f"it calls a function in a way that the native road does not know ({error})") from None
    if not isinstance(result, Value) or result.shape != shape:
        what = f"width {dim}" if len(shape) == 1 else f"shape {shape}"
        raise NotNative(f"it does not give values of the {what} of the state")
    if result.index != len(reader.operations) or not reader.operations:
        reader.operations.append(mapped((result.index,), dim, X[0]))
    shapes = tuple(tuple(p.shape) for p in reader.parameters)
    return SmallNetwork(Layers(dim, tuple(reader.operations), shapes), tuple(reader.parameters), timed)


def _read(reader: Reader, graph: fx.Graph, timed: bool) -> Any:
    known: dict[fx.Node, Any] = {}
    given: list[Any] = [*([Time(T)] if timed else []), Value(0, reader.shape)]
    for node in graph.nodes:
        args, options = (fx.node.map_arg(part, known.__getitem__) for part in (node.args, node.kwargs))
        match node.op:
            case "placeholder":
                known[node] = given.pop(0) if given else _default(node)
            case "get_attr":
                known[node] = _found(reader.module, node.target)
            case "call_module":
                layer = reader.module.get_submodule(node.target)
                known[node] = _applied(MODULES, type(layer), type(layer).__name__)(reader, layer, *args, **options)
            case "call_function":
                known[node] = _applied(FUNCTIONS, node.target, _shown(node.target))(reader, *args, **options)
            case "call_method":
                known[node] = _applied(METHODS, node.target, f".{node.target}()")(reader, *args, **options)
            case "output":
                return args[0]
    raise NotNative("it returns nothing")


def _default(node: fx.Node) -> Any:
    if node.args:
        return node.args[0]
    raise NotNative(f"it takes an argument {node.name!r} beside the state")


def _found(module: nn.Module, path: str) -> Any:
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _applied(table: dict[Any, Callable[..., Any]], key: Any, shown: str) -> Callable[..., Any]:
    if key not in table:
        raise NotNative(f"it holds {shown}, which the native road does not know")
    return table[key]


def _shown(function: Any) -> str:
    return getattr(function, "__name__", str(function))
