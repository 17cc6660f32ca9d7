"""JSON: models whole, versioned, readable by any language; and back (docs/formats.md has the schema)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from symnum.errors import FileError, ModelError
from symnum.expr.term import Symbol, Term
from symnum.formats.term_table import Table, number_in, terms_in

VERSION = 1
_KINDS = ("PDESystem", "ODESystem", "DAESystem", "SDESystem")
_KEYS = {
    "symnum",
    "version",
    "kind",
    "name",
    "coordinates",
    "fields",
    "parameters",
    "terms",
    "equations",
    "domain",
    "conditions",
    "initial",
}
_MORE = {"events", "noise", "interpretation"}


def export(system: Any) -> str:
    """A system as JSON text: everything ``sn.read`` needs to make the same system again.

    Raises ModelError for initial data or boundary values given as functions, and for reaction networks (``network.to_net()`` keeps those).
    """
    import json

    return json.dumps(as_data(system), indent=1, allow_nan=False)


def read(source: Any) -> Any:
    """The system of a JSON text, of the bytes of one, or of what ``json.loads`` made of it.

    Raises FileError for text that is no JSON, ModelError that names the place for data that is no model of version 1. Nothing is evaluated.
    """
    import json

    if isinstance(source, (str, bytes, bytearray)):
        try:
            source = json.loads(source)
        except (ValueError, RecursionError) as wrong:
            raise FileError(f"this is no JSON: {wrong}") from None
    return from_data(source)


# --- out ----------------------------------------------------------------------------------------------------


def as_data(system: Any) -> dict[str, Any]:
    """A system as lists, dictionaries, numbers and texts."""
    kind = type(system).__name__
    if kind not in _KINDS:
        raise ModelError(f"{kind} has no JSON form; it exists for {', '.join(_KINDS)}")
    table = Table()
    noise = system.__dict__.get("_given_noise")
    data: dict[str, Any] = {
        "symnum": "model",
        "version": VERSION,
        "kind": kind,
        "name": system.name,
        **_names_out(system, noise),
        "equations": [[table.row(e.lhs), table.row(e.rhs)] for e in system.equations],
        "domain": {name: [table.row(low), table.row(high)] for name, (low, high) in system.domain.exact.items()},
        "conditions": [_condition_out(c, table) for c in system.conditions],
        "initial": [
            {"of": table.row(key), "value": _value_out(key, value, table)} for key, value in system.initial.items()
        ],
    }
    if system.events:
        data["events"] = [_event_out(e, table) for e in system.events]
    if noise is not None:
        data |= {
            "noise": [[table.row(_field_of(k, system)), _noise_out(v, table)] for k, v in noise.items()],
            "interpretation": system.interpretation,
        }
    return data | {"terms": table.rows}


def _names_out(system: Any, noise: Any) -> dict[str, Any]:
    return {
        "coordinates": [
            {"name": c.name, "role": c.info.role, "units": c.info.units} for c in (system.time, *system.space)
        ],
        "fields": [
            {"name": u.name, "coordinates": [c.name for c in u.info.coordinates], "units": u.info.units}
            for u in system.fields
        ],
        "parameters": [
            {
                "name": n,
                "value": v,
                "default": system.parameter_symbols[n].info.default,
                "units": system.parameter_symbols[n].info.units,
            }
            for n, v in system.parameters.items()
        ],
    }


def _condition_out(condition: Any, table: Table) -> dict[str, Any]:
    from symnum.model.conditions import Periodic

    if isinstance(condition, Periodic):
        return {"periodic": condition.coordinate, "sign": condition.sign}
    place = condition.location
    return {
        "kind": condition.kind,
        "equation": [table.row(condition.equation.lhs), table.row(condition.equation.rhs)],
        "coordinate": condition.coordinate,
        "at": place if isinstance(place, str) else table.row(place),
        "field": condition.field.name if condition.field is not None else None,
    }


def _value_out(key: Any, value: Any, table: Table) -> Any:
    if isinstance(value, Term):
        return table.row(value)
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "shape": list(value.shape)}
    raise ModelError(f"the initial value of {key} is a function, which JSON cannot hold; give a formula or an array")


def _event_out(event: Any, table: Table) -> dict[str, Any]:
    effects: Iterator[Any] = iter(event.values.items())
    return {
        "condition": table.row(event.condition),
        "direction": event.direction,
        "text": event.text,
        "terminal": event.terminal,
        "values": [[k if isinstance(k, str) else table.row(k), table.row(v)] for k, v in effects],
        "at": dict(event.at),
    }


def _field_of(key: Any, system: Any) -> Term:
    return key if isinstance(key, Term) else next(u for u in system.fields if u.name == str(key))


def _noise_out(value: Any, table: Table) -> Any:
    from symnum.expr.term import as_term

    if isinstance(value, Mapping):
        return {str(k): table.row(as_term(v)) for k, v in value.items()}
    return [table.row(as_term(v)) for v in value] if isinstance(value, list) else table.row(as_term(value))


# --- in ----------------------------------------------------------------------------------------------------


def from_data(data: Any) -> Any:
    """The system of what ``as_data`` gives. Raises ModelError with the place of what is wrong."""
    _check_head(data)
    names = _names_in(data)
    rows = _Rows(terms_in(data["terms"], names))
    from symnum.model.space import Domain
    from symnum.model.system import Eq

    equations = [Eq(*rows.pair(pair, f"equations[{k}]")) for k, pair in enumerate(_list(data, "equations"))]
    domain = Domain({n: rows.pair(pair, f"domain.{n}") for n, pair in _dict(data, "domain").items()}, time=_time(data))
    stated = {
        "initial": {
            rows(row, "of", f"initial[{k}]"): _value_in(row, rows, k) for k, row in enumerate(_list(data, "initial"))
        },
        "parameters": _values_in(data, names),
        "name": data["name"],
        "events": [
            _event_in(e, rows, names, f"events[{k}]")
            for k, e in enumerate(_list(data, "events") if "events" in data else [])
        ],
    }
    conditions = [_condition_in(c, rows, names, f"conditions[{k}]") for k, c in enumerate(_list(data, "conditions"))]
    return _made(data, equations, domain, conditions, stated, rows)


def _made(
    data: Any, equations: list[Any], domain: Any, conditions: list[Any], stated: dict[str, Any], rows: _Rows
) -> Any:
    from symnum.model.sde import SDESystem
    from symnum.model.system import DAESystem, ODESystem, PDESystem

    kind = data["kind"]
    if kind == "SDESystem":
        noise = {
            key: value
            for k, pair in enumerate(_list(data, "noise"))
            for key, value in [_noise_row(pair, rows, f"noise[{k}]")]
        }
        more = {"noise": noise, "interpretation": data.get("interpretation", "ito"), "conditions": conditions}
        return SDESystem(equations, domain=domain, **more, **stated)
    if kind == "PDESystem":
        return PDESystem(equations, domain, conditions, **stated)
    return (DAESystem if kind == "DAESystem" else ODESystem)(equations, domain=domain, **stated)


class _Rows:
    """The terms by row number."""

    def __init__(self, terms: list[Term]) -> None:
        self.terms = terms

    def at(self, row: Any, where: str) -> Term:
        if type(row) is not int or not 0 <= row < len(self.terms):
            raise ModelError(f"{where}: {row!r} is no row of terms; there are {len(self.terms)}, from 0 on")
        return self.terms[row]

    def __call__(self, entry: Any, key: str, where: str) -> Term:
        if not isinstance(entry, Mapping) or key not in entry:
            raise ModelError(f"{where}: expected an entry with {key!r}, got {entry!r}")
        return self.at(entry[key], f"{where}.{key}")

    def pair(self, pair: Any, where: str) -> tuple[Term, Term]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ModelError(f"{where}: expected two rows of terms, got {pair!r}")
        return self.at(pair[0], where), self.at(pair[1], where)


def _check_head(data: Any) -> None:
    if not isinstance(data, Mapping) or data.get("symnum") != "model":
        raise ModelError(
            'this is no model of symnum; its JSON begins with {"symnum": "model", "version": 1, "kind": ...}'
        )
    if type(data.get("version")) is not int or data["version"] != VERSION:
        raise ModelError(f"this model is of version {data.get('version')!r}; this symnum reads version {VERSION}")
    lacking = sorted(_KEYS - set(data))
    unknown = sorted(set(data) - _KEYS - _MORE)
    if lacking or unknown:
        raise ModelError(
            f"the model lacks {', '.join(lacking)}"
            if lacking
            else f"the model holds {', '.join(unknown)}, which version 1 does not know"
        )
    if data["kind"] not in _KINDS:
        raise ModelError(f"kind {data['kind']!r} is not known; there are {', '.join(_KINDS)}")
    for key, kinds in (
        ("noise", _KINDS[3:]),
        ("interpretation", _KINDS[3:]),
        ("conditions", ("PDESystem", "SDESystem")),
    ):
        if data.get(key) and data["kind"] not in kinds:
            raise ModelError(f"{data['kind']} has no {key}; the kind must be {' or '.join(kinds)}")


def _list(data: Any, key: str) -> list[Any]:
    if key not in data:
        raise ModelError(f"the model lacks {key}")
    if not isinstance(data[key], list):
        raise ModelError(f"{key} must be a list, got {data[key]!r}")
    return list(data[key])


def _dict(data: Any, key: str) -> dict[str, Any]:
    if not isinstance(data[key], Mapping):
        raise ModelError(f"{key} must be a dictionary, got {data[key]!r}")
    return dict(data[key])


def _entries(data: Any, key: str) -> list[dict[str, Any]]:
    for k, entry in enumerate(_list(data, key)):
        if not isinstance(entry, Mapping):
            raise ModelError(f"{key}[{k}]: expected a dictionary, got {entry!r}")
    return list(data[key])


def _text(entry: Any, key: str, where: str) -> str:
    if not isinstance(entry, Mapping) or not isinstance(entry.get(key, ""), str):
        raise ModelError(f"{where}: expected an entry with the text {key!r}, got {entry!r}")
    return str(entry.get(key, ""))


def _time(data: Any) -> str | None:
    return next((c["name"] for c in data["coordinates"] if c.get("role") == "time"), None)


def _names_in(data: Any) -> dict[str, Symbol]:
    from symnum.model.conditions import OUTWARD
    from symnum.model.field import field, parameter
    from symnum.model.space import coordinates

    made: dict[str, Symbol] = {OUTWARD.name: OUTWARD}

    def put(symbol: Symbol, where: str) -> None:
        if symbol.name in made:
            raise ModelError(f"{where}: the name {symbol.name} is declared twice")
        made[symbol.name] = symbol

    for k, c in enumerate(_entries(data, "coordinates")):
        where = f"coordinates[{k}]"
        name, role = _text(c, "name", where), _text(c, "role", where)
        if role not in ("time", "space"):
            raise ModelError(f'{where}: role {role!r} is neither "time" nor "space"')
        put(coordinates(name, time=name if role == "time" else "t", units={name: _text(c, "units", where)}), where)
    for k, u in enumerate(_entries(data, "fields")):
        where = f"fields[{k}]"
        along = (
            [made.get(n) if isinstance(n, str) else None for n in (u.get("coordinates") or [])]
            if isinstance(u, Mapping) and isinstance(u.get("coordinates"), list)
            else [None]
        )
        if None in along:
            raise ModelError(f"{where}: coordinates must name declared coordinates, got {u!r}")
        put(field(_text(u, "name", where), along, units=_text(u, "units", where)), where)
    for k, p in enumerate(_entries(data, "parameters")):
        where = f"parameters[{k}]"
        name = _text(p, "name", where)
        default = p.get("default")
        put(
            parameter(name, None if default is None else number_in(default, where), units=_text(p, "units", where)),
            where,
        )
    return made


def _values_in(data: Any, names: Mapping[str, Symbol]) -> dict[Symbol, Any]:
    return {
        names[p["name"]]: number_in(p.get("value"), f"parameters[{k}].value") for k, p in enumerate(data["parameters"])
    }


def _value_in(row: Any, rows: _Rows, k: int) -> Any:
    value = row.get("value")
    if not isinstance(value, Mapping):
        return rows.at(value, f"initial[{k}].value")
    try:
        array = np.array(value["array"], dtype=float).reshape(value["shape"])
    except (KeyError, TypeError, ValueError, OverflowError) as wrong:
        raise ModelError(f"initial[{k}].value is no array of numbers with a shape: {wrong}") from None
    return array


def _condition_in(entry: Any, rows: _Rows, names: Mapping[str, Symbol], where: str) -> Any:
    from symnum.model.conditions import FaceCondition, Periodic
    from symnum.model.system import Eq

    if isinstance(entry, Mapping) and "periodic" in entry:
        if entry.get("sign") not in (1, -1):
            raise ModelError(f"{where}: sign must be 1 or -1, got {entry.get('sign')!r}")
        return Periodic(_text(entry, "periodic", where), entry["sign"])
    kind, coordinate = _text(entry, "kind", where), _text(entry, "coordinate", where)
    if kind not in ("dirichlet", "neumann", "robin", "general"):
        raise ModelError(f"{where}: kind {kind!r} is not known; there are dirichlet, neumann, robin and general")
    place = entry.get("at")
    location = place if place in ("lower", "upper") else rows.at(place, f"{where}.at")
    name = entry.get("field")
    if name is not None and (not isinstance(name, str) or getattr(names.get(name), "kind", "") != "field"):
        raise ModelError(f"{where}: {name!r} is no field")
    return FaceCondition(
        kind, Eq(*rows.pair(entry.get("equation"), where)), coordinate, location, names[name] if name else None
    )


def _event_in(entry: Any, rows: _Rows, names: Mapping[str, Symbol], where: str) -> Any:
    from symnum.model.event import TERMINATE, Event

    condition = rows(entry, "condition", where)
    if not isinstance(entry.get("values", []), list) or not all(
        isinstance(p, list) and len(p) == 2 for p in entry.get("values", [])
    ):
        raise ModelError(f"{where}: values must be a list of pairs, got {entry.get('values')!r}")
    values = {k if isinstance(k, str) else rows.at(k, where): rows.at(v, where) for k, v in entry.get("values", [])}
    effect = [*([values] if values else []), *([TERMINATE] if entry.get("terminal") else [])]
    made = Event(condition, effect or None, entry.get("at") or None)
    direction = entry.get("direction")
    if direction not in (-1, 0, 1):
        raise ModelError(f"{where}: direction must be -1, 0 or 1, got {direction!r}")
    object.__setattr__(made, "direction", direction)
    object.__setattr__(made, "text", _text(entry, "text", where))
    return made


def _noise_row(pair: Any, rows: _Rows, where: str) -> tuple[Term, Any]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ModelError(f"{where}: expected a field and its noise, got {pair!r}")
    return rows.at(pair[0], where), _noise_in(pair[1], rows, where)


def _noise_in(value: Any, rows: _Rows, where: str) -> Any:
    if isinstance(value, Mapping):
        return {k: rows.at(v, where) for k, v in value.items()}
    return [rows.at(v, where) for v in value] if isinstance(value, list) else rows.at(value, where)
