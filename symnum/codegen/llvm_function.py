"""Kernels to LLVM functions: loops, rows handled together, and two versions of a body where addresses may collide."""

from __future__ import annotations

from functools import cached_property
from itertools import takewhile

from symnum.codegen import network_code
from symnum.codegen.llvm_emit import Emitter, Names, is_library_call
from symnum.codegen.llvm_memory import Carried, Lane, Memory
from symnum.codegen.network_gradient import block_size
from symnum.expr.term import Term
from symnum.expr.walk import postorder, symbols
from symnum.ir.kernel import Accumulate, Kernel, Let, Loop, Statement, Store, statements, values
from symnum.ir.passes.tail import WIDTH

_NEAR = 768  # bytes
_IN_CACHE = 2**20  # values


class FunctionPrinter:
    """Prints one function; ``lines`` grows block by block.

    Rows of an outer loop are handled up to ``jam`` at a time (unroll and jam): the stencils of neighbouring rows share their loads, which are
    what a stencil costs. The last group of rows overlaps the one before it instead of needing a remainder loop: a row computed twice has the
    same values. (Loops that accumulate are not jammed: a row must not be added twice.)
    """

    def __init__(self, kernel: Kernel, names: Names, jam: int) -> None:
        self.kernel, self.names, self.jam = kernel, names, jam
        self.lines: list[str] = []
        self.metadata: list[str] = []
        self.memory = Memory(kernel, names, self.lines)
        self.labels = 0
        self.block = "entry"
        self.plain = False
        self.gradients: dict[Statement, str] = {}  # the blocks of gradients of networks
        self.waiting: dict[Statement, str] = {}  # those with points that are not added up yet, and their weights

    def print(self) -> str:
        """The definition of the function."""
        known = self._given()
        constants = self.memory.constants(self.kernel.name)
        release = self.memory.allocate()
        self.block = "begin" if release else "entry"
        self._blocks()
        if self._touchy():
            self._two_ways(known)
        else:
            self._body(self.kernel.body, [Lane(known, {})])
        return "\n".join([*constants, self._head(), "entry:", *self.lines, *release, "  ret void", "}"])

    def _head(self) -> str:
        return f"define void @{self.kernel.name}(double %t, ptr noalias readonly %y, ptr noalias readonly %p, ptr noalias %out) nounwind {{"

    def _given(self) -> dict[Term, str]:
        """The time and the parameters."""
        known: dict[Term, str] = {}
        if self.kernel.time is not None:
            known[self.kernel.time] = self._rounded("%t")
        for k, parameter in enumerate(self.kernel.parameters):
            pointer = self.memory.emit(f"getelementptr inbounds double, ptr %p, i64 {k}")
            known[parameter] = self._rounded(self.memory.emit(f"load double, ptr {pointer}, align 8"))
        return known

    def _rounded(self, value: str) -> str:
        return self.memory.emit(f"fptrunc double {value} to float") if self.memory.kind == "float" else value

    def _touchy(self) -> bool:
        """True if rows lie whole pages apart, so that rows of outputs and inputs can fall on the same cache sets.

        (Two rows together only suffer while the rows are few enough for the cache.)
        """
        for loop in statements(self.kernel.body):
            rows = min(self.jam, rows_together(self.kernel, loop)) if isinstance(loop, Loop) else 1
            for array in self.kernel.inputs if rows > 1 else ():
                if loop.axis in array.axes:  # type: ignore[union-attr]
                    pages = array.strides[array.axes.index(loop.axis)] * self.memory.width / 4096  # type: ignore[union-attr]
                    if pages and pages.is_integer() and (pages <= 2 or rows > 2):
                        return True
        return False

    def _two_ways(self, known: dict[Term, str]) -> None:
        """Half as many rows together where the output lies at nearly the same place in a page as the input (NumPy's large arrays all do).

        Then eight rows of loads and stores compete for the eight lines of one cache set, and a store hides the loads that share its low
        12 address bits: measured 1.8 times slower than one row at a time on rows of 4096 bytes, against 0.6 times elsewhere.
        """
        self.lines.append(f"  br i1 {self._near()}, label %rows, label %jammed")
        for label in ("jammed", "rows"):
            self.lines.append(f"{label}:")
            self.block, self.plain = label, label == "rows"
            with self.memory.scope(fresh=True):
                self._body(self.kernel.body, [Lane(dict(known), {})])
            self.lines.append("  br label %done")
        self.lines.append("done:")

    def _near(self) -> str:
        return self._nearly("%out", "%y")

    def _nearly(self, result: str, given: str) -> str:
        """True where two pointers lie at nearly the same place in a page."""
        emit = self.memory.emit
        ends = [emit(f"ptrtoint ptr {x} to i64") for x in (result, given)]
        apart = emit(f"and i64 {emit(f'sub i64 {ends[0]}, {ends[1]}')}, 4095")
        wrapped = emit(f"and i64 {emit(f'add i64 {apart}, {_NEAR}')}, 4095")
        return emit(f"icmp ult i64 {wrapped}, {2 * _NEAR}")

    def _hint(self, loop: Loop) -> str:
        """Metadata for the vectoriser.

        A loop of one vector must not be unrolled into single values first (LLVM does so for short loops). Loops of the second version of a
        body are vectorised, but neither interleaved nor unrolled: they compile in half the time. Short sums keep their loop too (a product of
        matrices with 20 to 40 columns: 0.6 and 0.15 ns a term).

        LLVM is not told to vectorise: it prints a warning on stderr where it is told to and cannot, and the code is the same.
        """
        whole = self.plain or _is_one_vector(loop)
        if not (whole or _is_short_sum(loop)):
            return ""
        if not self.metadata:
            self.metadata += ['!0 = !{!"llvm.loop.interleave.count", i32 1}', '!1 = !{!"llvm.loop.unroll.disable"}']
        number = len(self.metadata)
        self.metadata.append(f"!{number} = distinct !{{!{number}, {'!0, ' if whole else ''}!1}}")
        return f", !llvm.loop !{number}"

    def _body(self, body: tuple[Statement, ...], lanes: list[Lane]) -> None:
        lanes = [lane.copy() for lane in lanes]
        with self.memory.scope():
            for k, statement in enumerate(body):
                if isinstance(statement, Loop) and is_gradient(statement):
                    self._gradients(statement, body[k + 1 :], lanes)
                elif isinstance(statement, Loop):
                    self._loop(statement, lanes)
                elif statement.value.op != "network_gradient":  # else the loop before has done it
                    self._assign(statement, lanes)
                if not lanes[0].at:
                    self._sum_gradients()

    def _loop(self, loop: Loop, lanes: list[Lane]) -> None:
        count = loop.stop - loop.start
        if count == 1:
            self._body(loop.body, [Lane(lane.known, lane.at | {loop.axis: ("", loop.start)}) for lane in lanes])
            return
        rows = min(self.jam, rows_together(self.kernel, loop)) // (2 if self.plain else 1) if len(lanes) == 1 else 1
        rows = rows if rows > 1 and count >= 2 * rows else 1
        self.labels += 1
        label, before = f"loop{self.labels}", self.block
        i, following, finished = self.names.fresh(f"i{loop.axis}_"), self.names.fresh("next"), self.names.fresh("done")
        self.memory.bounds[loop.axis] = loop.start, loop.stop - rows
        inner = [Lane(lane.known, lane.at | {loop.axis: (i, k)}) for lane in lanes for k in range(rows)]
        carried = self._carried(loop, inner)
        downwards = any(c.downwards for c in carried)
        head = len(self.lines) + 2
        self.lines += [f"  br label %{label}", f"{label}:"]
        self.block = label
        with self.memory.scope():
            phis = [line for c in carried for line in self.memory.enter(c, i, before, label)]
            self._body(loop.body, inner)
        first = loop.stop - 1 if downwards else loop.start
        phis.insert(0, f"  {i} = phi i64 [ {first}, %{before} ], [ {following}, %{self.block} ]")
        self.lines[head:head] = phis
        self.lines += _advance(i, following, finished, loop, -1 if downwards else rows, self.names)
        self.lines += [f"  br i1 {finished}, label %{label}end, label %{label}{self._hint(loop)}", f"{label}end:"]
        self.block = f"{label}end"

    def _weights(self, block: Term) -> str | None:
        """The address of a network's weights, where they are parameters: there, or in a copy in the network's order; else None."""
        places = [self._places.get(a, -1) for a in block.args]
        if min(places) < 0:
            return None
        emit, count = self.memory.emit, len(places)
        pointer = emit(f"getelementptr inbounds double, ptr %p, i64 {places[0]}")
        if places != list(range(places[0], places[0] + count)):
            pointer = emit(f"alloca [{count} x double], align 64")
            order = self.memory.numbers(tuple(map(float, places)))
            self.names.gathers = True
            self.lines.append(f"  call void @network_gather(ptr %p, ptr {order}, i64 {count}, ptr {pointer})")
        return emit(f"ptrtoint ptr {pointer} to i64")

    @cached_property
    def _places(self) -> dict[Term, int]:
        return {p: k for k, p in enumerate(self.kernel.parameters)}

    # --- gradients of networks by all their weights (see ``network_code``) ---

    def _blocks(self) -> None:
        """Room for the points and sums of each."""
        for loop in statements(self.kernel.body):
            for s in loop.body if isinstance(loop, Loop) and is_gradient(loop) else ():
                assert isinstance(s, Accumulate)
                size = block_size(s.value.data)
                block = self.memory.emit(f"alloca [{size} x double], align 64")
                self.lines.append(f"  call void @llvm.memset.p0.i64(ptr {block}, i8 0, i64 {8 * size}, i1 false)")
                self.gradients[s] = block

    def _gradients(self, loop: Loop, following: tuple[Statement, ...], lanes: list[Lane]) -> None:
        """One point of a sum; the stores that follow take what the inputs receive."""
        (s,) = loop.body
        assert isinstance(s, Accumulate)
        stores = {}
        for other in takewhile(lambda other: not isinstance(other, Loop), following):
            if isinstance(other, Store) and other.value.op == "network_gradient":
                stores[-1 - other.value.args[-1].data[0]] = other
        block, function = self.gradients[s], network_code.name_of(s.value.data)
        self.names.gradients.add(s.value.data)
        for lane in lanes:
            seed, *inputs, weights = (self._value(a, lane) for a in s.value.args[:-1])
            numbers = [f"double {x}" for x in (seed, *inputs)]
            nowhere = self.memory.emit(f"getelementptr inbounds double, ptr {block}, i64 1")
            to = [self.memory.target(stores[j], lane) if j in stores else nowhere for j in range(len(inputs))]
            listed = ", ".join([f"ptr {block}", *numbers, *(f"ptr {p}" for p in to), f"i64 {weights}"])
            self.lines.append(f"  call void @{function}_add({listed})")
            self.waiting[s] = weights

    def _sum_gradients(self) -> None:
        """Behind the loops: add the sums to their arrays."""
        for s, weights in self.waiting.items():
            assert isinstance(s, Accumulate)
            base, offset = self.memory.bases[s.array]
            target = self.memory.emit(f"getelementptr inbounds double, ptr {base}, i64 {offset}")
            function, number = network_code.name_of(s.value.data), s.value.args[-1]
            order = self.memory.numbers(tuple(map(float, number.data[1:]))) if number.op == "table" else "null"
            listed = f"ptr {self.gradients[s]}, i64 {weights}, ptr {target}, ptr {order}"
            self.lines.append(f"  call void @{function}_sum({listed})")
        self.waiting.clear()

    def _carried(self, loop: Loop, lanes: list[Lane]) -> list[Carried]:
        return self.memory.carry(symbols(values(loop.body), "load"), lanes, loop.axis) if _is_one_vector(loop) else []

    def _assign(self, statement: Let | Store | Accumulate, lanes: list[Lane]) -> None:
        """One statement for all rows. In the cache all rows are stored last: a load waits for stores before it whose low 12 address bits agree
        (measured on 64^3 and 96^3 points: 0.45 against 0.39 ns a point). From memory, stores in turn are 5 per cent faster."""
        waiting = []
        for lane in lanes:
            value = self._value(statement.value, lane)
            if isinstance(statement, Let):
                lane.known[statement.symbol] = value
            elif self.kernel.input_size <= _IN_CACHE:
                waiting.append((statement, value, lane))
            else:
                self.memory.write(statement, value, lane)
        for write in waiting:
            self.memory.write(*write)

    def _value(self, term: Term, lane: Lane) -> str:
        for node in postorder((term,)):
            if node not in lane.known:
                value = self._weights(node) if node.op == "weights" else self.memory.leaf(node, lane)
                if value is not None:
                    lane.known[node] = value
        emitter = Emitter(self.names, lane.known, self.memory.kind)
        value = emitter.value(term)
        self.lines += emitter.lines
        return value


def is_gradient(loop: Loop) -> bool:
    """True for the loop over the weights of a network that adds up gradients."""
    return len(loop.body) == 1 and isinstance(s := loop.body[0], Accumulate) and s.value.op == "network_gradient"


def _is_one_vector(loop: Loop) -> bool:
    """True for the short innermost loops that ``overlap_tails`` and ``peel`` leave at the ends of rows."""
    return loop.stop - loop.start == WIDTH and not any(isinstance(s, Loop) for s in loop.body)


def _is_short_sum(loop: Loop) -> bool:
    """True for innermost loops that add up, long enough for vectors and so short that LLVM would unroll them into single values first."""
    return 2 * WIDTH <= loop.stop - loop.start < 8 * WIDTH and all(isinstance(s, Accumulate) for s in loop.body)


def _advance(i: str, following: str, finished: str, loop: Loop, rows: int, names: Names) -> list[str]:
    """Step to the next group of rows (-1: down to the row before); the last group ends exactly at ``stop``."""
    if rows < 0:
        return [f"  {following} = add nsw i64 {i}, -1", f"  {finished} = icmp eq i64 {i}, {loop.start}"]
    add = addition(loop)
    lines = [f"  {following} = {add} i64 {i}, 1", f"  {finished} = icmp eq i64 {following}, {loop.stop}"]
    if rows > 1:
        stepped, beyond, last = names.fresh("step"), names.fresh("beyond"), loop.stop - rows
        lines = [
            f"  {stepped} = {add} i64 {i}, {rows}",
            f"  {beyond} = icmp {'ugt' if loop.start >= 0 else 'sgt'} i64 {stepped}, {last}",
            f"  {following} = select i1 {beyond}, i64 {last}, i64 {stepped}",
            f"  {finished} = icmp eq i64 {i}, {last}",
        ]
    return lines


def addition(loop: Loop) -> str:
    """What adds to the loop's index; one that begins below 0 passes from -1 to 0, which ``nuw`` would promise not to happen."""
    return "add nuw nsw" if loop.start >= 0 else "add nsw"


def rows_together(kernel: Kernel, loop: Loop) -> int:
    """How many rows a loop had best handle together: 1, 2 or 4.

    More than one for a loop around an inner loop whose stencils reach into neighbouring rows of this axis. Every row that is read or written
    beside others costs a stream of memory: four rows of one field, two of several. Elementary functions cost more than what rows could share.
    Loops that accumulate take one row at a time, for the last group of rows may overlap the one before.
    """
    inside = list(statements(loop.body))
    if not any(isinstance(s, Loop) for s in inside) or any(isinstance(s, Accumulate) for s in inside):
        return 1
    if any(is_library_call(node) for node in postorder(_innermost(loop))):
        return 1
    for symbol in symbols(values(loop.body), "load"):
        info = symbol.info
        for axis, offset, fixed in zip(kernel.input(info.array).axes, info.offsets, info.fixed, strict=True):
            if axis == loop.axis and offset and not fixed:
                return 4 if len({s.array for s in inside if isinstance(s, Store)}) == 1 else 2
    return 1


def _innermost(loop: Loop) -> list[Term]:
    """The terms of the loops that hold no loop."""
    if not any(isinstance(s, Loop) for s in loop.body):
        return values(loop.body)
    return [term for s in loop.body if isinstance(s, Loop) for term in _innermost(s)]
