"""NumPy slices: the readable fallback and the debugger. Its source is a Python function of whole-array expressions."""

from __future__ import annotations

import keyword
import re
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from symnum.codegen.scratch import rooms
from symnum.codegen.target import CompiledKernel
from symnum.errors import TargetError
from symnum.expr.ops import TABLE
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold, symbols
from symnum.ir.kernel import Accumulate, Array, Kernel, Let, Loop, Statement, Store
from symnum.ir.passes import fuse_loops, share_subterms

_TAKEN = frozenset({"t", "y", "p", "out", "data", "np", "roll", "erf"})
_REDUCTIONS = {"add": "sum", "mul": "prod", "maximum": "max", "minimum": "min"}
Ranges = dict[int, tuple[int, int]]


def build(kernel: Kernel) -> CompiledKernel:
    """Print the kernel as Python and compile that text: it is made of our own printer's words and sanitised names only."""
    begin = time.process_time()
    source = print_function(kernel)
    space: dict[str, Any] = {"np": np, "roll": np.roll, "erf": _erf}
    exec(compile(source, f"<symnum numpy {kernel.name}>", "exec"), space)  # noqa: S102  our own generated text
    inner, number = space[kernel.name], np.dtype(kernel.dtype).type
    data = (kernel.constant_vectors,) if kernel.constants else ()

    def function(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
        with np.errstate(all="ignore"):
            # Python's own float would raise for 1/0 and give a complex (-8)**(1/3)
            inner(number(t), y, p.astype(number, copy=False), out, *data)

    return CompiledKernel(kernel, "numpy", function, source, None, None, time.process_time() - begin)


def print_function(kernel: Kernel) -> str:
    """The Python source of a kernel."""
    printer = _Printer(share_subterms(fuse_loops(kernel)))
    return printer.print()


def build_elementwise(kernel: Kernel) -> tuple[str, Callable[..., Any]]:
    """A kernel of parameters and scalar outputs as a function of arrays, ``f(x, y)``: its source, and the function (outputs in their order)."""
    source = _Printer(share_subterms(kernel), frozenset({"np", "erf", kernel.name})).print_elementwise()
    space: dict[str, Any] = {"np": np, "erf": _erf}
    exec(compile(source, f"<symnum numpy {kernel.name}>", "exec"), space)  # noqa: S102  our own generated text
    made: Callable[..., Any] = space[kernel.name]
    return source, made


class _Printer:
    def __init__(self, kernel: Kernel, taken: frozenset[str] = _TAKEN) -> None:
        self.kernel, self.taken = kernel, taken
        self.lines: list[str] = []
        self.names: dict[tuple[str, str], str] = {}
        self.tables: dict[tuple[float, ...], str] = {}
        self.temporary_axes: dict[Term, tuple[int, ...]] = {}
        self.temporary_runs: dict[Term, frozenset[int]] = {}

    def print(self) -> str:
        kernel = self.kernel
        data = ", data" if kernel.constants else ""
        self.lines = [f"def {kernel.name}(t, y, p, out{data}):", f'    """{_safe(kernel.comment)}"""']
        if kernel.parameters:
            listed = ", ".join(self._name(s.name, "parameter") for s in kernel.parameters)
            self.lines.append(f"    {listed}{',' if len(kernel.parameters) == 1 else ''} = p")
        for array in kernel.inputs:
            self.lines.append(f"    {self._name(array.name)} = {_view('y', array)}")
        for array in kernel.outputs:
            self.lines.append(f"    out_{self._name(array.name)} = {_view('out', array)}")
        for constant in kernel.constants:
            number = next(k for k, v in enumerate(kernel.constant_vectors) if v is constant.values)
            self.lines.append(f"    {self._name(constant.array.name)} = {_view(f'data[{number}]', constant.array)}")
        self._scratch()
        self._body(kernel.body, {})
        head = ["import numpy as np", "from numpy import roll", ""]
        single = "" if kernel.dtype == "float64" else f", np.{kernel.dtype}"
        head += [f"{name} = np.array([{', '.join(map(_number, n))}]{single})" for n, name in self.tables.items()]
        return "\n".join([*head, *([""] if self.tables else []), "", *self.lines, "    return out", ""])

    def _scratch(self) -> None:
        """The local arrays; those that share memory are views of one vector."""
        for room in rooms(self.kernel):
            made = "np.zeros({0}, y.dtype)" if not room.start else f"np.full({{0}}, {_number(room.start)}, y.dtype)"
            whole = room.arrays[0]
            if len(room.arrays) == 1 and whole.contiguous:
                self.lines.append(f"    {self._name(whole.name)} = {made.format(repr(whole.shape))}")
                continue
            vector = self._name("scratch", "vector")
            self.lines.append(f"    {vector} = {made.format(room.size)}")
            for array in room.arrays:
                there = replace(array, offset=array.offset - room.begin)
                self.lines.append(f"    {self._name(array.name)} = {_view(vector, there)}")

    def print_elementwise(self) -> str:
        """``def f(x, y)`` of whole arrays, which gives its outputs."""
        kernel, results = self.kernel, []
        names = ", ".join(self._name(s.name, "parameter") for s in kernel.parameters)
        self.lines = [f"def {kernel.name}({names}):"]
        for statement in kernel.body:
            assert isinstance(statement, Let | Store), "one point has no loops"
            value = _as_number(statement.value, self.expression(statement.value, {}))
            if isinstance(statement, Let):
                self.temporary_axes[statement.symbol] = ()
                self.lines.append(f"    {self._name(statement.symbol.name, 'temporary')} = {value}")
            else:
                results.append(value)
        imports = ["import numpy as np"]
        if any("erf(" in line for line in (*self.lines, *results)):
            imports.append("from scipy.special import erf")
        return "\n".join([*imports, "", "", *self.lines, f"    return {', '.join(results)}", ""])

    def _name(self, name: str, kind: str = "array") -> str:
        """A Python identifier for an array, a parameter or a temporary, distinct from all others and from Python's words."""
        if (kind, name) not in self.names:
            made = re.sub(r"\W", "_", name, flags=re.ASCII) or "x"
            if made.startswith(("out_", "_")) or keyword.iskeyword(made) or made in self.taken:
                made = f"{made.strip('_') or 'x'}_1"
            taken, stem, number = {*self.names.values(), *self.taken}, made, 1
            while made in taken:
                number += 1
                made = f"{stem}_{number}"
            self.names[kind, name] = made
        return self.names[kind, name]

    def _body(self, body: tuple[Statement, ...], ranges: Ranges) -> None:
        for statement in body:
            if isinstance(statement, Loop):
                self._body(statement.body, ranges | {statement.axis: (statement.start, statement.stop)})
            elif isinstance(statement, Let):
                runs = self._runs_along(statement.value)
                self.temporary_axes[statement.symbol] = tuple(sorted(ranges)) if runs else ()
                self.temporary_runs[statement.symbol] = runs
                value = _as_number(statement.value, self.expression(statement.value, ranges))
                self.lines.append(f"    {self._name(statement.symbol.name, 'temporary')} = {value}")
            elif isinstance(statement, Accumulate):
                self._accumulate(statement, ranges)
            else:
                self._store(statement, ranges)

    def _runs_along(self, term: Term) -> frozenset[int]:
        """The axes along which a term is an array over the loops around it; none if it is one number."""
        axes: set[int] = set()
        for s in symbols(term):
            if s.kind == "index":
                axes.add(s.info)
            elif s.kind == "load":
                axes.update(_loose(self.kernel.input(s.info.array), s.info.fixed))
            else:
                axes |= self.temporary_runs.get(s, frozenset())
        return frozenset(axes)

    def _store(self, statement: Store, ranges: Ranges) -> None:
        array, value = self.kernel.target(statement), self.expression(statement.value, ranges)
        window = _window(array, ranges, (0,) * len(array.axes))
        prefix = "" if self.kernel.is_local(array.name) else "out_"
        self.lines.append(f"    {prefix}{self._name(array.name)}[{window}] = {value}")

    def _accumulate(self, statement: Accumulate, ranges: Ranges) -> None:
        """Take in the sum (product, maximum, minimum) over the axes that the local array does not have."""
        array, axes = self.kernel.input(statement.array), sorted(ranges)
        value = _as_number(statement.value, self.expression(statement.value, ranges))
        lost = tuple(k for k, a in enumerate(axes) if a not in array.axes)
        if lost:
            whole = set(axes) == self._runs_along(statement.value)
            box = tuple(ranges[a][1] - ranges[a][0] for a in axes)
            value = value if whole else f"np.broadcast_to({value}, {box!r})"
            along = "" if len(lost) == len(axes) else f"axis={lost[0]}" if len(lost) == 1 else f"axis={lost!r}"
            value = f"{value}.{_REDUCTIONS[statement.operation]}({along})"
        here = f"{self._name(array.name)}[{_window(array, ranges, (0,) * len(array.axes))}]"
        if statement.operation in ("add", "mul"):
            self.lines.append(f"    {here} {'+' if statement.operation == 'add' else '*'}= {value}")
        else:
            self.lines.append(f"    {here} = np.{statement.operation}({here}, {value})")

    def expression(self, term: Term, ranges: Ranges) -> str:
        """A term as Python, fully parenthesised where precedence is not obvious."""
        return fold(term, lambda node, args: self._node(node, args, ranges))

    def _node(self, node: Term, args: list[str], ranges: Ranges) -> str:
        op = node.op
        if op == "const":
            return _number(node.data[0])
        if isinstance(node, Symbol):
            return self._leaf(node, ranges)
        if op not in ("and", "or", "not"):
            args = [a if op == "where" and k == 0 else _as_number(node.args[k], a) for k, a in enumerate(args)]
        if op == "add":
            parts = [_number(node.data[0])] if node.data[0] != 0 else []
            parts += [a if c == 1 else f"{_number(c)}*{a}" for a, c in zip(args, node.data[1:], strict=True)]
            return "(" + " + ".join(parts).replace("+ -", "- ") + ")"
        if op == "mul":
            return _product(node, args)
        if op == "pi":
            return "np.pi"
        if op == "table":
            return self._table(node, ranges)
        if op == "erf":
            return f"erf({args[0]})"
        if op == "pow":
            return f"({args[0]})**({args[1]})"
        return f"np.{TABLE[op].numpy}({', '.join(args)})"

    def _leaf(self, node: Symbol, ranges: Ranges) -> str:
        if node.kind == "index":
            start, stop = ranges[node.info]
            single = "" if self.kernel.dtype == "float64" else f", dtype=np.{self.kernel.dtype}"
            return f"np.arange({start}.0, {stop}.0{single})" + self._spread((node.info,), ranges)
        if node.kind == "load":
            return self._load(node, ranges)
        if node.kind == "temporary":
            axes = self.temporary_axes[node]
            return self._name(node.name, "temporary") + (self._spread(axes, ranges) if axes else "")
        return "t" if node is self.kernel.time else self._name(node.name, "parameter")

    def _table(self, node: Term, ranges: Ranges) -> str:
        """The stretch of a table over its loop."""
        axis = node.args[0].info  # type: ignore[attr-defined]
        start, numbers = node.data[0], node.data[1:]
        name = self.tables.setdefault(numbers, self._name(f"TABLE_{len(self.tables) + 1}", "table"))
        first, last = (end - start for end in ranges[axis])
        return f"{name}[{first}:{last}]" + self._spread((axis,), ranges)

    def _load(self, node: Symbol, ranges: Ranges) -> str:
        array, info = self.kernel.input(node.info.array), node.info
        name = self._name(array.name)
        if not array.axes:
            return f"{name}[()]"
        offsets = list(info.offsets)
        for k, axis in enumerate(array.axes):
            if info.wrap[k] and offsets[k] and not info.fixed[k]:
                name = f"roll({name}, {-offsets[k]}, {k})"
                offsets[k] = 0
                if ranges[axis] != (0, self.kernel.periods[axis]) and array.shape[k] != self.kernel.periods[axis]:
                    raise TargetError(f"{array.field} wraps around an axis it does not span")
        loose = _loose(array, info.fixed)
        window = _window(array, ranges, tuple(offsets), info.fixed)
        return f"{name}[{window}]{self._spread(loose, ranges) if loose else ''}"

    def _spread(self, own: tuple[int, ...], ranges: Ranges) -> str:
        """New axes for the loops that a value does not run along."""
        axes = sorted(ranges)
        if tuple(axes) == own:
            return ""
        return "[" + ", ".join(":" if a in own else "None" for a in axes) + "]"


def _view(vector: str, array: Array) -> str:
    if array.contiguous:
        return f"{vector}[{array.offset}:{array.offset + array.size}].reshape({array.shape!r})"
    steps = ", ".join(f"{step}*{vector}.itemsize" for step in array.strides)
    return f"np.lib.stride_tricks.as_strided({vector}[{array.offset}:], {array.shape!r}, ({steps},))"


def _loose(array: Array, fixed: tuple[bool, ...]) -> tuple[int, ...]:
    """The axes along which a load follows the loops."""
    return tuple(a for a, f in zip(array.axes, fixed, strict=True) if not f)


def _window(array: Array, ranges: Ranges, offsets: tuple[int, ...], fixed: tuple[bool, ...] = ()) -> str:
    parts = []
    for k, axis in enumerate(array.axes):
        shift = offsets[k] - array.origin[k]
        if fixed and fixed[k]:
            parts.append(str(shift))
            continue
        start, stop = ranges[axis][0] + shift, ranges[axis][1] + shift
        parts.append(":" if (start, stop) == (0, array.shape[k]) else f"{start}:{stop}")
    return ", ".join(parts) if parts else "()"


def _product(node: Term, args: list[str]) -> str:
    above: list[str] = []
    below: list[str] = []
    for a, e in zip(args, node.data[1:], strict=True):
        size = abs(e)
        (above if e > 0 else below).append(_raised(a, size))
    coefficient = node.data[0]
    if coefficient == -1 and above:
        above[0] = f"-{above[0]}"
    elif coefficient != 1 or not above:
        above.insert(0, _number(coefficient))
    top = "*".join(above)
    return f"({top})" if not below else f"({top}/({'*'.join(below)}))"


def _raised(a: str, n: Any) -> str:
    """a**n for n > 0; halves by square roots, NaN for every negative base (minus infinity included)."""
    if isinstance(n, Fraction) and n.denominator == 2:
        whole = n.numerator // 2
        return f"{_raised(a, whole)}*np.sqrt({a})" if whole else f"np.sqrt({a})"
    return a if n == 1 else f"({a})**{_number(n)}"


def _as_number(term: Term, text: str) -> str:
    """Truth values in arithmetic are 1.0 and 0.0: NumPy would add them as "or", refuse to subtract them, and take exp of them in half precision."""
    if term.op == "const" and isinstance(term.data[0], bool):
        return repr(float(term.data[0]))
    return f"(1.0*{text})" if term.op in TABLE and TABLE[term.op].boolean else text


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, Fraction):
        return f"({value.numerator}/{value.denominator})"
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "np.inf" if value > 0 else "(-np.inf)"
    return repr(float(value)) if abs(value) > 2**53 else repr(value)


def _safe(text: str) -> str:
    return re.sub(r'["\\\n\r]', " ", text)


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)
