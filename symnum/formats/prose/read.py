"""PROSE tokens as systems that solve: strict, with the position of what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from symnum.errors import ModelError, ParseError, TermError, UnknownOption
from symnum.expr.term import Const, Symbol, Term, add, call, mul, power, scale
from symnum.formats.prose.record import ProseRecord
from symnum.formats.prose.words import DIALECTS, Node, check_dimension, did_you_mean_dialect, parse, split

SPAN = (0.0, 6.0)  # the interval of the paper's trajectories


def read(
    source: Any,
    dialect: str | None = None,
    *,
    dimension: int | None = None,
    names: Sequence[str] | None = None,
    values: Mapping[str, float] | Sequence[float] | None = None,
    t: Any = None,
    initial: Any = None,
    **more: Any,
) -> Any:
    """The system that tokens say.

    source: a record of ``sn.export``, a list of tokens, or text with spaces between tokens. dialect: "ode" (the default), "pde" or "fd".
    dimension: the number of variables there are; names: of the variables (u_0, u_1, ... otherwise). values: of the parameters c_0, c_1, ... that
    stand for ``<PLACEHOLDER>`` (1 otherwise). t: the interval (0, 6); initial: a value for each variable (1 otherwise, or
    what the record holds). Equations in space take ``domain``, ``conditions`` and ``initial`` of ``sn.PDESystem``;
    those of the fd dialect need no more than ``coordinates`` to become a list of ``sn.Eq``.

    Raises ParseError (a ModelError) with the position of the first token that is wrong.
    """
    tokens = source.tokens if isinstance(source, ProseRecord) else source
    check_dimension(dimension)
    chosen = dialect or (source.dialect if isinstance(source, ProseRecord) else "ode")
    if not isinstance(chosen, str) or chosen not in DIALECTS:
        raise ModelError(did_you_mean_dialect(chosen))
    known = source if isinstance(source, ProseRecord) else None
    if chosen == "fd":
        from symnum.formats.prose.read_fd import fd_system

        if dimension is not None:
            raise UnknownOption(
                "dimension is for the ode and pde dialects; the words of the fd dialect are given: leave dimension out"
            )
        return fd_system(split(tokens), known, names, values, initial, t=t, **more)
    trees = parse(split(tokens), DIALECTS[chosen], dimension)
    if chosen == "pde":
        from symnum.formats.prose.read_pde import pde_system

        return pde_system(trees, known, names, values, initial, t=t, **more)
    if more:
        raise UnknownOption(
            f"read takes no option {next(iter(more))!r} for the ode dialect; it takes dimension, names, values, t and initial"
        )
    return _ode_system(trees, known, names, values, t, initial)


def _ode_system(trees: list[Node], known: ProseRecord | None, names: Any, values: Any, t: Any, initial: Any) -> Any:
    from symnum.model.field import field, parameter
    from symnum.model.space import coordinates
    from symnum.model.system import Eq, ODESystem
    from symnum.model.vector import dt

    labels = variable_names(trees, known.variables if known and names is None else names)
    span = t if t is not None else (known.span if known and known.span else SPAN)
    clock = known.time if known else None
    time = coordinates(labels[clock] if clock is not None else ("t" if "t" not in labels else "time"))
    states = [time if k == clock else field(name, (time,)) for k, name in enumerate(labels)]
    parameters: list[Symbol] = []

    def placeholder() -> Symbol:
        k = len(parameters)
        parameters.append(parameter(f"c_{k}", placeholder_value(values, k)))
        return parameters[-1]

    leaves = {("u", k): s for k, s in enumerate(states)}
    rates = [term(tree, leaves, placeholder) for tree in trees]
    check_values(values, len(parameters))
    if clock is not None and float(getattr(rates[clock], "value", 0)) != 1:
        raise ModelError(
            f"variable {clock} is said to be the time, but its rate is {rates[clock]}; leave time out of the record"
        )
    kept = [(s, r) for k, (s, r) in enumerate(zip(states, rates, strict=True)) if k != clock]
    start = _initial([s for s, _ in kept], known, initial, clock)
    return ODESystem([Eq(dt(s), r) for s, r in kept], t=span, initial=start)


def variable_names(trees: list[Node], names: Sequence[str] | None) -> list[str]:
    """A name for each equation's variable. Raises ParseError for a variable without an equation, ModelError for a wrong number of names."""
    for tree in trees:
        for node in nodes(tree):
            if node.head.startswith("u") and node.index >= len(trees):
                wrong = ParseError(
                    f"token {node.position}: {node.head}_{node.index} has no equation; there are {len(trees)}, for u_0 to u_{len(trees) - 1}"
                )
                wrong.position = node.position
                raise wrong
    if names is None:
        return [f"u_{k}" for k in range(len(trees))]
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ModelError(
            f"names={names!r} is no list of names, one for each equation; write names={[f'y_{k}' for k in range(len(trees))]!r}"
        )
    labels = list(names)
    if not all(isinstance(n, str) for n in labels) or len(labels) != len(trees) or len(set(labels)) != len(labels):
        raise ModelError(f"names={labels!r} must be {len(trees)} different names, one for each equation")
    return labels


def placeholder_value(values: Any, k: int) -> float:
    """The value of parameter c_k: of ``values``, 1 otherwise."""
    if values is None:
        return 1.0
    if not isinstance(values, (Mapping, Sequence, np.ndarray)) or isinstance(values, str):
        raise ModelError(f"values={values!r} is no list of numbers; write values=[2.0], or values={{'c_0': 2.0}}")
    if not isinstance(values, Mapping) and k >= len(values):
        raise ModelError(
            f"values holds {len(values)} numbers, there are more placeholders; give one for each, or a dictionary {{'c_0': 2.0}}"
        )
    given = values.get(f"c_{k}", 1.0) if isinstance(values, Mapping) else values[k]
    if isinstance(given, bool) or not isinstance(given, (int, float, np.integer, np.floating)):
        raise ModelError(f"the value of c_{k} is {given!r}, expected a number; write values=[2.0]")
    return float(given)


def check_values(values: Any, count: int) -> None:
    """Raises ModelError for values of more placeholders than there are."""
    names = [f"c_{k}" for k in range(count)]
    if values is not None and not isinstance(values, (Mapping, Sequence, np.ndarray)):
        placeholder_value(values, 0)
    if isinstance(values, Mapping):
        extra = [key for key in values if key not in names]
    else:
        extra = [f"c_{k}" for k in range(count, len(values))] if values is not None else []
    if extra:
        known = f"placeholders are {', '.join(names)}" if names else "there are no placeholders"
        raise ModelError(f"values has a number for {extra[0]}, but {known}")


def _initial(states: list[Any], known: ProseRecord | None, initial: Any, clock: int | None) -> dict[Any, Any]:
    if initial is None:
        given = [v for k, v in enumerate(known.initial) if k != clock] if known else []
        return {s: (given[k] if k < len(given) and given[k] is not None else 1.0) for k, s in enumerate(states)}
    if isinstance(initial, Mapping):
        by_name = {s.name: s for s in states}
        for key in initial:
            if (key if isinstance(key, str) else getattr(key, "name", None)) not in by_name:
                raise ModelError(f"initial names {key}, which is no variable; they are {', '.join(by_name)}")
        return {by_name[k if isinstance(k, str) else k.name]: v for k, v in initial.items()}
    if isinstance(initial, str) or not isinstance(initial, Iterable):
        raise ModelError(
            f"initial={initial!r} is no list of values, one for each of {', '.join(s.name for s in states)}; write initial=[1.0]"
        )
    listed = list(initial)
    if len(listed) != len(states):
        raise ModelError(
            f"initial holds {len(listed)} values for {len(states)} variables ({', '.join(s.name for s in states)})"
        )
    return dict(zip(states, listed, strict=True))


def nodes(tree: Node) -> list[Node]:
    """All nodes in the order of their tokens: each before its arguments."""
    found: list[Node] = []
    open_ = [tree]
    while open_:
        node = open_.pop()
        found.append(node)
        open_ += reversed(node.arguments)
    return found


_BUILD: dict[str, Callable[..., Term]] = {
    "add": lambda a, b: add((a, b)),
    "sub": lambda a, b: add((a, scale(b, -1))),
    "mul": lambda a, b: mul((a, b)),
    "div": lambda a, b: mul((a, power(b, Const(-1)))),
    "neg": lambda a: scale(a, -1),
    "inv": lambda a: power(a, Const(-1)),
    "sin": lambda a: call("sin", a),
    "cos": lambda a: call("cos", a),
    "pow2": lambda a: power(a, Const(2)),
    "pow3": lambda a: power(a, Const(3)),
    "pow": power,
}


def term(tree: Node, leaves: Mapping[tuple[str, int], Term], placeholder: Any = None, small_power: Any = power) -> Term:
    """The tree as a term. ``leaves``: (head, index) -> term; ``placeholder()``: a symbol for the next unknown constant;
    ``small_power(base, n)``: what ``pow u_0 n`` with n = 0 ... 3 shall be (other systems write these as 1, u_0, ``pow2`` and ``pow3``).
    """
    listed = nodes(tree)
    made: dict[int, Term] = {id(n): placeholder() for n in listed if n.head == "placeholder"}
    for node in reversed(listed):
        if node.head == "number":
            made[id(node)] = Const(node.value)
        elif node.arguments:
            given = [made[id(a)] for a in node.arguments]
            small = (
                node.head == "pow"
                and isinstance(n := node.arguments[1].value, int)
                and node.arguments[1].head == "number"
                and 0 <= n <= 3
            )
            try:
                made[id(node)] = (small_power if small else _BUILD[node.head])(*given)
            except TermError as wrong:
                found = ParseError(f"token {node.position}: {node.head} has no value here: {wrong}")
                found.position = node.position
                raise found from None
        elif node.head != "placeholder":
            made[id(node)] = leaves[node.head, node.index]
    return made[id(tree)]
