"""Terms as functions of numbers and arrays: ``f = sn.build_function(x**2 + sn.sin(y), [x, y]); f(1.0, np.linspace(0, 1, 9))``.

The way of a call: arguments are broadcast against each other as in NumPy, each becomes a number or a contiguous vector, and one native loop
evaluates all terms at every point. What the terms share is computed once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum import display
from symnum.errors import TargetError, TermError, UnknownName, did_you_mean, names_options
from symnum.expr.replace import replaced
from symnum.expr.term import Symbol, Term, as_term
from symnum.expr.walk import node_count, postorder, symbols
from symnum.ir.check import check
from symnum.ir.kernel import Array, Kernel, Loop, Statement, Store, load

TARGETS = ("llvm", "c", "numpy", "julia")
_BLOCK = 512  # elements of a loop; what a call of a few terms reads and writes then stays in the nearest cache
_FEW = 8  # points up to which each is evaluated by itself
_LARGEST = 2000  # operations of a loop's body; longer code is compiled in parts, for one point
_GREATEST = sys.float_info.max
_SHOWN = 300  # letters of a term in a documentation string
Vector = NDArray[np.float64]
Engine = Callable[[Sequence[Vector], Sequence[Vector]], None]


class TermFunction:
    """Terms compiled to a function ``f(*values, out=None)``; made by ``sn.build_function``.

    Attributes: ``arguments``: their names, nested as they were given; ``shape``: of the terms, ``()`` for a single one; ``target``;
    ``source``: the generated code, a loop over a block of points (llvm, c) or a function of one point (julia) or of whole arrays (numpy).
    """

    def __init__(self, terms: list[Term], shape: tuple[int, ...], arguments: list[Any], target: str) -> None:
        self.shape, self.target = shape, target
        self.arguments = _names(arguments)
        self._terms, self._groups, self._symbols = terms, arguments, list(_flat(arguments))
        self._engine, self.source = self._built()

    def __repr__(self) -> str:
        shown = ", ".join(
            str(a) if isinstance(a, str) else f"[{', '.join(map(str, _flat([a])))}]" for a in self.arguments
        )
        what = "one term" if not self.shape else f"terms of shape {self.shape}"
        return f"<f({shown}): {what}, target {self.target}>"

    def _repr_html_(self) -> str:
        return display.card(repr(self), (), display.source(self.source, self.target) if self.source else "")

    def __call__(self, *values: Any, out: Any = None) -> Any:
        """The terms at the values of the arguments.

        values: one for each argument, numbers or arrays that broadcast against each other; for an argument that is a list of symbols, an array
        whose first axis runs over them, or a sequence. Result: float64, shape ``f.shape`` + the broadcast shape; a float where both are ().
        out: a contiguous float64 array of that shape, which is filled and given back; it may be one of the arguments.

        Raises TargetError for a wrong number of values, shapes that do not fit, complex numbers.
        """
        if len(values) != len(self._groups):
            listed = ", ".join(str(n) for n in self.arguments) or "none"
            count = len(self._groups)
            raise TargetError(f"f takes {count} value{'s' * (count != 1)} ({listed}), got {len(values)}")
        given: list[np.ndarray] = []
        for name, group, value in zip(self.arguments, self._groups, values, strict=True):
            _spread(name, group, value, given)
        box = self._box(given)
        result = self._result(box, out)
        if result.size:
            inputs = [_vector(a, box, result if out is not None else None) for a in given]
            rows = result.reshape(len(self._terms), -1)
            (self._point if rows.shape[1] <= _FEW else self._engine)(inputs, list(rows))
        return result if result.ndim or out is not None else float(result)

    def _box(self, given: list[np.ndarray]) -> tuple[int, ...]:
        shapes = {a.shape for a in given} - {()}
        if len(shapes) < 2:
            return shapes.pop() if shapes else ()
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            shown = ", ".join(f"{s.name} {a.shape}" for s, a in zip(self._symbols, given, strict=True))
            raise TargetError(f"the values do not broadcast against each other: {shown}") from None

    def _result(self, box: tuple[int, ...], out: Any) -> Vector:
        shape = (*self.shape, *box)
        if out is None:
            return np.empty(shape)
        if not (
            isinstance(out, np.ndarray) and out.dtype == np.float64 and out.shape == shape and out.flags.c_contiguous
        ):
            got = f"{out.dtype} of shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
            raise TargetError(f"out must be a contiguous float64 array of shape {shape}, got {got}")
        if not out.flags.writeable:
            raise TargetError(f"out is read-only; give an array that can be written (out=np.empty({shape}))")
        return out

    # --- code -------------------------------------------------------------------------------------------------------------

    def _built(self) -> tuple[Engine, str]:
        if self.target in ("llvm", "c"):
            block = _BLOCK if node_count(self._terms) <= _LARGEST else 1
            return self._native(block)
        if self.target == "numpy":
            return self._numpy()
        from symnum.codegen.julia_elementwise import build_elementwise

        source, engine = build_elementwise(self._at_a_point(), self.shape, _about(self._terms, self.shape))
        return engine, source

    @cached_property
    def _point(self) -> Engine:
        """For a few points: native code without a loop."""
        return self._native(1)[0] if self.target in ("llvm", "c") else self._engine

    def _native(self, block: int) -> tuple[Engine, str]:
        from symnum.codegen.elementwise import Blocks
        from symnum.codegen.target import compile_kernel

        compiled = compile_kernel(self._over_a_block(block), self.target)
        return Blocks(compiled, block), compiled.source

    def _numpy(self) -> tuple[Engine, str]:
        from symnum.codegen.targets.numpy import build_elementwise

        source, function = build_elementwise(self._at_a_point())
        several = len(self._terms) > 1

        def engine(inputs: Sequence[Vector], outputs: Sequence[Vector]) -> None:
            with np.errstate(all="ignore"):
                made = function(
                    *(a if a.ndim else a[()] for a in inputs)
                )  # NumPy's own scalars: Python's raise for 1/0
            for out, values in zip(outputs, made if several else (made,), strict=True):
                out[...] = values

        return engine, source

    def _over_a_block(self, block: int) -> Kernel:
        """One loop over a block; without it for a block of one."""
        looped = block > 1
        axes, shape, here = ((0,), (block,), (0,)) if looped else ((), (), ())
        inputs = tuple(Array(s.name, shape, k * block, axes, here, s.name) for k, s in enumerate(self._symbols))
        outputs = tuple(Array(n, shape, k * block, axes, here, n) for k, n in enumerate(self._value_names()))
        loads: dict[Term, Term] = {s: load(s.name, here) for s in self._symbols}
        stores: tuple[Statement, ...] = self._stores(loads)
        body = (Loop(0, 0, block, stores),) if looped else stores
        return check(Kernel("f", inputs, outputs, (), None, (block,) if looped else (), body, "terms at every point"))

    def _at_a_point(self) -> Kernel:
        """The arguments as parameters, the values as scalars."""
        outputs = tuple(Array(n, (), k, (), (), n) for k, n in enumerate(self._value_names()))
        return check(Kernel("f", (), outputs, tuple(self._symbols), None, (), self._stores({}), "terms at one point"))

    def _stores(self, loads: dict[Term, Term]) -> tuple[Store, ...]:
        terms = replaced(self._terms, loads)  # not substitute, which would merge what simplified terms share
        return tuple(Store(name, t) for name, t in zip(self._value_names(), terms, strict=True))

    def _value_names(self) -> list[str]:
        return ["value"] if not self.shape else [f"value_{k + 1}" for k in range(len(self._terms))]


@names_options
def build_function(terms: Any, arguments: Any, target: str = "llvm") -> TermFunction:
    """Compile terms to a function of their symbols: ``f(x, y)`` on numbers and on arrays, element by element, ``f.source`` to read.

    Args:
        terms: a term (SymPy's too), or a nested list or array of terms of any shape: the result has that shape first.
        arguments: the symbols in the order of the values of a call; a symbol, or a list of symbols and lists of symbols. A list among them
            is one argument, whose value is an array with one entry a symbol along its first axis: ``build_function(f, [[x, y], k])``.
        target: "llvm" (default) and "c": one native loop over all points; "numpy": whole-array expressions; "julia": Julia source for Base
            alone, ``f(x, y)`` at one point and, for several terms, ``f!(out, x, y)`` (lists of arguments are written one after another); it is
            run, where Julia is installed, at the first call.

    Values are real; where a function has none (log(-1)) the result is NaN. Outside the arguments a term may hold numbers alone.

    Raises TermError for symbols that are not among the arguments, derivatives, and terms without a common shape; UnknownName for a target that
    does not exist; TargetError where there is no C compiler; BackendUnavailable at the call where Julia is missing.
    """
    if target not in TARGETS:
        later = (
            " torch and cuda do not exist yet." if target in ("torch", "cuda") else did_you_mean(str(target), TARGETS)
        )
        raise UnknownName(f"build_function has no target {target!r}.{later} Known: {', '.join(TARGETS)}")
    flat, shape = _terms(terms)
    groups = [_group(a) for a in (arguments if isinstance(arguments, (list, tuple, np.ndarray)) else [arguments])]
    given = list(_flat(groups))
    _check_arguments(given)
    for term in flat:
        _check_term(term, given)
    return TermFunction(flat, shape, groups, target)


# --- terms and arguments ------------------------------------------------------------------------------------------------------


def _terms(given: Any) -> tuple[list[Term], tuple[int, ...]]:
    """The terms in row-major order and their shape."""
    if isinstance(given, np.ndarray):
        return [as_term(v) for v in given.ravel().tolist()], given.shape
    if hasattr(given, "indptr"):
        raise TermError(
            "a sparse Jacobian is given, terms and their places; write sn.build_function(J.terms, arguments), and for the matrix "
            "scipy.sparse.csc_matrix((values, J.indices, J.indptr), shape=(rows, columns))"
        )
    if not isinstance(given, (list, tuple)):
        return [as_term(given)], ()
    parts = [_terms(item) for item in given]
    if not parts:
        raise TermError("there are no terms; write for instance sn.build_function(x**2, [x])")
    shapes = {shape for _, shape in parts}
    if len(shapes) > 1:
        shown = " and ".join(map(str, sorted(shapes)))
        raise TermError(f"the terms have no common shape: entries of shape {shown} stand side by side")
    return [t for terms, _ in parts for t in terms], (len(parts), *shapes.pop())


def _group(given: Any) -> Any:
    """A symbol, or a list of such groups."""
    if isinstance(given, (list, tuple, np.ndarray)):
        return [_group(item) for item in given]
    if isinstance(given, str):
        raise TermError(
            f"the argument {given!r} is text; give the symbol that the terms are made of, such as sn.symbol({given!r})"
        )
    term = as_term(given)
    if not isinstance(term, Symbol):
        raise TermError(
            f"{given} cannot be an argument: arguments are symbols such as sn.symbol('x'); put an expression into the terms"
        )
    return term


def _flat(groups: Sequence[Any]) -> Iterator[Any]:
    for item in groups:
        if isinstance(item, (list, tuple)):
            yield from _flat(item)
        else:
            yield item


def _names(groups: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(_names(g) if isinstance(g, list) else g.name for g in groups)


def _check_arguments(given: list[Symbol]) -> None:
    seen: set[str] = set()
    for symbol in given:
        if symbol.name in seen:
            raise TermError(
                f"{symbol.name} is given twice among the arguments (or two symbols have that name); name it once"
            )
        seen.add(symbol.name)


def _check_term(term: Term, given: list[Symbol]) -> None:
    for node in postorder((term,)):
        if node.op in ("derivative", "integral", "table"):
            raise TermError(
                f"{node} is no value at a point; take derivatives first with sn.diff of explicit terms, or discretise the equation"
            )
        for number in node.data if node.op in ("const", "add", "mul") else ():
            if isinstance(number, int | Fraction) and not -_GREATEST <= number <= _GREATEST:
                raise TermError(
                    f"a number in the terms is beyond {_GREATEST:g}, the greatest of 64-bit floats; scale the terms down"
                )
    missing = sorted({s.name for s in symbols(term)} - {s.name for s in given})
    strange = [s for s in symbols(term) if s not in given]
    if missing:
        names = ", ".join([*(s.name for s in given), *missing])
        held = ", ".join(missing)
        raise TermError(
            f"the terms hold {held}, not among the arguments; write sn.build_function(terms, [{names}]), or substitute a value"
        )
    if strange:
        raise TermError(
            f"the argument {strange[0].name} is another symbol than the {strange[0].name} in the terms ({strange[0].kind}); "
            "give the very symbol that the terms are made of"
        )


def _about(terms: list[Term], shape: tuple[int, ...]) -> str:
    """The terms as text, where that is short."""
    shown = [str(t) for t in terms]
    if sum(map(len, shown)) > _SHOWN:
        return f"{len(shown)} terms at one point."
    return (
        shown[0]
        if not shape
        else f"[{', '.join(shown)}] of size {shape}"
        if len(shape) > 1
        else f"[{', '.join(shown)}]"
    )


# --- values -------------------------------------------------------------------------------------------------------------------


def _spread(name: Any, group: Any, value: Any, given: list[np.ndarray]) -> None:
    """Append the values of a group's symbols, one array each."""
    if not isinstance(group, list):
        given.append(_real(name, value))
        return
    if not isinstance(value, (list, tuple)):
        value = np.asarray(value)
    count = len(value) if isinstance(value, (list, tuple)) or value.ndim else 0
    if count != len(group):
        listed = ", ".join(str(s.name) if isinstance(s, Symbol) else "..." for s in group)
        raise TargetError(
            f"the argument [{listed}] needs {len(group)} values along its first axis, got {_described(value)}"
        )
    for part_name, part, item in zip(name, group, value, strict=True):
        _spread(part_name, part, item, given)


def _real(name: str, value: Any) -> np.ndarray:
    if type(value) is np.ndarray and value.dtype == np.float64:
        return value
    try:
        array = np.asarray(value)
        if array.dtype.kind in "fiub":
            return array.astype(np.float64, copy=False)
        if array.dtype.kind == "O" and not any(v is None for v in array.flat):  # fractions, large integers
            return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0)
    if array.dtype.kind == "c":
        raise TargetError(f"{name} is complex; functions of terms take real numbers")
    raise TargetError(f"{name} must be real numbers, got {_described(value)}")


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"{len(value)} values" if isinstance(value, (list, tuple)) else f"{type(value).__name__} {str(value)[:40]!r}"


def _vector(array: np.ndarray, box: tuple[int, ...], result: Vector | None) -> Vector:
    """A number, or a contiguous vector over the whole box that does not lie in the memory of ``result``."""
    if array.size == 1:
        return array.reshape(()) if result is None else np.array(array.reshape(()))
    made = array if array.shape == box else np.broadcast_to(array, box)
    made = np.ascontiguousarray(made).reshape(-1)
    return made.copy() if result is not None and np.may_share_memory(made, result) else made


__all__ = ["TermFunction", "build_function"]
