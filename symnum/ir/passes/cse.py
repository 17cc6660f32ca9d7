"""Name sub-terms that are used more than once in a body, so that printers without a memory (C, NumPy source) compute them once."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold, postorder
from symnum.ir.kernel import Kernel, Let, Loop, Statement, fresh_names


def share_subterms(kernel: Kernel) -> Kernel:
    """Each shared sub-term of the statements of one body becomes a temporary before its first use."""
    fresh = fresh_names(kernel, "s")
    return kernel.with_body(_share(kernel.body, fresh))


def _share(body: tuple[Statement, ...], fresh: Iterator[Symbol]) -> tuple[Statement, ...]:
    roots = [s.value for s in body if not isinstance(s, Loop)]
    uses = Counter(a for node in postorder(roots) for a in set(node.args))
    uses.update(roots)
    shared = {n for n in postorder(roots) if n.args and uses[n] > 1}
    names: dict[Term, Term] = {}
    result: list[Statement] = []
    for statement in body:
        if isinstance(statement, Loop):
            result.append(Loop(statement.axis, statement.start, statement.stop, _share(statement.body, fresh)))
            continue
        value = _replace(statement.value, shared, names, result, fresh)
        result.append(dataclasses.replace(statement, value=value))
    return tuple(result)


def _replace(
    root: Term, shared: set[Term], names: dict[Term, Term], out: list[Statement], fresh: Iterator[Symbol]
) -> Term:
    from symnum.expr.term import rebuild

    def rule(node: Term, args: list[Term]) -> Term:
        if node in names:
            return names[node]
        changed = any(a is not b for a, b in zip(args, node.args, strict=True))
        new = rebuild(node, tuple(args)) if changed else node
        if node in shared:
            names[node] = name = next(fresh)
            out.append(Let(name, new))
            return name
        return new

    return fold(root, rule)
