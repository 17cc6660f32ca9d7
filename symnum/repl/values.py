"""``D = 0.1``, ``k = 2 W/m/K``, ``w = 2π/T``, ``f(x) = exp(-x²)``, ``x in (0, 1)``: parameters, abbreviations, intervals."""

from __future__ import annotations

import keyword
import math

from symnum.errors import ParseError
from symnum.repl.bare_functions import FUNCTION_NAMES
from symnum.repl.canonical import Writer
from symnum.repl.nodes import Node, walk
from symnum.repl.scope import VECTOR_OPERATORS, Scope
from symnum.repl.statement_kinds import Definition, Formula, Interval, Value
from symnum.repl.tokens import Token, tokenize

_BASE = "m g s A K mol cd rad sr Hz N Pa J W C V F Ω S Wb T H lm lx Bq Gy Sv L l h min d bar atm eV u Da M ℃ degC °C ppm percent"
_PREFIXES = ("", "k", "M", "G", "c", "d", "m", "μ", "u", "n", "p", "f")
_UNITS = frozenset(prefix + unit for unit in _BASE.split() for prefix in _PREFIXES)
_UNIT_OPERATORS = frozenset({"/", "*", "·", "^", "-", "(", ")"})


def constant(node: Node, scope: Scope) -> float:
    """The value of a formula of numbers and parameters. ParseError for anything else."""
    if node.kind == "number" and math.isfinite(float(node.text)):
        return float(node.text)
    from symnum.errors import ModelError, TermError
    from symnum.expr.parse import parse
    from symnum.model.numeric import evaluate

    text = Writer(scope, values=True).formula(node)
    try:
        value = float(evaluate(parse(text)))
    except ParseError as error:
        raise scope.fail(str(error.args[0]).partition("\n")[0], text.typed_position(error.position)) from None
    except (ModelError, TermError, TypeError, ValueError, ArithmeticError):
        raise scope.fail("this is no constant; write numbers, π and parameters with values", node.position) from None
    if not math.isfinite(value):
        raise scope.fail(f"the value is {value}, expected a finite number", node.position)
    return value


def is_constant(node: Node, scope: Scope) -> bool:
    """Only numbers, π, parameters that have values, and functions of them?"""
    for n in walk(node):
        if n.kind in ("derivative", "integral", "equals", "list") or (n.kind == "call" and n.text in VECTOR_OPERATORS):
            return False
        if n.kind == "name":
            name = scope.canonical(n.text)
            role = scope.role(name)
            if role == "free" and name == "e":
                continue
            if role in ("field", "coordinate", "free", "definition") or scope.index_of(n.text, n.position) is not None:
                return False
            if role == "parameter" and scope.known.parameters[name] is None:
                return False
    return True


def check_constant(node: Node, scope: Scope) -> None:
    """ParseError, at the name that is to blame, for a bound that is no constant."""
    if is_constant(node, scope):
        return
    for n in walk(node):
        if n.kind == "name" and not is_constant(n, scope):
            name = scope.canonical(n.text)
            lacks = scope.role(name) in ("free", "parameter")
            said = f"{name!r} has no value yet; write {name} = 1 first" if lacks else f"{name!r} is no constant"
            raise scope.fail(f"a bound is made of numbers, π and parameters with values, and {said}", n.position)
    raise scope.fail("a bound is made of numbers, π and parameters with values", node.position)


# --- parameters ------------------------------------------------------------


def check_new_name(name: str, position: int, scope: Scope) -> None:
    """ParseError for a name that cannot be given a value."""
    role = scope.role(name)
    if keyword.iskeyword(name):
        raise scope.fail(
            f"{name!r} is a word of Python and cannot be a name; write {'λ' if name == 'lambda' else name + '_'}",
            position,
        )
    if name in FUNCTION_NAMES or name in VECTOR_OPERATORS or name in ("pi", "π", "d", "integral"):
        raise scope.fail(f"{name!r} has a meaning of its own in formulas; choose another name", position)
    if name == scope.known.time or (role == "coordinate" and name in scope.known.coordinates):
        raise scope.fail(
            f"{name!r} is a coordinate; its interval is written {name} in (0, 1), a value at a place u({name}=0) = ...",
            position,
        )
    if role == "field":
        start = scope.known.time
        raise scope.fail(
            f"{name!r} is an unknown, so this can be read as initial data, {name}({start}=0) = ..., or as an equation, 0 = ... - {name}; write the "
            "one you mean", position
        )  # fmt: skip


def with_units(part: list[Token], scope: Scope) -> Value | None:
    """``k = 2 W/m/K``; None where what follows the number is not made of units."""
    number, rest, sign = part[2], part[3:-1], 1.0
    if number.text == "-":
        number, rest, sign = part[3], part[4:-1], -1.0
    if number.kind != "number" or not rest:
        return None
    if rest[0].text == "[" and rest[-1].text == "]":
        rest = rest[1:-1]
    else:
        if rest[0].kind != "name" or not all(_is_unit(token, scope) for token in rest):
            return None
    if not rest:
        return None
    units = scope.typed[rest[0].position : rest[-1].end].strip()
    name = scope.canonical(part[0].text)
    check_new_name(name, part[0].position, scope)
    text = Formula(
        ("-" if sign < 0 else "") + number.text, scope.typed, (number.position,) * (len(number.text) + (sign < 0))
    )
    return Value(name, sign * float(number.text), units, text)


def _is_unit(token: Token, scope: Scope) -> bool:
    if token.kind == "name":
        return token.text in _UNITS and scope.role(token.text) in ("free", "coordinate")
    return token.kind in ("power", "number") or token.text in _UNIT_OPERATORS


def value(left: Node, right: Node, scope: Scope) -> Value:
    """``w = 2π/T``: a parameter with its number."""
    name = scope.canonical(left.text)
    check_new_name(name, left.position, scope)
    return Value(name, constant(right, scope), "", Writer(scope).formula(right))


def definition(left: Node, right: Node, scope: Scope) -> Definition:
    """``f(x) = exp(-x²)`` or ``q = u v``; ParseError where the name is on both sides."""
    target, *arguments = left.args if left.kind == "apply" else (left,)
    name = scope.canonical(target.text)
    role = scope.role(name)
    if role != "definition":
        check_new_name(name, target.position, scope)
    if name in _reached(right, scope):
        raise scope.fail(f"{name!r} stands on both sides; an abbreviation is made of other names", target.position)
    _check_no_slip(name, target.position, right, scope)
    names = tuple(a.text for a in arguments)
    if len(set(names)) < len(names):
        raise scope.fail(f"{name}({', '.join(names)}) names an argument twice", left.position)
    inner = _with_arguments(scope, names)
    return Definition(name, names, Writer(inner, expand=False).formula(right))


def _reached(right: Node, scope: Scope) -> set[str]:
    """Names in a formula, and in what these stand for."""
    found: set[str] = set()
    new = {scope.canonical(n.text) for n in walk(right) if n.kind == "name"}
    while new:
        found |= new
        texts = [str(scope.known.definitions[n].text) for n in new if n in scope.known.definitions]
        new = {token.text for text in texts for token in tokenize(text) if token.kind == "name"} - found
    return found


def _check_no_slip(name: str, position: int, right: Node, scope: Scope) -> None:
    """ParseError for what is meant as an equation: ``ut = D uxx``, ``dX = μ X dt + σ X dW``."""
    names = {n.text for n in walk(right) if n.kind == "name"}
    if name.startswith("d") and len(name) > 1 and (names & {"dt", "dW"} or any(n.startswith("dW") for n in names)):
        u = name[1:]
        raise scope.fail(
            f"stochastic equations are written in Python, with sn.SDESystem; without noise: {u}' = ...", position
        )
    base = name[:-1]
    if (
        name.endswith(scope.known.time)
        and base
        and any(n.startswith(base) and n[len(base) :].strip("xyz") == "" and n != base for n in names)
    ):
        raise scope.fail(
            f"{name!r} is a name here, not a derivative; write {base}_{scope.known.time} = ..., and {base}_xx on the right",
            position,
        )


def _with_arguments(scope: Scope, names: tuple[str, ...]) -> Scope:
    """The scope in which the arguments of a function are nothing but names."""
    if not names:
        return scope
    from dataclasses import replace

    known = scope.known
    kept = {n: v for n, v in known.parameters.items() if n not in names} | dict.fromkeys(names)
    without = {n: v for n, v in known.definitions.items() if n not in names}
    fields = {n: c for n, c in known.fields.items() if n not in names}
    inner = Scope(replace(known, parameters=kept, definitions=without, fields=fields, coordinates=()), scope.typed)
    inner.fields.update({n: None for n in scope.fields if n not in names})
    return inner


# --- intervals ------------------------------------------------------------


def interval(name: Token, low: Node, high: Node, scope: Scope) -> Interval:
    """``x in (low, high)``. ParseError for bounds that are no increasing constants, or a name that is no coordinate."""
    role = scope.role(scope.canonical(name.text))
    if role in ("field", "parameter", "definition", "constant", "function"):
        what = {"field": "an unknown", "parameter": "a parameter", "definition": "an abbreviation"}.get(
            role, f"a {role}"
        )
        raise scope.fail(
            f"{name.text!r} is {what} here, so it has no interval; intervals are of coordinates: x in (0, 1)",
            name.position,
        )
    for bound in (low, high):
        check_constant(bound, scope)
    first, last = constant(low, scope), constant(high, scope)
    if not first < last:
        raise scope.fail(f"the interval of {name.text} is empty: {first:g} is not below {last:g}", low.position)
    writer = Writer(scope, values=True)
    return Interval(name.text, writer.formula(low), writer.formula(high))
