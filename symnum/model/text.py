"""Models from text and back, in symnum's own grammar (``expr.parse``); nothing is ever evaluated as Python.

::

    equation    "dt(u) = D*dxx(u) - dx(u*w) + sin(x)"
    condition   "u = exp(-t) @ x=0"   "dx(u) + 2*u = 0 @ x=pi"   "dx(u) = 0 @ lower(x)"   "periodic x"   "antiperiodic
    x" initial     "u = cos(x)"          "dt(u) = 0"
    operators   dt dtt dx dxx dxy ... (the suffix is split into coordinates), d(u, x, 3), laplacian, div, grad, curl

In a condition ``dx(u)`` is the derivative along x (not outward). A name below a derivative, on a left side or in
``initial`` that is not declared is a field on all coordinates; every other name must be declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symnum.errors import ModelError, ParseError, did_you_mean, names_options
from symnum.expr.network import without_networks
from symnum.expr.parse import parse, parse_equation
from symnum.expr.term import Symbol, Term
from symnum.model.conditions import Condition, FaceCondition, Periodic
from symnum.model.equation import Eq
from symnum.model.field import field as make_field
from symnum.model.field import parameter as make_parameter
from symnum.model.naming import split_names, to_term
from symnum.model.operators import operators
from symnum.model.scan import find_field_names
from symnum.model.slips import condition_meant, in_words_of_text, start_meant
from symnum.model.space import Domain, coordinates

if TYPE_CHECKING:
    from symnum.model.system import PDESystem


@dataclass(frozen=True)
class Scope:
    """What a text may mention: declared names, and the derivative operators of the coordinates."""

    names: Mapping[str, Symbol]
    functions: Callable[[str], Callable[..., Any] | None]

    def term(self, text: str, label: str) -> Any:
        with _Labelled(label):
            return parse(text, self.names, self.functions)

    def equation(self, text: str, label: str) -> Eq:
        with _Labelled(label):
            left, right = parse_equation(text, self.names, self.functions)
            return Eq(left, right)


class _Labelled:
    """Errors raised inside say where they come from: ``equation 2, column 7: ...``."""

    def __init__(self, label: str) -> None:
        self.label = label

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ParseError):
            said, line, window = error.args[0].partition("\n")
            if error.unknown:
                said += f' If it is a parameter, write parameters={{"{error.unknown}": 1.0}}'
            made = ParseError(f"{self.label}, column {error.position + 1}: {said}{line}{window}")
            made.text, made.position = error.text, error.position
            raise made from None
        if isinstance(error, ModelError):
            raise ParseError(f"{self.label}: {error}") from None


@names_options
def from_text(
    equations: Any,
    domain: Any,
    conditions: Any = (),
    initial: Any = (),
    parameters: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] | None = None,
    name: str = "",
    time: str | None = None,
    events: Iterable[Any] = (),
) -> PDESystem:
    """A ``PDESystem`` from text.

    Args:
        equations: texts (or one text with an equation a line), one equation a field.
        domain: coordinate name -> (lower, upper), numbers or text such as "2*pi"; or a ``Domain``.
        conditions, initial: texts as above; ``initial`` may also map "u" to a text, number, array or function.
        parameters: name -> number (or constant text).
        fields: name -> coordinates ("t x"), needed only for a field that does not depend on all coordinates.
        time: name of the time coordinate if it is not "t".

    Raises ParseError, with the text, the column and near names, for text outside the grammar; ModelError for an
    ill-posed model.
    """
    from symnum.model.system import PDESystem

    box = _domain(domain, time)
    along = {c: coordinates(c, time=c if c == box.time else "t") for c in box.bounds}
    constants = _parameters(parameters, along)
    rows = _lines(equations, "equations")
    started = initial if isinstance(initial, Mapping) else _lines(initial, "initial")
    unknowns = _fields(fields, rows, started, along, constants)
    scope = Scope({**along, **constants, **unknowns}, operators(along))
    read = (
        [scope.equation(text, f"equation {number}") for number, text in enumerate(rows, 1)],
        box,
        [made for text in _lines(conditions, "conditions") for made in _condition(text, scope, box)],
        dict(_initial(started, scope)),
        {symbol: symbol.info.default for symbol in constants.values()},
    )
    try:
        system = PDESystem(*read, name, events)
    except ModelError as error:
        raise type(error)(in_words_of_text(str(error))) from None
    _check_declared(fields, [u.name for u in system.fields])
    return system


def noise_terms(texts: Any, system: PDESystem) -> Any:
    """Noise as text, ``["u: sigma*u"]`` or {field: text, list of texts, or {process: text}}, as terms of a system.

    Raises ParseError for text outside the grammar, ModelError for a line without a field.
    """
    along = (system.time, *system.space)
    names = {s.name: s for s in (*system.fields, *along, *system.parameter_symbols.values())}
    scope = Scope(names, operators({c.name: c for c in along}))
    if texts is None:
        return None
    if not isinstance(texts, Mapping):
        rows = _lines(texts, "noise")
        lost = next((row for row in rows if ":" not in row), None)
        if lost is not None:
            raise ModelError(f'noise is {lost!r}, which names no field; write noise=["u: sigma*u"]')
        pairs = [(field.strip(), term) for field, _, term in (row.partition(":") for row in rows)]
        texts = dict(pairs)
        if len(texts) < len(pairs):
            twice = next(field for k, (field, _) in enumerate(pairs) if field in dict(pairs[:k]))
            raise ModelError(
                f'noise names {twice} twice; write its coefficients in one entry: noise={{"{twice}": ["b1", "b2"]}}'
            )

    def read(field: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {process: read(field, text) for process, text in value.items()}
        if isinstance(value, (list, tuple)):
            return [read(field, text) for text in value]
        return scope.term(value.strip(), f"the noise of {field}") if isinstance(value, str) else value

    return {field: read(str(field), value) for field, value in texts.items()}


def _check_declared(fields: Mapping[str, Any] | None, found: list[str]) -> None:
    """ModelError for a field that is declared and has no equation: a slip in its name, as a rule."""
    for name in fields or ():
        if name not in found:
            raise ModelError(
                f"fields declares {name!r}, which occurs in no equation.{did_you_mean(name, found)} The equations have "
                f"{', '.join(found)}; leave {name!r} out, or write its equation"
            )


def _lines(texts: Any, what: str) -> list[str]:
    if texts is None:
        return []
    rows = texts.splitlines() if isinstance(texts, str) else texts
    if not isinstance(rows, Iterable):
        raise ModelError(f'{what}={texts!r} is no list of texts; write {what}=["...", "..."]')
    found = list(rows)
    for row in found:
        if not isinstance(row, str):
            raise ModelError(
                f"{what} holds {row!r} of type {type(row).__name__}, expected text; objects go to sn.PDESystem(...), "
                "text to from_text"
            )
    return [row.strip() for row in found if row.strip()]


def _domain(domain: Any, time: str | None) -> Domain:
    if isinstance(domain, Domain):
        return domain if time is None else domain.with_time(time)
    if not isinstance(domain, Mapping):
        raise ModelError(f'domain={domain!r} is no mapping; write domain={{"t": (0, 1), "x": (0, "pi")}}')
    made = {}
    for key, pair in domain.items():
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise ModelError(f'the bounds of {key} are {pair!r}, expected a pair; write "{key}": (0, 1)')
        made[key] = tuple(_constant(value, f"a bound of {key}") for value in pair)
    return Domain(made, time=time)


def _constant(value: Any, label: str) -> Any:
    if not isinstance(value, str):
        return value
    with _Labelled(f"{label} ({value!r})"):
        return parse(value)


def _parameters(parameters: Mapping[str, Any] | None, along: Mapping[str, Symbol]) -> dict[str, Symbol]:
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise ModelError(f'parameters={parameters!r} is no mapping; write parameters={{"D": 0.1}}')
    made: dict[str, Symbol] = {}
    for name, value in parameters.items():
        if name in along:
            raise ModelError(f"the name {name!r} stands for a coordinate and a parameter; rename one of them")
        if value is None:
            raise ModelError(f'the parameter {name} has no value; write parameters={{"{name}": 1.0}}')
        made[name] = make_parameter(name, _constant(value, f"the value of the parameter {name}"))
    return made


def _fields(
    fields: Mapping[str, Any] | None,
    rows: list[str],
    initial: Any,
    along: Mapping[str, Symbol],
    constants: Mapping[str, Symbol],
) -> dict[str, Symbol]:
    """Declared fields, then the inferred ones, which depend on all coordinates."""
    if fields is not None and not isinstance(fields, Mapping):
        raise ModelError(f'fields={fields!r} is no mapping; write fields={{"w": "x"}}')
    made: dict[str, Symbol] = {}
    for name, on in (fields or {}).items():
        for other, kind in ((along, "coordinate"), (constants, "parameter")):
            if name in other:
                raise ModelError(f"the name {name!r} stands for a {kind} and a field; rename one of them")
        made[name] = make_field(name, tuple(_coordinate(c, name, along) for c in split_names(on, "coordinate")))
    declared = {**along, **constants, **made}
    for number, text in enumerate(rows, 1):
        with _Labelled(f"equation {number}"):
            for found in find_field_names(text, declared, along):
                made.setdefault(found, make_field(found, tuple(along.values())))
    starts = list(initial) if isinstance(initial, Mapping) else [text.partition("=")[0] for text in initial]
    for start in starts:
        if not isinstance(start, str):
            raise ModelError(f'initial names {start!r}, expected text; write initial={{"u": 1}}, or initial=["u = 1"]')
    for start in starts:
        if start.strip() in constants:
            raise ModelError(f"the name {start.strip()!r} stands for a parameter and a field; rename one of them")
        with _Labelled(f"initial {start!r}"):
            for found in find_field_names(f"{start} = 0", declared, along):
                made.setdefault(found, make_field(found, tuple(along.values())))
    return made


def _coordinate(name: str, field: str, along: Mapping[str, Symbol]) -> Symbol:
    if name not in along:
        raise ModelError(
            f"fields: {field} depends on {name!r}, which is not in the domain "
            f"({', '.join(along)}).{did_you_mean(name, along)}"
        )
    return along[name]


# --- conditions and initial data ------------------------------------------------------------

_PERIODIC = re.compile(r"(anti)?periodic\b(.*)", re.DOTALL)
_SIDE = re.compile(r"(lower|upper)\s*\(\s*(\w+)\s*\)\s*")


def _condition(text: str, scope: Scope, box: Domain) -> list[Condition]:
    label = f"condition {text!r}"
    match = _PERIODIC.match(text)
    if match and " @ " not in text:
        names = re.sub(r"[(),]", " ", match[2]).split()
        if not names:
            raise ParseError(f"{label} names no coordinate; write 'periodic x'", text, len(text))
        for name in names:
            _known_coordinate(name, text, box)
        return [Periodic(name, -1 if match[1] else 1) for name in names]
    equation, mark, place = text.rpartition(" @ ")
    if not mark:
        have = next((c for c in box.bounds if c != box.time), "x")
        fields = [name for name, symbol in scope.names.items() if symbol.kind == "field"]
        meant = condition_meant(text, fields, list(box.bounds), box.time or "t")
        stated, where = meant or _split_without_mark(text, box)
        seen = "names no face" if meant or not where else f"has no ' @ ' before {where!r}"
        where = where or f"{have}={box.exact[have][0] if have in box.exact else 0}"
        raise ParseError(f"{label} {seen}; write '{stated} @ {where}' or 'periodic {have}'")
    coordinate, location = _place(place, text, len(equation) + len(mark), box)
    return [FaceCondition("general", scope.equation(equation, label), coordinate, location)]


def _split_without_mark(text: str, box: Domain) -> tuple[str, str]:
    """What was meant by ``u = 0 x=0``, ``u = 0 at x=0`` or ``u=0@x=0``: the equation, and the place ("" where none is seen)."""
    names = "|".join(re.escape(c) for c in box.bounds)
    place = rf"(?:{names})\s*=[^=]+|(?:lower|upper)\s*\(\s*(?:{names})\s*\)"
    match = re.fullmatch(rf"(.*?=.*?\S)(?:\s*@\s*|\s*,\s*|\s+at\s+|\s+on\s+|\s+)({place})", text.strip(), re.DOTALL)
    if match:
        return match[1].strip(), match[2].strip()
    return (text.strip() if text.count("=") == 1 else "u = 0"), ""


def _place(place: str, text: str, start: int, box: Domain) -> tuple[str, Term | str]:
    """``x=0``, ``lower(x)`` or ``upper(x)`` as (coordinate, location)."""
    side = _SIDE.fullmatch(place.strip())
    if side:
        _known_coordinate(side[2], text, box, start)
        return side[2], side[1]
    name, mark, value = (part.strip() for part in place.partition("="))
    if not mark or not name.isidentifier() or not value:
        raise ParseError(
            f"condition {text!r}: {place.strip()!r} names no face; write '@ x=0', '@ lower(x)' or '@ upper(x)'",
            text,
            start,
        )
    _known_coordinate(name, text, box, start)
    label = f"the place of condition {text!r}"
    return name, to_term(_constant(value, label), label, f"Write '@ {name}=0'.")


def _known_coordinate(name: str, text: str, box: Domain, position: int | None = None) -> None:
    if name not in box.bounds or name == box.time:
        space = [c for c in box.bounds if c != box.time]
        what = (
            f"{name} is time; values at the start belong in initial"
            if name == box.time
            else f"{name!r} is not a coordinate of the domain"
        )
        where = text.rfind(name) if position is None else position
        raise ParseError(
            f"condition {text!r}: {what}. Spatial coordinates: {', '.join(space)}.{did_you_mean(name, space)}",
            text,
            where,
        )


def _initial(initial: Any, scope: Scope) -> Iterator[tuple[Term, Any]]:
    if isinstance(initial, Mapping):
        for key, value in initial.items():
            yield (
                scope.term(key, f"initial {key!r}"),
                scope.term(value, f"initial {key!r}") if isinstance(value, str) else value,
            )
        return
    seen: dict[Term, str] = {}
    for text in initial:
        meant = start_meant(text, [name for name, symbol in scope.names.items() if symbol.kind == "field"])
        if meant is not None:
            raise ParseError(f"initial {text!r} holds at the start as it is; write {meant!r}", text, 0)
        equation = scope.equation(text, f"initial {text!r}")
        if equation.lhs in seen:
            raise ModelError(f"initial gives {equation.lhs} twice: {seen[equation.lhs]!r} and {text!r}; keep one")
        seen[equation.lhs] = text
        yield equation.lhs, equation.rhs


# --- to text ------------------------------------------------------------


def to_text(system: PDESystem) -> dict[str, Any]:
    """Keyword arguments of ``from_text`` that give the same model (units are not carried). ModelError for initial
    arrays and functions.
    """
    from symnum.expr.show import plain

    for key, value in system.initial.items():
        if not isinstance(value, Term):
            raise ModelError(
                f"the initial value of {key} is an array or a function, which has no text; pass a formula, or "
                f"initial={{'{key}': values}} to from_text"
            )

    def written(term: Term) -> str:
        """In the grammar, which knows no networks."""
        return plain(without_networks(term))

    conditions = [str(Periodic(name, sign)) for name, sign in system.periodic.items()]
    for rows in system.face_conditions.values():
        conditions += [f"{written(c.residual)} = 0 @ {c.where}" for c in rows]
    return {
        "equations": [f"{written(e.lhs)} = {written(e.rhs)}" for e in system.equations],
        "domain": {name: (plain(low), plain(high)) for name, (low, high) in system.domain.exact.items()},
        "conditions": conditions,
        "initial": [f"{plain(key)} = {written(value)}" for key, value in system.initial.items()],
        "parameters": dict(system.parameters),
        "fields": {u.name: " ".join(c.name for c in u.info.coordinates) for u in system.fields},
        "name": system.name,
        "time": system.time.name,
    }
