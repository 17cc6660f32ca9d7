"""Coordinates, domains and their faces.

A domain is a box: every coordinate runs over an interval, ``domain.bounds["x"] == (0.0, 1.0)``. A face is one end of a
spatial coordinate::

        lower(x)  x = 0 |-------------------| x = 1  upper(x)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symnum.errors import ModelError, did_you_mean
from symnum.expr.names import CoordinateInfo
from symnum.expr.term import Symbol, Term
from symnum.model.naming import check_name, split_names, to_term
from symnum.model.numeric import constant


def coordinates(names: Any, *, time: str = "t", units: Any = None) -> Any:
    """Coordinates by name: ``t, x, y = sn.coordinates("t x y")``. One name gives the symbol itself.

    The coordinate named ``time`` ("t" unless said otherwise) is time, the others are space. ``units``: a mapping from
    names to units, or one text of as many units as names (``"s m m"``).
    """
    found = split_names(names, "coordinate")
    if time != "t" and time not in found:
        raise ModelError(f"time={time!r} is not one of the coordinates {', '.join(found)}.{did_you_mean(time, found)}")
    given = _units(units, found)
    made = tuple(
        Symbol(name, "coordinate", CoordinateInfo("time" if name == time else "space", given.get(name, "")))
        for name in found
    )
    return made[0] if len(made) == 1 else made


def _units(units: Any, names: list[str]) -> dict[str, str]:
    if units is None:
        return {}
    if isinstance(units, Mapping):
        given = {str(getattr(k, "name", k)): str(v) for k, v in units.items()}
        for name in given:
            if name not in names:
                raise ModelError(
                    f"units are given for {name!r}, the coordinates are {', '.join(names)}.{did_you_mean(name, names)}"
                )
        return given
    split = units.split() if isinstance(units, str) else list(units)
    if len(split) != len(names):
        raise ModelError(
            f'{len(split)} units for {len(names)} coordinates; write units={{"x": "m"}} or one unit a coordinate'
        )
    return dict(zip(names, split, strict=True))


@dataclass(frozen=True)
class Face:
    """One end of a spatial coordinate; ``side`` is "lower" or "upper"."""

    coordinate: str
    side: str

    @property
    def outward(self) -> int:
        """The sign of the outward normal along the coordinate: -1 at the lower face, +1 at the upper one."""
        return -1 if self.side == "lower" else 1

    def __str__(self) -> str:
        return f"{self.side}({self.coordinate})"


def lower(coordinate: Any) -> Face:
    """The face where the coordinate is smallest: ``at=sn.lower(x)``."""
    return Face(_spatial(coordinate, "lower"), "lower")


def upper(coordinate: Any) -> Face:
    """The face where the coordinate is largest: ``at=sn.upper(x)``."""
    return Face(_spatial(coordinate, "upper"), "upper")


def _spatial(coordinate: Any, what: str) -> str:
    if isinstance(coordinate, str):
        return check_name(coordinate, "coordinate")
    return spatial_symbol(coordinate, f"sn.{what}").name


def spatial_symbol(coordinate: Any, what: str) -> Symbol:
    """The argument as a spatial coordinate, else ModelError; plain (SymPy) symbols are matched by name later."""
    term = to_term(coordinate, f"the coordinate of {what}", f"Write {what}(x) with a coordinate x.")
    if not isinstance(term, Symbol) or term.kind not in ("coordinate", "symbol"):
        kind = f"the {term.kind} {term.name}" if isinstance(term, Symbol) else f"the expression {term}"
        line = "at={x: 0}" if what.startswith("at=") else f"{what}(x)"
        raise ModelError(f"{what} takes a coordinate, got {kind}; write {line}")
    if term.kind == "coordinate" and term.info.role == "time":
        raise ModelError(f"{what}({term.name}): {term.name} is time; values at the start belong in initial={{u: ...}}")
    return term


@dataclass(frozen=True, init=False)
class Domain:
    """A box: ``Domain(t=(0, 1), x=(0, sn.pi))``; also ``Domain({x: (0, 1)})`` with coordinates as keys.

    Attributes:
        exact: coordinate name -> (lower, upper) as terms.
        bounds: coordinate name -> (lower, upper) as floats.
        time: name of the time coordinate, "t" if there is one of this name and ``time=`` says nothing else.

    Raises ModelError for bounds that are not two increasing finite constants.
    """

    exact: dict[str, tuple[Term, Term]]
    bounds: dict[str, tuple[float, float]]
    time: str | None

    def __init__(self, intervals: Mapping[Any, Any] | None = None, /, *, time: Any = None, **named: Any) -> None:
        if time is not None and not isinstance(time, str):
            named, time = {"time": time, **named}, "time"
        if intervals is not None and not isinstance(intervals, Mapping):
            raise ModelError(f"Domain({intervals!r}) names no coordinates; write sn.Domain(t=(0, 1), x=(0, 1))")
        given = {_key(k): v for k, v in (intervals or {}).items()}
        for name in named:
            if name in given:
                raise ModelError(f"the domain names {name} twice; write each coordinate once")
        given |= named
        exact = {check_name(name, "coordinate"): _interval(name, pair) for name, pair in given.items()}
        if not exact:
            raise ModelError("the domain is empty; write sn.Domain(t=(0, 1), x=(0, 1))")
        if time is not None and time not in exact:
            raise ModelError(
                f"time={time!r} has no interval in the domain; write sn.Domain({time}=(0, 1), ..., time={time!r})"
            )
        put = object.__setattr__
        put(self, "exact", exact)
        put(self, "bounds", {name: _floats(name, pair) for name, pair in exact.items()})
        put(self, "time", time if time is not None else ("t" if "t" in exact else None))

    def length(self, coordinate: str) -> float:
        """Upper minus lower bound."""
        low, high = self.bounds[coordinate]
        return high - low

    def location(self, face: Face) -> Term:
        """Where a face lies, exactly."""
        return self.exact[face.coordinate][0 if face.side == "lower" else 1]

    def with_time(self, time: str) -> Domain:
        """The same box with its time coordinate named."""
        return self if self.time == time else Domain(self.exact, time=time)

    def __hash__(self) -> int:
        return hash((tuple(self.exact.items()), self.time))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}=({low}, {high})" for name, (low, high) in self.exact.items())
        tail = f", time={self.time!r}" if self.time not in (None, "t") else ""
        return f"Domain({inside}{tail})"


def _key(key: Any) -> str:
    if isinstance(key, Symbol):
        return key.name
    name = getattr(key, "name", key)
    return check_name(name, "coordinate")


def _interval(name: str, pair: Any) -> tuple[Term, Term]:
    shape = f"Write sn.Domain({name}=(0, 1))."
    if isinstance(pair, (str, Term)) or not hasattr(pair, "__len__") or len(pair) != 2:
        raise ModelError(f"the bounds of {name} are {pair!r}, expected a pair (lower, upper). {shape}")
    low, high = (to_term(value, f"a bound of {name}", shape) for value in pair)
    return low, high


def _floats(name: str, pair: tuple[Term, Term]) -> tuple[float, float]:
    values = []
    for term in pair:
        value = constant(term)
        if value is None:
            raise ModelError(
                f"the bound {term} of {name} is not a constant; bounds are numbers such as 0, 2.5 or 2*sn.pi"
            )
        if not math.isfinite(value):
            raise ModelError(
                f"the bound {value} of {name} is not finite; choose a finite interval such as {name}=(-20, 20)"
            )
        values.append(value)
    low, high = values
    if low > high:
        raise ModelError(
            f"the bounds of {name} are reversed: {pair[0]} > {pair[1]}; write {name}=({pair[1]}, {pair[0]})"
        )
    if low == high:
        raise ModelError(
            f"the interval of {name} is empty: ({pair[0]}, {pair[1]}); write {name}=(lower, upper) with lower < upper"
        )
    return low, high
