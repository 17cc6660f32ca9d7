"""The one way to walk terms: iterative, memoised over the DAG, so depth 10^5 and heavy sharing cost what they should."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from symnum.expr.term import Symbol, Term, rebuild

Result = TypeVar("Result")


def postorder(roots: Iterable[Term]) -> Iterator[Term]:
    """Every distinct node below the roots once, children before parents, left to right."""
    seen: set[Term] = set()
    for root in roots:
        if root in seen:
            continue
        stack: list[tuple[Term, int]] = [(root, 0)]
        seen.add(root)
        while stack:
            term, position = stack.pop()
            args = term.args
            while position < len(args) and args[position] in seen:
                position += 1
            if position < len(args):
                stack.append((term, position + 1))
                stack.append((args[position], 0))
                seen.add(args[position])
            else:
                yield term


def fold(root: Term, rule: Callable[[Term, list[Result]], Result], memo: dict[Term, Result] | None = None) -> Result:
    """``rule(term, [results of its arguments])`` from the leaves up, each distinct node once. ``memo`` may be shared between calls."""
    memo = {} if memo is None else memo
    if root not in memo:
        for term in postorder_outside(root, memo):
            memo[term] = rule(term, [memo[a] for a in term.args])
    return memo[root]


def postorder_outside(root: Term, known: dict[Term, Any]) -> Iterator[Term]:
    """Like ``postorder`` for one root, not descending into nodes already known."""
    stack: list[tuple[Term, bool]] = [(root, False)]
    while stack:
        term, ready = stack.pop()
        if term in known:
            continue
        if ready or not term.args:
            yield term
        else:
            stack.append((term, True))
            stack.extend((a, False) for a in reversed(term.args) if a not in known)


def transform(root: Term, rule: Callable[[Term], Term | None], memo: dict[Term, Term] | None = None) -> Term:
    """Rebuild bottom-up; ``rule`` sees each node with its arguments already transformed and may give a replacement (None: keep)."""

    def step(term: Term, args: list[Term]) -> Term:
        new = term if all(a is b for a, b in zip(args, term.args, strict=True)) else rebuild(term, tuple(args))
        replaced = rule(new)
        return new if replaced is None else replaced

    return fold(root, step, memo)


def symbols(roots: Term | Iterable[Term], kind: str | None = None) -> list[Symbol]:
    """The distinct symbols below the roots (of one ``kind`` if given), in order of first appearance."""
    roots = (roots,) if isinstance(roots, Term) else roots
    return [t for t in postorder(roots) if isinstance(t, Symbol) and (kind is None or t.kind == kind)]


def contains(root: Term, test: Callable[[Term], bool]) -> bool:
    """True if any node below (or at) the root passes the test."""
    return any(test(t) for t in postorder((root,)))


def node_count(roots: Term | Iterable[Term]) -> int:
    """Number of distinct nodes (the size of the DAG)."""
    return sum(1 for _ in postorder((roots,) if isinstance(roots, Term) else roots))


def flatten(root: Term) -> tuple[tuple[Any, ...], ...]:
    """A term as a flat program, children before parents: (kind, head, child indices, data) rows. Read back by ``term._rebuild``."""
    index: dict[Term, int] = {}
    rows: list[tuple[Any, ...]] = []
    for term in postorder((root,)):
        index[term] = len(rows)
        if isinstance(term, Symbol):
            rows.append(("symbol", (term.name, term.kind, term.info), (), ()))
        else:
            rows.append(
                (term.op if term.op == "const" else "call", term.op, tuple(index[a] for a in term.args), term.data)
            )
    return tuple(rows)
