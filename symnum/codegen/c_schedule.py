"""[Kernel] -> [Kernel]: the order in which C computes things, and names for what is computed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symnum.codegen.c_spacing import by_spacing
from symnum.expr.calculus import substitute
from symnum.expr.term import Symbol, Term, rebuild
from symnum.expr.walk import fold, symbols
from symnum.ir.kernel import Kernel, Let, Loop, Statement, fresh_names
from symnum.ir.passes import arrange, fuse_loops, hoist, share_subterms

_LONGEST = 48  # leaves of one expression; what is longer is cut into named parts
_DEEPEST = 40  # brackets; compilers refuse some hundreds of them


def schedule(kernel: Kernel) -> Kernel:
    """One sweep over rows, invariants before their loops, shared sub-terms named, no expression longer than a few lines."""
    made = share_subterms(hoist(fuse_loops(arrange(by_spacing(kernel)))))
    made = made.with_body(_merge(made.body, {}, {}, frozenset(a.name for a in made.locals)))
    made = made.with_body(_used(made.body)[0])
    return made.with_body(_cut(made.body, fresh_names(made, "part")))


def _merge(
    body: tuple[Statement, ...], names: dict[Term, Term], known: dict[Term, Term], scratch: frozenset[str]
) -> tuple[Statement, ...]:
    """Temporaries of equal value become one; ``names``: symbol -> what stands for it, ``known``: value -> symbol.

    An entry of an array or a table needs no name (``scratch``: arrays that change, whose entries do).
    """
    names, known = dict(names), dict(known)
    result: list[Statement] = []
    for s in body:
        if isinstance(s, Loop):
            result.append(Loop(s.axis, s.start, s.stop, _merge(s.body, names, known, scratch)))
            continue
        value = substitute(s.value, names) if names else s.value
        if not isinstance(s, Let):
            result.append(replace(s, value=value))
        elif value in known or value.op in ("const", "table") or _is_entry(value, scratch):
            names[s.symbol] = known.get(value, value)
        else:
            names.pop(s.symbol, None)
            known = {v: k for v, k in known.items() if k is not s.symbol} | {value: s.symbol}
            result.append(Let(s.symbol, value))
    return tuple(result)


def _is_entry(value: Term, scratch: frozenset[str]) -> bool:
    return isinstance(value, Symbol) and (value.kind != "load" or value.info.array not in scratch)


def _used(body: tuple[Statement, ...]) -> tuple[tuple[Statement, ...], set[Term]]:
    """The body without temporaries that nothing reads, and the symbols it reads."""
    result: list[Statement] = []
    read: set[Term] = set()
    for s in reversed(body):
        if isinstance(s, Loop):
            inner, below = _used(s.body)
            s = Loop(s.axis, s.start, s.stop, inner)
            read |= below
        elif isinstance(s, Let) and s.symbol not in read:
            continue
        else:
            read |= set(symbols(s.value))
        result.append(s)
    return tuple(reversed(result)), read


def _cut(body: tuple[Statement, ...], fresh: Iterator[Symbol]) -> tuple[Statement, ...]:
    result: list[Statement] = []
    for s in body:
        if isinstance(s, Loop):
            result.append(Loop(s.axis, s.start, s.stop, _cut(s.body, fresh)))
        else:
            result.append(replace(s, value=_short(s.value, result, fresh)))
    return tuple(result)


def _short(root: Term, out: list[Statement], fresh: Iterator[Symbol]) -> Term:
    """The term with its long and deep sub-terms put into temporaries."""

    def rule(node: Term, args: list[tuple[Term, int, int]]) -> tuple[Term, int, int]:
        changed = any(a is not b for (a, _, _), b in zip(args, node.args, strict=True))
        new = rebuild(node, tuple(a for a, _, _ in args)) if changed else node
        size, depth = sum(n for _, n, _ in args) or 1, 1 + max((d for _, _, d in args), default=0)
        if (size <= _LONGEST and depth <= _DEEPEST) or node is root or node.op == "table":
            return new, size, depth
        name = next(fresh)
        out.append(Let(name, new))
        return name, 1, 1

    return fold(root, rule)[0]
