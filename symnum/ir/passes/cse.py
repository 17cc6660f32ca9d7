"""Name sub-terms that are used more than once in a body, so that printers without a memory (C, NumPy source) compute them once."""

from __future__ import annotations

from collections import Counter

from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold, postorder
from symnum.ir.kernel import Kernel, Let, Loop, Statement, Store


def share_subterms(kernel: Kernel) -> Kernel:
    """Each shared sub-term of the stores of one body becomes a temporary before its first use."""
    counter = [0]
    return kernel.with_body(_share(kernel.body, counter))


def _share(body: tuple[Statement, ...], counter: list[int]) -> tuple[Statement, ...]:
    roots = [s.value for s in body if isinstance(s, Let | Store)]
    uses = Counter(a for node in postorder(roots) for a in set(node.args))
    uses.update(roots)
    shared = {n for n in postorder(roots) if n.args and uses[n] > 1}
    names: dict[Term, Term] = {}
    result: list[Statement] = []
    for statement in body:
        if isinstance(statement, Loop):
            result.append(Loop(statement.axis, statement.start, statement.stop, _share(statement.body, counter)))
            continue
        value = _replace(statement.value, shared, names, result, counter)
        if isinstance(statement, Let):
            result.append(Let(statement.symbol, value))
        else:
            result.append(Store(statement.array, value, statement.origin))
    return tuple(result)


def _replace(root: Term, shared: set[Term], names: dict[Term, Term], out: list[Statement], counter: list[int]) -> Term:
    from symnum.expr.term import rebuild

    def rule(node: Term, args: list[Term]) -> Term:
        if node in names:
            return names[node]
        changed = any(a is not b for a, b in zip(args, node.args, strict=True))
        new = rebuild(node, tuple(args)) if changed else node
        if node in shared:
            counter[0] += 1
            names[node] = Symbol(f"s{counter[0]}", "temporary")
            out.append(Let(names[node], new))  # type: ignore[arg-type]
            return names[node]
        return new

    return fold(root, rule)
