"""One traced variant of a function as native code: binds arguments, makes room for results, gives back what the function gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from operator import itemgetter
from typing import Any

import numpy as np

from symnum.codegen.c_names import identifier
from symnum.codegen.llvm_split import Split
from symnum.codegen.placement import output_vector
from symnum.codegen.split import build_c, build_llvm
from symnum.errors import TargetError
from symnum.kernels.results import Room
from symnum.kernels.run import Runner, address
from symnum.tracing.capture import Argument, Captured, Result

Getter = Callable[[Sequence[Any]], Any]
Late = list[tuple[np.ndarray, np.ndarray]]  # (array, what is copied into it when it has been computed)


class Variant:
    """A function for arguments of certain shapes and types.

    Attributes: ``captured``: what was traced; ``source``: the generated code; ``threads``: how many a call uses; ``arrays``, ``numbers``,
    ``time``: the arguments and how they are found among the values of a call; ``blocks``: (start, size) of the vectors in which results lie;
    ``places``: (vector, first, stop, shape) of each result.
    """

    def __init__(self, captured: Captured, names: Sequence[str], target: str, workers: int) -> None:
        self._bind(captured, names)
        split = Split(tuple(a.offset for a, _ in self.arrays), tuple(start for start, _ in self.blocks))
        kernel = replace(captured.kernel, name=f"{identifier(captured.kernel.name)}_kernel")
        arrays = len(split.inputs) + len(split.outputs)
        self.run = Runner((build_llvm if target == "llvm" else build_c)(kernel, split), arrays, workers)
        self.room = Room([size for _, size in self.blocks], self.dtype.name)
        self.late_dtypes = [r.dtype if r.dtype != self.dtype else None for r in captured.results]

    def _bind(self, captured: Captured, names: Sequence[str]) -> None:
        """Find the arguments among the values of a call, and where results lie."""
        self.captured = captured
        self.dtype = np.dtype(captured.kernel.dtype)
        found = [(a, _getter(a, names)) for a in captured.arguments]
        self.arrays = [(a, get) for a, get in found if a.kind == "array"]
        self.numbers = sorted(((a, get) for a, get in found if a.kind == "number"), key=lambda pair: pair[0].offset)
        self.time = next((get for a, get in found if a.kind == "time"), None)
        self.filled = [(a, get) for a, get in found if a.kind == "out"]
        self.blocks = _blocks(captured, self.filled)
        self.places = _places(captured, self.blocks)

    @property
    def source(self) -> str:
        return self.run.native.source

    @property
    def threads(self) -> int:
        return self.run.threads

    def __call__(self, values: Sequence[Any], out: Any = None) -> Any:
        """What the function gives for these values of its arguments."""
        given = [self.input(get(values)) for _, get in self.arrays]
        numbers = [get(values) for _, get in self.numbers]
        t = 0.0 if self.time is None else float(self.time(values))
        if not self.filled and out is None:
            return self.captured.rebuild(self.computed(t, given, numbers))
        wanted, names = self._asked(values, out)
        addresses = [address(a) for a in given]
        late = self._targets(wanted, names, given, addresses)
        self.run(t, addresses, numbers)
        for array, computed in late:
            array[...] = computed
        return None if self.filled else out

    def computed(self, t: float, given: Sequence[np.ndarray], numbers: Sequence[float]) -> list[np.ndarray]:
        """The results, in arrays that are nobody else's."""
        addresses = [address(a) for a in given]
        blocks, alone = self.room.take(addresses[0] if addresses else 0)
        self.run(t, addresses + [address(a) for a in blocks], numbers)
        made = [blocks[k][first:stop].reshape(shape) for k, first, stop, shape in self.places]
        self.room.put(blocks, alone)
        return [a if dtype is None else a.astype(dtype) for a, dtype in zip(made, self.late_dtypes, strict=True)]

    def input(self, value: np.ndarray) -> np.ndarray:
        """An array as the code reads it: itself where it is contiguous and of the kernel's dtype."""
        if value.dtype == self.dtype and value.flags.c_contiguous:
            return value
        return np.ascontiguousarray(value, dtype=self.dtype)

    # --- arrays of the caller that are filled -----------------------------------------------------------------------------

    def _asked(self, values: Sequence[Any], out: Any) -> tuple[list[np.ndarray], list[str]]:
        """The arrays that a call fills, and what they are called: arguments of the function, or those of ``out=``."""
        if self.filled:
            if out is not None:
                raise TargetError("the function fills its own arguments; out= is for functions that give arrays back")
            return [get(values) for _, get in self.filled], [a.name for a, _ in self.filled]
        results, form = self.captured.results, self.captured.form
        if form not in ("array", "tuple", "list") or len(self.blocks) != len(results):
            raise TargetError(f"out= is for functions that give arrays; this one gives a {form} with numbers in it")
        arrays = list(out) if form != "array" and isinstance(out, (tuple, list)) else [out]
        if len(arrays) != len(results) or not all(isinstance(a, np.ndarray) for a in arrays):
            several = f"a tuple of {len(results)} arrays" if form != "array" else "an array"
            raise TargetError(f"out must be {several}: {' and '.join(map(_empty, results))}")
        for array, result in zip(arrays, results, strict=True):
            if array.shape != result.shape or array.dtype != result.dtype:
                raise TargetError(f"out has shape {array.shape} and dtype {array.dtype}; write {_empty(result)}")
        return arrays, ["out"] * len(arrays)

    def _targets(
        self, wanted: list[np.ndarray], names: list[str], given: list[np.ndarray], addresses: list[int]
    ) -> Late:
        """Append the addresses that the code writes to: of the caller's arrays where it may, else of others, to be copied afterwards.

        NumPy allows ``out`` to overlap arguments, so this does too.
        """
        spans = [(place, place + a.nbytes) for place, a in zip(addresses, given, strict=True)]
        late: Late = []
        for name, array in zip(names, wanted, strict=True):
            flags = array.flags
            if not flags.writeable:
                raise TargetError(f"{name} is read-only; give an array that can be written")
            if flags.c_contiguous and array.dtype == self.dtype:
                place = address(array)
                end = place + array.nbytes
                if all(end <= low or high <= place for low, high in spans):
                    spans.append((place, end))
                    addresses.append(place)
                    continue
            block = output_vector(array.size, dtype=self.dtype.name)
            addresses.append(address(block))
            late.append((array, block.reshape(array.shape)))
        return late


def _blocks(captured: Captured, filled: list[tuple[Argument, Getter]]) -> list[tuple[int, int]]:
    """(start, size) of the vectors that are written: one an array, one for scalars that follow one another."""
    if filled:
        return [(a.offset, prod(a.shape)) for a, _ in filled]
    made: list[tuple[int, int]] = []
    scalars = False
    for result in captured.results:
        if result.shape == () and scalars and sum(made[-1]) == result.offset:
            made[-1] = made[-1][0], made[-1][1] + 1
        else:
            made.append((result.offset, prod(result.shape)))
        scalars = result.shape == ()
    return made


def _places(captured: Captured, blocks: list[tuple[int, int]]) -> list[tuple[int, int, int, tuple[int, ...]]]:
    made = []
    for result in captured.results:
        number = max(k for k, (start, _) in enumerate(blocks) if start <= result.offset)
        first = result.offset - blocks[number][0]
        made.append((number, first, first + prod(result.shape), result.shape))
    return made


def _empty(result: Result) -> str:
    return f"np.empty({result.shape}, np.{result.dtype})"


def _getter(argument: Argument, names: Sequence[str]) -> Getter:
    """How an argument, or an entry of one, is found among the values of a call."""
    head, *rest = argument.path
    position = names.index(head)
    if not rest:
        return itemgetter(position)

    def get(values: Sequence[Any]) -> Any:
        value = values[position]
        for key in rest:
            value = value[key]
        return value

    return get
