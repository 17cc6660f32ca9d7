"""Large systems without a grid: straight-line code cut into functions of bounded size.

One function for tens of thousands of terms would take LLVM minutes and gigabytes (register allocation grows faster than its input). The nodes
of all equations, each once, in the order in which they are needed, are cut into pieces::

    define internal void @rhs.0(t, y, p, out, w)     nodes 0 ... 299         values that later pieces need go to the workspace w
    define internal void @rhs.1(t, y, p, out, w)     nodes 300 ... 599       and are loaded from it
    define void @rhs(t, y, p, out)                   calls them one after the other

so that compile time and memory grow with the number of terms. What many equations compute alike comes first, in vectors (``llvm_packs``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from symnum.codegen import llvm_packs
from symnum.codegen.llvm_emit import FLAGS, Emitter, Names, is_boolean, literal
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder_outside
from symnum.ir.kernel import Kernel, Store

PIECE = 300  # operations a function: most of what it computes then stays in registers, and LLVM needs least time an operation
MANY = 2000  # operations from which a system is cut up
_ARGUMENTS = "double %t, ptr noalias readonly %y, ptr noalias readonly %p, ptr noalias %out, ptr noalias %w"
_STACK = 4096  # values of the workspace that may lie on the stack


@dataclass
class Piece:
    """Nodes to evaluate, and after some of them the outputs that they are; ``rows``: the nodes are computed in vectors, a row each."""

    nodes: list[Term] = field(default_factory=list)
    stores: dict[int, list[str]] = field(default_factory=dict)  # after so many nodes: output arrays
    values: dict[int, list[Term]] = field(default_factory=dict)
    size: int = 0
    rows: list[llvm_packs.Row] = field(default_factory=list)


def worth_cutting(kernel: Kernel) -> bool:
    """True for kernels of float64 that store outputs and do nothing else, with many operations."""
    plain = kernel.dtype == "float64" and not kernel.locals and not kernel.constants
    if not (plain and all(isinstance(s, Store) for s in kernel.body)):
        return False
    seen: dict[Term, None] = {}
    total = 0
    for statement in kernel.body:
        for node in postorder_outside(statement.value, seen):  # type: ignore[union-attr]
            seen[node] = None
            total += operations(node)
        if total > MANY:
            return True
    return False


def operations(node: Term) -> int:
    """Roughly how many instructions a node becomes."""
    if not node.args:
        return 0
    return len(node.args) if node.op in ("add", "mul") else 20


def cut(kernel: Kernel, limit: int = PIECE) -> list[Piece]:
    """The nodes of all stores, each once, in pieces of at most about ``limit`` operations."""
    packed = llvm_packs.rows(kernel, llvm_packs.Shapes(kernel))
    pieces = [Piece([n for row in rows for n in row], rows=rows) for rows in llvm_packs.pieces(packed)]
    seen: dict[Term, None] = {node: None for piece in pieces for node in piece.nodes}
    pieces.append(Piece())
    for statement in kernel.body:
        assert isinstance(statement, Store)
        for node in postorder_outside(statement.value, seen):
            seen[node] = None
            if not node.args:
                continue
            if pieces[-1].size >= limit:
                pieces.append(Piece())
            pieces[-1].nodes.append(node)
            pieces[-1].size += operations(node)
        here = pieces[-1]
        here.stores.setdefault(len(here.nodes), []).append(statement.array)
        here.values.setdefault(len(here.nodes), []).append(statement.value)
    return pieces


def workspace(pieces: list[Piece]) -> dict[Term, int]:
    """A place for each value that a later piece needs."""
    made: dict[Term, int] = {}
    places: dict[Term, int] = {}
    needed: set[Term] = set()
    for number, piece in enumerate(pieces):
        for node in piece.nodes:
            made[node] = number
    for number, piece in enumerate(pieces):
        stored = [value for values in piece.values.values() for value in values]
        read = stored if piece.rows else [*(a for node in piece.nodes for a in node.args), *stored]
        needed.update(a for a in read if a.args and made[a] != number)
    for piece in pieces:
        for row in piece.rows or [(node,) for node in piece.nodes]:
            if any(node in needed for node in row):
                first = len(places)
                places.update((node, first + k) for k, node in enumerate(row))
    return places


def print_pieces(kernel: Kernel, names: Names, limit: int = PIECE) -> str:
    """LLVM IR of the pieces and of the function that calls them."""
    pieces = cut(kernel, limit)
    places = workspace(pieces)
    printed = [
        _PiecePrinter(kernel, names, places).print(f"@{kernel.name}.{k}", piece) for k, piece in enumerate(pieces)
    ]
    calls = [f"  call void @{kernel.name}.{k}(double %t, ptr %y, ptr %p, ptr %out, ptr %w)" for k in range(len(pieces))]
    before, after = _room(len(places), names)
    head = f"define void @{kernel.name}(double %t, ptr noalias readonly %y, ptr noalias readonly %p, ptr noalias %out) nounwind {{"
    return "\n".join([*printed, "", head, "entry:", *before, *calls, *after, "  ret void", "}"])


def _room(size: int, names: Names) -> tuple[list[str], list[str]]:
    """Instructions that make and free the workspace: on the stack while it is small, so that calls may run side by side."""
    if size <= _STACK:
        return [f"  %w = alloca [{max(size, 1)} x double], align 64"], []
    names.declared.update(["declare ptr @malloc(i64)", "declare void @free(ptr)"])
    return [f"  %w = call ptr @malloc(i64 {8 * size})"], ["  call void @free(ptr %w)"]


class _PiecePrinter:
    """Prints one piece; loads stand right before their first use."""

    def __init__(self, kernel: Kernel, names: Names, places: dict[Term, int]) -> None:
        self.kernel, self.names, self.places = kernel, names, places
        self.known: dict[Term, str] = {} if kernel.time is None else {kernel.time: "%t"}
        self.position = {p: k for k, p in enumerate(kernel.parameters)}
        self.lines: list[str] = []

    def print(self, name: str, piece: Piece) -> str:
        """One function."""
        if piece.rows:
            self._pack(piece.rows)
        else:
            self._straight(piece)
        return "\n".join(
            [
                f"define internal void {name}({_ARGUMENTS}) noinline nounwind {{",
                "entry:",
                *self.lines,
                "  ret void",
                "}",
            ]
        )

    def _pack(self, rows: list[llvm_packs.Row]) -> None:
        printer = llvm_packs.PackPrinter(llvm_packs.Shapes(self.kernel), self.names, self._line)
        for row in rows:
            value = printer.value(row)
            if row[0] in self.places:
                pointer = self._line(f"getelementptr inbounds double, ptr %w, i64 {self.places[row[0]]}")
                self.lines.append(f"  store <{len(row)} x double> {value}, ptr {pointer}, align 8")

    def _straight(self, piece: Piece) -> None:
        own = set(piece.nodes)
        for k, node in enumerate(piece.nodes):
            self._store(piece, k)
            self._bring(node.args)
            self._emit(node)
            if node in self.places and node in own:
                self._write("%w", self.places[node], self._number(node))
        self._store(piece, len(piece.nodes))

    def _store(self, piece: Piece, after: int) -> None:
        for array, value in zip(piece.stores.get(after, ()), piece.values.get(after, ()), strict=True):
            self._bring((value,))
            self._write("%out", self.kernel.output(array).offset, self._number(value))

    def _emit(self, node: Term) -> None:
        emitter = Emitter(self.names, self.known)
        emitter.ensure(node)
        self.lines += emitter.lines

    def _number(self, node: Term) -> str:
        emitter = Emitter(self.names, self.known)
        value = emitter.value(node)
        self.lines += emitter.lines
        return value

    def _bring(self, nodes: Iterable[Term]) -> None:
        """Load what is not yet in this function: states, parameters, values of earlier pieces."""
        for node in nodes:
            if node in self.known or node.op in ("const", "pi"):
                continue
            if node in self.places:
                value = self._read("%w", self.places[node])
                self.known[node] = (
                    self._line(f"fcmp {FLAGS} une double {value}, {literal(0.0)}") if is_boolean(node) else value
                )
            elif isinstance(node, Symbol):
                inside = node.kind == "load"
                where = self.kernel.input(node.info.array).offset if inside else self.position[node]
                self.known[node] = self._read("%y" if inside else "%p", where)

    def _read(self, base: str, k: int) -> str:
        pointer = self._line(f"getelementptr inbounds double, ptr {base}, i64 {k}")
        return self._line(f"load double, ptr {pointer}, align 8")

    def _write(self, base: str, k: int, value: str) -> None:
        pointer = self._line(f"getelementptr inbounds double, ptr {base}, i64 {k}")
        self.lines.append(f"  store double {value}, ptr {pointer}, align 8")

    def _line(self, instruction: str) -> str:
        name = self.names.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name
