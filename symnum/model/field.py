"""Fields (the unknowns) and parameters (symbols with a default value)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from symnum.errors import ModelError
from symnum.expr.names import FieldInfo, ParameterInfo
from symnum.expr.term import Symbol, Term
from symnum.model.naming import check_name, split_names, to_term
from symnum.model.numeric import constant


def field(name: str, coordinates: Any, *, dtype: Any = float, units: str = "") -> Symbol:
    """An unknown real function of coordinates: ``u = sn.field("u", (t, x))``; on ``(t,)`` it is the state of an ODE.

    Raises ModelError for a name that is not an identifier, for anything but coordinates, and for complex fields (not
    supported yet).
    """
    check_name(name, "field")
    _check_dtype(name, dtype)
    return Symbol(name, "field", FieldInfo(_coordinates(name, coordinates), "float64", units))


def fields(names: Any, coordinates: Any, *, dtype: Any = float, units: str = "") -> Any:
    """Several fields on the same coordinates: ``u, v = sn.fields("u v", (t, x, y))``; one name gives the field."""
    made = tuple(field(name, coordinates, dtype=dtype, units=units) for name in split_names(names, "field"))
    return made[0] if len(made) == 1 else made


def _check_dtype(name: str, dtype: Any) -> None:
    if dtype in (float, "float", "float64", "d", "real"):
        return
    if dtype in (complex, "complex", "complex128"):
        raise ModelError(
            f"the field {name} is complex: not supported yet, write real and imaginary part as two fields: "
            f'{name}_re, {name}_im = sn.fields("{name}_re {name}_im", ...)'
        )
    raise ModelError(f"dtype={dtype!r} of the field {name} is not known; fields are float (double precision)")


def _coordinates(name: str, coordinates: Any) -> tuple[Symbol, ...]:
    example = f'Write sn.field("{name}", (t, x)).'
    if isinstance(coordinates, str):
        raise ModelError(
            f'the coordinates of {name} are the text {coordinates!r}; write t, x = sn.coordinates("t x") and '
            f'sn.field("{name}", (t, x))'
        )
    if not isinstance(coordinates, (Term, Iterable)):
        raise ModelError(f"the coordinates of {name} are {coordinates!r}, expected coordinate symbols. {example}")
    given = (coordinates,) if isinstance(coordinates, Term) else tuple(coordinates)
    if not given:
        raise ModelError(f"the field {name} depends on no coordinate; a constant is a parameter. {example}")
    made: list[Symbol] = []
    for value in given:
        symbol = to_term(value, f"a coordinate of the field {name}", example)
        if not isinstance(symbol, Symbol) or symbol.kind != "coordinate":
            kind = symbol.kind if isinstance(symbol, Symbol) else "expression"
            raise ModelError(
                f"the field {name} cannot depend on the {kind} {symbol}; it depends on coordinates. {example}"
            )
        if symbol in made:
            raise ModelError(f"the field {name} names the coordinate {symbol} twice. {example}")
        made.append(symbol)
    times = [c.name for c in made if c.info.role == "time"]
    if len(times) > 1:
        raise ModelError(
            f"the field {name} has the time coordinates {' and '.join(times)}; a model has one time. {example}"
        )
    return tuple(made)


def parameter(name: str, default: Any = None, *, units: str = "") -> Symbol:
    """A symbol with a default value and units: ``k = sn.parameter("k", 2.0, units="W/m/K")``.

    Without a default (None) a system that uses it must be given a value.
    """
    check_name(name, "parameter")
    if default is not None:
        default = parameter_value(name, default)
    return Symbol(name, "parameter", ParameterInfo(default, units))


def parameters(names: Any = None, /, **defaults: Any) -> Any:
    """Symbols with default values, in the order written: ``a, b = sn.parameters(a=3.4, b=1.0)``.

    One gives the symbol itself.
    ``sn.parameters("a b")`` makes parameters without values; a system that uses them must be given some.
    """
    if names is None and not defaults:
        raise ModelError("no parameter given; write a, b = sn.parameters(a=3.4, b=1.0)")
    bare = split_names(names, "parameter") if names is not None else []
    made = tuple(parameter(name) for name in bare) + tuple(parameter(name, value) for name, value in defaults.items())
    return made[0] if len(made) == 1 else made


def parameter_value(name: str, value: Any) -> float:
    """A parameter's value as a finite float; a constant term such as ``sn.pi/2`` serves. Else ModelError."""
    line = f"Write {name}=1.0"
    if isinstance(value, (bool, str)) or value is None:
        raise ModelError(f"the parameter {name} has the value {value!r}, expected a finite number. {line}")
    term = to_term(value, f"the value of the parameter {name}", line) if not _is_nan(value) else None
    number = math.nan if term is None else constant(term)
    if number is None:
        raise ModelError(f"the value {value} of the parameter {name} holds symbols, expected a finite number. {line}")
    if not math.isfinite(number):
        raise ModelError(f"the parameter {name} has the value {number}, expected a finite number. {line}")
    return number


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
