"""Move what does not change with an index out of that index's loop: work per row instead of per point, per call instead of per row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from symnum.expr.term import Symbol, Term, make_call, rebuild
from symnum.expr.walk import fold
from symnum.ir.kernel import Kernel, Let, Loop, Statement, fresh_names


def hoist(kernel: Kernel) -> Kernel:
    """Maximal sub-terms that need no index of a loop become temporaries before it. Numbers and bare names stay where they are.

    A temporary goes right before the loop that uses it, so what reads a local array stays behind the loops that sum it.
    """
    fresh = fresh_names(kernel, "h")
    depth_of: dict[str, int] = {}
    prologue, body = _hoist(kernel, kernel.body, (), depth_of, fresh)
    assert not any(prologue)
    return kernel.with_body(body)


def _hoist(
    kernel: Kernel,
    body: tuple[Statement, ...],
    axes: tuple[int, ...],
    depth_of: dict[str, int],
    fresh: Iterator[Symbol],
) -> tuple[list[list[Let]], tuple[Statement, ...]]:
    """The body without its invariants, and for each enclosing depth the temporaries to put there."""
    outer: list[list[Let]] = [[] for _ in axes]
    names: dict[Term, Symbol] = {}
    result: list[Statement] = []
    for statement in body:
        if isinstance(statement, Loop):
            lifted, inner = _hoist(kernel, statement.body, (*axes, statement.axis), depth_of, fresh)
            result.extend(lifted[-1])
            for depth in range(len(axes)):
                outer[depth].extend(lifted[depth])
            result.append(Loop(statement.axis, statement.start, statement.stop, inner))
            continue
        value = _lift(kernel, statement.value, axes, depth_of, fresh, names, outer)
        if isinstance(statement, Let):
            depth_of[statement.symbol.name] = len(axes)
        result.append(replace(statement, value=value))
    return outer, tuple(result)


def _lift(
    kernel: Kernel,
    root: Term,
    axes: tuple[int, ...],
    depth_of: dict[str, int],
    fresh: Iterator[Symbol],
    names: dict[Term, Symbol],
    outer: list[list[Let]],
) -> Term:
    depths: dict[Term, int] = {}

    def depth(node: Term, below: list[int]) -> int:
        if node.op == "symbol":
            return _leaf_depth(kernel, node, axes, depth_of)
        return max(below, default=0)

    fold(root, depth, depths)

    def name(node: Term, value: Term) -> Term:
        if not node.args or depths[node] >= len(axes):
            return value
        if node not in names:
            names[node] = next(fresh)
            depth_of[names[node].name] = depths[node]
            outer[depths[node]].append(Let(names[node], value))
        return names[node]

    done: dict[Term, Term] = {}

    def rule(node: Term, args: list[Term]) -> Term:
        here = depths[node]
        if node.op == "add":
            node, args = _scaled_products(node, args, depths, done, rule)
        new_args = [name(a, v) if depths[a] < here else v for a, v in zip(node.args, args, strict=True)]
        if node.op in ("add", "mul") and here > 0:
            node, new_args = _group(node, new_args, depths, outer, names, fresh, depth_of)
        return (
            rebuild(node, tuple(new_args))
            if any(a is not b for a, b in zip(node.args, new_args, strict=True))
            else node
        )

    return name(root, fold(root, rule, done))


def _scaled_products(
    node: Term,
    args: list[Term],
    depths: dict[Term, int],
    done: dict[Term, Term],
    rule: Callable[[Term, list[Term]], Term],
) -> tuple[Term, list[Term]]:
    """In a sum, c*(alpha*f) with an invariant alpha becomes (c*alpha)*f, so that c leaves the loop with alpha."""
    here, data, terms, values = depths[node], list(node.data), list(node.args), list(args)
    for k, product in enumerate(node.args):
        c = data[k + 1]
        if (
            abs(c) == 1
            or product.op != "mul"
            or depths[product] != here
            or all(depths[f] == here for f in product.args)
        ):
            continue
        terms[k] = make_call("mul", product.args, (c * product.data[0], *product.data[1:]))
        depths[terms[k]] = here
        values[k] = rule(terms[k], [done[f] for f in product.args])
        data[k + 1] = 1
    if terms == list(node.args):
        return node, args
    changed = make_call("add", tuple(terms), tuple(data))
    depths[changed] = here
    return changed, values


def _group(
    node: Term,
    args: list[Term],
    depths: dict[Term, int],
    outer: list[list[Let]],
    names: dict[Term, Symbol],
    fresh: Iterator[Symbol],
    depth_of: dict[str, int],
) -> tuple[Term, list[Term]]:
    """In an n-ary sum or product, bring the operands of each outer depth together under one temporary."""
    own = depths[node]
    for level in range(own):
        chosen = [k for k, a in enumerate(node.args) if depths[a] == level]
        lone = node.op == "mul" and (abs(node.data[0]) != 1 or any(node.data[k + 1] != 1 for k in chosen))
        if not chosen or (len(chosen) < 2 and not lone):
            continue
        neutral, head = (0, node.data[0]) if node.op == "add" else (node.data[0], 1)
        part = make_call(node.op, tuple(node.args[k] for k in chosen), (neutral, *(node.data[k + 1] for k in chosen)))
        value = rebuild(part, tuple(args[k] for k in chosen))
        depths[part] = level
        if part not in names:
            names[part] = next(fresh)
            depth_of[names[part].name] = level
            outer[level].append(Let(names[part], value))
        kept = [k for k in range(len(node.args)) if k not in chosen]
        node = make_call(node.op, (*(node.args[k] for k in kept), part), (head, *(node.data[k + 1] for k in kept), 1))
        args = [args[k] for k in kept] + [names[part]]
        depths[node] = own
    return node, args


def _leaf_depth(kernel: Kernel, node: Term, axes: tuple[int, ...], depth_of: dict[str, int]) -> int:
    """The number of enclosing loops that a symbol's value needs."""
    kind = node.kind  # type: ignore[attr-defined]
    if kind == "index":
        return axes.index(node.info) + 1  # type: ignore[attr-defined]
    if kind == "load":
        info = node.info  # type: ignore[attr-defined]
        used = (a for a, fixed in zip(kernel.input(info.array).axes, info.fixed, strict=True) if not fixed)
        return max((axes.index(a) + 1 for a in used), default=0)
    if kind == "temporary":
        return depth_of[node.name]  # type: ignore[attr-defined]
    return 0
