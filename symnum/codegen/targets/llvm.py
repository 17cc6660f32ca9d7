"""Machine code in memory through llvmlite: no compiler needed, loops kept as loops."""

from __future__ import annotations

import ctypes
import math
import time
from dataclasses import dataclass

import numpy as np

from symnum.codegen import vector_math
from symnum.codegen.jit import compile_ir, has_fma, native_function
from symnum.codegen.llvm_emit import Emitter, Names, literal
from symnum.codegen.target import CompiledKernel
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold, symbols
from symnum.ir.kernel import Array, Kernel, Let, Loop, Statement, Store, statements, values
from symnum.ir.passes import arrange, fuse_loops, hoist, overlap_tails, peel


def build(kernel: Kernel, cache: bool = True) -> CompiledKernel:
    """Compile a kernel. ``cache=False`` neither reads nor writes compiled objects on disk."""
    begin = time.process_time()
    prepared = schedule(kernel)
    text = print_module(prepared)
    module = compile_ir(text, cache=cache)
    address = module.address(kernel.name)
    native = native_function(address, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

    def function(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
        native(t, y.ctypes.data, p.ctypes.data, out.ctypes.data)

    return CompiledKernel(kernel, "llvm", function, text, address, module, time.process_time() - begin)


def schedule(kernel: Kernel) -> Kernel:
    """[Kernel] -> [Kernel]: one sweep over rows, wrapped ends peeled off innermost loops, invariants hoisted."""
    return hoist(overlap_tails(fuse_loops(peel(arrange(kernel)))))


def print_module(kernel: Kernel, jam: int = 2) -> str:
    """The LLVM IR of a scheduled kernel."""
    names = Names(vector_math.AVAILABLE)
    function = _FunctionPrinter(kernel, names, jam)
    body = function.print()
    small = all(angles_are_small(value, kernel.periods) for value in values(kernel.body))
    definitions = (
        vector_math.definitions(names.used_vector, fma=has_fma(), any_magnitude=not small) if names.used_vector else ""
    )
    declared = [d for d in sorted(names.declared) if d not in definitions]
    return "\n".join([f"; {kernel.comment}", *declared, definitions, body, *function.metadata, ""])


_NEAR = 768  # bytes


@dataclass
class _Lane:
    """One of the rows that a jammed loop handles together: what is known, and where each axis stands.

    ``at[axis] = (name, shift)``: the grid index is the SSA value (or the number 0) ``name`` plus ``shift``.
    """

    known: dict[Term, str]
    at: dict[int, tuple[str, int]]

    def copy(self) -> _Lane:
        return _Lane(dict(self.known), dict(self.at))


def angles_are_small(root: Term, periods: tuple[int, ...]) -> bool:
    """True if every argument of sin, cos and tan is seen to stay below 2^48 whatever the state: then the fast reduction is exact enough.

    Numbers, grid indices and bounded functions have bounds, and sums and products of what has; loads, times and parameters have none.
    """

    def bound(node: Term, args: list[float]) -> float:
        match node.op:
            case "const":
                return abs(float(node.data[0]))
            case "symbol":
                return float(periods[node.info]) if node.kind == "index" else math.inf  # type: ignore[attr-defined]
            case "add":
                return abs(float(node.data[0])) + sum(
                    abs(float(c)) * a for c, a in zip(node.data[1:], args, strict=True)
                )
            case "mul" if all(e > 0 for e in node.data[1:]):
                powers = (_power_bound(a, float(e)) for e, a in zip(node.data[1:], args, strict=True))
                return abs(float(node.data[0])) * math.prod(powers)
            case "sin" | "cos" | "tanh" | "erf" | "sign":
                return 1.0
            case "pi" | "atan" | "asin" | "acos" | "atan2":
                return math.pi
            case _:
                return math.inf

    bounds: dict[Term, float] = {}
    fold(root, bound, bounds)
    return all(bounds[node.args[0]] < 2.0**48 for node in bounds if node.op in ("sin", "cos", "tan"))


def _power_bound(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


class _FunctionPrinter:
    """Prints one function; ``lines`` grows block by block.

    Rows of an outer loop are handled ``jam`` at a time (unroll and jam): the stencils of neighbouring rows share their loads, which are what
    a stencil costs. The last group of rows overlaps the one before it instead of needing a remainder loop: a row computed twice has the same values.
    """

    def __init__(self, kernel: Kernel, names: Names, jam: int) -> None:
        self.kernel, self.names, self.jam = kernel, names, jam
        self.lines: list[str] = []
        self.metadata: list[str] = []
        self.labels = 0
        self.block = "entry"
        self.loads: dict[tuple[str, ...], str] = {}
        self.jammed: dict[int, int] = {}
        self.plain = False

    def print(self) -> str:
        known: dict[Term, str] = {}
        if self.kernel.time is not None:
            known[self.kernel.time] = "%t"
        for k, parameter in enumerate(self.kernel.parameters):
            pointer = self._emit(f"getelementptr inbounds double, ptr %p, i64 {k}")
            known[parameter] = self._emit(f"load double, ptr {pointer}, align 8")
        if self._touchy():
            self._two_ways(known)
        else:
            self._body(self.kernel.body, [_Lane(known, {})])
        head = f"define void @{self.kernel.name}(double %t, ptr noalias readonly %y, ptr noalias readonly %p, ptr noalias %out) nounwind {{"
        return "\n".join([head, "entry:", *self.lines, "  ret void", "}"])

    def _touchy(self) -> bool:
        """True if rows are whole pages (few enough for the cache), so that rows of outputs and inputs can fall on the same cache sets."""
        loops = [s for s in statements(self.kernel.body) if isinstance(s, Loop)]
        pages = {a.shape[-1] * 8 / 4096 for a in self.kernel.inputs if len(a.shape) > 1}
        return self.jam > 1 and bool(pages & {1.0, 2.0}) and any(_worth_jamming(self.kernel, loop) for loop in loops)

    def _two_ways(self, known: dict[Term, str]) -> None:
        """Jam rows unless the output lies at nearly the same place in a page as the input (NumPy's large arrays all do).

        Then eight rows of loads and stores compete for the eight lines of one cache set, and a store hides the loads that share its low
        12 address bits: measured 1.8 times slower than one row at a time on rows of 4096 bytes, against 0.6 times elsewhere.
        """
        ends = [self._emit(f"ptrtoint ptr %{x} to i64") for x in ("out", "y")]
        apart = self._emit(f"and i64 {self._emit(f'sub i64 {ends[0]}, {ends[1]}')}, 4095")
        wrapped = self._emit(f"and i64 {self._emit(f'add i64 {apart}, {_NEAR}')}, 4095")
        near = self._emit(f"icmp ult i64 {wrapped}, {2 * _NEAR}")
        self.lines.append(f"  br i1 {near}, label %rows, label %jammed")
        for label, jam in (("jammed", self.jam), ("rows", 1)):
            self.lines.append(f"{label}:")
            self.block, self.jam, self.loads, self.plain = label, jam, {}, jam == 1
            self._body(self.kernel.body, [_Lane(dict(known), {})])
            self.lines.append("  br label %done")
        self.lines.append("done:")

    def _hint(self) -> str:
        """Loop metadata of the second version of a body: vectorised, but neither interleaved nor unrolled (it compiles in half the time)."""
        if not self.plain:
            return ""
        if not self.metadata:
            self.metadata += ['!0 = !{!"llvm.loop.interleave.count", i32 1}', '!1 = !{!"llvm.loop.unroll.disable"}']
        number = len(self.metadata)
        self.metadata.append(f"!{number} = distinct !{{!{number}, !0, !1}}")
        return f", !llvm.loop !{number}"

    def _emit(self, instruction: str) -> str:
        name = self.names.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def _body(self, body: tuple[Statement, ...], lanes: list[_Lane]) -> None:
        lanes = [lane.copy() for lane in lanes]
        outer, self.loads = self.loads, dict(self.loads)
        for statement in body:
            if isinstance(statement, Loop):
                self._loop(statement, lanes)
            else:
                for lane in lanes:
                    self._assign(statement, lane)
        self.loads = outer

    def _loop(self, loop: Loop, lanes: list[_Lane]) -> None:
        count = loop.stop - loop.start
        if count == 1:
            self._body(loop.body, [_Lane(lane.known, lane.at | {loop.axis: ("", loop.start)}) for lane in lanes])
            return
        rows = self.jam if len(lanes) == 1 and count >= 2 * self.jam and _worth_jamming(self.kernel, loop) else 1
        self.labels += 1
        label, before = f"loop{self.labels}", self.block
        i, following, finished = self.names.fresh(f"i{loop.axis}_"), self.names.fresh("next"), self.names.fresh("done")
        start = len(self.lines)
        self.lines += [f"  br label %{label}", f"{label}:", ""]
        self.block, self.jammed[loop.axis] = label, rows
        self._body(loop.body, [_Lane(lane.known, lane.at | {loop.axis: (i, k)}) for lane in lanes for k in range(rows)])
        self.lines[start + 2] = f"  {i} = phi i64 [ {loop.start}, %{before} ], [ {following}, %{self.block} ]"
        self.lines += _advance(i, following, finished, loop, rows, self.names)
        self.lines += [f"  br i1 {finished}, label %{label}end, label %{label}{self._hint()}", f"{label}end:"]
        self.block = f"{label}end"

    def _assign(self, statement: Let | Store, lane: _Lane) -> None:
        for symbol in symbols(statement.value):
            if symbol not in lane.known and symbol.kind in ("load", "index"):
                lane.known[symbol] = (
                    self._index(*lane.at[symbol.info]) if symbol.kind == "index" else self._load(symbol, lane)
                )
        emitter = Emitter(self.names, lane.known)
        value = emitter.value(statement.value)
        self.lines += emitter.lines
        if isinstance(statement, Let):
            lane.known[statement.symbol] = value
            return
        array = self.kernel.output(statement.array)
        here = (0,) * len(array.axes)
        pointer = self._pointer("%out", *self._element(array, here, (False,) * len(here), lane))
        self.lines.append(f"  store double {value}, ptr {pointer}, align 8")

    def _index(self, name: str, shift: int) -> str:
        if not name:
            return literal(shift)
        key = ("index", name, str(shift))
        if key not in self.loads:
            whole = self._emit(f"trunc nsw i64 {self._moved(name, shift)} to i32")
            self.loads[key] = self._emit(f"sitofp i32 {whole} to double")
        return self.loads[key]

    def _load(self, symbol: Symbol, lane: _Lane) -> str:
        array = self.kernel.input(symbol.info.array)
        parts, constant = self._element(array, symbol.info.offsets, symbol.info.wrap, lane)
        key = ("load", *parts, str(constant))
        if key not in self.loads:
            self.loads[key] = self._emit(f"load double, ptr {self._pointer('%y', parts, constant)}, align 8")
        return self.loads[key]

    def _element(
        self, array: Array, offsets: tuple[int, ...], wrap: tuple[bool, ...], lane: _Lane
    ) -> tuple[list[str], int]:
        """Position of an element in its vector: SSA parts to be summed, and a constant."""
        constant, parts = array.offset, []
        for k, axis in enumerate(array.axes):
            stride, (name, shift) = array.strides[k], lane.at[axis]
            moved = shift + offsets[k]
            if wrap[k] and not name:
                moved %= self.kernel.periods[axis]
            elif wrap[k] and not 0 <= moved < self.jammed[axis]:
                name, moved = self._wrapped(name, moved, self.kernel.periods[axis]), 0
            constant += stride * (moved - array.origin[k])
            if name:
                parts.append(name if stride == 1 else self._once(f"mul nsw i64 {name}, {stride}"))
        return parts, constant

    def _pointer(self, base: str, parts: list[str], constant: int) -> str:
        element = parts[0] if parts else str(constant)
        for part in parts[1:]:
            element = self._emit(f"add nsw i64 {element}, {part}")
        if parts and constant:
            element = self._emit(f"add nsw i64 {element}, {constant}")
        return self._emit(f"getelementptr inbounds double, ptr {base}, i64 {element}")

    def _once(self, instruction: str) -> str:
        """An integer instruction that this scope may already have."""
        key = ("integer", instruction)
        if key not in self.loads:
            self.loads[key] = self._emit(instruction)
        return self.loads[key]

    def _moved(self, name: str, shift: int) -> str:
        return self._once(f"add nsw i64 {name}, {shift}") if shift else name

    def _wrapped(self, name: str, offset: int, period: int) -> str:
        """The index plus an offset, modulo the period (|offset| <= period)."""
        moved = self._moved(name, offset)
        outside = self._once(f"icmp slt i64 {moved}, 0" if offset < 0 else f"icmp sge i64 {moved}, {period}")
        back = self._once(f"add nsw i64 {moved}, {period if offset < 0 else -period}")
        return self._once(f"select i1 {outside}, i64 {back}, i64 {moved}")


def _advance(i: str, following: str, finished: str, loop: Loop, rows: int, names: Names) -> list[str]:
    """Step to the next group of rows; the last group ends exactly at ``stop``."""
    lines = [f"  {following} = add nuw nsw i64 {i}, 1", f"  {finished} = icmp eq i64 {following}, {loop.stop}"]
    if rows > 1:
        stepped, beyond, last = names.fresh("step"), names.fresh("beyond"), loop.stop - rows
        lines = [
            f"  {stepped} = add nuw nsw i64 {i}, {rows}",
            f"  {beyond} = icmp ugt i64 {stepped}, {last}",
            f"  {following} = select i1 {beyond}, i64 {last}, i64 {stepped}",
            f"  {finished} = icmp eq i64 {i}, {last}",
        ]
    return lines


def _worth_jamming(kernel: Kernel, loop: Loop) -> bool:
    """True for a loop around an inner loop whose stencils reach into neighbouring rows of this axis."""
    if not any(isinstance(s, Loop) for s in loop.body):
        return False
    for symbol in symbols(values(loop.body), "load"):
        axes = kernel.input(symbol.info.array).axes
        if loop.axis in axes and symbol.info.offsets[axes.index(loop.axis)]:
            return True
    return False
