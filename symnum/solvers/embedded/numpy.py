"""The step language on NumPy arrays: the reference meaning, and the one to debug with.

``Interpreter`` knows the control flow; how vectors are combined is in ``NumpyVectors``, the part another array
library replaces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symnum.expr.ops import TABLE
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold
from symnum.solvers.embedded import language as step


class NumpyVectors:
    """The vector operations of the language: fused ones are written plainly, one pass a term."""

    def __init__(self, rhs: Callable[[float, Any, Any], None]) -> None:
        self.rhs = rhs

    def combine(self, out: Any, coefficients: Sequence[float], vectors: Sequence[Any]) -> None:
        total = coefficients[0] * vectors[0]
        for c, vector in zip(coefficients[1:], vectors[1:], strict=True):
            total += c * vector
        out[...] = total

    def norm(
        self, coefficients: Sequence[float], vectors: Sequence[Any], scale: Sequence[Any], atol: float, rtol: float
    ) -> float:
        error = sum(c * vector for c, vector in zip(coefficients, vectors, strict=True))
        weight = atol + rtol * np.max([np.abs(v) for v in scale], axis=0) if scale else atol
        return float(np.sqrt(np.mean((error / weight) ** 2)))


class Interpreter:
    """Runs a program.

    Args:
        scalars: (k,) float64, in the program's order; changed in place.
        pointers: vectors (n,) and arrays by name; ``Swap`` exchanges entries. Buffers of rows are (rows, n).
    """

    def __init__(self, program: step.Program, vectors: NumpyVectors, scalars: Any, pointers: dict[str, Any]) -> None:
        self.program, self.vectors, self.scalars, self.pointers = program, vectors, scalars, pointers
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
                self.pointers[a], self.pointers[b] = self.pointers[b], self.pointers[a]
            case _:
                self.effect(statement)
        return None

    def effect(self, statement: step.Statement) -> None:
        """A statement without control flow."""
        match statement:
            case step.Assign(name, value):
                self.scalars[self.index[name]] = self.value(value)
            case step.Fetch(name, array, index):
                self.scalars[self.index[name]] = self.pointers[array][int(self.value(index))]
            case step.Put(array, index, value):
                self.pointers[array][int(self.value(index))] = self.value(value)
            case step.Rhs(out, t, y):
                self.vectors.rhs(float(self.value(t)), self.pointers[y], self.pointers[out])
            case step.LinComb(out, terms):
                target = (
                    self.pointers[out]
                    if isinstance(out, str)
                    else self.pointers[out.buffer][int(self.value(out.index))]
                )
                self.vectors.combine(target, *self.operands(terms))
            case step.Norm(name, terms, scale, atol, rtol):
                sizes = [self.pointers[v] for v in scale]
                self.scalars[self.index[name]] = self.vectors.norm(
                    *self.operands(terms), sizes, self.value(atol), self.value(rtol)
                )

    def operands(self, terms: tuple[tuple[Term, str], ...]) -> tuple[list[Any], list[Any]]:
        return [self.value(c) for c, _ in terms], [self.pointers[v] for _, v in terms]

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
