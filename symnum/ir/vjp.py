"""[Kernel] -> [Kernel]: products of a vector with a kernel's derivative from the left, loops kept as loops.

For out = f(y; p) the kernel made here gives

    (t; y, w; p) -> w^T df/dy, w^T df/dp

Where f reads a stencil, its derivative scatters. That is turned round: at each point it **gathers** what the points around it send,

    f_i = g(y_i, y_(i+o), ...)      =>      (w^T df/dy)_j = sum over o of  w_(j-o) dg_(j-o)/dy_(j)

so points may be handled in any order, in vectors. Derivatives that hold the state are computed once a point into scratch arrays (*sent*), from
which the neighbours read; those that do not, as in a linear stencil, are computed where they are read. The points that a load reaches from one
loop are again a box; what all loads of an array reach is summed up in one loop, the rest in thin ones near the sides. Integrals over the domain
are taken in reverse order, as in reverse accumulation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod

from symnum.expr.adjoint import adjoints
from symnum.expr.term import Const, Symbol, Term, add, make_call, rebuild, scale, split_coefficient
from symnum.expr.walk import fold, symbols
from symnum.ir.check import check
from symnum.ir.kernel import (
    Accumulate,
    Array,
    Kernel,
    Let,
    LoadInfo,
    Loop,
    Statement,
    Store,
    load,
    nest,
)

Box = dict[int, tuple[int, int]]  # axis -> (start, stop)


@dataclass(frozen=True)
class _Sent:
    """What one load of one loop sends to its array: ``value``, at grid index j, over the box of those j."""

    value: Term
    box: Box


@dataclass
class _Building:
    """The kernel while it is put together: statements in order, scratch arrays, and what goes to each array and parameter."""

    kernel: Kernel
    body: list[Statement] = field(default_factory=list)
    locals: list[Array] = field(default_factory=list)
    sent: dict[str, list[_Sent]] = field(default_factory=dict)
    seeds: dict[str, Term] = field(default_factory=dict)  # what each sum weighs

    def scratch(self, stem: str, box: Box, axes: tuple[int, ...], shown: str) -> Array:
        """A new array over a box."""
        shape = tuple(box[a][1] - box[a][0] for a in axes)
        offset = sum(a.size for a in self.locals)
        array = Array(f"{stem}~{len(self.locals)}", shape, offset, axes, tuple(box[a][0] for a in axes), shown)
        self.locals.append(array)
        return array

    def array(self, name: str) -> Array:
        return next((a for a in self.locals if a.name == name), None) or self.kernel.input(name)


def vjp_kernel(kernel: Kernel) -> Kernel:
    """(t; y, w; p) -> (w^T df/dy, w^T df/dp), for a kernel without temporaries (taken before passes name them).

    The input vector is y followed by w, (input_size + output_size,); the output vector (input_size + number of parameters,).
    """
    weights = tuple(replace(a, name=f"w~{a.name}", offset=a.offset + kernel.input_size) for a in kernel.outputs)
    made = _Building(kernel, locals=list(kernel.locals))
    leaves = list(_leaves(kernel.body, {}))
    made.body += [_around(box, (s,)) for box, s in leaves if isinstance(s, Accumulate)]
    _reverse(made, leaves)
    outputs = tuple(replace(a, name=f"g~{a.name}") for a in kernel.inputs)
    by_parameter = tuple(
        Array(f"g~{p.name}", (), kernel.input_size + k, (), (), p.name) for k, p in enumerate(kernel.parameters)
    )
    for array in outputs:
        _store(made, array)
    for array in by_parameter:
        parts = [s.value for s in made.sent.pop(f"p~{array.field}", [])]
        made.body.append(Store(array.name, add(parts), f"d/d{array.field}"))
    return check(
        replace(
            kernel,
            name=f"{kernel.name}_vjp",
            inputs=(*kernel.inputs, *weights),
            outputs=(*outputs, *by_parameter),
            locals=tuple(made.locals),
            body=tuple(made.body),
            comment=f"derivative times a vector from the left: {kernel.comment}",
        )
    )


def _leaves(body: tuple[Statement, ...], box: Box) -> Iterator[tuple[Box, Store | Accumulate]]:
    for statement in body:
        if isinstance(statement, Loop):
            yield from _leaves(statement.body, box | {statement.axis: (statement.start, statement.stop)})
        else:
            assert not isinstance(statement, Let), "derivatives are taken before passes name temporaries"
            yield box, statement


def _around(box: Box, body: tuple[Statement, ...]) -> Statement:
    """Loops over a box around statements, the lowest axis outermost."""
    if box:
        return nest(tuple((axis, *box[axis]) for axis in sorted(box)), body)
    assert len(body) == 1
    return body[0]


# --- from outputs to what is sent -------------------------------------------------------------------------------------


def _reverse(made: _Building, leaves: list[tuple[Box, Store | Accumulate]]) -> None:
    """All stores loop by loop, then the sums in reverse order: whoever reads a sum has sent to it before it is passed on."""
    groups: list[tuple[Box, list[Store | Accumulate]]] = []
    for box, statement in leaves:
        if isinstance(statement, Store):
            group = next((g for b, g in groups if b == box), None)
            if group is None:
                groups.append((box, [statement]))
            else:
                group.append(statement)
    for box, statement in reversed(leaves):
        if isinstance(statement, Accumulate):
            groups.append((box, [statement]))
    for box, group in groups:
        seeds = [(s.value, _seed(made, s)) for s in group]
        found = adjoints(seeds, lambda s: s.kind in ("load", "parameter"))
        _send(made, box, {s: found[s] for s in sorted(found, key=lambda s: (s.kind, s.name))}, group[0].origin)


def _seed(made: _Building, statement: Store | Accumulate) -> Term:
    """What the value of a statement weighs: w at the point, or what the readers of a sum have sent to it."""
    if isinstance(statement, Store):
        return load(f"w~{statement.array}", (0,) * len(made.kernel.output(statement.array).axes))
    array = made.array(statement.array)
    if array.name not in made.seeds:  # one sum may be taken in several loops
        total = _collected(made, array, f"g~{array.name}")
        made.seeds[array.name] = total if isinstance(total, Term) else load(total.name, (0,) * len(array.axes))
    return made.seeds[array.name]


def _send(made: _Building, box: Box, found: dict[Symbol, Term], origin: str) -> None:
    """Sort what one loop sends: parameters get sums over the loop, loads what the shifted loop reads."""
    found = _in_scratch(made, box, found, origin)
    axes = {s: _followed(made, s) for s in found}
    summed = _summed(made, box, [(s, axes[s], value) for s, value in found.items() if set(box) - set(axes[s])])
    for symbol, value in {**found, **summed}.items():
        if symbol.kind == "parameter":
            made.sent.setdefault(f"p~{symbol.name}", []).append(_Sent(value, {}))
            continue
        info: LoadInfo = symbol.info
        array = made.array(info.array)
        rows = list(zip(array.axes, info.offsets, info.wrap, info.fixed, strict=True))
        ends = {a: (o, o + 1) for a, o, _, fixed in rows if fixed}
        moving = {a: o for a, o, _, fixed in rows if not fixed}
        wraps = {a for a, _, wrap, fixed in rows if wrap and not fixed}
        for sent in _shifted(made, value, {a: box[a] for a in moving}, moving, wraps):
            at = sent.box | ends
            made.sent.setdefault(info.array, []).append(_Sent(sent.value, {a: at[a] for a in array.axes}))


def _followed(made: _Building, symbol: Symbol) -> tuple[int, ...]:
    """The axes along which what is sent to a symbol depends on the loop: none for a parameter, those that are not fixed for a load."""
    if symbol.kind == "parameter":
        return ()
    return tuple(a for a, f in zip(made.array(symbol.info.array).axes, symbol.info.fixed, strict=True) if not f)


def _in_scratch(made: _Building, box: Box, found: dict[Symbol, Term], origin: str) -> dict[Symbol, Term]:
    """Values that hold the state are computed once a point, all in one loop, into scratch arrays; equal ones share one."""
    if not box:
        return found
    result, arrays, body = dict(found), dict[Term, Term](), list[Statement]()
    axes = tuple(sorted(box))
    for symbol, value in found.items():
        read = [s for s in symbols(value, "load") if not s.info.array.startswith("w~")]
        if not read or set(box) - set(_followed(made, symbol)):
            continue
        c, rest = split_coefficient(value)
        if rest not in arrays:
            array = made.scratch("sent", box, axes, made.array(symbol.info.array).field)
            arrays[rest] = load(array.name, (0,) * len(axes))
            body.append(Accumulate(array.name, rest, origin))
        result[symbol] = scale(arrays[rest], c)
    if body:
        made.body.append(_around(box, tuple(body)))
    return result


def _summed(made: _Building, box: Box, values: list[tuple[Symbol, tuple[int, ...], Term]]) -> dict[Symbol, Term]:
    """Sums of values over the loops, each kept along some axes, all taken in one loop."""
    found, body = dict[Symbol, Term](), list[Statement]()
    for symbol, axes, value in values:
        array = made.scratch("sum", box, axes, symbol.name)
        body.append(Accumulate(array.name, value))
        found[symbol] = load(array.name, (0,) * len(axes))
    if body:
        made.body.append(_around(box, tuple(body)))
    return found


# --- turning a scatter into a gather ----------------------------------------------------------------------------------


def _shifted(made: _Building, value: Term, box: Box, offsets: dict[int, int], wraps: set[int]) -> list[_Sent]:
    """A value at index i that goes to j = i + offset, as values at j: one box, or several where it wraps around."""
    found = [_Sent(value, box)]
    for axis, offset in offsets.items():
        if offset == 0:
            continue
        period = made.kernel.periods[axis]
        following: list[_Sent] = []
        for sent in found:
            start, stop = sent.box[axis]
            if axis not in wraps:
                moved = sent.box | {axis: (start + offset, stop + offset)}
                following.append(_Sent(_moved(made, sent.value, axis, -offset, False), moved))
            elif (start, stop) == (0, period) and _goes_round(made, sent.value, axis):
                following.append(_Sent(_moved(made, sent.value, axis, -offset, True), sent.box))
            else:
                for turn in (-period, 0, period):
                    low, high = max(0, start + offset + turn), min(period, stop + offset + turn)
                    if low < high:
                        value_there = _moved(made, sent.value, axis, -offset - turn, False)
                        following.append(_Sent(value_there, sent.box | {axis: (low, high)}))
        found = following
    return found


def _goes_round(made: _Building, value: Term, axis: int) -> bool:
    """True if the value at an index modulo the period is read by loads that wrap: it holds no index and no table along the axis."""
    if any(s.info == axis for s in symbols(value, "index")):
        return False
    loads = ((_array(made, s), s.info) for s in symbols(value, "load"))
    return all(_spans(made.kernel, array, axis, info) for array, info in loads)


def _array(made: _Building, symbol: Symbol) -> Array:
    """The array of a load, also of the weights w."""
    name: str = symbol.info.array
    return made.kernel.output(name[2:]) if name.startswith("w~") else made.array(name)


def _spans(kernel: Kernel, array: Array, axis: int, info: LoadInfo) -> bool:
    if axis not in array.axes:
        return True
    k = array.axes.index(axis)
    return not info.fixed[k] and array.origin[k] == 0 and array.shape[k] == kernel.periods[axis]


def _moved(made: _Building, value: Term, axis: int, shift: int, wrap: bool) -> Term:
    """The value at grid index j + shift along an axis, written at j."""

    def moved_load(symbol: Symbol) -> Term:
        array, info = _array(made, symbol), symbol.info
        if axis not in array.axes or info.fixed[array.axes.index(axis)]:
            return symbol
        k, period = array.axes.index(axis), made.kernel.periods[axis]
        offset, around = info.offsets[k] + shift, info.wrap[k] or wrap
        if around:
            offset = (offset + period // 2) % period - period // 2
        offsets = (*info.offsets[:k], offset, *info.offsets[k + 1 :])
        return load(info.array, offsets, (*info.wrap[:k], around, *info.wrap[k + 1 :]), info.fixed)

    def rule(node: Term, args: list[Term]) -> Term:
        if node.op == "table":
            start, *numbers = node.data
            at = node.args[0]
            assert isinstance(at, Symbol)
            return make_call("table", (at,), (start - shift, *numbers)) if at.info == axis else node
        if isinstance(node, Symbol):
            if node.kind == "index" and node.info == axis:
                return add((node, Const(shift)))
            return moved_load(node) if node.kind == "load" else node
        return _rebuilt(node, args)

    return fold(value, rule)


def _rebuilt(node: Term, args: list[Term]) -> Term:
    return node if all(a is b for a, b in zip(args, node.args, strict=True)) else rebuild(node, tuple(args))


# --- summing up what an array is sent ---------------------------------------------------------------------------------


def _store(made: _Building, output: Array) -> None:
    """Store what an input array was sent."""
    name = output.name.removeprefix("g~")
    total = _collected(made, replace(output, name=name), f"sum~{name}")
    value = total if isinstance(total, Term) else load(total.name, (0,) * len(output.axes))
    made.body.append(_around(_box(output), (Store(output.name, value, f"d/d{output.field}"),)))


def _box(array: Array) -> Box:
    return {a: (o, o + n) for a, o, n in zip(array.axes, array.origin, array.shape, strict=True)}


def _collected(made: _Building, array: Array, stem: str) -> Term | Array:
    """The sum of all that an array is sent: a term, where every part covers the array, else a scratch array that holds it."""
    sent, whole = made.sent.pop(array.name, []), _box(array)
    if all(s.box == whole for s in sent):
        return add(s.value for s in sent)
    target = made.scratch(stem, whole, array.axes, array.field)
    core = _core([s.box for s in sent])
    inside, pieces = [], dict[tuple[tuple[int, tuple[int, int]], ...], list[Term]]()
    for part in sent:
        if core is not None and _common(part.box, core) == core:
            inside.append(part.value)
            rests = _without(part.box, core)
        else:
            rests = [part.box]
        for rest in rests:
            pieces.setdefault(tuple(sorted(rest.items())), []).append(part.value)
    boxes = [(core, inside)] if core is not None else []
    for box, values in [*boxes, *((dict(key), values) for key, values in pieces.items())]:
        made.body.append(_around(box, (Accumulate(target.name, add(values)),)))
    return target


def _core(boxes: list[Box]) -> Box | None:
    """A box that lies in most of the large boxes: the largest one, cut down by each that shares more than half of it."""
    if len(boxes) < 2 or not boxes[0]:
        return None
    core = max(boxes, key=_volume)
    for box in boxes:
        both = _common(box, core)
        if both is not None and 2 * _volume(both) > _volume(core):
            core = both
    return core


def _volume(box: Box) -> int:
    return prod(stop - start for start, stop in box.values())


def _common(a: Box, b: Box) -> Box | None:
    both = {axis: (max(a[axis][0], b[axis][0]), min(a[axis][1], b[axis][1])) for axis in a}
    return both if all(start < stop for start, stop in both.values()) else None


def _without(box: Box, core: Box) -> list[Box]:
    """Boxes that make up ``box`` without ``core``, which lies in it."""
    found, left = [], dict(box)
    for axis in box:
        (start, stop), (low, high) = left[axis], core[axis]
        found += [left | {axis: ends} for ends in ((start, low), (high, stop)) if ends[0] < ends[1]]
        left = left | {axis: (low, high)}
    return found
