"""What the native road understands of a torch graph: stand-ins for values, and a table for modules, one for functions and one for methods.

A stand-in is a value of the network (batch, width), a number that depends on the time, spread over some columns or not, or something of which only
the shape may be used, as ``y[:, :1]`` in ``t*torch.ones_like(y[:, :1])``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from symnum.errors import SolveError
from symnum.expr.build import cos, exp, sin
from symnum.expr.term import Term, as_term
from symnum.neural.native.layers import Dense, Join, Operation, X, activation, mapped


class NotNative(SolveError):
    """The native road does not know an operation; the message is a sentence."""


@dataclass(frozen=True)
class Value:
    """A stand-in for an array (batch, width): value ``index`` of the layers."""

    index: int
    width: int


@dataclass(frozen=True)
class Time:
    """A number that depends on the time alone (or on nothing); ``width``: in so many columns of the batch, 0: not spread."""

    term: Term
    width: int = 0


@dataclass(frozen=True)
class Part:
    """Columns of a value of which only the shape (batch, width) may be used."""

    width: int


@dataclass(frozen=True)
class Size:
    """The shape (batch, width) of a value; ``batch``: its first entry."""

    width: int
    batch: bool = False


@dataclass(frozen=True)
class Kind:
    """A dtype or a device."""


@dataclass
class Reader:
    """The operations and parameters found so far in a module's graph. ``dim``: of the state."""

    module: nn.Module
    dim: int
    operations: list[Operation] = field(default_factory=list)
    parameters: list[Tensor] = field(default_factory=list)

    def add(self, operation: Operation) -> Value:
        self.operations.append(operation)
        return Value(len(self.operations), operation.width)

    def slot(self, tensor: Tensor) -> int:
        for k, known in enumerate(self.parameters):
            if known is tensor:
                return k
        self.parameters.append(tensor)
        return len(self.parameters) - 1

    def linear(self, x: Any, weight: Any, bias: Any = None, flipped: bool = False) -> Value:
        if not (isinstance(x, Value) and isinstance(weight, Tensor) and weight.ndim == 2):
            raise NotNative("it holds a matrix product of something else than values of the network and a weight")
        outputs, inputs = weight.shape[::-1] if flipped else weight.shape
        if inputs != x.width:
            raise NotNative(f"a layer takes {inputs} inputs and gets {x.width}")
        slots = self.slot(weight), None if bias is None else self.slot(bias)
        return self.add(Dense(x.index, outputs, *slots, flipped))

    def activate(self, name: str, x: Any, slope: float = 0.01) -> Any:
        if not isinstance(x, Value):
            raise NotNative(f"{name} is applied to something else than values of the network")
        return x if name == "identity" else self.add(activation(name, x.index, x.width, slope))

    def elementwise(self, made: Callable[..., Any], *operands: Any) -> Any:
        """A function of values, times and numbers, number by number."""
        if any(not isinstance(o, Value | Time | int | float) for o in operands):
            raise NotNative("it combines values with something that is neither a value, a time nor a number")
        widths = {o.width for o in operands if isinstance(o, Value | Time)} - {0}
        width = max(widths, default=0)
        if widths - {1, width}:
            raise NotNative(f"it combines {' and '.join(map(str, sorted(widths)))} columns")
        values, symbols = [o for o in operands if isinstance(o, Value)], iter(X)
        term = made(*(next(symbols) if isinstance(o, Value) else _term(o) for o in operands))
        if not values:
            return Time(term, width)
        return self.add(mapped(tuple(v.index for v in values), width, term))

    def join(self, parts: Any, axis: int = 0) -> Value:
        if axis not in (-1, 1):
            raise NotNative("it joins arrays along another axis than the last")
        found = [self.columns(p) for p in parts]
        return self.add(Join(tuple(p.index for p in found), sum(p.width for p in found)))

    def columns(self, part: Any) -> Value:
        """A value; the time in columns becomes one."""
        if isinstance(part, Time) and part.width:
            return self.add(mapped((), part.width, part.term))
        if not isinstance(part, Value):
            raise NotNative("it joins something that has no columns")
        return part


def _term(operand: Any) -> Term:
    return operand.term if isinstance(operand, Time) else as_term(operand)


def _power(x: Term, e: Term) -> Term:
    if e.op != "const":
        raise NotNative("it holds a power whose exponent is no number")
    made: Term = x**e
    return made


def _width(x: Any) -> int:
    """Columns of whatever has the shape (batch, columns)."""
    if isinstance(x, Value | Part) or (isinstance(x, Time) and x.width):
        return x.width
    raise NotNative("it makes an array like something that is no value of the network")


def _columns(shape: tuple[Any, ...]) -> int:
    """Columns of a shape that is written as (y.shape[0], 3), or is the shape of a value."""
    sizes = shape[0] if len(shape) == 1 else shape
    if isinstance(sizes, Size) and not sizes.batch:
        return sizes.width
    batch, *rest = sizes if isinstance(sizes, tuple | list) else (None,)
    if isinstance(batch, Size) and batch.batch and len(rest) == 1 and type(rest[0]) is int and rest[0] > 0:
        return rest[0]
    raise NotNative("it makes an array of another shape than (y.shape[0], columns)")


def _like(number: float) -> Callable[..., Time]:
    return lambda reader, x, **_: Time(as_term(number), _width(x))


def _spread(reader: Reader, x: Any, *shape: Any) -> Time:
    if not isinstance(x, Time) or x.width:
        raise NotNative("it reshapes values")
    return Time(x.term, _columns(shape))


def _item(reader: Reader, x: Any, key: Any) -> Any:
    """Columns of the state, of which only the shape may be used; the batch from a shape."""
    if isinstance(x, Size) and key == 0 and not x.batch:
        return Size(x.width, batch=True)
    one = isinstance(key, tuple) and len(key) == 2 and key[0] in (slice(None), ...) and key[1] == slice(None, 1)
    if isinstance(x, Value) and one:
        return Part(1)
    raise NotNative("it takes values apart")


def _attribute(reader: Reader, x: Any, name: str) -> Any:
    if name == "shape":
        return Size(_width(x))
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
    torch.cat: lambda reader, parts, dim=0: reader.join(parts, dim),
    torch.ones_like: _like(1.0), torch.zeros_like: _like(0.0),
    torch.full_like: lambda reader, x, value, **_: Time(_term(value), _width(x)),
    operator.getitem: _item,
    getattr: _attribute,
}  # fmt: skip
METHODS: dict[str, Callable[..., Any]] = {
    **{name: _map_of(getattr(operator, name)) for name in ("add", "sub", "mul", "neg")},
    "div": _map_of(operator.truediv), "matmul": _matrix, "mm": _matrix,
    "tanh": _named("tanh"), "sigmoid": _named("sigmoid"), "relu": _named("relu"),
    "sin": _map_of(sin), "cos": _map_of(cos), "exp": _map_of(exp), "square": _map_of(lambda x: x**2), "pow": _map_of(_power),
    "expand": _spread, "repeat": _spread, "expand_as": lambda reader, x, y: _spread(reader, x, Size(_width(y))),
    "new_ones": lambda reader, x, *shape, **_: Time(as_term(1.0), _columns(shape)),
    "new_zeros": lambda reader, x, *shape, **_: Time(as_term(0.0), _columns(shape)),
    "size": lambda reader, x, k=None: Size(_width(x)) if k is None else _item(reader, Size(_width(x)), k),
    "to": _converted, "contiguous": lambda reader, x: x,
}  # fmt: skip
