"""Sums of stages and the scaled norm of a step in one pass over memory each, for solves on the CPU that keep no graph.

    combination    out = y + sum_j w_j k_j
    norm           sum_i (e_i/s_i)^2 and sum_i (|y_new_i|/s_i)^2,   e = sum_j w_j k_j,   s = atol + rtol max(|y|, |y_new|)

torch needs a pass for each summand; of a step of a small network that is a fifth of the time. Arithmetic is that of the state's type, in
torch's order of summands; sums of squares are taken in float64.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from itertools import count

import torch
from torch import Tensor
from torch.autograd import forward_ad

Row = Sequence[tuple[int, float]]
TYPES = {torch.float32: "float", torch.float64: "double"}
LEAST = 64  # numbers from which a call pays
FLAGS = "contract nsz"


def serves(y: Tensor, others: Sequence[Tensor]) -> bool:
    """Can machine code read these tensors? Numbers of one type side by side on the CPU, with no graph, dual numbers or transforms around."""
    if torch.is_grad_enabled() or y.dtype not in TYPES or y.numel() < LEAST or _transformed():
        return False
    return alike(y, y) and all(alike(v, y) for v in others)


def alike(v: Tensor, y: Tensor) -> bool:
    """Is v a plain tensor of y's type and shape?"""
    return type(v) is Tensor and v.is_cpu and v.is_contiguous() and v.dtype is y.dtype and v.shape == y.shape


def _transformed() -> bool:
    """Is torch tracing, mapping over batches or taking forward derivatives?"""
    level = getattr(getattr(torch._C, "_functorch", None), "maybe_current_level", None)
    inside = level is not None and level() is not None
    return inside or getattr(forward_ad, "_current_level", -1) >= 0 or torch.compiler.is_compiling()


def combination(y: Tensor, h: float, row: Row, vectors: Sequence[Tensor]) -> Tensor:
    """y + h sum of a_j v_j over the pairs (j, a_j) of a row, a new tensor."""
    out = torch.empty_like(y)
    function = _functions(len(row), TYPES[y.dtype])[0]
    function(
        y.numel(), *[h * a for _, a in row], y.data_ptr(), *[vectors[j].data_ptr() for j, _ in row], out.data_ptr()
    )
    return out


def norm(
    y: Tensor, y_new: Tensor, h: float, row: Row, vectors: Sequence[Tensor], rtol: float, atol: float
) -> tuple[float, float]:
    """The two sums of squares, of e/s and of |y_new|/s, for e = h sum of e_j v_j over the pairs (j, e_j) of a row."""
    function = _functions(len(row), TYPES[y.dtype])[1]
    sums = (ctypes.c_double * 2)()
    pointers = [vectors[j].data_ptr() for j, _ in row]
    weights = [h * e for _, e in row]
    function(y.numel(), *weights, rtol, atol, y.data_ptr(), y_new.data_ptr(), *pointers, ctypes.addressof(sums))
    return sums[0], sums[1]


def distance(a: Tensor, b: Tensor) -> Tensor:
    """The Euclidean norm of a - b, without dimensions."""
    out = a.new_empty(())
    _distance(TYPES[a.dtype])(a.numel(), a.data_ptr(), b.data_ptr(), out.data_ptr())
    return out


# --- machine code -----------------------------------------------------------------------------------------------------


@cache
def _functions(count: int, kind: str) -> tuple[Callable[..., None], Callable[..., None]]:
    """``combination`` and ``norm`` for a number of vectors of a type."""
    from symnum.codegen.jit import compile_ir

    module = compile_ir(f"{_combination(count, kind)}\n{_norm(count, kind)}\n")
    numbers, pointers = [ctypes.c_double] * count, [ctypes.c_void_p] * count
    combine = ctypes.CFUNCTYPE(None, ctypes.c_int64, *numbers, ctypes.c_void_p, *pointers, ctypes.c_void_p)
    measure = ctypes.CFUNCTYPE(
        None, ctypes.c_int64, *numbers, *[ctypes.c_double] * 2, *[ctypes.c_void_p] * 2, *pointers, ctypes.c_void_p
    )
    made = combine(module.address("combination")), measure(module.address("norm"))
    for function in made:
        function.module = module  # type: ignore[attr-defined]  # the code lives as long as the function
    return made


@cache
def _distance(kind: str) -> Callable[..., None]:
    from symnum.codegen.jit import compile_ir

    c = _Writer(kind)
    difference = c.two("fsub", c.load("%a"), c.load("%b"))
    c.add_square(0, difference)
    result = ["  %root = call double @llvm.sqrt.f64(double %total0)"]
    number = "%root"
    if kind == "float":
        result, number = [*result, "  %short = fptrunc double %root to float"], "%short"
    head = "define void @distance(i64 %n, ptr %a, ptr %b, ptr %out) nounwind {"
    body = [*_loop([_sum(0), *c.lines]), "end:", _total(0), *result, f"  store {kind} {number}, ptr %out", "  ret void"]
    module = compile_ir("\n".join(["declare double @llvm.sqrt.f64(double)", head, "entry:", *body, "}", ""]))
    pointer = ctypes.c_void_p
    made = ctypes.CFUNCTYPE(None, ctypes.c_int64, pointer, pointer, pointer)(module.address("distance"))
    made.module = module  # type: ignore[attr-defined]
    return made


class _Writer:
    """Instructions of a loop over i from 0 to n - 1."""

    def __init__(self, kind: str) -> None:
        self.kind, self.lines, self.numbers = kind, list[str](), count()

    def op(self, instruction: str) -> str:
        name = f"%v{next(self.numbers)}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def rounded(self, number: str) -> str:
        """An argument, given as double, in the type of the vectors."""
        return number if self.kind == "double" else self.op(f"fptrunc double {number} to float")

    def load(self, pointer: str) -> str:
        place = self.op(f"getelementptr inbounds {self.kind}, ptr {pointer}, i64 %i")
        return self.op(f"load {self.kind}, ptr {place}")

    def two(self, instruction: str, a: str, b: str) -> str:
        return self.op(f"{instruction} {FLAGS} {self.kind} {a}, {b}")

    def add_square(self, k: int, number: str) -> None:
        """Add number^2 to sum k, as float64."""
        wide = number if self.kind == "double" else self.op(f"fpext float {number} to double")
        square = self.op(f"fmul {FLAGS} double {wide}, {wide}")
        self.lines.append(f"  %after{k} = fadd reassoc {FLAGS} double %sum{k}, {square}")

    def sum(self, total: str | None, weights: Sequence[str]) -> str:
        for j, weight in enumerate(weights):
            scaled = self.two("fmul", weight, self.load(f"%k{j}"))
            total = scaled if total is None else self.two("fadd", total, scaled)
        assert total is not None
        return total


def _head(name: str, count: int, *between: str) -> str:
    numbers, vectors = [f"double %w{j}" for j in range(count)], [f"ptr %k{j}" for j in range(count)]
    at = between.index("vectors")
    listed = ["i64 %n", *numbers, *between[:at], *vectors, *between[at + 1 :]]
    return f"define void @{name}({', '.join(listed)}) nounwind {{"


def _combination(count: int, kind: str) -> str:
    c = _Writer(kind)
    weights = [c.rounded(f"%w{j}") for j in range(count)]
    before, c.lines = c.lines, []
    total = c.sum(c.load("%y"), weights)
    place = c.op(f"getelementptr inbounds {kind}, ptr %out, i64 %i")
    c.lines.append(f"  store {kind} {total}, ptr {place}")
    head = _head("combination", count, "ptr %y", "vectors", "ptr noalias %out")
    return "\n".join([head, "entry:", *before, *_loop(c.lines), "end:", "  ret void", "}"])


def _norm(count: int, kind: str) -> str:
    c = _Writer(kind)
    weights, (rtol, atol) = [c.rounded(f"%w{j}") for j in range(count)], (c.rounded("%rtol"), c.rounded("%atol"))
    before, c.lines = c.lines, []
    error = c.sum(None, weights)
    old, new = (c.op(f"call {kind} @llvm.fabs.{_suffix(kind)}({kind} {c.load(v)})") for v in ("%y", "%new"))
    larger = c.op(f"fcmp ugt {kind} {new}, {old}")  # a NaN in y_new is kept, as torch.maximum keeps it
    size = c.op(f"select i1 {larger}, {kind} {new}, {kind} {old}")
    scale = c.two("fadd", c.two("fmul", size, rtol), atol)
    for k, number in enumerate((error, new)):
        c.add_square(k, c.two("fdiv", number, scale))
    head = _head("norm", count, "double %rtol", "double %atol", "ptr %y", "ptr %new", "vectors", "ptr %sums")
    stores = ["  store double %total0, ptr %sums", "  %second = getelementptr inbounds double, ptr %sums, i64 1"]
    stores.append("  store double %total1, ptr %second")
    declared = f"declare {kind} @llvm.fabs.{_suffix(kind)}({kind})"
    body = _loop([_sum(0), _sum(1), *c.lines])
    return "\n".join(
        [declared, head, "entry:", *before, *body, "end:", _total(0), _total(1), *stores, "  ret void", "}"]
    )


def _sum(k: int) -> str:
    return f"  %sum{k} = phi double [ 0.0, %entry ], [ %after{k}, %loop ]"


def _total(k: int) -> str:
    return f"  %total{k} = phi double [ 0.0, %entry ], [ %after{k}, %loop ]"


def _loop(body: list[str]) -> list[str]:
    return [
        "  %some = icmp sgt i64 %n, 0",
        "  br i1 %some, label %loop, label %end",
        "loop:",
        "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]",
        *body,
        "  %next = add nuw nsw i64 %i, 1",
        "  %more = icmp slt i64 %next, %n",
        "  br i1 %more, label %loop, label %end",
    ]


def _suffix(kind: str) -> str:
    return "f64" if kind == "double" else "f32"
