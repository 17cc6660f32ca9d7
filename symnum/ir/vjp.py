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

from dataclasses import dataclass, field, replace

import numpy as np

from symnum.expr.adjoint import adjoints
from symnum.expr.term import Symbol, Term, add, mul, scale, split_coefficient
from symnum.expr.walk import symbols
from symnum.ir.box import Box, around, common, leaves, volume, without
from symnum.ir.check import check
from symnum.ir.extremes import weight, with_ties
from symnum.ir.jacobian import varies
from symnum.ir.kernel import Accumulate, Array, Kernel, LoadInfo, Statement, Store, load, memory_groups
from symnum.ir.passes.share_networks import share_networks
from symnum.ir.shift import goes_round, moved
from symnum.ir.vjp_networks import NetworkSums


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
    networks: NetworkSums = field(init=False)

    def __post_init__(self) -> None:
        self.networks = NetworkSums(self.kernel, self.locals)

    def scratch(self, stem: str, box: Box, axes: tuple[int, ...], shown: str) -> Array:
        """A new array over a box."""
        shape = tuple(box[a][1] - box[a][0] for a in axes)
        offset = max((a.span[1] for a in self.locals), default=0)
        array = Array(f"{stem}~{len(self.locals)}", shape, offset, axes, tuple(box[a][0] for a in axes), shown)
        self.locals.append(array)
        return array

    def views(self, stem: str, arrays: list[Array]) -> dict[str, Array]:
        """New arrays that lie to each other in memory as the given ones do, by their names."""
        begin = max((a.span[1] for a in self.locals), default=0) - arrays[0].span[0]
        made = {a.name: replace(a, name=f"{stem}~{a.name}", offset=a.offset + begin) for a in arrays}
        self.locals += made.values()
        return made

    def array(self, name: str) -> Array:
        """The array of a load, also of the weights w."""
        if name.startswith("w~"):
            return self.kernel.output(name[2:])
        return next((a for a in self.locals if a.name == name), None) or self.kernel.input(name)


def vjp_kernel(kernel: Kernel) -> Kernel:
    """(t; y, w; p) -> (w^T df/dy, w^T df/dp), for a kernel without temporaries (taken before passes name them).

    The input vector is y followed by w, (input_size + output_size,); the output vector (input_size + number of parameters,).
    """
    kernel = share_networks(kernel)
    kernel = with_ties(kernel)
    weights = tuple(replace(a, name=f"w~{a.name}", offset=a.offset + kernel.input_size) for a in kernel.outputs)
    made = _Building(kernel, locals=list(kernel.locals))
    found = list(leaves(kernel.body))
    made.body += [around(box, (s,)) for box, s in found if kernel.is_local(s.array)]
    _reverse(made, found)
    outputs = _outputs(made)
    by_parameter = _by_parameters(made)
    return check(
        replace(
            kernel,
            name=f"{kernel.name}_vjp",
            inputs=(*kernel.inputs, *weights),
            outputs=(*outputs, *by_parameter),
            periods=(*kernel.periods, *made.networks.axes),
            locals=tuple(made.locals),
            body=tuple(made.body),
            comment=f"derivative times a vector from the left: {kernel.comment}",
        )
    )


def _by_parameters(made: _Building) -> tuple[Array, ...]:
    """Store what the parameters were sent: an output for each, or for all weights of a network together."""
    kernel = made.kernel
    arrays, body, sums = made.networks.outputs([key[2:] for key in made.sent if key.startswith("p~")])
    made.body += body
    blocks = [range(a.offset, a.offset + a.size) for a in arrays]
    for k, p in enumerate(kernel.parameters, start=kernel.input_size):
        if any(k in block for block in blocks):
            continue
        array = Array(f"g~{p.name}", (), k, (), (), p.name)
        parts = [s.value for s in made.sent.pop(f"p~{p.name}", [])] + sums.get(p, [])
        made.body.append(Store(array.name, add(parts), f"d/d{p.name}"))
        arrays.append(array)
    return tuple(arrays)


# --- from outputs to what is sent -------------------------------------------------------------------------------------


def _reverse(made: _Building, found: list[tuple[Box, Store | Accumulate]]) -> None:
    """All outputs loop by loop, then the local arrays in reverse order: whoever reads one has sent to it before that is passed on."""
    kernel = made.kernel
    groups: list[tuple[Box, list[Store | Accumulate]]] = []
    for box, statement in found:
        if not kernel.is_local(statement.array):
            group = next((g for b, g in groups if b == box), None)
            if group is None:
                groups.append((box, [statement]))
            else:
                group.append(statement)
    groups += [(box, [s]) for box, s in reversed(found) if kernel.is_local(s.array)]
    for box, group in groups:
        seeds = [(s.value, mul((_seed(made, s), weight(kernel, s)))) for s in group]
        sent = adjoints(seeds, lambda s: s.kind == "parameter" or varies(kernel, s), made.networks.taker(box))
        made.body += made.networks.statements(box, group[0].origin)
        _send(made, box, {s: sent[s] for s in sorted(sent, key=lambda s: (s.kind, s.name))}, group[0].origin)


def _seed(made: _Building, statement: Store | Accumulate) -> Term:
    """What the value of a statement weighs: w at the point, or what the readers of a local array have sent to it."""
    kernel = made.kernel
    if not kernel.is_local(statement.array):
        return load(f"w~{statement.array}", (0,) * len(kernel.output(statement.array).axes))
    array = kernel.input(statement.array)
    if array.name not in made.seeds:  # one array may be written in several loops
        group = next(g for g in memory_groups(kernel.locals) if array in g)
        if len(group) == 1:
            total = _collected(made, array, f"g~{array.name}")
            made.seeds[array.name] = total if isinstance(total, Term) else _here(total)
        else:
            made.seeds |= {name: _here(view) for name, view in _accumulated(made, group, "g").items()}
    return made.seeds[array.name]


def _here(array: Array) -> Term:
    return load(array.name, (0,) * len(array.axes))


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
        if isinstance(rest, Symbol):  # it lies in an array already
            continue
        if rest not in arrays:
            array = made.scratch("sent", box, axes, made.array(symbol.info.array).field)
            arrays[rest] = load(array.name, (0,) * len(axes))
            body.append(Accumulate(array.name, rest, origin))
        result[symbol] = scale(arrays[rest], c)
    if body:
        made.body.append(around(box, tuple(body)))
    return result


def _summed(made: _Building, box: Box, values: list[tuple[Symbol, tuple[int, ...], Term]]) -> dict[Symbol, Term]:
    """Sums of values over the loops, each kept along some axes, all taken in one loop."""
    found, body = dict[Symbol, Term](), list[Statement]()
    for symbol, axes, value in values:
        array = made.scratch("sum", box, axes, symbol.name)
        body.append(Accumulate(array.name, value))
        found[symbol] = load(array.name, (0,) * len(axes))
    if body:
        made.body.append(around(box, tuple(body)))
    return found


# --- turning a scatter into a gather ----------------------------------------------------------------------------------


def _shifted(made: _Building, value: Term, box: Box, offsets: dict[int, int], wraps: set[int]) -> list[_Sent]:
    """A value at index i that goes to j = i + offset, as values at j: one box, or several where it wraps around."""
    found = [_Sent(value, box)]
    for axis, offset in offsets.items():
        if offset == 0:
            continue
        periods, period = made.kernel.periods, made.kernel.periods[axis]
        following: list[_Sent] = []
        for sent in found:
            start, stop = sent.box[axis]
            if axis not in wraps:
                there = sent.box | {axis: (start + offset, stop + offset)}
                following.append(_Sent(moved(made.array, periods, sent.value, axis, -offset), there))
            elif (start, stop) == (0, period) and goes_round(made.array, periods, sent.value, axis):
                following.append(_Sent(moved(made.array, periods, sent.value, axis, -offset, True), sent.box))
            else:
                for turn in (-period, 0, period):
                    low, high = max(0, start + offset + turn), min(period, stop + offset + turn)
                    if low < high:
                        value_there = moved(made.array, periods, sent.value, axis, -offset - turn)
                        following.append(_Sent(value_there, sent.box | {axis: (low, high)}))
        found = following
    return found


# --- summing up what an array is sent ---------------------------------------------------------------------------------


_WHOLE = "g~"


def _outputs(made: _Building) -> tuple[Array, ...]:
    """Store what the inputs were sent: an output for each, or where inputs share memory or leave some of it out one for the whole vector."""
    kernel = made.kernel
    if _tiled(kernel.inputs, kernel.input_size):
        outputs = tuple(replace(a, name=f"g~{a.name}") for a in kernel.inputs)
        for array, output in zip(kernel.inputs, outputs, strict=True):
            total = _collected(made, array, f"sum~{array.name}")
            value = total if isinstance(total, Term) else _here(total)
            made.body.append(around(_box(output), (Store(output.name, value, f"d/d{output.field}"),)))
        return outputs
    size = kernel.input_size
    axis = made.networks.axis(size)
    whole = Array("y~", (size,), 0, (axis,), (0,), "y")
    views = _accumulated(made, [whole, *kernel.inputs], "sum")
    made.body.append(around({axis: (0, size)}, (Store(_WHOLE, _here(views[whole.name]), "d/dy"),)))
    return (replace(whole, name=_WHOLE),)


def _tiled(arrays: tuple[Array, ...], size: int) -> bool:
    """Every position of a vector belongs to one of the arrays, and to no second."""
    count = np.zeros(size, dtype=np.int8)
    for array in arrays:
        array.view(count)[...] += 1
    return bool((count == 1).all())


def _accumulated(made: _Building, arrays: list[Array], stem: str) -> dict[str, Array]:
    """What arrays of one piece of memory are sent, summed up place by place; by the arrays' names."""
    views = made.views(stem, arrays)
    for array in arrays:
        pieces: dict[tuple[tuple[int, tuple[int, int]], ...], list[Term]] = {}
        for part in made.sent.pop(array.name, []):
            pieces.setdefault(tuple(sorted(part.box.items())), []).append(part.value)
        for key, values in pieces.items():
            made.body.append(around(dict(key), (Accumulate(views[array.name].name, add(values)),)))
    return views


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
        if core is not None and common(part.box, core) == core:
            inside.append(part.value)
            rests = without(part.box, core)
        else:
            rests = [part.box]
        for rest in rests:
            pieces.setdefault(tuple(sorted(rest.items())), []).append(part.value)
    boxes = [(core, inside)] if core is not None else []
    for box, values in [*boxes, *((dict(key), values) for key, values in pieces.items())]:
        made.body.append(around(box, (Accumulate(target.name, add(values)),)))
    return target


def _core(boxes: list[Box]) -> Box | None:
    """A box that lies in most of the large boxes: the largest one, cut down by each that shares more than half of it."""
    if len(boxes) < 2 or not boxes[0]:
        return None
    core = max(boxes, key=volume)
    for box in boxes:
        both = common(box, core)
        if both is not None and 2 * volume(both) > volume(core):
            core = both
    return core
