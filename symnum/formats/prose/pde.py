"""Equations in one space dimension as PROSE tokens: residuals that are zero, ``sub mul + N100 E-2 ut_0 mul + N303 E-5 uxx_0``.

Derivatives are leaves. Nothing is multiplied out; derivatives of products and powers are carried out. Order of the summands (canonical):

    time derivatives; odd orders in space (transport, dispersion), even orders (diffusion), none (reaction);
    within these products of few factors first, then low derivatives

Whole numbers of the model are integers, parameters and decimal numbers are constants; a parameter in an exponent is a whole number. Time may be
rescaled: with ``time_range`` the time of the tokens runs over that length, u_t becomes s u_t, u_tt becomes s^2 u_tt, s = time_range/duration.
"""

from __future__ import annotations

from typing import Any

from symnum.errors import ModelError, SolveError
from symnum.expr.calculus import expand_derivatives, linear_coefficients, substitute
from symnum.expr.term import Const, Symbol, Term, add, as_term, scale
from symnum.expr.walk import postorder, symbols, transform
from symnum.formats.prose.ode import PASSES, joined, notes
from symnum.formats.prose.pde_writer import Leaf, PdeWriter
from symnum.formats.prose.read import term
from symnum.formats.prose.record import ProseRecord
from symnum.formats.prose.words import PDE, parse
from symnum.formats.prose.writer import Tokens, check_size

_HIGHEST = {0: 2, 1: 4}  # orders in time and space that have a leaf


def export_pde(system: Any, dimension: int | None = None, time_range: float | None = None) -> ProseRecord:
    """The tokens of an ``sn.PDESystem`` in one space dimension, at its parameter values.

    dimension: the number of fields that the reader knows. time_range: see above; None: the model's own.
    Raises ModelError for what the vocabulary cannot say and more than 510 tokens.
    """
    if len(system.space) != 1:
        raise ModelError(
            f"the pde dialect of PROSE has one space coordinate, the model has {len(system.space)} "
            f"({', '.join(c.name for c in system.space)})"
        )
    if dimension is not None and len(system.fields) > dimension:
        raise ModelError(
            f"the system has {len(system.fields)} fields, its reader knows u_0 to u_{dimension - 1}; write dimension={len(system.fields)}"
        )
    t0, t1 = system.domain.bounds[system.time.name]
    s = 1.0 if time_range is None else _positive(time_range) / (t1 - t0)
    writer = PdeWriter()
    equations = []
    for k, residual in enumerate(_residuals(system)):
        writer.place = f"equation {k}"
        plain = _with_leaves(_values(expand_derivatives(residual), system, writer), system, writer, s)
        check_size(plain, writer.place, powers=False)
        equations.append(_settled(writer, plain))
    tokens = joined(equations)
    return ProseRecord(
        tokens,
        "pde",
        tuple(f.name for f in system.fields),
        None,
        writer.rounding.largest,
        tuple(writer.rounding.flushed),
        {},
        notes(tokens, writer.rounding),
        (s * t0, s * t1),
        (),
        system,
    )


def _settled(writer: PdeWriter, residual: Term) -> Tokens:
    """Tokens that are written alike when they are read again."""
    leaves = {(leaf.word.partition("_")[0], max(leaf.field, 0)): symbol for symbol, leaf in writer.leaves.items()}

    def small_power(base: Term, n: Term) -> Term:
        symbol = Symbol(f"pow~{len(writer.powers)}", "temporary")
        writer.powers[symbol] = (base, n.value)  # type: ignore[attr-defined]
        return symbol

    tokens: Tokens = []
    for _ in range(PASSES):
        before, tokens = tokens, writer.residual(residual)
        if tokens == before:
            break
        residual = term(parse(tokens, PDE)[0], leaves, None, small_power)
    return tokens


def _residuals(system: Any) -> list[Term]:
    """One residual an equation, the highest derivative in time with a positive number before it."""
    made = []
    top = {u: o.order for u in system.fields if (o := system.orders.get((u, system.time)))}
    for e in system.equations:
        residual = expand_derivatives(e.residual)
        highest = [
            n
            for n in _time_derivatives(residual, system.time)
            if n.data[n.args[1:].index(system.time)] == top.get(n.args[0], 0)
        ]
        parts = linear_coefficients(residual, highest) if highest else None
        numbers = [substitute(c, _parameters(system)) for c in parts[0].values()] if parts else []
        if highest and (parts is None or not all(isinstance(c, Const) for c in numbers)):
            return _solved(system)
        first = numbers[0].value if numbers else 1  # type: ignore[attr-defined]
        made.append(scale(residual, -1) if first < 0 else residual)
    return made


def _solved(system: Any) -> list[Term]:
    """dt(u) - rate, where the equations are not solved for the derivatives in time as they are written."""
    from symnum.model.vector import dt

    form = system.normal_form
    states = {
        v: dt(u) for u, v in form.rates.items() if isinstance(v, Symbol) and v in form.rates and v not in system.fields
    }
    made = []
    for u in system.fields:
        if u in form.algebraic:
            made.append(form.algebraic[u])
            continue
        velocity = next((v for v, d in states.items() if d.args[0] is u), None)
        left = dt(dt(u)) if velocity is not None else dt(u)
        made.append(add((left, scale(form.rates[velocity if velocity is not None else u], -1))))
    return [substitute(r, states) for r in made]


def _time_derivatives(residual: Term, time: Symbol) -> list[Term]:
    return [n for n in postorder((residual,)) if n.op == "derivative" and time in n.args[1:]]


def _parameters(system: Any) -> dict[Symbol, Term]:
    return {system.parameter_symbols[n]: as_term(v) for n, v in system.parameters.items()}


def _values(residual: Term, system: Any, writer: PdeWriter) -> Term:
    """Parameters as numbers; powers whose exponent holds parameters become leaves ``pow u_0 2``, and these parameters whole numbers."""
    values = _parameters(system)
    held = {s for n in postorder((residual,)) if n.op == "pow" for s in symbols(n.args[1]) if s in values}
    for s in held:
        number = float(values[s].value)  # type: ignore[attr-defined]
        if number == int(number):
            values[s] = as_term(int(number))

    def rule(node: Term) -> Term | None:
        if node.op != "pow":
            return None
        base, exponent = (substitute(a, values) for a in node.args)
        if (
            isinstance(base, Const)
            or not isinstance(exponent, Const)
            or not isinstance(exponent.value, int)
            or abs(exponent.value) > 20
        ):
            return None
        leaf = Symbol(f"pow~{len(writer.powers)}", "temporary")
        writer.powers[leaf] = (base, exponent.value)
        return leaf

    return substitute(transform(residual, rule), values)


def _with_leaves(residual: Term, system: Any, writer: PdeWriter, s: float) -> Term:
    """Fields and their derivatives as leaves; the factor s of each derivative in time is put beside it."""
    where = {u: k for k, u in enumerate(system.fields)}

    def word(node: Term) -> Term:
        leaf, symbol = _leaf(node, system, where)
        writer.add_leaf(symbol, leaf)
        return scale(symbol, s**leaf.time) if s != 1 and leaf.time else symbol

    def words(term: Term) -> Term:  # terms are rebuilt from the leaves up: derivatives go before the fields they hold
        term = transform(term, lambda node: word(node) if node.op == "derivative" else None)
        return transform(term, lambda node: word(node) if node in where else None)

    made = words(residual)
    for power, (base, n) in list(writer.powers.items()):
        writer.powers[power] = (words(base), n)
    x = system.space[0]
    if x in symbols(made):
        writer.add_leaf(x, Leaf("x", -1, 0, 0))
    if system.time in symbols(made):
        raise ModelError(
            f"PROSE has no word for the time, which {writer.place} holds by itself; make it part of a field"
        )
    return made


def _leaf(node: Term, system: Any, where: dict[Symbol, int]) -> tuple[Leaf, Symbol]:
    base = node.args[0] if node.op == "derivative" else node
    orders = dict(zip(node.args[1:], node.data, strict=True)) if node.op == "derivative" else {}
    n, m = orders.get(system.time, 0), orders.get(system.space[0], 0)
    if base not in where or n > _HIGHEST[0] or m > _HIGHEST[1] or (n and m):
        raise ModelError(f"PROSE has no word for {node}; it has u, ut, utt, ux, uxx, uxxx and uxxxx of each field")
    k = where[base]
    word = f"u{'t' * n}{'x' * m}_{k}"
    return Leaf(word, k, n, m), Symbol(word, "temporary")


def _positive(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise SolveError(f"time_range={value!r} is no length of time; write time_range=2.0, or leave it out")
    return float(value)
