"""Systems of ordinary differential equations as PROSE tokens: right-hand sides in prefix order, u_k' = equation k.

Order of the summands (canonical, so that the tokens do not depend on how a rate was typed):

    constants, products of variables in dictionary order, products with functions or fractions, and last what is c*u_k in the equation of u_k

In the equation of a velocity (v where x' = v), as one writes x'' = -d x' - a x - b x^3 + f cos(w t): velocities before their positions, the time and
functions last. Time becomes the variable u_0 with u_0' = 1 where the rates hold it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symnum.errors import ModelError
from symnum.expr.calculus import substitute
from symnum.expr.term import Symbol, Term, as_term
from symnum.expr.walk import symbols
from symnum.formats.prose.constants import encoded
from symnum.formats.prose.record import ProseRecord
from symnum.formats.prose.sums import Summand, expanded
from symnum.formats.prose.words import GENERATED, LONGEST, ODE, SEPARATOR, parse
from symnum.formats.prose.writer import Order, Rounding, Tokens, Writer, check_size

_ROUND_OFF = 1e-9
PASSES = 5  # of writing and reading; two are enough but where rounding makes terms equal


def export_ode(system: Any, dimension: int | None = None) -> ProseRecord:
    """The tokens of an ``sn.ODESystem`` at its parameter values. dimension: the number of variables that the reader of the tokens knows (D).

    Raises ModelError for what the vocabulary cannot say, algebraic equations, more than D variables and more than 510 tokens.
    """
    form = system.normal_form
    if form.algebraic:
        raise ModelError(
            f"PROSE has no algebraic equations, and {next(iter(form.algebraic)).name} has no derivative in time; solve the "
            "equation for it and put the result into the others"
        )
    values = {system.parameter_symbols[n]: as_term(v) for n, v in system.parameters.items()}
    rates = {u: substitute(rate, values) for u, rate in form.rates.items()}
    start = {u: form.initial.get(u) for u in rates}
    t0, t1 = system.domain.bounds[system.time.name]
    time = None
    if any(system.time in symbols(rate) for rate in rates.values()):
        rates = {system.time: as_term(1), **rates}
        start = {system.time: as_term(t0), **start}
        time = 0
    return record(rates, dimension, time, (t0, t1), tuple(start[u] for u in rates), system)


def record(
    rates: Mapping[Symbol, Term],
    dimension: int | None,
    time: int | None,
    span: tuple[float, float] | None,
    initial: tuple[Any, ...],
    origin: Any,
) -> ProseRecord:
    """Rates of variables, in order, as a record."""
    rounding = Rounding()
    writer = Writer({u: f"u_{k}" for k, u in enumerate(rates)}, rounding)
    height = _heights(rates)
    equations = []
    for k, (u, rate) in enumerate(rates.items()):
        writer.place = f"equation {k}, the rate of {u.name}"
        check_size(rate, writer.place)
        equations.append(_settled(writer, u, rate, _order(writer, u, height)))
    variables = tuple(u.name for u in rates)
    if time == 0 and not any("u_0" in e for e in equations):  # it cancelled, or its coefficients became zero
        equations = [[_one_lower(word) for word in e] for e in equations[1:]]
        variables, initial, time = variables[1:], initial[1:], None
    if dimension is not None and len(variables) > dimension:
        raise ModelError(
            f"the system has {len(variables)} variables ({', '.join(variables)}), its reader knows u_0 to u_{dimension - 1}; "
            f"write dimension={len(variables)} if the reader is set up for that"
        )
    tokens = joined(equations)
    return ProseRecord(
        tokens,
        "ode",
        variables,
        time,
        rounding.largest,
        tuple(rounding.flushed),
        {},
        notes(tokens, rounding),
        span,
        initial,
        origin,
    )


def _one_lower(word: str) -> str:
    return f"u_{int(word[2:]) - 1}" if word.startswith("u_") else word


def _settled(writer: Writer, u: Symbol, rate: Term, order: Order) -> Tokens:
    """Tokens that are written alike when they are read again: rounding may make summands equal or functions constant."""
    from symnum.formats.prose.read import term

    leaves = {("u", k): u for k, u in enumerate(writer.names)}
    tokens: Tokens = []
    for _ in range(PASSES):
        before, tokens = tokens, writer.sum(_differences(writer, u, expanded(rate, writer.number)), order)
        if tokens == before:
            break
        rate = term(parse(tokens, ODE)[0], leaves, None)
    return tokens


def _differences(writer: Writer, u: Symbol, parts: list[Summand]) -> list[Summand]:
    """Stencils as differences: ``w u_0 - 2 w u_1 + w u_2`` in the equation of u_1 is ``w ((u_0 - u_1) + (u_2 - u_1))``, whose rounding keeps the sum.

    Where at least two other variables enter linearly and their coefficients nearly balance that of u; what is left of that stays a term of its own.
    """
    linear: dict[Term, float] = {
        p.factors[0][0]: p.coefficient
        for p in parts
        if len(p.factors) == 1 and p.factors[0][1] == 1 and p.factors[0][0] in writer.rank
    }
    own = linear.pop(u, 0.0)
    rest = own + sum(linear.values())
    if len(linear) < 2 or abs(rest) > 0.5 * abs(own):
        return parts
    by_weight: dict[tuple[str, str, str], list[Term]] = {}
    for v, c in linear.items():
        by_weight.setdefault(encoded(c), []).append(v)
    made = [p for p in parts if not (len(p.factors) == 1 and p.factors[0][1] == 1 and p.factors[0][0] in (u, *linear))]
    for held in by_weight.values():
        ordered = sorted(held, key=lambda v: writer.rank[v])  # type: ignore[index]
        pairs = [["sub", writer.names[v], writer.names[u]] for v in ordered]  # type: ignore[index]
        tokens = pairs[0]
        for pair in pairs[1:]:
            tokens = ["add", *tokens, *pair]
        phrase = Symbol(f"differences~{len(writer.phrases)}", "temporary")
        writer.phrases[phrase] = tokens
        made.append(Summand(linear[ordered[0]], ((phrase, 1),)))
    if abs(rest) > _ROUND_OFF * abs(own):
        made.append(Summand(rest, ((u, 1),)))
    return made


def joined(equations: Sequence[Tokens]) -> Tokens:
    """Equations with ``|`` between them. Raises ModelError beyond 510 tokens."""
    tokens = [t for k, e in enumerate(equations) for t in ([SEPARATOR, *e] if k else e)]
    if len(tokens) > LONGEST:
        raise ModelError(f"the system takes {len(tokens)} tokens; PROSE holds {LONGEST}: use fewer equations or points")
    return tokens


def notes(tokens: Tokens, rounding: Rounding) -> tuple[str, ...]:
    """What a user should know of the tokens."""
    found = []
    if len(tokens) > GENERATED:
        found.append(f"{len(tokens)} tokens: the reference generates at most {GENERATED}")
    if rounding.flushed:
        listed = ", ".join(f"{v:.3g}" for v in rounding.flushed[:4])
        found.append(
            f"{len(rounding.flushed)} constants below 1e-8 became zero ({listed}); rescale the variables to keep them"
        )
    return tuple(found)


def _heights(rates: Mapping[Symbol, Term]) -> dict[Symbol, int]:
    """How often a variable was differentiated: 1 for v where x' = v, 2 for w where v' = w."""
    height = dict.fromkeys(rates, 0)
    for _ in range(len(rates)):
        for u, rate in rates.items():
            if isinstance(rate, Symbol) and rate in height and rate is not u and height[rate] <= height[u] < len(rates):
                height[rate] = height[u] + 1
    return height


def _order(writer: Writer, u: Symbol, height: Mapping[Symbol, int]) -> Order:
    if height[u]:

        def of_velocity(part: Summand) -> tuple[object, ...]:
            constant, functions, letters = writer.usual(part)
            highest = max((height[b] for b, _ in part.factors if b in height), default=0)  # type: ignore[index]
            return (functions, -highest, part.degree, constant, letters)

        return of_velocity

    def of_variable(part: Summand) -> tuple[object, ...]:
        return (part.factors == ((u, 1),), *writer.usual(part))

    return of_variable
