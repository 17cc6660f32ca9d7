"""The step language on NumPy arrays: the reference meaning, and the one to debug with.

``Interpreter`` knows the control flow and the scalars; what a vector is and how vectors are combined is in ``NumpyVectors``, the part another
array library replaces (``torch.TorchVectors``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.expr.ops import TABLE
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold
from symnum.solvers.embedded import language as step

if TYPE_CHECKING:
    from symnum.solvers.linear_algebra.contract import LinearSolver


class NumpyVectors:
    """Vectors in memory and the operations of the language on them; fused ones are written plainly, one pass a term.

    Args:
        pointers: vectors (n,) and arrays by name; ``swap`` exchanges entries. Buffers of rows are (rows, n).
        rhs: ``rhs(t, y, out)``.
    """

    def __init__(self, pointers: dict[str, Any], rhs: Callable[[float, Any, Any], None]) -> None:
        self.pointers, self.rhs = pointers, rhs

    def read(self, name: str, row: int | None = None) -> Any:
        """A vector, or a row of a buffer."""
        return self.pointers[name] if row is None else self.pointers[name][row]

    def write(self, value: Any, name: str, row: int | None = None) -> None:
        """Change a vector, or a row of a buffer."""
        self.pointers[name][... if row is None else row] = value

    def swap(self, a: str, b: str) -> None:
        self.pointers[a], self.pointers[b] = self.pointers[b], self.pointers[a]

    def evaluate(self, out: str, t: float, y: str) -> None:
        """out = f(t, y)."""
        self.rhs(t, self.pointers[y], self.pointers[out])

    def through(self, function: Callable[..., Any], reads: Sequence[str], writes: Sequence[str]) -> Any:
        """``function(*arrays read, *arrays written)`` for a function of NumPy arrays."""
        return function(*(self.pointers[name] for name in (*reads, *writes)))

    def combine(self, coefficients: Sequence[float], vectors: Sequence[Any]) -> Any:
        total = coefficients[0] * vectors[0]
        for c, vector in zip(coefficients[1:], vectors[1:], strict=True):
            total += c * vector
        return total

    def norm(
        self, coefficients: Sequence[float], vectors: Sequence[Any], scale: Sequence[Any], atol: float, rtol: float
    ) -> float:
        error = sum(c * vector for c, vector in zip(coefficients, vectors, strict=True))
        weight = atol + rtol * np.max([np.abs(v) for v in scale], axis=0) if scale else atol
        return float(np.sqrt(np.mean((error / weight) ** 2)))


class Interpreter:
    """Runs a program.

    Args:
        vectors: the vectors, the arrays and the right-hand side.
        scalars: (k,) float64, in the program's order; changed in place.
        linear: the linear solver of programs that need one.
    """

    def __init__(
        self, program: step.Program, vectors: NumpyVectors, scalars: Any, linear: LinearSolver | None = None
    ) -> None:
        self.program, self.vectors, self.scalars = program, vectors, scalars
        self.linear: Any = linear
        self.index = {name: i for i, name in enumerate(program.scalars)}

    def run(self) -> step.Status:
        """Run until the program returns."""
        with np.errstate(all="ignore"):
            status = self.block(self.program.body)
        assert status is not None, f"{self.program.name} ended without Return"
        return status

    def block(self, body: Sequence[step.Statement]) -> step.Status | None:
        for statement in body:
            status = self.statement(statement)
            if status is not None:
                return status
        return None

    def statement(self, statement: step.Statement) -> step.Status | None:
        match statement:
            case step.If(condition, then, otherwise):
                return self.block(then if self.value(condition) else otherwise)
            case step.While(condition, body):
                while self.value(condition):
                    status = self.block(body)
                    if status is not None:
                        return status
            case step.Return(status):
                return status
            case step.Swap(a, b):
                self.vectors.swap(a, b)
            case step.Assign() | step.Fetch() | step.Put():
                self.memory(statement)
            case step.Rhs() | step.LinComb() | step.Multiply() | step.Norm():
                self.combine(statement)
            case _:
                self.solve(statement)
        return None

    def memory(self, statement: step.Assign | step.Fetch | step.Put) -> None:
        """Scalars and tables of numbers."""
        match statement:
            case step.Assign(name, value):
                self.set(name, self.value(value))
            case step.Fetch(name, array, index):
                self.set(name, self.vectors.read(array, int(self.value(index))))
            case step.Put(array, index, value):
                self.vectors.write(self.value(value), array, int(self.value(index)))

    def combine(self, statement: step.Statement) -> None:
        """What reads and writes vectors."""
        vectors = self.vectors
        match statement:
            case step.Rhs(out, t, y, part):
                vectors.evaluate(out, float(self.value(t)), y)
                if part == "explicit":
                    vectors.through(self.linear.product, [y], [step.SPLIT])
                    vectors.write(vectors.combine([1.0, -1.0], [vectors.read(out), vectors.read(step.SPLIT)]), out)
            case step.LinComb(out, terms):
                self.put(vectors.combine(*self.operands(terms)), out)
            case step.Multiply(out, a, b):
                self.put(self.get(a) * self.get(b), out)
            case step.Norm(name, terms, scale, atol, rtol):
                sizes = [vectors.read(v) for v in scale]
                self.set(name, vectors.norm(*self.operands(terms), sizes, self.value(atol), self.value(rtol)))

    def solve(self, statement: step.Statement) -> None:
        """What the linear solver does."""
        through, linear = self.vectors.through, self.linear
        match statement:
            case step.Jacobian(ok, t, y):
                time = float(self.value(t))
                self.set(ok, through(lambda state: linear.jacobian(time, state), [y], []))
            case step.Factor(ok, slot, shift, imaginary):
                part = 0.0 if imaginary is None else float(self.value(imaginary))
                self.set(ok, linear.factor(slot, complex(float(self.value(shift)), part)))
            case step.Solve(ok, slot, out, b):
                self.set(ok, through(lambda *arrays: linear.solve(slot, *arrays), [b], [out]))
            case step.SolveComplex(ok, slot, out_re, out_im, b_re, b_im):
                call = lambda *arrays: linear.solve_complex(slot, *arrays)  # noqa: E731
                self.set(ok, through(call, [b_re, b_im], [out_re, out_im]))
            case step.JacobianProduct(out, v):
                through(linear.product, [v], [out])
            case step.Advance(ok, t, h, y, out, error):
                time, size = float(self.value(t)), float(self.value(h))
                self.set(ok, through(lambda *arrays: linear.advance(time, size, *arrays), [y], [out, error]))
            case step.Increment() | step.NoiseValues() | step.NoiseApplied():
                self.drive(statement)

    def drive(self, statement: step.Random) -> None:
        """What the Wiener processes do; the object in the linear solver's place knows."""
        through, linear = self.vectors.through, self.linear
        match statement:
            case step.Increment(w=w, a=a):
                node = [float(self.value(term)) for term in statement.place]
                through(lambda *arrays: linear.increment(*node, *arrays), [], [v for v in (w, a) if v])
            case step.NoiseValues(out, t, y):
                time = float(self.value(t))
                through(lambda *arrays: linear.noise_values(time, *arrays), [y], [out])
            case step.NoiseApplied(out, t, h, y):
                time, size = float(self.value(t)), float(self.value(h))
                through(lambda *arrays: linear.noise_applied(time, size, *arrays), [y], [out])

    def set(self, name: str, value: Any) -> None:
        self.scalars[self.index[name]] = value

    def get(self, place: str | step.Row) -> Any:
        if isinstance(place, str):
            return self.vectors.read(place)
        return self.vectors.read(place.buffer, int(self.value(place.index)))

    def put(self, value: Any, place: str | step.Row) -> None:
        if isinstance(place, str):
            self.vectors.write(value, place)
        else:
            self.vectors.write(value, place.buffer, int(self.value(place.index)))

    def operands(self, terms: tuple[tuple[Term, str], ...]) -> tuple[list[Any], list[Any]]:
        return [self.value(c) for c, _ in terms], [self.vectors.read(v) for _, v in terms]

    def value(self, term: Term) -> Any:
        """A scalar term's value now."""
        return fold(term, self._node)

    def _node(self, term: Term, args: list[Any]) -> Any:
        if term.op == "const":
            return term.data[0] if isinstance(term.data[0], bool) else np.float64(term.data[0])
        if isinstance(term, Symbol):
            return self.scalars[self.index[term.name]]
        if term.op == "add":
            return sum((float(c) * a for c, a in zip(term.data[1:], args, strict=True)), np.float64(term.data[0]))
        if term.op == "mul":
            result = np.float64(term.data[0])
            for base, exponent in zip(args, term.data[1:], strict=True):
                result = result * np.float64(base) ** float(exponent)
            return result
        return getattr(np, TABLE[term.op].numpy)(*args)
