"""What the native road understands of a torch graph: stand-ins for values, and a table for modules, one for functions and one for methods.

A stand-in is a value of the network (batch, columns) or (batch, channels, length), a number that depends on the time, spread over such a shape or
not, or something of which only the shape may be used, as ``y[:, :1]`` in ``t*torch.ones_like(y[:, :1])``. Shapes are those of a sample.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from symnum.expr.build import cos, exp, sin
from symnum.expr.term import Term, as_term
from symnum.neural.native.layers import Dense, Join, Operation, X, activation, mapped
from symnum.neural.native.sizes import NotNative, convolution


@dataclass(frozen=True)
class Value:
    """A stand-in for an array (batch, *shape): value ``index`` of the layers."""

    index: int
    shape: tuple[int, ...]

    @property
    def width(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Time:
    """A number that depends on the time alone (or on nothing), the same in an array (batch, *shape); (): not spread."""

    term: Term
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of a value of which only the shape (batch, *shape) may be used."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Size:
    """The shape (batch, *shape) of a value; ``batch``: its first entry."""

    shape: tuple[int, ...]
    batch: bool = False


@dataclass(frozen=True)
class Kind:
    """A dtype or a device."""


@dataclass
class Reader:
    """The operations and parameters found so far in a module's graph. ``shape``: of the state."""

    module: nn.Module
    shape: tuple[int, ...]
    operations: list[Operation] = field(default_factory=list)
    parameters: list[Tensor] = field(default_factory=list)

    def add(self, operation: Operation, *shape: int) -> Value:
        """``shape``: (columns,) where it is not given."""
        self.operations.append(operation)
        return Value(len(self.operations), shape or (operation.width,))

    def slot(self, tensor: Tensor) -> int:
        for k, known in enumerate(self.parameters):
            if known is tensor:
                return k
        self.parameters.append(tensor)
        return len(self.parameters) - 1

    def linear(self, x: Any, weight: Any, bias: Any = None, flipped: bool = False) -> Value:
        if not (isinstance(x, Value) and isinstance(weight, Tensor) and weight.ndim == 2):
            raise NotNative("it holds a matrix product of something else than values of the network and a weight")
        if len(x.shape) != 1:
            raise NotNative("a linear layer acts on channels, not on (batch, columns); flatten them before")
        outputs, inputs = weight.shape[::-1] if flipped else weight.shape
        if inputs != x.width:
            raise NotNative(f"a layer takes {inputs} inputs and gets {x.width}")
        slots = self.slot(weight), None if bias is None else self.slot(bias)
        return self.add(Dense(x.index, outputs, *slots, flipped))

    def activate(self, name: str, x: Any, slope: float = 0.01) -> Any:
        if not isinstance(x, Value):
            raise NotNative(f"{name} is applied to something else than values of the network")
        return x if name == "identity" else self.add(activation(name, x.index, x.width, slope), *x.shape)

    def elementwise(self, made: Callable[..., Any], *operands: Any) -> Any:
        """A function of values, times and numbers, number by number."""
        if any(not isinstance(o, Value | Time | int | float) for o in operands):
            raise NotNative("it combines values with something that is neither a value, a time nor a number")
        shape = _common([o.shape for o in operands if isinstance(o, Value | Time) and o.shape])
        values, symbols = [o for o in operands if isinstance(o, Value)], iter(X)
        if any(v.shape not in (shape, (1,)) for v in values):
            raise NotNative("it repeats the numbers of a channel")
        term = made(*(next(symbols) if isinstance(o, Value) else _term(o) for o in operands))
        if not values:
            return Time(term, shape)
        return self.add(mapped(tuple(v.index for v in values), prod(shape), term), *shape)

    def join(self, parts: Any, axis: int = 0) -> Value:
        found = [self.columns(p) for p in parts]
        rank = len(found[0].shape)
        if axis not in (1, -rank) or any(p.shape[1:] != found[0].shape[1:] or len(p.shape) != rank for p in found):
            raise NotNative("it joins arrays along another axis than that of the columns or channels")
        made = Join(tuple(p.index for p in found), sum(p.width for p in found))
        return self.add(made, sum(p.shape[0] for p in found), *found[0].shape[1:])

    def columns(self, part: Any) -> Value:
        """A value; the time in columns becomes one."""
        if isinstance(part, Time) and part.shape:
            return self.add(mapped((), prod(part.shape), part.term), *part.shape)
        if not isinstance(part, Value):
            raise NotNative("it joins something that has no columns")
        return part

    def convolve(self, x: Any, weight: Any, bias: Any, mode: str, **sizes: Any) -> Value:
        """``sizes``: stride, padding, dilation (numbers, or tuples of one), groups, as ``torch.nn.Conv1d`` has them."""
        if not (isinstance(x, Value) and isinstance(weight, Tensor) and weight.ndim == 3):
            raise NotNative("it holds a convolution of something else than values of the network with a weight")
        if len(x.shape) != 2:
            raise NotNative(
                "a convolution acts on columns, not on (batch, channels, length); write y.unsqueeze(1) for one channel"
            )
        made = convolution(x.index, x.shape, tuple(weight.shape), mode, **sizes)
        slots = self.slot(weight), None if bias is None else self.slot(bias)
        return self.add(replace(made, weight=slots[0], bias=slots[1]), made.outputs, made.result)

    def reshape(self, x: Any, *shape: Any) -> Any:
        """Another shape of a sample for the same numbers; one entry may be -1."""
        if not isinstance(x, Value):
            return _spread(self, x, *shape)
        sizes = shape[0] if len(shape) == 1 else shape
        if isinstance(sizes, Size):
            sizes = (Size(sizes.shape, batch=True), *sizes.shape)
        batch, *rest = sizes if isinstance(sizes, tuple | list) else (None,)
        if not (isinstance(batch, Size) and batch.batch) or not rest or any(type(n) is not int for n in rest):
            raise NotNative("it reshapes values to another shape than (y.shape[0], ...)")
        return Value(x.index, _filled(rest, x.width))


def _term(operand: Any) -> Term:
    return operand.term if isinstance(operand, Time) else as_term(operand)


def _power(x: Term, e: Term) -> Term:
    if e.op != "const":
        raise NotNative("it holds a power whose exponent is no number")
    made: Term = x**e
    return made


def _common(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that some shapes of as many axes are spread to."""
    found = tuple(max(sizes) for sizes in zip(*shapes, strict=False))
    if any(len(s) != len(found) or any(a not in (1, b) for a, b in zip(s, found, strict=True)) for s in shapes):
        raise NotNative(f"it combines {' and '.join(sorted({_shown(s) for s in shapes}))}")
    return found


def _shown(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} columns" if len(shape) == 1 else f"{shape[0]} channels of {' x '.join(map(str, shape[1:]))}"


def _filled(sizes: list[int], width: int) -> tuple[int, ...]:
    """The shape with -1 replaced by what is missing."""
    known = prod(n for n in sizes if n != -1)
    found = tuple(width // known if n == -1 and known > 0 else n for n in sizes)
    if min(found) < 1 or prod(found) != width or sizes.count(-1) > 1:
        raise NotNative(f"it reshapes {width} numbers to {tuple(sizes)}")
    return found


def _shape(x: Any) -> tuple[int, ...]:
    """The shape of whatever has one."""
    if isinstance(x, Value | Part) or (isinstance(x, Time) and x.shape):
        return x.shape
    raise NotNative("it makes an array like something that is no value of the network")


def _columns(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """Of a shape that is written as (y.shape[0], 3), or is the shape of a value."""
    sizes = shape[0] if len(shape) == 1 else shape
    if isinstance(sizes, Size) and not sizes.batch:
        return sizes.shape
    batch, *rest = sizes if isinstance(sizes, tuple | list) else (None,)
    if isinstance(batch, Size) and batch.batch and rest and all(type(n) is int and n > 0 for n in rest):
        return tuple(rest)
    raise NotNative("it makes an array of another shape than (y.shape[0], columns)")


def _like(number: float) -> Callable[..., Time]:
    return lambda reader, x, **_: Time(as_term(number), _shape(x))


def _spread(reader: Reader, x: Any, *shape: Any) -> Time:
    if not isinstance(x, Time) or x.shape:
        raise NotNative("it reshapes values")
    return Time(x.term, _columns(shape))


def _flatten(reader: Reader, x: Any, first: int = 0, last: int = -1) -> Any:
    if not isinstance(x, Value) or first != 1 or last not in (-1, len(x.shape)):
        raise NotNative("it flattens something else than the axes of a sample")
    return Value(x.index, (x.width,))


def _unflatten(reader: Reader, x: Any, axis: int, sizes: Any) -> Any:
    if not isinstance(x, Value) or len(x.shape) != 1 or axis not in (1, -1) or any(type(n) is not int for n in sizes):
        raise NotNative("it splits something else than the columns of a sample")
    return Value(x.index, _filled(list(sizes), x.width))


def _unsqueeze(reader: Reader, x: Any, axis: int) -> Any:
    if not isinstance(x, Value) or axis not in range(1, len(x.shape) + 2):
        raise NotNative("it adds an axis to something else than a sample")
    return Value(x.index, (*x.shape[: axis - 1], 1, *x.shape[axis - 1 :]))


def _squeeze(reader: Reader, x: Any, axis: int = 0) -> Any:
    if (
        not isinstance(x, Value)
        or axis not in range(1, len(x.shape) + 1)
        or len(x.shape) == 1
        or x.shape[axis - 1] != 1
    ):
        raise NotNative("it squeezes something else than an axis of length 1 of a sample")
    return Value(x.index, (*x.shape[: axis - 1], *x.shape[axis:]))


def _convolve(
    reader: Reader,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    sizes = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return reader.convolve(x, weight, bias, "zeros", **sizes)


def _conv_module(reader: Reader, m: Any, x: Any) -> Value:
    sizes = {name: getattr(m, name) for name in ("stride", "padding", "dilation", "groups")}
    return reader.convolve(x, m.weight, m.bias, m.padding_mode, **sizes)


def _item(reader: Reader, x: Any, key: Any) -> Any:
    """Columns of the state, of which only the shape may be used; the batch from a shape."""
    if isinstance(x, Size) and type(key) is int and not x.batch and -len(x.shape) <= key <= len(x.shape):
        return Size(x.shape, batch=True) if key == 0 else x.shape[key - 1 if key > 0 else key]
    whole = isinstance(x, Value) and isinstance(key, tuple) and 1 < len(key) <= len(x.shape) + 1
    if whole and key[0] == slice(None) and key[1] == slice(None, 1) and all(k == slice(None) for k in key[2:]):
        return Part((1, *x.shape[1:]))
    if whole and key == (..., slice(None, 1)):
        return Part((*x.shape[:-1], 1))
    raise NotNative("it takes values apart")


def _attribute(reader: Reader, x: Any, name: str) -> Any:
    if name == "shape":
        return Size(_shape(x))
    if name in ("dtype", "device"):
        return Kind()
    raise NotNative(f"it uses .{name}")


def _converted(reader: Reader, x: Any, *kinds: Any, **named: Any) -> Any:
    if all(isinstance(k, Value | Kind | Time) for k in (*kinds, *named.values())):
        return x
    raise NotNative("it converts values")


def _map_of(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda reader, *operands: reader.elementwise(function, *operands)


def _named(name: str) -> Callable[..., Any]:
    return lambda reader, x, *rest, **options: reader.activate(name, x, *_slope(name, rest, options))


_SLOPES = {"leaky_relu": ("negative_slope", 0.01), "elu": ("alpha", 1.0)}


def _slope(name: str, rest: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    """The slope of an activation that has one; all other options must have their defaults."""
    defaults = {"approximate": "none", "beta": 1, "threshold": 20, "inplace": False}
    option, slope = _SLOPES.get(name, ("", 0.0))
    slope = options.get(option, slope)
    if rest or any(defaults.get(k) != v for k, v in options.items() if k != option):
        raise NotNative(f"{name} has options that the native road does not know (of another kind, or in place)")
    return (slope,) if option else ()


def _layer(kind: type[nn.Module], name: str, *options: str) -> tuple[type[nn.Module], Callable[..., Any]]:
    return kind, lambda reader, m, x: reader.activate(
        name, x, *_slope(name, (), {option: getattr(m, option) for option in options})
    )


def _matrix(reader: Reader, x: Any, weight: Any) -> Value:
    return reader.linear(x, weight, flipped=True)


MODULES: dict[type[nn.Module], Callable[..., Any]] = dict(
    [
        (nn.Linear, lambda reader, m, x: reader.linear(x, m.weight, m.bias)),
        _layer(nn.Tanh, "tanh"),
        _layer(nn.ReLU, "relu", "inplace"),
        _layer(nn.Sigmoid, "sigmoid"),
        _layer(nn.Softplus, "softplus", "beta", "threshold"),
        _layer(nn.GELU, "gelu", "approximate"),
        _layer(nn.SiLU, "silu", "inplace"),
        _layer(nn.ELU, "elu", "alpha", "inplace"),
        _layer(nn.LeakyReLU, "leaky_relu", "negative_slope", "inplace"),
        _layer(nn.Identity, "identity"),
        (nn.Conv1d, _conv_module),
        (nn.Flatten, lambda reader, m, x: _flatten(reader, x, m.start_dim, m.end_dim)),
        (nn.Unflatten, lambda reader, m, x: _unflatten(reader, x, m.dim, m.unflattened_size)),
    ]
)
_ARITHMETIC: dict[Any, Callable[..., Any]] = {
    operator.add: operator.add, operator.sub: operator.sub, operator.mul: operator.mul, operator.truediv: operator.truediv,
    torch.add: operator.add, torch.sub: operator.sub, torch.mul: operator.mul, torch.div: operator.truediv,
    operator.neg: operator.neg, torch.neg: operator.neg, operator.pow: _power, torch.pow: _power,
    torch.sin: sin, torch.cos: cos, torch.exp: exp, torch.square: lambda x: x**2,
}  # fmt: skip
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    **{f: _map_of(g) for f, g in _ARITHMETIC.items()},
    **{f: _named("tanh") for f in (torch.tanh, functional.tanh)},
    **{f: _named("sigmoid") for f in (torch.sigmoid, functional.sigmoid)},
    **{f: _named("relu") for f in (torch.relu, functional.relu)},
    **{getattr(functional, n): _named(n) for n in ("softplus", "gelu", "silu", "elu", "leaky_relu")},
    **dict.fromkeys((operator.matmul, torch.matmul, torch.mm), _matrix),
    functional.linear: lambda reader, x, weight, bias=None: reader.linear(x, weight, bias),
    **dict.fromkeys((torch.conv1d, functional.conv1d), _convolve),
    torch.flatten: _flatten, torch.unsqueeze: _unsqueeze, torch.squeeze: _squeeze, torch.reshape: lambda reader, x, shape: reader.reshape(x, shape),
    torch.cat: lambda reader, parts, dim=0: reader.join(parts, dim),
    torch.ones_like: _like(1.0), torch.zeros_like: _like(0.0),
    torch.full_like: lambda reader, x, value, **_: Time(_term(value), _shape(x)),
    operator.getitem: _item,
    getattr: _attribute,
}  # fmt: skip
METHODS: dict[str, Callable[..., Any]] = {
    **{name: _map_of(getattr(operator, name)) for name in ("add", "sub", "mul", "neg")},
    "div": _map_of(operator.truediv), "matmul": _matrix, "mm": _matrix,
    "tanh": _named("tanh"), "sigmoid": _named("sigmoid"), "relu": _named("relu"),
    "sin": _map_of(sin), "cos": _map_of(cos), "exp": _map_of(exp), "square": _map_of(lambda x: x**2), "pow": _map_of(_power),
    "expand": _spread, "repeat": _spread, "expand_as": lambda reader, x, y: _spread(reader, x, Size(_shape(y))),
    "reshape": lambda reader, x, *shape: reader.reshape(x, *shape), "view": lambda reader, x, *shape: reader.reshape(x, *shape),
    "flatten": _flatten, "unflatten": _unflatten, "unsqueeze": _unsqueeze, "squeeze": _squeeze,
    "new_ones": lambda reader, x, *shape, **_: Time(as_term(1.0), _columns(shape)),
    "new_zeros": lambda reader, x, *shape, **_: Time(as_term(0.0), _columns(shape)),
    "size": lambda reader, x, k=None: Size(_shape(x)) if k is None else _item(reader, Size(_shape(x)), k),
    "to": _converted, "contiguous": lambda reader, x: x,
}  # fmt: skip
