"""[Captured] -> [Kernel and state]: a function of several arrays as du/dt = f(t, u; p) on one vector, field after field.

    u[i, j, k], three species side by side:   u_000 v_000 w_000  u_001 v_001 w_001 ...
    the state that is solved:                 u_000 u_001 ...    v_000 v_001 ...    w_000 w_001 ...

An axis that the function takes apart (``u[:, :, 0]``, ``x, y, z = u``) becomes fields. Arrays that are no part of the state become constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.ir.check import check
from symnum.ir.kernel import Array, Constant, Kernel, Store, load, nest

Index = NDArray[np.intp]


@dataclass(frozen=True)
class Part:
    """An array of the state: its name and shape, where it begins among the inputs and where its rates begin among the outputs."""

    name: str
    shape: tuple[int, ...]
    offset: int
    rates: int

    @property
    def size(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Bound:
    """An array argument whose values are fixed: where it begins among the inputs, and the values, flat."""

    offset: int
    values: np.ndarray


@dataclass(frozen=True)
class State:
    """The right-hand side on one vector.

    Attributes:
        rhs: the kernel (t; y; p) -> dy/dt; fields: its unknowns, one Array a field, one after the other.
        positions: where the values of the user's arrays, one after the other in C order, stand in the state: ``y[positions] = values``.
        whole: the user's arrays as they stand in that order; their axes are those of the fields, -1 where they are taken apart.
        taken_apart: the user's arrays are not the fields, but made of them.
    """

    rhs: Kernel
    fields: tuple[Array, ...]
    positions: Index
    whole: tuple[Array, ...]
    taken_apart: bool

    def reconstruct(self) -> Kernel:
        """The kernel from the state to the user's arrays."""
        values = np.empty_like(self.positions)
        values[self.positions] = np.arange(len(values))
        body, outputs = [], []
        for field in self.fields:
            target = _laid(replace(field, name=f"{field.name}~"), values)
            assert target is not None, "fields are slices of the user's arrays"
            outputs.append(target)
            store = Store(target.name, load(field.name, (0,) * len(field.axes)))
            ranges = tuple((a, o, o + n) for a, o, n in zip(field.axes, field.origin, field.shape, strict=True))
            body.append(nest(ranges, (store,)) if ranges else store)
        axes = max(len(field.shape) for field in self.fields)
        periods = tuple(max(f.shape[k] for f in self.fields if len(f.shape) > k) for k in range(axes))
        rhs, comment = self.rhs, "the arrays of the traced function"
        return check(Kernel("reconstruct", self.fields, tuple(outputs), rhs.parameters, rhs.time, periods, tuple(body), comment))


def as_state(kernel: Kernel, parts: Sequence[Part], bound: Sequence[Bound]) -> State:
    """The state of the arrays ``parts``; ``bound`` are all other array arguments of the kernel."""
    size = sum(p.size for p in parts)
    for apart in (True, False):
        found = _ordered(kernel, parts, apart)
        if found is None:
            continue
        positions, splits = found
        inputs = _inputs(kernel, parts, positions)
        outputs = _outputs(kernel, parts, positions)
        if inputs is not None and outputs is not None:
            break
    else:
        raise AssertionError("the order of the user's arrays always serves")
    rhs = check(
        replace(
            kernel,
            name="rhs",
            inputs=(*inputs, Array("state~", (), size - 1, (), (), "state")),  # the vector has its length, whatever is read
            outputs=outputs,
            constants=(*kernel.constants, *_constants(kernel, bound)),
        )
    )
    whole, begin = [], 0
    for part, split in zip(parts, splits, strict=True):
        rest = [k for k in range(len(part.shape)) if k not in split]
        axes = tuple(rest.index(k) if k in rest else -1 for k in range(len(part.shape)))
        whole.append(Array(part.name, part.shape, begin, axes, (0,) * len(part.shape), part.name))
        begin += part.size
    fields = tuple(field for part, split, array in zip(parts, splits, whole, strict=True) for field in _fields(part, split, array, outputs))
    same = len(fields) == len(whole) and all(a.shape == b.shape for a, b in zip(fields, whole, strict=True))
    return State(rhs, fields, positions, tuple(whole), any(splits) or not same)


def _ordered(kernel: Kernel, parts: Sequence[Part], apart: bool) -> tuple[Index, list[tuple[int, ...]]] | None:
    """Where each value of the user's arrays goes, and for each array the axes that are taken apart."""
    positions, splits, begin = [], [], 0
    for part in parts:
        axes = _taken_apart(kernel, part) if apart else ()
        rest = tuple(k for k in range(len(part.shape)) if k not in axes)
        order = np.arange(part.size).reshape(part.shape).transpose(*axes, *rest).ravel()
        place = np.empty(part.size, dtype=np.intp)
        place[order] = begin + np.arange(part.size)
        positions.append(place)
        splits.append(axes)
        begin += part.size
    return np.concatenate(positions), splits


def _taken_apart(kernel: Kernel, part: Part) -> tuple[int, ...]:
    """The axes along which every array that holds rates of a part stays at one index."""
    found: set[int] | None = None
    for array in kernel.outputs:
        if not part.rates <= array.offset < part.rates + part.size:
            continue
        places = array.view(np.arange(kernel.output_size)).ravel() - part.rates
        index = np.unravel_index(places, part.shape)
        still = {k for k, along in enumerate(index) if part.shape[k] > 1 and (along == along[0]).all()}
        found = still if found is None else found & still
    return tuple(sorted(found or ()))


def _inputs(kernel: Kernel, parts: Sequence[Part], positions: Index) -> tuple[Array, ...] | None:
    """The arrays of the state, as they lie in the new order; None where one would have no steps there."""
    old = np.full(kernel.input_size, -1, dtype=np.intp)
    _place(old, [(p.offset, p.size) for p in parts], positions)
    made = [_laid(a, old) for a in kernel.inputs if _part_of(a, [(p.offset, p.size) for p in parts])]
    return None if any(a is None for a in made) else tuple(a for a in made if a is not None)


def _outputs(kernel: Kernel, parts: Sequence[Part], positions: Index) -> tuple[Array, ...] | None:
    old = np.full(kernel.output_size, -1, dtype=np.intp)
    _place(old, [(p.rates, p.size) for p in parts], positions)
    made = [_laid(a, old) for a in kernel.outputs]
    return None if any(a is None for a in made) else tuple(a for a in made if a is not None)


def _place(old: Index, ranges: list[tuple[int, int]], positions: Index) -> None:
    begin = 0
    for offset, size in ranges:
        old[offset : offset + size] = positions[begin : begin + size]
        begin += size


def _part_of(array: Array, ranges: list[tuple[int, int]]) -> bool:
    return any(offset <= array.offset < offset + size for offset, size in ranges)


def _laid(array: Array, positions: Index) -> Array | None:
    """The array whose values have moved to ``positions[old]``; None where they are no longer evenly spaced."""
    places = array.view(positions)
    first = int(places[(0,) * places.ndim])
    steps = tuple(int(places[tuple(int(j == k) for j in range(places.ndim))]) - first if n > 1 else 1 for k, n in enumerate(array.shape))
    expected: Any = first
    for k, (n, step) in enumerate(zip(array.shape, steps, strict=True)):
        expected = expected + step * np.arange(n).reshape(-1, *(1,) * (len(steps) - 1 - k))
    if not np.array_equal(np.broadcast_to(expected, places.shape), places):
        return None
    made = replace(array, offset=first, steps=steps)
    return replace(made, steps=None) if made.contiguous else made


def _constants(kernel: Kernel, bound: Sequence[Bound]) -> list[Constant]:
    """The arrays of the arguments whose values are fixed."""
    made = []
    for each in bound:
        values = np.ascontiguousarray(each.values, dtype=kernel.dtype).ravel()
        inside = [a for a in kernel.inputs if _part_of(a, [(each.offset, values.size)])]
        made += [Constant(replace(array, offset=array.offset - each.offset), values) for array in inside]
    return made


def _fields(part: Part, split: tuple[int, ...], whole: Array, outputs: Sequence[Array]) -> list[Array]:
    """One array a field, contiguous, one after the other: ``u`` itself, ``u[:,:,0]``, ``u[:,:,1]`` where u is taken apart, ``y[0:256]``,
    ``y[256:512]`` where rates are put together from pieces."""
    end = whole.offset + part.size
    pieces = sorted((a for a in outputs if whole.offset <= a.offset < end), key=lambda a: a.offset)
    begins = np.cumsum([whole.offset, *(a.size for a in pieces)]).tolist()
    tiled = all(a.contiguous and a.offset == b for a, b in zip(pieces, begins[:-1], strict=True)) and begins[-1] == end
    rest = tuple(part.shape[k] for k in range(len(part.shape)) if k not in split)
    if not split and not tiled:
        return [replace(whole, axes=tuple(range(len(part.shape))))]
    if not split:
        spans = [f"{part.name}[{a.offset - whole.offset}:{a.offset - whole.offset + a.size}]" for a in pieces]
        names = spans if len(pieces) > 1 else [part.name]
        return [replace(a, name=name, field=name) for a, name in zip(pieces, names, strict=True)]
    made, begin = [], whole.offset
    for index in np.ndindex(*(part.shape[k] for k in split)):
        at = dict(zip(split, index, strict=True))
        name = f"{part.name}[{','.join(str(at.get(k, ':')) for k in range(len(part.shape)))}]"
        made.append(Array(name, rest, begin, tuple(range(len(rest))), (0,) * len(rest), name))
        begin += prod(rest)
    return made


__all__ = ["Bound", "Part", "State", "as_state"]
